/* SPDX-License-Identifier: MIT */
/* adapters/openai_responses_stream.c - the events of POST /responses.
 *
 * Source: https://platform.openai.com/docs/api-reference/responses-streaming and recorded streams.
 */
#include "adapters/openai_parts.h"

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

/* The names of the events that bring text, and what it is. */
static const struct {
    const char *type;
    enum byok_delta_kind kind;
} texts[] = {
    {"response.output_text.delta", BYOK_DELTA_TEXT},
    {"response.refusal.delta", BYOK_DELTA_REFUSAL},
    {"response.reasoning_text.delta", BYOK_DELTA_REASONING},
    {"response.reasoning_summary_text.delta", BYOK_DELTA_REASONING},
};

static enum byok_err fail(const struct byok_adapter_call *call, const struct byok_value *root,
                          const struct byok_stream *stream, struct byok_fault *fault)
{
    struct byok_fault said;
    byok_openai_classify_body(call, stream->response, root, &said);
    if (fault)
        *fault = said;
    return said.code;
}

static void put_tool(const struct byok_value *root, struct byok_stream *stream)
{
    struct byok_tool_part part = {.arguments = text_of(root, "delta")};
    const struct byok_value *item = byok_value_find(root, "item");
    if (byok_str_is(text_of(item, "type"), "function_call")) {
        part.id = text_of(item, "call_id");
        part.name = text_of(item, "name");
    } else if (item) {
        return;
    }
    byok_stream_put_tool(stream, byok_kit_count(root, "output_index"), &part);
}

enum byok_err byok_openai_responses_event(const struct byok_adapter_call *call,
                                          const struct byok_value *root, struct byok_stream *stream,
                                          struct byok_fault *fault)
{
    const struct byok_str type = text_of(root, "type");
    const struct byok_value *response = byok_value_find(root, "response");
    if (byok_str_is(type, "error") || byok_value_is(byok_value_find(root, "error"), BYOK_VALUE_MAP))
        return fail(call, root, stream, fault);
    if (byok_str_is(type, "response.failed"))
        return fail(call, response ? response : root, stream, fault);
    byok_stream_say(stream, &stream->model, text_of(response, "model"));
    byok_stream_say(stream, &stream->id, text_of(response, "id"));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (byok_str_is(type, texts[i].type))
            byok_stream_put(stream, texts[i].kind, text_of(root, "delta"));
    }
    if (byok_str_is(type, "response.output_item.added") ||
        byok_str_is(type, "response.function_call_arguments.delta"))
        put_tool(root, stream);
    if (byok_str_is(type, "response.completed") || byok_str_is(type, "response.incomplete")) {
        const struct byok_usage usage = byok_openai_usage(byok_value_find(response, "usage"));
        byok_stream_usage(stream, &usage);
        stream->finish = byok_openai_responses_finish(response);
        stream->ended = true;
    }
    return BYOK_E_OK;
}
