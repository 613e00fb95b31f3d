/* SPDX-License-Identifier: MIT */
/* schemas/request_rules.c - what each capability's members must be.
 *
 * Only what holds for every provider is checked here, so that a wrong message becomes a dead letter
 * with a clear reason; whether a provider takes an option or a value is its adapter's to say.
 */
#include "schemas/request_parts.h"

#include <stdio.h>

#include "schemas/codec.h"
#include "schemas/payload.h"

struct words {
    unsigned accept;
    const char *text;
};

static const struct words words[] = {
    {BYOK_ACCEPT_TEXT, "a text"},
    {BYOK_ACCEPT_FILLED, "a text that is not empty"},
    {BYOK_ACCEPT_LIST, "a list"},
    {BYOK_ACCEPT_MAP, "an object"},
    {BYOK_ACCEPT_NUMBER, "a number"},
    {BYOK_ACCEPT_WHOLE, "a whole number"},
    {BYOK_ACCEPT_POSITIVE, "a whole number from 1"},
    {BYOK_ACCEPT_BOOL, "true or false"},
    {BYOK_ACCEPT_BINARY, "binary (base64 in JSON) that is not empty"},
    {BYOK_ACCEPT_REF, "a payload reference"},
};

static const struct byok_rule chat[] = {
    {"prompt", BYOK_ACCEPT_FILLED, false},
    {"messages", BYOK_ACCEPT_LIST, false},
    {"system", BYOK_ACCEPT_TEXT, false},
    {"max_tokens", BYOK_ACCEPT_POSITIVE, false},
    {"temperature", BYOK_ACCEPT_NUMBER, false},
    {"top_p", BYOK_ACCEPT_NUMBER, false},
    {"stop", BYOK_ACCEPT_TEXT | BYOK_ACCEPT_LIST, false},
    {"seed", BYOK_ACCEPT_WHOLE, false},
    {"tools", BYOK_ACCEPT_LIST, false},
    {"tool_choice", BYOK_ACCEPT_TEXT | BYOK_ACCEPT_MAP, false},
    {"response_format", BYOK_ACCEPT_TEXT | BYOK_ACCEPT_MAP, false},
    {"api", BYOK_ACCEPT_TEXT, false},
};

static const struct byok_rule text_to_speech[] = {
    {"text", BYOK_ACCEPT_FILLED, true},    {"voice", BYOK_ACCEPT_TEXT, false},
    {"format", BYOK_ACCEPT_TEXT, false},   {"speed", BYOK_ACCEPT_NUMBER, false},
    {"language", BYOK_ACCEPT_TEXT, false}, {"instructions", BYOK_ACCEPT_TEXT, false},
};

static const struct byok_rule speech_to_text[] = {
    {"audio", BYOK_ACCEPT_BINARY | BYOK_ACCEPT_REF, true},
    {"media_type", BYOK_ACCEPT_TEXT, false},
    {"language", BYOK_ACCEPT_TEXT, false},
    {"prompt", BYOK_ACCEPT_TEXT, false},
    {"timestamps", BYOK_ACCEPT_BOOL | BYOK_ACCEPT_TEXT, false},
    {"diarize", BYOK_ACCEPT_BOOL, false},
};

static const struct byok_rule image_generation[] = {
    {"prompt", BYOK_ACCEPT_FILLED, true}, {"size", BYOK_ACCEPT_TEXT, false},
    {"quality", BYOK_ACCEPT_TEXT, false}, {"count", BYOK_ACCEPT_POSITIVE, false},
    {"format", BYOK_ACCEPT_TEXT, false},  {"background", BYOK_ACCEPT_TEXT, false},
};

static const struct byok_rule embeddings[] = {
    {"input", BYOK_ACCEPT_FILLED | BYOK_ACCEPT_LIST, true},
    {"dimensions", BYOK_ACCEPT_POSITIVE, false},
    {"input_type", BYOK_ACCEPT_TEXT, false},
};

enum byok_err byok_refuse_member(struct byok_fault *fault, const char *name, const char *why)
{
    return byok_fault_set(fault, BYOK_E_BAD_MESSAGE, "member \"%s\": %s", name, why);
}

static enum byok_err refuse_type(struct byok_fault *fault, const struct byok_rule *rule)
{
    char expected[256];
    int len = snprintf(expected, sizeof expected, "must be");
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (rule->accept & words[i].accept)
            len += snprintf(expected + len, sizeof expected - (size_t)len, "%s%s",
                            len > 7 ? " or " : " ", words[i].text);
    }
    return byok_refuse_member(fault, rule->name, expected);
}

static bool accepts_number(unsigned accept, const struct byok_value *value)
{
    int64_t whole;
    double number;
    bool is_whole = byok_value_as_int(value, &whole);
    return ((accept & BYOK_ACCEPT_NUMBER) && byok_value_as_double(value, &number)) ||
           ((accept & BYOK_ACCEPT_WHOLE) && is_whole) ||
           ((accept & BYOK_ACCEPT_POSITIVE) && is_whole && whole > 0);
}

static bool accepts(unsigned accept, const struct byok_value *value)
{
    switch (value->type) {
    case BYOK_VALUE_STRING:
        return (accept & BYOK_ACCEPT_TEXT) ||
               ((accept & BYOK_ACCEPT_FILLED) && value->as.str.len > 0);
    case BYOK_VALUE_BYTES:
        return (accept & BYOK_ACCEPT_BINARY) && value->as.str.len > 0;
    case BYOK_VALUE_ARRAY:
        return accept & BYOK_ACCEPT_LIST;
    case BYOK_VALUE_MAP:
        return (accept & BYOK_ACCEPT_MAP) ||
               ((accept & BYOK_ACCEPT_REF) && byok_payload_is_ref(value));
    case BYOK_VALUE_BOOL:
        return accept & BYOK_ACCEPT_BOOL;
    case BYOK_VALUE_INT:
    case BYOK_VALUE_UINT:
    case BYOK_VALUE_FLOAT:
        return accepts_number(accept, value);
    case BYOK_VALUE_NULL:
    case BYOK_VALUE_FLOATS:
        break;
    }
    return false;
}

static void text_to_bytes(struct byok_arena *arena, struct byok_value *value)
{
    struct byok_str bytes;
    if (value->type == BYOK_VALUE_STRING && byok_base64_decode(arena, value->as.str, &bytes))
        *value = byok_value_bytes(bytes);
}

static struct byok_value *own_member(struct byok_value *map, const char *name)
{
    for (uint32_t i = 0; i < map->count; i++) {
        if (byok_str_is(map->as.members[i].name, name))
            return &map->as.members[i].value;
    }
    return NULL;
}

enum byok_err byok_check_rules(struct byok_arena *arena, struct byok_value *map,
                               const struct byok_rule *rules, size_t count,
                               struct byok_fault *fault)
{
    for (size_t i = 0; i < count; i++) {
        struct byok_value *value = own_member(map, rules[i].name);
        if (!value && rules[i].required)
            return byok_refuse_member(fault, rules[i].name, "is missing");
        if (!value)
            continue;
        if (rules[i].accept & BYOK_ACCEPT_BINARY)
            text_to_bytes(arena, value);
        if (!accepts(rules[i].accept, value))
            return refuse_type(fault, &rules[i]);
    }
    return BYOK_E_OK;
}

static enum byok_err refuse_item(struct byok_fault *fault, const char *list, uint32_t i,
                                 const char *why)
{
    return byok_fault_set(fault, BYOK_E_BAD_MESSAGE, "member \"%s\", item %u: %s", list, i, why);
}

static enum byok_err check_messages(const struct byok_value *messages, struct byok_fault *fault)
{
    if (messages->count == 0)
        return byok_refuse_member(fault, "messages", "must have an item");
    for (uint32_t i = 0; i < messages->count; i++) {
        const struct byok_value *message = &messages->as.items[i];
        if (message->type != BYOK_VALUE_MAP)
            return refuse_item(fault, "messages", i, "must be an object");
        if (byok_value_as_str(byok_value_find(message, "role")).len == 0)
            return refuse_item(fault, "messages", i, "\"role\" must be a text that is not empty");
        /* null: an assistant's message that only calls tools */
        const struct byok_value *content = byok_value_find(message, "content");
        if (content && content->type != BYOK_VALUE_NULL &&
            !accepts(BYOK_ACCEPT_TEXT | BYOK_ACCEPT_LIST, content))
            return refuse_item(fault, "messages", i, "\"content\" must be a text or a list");
    }
    return BYOK_E_OK;
}

static enum byok_err check_chat(const struct byok_value *root, struct byok_fault *fault)
{
    const struct byok_value *messages = byok_value_find(root, "messages");
    bool prompt = byok_value_find(root, "prompt") != NULL;
    if (prompt && messages)
        return byok_refuse_member(fault, "prompt",
                                  "a chat has \"prompt\" or \"messages\", not both");
    if (!prompt && !messages)
        return byok_refuse_member(fault, "prompt", "a chat needs \"prompt\" or \"messages\"");
    return messages ? check_messages(messages, fault) : BYOK_E_OK;
}

static enum byok_err check_embeddings(const struct byok_value *root, struct byok_fault *fault)
{
    const struct byok_value *input = byok_value_find(root, "input");
    if (input->type != BYOK_VALUE_ARRAY)
        return BYOK_E_OK;
    if (input->count == 0)
        return byok_refuse_member(fault, "input", "must have an item");
    for (uint32_t i = 0; i < input->count; i++) {
        if (byok_value_as_str(&input->as.items[i]).len == 0)
            return refuse_item(fault, "input", i, "must be a text that is not empty");
    }
    return BYOK_E_OK;
}

struct capability_rules {
    const struct byok_rule *rules;
    size_t count;
    enum byok_err (*further)(const struct byok_value *root, struct byok_fault *fault);
};

#define RULES(table) .rules = (table), .count = sizeof(table) / sizeof(table)[0]

static const struct capability_rules capabilities[BYOK_CAPABILITY_COUNT] = {
    [BYOK_CHAT] = {RULES(chat), .further = check_chat},
    [BYOK_TEXT_TO_SPEECH] = {RULES(text_to_speech)},
    [BYOK_SPEECH_TO_TEXT] = {RULES(speech_to_text)},
    [BYOK_IMAGE_GENERATION] = {RULES(image_generation)},
    [BYOK_EMBEDDINGS] = {RULES(embeddings), .further = check_embeddings},
};

enum byok_err byok_check_job(struct byok_arena *arena, struct byok_request *request,
                             struct byok_fault *fault)
{
    const struct capability_rules *of = &capabilities[request->capability];
    enum byok_err err = byok_check_rules(arena, &request->root, of->rules, of->count, fault);
    return err == BYOK_E_OK && of->further ? of->further(&request->root, fault) : err;
}
