/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_error_table.c - error answers against a table of words. */
#include <criterion/criterion.h>

#include "adapters/error_table.h"
#include "calls.h"

static const char *const codes[] = {"error.code", "status", NULL};
static const char *const messages[] = {"error.message", "detail", NULL};
static const struct byok_error_rule words[] = {
    {401, "broke", BYOK_E_OUT_OF_MONEY},
    {0, "gone", BYOK_E_NOT_FOUND},
    {0, NULL, BYOK_E_OK},
};
static const struct byok_error_rule phrases[] = {
    {400, "too long", BYOK_E_CONTEXT_TOO_LONG},
    {0, NULL, BYOK_E_OK},
};
static const struct byok_error_table table = {codes, messages, words, phrases};

static struct byok_fault classify(int status, const char *body)
{
    struct call c;
    struct byok_http_header header;
    call_init(&c, "openai", NULL, NULL);
    struct byok_http_response response =
        answer_of(status, "application/json", byok_str_of(body), &header);
    memset(&c.fault, 0x5a, sizeof c.fault);
    byok_error_classify(&c.call, &response, &table, &c.fault);
    struct byok_fault fault = c.fault;
    call_done(&c);
    return fault;
}

Test(error_table, goes_by_the_word_then_the_message_then_the_status)
{
    static const struct {
        int status;
        const char *body;
        enum byok_err code;
    } cases[] = {
        {401, "{\"error\":{\"code\":\"BROKE\"}}", BYOK_E_OUT_OF_MONEY},
        {403, "{\"error\":{\"code\":\"broke\"}}", BYOK_E_PERMISSION},
        {400, "{\"status\":\"gone\"}", BYOK_E_NOT_FOUND},
        {400, "{\"detail\":\"That is Too Long.\"}", BYOK_E_CONTEXT_TOO_LONG},
        {401, "{\"detail\":\"That is Too Long.\"}", BYOK_E_KEY_INVALID},
        {400, "too long\nand more", BYOK_E_CONTEXT_TOO_LONG},
        {400, "{\"error\":", BYOK_E_BAD_REQUEST},
        {500, "[]", BYOK_E_SERVER_ERROR},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_expect_eq(classify(cases[i].status, cases[i].body).code, cases[i].code, "%d %s",
                     cases[i].status, cases[i].body);
}

Test(error_table, takes_the_first_text_of_a_list)
{
    cr_expect_str_eq(classify(422, "{\"detail\":[{\"msg\":\"Field required\"}]}").text,
                     "Field required");
    cr_expect_str_eq(classify(422, "{\"detail\":[\"No\"]}").text, "No");
    cr_expect_neq(classify(422, "{\"detail\":[]}").text[0], '\0');
}

Test(error_table, tells_limits_by_day_or_month_from_those_by_minute)
{
    cr_expect(classify(429, "{\"detail\":\"1000 calls / month\"}").day_limit);
    cr_expect(classify(429, "{\"detail\":\"200 requests per day\"}").day_limit);
    cr_expect_not(classify(429, "{\"detail\":\"40 calls / minute\"}").day_limit);
    cr_expect_not(classify(400, "{\"detail\":\"per day\"}").day_limit);
}
