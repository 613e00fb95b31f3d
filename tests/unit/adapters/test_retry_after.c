/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_retry_after.c - how long an answer asks to wait. */
#include "adapters/retry_after.h"

#include <criterion/criterion.h>

#define NOW 1792567680000 /* Wed, 21 Oct 2026 07:28:00 GMT */
#define YEAR_MS ((int64_t)366 * 86400000)

struct case_of {
    const char *value;
    int64_t ms;
};

static int64_t wait_by(const char *name, const char *value)
{
    const struct byok_http_header header = {byok_str_of(name), byok_str_of(value)};
    const struct byok_http_response response = {
        .status = 429, .headers = &header, .header_count = 1};
    return byok_retry_after_ms(&response, NOW);
}

static void check(const char *name, const struct case_of *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t ms = wait_by(name, cases[i].value);
        cr_expect_eq(ms, cases[i].ms, "%s: %s gives %lld", name, cases[i].value, (long long)ms);
    }
}

Test(retry_after, nothing_said_is_minus_one)
{
    const struct byok_http_response response = {.status = 429};
    cr_assert_eq(byok_retry_after_ms(&response, NOW), -1);
}

Test(retry_after, reads_seconds)
{
    static const struct case_of cases[] = {
        {"20", 20000}, {" 20 ", 20000}, {"1.5", 1500},
        {"0.25", 250}, {".5", 500},     {"2.", 2000},
        {"0", -1},     {"-1", -1},      {"", -1},
        {"soon", -1},  {"1s", -1},      {"1e3", -1},
        {"1.2.3", -1}, {".", -1},       {"99999999999999999999999999", YEAR_MS},
        {"0x10", -1},
    };
    check("retry-after", cases, sizeof cases / sizeof cases[0]);
}

Test(retry_after, reads_milliseconds)
{
    static const struct case_of cases[] = {
        {"1500", 1500}, {"0.4", -1}, {"12.6", 13}, {"0", -1}, {"x", -1}};
    check("retry-after-ms", cases, sizeof cases / sizeof cases[0]);
}

Test(retry_after, reads_the_three_forms_of_an_http_date)
{
    static const struct case_of cases[] = {
        {"Wed, 21 Oct 2026 07:28:05 GMT", 5000},
        {"Wed, 21 Oct 2026 08:28:00 GMT", 3600000},
        {"Wednesday, 21-Oct-26 07:28:05 GMT", 5000},
        {"Wed Oct 21 07:28:05 2026", 5000},
        {"Thu Oct  1 00:00:00 2026", -1},
        {"Thu, 22 Oct 2026 07:28:00 GMT", 86400000},
        {"Mon, 01 Mar 2027 07:28:00 GMT", 131 * (int64_t)86400000},
        {"Wed, 21 Oct 2026 07:28:00 GMT", -1},
        {"Sun, 06 Nov 1994 08:49:37 GMT", -1},
        {"Sunday, 06-Nov-94 08:49:37 GMT", -1},
        {"Sunday, 06-Nov-40 08:49:37 GMT", YEAR_MS},
        {"Fri, 31 Dec 9999 23:59:59 GMT", YEAR_MS},
        {"Wed, 21 Oct 2026 07:28:05 CET", -1},
        {"Wed, 21 Oct 2026 07:28:05", -1},
        {"Wed, 32 Oct 2026 07:28:05 GMT", -1},
        {"Wed, 21 Okt 2026 07:28:05 GMT", -1},
        {"Wed, 21 Oct 2026 24:28:05 GMT", -1},
        {"Wed, 21 Oct 99999 07:28:05 GMT", -1},
        {"Wed, 21 Oct 2026 07:28:05 GMT and more", -1},
    };
    check("retry-after", cases, sizeof cases / sizeof cases[0]);
}

/* The reset of a limit counts only when the limit is used up. */
static int64_t wait_for_reset(const char *remaining, const char *reset)
{
    const struct byok_http_header headers[] = {
        {BYOK_STR("x-ratelimit-remaining-requests"), byok_str_of(remaining)},
        {BYOK_STR("x-ratelimit-reset-requests"), byok_str_of(reset)},
    };
    const struct byok_http_response response = {
        .status = 429, .headers = headers, .header_count = 2};
    return byok_retry_after_ms(&response, NOW);
}

Test(retry_after, reads_the_durations_of_the_reset_headers)
{
    static const struct case_of cases[] = {
        {"6m0s", 360000},
        {"8.64s", 8640},
        {"12ms", 12},
        {"1m13.588s", 73588},
        {"1h2m3.5s", 3723500},
        {"1d", 86400000},
        {"20", 20000},
        {"2500us", 3},
        {"0s", -1},
        {"1x", -1},
        {"s", -1},
        {"1m2", -1},
        {"", -1},
        {"-5s", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(wait_for_reset("0", cases[i].value), cases[i].ms, "%s", cases[i].value);
}

Test(retry_after, counts_only_limits_that_are_used_up)
{
    cr_assert_eq(wait_for_reset("1", "6m0s"), -1);
    cr_assert_eq(wait_for_reset("-1", "6m0s"), -1);
    cr_assert_eq(wait_for_reset("", "6m0s"), -1);
    cr_assert_eq(wait_for_reset("0.5", "6m0s"), 360000);
}

Test(retry_after, takes_the_latest_reset_of_those_used_up)
{
    const struct byok_http_header headers[] = {
        {BYOK_STR("x-ratelimit-remaining-requests"), BYOK_STR("0")},
        {BYOK_STR("x-ratelimit-reset-requests"), BYOK_STR("1s")},
        {BYOK_STR("x-ratelimit-remaining-tokens"), BYOK_STR("0")},
        {BYOK_STR("x-ratelimit-reset-tokens"), BYOK_STR("2s")},
    };
    const struct byok_http_response response = {
        .status = 429, .headers = headers, .header_count = 4};
    cr_assert_eq(byok_retry_after_ms(&response, NOW), 2000);
}

Test(retry_after, goes_by_milliseconds_before_seconds_before_resets)
{
    struct byok_http_header headers[] = {
        {BYOK_STR("x-ratelimit-remaining-requests"), BYOK_STR("0")},
        {BYOK_STR("x-ratelimit-reset-requests"), BYOK_STR("1s")},
        {BYOK_STR("retry-after"), BYOK_STR("2")},
        {BYOK_STR("retry-after-ms"), BYOK_STR("3")},
    };
    struct byok_http_response response = {.status = 429, .headers = headers, .header_count = 4};
    cr_assert_eq(byok_retry_after_ms(&response, NOW), 3);
    response.header_count = 3;
    cr_assert_eq(byok_retry_after_ms(&response, NOW), 2000);
    headers[2].value = byok_str_of("0"); /* unknown: the reset is better */
    cr_assert_eq(byok_retry_after_ms(&response, NOW), 1000);
}

Test(retry_after, knows_a_limit_by_day_that_is_used_up)
{
    struct byok_http_header headers[] = {
        {BYOK_STR("x-ratelimit-remaining-requests-day"), BYOK_STR("0")},
        {BYOK_STR("x-ratelimit-reset-requests-day"), BYOK_STR("33011.38")},
    };
    const struct byok_http_response response = {
        .status = 429, .headers = headers, .header_count = 2};
    cr_assert(byok_retry_day_limit(&response));
    cr_assert_eq(byok_retry_after_ms(&response, NOW), 33011380);
    headers[0].value = byok_str_of("7");
    cr_assert_not(byok_retry_day_limit(&response));
}

/* The wait until a reset in RFC 3339, with no token left. */
static int64_t until(const char *reset)
{
    const struct byok_http_header headers[] = {
        {BYOK_STR("anthropic-ratelimit-input-tokens-remaining"), BYOK_STR("0")},
        {BYOK_STR("anthropic-ratelimit-input-tokens-reset"), byok_str_of(reset)},
    };
    const struct byok_http_response response = {
        .status = 429, .headers = headers, .header_count = 2};
    return byok_retry_after_ms(&response, 1792567680000); /* 2026-10-21T07:28:00Z */
}

Test(retry_after, a_reset_may_be_a_time_in_rfc_3339)
{
    cr_expect_eq(until("2026-10-21T07:28:30Z"), 30000);
    cr_expect_eq(until("2026-10-21T07:28:30.25Z"), 30250);
    cr_expect_eq(until("2026-10-21T09:28:30+02:00"), 30000);
    cr_expect_eq(until("2026-10-21T01:58:30-05:30"), 30000);
    cr_expect_eq(until("2026-10-21T07:27:30Z"), -1); /* past */
}

Test(retry_after, a_time_that_is_none_says_nothing)
{
    static const char *const times[] = {
        "2026-10-21",           "2026-10-21T07:28:30",        "2026-13-21T07:28:30Z",
        "2026-10-21T07:28:30.", "2026-10-21T07:28:30+2:00",   "2026-10-21T25:28:30Z",
        "2026-10-21 07:28:30Z", "2026-10-21T07:28:30+02:00x", "T",
        "2026-10-00T07:28:30Z", "2026-1a-21T07:28:30Z",       "",
    };
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
        cr_expect_eq(until(times[i]), -1, "%s", times[i]);
}

Test(retry_after, a_duration_stands_alone_too)
{
    cr_expect_eq(byok_retry_duration_ms(byok_str_of("48s")), 48000);
    cr_expect_eq(byok_retry_duration_ms(byok_str_of("48.939935699s")), 48940);
    cr_expect_eq(byok_retry_duration_ms(byok_str_of("0s")), -1);
    cr_expect_eq(byok_retry_duration_ms(byok_str_of("soon")), -1);
    cr_expect_eq(byok_retry_duration_ms(byok_str_of(NULL)), -1);
}

static struct byok_http_response two(const struct byok_http_header *headers)
{
    return (struct byok_http_response){.status = 200, .headers = headers, .header_count = 2};
}

Test(retry_after, a_good_answer_says_how_long_nothing_more_is_let_through)
{
    static const struct {
        const char *remaining, *left, *reset, *value;
        int64_t ms;
    } cases[] = {
        {"x-ratelimit-remaining-requests", "0", "x-ratelimit-reset-requests", "6s", 6000},
        {"x-ratelimit-remaining-requests", "1", "x-ratelimit-reset-requests", "6s", -1},
        {"x-ratelimit-remaining-requests-day", "0", "x-ratelimit-reset-requests-day", "6s", -1},
        {"x-ratelimit-remaining-tokens", "0", "x-ratelimit-reset-requests", "6s", -1},
        {"anthropic-ratelimit-tokens-remaining", "0", "anthropic-ratelimit-tokens-reset",
         "2026-10-21T07:28:05Z", 5000},
        {"retry-after", "20", "retry-after-ms", "20", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct byok_http_header headers[] = {
            {byok_str_of(cases[i].remaining), byok_str_of(cases[i].left)},
            {byok_str_of(cases[i].reset), byok_str_of(cases[i].value)}};
        const struct byok_http_response response = two(headers);
        cr_expect_eq(byok_rate_wait_ms(&response, NOW), cases[i].ms, "case %zu", i);
    }
}

Test(retry_after, an_answer_says_how_many_calls_at_once_a_key_may_have)
{
    static const struct {
        const char *value;
        int64_t calls;
    } cases[] = {{"5", 5},     {"0", -1},   {"-1", -1},      {"", -1},
                 {"many", -1}, {"1e9", -1}, {"99999999", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct byok_http_header headers[] = {
            {byok_str_of("current-concurrent-requests"), byok_str_of("2")},
            {byok_str_of("maximum-concurrent-requests"), byok_str_of(cases[i].value)}};
        const struct byok_http_response response = two(headers);
        cr_expect_eq(byok_rate_calls_max(&response), cases[i].calls, "%s", cases[i].value);
    }
}

Test(retry_after, a_wait_may_stand_in_the_text_only)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"Rate limit reached for gpt-4o in organization org-1 on tokens per min (TPM): Limit "
         "30000, "
         "Used 29500, Requested 1600. Please try again in 2.34s. Visit https://example.com/limits",
         2340},
        {"Please try again in 20ms.", 20},
        {"Please try again in 6m0s.", 360000},
        {"please TRY AGAIN IN 1h2m3s", 3723000},
        {"Please retry after 6 seconds.", 6000},
        {"Please retry after 1 second.", 1000},
        {"Please retry in 2 minutes, or ask for more.", 120000},
        {"Please retry after 500 milliseconds", 500},
        {"Please try again in 7 calls.", -1},
        {"Please try again in a while.", -1},
        {"Please try again in ", -1},
        {"Please try again in 0s.", -1},
        {"Try again later.", -1},
        {"", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(byok_retry_text_ms(byok_str_of(cases[i].text)), cases[i].ms, "%s",
                     cases[i].text);
}
