/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_deadletter.c - what a dead letter says and carries. */
#include <string.h>

#include "tests/unit/actors/kit.h"

TestSuite(deadletter, .init = setup, .fini = teardown);

static const struct byok_record *the_only_letter(void)
{
    const struct byok_record *found = NULL;
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_DLQ][p];
        for (size_t i = 0; i < log->count; i++) {
            cr_assert_null(found);
            found = log->records[i];
        }
    }
    cr_assert_not_null(found);
    return found;
}

static struct byok_str header(const char *name)
{
    return byok_record_header_of(the_only_letter(), name);
}

Test(deadletter, is_the_record_as_it_came_with_why_and_from_where)
{
    const struct byok_str value = BYOK_STR("{\"id\":");
    const struct byok_record_header headers[] = {
        {BYOK_STR("content-type"), BYOK_STR("application/json")},
        {BYOK_STR("traceparent"), BYOK_STR("00-1-2-03")},
        {BYOK_STR("other"), BYOK_STR("x")},
        {BYOK_STR("byok-replayed-from"), BYOK_STR("3:5")},
    };
    start();
    int64_t offset = sim_append(world, BYOK_TOPIC_REQUESTS, partition_of("alice"),
                                byok_str_of("alice"), value, headers, 4, 0);
    assert_done(10);
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)offset);
    cr_assert(byok_str_eq(the_only_letter()->value, value));
    cr_assert(byok_str_is(the_only_letter()->key, "alice"));
    cr_assert(byok_str_is(header(BYOK_HEADER_CONTENT_TYPE), "application/json"));
    cr_assert(byok_str_is(header(BYOK_HEADER_TRACEPARENT), "00-1-2-03"));
    cr_assert(byok_str_is(header(BYOK_HEADER_REPLAYED_FROM), "3:5"));
    cr_assert(byok_str_is(header(BYOK_HEADER_ERROR_CODE), "bad_message"));
    cr_assert(byok_str_is(header(BYOK_HEADER_ERROR_STAGE), "decode"));
    cr_assert(byok_str_is(header(BYOK_HEADER_ERROR_TOPIC), "requests"));
    cr_assert(byok_str_is(header(BYOK_HEADER_ERROR_OFFSET), text));
    cr_assert_gt(header(BYOK_HEADER_ERROR_MESSAGE).len, 0);
    cr_assert_gt(header(BYOK_HEADER_ERROR_TIMESTAMP).len, 0);
}

Test(deadletter, a_raw_key_goes_nowhere)
{
    start();
    sim_send(world, "alice",
             "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"x\","
             "\"api_key\":\"sk-sim-raw-0123456789\"}");
    assert_done(10);
    cr_assert_null(the_only_letter()->value.ptr);
    cr_assert(byok_str_is(header(BYOK_HEADER_ERROR_CODE), "raw_key_refused"));
}

Test(deadletter, what_may_hold_a_raw_key_goes_nowhere_though_another_fault_was_found_first)
{
    static const char *const messages[] = {
        "{\"id\":\"1\",\"Api-Key\":\"sk-sim-raw-0123456789\",}",
        "{\"AUTHORIZATION\":\"Bearer sk-sim-raw-0123456789\"",
        "{\"type\":\"key.register\",\"envelope\":\"sk-sim-raw-0123456789\"}",
        "{\"id\":\"1\",\"token\":\"sk-sim-raw-0123456789\",}",
        "3sk-sim-raw-0123456789", /* behind a length, as in msgpack */
    };
    start();
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++)
        sim_send(world, "alice", "%s", messages[i]);
    assert_done(10);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_DLQ), sizeof messages / sizeof messages[0]);
    for (int32_t p = 0; p < world->cluster.partitions; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_DLQ][p];
        for (size_t i = 0; i < log->count; i++)
            cr_assert_null(log->records[i]->value.ptr);
    }
}

/* 16 KiB of values that take more memory than a job may have: whoever tried it again until there is
 * more would never get past it. */
Test(deadletter, a_message_of_too_many_values_holds_nobody_up)
{
    static char json[16384], packed[16384] = "\x81\xa1\x61\xdc\x3f\xf0"; /* {"a": [0, 0, …]} */
    struct byok_str messages[] = {{json, sizeof json}, {packed, 6 + 0x3ff0}};
    world->settings.request_max_bytes = sizeof json;
    world->settings.answer_max_bytes = sizeof json;
    start();
    for (size_t i = 0; i < sizeof json; i++)
        json[i] = i % 2 ? ',' : '0';
    memcpy(json, "{\"a\":[0", 7);
    memcpy(json + sizeof json - 3, " ]}", 3);
    for (size_t i = 0; i < 2; i++)
        sim_append(world, BYOK_TOPIC_REQUESTS, partition_of("alice"), byok_str_of("alice"),
                   messages[i], NULL, 0, 0);
    sim_chat(world, "alice", "behind");
    assert_done(60);
    assert_code("behind", "ok");
    const struct sim_topic *letters = &world->cluster.topics[BYOK_TOPIC_DLQ][partition_of("alice")];
    cr_assert_eq(letters->count, 2);
    for (size_t i = 0; i < 2; i++)
        cr_assert(byok_str_is(byok_record_header_of(letters->records[i], BYOK_HEADER_ERROR_CODE),
                              "too_large"));
}

Test(deadletter, a_header_too_large_to_publish_is_left_behind)
{
    static char type[100000];
    memset(type, 'x', sizeof type);
    const struct byok_record_header headers[] = {
        {BYOK_STR("content-type"), {type, sizeof type}},
    };
    start();
    sim_append(world, BYOK_TOPIC_REQUESTS, partition_of("alice"), byok_str_of("alice"),
               byok_str_of("?"), headers, 1, 0);
    assert_done(10);
    cr_assert_eq(header(BYOK_HEADER_CONTENT_TYPE).len, 0);
}

Test(deadletter, is_written_once_whatever_allocation_fails)
{
    start();
    for (uint64_t n = 1; n < 20; n++) {
        size_t before = sim_count(world, BYOK_TOPIC_DLQ);
        sim_send(world, "alice", "no message");
        sim_fault_nth(n);
        assert_done(60);
        sim_fault_nth(0);
        cr_assert_eq(sim_count(world, BYOK_TOPIC_DLQ), before + 1);
    }
}
