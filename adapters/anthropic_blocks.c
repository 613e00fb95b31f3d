/* SPDX-License-Identifier: MIT */
/* adapters/anthropic_blocks.c - parts of a message as Anthropic's content blocks.
 *
 * Text, images (base64 or address) and documents (PDF, plain text) are translated; blocks in
 * Anthropic's own form (with "source", or of a type that only it knows) go through unchanged.
 */
#include "adapters/anthropic_parts.h"
#include "adapters/kit_chat.h"
#include "schemas/codec.h"
#include "schemas/utf8.h"

void byok_anthropic_put_text(const struct byok_adapter_call *call, struct byok_str text,
                             struct byok_value *blocks)
{
    struct byok_value block = byok_value_map();
    if (text.len == 0)
        return;
    byok_value_set(call->arena, &block, "type", byok_value_text("text"));
    byok_value_set(call->arena, &block, "text", byok_value_string(text));
    byok_value_push(call->arena, blocks, block);
}

static struct byok_value source_of(const struct byok_adapter_call *call,
                                   const struct byok_part *part)
{
    struct byok_value source = byok_value_map();
    const bool by_url = part->url.len > 0;
    byok_value_set(call->arena, &source, "type", byok_value_text(by_url ? "url" : "base64"));
    if (by_url) {
        byok_value_set(call->arena, &source, "url", byok_value_string(part->url));
        return source;
    }
    byok_value_set(call->arena, &source, "media_type", byok_value_string(part->media_type));
    byok_value_set(call->arena, &source, "data", part->data);
    return source;
}

/* {"type": "text", "media_type": "text/plain", "data": the text itself} */
static const char *text_source(const struct byok_adapter_call *call, const struct byok_part *part,
                               struct byok_value *out)
{
    struct byok_str text = part->data.as.str;
    if (part->data.type == BYOK_VALUE_STRING && !byok_base64_decode(call->arena, text, &text))
        return "a document's \"data\" must be base64";
    if (byok_utf8_valid(text) != text.len)
        return "a text document must be UTF-8";
    *out = byok_value_map();
    byok_value_set(call->arena, out, "type", byok_value_text("text"));
    byok_value_set(call->arena, out, "media_type", byok_value_text("text/plain"));
    byok_value_set(call->arena, out, "data", byok_value_string(text));
    return NULL;
}

static bool is_media(struct byok_str media_type, const char *expected)
{
    return byok_str_eq_nocase(media_type, byok_str_of(expected));
}

static const char *put_document(const struct byok_adapter_call *call, const struct byok_part *part,
                                struct byok_value *blocks)
{
    struct byok_value block = byok_value_map(), source = byok_value_null();
    const char *wrong = NULL;
    if (part->url.len > 0 || is_media(part->media_type, "application/pdf"))
        source = source_of(call, part);
    else if (is_media(part->media_type, "text/plain"))
        wrong = text_source(call, part, &source);
    else
        wrong = "a document must be application/pdf or text/plain";
    if (wrong)
        return wrong;
    byok_value_set(call->arena, &block, "type", byok_value_text("document"));
    byok_value_set(call->arena, &block, "source", source);
    byok_value_set_str(call->arena, &block, "title", part->title);
    byok_value_push(call->arena, blocks, block);
    return NULL;
}

static const char *put_image(const struct byok_adapter_call *call, const struct byok_part *part,
                             struct byok_value *blocks)
{
    struct byok_value block = byok_value_map();
    byok_value_set(call->arena, &block, "type", byok_value_text("image"));
    byok_value_set(call->arena, &block, "source", source_of(call, part));
    byok_value_push(call->arena, blocks, block);
    return NULL;
}

static bool is_plain(const struct byok_value *value)
{
    return byok_str_is(byok_value_as_str(byok_value_find(value, "type")), "text");
}

static const char *put_part(const struct byok_adapter_call *call, const struct byok_value *value,
                            struct byok_value *blocks)
{
    struct byok_part part;
    const char *wrong = byok_part_read(call, value, &part);
    if (!wrong && part.kind != BYOK_PART_OTHER && !is_plain(value))
        wrong = byok_part_unknown(call, value);
    if (wrong)
        return wrong;
    switch (part.kind) {
    case BYOK_PART_TEXT:
        if (is_plain(value) && part.text.len > 0) /* with what else it says, e.g. cache_control */
            byok_value_push(call->arena, blocks, *value);
        else
            byok_anthropic_put_text(call, part.text, blocks);
        return NULL;
    case BYOK_PART_IMAGE:
        return put_image(call, &part, blocks);
    case BYOK_PART_DOCUMENT:
        return put_document(call, &part, blocks);
    case BYOK_PART_AUDIO:
        return "parts of audio are not offered";
    case BYOK_PART_VIDEO:
        return "parts of video are not offered";
    case BYOK_PART_OTHER:
        break;
    }
    byok_value_push(call->arena, blocks, *value);
    return NULL;
}

const char *byok_anthropic_put_blocks(const struct byok_adapter_call *call,
                                      const struct byok_value *content, struct byok_value *blocks)
{
    const char *wrong = NULL;
    if (!byok_value_is(content, BYOK_VALUE_ARRAY)) {
        byok_anthropic_put_text(call, byok_value_as_str(content), blocks);
        return NULL;
    }
    for (uint32_t i = 0; i < content->count && !wrong; i++)
        wrong = put_part(call, &content->as.items[i], blocks);
    return wrong;
}
