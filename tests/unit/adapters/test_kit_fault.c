/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_kit_fault.c - the fault of an answer that is an error. */
#include <criterion/criterion.h>

#include "adapters/kit_fault.h"
#include "calls.h"

static struct byok_fault fault_of(int status, const char *body, enum byok_err code)
{
    static const struct byok_http_header header = {BYOK_STR("retry-after"), BYOK_STR("7")};
    struct call c;
    call_init(&c, "openai", NULL, NULL);
    const struct byok_http_response response = {
        .status = status, .headers = &header, .header_count = 1, .body = byok_str_of(body)};
    memset(&c.fault, 0x5a, sizeof c.fault);
    byok_kit_fault(&c.call, &response, code, byok_kit_plain_message(&response), &c.fault);
    struct byok_fault fault = c.fault;
    call_done(&c);
    return fault;
}

Test(kit_fault, says_what_the_provider_says_or_what_the_code_means)
{
    cr_assert_str_eq(fault_of(500, " It broke\nand more", BYOK_E_SERVER_ERROR).text, "It broke");
    cr_assert_str_eq(fault_of(500, "", BYOK_E_SERVER_ERROR).text,
                     "provider \"openai\" answered HTTP 500 without a message: the provider failed "
                     "inside");
    cr_assert_str_eq(fault_of(500, "{\"a\":", BYOK_E_SERVER_ERROR).text,
                     fault_of(500, "", BYOK_E_SERVER_ERROR).text);
    cr_assert(strstr(fault_of(404, "<html>", BYOK_E_NOT_FOUND).text, "with an HTML page"));
    cr_assert(strstr(fault_of(302, "moved", BYOK_E_CONFIG).text, "check its base_url"));
}

Test(kit_fault, sets_every_member_and_a_wait_only_where_waiting_helps)
{
    const struct byok_fault fault = fault_of(429, "", BYOK_E_RATE_LIMITED);
    cr_assert_eq(fault.code, BYOK_E_RATE_LIMITED);
    cr_assert_eq(fault.http_status, 429);
    cr_assert_eq(fault.retry_after_ms, 7000);
    cr_assert_not(fault.day_limit);
    cr_assert_eq(fault_of(503, "", BYOK_E_OVERLOADED).retry_after_ms, 7000);
    cr_assert_eq(fault_of(429, "", BYOK_E_OUT_OF_MONEY).retry_after_ms, -1);
    cr_assert_eq(fault_of(400, "", BYOK_E_BAD_REQUEST).retry_after_ms, -1);
}
