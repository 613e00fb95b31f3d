/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_multipart.c - forms, byte for byte. */
#include <criterion/criterion.h>

#include "adapters/multipart.h"
#include "base/buf.h"
#include "calls.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))
#define FIELD(name, text)                                                                          \
    "--byokd-form-01\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" text "\r\n"
#define END "--byokd-form-01--\r\n"

static struct byok_str written(struct byok_multipart *form)
{
    struct byok_str type;
    struct byok_http_request request = {0};
    struct byok_fault fault;
    cr_assert_eq(byok_multipart_end(form, &request, &type, &fault), BYOK_E_OK);
    cr_assert(byok_str_is(type, "multipart/form-data; boundary=byokd-form-01"));
    join_body(form->arena, &request);
    return request.body;
}

static void check_map(const char *json, const char *expected)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_multipart form;
    struct byok_value map = json_of(&arena, byok_str_of(json));
    byok_multipart_init(&form, &arena);
    byok_multipart_map(&form, &map);
    struct byok_str body = written(&form);
    cr_expect(byok_str_is(body, expected), "%s: %.*s", json, BYOK_STR_ARG(body));
}

Test(multipart, a_tree_becomes_fields)
{
    check_map("{\"a\":\"x\",\"b\":7,\"c\":-7,\"d\":true,\"e\":0.5,\"f\":null}",
              FIELD("a", "x") FIELD("b", "7") FIELD("c", "-7") FIELD("d", "true") FIELD("e", "0.5")
                  END);
    check_map("{\"a\":[\"x\",\"y\"],\"b[]\":[1],\"c\":[]}",
              FIELD("a[]", "x") FIELD("a[]", "y") FIELD("b[]", "1") END);
    check_map("{\"a\":{\"b\":{\"c\":1},\"d\":[2]}}",
              FIELD("a[b][c]", "1") FIELD("a[d][]", "2") END);
    check_map("{}", END);
}

Test(multipart, a_name_cannot_leave_its_quotes)
{
    check_map("{\"a\\\"; x=\\\"\\r\\nb\":\"\\r\\n\"}", FIELD("a%22; x=%22%0D%0Ab", "\r\n") END);
}

Test(multipart, a_file_has_a_name_and_a_type_and_any_bytes)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_multipart form;
    const struct byok_multipart_file file = {
        .file_name = STR("a\".wav"), .media_type = STR("audio/wav"), .bytes = STR("\0\r\n\xff")};
    byok_multipart_init(&form, &arena);
    byok_multipart_file(&form, STR("file"), &file);
    struct byok_str body = written(&form);
    const struct byok_str expected =
        STR("--byokd-form-01\r\nContent-Disposition: form-data; name=\"file\"; "
            "filename=\"a%22.wav\"\r\nContent-Type: audio/wav\r\n\r\n\0\r\n\xff\r\n"
            "--byokd-form-01--\r\n");
    cr_assert(byok_str_eq(body, expected), "%.*s", BYOK_STR_ARG(body));
}

Test(multipart, a_file_is_sent_from_where_it_is)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_multipart form;
    struct byok_str type;
    struct byok_http_request request = {0};
    const struct byok_multipart_file file = {
        .file_name = STR("a"), .media_type = STR("audio/wav"), .bytes = STR("bytes")};
    byok_multipart_init(&form, &arena);
    byok_multipart_file(&form, STR("file"), &file);
    cr_assert_eq(byok_multipart_end(&form, &request, &type, NULL), BYOK_E_OK);
    cr_assert_eq(request.piece_count, 3);
    cr_assert_eq(request.pieces[1].ptr, file.bytes.ptr);
    cr_assert_eq(request.body.len, 0);
}

#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HASH_48 "00112233445566778899aabbccddeeff0011223344556677"

/* Its content is not here to be searched for the boundary, but what stands beside it is. */
Test(multipart, with_a_file_that_is_not_in_memory_the_boundary_is_of_its_hash)
{
    const struct byok_multipart_file file = {STR("a"), STR("audio/wav"), {NULL, 1000}, STR(HASH)};
    static const struct {
        const char *beside, *boundary;
    } cases[] = {
        {"x", "byokd-form-" HASH_48 "-01"},
        {"--byokd-form-" HASH_48 "-01", "byokd-form-" HASH_48 "-02"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_multipart form;
        struct byok_str type;
        struct byok_http_request request = {0};
        byok_multipart_init(&form, &arena);
        byok_multipart_text(&form, STR("prompt"), byok_str_of(cases[i].beside));
        byok_multipart_file(&form, STR("file"), &file);
        cr_assert_eq(byok_multipart_end(&form, &request, &type, NULL), BYOK_E_OK);
        struct byok_str boundary = {type.ptr + 30, type.len - 30};
        cr_expect(byok_str_is(boundary, cases[i].boundary), "%.*s", BYOK_STR_ARG(type));
        cr_expect_leq(boundary.len, 70, "RFC 2046, 5.1.1");
        cr_assert_eq(request.piece_count, 5);
        cr_expect(byok_http_piece_is_file(&request.pieces[3]));
        cr_expect_eq(request.pieces[3].len, 1000);
    }
}

Test(multipart, takes_another_boundary_when_a_part_holds_the_first)
{
    static const char *const texts[] = {"--byokd-form-01", "x--byokd-form-01x", "----byokd-form-01",
                                        "---byokd-form-01--"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_multipart form;
        struct byok_str type;
        struct byok_http_request request = {0};
        byok_multipart_init(&form, &arena);
        byok_multipart_text(&form, STR("a"), byok_str_of(texts[i]));
        cr_assert_eq(byok_multipart_end(&form, &request, &type, NULL), BYOK_E_OK);
        cr_expect(byok_str_is(type, "multipart/form-data; boundary=byokd-form-02"), "%s", texts[i]);
    }
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_multipart form;
    struct byok_str type;
    struct byok_http_request request = {0};
    byok_multipart_init(&form, &arena);
    byok_multipart_text(&form, STR("--byokd-form-01"), STR("--byokd-form-0"));
    cr_assert_eq(byok_multipart_end(&form, &request, &type, NULL), BYOK_E_OK);
    cr_assert(byok_str_is(type, "multipart/form-data; boundary=byokd-form-02"), "in a name");
}

Test(multipart, gives_up_when_a_part_holds_every_boundary)
{
    BYOK_AUTO(byok_arena) arena = {0};
    BYOK_AUTO(byok_buf) all = {.cap_bytes = 1 << 16};
    struct byok_multipart form;
    struct byok_str type;
    struct byok_http_request request = {0};
    struct byok_fault fault;
    for (int i = 0; i < 100; i++)
        byok_buf_printf(&all, "--byokd-form-%02d", i);
    byok_multipart_init(&form, &arena);
    byok_multipart_text(&form, STR("a"), byok_buf_str(&all));
    cr_assert_eq(byok_multipart_end(&form, &request, &type, &fault), BYOK_E_BAD_REQUEST);
    cr_assert(strstr(fault.text, "boundary"));
}

Test(multipart, says_so_when_the_arena_is_too_small)
{
    for (size_t cap = 16; cap < 8192; cap += 16) {
        BYOK_AUTO(byok_arena) arena = {.cap_bytes = cap};
        struct byok_multipart form;
        struct byok_str type = {NULL, 0};
        struct byok_http_request request = {0};
        byok_multipart_init(&form, &arena);
        byok_multipart_text(&form, STR("a"), STR("x"));
        byok_multipart_text(&form, STR("b"), STR("y"));
        enum byok_err err = byok_multipart_end(&form, &request, &type, NULL);
        cr_assert(err == BYOK_E_OK || err == BYOK_E_NOMEM);
        if (err != BYOK_E_OK)
            continue;
        arena.cap_bytes = 0;
        join_body(&arena, &request);
        cr_assert(byok_str_is(request.body, FIELD("a", "x") FIELD("b", "y") END));
    }
}
