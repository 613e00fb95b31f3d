/* SPDX-License-Identifier: MIT */
/* actors/provider/bulk.h - embedding jobs of one user that go to their provider in one call.
 *
 * The members of a bulk are alike: same provider, model, key, dimensions, input type and options.
 * The first one's call it is: it has the slot, stands for one of the requests per minute and for
 * one of the calls at once, and counts the call in its usage.  The others go along ("joined"): each
 * has a claim and a result of its own, its own vectors, and its share of the usage.
 * A bulk belongs to its members; it goes with the last that leaves.
 * Thread: the shard's.
 */
#ifndef BYOK_ACTORS_PROVIDER_BULK_H
#define BYOK_ACTORS_PROVIDER_BULK_H

#include "actors/env.h"
#include "actors/message.h"

/* Jobs in one call: OpenAI's limit of texts, the highest that is known. */
#define BYOK_BULK_MAX 2048u

struct byok_bulk {
    uint32_t count, room; /* members */
    uint32_t staying;     /* of them, those that have not left */
    uint32_t claiming;    /* whose claims are on their way */
    uint32_t texts;       /* of all */
    size_t bytes;         /* of all texts */
    uint32_t most;        /* members that it may have */
    uint64_t random;      /* of the retries: they come back together */
    struct byok_arena arena;     /* of the call */
    struct byok_request request; /* the first member's, with the texts of all */
    struct byok_task *members[]; /* who has left is gone from memory, maybe */
};

/** Give each of `count` weights (not negative, their sum is below 2^31) its part of `total` (not
 *  negative): each part is less than 1 away from its exact part, and their sum is `total`. */
void byok_bulk_share(int64_t total, const int64_t *weights, size_t count, int64_t *parts);

/** Look at a job that was routed: task->bulk_texts is how many texts it may bring into a bulk; 0:
 *  it goes alone (no embeddings, `raw`, or its provider takes one job at a time). */
void byok_bulk_look(const struct byok_env *env, struct byok_task *task) BYOK_NONNULL(1, 2);

/** A bulk of one, with room for `room`; `first` is its first member.  NULL: no memory. */
struct byok_bulk *byok_bulk_new(struct byok_task *first, uint32_t room) BYOK_NONNULL(1)
    BYOK_MUST_USE;

/** Put a job in, when it is alike and there is room for its texts, bytes and tokens by the limits
 *  of the provider.  False: it is not in. */
bool byok_bulk_add(const struct byok_env *env, struct byok_bulk *bulk, struct byok_task *task,
                   int64_t now_us) BYOK_NONNULL(1, 2, 3);

/** The i-th that shares the task's call, the task itself when it has its own; NULL: past the
 *  end. */
struct byok_task *byok_bulk_member(struct byok_task *task, uint32_t i) BYOK_NONNULL(1);

/** The task has to do with the call no more. */
void byok_bulk_leave(struct byok_task *task) BYOK_NONNULL(1);

/** Make bulk->request from its members, anew each time.  BYOK_E_NOMEM; BYOK_E_TOO_LARGE. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_bulk_merge(const struct byok_settings *settings, struct byok_bulk *bulk);

/** The most bytes of an answer: as many as its jobs could have by themselves, within bounds. */
size_t byok_bulk_answer_max(const struct byok_settings *settings, const struct byok_task *task)
    BYOK_NONNULL(1, 2);

/** The first member's call has ended, its fault and the answer to all (in bulk->arena) are in it:
 *  give each member its vectors, its share of the usage, and what is known of the call.
 *  BYOK_E_NOMEM: nothing of it counts; read the answer anew. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_bulk_split(struct byok_task *first);

/** Nothing was sent: give the others the first member's fault.  A deadline is its own alone: the
 *  others are `late`, and wait again. */
void byok_bulk_spread(struct byok_task *first) BYOK_NONNULL(1);

/** Whether the call was refused for what one of its jobs may have brought: then each of them is
 *  tried again among fewer, in the end alone (task->bulk_most is set).  No job fails for
 *  another. */
bool byok_bulk_parts(struct byok_task *task) BYOK_NONNULL(1);

#endif
