/* SPDX-License-Identifier: MIT */
/* adapters/openai_messages.c - prompt, messages, their parts and tool calls in OpenAI's form.
 *
 * Messages are OpenAI's already; what is translated are the forms that hold for all providers:
 *   tool calls and tools    {"id", "name", "arguments": {…}} and {"name", "parameters"}
 *   parts with media        {"type": "image", "media_type", "data"}, {"type": "image", "url"},
 *                           {"type": "audio", "media_type", "data"},
 *                           {"type": "document" | "file", "media_type", "data", "title"}
 * Parts of other types go through unchanged, and so do members that are not known here, but for
 * OpenAI itself, which refuses them.
 */
#include "adapters/openai_parts.h"

#include "adapters/kit_chat.h"

#include "adapters/kit_media.h"
#include "schemas/codec.h"

static bool is_part(const struct byok_value *part, const char *type)
{
    return byok_str_is(byok_value_as_str(byok_value_find(part, "type")), type);
}

/* ---- functions ---- */

/* Arguments are an object with us and JSON text with OpenAI, which wants some in each call. */
static struct byok_value arguments_of(const struct byok_adapter_call *call,
                                      const struct byok_value *arguments)
{
    if (!arguments || arguments->type == BYOK_VALUE_NULL ||
        (arguments->type == BYOK_VALUE_STRING && arguments->as.str.len == 0))
        return byok_value_text("{}");
    if (arguments->type == BYOK_VALUE_STRING)
        return *arguments;
    return byok_value_string(byok_kit_json(call->arena, arguments));
}

struct byok_value byok_openai_function(const struct byok_adapter_call *call,
                                       const struct byok_value *flat)
{
    const struct byok_value *type = byok_value_find(flat, "type");
    if (!byok_value_is(byok_value_find(flat, "name"), BYOK_VALUE_STRING) ||
        byok_value_find(flat, "function") ||
        (type && type->type != BYOK_VALUE_NULL && !is_part(flat, "function")))
        return *flat;
    struct byok_value function = byok_value_map(), nested = byok_value_map();
    for (uint32_t i = 0; i < flat->count; i++) {
        const struct byok_member *member = &flat->as.members[i];
        if (member->value.type == BYOK_VALUE_NULL || byok_str_is(member->name, "type") ||
            byok_str_is(member->name, "arguments") || byok_str_is(member->name, "index") ||
            byok_str_is(member->name, "thought_signature")) /* for Gemini alone */
            continue;
        byok_kit_put(call->arena, byok_str_is(member->name, "id") ? &nested : &function,
                     member->name, member->value);
    }
    if (byok_value_find(flat, "id") || byok_value_find(flat, "arguments")) /* a call, not a tool */
        byok_value_set(call->arena, &function, "arguments",
                       arguments_of(call, byok_value_find(flat, "arguments")));
    byok_value_set(call->arena, &nested, "type", byok_value_text("function"));
    byok_value_set(call->arena, &nested, "function", function);
    return nested;
}

static struct byok_value tool_calls_of(const struct byok_adapter_call *call,
                                       const struct byok_value *calls)
{
    struct byok_value list = byok_value_array();
    for (uint32_t i = 0; i < calls->count; i++)
        byok_value_push(call->arena, &list, byok_openai_function(call, &calls->as.items[i]));
    return list;
}

/* ---- parts ---- */

/* Base64 as text, whichever of the two forms the message had it in; empty when it is neither. */
static struct byok_str base64_of(const struct byok_adapter_call *call,
                                 const struct byok_value *data)
{
    if (byok_value_is(data, BYOK_VALUE_BYTES))
        return byok_base64_encode(call->arena, data->as.str);
    return byok_value_as_str(data);
}

/* The data of a part as a data URL (RFC 2397); empty: it has none, or none of a known type. */
static struct byok_str data_url_of(const struct byok_adapter_call *call,
                                   const struct byok_value *part)
{
    struct byok_str data = base64_of(call, byok_value_find(part, "data"));
    struct byok_str type = byok_media_type_of_part(call, part);
    if (data.len == 0 || type.len == 0)
        return (struct byok_str){NULL, 0};
    return byok_arena_printf(call->arena, "data:%.*s;base64,%.*s", BYOK_STR_ARG(type),
                             BYOK_STR_ARG(data));
}

/* {"type": "image_url", "image_url": {"url": …}} with an address or a data URL; image_url may be
 * just the address, which OpenAI does not take. */
static const char *translate_image(const struct byok_adapter_call *call,
                                   const struct byok_value *part, struct byok_value *out)
{
    struct byok_str url = byok_value_as_str(byok_value_find(part, "url"));
    if (url.len == 0)
        url = byok_value_as_str(byok_value_find(part, "image_url"));
    if (url.len == 0)
        url = data_url_of(call, part);
    if (url.len == 0)
        return "an image part needs \"url\", or \"data\" and \"media_type\"";
    struct byok_value image = byok_value_map();
    byok_value_set(call->arena, &image, "url", byok_value_string(url));
    byok_value_set_str(call->arena, &image, "detail",
                       byok_value_as_str(byok_value_find(part, "detail")));
    *out = byok_value_map();
    byok_value_set(call->arena, out, "type", byok_value_text("image_url"));
    byok_value_set(call->arena, out, "image_url", image);
    return NULL;
}

/* OpenAI takes wav and mp3. */
static const char *audio_format(struct byok_str media_type)
{
    if (byok_kit_mentions(media_type, "wav"))
        return "wav";
    return byok_kit_mentions(media_type, "mpeg") || byok_kit_mentions(media_type, "mp3") ? "mp3"
                                                                                         : NULL;
}

static const char *translate_audio(const struct byok_adapter_call *call,
                                   const struct byok_value *part, struct byok_value *out)
{
    struct byok_str data = base64_of(call, byok_value_find(part, "data"));
    const char *format = audio_format(byok_media_type_of_part(call, part));
    if (data.len == 0 || !format)
        return "an audio part needs \"data\", and \"media_type\" audio/wav or audio/mpeg";
    struct byok_value audio = byok_value_map();
    byok_value_set(call->arena, &audio, "data", byok_value_string(data));
    byok_value_set(call->arena, &audio, "format", byok_value_text(format));
    *out = byok_value_map();
    byok_value_set(call->arena, out, "type", byok_value_text("input_audio"));
    byok_value_set(call->arena, out, "input_audio", audio);
    return NULL;
}

static struct byok_str first_text(const struct byok_value *map, const char *a, const char *b)
{
    struct byok_str text = byok_value_as_str(byok_value_find(map, a));
    return text.len > 0 ? text : byok_value_as_str(byok_value_find(map, b));
}

/* {"type": "file", "file": {"filename", "file_data": a data URL}}; it is never fetched by its
 * address. */
static const char *translate_file(const struct byok_adapter_call *call,
                                  const struct byok_value *part, struct byok_value *out)
{
    struct byok_str name = first_text(part, "file_name", "title");
    struct byok_str url = first_text(part, "url", "");
    if (!byok_str_starts(url, (struct byok_str)BYOK_STR("data:")))
        url = data_url_of(call, part);
    if (url.len == 0)
        return "a part that is a document needs \"data\" and \"media_type\"; its address is not "
               "enough";
    struct byok_value file = byok_value_map();
    byok_value_set(call->arena, &file, "filename",
                   name.len > 0 ? byok_value_string(name) : byok_value_text("document.pdf"));
    byok_value_set(call->arena, &file, "file_data", byok_value_string(url));
    *out = byok_value_map();
    byok_value_set(call->arena, out, "type", byok_value_text("file"));
    byok_value_set(call->arena, out, "file", file);
    return NULL;
}

enum form { AS_IT_IS, TEXT, BARE_TEXT, IMAGE, AUDIO, DOCUMENT, VIDEO };

/* Which of the forms at the top it has; the provider's own goes through as it is. */
static enum form form_of(const struct byok_value *part)
{
    const struct byok_value *at = byok_value_find(part, "image_url");
    if (part->type == BYOK_VALUE_STRING) /* a part by itself in the neutral form */
        return BARE_TEXT;
    if (is_part(part, "text"))
        return TEXT;
    if (is_part(part, "video"))
        return VIDEO;
    if (byok_value_find(part, "source"))
        return AS_IT_IS;
    if (is_part(part, "image") ||
        (is_part(part, "image_url") && byok_value_is(at, BYOK_VALUE_STRING)))
        return IMAGE;
    if (is_part(part, "audio"))
        return byok_value_find(part, "audio") ? AS_IT_IS : AUDIO;
    if (is_part(part, "file") || is_part(part, "document"))
        return byok_value_find(part, "file") ? AS_IT_IS : DOCUMENT;
    return AS_IT_IS;
}

/* What a part says beside what is known would be lost or refused: it is made anew, here or for the
 * responses interface, or it goes to OpenAI. */
static bool has_strict_members(const struct byok_adapter_call *call, const struct byok_value *part,
                               enum form form)
{
    const bool responses = byok_openai_is_responses(call);
    if (form == TEXT)
        return responses || byok_openai_is_own(call);
    if (form == AS_IT_IS)
        return responses && (is_part(part, "image_url") || is_part(part, "file"));
    return true;
}

static const char *translate_part(const struct byok_adapter_call *call,
                                  const struct byok_value *part, struct byok_value *out)
{
    const enum form form = form_of(part);
    const char *unknown =
        has_strict_members(call, part, form) ? byok_part_unknown(call, part) : NULL;
    *out = *part;
    if (unknown)
        return unknown;
    switch (form) {
    case AS_IT_IS:
    case TEXT:
        break;
    case BARE_TEXT:
        *out = byok_value_map();
        byok_value_set(call->arena, out, "type", byok_value_text("text"));
        byok_value_set(call->arena, out, "text", *part);
        break;
    case IMAGE:
        return translate_image(call, part, out);
    case AUDIO:
        return translate_audio(call, part, out);
    case DOCUMENT:
        return translate_file(call, part, out);
    case VIDEO:
        return "parts of video are not offered";
    }
    return NULL;
}

/* What is wrong with the parts, or NULL. */
static const char *translate_parts(const struct byok_adapter_call *call,
                                   const struct byok_value *parts, struct byok_value *out)
{
    *out =
        parts->count > 0 ? byok_value_array() : byok_value_text(""); /* it refuses an empty list */
    for (uint32_t i = 0; i < parts->count; i++) {
        struct byok_value translated;
        const char *wrong = translate_part(call, &parts->as.items[i], &translated);
        if (wrong)
            return wrong;
        byok_value_push(call->arena, out, translated);
    }
    return NULL;
}

/* ---- messages ---- */

static const char *unknown_of(const struct byok_adapter_call *call,
                              const struct byok_value *message)
{
    static const char *const of_a_tool[] = {"role",         "content",  "name",
                                            "tool_call_id", "is_error", NULL};
    static const char *const of_a_model[] = {"role",          "content", "tool_calls", "name",
                                             "function_call", "refusal", "audio",      NULL};
    static const char *const of_others[] = {"role", "content", "name", NULL};
    /* of the responses interface only these are said in its own words */
    static const char *const in_responses[] = {"role", "content", "tool_calls", NULL};
    const struct byok_str role = byok_value_as_str(byok_value_find(message, "role"));
    const struct byok_value *is_error = byok_value_find(message, "is_error");
    if (is_error && is_error->type != BYOK_VALUE_NULL &&
        (is_error->type != BYOK_VALUE_BOOL || is_error->as.boolean))
        return "a message has no \"is_error\" here: leave it out, and say it in the content";
    const bool responses = byok_openai_is_responses(call);
    if (!responses && !byok_openai_is_own(call))
        return NULL;
    const char *const *known = byok_str_is(role, "tool")        ? of_a_tool
                               : responses                      ? in_responses
                               : byok_str_is(role, "assistant") ? of_a_model
                                                                : of_others;
    return byok_message_unknown(call, message, known);
}

/* Null is as good as absent, but for the content of a message that only calls tools, and so is a
 * list of no calls: OpenAI refuses both; and so is that a tool did not fail. */
static bool is_absent(const struct byok_member *member)
{
    if (byok_str_is(member->name, "content"))
        return false;
    if (byok_str_is(member->name, "is_error"))
        return true;
    return member->value.type == BYOK_VALUE_NULL ||
           (byok_str_is(member->name, "tool_calls") && member->value.type == BYOK_VALUE_ARRAY &&
            member->value.count == 0);
}

static const char *translate(const struct byok_adapter_call *call, const struct byok_value *message,
                             struct byok_value *out)
{
    const char *wrong = unknown_of(call, message);
    *out = byok_value_map();
    for (uint32_t i = 0; i < message->count && !wrong; i++) {
        const struct byok_member *member = &message->as.members[i];
        struct byok_value value = member->value;
        if (is_absent(member))
            continue;
        if (value.type == BYOK_VALUE_ARRAY && byok_str_is(member->name, "content"))
            wrong = translate_parts(call, &member->value, &value);
        else if (value.type == BYOK_VALUE_ARRAY && byok_str_is(member->name, "tool_calls"))
            value = tool_calls_of(call, &member->value);
        byok_kit_put(call->arena, out, member->name, value);
    }
    const struct byok_value *content = byok_value_find(out, "content");
    if (byok_str_is(byok_value_as_str(byok_value_find(out, "role")), "tool") &&
        (!content || content->type == BYOK_VALUE_NULL)) /* a tool may have nothing to say */
        byok_kit_put(call->arena, out, byok_str_of("content"), byok_value_text(""));
    return wrong;
}

static void push_text(const struct byok_adapter_call *call, struct byok_value *list,
                      const char *role, const struct byok_value *content)
{
    struct byok_value message = byok_value_map();
    if (!content)
        return;
    byok_value_set(call->arena, &message, "role", byok_value_text(role));
    byok_value_set(call->arena, &message, "content", *content);
    byok_value_push(call->arena, list, message);
}

enum byok_err byok_openai_put_messages(const struct byok_adapter_call *call,
                                       struct byok_value *body, struct byok_fault *fault)
{
    const struct byok_value *messages = byok_kit_member(call, "messages");
    struct byok_value list = byok_value_array();
    push_text(call, &list, "system", byok_kit_member(call, "system"));
    push_text(call, &list, "user", byok_kit_member(call, "prompt"));
    for (uint32_t i = 0; messages && i < messages->count; i++) {
        struct byok_value message;
        const char *wrong = translate(call, &messages->as.items[i], &message);
        if (wrong)
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED, "member \"messages\", item %u: %s", i,
                                  wrong);
        byok_value_push(call->arena, &list, message);
    }
    byok_value_set(call->arena, body, "messages", list);
    return BYOK_E_OK;
}
