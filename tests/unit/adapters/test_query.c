/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_query.c - trees as the query of a URL. */
#include <criterion/criterion.h>

#include "adapters/query.h"
#include "calls.h"

static void check(const char *json, const char *before, const char *after)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = 1 << 16};
    struct byok_value map = json_of(&arena, byok_str_of(json));
    struct byok_str url = byok_str_of(before);
    byok_query_add(&arena, &url, &map);
    cr_expect_str_eq(url.ptr, after, "%s: %s", json, url.ptr);
    cr_expect_eq(strlen(url.ptr), url.len);
}

Test(query, holds_every_kind_of_member)
{
    check("{}", "http://h/p", "http://h/p");
    check("{\"a\":\"b\"}", "http://h/p", "http://h/p?a=b");
    check("{\"a\":\"b\",\"c\":true}", "http://h/p?x=1", "http://h/p?x=1&a=b&c=true");
    check("{\"a\":1,\"b\":0.5,\"c\":-3}", "http://h", "http://h?a=1&b=0.5&c=-3");
    check("{\"a\":[\"b\",2,null],\"c\":[]}", "http://h", "http://h?a=b&a=2");
    check("{\"a\":{\"b\":[1]}}", "http://h", "http://h?a=%7B%22b%22%3A%5B1%5D%7D");
    check("{\"a\":null}", "http://h", "http://h");
}

Test(query, is_left_by_no_text)
{
    check("{\"a&b\":\"c d&e=f#g?h/\xC3\xBC\\u0000\\r\\n\"}", "http://h",
          "http://h?a%26b=c%20d%26e%3Df%23g%3Fh%2F%C3%BC%00%0D%0A");
}

Test(query, without_memory_fails_the_arena)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = 64};
    BYOK_AUTO(byok_arena) other = {.cap_bytes = 1 << 16};
    struct byok_value map = json_of(&other, byok_str_of("{\"a\":\"b\"}"));
    struct byok_str url = byok_str_of("http://h");
    byok_query_add(&arena, &url, &map);
    cr_assert(byok_arena_failed(&arena));
}
