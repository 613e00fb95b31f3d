/* SPDX-License-Identifier: MIT */
/* actors/provider/turns.h - who may go next at a provider, and how many may be on their way.
 *
 * Users who have a job stand in a ring; a turn takes one job of one user, and who has more stands
 * at the end again, so a user with 100,000 jobs delays another's single job by one call at most.
 * A breaker holds the turns back while the provider is not there (the users are told until when, so
 * that their jobs can go elsewhere).
 *
 * There are never more calls under way than the provider is found to take.  What comes before a
 * call (its key, its claim, a round trip to the brokers) takes time too, so turns are given ahead:
 * as many as calls end in four such times, as counted over the last 0.2 s, never more than calls at
 * once, and leaving slots to others.  With calls that take seconds those are few, and no more are
 * given once calls do not end.
 *
 * Thread: the shard's.
 */
#ifndef BYOK_ACTORS_PROVIDER_TURNS_H
#define BYOK_ACTORS_PROVIDER_TURNS_H

#include "actors/provider/health.h"
#include "actors/queue.h"
#include "actors/runtime/timer.h"

struct byok_turns {
    struct byok_queue ring;     /* byok_ready of the users who wait for a turn */
    struct byok_queue commands; /* the same for commands, which go first */
    struct byok_health health;
    int64_t given;            /* turns given and not back, their calls among them */
    int64_t calls;              /* calls under way */
    int64_t lead_us;            /* moving mean of the time before a call; 0: unknown */
    int64_t counted_us;         /* when counting calls that end began */
    int64_t ended, ended_before; /* calls, since then and in the period before */
    struct byok_timer retry;  /* when too much waits to be published, or a probe is under way */
};

/** Nothing is known of the provider, of that index in the env, yet. */
void byok_turns_init(struct byok_turns *turns, const struct byok_env *env, size_t provider)
    BYOK_NONNULL(1, 2);

/** A user waits for a turn (BYOK_MSG_READY, kept until then). */
void byok_turns_wait(struct byok_turns *turns, struct byok_msg **msg) BYOK_NONNULL(1, 2);

/** A user had nothing for the turn it was given (BYOK_MSG_DECLINE); it is told that this is known. */
void byok_turns_declined(struct byok_ctx *ctx, struct byok_turns *turns, struct byok_msg **msg)
    BYOK_NONNULL(1, 2, 3);

/** Give as many turns as may be given now. */
void byok_turns_give(struct byok_ctx *ctx, struct byok_turns *turns) BYOK_NONNULL(1, 2);

/** Whether one more call may be made now. */
bool byok_turns_has_room(const struct byok_turns *turns) BYOK_NONNULL(1);

/** A call may be made, `lead_us` microseconds after the work for it began. */
void byok_turns_ready(struct byok_turns *turns, int64_t lead_us) BYOK_NONNULL(1);

/** A call begins; there is room for it. */
void byok_turns_call(struct byok_turns *turns) BYOK_NONNULL(1);

/** A turn is back, from a call (`called`) or without one: what its end says of the provider is
 *  learned, as byok_health_learn() says. */
void byok_turns_end(struct byok_ctx *ctx, struct byok_turns *turns, struct byok_task *task,
                    bool called) BYOK_NONNULL(1, 2, 3);

/** No timer of it is left. */
void byok_turns_done(struct byok_ctx *ctx, struct byok_turns *turns) BYOK_NONNULL(1, 2);

/** Assert what must hold between messages. */
void byok_turns_check(const struct byok_turns *turns) BYOK_NONNULL(1);

#endif
