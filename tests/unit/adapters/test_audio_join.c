/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_audio_join.c - pieces of audio as one file; tests/conformance/audio_join.py
 * has real encoders and decoders. */
#include <criterion/criterion.h>
#include <string.h>

#include "adapters/audio_join.h"

static struct byok_arena arena;

static void setup(void)
{
    byok_arena_init(&arena, 0);
}

static void teardown(void)
{
    byok_arena_done(&arena);
}

TestSuite(audio_join, .init = setup, .fini = teardown);

#define BYTES(text) {text, sizeof(text) - 1}
/* mono, 8 kHz, 16 bits */
#define FORMAT "\1\0\1\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0"
#define WAV(size, data) BYTES("RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" FORMAT "data" size data)

static enum byok_err join(const struct byok_str *pieces, size_t count, const char *type,
                          struct byok_str *out)
{
    struct byok_fault fault = {.code = BYOK_E_OK};
    enum byok_err err = byok_audio_join(&arena, pieces, count, byok_str_of(type), out, &fault);
    cr_assert_eq(err, fault.code);
    return err;
}

Test(audio_join, wav_has_one_header_with_the_right_sizes)
{
    const struct byok_str pieces[] = {WAV("\4\0\0\0", "abcd"), WAV("\xff\xff\xff\xff", "efgh"),
                                      WAV("\2\0\0\0", "ij")};
    static const char expected[] = "RIFF\x2e\0\0\0WAVEfmt \x10\0\0\0" FORMAT "data\x0a\0\0\0"
                                   "abcdefghij";
    struct byok_str out;
    cr_assert_eq(join(pieces, 3, "audio/wav", &out), BYOK_E_OK);
    cr_assert_eq(out.len, sizeof expected - 1);
    cr_assert_eq(memcmp(out.ptr, expected, out.len), 0);
}

Test(audio_join, wav_of_another_rate_or_a_damaged_one_is_named)
{
    const struct byok_str other[] = {
        WAV("\2\0\0\0", "ab"),
        BYTES(
            "RIFF....WAVEfmt \x10\0\0\0\1\0\2\0\x40\x1f\0\0\x80\x3e\0\0\2\0\x10\0data\2\0\0\0cd")};
    const struct byok_str cut[] = {WAV("\2\0\0\0", "ab"), BYTES("RIFF....WAVEfmt \x10\0\0\0")};
    struct byok_str out;
    cr_assert_eq(join(other, 2, "audio/wav", &out), BYOK_E_BAD_ANSWER);
    cr_assert_eq(join(cut, 2, "audio/wav", &out), BYOK_E_BAD_ANSWER);
}

Test(audio_join, raw_samples_follow_each_other)
{
    const struct byok_str pieces[] = {BYTES("ab"), BYTES("cd"), BYTES("ef")};
    struct byok_str out;
    cr_assert_eq(join(pieces, 3, "audio/pcm", &out), BYOK_E_OK);
    cr_assert(byok_str_is(out, "abcdef"));
}

/* MPEG 1, layer III, 32 kbit/s, 32 kHz: 144 bytes. */
static struct byok_str frame(char fill, const char *index)
{
    char *bytes = byok_arena_alloc(&arena, 144);
    memset(bytes, fill, 144);
    memcpy(bytes, "\xff\xfb\x18\xc0", 4);
    if (index)
        memcpy(bytes + 4 + 17, index, 4);
    return (struct byok_str){bytes, 144};
}

static struct byok_str add(struct byok_str a, struct byok_str b)
{
    char *bytes = byok_arena_alloc(&arena, a.len + b.len);
    memcpy(bytes, a.ptr, a.len);
    memcpy(bytes + a.len, b.ptr, b.len);
    return (struct byok_str){bytes, a.len + b.len};
}

Test(audio_join, mp3_keeps_its_frames_and_no_tags_and_no_index)
{
    const struct byok_str tag = BYTES("ID3\4\0\0\0\0\0\3xyz");
    const struct byok_str pieces[] = {add(tag, add(frame('i', "Xing"), frame('a', NULL))),
                                      add(frame('j', "Info"), frame('b', NULL)), frame('c', NULL)};
    struct byok_str out;
    cr_assert_eq(join(pieces, 3, "audio/mpeg", &out), BYOK_E_OK);
    cr_assert_eq(out.len, 3 * 144);
    cr_assert_eq(out.ptr[100], 'a');
    cr_assert_eq(out.ptr[144 + 100], 'b');
    cr_assert_eq(out.ptr[288 + 100], 'c');
}

Test(audio_join, what_cannot_be_joined_says_so)
{
    const struct byok_str flac[] = {BYTES("fLaC1"), BYTES("fLaC2")};
    const struct byok_str vorbis[] = {BYTES("OggS\0"), BYTES("OggS\0")};
    struct byok_str out;
    cr_assert_eq(join(flac, 2, "audio/flac", &out), BYOK_E_UNSUPPORTED);
    cr_assert_eq(join(vorbis, 2, "audio/ogg", &out), BYOK_E_UNSUPPORTED);
    cr_assert_not(byok_audio_joins(byok_str_of("flac")));
    cr_assert(byok_audio_joins(byok_str_of("mp3")));
    cr_assert(byok_audio_joins(byok_str_of("")));
}

Test(audio_join, one_piece_is_itself)
{
    const struct byok_str pieces[] = {BYTES("fLaC")};
    struct byok_str out;
    cr_assert_eq(join(pieces, 1, "audio/flac", &out), BYOK_E_OK);
    cr_assert_eq(out.ptr, pieces[0].ptr);
}
