/* SPDX-License-Identifier: MIT */
/* adapters/anthropic_chat.c - a chat job as a request for POST /messages. */
#include "adapters/anthropic_parts.h"
#include "adapters/kit_chat.h"

/* There is no "seed". */
static const char *const known[] = {
    "prompt", "messages", "system",      "max_tokens",      "temperature", "top_p",
    "stop",   "tools",    "tool_choice", "response_format", NULL,
};

/* ---- tools ---- */

/* {"name", "description", "input_schema"}; "parameters" is what others call the schema.  It must be
 * of type object. */
static struct byok_value tool_of(const struct byok_adapter_call *call,
                                 const struct byok_value *function)
{
    struct byok_value tool = byok_value_map(), schema = byok_value_map();
    for (uint32_t i = 0; i < function->count; i++) {
        const struct byok_member *member = &function->as.members[i];
        if (byok_str_is(member->name, "parameters") && member->value.type == BYOK_VALUE_MAP)
            schema = member->value;
        else if (byok_str_is(member->name, "input_schema"))
            schema = member->value;
        else if (!byok_str_is(member->name, "type") && member->value.type != BYOK_VALUE_NULL)
            byok_kit_put(call->arena, &tool, member->name, member->value);
    }
    if (schema.type == BYOK_VALUE_MAP && !byok_value_find(&schema, "type")) {
        struct byok_value typed = byok_value_map();
        byok_value_set(call->arena, &typed, "type", byok_value_text("object"));
        for (uint32_t i = 0; i < schema.count; i++)
            byok_kit_put(call->arena, &typed, schema.as.members[i].name,
                         schema.as.members[i].value);
        schema = typed;
    }
    byok_value_set(call->arena, &tool, "input_schema", schema);
    return tool;
}

static enum byok_err put_tools(const struct byok_adapter_call *call, struct byok_value *body,
                               struct byok_fault *fault)
{
    const struct byok_value *tools = byok_kit_member(call, "tools");
    struct byok_value list = byok_value_array();
    if (!tools || tools->count == 0)
        return BYOK_E_OK;
    for (uint32_t i = 0; i < tools->count; i++) {
        const struct byok_value *tool = &tools->as.items[i];
        const struct byok_value *function = byok_function_of(tool);
        if (tool->type != BYOK_VALUE_MAP)
            return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                                  "member \"tools\", item %u: must be an object", i);
        /* one of Anthropic's own, e.g. {"type": "web_search_…", "name"}, as it is */
        byok_value_push(call->arena, &list, function ? tool_of(call, function) : *tool);
    }
    byok_value_set(call->arena, body, "tools", list);
    return BYOK_E_OK;
}

static enum byok_err put_choice(const struct byok_adapter_call *call, struct byok_value *body,
                                struct byok_fault *fault)
{
    static const char *const types[] = {[BYOK_CHOICE_AUTO] = "auto",
                                        [BYOK_CHOICE_NONE] = "none",
                                        [BYOK_CHOICE_ANY] = "any",
                                        [BYOK_CHOICE_NAMED] = "tool"};
    struct byok_value choice = byok_value_map();
    struct byok_str name;
    const enum byok_choice said = byok_chat_choice(call, &name);
    if (said == BYOK_CHOICE_UNSAID)
        return BYOK_E_OK;
    if (said == BYOK_CHOICE_OTHER) {
        const struct byok_value *own = byok_kit_member(call, "tool_choice");
        if (byok_value_as_str(byok_value_find(own, "type")).len == 0)
            return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                                  "member \"tool_choice\": an object must have a \"type\"");
        byok_value_set(call->arena, body, "tool_choice", *own);
        return BYOK_E_OK;
    }
    byok_value_set(call->arena, &choice, "type", byok_value_text(types[said]));
    byok_value_set_str(call->arena, &choice, "name", name);
    byok_value_set(call->arena, body, "tool_choice", choice);
    return BYOK_E_OK;
}

/* ---- the rest ---- */

/* {"output_config": {"format": {"type": "json_schema", "schema"}}}; there is no JSON without a
 * schema.  Its answers always keep to it, which is what others call strict. */
static enum byok_err put_format(const struct byok_adapter_call *call, struct byok_value *body,
                                struct byok_fault *fault)
{
    const struct byok_value *schema;
    struct byok_value format = byok_value_map(), config = byok_value_map();
    const enum byok_output_form form = byok_chat_output(call, &schema);
    if (form == BYOK_OUTPUT_TEXT)
        return BYOK_E_OK;
    if (form != BYOK_OUTPUT_SCHEMA)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"response_format\": provider \"%s\" takes \"text\" or "
                              "{\"type\": \"json_schema\", \"json_schema\": {\"schema\": …}}",
                              call->provider->name);
    byok_value_set(call->arena, &format, "type", byok_value_text("json_schema"));
    byok_value_set(call->arena, &format, "schema", *schema);
    byok_value_set(call->arena, &config, "format", format);
    byok_value_set(call->arena, body, "output_config", config);
    return BYOK_E_OK;
}

/* Other providers go up to 2. */
static enum byok_err check_temperature(const struct byok_adapter_call *call,
                                       struct byok_fault *fault)
{
    double temperature;
    if (!byok_value_as_double(byok_kit_member(call, "temperature"), &temperature) ||
        temperature <= 1)
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                          "member \"temperature\": provider \"%s\" takes 0 to 1",
                          call->provider->name);
}

static void put_plain(const struct byok_adapter_call *call, struct byok_value *body)
{
    static const char *const same[] = {"temperature", "top_p"};
    const struct byok_value *max_tokens = byok_kit_member(call, "max_tokens");
    struct byok_value stop = byok_chat_stop(call);
    byok_value_set(call->arena, body, "max_tokens",
                   max_tokens ? *max_tokens : byok_value_int(BYOK_ANTHROPIC_MAX_TOKENS));
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        const struct byok_value *value = byok_kit_member(call, same[i]);
        if (value)
            byok_value_set(call->arena, body, same[i], *value);
    }
    if (stop.type == BYOK_VALUE_ARRAY)
        byok_value_set(call->arena, body, "stop_sequences", stop);
}

enum byok_err byok_anthropic_build_chat(const struct byok_adapter_call *call,
                                        struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map();
    enum byok_err err = byok_kit_check_members(call, known, fault);
    byok_value_set_str(call->arena, &body, "model", call->model);
    if (err == BYOK_E_OK)
        err = byok_kit_check_whole(call, fault);
    if (err == BYOK_E_OK)
        err = byok_anthropic_put_messages(call, &body, fault);
    if (err == BYOK_E_OK)
        err = put_tools(call, &body, fault);
    if (err == BYOK_E_OK)
        err = put_choice(call, &body, fault);
    if (err == BYOK_E_OK)
        err = put_format(call, &body, fault);
    if (err == BYOK_E_OK)
        err = check_temperature(call, fault);
    if (err != BYOK_E_OK)
        return err;
    put_plain(call, &body);
    if (call->request->stream)
        byok_value_set(call->arena, &body, "stream", byok_value_bool(true));
    byok_kit_merge_options(call, &body);
    byok_anthropic_begin(call, "POST", "/messages", out);
    return byok_kit_end_json(call, &body, out, fault);
}
