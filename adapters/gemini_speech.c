/* SPDX-License-Identifier: MIT */
/* adapters/gemini_speech.c - text to speech: :generateContent that answers with AUDIO.
 *
 * The answer is raw PCM (audio/L16;codec=pcm;rate=24000: 16 bits, one channel, little-endian,
 * whatever RFC 3551 says of L16).  It is given as WAV, which players know, or, with format "pcm" or
 * as a stream (a WAV's head says how long it is), as it came.
 */
#include "adapters/gemini_parts.h"
#include "adapters/stream.h"
#include "schemas/codec.h"

#define SAMPLE_BYTES 2
#define DEFAULT_RATE 24000
/* RIFF, fmt, data: Multimedia Programming Interface and Data Specifications 1.0, IBM and Microsoft,
 * 1991 */
#define WAV_HEAD_BYTES 44

static const char *const known[] = {"text", "voice", "format", "language", NULL};

static bool wants_pcm(const struct byok_adapter_call *call)
{
    return call->request->stream ||
           byok_str_is(byok_value_as_str(byok_kit_member(call, "format")), "pcm");
}

/* {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName"}}, "languageCode"} */
static void put_speech(const struct byok_adapter_call *call, struct byok_value *config)
{
    const struct byok_value *voice = byok_kit_member(call, "voice");
    const struct byok_value *language = byok_kit_member(call, "language");
    struct byok_value speech = byok_value_map(), of = byok_value_map(), prebuilt = byok_value_map();
    if (voice) {
        byok_value_set(call->arena, &prebuilt, "voiceName", *voice);
        byok_value_set(call->arena, &of, "prebuiltVoiceConfig", prebuilt);
        byok_value_set(call->arena, &speech, "voiceConfig", of);
    }
    if (language)
        byok_value_set(call->arena, &speech, "languageCode", *language);
    if (speech.count > 0)
        byok_value_set(call->arena, config, "speechConfig", speech);
}

/* The page of Gemini's speech models: 8,192 tokens go in.  A character of some scripts is two. */
uint32_t byok_gemini_speech_max(struct byok_str model)
{
    (void)model;
    return 4000;
}

enum byok_err byok_gemini_build_speech(const struct byok_adapter_call *call,
                                       struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_str format = byok_value_as_str(byok_kit_member(call, "format"));
    struct byok_value modalities = byok_value_array(), config = byok_value_map();
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err != BYOK_E_OK)
        return err;
    if (format.len > 0 && !byok_str_is(format, "wav") && !byok_str_is(format, "pcm"))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"format\": provider \"%s\" gives \"wav\" or \"pcm\"",
                              call->provider->name);
    if (call->request->stream && byok_str_is(format, "wav"))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"format\": with \"stream\" provider \"%s\" gives \"pcm\"",
                              call->provider->name);
    struct byok_value body =
        byok_gemini_prompt(call, byok_value_as_str(byok_kit_member(call, "text")));
    byok_value_push(call->arena, &modalities, byok_value_text("AUDIO"));
    byok_value_set(call->arena, &config, "responseModalities", modalities);
    put_speech(call, &config);
    byok_value_set(call->arena, &body, "generationConfig", config);
    return byok_gemini_generate(call, &body, out, fault);
}

/* ---- the answer ---- */

static struct byok_str text_of(const struct byok_value *map, const char *path)
{
    return byok_value_as_str(byok_value_path(map, path));
}

/* The parts of audio joined, of the first one's media type; no bytes: there are none, or they are no base64. */
static struct byok_media_part read_audio(const struct byok_adapter_call *call,
                                         const struct byok_value *parts)
{
    struct byok_media_part audio = {.bytes = {NULL, 0}};
    for (uint32_t i = 0; i < parts->count; i++) {
        struct byok_str type = text_of(&parts->as.items[i], "inlineData.mimeType"), bytes;
        if (!byok_str_starts(type, (struct byok_str)BYOK_STR("audio/")))
            continue;
        if (!byok_base64_decode(call->arena, text_of(&parts->as.items[i], "inlineData.data"),
                                &bytes))
            return (struct byok_media_part){.bytes = {NULL, 0}};
        if (audio.bytes.len == 0) {
            audio = (struct byok_media_part){.media_type = type, .bytes = bytes};
            continue;
        }
        char *joined = byok_arena_alloc(call->arena, audio.bytes.len + bytes.len + 1);
        if (!joined || bytes.len == 0)
            continue;
        memcpy(joined, audio.bytes.ptr, audio.bytes.len);
        memcpy(joined + audio.bytes.len, bytes.ptr, bytes.len);
        audio.bytes = (struct byok_str){joined, audio.bytes.len + bytes.len};
    }
    return audio;
}

/* "…;rate=24000" */
static uint32_t rate_of(struct byok_str media_type)
{
    const struct byok_str mark = BYOK_STR("rate=");
    uint32_t rate = 0;
    size_t at = byok_str_find(media_type, mark);
    if (at == SIZE_MAX)
        return DEFAULT_RATE;
    for (at += mark.len; at < media_type.len && rate < 1000000; at++) {
        if (media_type.ptr[at] < '0' || media_type.ptr[at] > '9')
            break;
        rate = rate * 10 + (uint32_t)(media_type.ptr[at] - '0');
    }
    return rate > 0 ? rate : DEFAULT_RATE;
}

static bool is_pcm(struct byok_str media_type)
{
    return byok_kit_mentions(media_type, "audio/l16") || byok_kit_mentions(media_type, "audio/pcm");
}

static int64_t milliseconds_of(size_t bytes, uint32_t rate)
{
    return (int64_t)(bytes / SAMPLE_BYTES) * 1000 / rate;
}

/* ---- WAV ---- */

static void put16(char *to, uint32_t number)
{
    to[0] = (char)(number & 0xff);
    to[1] = (char)(number >> 8 & 0xff);
}

static void put32(char *to, uint32_t number)
{
    put16(to, number & 0xffff);
    put16(to + 2, number >> 16);
}

/* The samples behind a header; the empty slice when there was no memory or they are too many. */
static struct byok_str wav_of(struct byok_arena *arena, struct byok_str pcm, uint32_t rate)
{
    if (pcm.len > UINT32_MAX - WAV_HEAD_BYTES)
        return (struct byok_str){NULL, 0};
    char *wav = byok_arena_alloc(arena, WAV_HEAD_BYTES + pcm.len);
    if (!wav)
        return (struct byok_str){NULL, 0};
    memcpy(wav, "RIFF....WAVEfmt ", 16);
    put32(wav + 4, (uint32_t)(WAV_HEAD_BYTES - 8 + pcm.len));
    put32(wav + 16, 16); /* bytes of the format chunk */
    put16(wav + 20, 1); /* PCM */
    put16(wav + 22, 1); /* channels */
    put32(wav + 24, rate);
    put32(wav + 28, rate * SAMPLE_BYTES);
    put16(wav + 32, SAMPLE_BYTES);
    put16(wav + 34, SAMPLE_BYTES * 8);
    memcpy(wav + 36, "data", 4);
    put32(wav + 40, (uint32_t)pcm.len);
    memcpy(wav + WAV_HEAD_BYTES, pcm.ptr, pcm.len);
    return (struct byok_str){wav, WAV_HEAD_BYTES + pcm.len};
}

static void put_audio(const struct byok_adapter_call *call, struct byok_media_part audio,
                      struct byok_answer *out)
{
    if (is_pcm(audio.media_type)) {
        const uint32_t rate = rate_of(audio.media_type);
        out->usage.milliseconds = milliseconds_of(audio.bytes.len, rate);
        if (!wants_pcm(call)) {
            audio.bytes = wav_of(call->arena, audio.bytes, rate);
            audio.media_type = byok_str_of("audio/wav");
        }
    }
    byok_value_set(call->arena, &out->output, "audio", byok_value_bytes(audio.bytes));
    byok_value_set(call->arena, &out->output, "media_type", byok_value_string(audio.media_type));
}

enum byok_err byok_gemini_parse_speech(const struct byok_adapter_call *call,
                                       const struct byok_http_response *response,
                                       struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    const struct byok_value *parts;
    enum byok_err err = byok_gemini_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    (void)byok_gemini_candidate(&root, &parts, &out->finish);
    struct byok_media_part audio = read_audio(call, parts);
    err = byok_kit_check_memory(call, fault);
    if (err != BYOK_E_OK)
        return err;
    if (audio.bytes.len == 0)
        return byok_gemini_no_media(call, &root, "audio", fault);
    put_audio(call, audio, out);
    return byok_kit_check_memory(call, fault);
}

/* ---- the stream ---- */

enum byok_err byok_gemini_speech_event(const struct byok_adapter_call *call,
                                       const struct byok_sse_event *event,
                                       const struct byok_value *root, struct byok_stream *stream,
                                       struct byok_fault *fault)
{
    const struct byok_value *parts;
    (void)event;
    enum byok_err err = byok_gemini_event_head(call, root, &parts, stream, fault);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_media_part audio = read_audio(call, parts);
    byok_stream_put_audio(stream, &audio);
    if (is_pcm(audio.media_type))
        stream->usage.milliseconds =
            milliseconds_of(stream->audio_bytes, rate_of(audio.media_type));
    if (stream->ended && stream->audio_bytes == 0)
        return byok_gemini_no_media(call, root, "audio", fault);
    return BYOK_E_OK;
}
