/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_codec_msgpack.c - what is msgpack's own. */
#include "schemas/codec.h"

#include <math.h>

#include <criterion/criterion.h>

#include "trees.h"

static void assert_written(struct byok_value value, const char *bytes, size_t len)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 1 << 20};
    cr_assert_eq(byok_encode(BYOK_MSGPACK, &value, &buf), BYOK_E_OK);
    cr_assert(byok_str_eq(byok_buf_str(&buf), (struct byok_str){bytes, len}), "%zu bytes", len);
}

#define WRITTEN(value, literal) assert_written((value), (literal), sizeof(literal) - 1)

Test(codec_msgpack, writes_the_shortest_form)
{
    WRITTEN(byok_value_null(), "\xc0");
    WRITTEN(byok_value_bool(true), "\xc3");
    WRITTEN(byok_value_int(0), "\x00");
    WRITTEN(byok_value_int(127), "\x7f");
    WRITTEN(byok_value_int(128), "\xcc\x80");
    WRITTEN(byok_value_int(65536), "\xce\x00\x01\x00\x00");
    WRITTEN(byok_value_int(-32), "\xe0");
    WRITTEN(byok_value_int(-33), "\xd0\xdf");
    WRITTEN(byok_value_int(INT64_MIN), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00");
    WRITTEN(byok_value_float(0.5), "\xca\x3f\x00\x00\x00");
    WRITTEN(byok_value_float(0.1), "\xcb\x3f\xb9\x99\x99\x99\x99\x99\x9a");
    WRITTEN(byok_value_float(1e300), "\xcb\x7e\x37\xe4\x3c\x88\x00\x75\x9c");
    WRITTEN(byok_value_text(""), "\xa0");
    WRITTEN(byok_value_string((struct byok_str){NULL, 0}), "\xa0");
    WRITTEN(byok_value_bytes((struct byok_str){"\xff", 1}), "\xc4\x01\xff");
    WRITTEN(byok_value_bytes((struct byok_str){NULL, 0}), "\xc4\x00");
    WRITTEN(byok_value_map(), "\x80");
    static const float floats[] = {0.1f, 1.0f};
    WRITTEN(byok_value_floats(floats, 2), "\x92\xca\x3d\xcc\xcc\xcd\xca\x3f\x80\x00\x00");
}

Test(codec_msgpack, keeps_infinities_and_nan)
{
    static const double odd[] = {(double)INFINITY, -(double)INFINITY, (double)NAN};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = 100};
        struct byok_value value = byok_value_float(odd[i]), again;
        cr_assert_eq(byok_encode(BYOK_MSGPACK, &value, &buf), BYOK_E_OK);
        cr_assert_eq(byok_decode(&arena, BYOK_MSGPACK, byok_buf_str(&buf), &again, NULL),
                     BYOK_E_OK);
        cr_assert(byok_value_equal(&value, &again));
    }
}

Test(codec_msgpack, bytes_stay_bytes_and_text_stays_text)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value value;
    struct byok_str message = {"\x82\xa1\x61\xc4\x02\x00\xff\xa1\x62\xa2hi", 13};
    message.len = 12;
    cr_assert_eq(byok_decode(&arena, BYOK_MSGPACK, message, &value, NULL), BYOK_E_OK);
    cr_assert_eq(byok_value_find(&value, "a")->type, BYOK_VALUE_BYTES);
    cr_assert_eq(byok_value_find(&value, "a")->as.str.len, 2);
    cr_assert(byok_str_is(byok_value_as_str(byok_value_find(&value, "b")), "hi"));
}

Test(codec_msgpack, says_at_which_byte_it_is_wrong_and_not_what_stands_there)
{
    static const struct {
        struct byok_str bytes;
        const char *text;
    } cases[] = {
        {BYOK_STR(""), "at byte 0: not msgpack for us: the message is cut off"},
        {BYOK_STR("\x81\xa1\x61"), "at byte 3: not msgpack for us: the message is cut off"},
        {BYOK_STR("\x81"), "at byte 0: not msgpack for us: fewer bytes than its length claims"},
        {BYOK_STR("\x81\xa1\x61\xd9"), "at byte 3: not msgpack for us: the message is cut off"},
        {BYOK_STR("\xdd\xff\xff\xff\xff"), "at byte 0: not msgpack for us: fewer bytes than"},
        {BYOK_STR("\xdf\x80\x00\x00\x00\x01"), "at byte 0: not msgpack for us: fewer bytes than"},
        {BYOK_STR("\x81\xa6SECRET\xd6\xff\x00\x00\x00\x00"),
         "at byte 8: not msgpack for us: an extension type (such as a timestamp)"},
        {BYOK_STR("\x81\x01\x01"), "at byte 1: not msgpack for us: a map key that is not a string"},
        {BYOK_STR("\x81\xc4\x01\x61\x01"), "at byte 1: not msgpack for us: a map key that is not"},
        {BYOK_STR("\x92\x01\xc1"), "at byte 2: not msgpack for us: 0xc1, which msgpack never uses"},
        {BYOK_STR("\x91\xa2\xff\xff"), "at byte 1: not msgpack for us: a string that is not UTF-8"},
        {BYOK_STR("\x81\xa1\xff\x01"), "at byte 1: not msgpack for us: a string that is not UTF-8"},
        {BYOK_STR("\x01\x01"), "at byte 1: not msgpack for us: bytes after the end"},
        {BYOK_STR("\x82\xa6SECRET\x01\xa6SECRET\x02"), "at byte 10: a member name occurs twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_value value;
        struct byok_fault fault;
        cr_assert_eq(byok_decode(&arena, BYOK_MSGPACK, cases[i].bytes, &value, &fault),
                     BYOK_E_BAD_MESSAGE, "case %zu", i);
        cr_assert_eq(strncmp(fault.text, cases[i].text, strlen(cases[i].text)), 0, "case %zu: %s",
                     i, fault.text);
        cr_assert_null(strstr(fault.text, "SECRET"), "%s", fault.text);
    }
}
