/* SPDX-License-Identifier: MIT */
/* actors/user/cancel.c - job.cancel: jobs that were not sent are taken back.
 *
 * A job that waits, wherever that is, is brought into the window and ends there: its outcome and
 * the cancel's are committed in one batch, so that whoever reads "cancelled" knows that no later
 * owner sends the job.  One on its way to the HTTP port is stopped before it and comes back to the
 * window first; one that is being parked is waited for.
 */
#include <utlist.h>

#include "actors/partition/parked.h"
#include "actors/partition/partition.h"
#include "actors/user/parts.h"
#include "base/mem.h"

/* What a cancel has found. */
enum found { CANCELLED, SENT, DONE, UNKNOWN };

static const char *const outcomes[] = {
    [CANCELLED] = "cancelled", [SENT] = "sent", [DONE] = "done", [UNKNOWN] = "unknown"};

/* ---- where the job is ---- */

/* What is under way or in the window. */
static struct byok_task *find_known(const struct byok_user *self, struct byok_str id)
{
    struct byok_known *line = NULL;
    HASH_FIND(hh, self->known, id.ptr, id.len, line);
    return line ? byok_user_task_of(line) : NULL;
}

static bool is_in_window(const struct byok_user *self, const struct byok_task *job)
{
    const struct byok_task *task;
    DL_FOREACH(self->window, task) {
        if (task == job)
            return true;
    }
    return false;
}

/* Only what may name the id is decoded: as it is written, or with an escape in it. */
static enum byok_err names(const struct byok_record *record, struct byok_str id, bool *out)
{
    enum byok_format format;
    struct byok_value root;
    BYOK_AUTO(byok_arena) arena = {0};
    *out = false;
    if (byok_str_find(record->value, id) == SIZE_MAX &&
        byok_str_find(record->value, byok_str_of("\\")) == SIZE_MAX)
        return BYOK_E_OK;
    struct byok_str type = byok_record_header_of(record, BYOK_HEADER_CONTENT_TYPE);
    if (!byok_format_of(type, record->value, &format))
        return BYOK_E_OK;
    enum byok_err err = byok_decode(&arena, format, record->value, &root, NULL);
    if (err == BYOK_E_OK)
        *out = byok_str_eq(byok_value_as_str(byok_value_find(&root, "id")), id);
    return err == BYOK_E_NOMEM ? err : BYOK_E_OK;
}

static enum byok_err find_in(struct byok_queue *queue, struct byok_str id, struct byok_record **out)
{
    for (struct byok_msg *msg = queue->head; msg; msg = msg->next) {
        bool is_it = false;
        enum byok_err err = names((struct byok_record *)msg, id, &is_it);
        if (err != BYOK_E_OK)
            return err;
        if (is_it) {
            byok_queue_remove(queue, msg);
            *out = (struct byok_record *)msg;
            return BYOK_E_OK;
        }
    }
    return BYOK_E_OK;
}

/* Of the records that are not decoded, taken out of its queue. */
static enum byok_err find_raw(struct byok_user *self, struct byok_str id, struct byok_record **out)
{
    enum byok_err err = find_in(&self->backlog, id, out);
    if (*out)
        self->backlog_bytes -= (*out)->bytes;
    if (err == BYOK_E_OK && !*out)
        err = find_in(&self->overflow, id, out);
    return err;
}

static enum byok_err get(const struct byok_ctx *ctx, const struct byok_user *self,
                         struct byok_arena *arena, struct byok_str key, struct byok_str *out)
{
    struct byok_store *state = ctx->env->state;
    struct byok_fault fault = {0};
    if (!key.ptr)
        return BYOK_E_NOMEM;
    enum byok_err err = state->ops->get(state, self->partition, key, arena, out, &fault);
    return err == BYOK_E_OK ? err : byok_user_store_failed(ctx, self, &fault);
}

/* Of the parked ones, as if it were taken up; `*done`: the id has its result. */
static enum byok_err find_parked(const struct byok_ctx *ctx, const struct byok_user *self,
                                 struct byok_str id, struct byok_record **out, bool *done)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str user = byok_user_id(self), bytes;
    struct byok_parked_place place;
    enum byok_err err = get(ctx, self, &arena, byok_done_key(&arena, user, id), &bytes);
    if (err != BYOK_E_OK || !bytes.ptr)
        return err;
    err = byok_parked_marker_decode(bytes, &place);
    *done = err == BYOK_E_BAD_MESSAGE;
    if (err != BYOK_E_OK)
        return *done ? BYOK_E_OK : err;
    err = get(ctx, self, &arena, byok_parked_key(&arena, user, &place), &bytes);
    if (err != BYOK_E_OK || !bytes.ptr)
        return err;
    err = byok_parked_to_record(user, &place, bytes, out);
    if (err != BYOK_E_BAD_MESSAGE)
        return err;
    byok_parked_damaged(ctx, self->partition, user);
    return BYOK_E_OK;
}

/* Into the window, unless it is a copy of what is done or no request at all. */
static enum byok_err want(struct byok_ctx *ctx, struct byok_user *self, struct byok_record *record)
{
    byok_queue_push(&self->wanted, &record->msg);
    return byok_user_take_wanted(ctx, self);
}

static enum byok_err fetch_raw(struct byok_ctx *ctx, struct byok_user *self, struct byok_str id,
                               bool *found)
{
    struct byok_record *record = NULL;
    enum byok_err err = find_raw(self, id, &record);
    *found = record != NULL;
    return record ? want(ctx, self, record) : err;
}

static enum byok_err fetch_parked(struct byok_ctx *ctx, struct byok_user *self, struct byok_str id,
                                  bool *done)
{
    struct byok_partition *partition =
        byok_partition_current(ctx->env->partitions, self->partition, self->epoch);
    struct byok_record *record = NULL;
    enum byok_err err = find_parked(ctx, self, id, &record, done);
    if (!record || !partition) {
        byok_delete(record);
        return err;
    }
    record->partition = self->partition;
    record->epoch = self->epoch;
    record->taken_us = byok_now_us(ctx);
    byok_record_opened(ctx->env, partition, record);
    return want(ctx, self, record);
}

/* ---- what becomes of it ---- */

static enum byok_err write_answer(struct byok_task *cancel, enum found found)
{
    struct byok_value map = byok_value_map();
    cancel->arena.failed = false; /* of an earlier try */
    byok_value_set_str(&cancel->arena, &map, "job_id", cancel->request.job_id);
    byok_value_set(&cancel->arena, &map, "outcome", byok_value_text(outcomes[found]));
    cancel->output = map;
    return byok_arena_failed(&cancel->arena) ? BYOK_E_NOMEM : BYOK_E_OK;
}

/* The job is left alone. */
static enum byok_err answer(struct byok_ctx *ctx, struct byok_user *self, struct byok_task *cancel,
                            enum found found)
{
    enum byok_err err = write_answer(cancel, found);
    if (err != BYOK_E_OK)
        return err;
    DL_DELETE(self->cancels, cancel);
    err = byok_user_finish_waiting(ctx, self, cancel);
    if (err != BYOK_E_OK)
        DL_PREPEND(self->cancels, cancel);
    return err;
}

static enum byok_err take_back(struct byok_ctx *ctx, struct byok_user *self,
                               struct byok_task *cancel, struct byok_task *job)
{
    const struct byok_fault before = job->fault;
    enum byok_err err = write_answer(cancel, CANCELLED);
    if (err != BYOK_E_OK)
        return err;
    byok_fault_set(&job->fault, BYOK_E_CANCELLED, "the job was cancelled by request %.*s",
                   BYOK_STR_ARG(cancel->request.id));
    byok_user_window_remove(self, job);
    DL_DELETE(self->cancels, cancel);
    err = byok_user_finish_both(ctx, self, job, cancel);
    if (err == BYOK_E_OK)
        return err;
    DL_PREPEND(self->cancels, cancel);
    byok_user_window_return(self, job);
    job->fault = before;
    return err;
}

/* An orphan may have been sent by its earlier owner. */
static enum byok_err cancel_known(struct byok_ctx *ctx, struct byok_user *self,
                                  struct byok_task *cancel, struct byok_task *job)
{
    if (!byok_user_is_job(job))
        return answer(ctx, self, cancel, UNKNOWN);
    if (is_in_window(self, job))
        return job->orphan ? answer(ctx, self, cancel, SENT) : take_back(ctx, self, cancel, job);
    if (job->parking)
        return BYOK_E_OK; /* it is in the state soon, or back */
    if (job->finished > 0)
        return answer(ctx, self, cancel, DONE);
    if (job->calling)
        return answer(ctx, self, cancel, SENT);
    job->cancelled = true; /* it comes back to the window, and takes no other turn */
    return BYOK_E_OK;
}

static enum byok_err cancel_one(struct byok_ctx *ctx, struct byok_user *self,
                                struct byok_task *cancel)
{
    struct byok_str id = cancel->request.job_id;
    struct byok_task *job;
    bool found = true, done = false;
    enum byok_err err = BYOK_E_OK;
    while (!(job = find_known(self, id)) && found && err == BYOK_E_OK)
        err = fetch_raw(ctx, self, id, &found); /* there may be several of one id */
    if (!job && err == BYOK_E_OK) {
        err = fetch_parked(ctx, self, id, &done);
        job = find_known(self, id);
    }
    if (err != BYOK_E_OK)
        return err;
    if (job)
        return cancel_known(ctx, self, cancel, job);
    return answer(ctx, self, cancel, done ? DONE : UNKNOWN);
}

enum byok_err byok_user_cancel(struct byok_ctx *ctx, struct byok_user *self)
{
    struct byok_task *cancel, *next;
    enum byok_err err = byok_user_take_wanted(ctx, self); /* of a try that failed */
    DL_FOREACH_SAFE(self->cancels, cancel, next) {
        if (err == BYOK_E_OK)
            err = cancel_one(ctx, self, cancel);
    }
    return err;
}
