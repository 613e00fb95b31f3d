/* SPDX-License-Identifier: MIT */
/* adapters/openai_chat_media.c - what an answer of POST /chat/completions holds beside its text.
 *
 *   message.audio   {"data": base64, "transcript"} of OpenAI's models that speak
 *   message.images  [{"image_url": {"url": a data URL}}] of OpenRouter's that draw
 */
#include "adapters/kit_media.h"
#include "adapters/openai_parts.h"
#include "schemas/codec.h"

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

/* What was spoken is the answer's text when there is no other.  Without a head it is what
 * provider_options asked for: raw samples. */
static void put_audio(const struct byok_adapter_call *call, const struct byok_value *message,
                      struct byok_value *output)
{
    struct byok_str bytes, format = text_of(call->request->provider_options, "audio.format");
    struct byok_str data = text_of(message, "audio.data");
    if (data.len == 0 || !byok_base64_decode(call->arena, data, &bytes))
        return;
    const struct byok_media *is = byok_media_of_bytes(bytes);
    if (!is)
        is = byok_media_of_type(format);
    byok_value_set(call->arena, output, "audio", byok_value_bytes(bytes));
    byok_value_set(call->arena, output, "media_type", byok_value_text(is ? is->type : "audio/pcm"));
}

/* {"media_type", "data"} of a data URL (RFC 2397), {"url"} of an address. */
static struct byok_value image_of(const struct byok_adapter_call *call, struct byok_str url)
{
    const struct byok_str mark = BYOK_STR(";base64,"), scheme = BYOK_STR("data:");
    struct byok_value image = byok_value_map();
    struct byok_str head = {url.ptr, url.len < 256 ? url.len : 256}, bytes;
    const size_t at = byok_str_find(head, mark);
    if (!byok_str_starts(url, scheme)) {
        byok_value_set_str(call->arena, &image, "url", url);
        return image;
    }
    if (at >= head.len ||
        !byok_base64_decode(call->arena,
                            (struct byok_str){url.ptr + at + mark.len, url.len - at - mark.len},
                            &bytes))
        return image;
    byok_value_set(call->arena, &image, "media_type",
                   byok_value_string((struct byok_str){url.ptr + scheme.len, at - scheme.len}));
    byok_value_set(call->arena, &image, "data", byok_value_bytes(bytes));
    return image;
}

void byok_openai_put_media(const struct byok_adapter_call *call, const struct byok_value *message,
                           struct byok_value *output)
{
    const struct byok_value *images = byok_value_find(message, "images");
    struct byok_value list = byok_value_array();
    put_audio(call, message, output);
    for (uint32_t i = 0; byok_value_is(images, BYOK_VALUE_ARRAY) && i < images->count; i++) {
        struct byok_value image = image_of(call, text_of(&images->as.items[i], "image_url.url"));
        if (image.count > 0)
            byok_value_push(call->arena, &list, image);
    }
    if (list.count > 0)
        byok_value_set(call->arena, output, "images", list);
}
