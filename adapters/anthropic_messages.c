/* SPDX-License-Identifier: MIT */
/* adapters/anthropic_messages.c - prompt and messages in Anthropic's form.
 *
 * Anthropic has two roles.  Texts of role system or developer, wherever they stand, go to the top
 * in their order, where all models take them.  A result of role tool is a block in a message of the
 * user; those that follow each other share one message, as the API wants the results of parallel
 * calls together.
 */
#include "adapters/anthropic_parts.h"
#include "adapters/kit_chat.h"

struct lists {
    struct byok_value system;   /* text blocks */
    struct byok_value messages; /* without the open one */
    struct byok_value results;  /* tool_result blocks not yet in a message */
};

static void push_message(const struct byok_adapter_call *call, struct byok_value *messages,
                         const char *role, struct byok_value content)
{
    struct byok_value message = byok_value_map();
    byok_value_set(call->arena, &message, "role", byok_value_text(role));
    byok_value_set(call->arena, &message, "content", content);
    byok_value_push(call->arena, messages, message);
}

static void close_results(const struct byok_adapter_call *call, struct lists *lists)
{
    if (lists->results.count > 0)
        push_message(call, &lists->messages, "user", lists->results);
    lists->results = byok_value_array();
}

/* ---- tool calls and their results ---- */

static const char *put_tool_calls(const struct byok_adapter_call *call,
                                  const struct byok_value *calls, struct byok_value *blocks)
{
    for (uint32_t i = 0; byok_value_is(calls, BYOK_VALUE_ARRAY) && i < calls->count; i++) {
        const struct byok_value *item = &calls->as.items[i];
        const struct byok_value *function = byok_function_of(item);
        struct byok_str id = byok_value_as_str(byok_value_find(item, "id"));
        struct byok_value input, block = byok_value_map();
        if (!function || id.len == 0)
            return "a tool call needs \"id\" and \"name\"";
        if (!byok_function_arguments(call, function, &input))
            return "the \"arguments\" of a tool call must be an object";
        byok_value_set(call->arena, &block, "type", byok_value_text("tool_use"));
        byok_value_set(call->arena, &block, "id", byok_value_string(id));
        byok_value_set(call->arena, &block, "name", *byok_value_find(function, "name"));
        byok_value_set(call->arena, &block, "input", input);
        byok_value_push(call->arena, blocks, block);
    }
    return NULL;
}

static const char *put_result(const struct byok_adapter_call *call,
                              const struct byok_value *message, struct lists *lists)
{
    static const char *const known[] = {"role", "content",  "tool_call_id",
                                        "name", "is_error", NULL};
    struct byok_str id = byok_value_as_str(byok_value_find(message, "tool_call_id"));
    const struct byok_value *is_error = byok_value_find(message, "is_error");
    const struct byok_value *content = byok_value_find(message, "content");
    struct byok_value block = byok_value_map(), blocks = byok_value_array();
    if (byok_message_unknown(call, message, known))
        return byok_message_unknown(call, message, known);
    if (id.len == 0)
        return "a message of role tool needs \"tool_call_id\"";
    byok_value_set(call->arena, &block, "type", byok_value_text("tool_result"));
    byok_value_set(call->arena, &block, "tool_use_id", byok_value_string(id));
    if (byok_value_is(content, BYOK_VALUE_ARRAY)) {
        const char *wrong = byok_anthropic_put_blocks(call, content, &blocks);
        if (wrong)
            return wrong;
        byok_value_set(call->arena, &block, "content", blocks);
    } else {
        byok_value_set_str(call->arena, &block, "content", byok_value_as_str(content));
    }
    if (byok_value_is(is_error, BYOK_VALUE_BOOL))
        byok_value_set(call->arena, &block, "is_error", *is_error);
    byok_value_push(call->arena, &lists->results, block);
    return NULL;
}

/* ---- messages ---- */

static const char *put_system(const struct byok_adapter_call *call,
                              const struct byok_value *message, struct lists *lists)
{
    static const char *const known[] = {"role", "content", NULL};
    const char *unknown = byok_message_unknown(call, message, known);
    return unknown ? unknown
                   : byok_anthropic_put_blocks(call, byok_value_find(message, "content"),
                                               &lists->system);
}

static const char *put_turn(const struct byok_adapter_call *call, const struct byok_value *message,
                            const char *role, struct lists *lists)
{
    static const char *const known[] = {"role", "content", "tool_calls", NULL};
    const struct byok_value *content = byok_value_find(message, "content");
    const struct byok_value *calls = byok_value_find(message, "tool_calls");
    struct byok_value blocks = byok_value_array();
    const char *wrong = byok_message_unknown(call, message, known);
    close_results(call, lists);
    if (wrong)
        return wrong;
    if (byok_value_is(content, BYOK_VALUE_STRING) && !calls) {
        push_message(call, &lists->messages, role, *content);
        return NULL;
    }
    wrong = byok_anthropic_put_blocks(call, content, &blocks);
    if (!wrong)
        wrong = put_tool_calls(call, calls, &blocks);
    if (!wrong)
        push_message(call, &lists->messages, role, blocks);
    return wrong;
}

static const char *put_message(const struct byok_adapter_call *call,
                               const struct byok_value *message, struct lists *lists)
{
    struct byok_str role = byok_value_as_str(byok_value_find(message, "role"));
    if (byok_str_is(role, "system") || byok_str_is(role, "developer"))
        return put_system(call, message, lists);
    if (byok_str_is(role, "tool"))
        return put_result(call, message, lists);
    if (byok_str_is(role, "user"))
        return put_turn(call, message, "user", lists);
    if (byok_str_is(role, "assistant"))
        return put_turn(call, message, "assistant", lists);
    return "a role must be system, user, assistant or tool";
}

/* A single plain text as a text, else a list of blocks. */
static void put_system_blocks(const struct byok_adapter_call *call, const struct byok_value *blocks,
                              struct byok_value *body)
{
    if (blocks->count == 0)
        return;
    const struct byok_value *only = &blocks->as.items[0];
    const struct byok_value *text = byok_value_find(only, "text");
    const bool plain = blocks->count == 1 && only->count == 2 && text;
    byok_value_set(call->arena, body, "system", plain ? *text : *blocks);
}

enum byok_err byok_anthropic_put_messages(const struct byok_adapter_call *call,
                                          struct byok_value *body, struct byok_fault *fault)
{
    const struct byok_value *messages = byok_kit_member(call, "messages");
    const struct byok_value *prompt = byok_kit_member(call, "prompt");
    struct lists lists = {byok_value_array(), byok_value_array(), byok_value_array()};
    byok_anthropic_put_text(call, byok_value_as_str(byok_kit_member(call, "system")),
                            &lists.system);
    if (prompt)
        push_message(call, &lists.messages, "user", *prompt);
    for (uint32_t i = 0; messages && i < messages->count; i++) {
        const char *wrong = put_message(call, &messages->as.items[i], &lists);
        if (wrong)
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                                  "member \"messages\", item %u: provider \"%s\": %s", i,
                                  call->provider->name, wrong);
    }
    close_results(call, &lists);
    byok_value_set(call->arena, body, "messages", lists.messages);
    put_system_blocks(call, &lists.system, body);
    return BYOK_E_OK;
}
