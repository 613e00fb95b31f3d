/* SPDX-License-Identifier: MIT */
/* tests/unit/base/test_str.c - slices. */
#include "base/str.h"

#include <stdint.h>

#include <criterion/criterion.h>

static struct byok_str s(const char *text)
{
    return byok_str_of(text);
}

Test(str, null_is_the_empty_slice)
{
    cr_assert_eq(s(NULL).len, 0);
    cr_assert(byok_str_eq(s(NULL), s("")));
    cr_assert(byok_str_starts(s(NULL), s(NULL)));
    cr_assert(byok_str_eq_nocase(s(NULL), s("")));
}

Test(str, compares_bytes_and_lengths)
{
    static const struct byok_str literal = BYOK_STR("a\0b");
    cr_assert_eq(literal.len, 3);
    cr_assert_not(byok_str_eq(literal, s("a")));
    cr_assert(byok_str_is(s("abc"), "abc"));
    cr_assert_not(byok_str_is(s("abc"), "abd"));
    cr_assert(byok_str_starts(s("abc"), s("ab")));
    cr_assert_not(byok_str_starts(s("ab"), s("abc")));
}

Test(str, orders_by_bytes_and_what_begins_the_other_comes_first)
{
    const struct byok_str rising[] = {{NULL, 0},      BYOK_STR("a"), BYOK_STR("a\0"),
                                      BYOK_STR("aa"), BYOK_STR("b"), BYOK_STR("\xff")};
    const size_t count = sizeof rising / sizeof rising[0];
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            int order = byok_str_compare(rising[i], rising[j]);
            cr_assert_eq((order > 0) - (order < 0), (i > j) - (i < j), "%zu and %zu", i, j);
        }
    }
}

Test(str, ignores_case_of_ascii_letters_only)
{
    cr_assert(byok_str_eq_nocase(s("Content-TYPE"), s("content-type")));
    cr_assert_not(byok_str_eq_nocase(s("["), s("{")));
    cr_assert_not(byok_str_eq_nocase(s("\xC3\x89"), s("\xC3\xA9")));
}

Test(str, finds_the_first_place)
{
    cr_assert_eq(byok_str_find(s("aabab"), s("ab")), 1);
    cr_assert_eq(byok_str_find(s("ab"), s("abc")), SIZE_MAX);
    cr_assert_eq(byok_str_find(s("ab"), s("")), 0);
    cr_assert_eq(byok_str_find(s(""), s("a")), SIZE_MAX);
    cr_assert_eq(byok_str_find(s("aaab"), s("aab")), 1);
}

Test(str, trims_white_space_at_both_ends)
{
    cr_assert(byok_str_is(byok_str_trim(s(" \t a b\r\n")), "a b"));
    cr_assert_eq(byok_str_trim(s(" \n ")).len, 0);
    cr_assert_eq(byok_str_trim(s(NULL)).len, 0);
}

Test(str, a_field_takes_what_fits)
{
    char field[4] = "xyz";
    byok_str_to_field(field, sizeof field, byok_str_of("abc"));
    cr_assert_str_eq(field, "abc");
    byok_str_to_field(field, sizeof field, byok_str_of("defg"));
    cr_assert_str_eq(field, "def");
    byok_str_to_field(field, sizeof field, (struct byok_str){NULL, 0});
    cr_assert_str_eq(field, "");
}
