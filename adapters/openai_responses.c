/* SPDX-License-Identifier: MIT */
/* adapters/openai_responses.c - a chat job as a request for POST /responses, and its answer.
 *
 * A job asks for it by "api": "responses".  The request is that of chat completions said in the
 * words of this interface, so that a job means the same in both.
 * Source: https://platform.openai.com/docs/api-reference/responses, the migration guide beside it,
 * and recorded answers.
 */
#include <stdint.h>

#include "adapters/kit_chat.h"
#include "adapters/openai_parts.h"

/* OpenAI's published description, 2.3.0: less is refused. */
#define OUTPUT_TOKENS_MIN 16

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

static bool is_type(const struct byok_value *value, const char *type)
{
    return byok_str_is(text_of(value, "type"), type);
}

/* ---- messages ---- */

/* What is wrong with the part, or NULL. */
static const char *translate_part(const struct byok_adapter_call *call, bool is_answer,
                                  const struct byok_value *part, struct byok_value *out)
{
    struct byok_arena *arena = call->arena;
    *out = byok_value_map();
    if (is_type(part, "text")) {
        byok_value_set(arena, out, "type",
                       byok_value_text(is_answer ? "output_text" : "input_text"));
        byok_value_set(arena, out, "text", byok_value_string(text_of(part, "text")));
    } else if (is_type(part, "image_url")) {
        struct byok_str detail = text_of(part, "image_url.detail");
        byok_value_set(arena, out, "type", byok_value_text("input_image"));
        byok_value_set(arena, out, "image_url", byok_value_string(text_of(part, "image_url.url")));
        byok_value_set(arena, out, "detail",
                       detail.len > 0 ? byok_value_string(detail) : byok_value_text("auto"));
    } else if (is_type(part, "file")) {
        byok_value_set(arena, out, "type", byok_value_text("input_file"));
        byok_value_set_str(arena, out, "filename", text_of(part, "file.filename"));
        byok_value_set_str(arena, out, "file_data", text_of(part, "file.file_data"));
        byok_value_set_str(arena, out, "file_id", text_of(part, "file.file_id"));
    } else if (is_type(part, "input_audio")) {
        return "parts of audio are not offered by the responses interface";
    } else {
        *out = *part;
    }
    return NULL;
}

static const char *translate_content(const struct byok_adapter_call *call, bool is_answer,
                                     const struct byok_value *content, struct byok_value *out)
{
    if (!byok_value_is(content, BYOK_VALUE_ARRAY)) {
        *out = content ? *content : byok_value_text("");
        return NULL;
    }
    *out = byok_value_array();
    for (uint32_t i = 0; i < content->count; i++) {
        struct byok_value part;
        const char *wrong = translate_part(call, is_answer, &content->as.items[i], &part);
        if (wrong)
            return wrong;
        byok_value_push(call->arena, out, part);
    }
    return NULL;
}

static const char *push_tool_calls(const struct byok_adapter_call *call,
                                   const struct byok_value *calls, struct byok_value *input)
{
    for (uint32_t i = 0; byok_value_is(calls, BYOK_VALUE_ARRAY) && i < calls->count; i++) {
        const struct byok_value *tool = &calls->as.items[i];
        struct byok_value item = byok_value_map();
        if (!byok_function_of(tool))
            return "the responses interface takes only calls of functions";
        byok_value_set(call->arena, &item, "type", byok_value_text("function_call"));
        byok_value_set(call->arena, &item, "call_id", byok_value_string(text_of(tool, "id")));
        byok_value_set(call->arena, &item, "name",
                       byok_value_string(text_of(tool, "function.name")));
        byok_value_set(call->arena, &item, "arguments",
                       byok_value_string(text_of(tool, "function.arguments")));
        byok_value_push(call->arena, input, item);
    }
    return NULL;
}

static const char *push_message(const struct byok_adapter_call *call,
                                const struct byok_value *message, struct byok_value *input)
{
    struct byok_value item = byok_value_map(), content;
    const struct byok_value *said = byok_value_find(message, "content");
    const struct byok_value *calls = byok_value_find(message, "tool_calls");
    const struct byok_str role = text_of(message, "role");
    if (byok_str_is(role, "tool")) {
        struct byok_str text;
        if (!byok_chat_text(call, said, &text))
            return "a tool's answer must be text";
        byok_value_set(call->arena, &item, "type", byok_value_text("function_call_output"));
        byok_value_set(call->arena, &item, "call_id",
                       byok_value_string(text_of(message, "tool_call_id")));
        byok_value_set(call->arena, &item, "output", byok_value_string(text));
        byok_value_push(call->arena, input, item);
        return NULL;
    }
    const char *wrong = translate_content(call, byok_str_is(role, "assistant"), said, &content);
    const bool is_empty = content.type == BYOK_VALUE_NULL ||
                          (content.type == BYOK_VALUE_STRING && content.as.str.len == 0);
    if (!wrong && !(calls && is_empty)) {
        byok_value_set(call->arena, &item, "role", byok_value_string(role));
        byok_value_set(call->arena, &item, "content", content);
        byok_value_push(call->arena, input, item);
    }
    return wrong ? wrong : push_tool_calls(call, calls, input);
}

static enum byok_err put_input(const struct byok_adapter_call *call, const struct byok_value *chat,
                               struct byok_value *body, struct byok_fault *fault)
{
    const struct byok_value *messages = byok_value_find(chat, "messages");
    struct byok_value input = byok_value_array();
    for (uint32_t i = 0; byok_value_is(messages, BYOK_VALUE_ARRAY) && i < messages->count; i++) {
        const char *wrong = push_message(call, &messages->as.items[i], &input);
        if (wrong)
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED, "member \"messages\", item %u: %s", i,
                                  wrong);
    }
    byok_value_set(call->arena, body, "input", input);
    return BYOK_E_OK;
}

/* ---- the rest ---- */

/* {"type": "function", "function": {…}} flat.  Here functions are strict unless told otherwise, in
 * chat completions they are not. */
static struct byok_value flat_tool(const struct byok_adapter_call *call,
                                   const struct byok_value *tool, bool is_choice)
{
    const struct byok_value *function = byok_value_find(tool, "function");
    struct byok_value out = byok_value_map();
    if (!byok_value_is(function, BYOK_VALUE_MAP))
        return *tool;
    byok_value_set(call->arena, &out, "type", byok_value_text("function"));
    for (uint32_t i = 0; i < function->count; i++)
        byok_kit_put(call->arena, &out, function->as.members[i].name,
                     function->as.members[i].value);
    if (is_choice)
        return out;
    if (!byok_value_find(&out, "strict"))
        byok_value_set(call->arena, &out, "strict", byok_value_bool(false));
    if (!byok_value_find(&out, "parameters"))
        byok_value_set(call->arena, &out, "parameters", byok_value_null());
    return out;
}

static void put_tools(const struct byok_adapter_call *call, const struct byok_value *chat,
                      struct byok_value *body)
{
    const struct byok_value *tools = byok_value_find(chat, "tools");
    const struct byok_value *choice = byok_value_find(chat, "tool_choice");
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; byok_value_is(tools, BYOK_VALUE_ARRAY) && i < tools->count; i++)
        byok_value_push(call->arena, &list, flat_tool(call, &tools->as.items[i], false));
    if (list.count > 0)
        byok_value_set(call->arena, body, "tools", list);
    if (choice)
        byok_value_set(call->arena, body, "tool_choice",
                       choice->type == BYOK_VALUE_MAP ? flat_tool(call, choice, true) : *choice);
}

static void put_format(const struct byok_adapter_call *call, const struct byok_value *chat,
                       struct byok_value *body)
{
    const struct byok_value *said = byok_value_find(chat, "response_format");
    const struct byok_value *schema = byok_value_find(said, "json_schema");
    struct byok_value text = byok_value_map(), format = byok_value_map();
    if (!said)
        return;
    byok_value_set(call->arena, &format, "type", byok_value_string(text_of(said, "type")));
    for (uint32_t i = 0; byok_value_is(schema, BYOK_VALUE_MAP) && i < schema->count; i++)
        byok_kit_put(call->arena, &format, schema->as.members[i].name, schema->as.members[i].value);
    byok_value_set(call->arena, &text, "format", format);
    byok_value_set(call->arena, body, "text", text);
}

bool byok_openai_is_responses(const struct byok_adapter_call *call)
{
    return byok_str_is(byok_value_as_str(byok_kit_member(call, "api")), "responses");
}

enum byok_err byok_openai_to_responses(const struct byok_adapter_call *call,
                                       const struct byok_value *chat, struct byok_value *body,
                                       struct byok_fault *fault)
{
    static const char *const same[] = {"model", "temperature", "top_p", "stream"};
    static const char *const without[] = {"stop", "seed"};
    const struct byok_value *most = byok_value_find(chat, "max_completion_tokens");
    *body = byok_value_map();
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++) {
        if (byok_value_find(chat, without[i]))
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                                  "member \"%s\": the responses interface of provider \"%s\" has "
                                  "no such setting; leave it out, or \"api\"",
                                  without[i], call->provider->name);
    }
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        const struct byok_value *value = byok_value_find(chat, same[i]);
        if (value)
            byok_value_set(call->arena, body, same[i], *value);
    }
    if (!most)
        most = byok_value_find(chat, "max_tokens");
    int64_t tokens;
    if (most && byok_value_as_int(most, &tokens) && tokens < OUTPUT_TOKENS_MIN)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"max_tokens\": the responses interface of provider \"%s\" "
                              "takes %d or more",
                              call->provider->name, OUTPUT_TOKENS_MIN);
    if (most)
        byok_value_set(call->arena, body, "max_output_tokens", *most);
    put_tools(call, chat, body);
    put_format(call, chat, body);
    /* kept at OpenAI for 30 days unless told otherwise, as chat completions are not */
    byok_value_set(call->arena, body, "store", byok_value_bool(false));
    return put_input(call, chat, body, fault);
}

/* ---- the answer ---- */

enum byok_finish byok_openai_responses_finish(const struct byok_value *response)
{
    const struct byok_str reason = text_of(response, "incomplete_details.reason");
    if (byok_str_is(text_of(response, "status"), "completed"))
        return BYOK_FINISH_STOP;
    if (byok_str_is(reason, "max_output_tokens"))
        return BYOK_FINISH_LENGTH;
    return byok_str_is(reason, "content_filter") ? BYOK_FINISH_CONTENT_FILTER : BYOK_FINISH_ERROR;
}

/* Put into a stream, whose answer is then made as that of any stream: the parts are the same. */
static void put_item(const struct byok_value *item, int64_t number, struct byok_stream *stream)
{
    const struct byok_value *content = byok_value_find(item, "content");
    const struct byok_tool_part part = {
        .id = text_of(item, "call_id"),
        .name = text_of(item, "name"),
        .arguments = text_of(item, "arguments"),
    };
    if (is_type(item, "function_call"))
        byok_stream_put_tool(stream, number, &part);
    if (!is_type(item, "message") || !byok_value_is(content, BYOK_VALUE_ARRAY))
        return;
    for (uint32_t i = 0; i < content->count; i++) {
        const struct byok_value *piece = &content->as.items[i];
        if (is_type(piece, "output_text"))
            byok_stream_put(stream, BYOK_DELTA_TEXT, text_of(piece, "text"));
        else if (is_type(piece, "refusal"))
            byok_stream_put(stream, BYOK_DELTA_REFUSAL, text_of(piece, "refusal"));
    }
}

enum byok_err byok_openai_parse_responses(const struct byok_adapter_call *call,
                                          const struct byok_http_response *response,
                                          struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    enum byok_err err = byok_openai_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_value *items = byok_value_find(&root, "output");
    if (!byok_value_is(items, BYOK_VALUE_ARRAY))
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" holds no output",
                              call->provider->name);
    BYOK_AUTO(byok_stream) stream;
    byok_stream_init(&stream, SIZE_MAX / 4, response); /* not more than what was read already */
    for (uint32_t i = 0; i < items->count; i++)
        put_item(&items->as.items[i], i, &stream);
    if (stream.failed)
        return stream.overflow ? byok_fault_set(fault, BYOK_E_BAD_ANSWER, "too many tool calls")
                               : BYOK_E_NOMEM;
    stream.finish = byok_openai_responses_finish(&root);
    byok_stream_answer(call, &stream, out);
    return byok_kit_check_memory(call, fault);
}
