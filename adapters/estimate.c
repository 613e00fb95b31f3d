/* SPDX-License-Identifier: MIT */
/* adapters/estimate.c - how many tokens a job may cost, guessed before it is sent.
 *
 * Rough on purpose: it only reserves room in the tokens per minute until the real usage is known.
 */
#include "adapters/adapter.h"
#include "base/limits.h"

/* OpenAI's rule of thumb for English: a token is about 4 bytes. */
#define BYTES_PER_TOKEN 4
/* Of an answer whose length the job does not bound. */
#define ANSWER_TOKENS 1024
/* Of an image, an audio clip or a file inside a message: OpenAI's images take 85 to about 1,500. */
#define MEDIA_TOKENS 1000

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

int64_t byok_estimate_tokens(const struct byok_request *request)
{
    static const char *const texts[] = {"prompt", "messages", "system", "tools", "text", "input"};
    struct tally tally = {0, 0};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        add(&tally, byok_value_find(&request->root, texts[i]), 0);
    int64_t tokens = (tally.bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN;
    tokens += tally.media * MEDIA_TOKENS;
    int64_t answer = request->capability == BYOK_CHAT ? answer_tokens(request) : 0;
    return answer > INT64_MAX - tokens ? INT64_MAX : tokens + answer;
}
