/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_utf8.c - well-formed and ill-formed texts. */
#include "schemas/utf8.h"

#include <criterion/criterion.h>

/* Unicode 15, table 3-7 and section 3.9; `good` bytes from the start are well-formed. */
static const struct {
    const char *bytes;
    size_t good;
    const char *repaired;
} cases[] = {
    {"", 0, ""},
    {"plain ascii text", 16, "plain ascii text"},
    {"\x7F", 1, "\x7F"},
    {"\xC2\x80", 2, "\xC2\x80"},
    {"\xE0\xA0\x80", 3, "\xE0\xA0\x80"},
    {"\xED\x9F\xBF", 3, "\xED\x9F\xBF"},
    {"\xEE\x80\x80", 3, "\xEE\x80\x80"},
    {"\xF0\x90\x80\x80", 4, "\xF0\x90\x80\x80"},
    {"\xF4\x8F\xBF\xBF", 4, "\xF4\x8F\xBF\xBF"},
    {"a\x80", 1, "a\xEF\xBF\xBD"},
    {"a\xC0\xAFz", 1, "a\xEF\xBF\xBD\xEF\xBF\xBDz"},
    {"a\xC2", 1, "a\xEF\xBF\xBD"},
    {"\xE0\x9F\x80", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xED\xA0\x80", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xF0\x8F\xBF\xBF", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xF4\x90\x80\x80", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"\xF5\x80\x80\x80", 0, "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
    {"12345678\xFF", 8, "12345678\xEF\xBF\xBD"},
    {"1234567\xC3\xA9 12345678", 18, "1234567\xC3\xA9 12345678"},
    {"\xE6\x97\xA5\xFF\xE6\x9C\xAC", 3, "\xE6\x97\xA5\xEF\xBF\xBD\xE6\x9C\xAC"},
};

Test(utf8, tells_where_a_text_stops_being_utf8)
{
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(byok_utf8_valid(byok_str_of(cases[i].bytes)), cases[i].good, "case %zu", i);
    cr_assert_eq(byok_utf8_valid((struct byok_str){NULL, 0}), 0);
}

Test(utf8, repairs_what_is_ill_formed_and_nothing_else)
{
    BYOK_AUTO(byok_arena) arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_str text = byok_str_of(cases[i].bytes);
        struct byok_str repaired = byok_utf8_repair(&arena, text);
        cr_assert(byok_str_is(repaired, cases[i].repaired), "case %zu", i);
        cr_assert_eq(byok_utf8_valid(repaired), repaired.len, "case %zu", i);
        if (cases[i].good == text.len)
            cr_assert_eq(repaired.ptr, text.ptr, "a good text is not copied");
    }
}

Test(utf8, finds_what_steers_how_a_text_is_shown)
{
    static const struct {
        const char *bytes;
        size_t len, len_bidi;
        unsigned is;
    } some[] = {
        {"\x1b[", 1, 1, 0x1b},
        {"\x7f", 1, 1, 0x7f},
        {"\xc2\x80", 2, 2, 0x80},
        {"\xc2\x9f", 2, 2, 0x9f},
        {"\xc2\xa0", 0, 0, 0},
        {"\xc2", 0, 0, 0},
        {"\xe2\x80\xaa", 0, 3, 0x202a},
        {"\xe2\x80\xae", 0, 3, 0x202e},
        {"\xe2\x81\xa6", 0, 3, 0x2066},
        {"\xe2\x81\xa9", 0, 3, 0x2069},
        {"\xe2\x80\xaf", 0, 0, 0},
        {"\xe2\x80", 0, 0, 0},
        {"", 0, 0, 0},
        {"a\x1b", 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof some / sizeof some[0]; i++) {
        unsigned c = 0;
        cr_assert_eq(byok_utf8_steers(byok_str_of(some[i].bytes), false, &c), some[i].len, "%zu",
                     i);
        cr_assert_eq(byok_utf8_steers(byok_str_of(some[i].bytes), true, &c), some[i].len_bidi);
        cr_assert(some[i].is == 0 || c == some[i].is, "%zu: %x", i, c);
    }
}
