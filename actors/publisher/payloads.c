/* SPDX-License-Identifier: MIT */
/* actors/publisher/payloads.c - see actors/publisher/payloads.h.
 *
 * One object of a task at a time; many tasks side by side.
 */
#include "actors/publisher/payloads.h"

#include <assert.h>

#include <utlist.h>

#include "actors/partition/partition.h"
#include "schemas/codec.h"
#include "schemas/payload.h"

#define RETRY_FIRST_US ((int64_t)200000)
#define RETRY_MAX_US ((int64_t)5000000)
/* Smaller than the reference that would stand in its place. */
#define LEAST_BYTES 512
/* What a reference takes in the arena, the vectors' copy aside. */
#define REF_BYTES ((size_t)4096)

struct payloads {
    struct byok_task *going;   /* in the port */
    struct byok_task *resting; /* until task->payload.retry_us */
    struct byok_timer retry;
};

/* ---- what there is to do ---- */

struct listing {
    const struct byok_settings *settings;
    struct byok_arena *arena;
    struct byok_payload_set *set;
    uint32_t room;
    struct byok_str user;
    size_t bytes;
    enum byok_format format;
    struct byok_fault *fault;
    enum byok_err err;
};

static struct byok_payload_item *add(struct listing *listing, struct byok_value *place)
{
    struct byok_payload_set *set = listing->set;
    if (set->count == listing->room) {
        uint32_t room = listing->room ? listing->room * 2 : 4;
        struct byok_payload_item *items = byok_arena_alloc(listing->arena, room * sizeof *items);
        if (!items) {
            listing->err = listing->arena->overflow ? BYOK_E_TOO_LARGE : BYOK_E_NOMEM;
            return NULL;
        }
        if (set->count > 0)
            memcpy(items, set->items, set->count * sizeof *items);
        set->items = items;
        listing->room = room;
    }
    struct byok_payload_item *item = &set->items[set->count++];
    *item = (struct byok_payload_item){.place = place};
    return item;
}

static void add_reference(void *arg, const struct byok_value *owner, struct byok_value *place)
{
    struct listing *listing = arg;
    (void)owner;
    if (listing->err != BYOK_E_OK || !byok_payload_is_ref(place))
        return;
    struct byok_payload_ref ref;
    listing->err = byok_payload_read(place, listing->user, &ref, listing->fault);
    if (listing->err != BYOK_E_OK)
        return;
    size_t left = listing->settings->payload_max_bytes - listing->bytes;
    if (ref.size > left) {
        listing->err = byok_fault_set(listing->fault, BYOK_E_TOO_LARGE,
                                      "the payloads of the job have more than %zu bytes "
                                      "(payloads.max_bytes)",
                                      listing->settings->payload_max_bytes);
        return;
    }
    listing->bytes += (size_t)ref.size;
    struct byok_payload_item *item = add(listing, place);
    if (item)
        item->ref = ref;
}

static bool sends_file(const struct byok_provider *provider)
{
    return provider->adapter->ops[BYOK_SPEECH_TO_TEXT].sends_file;
}

/* The one file of a job that was routed, to providers that all take it from the store. */
static bool is_streamed(const struct byok_env *env, const struct byok_task *task)
{
    const struct byok_payload_item *item = task->inputs.items;
    const size_t keep = env->settings->payload_keep_bytes;
    if (task->inputs.count != 1 || keep == 0 || item->ref.size <= keep ||
        !env->payload_port->streams || task->request.capability != BYOK_SPEECH_TO_TEXT ||
        item->place != byok_value_find(&task->request.root, "audio"))
        return false;
    bool all = sends_file(task->provider);
    for (uint32_t leg = 0; task->legs && leg <= task->request.fallback_count; leg++)
        all = all && sends_file(&env->providers[byok_env_provider(env, task->legs[leg].provider)]);
    return all;
}

enum byok_err byok_payloads_find(const struct byok_env *env, struct byok_task *task,
                                 struct byok_fault *fault)
{
    struct listing listing = {
        .settings = env->settings,
        .arena = &task->arena,
        .set = &task->inputs,
        .user = task->request.user,
        .fault = fault,
        .err = BYOK_E_OK,
    };
    task->inputs = (struct byok_payload_set){0};
    task->upload = NULL;
    if (task->request.type != BYOK_REQUEST_JOB)
        return BYOK_E_OK;
    byok_payload_each_input(&task->request.root, add_reference, &listing);
    if (listing.err == BYOK_E_OK && task->inputs.count > 0 && !env->payload_port)
        listing.err = byok_fault_set(fault, BYOK_E_CONFIG,
                                     "the job refers to a payload, but this worker has no payload "
                                     "store (payloads.store)");
    if (listing.err != BYOK_E_OK)
        task->inputs = (struct byok_payload_set){0};
    else if (is_streamed(env, task))
        task->inputs.items[0].keep_bytes = env->settings->payload_keep_bytes;
    return listing.err;
}

static size_t wire_bytes(const struct byok_value *value, enum byok_format format)
{
    size_t bytes = 0;
    if (value->type == BYOK_VALUE_BYTES)
        return format == BYOK_JSON ? value->as.str.len / 3 * 4 : value->as.str.len;
    if (value->type == BYOK_VALUE_FLOATS) /* about 11 digits, or a float32 with its mark */
        return (size_t)value->count * (format == BYOK_JSON ? 12 : 5);
    for (uint32_t i = 0; value->type == BYOK_VALUE_ARRAY && i < value->count; i++)
        bytes += wire_bytes(&value->as.items[i], format);
    return bytes;
}

static void weigh(void *arg, const struct byok_value *owner, struct byok_value *place)
{
    struct listing *listing = arg;
    (void)owner;
    listing->bytes += wire_bytes(place, listing->format);
}

static void add_content(void *arg, const struct byok_value *owner, struct byok_value *place)
{
    struct listing *listing = arg;
    if (listing->err != BYOK_E_OK || wire_bytes(place, listing->format) < LEAST_BYTES)
        return;
    struct byok_payload_item *item = add(listing, place);
    if (item && place->type == BYOK_VALUE_BYTES)
        item->ref.type = byok_value_as_str(byok_value_find(owner, "media_type"));
}

enum byok_err byok_payloads_take_out(const struct byok_env *env, struct byok_task *task, bool *any)
{
    struct listing listing = {
        .settings = env->settings,
        .arena = &task->arena,
        .set = &task->outputs,
        .format = task->request.format,
        .err = BYOK_E_OK,
    };
    *any = false;
    if (!env->payload_port || task->outputs.count > 0 || task->status != BYOK_STATUS_OK)
        return BYOK_E_OK;
    byok_payload_each_output(&task->answer.output, weigh, &listing);
    if (listing.bytes <= env->settings->payload_inline_max)
        return BYOK_E_OK;
    bool failed = task->arena.failed;
    task->arena.failed = false;
    task->arena.cap_bytes += REF_BYTES; /* the answer may have used up the rest */
    byok_payload_each_output(&task->answer.output, add_content, &listing);
    task->arena.failed = failed;
    *any = listing.err == BYOK_E_OK && task->outputs.count > 0;
    if (listing.err != BYOK_E_OK)
        task->outputs = (struct byok_payload_set){0};
    return listing.err == BYOK_E_NOMEM ? BYOK_E_NOMEM : BYOK_E_OK;
}

const char *byok_payloads_too_large(const struct byok_task *task)
{
    return task->payload.inlined
               ? "the payload store did not take the answer, and the results topic does not either"
               : "the result is larger than the results topic takes: raise its max.message.bytes, "
                 "or "
                 "configure a payload store (payloads.store)";
}

/* ---- the way of a task ---- */

static struct byok_payload_set *set_of(struct byok_task *task)
{
    return task->payload.put ? &task->outputs : &task->inputs;
}

static void give_back(struct byok_ctx *ctx, struct byok_task *task)
{
    byok_send_task(ctx, task->user, task->payload.put ? BYOK_MSG_STORED : BYOK_MSG_FETCHED, &task);
}

/* Vectors have no bytes of their own: they are written as they would stand in the result. */
static enum byok_err content_of(struct byok_task *task, struct byok_payload_item *item,
                                struct byok_str *out)
{
    enum byok_format format = task->request.format;
    if (item->place->type == BYOK_VALUE_BYTES) {
        *out = item->place->as.str;
        return BYOK_E_OK;
    }
    byok_buf_init(&item->body, wire_bytes(item->place, BYOK_JSON) * 3 + REF_BYTES);
    item->ref.type = byok_str_of(byok_format_content_type(format));
    enum byok_err err = byok_encode(format, item->place, &item->body);
    *out = byok_buf_str(&item->body);
    if (err != BYOK_E_OK)
        byok_buf_done(&item->body);
    return err;
}

/* The next object to the port, or the task back to its user. */
static enum byok_err go_on(struct byok_ctx *ctx, struct payloads *self, struct byok_task *task)
{
    struct byok_payload_set *set = set_of(task);
    if (set->done == set->count) {
        give_back(ctx, task);
        return BYOK_E_OK;
    }
    struct byok_payload_item *item = &set->items[set->done];
    struct byok_payload_call *call = &task->payload.call;
    struct byok_str content = {NULL, 0};
    enum byok_err err = task->payload.put ? content_of(task, item, &content) : BYOK_E_OK;
    if (err != BYOK_E_OK)
        return err;
    *call = (struct byok_payload_call){
        .put = task->payload.put,
        .user = task->request.user,
        .content = content,
        .ref = item->ref,
        .keep_bytes = item->keep_bytes,
        .timeout_us = ctx->env->settings->payload_timeout_us,
        .reply_to = ctx->self,
        .reply = &task->msg,
    };
    DL_APPEND(self->going, task);
    ctx->env->payload_port->ops->begin(ctx->env->payload_port, call);
    return BYOK_E_OK;
}

static enum byok_err begin(struct byok_ctx *ctx, struct payloads *self, struct byok_msg **msg,
                           bool put)
{
    struct byok_task *task = (struct byok_task *)*msg;
    task->payload.put = put;
    task->payload.tries = 0;
    task->payload.until_us = byok_now_us(ctx) + ctx->env->settings->payload_timeout_us;
    enum byok_err err = go_on(ctx, self, task);
    if (err == BYOK_E_OK)
        *msg = NULL;
    return err;
}

/* It is in its place: the bytes in the request, or the reference in the answer. */
static enum byok_err settle(const struct byok_ctx *ctx, struct byok_task *task)
{
    struct byok_payload_set *set = set_of(task);
    struct byok_payload_item *item = &set->items[set->done];
    struct byok_payload_call *call = &task->payload.call;
    if (!call->put) {
        item->body = byok_buf_take(&call->body);
        *item->place = byok_value_bytes(byok_buf_str(&item->body));
        if (item->body.len < item->ref.size)
            task->upload = &item->ref;
    } else {
        bool failed = task->arena.failed;
        task->arena.failed = false;
        task->arena.cap_bytes += REF_BYTES;
        struct byok_value reference = byok_payload_value(&task->arena, &call->ref);
        if (byok_arena_failed(&task->arena))
            return BYOK_E_NOMEM;
        task->arena.failed = failed;
        *item->place = reference;
        byok_buf_done(&item->body);
    }
    byok_metric_add(ctx->env->metrics,
                    call->put ? BYOK_METRIC_PAYLOADS_PUT : BYOK_METRIC_PAYLOADS_GOT, 1);
    set->done++;
    return BYOK_E_OK;
}

static bool may_pass(enum byok_err err)
{
    return err == BYOK_E_STORE || err == BYOK_E_NOMEM;
}

/* Not while the partition is about to go: a result that is published now is better than none. */
static bool is_tried_again(const struct byok_ctx *ctx, const struct byok_task *task, int64_t at_us)
{
    const struct byok_partition *partition =
        byok_partition_current(ctx->env->partitions, task->partition, task->epoch);
    return may_pass(task->payload.call.fault.code) && at_us < task->payload.until_us && partition &&
           partition->phase == BYOK_PHASE_RUNNING;
}

static int64_t backoff_us(const struct byok_ctx *ctx, uint32_t tries)
{
    int64_t most = RETRY_FIRST_US;
    for (uint32_t i = 0; i < tries && most < RETRY_MAX_US; i++)
        most *= 2;
    most = most < RETRY_MAX_US ? most : RETRY_MAX_US;
    return most / 2 +
           (int64_t)(ctx->env->clock->ops->random(ctx->env->clock) % (uint64_t)(most / 2));
}

/* What a job names cannot be had; what an answer holds stays in its result. */
static void give_up(struct byok_ctx *ctx, struct byok_task *task)
{
    struct byok_payload_set *set = set_of(task);
    const struct byok_fault *fault = &task->payload.call.fault;
    byok_log_event(
        ctx->env->log, BYOK_LOG_WARN, "payload_failed", BYOK_F_STR("id", task->request.id),
        BYOK_F_TEXT("what", task->payload.put ? "put" : "get"), BYOK_F_TEXT("reason", fault->text));
    if (task->payload.put) {
        byok_buf_done(&set->items[set->done].body);
        task->payload.inlined = true;
    } else {
        task->fault = *fault;
    }
    set->count = set->done; /* the rest is not tried */
    give_back(ctx, task);
}

static enum byok_err on_done(struct byok_ctx *ctx, struct payloads *self, struct byok_msg **msg)
{
    struct byok_task *task = (struct byok_task *)*msg;
    enum byok_err code = task->payload.call.fault.code, err = BYOK_E_OK;
    if (code == BYOK_E_OK)
        err = settle(ctx, task);
    if (err != BYOK_E_OK)
        return err;
    *msg = NULL;
    DL_DELETE(self->going, task);
    if (code == BYOK_E_OK) {
        task->payload.retry_us = byok_now_us(ctx); /* when there is no memory to go on */
        if (go_on(ctx, self, task) != BYOK_E_OK)
            DL_APPEND(self->resting, task);
        return BYOK_E_OK;
    }
    byok_buf_done(&task->payload.call.body);
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_PAYLOAD_FAILURES, 1);
    task->payload.retry_us = byok_now_us(ctx) + backoff_us(ctx, task->payload.tries++);
    if (is_tried_again(ctx, task, task->payload.retry_us))
        DL_APPEND(self->resting, task);
    else
        give_up(ctx, task);
    return BYOK_E_OK;
}

static void wake_resting(struct byok_ctx *ctx, struct payloads *self)
{
    struct byok_task *task, *next;
    int64_t now = byok_now_us(ctx), due_us = INT64_MAX;
    DL_FOREACH_SAFE(self->resting, task, next) {
        if (task->payload.retry_us <= now) {
            DL_DELETE(self->resting, task);
            if (go_on(ctx, self, task) == BYOK_E_OK)
                continue;
            task->payload.retry_us = now + RETRY_FIRST_US;
            DL_APPEND(self->resting, task);
        }
        due_us = task->payload.retry_us < due_us ? task->payload.retry_us : due_us;
    }
    if (due_us != INT64_MAX)
        byok_timer_set(ctx, &self->retry, due_us);
}

/* ---- the actor ---- */

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct payloads *self = state;
    enum byok_err err = BYOK_E_OK;
    switch ((*msg)->kind) {
    case BYOK_MSG_FETCH:
        err = begin(ctx, self, msg, false);
        break;
    case BYOK_MSG_STORE:
        err = begin(ctx, self, msg, true);
        break;
    case BYOK_MSG_PAYLOAD_DONE:
        err = on_done(ctx, self, msg);
        break;
    case BYOK_MSG_TIMER:
        break;
    default:
        assert(!"a message that the payloads do not know");
    }
    wake_resting(ctx, self);
    return err;
}

static enum byok_err init(struct byok_ctx *ctx, void *state, void *arg)
{
    (void)ctx;
    (void)state;
    (void)arg;
    return BYOK_E_OK;
}

static void free_all(struct byok_task *list)
{
    struct byok_task *task, *next;
    DL_FOREACH_SAFE(list, task, next)
        byok_task_free(task);
}

/* The port is closed by then and has dropped its calls. */
static void done(struct byok_ctx *ctx, void *state)
{
    struct payloads *self = state;
    byok_timer_cancel(ctx, &self->retry);
    free_all(self->going);
    free_all(self->resting);
}

const struct byok_behavior byok_actor_payloads = {
    .name = "payloads",
    .state_size = sizeof(struct payloads),
    .init = init,
    .receive = receive,
    .done = done,
};
