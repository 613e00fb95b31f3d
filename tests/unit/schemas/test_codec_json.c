/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_codec_json.c - what is JSON's own. */
#include "schemas/codec.h"

#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "trees.h"

static void assert_written(const struct byok_value *value, const char *expected)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 1 << 20};
    cr_assert_eq(byok_encode(BYOK_JSON, value, &buf), BYOK_E_OK);
    cr_assert(byok_str_is(byok_buf_str(&buf), expected), "%.*s", BYOK_STR_ARG(byok_buf_str(&buf)));
}

Test(codec_json, writes_the_shortest_text_that_gives_a_float32_back)
{
    static const struct {
        float number;
        const char *text;
    } cases[] = {
        {0.1f, "[0.1]"},
        {-0.1f, "[-0.1]"},
        {0.0f, "[0.0]"},
        {1.0f, "[1.0]"},
        {-0.25f, "[-0.25]"},
        {0.012345679f, "[0.012345679]"},
        {16777216.0f, "[16777216.0]"},
        {3.4028235e38f, NULL},
        {1.1754944e-38f, NULL},
        {1e-45f, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_value vector = byok_value_floats(&cases[i].number, 1);
        if (cases[i].text)
            assert_written(&vector, cases[i].text);
    }
}

Test(codec_json, any_float32_comes_back_the_same_and_common_ones_in_few_letters)
{
    enum { N = 20000 };
    BYOK_AUTO(byok_arena) arena = {0};
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 1 << 20};
    float *numbers = byok_arena_alloc(&arena, N * sizeof *numbers);
    uint64_t state = 7;
    for (int i = 0; i < N; i++) {
        uint32_t bits = (uint32_t)(next_random(&state) >> 32);
        memcpy(&numbers[i], &bits, sizeof bits);
        if (!isfinite(numbers[i]) || i % 2 == 0) /* half of them as embeddings are */
            numbers[i] = (float)((double)bits / 4294967296.0 - 0.5) / 8.0f;
    }
    struct byok_value vector = byok_value_floats(numbers, N), again;
    cr_assert_eq(byok_encode(BYOK_JSON, &vector, &buf), BYOK_E_OK);
    cr_assert_lt(buf.len, (size_t)N * 19);
    cr_assert_eq(byok_decode(&arena, BYOK_JSON, byok_buf_str(&buf), &again, NULL), BYOK_E_OK);
    for (int i = 0; i < N; i++) {
        double d;
        cr_assert(byok_value_as_double(&again.as.items[i], &d));
        cr_assert_eq((float)d, numbers[i], "%.9g", (double)numbers[i]);
    }
}

Test(codec_json, writes_what_json_has_no_word_for)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    struct byok_value vector = byok_value_floats(odd, 3), nan_ = byok_value_float((double)NAN);
    assert_written(&vector, "[null,null,null]");
    assert_written(&nan_, "null");
    struct byok_value bytes = byok_value_bytes((struct byok_str){"\0\xFF\x10", 3});
    assert_written(&bytes, "\"AP8Q\"");
    struct byok_value none = byok_value_bytes((struct byok_str){NULL, 0});
    assert_written(&none, "\"\"");
    struct byok_value empty = byok_value_string((struct byok_str){NULL, 0});
    assert_written(&empty, "\"\"");
}

Test(codec_json, escapes_what_must_be_escaped)
{
    struct byok_value text = byok_value_string((struct byok_str){"\"\\\n\x01\0\xC3\xA9/", 8});
    assert_written(&text, "\"\\\"\\\\\\n\\u0001\\u0000é/\"");
}

Test(codec_json, keeps_the_type_of_a_number)
{
    static const struct {
        const char *text;
        enum byok_value_type type;
    } cases[] = {
        {"0", BYOK_VALUE_UINT},
        {"-1", BYOK_VALUE_INT},
        {"1.0", BYOK_VALUE_FLOAT},
        {"1e3", BYOK_VALUE_FLOAT},
        {"18446744073709551615", BYOK_VALUE_UINT},
        {"-9223372036854775808", BYOK_VALUE_INT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_value value = from_json(&arena, cases[i].text);
        cr_assert_eq(value.type, cases[i].type, "%s", cases[i].text);
    }
}

Test(codec_json, says_at_which_byte_it_is_wrong_and_not_what_stands_there)
{
    static const struct {
        const char *text, *begins;
    } cases[] = {
        {"{\"a\":1,}", "at byte "},
        {"{\"a\":\"SECRET\" \"SECRET\"}", "at byte 14: "},
        {"{\"SECRET\":1,\"SECRET\":2}", "at byte 13: "},
        {"{\"a\":123456789012345678901234567890}", "at byte 5: "},
        {"{\"a\":SECRET}", "at byte 5: "},
        {"{\"a\":\"\\uSECRET\"}", "at byte "},
        {"", "at byte 0: "},
        {"  ", "at byte "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_value value;
        struct byok_fault fault;
        cr_assert_eq(byok_decode(&arena, BYOK_JSON, byok_str_of(cases[i].text), &value, &fault),
                     BYOK_E_BAD_MESSAGE, "%s", cases[i].text);
        cr_assert_eq(strncmp(fault.text, cases[i].begins, strlen(cases[i].begins)), 0, "%s: %s",
                     cases[i].text, fault.text);
        cr_assert_null(strstr(fault.text, "SECRET"), "%s", fault.text);
    }
}

Test(codec_json, brackets_inside_of_texts_are_no_depth)
{
    BYOK_AUTO(byok_arena) arena = {0};
    char text[200] = "[\"\\\"";
    memset(text + strlen(text), '[', 100);
    strcat(text, "\"]");
    struct byok_value value = from_json(&arena, text);
    cr_assert_eq(value.count, 1);
}
