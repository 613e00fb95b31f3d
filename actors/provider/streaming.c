/* SPDX-License-Identifier: MIT */
/* actors/provider/streaming.c - see actors/provider/streaming.h. */
#include "actors/provider/streaming.h"

#include <stdint.h>
#include <string.h>

#include "actors/partition/partition.h"
#include "base/mem.h"
#include "schemas/codec.h"

/* A record's text or audio at most; escaped in JSON a text may take six times this, which is still
 * below the 1 MiB that topics take by default. */
#define PIECE_BYTES_MAX ((size_t)128 * 1024)
/* The tree and the text of one record. */
#define RECORD_BYTES_MAX ((size_t)4 * 1024 * 1024)

void byok_streaming_free(struct byok_streaming *streaming)
{
    if (!streaming)
        return;
    byok_stream_done(&streaming->read);
    byok_delete(streaming->said);
    byok_delete(streaming);
}

enum byok_err byok_streaming_begin(const struct byok_env *env, struct byok_task *task)
{
    struct byok_streaming *self = byok_new(1, sizeof *self);
    if (!self)
        return BYOK_E_NOMEM;
    self->task = task;
    self->attempt = task->attempt_count + 1;
    byok_stream_init(&self->read, env->settings->answer_max_bytes, &task->http.response);
    byok_streaming_free(task->streaming);
    task->streaming = self;
    task->http.bytes = &self->msg;
    return BYOK_E_OK;
}

/* ---- one record ---- */

static void publish(const struct byok_env *env, struct byok_streaming *self,
                    struct byok_arena *arena, const struct byok_value *delta)
{
    const struct byok_request *request = &self->task->request;
    BYOK_AUTO(byok_buf) bytes = {.cap_bytes = RECORD_BYTES_MAX};
    /* when the partition is lost, the next owner's call has the same number */
    if (!byok_partition_current(env->partitions, self->task->partition, self->task->epoch)) {
        self->off = true;
        return;
    }
    if (byok_arena_failed(arena) || byok_encode(request->format, delta, &bytes) != BYOK_E_OK) {
        self->off = true; /* a gap would be worse than an end */
        return;
    }
    struct byok_out out = {
        .topic = BYOK_TOPIC_STREAMS,
        .partition = -1,
        .key = request->user,
        .value = byok_buf_str(&bytes),
    };
    byok_out_header(&out, BYOK_HEADER_CONTENT_TYPE,
                    byok_str_of(byok_format_content_type(request->format)));
    byok_out_header(&out, BYOK_HEADER_REQUEST_ID, request->id);
    if (request->traceparent.len > 0)
        byok_out_header(&out, BYOK_HEADER_TRACEPARENT, request->traceparent);
    bool taken = env->broker->ops->stream(env->broker, &out);
    byok_metric_add(env->metrics, taken ? BYOK_METRIC_DELTAS : BYOK_METRIC_DELTAS_DROPPED, 1);
    self->off = !taken;
    self->sequence++;
    self->sent_us = env->clock->ops->now_us(env->clock);
}

static struct byok_value new_delta(const struct byok_streaming *self, struct byok_arena *arena)
{
    const struct byok_request *request = &self->task->request;
    struct byok_value delta = byok_value_map();
    byok_value_set(arena, &delta, "id", byok_value_string(request->id));
    byok_value_set(arena, &delta, "user", byok_value_string(request->user));
    byok_value_set(arena, &delta, "attempt", byok_value_int(self->attempt));
    byok_value_set(arena, &delta, "sequence", byok_value_int(self->sequence));
    return delta;
}

static bool is_media(enum byok_delta_kind kind)
{
    return kind == BYOK_DELTA_AUDIO || kind == BYOK_DELTA_IMAGE;
}

/* As much of a text as goes into one record, without cutting a character; of media any bytes. */
static size_t piece_of(enum byok_delta_kind kind, struct byok_str text)
{
    size_t len = text.len;
    if (len <= PIECE_BYTES_MAX)
        return len;
    len = PIECE_BYTES_MAX;
    while (!is_media(kind) && len > 1 && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/* {"index", "media_type" (with the first piece), "data"} or {"index", "url"} */
static struct byok_value image_of(struct byok_arena *arena, const struct byok_delta *part,
                                  struct byok_str piece, bool first)
{
    struct byok_value image = byok_value_map();
    byok_value_set(arena, &image, "index", byok_value_int(part->tool));
    if (first) {
        byok_value_set_str(arena, &image, "url", byok_buf_str(&part->id));
        byok_value_set_str(arena, &image, "media_type", byok_buf_str(&part->name));
    }
    if (piece.len > 0)
        byok_value_set(arena, &image, "data", byok_value_bytes(piece));
    return image;
}

static void publish_part(const struct byok_env *env, struct byok_streaming *self,
                         const struct byok_delta *part, struct byok_str text, bool first)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = RECORD_BYTES_MAX};
    struct byok_value delta = new_delta(self, &arena), tool = byok_value_map();
    switch (part->kind) {
    case BYOK_DELTA_TEXT:
        byok_value_set(&arena, &delta, "text", byok_value_string(text));
        break;
    case BYOK_DELTA_REASONING:
        byok_value_set(&arena, &delta, "reasoning", byok_value_string(text));
        break;
    case BYOK_DELTA_REFUSAL:
        byok_value_set(&arena, &delta, "refusal", byok_value_string(text));
        break;
    case BYOK_DELTA_TOOL:
        byok_value_set(&arena, &tool, "index", byok_value_int(part->tool));
        if (first) {
            byok_value_set_str(&arena, &tool, "id", byok_buf_str(&part->id));
            byok_value_set_str(&arena, &tool, "name", byok_buf_str(&part->name));
        }
        byok_value_set_str(&arena, &tool, "arguments", text);
        byok_value_set(&arena, &delta, "tool_call", tool);
        break;
    case BYOK_DELTA_AUDIO:
        byok_value_set(&arena, &delta, "audio", byok_value_bytes(text));
        break;
    case BYOK_DELTA_IMAGE:
        byok_value_set(&arena, &delta, "image", image_of(&arena, part, text, first));
        break;
    }
    publish(env, self, &arena, &delta);
}

static void publish_text(const struct byok_env *env, struct byok_streaming *self,
                         const struct byok_delta *part, struct byok_str text)
{
    bool first = true;
    do {
        const size_t len = piece_of(part->kind, text);
        publish_part(env, self, part, (struct byok_str){text.ptr, len}, first);
        first = false;
        if (text.len > 0)
            text = (struct byok_str){text.ptr + len, text.len - len};
    } while (text.len > 0 && !self->off);
}

/* ---- without the key ---- */

/* NULL: no memory. */
static struct byok_said *said_of(struct byok_streaming *self, const struct byok_delta *part)
{
    for (size_t i = 0; i < self->said_count; i++) {
        if (self->said[i].kind == part->kind && self->said[i].tool == part->tool)
            return &self->said[i];
    }
    struct byok_said *more = byok_renew(self->said, self->said_count + 1, sizeof *more);
    if (!more)
        return NULL;
    self->said = more;
    more += self->said_count++;
    *more = (struct byok_said){.kind = part->kind, .tool = part->tool};
    return more;
}

/* A delta on its way out. */
struct outgoing {
    const struct byok_env *env;
    struct byok_streaming *self;
    struct byok_delta *part;
    bool last; /* nothing follows, so nothing is kept */
};

static void scrub_buf(struct byok_needles *needles, struct byok_buf *buf)
{
    (void)byok_needles_scrub(needles, byok_buf_str(buf), buf->ptr);
}

/* What was said before is looked at again with what is new, so that a run of the key's characters
 * is seen however it was cut. */
static void scrub_and_publish(void *arg, struct byok_needles *needles)
{
    const struct outgoing *out = arg;
    struct byok_streaming *self = out->self;
    struct byok_said *said = said_of(self, out->part);
    BYOK_AUTO(byok_buf) all = {.cap_bytes = SIZE_MAX / 2};
    if (!said || !byok_buf_add(&all, said->bytes, said->len) ||
        !byok_buf_add_str(&all, byok_buf_str(&out->part->bytes))) {
        self->off = true; /* a gap would be worse than an end */
        return;
    }
    const struct byok_str text = byok_buf_str(&all);
    const size_t from = said->len - said->kept;
    size_t kept = out->last || text.len == 0 ? 0 : byok_needles_tail(needles, text);
    if (kept > text.len - from)
        kept = text.len - from;
    said->len = text.len < sizeof said->bytes ? text.len : sizeof said->bytes;
    said->kept = kept;
    if (said->len > 0)
        memcpy(said->bytes, text.ptr + text.len - said->len, said->len);
    scrub_buf(needles, &all);
    scrub_buf(needles, &out->part->id);
    scrub_buf(needles, &out->part->name);
    const size_t len = text.len - from - kept;
    if (len > 0 || out->part->id.len > 0 || out->part->name.len > 0)
        publish_text(out->env, self, out->part,
                     (struct byok_str){text.ptr ? text.ptr + from : NULL, len});
}

static void publish_delta(const struct byok_env *env, struct byok_streaming *self,
                          struct byok_delta *part, bool last)
{
    struct outgoing out = {env, self, part, last};
    byok_slot_look(self->task->slot, scrub_and_publish, &out);
}

/* The answer has ended: what was kept is no beginning of anything. */
static void publish_kept(const struct byok_env *env, struct byok_streaming *self)
{
    for (size_t i = 0; i < self->said_count && !self->off; i++) {
        struct byok_delta end = {.kind = self->said[i].kind, .tool = self->said[i].tool};
        if (self->said[i].kept > 0)
            publish_delta(env, self, &end, true);
    }
}

/* ---- what there is ---- */

static const struct byok_adapter_ops *ops_of(const struct byok_task *task)
{
    return &task->provider->adapter->ops[task->request.capability];
}

static bool is_2xx(const struct byok_task *task)
{
    const int status = task->http.response.status;
    return status >= 200 && status <= 299;
}

static struct byok_str unread(const struct byok_task *task)
{
    const struct byok_streaming *self = task->streaming;
    if (self->off || task->http.safe_bytes <= self->seen_bytes)
        return (struct byok_str){NULL, 0};
    return (struct byok_str){task->http.body.ptr + self->seen_bytes,
                             task->http.safe_bytes - self->seen_bytes};
}

/* Read events; what is wrong with them is found again when the whole body is read. */
static void read_events(struct byok_task *task)
{
    struct byok_streaming *self = task->streaming;
    BYOK_AUTO(byok_arena) arena = {0};
    const struct byok_adapter_call call = {
        .arena = &arena,
        .provider = task->provider,
        .request = &task->request,
        .model = task->model,
    };
    if (byok_stream_feed(&call, &self->read, unread(task), NULL) != BYOK_E_OK)
        self->off = true;
    self->seen_bytes = task->http.safe_bytes;
}

static bool has_held_back(const struct byok_task *task)
{
    return task->streaming->read.first || (ops_of(task)->streams_audio && unread(task).len > 0);
}

static void publish_all(const struct byok_env *env, struct byok_task *task)
{
    struct byok_streaming *self = task->streaming;
    struct byok_delta *delta;
    while (!self->off && (delta = byok_stream_take(&self->read))) {
        publish_delta(env, self, delta, false);
        byok_delta_free(delta);
    }
    if (!ops_of(task)->streams_audio)
        return;
    const struct byok_delta part = {.kind = BYOK_DELTA_AUDIO};
    const struct byok_str audio = unread(task);
    if (audio.len > 0)
        publish_text(env, self, &part, audio);
    self->seen_bytes = task->http.safe_bytes;
}

int64_t byok_streaming_due(const struct byok_env *env, struct byok_task *task)
{
    struct byok_streaming *self = task->streaming;
    if (!self || self->off || !is_2xx(task) || !has_held_back(task))
        return INT64_MAX;
    const int64_t due_us = self->sent_us == 0 ? 0 : self->sent_us + env->settings->stream_linger_us;
    if (env->clock->ops->now_us(env->clock) < due_us)
        return due_us;
    publish_all(env, task);
    return INT64_MAX;
}

int64_t byok_streaming_read(const struct byok_env *env, struct byok_task *task)
{
    struct byok_streaming *self = task->streaming;
    if (!self || self->off || !is_2xx(task))
        return INT64_MAX;
    /* JSON where audio was to be: an error, whatever the status says */
    if (ops_of(task)->streams_audio && task->http.body.ptr && task->http.body.ptr[0] == '{')
        self->off = true;
    else if (ops_of(task)->event)
        read_events(task);
    return byok_streaming_due(env, task);
}

void byok_streaming_end(const struct byok_env *env, struct byok_task *task)
{
    struct byok_streaming *self = task->streaming;
    if (!self)
        return;
    const bool ok = task->fault.code == BYOK_E_OK;
    if (ok && is_2xx(task)) {
        (void)byok_streaming_read(env, task);
        publish_all(env, task);
    }
    if (is_2xx(task))
        publish_kept(env, self);
    /* an attempt of which nothing was shown need not be ended, but for one that went well */
    if ((ok || self->sequence > 0) && (!self->off || !ok)) {
        const enum byok_finish finish = !ok ? BYOK_FINISH_ERROR
                                        : task->answer.finish == BYOK_FINISH_NONE
                                            ? BYOK_FINISH_STOP
                                            : task->answer.finish;
        BYOK_AUTO(byok_arena) arena = {.cap_bytes = RECORD_BYTES_MAX};
        struct byok_value delta = new_delta(self, &arena);
        byok_value_set(&arena, &delta, "finish_reason", byok_value_text(byok_finish_name(finish)));
        publish(env, self, &arena, &delta);
    }
    task->streaming = NULL;
    task->http.bytes = NULL;
    byok_streaming_free(self);
}
