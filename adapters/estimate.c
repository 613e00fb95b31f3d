/* SPDX-License-Identifier: MIT */
/* adapters/estimate.c - how many tokens a job may cost, guessed before it is sent.
 *
 * Rough on purpose: it only reserves room in the tokens per minute, and in a budget, until the real
 * usage is known.
 */
#include <string.h>

#include "adapters/adapter.h"
#include "base/limits.h"

/* OpenAI's rule of thumb for English: a token is about 4 bytes. */
#define BYTES_PER_TOKEN 4
/* Of an answer whose length the job does not bound. */
#define ANSWER_TOKENS 1024
/* Of an image, an audio clip or a file inside a message: OpenAI's images take 85 to about 1,500. */
#define MEDIA_TOKENS 1000
/* Of sound whose header does not say: 32 kbit/s, less than most that is recorded has. */
#define SPEECH_BYTES_PER_SECOND 4000
#define WAV_HEADER_BYTES 44
/* Models that hear and speak in tokens: Gemini's documentation says 32 of heard sound a second, and
 * 25 of spoken; about 15 characters are spoken in one, and 4 tokens of text said. */
#define TOKENS_PER_HEARD_SECOND 32
#define TOKENS_PER_SAID_SECOND 4
#define TOKENS_PER_SPOKEN_CHARACTER 2
/* gpt-image-1's largest of high quality has 6,240. */
#define TOKENS_PER_IMAGE 6240
#define IMAGES_MAX 1000

struct tally {
    int64_t bytes, media;
};

static bool is_media(const struct byok_value *map)
{
    static const char *const types[] = {"image",       "image_url", "input_image", "audio",
                                        "input_audio", "file",      "input_file"};
    struct byok_str type = byok_value_as_str(byok_value_find(map, "type"));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (byok_str_is(type, types[i]))
            return true;
    }
    return false;
}

/* The depth of a message is bounded by its decoder. */
static void add(struct tally *tally, const struct byok_value *value, int depth)
{
    if (!value || depth > BYOK_NEST_MAX)
        return;
    switch (value->type) {
    case BYOK_VALUE_STRING:
        tally->bytes += (int64_t)value->as.str.len;
        return;
    case BYOK_VALUE_ARRAY:
        for (uint32_t i = 0; i < value->count; i++)
            add(tally, &value->as.items[i], depth + 1);
        return;
    case BYOK_VALUE_MAP:
        if (is_media(value)) {
            tally->media++;
            return;
        }
        for (uint32_t i = 0; i < value->count; i++)
            add(tally, &value->as.members[i].value, depth + 1);
        return;
    case BYOK_VALUE_NULL:
    case BYOK_VALUE_BOOL:
    case BYOK_VALUE_INT:
    case BYOK_VALUE_UINT:
    case BYOK_VALUE_FLOAT:
    case BYOK_VALUE_BYTES:
    case BYOK_VALUE_FLOATS:
        return;
    }
}

/* What a chat may generate. */
static int64_t answer_tokens(const struct byok_request *request)
{
    const struct byok_value *const places[] = {
        byok_value_find(request->provider_options, "max_completion_tokens"),
        byok_value_find(request->provider_options, "max_tokens"),
        byok_value_find(&request->root, "max_tokens"),
    };
    int64_t tokens;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (byok_value_as_int(places[i], &tokens) && tokens > 0)
            return tokens;
    }
    return ANSWER_TOKENS;
}

static int64_t input_tokens(const struct byok_request *request)
{
    static const char *const texts[] = {"prompt", "messages", "system", "tools", "text", "input"};
    struct tally tally = {0, 0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        add(&tally, byok_value_find(&request->root, texts[i]), 0);
    int64_t tokens = (tally.bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    return tokens + tally.media * MEDIA_TOKENS;
}

int64_t byok_estimate_tokens(const struct byok_request *request)
{
    int64_t tokens = input_tokens(request);
    int64_t answer = request->capability == BYOK_CHAT ? answer_tokens(request) : 0;
    return answer > INT64_MAX - tokens ? INT64_MAX : tokens + answer;
}

/* ---- units of other capabilities ---- */

/* Not a continuation byte of UTF-8. */
static int64_t characters(struct byok_str text)
{
    int64_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return count;
}

static uint32_t little_endian(const unsigned char *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* The format chunk comes first in what is written to be sent: its bytes per second stand at 28. */
static int64_t bytes_per_second(struct byok_str sound)
{
    const unsigned char *bytes = (const unsigned char *)sound.ptr;
    if (sound.len < WAV_HEADER_BYTES || !byok_str_starts(sound, byok_str_of("RIFF")) ||
        memcmp(bytes + 8, "WAVEfmt ", 8) != 0 || little_endian(bytes + 28) == 0)
        return SPEECH_BYTES_PER_SECOND;
    return little_endian(bytes + 28);
}

/* It is in the message, or in the payload store with its size in the message. */
static int64_t sound_ms(const struct byok_request *request)
{
    const struct byok_value *audio = byok_value_find(&request->root, "audio");
    int64_t size = 0, rate = SPEECH_BYTES_PER_SECOND;
    if (byok_value_is(audio, BYOK_VALUE_BYTES)) {
        size = (int64_t)audio->as.str.len;
        rate = bytes_per_second(audio->as.str);
    } else if (!byok_value_as_int(byok_value_find(audio, "size"), &size) || size < 0) {
        size = 0;
    }
    return size > INT64_MAX / 1000 ? INT64_MAX / 1000 : size * 1000 / rate;
}

static int64_t image_count(const struct byok_request *request)
{
    int64_t count;
    return byok_value_as_int(byok_value_find(&request->root, "count"), &count) && count > 0 &&
                   count < IMAGES_MAX
               ? count
               : 1;
}

struct byok_usage byok_estimate_usage(const struct byok_request *request)
{
    struct byok_usage usage = BYOK_USAGE_UNSAID;
    usage.input_tokens = input_tokens(request);
    usage.output_tokens = usage.characters = usage.milliseconds = usage.images = 0;
    switch (request->capability) {
    case BYOK_CHAT:
        usage.output_tokens = answer_tokens(request);
        break;
    case BYOK_TEXT_TO_SPEECH:
        usage.characters = characters(byok_value_as_str(byok_value_find(&request->root, "text")));
        usage.output_tokens = usage.characters * TOKENS_PER_SPOKEN_CHARACTER;
        break;
    case BYOK_SPEECH_TO_TEXT:
        usage.milliseconds = sound_ms(request);
        usage.input_tokens += usage.milliseconds / 1000 * TOKENS_PER_HEARD_SECOND;
        usage.output_tokens = usage.milliseconds / 1000 * TOKENS_PER_SAID_SECOND;
        break;
    case BYOK_IMAGE_GENERATION:
        usage.images = image_count(request);
        usage.output_tokens = usage.images * TOKENS_PER_IMAGE;
        break;
    case BYOK_EMBEDDINGS:
    case BYOK_CAPABILITY_COUNT:
        break;
    }
    return usage;
}
