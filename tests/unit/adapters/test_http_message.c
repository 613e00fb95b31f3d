/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_http_message.c - looking up a header. */
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
