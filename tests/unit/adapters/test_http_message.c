/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_http_message.c - looking at requests and answers. */
#include "adapters/http_message.h"

#include <criterion/criterion.h>

Test(http_message, a_header_is_found_whatever_the_case_of_its_name)
{
    const struct byok_http_header headers[] = {{BYOK_STR("content-type"), BYOK_STR("text/plain")},
                                               {BYOK_STR("X-Request-Id"), BYOK_STR("1")}};
    const struct byok_http_response response = {.headers = headers, .header_count = 2};
    cr_assert(byok_str_is(byok_http_header_of(&response, "x-request-id"), "1"));
    cr_assert(byok_str_is(byok_http_header_of(&response, "content-type"), "text/plain"));
    cr_assert_eq(byok_http_header_of(&response, "x").len, 0);
}

Test(http_message, a_path_that_leads_elsewhere_is_told)
{
    static const struct {
        const char *url;
        bool climbs;
    } cases[] = {
        {"https://a.test/v1/models/..", true},
        {"https://a.test/v1/deployments/../chat", true},
        {"https://a.test/v1/./chat", true},
        {"https://a.test/v1/%2e%2E/chat", true},
        {"https://a.test/v1/.%2e?x", true},
        {"https://a.test/v1/.#x", true},
        {"https://a.test/v1/..:generate", false},
        {"https://a.test/v1/.../chat", false},
        {"https://a.test/v1/.env/gpt-4.1", false},
        {"https://a.test/v1/chat?next=/../x", false},
        {"https://a.test", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(byok_http_path_climbs(byok_str_of(cases[i].url)), cases[i].climbs, "%s",
                     cases[i].url);
}
