/* SPDX-License-Identifier: MIT */
/* demo/sim_media.c - see demo/sim_media.h. */
#include "demo/sim_media.h"

#include <inttypes.h>
#include <stdio.h>

#include <sodium.h>
#include <yyjson.h>

#include "base/mem.h"
#include "demo/sim_text.h"

#define SPEECH_CHARACTERS_MAX 4096u /* OpenAI: the longest input of a speech */
#define RATE 24000u                 /* OpenAI: PCM is 24 kHz, 16 bits, one channel */
#define TONE_SAMPLES (RATE / 20)    /* of a word: 50 ms */
#define GAP_SAMPLES (RATE / 100)    /* behind it */
#define LOUDNESS 8000
#define IMAGES_MAX 10u /* OpenAI: n */
#define SIDE 16u       /* of an image, in pixels */
#define IMAGE_CAP 65536u
#define WHOLE_CAP ((size_t)64 * 1024 * 1024)
#define TRANSCRIPT_BYTES 128

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static void add_little(struct byok_buf *out, uint32_t number, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        char byte = (char)(unsigned char)(number >> (8 * i));
        byok_buf_add(out, &byte, 1);
    }
}

static uint32_t little(struct byok_str bytes, size_t at)
{
    uint32_t number = 0;
    for (unsigned i = 0; i < 4; i++)
        number |= (uint32_t)(unsigned char)bytes.ptr[at + i] << (8 * i);
    return number;
}

static bool starts(struct byok_str text, const char *start)
{
    return byok_str_starts(text, byok_str_of(start));
}

/* The first word of `text`, which loses it; empty at the end. */
static struct byok_str next_word(struct byok_str *text)
{
    *text = byok_str_trim(*text);
    size_t len = 0;
    while (len < text->len && (unsigned char)text->ptr[len] > ' ')
        len++;
    struct byok_str word = {text->ptr, len};
    text->ptr += len;
    text->len -= len;
    return word;
}

static struct byok_str text_member(const struct sim_request *request, const char *name)
{
    yyjson_val *value = yyjson_obj_get(yyjson_doc_get_root(request->doc), name);
    return (struct byok_str){yyjson_get_str(value), yyjson_get_len(value)};
}

/* ---- speech ---- */

bool sim_media_read_speech(struct byok_str body, struct sim_request *request,
                           struct sim_error *ret_error)
{
    static const char *const formats[] = {"mp3", "opus", "aac", "flac", "wav", "pcm"};
    if (!sim_openai_read_body(body, request, ret_error))
        return false;
    struct byok_str input = text_member(request, "input");
    yyjson_val *voice = yyjson_obj_get(yyjson_doc_get_root(request->doc), "voice");
    uint32_t characters = 0;
    for (size_t i = 0; i < input.len; i++)
        characters += ((unsigned char)input.ptr[i] & 0xc0) != 0x80;
    if (characters == 0 || characters > SPEECH_CHARACTERS_MAX)
        return sim_openai_refuse(ret_error, "input", NULL,
                                 "'input' must be a string of 1 to 4096 characters.");
    if (!yyjson_is_str(voice) && !yyjson_is_obj(voice))
        return sim_openai_refuse(ret_error, "voice", "missing_required_parameter",
                                 "Missing required parameter: 'voice'.");
    request->format = text_member(request, "response_format");
    bool is_known = request->format.len == 0;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        is_known = is_known || byok_str_is(request->format, formats[i]);
    if (!is_known)
        return sim_openai_refuse(ret_error, "response_format", "invalid_value",
                                 "'response_format' must be mp3, opus, aac, flac, wav or pcm.");
    byok_buf_add_str(&request->prompt, input);
    request->input_tokens = sim_openai_tokens(input);
    return true;
}

/* A triangle wave: whole numbers only, so that all machines agree. */
static void add_tone(uint64_t pitch, struct byok_buf *out)
{
    const int32_t period = (int32_t)(RATE / (220 + pitch % 660));
    for (uint32_t i = 0; i < TONE_SAMPLES + GAP_SAMPLES; i++) {
        int32_t at = (int32_t)i % period;
        int32_t up = at < period / 2 ? at : period - at;
        int32_t sample = i < TONE_SAMPLES ? LOUDNESS * (4 * up - period) / period : 0;
        add_little(out, (uint32_t)sample, 2);
    }
}

static uint32_t count_words(struct byok_str text)
{
    uint32_t count = 0;
    while (next_word(&text).len > 0)
        count++;
    return count;
}

const char *sim_media_speech(const struct sim_request *request, struct byok_buf *out)
{
    struct byok_str text = byok_buf_str(&request->prompt), word;
    const uint32_t bytes = count_words(text) * (TONE_SAMPLES + GAP_SAMPLES) * 2;
    const bool is_wav = !byok_str_is(request->format, "pcm");
    if (is_wav) {
        byok_buf_add(out, "RIFF", 4);
        add_little(out, bytes + 36, 4);
        byok_buf_add(out, "WAVEfmt ", 8);
        add_little(out, 16, 4); /* of this part */
        add_little(out, 1, 2);  /* PCM */
        add_little(out, 1, 2);  /* channel */
        add_little(out, RATE, 4);
        add_little(out, RATE * 2, 4);
        add_little(out, 2, 2);  /* bytes of a sample */
        add_little(out, 16, 2); /* bits */
        byok_buf_add(out, "data", 4);
        add_little(out, bytes, 4);
    }
    while ((word = next_word(&text)).len > 0)
        add_tone(sim_hash(word), out);
    return is_wav ? "audio/wav" : "audio/pcm";
}

/* ---- transcriptions ---- */

struct part {
    struct byok_str name, file_name, body;
    bool is_file;
};

/* What stands between quotes behind `key`. */
static bool read_attribute(struct byok_str head, const char *key, struct byok_str *out)
{
    size_t at = byok_str_find(head, byok_str_of(key));
    if (at == SIZE_MAX)
        return false;
    struct byok_str rest = {head.ptr + at + strlen(key), head.len - at - strlen(key)};
    size_t end = byok_str_find(rest, STR("\""));
    *out = (struct byok_str){rest.ptr, end == SIZE_MAX ? 0 : end};
    return end != SIZE_MAX;
}

/* The next part of a form (RFC 2046, 5.1.1), which `text` begins with and loses. */
static bool next_part(struct byok_str *text, struct byok_str delimiter, struct part *out)
{
    BYOK_AUTO(byok_buf) line = {.cap_bytes = 256};
    if (!byok_str_starts(*text, delimiter) || text->len < delimiter.len + 2 ||
        text->ptr[delimiter.len] != '\r')
        return false;
    struct byok_str rest = {text->ptr + delimiter.len + 2, text->len - delimiter.len - 2};
    size_t head_len = byok_str_find(rest, STR("\r\n\r\n"));
    if (head_len == SIZE_MAX)
        return false;
    struct byok_str head = {rest.ptr, head_len};
    rest = (struct byok_str){rest.ptr + head_len + 4, rest.len - head_len - 4};
    byok_buf_add(&line, "\r\n", 2);
    byok_buf_add_str(&line, delimiter);
    size_t len = byok_str_find(rest, byok_buf_str(&line));
    if (len == SIZE_MAX || line.failed)
        return false;
    *out = (struct part){.body = {rest.ptr, len}};
    out->is_file = read_attribute(head, "; filename=\"", &out->file_name);
    *text = (struct byok_str){rest.ptr + len + 2, rest.len - len - 2};
    return read_attribute(head, "; name=\"", &out->name);
}

/* The line that parts the parts: the body begins with it. */
static struct byok_str delimiter_of(struct byok_str body)
{
    size_t len = byok_str_find(body, STR("\r\n"));
    return (struct byok_str){body.ptr, starts(body, "--") && len != SIZE_MAX ? len : 0};
}

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

static uint32_t milliseconds_of(struct byok_str audio)
{
    uint32_t rate = 16000; /* bytes per second, where nothing better is known: 128 kbit/s */
    size_t len = audio.len;
    if (len >= 44 && starts(audio, "RIFF")) {
        rate = little(audio, 28);
        len -= 44;
    }
    uint64_t ms = rate > 0 ? (uint64_t)len * 1000 / rate : 0;
    return ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

static void take_part(struct sim_request *request, const struct part *part)
{
    if (byok_str_is(part->name, "file")) {
        request->audio = part->body;
        request->file_name = part->file_name;
    } else if (byok_str_is(part->name, "model")) {
        request->model = part->body;
    } else if (byok_str_is(part->name, "prompt")) {
        byok_buf_add_str(&request->prompt, part->body);
    } else if (byok_str_is(part->name, "language")) {
        request->language = part->body;
    } else if (byok_str_is(part->name, "response_format")) {
        request->format = part->body;
    } else if (byok_str_is(part->name, "timestamp_granularities[]")) {
        request->wants_words = request->wants_words || byok_str_is(part->body, "word");
        request->wants_segments = request->wants_segments || byok_str_is(part->body, "segment");
    }
}

bool sim_media_read_transcription(struct byok_str body, struct sim_request *request,
                                  struct sim_error *ret_error)
{
    static const char *const formats[] = {"", "json", "verbose_json", "diarized_json", "text"};
    struct byok_str delimiter = delimiter_of(body);
    struct part part;
    bool is_known = false;
    *request = (struct sim_request){0};
    byok_buf_init(&request->prompt, WHOLE_CAP);
    while (delimiter.len > 0 && next_part(&body, delimiter, &part))
        take_part(request, &part);
    if (!starts(body, "--") || delimiter.len == 0 || body.len < delimiter.len + 2 ||
        body.ptr[delimiter.len] != '-')
        return sim_openai_refuse(ret_error, NULL, NULL, "Could not parse multipart form");
    if (request->model.len == 0)
        return sim_openai_refuse(ret_error, NULL, NULL, "you must provide a model parameter");
    if (!request->audio.ptr || request->audio.len == 0)
        return sim_openai_refuse(ret_error, "file", NULL, "Audio file is missing or empty.");
    if (!is_supported(request->file_name))
        return sim_openai_refuse(ret_error, "file", NULL,
                                 "Unrecognized file format. Supported formats: ['flac', 'm4a', "
                                 "'mp3', 'mp4', 'mpeg', 'mpga', 'oga', 'ogg', 'wav', 'webm']");
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        is_known = is_known || byok_str_is(request->format, formats[i]);
    if (!is_known)
        return sim_openai_refuse(ret_error, "response_format", "invalid_value",
                                 "The simulator knows json, verbose_json, diarized_json and text.");
    return true;
}

/* "0.25": printf's decimal point depends on the locale. */
static void add_seconds(uint32_t ms, struct byok_buf *out)
{
    byok_buf_printf(out, "%" PRIu32 ".%03" PRIu32, ms / 1000, ms % 1000);
}

static void add_timed(const char *name, struct byok_str text, uint32_t from_ms, uint32_t to_ms,
                      struct byok_buf *out)
{
    byok_buf_printf(out, "{\"start\":");
    add_seconds(from_ms, out);
    byok_buf_printf(out, ",\"end\":");
    add_seconds(to_ms, out);
    byok_buf_printf(out, ",\"%s\":", name);
    sim_json_string(out, text);
}

/* Each word has the same share of the time. */
static void add_words(struct byok_str text, uint32_t ms, struct byok_buf *out)
{
    const uint32_t count = count_words(text);
    struct byok_str word;
    byok_buf_printf(out, ",\"words\":[");
    for (uint32_t i = 0; (word = next_word(&text)).len > 0; i++) {
        byok_buf_add(out, ",", i > 0);
        add_timed("word", word, (uint32_t)((uint64_t)ms * i / count),
                  (uint32_t)((uint64_t)ms * (i + 1) / count), out);
        byok_buf_add(out, "}", 1);
    }
    byok_buf_add(out, "]", 1);
}

/* Newer models bill by tokens, whisper-1 by whole seconds. */
static void add_usage(const struct sim_request *request, uint32_t ms, struct byok_str text,
                      struct byok_buf *out)
{
    const uint32_t input = ms / 100, output = sim_openai_tokens(text);
    if (starts(request->model, "gpt-") && !byok_str_is(request->format, "diarized_json"))
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

const char *sim_media_transcription(const struct sim_request *request, struct byok_buf *out)
{
    char line[TRANSCRIPT_BYTES];
    const uint32_t ms = milliseconds_of(request->audio);
    const bool speakers = byok_str_is(request->format, "diarized_json");
    const bool verbose = speakers || byok_str_is(request->format, "verbose_json");
    snprintf(line, sizeof line, "Simulated transcript %08" PRIx32 " of %zu bytes of audio.",
             (uint32_t)sim_hash(request->audio), request->audio.len);
    struct byok_str text = byok_str_of(line);
    if (byok_str_is(request->format, "text")) {
        byok_buf_printf(out, "%s\n", line);
        return "text/plain; charset=utf-8";
    }
    byok_buf_printf(out, "{\"text\":");
    sim_json_string(out, text);
    if (verbose) {
        byok_buf_printf(out, ",\"task\":\"transcribe\",\"duration\":");
        add_seconds(ms, out);
        byok_buf_printf(out, ",\"language\":");
        sim_json_string(out, request->language.len > 0 ? request->language : STR("english"));
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

bool sim_media_read_image(struct byok_str body, struct sim_request *request,
                          struct sim_error *ret_error)
{
    if (!sim_openai_read_body(body, request, ret_error))
        return false;
    struct byok_str prompt = text_member(request, "prompt");
    yyjson_val *count = yyjson_obj_get(yyjson_doc_get_root(request->doc), "n");
    if (prompt.len == 0)
        return sim_openai_refuse(ret_error, "prompt", "missing_required_parameter",
                                 "Missing required parameter: 'prompt'.");
    request->format = text_member(request, "response_format");
    request->image_count = count ? (uint32_t)yyjson_get_uint(count) : 1;
    if (request->image_count == 0 || request->image_count > IMAGES_MAX)
        return sim_openai_refuse(ret_error, "n", "invalid_value", "'n' must be from 1 to 10.");
    const bool is_old = starts(request->model, "dall-e-");
    if (request->format.len > 0 && !is_old)
        return sim_openai_refuse(ret_error, "response_format", "unknown_parameter",
                                 "Unknown parameter: 'response_format'.");
    request->wants_base64 = !is_old || byok_str_is(request->format, "b64_json");
    byok_buf_add_str(&request->prompt, prompt);
    request->input_tokens = sim_openai_tokens(prompt);
    return true;
}

static void add_big(struct byok_buf *out, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++) {
        char byte = (char)(unsigned char)(number >> (24 - 8 * i));
        byok_buf_add(out, &byte, 1);
    }
}

/* Of a PNG's part: its length, its type, what is in it, and their CRC (W3C PNG, 5.3 and D). */
static void add_chunk(struct byok_buf *out, const char *type, struct byok_str data)
{
    uint32_t crc = UINT32_MAX;
    add_big(out, (uint32_t)data.len);
    const size_t from = out->len;
    byok_buf_add(out, type, 4);
    byok_buf_add_str(out, data);
    for (size_t i = from; i < out->len; i++) {
        crc ^= (unsigned char)out->ptr[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    add_big(out, ~crc);
}

/* zlib's form (RFC 1950) around one block that is not compressed (RFC 1951, 3.2.4). */
static void add_stored(struct byok_buf *out, struct byok_str data)
{
    uint32_t a = 1, b = 0;
    byok_buf_add(out, "\x78\x01\x01", 3);
    add_little(out, (uint32_t)data.len, 2);
    add_little(out, ~(uint32_t)data.len, 2);
    byok_buf_add_str(out, data);
    for (size_t i = 0; i < data.len; i++) {
        a = (a + (unsigned char)data.ptr[i]) % 65521;
        b = (b + a) % 65521;
    }
    add_big(out, b << 16 | a);
}

/* Stripes from one colour to another, both drawn from `random`. */
static void add_pixels(uint64_t random, struct byok_buf *out)
{
    const uint64_t from = sim_random(&random), to = sim_random(&random);
    for (uint32_t y = 0; y < SIDE; y++) {
        byok_buf_add(out, "", 1); /* the line's filter: none */
        for (uint32_t x = 0; x < SIDE; x++) {
            for (unsigned channel = 0; channel < 24; channel += 8) {
                uint32_t one = (from >> channel) & 0xff, other = (to >> channel) & 0xff;
                char mixed = (char)(unsigned char)((one * (SIDE - 1 - x) + other * x) / (SIDE - 1));
                byok_buf_add(out, &mixed, 1);
            }
        }
    }
}

static void add_png(uint64_t random, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) head = {.cap_bytes = IMAGE_CAP};
    BYOK_AUTO(byok_buf) pixels = {.cap_bytes = IMAGE_CAP};
    BYOK_AUTO(byok_buf) packed = {.cap_bytes = IMAGE_CAP};
    byok_buf_add(out, "\x89PNG\r\n\x1a\n", 8);
    add_big(&head, SIDE);
    add_big(&head, SIDE);
    byok_buf_add(&head, "\x08\x02\x00\x00\x00", 5); /* 8 bits, RGB */
    add_chunk(out, "IHDR", byok_buf_str(&head));
    add_pixels(random, &pixels);
    add_stored(&packed, byok_buf_str(&pixels));
    add_chunk(out, "IDAT", byok_buf_str(&packed));
    add_chunk(out, "IEND", STR(""));
}

static void add_base64(struct byok_str bytes, struct byok_buf *out)
{
    size_t room = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = byok_new(room, 1);
    if (text) {
        sodium_bin2base64(text, room, (const unsigned char *)bytes.ptr, bytes.len,
                          sodium_base64_VARIANT_ORIGINAL);
        byok_buf_printf(out, "\"%s\"", text);
    }
    byok_delete(text);
}

static void add_image(const struct sim_request *request, uint32_t i, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) png = {.cap_bytes = IMAGE_CAP};
    const uint64_t hash = sim_hash(byok_buf_str(&request->prompt)) + i;
    byok_buf_printf(out, "%s{", i ? "," : "");
    if (request->wants_base64) {
        add_png(hash, &png);
        byok_buf_printf(out, "\"b64_json\":");
        add_base64(byok_buf_str(&png), out);
    } else {
        byok_buf_printf(out, "\"url\":\"https://images.example.invalid/%016" PRIx64 ".png\"", hash);
    }
    byok_buf_add(out, "}", 1);
}

const char *sim_media_image(const struct sim_request *request, struct byok_buf *out)
{
    const uint32_t tokens = request->image_count * 272; /* gpt-image-1, 1024x1024 at low quality */
    byok_buf_printf(out, "{\"created\":1715367049,\"data\":[");
    for (uint32_t i = 0; i < request->image_count; i++)
        add_image(request, i, out);
    byok_buf_add(out, "]", 1);
    if (!starts(request->model, "dall-e-"))
        byok_buf_printf(
            out,
            ",\"output_format\":\"png\",\"usage\":{\"input_tokens\":%" PRIu32
            ",\"input_tokens_details\":{\"text_tokens\":%" PRIu32
            ",\"image_tokens\":0},\"output_tokens\":%" PRIu32 ",\"total_tokens\":%" PRIu32 "}",
            request->input_tokens, request->input_tokens, tokens, request->input_tokens + tokens);
    byok_buf_add(out, "}", 1);
    return "application/json";
}
