/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_kit_media.c - what bytes are, and what an answer of audio is. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/kit_media.h"
#include "calls.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static const char *name_of(const struct byok_media *media)
{
    return media ? media->type : "none";
}

Test(kit_media, is_known_by_its_first_bytes)
{
    static const struct {
        struct byok_str bytes;
        const char *type;
    } cases[] = {
        {BYOK_STR("RIFF\1\2\3\4WAVE"), "audio/wav"},
        {BYOK_STR("RIFF\1\2\3\4WEBP"), "image/webp"},
        {BYOK_STR("RIFF\1\2\3\4AVI "), "none"},
        {BYOK_STR("RIFF\1\2\3\4WAV"), "none"},
        {BYOK_STR("xxxx\1\2\3\4WAVE"), "none"},
        {BYOK_STR("ID3\4"), "audio/mpeg"},
        {BYOK_STR("fLaC"), "audio/flac"},
        {BYOK_STR("OggS"), "audio/ogg"},
        {BYOK_STR("\x1A\x45\xDF\xA3"), "audio/webm"},
        {BYOK_STR("\0\0\0 ftypM4A "), "audio/mp4"},
        {BYOK_STR("\x89PNG\r\n\x1A\n"), "image/png"},
        {BYOK_STR("\xFF\xD8\xFF\xE0"), "image/jpeg"},
        {BYOK_STR("GIF89a"), "image/gif"},
        {BYOK_STR("\xFF\xFB\x90\x00"), "none"}, /* a frame alone is no proof */
        {BYOK_STR("{}"), "none"},
        {BYOK_STR(""), "none"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(name_of(byok_media_of_bytes(cases[i].bytes)), cases[i].type, "%zu", i);
}

Test(kit_media, is_known_by_its_type_in_any_spelling)
{
    static const struct {
        const char *type, *extension;
    } cases[] = {
        {"audio/wav", "wav"},   {"Audio/X-WAV; rate=8000", "wav"},
        {"wav", "wav"},         {"audio/mpeg", "mp3"},
        {"mp3", "mp3"},         {"audio/ogg;codecs=opus", "ogg"},
        {"audio/x-m4a", "m4a"}, {"video/mp4", "m4a"},
        {"image/jpg", "jpg"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct byok_media *media = byok_media_of_type(byok_str_of(cases[i].type));
        cr_assert(media, "%s", cases[i].type);
        cr_expect_str_eq(media->extension, cases[i].extension, "%s", cases[i].type);
    }
    cr_assert_null(byok_media_of_type(STR("audio/amr")));
    cr_assert_null(byok_media_of_type(STR("x-")));
    cr_assert_null(byok_media_of_type(STR("")));
}

Test(kit_media, a_media_type_is_two_words_and_nothing_else)
{
    static const char *const bad[] = {"",      "x",     "a/",      "/b",   "a/b/c",
                                      "a b/c", "a/b;c", "a/b\r\n", "a/\"", "a/\xC3\xBC"};
    cr_assert(byok_media_is_type(STR("audio/vnd.x-y+z")));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_expect(!byok_media_is_type(byok_str_of(bad[i])), "%s", bad[i]);
}

/* The media type that was read, or the name of the error. */
static const char *read_audio(struct byok_str body, const char *content_type, const char *asked)
{
    static char type[80];
    struct call c;
    struct byok_http_header header;
    struct byok_value output = byok_value_map();
    call_init(&c, "openai", NULL, smallest_job(BYOK_TEXT_TO_SPEECH));
    struct byok_http_response response = answer_of(200, content_type, body, &header);
    enum byok_err err = byok_kit_read_audio(
        &c.call, &response, byok_media_of_type(byok_str_of(asked)), &output, &c.fault);
    if (err == BYOK_E_OK) {
        struct byok_str said = byok_value_as_str(byok_value_find(&output, "media_type"));
        cr_assert(byok_str_eq(byok_value_find(&output, "audio")->as.str, body));
        snprintf(type, sizeof type, "%.*s", BYOK_STR_ARG(said));
    }
    call_done(&c);
    return err == BYOK_E_OK ? type : byok_err_name(err);
}

Test(kit_media, an_answer_is_what_its_bytes_are_then_what_it_says_then_what_was_asked_for)
{
    static const struct {
        struct byok_str body;
        const char *content_type, *asked, *expected;
    } cases[] = {
        {BYOK_STR("ID3..."), "audio/wav", "wav", "audio/mpeg"},
        {BYOK_STR("ID3..."), "application/json", "wav", "audio/mpeg"},
        {BYOK_STR("1234"), "audio/pcm;rate=24000", "mp3", "audio/pcm"},
        {BYOK_STR("1234"), "application/octet-stream", "pcm", "audio/pcm"},
        {BYOK_STR("1234"), "application/octet-stream", NULL, "application/octet-stream"},
        {BYOK_STR("\xFF\xFB\x90\x44"), "application/octet-stream", "pcm", "audio/mpeg"},
        {BYOK_STR("\xFF\xF1\x50\x80"), "", NULL, "audio/aac"},
        {BYOK_STR("\xFF\xFB\x90\x44"), "", NULL, "audio/mpeg"},
        {BYOK_STR("\xFF\xFB\x90\x44"), "text/plain", NULL, "bad_answer"},
        {BYOK_STR("\xFF\xFB\xF0\x44"), "", NULL, "bad_answer"}, /* no such bit rate */
        {BYOK_STR("1234"), "", "mp3", "bad_answer"},
        {BYOK_STR("1234"), "text/plain", "mp3", "bad_answer"},
        {BYOK_STR(""), "audio/mpeg", "mp3", "bad_answer"},
        {BYOK_STR("<p>No</p>"), "text/html", "mp3", "bad_answer"},
        {BYOK_STR("{\"a\":1}"), "application/json", "mp3", "bad_answer"},
        {BYOK_STR("{\"a\":1}"), "audio/mpeg", "mp3", "bad_answer"},
        {BYOK_STR("{\"a\":1"), "audio/pcm", "pcm", "audio/pcm"},
        {BYOK_STR("RIFF\5\0\0\0WAVE."), "audio/wav", NULL, "audio/wav"},
        {BYOK_STR("RIFF\6\0\0\0WAVE."), "audio/wav", NULL, "bad_answer"}, /* one byte is missing */
        {BYOK_STR("RIFF\xff\xff\xff\xffWAVE."), "audio/wav", NULL, "audio/wav"}, /* unknown */
        {BYOK_STR("RIFF\0\0\0\0WAVE."), "audio/wav", NULL, "audio/wav"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_str_eq(read_audio(cases[i].body, cases[i].content_type, cases[i].asked),
                         cases[i].expected, "%zu: %s", i, cases[i].content_type);
}
