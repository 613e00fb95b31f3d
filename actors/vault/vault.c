/* SPDX-License-Identifier: MIT */
/* actors/vault/vault.c - the only actor with the master keys and the sealed records; on its own
 * thread.
 *
 * It puts keys into slots that others have leased, and keeps its table as the changelog says.
 */
#include <assert.h>

#include "actors/env.h"
#include "actors/queue.h"
#include "base/backoff.h"
#include "base/mem.h"
#include "vault_rocks/registers.h"

#define AGAIN_FIRST_US ((int64_t)100000) /* doubles up to the last */
#define AGAIN_LAST_US ((int64_t)5000000)

struct vault {
    struct byok_vault *vault;
    struct byok_queue waiting; /* a write that failed and, in order, all that came behind it and
                                * depends on order; what only opens keys goes on meanwhile */
    struct byok_timer again;
    int64_t pause_us;
};

/* Told on the status page; the message waits meanwhile. */
static enum byok_err note_store(const struct byok_ctx *ctx, enum byok_err err,
                                const struct byok_fault *fault)
{
    byok_metric_set(ctx->env->metrics, BYOK_METRIC_STORE_BROKEN, err == BYOK_E_STORE);
    if (err != BYOK_E_STORE)
        return err;
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
    byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "vault_unwritable",
                   BYOK_F_TEXT("reason", fault->text));
    return err;
}

static struct byok_owner owner_of(const struct byok_task *task)
{
    return (struct byok_owner){task->request.user, byok_str_of(task->provider->name),
                               task->request.label};
}

/* Whether a key with that expiry may be used or stored; what was opened is wiped when it may
 * not. */
static enum byok_err check_expiry(const struct byok_ctx *ctx, struct byok_task *task,
                                  int64_t expires_wall_ms, struct byok_fault *fault)
{
    if (expires_wall_ms == 0 || expires_wall_ms > byok_now_wall_ms(ctx))
        return BYOK_E_OK;
    byok_slots_release(task->slots, &task->slot);
    return byok_fault_set(fault, BYOK_E_KEY_EXPIRED,
                          "the key has expired: register a new one (byok key rotate)");
}

static void note_cache(const struct byok_ctx *ctx, struct byok_store *store)
{
    uint64_t hits, misses;
    if (!store->ops->uses)
        return;
    store->ops->uses(store, &hits, &misses);
    byok_metric_set(ctx->env->metrics, BYOK_METRIC_CACHE_HITS, (int64_t)hits);
    byok_metric_set(ctx->env->metrics, BYOK_METRIC_CACHE_MISSES, (int64_t)misses);
}

static void on_unseal(struct byok_ctx *ctx, struct vault *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    const struct byok_wanted_key wanted = {
        .owner = owner_of(task),
        .origin = byok_str_of(task->provider->origin),
        .floor_wall_ms = task->key_floor_wall_ms,
    };
    struct byok_fault fault = {0};
    enum byok_err err =
        byok_vault_unseal(self->vault, task->partition, &wanted, task->slot, &task->key, &fault);
    if (err == BYOK_E_OK)
        err = check_expiry(ctx, task, task->key.expires_wall_ms, &fault);
    task->key.origin = (struct byok_str){NULL, 0}; /* borrowed from a record that is gone */
    if (err == BYOK_E_OK)
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_UNSEALS, 1);
    else if (err == BYOK_E_STORE)
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
    else if (err == BYOK_E_KEY_OUTDATED)
        byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "sealed_key_outdated",
                       BYOK_F_STR("user", wanted.owner.user),
                       BYOK_F_STR("provider", wanted.owner.provider),
                       BYOK_F_STR("label", wanted.owner.label),
                       BYOK_F_TEXT("hint", "somebody has put an older record into the vault's "
                                           "topic: see who may write there"));
    task->fault = fault;
    task->fault.code = err;
    note_cache(ctx, byok_vault_store(self->vault));
    byok_send(ctx, (*msg)->from, BYOK_MSG_OPENED, msg);
}

static void on_register(struct byok_ctx *ctx, struct vault *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    struct byok_registration registration = {
        .owner = owner_of(task),
        .origin = byok_str_of(task->provider->origin),
        .envelope = task->request.envelope,
        .expires_wall_ms = task->request.expires_wall_ms,
        .replaces = task->request.type == BYOK_REQUEST_KEY_ROTATE,
        .floor_wall_ms = task->key_floor_wall_ms,
        .now_wall_ms = byok_now_wall_ms(ctx),
        .max_age_ms = ctx->env->settings->envelope_max_age_ms,
    };
    struct byok_fault fault = {0};
    enum byok_err err = byok_vault_register(self->vault, task->partition, &registration,
                                            &task->arena, task->slot, &fault);
    if (err == BYOK_E_OK)
        err = check_expiry(ctx, task, registration.expires_wall_ms, &fault);
    task->sealed = registration.record;
    task->key = registration.info;
    task->fault = fault;
    task->fault.code = err;
    byok_send(ctx, (*msg)->from, BYOK_MSG_OPENED, msg);
}

/* A stretch of the changelog, or (empty) the question how far the table is. */
static enum byok_err on_chunk(struct byok_ctx *ctx, struct vault *self, struct byok_msg **msg)
{
    struct byok_chunk *chunk = (struct byok_chunk *)*msg;
    struct byok_store *store = byok_vault_store(self->vault);
    struct byok_fault fault = {0};
    enum byok_err err = BYOK_E_OK;
    /* a lost partition's (no epoch) table on a server is the next owner's by now */
    if (chunk->reset && !(store->ops->shared && chunk->epoch == 0))
        err = store->ops->drop(store, chunk->partition, &fault);
    size_t count = 0, unreadable = 0;
    for (struct byok_record *r = chunk->records; r; r = (struct byok_record *)r->msg.next)
        count++;
    struct byok_write *writes = byok_new(count + 1, sizeof *writes);
    if (!writes)
        return BYOK_E_NOMEM;
    count = 0;
    for (struct byok_record *r = chunk->records; r; r = (struct byok_record *)r->msg.next) {
        if (r->key.len <= BYOK_STORE_KEY_MAX) /* a longer one names no owner; no server takes it */
            writes[count++] = (struct byok_write){r->key, r->value, !r->value.ptr};
        unreadable +=
            r->value.ptr && byok_vault_verify(self->vault, r->key, r->value, NULL) != BYOK_E_OK;
    }
    if (err == BYOK_E_OK && (count > 0 || chunk->position >= 0))
        err = store->ops->apply(store, chunk->partition, writes, count, chunk->position, &fault);
    byok_delete(writes);
    if (err == BYOK_E_OK)
        err = store->ops->position(store, chunk->partition, &chunk->position, &fault);
    if (note_store(ctx, err, &fault) != BYOK_E_OK)
        return err;
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_RESTORED, (int64_t)count);
    if (unreadable > 0)
        byok_log_event(ctx->env->log, BYOK_LOG_ERROR, "sealed_keys_unreadable",
                       BYOK_F_INT("partition", chunk->partition), BYOK_F_INT("keys", unreadable),
                       BYOK_F_TEXT("hint", "the master key that sealed them is not in the ring"));
    byok_send(ctx, (*msg)->from, BYOK_MSG_CHUNK_APPLIED, msg);
    return BYOK_E_OK;
}

static enum byok_err apply_out(struct vault *self, const struct byok_out *out,
                               struct byok_fault *fault)
{
    struct byok_store *store = byok_vault_store(self->vault);
    const struct byok_write write = {out->key, out->value, out->tombstone};
    return store->ops->apply(store, out->partition, &write, 1, out->offset + 1, fault);
}

/* The committed registrations and deletions of a batch; made again when the store fails. */
static enum byok_err on_apply(struct byok_ctx *ctx, struct vault *self, struct byok_msg **msg)
{
    const struct byok_commit *commit = (const struct byok_commit *)*msg;
    for (const struct byok_task *task = commit->tasks; task;
         task = (const struct byok_task *)task->msg.next) {
        for (size_t i = 0; i < task->out_count; i++) {
            if (task->outs[i].topic != BYOK_TOPIC_VAULT)
                continue;
            struct byok_fault fault = {0};
            enum byok_err err = apply_out(self, &task->outs[i], &fault);
            if (note_store(ctx, err, &fault) != BYOK_E_OK)
                return err;
        }
    }
    byok_send(ctx, (*msg)->from, BYOK_MSG_APPLIED, msg);
    return BYOK_E_OK;
}

static void on_rewrap(struct byok_ctx *ctx, struct vault *self, struct byok_msg **msg)
{
    struct byok_rewrap *rewrap = (struct byok_rewrap *)*msg;
    enum byok_err err = byok_vault_rewrap(self->vault, rewrap->partition, &rewrap->step,
                                          &rewrap->arena, &rewrap->fault);
    rewrap->fault.code = err;
    if (err == BYOK_E_STORE)
        byok_metric_add(ctx->env->metrics, BYOK_METRIC_STORE_FAILURES, 1);
    byok_send(ctx, (*msg)->from, BYOK_MSG_REWRAPPED, msg);
}

/* ---- what keeps its order ---- */

/* On an error it is still there, and may be done again. */
static enum byok_err carry_out(struct byok_ctx *ctx, struct vault *self, struct byok_msg **msg)
{
    if ((*msg)->kind == BYOK_MSG_APPLY)
        return on_apply(ctx, self, msg);
    if ((*msg)->kind == BYOK_MSG_RESTORE_CHUNK)
        return on_chunk(ctx, self, msg);
    on_rewrap(ctx, self, msg);
    return BYOK_E_OK;
}

/* Until one fails; it and what is behind it stay. */
static void carry_on(struct byok_ctx *ctx, struct vault *self)
{
    while (self->waiting.head) {
        struct byok_msg *msg = byok_queue_pop(&self->waiting);
        if (carry_out(ctx, self, &msg) == BYOK_E_OK) {
            self->pause_us = 0;
            continue;
        }
        byok_queue_return(&self->waiting, msg);
        self->pause_us = byok_backoff_next(self->pause_us, AGAIN_FIRST_US, AGAIN_LAST_US);
        byok_timer_set(ctx, &self->again, byok_now_us(ctx) + self->pause_us);
        return;
    }
}

static void on_ordered(struct byok_ctx *ctx, struct vault *self, struct byok_msg **msg)
{
    byok_queue_push(&self->waiting, *msg);
    *msg = NULL;
    if (!self->again.set)
        carry_on(ctx, self);
}

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct vault *self = state;
    switch ((*msg)->kind) {
    case BYOK_MSG_UNSEAL:
        on_unseal(ctx, self, msg);
        break;
    case BYOK_MSG_REGISTER: /* only reads; its user has no other command under way */
        on_register(ctx, self, msg);
        break;
    case BYOK_MSG_RESTORE_CHUNK:
    case BYOK_MSG_REWRAP:
    case BYOK_MSG_APPLY:
        on_ordered(ctx, self, msg);
        break;
    case BYOK_MSG_TIMER:
        carry_on(ctx, self);
        break;
    default:
        assert(!"a message that the vault does not know");
    }
    byok_registers_wipe();
    return BYOK_E_OK;
}

static void done(struct byok_ctx *ctx, void *state)
{
    struct vault *self = state;
    byok_timer_cancel(ctx, &self->again);
    for (struct byok_msg *msg; (msg = byok_queue_pop(&self->waiting)) != NULL;)
        byok_msg_free(msg);
}

static enum byok_err init(struct byok_ctx *ctx, void *state, void *arg)
{
    (void)ctx;
    ((struct vault *)state)->vault = arg;
    return BYOK_E_OK;
}

static const struct byok_behavior behavior = {
    .name = "vault",
    .state_size = sizeof(struct vault),
    .init = init,
    .receive = receive,
    .done = done,
};

struct byok_actor *byok_vault_actor(struct byok_system *system, struct byok_vault *vault)
{
    return byok_spawn(system, &behavior, vault);
}
