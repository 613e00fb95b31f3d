/* SPDX-License-Identifier: MIT */
/* actors/runtime/system.c - the actors of one thread: one queue of mail, delivered in order.
 *
 * All mailboxes of a system are one first-in-first-out queue, so the order of delivery is the
 * order of sending, whatever the actors are: a run can be replayed.  Mail from other threads comes
 * through the inbox, whose lock is held for a few instructions.
 */
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include <utlist.h>

#include "actors/actor.h"
#include "actors/env.h"
#include "actors/queue.h"
#include "actors/runtime/timer.h"
#include "base/backoff.h"
#include "base/mem.h"

/* A message whose handling failed is delivered again after a pause that doubles up to this. */
#define REDELIVER_FIRST_US ((int64_t)100000)
#define REDELIVER_LAST_US ((int64_t)5000000)

struct byok_actor {
    struct byok_system *system;
    const struct byok_behavior *behavior;
    struct byok_actor *prev, *next; /* of the system's list */
    uint32_t pending;
    bool stopping;
    /* suspended after a failure: what to deliver again, in order */
    bool suspended;
    int64_t pause_us;
    struct byok_queue held;
    struct byok_timer resume;
    _Alignas(max_align_t) unsigned char state[];
};

struct byok_system {
    struct byok_env *env;
    struct byok_clock *clock;
    void (*wake)(void *arg);
    void *wake_arg;
    struct byok_queue mail;
    struct byok_timers timers;
    struct byok_actor *actors;
    struct byok_actor *running; /* handles a message now */
    pthread_mutex_t inbox_lock; /* guards inbox */
    struct byok_queue inbox;
};

struct byok_system *byok_system_new(struct byok_env *env, struct byok_clock *clock,
                                    void (*wake)(void *arg), void *wake_arg)
{
    struct byok_system *system = byok_new(1, sizeof *system);
    if (!system)
        return NULL;
    system->env = env;
    system->clock = clock;
    system->wake = wake;
    system->wake_arg = wake_arg;
    if (pthread_mutex_init(&system->inbox_lock, NULL) != 0) {
        byok_delete(system);
        return NULL;
    }
    return system;
}

static void free_actor(struct byok_actor *actor)
{
    struct byok_ctx ctx = {actor->system, actor, actor->system->env};
    byok_timers_remove(&actor->system->timers, &actor->resume);
    if (actor->behavior->done)
        actor->behavior->done(&ctx, actor->state);
    DL_DELETE(actor->system->actors, actor);
    byok_delete(actor);
}

static void drop_embedded(struct byok_queue *mail)
{
    struct byok_queue kept = {0};
    for (struct byok_msg *msg; (msg = byok_queue_pop(mail)) != NULL;) {
        if (!byok_msg_is_embedded(msg->kind))
            byok_queue_push(&kept, msg);
    }
    *mail = kept;
}

static void drop_mail(struct byok_queue *mail)
{
    for (struct byok_msg *msg; (msg = byok_queue_pop(mail)) != NULL;)
        byok_msg_free(msg);
}

void byok_system_free(struct byok_system *system)
{
    if (!system)
        return;
    /* All mail into one list; what lives inside an actor leaves it before the actor goes, what is
     * owned by its message is freed when no actor can point to it any more. */
    struct byok_queue left = system->inbox;
    byok_queue_append(&left, &system->mail);
    struct byok_actor *actor;
    DL_FOREACH(system->actors, actor)
        byok_queue_append(&left, &actor->held);
    system->inbox = (struct byok_queue){0};
    drop_embedded(&left);
    while (system->actors)
        free_actor(system->actors->prev); /* the youngest first */
    drop_mail(&left);
    pthread_mutex_destroy(&system->inbox_lock);
    byok_delete(system);
}

struct byok_actor *byok_spawn(struct byok_system *system, const struct byok_behavior *behavior,
                              void *arg)
{
    struct byok_actor *actor = byok_new(1, sizeof *actor + behavior->state_size);
    if (!actor)
        return NULL;
    actor->system = system;
    actor->behavior = behavior;
    DL_APPEND(system->actors, actor);
    struct byok_ctx ctx = {system, actor, system->env};
    if (behavior->init && behavior->init(&ctx, actor->state, arg) != BYOK_E_OK) {
        free_actor(actor);
        return NULL;
    }
    return actor;
}

void byok_stop(struct byok_actor *actor)
{
    if (actor->system->running == actor)
        actor->stopping = true;
    else
        free_actor(actor);
}

uint32_t byok_actor_pending(const struct byok_actor *actor)
{
    return actor->pending;
}

void *byok_actor_state(struct byok_actor *actor)
{
    return actor->state;
}

void byok_post(struct byok_actor *to, enum byok_msg_kind kind, struct byok_msg **msg)
{
    struct byok_system *system = to->system;
    struct byok_msg *moved = *msg;
    *msg = NULL;
    moved->kind = kind;
    moved->to = to;
    pthread_mutex_lock(&system->inbox_lock);
    bool was_empty = !system->inbox.head;
    byok_queue_push(&system->inbox, moved);
    pthread_mutex_unlock(&system->inbox_lock);
    if (was_empty)
        system->wake(system->wake_arg);
}

void byok_send(struct byok_ctx *ctx, struct byok_actor *to, enum byok_msg_kind kind,
               struct byok_msg **msg)
{
    (*msg)->from = ctx->self;
    if (to->system != ctx->system) {
        byok_post(to, kind, msg);
        return;
    }
    struct byok_msg *moved = *msg;
    *msg = NULL;
    moved->kind = kind;
    moved->to = to;
    to->pending++;
    byok_queue_push(&ctx->system->mail, moved);
}

static void take_inbox(struct byok_system *system)
{
    pthread_mutex_lock(&system->inbox_lock);
    struct byok_queue came = system->inbox;
    system->inbox = (struct byok_queue){0};
    pthread_mutex_unlock(&system->inbox_lock);
    for (struct byok_msg *msg; (msg = byok_queue_pop(&came)) != NULL;) {
        msg->to->pending++;
        byok_queue_push(&system->mail, msg);
    }
}

/* A timer is not mail: it goes back into the heap, behind the actor's own resumption. */
static void hold(struct byok_actor *actor, struct byok_msg *msg)
{
    if (msg->kind != BYOK_MSG_TIMER) {
        byok_queue_push(&actor->held, msg);
        return;
    }
    struct byok_timer *timer = (struct byok_timer *)msg;
    timer->due_us = actor->resume.due_us;
    byok_timers_insert(&actor->system->timers, timer);
}

/* The supervisor: the actor rests with the failed message first in its held mail. */
static void suspend(struct byok_ctx *ctx, struct byok_msg *msg, enum byok_err err)
{
    struct byok_actor *actor = ctx->self;
    actor->suspended = true;
    actor->pause_us = byok_backoff_next(actor->pause_us, REDELIVER_FIRST_US, REDELIVER_LAST_US);
    byok_timer_set(ctx, &actor->resume,
                   ctx->system->clock->ops->now_us(ctx->system->clock) + actor->pause_us);
    hold(actor, msg);
    if (ctx->env->metrics)
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_ACTOR_FAILURES, 1);
    byok_log_event(ctx->env->log, BYOK_LOG_WARN, "actor_suspended",
                   BYOK_F_TEXT("actor", actor->behavior->name),
                   BYOK_F_TEXT("code", byok_err_name(err)),
                   BYOK_F_INT("retry_in_ms", actor->pause_us / 1000));
}

static void deliver(struct byok_system *system, struct byok_msg *msg)
{
    struct byok_actor *actor = msg->to;
    struct byok_ctx ctx = {system, actor, system->env};
    if (msg->kind == BYOK_MSG_TIMER && msg == &actor->resume.msg) {
        actor->suspended = false;
        byok_queue_prepend(&system->mail, &actor->held);
        return;
    }
    if (actor->suspended) {
        hold(actor, msg);
        return;
    }
    if (msg->kind != BYOK_MSG_TIMER)
        actor->pending--;
    struct byok_msg *mine = msg;
    system->running = actor;
    enum byok_err err = actor->behavior->receive(&ctx, actor->state, &mine);
    system->running = NULL;
    if (err != BYOK_E_OK && mine) {
        if (mine->kind != BYOK_MSG_TIMER)
            actor->pending++;
        suspend(&ctx, mine, err);
        return;
    }
    assert(!mine || mine->kind == BYOK_MSG_TIMER);
    actor->pause_us = 0;
#ifndef NDEBUG
    if (actor->behavior->check)
        actor->behavior->check(actor->state);
#endif
    if (actor->stopping) {
        assert(actor->pending == 0);
        free_actor(actor);
    }
}

/* No more than `most`: an actor that sets its timer into the past holds up no other. */
static void ring_timers(struct byok_system *system, uint32_t most)
{
    int64_t now = system->clock->ops->now_us(system->clock);
    struct byok_timer *timer;
    while (most-- > 0 && (timer = byok_timers_first(&system->timers)) != NULL &&
           timer->due_us <= now) {
        byok_timers_remove(&system->timers, timer);
        timer->msg.kind = BYOK_MSG_TIMER;
        timer->msg.to = timer->actor;
        timer->msg.from = NULL;
        deliver(system, &timer->msg);
    }
}

bool byok_system_run(struct byok_system *system, uint32_t budget)
{
    take_inbox(system);
    ring_timers(system, budget);
    while (budget > 0) {
        struct byok_msg *msg = byok_queue_pop(&system->mail);
        if (!msg)
            break;
        budget--;
        deliver(system, msg);
    }
    return system->mail.head != NULL;
}

int64_t byok_system_next_timer_us(const struct byok_system *system)
{
    const struct byok_timer *first = byok_timers_first(&system->timers);
    return first ? first->due_us : INT64_MAX;
}

void byok_timer_set(struct byok_ctx *ctx, struct byok_timer *timer, int64_t due_us)
{
    byok_timers_remove(&ctx->system->timers, timer);
    timer->actor = ctx->self;
    timer->due_us = due_us;
    byok_timers_insert(&ctx->system->timers, timer);
}

void byok_timer_cancel(struct byok_ctx *ctx, struct byok_timer *timer)
{
    byok_timers_remove(&ctx->system->timers, timer);
}
