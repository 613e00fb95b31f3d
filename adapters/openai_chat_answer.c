/* SPDX-License-Identifier: MIT */
/* adapters/openai_chat_answer.c - reading the answer of POST /chat/completions. */
#include "adapters/kit_chat.h"
#include "adapters/openai_parts.h"

struct finish_word {
    const char *word;
    enum byok_finish finish;
};

static const struct finish_word finish_words[] = {
    {"stop", BYOK_FINISH_STOP},
    {"length", BYOK_FINISH_LENGTH},
    {"tool_calls", BYOK_FINISH_TOOL_CALLS},
    {"function_call", BYOK_FINISH_TOOL_CALLS},
    {"content_filter", BYOK_FINISH_CONTENT_FILTER},
    {"error", BYOK_FINISH_ERROR},         /* OpenRouter */
    {"model_length", BYOK_FINISH_LENGTH}, /* Mistral */
    {"end_turn", BYOK_FINISH_STOP},       /* services in front of Anthropic's models */
    {"max_tokens", BYOK_FINISH_LENGTH},
    {"eos", BYOK_FINISH_STOP},
};

/* A word that is not known, or none, is left unsaid. */
enum byok_finish byok_openai_finish(struct byok_str word)
{
    for (size_t i = 0; i < sizeof finish_words / sizeof finish_words[0]; i++) {
        if (byok_str_is(word, finish_words[i].word))
            return finish_words[i].finish;
    }
    return BYOK_FINISH_NONE;
}

/* JSON text; some services give the object itself. */
static struct byok_value read_arguments(const struct byok_adapter_call *call,
                                        const struct byok_value *arguments)
{
    if (!byok_value_is(arguments, BYOK_VALUE_STRING))
        return arguments ? *arguments : byok_value_map();
    return byok_chat_arguments(call, arguments->as.str);
}

static struct byok_value read_tool_calls(const struct byok_adapter_call *call,
                                         const struct byok_value *calls)
{
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; byok_value_is(calls, BYOK_VALUE_ARRAY) && i < calls->count; i++) {
        const struct byok_value *item = &calls->as.items[i];
        struct byok_str name = byok_value_as_str(byok_value_path(item, "function.name"));
        struct byok_value out = byok_value_map();
        if (name.len == 0)
            continue;
        byok_value_set_str(call->arena, &out, "id", byok_value_as_str(byok_value_find(item, "id")));
        byok_value_set(call->arena, &out, "name", byok_value_string(name));
        byok_value_set(call->arena, &out, "arguments",
                       read_arguments(call, byok_value_path(item, "function.arguments")));
        byok_value_push(call->arena, &list, out);
    }
    return list;
}

/* The form before there were tools: one call, without an id. */
static void push_function_call(const struct byok_adapter_call *call,
                               const struct byok_value *function, struct byok_value *list)
{
    struct byok_value out = byok_value_map();
    struct byok_str name = byok_value_as_str(byok_value_find(function, "name"));
    if (name.len == 0 || list->count > 0)
        return;
    byok_value_set(call->arena, &out, "name", byok_value_string(name));
    byok_value_set(call->arena, &out, "arguments",
                   read_arguments(call, byok_value_find(function, "arguments")));
    byok_value_push(call->arena, list, out);
}

/* A text, or (Mistral) a list of parts of which those of type "text" are the answer and the others
 * hidden reasoning. */
struct byok_str byok_openai_text(const struct byok_adapter_call *call,
                                 const struct byok_value *content)
{
    struct byok_str text = byok_value_as_str(content);
    if (!byok_value_is(content, BYOK_VALUE_ARRAY))
        return text;
    size_t len = 0;
    for (uint32_t i = 0; i < content->count; i++)
        len += byok_value_as_str(byok_value_find(&content->as.items[i], "text")).len;
    char *joined = byok_arena_alloc(call->arena, len + 1);
    len = 0;
    for (uint32_t i = 0; joined && i < content->count; i++) {
        text = byok_value_as_str(byok_value_find(&content->as.items[i], "text"));
        if (text.len > 0)
            memcpy(joined + len, text.ptr, text.len);
        len += text.len;
    }
    return (struct byok_str){joined, len};
}

/* The first choice; NULL when the answer holds none. */
static const struct byok_value *first_choice(const struct byok_value *root)
{
    const struct byok_value *choices = byok_value_find(root, "choices");
    if (!byok_value_is(choices, BYOK_VALUE_ARRAY) || choices->count == 0)
        return NULL;
    return byok_value_is(byok_value_find(&choices->as.items[0], "message"), BYOK_VALUE_MAP)
               ? &choices->as.items[0]
               : NULL;
}

static void read_choice(const struct byok_adapter_call *call, const struct byok_value *choice,
                        struct byok_answer *out)
{
    const struct byok_value *message = byok_value_find(choice, "message");
    struct byok_value calls = read_tool_calls(call, byok_value_find(message, "tool_calls"));
    if (byok_value_is(byok_value_find(message, "function_call"), BYOK_VALUE_MAP))
        push_function_call(call, byok_value_find(message, "function_call"), &calls);
    struct byok_str refusal = byok_value_as_str(byok_value_find(message, "refusal"));
    struct byok_str text = byok_openai_text(call, byok_value_find(message, "content"));
    if (text.len == 0)
        text = byok_value_as_str(byok_value_path(message, "audio.transcript"));
    out->finish = byok_openai_finish(byok_value_as_str(byok_value_find(choice, "finish_reason")));
    byok_value_set(call->arena, &out->output, "text", byok_value_string(text));
    byok_openai_put_media(call, message, &out->output);
    if (calls.count > 0) {
        byok_value_set(call->arena, &out->output, "tool_calls", calls);
        /* a call that tool_choice forced ends with "stop" */
        if (out->finish == BYOK_FINISH_STOP || out->finish == BYOK_FINISH_NONE)
            out->finish = BYOK_FINISH_TOOL_CALLS;
    }
    if (refusal.len > 0) {
        byok_value_set(call->arena, &out->output, "refusal", byok_value_string(refusal));
        out->finish = BYOK_FINISH_REFUSAL;
    }
}

enum byok_err byok_openai_parse_chat(const struct byok_adapter_call *call,
                                     const struct byok_http_response *response,
                                     struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    if (byok_openai_is_responses(call))
        return byok_openai_parse_responses(call, response, out, fault);
    enum byok_err err = byok_openai_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_value *choice = first_choice(&root);
    if (!choice)
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" holds no choices[0].message",
                              call->provider->name);
    read_choice(call, choice, out);
    return byok_kit_check_memory(call, fault);
}
