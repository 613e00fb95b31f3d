/* SPDX-License-Identifier: MIT */
/* adapters/gemini_messages.c - prompt and messages in Gemini's form.
 *
 * The roles are user and model; texts of role system or developer go to systemInstruction.  Results
 * of tools are parts of a user's content; those that follow each other share one, as the API wants
 * as many results in a turn as there were calls.  A result names its function: where the message
 * does not ("name"), the call with its id does.
 * A call may carry a thought_signature, which newer models want back with it; byokd gives it out
 * and takes it in as a member of the tool call.
 */
#include "adapters/gemini_parts.h"
#include "adapters/kit_chat.h"

struct lists {
    const struct byok_value *messages; /* the job's */
    struct byok_value system;          /* parts */
    struct byok_value contents;
    struct byok_value results; /* functionResponse parts not yet in a content */
};

static struct byok_str text_of(const struct byok_value *map, const char *name)
{
    return byok_value_as_str(byok_value_find(map, name));
}

static void push_content(const struct byok_adapter_call *call, struct byok_value *contents,
                         const char *role, struct byok_value parts)
{
    struct byok_value content = byok_value_map();
    byok_value_set(call->arena, &content, "role", byok_value_text(role));
    byok_value_set(call->arena, &content, "parts", parts);
    byok_value_push(call->arena, contents, content);
}

static void close_results(const struct byok_adapter_call *call, struct lists *lists)
{
    if (lists->results.count > 0)
        push_content(call, &lists->contents, "user", lists->results);
    lists->results = byok_value_array();
}

/* ---- tool calls and their results ---- */

static const char *put_tool_calls(const struct byok_adapter_call *call,
                                  const struct byok_value *calls, struct byok_value *parts)
{
    for (uint32_t i = 0; byok_value_is(calls, BYOK_VALUE_ARRAY) && i < calls->count; i++) {
        const struct byok_value *item = &calls->as.items[i];
        const struct byok_value *function = byok_function_of(item);
        struct byok_value args, out = byok_value_map(), part = byok_value_map();
        if (!function)
            return "a tool call needs \"name\"";
        if (!byok_function_arguments(call, function, &args))
            return "the \"arguments\" of a tool call must be an object";
        byok_value_set_str(call->arena, &out, "id", text_of(item, "id"));
        byok_value_set(call->arena, &out, "name", *byok_value_find(function, "name"));
        byok_value_set(call->arena, &out, "args", args);
        byok_value_set(call->arena, &part, "functionCall", out);
        byok_value_set_str(call->arena, &part, "thoughtSignature",
                           text_of(item, "thought_signature"));
        byok_value_push(call->arena, parts, part);
    }
    return NULL;
}

/* The name of the function that was called with that id; empty: none was. */
static struct byok_str called_name(const struct byok_value *messages, struct byok_str id)
{
    for (uint32_t i = 0; id.len > 0 && i < messages->count; i++) {
        const struct byok_value *calls = byok_value_find(&messages->as.items[i], "tool_calls");
        for (uint32_t k = 0; byok_value_is(calls, BYOK_VALUE_ARRAY) && k < calls->count; k++) {
            if (byok_str_eq(text_of(&calls->as.items[k], "id"), id))
                return text_of(byok_function_of(&calls->as.items[k]), "name");
        }
    }
    return (struct byok_str){NULL, 0};
}

static const char *put_result(const struct byok_adapter_call *call,
                              const struct byok_value *message, struct lists *lists)
{
    static const char *const known[] = {"role", "content",  "tool_call_id",
                                        "name", "is_error", NULL};
    struct byok_value response = byok_value_map(), out = byok_value_map(), part = byok_value_map();
    struct byok_str id = text_of(message, "tool_call_id"), name = text_of(message, "name"), text;
    const struct byok_value *is_error = byok_value_find(message, "is_error");
    const struct byok_value *content = byok_value_find(message, "content");
    const char *wrong = byok_message_unknown(call, message, known);
    if (wrong)
        return wrong;
    if (name.len == 0)
        name = called_name(lists->messages, id);
    if (name.len == 0)
        return "a message of role tool needs \"name\", or the \"tool_call_id\" of an earlier call";
    for (uint32_t i = 0; !wrong && byok_value_is(content, BYOK_VALUE_ARRAY) && i < content->count;
         i++)
        wrong = byok_part_unknown(call, &content->as.items[i]);
    if (wrong)
        return wrong;
    if (!byok_chat_text(call, content, &text))
        return "a message of role tool takes only text";
    /* the two names that the API gives to a result that is no object */
    byok_value_set(call->arena, &response,
                   byok_value_is(is_error, BYOK_VALUE_BOOL) && is_error->as.boolean ? "error"
                                                                                    : "output",
                   byok_value_string(text));
    byok_value_set_str(call->arena, &out, "id", id);
    byok_value_set(call->arena, &out, "name", byok_value_string(name));
    byok_value_set(call->arena, &out, "response", response);
    byok_value_set(call->arena, &part, "functionResponse", out);
    byok_value_push(call->arena, &lists->results, part);
    return NULL;
}

/* ---- messages ---- */

static const char *put_system(const struct byok_adapter_call *call,
                              const struct byok_value *message, struct lists *lists)
{
    static const char *const known[] = {"role", "content", NULL};
    const char *wrong = byok_message_unknown(call, message, known);
    return wrong ? wrong
                 : byok_gemini_put_parts(call, byok_value_find(message, "content"), &lists->system);
}

static const char *put_turn(const struct byok_adapter_call *call, const struct byok_value *message,
                            const char *role, struct lists *lists)
{
    static const char *const known[] = {"role", "content", "tool_calls", NULL};
    struct byok_value parts = byok_value_array();
    const char *wrong = byok_message_unknown(call, message, known);
    close_results(call, lists);
    if (!wrong)
        wrong = byok_gemini_put_parts(call, byok_value_find(message, "content"), &parts);
    if (!wrong)
        wrong = put_tool_calls(call, byok_value_find(message, "tool_calls"), &parts);
    if (!wrong)
        push_content(call, &lists->contents, role, parts);
    return wrong;
}

static const char *put_message(const struct byok_adapter_call *call,
                               const struct byok_value *message, struct lists *lists)
{
    struct byok_str role = text_of(message, "role");
    if (byok_str_is(role, "system") || byok_str_is(role, "developer"))
        return put_system(call, message, lists);
    if (byok_str_is(role, "tool"))
        return put_result(call, message, lists);
    if (byok_str_is(role, "user"))
        return put_turn(call, message, "user", lists);
    if (byok_str_is(role, "assistant") || byok_str_is(role, "model"))
        return put_turn(call, message, "model", lists);
    return "a role must be system, user, assistant or tool";
}

static void put_system_parts(const struct byok_adapter_call *call, struct byok_value parts,
                             struct byok_value *body)
{
    struct byok_value instruction = byok_value_map();
    if (parts.count == 0)
        return;
    byok_value_set(call->arena, &instruction, "parts", parts);
    byok_value_set(call->arena, body, "systemInstruction", instruction);
}

enum byok_err byok_gemini_put_messages(const struct byok_adapter_call *call,
                                       struct byok_value *body, struct byok_fault *fault)
{
    const struct byok_value *messages = byok_kit_member(call, "messages");
    struct byok_value parts = byok_value_array();
    struct lists lists = {messages, byok_value_array(), byok_value_array(), byok_value_array()};
    byok_gemini_put_text(call, byok_value_as_str(byok_kit_member(call, "system")), &lists.system);
    byok_gemini_put_text(call, byok_value_as_str(byok_kit_member(call, "prompt")), &parts);
    if (parts.count > 0)
        push_content(call, &lists.contents, "user", parts);
    for (uint32_t i = 0; messages && i < messages->count; i++) {
        const char *wrong = put_message(call, &messages->as.items[i], &lists);
        if (wrong)
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                                  "member \"messages\", item %u: provider \"%s\": %s", i,
                                  call->provider->name, wrong);
    }
    close_results(call, &lists);
    byok_value_set(call->arena, body, "contents", lists.contents);
    put_system_parts(call, lists.system, body);
    return BYOK_E_OK;
}
