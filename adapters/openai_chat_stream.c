/* SPDX-License-Identifier: MIT */
/* adapters/openai_chat_stream.c - chat completions as a stream of chunks.
 *
 * Source: https://platform.openai.com/docs/api-reference/chat-streaming and recorded streams of
 * OpenAI and of compatible services (tests/golden/openai).
 */
#include "adapters/openai_parts.h"
#include "adapters/stream.h"

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

/* Without include_usage OpenAI's streams say nothing of it.  Mistral says it unasked, and refuses
 * members that it does not know. */
void byok_openai_put_stream(const struct byok_adapter_call *call, struct byok_value *body)
{
    if (!call->request->stream)
        return;
    byok_value_set(call->arena, body, "stream", byok_value_bool(true));
    if (byok_openai_is_mistral(call))
        return;
    struct byok_value options = byok_value_map();
    byok_value_set(call->arena, &options, "include_usage", byok_value_bool(true));
    byok_value_set(call->arena, body, "stream_options", options);
}

/* Parts of tool calls are told apart by index; a service that leaves it out gives calls whole. */
static void put_tools(const struct byok_value *calls, struct byok_stream *stream)
{
    for (uint32_t i = 0; byok_value_is(calls, BYOK_VALUE_ARRAY) && i < calls->count; i++) {
        const struct byok_value *item = &calls->as.items[i];
        const struct byok_tool_part part = {
            .id = text_of(item, "id"),
            .name = text_of(item, "function.name"),
            .arguments = text_of(item, "function.arguments"),
        };
        int64_t number = byok_kit_count(item, "index");
        if (number < 0) /* numbers of our own, that no service gives */
            number = -1 - (int64_t)stream->tool_count + (part.id.len == 0 && part.name.len == 0);
        byok_stream_put_tool(stream, number, &part);
    }
}

static void put_choice(const struct byok_adapter_call *call, const struct byok_value *choice,
                       struct byok_stream *stream)
{
    const struct byok_value *delta = byok_value_find(choice, "delta");
    const struct byok_str reason = text_of(choice, "finish_reason");
    struct byok_str reasoning = text_of(delta, "reasoning_content"); /* DeepSeek, vLLM */
    if (reasoning.len == 0)
        reasoning = text_of(delta, "reasoning"); /* OpenRouter, Groq */
    byok_stream_put(stream, BYOK_DELTA_REASONING, reasoning);
    byok_stream_put(stream, BYOK_DELTA_TEXT,
                    byok_openai_text(call, byok_value_find(delta, "content")));
    byok_stream_put(stream, BYOK_DELTA_REFUSAL, text_of(delta, "refusal"));
    put_tools(byok_value_find(delta, "tool_calls"), stream);
    byok_openai_stream_media(call, delta, stream);
    if (reason.len > 0) {
        stream->finish = byok_openai_finish(reason);
        stream->ended = true;
    }
}

enum byok_err byok_openai_event_error(const struct byok_adapter_call *call,
                                      const struct byok_sse_event *event,
                                      const struct byok_value *root, struct byok_stream *stream,
                                      struct byok_fault *fault)
{
    const struct byok_value *error = byok_value_find(root, "error");
    if (!byok_str_is(event->name, "error") && !byok_value_is(error, BYOK_VALUE_MAP) &&
        byok_value_as_str(error).len == 0)
        return BYOK_E_OK;
    struct byok_fault said;
    byok_openai_classify_body(call, stream->response, root, &said);
    if (fault)
        *fault = said;
    return said.code;
}

enum byok_err byok_openai_chat_event(const struct byok_adapter_call *call,
                                     const struct byok_sse_event *event,
                                     const struct byok_value *root, struct byok_stream *stream,
                                     struct byok_fault *fault)
{
    if (byok_openai_is_responses(call))
        return byok_openai_responses_event(call, root, stream, fault);
    enum byok_err err = byok_openai_event_error(call, event, root, stream, fault);
    if (err != BYOK_E_OK)
        return err;
    struct byok_usage usage = byok_openai_usage(byok_value_find(root, "usage"));
    byok_stream_usage(stream, &usage);
    usage = byok_openai_usage(byok_value_path(root, "x_groq.usage"));
    byok_stream_usage(stream, &usage);
    byok_stream_say(stream, &stream->model, text_of(root, "model"));
    byok_stream_say(stream, &stream->id, text_of(root, "id"));
    const struct byok_value *choices = byok_value_find(root, "choices");
    for (uint32_t i = 0; byok_value_is(choices, BYOK_VALUE_ARRAY) && i < choices->count; i++) {
        if (byok_kit_count(&choices->as.items[i], "index") <= 0) /* the first of several answers */
            put_choice(call, &choices->as.items[i], stream);
    }
    return BYOK_E_OK;
}
