/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_watch.h - sees all that is published and called, and says what must not be.
 *
 * Some rules hold at every moment and are checked when something happens: a position passes no
 * request without an outcome, a partition starts with tables that are what the changelogs say.
 * The others are checked by sim_check when a run has come to rest.
 */
#ifndef BYOK_TESTS_SIM_WATCH_H
#define BYOK_TESTS_SIM_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uthash.h>

#include "base/attr.h"
#include "schemas/wire.h"
#include "tests/sim/sim_http.h"

/* A user whose jobs are all alike, one at once, so that they begin in order. */
#define SIM_LINE "line"

struct byok_record;
struct sim_entry;
struct sim_world;
struct sim_worker;

/* One request id of a user, and all that became of it. */
struct sim_request {
    char name[200]; /* user/id */
    bool job;
    bool registers; /* a key */
    size_t provider; /* that it names, as an index in the world */
    bool retries; /* on_unknown: retry */
    bool hurries; /* names a deadline */
    bool dead;    /* went to the dlq */
    unsigned texts; /* of embeddings that say whose they are */
    uint64_t speech; /* the text to be spoken, hashed; 0: none */
    bool keyless;   /* it, or another of its id, names a key that its user does not have */
    char names[16]; /* the label that it names; empty: none */
    char chosen[16]; /* the label that it makes the default; empty: none */
    char used[16];  /* the label that its result says */
    const struct sim_request *chooses; /* the last one before it that makes a key the default */
    bool no_key;  /* its result says that its user has none */
    bool ok;      /* its result says so */
    int64_t ended_us; /* when its last result could be seen */
    const struct sim_request *registration; /* the last one before it in its partition */
    unsigned places; /* where it waits in the state, now */
    bool cancelled;  /* so its result says */
    bool taken_back; /* so the result of a cancel says */
    unsigned records;  /* in the requests topic */
    int64_t offset;    /* of the first of them on the user's partition */
    unsigned results, usage;
    unsigned attempts, sent_attempts; /* of the last result */
    unsigned joined_attempts; /* of them, calls of other jobs */
    unsigned usage_calls;     /* that its usage events count */
    unsigned fallbacks, fewest; /* that it names: the most and the fewest of its records */
    bool left_off;            /* it failed for its provider, and not all of them were tried */
    int64_t
        calls_at[SIM_PROVIDERS]; /* usage events, without lost ones; at the end what is too many */
    int64_t counts_at[SIM_PROVIDERS]; /* calls that they count */
    int64_t lost_at[SIM_PROVIDERS];
    unsigned jobs; /* that shared its last call */
    bool went_alone; /* one of its calls was shared with no other job */
    unsigned joined_calls; /* of the ledger, that are somebody's */
    unsigned lost_attempts; /* of them, an earlier owner's, which may have been sent or not */
    int64_t tokens_at[SIM_PROVIDERS]; /* of its usage events; at the end what is too many */
    int64_t written_at[SIM_PROVIDERS]; /* of them, to a cache */
    unsigned made; /* calls, sent or not */
    unsigned calls; /* of the ledger that were sent */
    unsigned void_calls; /* of them: made or still open when their worker lost the partition, so
                            that nobody could publish them */
    const struct sim_entry *spoken; /* a call that is nobody's has spoken a part (sim_check) */
    const struct sim_entry *unclear; /* its last call that had no outcome (sim_check) */
    UT_hash_handle hh;
};

struct sim_watch {
    struct sim_request *requests;
    unsigned failures;
    char first[300]; /* what went wrong first */
};

/** The run has failed; the first text is kept. */
void sim_fail(struct sim_world *world, const char *format, ...) BYOK_PRINTF(2, 3);

/** Index in the world; an unknown one fails the run. */
size_t sim_provider_of(struct sim_world *world, struct byok_str name);

/** Found or made. */
struct sim_request *sim_request_of(struct sim_world *world, struct byok_str user,
                                   struct byok_str id);

/** A record can be seen. */
void sim_watch_record(struct sim_world *world, enum byok_topic topic, int32_t partition,
                      size_t index);
/** A call begins; when it is its request's first, it is the turn of that request. */
void sim_watch_order(struct sim_worker *worker, const struct sim_entry *entry);
/** A worker streams a piece of an answer. */
void sim_watch_delta(struct sim_worker *worker, const struct byok_record *record);
/** The group's position has moved on. */
void sim_watch_position(struct sim_world *world, int32_t partition, int64_t before);
/** A worker reads a changelog of a partition, from that offset on. */
void sim_watch_restore(struct sim_worker *worker, enum byok_topic topic, int32_t partition,
                       int64_t from);
/** A worker takes records of a partition that it has restored. */
void sim_watch_started(struct sim_worker *worker, int32_t partition);
/** An assignment has ended: its calls without an outcome are nobody's. */
void sim_watch_gone(struct sim_worker *worker, int32_t partition);

/** Whether the worker of a call still has the assignment that it was made in. */
bool sim_is_held(const struct sim_entry *entry);

/** Whether both tables of the worker are what the changelogs say, all of it. */
void sim_check_tables(struct sim_worker *worker, int32_t partition, const char *when);

/** All that must hold at rest, of a run that ended well. */
void sim_check(struct sim_world *world);

void sim_watch_done(struct sim_watch *watch);

#endif
