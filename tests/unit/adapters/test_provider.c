/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_provider.c - a configured provider, checked and completed. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/adapter.h"

static enum byok_err complete(struct byok_arena *arena, const char *base_url,
                              struct byok_provider *out, struct byok_fault *fault)
{
    *out = (struct byok_provider){.name = "p", .base_url = base_url};
    return byok_provider_complete(arena, out, "openai", fault);
}

Test(provider, takes_from_the_adapter_what_is_not_configured)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_provider provider;
    struct byok_fault fault;
    cr_assert_eq(complete(&arena, NULL, &provider, &fault), BYOK_E_OK);
    cr_assert_str_eq(provider.base_url, "https://api.openai.com/v1");
    cr_assert_str_eq(provider.origin, "https://api.openai.com");
    cr_assert_str_eq(provider.auth_header, "Authorization");
    cr_assert_str_eq(provider.auth_prefix, "Bearer ");
    cr_assert_eq(provider.adapter, byok_adapter_find("openai"));
}

Test(provider, is_named_as_its_adapter_when_it_has_no_name)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_provider provider = {.name = NULL};
    cr_assert_eq(byok_provider_complete(&arena, &provider, "openai", NULL), BYOK_E_OK);
    cr_assert_str_eq(provider.name, "openai");
}

Test(provider, writes_addresses_in_one_form)
{
    static const struct {
        const char *base_url, *written, *origin;
    } cases[] = {
        {"https://a.example/v1/", "https://a.example/v1", "https://a.example"},
        {"https://a.example/v1///", "https://a.example/v1", "https://a.example"},
        {"https://a.example", "https://a.example", "https://a.example"},
        {"https://a.example/", "https://a.example", "https://a.example"},
        {" HTTPS://A.Example:443/V1 ", "https://a.example/V1", "https://a.example"},
        {"http://127.0.0.1:8080/x", "http://127.0.0.1:8080/x", "http://127.0.0.1:8080"},
        {"http://a.example:80/x", "http://a.example/x", "http://a.example"},
        {"https://a.example:80/x", "https://a.example:80/x", "https://a.example:80"},
        {"http://[::1]:9/x", "http://[::1]:9/x", "http://[::1]:9"},
        {"http://[::FF]", "http://[::ff]", "http://[::ff]"},
        {"http://my_host-1:1/a%20b@c", "http://my_host-1:1/a%20b@c", "http://my_host-1:1"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_provider provider;
        struct byok_fault fault = {.code = BYOK_E_OK};
        cr_assert_eq(complete(&arena, cases[i].base_url, &provider, &fault), BYOK_E_OK, "%s: %s",
                     cases[i].base_url, fault.text);
        cr_expect_str_eq(provider.base_url, cases[i].written);
        cr_expect_str_eq(provider.origin, cases[i].origin);
    }
}

Test(provider, refuses_addresses_that_are_none_and_does_not_repeat_them)
{
    static const char *const cases[] = {
        "",
        "a.example",
        "ftp://secret.example",
        "https:/secret.example",
        "https://",
        "https:///secret",
        "https://secret@a.example",
        "https://u:secret@a.example/v1",
        "https://a.example/?k=secret",
        "https://a.example/#secret",
        "https://a.example:0/secret",
        "https://a.example:65536/secret",
        "https://a.example:secret",
        "https://a.example:/secret",
        "https://a b.example/secret",
        "https://a.example\\@secret.example",
        "https://a.example/\x01secret",
        "https://[::1/secret",
        "https://[]/secret",
        "https://[::1]x/secret",
        "https://secr\xC3\xA9t.example",
        "https://a.example:443:443/secret",
        "https://a.example?secret",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_provider provider;
        struct byok_fault fault = {.code = BYOK_E_OK};
        cr_expect_eq(complete(&arena, cases[i], &provider, &fault), BYOK_E_CONFIG, "%s", cases[i]);
        cr_expect(strstr(fault.text, "\"p\""), "%s", fault.text);
        cr_expect_null(strstr(fault.text, "secret"), "%s", fault.text);
        cr_expect_null(provider.adapter, "the provider is left as it was");
    }
}

Test(provider, refuses_a_host_that_is_too_long)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_provider provider;
    struct byok_fault fault;
    char url[600];
    snprintf(url, sizeof url, "https://%0300d.example", 0);
    cr_assert_eq(complete(&arena, url, &provider, &fault), BYOK_E_CONFIG);
}

Test(provider, refuses_an_adapter_that_is_not_there)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_provider provider = {.name = "p"};
    struct byok_fault fault;
    cr_assert_eq(byok_provider_complete(&arena, &provider, "nobody", &fault), BYOK_E_CONFIG);
    cr_assert(strstr(fault.text, "nobody"));
}

Test(provider, gives_the_prefix_of_the_adapters_header_to_no_other_header)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_provider other = {.name = "p", .auth_header = "api-key"};
    struct byok_provider same = {.name = "p", .auth_header = "authorization"};
    struct byok_provider own = {.name = "p", .auth_header = "api-key", .auth_prefix = "Key "};
    cr_assert_eq(byok_provider_complete(&arena, &other, "openai", NULL), BYOK_E_OK);
    cr_assert_eq(byok_provider_complete(&arena, &same, "openai", NULL), BYOK_E_OK);
    cr_assert_eq(byok_provider_complete(&arena, &own, "openai", NULL), BYOK_E_OK);
    cr_assert_str_eq(other.auth_prefix, "");
    cr_assert_str_eq(same.auth_prefix, "Bearer ");
    cr_assert_str_eq(own.auth_prefix, "Key ");
}

Test(provider, refuses_headers_that_are_none_or_not_to_be_set)
{
    static const struct byok_http_header bad[] = {
        {BYOK_STR(""), BYOK_STR("v")},
        {BYOK_STR("a b"), BYOK_STR("v")},
        {BYOK_STR("a:"), BYOK_STR("v")},
        {BYOK_STR("a"), BYOK_STR("v\r\nx: y")},
        {BYOK_STR("host"), BYOK_STR("v")},
        {BYOK_STR("Content-Length"), BYOK_STR("1")},
        {BYOK_STR("authorization"), BYOK_STR("v")},
        {BYOK_STR("API-KEY"), BYOK_STR("v")},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_provider provider = {.name = "p",
                                         .auth_header = "api-key",
                                         .extra_headers = &bad[i],
                                         .extra_header_count = 1};
        cr_expect_eq(byok_provider_complete(&arena, &provider, "openai", NULL), BYOK_E_CONFIG,
                     "header %zu", i);
    }
}

Test(provider, refuses_more_headers_than_a_request_has_room_for)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_http_header many[BYOK_HTTP_HEADERS_MAX];
    for (size_t i = 0; i < BYOK_HTTP_HEADERS_MAX; i++)
        many[i] = (struct byok_http_header){BYOK_STR("x"), BYOK_STR("1")};
    struct byok_provider provider = {
        .name = "p", .extra_headers = many, .extra_header_count = BYOK_HTTP_HEADERS_MAX};
    cr_assert_eq(byok_provider_complete(&arena, &provider, "openai", NULL), BYOK_E_CONFIG);
}

Test(provider, refuses_an_auth_header_that_cannot_be_one)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_provider header = {.name = "p", .auth_header = "a: b"};
    struct byok_provider prefix = {.name = "p", .auth_prefix = "Bearer\n"};
    cr_assert_eq(byok_provider_complete(&arena, &header, "openai", NULL), BYOK_E_CONFIG);
    cr_assert_eq(byok_provider_complete(&arena, &prefix, "openai", NULL), BYOK_E_CONFIG);
}

Test(provider, says_so_when_there_is_no_memory)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = 1};
    struct byok_provider provider;
    struct byok_fault fault;
    cr_assert_eq(complete(&arena, NULL, &provider, &fault), BYOK_E_NOMEM);
    cr_assert_null(provider.adapter);
}
