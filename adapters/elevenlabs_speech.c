/* SPDX-License-Identifier: MIT */
/* adapters/elevenlabs_speech.c - POST /text-to-speech/{voice}: a text out, audio back. */
#include "adapters/elevenlabs_parts.h"

#include "adapters/audio.h"
#include "adapters/kit_media.h"
#include "adapters/query.h"
#include "schemas/codec.h"

static const char *const known[] = {"text", "voice", "format", "speed", "language", NULL};

/* "George", the voice of the documentation's first example; every account has it. */
#define VOICE "JBFqnCBsd6RMkjVDRZzb"

/* Options that are members of the query, not of the body. */
static const char *const query_options[] = {"output_format", "enable_logging",
                                            "optimize_streaming_latency", NULL};

static bool is_query_option(struct byok_str name)
{
    for (size_t i = 0; query_options[i]; i++) {
        if (byok_str_is(name, query_options[i]))
            return true;
    }
    return false;
}

/* Rates that every plan may have; 44.1 kHz of pcm and wav are for the larger ones. */
static enum byok_err put_format(const struct byok_adapter_call *call, struct byok_value *query,
                                struct byok_fault *fault)
{
    static const struct {
        const char *format, *name;
    } formats[] = {
        {"mp3", "mp3_44100_128"},   {"pcm", "pcm_24000"},      {"wav", "wav_24000"},
        {"opus", "opus_48000_128"}, {"ogg", "opus_48000_128"}, {"ulaw", "ulaw_8000"},
        {"mulaw", "ulaw_8000"},     {"alaw", "alaw_8000"},
    };
    const struct byok_value *format = byok_kit_member(call, "format");
    if (!format)
        return BYOK_E_OK;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const struct byok_str word = byok_str_of(formats[i].format);
        const bool is_native = format->as.str.len > word.len &&
                               format->as.str.ptr[word.len] == '_' &&
                               byok_str_starts(format->as.str, word);
        if (!is_native && !byok_str_eq(format->as.str, word))
            continue;
        if (call->request->stream && byok_str_is(word, "wav")) /* its head says how long it is */
            return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                                  "member \"format\": ElevenLabs streams no wav: ask for pcm, or "
                                  "leave \"stream\" out");
        byok_value_set(call->arena, query, "output_format",
                       is_native ? *format : byok_value_text(formats[i].name));
        return BYOK_E_OK;
    }
    return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                          "member \"format\": ElevenLabs makes mp3, wav, pcm, opus, ogg, ulaw and "
                          "alaw, or one by its own name, e.g. mp3_22050_32");
}

/* "with_timestamps": true asks for the audio as JSON beside the time of each character, which `raw`
 * gives on; it is the end of the path. */
#define TIMES_OPTION "with_timestamps"

static bool wants_times(const struct byok_adapter_call *call)
{
    const struct byok_value *option =
        byok_value_find(call->request->provider_options, TIMES_OPTION);
    return byok_value_is(option, BYOK_VALUE_BOOL) && option->as.boolean;
}

/* The job's options to where ElevenLabs has them; voice_settings beside the job's speed. */
static void put_options(const struct byok_adapter_call *call, struct byok_value *query,
                        struct byok_value *body)
{
    struct byok_value kept = byok_value_map();
    byok_kit_merge_options(call, body);
    for (uint32_t i = 0; i < body->count; i++) {
        const struct byok_member *member = &body->as.members[i];
        if (!byok_str_is(member->name, TIMES_OPTION))
            byok_kit_put(call->arena, is_query_option(member->name) ? query : &kept, member->name,
                         member->value);
    }
    *body = kept;
}

/* ElevenLabs' page of models, "character limits"; those that it does not list take 10,000 or more. */
uint32_t byok_elevenlabs_speech_max(struct byok_str model)
{
    static const struct {
        const char *prefix;
        uint32_t characters;
    } models[] = {
        {"eleven_v3", 5000},        {"eleven_flash_v2_5", 40000}, {"eleven_turbo_v2_5", 40000},
        {"eleven_flash_v2", 30000}, {"eleven_turbo_v2", 30000},
    };
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        if (byok_str_starts(model, byok_str_of(models[i].prefix)))
            return models[i].characters;
    }
    return 10000;
}

/* Of a text in parts, so that the voice goes on as it was; the third version does not take it. */
static void put_context(const struct byok_adapter_call *call, struct byok_value *body)
{
    if (byok_str_starts(call->model, byok_str_of("eleven_v3")))
        return;
    byok_value_set_str(call->arena, body, "previous_text", call->before);
    byok_value_set_str(call->arena, body, "next_text", call->after);
}

enum byok_err byok_elevenlabs_build_speech(const struct byok_adapter_call *call,
                                           struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map(), query = byok_value_map();
    const struct byok_value *text = byok_kit_member(call, "text");
    const struct byok_value *language = byok_kit_member(call, "language");
    const struct byok_value *speed = byok_kit_member(call, "speed");
    struct byok_str voice = byok_value_as_str(byok_kit_member(call, "voice"));
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK && !text)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "member \"text\": is missing");
    if (err == BYOK_E_OK && call->request->stream && wants_times(call))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"stream\": not together with timestamps");
    if (err == BYOK_E_OK)
        err = put_format(call, &query, fault);
    if (err != BYOK_E_OK)
        return err;
    byok_value_set(call->arena, &body, "text", *text);
    byok_value_set_str(call->arena, &body, "model_id", call->model);
    put_context(call, &body);
    if (language)
        byok_value_set(call->arena, &body, "language_code", *language);
    if (speed) {
        struct byok_value settings = byok_value_map();
        byok_value_set(call->arena, &settings, "speed", *speed);
        byok_value_set(call->arena, &body, "voice_settings", settings);
    }
    put_options(call, &query, &body);
    voice = byok_kit_segment(call->arena, voice.len > 0 ? voice : byok_str_of(VOICE));
    struct byok_str path =
        byok_arena_printf(call->arena, "/text-to-speech/%.*s%s", BYOK_STR_ARG(voice),
                          wants_times(call)       ? "/with-timestamps"
                          : call->request->stream ? "/stream"
                                                  : "");
    err = byok_kit_check_memory(call, fault);
    if (err != BYOK_E_OK)
        return err;
    byok_kit_begin_accept(call, "POST", path.ptr, NULL, "*/*", out);
    byok_query_add(call->arena, &out->url, &query);
    return byok_kit_end_json(call, &body, out, fault);
}

/* {"audio_base64", "alignment"} */
static enum byok_err read_timed(const struct byok_adapter_call *call,
                                const struct byok_http_response *response, struct byok_answer *out,
                                struct byok_fault *fault)
{
    struct byok_value root;
    struct byok_str bytes;
    enum byok_err err = byok_kit_read(call, response, &root, fault);
    if (err != BYOK_E_OK)
        return err;
    if (call->request->raw)
        out->raw = root;
    struct byok_str data = byok_value_as_str(byok_value_find(&root, "audio_base64"));
    if (data.len == 0 || !byok_base64_decode(call->arena, data, &bytes))
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" holds no audio", call->provider->name);
    struct byok_http_header type = {byok_str_of("content-type"), byok_str_of("audio/mpeg")};
    const struct byok_http_response audio = {
        .status = response->status, .headers = &type, .header_count = 1, .body = bytes};
    struct byok_str format = byok_value_as_str(byok_kit_member(call, "format"));
    return byok_kit_read_audio(call, &audio, byok_media_of_type(format), &out->output, fault);
}

/* What was billed stands in a header; the characters of the text are the same for most models. */
enum byok_err byok_elevenlabs_parse_speech(const struct byok_adapter_call *call,
                                           const struct byok_http_response *response,
                                           struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_str format = byok_value_as_str(byok_kit_member(call, "format"));
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    out->provider_request_id = byok_kit_header(call, response, "request-id");
    out->usage.characters = byok_audio_header_count(response, "character-cost");
    if (out->usage.characters < 0)
        out->usage.characters = byok_audio_characters(call);
    if (wants_times(call))
        return read_timed(call, response, out, fault);
    return byok_kit_read_audio(call, response, byok_media_of_type(format), &out->output, fault);
}
