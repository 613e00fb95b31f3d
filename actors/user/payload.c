/* SPDX-License-Identifier: MIT */
/* actors/user/payload.c - jobs whose payloads are got, answers whose payloads are put.
 *
 * A job that refers to payloads waits in the window as any other, and is not offered to its
 * provider before they are in memory: a slow store holds up nobody but such jobs.  It leaves the
 * window while they are on their way, so nothing else happens to it meanwhile.
 */
#include "actors/partition/partition.h"
#include "actors/publisher/payloads.h"
#include "actors/user/parts.h"

/* Jobs of a user whose payloads are in memory or on their way, before their call: enough to hide
 * the store's time, few enough that a queue of them does not fill the memory. */
#define AHEAD_MAX 4

/* Whether the payloads of a job like that one, which is under way or may go now, are in memory or
 * on their way.  One that waits for a time, or for a key, may wait long: it does not count. */
static bool has_one(const struct byok_ctx *ctx, const struct byok_user *self,
                    const struct byok_task *like, int64_t now_us)
{
    struct byok_known *line, *next;
    HASH_ITER(hh, self->known, line, next) {
        if (line == &self->anchor)
            continue;
        const struct byok_task *task = byok_user_task_of(line);
        if (task->provider == like->provider &&
            (task->payload.getting ||
             (byok_payloads_loaded(task) && byok_user_due_at(ctx, self, task) <= now_us)))
            return true;
    }
    return false;
}

/* While memory is short a user gets them for one job at a time and provider: that one always, or a
 * user who waits for a limit with all of his in memory would hold up the others. */
static bool may_fetch(const struct byok_ctx *ctx, const struct byok_user *self,
                      const struct byok_task *task, int64_t now_us)
{
    size_t bytes = ctx->env->partitions->held_bytes;
    for (uint32_t i = 0; i < task->inputs.count; i++)
        bytes += byok_payload_item_bytes(&task->inputs.items[i]);
    return bytes <= ctx->env->settings->held_bytes_max || !has_one(ctx, self, task, now_us);
}

bool byok_user_fetch(struct byok_ctx *ctx, struct byok_user *self, int64_t now_us, int64_t *wake_us)
{
    struct byok_task *task, *next;
    uint32_t ahead = self->fetching;
    const struct byok_provider *denied = NULL; /* nobody overtakes there */
    if (self->payload_count == 0)
        return true;
    DL_FOREACH(self->window, task)
        ahead += byok_payloads_loaded(task);
    DL_FOREACH_SAFE(self->window, task, next) {
        if (ahead >= AHEAD_MAX)
            return true;
        if (!byok_payloads_missing(task) || task->fault.code != BYOK_E_OK ||
            task->provider == denied)
            continue;
        if (task->not_before_us > now_us) {
            *wake_us = byok_user_earliest(*wake_us, task->not_before_us);
            continue;
        }
        if (!may_fetch(ctx, self, task, now_us)) {
            denied = task->provider;
            continue;
        }
        byok_user_window_remove(self, task);
        self->fetching++;
        ahead++;
        task->payload.getting = true;
        byok_task_weigh(ctx->env, task);
        byok_send_task(ctx, ctx->env->payloads, BYOK_MSG_FETCH, &task);
    }
    return denied == NULL;
}

static bool is_ours(const struct byok_ctx *ctx, const struct byok_user *self)
{
    return byok_partition_current(ctx->env->partitions, self->partition, self->epoch) != NULL;
}

void byok_user_fetched(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    *msg = NULL;
    self->fetching--;
    task->payload.getting = false;
    byok_task_weigh(ctx->env, task);
    if (self->closed || !is_ours(ctx, self)) {
        byok_user_leave_to_next(ctx, self, task);
        return;
    }
    byok_user_window_return(self, task);
}

enum byok_err byok_user_end(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task)
{
    bool any = false;
    enum byok_err err = byok_payloads_take_out(ctx->env, task, &any);
    if (err != BYOK_E_OK)
        return err;
    if (!any)
        return byok_user_finish(ctx, self, task);
    byok_send_task(ctx, ctx->env->payloads, BYOK_MSG_STORE, &task);
    return BYOK_E_OK;
}

enum byok_err byok_user_stored(struct byok_ctx *ctx, struct byok_user *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    enum byok_err err = BYOK_E_OK;
    if (is_ours(ctx, self))
        err = byok_user_finish(ctx, self, task);
    else
        byok_user_leave_to_next(ctx, self, task);
    if (err == BYOK_E_OK)
        *msg = NULL;
    return err;
}
