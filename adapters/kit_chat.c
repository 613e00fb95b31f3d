/* SPDX-License-Identifier: MIT */
/* adapters/kit_chat.c - see kit_chat.h. */
#include "adapters/kit_chat.h"

#include "adapters/kit_media.h"
#include "schemas/codec.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

/* ---- parts ---- */

/* "data:image/png;base64,AAAA" (RFC 2397) into its type and its base64; false: no data URL. */
static bool split_data_url(struct byok_str url, struct byok_part *out)
{
    const struct byok_str scheme = BYOK_STR("data:"), mark = BYOK_STR(";base64,");
    if (url.len < scheme.len || !byok_str_eq_nocase((struct byok_str){url.ptr, scheme.len}, scheme))
        return false;
    struct byok_str rest = {url.ptr + scheme.len, url.len - scheme.len};
    /* a type is short; the data behind it need not be searched */
    struct byok_str head = {rest.ptr, rest.len < 256 ? rest.len : 256};
    size_t at = byok_str_find(head, mark);
    if (at == SIZE_MAX)
        return false;
    out->media_type = (struct byok_str){rest.ptr, at};
    out->data =
        byok_value_string((struct byok_str){rest.ptr + at + mark.len, rest.len - at - mark.len});
    return true;
}

/* Addresses and data URLs stand in the same place. */
static const char *set_url(struct byok_part *out, struct byok_str url)
{
    if (url.len == 0)
        return "a part needs \"url\", or \"data\" and \"media_type\"";
    if (split_data_url(url, out))
        return out->media_type.len > 0 ? NULL : "a data URL needs a media type";
    if (url.len >= 5 && byok_str_eq_nocase((struct byok_str){url.ptr, 5}, STR("data:")))
        return "a data URL must be of base64";
    out->url = url;
    return NULL;
}

static const char *read_own(const struct byok_adapter_call *call, const struct byok_value *value,
                            struct byok_part *out)
{
    const struct byok_value *data = byok_value_find(value, "data");
    struct byok_str detail = text_of(value, "detail");
    out->media_type = byok_media_type_of_part(call, value);
    out->title = text_of(value, "title");
    if (out->title.len == 0)
        out->title = text_of(value, "file_name");
    if (detail.len > 0 && !byok_str_is(detail, "auto"))
        return "\"detail\" of an image is not offered: leave it out";
    if (!byok_value_is(data, BYOK_VALUE_BYTES) && byok_value_as_str(data).len == 0)
        return set_url(out, text_of(value, "url"));
    if (out->media_type.len == 0)
        return "a part with \"data\" needs \"media_type\"";
    out->data = *data;
    return NULL;
}

/* {"type": "image_url", "image_url": {"url", "detail"} or "…"} */
static const char *read_image_url(const struct byok_value *value, struct byok_part *out)
{
    const struct byok_value *image = byok_value_find(value, "image_url");
    struct byok_str detail = text_of(image, "detail");
    if (detail.len > 0 && !byok_str_is(detail, "auto"))
        return "\"detail\" of an image is not offered: leave it out";
    return set_url(out,
                   byok_value_is(image, BYOK_VALUE_STRING) ? image->as.str : text_of(image, "url"));
}

/* {"type": "input_audio", "input_audio": {"data", "format": "wav" | "mp3"}} */
static const char *read_input_audio(const struct byok_adapter_call *call,
                                    const struct byok_value *value, struct byok_part *out)
{
    const struct byok_value *data = byok_value_path(value, "input_audio.data");
    struct byok_str format = text_of(value, "input_audio.format");
    if (!data || format.len == 0)
        return "an input_audio part needs \"data\" and \"format\"";
    out->data = *data;
    out->media_type = byok_str_is(format, "mp3")
                          ? STR("audio/mpeg")
                          : byok_arena_printf(call->arena, "audio/%.*s", BYOK_STR_ARG(format));
    return NULL;
}

/* {"type": "file", "file": {"file_data": "data:…", "filename"}} */
static const char *read_file(const struct byok_value *value, struct byok_part *out)
{
    out->title = text_of(value, "file.filename");
    if (text_of(value, "file.file_data").len == 0)
        return "a file part needs \"file_data\"; an id of another provider's file is not known "
               "here";
    return set_url(out, text_of(value, "file.file_data"));
}

static enum byok_part_kind kind_of(struct byok_str type)
{
    static const struct {
        const char *type;
        enum byok_part_kind kind;
    } kinds[] = {
        {"text", BYOK_PART_TEXT},     {"input_text", BYOK_PART_TEXT},
        {"image", BYOK_PART_IMAGE},   {"image_url", BYOK_PART_IMAGE},
        {"audio", BYOK_PART_AUDIO},   {"input_audio", BYOK_PART_AUDIO},
        {"video", BYOK_PART_VIDEO},   {"document", BYOK_PART_DOCUMENT},
        {"file", BYOK_PART_DOCUMENT},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (byok_str_is(type, kinds[i].type))
            return kinds[i].kind;
    }
    return BYOK_PART_OTHER;
}

const char *byok_part_read(const struct byok_adapter_call *call, const struct byok_value *value,
                           struct byok_part *out)
{
    struct byok_str type = text_of(value, "type");
    *out = (struct byok_part){.kind = kind_of(type), .data = byok_value_null()};
    if (value->type == BYOK_VALUE_STRING) {
        out->kind = BYOK_PART_TEXT;
        out->text = value->as.str;
        return NULL;
    }
    if (out->kind == BYOK_PART_TEXT) {
        out->text = text_of(value, "text");
        return NULL;
    }
    if (byok_value_find(value, "source")) /* Anthropic's own form */
        out->kind = BYOK_PART_OTHER;
    if (out->kind == BYOK_PART_OTHER)
        return NULL;
    if (byok_str_is(type, "image_url"))
        return read_image_url(value, out);
    if (byok_str_is(type, "input_audio"))
        return read_input_audio(call, value, out);
    if (byok_str_is(type, "file") && byok_value_find(value, "file"))
        return read_file(value, out);
    return read_own(call, value, out);
}

bool byok_chat_text(const struct byok_adapter_call *call, const struct byok_value *content,
                    struct byok_str *out)
{
    size_t len = 0;
    *out = byok_value_as_str(content);
    if (!byok_value_is(content, BYOK_VALUE_ARRAY))
        return !content || content->type == BYOK_VALUE_STRING || content->type == BYOK_VALUE_NULL;
    struct byok_part part;
    for (uint32_t i = 0; i < content->count; i++) {
        if (byok_part_read(call, &content->as.items[i], &part) || part.kind != BYOK_PART_TEXT)
            return false;
        len += part.text.len;
    }
    char *joined = byok_arena_alloc(call->arena, len + 1);
    len = 0;
    for (uint32_t i = 0; joined && i < content->count; i++) {
        if (!byok_part_read(call, &content->as.items[i], &part) && part.text.len > 0)
            memcpy(joined + len, part.text.ptr, part.text.len);
        len += part.text.len;
    }
    *out = (struct byok_str){joined, joined ? len : 0};
    return true;
}

/* ---- messages ---- */

static bool says_nothing(const struct byok_value *value)
{
    if (value->type == BYOK_VALUE_NULL)
        return true;
    return (value->type == BYOK_VALUE_STRING && value->as.str.len == 0) ||
           (value->type == BYOK_VALUE_ARRAY && value->count == 0);
}

static const char *unknown_of(const struct byok_adapter_call *call, const char *what,
                              const struct byok_value *map, const char *const *known)
{
    for (uint32_t i = 0; map->type == BYOK_VALUE_MAP && i < map->count; i++) {
        const struct byok_member *member = &map->as.members[i];
        const char *const *name = known;
        while (*name && !byok_str_is(member->name, *name))
            name++;
        if (*name || says_nothing(&member->value))
            continue;
        struct byok_str copy = byok_kit_clean(call->arena, member->name);
        return byok_arena_printf(call->arena, "%s has no \"%.*s\" here: leave it out", what,
                                 BYOK_STR_ARG(copy))
            .ptr;
    }
    return NULL;
}

/* Its place in the list is all that "index" says; a signature is for Gemini alone. */
static const char *call_unknown(const struct byok_adapter_call *call, const struct byok_value *said)
{
    static const char *const flat[] = {
        "id", "type", "name", "arguments", "index", "thought_signature", NULL};
    static const char *const around[] = {"id", "type", "function", "index", "thought_signature",
                                         NULL};
    static const char *const within[] = {"name", "arguments", NULL};
    const struct byok_value *function = byok_function_of(said);
    if (!function)
        return NULL; /* the provider's own form */
    if (function == said)
        return unknown_of(call, "a tool call", said, flat);
    const char *unknown = unknown_of(call, "a tool call", said, around);
    return unknown ? unknown : unknown_of(call, "the function of a tool call", function, within);
}

const char *byok_message_unknown(const struct byok_adapter_call *call,
                                 const struct byok_value *message, const char *const *known)
{
    const struct byok_value *calls = byok_value_find(message, "tool_calls");
    const char *unknown = unknown_of(call, "a message", message, known);
    for (uint32_t i = 0; !unknown && byok_value_is(calls, BYOK_VALUE_ARRAY) && i < calls->count;
         i++)
        unknown = call_unknown(call, &calls->as.items[i]);
    return unknown;
}

const char *byok_part_unknown(const struct byok_adapter_call *call, const struct byok_value *part)
{
    static const char *const of_text[] = {"type", "text", NULL};
    static const char *const of_media[] = {"type",      "url",         "data",   "title",
                                           "file_name", "media_type",  "detail", "file",
                                           "image_url", "input_audio", NULL};
    static const struct {
        const char *name;
        const char *known[4];
    } inner[] = {
        {"image_url", {"url", "detail", NULL}},
        {"input_audio", {"data", "format", NULL}},
        {"file", {"file_data", "filename", "file_id", NULL}},
    };
    const bool is_text = kind_of(text_of(part, "type")) == BYOK_PART_TEXT;
    const char *unknown =
        unknown_of(call, "a part of a message", part, is_text ? of_text : of_media);
    for (size_t i = 0; !unknown && i < sizeof inner / sizeof inner[0]; i++) {
        const struct byok_value *map = byok_value_find(part, inner[i].name);
        if (map)
            unknown = unknown_of(call, "a part of a message", map, inner[i].known);
    }
    return unknown;
}

/* ---- functions ---- */

const struct byok_value *byok_function_of(const struct byok_value *value)
{
    const struct byok_value *nested = byok_value_find(value, "function");
    const struct byok_value *type = byok_value_find(value, "type");
    if (byok_value_is(nested, BYOK_VALUE_MAP))
        return text_of(nested, "name").len > 0 ? nested : NULL;
    if (type && type->type != BYOK_VALUE_NULL && !byok_str_is(byok_value_as_str(type), "function"))
        return NULL;
    return text_of(value, "name").len > 0 ? value : NULL;
}

const char *byok_tool_unknown(const struct byok_adapter_call *call, const struct byok_value *tool,
                              const char *const *known)
{
    static const char *const around[] = {"type", "function", NULL};
    const struct byok_value *function = byok_function_of(tool);
    const char *unknown = NULL;
    if (function && function != tool)
        unknown = unknown_of(call, "a tool", tool, around);
    return unknown || !function ? unknown : unknown_of(call, "a tool", function, known);
}

struct byok_value byok_chat_arguments(const struct byok_adapter_call *call, struct byok_str text)
{
    struct byok_value tree;
    if (byok_str_trim(text).len == 0)
        return byok_value_map();
    enum byok_err err = byok_decode(call->arena, BYOK_JSON, text, &tree, NULL);
    if (err == BYOK_E_NOMEM)
        call->arena->failed = true; /* also when it was the reader's own memory */
    return err == BYOK_E_OK ? tree : byok_value_string(text);
}

bool byok_function_arguments(const struct byok_adapter_call *call,
                             const struct byok_value *function, struct byok_value *out)
{
    const struct byok_value *arguments = byok_value_find(function, "arguments");
    *out = byok_value_map();
    if (!arguments || says_nothing(arguments))
        return true;
    if (arguments->type == BYOK_VALUE_MAP) {
        *out = *arguments;
        return true;
    }
    if (arguments->type != BYOK_VALUE_STRING)
        return false;
    enum byok_err err = byok_decode(call->arena, BYOK_JSON, arguments->as.str, out, NULL);
    if (err == BYOK_E_NOMEM)
        call->arena->failed = true; /* also when it was the reader's own memory */
    return err == BYOK_E_OK && out->type == BYOK_VALUE_MAP;
}

static enum byok_choice choice_of_word(struct byok_str word, struct byok_str *name)
{
    if (byok_str_is(word, "auto"))
        return BYOK_CHOICE_AUTO;
    if (byok_str_is(word, "none"))
        return BYOK_CHOICE_NONE;
    if (byok_str_is(word, "required") || byok_str_is(word, "any"))
        return BYOK_CHOICE_ANY;
    *name = word;
    return BYOK_CHOICE_NAMED;
}

enum byok_choice byok_chat_choice(const struct byok_adapter_call *call, struct byok_str *name)
{
    const struct byok_value *choice = byok_kit_member(call, "tool_choice");
    *name = (struct byok_str){NULL, 0};
    if (!choice)
        return BYOK_CHOICE_UNSAID;
    if (choice->type == BYOK_VALUE_STRING)
        return choice_of_word(choice->as.str, name);
    const struct byok_value *function = byok_function_of(choice);
    if (!function)
        return BYOK_CHOICE_OTHER;
    *name = text_of(function, "name");
    return BYOK_CHOICE_NAMED;
}

/* ---- what the answer shall be ---- */

enum byok_output_form byok_chat_output(const struct byok_adapter_call *call,
                                       const struct byok_value **schema)
{
    const struct byok_value *format = byok_kit_member(call, "response_format");
    struct byok_str word =
        byok_value_is(format, BYOK_VALUE_STRING) ? format->as.str : text_of(format, "type");
    *schema = NULL;
    if (!format || byok_str_is(word, "text"))
        return BYOK_OUTPUT_TEXT;
    if (byok_str_is(word, "json") || byok_str_is(word, "json_object"))
        return BYOK_OUTPUT_JSON;
    if (!byok_str_is(word, "json_schema"))
        return BYOK_OUTPUT_OTHER;
    *schema = byok_value_path(format, "json_schema.schema");
    if (!*schema)
        *schema = byok_value_find(format, "schema");
    return byok_value_is(*schema, BYOK_VALUE_MAP) ? BYOK_OUTPUT_SCHEMA : BYOK_OUTPUT_OTHER;
}

struct byok_value byok_chat_stop(const struct byok_adapter_call *call)
{
    const struct byok_value *stop = byok_kit_member(call, "stop");
    if (!stop || stop->type == BYOK_VALUE_ARRAY)
        return stop && stop->count > 0 ? *stop : byok_value_null();
    struct byok_value list = byok_value_array();
    byok_value_push(call->arena, &list, *stop);
    return list;
}
