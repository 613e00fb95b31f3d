/* SPDX-License-Identifier: MIT */
/* adapters/deepgram_speak.c - POST /speak: a text out, audio back.
 *
 * With Deepgram a voice is a model: "aura-2-thalia-en" holds family, voice and language.  A job may
 * name it whole as its model or its voice, or the family as model and "thalia" as voice.
 */
#include "adapters/deepgram_parts.h"

#include "adapters/audio.h"
#include "adapters/kit_media.h"
#include "adapters/query.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static const char *const known[] = {"text", "voice", "format", "speed", "language", NULL};

/* "en" of "en-US": the names have no regions. */
static struct byok_str primary(struct byok_str language)
{
    const size_t at = byok_str_find(language, STR("-"));
    return at < language.len ? (struct byok_str){language.ptr, at} : language;
}

static bool ends_with(struct byok_str name, struct byok_str language)
{
    return name.len > language.len + 1 && name.ptr[name.len - language.len - 1] == '-' &&
           memcmp(name.ptr + name.len - language.len, language.ptr, language.len) == 0;
}

/* A family alone is spoken by the voice of the documentation's first examples. */
static enum byok_err put_voice(const struct byok_adapter_call *call, struct byok_value *query,
                               struct byok_fault *fault)
{
    struct byok_str voice = byok_value_as_str(byok_kit_member(call, "voice"));
    struct byok_str language = primary(byok_value_as_str(byok_kit_member(call, "language")));
    struct byok_str name = byok_str_starts(voice, STR("aura-")) ? voice : call->model;
    const bool is_second = byok_str_starts(name, STR("aura-2"));
    if (byok_str_is(name, "aura") || byok_str_is(name, "aura-2"))
        voice = voice.len > 0 ? voice : is_second ? STR("thalia") : STR("asteria");
    if (voice.len > 0 && name.ptr != voice.ptr)
        name = byok_arena_printf(call->arena, "%s-%.*s-%.*s", is_second ? "aura-2" : "aura",
                                 BYOK_STR_ARG(voice),
                                 BYOK_STR_ARG(language.len > 0 ? language : STR("en")));
    if (language.len > 0 && !ends_with(name, language))
        return byok_fault_set(
            fault, BYOK_E_UNSUPPORTED,
            "member \"language\": it is the end of Deepgram's name for the voice, "
            "e.g. aura-2-thalia-en; leave it out");
    byok_value_set(call->arena, query, "model", byok_value_string(name));
    return BYOK_E_OK;
}

static enum byok_err put_format(const struct byok_adapter_call *call, struct byok_value *query,
                                struct byok_fault *fault)
{
    static const struct {
        const char *format, *encoding, *container; /* NULL: none is said */
    } formats[] = {
        {"mp3", "mp3", NULL},     {"wav", "linear16", "wav"}, {"pcm", "linear16", "none"},
        {"ogg", "opus", "ogg"},   {"opus", "opus", "ogg"},    {"flac", "flac", NULL},
        {"aac", "aac", NULL},     {"mulaw", "mulaw", "wav"},  {"alaw", "alaw", "wav"},
        {"ulaw", "mulaw", "wav"},
    };
    struct byok_str format = byok_value_as_str(byok_kit_member(call, "format"));
    if (format.len == 0)
        return BYOK_E_OK;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (!byok_str_is(format, formats[i].format))
            continue;
        byok_value_set(call->arena, query, "encoding", byok_value_text(formats[i].encoding));
        if (formats[i].container)
            byok_value_set(call->arena, query, "container", byok_value_text(formats[i].container));
        return BYOK_E_OK;
    }
    return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                          "member \"format\": Deepgram makes mp3, wav, pcm, ogg, opus, flac, aac, "
                          "mulaw and alaw");
}

/* Deepgram's API rate limits: 2,000 characters in a request for speech, with every model. */
uint32_t byok_deepgram_speak_max(struct byok_str model)
{
    (void)model;
    return 2000;
}

enum byok_err byok_deepgram_build_speak(const struct byok_adapter_call *call,
                                        struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map(), query = byok_value_map();
    const struct byok_value *text = byok_kit_member(call, "text");
    const struct byok_value *speed = byok_kit_member(call, "speed");
    enum byok_err err = byok_kit_check_members(call, known, fault);
    if (err == BYOK_E_OK && !text)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "member \"text\": is missing");
    if (err == BYOK_E_OK)
        err = put_voice(call, &query, fault);
    if (err == BYOK_E_OK)
        err = put_format(call, &query, fault);
    if (err != BYOK_E_OK)
        return err;
    if (speed)
        byok_value_set(call->arena, &query, "speed", *speed);
    err = byok_deepgram_put_options(call, &query, fault);
    if (err != BYOK_E_OK)
        return err;
    byok_value_set(call->arena, &body, "text", *text);
    byok_kit_begin_accept(call, "POST", "/speak", NULL, "*/*", out);
    byok_query_add(call->arena, &out->url, &query);
    return byok_kit_end_json(call, &body, out, fault);
}

enum byok_err byok_deepgram_parse_speak(const struct byok_adapter_call *call,
                                        const struct byok_http_response *response,
                                        struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_str format = byok_value_as_str(byok_kit_member(call, "format"));
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    out->provider_request_id = byok_kit_header(call, response, "dg-request-id");
    out->model = byok_kit_header(call, response, "dg-model-name");
    out->usage.characters = byok_audio_header_count(response, "dg-char-count");
    if (out->usage.characters < 0)
        out->usage.characters = byok_audio_characters(call);
    return byok_kit_read_audio(call, response, byok_media_of_type(format), &out->output, fault);
}
