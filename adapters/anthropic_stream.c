/* SPDX-License-Identifier: MIT */
/* adapters/anthropic_stream.c - messages as a stream of events.
 *
 * Source: https://docs.anthropic.com/en/docs/build-with-claude/streaming and recorded streams.
 * What an event is stands in its data too, so its name is not asked for.
 */
#include "adapters/anthropic_parts.h"
#include "adapters/stream.h"

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

/* Counts are of all so far; message_delta may leave out what message_start has said. */
static void put_usage(const struct byok_value *said, struct byok_stream *stream)
{
    struct byok_usage usage = byok_anthropic_usage(said);
    if (usage.input_tokens < stream->usage.input_tokens)
        usage.input_tokens = -1;
    byok_stream_usage(stream, &usage);
}

static void on_start(const struct byok_value *root, struct byok_stream *stream)
{
    byok_stream_say(stream, &stream->model, text_of(root, "message.model"));
    byok_stream_say(stream, &stream->id, text_of(root, "message.id"));
    put_usage(byok_value_path(root, "message.usage"), stream);
}

static void on_block(const struct byok_value *root, struct byok_stream *stream)
{
    const struct byok_value *block = byok_value_find(root, "content_block");
    const struct byok_tool_part part = {.id = text_of(block, "id"), .name = text_of(block, "name")};
    if (byok_str_is(text_of(block, "type"), "tool_use"))
        byok_stream_put_tool(stream, byok_kit_count(root, "index"), &part);
    else if (byok_str_is(text_of(block, "type"), "text"))
        byok_stream_put(stream, BYOK_DELTA_TEXT, text_of(block, "text"));
}

/* Only the blocks of calls to the job's own tools are put in, so others' parts have no number. */
static bool is_own_tool(const struct byok_stream *stream, int64_t number)
{
    for (uint32_t i = 0; i < stream->tool_count; i++) {
        if (stream->tools[i] == number)
            return true;
    }
    return false;
}

static void on_delta(const struct byok_value *root, struct byok_stream *stream)
{
    const struct byok_value *delta = byok_value_find(root, "delta");
    const struct byok_str type = text_of(delta, "type");
    const int64_t number = byok_kit_count(root, "index");
    const struct byok_tool_part part = {.arguments = text_of(delta, "partial_json")};
    if (byok_str_is(type, "text_delta"))
        byok_stream_put(stream, BYOK_DELTA_TEXT, text_of(delta, "text"));
    else if (byok_str_is(type, "thinking_delta"))
        byok_stream_put(stream, BYOK_DELTA_REASONING, text_of(delta, "thinking"));
    else if (byok_str_is(type, "input_json_delta") && is_own_tool(stream, number))
        byok_stream_put_tool(stream, number, &part);
}

static void on_message_delta(const struct byok_value *root, struct byok_stream *stream)
{
    const struct byok_str reason = text_of(root, "delta.stop_reason");
    put_usage(byok_value_find(root, "usage"), stream);
    if (reason.len == 0)
        return;
    stream->finish = byok_anthropic_finish(reason);
    if (stream->finish == BYOK_FINISH_REFUSAL)
        byok_stream_put(stream, BYOK_DELTA_REFUSAL,
                        text_of(root, "delta.stop_details.explanation"));
}

enum byok_err byok_anthropic_event(const struct byok_adapter_call *call,
                                   const struct byok_sse_event *event,
                                   const struct byok_value *root, struct byok_stream *stream,
                                   struct byok_fault *fault)
{
    (void)event;
    const struct byok_str type = text_of(root, "type");
    if (byok_str_is(type, "error") ||
        byok_value_is(byok_value_find(root, "error"), BYOK_VALUE_MAP)) {
        struct byok_fault said;
        byok_anthropic_classify_body(call, stream->response, root, &said);
        if (fault)
            *fault = said;
        return said.code;
    }
    if (byok_str_is(type, "message_start"))
        on_start(root, stream);
    else if (byok_str_is(type, "content_block_start"))
        on_block(root, stream);
    else if (byok_str_is(type, "content_block_delta"))
        on_delta(root, stream);
    else if (byok_str_is(type, "message_delta"))
        on_message_delta(root, stream);
    else if (byok_str_is(type, "message_stop"))
        stream->ended = true;
    return BYOK_E_OK;
}
