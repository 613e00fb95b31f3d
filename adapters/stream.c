/* SPDX-License-Identifier: MIT */
/* adapters/stream.c - see adapters/stream.h. */
#include "adapters/stream.h"

#include <stddef.h>
#include <stdint.h>

#include "adapters/kit.h"
#include "adapters/kit_chat.h"
#include "base/mem.h"
#include "schemas/codec.h"

/* A tree takes several times its text: an item of `[1,1,…]`, two bytes, takes some forty. */
#define TREE_GROWTH ((size_t)32)
#define TREE_BYTES_MIN ((size_t)1 << 20)

void byok_stream_init(struct byok_stream *stream, size_t cap_bytes,
                      const struct byok_http_response *response)
{
    *stream = (struct byok_stream){.left_bytes = cap_bytes, .response = response};
    stream->usage = BYOK_USAGE_UNSAID;
    byok_sse_init(&stream->sse, cap_bytes);
    byok_buf_init(&stream->model, BYOK_MODEL_MAX);
    byok_buf_init(&stream->id, BYOK_MODEL_MAX);
}

void byok_delta_free(struct byok_delta *delta)
{
    if (!delta)
        return;
    byok_buf_done(&delta->bytes);
    byok_buf_done(&delta->id);
    byok_buf_done(&delta->name);
    byok_buf_done(&delta->signature);
    byok_delete(delta);
}

void byok_stream_done(struct byok_stream *stream)
{
    struct byok_delta *delta;
    while ((delta = byok_stream_take(stream)))
        byok_delta_free(delta);
    byok_sse_done(&stream->sse);
    byok_buf_done(&stream->model);
    byok_buf_done(&stream->id);
}

/* ---- putting in ---- */

static void fail(struct byok_stream *stream, bool overflow)
{
    stream->failed = true;
    stream->overflow |= overflow;
}

/* Takes from what the deltas may still take; false: too much. */
static bool charge(struct byok_stream *stream, size_t bytes)
{
    if (bytes > stream->left_bytes) {
        fail(stream, true);
        return false;
    }
    stream->left_bytes -= bytes;
    return true;
}

static void append(struct byok_stream *stream, struct byok_buf *buf, struct byok_str text)
{
    buf->cap_bytes = SIZE_MAX / 2; /* what counts is what all deltas take */
    if (text.len > 0 && charge(stream, text.len) && !byok_buf_add_str(buf, text))
        fail(stream, false);
}

static struct byok_delta *delta_for(struct byok_stream *stream, enum byok_delta_kind kind,
                                    uint32_t tool)
{
    struct byok_delta *last = stream->last;
    if (stream->first && last->kind == kind && last->tool == tool)
        return last;
    if (!charge(stream, sizeof *last))
        return NULL;
    struct byok_delta *delta = byok_new(1, sizeof *delta);
    if (!delta) {
        fail(stream, false);
        return NULL;
    }
    delta->kind = kind;
    delta->tool = tool;
    if (stream->first)
        last->next = delta;
    else
        stream->first = delta;
    stream->last = delta;
    return delta;
}

struct byok_delta *byok_stream_take(struct byok_stream *stream)
{
    struct byok_delta *delta = stream->first;
    if (!delta)
        return NULL;
    stream->first = delta->next;
    delta->next = NULL;
    stream->left_bytes +=
        sizeof *delta + delta->bytes.len + delta->id.len + delta->name.len + delta->signature.len;
    return delta;
}

void byok_stream_put(struct byok_stream *stream, enum byok_delta_kind kind, struct byok_str text)
{
    if (text.len == 0 || (kind == BYOK_DELTA_REASONING && stream->without_reasoning))
        return;
    struct byok_delta *delta = delta_for(stream, kind, 0);
    if (kind == BYOK_DELTA_TEXT)
        stream->text_bytes += text.len;
    if (delta)
        append(stream, &delta->bytes, text);
}

static void put_media(struct byok_stream *stream, enum byok_delta_kind kind, uint32_t number,
                      const struct byok_media_part *part)
{
    struct byok_delta *delta = delta_for(stream, kind, number);
    if (!delta)
        return;
    if (delta->name.len == 0)
        append(stream, &delta->name, part->media_type);
    append(stream, &delta->id, part->url);
    append(stream, &delta->bytes, part->bytes);
}

void byok_stream_put_audio(struct byok_stream *stream, const struct byok_media_part *part)
{
    if (part->bytes.len == 0)
        return;
    stream->audio_bytes += part->bytes.len;
    put_media(stream, BYOK_DELTA_AUDIO, 0, part);
}

void byok_stream_put_image(struct byok_stream *stream, const struct byok_media_part *part)
{
    if (part->bytes.len > 0 || part->url.len > 0)
        put_media(stream, BYOK_DELTA_IMAGE, stream->image_count++, part);
}

void byok_stream_put_tool(struct byok_stream *stream, int64_t number,
                          const struct byok_tool_part *part)
{
    uint32_t tool = 0;
    while (tool < stream->tool_count && stream->tools[tool] != number)
        tool++;
    if (tool == BYOK_STREAM_TOOLS_MAX) {
        fail(stream, true);
        return;
    }
    if (tool == stream->tool_count)
        stream->tools[stream->tool_count++] = number;
    struct byok_delta *delta = delta_for(stream, BYOK_DELTA_TOOL, tool);
    if (!delta)
        return;
    if (delta->id.len == 0) /* some services say it with every part */
        append(stream, &delta->id, part->id);
    if (delta->name.len == 0)
        append(stream, &delta->name, part->name);
    append(stream, &delta->bytes, part->arguments);
    append(stream, &delta->signature, part->signature);
}

void byok_stream_say(struct byok_stream *stream, struct byok_buf *what, struct byok_str text)
{
    if (what->len == 0 && text.len > 0 && !byok_buf_add_str(what, text) && !what->overflow)
        fail(stream, false);
}

static void later(int64_t *to, int64_t from)
{
    if (from >= 0)
        *to = from;
}

void byok_stream_usage(struct byok_stream *stream, const struct byok_usage *usage)
{
    later(&stream->usage.input_tokens, usage->input_tokens);
    later(&stream->usage.cached_tokens, usage->cached_tokens);
    later(&stream->usage.cache_write_tokens, usage->cache_write_tokens);
    later(&stream->usage.cache_write_1h_tokens, usage->cache_write_1h_tokens);
    later(&stream->usage.output_tokens, usage->output_tokens);
    later(&stream->usage.reasoning_tokens, usage->reasoning_tokens);
}

/* ---- reading ---- */

static enum byok_err check(const struct byok_adapter_call *call, const struct byok_stream *stream,
                           const struct byok_arena *arena, struct byok_fault *fault)
{
    bool overflow = false;
    bool failed = byok_sse_failed(&stream->sse, &overflow);
    failed |= stream->failed || byok_arena_failed(arena);
    if (!failed)
        return BYOK_E_OK;
    if (!overflow && !stream->overflow && !arena->overflow)
        return BYOK_E_NOMEM;
    return byok_fault_set(fault, BYOK_E_TOO_LARGE,
                          "the stream of provider \"%s\" takes more memory than a job may have",
                          call->provider->name);
}

/* `cut`: the bytes end within it. */
static enum byok_err read_event(const struct byok_adapter_call *call, struct byok_stream *stream,
                                const struct byok_sse_event *event, bool cut,
                                struct byok_fault *fault)
{
    const struct byok_adapter_ops *ops = &call->provider->adapter->ops[call->request->capability];
    struct byok_str data = byok_str_trim(event->data);
    if (data.len == 0)
        return BYOK_E_OK;
    if (byok_str_is(data, "[DONE]")) {
        stream->ended = true;
        return BYOK_E_OK;
    }
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = data.len * TREE_GROWTH + TREE_BYTES_MIN};
    struct byok_adapter_call inner = *call;
    struct byok_value root;
    inner.arena = &arena;
    enum byok_err err = byok_decode(&arena, BYOK_JSON, data, &root, NULL);
    if (err == BYOK_E_NOMEM && !arena.overflow)
        return err;
    if (cut && err != BYOK_E_OK)
        return BYOK_E_OK; /* what is missing shows in that the stream has not ended */
    if (err != BYOK_E_OK || root.type != BYOK_VALUE_MAP)
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "an event in the stream of provider \"%s\" is not a JSON object",
                              call->provider->name);
    err = ops->event(&inner, event, &root, stream, fault);
    if (stream->raw && byok_decode(call->arena, BYOK_JSON, data, &root, NULL) == BYOK_E_OK)
        byok_value_push(call->arena, stream->raw, root);
    return err == BYOK_E_OK ? check(call, stream, &arena, fault) : err;
}

enum byok_err byok_stream_feed(const struct byok_adapter_call *call, struct byok_stream *stream,
                               struct byok_str bytes, struct byok_fault *fault)
{
    struct byok_sse_event event;
    while (byok_sse_next(&stream->sse, &bytes, &event)) {
        enum byok_err err = read_event(call, stream, &event, false, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    return check(call, stream, call->arena, fault);
}

/* ---- the whole answer ---- */

bool byok_stream_is(const struct byok_http_response *response)
{
    struct byok_str body = byok_str_trim(response->body);
    struct byok_str type = byok_http_header_of(response, "content-type");
    if (byok_kit_mentions(type, "text/event-stream"))
        return true;
    return body.len > 0 && body.ptr[0] != '{' && body.ptr[0] != '[' && !byok_kit_is_html(response);
}

/* All deltas of one kind (and tool) joined in the arena. */
static struct byok_str join(struct byok_arena *arena, const struct byok_stream *stream,
                            enum byok_delta_kind kind, uint32_t tool)
{
    size_t len = 0;
    for (const struct byok_delta *d = stream->first; d; d = d->next)
        len += d->kind == kind && d->tool == tool ? d->bytes.len : 0;
    char *joined = byok_arena_alloc(arena, len + 1);
    len = 0;
    for (const struct byok_delta *d = stream->first; joined && d; d = d->next) {
        if (d->kind != kind || d->tool != tool || d->bytes.len == 0)
            continue;
        memcpy(joined + len, d->bytes.ptr, d->bytes.len);
        len += d->bytes.len;
    }
    return (struct byok_str){joined, joined ? len : 0};
}

/* What the first delta of that kind and number that says it says. */
static struct byok_str first_said(struct byok_arena *arena, const struct byok_stream *stream,
                                  enum byok_delta_kind kind, uint32_t tool, size_t member)
{
    for (const struct byok_delta *d = stream->first; d; d = d->next) {
        const struct byok_buf *buf =
            (const struct byok_buf *)(const void *)((const char *)d + member);
        if (d->kind == kind && d->tool == tool && buf->len > 0)
            return byok_arena_copy(arena, byok_buf_str(buf));
    }
    return (struct byok_str){NULL, 0};
}

static struct byok_value read_tools(const struct byok_adapter_call *call,
                                    const struct byok_stream *stream)
{
    struct byok_arena *arena = call->arena;
    const enum byok_delta_kind kind = BYOK_DELTA_TOOL;
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; i < stream->tool_count; i++) {
        struct byok_value out = byok_value_map();
        struct byok_str name =
            first_said(arena, stream, kind, i, offsetof(struct byok_delta, name));
        if (name.len == 0)
            continue;
        byok_value_set_str(arena, &out, "id",
                           first_said(arena, stream, kind, i, offsetof(struct byok_delta, id)));
        byok_value_set(arena, &out, "name", byok_value_string(name));
        byok_value_set(arena, &out, "arguments",
                       byok_chat_arguments(call, join(arena, stream, kind, i)));
        byok_value_set_str(
            arena, &out, "thought_signature",
            first_said(arena, stream, kind, i, offsetof(struct byok_delta, signature)));
        byok_value_push(arena, &list, out);
    }
    return list;
}

/* "audio" and "media_type"; "images" as a list of {"media_type", "data"} or {"url"}. */
static void put_output_media(struct byok_arena *arena, const struct byok_stream *stream,
                             struct byok_value *output)
{
    const size_t name = offsetof(struct byok_delta, name), id = offsetof(struct byok_delta, id);
    struct byok_value images = byok_value_array();
    if (stream->audio_bytes > 0) {
        byok_value_set(arena, output, "audio",
                       byok_value_bytes(join(arena, stream, BYOK_DELTA_AUDIO, 0)));
        byok_value_set_str(arena, output, "media_type",
                           first_said(arena, stream, BYOK_DELTA_AUDIO, 0, name));
    }
    for (uint32_t i = 0; i < stream->image_count; i++) {
        struct byok_value image = byok_value_map();
        struct byok_str url = first_said(arena, stream, BYOK_DELTA_IMAGE, i, id);
        byok_value_set_str(arena, &image, "url", url);
        if (url.len == 0) {
            byok_value_set_str(arena, &image, "media_type",
                               first_said(arena, stream, BYOK_DELTA_IMAGE, i, name));
            byok_value_set(arena, &image, "data",
                           byok_value_bytes(join(arena, stream, BYOK_DELTA_IMAGE, i)));
        }
        byok_value_push(arena, &images, image);
    }
    if (images.count > 0)
        byok_value_set(arena, output, "images", images);
}

void byok_stream_answer(const struct byok_adapter_call *call, const struct byok_stream *stream,
                        struct byok_answer *out)
{
    struct byok_arena *arena = call->arena;
    struct byok_value tools = read_tools(call, stream);
    struct byok_str refusal = join(arena, stream, BYOK_DELTA_REFUSAL, 0);
    out->finish = stream->finish;
    if (call->request->capability != BYOK_TEXT_TO_SPEECH)
        byok_value_set(arena, &out->output, "text",
                       byok_value_string(join(arena, stream, BYOK_DELTA_TEXT, 0)));
    put_output_media(arena, stream, &out->output);
    if (tools.count > 0) {
        byok_value_set(arena, &out->output, "tool_calls", tools);
        /* a call that tool_choice forced ends with "stop" */
        if (out->finish == BYOK_FINISH_STOP || out->finish == BYOK_FINISH_NONE)
            out->finish = BYOK_FINISH_TOOL_CALLS;
    }
    if (refusal.len > 0) {
        byok_value_set(arena, &out->output, "refusal", byok_value_string(refusal));
        out->finish = BYOK_FINISH_REFUSAL;
    }
}

/* What all answers have, also those that an error event ended. */
static void make_head(const struct byok_adapter_call *call, const struct byok_stream *stream,
                      struct byok_answer *out)
{
    static const char *const ids[] = {"x-request-id", "request-id", "apim-request-id"};
    out->usage = stream->usage;
    out->model = byok_arena_copy(call->arena, byok_buf_str(&stream->model));
    for (size_t i = 0; i < sizeof ids / sizeof ids[0] && out->provider_request_id.len == 0; i++)
        out->provider_request_id = byok_kit_header(call, stream->response, ids[i]);
    if (out->provider_request_id.len == 0)
        out->provider_request_id = byok_arena_copy(call->arena, byok_buf_str(&stream->id));
    if (stream->raw)
        out->raw = *stream->raw;
}

/* An error may stand bare between the events, as JSON of several lines (Google's front end). */
static enum byok_err read_bare_error(const struct byok_adapter_call *call,
                                     struct byok_stream *stream, struct byok_str body,
                                     struct byok_fault *fault)
{
    const struct byok_sse_event event = {{NULL, 0}, {NULL, 0}};
    struct byok_value root;
    size_t at = byok_str_find(body, (struct byok_str)BYOK_STR("\n{"));
    if (at == SIZE_MAX)
        return BYOK_E_OK;
    struct byok_str rest = {body.ptr + at, body.len - at};
    enum byok_err err = byok_decode(call->arena, BYOK_JSON, rest, &root, NULL);
    if (err != BYOK_E_OK || !byok_value_is(byok_value_find(&root, "error"), BYOK_VALUE_MAP))
        return err == BYOK_E_NOMEM ? err : BYOK_E_OK;
    return call->provider->adapter->ops[call->request->capability].event(call, &event, &root,
                                                                         stream, fault);
}

enum byok_err byok_stream_read(const struct byok_adapter_call *call,
                               const struct byok_http_response *response, size_t cap_bytes,
                               struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value raw = byok_value_array();
    struct byok_sse_event event;
    BYOK_AUTO(byok_stream) stream;
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    byok_stream_init(&stream, cap_bytes, response);
    stream.without_reasoning = true;
    stream.raw = call->request->raw ? &raw : NULL;
    enum byok_err err = byok_stream_feed(call, &stream, response->body, fault);
    if (err == BYOK_E_OK && byok_sse_end(&stream.sse, &event))
        err = read_event(call, &stream, &event, true, fault);
    if (err == BYOK_E_OK)
        err = read_bare_error(call, &stream, response->body, fault);
    make_head(call, &stream, out);
    if (err != BYOK_E_OK)
        return err;
    if (!stream.ended)
        return byok_fault_set(fault, BYOK_E_CUT_OFF,
                              "the stream of provider \"%s\" broke off before its end",
                              call->provider->name);
    if (call->request->capability == BYOK_TEXT_TO_SPEECH && stream.audio_bytes == 0)
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the stream of provider \"%s\" holds no audio", call->provider->name);
    byok_stream_answer(call, &stream, out);
    return byok_kit_check_memory(call, fault);
}
