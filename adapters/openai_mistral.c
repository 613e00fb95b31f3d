/* SPDX-License-Identifier: MIT */
/* adapters/openai_mistral.c - where Mistral's language differs from OpenAI's.
 *
 * Mistral refuses members that it does not know, so a job in the common vocabulary needs its own
 * words: "random_seed", "output_dimension", no role "developer", no names in messages, audio and
 * documents in parts of another form.  Source: Mistral's published description
 * (https://docs.mistral.ai/api, 2026-08).  A provider is Mistral's by its name or its address.
 */
#include "adapters/kit_chat.h"
#include "adapters/openai_parts.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

/* Mistral refuses more. */
#define TEMPERATURE_MAX 1.5

bool byok_openai_is_mistral(const struct byok_adapter_call *call)
{
    return byok_kit_mentions(byok_str_of(call->provider->name), "mistral") ||
           byok_kit_mentions(byok_str_of(call->provider->origin), "mistral.ai");
}

static bool is_part(const struct byok_value *part, const char *type)
{
    return byok_str_is(byok_value_as_str(byok_value_find(part, "type")), type);
}

/* {"type": "input_audio", "input_audio": base64 or an address}; {"type": "document_url"} takes data
 * URLs too. */
static struct byok_value part_of(const struct byok_adapter_call *call,
                                 const struct byok_value *part)
{
    const struct byok_value *audio = byok_value_path(part, "input_audio.data");
    const struct byok_value *file = byok_value_path(part, "file.file_data");
    struct byok_value out = byok_value_map();
    if (is_part(part, "input_audio") && audio) {
        byok_value_set(call->arena, &out, "type", byok_value_text("input_audio"));
        byok_value_set(call->arena, &out, "input_audio", *audio);
        return out;
    }
    if (is_part(part, "file") && file) {
        byok_value_set(call->arena, &out, "type", byok_value_text("document_url"));
        byok_value_set(call->arena, &out, "document_url", *file);
        byok_value_set_str(call->arena, &out, "document_name",
                           byok_value_as_str(byok_value_path(part, "file.filename")));
        return out;
    }
    return *part;
}

static struct byok_value content_of(const struct byok_adapter_call *call,
                                    const struct byok_value *content)
{
    struct byok_value out = byok_value_array();
    if (content->type != BYOK_VALUE_ARRAY)
        return *content;
    for (uint32_t i = 0; i < content->count; i++)
        byok_value_push(call->arena, &out, part_of(call, &content->as.items[i]));
    return out;
}

static struct byok_value message_of(const struct byok_adapter_call *call,
                                    const struct byok_value *message)
{
    struct byok_value out = byok_value_map();
    for (uint32_t i = 0; i < message->count; i++) {
        const struct byok_member *member = &message->as.members[i];
        struct byok_value value = member->value;
        if (byok_str_is(member->name, "role") &&
            byok_str_is(byok_value_as_str(&member->value), "developer"))
            value = byok_value_text("system");
        else if (byok_str_is(member->name, "content"))
            value = content_of(call, &member->value);
        byok_kit_put(call->arena, &out, member->name, value);
    }
    return out;
}

/* Only a tool's message has a name there, that of the tool; what is not known is refused. */
static enum byok_err put_messages(const struct byok_adapter_call *call,
                                  const struct byok_value *messages, struct byok_value *body,
                                  struct byok_fault *fault)
{
    static const char *const of_a_tool[] = {"role", "content", "name", "tool_call_id", NULL};
    static const char *const of_others[] = {"role", "content", "tool_calls", "prefix", NULL};
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; i < messages->count; i++) {
        const struct byok_value *message = &messages->as.items[i];
        const bool is_tool =
            byok_str_is(byok_value_as_str(byok_value_find(message, "role")), "tool");
        const char *wrong = byok_message_unknown(call, message, is_tool ? of_a_tool : of_others);
        if (wrong)
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                                  "member \"messages\": provider \"%s\": %s", call->provider->name,
                                  wrong);
        byok_value_push(call->arena, &list, message_of(call, message));
    }
    byok_value_set(call->arena, body, "messages", list);
    return BYOK_E_OK;
}

static struct byok_str name_of(struct byok_str name)
{
    if (byok_str_is(name, "seed"))
        return STR("random_seed");
    return byok_str_is(name, "dimensions") ? STR("output_dimension") : name;
}

enum byok_err byok_openai_to_mistral(const struct byok_adapter_call *call, struct byok_value *body,
                                     struct byok_fault *fault)
{
    struct byok_value out = byok_value_map();
    double temperature;
    if (byok_value_as_double(byok_value_find(body, "temperature"), &temperature) &&
        temperature > TEMPERATURE_MAX)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"temperature\": provider \"%s\" takes 0 to %.1f",
                              call->provider->name, TEMPERATURE_MAX);
    for (uint32_t i = 0; i < body->count; i++) {
        const struct byok_member *member = &body->as.members[i];
        if (byok_str_is(member->name, "messages")) {
            enum byok_err err = put_messages(call, &member->value, &out, fault);
            if (err != BYOK_E_OK)
                return err;
            continue;
        }
        byok_kit_put(call->arena, &out, name_of(member->name), member->value);
    }
    *body = out;
    return BYOK_E_OK;
}

/* The fields of a form: no format is asked for, the granularity alone says what comes back. */
enum byok_err byok_openai_mistral_form(const struct byok_adapter_call *call,
                                       struct byok_value *fields, struct byok_fault *fault)
{
    const struct byok_value *diarize = byok_kit_member(call, "diarize");
    const struct byok_value *timestamps = byok_kit_member(call, "timestamps");
    const bool wanted =
        timestamps && (timestamps->type != BYOK_VALUE_BOOL || timestamps->as.boolean);
    const bool speakers = byok_value_is(diarize, BYOK_VALUE_BOOL) && diarize->as.boolean;
    if (byok_kit_member(call, "prompt"))
        return byok_fault_set(
            fault, BYOK_E_UNSUPPORTED,
            "provider \"%s\" has no \"prompt\" for speech_to_text: leave it out, or "
            "give words to expect in provider_options as \"context_bias\"",
            call->provider->name);
    if (speakers)
        byok_value_set(call->arena, fields, "diarize", byok_value_bool(true));
    if (wanted || speakers)
        byok_value_set(
            call->arena, fields, "timestamp_granularities[]", /* as its own client names it */
            byok_str_is(byok_value_as_str(timestamps), "word") ? *timestamps
                                                               : byok_value_text("segment"));
    return BYOK_E_OK;
}
