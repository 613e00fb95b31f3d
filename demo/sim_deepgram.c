/* SPDX-License-Identifier: MIT */
/* demo/sim_deepgram.c - Deepgram's wire: speak and listen.
 *
 * Source: https://developers.deepgram.com/reference (version 1), .../docs/errors, and the answers
 * composed from them in tests/golden/deepgram.
 */
#include <inttypes.h>
#include <stdlib.h>

#include <yyjson.h>

#include "demo/sim_answer.h"
#include "demo/sim_text.h"
#include "demo/sim_wire.h"

#define SPEAK_CHARACTERS_MAX 2000u /* Deepgram's API rate limits */
#define RATE 24000u
#define OPUS_RATE 48000u
#define TOO_MANY "Too many requests. Please try again later"

static bool is_true(const struct sim_input *input, const char *name)
{
    const char *value = sim_argument(input, name);
    return value && strcmp(value, "true") == 0;
}

static bool read_model(const struct sim_input *input, const char *usual,
                       struct sim_request *request, struct sim_error *error)
{
    const char *model = sim_argument(input, "model");
    return sim_take_model(request, byok_str_of(model ? model : usual)) ||
           sim_refuse(error, SIM_NO_SUCH_MODEL,
                      "Bad Request: No such model/language/tier combination found.");
}

/* ---- speak ---- */

static bool read_encoding(const struct sim_input *input, struct sim_sound *sound)
{
    const char *encoding = sim_argument(input, "encoding");
    const char *container = sim_argument(input, "container");
    const char *rate = sim_argument(input, "sample_rate");
    *sound = (struct sim_sound){SIM_MP3, RATE};
    if (!encoding || strcmp(encoding, "mp3") == 0)
        return !container && !rate; /* which the service takes for others only */
    if (strcmp(encoding, "opus") == 0) {
        *sound = (struct sim_sound){SIM_OPUS, OPUS_RATE};
        return !rate && (!container || strcmp(container, "ogg") == 0);
    }
    if (rate)
        sound->rate = (uint32_t)strtoul(rate, NULL, 10);
    if (sound->rate < 8000 || sound->rate > 48000)
        return false;
    if (strcmp(encoding, "flac") == 0) {
        sound->codec = SIM_FLAC;
        return !container;
    }
    sound->codec = container && strcmp(container, "none") == 0 ? SIM_PCM : SIM_WAV;
    return strcmp(encoding, "linear16") == 0;
}

/* Its audio always comes in chunks. */
static bool read_speak(const struct sim_input *input, struct sim_request *request,
                       struct sim_error *error)
{
    yyjson_val *root = sim_read_json(input->body, request);
    const struct byok_str text = sim_member_text(root, "text");
    request->wants_stream = true;
    if (text.len == 0) {
        sim_refuse(error, SIM_BAD_REQUEST, "Json deserialize error: missing field `text`");
        error->type = "INVALID_JSON";
        return false;
    }
    if (sim_characters(text) > SPEAK_CHARACTERS_MAX)
        return sim_refuse(error, SIM_CONTEXT_TOO_LONG, "%s", "");
    if (!read_encoding(input, &request->sound))
        return sim_refuse(
            error, SIM_BAD_REQUEST,
            "The simulated service makes mp3, flac, opus in ogg, and linear16 with or "
            "without wav.");
    sim_add_text(request, text);
    return read_model(input, "aura-asteria-en", request, error);
}

static const char *write_speak(const struct sim_answer *answer, struct byok_buf *out)
{
    const struct sim_request *request = answer->request;
    const char *type = sim_answer_sound(request, out);
    return request->sound.codec == SIM_PCM ? "audio/l16" : type;
}

/* ---- listen ---- */

static bool read_listen(const struct sim_input *input, struct sim_request *request,
                        struct sim_error *error)
{
    const char *type = sim_header_of(input, "content-type");
    request->audio = input->body;
    if (type && strncmp(type, "application/json", 16) == 0)
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "The simulated service fetches nothing: send the audio itself.");
    if (input->body.len == 0)
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "Bad Request: failed to process audio: corrupt or unsupported data");
    request->wants_speakers = is_true(input, "diarize");
    request->wants_segments = is_true(input, "utterances");
    if (is_true(input, "detect_language"))
        request->language = SIM_STR("en");
    return read_model(input, "base", request, error);
}

/* {"start", "end"} and who spoke. */
static void add_span(const struct sim_request *request, uint32_t from_ms, uint32_t to_ms,
                     struct byok_buf *out)
{
    byok_buf_add(out, "{", 1);
    sim_add_span(from_ms, to_ms, out);
    byok_buf_printf(out, ",\"confidence\":0.99%s", request->wants_speakers ? ",\"speaker\":0" : "");
}

static void add_words(const struct sim_request *request, struct byok_str text, uint32_t ms,
                      struct byok_buf *out)
{
    const uint32_t count = sim_count_words(text);
    struct byok_str word;
    byok_buf_printf(out, ",\"words\":[");
    for (uint32_t i = 0; (word = sim_next_word(&text)).len > 0; i++) {
        byok_buf_add(out, ",", i > 0);
        add_span(request, sim_word_ms(ms, i, count), sim_word_ms(ms, i + 1, count), out);
        byok_buf_printf(out, ",\"word\":");
        sim_json_string(out, word);
        byok_buf_printf(out, ",\"punctuated_word\":");
        sim_json_string(out, word);
        byok_buf_add(out, "}", 1);
    }
    byok_buf_add(out, "]", 1);
}

static const char *write_listen(const struct sim_answer *answer, struct byok_buf *out)
{
    const struct sim_request *request = answer->request;
    char room[SIM_TRANSCRIPT_BYTES];
    const struct byok_str text = sim_answer_transcript(request->audio, room);
    const uint32_t ms = sim_sound_ms(request->audio);
    byok_buf_printf(out,
                    "{\"metadata\":{\"transaction_key\":\"deprecated\",\"request_id\":"
                    "\"sim%016" PRIx64 "\",\"duration\":",
                    answer->number);
    sim_add_seconds(ms, out);
    byok_buf_printf(out, ",\"channels\":1},\"results\":{\"channels\":[{\"alternatives\":["
                         "{\"transcript\":");
    sim_json_string(out, text);
    byok_buf_printf(out, ",\"confidence\":0.99");
    add_words(request, text, ms, out);
    byok_buf_printf(out, "}]%s}]",
                    request->language.len > 0 ? ",\"detected_language\":\"en\"" : "");
    if (request->wants_segments) {
        byok_buf_printf(out, ",\"utterances\":[");
        add_span(request, 0, ms, out);
        byok_buf_printf(out, ",\"channel\":0,\"transcript\":");
        sim_json_string(out, text);
        byok_buf_printf(out, "}]");
    }
    byok_buf_printf(out, "}}");
    return "application/json";
}

/* ---- the account, errors, headers ---- */

static const char *write_projects(const struct sim_answer *answer, struct byok_buf *out)
{
    (void)answer;
    byok_buf_printf(out, "{\"projects\":[{\"project_id\":\"sim\",\"name\":\"Simulated\"}]}");
    return "application/json";
}

/* Two forms: {"category", "message", "details"} for a body that is not understood, else
 * {"err_code", "err_msg"}. */
static void add_error(const struct sim_limits *limits, struct byok_buf *out)
{
    const struct sim_error *error = limits->error;
    if (error->type) {
        byok_buf_printf(out, "{\"category\":");
        sim_json_string(out, byok_str_of(error->type));
        byok_buf_printf(out, ",\"message\":\"Invalid JSON submitted.\",\"details\":");
    } else {
        byok_buf_printf(out, "{\"err_code\":");
        sim_json_or_null(out, error->code);
        byok_buf_printf(out, ",\"err_msg\":");
    }
    sim_json_string(out, byok_str_of(error->message));
    byok_buf_printf(out, ",\"request_id\":\"sim%016" PRIx64 "\"}", limits->answer->number);
}

static void add_headers(const struct sim_limits *limits, struct sim_headers *out)
{
    const struct sim_request *request = limits->answer->request;
    sim_header(out, "dg-request-id", "sim%016" PRIx64, limits->answer->number);
    if (!request || request->task != SIM_SPEECH || limits->error)
        return;
    sim_header(out, "dg-model-name", "%.*s", BYOK_STR_ARG(request->model));
    sim_header(out, "dg-char-count", "%" PRIu32, sim_characters(byok_buf_str(&request->prompt)));
}

static const struct sim_error errors[] = {
    {SIM_BAD_REQUEST, 400, NULL, "Bad Request", NULL,
     "Bad Request: failed to process audio: corrupt or unsupported data"},
    {SIM_NO_SUCH_MODEL, 400, NULL, "Bad Request", NULL,
     "Bad Request: No such model/language/tier combination found."},
    {SIM_INVALID_KEY, 401, NULL, "INVALID_AUTH", NULL, "Invalid credentials."},
    {SIM_OUT_OF_MONEY, 402, NULL, "ASR_PAYMENT_REQUIRED", NULL,
     "Project does not have enough credits for an ASR request and does not have an overage "
     "agreement."},
    {SIM_FORBIDDEN, 403, NULL, "INSUFFICIENT_PERMISSIONS", NULL,
     "Project does not have access to the requested model."},
    {SIM_NO_SUCH_PATH, 404, NULL, "NOT_FOUND", NULL, "Resource not found."},
    {SIM_CONTEXT_TOO_LONG, 413, NULL, "PAYLOAD_ERROR", NULL,
     "Input text exceeds maximum character limit of 2000."},
    {SIM_TOO_LARGE, 413, NULL, "PAYLOAD_TOO_LARGE", NULL, "Payload too large."},
    /* its one 429: what it limits is the calls at work at the same time */
    {SIM_CONCURRENCY_LIMITED, 429, NULL, "TOO_MANY_REQUESTS", NULL, TOO_MANY},
    {SIM_RATE_LIMITED, 429, NULL, "TOO_MANY_REQUESTS", NULL, TOO_MANY},
    {SIM_SERVER_ERROR, 500, NULL, "INTERNAL_SERVER_ERROR", NULL, "Internal server error."},
    {SIM_OVERLOADED, 503, NULL, "SERVICE_UNAVAILABLE", NULL,
     "Service temporarily unavailable. Please try again later."},
    {SIM_TIMED_OUT, 504, NULL, "GATEWAY_TIMEOUT", NULL, "Gateway timeout."},
};

static const struct sim_endpoint endpoints[] = {
    {SIM_SPEECH, "POST", "/v1/speak", read_speak, write_speak},
    {SIM_TRANSCRIPTION, "POST", "/v1/listen", read_listen, write_listen},
    {SIM_MODELS, "GET", "/v1/projects", NULL, write_projects},
    {0},
};

extern const struct sim_wire sim_wire_deepgram;

const struct sim_wire sim_wire_deepgram = {
    .name = "deepgram",
    .mount = "/deepgram",
    .auth_header = "Authorization",
    .auth_scheme = "Token ",
    .key_start = "",
    .endpoints = endpoints,
    .errors = errors,
    .error_count = sizeof errors / sizeof errors[0],
    .add_error = add_error,
    .add_headers = add_headers,
};
