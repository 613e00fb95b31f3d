/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_result.c - results and usage events. */
#include "schemas/result.h"

#include <stdlib.h>

#include <criterion/criterion.h>

#include "schemas/codec.h"
#include "trees.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static const struct byok_request chat_request = {
    .type = BYOK_REQUEST_JOB,
    .id = BYOK_STR("1"),
    .user = BYOK_STR("alice"),
    .label = BYOK_STR("default"),
    .capability = BYOK_CHAT,
};

static void assert_json(struct byok_value value, const char *expected)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 1 << 16};
    cr_assert_eq(byok_encode(BYOK_JSON, &value, &buf), BYOK_E_OK);
    cr_assert(byok_str_is(byok_buf_str(&buf), expected), "%.*s", BYOK_STR_ARG(byok_buf_str(&buf)));
}

Test(result, of_an_answered_job_holds_the_answer_flat)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value metadata = from_json(&arena, "{\"order\":7}");
    struct byok_request request = chat_request;
    request.metadata = &metadata;
    request.traceparent = STR("00-a-b-01");
    const struct byok_attempt attempt = {1000, 20, 200, BYOK_E_OK, true, false, 0};
    struct byok_answer answer = {
        .output = from_json(&arena, "{\"text\":\"Hi\"}"),
        .finish = BYOK_FINISH_STOP,
        .model = STR("m-2026"),
        .provider_request_id = STR("req_1"),
        .usage = BYOK_USAGE_UNSAID,
        .raw = from_json(&arena, "[1]"),
    };
    answer.usage.input_tokens = 9;
    answer.usage.cached_tokens = 0;
    struct byok_value cost = from_json(&arena, "{\"amount\":0.5,\"currency\":\"USD\"}");
    const struct byok_result result = {
        .request = &request,
        .status = BYOK_STATUS_OK,
        .provider = STR("openai"),
        .model = STR("m"),
        .key_fingerprint = STR("ff00"),
        .answer = &answer,
        .cost = cost,
        .attempts = &attempt,
        .attempt_count = 1,
        .created_wall_ms = 990,
        .finished_wall_ms = 1030,
    };
    assert_json(byok_result_value(&arena, &result),
                "{\"id\":\"1\",\"user\":\"alice\",\"type\":\"job\",\"status\":\"ok\","
                "\"capability\":\"chat\",\"provider\":\"openai\",\"model\":\"m\","
                "\"model_answered\":\"m-2026\",\"text\":\"Hi\",\"finish_reason\":\"stop\","
                "\"usage\":{\"input_tokens\":9,\"cached_tokens\":0},"
                "\"cost\":{\"amount\":0.5,\"currency\":\"USD\"},"
                "\"key\":{\"label\":\"default\",\"fingerprint\":\"ff00\"},"
                "\"provider_request_id\":\"req_1\",\"attempts\":[{\"started_ms\":1000,"
                "\"duration_ms\":20,\"code\":\"ok\",\"http_status\":200,\"sent\":true}],"
                "\"created_ms\":990,\"finished_ms\":1030,\"metadata\":{\"order\":7},"
                "\"traceparent\":\"00-a-b-01\",\"raw\":[1]}");
}

Test(result, of_a_failed_job_says_what_and_whether_to_try_again)
{
    static const struct {
        enum byok_err code;
        enum byok_status status;
        bool day_limit, retryable;
    } cases[] = {
        {BYOK_E_RATE_LIMITED, BYOK_STATUS_ERROR, false, true},
        {BYOK_E_RATE_LIMITED, BYOK_STATUS_ERROR, true, false},
        {BYOK_E_OVERLOADED, BYOK_STATUS_ERROR, false, true},
        {BYOK_E_KEY_INVALID, BYOK_STATUS_ERROR, false, false},
        {BYOK_E_TIMEOUT, BYOK_STATUS_UNKNOWN, false, false},
        {BYOK_E_CUT_OFF, BYOK_STATUS_UNKNOWN, false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_fault fault;
        (void)byok_fault_set(&fault, cases[i].code, "it \"failed\"");
        fault.day_limit = cases[i].day_limit;
        fault.http_status = 429;
        fault.retry_after_ms = 5000;
        const struct byok_result result = {
            .request = &chat_request, .status = cases[i].status, .fault = &fault};
        struct byok_value value = byok_result_value(&arena, &result);
        fault.text[0] = '?'; /* the tree has its own copy */
        const struct byok_value *error = byok_value_find(&value, "error");
        cr_assert(byok_str_is(byok_value_as_str(byok_value_find(error, "code")),
                              byok_err_name(cases[i].code)));
        cr_assert(
            byok_str_is(byok_value_as_str(byok_value_find(error, "message")), "it \"failed\""));
        cr_assert_eq(byok_value_find(error, "retryable")->as.boolean, cases[i].retryable, "%zu", i);
        cr_assert_eq(byok_value_find(error, "http_status")->as.u, 429);
        cr_assert_eq(byok_value_find(error, "retry_after_ms")->as.u, 5000);
        cr_assert_null(byok_value_find(&value, "usage"));
        cr_assert_null(byok_value_find(&value, "key"));
        cr_assert_null(byok_value_find(&value, "attempts"));
    }
}

Test(result, of_a_key_command_names_the_label)
{
    BYOK_AUTO(byok_arena) arena = {0};
    const struct byok_request request = {.type = BYOK_REQUEST_KEY_DELETE,
                                         .id = BYOK_STR("2"),
                                         .user = BYOK_STR("alice"),
                                         .provider = BYOK_STR("openai"),
                                         .label = BYOK_STR("old")};
    struct byok_value output = from_json(&arena, "{\"deleted\":true}");
    const struct byok_result result = {.request = &request,
                                       .status = BYOK_STATUS_OK,
                                       .provider = BYOK_STR("openai"),
                                       .output = &output,
                                       .created_wall_ms = 1,
                                       .finished_wall_ms = 2};
    assert_json(byok_result_value(&arena, &result),
                "{\"id\":\"2\",\"user\":\"alice\",\"type\":\"key.delete\",\"status\":\"ok\","
                "\"provider\":\"openai\",\"deleted\":true,\"key\":{\"label\":\"old\"},"
                "\"created_ms\":1,\"finished_ms\":2}");
}

Test(result, without_memory_the_arena_says_so)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = 100};
    const struct byok_result result = {.request = &chat_request, .status = BYOK_STATUS_OK};
    (void)byok_result_value(&arena, &result);
    cr_assert(byok_arena_failed(&arena));
}

Test(result, usage_belongs_to_the_attempt_that_was_answered)
{
    BYOK_AUTO(byok_arena) arena = {0};
    const struct byok_attempt attempts[] = {
        {1795996800000, 500, 0, BYOK_E_CUT_OFF, true, false, 0},
        {1795996801000, 700, 200, BYOK_E_OK, true, false, 0},
    };
    struct byok_answer answer = {.usage = BYOK_USAGE_UNSAID};
    answer.usage.characters = 13;
    answer.usage.milliseconds = 1250;
    const struct byok_result result = {.request = &chat_request,
                                       .status = BYOK_STATUS_OK,
                                       .provider = STR("p"),
                                       .model = STR("m"),
                                       .answer = &answer,
                                       .attempts = attempts,
                                       .attempt_count = 2};
    assert_json(byok_usage_event_value(&arena, &result, &attempts[0]),
                "{\"id\":\"1\",\"attempt\":1,\"user\":\"alice\",\"provider\":\"p\",\"model\":\"m\","
                "\"capability\":\"chat\",\"day\":\"2026-11-30\",\"at_ms\":1795996800500,"
                "\"calls\":1,\"errors\":1,\"code\":\"cut_off\"}");
    assert_json(byok_usage_event_value(&arena, &result, &attempts[1]),
                "{\"id\":\"1\",\"attempt\":2,\"user\":\"alice\",\"provider\":\"p\",\"model\":\"m\","
                "\"capability\":\"chat\",\"day\":\"2026-11-30\",\"at_ms\":1795996801700,"
                "\"calls\":1,\"errors\":0,\"code\":\"ok\",\"characters\":13,\"seconds\":1.25,"
                "\"cost\":null}");
}

/* What was passed over last is no call. */
Test(result, attempts_and_usage_name_where_they_went)
{
    BYOK_AUTO(byok_arena) arena = {0};
    const struct byok_leg legs[] = {{STR("p"), STR("m"), {NULL, 0}},
                                    {STR("q"), STR("n"), {NULL, 0}},
                                    {STR("r"), STR("o"), {NULL, 0}}};
    const struct byok_attempt attempts[] = {
        {1795996800000, 500, 503, BYOK_E_OVERLOADED, true, false, 0},
        {1795996801000, 700, 503, BYOK_E_OVERLOADED, true, false, 1},
        {1795996802000, 0, 0, BYOK_E_NO_KEY, false, false, 2},
    };
    struct byok_answer answer = {.usage = BYOK_USAGE_UNSAID};
    answer.usage.characters = 13;
    const struct byok_result result = {.request = &chat_request,
                                       .status = BYOK_STATUS_ERROR,
                                       .provider = STR("q"),
                                       .model = STR("n"),
                                       .answer = &answer,
                                       .attempts = attempts,
                                       .attempt_count = 3,
                                       .legs = legs};
    assert_json(byok_usage_event_value(&arena, &result, &attempts[0]),
                "{\"id\":\"1\",\"attempt\":1,\"user\":\"alice\",\"provider\":\"p\",\"model\":\"m\","
                "\"capability\":\"chat\",\"day\":\"2026-11-30\",\"at_ms\":1795996800500,"
                "\"calls\":1,\"errors\":1,\"code\":\"overloaded\"}");
    assert_json(
        byok_usage_event_value(&arena, &result, &attempts[1]),
        "{\"id\":\"1\",\"attempt\":2,\"user\":\"alice\",\"provider\":\"q\",\"model\":\"n\","
        "\"capability\":\"chat\",\"day\":\"2026-11-30\",\"at_ms\":1795996801700,"
        "\"calls\":1,\"errors\":1,\"code\":\"overloaded\",\"characters\":13,\"cost\":null}");
    const struct byok_value value = byok_result_value(&arena, &result);
    const struct byok_value *list = byok_value_find(&value, "attempts");
    cr_assert_eq(list->count, 3);
    assert_json(
        list->as.items[2],
        "{\"started_ms\":1795996802000,\"duration_ms\":0,\"code\":\"no_key\",\"sent\":false,"
        "\"provider\":\"r\",\"model\":\"o\"}");
}

Test(result, days_are_those_of_the_calendar)
{
    static const struct {
        int64_t wall_ms;
        const char *day;
    } cases[] = {
        {0, "1970-01-01"},
        {-1, "1970-01-01"},
        {86399999, "1970-01-01"},
        {86400000, "1970-01-02"},
        {951782400000, "2000-02-29"},
        {951868800000, "2000-03-01"},
        {1709164800000, "2024-02-29"},
        {1735689599999, "2024-12-31"},
        {1735689600000, "2025-01-01"},
        {1795996799999, "2026-11-29"},
        {1795996800000, "2026-11-30"},
        {4107542400000, "2100-03-01"},
        {INT64_MAX, "9999-12-31"},
        {INT64_MIN, "1970-01-01"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char day[11];
        byok_day_of(cases[i].wall_ms, day);
        cr_assert_str_eq(day, cases[i].day);
    }
}

Test(result, status_and_finish_names_are_the_wires)
{
    enum byok_status status;
    cr_assert(byok_status_of(STR("unknown"), &status));
    cr_assert_eq(status, BYOK_STATUS_UNKNOWN);
    cr_assert_not(byok_status_of(STR("OK"), &status));
    cr_assert_str_eq(byok_status_name(BYOK_STATUS_ERROR), "error");
    cr_assert_null(byok_finish_name(BYOK_FINISH_NONE));
    cr_assert_str_eq(byok_finish_name(BYOK_FINISH_TOOL_CALLS), "tool_calls");
}
