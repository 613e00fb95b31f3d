/* SPDX-License-Identifier: MIT */
/* actors/actor.h - the runtime: actors, mailboxes, timers, supervision.
 *
 * A system is the actors of one thread.  An actor is private state plus a mailbox; its state
 * changes only in `receive`.  Sending never fails and never runs the receiver: the message waits
 * in the mailbox until byok_system_run reaches it.  Within a system messages are delivered in the
 * order sent; between systems, in order per sender.
 * Thread: all functions belong to the system's thread, but byok_post.
 */
#ifndef BYOK_ACTORS_ACTOR_H
#define BYOK_ACTORS_ACTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "actors/message.h"
#include "actors/metrics.h"
#include "actors/ports/broker.h"
#include "actors/ports/clock.h"
#include "actors/ports/http.h"
#include "actors/ports/log.h"

struct byok_system;
struct byok_env; /* what the actors of a system share: ports, settings; actors/env.h */

/* What an actor sees of its surroundings while it handles a message. */
struct byok_ctx {
    struct byok_system *system;
    struct byok_actor *self;
    struct byok_env *env;
};

struct byok_behavior {
    const char *name;
    size_t state_size;
    /** Prepare the zeroed state; `arg` is what byok_spawn was given. */
    enum byok_err (*init)(struct byok_ctx *ctx, void *state, void *arg);
    /** Handle one message.  Whoever sets *msg to NULL has taken it.  An error (BYOK_E_NOMEM,
     *  BYOK_E_STORE) with *msg still set means: not now.  The supervisor then suspends the actor
     *  and delivers the same message again after a growing pause, everything behind it in order:
     *  nothing is lost while memory or the disk is full. */
    enum byok_err (*receive)(struct byok_ctx *ctx, void *state, struct byok_msg **msg);
    /** Release what the state owns; the mailbox is empty by then. */
    void (*done)(struct byok_ctx *ctx, void *state);
    /** Assert the invariants; run after each message in debug builds. NULL: none. */
    void (*check)(const void *state);
};

/** A system; `wake` is called (from any thread) when byok_post gave it its first message, so that
 *  its loop calls byok_system_run.  NULL: no memory. */
struct byok_system *byok_system_new(struct byok_env *env, struct byok_clock *clock,
                                    void (*wake)(void *arg), void *wake_arg) BYOK_MUST_USE;

/** End all actors (messages left are freed) and release. NULL is fine. */
void byok_system_free(struct byok_system *system);

/** Deliver due timers and mail, posted messages among it, until nothing is left or `budget` of each
 *  were handled.  True: more mail is waiting; what timers are due tells byok_system_next_timer_us. */
bool byok_system_run(struct byok_system *system, uint32_t budget) BYOK_NONNULL(1);

/** When the next timer is due, in monotonic µs; INT64_MAX: none. */
int64_t byok_system_next_timer_us(const struct byok_system *system) BYOK_NONNULL(1);

/** A new actor, or NULL (no memory, or its init failed). */
struct byok_actor *byok_spawn(struct byok_system *system, const struct byok_behavior *behavior,
                              void *arg) BYOK_NONNULL(1, 2) BYOK_MUST_USE;

/** End an actor: after the message when it is handling one, else at once.  Its owner sees to it
 *  that nobody sends to it any more and that no mail is left (byok_actor_pending). */
void byok_stop(struct byok_actor *actor) BYOK_NONNULL(1);

/** Messages sent to the actor and not yet handled. */
uint32_t byok_actor_pending(const struct byok_actor *actor) BYOK_NONNULL(1);

/** The state of an actor, for tests. */
void *byok_actor_state(struct byok_actor *actor) BYOK_NONNULL(1);

/** Send from inside a handler: to an actor of this or another system. Takes *msg. */
void byok_send(struct byok_ctx *ctx, struct byok_actor *to, enum byok_msg_kind kind,
               struct byok_msg **msg) BYOK_NONNULL(1, 2, 4);

/** The same for a task. Takes *task. */
static inline void byok_send_task(struct byok_ctx *ctx, struct byok_actor *to,
                                  enum byok_msg_kind kind, struct byok_task **task)
{
    struct byok_msg *msg = &(*task)->msg;
    *task = NULL;
    byok_send(ctx, to, kind, &msg);
}

/** Send from a port, from any thread. Takes *msg. */
void byok_post(struct byok_actor *to, enum byok_msg_kind kind, struct byok_msg **msg)
    BYOK_NONNULL(1, 3);

/* A timer; lives in its actor's state, zeroed at first, cancelled before the state goes. */
struct byok_timer {
    struct byok_msg msg; /* delivered as BYOK_MSG_TIMER */
    struct byok_actor *actor;
    int64_t due_us;
    struct byok_timer *child, *next, *prev; /* of the pairing heap */
    uint64_t sequence;
    bool set;
};

/** Set (or move) a timer of the actor handling a message. Cannot fail: the heap is intrusive. */
void byok_timer_set(struct byok_ctx *ctx, struct byok_timer *timer, int64_t due_us)
    BYOK_NONNULL(1, 2);
void byok_timer_cancel(struct byok_ctx *ctx, struct byok_timer *timer) BYOK_NONNULL(1, 2);

#endif
