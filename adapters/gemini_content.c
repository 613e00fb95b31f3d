/* SPDX-License-Identifier: MIT */
/* adapters/gemini_content.c - parts of a message as Gemini's parts.
 *
 * Media with data are inlineData, media by address are fileData (a file of the Files API, or any
 * address that the model's service may fetch).  Parts in Gemini's own form, which have no "type",
 * go through unchanged.
 */
#include "adapters/gemini_parts.h"
#include "adapters/kit_chat.h"

void byok_gemini_put_text(const struct byok_adapter_call *call, struct byok_str text,
                          struct byok_value *parts)
{
    struct byok_value part = byok_value_map();
    if (text.len == 0)
        return;
    byok_value_set(call->arena, &part, "text", byok_value_string(text));
    byok_value_push(call->arena, parts, part);
}

static void put_media(const struct byok_adapter_call *call, const struct byok_part *part,
                      struct byok_value *parts)
{
    struct byok_value media = byok_value_map(), out = byok_value_map();
    const bool by_url = part->url.len > 0;
    byok_value_set_str(call->arena, &media, "mimeType", part->media_type);
    if (by_url)
        byok_value_set(call->arena, &media, "fileUri", byok_value_string(part->url));
    else
        byok_value_set(call->arena, &media, "data", part->data);
    byok_value_set(call->arena, &out, by_url ? "fileData" : "inlineData", media);
    byok_value_push(call->arena, parts, out);
}

static const char *put_part(const struct byok_adapter_call *call, const struct byok_value *value,
                            struct byok_value *parts)
{
    struct byok_part part;
    const char *wrong = byok_part_read(call, value, &part);
    if (!wrong && part.kind != BYOK_PART_OTHER)
        wrong = byok_part_unknown(call, value);
    if (wrong)
        return wrong;
    if (part.kind == BYOK_PART_TEXT) {
        byok_gemini_put_text(call, part.text, parts);
        return NULL;
    }
    if (part.kind != BYOK_PART_OTHER) {
        if (part.title.len > 0)
            return "a document has no title or filename here: leave it out";
        put_media(call, &part, parts);
        return NULL;
    }
    if (value->type != BYOK_VALUE_MAP || byok_value_find(value, "type"))
        return "a part must be of type text, image, audio, video or document";
    byok_value_push(call->arena, parts, *value);
    return NULL;
}

const char *byok_gemini_put_parts(const struct byok_adapter_call *call,
                                  const struct byok_value *content, struct byok_value *parts)
{
    const char *wrong = NULL;
    if (!byok_value_is(content, BYOK_VALUE_ARRAY)) {
        byok_gemini_put_text(call, byok_value_as_str(content), parts);
        return NULL;
    }
    for (uint32_t i = 0; i < content->count && !wrong; i++)
        wrong = put_part(call, &content->as.items[i], parts);
    return wrong;
}
