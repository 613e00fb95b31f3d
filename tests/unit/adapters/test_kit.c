/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_kit.c - JSON bodies, headers and texts for people. */
#include "adapters/kit.h"

#include <stdio.h>

#include <criterion/criterion.h>

#include "calls.h"
#include "schemas/utf8.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static enum byok_err read_as(const char *type, const char *body, struct byok_fault *fault)
{
    struct call c;
    struct byok_http_header header;
    struct byok_value root;
    call_init(&c, "openai", NULL, NULL);
    struct byok_http_response response = answer_of(200, type, byok_str_of(body), &header);
    enum byok_err err = byok_kit_read(&c.call, &response, &root, fault);
    call_done(&c);
    return err;
}

Test(kit, put_replaces_a_member_of_the_same_name)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value map = byok_value_map();
    byok_kit_put(&arena, &map, (struct byok_str){"abc", 1}, byok_value_int(1));
    byok_kit_put(&arena, &map, STR("b"), byok_value_int(2));
    byok_kit_put(&arena, &map, STR("a"), byok_value_int(3));
    cr_assert_eq(map.count, 2);
    cr_assert(byok_str_is(byok_kit_json(&arena, &map), "{\"a\":3,\"b\":2}"));
}

Test(kit, read_takes_an_object_and_nothing_else)
{
    struct byok_fault fault = {.code = BYOK_E_OK};
    cr_assert_eq(read_as("application/json", "{\"a\":1}", &fault), BYOK_E_OK);
    cr_assert_eq(read_as("", " {\"a\":1}\n", &fault), BYOK_E_OK);
    cr_assert_eq(read_as("application/json", "[1]", &fault), BYOK_E_BAD_ANSWER);
    cr_assert(strstr(fault.text, "not an object"));
    cr_assert_eq(read_as("application/json", "{\"a\":", &fault), BYOK_E_BAD_ANSWER);
    cr_assert(strstr(fault.text, "5 bytes"), "%s", fault.text);
    cr_assert_eq(read_as("text/html", "{\"a\":1}", &fault), BYOK_E_BAD_ANSWER);
    cr_assert(strstr(fault.text, "HTML"));
    cr_assert_eq(read_as("application/json", " <html>", &fault), BYOK_E_BAD_ANSWER);
    cr_assert(strstr(fault.text, "HTML"));
}

Test(kit, read_says_when_an_answer_is_larger_than_the_memory_for_it)
{
    struct call c;
    struct byok_http_header header;
    struct byok_value root;
    char body[4096];
    snprintf(body, sizeof body, "{\"a\":\"%03000d\"}", 0);
    call_init(&c, "openai", NULL, NULL);
    BYOK_AUTO(byok_arena) small = {.cap_bytes = 1024};
    c.call.arena = &small;
    struct byok_http_response response =
        answer_of(200, "application/json", byok_str_of(body), &header);
    cr_assert_eq(byok_kit_read(&c.call, &response, &root, &c.fault), BYOK_E_TOO_LARGE);
    call_done(&c);
}

Test(kit, begin_writes_the_attempt_into_its_header_as_ascii)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "openai", NULL, NULL);
    c.call.attempt_id = STR("a b/\xC3\xBC%/1");
    byok_kit_begin(&c.call, "GET", "/x", "Id", &request);
    cr_assert_str_eq(request.url.ptr, "https://api.openai.com/v1/x");
    cr_assert_eq(request.header_count, 2);
    cr_assert(byok_str_is(request.headers[1].value, "a%20b/%C3%BC%25/1"));
    call_done(&c);
}

Test(kit, configured_headers_win)
{
    static const struct byok_http_header extra[] = {
        {BYOK_STR("content-type"), BYOK_STR("application/json; charset=utf-8")}};
    struct call c;
    struct byok_http_request request;
    struct byok_value body = byok_value_map();
    call_init(&c, "openai", NULL, NULL);
    c.provider.extra_headers = extra;
    c.provider.extra_header_count = 1;
    byok_kit_begin(&c.call, "POST", "/x", NULL, &request);
    cr_assert_eq(byok_kit_end_json(&c.call, &body, &request, &c.fault), BYOK_E_OK);
    cr_assert_eq(request.header_count, 2);
    cr_assert(byok_str_is(request.headers[1].value, "application/json; charset=utf-8"));
    cr_assert(byok_str_is(request.body, "{}"));
    call_done(&c);
}

Test(kit, clean_takes_control_characters_out)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str clean = byok_kit_clean(&arena, STR(" a\x1b[1mb\nc\x7f"
                                                       "d\xC2\x9B"
                                                       "e\xC3\xBC\xFF "));
    cr_assert(byok_str_is(clean, "a [1mb c d  e\xC3\xBC\xEF\xBF\xBD"), "%.*s", BYOK_STR_ARG(clean));
    cr_assert_eq(byok_kit_clean(&arena, STR("  \n ")).len, 0);
    cr_assert_eq(byok_kit_clean(&arena, (struct byok_str){NULL, 0}).len, 0);
}

Test(kit, clean_cuts_no_character)
{
    for (size_t pad = 0; pad < 8; pad++) {
        BYOK_AUTO(byok_arena) arena = {0};
        char text[BYOK_FAULT_TEXT_BYTES + 64];
        memset(text, 'a', sizeof text);
        for (size_t i = pad; i + 4 <= sizeof text; i += 4)
            memcpy(text + i, "\xF0\x9F\x91\x8B", 4);
        struct byok_str clean = byok_kit_clean(&arena, (struct byok_str){text, sizeof text});
        cr_assert_lt(clean.len, BYOK_FAULT_TEXT_BYTES);
        cr_assert_gt(clean.len, BYOK_FAULT_TEXT_BYTES - 8);
        cr_assert_eq(byok_utf8_valid(clean), clean.len);
        cr_assert_eq(byok_str_find(clean, STR("\xEF\xBF\xBD")), SIZE_MAX, "nothing was ill-formed");
    }
}

Test(kit, counts_are_whole_and_not_negative)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value map =
        json_of(&arena, STR("{\"a\":{\"b\":3},\"c\":-1,\"d\":1.5,\"e\":\"3\",\"f\":2.0}"));
    cr_assert_eq(byok_kit_count(&map, "a.b"), 3);
    cr_assert_eq(byok_kit_count(&map, "f"), 2);
    cr_assert_eq(byok_kit_count(&map, "c"), -1);
    cr_assert_eq(byok_kit_count(&map, "d"), -1);
    cr_assert_eq(byok_kit_count(&map, "e"), -1);
    cr_assert_eq(byok_kit_count(&map, "a.x"), -1);
    cr_assert_eq(byok_kit_count(NULL, "a"), -1);
}

Test(kit, mentions_ignores_case)
{
    cr_assert(byok_kit_mentions(STR("Maximum Context Length"), "context"));
    cr_assert(byok_kit_mentions(STR("x"), "X"));
    cr_assert_not(byok_kit_mentions(STR("conten"), "content"));
    cr_assert_not(byok_kit_mentions((struct byok_str){NULL, 0}, "x"));
}
