/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_rate.h - what a key may at its provider, and what the answers say of that.
 *
 * So many requests and tokens in a window, which begins with the first request in it; each key has
 * its own, also one that takes another's place.  Each whole answer to a job says in OpenAI's headers
 * what is left; what is above is refused by 429.  A worker that was told that nothing is left is
 * watched: it is to wait with that key, and with no other.
 */
#ifndef BYOK_TESTS_SIM_SIM_RATE_H
#define BYOK_TESTS_SIM_SIM_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct byok_http_call;
struct sim_answer;
struct sim_entry;
struct sim_key;
struct sim_worker;
struct sim_world;

/* What the keys of a user may at a provider, each. */
struct sim_limits {
    int64_t requests, tokens; /* in a window; 0: any number, of which nothing is said */
    int64_t window_us;
    bool is_terse; /* a refusal says by the reset alone how long to wait */
};

/* Of a key. */
struct sim_quota {
    struct sim_limits limits;
    /* the window that is, or was */
    int64_t began_us, requests_used, tokens_used;
    /* who was told that nothing is left, in which life and assignment, and is to wait */
    const struct sim_worker *told;
    uint32_t life, generation;
    int64_t told_us, until_us;
};

/* What an answer says of one limit. */
struct sim_rate {
    int64_t limit; /* 0: nothing */
    int64_t remaining, reset_ms;
};

/** A key is made: it begins with what its user's keys may. */
void sim_rate_begin(const struct sim_world *world, struct sim_key *key);
/** A call with a good key has reached the provider: it is counted, or the answer becomes a
 *  refusal. */
void sim_rate_admit(struct sim_world *world, const struct sim_entry *entry,
                    struct sim_answer *answer);
/** The answer, which says so many tokens, is as it will be: what is left is said in it. */
void sim_rate_tell(struct sim_world *world, const struct sim_entry *entry, int64_t tokens,
                   struct sim_answer *answer);
/** The answer has reached the worker; `good`: it is what was asked for. */
void sim_rate_told(struct sim_world *world, const struct sim_entry *entry,
                   const struct sim_answer *answer, bool good);
/** A worker makes a call for a job: it does not if it is to wait. */
void sim_rate_watch(struct sim_world *world, const struct sim_entry *entry);

/** The answer's headers, in the call's arena; without memory some are missing. */
void sim_rate_headers(struct byok_http_call *call, const struct sim_answer *answer,
                      const char *content_type);

#endif
