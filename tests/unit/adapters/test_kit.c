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
    byok_value_set(&arena, &map, "nonsense", byok_value_int(INT64_MAX));
    cr_assert_eq(byok_kit_count(&map, "nonsense"), -1, "it would block its user for years");
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

Test(kit, merged_options_keep_what_they_do_not_name)
{
    struct call c;
    call_init(&c, "openai", NULL, NULL);
    struct byok_value options = json_of(
        &c.arena, byok_str_of("{\"a\":{\"x\":1,\"new\":{\"y\":2}},\"b\":{\"z\":3},\"c\":[]}"));
    struct byok_value inner = json_of(&c.arena, byok_str_of("{\"x\":0,\"old\":{\"w\":4}}"));
    struct byok_value body = byok_value_map();
    c.request.provider_options = &options;
    byok_value_set(&c.arena, &body, "a", inner);
    byok_value_set(&c.arena, &body, "b", byok_value_text("t"));
    byok_kit_merge_options(&c.call, &body);
    struct byok_value expected =
        json_of(&c.arena, byok_str_of("{\"a\":{\"x\":1,\"old\":{\"w\":4},\"new\":{\"y\":2}},"
                                      "\"b\":{\"z\":3},\"c\":[]}"));
    cr_assert(byok_value_equal(&body, &expected));
    cr_assert_eq(byok_value_find(&inner, "x")->as.u, 0, "what was merged into is a copy");
    call_done(&c);
}

Test(kit, sums_leave_out_what_is_unsaid_and_do_not_overflow)
{
    cr_expect_eq(byok_kit_sum(-1, -1), -1);
    cr_expect_eq(byok_kit_sum(-1, 2), 2);
    cr_expect_eq(byok_kit_sum(3, -1), 3);
    cr_expect_eq(byok_kit_sum(3, 2), 5);
    cr_expect_eq(byok_kit_sum(INT64_MAX, 1), INT64_MAX);
}

Test(kit, a_segment_holds_no_slash_and_nothing_that_ends_a_path)
{
    BYOK_AUTO(byok_arena) arena = {0};
    cr_expect(byok_str_is(byok_kit_segment(&arena, byok_str_of("aZ09-._~")), "aZ09-._~"));
    cr_expect(byok_str_is(byok_kit_segment(&arena, byok_str_of("a/b?c#d%:@ \xC3\xBC")),
                          "a%2Fb%3Fc%23d%25%3A%40%20%C3%BC"));
    cr_expect_eq(byok_kit_segment(&arena, byok_str_of("")).len, 0);
}

Test(kit, a_vector_is_a_list_of_finite_numbers)
{
    static const char *const lists[] = {"[]", "[1,\"2\"]", "[1e39]", "[null]", "{}", "7"};
    struct call c;
    struct byok_value vector;
    call_init(&c, "openai", NULL, NULL);
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        struct byok_value list = json_of(&c.arena, byok_str_of(lists[i]));
        cr_expect_not(byok_kit_read_vector(&c.call, &list, &vector), "%s", lists[i]);
    }
    struct byok_value list = json_of(&c.arena, byok_str_of("[1,-0.5]"));
    cr_assert(byok_kit_read_vector(&c.call, &list, &vector));
    cr_assert_eq(vector.count, 2);
    cr_assert(vector.as.floats[1] == -0.5f);
    call_done(&c);
}
