/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_copy.c - the target ends as the source is, whenever it was cut off. */
#include "kit.h"

#include "vault_rocks/copy.h"

#define PARTITIONS 3
#define RECORDS 700 /* some steps of each partition */

static struct byok_store *from, *to;
static struct byok_fault fault;
static struct byok_copy_tally tally;
static int steps_left; /* until the copy is ended; -1: it is not */
static struct byok_store *disturbed; /* gets a record at the next step; NULL: none does */
static int64_t disturbed_at;

static void put(struct byok_store *store, int32_t partition, const char *key, const char *value,
                int64_t position)
{
    const struct byok_write write = {
        .key = byok_str_of(key), .value = byok_str_of(value ? value : ""), .erase = !value};
    cr_assert_eq(store->ops->apply(store, partition, &write, 1, position, &fault), BYOK_E_OK);
}

static void fill(struct byok_store *store)
{
    put(store, BYOK_PARTITION_NONE, "master-check/1", "sealed", -1);
    put(store, BYOK_PARTITION_NONE, BYOK_STORE_CHANGELOGS, "topics", -1);
    for (int i = 0; i < RECORDS; i++) {
        char key[32], value[32];
        snprintf(key, sizeof key, "user%05d", i * 7919 % 10007);
        snprintf(value, sizeof value, "sealed %d", i);
        for (int32_t p = 0; p < PARTITIONS; p++)
            put(store, p, key, value, 1000 + i);
    }
    put(store, 0, "", "of an empty key", 2000); /* the first of all */
}

static void begin(void)
{
    from = byok_store_memory_new();
    to = byok_store_memory_new();
    steps_left = -1;
    disturbed = NULL;
    fill(from);
}

static void end(void)
{
    from->ops->free(from);
    to->ops->free(to);
}

static bool go_on(void *arg, const struct byok_copy_tally *so_far)
{
    (void)arg;
    (void)so_far;
    if (disturbed)
        put(disturbed, 0, "user00000", "by somebody else", disturbed_at);
    if (steps_left > 0)
        steps_left--;
    return steps_left != 0;
}

static enum byok_err copy_as(const char *name, bool merge)
{
    const struct byok_copy_plan plan = {.source = name, .merge = merge, .go_on = go_on};
    return byok_store_copy(from, to, &plan, &tally, &fault);
}

static bool list(void *arg, struct byok_str key, struct byok_str value)
{
    return byok_buf_printf(arg, "%.*s=%.*s ", BYOK_STR_ARG(key), BYOK_STR_ARG(value));
}

static bool same_in(int32_t partition)
{
    BYOK_AUTO(byok_buf) a = {.cap_bytes = 1 << 20}, b = {.cap_bytes = 1 << 20};
    const struct byok_str all = {"", 0};
    int64_t at = -2, at_too = -3;
    cr_assert_eq(from->ops->scan(from, partition, all, list, &a, &fault), BYOK_E_OK);
    cr_assert_eq(to->ops->scan(to, partition, all, list, &b, &fault), BYOK_E_OK);
    cr_assert_eq(from->ops->position(from, partition, &at, &fault), BYOK_E_OK);
    cr_assert_eq(to->ops->position(to, partition, &at_too, &fault), BYOK_E_OK);
    return at == at_too && byok_str_eq(byok_buf_str(&a), byok_buf_str(&b));
}

static bool has(struct byok_store *store, int32_t partition, const char *key, const char *value)
{
    struct byok_str out;
    BYOK_AUTO(byok_arena) arena = {0};
    cr_assert_eq(store->ops->get(store, partition, byok_str_of(key), &arena, &out, &fault),
                 BYOK_E_OK);
    return value ? out.ptr && byok_str_is(out, value) : !out.ptr;
}

static void all_the_same(void)
{
    for (int32_t p = BYOK_PARTITION_NONE; p < PARTITIONS; p++)
        cr_assert(same_in(p), "partition %d", p);
    cr_assert(has(to, BYOK_PARTITION_NONE, BYOK_STORE_COPYING, NULL), "no mark is left");
}

Test(copy, records_positions_and_check_values_are_in_the_target)
{
    begin();
    cr_assert_eq(copy_as("one", false), BYOK_E_OK, "%s", fault.text);
    all_the_same();
    cr_assert_eq(tally.partitions, PARTITIONS);
    cr_assert_eq(tally.records, PARTITIONS * RECORDS + 1);
    cr_assert_eq(tally.written, PARTITIONS * RECORDS + 1);
    end();
}

Test(copy, cut_off_at_every_step_it_is_finished_by_the_same_copy)
{
    begin();
    int cuts = 0;
    for (enum byok_err err = BYOK_E_SHUTDOWN; err != BYOK_E_OK; cuts++) {
        to->ops->free(to);
        to = byok_store_memory_new();
        steps_left = cuts + 1;
        err = copy_as("one", false);
        if (err == BYOK_E_OK)
            break;
        cr_assert_eq(err, BYOK_E_SHUTDOWN);
        cr_assert(has(to, BYOK_PARTITION_NONE, BYOK_STORE_COPYING, "one"), "the mark is there");
        size_t before = tally.written;
        steps_left = -1;
        cr_assert_eq(copy_as("one", false), BYOK_E_OK, "%s", fault.text);
        all_the_same();
        cr_assert_eq(before + tally.written, PARTITIONS * RECORDS + 1, "none is written twice");
    }
    cr_assert(cuts >= 2 * 3 * PARTITIONS, "only %d", cuts);
    end();
}

Test(copy, a_target_that_holds_something_is_refused_and_left_alone)
{
    begin();
    put(to, 1, "mine", "kept", 5);
    cr_assert_eq(copy_as("one", false), BYOK_E_CONFIG);
    cr_assert(has(to, 1, "mine", "kept") && has(to, 0, "user00000", NULL));
    cr_assert(has(to, BYOK_PARTITION_NONE, BYOK_STORE_COPYING, NULL));
    cr_assert_eq(copy_as("one", true), BYOK_E_CONFIG, "of which topics is not known");
    put(to, BYOK_PARTITION_NONE, BYOK_STORE_CHANGELOGS, "others", -1);
    cr_assert_eq(copy_as("one", true), BYOK_E_CONFIG);
    cr_assert(has(to, 1, "mine", "kept") && has(to, 0, "user00000", NULL));
    end();
}

Test(copy, of_each_partition_the_newer_one_is_there_after_a_merge)
{
    begin();
    put(to, BYOK_PARTITION_NONE, BYOK_STORE_CHANGELOGS, "topics", -1);
    put(to, BYOK_PARTITION_NONE, "master-check/1", "sealed otherwise", -1);
    put(to, 0, "deleted since", "old", 5);
    put(to, 0, "user00000", "old", 6);
    put(to, 1, "later", "new", 1000000);
    put(to, 7, "elsewhere", "own", 9);
    cr_assert_eq(copy_as("one", true), BYOK_E_OK, "%s", fault.text);
    cr_assert(same_in(0) && same_in(2));
    cr_assert(has(to, 1, "later", "new") && has(to, 1, "user00000", NULL));
    cr_assert(has(to, 7, "elsewhere", "own"));
    cr_assert(has(to, BYOK_PARTITION_NONE, "master-check/1", "sealed otherwise"));
    cr_assert(tally.partitions == 2 && tally.newer == 1 && tally.erased == 1);
    end();
}

Test(copy, an_unfinished_copy_takes_no_other_source_and_is_none)
{
    begin();
    steps_left = 2;
    cr_assert_eq(copy_as("one", false), BYOK_E_SHUTDOWN);
    steps_left = -1;
    cr_assert_eq(copy_as("two", false), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "one"), "%s", fault.text);
    struct byok_store *swap = from;
    from = to;
    to = byok_store_memory_new();
    cr_assert_eq(copy_as("three", false), BYOK_E_CONFIG, "half a store is no source");
    to->ops->free(to);
    to = from;
    from = swap;
    end();
}

Test(copy, an_empty_source_and_the_same_store_are_refused)
{
    begin();
    struct byok_store *full = from, *empty = to;
    from = empty;
    cr_assert_eq(copy_as("one", false), BYOK_E_CONFIG);
    from = to = full;
    cr_assert_eq(copy_as("one", true), BYOK_E_CONFIG);
    cr_assert(has(full, BYOK_PARTITION_NONE, BYOK_STORE_COPYING, NULL));
    to = empty;
    end();
}

Test(copy, a_store_that_changes_meanwhile_is_an_error_and_the_mark_stays)
{
    for (int target = 0; target < 2; target++) {
        for (int64_t at = -1; at < 5000; at += 4000) {
            begin();
            disturbed = target ? to : from;
            disturbed_at = at;
            cr_assert_eq(copy_as("one", false), BYOK_E_STORE);
            cr_assert(has(to, BYOK_PARTITION_NONE, BYOK_STORE_COPYING, "one"));
            disturbed = NULL;
            enum byok_err again = copy_as("one", false);
            cr_assert(target && at >= 0 ? tally.newer == 1 : again == BYOK_E_OK, "%s", fault.text);
            end();
        }
    }
}
