/* SPDX-License-Identifier: MIT */
/* adapters/openai_chat.c - a chat job as a request for POST /chat/completions. */
#include "adapters/kit_chat.h"
#include "adapters/openai_parts.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static const char *const known[] = {
    "prompt", "messages", "system",      "max_tokens",      "temperature", "top_p", "stop",
    "seed",   "tools",    "tool_choice", "response_format", "api",         NULL,
};

static const char *const of_a_function[] = {
    "type", "name", "description", "parameters", "strict", NULL,
};

/* Of the same name and meaning at OpenAI. */
static void put_same(const struct byok_adapter_call *call, struct byok_value *body)
{
    static const char *const same[] = {"temperature", "top_p", "stop", "seed"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        const struct byok_value *value = byok_kit_member(call, same[i]);
        /* of the lists only stop; an empty one is refused */
        if (value && (value->type != BYOK_VALUE_ARRAY || value->count > 0))
            byok_value_set(call->arena, body, same[i], *value);
    }
}

/* OpenAI's newer models, Azure's too, refuse max_tokens; other services do not know its successor. */
static void put_max_tokens(const struct byok_adapter_call *call, struct byok_value *body)
{
    const struct byok_value *value = byok_kit_member(call, "max_tokens");
    if (value)
        byok_value_set(call->arena, body,
                       byok_openai_is_own(call) ? "max_completion_tokens" : "max_tokens", *value);
}

/* A tool without parameters takes none: OpenAI lets them be left out, Mistral does not. */
static struct byok_value tool_of(const struct byok_adapter_call *call,
                                 const struct byok_value *tool)
{
    struct byok_value whole = byok_openai_function(call, tool);
    const struct byok_value *had = byok_value_find(&whole, "function");
    const struct byok_value *parameters = byok_value_find(had, "parameters");
    if (!byok_value_is(had, BYOK_VALUE_MAP) ||
        (byok_value_is(parameters, BYOK_VALUE_MAP) && parameters->count > 0))
        return whole;
    struct byok_value schema = byok_value_map(), function = byok_value_map(), out = whole;
    byok_value_set(call->arena, &schema, "type", byok_value_text("object"));
    byok_value_set(call->arena, &schema, "properties", byok_value_map());
    for (uint32_t i = 0; i < had->count; i++)
        byok_kit_put(call->arena, &function, had->as.members[i].name, had->as.members[i].value);
    byok_kit_put(call->arena, &function, STR("parameters"), schema);
    out = byok_value_map();
    byok_value_set(call->arena, &out, "type", byok_value_text("function"));
    byok_value_set(call->arena, &out, "function", function);
    return out;
}

static enum byok_err put_tools(const struct byok_adapter_call *call, struct byok_value *body,
                               struct byok_fault *fault)
{
    const struct byok_value *tools = byok_kit_member(call, "tools");
    struct byok_value list = byok_value_array();
    if (!tools || tools->count == 0) /* OpenAI refuses an empty list */
        return BYOK_E_OK;
    for (uint32_t i = 0; i < tools->count; i++) {
        if (tools->as.items[i].type != BYOK_VALUE_MAP)
            return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                                  "member \"tools\", item %u: must be an object", i);
        const char *unknown = byok_openai_is_own(call)
                                  ? byok_tool_unknown(call, &tools->as.items[i], of_a_function)
                                  : NULL;
        if (unknown)
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED, "member \"tools\", item %u: %s", i,
                                  unknown);
        byok_value_push(call->arena, &list, tool_of(call, &tools->as.items[i]));
    }
    byok_value_set(call->arena, body, "tools", list);
    return BYOK_E_OK;
}

/* "auto", "none", "required" (others say "any"), or the name of a tool. */
static struct byok_value choice_of(const struct byok_adapter_call *call,
                                   const struct byok_value *choice)
{
    struct byok_str word = byok_value_as_str(choice);
    if (choice->type == BYOK_VALUE_MAP)
        return byok_openai_function(call, choice);
    if (byok_str_is(word, "auto") || byok_str_is(word, "none") || byok_str_is(word, "required"))
        return *choice;
    if (byok_str_is(word, "any"))
        return byok_value_text("required");
    struct byok_value flat = byok_value_map();
    byok_value_set(call->arena, &flat, "name", *choice);
    return byok_openai_function(call, &flat);
}

/* {"type": "json_schema", "json_schema": {"name", "schema", …}} of that, or of the form that has
 * them beside "type"; a name that is not said is made up, since there must be one. */
static struct byok_value schema_format(const struct byok_adapter_call *call,
                                       const struct byok_value *format)
{
    const struct byok_value *nested = byok_value_find(format, "json_schema");
    const struct byok_value *from = byok_value_is(nested, BYOK_VALUE_MAP) ? nested : format;
    struct byok_value out = byok_value_map(), schema = byok_value_map();
    byok_value_set(call->arena, &schema, "name", byok_value_text("answer"));
    for (uint32_t i = 0; i < from->count; i++) {
        const struct byok_member *member = &from->as.members[i];
        if (!byok_str_is(member->name, "type") && member->value.type != BYOK_VALUE_NULL)
            byok_kit_put(call->arena, &schema, member->name, member->value);
    }
    byok_value_set(call->arena, &out, "type", byok_value_text("json_schema"));
    byok_value_set(call->arena, &out, "json_schema", schema);
    return out;
}

/* "text", "json" or "json_object", or OpenAI's own object, e.g. {"type": "json_schema", …}. */
static enum byok_err put_format(const struct byok_adapter_call *call, struct byok_value *body,
                                struct byok_fault *fault)
{
    const struct byok_value *format = byok_kit_member(call, "response_format");
    if (!format)
        return BYOK_E_OK;
    struct byok_str word = byok_value_as_str(format);
    struct byok_value out = *format;
    if (word.len > 0) {
        if (byok_str_is(word, "json"))
            word = STR("json_object");
        if (!byok_str_is(word, "json_object") && !byok_str_is(word, "text"))
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                                  "member \"response_format\": \"text\", \"json\", or an object "
                                  "with a \"type\"");
        out = byok_value_map();
        byok_value_set_str(call->arena, &out, "type", word);
    } else if (byok_value_as_str(byok_value_find(format, "type")).len == 0) {
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "member \"response_format\": an object must have a \"type\"");
    } else if (byok_str_is(byok_value_find(format, "type")->as.str, "json_schema")) {
        out = schema_format(call, format);
    }
    byok_value_set(call->arena, body, "response_format", out);
    return BYOK_E_OK;
}

enum byok_err byok_openai_build_chat(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map();
    enum byok_err err = byok_kit_check_members(call, known, fault);
    const struct byok_str api = byok_value_as_str(byok_kit_member(call, "api"));
    if (err == BYOK_E_OK && api.len > 0 && !byok_openai_is_responses(call) &&
        !byok_str_is(api, "chat_completions"))
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "member \"api\": \"chat_completions\" or \"responses\"");
    byok_value_set_str(call->arena, &body, "model", call->model);
    if (err == BYOK_E_OK)
        err = byok_openai_put_messages(call, &body, fault);
    if (err == BYOK_E_OK)
        err = put_tools(call, &body, fault);
    if (err == BYOK_E_OK)
        err = put_format(call, &body, fault);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_value *choice = byok_kit_member(call, "tool_choice");
    if (choice)
        byok_value_set(call->arena, &body, "tool_choice", choice_of(call, choice));
    put_same(call, &body);
    put_max_tokens(call, &body);
    byok_openai_put_stream(call, &body);
    if (!byok_openai_is_responses(call))
        return byok_openai_post(call, "/chat/completions", &body, out, fault);
    struct byok_value responses;
    err = byok_openai_to_responses(call, &body, &responses, fault);
    if (err != BYOK_E_OK)
        return err;
    return byok_openai_post(call, "/responses", &responses, out, fault);
}
