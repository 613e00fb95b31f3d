/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_dlq.c - dead letters listed, shown and replayed against a broker in
 * memory, read back by a consumer of all.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/buf.h"
#include "kit.h"
#include "schemas/wire.h"

static struct kit_broker *broker;
static struct kit_run run;

static void begin(void)
{
    unsetenv("BYOK_TOPIC_PREFIX");
    unsetenv("BYOK_KAFKA_PROPERTIES");
    broker = kit_broker_new();
}

static void end(void)
{
    kit_run_done(&run);
    kit_broker_free(broker);
}

TestSuite(dlq, .init = begin, .fini = end, .timeout = 600);

static void byok(const char *line, const char *input)
{
    kit_run_done(&run);
    run = kit_byok(line, input);
}

static size_t count(const char *text, const char *what)
{
    size_t found = 0;
    for (text = strstr(text, what); text; text = strstr(text + 1, what))
        found++;
    return found;
}

static bool printed(const char *text)
{
    return strstr(run.out, text) != NULL;
}

/* A dead letter as byokd writes it; NULL for `value`: without content. */
static void put(const char *key, const char *code, const char *value, const char *replayed_from)
{
    const char *headers[] = {"content-type",
                             "application/json",
                             "traceparent",
                             "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                             BYOK_HEADER_ERROR_CODE,
                             code,
                             BYOK_HEADER_ERROR_MESSAGE,
                             "member \"id\": is missing",
                             BYOK_HEADER_ERROR_STAGE,
                             "decode",
                             BYOK_HEADER_ERROR_PARTITION,
                             "3",
                             BYOK_HEADER_ERROR_OFFSET,
                             "81",
                             BYOK_HEADER_REPLAYED_FROM,
                             replayed_from};
    kit_produce(broker, "byok.dlq", key, value, headers, replayed_from ? 16 : 14);
}

/* Where the n-th letter of a user stands: they are numbered by partition. */
static const char *place(const char *user, int offset)
{
    static char text[32];
    snprintf(text, sizeof text, "%d:%d", byok_partition_of(byok_str_of(user), KIT_PARTITIONS),
             offset);
    return text;
}

static void byok_at(const char *verb, const char *user, int offset, const char *more)
{
    char line[128];
    snprintf(line, sizeof line, "dlq %s %s %s", verb, place(user, offset), more);
    byok(line, NULL);
}

/* ---- list ---- */

Test(dlq, list_tells_the_reasons_and_not_the_content)
{
    put("alice", "bad_message", "{\"id\":\"a1\",\"prompt\":\"" KIT_KEY "\"}", NULL);
    byok("dlq list", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert(byok_str_starts(byok_str_of(run.out), byok_str_of("POSITION")));
    cr_assert(printed(place("alice", 0)) && printed("bad_message") && printed("a1"), "%s", run.out);
    cr_assert(printed("3:81") && printed("member \"id\": is missing"), "%s", run.out);
    cr_assert_not(printed(KIT_KEY));
    byok("dlq list --json", NULL);
    cr_assert(printed("\"code\":\"bad_message\"") && printed("\"id\":\"a1\""), "%s", run.out);
    cr_assert_not(printed(KIT_KEY));
}

Test(dlq, list_has_filters)
{
    put("alice", "bad_message", "{\"id\":\"a1\"}", NULL);
    put("alice", "too_large", "", NULL);
    put("bob", "bad_message", "{\"id\":\"b1\"}", NULL);
    byok("dlq list --json --user alice", NULL);
    cr_assert(printed("a1") && printed("too_large") && !printed("b1"), "%s", run.out);
    byok("dlq list --json --code bad__message", NULL);
    cr_assert(printed("a1") && printed("b1") && !printed("too_large"), "%s", run.out);
    byok("dlq list --json --code bad__message --user bob", NULL);
    cr_assert(printed("b1") && !printed("a1"), "%s", run.out);
    byok("dlq list --json --limit 2", NULL);
    cr_assert_eq(count(run.out, "\n"), 2, "%s", run.out);
    byok("dlq list --limit 0", NULL);
    cr_assert_str_eq(run.out, "");
    byok("dlq list --since 1h --user carol", NULL);
    cr_assert_str_eq(run.out, "");
}

Test(dlq, what_was_misspelled_is_told)
{
    static const char *const lines[] = {"dlq",
                                        "dlq show",
                                        "dlq replay",
                                        "dlq forget 0:0",
                                        "dlq list 0:0",
                                        "dlq list --yes",
                                        "dlq list --code no__such__code",
                                        "dlq list --since yesterday",
                                        "dlq replay --all --follow",
                                        "dlq replay 0:0 --user alice",
                                        "dlq show 99:0"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        byok(lines[i], NULL);
        cr_assert_eq(run.code, BYOK_EXIT_USAGE, "%s: %s", lines[i], run.err);
        cr_assert_str_eq(run.out, "");
    }
}

/* ---- show ---- */

Test(dlq, show_gives_headers_and_content_by_position_or_id)
{
    put("alice", "bad_message", "{\"id\":\"a1\",\"capability\":\"dancing\"}", NULL);
    put("alice", "bad_message", "{\"id\":\"a2\"}", "0:7");
    byok_at("show", "alice", 0, "");
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert(printed("__byok.errors.code: bad_message"), "%s", run.out);
    cr_assert(printed("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7"), "%s", run.out);
    cr_assert(printed("{\"id\":\"a1\",\"capability\":\"dancing\"}"), "%s", run.out);
    cr_assert_not(printed("a2"));
    byok("dlq show a2 --json", NULL);
    cr_assert(printed("\"content\":{\"id\":\"a2\"}"), "%s", run.out);
    cr_assert(printed("\"byok-replayed-from\":\"0:7\""), "%s", run.out);
    cr_assert_not(printed("dancing"));
}

Test(dlq, show_of_what_is_not_there_fails)
{
    put("alice", "bad_message", "{\"id\":\"a1\"}", NULL);
    byok_at("show", "alice", 5, "");
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_str_eq(run.out, "");
    byok("dlq show nobody", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
}

Test(dlq, show_leaves_out_what_looks_like_a_key)
{
    static const char hex[] = "0123456789abcdef0123456789abcdef";
    put("alice", "bad_message", "{\"id\":\"1\",\"prompt\":\"say\\n" KIT_KEY " twice\"}", NULL);
    put("alice", "bad_message", "{\"prompt\":\"\\u000a" KIT_KEY "\",\"x\":\"", NULL); /* no JSON */
    put("alice", "bad_message", "{\"0123456789abcdef0123456789abcdef\":[1]}", NULL);
    for (int i = 0; i < 3; i++) {
        for (int json = 0; json < 2; json++) {
            byok_at("show", "alice", i, json ? "--json" : "");
            cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
            cr_assert(printed("(hidden: it looks like a key)"), "%s", run.out);
            cr_assert_not(printed(KIT_KEY) || printed(hex), "%s", run.out);
        }
    }
    byok_at("show", "alice", 0, "");
    cr_assert(printed(" twice"), "%s", run.out);
}

Test(dlq, show_keeps_the_terminal_as_it_was)
{
    put("alice", "bad_message", "\x1b[2Jnot a message\xff", NULL);
    byok_at("show", "alice", 0, "");
    cr_assert(printed("?[2Jnot a message"), "%s", run.out);
    byok_at("show", "alice", 0, "--json");
    cr_assert_eq(run.code, BYOK_EXIT_OK);
    cr_assert(printed("not a message"), "%s", run.out);
}

/* ---- replay ---- */

/* What stands on the requests: each record's key, value and headers, in lines. */
static struct byok_buf requests(void)
{
    struct byok_buf all = {.cap_bytes = 1 << 20};
    kit_read(broker, "byok.requests", &all);
    byok_buf_add(&all, "", 1);
    return all;
}

Test(dlq, replay_sends_one_as_it_came_but_for_our_headers)
{
    char line[256];
    put("alice", "bad_message", "{\"id\":\"a1\"}", NULL);
    put("alice", "bad_message", "{\"id\":\"a2\"}", "0:7");
    byok_at("replay", "alice", 1, "");
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    struct byok_buf all = requests();
    snprintf(line, sizeof line,
             "alice|{\"id\":\"a2\"}|content-type=application/json|traceparent=00-0af7651916cd43dd"
             "8448eb211c80319c-b7ad6b7169203331-01|byok-replayed-from=%s\n",
             place("alice", 1));
    cr_assert_str_eq(all.ptr, line);
    byok_buf_done(&all);
}

Test(dlq, replay_by_id_or_filter_leaves_out_what_came_back_as_a_newer_letter)
{
    char first[32];
    put("alice", "bad_message", "{\"id\":\"a1\"}", NULL);
    snprintf(first, sizeof first, "%s", place("alice", 0));
    put("alice", "bad_message", "{\"id\":\"a1\"}", first);
    byok("dlq replay a1", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    struct byok_buf all = requests();
    cr_assert_eq(count(all.ptr, "\n"), 1, "%s", all.ptr);
    cr_assert_eq(count(all.ptr, place("alice", 1)), 1, "%s", all.ptr);
    byok_buf_done(&all);
    byok("dlq replay --all --dry-run --json", NULL);
    cr_assert_eq(count(run.out, "\n"), 1, "%s", run.out);
}

Test(dlq, replay_asks_before_many)
{
    for (int i = 0; i < 3; i++)
        put("alice", "bad_message", "{\"id\":\"a\"}", NULL);
    put("bob", "overloaded", "{\"id\":\"b\"}", NULL);
    byok("dlq replay --code bad__message", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    cr_assert_not_null(strstr(run.err, "send 3 dead letters to byok.requests again?"), "%s",
                       run.err);
    byok("dlq replay --code bad__message", "n\n");
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    byok("dlq replay --all --dry-run", NULL);
    cr_assert_not_null(strstr(run.err, "4 dead letters would be replayed"), "%s", run.err);
    struct byok_buf all = requests();
    cr_assert_str_eq(all.ptr, "", "nothing was sent");
    byok_buf_done(&all);
    byok("dlq replay --code bad__message", "y\n");
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    byok("dlq replay --all --yes --limit 2", NULL);
    cr_assert_not_null(strstr(run.err, "2 dead letters replayed"), "%s", run.err);
    all = requests();
    cr_assert_eq(count(all.ptr, "\n"), 5, "%s", all.ptr);
    byok_buf_done(&all);
}

Test(dlq, what_has_no_content_is_not_replayed)
{
    put("alice", "too_large", "", NULL);
    byok_at("replay", "alice", 0, "");
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_not_null(strstr(run.err, "without content"), "%s", run.err);
    byok("dlq replay nobody", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_not_null(strstr(run.err, "no such dead letter"), "%s", run.err);
    struct byok_buf all = requests();
    cr_assert_str_eq(all.ptr, "");
    byok_buf_done(&all);
}
