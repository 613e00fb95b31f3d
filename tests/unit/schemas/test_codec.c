/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_codec.c - what holds for both formats. */
#include "schemas/codec.h"

#include <criterion/criterion.h>

#include "trees.h"
#include "vectors.h"

#define SEED 20261124u
#define TREES 400
#define CAP ((size_t)64 << 20)

Test(codec, the_content_type_decides_the_format)
{
    static const struct {
        const char *content_type, *bytes;
        bool known;
        enum byok_format format;
    } cases[] = {
        {"application/json", "\x80", true, BYOK_JSON},
        {" Application/JSON ; charset=utf-8", "", true, BYOK_JSON},
        {"application/msgpack", "{}", true, BYOK_MSGPACK},
        {"application/vnd.msgpack", "", true, BYOK_MSGPACK},
        {"application/x-msgpack;v=1", "", true, BYOK_MSGPACK},
        {"text/plain", "{}", false, BYOK_JSON},
        {"application/jsonx", "{}", false, BYOK_JSON},
        {"", "{}", true, BYOK_JSON},
        {" ; ", " \n{}", true, BYOK_JSON},
        {"",
         "\x81\xa1"
         "a\x01",
         true, BYOK_MSGPACK},
        {"", "\xde", true, BYOK_MSGPACK},
        {"", "\xdf", true, BYOK_MSGPACK},
        {"", "\x90", false, BYOK_JSON},
        {"", "hello", false, BYOK_JSON},
        {"", "", false, BYOK_JSON},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum byok_format format = BYOK_JSON;
        cr_assert_eq(byok_format_of(byok_str_of(cases[i].content_type), byok_str_of(cases[i].bytes),
                                    &format),
                     cases[i].known, "case %zu", i);
        cr_assert_eq(format, cases[i].format, "case %zu", i);
    }
}

Test(codec, a_format_is_known_by_its_own_content_type)
{
    for (int i = 0; i < 2; i++) {
        enum byok_format format;
        const char *name = byok_format_content_type((enum byok_format)i);
        cr_assert(byok_format_of(byok_str_of(name), (struct byok_str){NULL, 0}, &format));
        cr_assert_eq((int)format, i);
    }
}

static void round_trip(const struct byok_value *tree, enum byok_format format, uint64_t seed)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = CAP};
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value again;
    struct byok_fault fault = {0};
    cr_assert_eq(byok_encode(format, tree, &buf), BYOK_E_OK, "tree %llu", (unsigned long long)seed);
    enum byok_err err = byok_decode(&arena, format, byok_buf_str(&buf), &again, &fault);
    cr_assert_eq(err, BYOK_E_OK, "tree %llu: %s", (unsigned long long)seed, fault.text);
    cr_assert(byok_value_equal(tree, &again), "tree %llu", (unsigned long long)seed);
}

Test(codec, any_tree_comes_back_the_same_from_both_formats)
{
    for (uint64_t seed = SEED; seed < SEED + TREES; seed++) {
        BYOK_AUTO(byok_arena) arena = {0};
        uint64_t state = seed * 0x9E3779B97F4A7C15u;
        struct byok_value tree = random_tree(&arena, &state, 6);
        round_trip(&tree, BYOK_JSON, seed);
        round_trip(&tree, BYOK_MSGPACK, seed);
    }
}

Test(codec, a_tree_may_change_formats_and_stays_the_same)
{
    for (uint64_t seed = SEED; seed < SEED + TREES; seed++) {
        BYOK_AUTO(byok_arena) arena = {0};
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = CAP};
        uint64_t state = seed * 0x9E3779B97F4A7C15u;
        struct byok_value tree = random_tree(&arena, &state, 4), by_json;
        cr_assert_eq(byok_encode(BYOK_JSON, &tree, &buf), BYOK_E_OK);
        cr_assert_eq(byok_decode(&arena, BYOK_JSON, byok_buf_str(&buf), &by_json, NULL), BYOK_E_OK);
        round_trip(&by_json, BYOK_MSGPACK, seed);
    }
}

static void decodes_or_fails(enum byok_format format, struct byok_str bytes)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = (size_t)1 << 20};
    struct byok_value value;
    struct byok_fault fault;
    enum byok_err err = byok_decode(&arena, format, bytes, &value, &fault);
    if (err == BYOK_E_OK) {
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = CAP};
        cr_assert_eq(byok_encode(format, &value, &buf), BYOK_E_OK, "what was read can be written");
    } else {
        cr_assert(err == BYOK_E_BAD_MESSAGE || err == BYOK_E_NOMEM);
        cr_assert_eq(fault.code, err);
        cr_assert_gt(strlen(fault.text), 0);
    }
}

/* In a block of its own size, so that the sanitizer sees a read past the end. */
static void truncate_everywhere(const struct vector *vector)
{
    size_t step = vector->bytes.len > 2000 ? 97 : 1;
    for (size_t len = 0; len <= vector->bytes.len; len += step) {
        char *copy = malloc(len ? len : 1);
        memcpy(copy, vector->bytes.ptr, len);
        decodes_or_fails(vector->format, (struct byok_str){copy, len});
        free(copy);
    }
}

Test(codec, every_truncation_of_each_vector_decodes_or_fails)
{
    cr_assert_gt(each_vector(NULL, truncate_everywhere), 200);
}

static void change_everywhere(const struct vector *vector)
{
    static const unsigned char changes[] = {0x00, 0xFF, 0x80, 0xC1, 0xDD, 0xDF, '"', '{', '\\'};
    size_t step = vector->bytes.len > 2000 ? 997 : 1;
    char *copy = malloc(vector->bytes.len + 1);
    memcpy(copy, vector->bytes.ptr, vector->bytes.len);
    for (size_t i = 0; i < vector->bytes.len; i += step) {
        for (size_t j = 0; j < sizeof changes; j++) {
            copy[i] = (char)changes[j];
            decodes_or_fails(vector->format, (struct byok_str){copy, vector->bytes.len});
        }
        copy[i] = (char)(vector->bytes.ptr[i] ^ 0x10);
        decodes_or_fails(vector->format, (struct byok_str){copy, vector->bytes.len});
        copy[i] = vector->bytes.ptr[i];
    }
    free(copy);
}

Test(codec, every_changed_byte_of_each_vector_decodes_or_fails)
{
    cr_assert_gt(each_vector(NULL, change_everywhere), 200);
}

Test(codec, a_tree_does_not_borrow_from_the_record)
{
    static const char *const messages[] = {"{\"name\":\"text\"}", "\x81\xa4name\xa4text"};
    for (int i = 0; i < 2; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        char bytes[32];
        size_t len = strlen(messages[i]);
        memcpy(bytes, messages[i], len);
        struct byok_value tree;
        cr_assert_eq(
            byok_decode(&arena, (enum byok_format)i, (struct byok_str){bytes, len}, &tree, NULL),
            BYOK_E_OK);
        memset(bytes, 'x', sizeof bytes);
        cr_assert(byok_str_is(byok_value_as_str(byok_value_find(&tree, "name")), "text"));
    }
}

Test(codec, the_cap_of_the_arena_bounds_hostile_messages)
{
    static char many[100002]; /* [0,0,…]: 50,000 values */
    many[0] = '[';
    for (size_t i = 1; i < 100000; i += 2) {
        many[i] = '0';
        many[i + 1] = ',';
    }
    many[99999] = '0';
    many[100000] = ']';
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = 300000};
    struct byok_value value;
    struct byok_fault fault;
    cr_assert_eq(byok_decode(&arena, BYOK_JSON, (struct byok_str){many, 100001}, &value, &fault),
                 BYOK_E_NOMEM);
    static char packed[50003] = "\xdc\xc3\x50"; /* array 16 of 50,000 zeros */
    BYOK_AUTO(byok_arena) other = {.cap_bytes = 300000};
    cr_assert_eq(
        byok_decode(&other, BYOK_MSGPACK, (struct byok_str){packed, 50003}, &value, &fault),
        BYOK_E_NOMEM);
    /* or whoever decodes it would try again when there is more memory, for ever */
    cr_assert(arena.overflow && other.overflow);
    cr_assert_leq(arena.used_bytes + other.used_bytes, 600000);
}

Test(codec, many_members_are_checked_for_duplicates_too)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value map = byok_value_map();
    for (int i = 0; i < 5000; i++)
        byok_value_set(&arena, &map, byok_arena_printf(&arena, "m%d", i).ptr, byok_value_null());
    for (int format = 0; format < 2; format++) {
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = CAP};
        struct byok_value again;
        struct byok_fault fault;
        cr_assert_eq(byok_encode((enum byok_format)format, &map, &buf), BYOK_E_OK);
        cr_assert_eq(
            byok_decode(&arena, (enum byok_format)format, byok_buf_str(&buf), &again, NULL),
            BYOK_E_OK);
        /* "m4999" becomes "m4998" */
        size_t at = byok_str_find(byok_buf_str(&buf), byok_str_of("m4999"));
        buf.ptr[at + 4] = '8';
        cr_assert_eq(
            byok_decode(&arena, (enum byok_format)format, byok_buf_str(&buf), &again, &fault),
            BYOK_E_BAD_MESSAGE);
        cr_assert_not_null(strstr(fault.text, "twice"), "%s", fault.text);
    }
}

Test(codec, depth_up_to_the_limit_is_read_and_one_more_is_not)
{
    for (int depth = 31; depth <= 33; depth++) {
        char json[200] = "", packed[100] = "";
        for (int i = 0; i < depth; i++) {
            strcat(json, "[");
            strcat(packed, "\x91");
        }
        strcat(json, "1");
        strcat(packed, "\x01");
        for (int i = 0; i < depth; i++)
            strcat(json, "]");
        const char *const messages[] = {json, packed};
        for (int format = 0; format < 2; format++) {
            BYOK_AUTO(byok_arena) arena = {0};
            struct byok_value value;
            struct byok_fault fault;
            enum byok_err err = byok_decode(&arena, (enum byok_format)format,
                                            byok_str_of(messages[format]), &value, &fault);
            cr_assert_eq(err, depth > 32 ? BYOK_E_BAD_MESSAGE : BYOK_E_OK, "%d levels", depth);
            if (depth > 32)
                cr_assert_not_null(strstr(fault.text, "at byte 32: "), "%s", fault.text);
        }
    }
}

Test(codec, a_tree_built_too_deep_is_not_written)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value tree = byok_value_null();
    for (int i = 0; i < 100; i++) {
        struct byok_value outer = byok_value_array();
        byok_value_push(&arena, &outer, tree);
        tree = outer;
    }
    for (int format = 0; format < 2; format++) {
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = CAP};
        cr_assert_eq(byok_encode((enum byok_format)format, &tree, &buf), BYOK_E_TOO_LARGE);
    }
}

Test(codec, a_full_buffer_is_too_large)
{
    struct byok_value text = byok_value_text("0123456789");
    for (int format = 0; format < 2; format++) {
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = 5};
        cr_assert_eq(byok_encode((enum byok_format)format, &text, &buf), BYOK_E_TOO_LARGE);
    }
}

Test(codec, a_text_that_is_not_utf8_is_repaired_in_the_writing)
{
    struct byok_value text = byok_value_text("a\xFFz");
    for (int format = 0; format < 2; format++) {
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = CAP};
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_value again;
        cr_assert_eq(byok_encode((enum byok_format)format, &text, &buf), BYOK_E_OK);
        cr_assert_eq(
            byok_decode(&arena, (enum byok_format)format, byok_buf_str(&buf), &again, NULL),
            BYOK_E_OK);
        cr_assert(byok_str_is(byok_value_as_str(&again), "a\xEF\xBF\xBDz"));
    }
}

Test(codec, base64_of_rfc_4648_with_and_without_padding)
{
    static const struct {
        const char *text, *plain;
    } cases[] = {
        {"", ""},
        {"Zg==", "f"},
        {"Zm8=", "fo"},
        {"Zm9v", "foo"},
        {"Zm9vYg==", "foob"},
        {"Zm9vYmE=", "fooba"},
        {"Zm9vYmFy", "foobar"},
    };
    BYOK_AUTO(byok_arena) arena = {0};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_str out, text = byok_str_of(cases[i].text);
        cr_assert(byok_str_eq(byok_base64_encode(&arena, byok_str_of(cases[i].plain)), text));
        cr_assert(byok_base64_decode(&arena, text, &out), "%s", cases[i].text);
        cr_assert(byok_str_is(out, cases[i].plain));
        while (text.len > 0 && text.ptr[text.len - 1] == '=')
            text.len--;
        cr_assert(byok_base64_decode(&arena, text, &out), "%s without padding", cases[i].text);
        cr_assert(byok_str_is(out, cases[i].plain));
    }
    static const char *const bad[] = {"Z",    "Zg=",  "Zh==",      "Zm9v Yg==",       "Zm9v\n",
                                      "Zm-v", "====", "Zm9vYg===", "\xff\xff\xff\xff"};
    struct byok_str out;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(byok_base64_decode(&arena, byok_str_of(bad[i]), &out), "%s", bad[i]);
}

Test(codec, base64_knows_64_letters_and_no_other_byte)
{
    for (int c = 0; c < 256; c++) {
        BYOK_AUTO(byok_arena) arena = {0};
        const char text[4] = {'A', (char)c, 'A', 'A'};
        struct byok_str out;
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                      c == '+' || c == '/';
        cr_assert_eq(byok_base64_decode(&arena, (struct byok_str){text, 4}, &out), letter, "%d", c);
    }
}
