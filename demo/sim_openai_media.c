/* SPDX-License-Identifier: MIT */
/* demo/sim_openai_media.c - OpenAI's speech, transcriptions and images. */
#include <inttypes.h>

#include <yyjson.h>

#include "demo/sim_answer.h"
#include "demo/sim_form.h"
#include "demo/sim_openai.h"
#include "demo/sim_text.h"

#define SPEECH_CHARACTERS_MAX 4096u /* OpenAI: the longest input of a speech */
#define RATE 24000u                 /* OpenAI: PCM is 24 kHz, 16 bits, one channel */
#define OPUS_RATE 48000u
#define IMAGES_MAX 10u              /* OpenAI: n */

/* ---- speech ---- */

static bool read_format(struct byok_str format, struct sim_sound *sound)
{
    static const struct {
        const char *name;
        struct sim_sound sound;
    } formats[] = {
        {"", {SIM_MP3, RATE}},    {"mp3", {SIM_MP3, RATE}},   {"wav", {SIM_WAV, RATE}},
        {"pcm", {SIM_PCM, RATE}}, {"flac", {SIM_FLAC, RATE}}, {"opus", {SIM_OPUS, OPUS_RATE}},
    };
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (byok_str_is(format, formats[i].name)) {
            *sound = formats[i].sound;
            return true;
        }
    }
    return false;
}

bool sim_openai_read_speech(const struct sim_input *in, struct sim_request *request,
                            struct sim_error *error)
{
    static const struct sim_member members[] = {
        {"model", SIM_TEXT, 0, 0},           {"input", SIM_TEXT, 0, 0},
        {"instructions", SIM_TEXT, 0, 0},    {"voice", SIM_ANY, 0, 0},
        {"response_format", SIM_TEXT, 0, 0}, {"speed", SIM_NUMBER, 0.25, 4},
        {"stream_format", SIM_TEXT, 0, 0},   {NULL, SIM_ANY, 0, 0},
    };
    yyjson_val *root = sim_openai_read_body(in, members, request, error);
    if (!root)
        return false;
    struct byok_str input = sim_member_text(root, "input");
    yyjson_val *voice = yyjson_obj_get(root, "voice");
    const uint32_t characters = sim_characters(input);
    if (characters == 0 || characters > SPEECH_CHARACTERS_MAX)
        return sim_openai_refuse(error, "input", NULL,
                                 "'input' must be a string of 1 to 4096 characters.");
    if (!yyjson_is_str(voice) && !yyjson_is_obj(voice))
        return sim_openai_refuse(error, "voice", "missing_required_parameter",
                                 "Missing required parameter: 'voice'.");
    if (!read_format(sim_member_text(root, "response_format"), &request->sound))
        return sim_openai_refuse(error, "response_format", "invalid_value",
                                 "The simulated service makes mp3, wav, pcm, flac and opus.");
    sim_add_text(request, input);
    return true;
}

const char *sim_openai_speech(const struct sim_answer *answer, struct byok_buf *out)
{
    return sim_answer_sound(answer->request, out);
}

/* ---- transcriptions ---- */

static bool is_supported(struct byok_str file_name)
{
    static const char *const ends[] = {".flac", ".mp3", ".mp4", ".mpeg", ".mpga",
                                       ".m4a",  ".ogg", ".wav", ".webm"};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        size_t len = strlen(ends[i]);
        if (file_name.len > len &&
            byok_str_is((struct byok_str){file_name.ptr + file_name.len - len, len}, ends[i]))
            return true;
    }
    return false;
}

static void take_part(struct sim_request *request, const struct sim_part *part)
{
    if (byok_str_is(part->name, "file")) {
        request->audio = part->body;
        request->file_name = part->file_name;
    } else if (byok_str_is(part->name, "model")) {
        request->model = part->body;
    } else if (byok_str_is(part->name, "prompt")) {
        sim_add_text(request, part->body);
    } else if (byok_str_is(part->name, "language")) {
        request->language = part->body;
    } else if (byok_str_is(part->name, "response_format")) {
        request->format = part->body;
    } else if (byok_str_is(part->name, "timestamp_granularities[]")) {
        request->wants_words = request->wants_words || byok_str_is(part->body, "word");
        request->wants_segments = request->wants_segments || byok_str_is(part->body, "segment");
    }
}

bool sim_openai_read_transcription(const struct sim_input *in, struct sim_request *request,
                                   struct sim_error *error)
{
    static const char *const formats[] = {"",     "json", "verbose_json", "diarized_json",
                                          "text", NULL};
    if (!sim_form_read(in->body, take_part, request))
        return sim_openai_refuse(error, NULL, NULL, "Could not parse multipart form");
    if (request->model.len == 0)
        return sim_openai_refuse(error, NULL, NULL, "you must provide a model parameter");
    if (!sim_take_model(request, request->model))
        return sim_refuse(error, SIM_NO_SUCH_MODEL,
                          "The model `%.*s` does not exist or you do not have access to it.",
                          request->model.len > 128 ? 128 : (int)request->model.len,
                          request->model.ptr);
    if (!request->audio.ptr || request->audio.len == 0)
        return sim_openai_refuse(error, "file", NULL, "Audio file is missing or empty.");
    if (!is_supported(request->file_name))
        return sim_openai_refuse(error, "file", NULL,
                                 "Unrecognized file format. Supported formats: ['flac', 'm4a', "
                                 "'mp3', 'mp4', 'mpeg', 'mpga', 'oga', 'ogg', 'wav', 'webm']");
    if (!sim_is_one_of(request->format, formats))
        return sim_openai_refuse(error, "response_format", "invalid_value",
                                 "The simulator knows json, verbose_json, diarized_json and text.");
    return true;
}

static void add_timed(const char *name, struct byok_str text, uint32_t from_ms, uint32_t to_ms,
                      struct byok_buf *out)
{
    byok_buf_add(out, "{", 1);
    sim_add_span(from_ms, to_ms, out);
    byok_buf_printf(out, ",\"%s\":", name);
    sim_json_string(out, text);
}

static void add_words(struct byok_str text, uint32_t ms, struct byok_buf *out)
{
    const uint32_t count = sim_count_words(text);
    struct byok_str word;
    byok_buf_printf(out, ",\"words\":[");
    for (uint32_t i = 0; (word = sim_next_word(&text)).len > 0; i++) {
        byok_buf_add(out, ",", i > 0);
        add_timed("word", word, sim_word_ms(ms, i, count), sim_word_ms(ms, i + 1, count), out);
        byok_buf_add(out, "}", 1);
    }
    byok_buf_add(out, "]", 1);
}

/* Newer models bill by tokens, whisper-1 by whole seconds. */
static void add_usage(const struct sim_request *request, uint32_t ms, struct byok_str text,
                      struct byok_buf *out)
{
    const uint32_t input = ms / 100, output = sim_tokens(text);
    if (byok_str_starts(request->model, SIM_STR("gpt-")) &&
        !byok_str_is(request->format, "diarized_json"))
        byok_buf_printf(out,
                        ",\"usage\":{\"type\":\"tokens\",\"total_tokens\":%" PRIu32
                        ",\"input_tokens\":%" PRIu32
                        ",\"input_token_details\":{\"text_tokens\":0,\"audio_tokens\":%" PRIu32
                        "},\"output_tokens\":%" PRIu32 "}",
                        input + output, input, input, output);
    else
        byok_buf_printf(out, ",\"usage\":{\"type\":\"duration\",\"seconds\":%" PRIu32 "}",
                        ms / 1000 + (ms % 1000 > 0));
}

const char *sim_openai_transcription(const struct sim_answer *answer, struct byok_buf *out)
{
    const struct sim_request *request = answer->request;
    char line[SIM_TRANSCRIPT_BYTES];
    const uint32_t ms = sim_sound_ms(request->audio);
    const bool speakers = byok_str_is(request->format, "diarized_json");
    const bool verbose = speakers || byok_str_is(request->format, "verbose_json");
    struct byok_str text = sim_answer_transcript(request->audio, line);
    if (byok_str_is(request->format, "text")) {
        byok_buf_printf(out, "%s\n", line);
        return "text/plain; charset=utf-8";
    }
    byok_buf_printf(out, "{\"text\":");
    sim_json_string(out, text);
    if (verbose) {
        byok_buf_printf(out, ",\"task\":\"transcribe\",\"duration\":");
        sim_add_seconds(ms, out);
        byok_buf_printf(out, ",\"language\":");
        sim_json_string(out, request->language.len > 0 ? request->language : SIM_STR("english"));
    }
    if (speakers || (verbose && (request->wants_segments || !request->wants_words))) {
        byok_buf_printf(out, ",\"segments\":[");
        add_timed("text", text, 0, ms, out);
        byok_buf_printf(out, "%s,\"id\":0}]", speakers ? ",\"speaker\":\"A\"" : "");
    }
    if (verbose && request->wants_words)
        add_words(text, ms, out);
    add_usage(request, ms, text, out);
    byok_buf_add(out, "}", 1);
    return "application/json";
}

/* ---- images ---- */

bool sim_openai_read_image(const struct sim_input *in, struct sim_request *request,
                           struct sim_error *error)
{
    static const struct sim_member members[] = {
        {"prompt", SIM_TEXT, 0, 0},
        {"model", SIM_TEXT, 0, 0},
        {"n", SIM_WHOLE, 1, IMAGES_MAX},
        {"quality", SIM_TEXT, 0, 0},
        {"response_format", SIM_TEXT, 0, 0},
        {"output_format", SIM_TEXT, 0, 0},
        {"output_compression", SIM_WHOLE, 0, 100},
        {"stream", SIM_BOOL, 0, 0},
        {"partial_images", SIM_WHOLE, 0, 3},
        {"size", SIM_TEXT, 0, 0},
        {"moderation", SIM_TEXT, 0, 0},
        {"background", SIM_TEXT, 0, 0},
        {"style", SIM_TEXT, 0, 0},
        {"user", SIM_TEXT, 0, 0},
        {NULL, SIM_ANY, 0, 0},
    };
    yyjson_val *root = sim_openai_read_body(in, members, request, error);
    if (!root)
        return false;
    yyjson_val *count = yyjson_obj_get(root, "n");
    const struct byok_str prompt = sim_member_text(root, "prompt");
    if (prompt.len == 0)
        return sim_openai_refuse(error, "prompt", "missing_required_parameter",
                                 "Missing required parameter: 'prompt'.");
    request->format = sim_member_text(root, "response_format");
    request->image_count = count ? sim_small_number(count) : 1;
    const bool is_old = byok_str_starts(request->model, SIM_STR("dall-e-"));
    if (request->format.len > 0 && !is_old)
        return sim_openai_refuse(error, "response_format", "unknown_parameter",
                                 "Unknown parameter: 'response_format'.");
    request->wants_base64 = !is_old || byok_str_is(request->format, "b64_json");
    sim_add_text(request, prompt);
    return true;
}

static void add_image(const struct sim_request *request, uint32_t i, struct byok_buf *out)
{
    byok_buf_printf(out, "%s{", i ? "," : "");
    if (request->wants_base64) {
        byok_buf_printf(out, "\"b64_json\":");
        sim_add_picture(request, i, out);
    } else {
        byok_buf_printf(out, "\"url\":\"https://images.example.invalid/%016" PRIx64 ".png\"",
                        sim_hash(byok_buf_str(&request->prompt)) + i);
    }
    byok_buf_add(out, "}", 1);
}

const char *sim_openai_image(const struct sim_answer *answer, struct byok_buf *out)
{
    const struct sim_request *request = answer->request;
    const uint32_t tokens = request->image_count * 272; /* gpt-image-1, 1024x1024 at low quality */
    byok_buf_printf(out, "{\"created\":1715367049,\"data\":[");
    for (uint32_t i = 0; i < request->image_count; i++)
        add_image(request, i, out);
    byok_buf_add(out, "]", 1);
    if (!byok_str_starts(request->model, SIM_STR("dall-e-")))
        byok_buf_printf(
            out,
            ",\"output_format\":\"png\",\"usage\":{\"input_tokens\":%" PRIu32
            ",\"input_tokens_details\":{\"text_tokens\":%" PRIu32
            ",\"image_tokens\":0},\"output_tokens\":%" PRIu32 ",\"total_tokens\":%" PRIu32 "}",
            request->input_tokens, request->input_tokens, tokens, request->input_tokens + tokens);
    byok_buf_add(out, "}", 1);
    return "application/json";
}
