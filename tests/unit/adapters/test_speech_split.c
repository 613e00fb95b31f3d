/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_speech_split.c - a long text in parts. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "adapters/speech_split.h"

static void assert_first(const char *text, size_t most, const char *part)
{
    struct byok_str first = byok_speech_first(byok_str_of(text), most);
    cr_assert(byok_str_is(first, part), "%s: '%.*s' is not '%s'", text, BYOK_STR_ARG(first), part);
}

Test(speech_split, what_fits_is_one_part)
{
    assert_first("Hello.", 6, "Hello.");
    assert_first("Hello.", 100, "Hello.");
    assert_first("", 3, "");
}

Test(speech_split, a_part_ends_behind_a_sentence)
{
    assert_first("One two. Three four.", 12, "One two.");
    assert_first("Is it? Yes! No.", 8, "Is it?");
    assert_first("He said \"go.\" She went.", 16, "He said \"go.\"");
    assert_first("Wait\xe2\x80\xa6 what?", 8, "Wait\xe2\x80\xa6");
    assert_first("Title\nText that goes on", 12, "Title\n");
}

Test(speech_split, a_point_within_a_word_ends_nothing)
{
    assert_first("It is 3.14159 about", 12, "It is ");
}

Test(speech_split, scripts_without_spaces_have_sentences_too)
{
    /* "今天。明天好。" at 5 characters: behind the first full stop */
    assert_first(
        "\xe4\xbb\x8a\xe5\xa4\xa9\xe3\x80\x82\xe6\x98\x8e\xe5\xa4\xa9\xe5\xa5\xbd\xe3\x80\x82", 5,
        "\xe4\xbb\x8a\xe5\xa4\xa9\xe3\x80\x82");
}

Test(speech_split, else_behind_a_word_else_behind_a_character)
{
    assert_first("one two three four", 10, "one two ");
    assert_first("abcdefghij", 4, "abcd");
    assert_first("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f", 3, "\xc3\xa4\xc3\xb6\xc3\xbc");
}

/* Any bytes of these, in any order. */
Test(speech_split, any_parts_join_to_the_same_text_and_none_is_too_long)
{
    static const char *const words[] = {"a",    "word",         " ",        ". ",
                                        "!",    "\n",           "? ",       "...",
                                        "\"",   "\xe3\x80\x82", "\xc3\xa4", "\xf0\x9f\x98\x80",
                                        "\xff", "\xe2\x80",     "3.5"};
    uint64_t seed = 1;
    for (int run = 0; run < 3000; run++) {
        char text[600];
        size_t len = 0, at = 0;
        for (int i = 0; i < 120; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            const char *word = words[(seed >> 33) % (sizeof words / sizeof words[0])];
            memcpy(text + len, word, strlen(word));
            len += strlen(word);
        }
        const size_t most = 1 + (size_t)(seed >> 40) % 60;
        while (at < len) {
            struct byok_str part = byok_speech_first((struct byok_str){text + at, len - at}, most);
            cr_assert_eq(part.ptr, text + at);
            cr_assert_gt(part.len, 0, "no end");
            cr_assert_leq(byok_speech_characters(part), most);
            at += part.len;
            /* not within a character that is one */
            bool whole = at == len || ((unsigned char)text[at] & 0xc0) != 0x80 ||
                         (unsigned char)text[at - 1] == 0xff || (unsigned char)text[at - 1] < 0x80;
            cr_assert(whole || (unsigned char)text[at - 1] >= 0x80);
        }
        cr_assert_eq(at, len);
    }
}
