/* SPDX-License-Identifier: MIT */
/* adapters/openai_chat_media.c - what an answer of POST /chat/completions holds beside its text.
 *
 *   message.audio   {"data": base64, "transcript"} of OpenAI's models that speak
 *   message.images  [{"image_url": {"url": a data URL}}] of OpenRouter's that draw
 * and, as a stream, what a delta does: of the audio pieces (base64 cut anywhere, or each padded by
 * itself) and of what is spoken too; images whole.
 */
#include <string.h>

#include "adapters/kit_media.h"
#include "adapters/openai_parts.h"
#include "schemas/codec.h"

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

/* No bytes: it is no base64.  Without a head it is what provider_options asked for: raw samples. */
static struct byok_media_part audio_of(const struct byok_adapter_call *call, struct byok_str data)
{
    struct byok_media_part audio = {.bytes = {NULL, 0}};
    if (data.len == 0 || !byok_base64_decode(call->arena, data, &audio.bytes))
        return (struct byok_media_part){.bytes = {NULL, 0}};
    const struct byok_media *is = byok_media_of_bytes(audio.bytes);
    if (!is)
        is = byok_media_of_type(text_of(call->request->provider_options, "audio.format"));
    audio.media_type = byok_str_of(is ? is->type : "audio/pcm");
    return audio;
}

/* What was spoken is the answer's text when there is no other. */
static void put_audio(const struct byok_adapter_call *call, const struct byok_value *message,
                      struct byok_value *output)
{
    const struct byok_media_part audio = audio_of(call, text_of(message, "audio.data"));
    if (audio.bytes.len == 0)
        return;
    byok_value_set(call->arena, output, "audio", byok_value_bytes(audio.bytes));
    byok_value_set(call->arena, output, "media_type", byok_value_string(audio.media_type));
}

/* Of a data URL (RFC 2397) type and bytes, of an address that; nothing: it is neither. */
static struct byok_media_part image_at(const struct byok_adapter_call *call, struct byok_str url)
{
    const struct byok_str mark = BYOK_STR(";base64,"), scheme = BYOK_STR("data:");
    struct byok_media_part image = {.bytes = {NULL, 0}};
    struct byok_str head = {url.ptr, url.len < 256 ? url.len : 256};
    const size_t at = byok_str_find(head, mark);
    if (!byok_str_starts(url, scheme)) {
        image.url = url;
        return image;
    }
    if (at < head.len &&
        byok_base64_decode(call->arena,
                           (struct byok_str){url.ptr + at + mark.len, url.len - at - mark.len},
                           &image.bytes) &&
        image.bytes.len > 0)
        image.media_type = (struct byok_str){url.ptr + scheme.len, at - scheme.len};
    return image;
}

static struct byok_media_part image_of(const struct byok_adapter_call *call,
                                       const struct byok_value *item)
{
    return image_at(call, text_of(item, "image_url.url"));
}

void byok_openai_put_media(const struct byok_adapter_call *call, const struct byok_value *message,
                           struct byok_value *output)
{
    const struct byok_value *images = byok_value_find(message, "images");
    struct byok_value list = byok_value_array();
    put_audio(call, message, output);
    for (uint32_t i = 0; byok_value_is(images, BYOK_VALUE_ARRAY) && i < images->count; i++) {
        const struct byok_media_part part = image_of(call, &images->as.items[i]);
        struct byok_value image = byok_value_map();
        byok_value_set_str(call->arena, &image, "url", part.url);
        byok_value_set_str(call->arena, &image, "media_type", part.media_type);
        if (part.bytes.len > 0)
            byok_value_set(call->arena, &image, "data", byok_value_bytes(part.bytes));
        if (image.count > 0)
            byok_value_push(call->arena, &list, image);
    }
    if (list.count > 0)
        byok_value_set(call->arena, output, "images", list);
}

/* As much of it as can be decoded, with what was kept of the piece before; the rest is kept. */
static struct byok_str whole_base64(const struct byok_adapter_call *call, struct byok_str piece,
                                    struct byok_stream *stream)
{
    char *all = NULL;
    if (piece.len > 0)
        all = byok_arena_alloc(call->arena, sizeof stream->base64 + piece.len + 1);
    if (!all)
        return (struct byok_str){NULL, 0};
    memcpy(all, stream->base64, stream->base64_len);
    memcpy(all + stream->base64_len, piece.ptr, piece.len);
    const size_t len = stream->base64_len + piece.len;
    stream->base64_len = len % 4;
    memcpy(stream->base64, all + len - len % 4, len % 4);
    return (struct byok_str){all, len - len % 4};
}

static void stream_audio(const struct byok_adapter_call *call, const struct byok_value *said,
                         struct byok_stream *stream)
{
    const struct byok_media_part audio =
        audio_of(call, whole_base64(call, text_of(said, "data"), stream));
    byok_stream_put(stream, BYOK_DELTA_TEXT, text_of(said, "transcript"));
    byok_stream_put_audio(stream, &audio);
}

void byok_openai_stream_media(const struct byok_adapter_call *call, const struct byok_value *delta,
                              struct byok_stream *stream)
{
    const struct byok_value *images = byok_value_find(delta, "images");
    const struct byok_value *audio = byok_value_find(delta, "audio");
    if (audio)
        stream_audio(call, audio, stream);
    for (uint32_t i = 0; byok_value_is(images, BYOK_VALUE_ARRAY) && i < images->count; i++) {
        const struct byok_media_part image = image_of(call, &images->as.items[i]);
        byok_stream_put_image(stream, &image);
    }
}
