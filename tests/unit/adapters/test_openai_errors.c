/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_openai_errors.c - what error answers mean; whole ones are in
 * tests/golden. */
#include <criterion/criterion.h>

#include "adapters/openai_parts.h"
#include "calls.h"

static struct byok_fault classify(int status, const char *body)
{
    struct call c;
    struct byok_http_header header;
    call_init(&c, "openai", NULL, NULL);
    struct byok_http_response response =
        answer_of(status, "application/json", byok_str_of(body), &header);
    byok_openai_classify(&c.call, &response, &c.fault);
    struct byok_fault fault = c.fault;
    call_done(&c);
    return fault;
}

#define ERROR(code, message) "{\"error\":{\"message\":\"" message "\",\"code\":\"" code "\"}}"

Test(openai_errors, go_by_the_word_then_the_message_then_the_status)
{
    static const struct {
        int status;
        const char *body;
        enum byok_err code;
    } cases[] = {
        {429, ERROR("insufficient_quota", "x"), BYOK_E_OUT_OF_MONEY},
        {429, "{\"error\":{\"type\":\"insufficient_quota\"}}", BYOK_E_OUT_OF_MONEY},
        {429, ERROR("", "You exceeded your current quota, please check"), BYOK_E_OUT_OF_MONEY},
        {429, ERROR("rate_limit_exceeded", "x"), BYOK_E_RATE_LIMITED},
        {429, ERROR("", "Too many concurrent requests"), BYOK_E_CONCURRENCY_LIMITED},
        {400, ERROR("billing_hard_limit_reached", "x"), BYOK_E_OUT_OF_MONEY},
        {400, ERROR("context_length_exceeded", "x"), BYOK_E_CONTEXT_TOO_LONG},
        {400, ERROR("", "This model's Maximum Context Length is 5"), BYOK_E_CONTEXT_TOO_LONG},
        {400, ERROR("content_filter", "x"), BYOK_E_CONTENT_REFUSED},
        {400, ERROR("invalid_prompt", "x"), BYOK_E_CONTENT_REFUSED},
        {400, ERROR("x", "Incorrect API key provided: *"), BYOK_E_KEY_INVALID},
        {400, ERROR("unsupported_value", "x"), BYOK_E_BAD_REQUEST},
        {400, ERROR("model_not_found", "x"), BYOK_E_NOT_FOUND},
        {403, ERROR("model_not_found", "x"), BYOK_E_PERMISSION},
        {401, ERROR("ip_not_authorized", "x"), BYOK_E_PERMISSION},
        {401, ERROR("invalid_api_key", "x"), BYOK_E_KEY_INVALID},
        {429, ERROR("engine_overloaded_error", "x"), BYOK_E_OVERLOADED},
        {408, "", BYOK_E_SERVER_ERROR},
        {409, "", BYOK_E_SERVER_ERROR},
        {304, "", BYOK_E_CONFIG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(classify(cases[i].status, cases[i].body).code, cases[i].code, "%d %s",
                     cases[i].status, cases[i].body);
}

Test(openai_errors, keep_the_providers_text_wherever_it_stands)
{
    static const char *const bodies[] = {
        "{\"error\":{\"message\":\"It says so\"}}",
        "{\"error\":\"It says so\"}",
        "{\"message\":\"It says so\"}",
        "{\"detail\":\"It says so\"}",
        "{\"detail\":{\"message\":\"It says so\"}}",
        "It says so",
        " It says so\r\nand more",
        "{\"error\":{\"message\":\"It\\nsays\\u0000so\"}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        cr_expect_str_eq(classify(400, bodies[i]).text, "It says so", "%s", bodies[i]);
}

Test(openai_errors, without_a_message_say_what_the_code_means)
{
    cr_assert_str_eq(classify(500, "").text,
                     "provider \"openai\" answered HTTP 500 without a message: the provider failed "
                     "inside");
    cr_assert_str_eq(classify(500, "{\"error\":{\"message\":").text, classify(500, "").text);
    cr_assert_str_eq(classify(404, "<html>").text,
                     "provider \"openai\" answered HTTP 404 with an HTML page: the provider does "
                     "not know that model or resource");
}

Test(openai_errors, a_limit_by_day_is_told_from_one_by_minute)
{
    cr_assert(classify(429, ERROR("rate_limit_exceeded", "on requests per day (RPD): Limit 200"))
                  .day_limit);
    cr_assert(classify(429, ERROR("rate_limit_exceeded", "on tokens Per Day")).day_limit);
    cr_assert_not(
        classify(429, ERROR("rate_limit_exceeded", "on requests per min (RPM)")).day_limit);
    cr_assert_not(classify(400, ERROR("", "one per day")).day_limit);
}

/* The wait of `retry-after: 7` in an answer of that status. */
static int64_t wait_of(int status, const char *body)
{
    static const struct byok_http_header header = {BYOK_STR("retry-after"), BYOK_STR("7")};
    struct call c;
    call_init(&c, "openai", NULL, NULL);
    const struct byok_http_response response = {
        .status = status, .headers = &header, .header_count = 1, .body = byok_str_of(body)};
    byok_openai_classify(&c.call, &response, &c.fault);
    int64_t ms = c.fault.retry_after_ms;
    call_done(&c);
    return ms;
}

Test(openai_errors, a_wait_is_given_only_where_waiting_helps)
{
    cr_assert_eq(wait_of(429, ""), 7000);
    cr_assert_eq(wait_of(503, ""), 7000);
    cr_assert_eq(wait_of(401, ""), -1);
    cr_assert_eq(wait_of(429, ERROR("insufficient_quota", "x")), -1);
}
