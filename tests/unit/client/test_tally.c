/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_tally.c - usage events summed, and the table of them. */
#include "client/tally.h"

#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "schemas/codec.h"

static struct byok_arena arena;
static struct byok_tally *tally;

static void begin(void)
{
    byok_arena_init(&arena, 0);
    tally = byok_tally_new();
    cr_assert_not_null(tally);
}

static void end(void)
{
    byok_tally_free(tally);
    byok_arena_done(&arena);
}

TestSuite(tally, .init = begin, .fini = end);

static enum byok_err add(const char *json)
{
    struct byok_value event;
    cr_assert_eq(byok_decode(&arena, BYOK_JSON, byok_str_of(json), &event, NULL), BYOK_E_OK);
    return byok_tally_add(tally, &event);
}

static int64_t number_at(const struct byok_value *all, const char *path)
{
    int64_t number = -1;
    cr_assert(byok_value_as_int(byok_value_path(all, path), &number), "%s", path);
    return number;
}

static void add_some(void)
{
    cr_assert_eq(add("{\"id\":\"1\",\"attempt\":1,\"day\":\"2026-11-25\",\"provider\":\"openai\","
                     "\"model\":\"b\",\"calls\":1,\"errors\":0,\"input_tokens\":9,"
                     "\"cache_write_tokens\":7,\"cache_write_1h_tokens\":3,"
                     "\"output_tokens\":2}"),
                 BYOK_E_OK);
    cr_assert_eq(add("{\"id\":\"2\",\"attempt\":1,\"day\":\"2026-11-24\",\"provider\":\"openai\","
                     "\"model\":\"b\",\"calls\":1,\"errors\":1}"),
                 BYOK_E_OK);
    cr_assert_eq(add("{\"id\":\"2\",\"attempt\":2,\"day\":\"2026-11-24\",\"provider\":\"openai\","
                     "\"model\":\"b\",\"calls\":1,\"errors\":0,\"input_tokens\":1,"
                     "\"output_tokens\":1}"),
                 BYOK_E_OK);
    cr_assert_eq(add("{\"id\":\"3\",\"attempt\":1,\"day\":\"2026-11-24\",\"provider\":\"elevenlabs"
                     "\",\"model\":\"v\\u001b[2J\",\"calls\":1,\"errors\":0,\"characters\":13,"
                     "\"seconds\":1.25}"),
                 BYOK_E_OK);
}

Test(tally, sums_by_day_provider_and_model)
{
    add_some();
    struct byok_value all = byok_tally_value(tally, &arena);
    const struct byok_value *rows = byok_value_find(&all, "rows");
    cr_assert_eq(rows->count, 3);
    const struct byok_value *row = &rows->as.items[1];
    cr_assert(byok_str_is(byok_value_as_str(byok_value_find(row, "day")), "2026-11-24"));
    cr_assert(byok_str_is(byok_value_as_str(byok_value_find(row, "provider")), "openai"));
    cr_assert_eq(number_at(row, "calls"), 2);
    cr_assert_eq(number_at(row, "errors"), 1);
    cr_assert_eq(number_at(&all, "total.calls"), 4);
    cr_assert_eq(number_at(&all, "total.input_tokens"), 10);
    cr_assert_eq(number_at(&all, "total.cache_write_tokens"), 7);
    cr_assert_eq(number_at(&all, "total.cache_write_1h_tokens"), 3);
    cr_assert_eq(number_at(&all, "total.characters"), 13);
}

Test(tally, an_event_that_comes_twice_counts_once)
{
    add_some();
    add_some();
    struct byok_value all = byok_tally_value(tally, &arena);
    cr_assert_eq(number_at(&all, "total.calls"), 4);
}

Test(tally, what_is_no_event_is_refused)
{
    cr_assert_eq(add("{}"), BYOK_E_BAD_MESSAGE);
    cr_assert_eq(add("{\"day\":\"x\"}"), BYOK_E_BAD_MESSAGE);
    cr_assert_eq(add("[1]"), BYOK_E_BAD_MESSAGE);
}

Test(tally, the_table_is_sorted_and_safe_for_a_terminal)
{
    char *text = NULL;
    size_t len;
    FILE *to = open_memstream(&text, &len);
    add_some();
    byok_tally_print(tally, to);
    fclose(to);
    const char *first = strstr(text, "2026-11-24  elevenlabs"), *last = strstr(text, "2026-11-25");
    cr_assert(first && last && first < last, "%s", text);
    cr_assert_null(strchr(text, '\033'));
    cr_assert_not_null(strstr(text, "\nall "));
    free(text);
}
