/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_key_shape.c - what is taken for a provider's key. */
#include "schemas/key_shape.h"

#include <criterion/criterion.h>

Test(key_shape, ids_and_names_are_no_keys)
{
    cr_assert_not(byok_looks_like_key(byok_str_of("0199b3c4-1111-7abc-8def-0123456789ab")));
    cr_assert_not(byok_looks_like_key(byok_str_of("alice")));
    cr_assert_not(byok_looks_like_key(byok_str_of("sk-learn")));
    cr_assert_not(byok_looks_like_key(byok_str_of("")));
}

Test(key_shape, a_key_is_found_wherever_it_stands)
{
    static const char *const with[] = {
        "sk-proj-a1b2c3d4e5f6",
        "{\"token\":\"sk-a1b2c3d4e5f6g7\"}",
        "3sk-a1b2c3d4e5f6g7",
        "x AIzaSyA-1234567890abcd y",
    };
    static const char *const without[] = {
        "",
        "sk-",
        "a task-list of 12 things",
        "ask-me-anything-you-want-to",
        "0199b3c4-1111-7abc-8def-0123456789ab",
        "sk-a1b2 c3d4e5f6g7h8i9",
    };
    for (size_t i = 0; i < sizeof with / sizeof with[0]; i++)
        cr_assert(byok_holds_key(byok_str_of(with[i])), "%s", with[i]);
    for (size_t i = 0; i < sizeof without / sizeof without[0]; i++)
        cr_assert_not(byok_holds_key(byok_str_of(without[i])), "%s", without[i]);
}

/* Would take hours if each beginning were followed to the end. */
Test(key_shape, many_beginnings_in_a_long_word_are_looked_at_once, .timeout = 60)
{
    static char word[3 << 20];
    for (size_t i = 0; i < sizeof word; i++)
        word[i] = "sk-"[i % 3];
    cr_assert_not(byok_holds_key((struct byok_str){word, sizeof word}));
    word[sizeof word - 1] = '7';
    cr_assert(byok_holds_key((struct byok_str){word, sizeof word}));
}
