/* SPDX-License-Identifier: MIT */
/* adapters/openai_speech.c - POST /audio/speech: a text out, audio back.
 *
 * The answer is the audio itself, so there is no usage in it: what can be told is the number of
 * characters, by which OpenAI's older models and most compatible services bill.
 */
#include "adapters/audio.h"
#include "adapters/kit_media.h"
#include "adapters/openai_parts.h"

/* Of OpenAI's voices the one that all its models have; the API wants one to be named. */
#define VOICE "alloy"

static const char *const known[] = {
    "text", "voice", "format", "speed", "instructions", NULL,
};

/* Our word and OpenAI's. */
static const struct {
    const char *format, *word;
} formats[] = {
    {"mp3", "mp3"}, {"ogg", "opus"},  {"opus", "opus"}, {"aac", "aac"},
    {"wav", "wav"}, {"flac", "flac"}, {"pcm", "pcm"},
};

static enum byok_err put_format(const struct byok_adapter_call *call, struct byok_value *body,
                                struct byok_fault *fault)
{
    const struct byok_value *format = byok_kit_member(call, "format");
    if (!format)
        return BYOK_E_OK;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (byok_str_is(byok_value_as_str(format), formats[i].format)) {
            byok_value_set(call->arena, body, "response_format", byok_value_text(formats[i].word));
            return BYOK_E_OK;
        }
    }
    return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                          "member \"format\": mp3, ogg, aac, flac, wav or pcm; another goes into "
                          "provider_options as \"response_format\"");
}

/* OpenAI's API reference, createSpeech: the input is at most 4,096 characters. */
uint32_t byok_openai_speech_max(struct byok_str model)
{
    (void)model;
    return 4096;
}

enum byok_err byok_openai_build_speech(const struct byok_adapter_call *call,
                                       struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map();
    const struct byok_value *text = byok_kit_member(call, "text");
    const struct byok_value *voice = byok_kit_member(call, "voice");
    const struct byok_value *speed = byok_kit_member(call, "speed");
    const struct byok_value *instructions = byok_kit_member(call, "instructions");
    enum byok_err err = byok_kit_check_members(call, known, fault);
    byok_value_set_str(call->arena, &body, "model", call->model);
    byok_value_set_str(call->arena, &body, "input", byok_value_as_str(text));
    byok_value_set(call->arena, &body, "voice", voice ? *voice : byok_value_text(VOICE));
    if (err == BYOK_E_OK)
        err = put_format(call, &body, fault);
    if (err == BYOK_E_OK)
        err = byok_openai_check_options(call, fault);
    if (err != BYOK_E_OK)
        return err;
    if (speed)
        byok_value_set(call->arena, &body, "speed", *speed);
    if (instructions)
        byok_value_set(call->arena, &body, "instructions", *instructions);
    byok_kit_put_options(call, &body);
    byok_openai_begin(call, "POST", "/audio/speech", "*/*", out);
    return byok_kit_end_json(call, &body, out, fault);
}

/* ---- the answer ---- */

/* What the job asked for; NULL: the service chose. */
static const struct byok_media *asked_media(const struct byok_adapter_call *call)
{
    const struct byok_value *word =
        byok_value_find(call->request->provider_options, "response_format");
    if (!word)
        word = byok_kit_member(call, "format");
    return byok_media_of_type(byok_value_as_str(word));
}

/* An error in JSON with status 200 is that error; any other JSON is no audio. */
static enum byok_err read_no_audio(const struct byok_adapter_call *call,
                                   const struct byok_http_response *response,
                                   struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    enum byok_err err = byok_openai_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                          "provider \"%s\" answered with JSON where audio was asked for",
                          call->provider->name);
}

enum byok_err byok_openai_parse_speech(const struct byok_adapter_call *call,
                                       const struct byok_http_response *response,
                                       struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_str body = byok_str_trim(response->body);
    *out = (struct byok_answer){.output = byok_value_map(), .usage = BYOK_USAGE_UNSAID};
    out->provider_request_id = byok_kit_header(call, response, "x-request-id");
    out->usage.characters = byok_audio_characters(call);
    enum byok_err err = byok_kit_read_audio(call, response, asked_media(call), &out->output, fault);
    if (err == BYOK_E_BAD_ANSWER && body.len > 0 && (body.ptr[0] == '{' || body.ptr[0] == '<'))
        return read_no_audio(call, response, out, fault);
    return err;
}
