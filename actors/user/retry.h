/* SPDX-License-Identifier: MIT */
/* actors/user/retry.h - whether a failed attempt is made again, and when.  Pure. */
#ifndef BYOK_ACTORS_USER_RETRY_H
#define BYOK_ACTORS_USER_RETRY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "schemas/request.h"

struct byok_retry_policy {
    int64_t attempts_max;
    int64_t backoff_base_us, backoff_max_us;
};

/* What is known when an attempt has failed. */
struct byok_retry_case {
    const struct byok_fault *fault;
    bool sent;         /* the call may have been carried out */
    uint32_t attempts; /* made so far */
    uint32_t limited;  /* of them, those that a limit refused: no failures of the job */
    enum byok_on_unknown on_unknown;
    int64_t now_us, deadline_us;
    uint64_t random; /* uniform */
};

/** True: try again at `*at_us`.  False: it is final.
 *
 * - never: codes that cannot change, and limits per day;
 * - a call of unknown outcome only when the job said on_unknown: retry;
 * - the provider's Retry-After is kept to (with up to 10 % added, so that a herd spreads), and
 *   when it passes the deadline there is no retry: waiting would be in vain;
 * - else full jitter over base * 2^attempts, at most backoff_max; what a limit refused counts there
 *   for limits only, and never among the most attempts that a job may have (Brooker: Exponential backoff and
 *   jitter, AWS Architecture Blog, 2015). */
bool byok_retry_decide(const struct byok_retry_policy *policy, const struct byok_retry_case *what,
                       int64_t *at_us) BYOK_NONNULL(1, 2, 3);

/** Whether it is final only because the provider asks for a wait that passes the deadline. */
bool byok_retry_is_vain(const struct byok_retry_case *what) BYOK_NONNULL(1);

#endif
