/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_speech.c - any bytes as parts of a speech to be joined, and as a text to be split.
 *
 * The first byte says in how many pieces the rest is; a seed is a file some times over.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "adapters/audio_join.h"
#include "adapters/speech_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PIECES_MAX 4u

static void join(struct byok_str bytes, size_t count)
{
    static const char *const types[] = {"audio/mpeg", "audio/pcm"};
    struct byok_str pieces[PIECES_MAX], out;
    for (size_t i = 0; i < count; i++)
        pieces[i] = (struct byok_str){bytes.ptr + bytes.len / count * i, bytes.len / count};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {.cap_bytes = (size_t)16 << 20};
        struct byok_fault fault = {.code = BYOK_E_OK};
        enum byok_err err =
            byok_audio_join(&arena, pieces, count, byok_str_of(types[i]), &out, &fault);
        assert(err == fault.code || err == BYOK_E_NOMEM || err == BYOK_E_TOO_LARGE);
        size_t sum = 0;
        for (size_t k = 0; err == BYOK_E_OK && k < out.len; k++)
            sum += (unsigned char)out.ptr[k]; /* all of it is there */
        assert(err != BYOK_E_OK || out.len <= bytes.len + 128 || sum == 0);
    }
}

static void split(struct byok_str text, size_t most)
{
    while (text.len > 0) {
        struct byok_str part = byok_speech_first(text, most);
        assert(part.ptr == text.ptr && part.len > 0 && part.len <= text.len);
        assert(byok_speech_characters(part) <= most);
        text = (struct byok_str){text.ptr + part.len, text.len - part.len};
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct byok_str bytes = {(const char *)data + 1, size - 1};
    join(bytes, 1 + data[0] % PIECES_MAX);
    split(bytes, 1u + data[0]);
    return 0;
}
