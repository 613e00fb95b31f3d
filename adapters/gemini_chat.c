/* SPDX-License-Identifier: MIT */
/* adapters/gemini_chat.c - a chat job as a request for :generateContent.
 *
 * Schemas go where JSON Schema is taken (parametersJsonSchema, responseJsonSchema), not where
 * Google's own smaller form of it is.
 */
#include "adapters/gemini_parts.h"
#include "adapters/kit_chat.h"

static const char *const known[] = {
    "prompt", "messages", "system", "max_tokens",  "temperature",     "top_p",
    "stop",   "seed",     "tools",  "tool_choice", "response_format", NULL,
};

/* ---- tools ---- */

/* Ours, and those of Gemini's own form. */
static const char *const of_a_function[] = {
    "type",     "name",     "description",          "parameters",         "strict",
    "response", "behavior", "parametersJsonSchema", "responseJsonSchema", NULL,
};

/* What is wrong, for people, or NULL. */
static const char *put_function(const struct byok_adapter_call *call,
                                const struct byok_value *function, struct byok_value *list)
{
    struct byok_value out = byok_value_map();
    for (uint32_t i = 0; i < function->count; i++) {
        const struct byok_member *member = &function->as.members[i];
        const struct byok_value *value = &member->value;
        if (byok_str_is(member->name, "type") || value->type == BYOK_VALUE_NULL)
            continue;
        if (byok_str_is(member->name, "strict")) {
            if (value->type != BYOK_VALUE_BOOL || value->as.boolean)
                return "\"strict\" is not offered: leave it out";
        } else if (byok_str_is(member->name, "parameters")) {
            if (value->count > 0) /* none: a function without any */
                byok_value_set(call->arena, &out, "parametersJsonSchema", *value);
        } else {
            byok_kit_put(call->arena, &out, member->name, *value);
        }
    }
    byok_value_push(call->arena, list, out);
    return NULL;
}

static enum byok_err put_tools(const struct byok_adapter_call *call, struct byok_value *body,
                               struct byok_fault *fault)
{
    const struct byok_value *tools = byok_kit_member(call, "tools");
    struct byok_value list = byok_value_array(), functions = byok_value_array();
    struct byok_value declared = byok_value_map();
    if (!tools || tools->count == 0)
        return BYOK_E_OK;
    for (uint32_t i = 0; i < tools->count; i++) {
        const struct byok_value *tool = &tools->as.items[i];
        const struct byok_value *function = byok_function_of(tool);
        const char *wrong = NULL;
        if (tool->type != BYOK_VALUE_MAP)
            wrong = "must be an object";
        else if (function)
            wrong = byok_tool_unknown(call, tool, of_a_function);
        else if (byok_value_find(tool, "type"))
            wrong = "a tool must be a function, or in Gemini's own form";
        else
            byok_value_push(call->arena, &list, *tool); /* e.g. {"googleSearch": {}} */
        if (function && !wrong)
            wrong = put_function(call, function, &functions);
        if (wrong)
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                                  "member \"tools\", item %u: provider \"%s\": %s", i,
                                  call->provider->name, wrong);
    }
    byok_value_set(call->arena, &declared, "functionDeclarations", functions);
    if (functions.count > 0)
        byok_value_push(call->arena, &list, declared);
    byok_value_set(call->arena, body, "tools", list);
    return BYOK_E_OK;
}

static enum byok_err put_choice(const struct byok_adapter_call *call, struct byok_value *body,
                                struct byok_fault *fault)
{
    static const char *const modes[] = {[BYOK_CHOICE_AUTO] = "AUTO",
                                        [BYOK_CHOICE_NONE] = "NONE",
                                        [BYOK_CHOICE_ANY] = "ANY",
                                        [BYOK_CHOICE_NAMED] = "ANY"};
    struct byok_value config = byok_value_map(), outer = byok_value_map();
    struct byok_str name;
    const enum byok_choice said = byok_chat_choice(call, &name);
    if (said == BYOK_CHOICE_UNSAID)
        return BYOK_E_OK;
    if (said == BYOK_CHOICE_OTHER)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"tool_choice\": \"auto\", \"none\", \"required\", or the "
                              "name of a tool");
    byok_value_set(call->arena, &config, "mode", byok_value_text(modes[said]));
    if (said == BYOK_CHOICE_NAMED) {
        struct byok_value names = byok_value_array();
        byok_value_push(call->arena, &names, byok_value_string(name));
        byok_value_set(call->arena, &config, "allowedFunctionNames", names);
    }
    byok_value_set(call->arena, &outer, "functionCallingConfig", config);
    byok_value_set(call->arena, body, "toolConfig", outer);
    return BYOK_E_OK;
}

/* ---- generationConfig ---- */

static enum byok_err put_format(const struct byok_adapter_call *call, struct byok_value *config,
                                struct byok_fault *fault)
{
    const struct byok_value *schema;
    const enum byok_output_form form = byok_chat_output(call, &schema);
    if (form == BYOK_OUTPUT_OTHER)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"response_format\": \"text\", \"json\", or {\"type\": "
                              "\"json_schema\", \"json_schema\": {\"schema\": …}}");
    if (form == BYOK_OUTPUT_JSON || form == BYOK_OUTPUT_SCHEMA)
        byok_value_set(call->arena, config, "responseMimeType",
                       byok_value_text("application/json"));
    if (form == BYOK_OUTPUT_SCHEMA)
        byok_value_set(call->arena, config, "responseJsonSchema", *schema);
    return BYOK_E_OK;
}

static void put_plain(const struct byok_adapter_call *call, struct byok_value *config)
{
    static const struct {
        const char *ours, *theirs;
    } names[] = {
        {"max_tokens", "maxOutputTokens"},
        {"temperature", "temperature"},
        {"top_p", "topP"},
        {"seed", "seed"},
    };
    struct byok_value stop = byok_chat_stop(call);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct byok_value *value = byok_kit_member(call, names[i].ours);
        if (value)
            byok_value_set(call->arena, config, names[i].theirs, *value);
    }
    if (stop.type == BYOK_VALUE_ARRAY)
        byok_value_set(call->arena, config, "stopSequences", stop);
}

enum byok_err byok_gemini_build_chat(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map(), config = byok_value_map();
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK)
        err = byok_gemini_put_messages(call, &body, fault);
    if (err == BYOK_E_OK)
        err = put_tools(call, &body, fault);
    if (err == BYOK_E_OK)
        err = put_choice(call, &body, fault);
    if (err == BYOK_E_OK)
        err = put_format(call, &config, fault);
    if (err != BYOK_E_OK)
        return err;
    put_plain(call, &config);
    if (config.count > 0)
        byok_value_set(call->arena, &body, "generationConfig", config);
    return byok_gemini_generate(call, &body, out, fault);
}
