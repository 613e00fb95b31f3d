/* SPDX-License-Identifier: MIT */
/* actors/provider/turns.h - who may go next at a provider, and how many may be on their way.
 *
 * Users who have a job stand in a ring; a turn takes one job of one user, and who has more stands
 * at the end again, so a user with 100,000 jobs delays another's single job by one call at most.
 * A breaker holds the turns back while the provider is not there (the users are told until when, so
 * that their jobs can go elsewhere).
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
    int64_t given;              /* turns given and not back, their calls among them */
    struct byok_timer retry;    /* when too much waits to be published, or a probe is under way */
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

/** A turn is back, from a call or without one: what its end says of the provider is learned, as
 *  byok_health_learn() says. */
void byok_turns_end(struct byok_ctx *ctx, struct byok_turns *turns, struct byok_task *task)
    BYOK_NONNULL(1, 2, 3);

/** No timer of it is left. */
void byok_turns_done(struct byok_ctx *ctx, struct byok_turns *turns) BYOK_NONNULL(1, 2);

/** Assert what must hold between messages. */
void byok_turns_check(const struct byok_turns *turns) BYOK_NONNULL(1);

#endif
