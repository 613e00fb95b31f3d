/* SPDX-License-Identifier: MIT */
/* adapters/cohere_chat.c - POST /v2/chat.
 *
 * Messages, tools and tool calls have OpenAI's form, which its functions make; the names of the
 * settings and the answer are Cohere's own.
 */
#include "adapters/cohere_parts.h"
#include "adapters/kit_chat.h"
#include "adapters/openai_parts.h"

static const char *const known[] = {
    "prompt", "messages", "system", "max_tokens",  "temperature",     "top_p",
    "stop",   "seed",     "tools",  "tool_choice", "response_format", NULL,
};

static const char *const refused_parts[] = {"input_audio", "video", "document", "file", NULL};

/* ---- the request ---- */

/* A part that Cohere has no form for, or NULL. */
static const char *refused_part(const struct byok_value *content)
{
    for (uint32_t i = 0; byok_value_is(content, BYOK_VALUE_ARRAY) && i < content->count; i++) {
        struct byok_str type = byok_value_as_str(byok_value_find(&content->as.items[i], "type"));
        for (size_t k = 0; refused_parts[k]; k++) {
            if (byok_str_is(type, refused_parts[k]))
                return refused_parts[k];
        }
    }
    return NULL;
}

static enum byok_err check_parts(const struct byok_value *body, struct byok_fault *fault)
{
    const struct byok_value *messages = byok_value_find(body, "messages");
    for (uint32_t i = 0; byok_value_is(messages, BYOK_VALUE_ARRAY) && i < messages->count; i++) {
        const char *part = refused_part(byok_value_find(&messages->as.items[i], "content"));
        if (part)
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                                  "member \"messages\", item %u: Cohere takes no \"%s\" part", i,
                                  part);
    }
    return BYOK_E_OK;
}

static enum byok_err put_choice(const struct byok_adapter_call *call, struct byok_value *body,
                                struct byok_fault *fault)
{
    struct byok_str name;
    switch (byok_chat_choice(call, &name)) {
    case BYOK_CHOICE_UNSAID:
    case BYOK_CHOICE_AUTO: /* what Cohere does when it is not told */
        return BYOK_E_OK;
    case BYOK_CHOICE_NONE:
        byok_value_set(call->arena, body, "tool_choice", byok_value_text("NONE"));
        return BYOK_E_OK;
    case BYOK_CHOICE_ANY:
        byok_value_set(call->arena, body, "tool_choice", byok_value_text("REQUIRED"));
        return BYOK_E_OK;
    case BYOK_CHOICE_NAMED:
    case BYOK_CHOICE_OTHER:
        break;
    }
    return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                          "member \"tool_choice\": Cohere knows \"auto\", \"none\" and "
                          "\"required\", no single tool");
}

static enum byok_err put_format(const struct byok_adapter_call *call, struct byok_value *body,
                                struct byok_fault *fault)
{
    const struct byok_value *schema = NULL;
    struct byok_value format = byok_value_map();
    switch (byok_chat_output(call, &schema)) {
    case BYOK_OUTPUT_TEXT:
        return BYOK_E_OK;
    case BYOK_OUTPUT_JSON:
    case BYOK_OUTPUT_SCHEMA:
        byok_value_set(call->arena, &format, "type", byok_value_text("json_object"));
        if (schema)
            byok_value_set(call->arena, &format, "json_schema", *schema);
        byok_value_set(call->arena, body, "response_format", format);
        return BYOK_E_OK;
    case BYOK_OUTPUT_OTHER:
        break;
    }
    return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                          "member \"response_format\": \"text\", \"json\", or an object of type "
                          "\"json_schema\"");
}

static const char *const of_a_function[] = {
    "type", "name", "description", "parameters", NULL,
};

static enum byok_err put_tools(const struct byok_adapter_call *call, struct byok_value *body,
                               struct byok_fault *fault)
{
    const struct byok_value *tools = byok_kit_member(call, "tools");
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; tools && i < tools->count; i++) {
        if (tools->as.items[i].type != BYOK_VALUE_MAP)
            return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                                  "member \"tools\", item %u: must be an object", i);
        const char *unknown = byok_tool_unknown(call, &tools->as.items[i], of_a_function);
        if (unknown)
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED, "member \"tools\", item %u: %s", i,
                                  unknown);
        byok_value_push(call->arena, &list, byok_openai_function(call, &tools->as.items[i]));
    }
    if (list.count > 0)
        byok_value_set(call->arena, body, "tools", list);
    return BYOK_E_OK;
}

static void put_settings(const struct byok_adapter_call *call, struct byok_value *body)
{
    static const struct {
        const char *name, *cohere;
    } settings[] = {
        {"max_tokens", "max_tokens"},
        {"temperature", "temperature"},
        {"top_p", "p"},
        {"seed", "seed"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const struct byok_value *value = byok_kit_member(call, settings[i].name);
        if (value)
            byok_value_set(call->arena, body, settings[i].cohere, *value);
    }
    struct byok_value stop = byok_chat_stop(call);
    if (stop.type != BYOK_VALUE_NULL)
        byok_value_set(call->arena, body, "stop_sequences", stop);
}

/* What Cohere's interface, version 2, describes; the name of a tool's message is for others. */
static enum byok_err check_messages(const struct byok_adapter_call *call, struct byok_fault *fault)
{
    static const char *const of_a_tool[] = {"role",         "content",  "name",
                                            "tool_call_id", "is_error", NULL};
    static const char *const of_others[] = {"role",      "content",   "tool_calls",
                                            "tool_plan", "citations", NULL};
    const struct byok_value *messages = byok_kit_member(call, "messages");
    for (uint32_t i = 0; messages && i < messages->count; i++) {
        const struct byok_value *message = &messages->as.items[i];
        const bool is_tool =
            byok_str_is(byok_value_as_str(byok_value_find(message, "role")), "tool");
        const char *wrong = byok_message_unknown(call, message, is_tool ? of_a_tool : of_others);
        if (wrong)
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED, "member \"messages\", item %u: %s", i,
                                  wrong);
    }
    return BYOK_E_OK;
}

enum byok_err byok_cohere_build_chat(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map();
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK)
        err = byok_kit_check_whole(call, fault);
    byok_value_set_str(call->arena, &body, "model", call->model);
    /* as Cohere's own clients always say it */
    byok_value_set(call->arena, &body, "stream", byok_value_bool(false));
    if (err == BYOK_E_OK)
        err = check_messages(call, fault);
    if (err == BYOK_E_OK)
        err = byok_openai_put_messages(call, &body, fault);
    if (err == BYOK_E_OK)
        err = check_parts(&body, fault);
    if (err == BYOK_E_OK)
        err = put_tools(call, &body, fault);
    if (err == BYOK_E_OK)
        err = put_choice(call, &body, fault);
    if (err == BYOK_E_OK)
        err = put_format(call, &body, fault);
    if (err != BYOK_E_OK)
        return err;
    put_settings(call, &body);
    byok_kit_put_options(call, &body);
    byok_kit_begin(call, "POST", "/v2/chat", NULL, out);
    return byok_kit_end_json(call, &body, out, fault);
}

/* ---- the answer ---- */

static enum byok_finish finish_of(struct byok_str word)
{
    static const struct {
        const char *word;
        enum byok_finish finish;
    } words[] = {
        {"COMPLETE", BYOK_FINISH_STOP},
        {"STOP_SEQUENCE", BYOK_FINISH_STOP},
        {"MAX_TOKENS", BYOK_FINISH_LENGTH},
        {"TOOL_CALL", BYOK_FINISH_TOOL_CALLS},
        {"ERROR_TOXIC", BYOK_FINISH_CONTENT_FILTER},
        {"ERROR", BYOK_FINISH_ERROR},
        {"TIMEOUT", BYOK_FINISH_ERROR},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (byok_str_is(word, words[i].word))
            return words[i].finish;
    }
    return BYOK_FINISH_NONE;
}

/* usage.tokens is what the model saw, usage.billed_units what is paid for; so no price is told for
 * these models (schemas/prices.json). */
static struct byok_usage read_usage(const struct byok_value *usage)
{
    struct byok_usage out = BYOK_USAGE_UNSAID;
    out.input_tokens = byok_kit_count(usage, "tokens.input_tokens");
    out.output_tokens = byok_kit_count(usage, "tokens.output_tokens");
    out.cached_tokens = byok_kit_count(usage, "cached_tokens");
    if (out.input_tokens < 0)
        out.input_tokens = byok_kit_count(usage, "billed_units.input_tokens");
    if (out.output_tokens < 0)
        out.output_tokens = byok_kit_count(usage, "billed_units.output_tokens");
    return out;
}

/* Parts of type "thinking" are no part of the answer and have no "text". */
static struct byok_str read_text(const struct byok_adapter_call *call,
                                 const struct byok_value *content)
{
    size_t len = 0;
    if (!byok_value_is(content, BYOK_VALUE_ARRAY))
        return byok_value_as_str(content);
    for (uint32_t i = 0; i < content->count; i++)
        len += byok_value_as_str(byok_value_find(&content->as.items[i], "text")).len;
    char *joined = byok_arena_alloc(call->arena, len + 1);
    len = 0;
    for (uint32_t i = 0; joined && i < content->count; i++) {
        struct byok_str text = byok_value_as_str(byok_value_find(&content->as.items[i], "text"));
        if (text.len > 0)
            memcpy(joined + len, text.ptr, text.len);
        len += text.len;
    }
    return (struct byok_str){joined, len};
}

/* Arguments that are no object are given as the text they are. */
static struct byok_value read_tool_calls(const struct byok_adapter_call *call,
                                         const struct byok_value *calls)
{
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; byok_value_is(calls, BYOK_VALUE_ARRAY) && i < calls->count; i++) {
        const struct byok_value *function = byok_value_find(&calls->as.items[i], "function");
        const struct byok_value *said = byok_value_find(function, "arguments");
        struct byok_value out = byok_value_map(), arguments;
        struct byok_str name = byok_value_as_str(byok_value_find(function, "name"));
        if (name.len == 0)
            continue;
        if (!byok_function_arguments(call, function, &arguments))
            arguments = said ? *said : byok_value_map();
        byok_value_set_str(call->arena, &out, "id",
                           byok_value_as_str(byok_value_find(&calls->as.items[i], "id")));
        byok_value_set(call->arena, &out, "name", byok_value_string(name));
        byok_value_set(call->arena, &out, "arguments", arguments);
        byok_value_push(call->arena, &list, out);
    }
    return list;
}

enum byok_err byok_cohere_parse_chat(const struct byok_adapter_call *call,
                                     const struct byok_http_response *response,
                                     struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    enum byok_err err = byok_cohere_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    out->usage = read_usage(byok_value_find(&root, "usage"));
    const struct byok_value *message = byok_value_find(&root, "message");
    if (!byok_value_is(message, BYOK_VALUE_MAP))
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" holds no message",
                              call->provider->name);
    struct byok_value calls = read_tool_calls(call, byok_value_find(message, "tool_calls"));
    out->finish = finish_of(byok_value_as_str(byok_value_find(&root, "finish_reason")));
    byok_value_set(call->arena, &out->output, "text",
                   byok_value_string(read_text(call, byok_value_find(message, "content"))));
    if (calls.count > 0) {
        byok_value_set(call->arena, &out->output, "tool_calls", calls);
        out->finish = BYOK_FINISH_TOOL_CALLS;
    }
    return byok_kit_check_memory(call, fault);
}
