/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_retry.c - what is tried again, and when. */
#include <criterion/criterion.h>

#include "actors/user/retry.h"

#define S ((int64_t)1000000)

static const struct byok_retry_policy policy = {4, S / 5, 5 * S};

static bool decide(enum byok_err code, struct byok_retry_case what, int64_t retry_after_ms,
                   int64_t *at)
{
    struct byok_fault fault = {.code = code, .retry_after_ms = retry_after_ms};
    what.fault = &fault;
    if (what.deadline_us == 0)
        what.deadline_us = 1000 * S;
    return byok_retry_decide(&policy, &what, at);
}

Test(retry, by_code_and_by_what_was_sent)
{
    static const struct {
        enum byok_err code;
        bool sent;
        enum byok_on_unknown on_unknown;
        uint32_t attempts;
        bool again;
    } cases[] = {
        {BYOK_E_KEY_INVALID, true, BYOK_ON_UNKNOWN_RETRY, 1, false},
        {BYOK_E_BAD_REQUEST, true, BYOK_ON_UNKNOWN_RETRY, 1, false},
        {BYOK_E_DEADLINE, false, BYOK_ON_UNKNOWN_RETRY, 0, false},
        {BYOK_E_SERVER_ERROR, true, BYOK_ON_UNKNOWN_REPORT, 1, true},
        {BYOK_E_SERVER_ERROR, true, BYOK_ON_UNKNOWN_REPORT, 4, false},
        {BYOK_E_UNREACHABLE, false, BYOK_ON_UNKNOWN_REPORT, 3, true},
        {BYOK_E_RATE_LIMITED, true, BYOK_ON_UNKNOWN_REPORT, 400, true},
        {BYOK_E_TIMEOUT, true, BYOK_ON_UNKNOWN_REPORT, 1, false},
        {BYOK_E_TIMEOUT, true, BYOK_ON_UNKNOWN_RETRY, 1, true},
        {BYOK_E_TIMEOUT, true, BYOK_ON_UNKNOWN_RETRY, 4, false},
        {BYOK_E_CUT_OFF, true, BYOK_ON_UNKNOWN_REPORT, 1, false},
        {BYOK_E_CUT_OFF, false, BYOK_ON_UNKNOWN_REPORT, 1, true},
        {BYOK_E_STORE, false, BYOK_ON_UNKNOWN_REPORT, 0, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t at = -1;
        bool again = decide(cases[i].code,
                            (struct byok_retry_case){.sent = cases[i].sent,
                                                     .attempts = cases[i].attempts,
                                                     .on_unknown = cases[i].on_unknown,
                                                     .now_us = S},
                            -1, &at);
        cr_assert_eq(again, cases[i].again, "case %zu", i);
        cr_assert(!again || (at > S && at <= S + 5 * S), "case %zu at %lld", i, (long long)at);
    }
}

Test(retry, waits_as_long_as_the_provider_asks_and_a_little_more)
{
    for (uint64_t random = 0; random < 100; random++) {
        int64_t at;
        cr_assert(decide(BYOK_E_RATE_LIMITED,
                         (struct byok_retry_case){.attempts = 1, .random = random * 7919}, 20000,
                         &at));
        cr_assert(at >= 20 * S && at <= 22 * S, "%lld", (long long)at);
    }
}

Test(retry, does_not_wait_past_the_deadline)
{
    int64_t at;
    cr_assert(
        !decide(BYOK_E_RATE_LIMITED, (struct byok_retry_case){.deadline_us = 10 * S}, 10000, &at));
    cr_assert(!decide(BYOK_E_RATE_LIMITED, (struct byok_retry_case){.deadline_us = 10 * S},
                      INT64_MAX, &at));
    cr_assert(!decide(BYOK_E_SERVER_ERROR,
                      (struct byok_retry_case){.now_us = 11 * S, .deadline_us = 10 * S}, -1, &at));
}

Test(retry, a_limit_per_day_is_final)
{
    struct byok_fault fault = {
        .code = BYOK_E_RATE_LIMITED, .retry_after_ms = -1, .day_limit = true};
    struct byok_retry_case what = {.fault = &fault, .deadline_us = 1000 * S};
    int64_t at;
    cr_assert(!byok_retry_decide(&policy, &what, &at));
}

Test(retry, the_backoff_doubles_up_to_its_most)
{
    for (uint32_t attempts = 1; attempts < 4; attempts++) {
        int64_t at, most = (S / 5) << (attempts - 1);
        cr_assert(decide(
            BYOK_E_OVERLOADED,
            (struct byok_retry_case){.attempts = attempts, .random = (uint64_t)most - 1}, -1, &at));
        cr_assert_eq(at, most);
    }
}

/* When it is tried again, of a draw; from 0 on. */
static int64_t drawn(enum byok_err code, uint32_t attempts, int64_t retry_after_ms, int64_t draw)
{
    int64_t at = -1;
    struct byok_retry_case what = {.attempts = attempts, .random = (uint64_t)draw};
    cr_assert(decide(code, what, retry_after_ms, &at));
    return at;
}

/* So that those who failed together do not come back together. */
Test(retry, the_whole_wait_is_drawn_from_next_to_nothing_up_to_the_backoff)
{
    for (uint32_t attempts = 1; attempts < 4; attempts++) {
        const int64_t most = (S / 5) << (attempts - 1);
        int64_t before = drawn(BYOK_E_OVERLOADED, attempts, -1, 0);
        cr_assert_eq(before, 1);
        for (int64_t part = 1; part < 8; part++) {
            int64_t at = drawn(BYOK_E_OVERLOADED, attempts, -1, most * part / 8);
            cr_assert(at > before && at < most, "attempt %u, %lld", attempts, (long long)at);
            before = at;
        }
        cr_assert_eq(drawn(BYOK_E_OVERLOADED, attempts, -1, most - 1), most);
    }
}

Test(retry, what_is_added_to_the_providers_wait_is_drawn_from_0_to_a_tenth)
{
    int64_t before = drawn(BYOK_E_RATE_LIMITED, 1, 20000, 0);
    cr_assert_eq(before, 20 * S);
    for (int64_t part = 1; part < 8; part++) {
        int64_t at = drawn(BYOK_E_RATE_LIMITED, 1, 20000, 2 * S * part / 8);
        cr_assert(at > before && at < 22 * S, "%lld", (long long)at);
        before = at;
    }
    cr_assert_eq(drawn(BYOK_E_RATE_LIMITED, 1, 20000, 2 * S), 22 * S);
}

Test(retry, what_a_limit_refused_is_no_failure)
{
    const struct byok_retry_case often = {.attempts = 9, .limited = 8, .random = (uint64_t)-1};
    struct byok_retry_case last = {.attempts = 12, .limited = 8};
    int64_t at = 0, first = 0;
    cr_assert(decide(BYOK_E_OVERLOADED, often, -1, &at));
    cr_assert(decide(BYOK_E_OVERLOADED,
                     (struct byok_retry_case){.attempts = 1, .random = (uint64_t)-1}, -1, &first));
    cr_assert_eq(at, first, "it is the first failure, and waits as long");
    cr_assert_not(decide(BYOK_E_OVERLOADED, last, -1, &at));
    cr_assert(decide(BYOK_E_RATE_LIMITED, last, -1, &at));
}

Test(retry, a_wait_that_passes_the_deadline_is_told_as_such)
{
    struct byok_fault fault = {.code = BYOK_E_RATE_LIMITED, .retry_after_ms = 60000};
    struct byok_retry_case what = {.fault = &fault, .now_us = S, .deadline_us = 31 * S};
    cr_assert(byok_retry_is_vain(&what));
    what.deadline_us = 100 * S;
    cr_assert_not(byok_retry_is_vain(&what));
    what.deadline_us = 31 * S;
    fault.day_limit = true;
    cr_assert_not(byok_retry_is_vain(&what), "a limit per day says so itself");
    fault = (struct byok_fault){.code = BYOK_E_BAD_REQUEST, .retry_after_ms = 60000};
    cr_assert_not(byok_retry_is_vain(&what));
    fault = (struct byok_fault){.code = BYOK_E_OVERLOADED, .retry_after_ms = -1};
    cr_assert_not(byok_retry_is_vain(&what));
}
