/* SPDX-License-Identifier: MIT */
/* actors/user/look.c - which of the jobs that wait may go, which have waited too long.
 *
 * A look over the whole window costs as much as the window is long, and a job brings its user four
 * messages.  So while nothing holds the user's jobs up but their own times, a look is only at what
 * came since the last one: all others are as they were until `look_us`.  The first of a lane that
 * left makes room for the next one behind it.
 */
#include "actors/user/parts.h"

bool byok_user_is_calm(const struct byok_ctx *ctx, const struct byok_user *self, int64_t now)
{
    bool calm = self->bulk_count == 0 && !self->cancels && !self->fenced && !self->storing;
    for (size_t i = 0; calm && i < self->record.key_count; i++)
        calm = self->record.keys[i].invalid_wall_ms == 0 && self->record.keys[i].probe_us == 0 &&
               self->record.keys[i].limited_until_us <= now;
    for (size_t i = 0; calm && i < ctx->env->provider_count; i++) {
        calm = byok_user_up_at(&self->lanes[i], now) <= now;
    }
    return calm;
}

/* One of the window: it is ended when its deadline has passed or something is wrong with it, parked
 * when it has waited long, or stands for its lane, or something of it is to happen later. */
static enum byok_err look_at(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *task,
                             int64_t now)
{
    if (task->orphan && task->not_before_us > now) {
        self->look_us = byok_user_earliest(self->look_us, task->not_before_us);
        return BYOK_E_OK; /* its deadline does not matter: what it waits for may still come */
    }
    byok_user_avoid(ctx, self, task, now, &self->look_us);
    bool goes_out = task->provider && task->fault.code == BYOK_E_OK &&
                    !byok_user_key_fails(ctx, self, task, now) &&
                    !byok_user_budget_fails(ctx, self, task);
    if (task->deadline_us <= now && goes_out)
        byok_user_too_late(ctx, self, task, now);
    if (!goes_out || task->deadline_us <= now) {
        byok_user_window_remove(self, task);
        enum byok_err err = byok_user_finish_waiting(ctx, self, task);
        if (err != BYOK_E_OK)
            byok_user_window_return(self, task);
        return err;
    }
    if (byok_user_park_old(ctx, self, task, &self->look_us))
        return BYOK_E_OK;
    int64_t due_us = byok_user_due_at(ctx, self, task);
    if (due_us > now)
        self->look_us = byok_user_earliest(self->look_us, due_us);
    else if (!task->cancelled) /* else its cancel, which could not be carried out yet, ends it */
        byok_user_stand(ctx, self, task, now);
    self->look_us = byok_user_earliest(self->look_us, task->deadline_us);
    return BYOK_E_OK;
}

/* From where the first one was, to the next one that waits for nothing. */
static void move_up(const struct byok_ctx *ctx, const struct byok_user *self,
                    struct byok_lane *lane, int64_t now)
{
    struct byok_task *task = lane->first;
    while (task &&
           (byok_user_lane(ctx, self, task) != lane || task->cancelled ||
            (task->orphan && task->not_before_us > now) || byok_user_due_at(ctx, self, task) > now))
        task = task->next;
    lane->first = task;
    lane->moved = false;
}

enum byok_err byok_user_look(struct byok_ctx *ctx, struct byok_user *self, int64_t now)
{
    if (self->stale || now >= self->look_us || !byok_user_is_calm(ctx, self, now)) {
        self->stale = false;
        self->look_us = INT64_MAX;
        self->unseen = self->window;
        for (size_t i = 0; i < ctx->env->provider_count; i++) {
            self->lanes[i].first = NULL;
            self->lanes[i].deadline_order = -1;
            self->lanes[i].moved = false;
        }
    }
    while (self->unseen) {
        struct byok_task *task = self->unseen;
        self->unseen = task->next;
        enum byok_err err = look_at(ctx, self, task, now);
        if (err != BYOK_E_OK)
            return err; /* it is before all others now, so that the next look is over all */
    }
    for (size_t i = 0; i < ctx->env->provider_count; i++) {
        if (self->lanes[i].moved)
            move_up(ctx, self, &self->lanes[i], now);
    }
    return BYOK_E_OK;
}
