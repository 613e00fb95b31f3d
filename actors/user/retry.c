/* SPDX-License-Identifier: MIT */
/* actors/user/retry.c - see actors/user/retry.h. */
#include "actors/user/retry.h"

static int64_t backoff_us(const struct byok_retry_policy *policy,
                          const struct byok_retry_case *what, uint32_t attempts)
{
    int64_t top = policy->backoff_base_us;
    for (uint32_t i = 1; i < attempts && top < policy->backoff_max_us; i++)
        top *= 2;
    if (top > policy->backoff_max_us)
        top = policy->backoff_max_us;
    return top > 0 ? (int64_t)(what->random % (uint64_t)top) + 1 : 1;
}

static int64_t asked_us(const struct byok_retry_case *what)
{
    int64_t asked = what->fault->retry_after_ms * 1000;
    return asked + (int64_t)(what->random % (uint64_t)(asked / 10 + 1));
}

/* Also keeps what a provider asks for from overflowing. */
static bool passes_deadline(const struct byok_retry_case *what)
{
    return what->fault->retry_after_ms >= (what->deadline_us - what->now_us) / 1000;
}

bool byok_retry_is_vain(const struct byok_retry_case *what)
{
    enum byok_retry rule = byok_err_retry(what->fault->code);
    return (rule == BYOK_RETRY_WAIT || rule == BYOK_RETRY_SOON) && !what->fault->day_limit &&
           what->fault->retry_after_ms > 0 && passes_deadline(what);
}

bool byok_retry_decide(const struct byok_retry_policy *policy, const struct byok_retry_case *what,
                       int64_t *at_us)
{
    enum byok_retry rule = byok_err_retry(what->fault->code);
    uint32_t attempts = what->attempts - (rule == BYOK_RETRY_WAIT ? 0 : what->limited);
    if (rule == BYOK_RETRY_NEVER || what->fault->day_limit)
        return false;
    if (rule == BYOK_RETRY_UNSURE && what->sent && what->on_unknown == BYOK_ON_UNKNOWN_REPORT)
        return false;
    /* a limit is no failure of the job: it may wait as long as its deadline allows */
    if (rule != BYOK_RETRY_WAIT && (int64_t)attempts >= policy->attempts_max)
        return false;
    if (passes_deadline(what))
        return false;
    int64_t wait =
        what->fault->retry_after_ms > 0 ? asked_us(what) : backoff_us(policy, what, attempts);
    if (what->now_us + wait >= what->deadline_us)
        return false;
    *at_us = what->now_us + wait;
    return true;
}
