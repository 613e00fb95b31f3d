/* SPDX-License-Identifier: MIT */
/* demo/sim_elevenlabs.c - ElevenLabs' wire: speech (whole, streamed, with timestamps), transcripts.
 *
 * Source: https://elevenlabs.io/docs/api-reference, its pages on errors, and the answers recorded in
 * tests/golden/elevenlabs.
 */
#include <inttypes.h>
#include <stdlib.h>

#include <yyjson.h>

#include "demo/sim_answer.h"
#include "demo/sim_form.h"
#include "demo/sim_text.h"
#include "demo/sim_wire.h"

#define SOUND_CAP ((size_t)64 * 1024 * 1024)
#define CONCURRENT_MAX "15" /* of the larger plans */

/* A member that does not fit: 422 with a list, as FastAPI makes it. */
static bool refuse_member(struct sim_error *error, const char *member, const char *why)
{
    sim_refuse(error, SIM_BAD_REQUEST, "%s", why);
    error->param = member;
    return false;
}

/* ---- speech ---- */

/* "mp3_44100_128": a codec, a rate, and for mp3 and opus (at 48000 only) a bit rate. */
static bool read_format(const char *format, struct sim_sound *sound)
{
    static const struct {
        const char *start;
        enum sim_codec codec;
    } codecs[] = {{"mp3_", SIM_MP3}, {"pcm_", SIM_PCM}, {"wav_", SIM_WAV}, {"opus_", SIM_OPUS}};
    if (!format)
        format = "mp3_44100_128";
    for (size_t i = 0; i < sizeof codecs / sizeof codecs[0]; i++) {
        const size_t len = strlen(codecs[i].start);
        if (strncmp(format, codecs[i].start, len) != 0)
            continue;
        const long rate = strtol(format + len, NULL, 10);
        *sound = (struct sim_sound){codecs[i].codec, (uint32_t)rate};
        return codecs[i].codec == SIM_OPUS ? rate == 48000 : rate >= 8000 && rate <= 48000;
    }
    return false;
}

/* The page of models, "character limits". */
static uint32_t characters_max(struct byok_str model)
{
    if (byok_str_starts(model, SIM_STR("eleven_v3")))
        return 5000;
    if (byok_str_starts(model, SIM_STR("eleven_flash_v2_5")))
        return 40000;
    return byok_str_starts(model, SIM_STR("eleven_flash_v2")) ? 30000 : 10000;
}

static bool read_speech(const struct sim_input *input, struct sim_request *request,
                        struct sim_error *error)
{
    yyjson_val *root = sim_read_json(input->body, request);
    const struct byok_str text = sim_member_text(root, "text");
    struct byok_str model = sim_member_text(root, "model_id");
    if (!text.ptr)
        return refuse_member(error, "text", "Field required");
    if (model.len == 0)
        model = SIM_STR("eleven_multilingual_v2");
    if (!sim_take_model(request, model))
        return sim_refuse(error, SIM_NO_SUCH_MODEL, "A model with model_id %.128s does not exist.",
                          model.ptr);
    if (byok_str_find(input->name, SIM_STR("does-not-exist")) != SIZE_MAX) {
        sim_refuse(error, SIM_NO_SUCH_MODEL, "A voice for the voice_id %.*s was not found.",
                   BYOK_STR_ARG(input->name));
        error->code = "voice_not_found";
        error->status = 404;
        return false;
    }
    const uint32_t count = sim_characters(text), max = characters_max(model);
    if (count > max)
        return sim_refuse(error, SIM_CONTEXT_TOO_LONG,
                          "This request's text has %" PRIu32
                          " characters and exceeds the character limit of %" PRIu32
                          " characters for the model.",
                          count, max);
    if (!read_format(sim_argument(input, "output_format"), &request->sound))
        return refuse_member(error, "output_format",
                             "The simulated service makes mp3, pcm, wav, opus.");
    sim_add_text(request, text);
    return true;
}

static bool read_streamed(const struct sim_input *input, struct sim_request *request,
                          struct sim_error *error)
{
    request->wants_stream = true;
    return read_speech(input, request, error);
}

static const char *write_speech(const struct sim_answer *answer, struct byok_buf *out)
{
    return sim_answer_sound(answer->request, out);
}

/* A list of times, one for each character, all of the same share. */
static void add_times(const char *name, uint32_t ms, uint32_t first, uint32_t count,
                      struct byok_buf *out)
{
    byok_buf_printf(out, ",\"%s\":[", name);
    for (uint32_t i = 0; i < count; i++) {
        byok_buf_add(out, ",", i > 0);
        sim_add_seconds(sim_word_ms(ms, i + first, count), out);
    }
    byok_buf_add(out, "]", 1);
}

static const char *write_timed(const struct sim_answer *answer, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) sound = {.cap_bytes = SOUND_CAP};
    const struct byok_str text = byok_buf_str(&answer->request->prompt);
    const uint32_t count = sim_characters(text);
    (void)write_speech(answer, &sound);
    const uint32_t ms = sim_sound_ms(byok_buf_str(&sound));
    byok_buf_printf(out, "{\"audio_base64\":");
    sim_add_base64(byok_buf_str(&sound), out);
    byok_buf_printf(out, ",\"alignment\":{\"characters\":[");
    for (size_t at = 0, end; at < text.len; at = end) {
        end = at + 1;
        while (end < text.len && ((unsigned char)text.ptr[end] & 0xc0) == 0x80)
            end++;
        byok_buf_add(out, ",", at > 0);
        sim_json_string(out, (struct byok_str){text.ptr + at, end - at});
    }
    byok_buf_add(out, "]", 1);
    add_times("character_start_times_seconds", ms, 0, count, out);
    add_times("character_end_times_seconds", ms, 1, count, out);
    byok_buf_printf(out, "},\"normalized_alignment\":null}");
    return "application/json";
}

/* ---- transcripts ---- */

static void take_part(struct sim_request *request, const struct sim_part *part)
{
    if (byok_str_is(part->name, "file"))
        request->audio = part->body;
    else if (byok_str_is(part->name, "model_id"))
        request->model = part->body;
    else if (byok_str_is(part->name, "language_code"))
        request->language = part->body;
    else if (byok_str_is(part->name, "timestamps_granularity"))
        request->format = part->body;
    else if (byok_str_is(part->name, "diarize"))
        request->wants_speakers = byok_str_is(part->body, "true");
}

static bool read_transcript(const struct sim_input *input, struct sim_request *request,
                            struct sim_error *error)
{
    static const char *const granularities[] = {"", "none", "word", "character", NULL};
    const bool is_form = sim_form_read(input->body, take_part, request);
    if (!is_form || request->model.len == 0)
        return refuse_member(error, "model_id", "Field required");
    if (request->audio.len == 0)
        return refuse_member(error, "file", "Field required");
    if (!sim_is_one_of(request->format, granularities))
        return refuse_member(error, "timestamps_granularity",
                             "Input should be 'none', 'word' or 'character'");
    if (!sim_take_model(request, request->model))
        return sim_refuse(error, SIM_NO_SUCH_MODEL, "'%.*s' is not a valid model_id.",
                          BYOK_STR_ARG(request->model));
    return true;
}

static void add_word(const struct sim_request *request, struct byok_str text, const char *type,
                     const uint32_t ms[static 2], struct byok_buf *out)
{
    byok_buf_printf(out, "{\"text\":");
    sim_json_string(out, text);
    byok_buf_add(out, ",", 1);
    sim_add_span(ms[0], ms[1], out);
    byok_buf_printf(out, ",\"type\":\"%s\"%s,\"logprob\":0}", type,
                    request->wants_speakers ? ",\"speaker_id\":\"speaker_0\"" : "");
}

/* Words, and what parts them. */
static const char *write_transcript(const struct sim_answer *answer, struct byok_buf *out)
{
    const struct sim_request *request = answer->request;
    char room[SIM_TRANSCRIPT_BYTES];
    struct byok_str text = sim_answer_transcript(request->audio, room), word;
    const uint32_t ms = sim_sound_ms(request->audio), count = sim_count_words(text);
    byok_buf_printf(out, "{\"language_code\":");
    sim_json_string(out, request->language.len > 0 ? request->language : SIM_STR("eng"));
    byok_buf_printf(out, ",\"language_probability\":0.99,\"text\":");
    sim_json_string(out, text);
    byok_buf_printf(out, ",\"words\":[");
    const bool has_words = !byok_str_is(request->format, "none");
    for (uint32_t i = 0; has_words && (word = sim_next_word(&text)).len > 0; i++) {
        const uint32_t from = sim_word_ms(ms, i, count), to = sim_word_ms(ms, i + 1, count);
        if (i > 0) {
            byok_buf_add(out, ",", 1);
            add_word(request, SIM_STR(" "), "spacing", (uint32_t[]){from, from}, out);
            byok_buf_add(out, ",", 1);
        }
        add_word(request, word, "word", (uint32_t[]){from, to}, out);
    }
    byok_buf_printf(out, "],\"transcription_id\":\"sim%016" PRIx64 "\"}", answer->number);
    return "application/json";
}

/* ---- the account, errors, headers ---- */

static const char *write_models(const struct sim_answer *answer, struct byok_buf *out)
{
    (void)answer;
    byok_buf_printf(out, "[{\"model_id\":\"eleven_multilingual_v2\",\"name\":\"Simulated\","
                         "\"can_do_text_to_speech\":true,\"languages\":[{\"language_id\":\"en\","
                         "\"name\":\"English\"}]}]");
    return "application/json";
}

static const char *write_user(const struct sim_answer *answer, struct byok_buf *out)
{
    (void)answer;
    byok_buf_printf(out, "{\"user_id\":\"sim\",\"is_new_user\":false,\"subscription\":{\"tier\":"
                         "\"scale\",\"character_count\":0,\"character_limit\":2000000,"
                         "\"status\":\"active\"}}");
    return "application/json";
}

static void add_error(const struct sim_limits *limits, struct byok_buf *out)
{
    const struct sim_error *error = limits->error;
    byok_buf_printf(out, "{\"detail\":");
    if (error->status == 422) {
        byok_buf_printf(out, "[{\"type\":\"value_error\",\"loc\":[\"body\",\"%s\"],\"msg\":",
                        error->param ? error->param : "text");
        sim_json_string(out, byok_str_of(error->message));
        byok_buf_printf(out, "}]}");
        return;
    }
    if (!error->code) {
        sim_json_string(out, byok_str_of(error->message));
        byok_buf_add(out, "}", 1);
        return;
    }
    byok_buf_printf(out, "{\"status\":");
    sim_json_string(out, byok_str_of(error->code));
    byok_buf_printf(out, ",\"message\":");
    sim_json_string(out, byok_str_of(error->message));
    byok_buf_printf(out, "}}");
}

/* Characters are billed, and concurrency is what is limited. */
static void add_headers(const struct sim_limits *limits, struct sim_headers *out)
{
    const struct sim_request *request = limits->answer->request;
    const bool is_full = limits->error && limits->error->class == SIM_CONCURRENCY_LIMITED;
    sim_header(out, "request-id", "sim%016" PRIx64, limits->answer->number);
    sim_header(out, "current-concurrent-requests", is_full ? CONCURRENT_MAX : "1");
    sim_header(out, "maximum-concurrent-requests", CONCURRENT_MAX);
    if (request && request->task == SIM_SPEECH && !limits->error)
        sim_header(out, "character-cost", "%" PRIu32,
                   sim_characters(byok_buf_str(&request->prompt)));
}

static const struct sim_error errors[] = {
    {SIM_CONTEXT_TOO_LONG, 400, NULL, "max_character_limit_exceeded", NULL,
     "This request exceeds the character limit."},
    {SIM_NO_SUCH_MODEL, 400, NULL, "model_not_found", NULL, "The model was not found."},
    {SIM_CONTENT_REFUSED, 400, NULL, "content_against_policy", NULL,
     "The text you are trying to use may violate our Terms of Service and has been blocked."},
    {SIM_INVALID_KEY, 401, NULL, "invalid_api_key", NULL, "Invalid API key"},
    {SIM_NO_KEY, 401, NULL, "needs_authorization", NULL,
     "Neither authorization header nor xi-api-key received, please provide one."},
    {SIM_OUT_OF_MONEY, 401, NULL, "quota_exceeded", NULL,
     "This request exceeds your quota of 10000. You have 0 credits remaining, while 91 credits are "
     "required for this request."},
    {SIM_FORBIDDEN, 401, NULL, "missing_permissions", NULL,
     "The API key you used is missing the permission to execute this operation."},
    {SIM_NO_SUCH_PATH, 404, NULL, NULL, NULL, "Not Found"},
    {SIM_TOO_LARGE, 413, NULL, NULL, NULL, "Request Entity Too Large"},
    {SIM_BAD_REQUEST, 422, NULL, NULL, NULL, "Field required"},
    {SIM_RATE_LIMITED, 429, NULL, "rate_limit_exceeded", NULL, "Rate limit exceeded."},
    {SIM_CONCURRENCY_LIMITED, 429, NULL, "too_many_concurrent_requests", NULL,
     "Too many concurrent requests. Your current subscription is associated with a maximum "
     "of " CONCURRENT_MAX " concurrent requests."},
    {SIM_OVERLOADED, 429, NULL, "system_busy", NULL,
     "We are currently experiencing heavy traffic, please try again in a few seconds."},
    {SIM_SERVER_ERROR, 500, NULL, "internal_server_error", NULL, "Internal server error"},
};

static const struct sim_endpoint endpoints[] = {
    {SIM_SPEECH, "POST", "/v1/text-to-speech/*", read_speech, write_speech},
    {SIM_SPEECH, "POST", "/v1/text-to-speech/*/stream", read_streamed, write_speech},
    {SIM_SPEECH, "POST", "/v1/text-to-speech/*/with-timestamps", read_speech, write_timed},
    {SIM_TRANSCRIPTION, "POST", "/v1/speech-to-text", read_transcript, write_transcript},
    {SIM_MODELS, "GET", "/v1/models", NULL, write_models},
    {SIM_MODELS, "GET", "/v1/user", NULL, write_user},
    {0},
};

extern const struct sim_wire sim_wire_elevenlabs;

const struct sim_wire sim_wire_elevenlabs = {
    .name = "elevenlabs",
    .mount = "/elevenlabs",
    .auth_header = "xi-api-key",
    .auth_scheme = "",
    .key_start = "sk_",
    .endpoints = endpoints,
    .errors = errors,
    .error_count = sizeof errors / sizeof errors[0],
    .add_error = add_error,
    .add_headers = add_headers,
};
