/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_prices.c - a table of prices, and what calls cost by it. */
#include "schemas/prices.h"

#include <math.h>

#include <criterion/criterion.h>

#include "schemas/codec.h"
#include "schemas/result.h"

static const char table[] =
    "{\"version\":\"7\",\"currency\":\"USD\",\"prices\":["
    "{\"provider\":\"p\",\"model\":\"chat\",\"input_per_million\":2,"
    "\"cached_input_per_million\":0.5,\"output_per_million\":8},"
    "{\"provider\":\"p\",\"model\":\"keeper\",\"input_per_million\":2,"
    "\"cached_input_per_million\":0.5,\"cache_write_input_per_million\":2.5,"
    "\"cache_write_1h_input_per_million\":4,\"output_per_million\":8},"
    "{\"provider\":\"p\",\"model\":\"short\",\"input_per_million\":2,"
    "\"cache_write_input_per_million\":2.5,\"output_per_million\":8},"
    "{\"provider\":\"p\",\"model\":\"embed\",\"input_per_million\":0.02},"
    "{\"provider\":\"p\",\"model\":\"voice\",\"characters_per_million\":15},"
    "{\"provider\":\"p\",\"model\":\"ear\",\"per_minute\":0.006},"
    "{\"provider\":\"p\",\"model\":\"brush\",\"per_image\":0.04}]}";

static struct byok_str str(const char *text)
{
    return byok_str_of(text);
}

/* As JSON. */
static void costs(const char *provider, const char *model, struct byok_usage usage,
                  const char *expected)
{
    BYOK_AUTO(byok_arena) arena = {0};
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 4096};
    const struct byok_prices *prices;
    cr_assert_eq(byok_prices_read(&arena, str(table), &prices, NULL), BYOK_E_OK);
    struct byok_value cost = byok_prices_cost(&arena, prices, str(provider), str(model), &usage);
    cr_assert_eq(byok_encode(BYOK_JSON, &cost, &buf), BYOK_E_OK);
    cr_expect(byok_str_is(byok_buf_str(&buf), expected), "%s: %.*s", model,
              BYOK_STR_ARG(byok_buf_str(&buf)));
}

static struct byok_usage tokens(int64_t input, int64_t cached, int64_t output)
{
    struct byok_usage usage = BYOK_USAGE_UNSAID;
    usage.input_tokens = input;
    usage.cached_tokens = cached;
    usage.output_tokens = output;
    return usage;
}

#define COST(amount) "{\"amount\":" amount ",\"currency\":\"USD\",\"price_table\":\"7\"}"

Test(prices, each_unit_costs_what_the_table_says)
{
    struct byok_usage voice = BYOK_USAGE_UNSAID, ear = voice, brush = voice;
    voice.characters = 1000;
    ear.milliseconds = 90000;
    brush.images = 3;
    costs("p", "chat", tokens(1000000, -1, 500000), COST("6.0"));
    costs("p", "chat", tokens(1000000, 400000, 0), COST("1.4"));
    costs("p", "embed", tokens(1, -1, -1), COST("2e-8"));
    costs("p", "voice", voice, COST("0.015"));
    costs("p", "ear", ear, COST("0.009"));
    costs("p", "brush", brush, COST("0.12"));
}

static struct byok_usage written(int64_t input, int64_t cached, int64_t all, int64_t hour)
{
    struct byok_usage usage = tokens(input, cached, 0);
    usage.cache_write_tokens = all;
    usage.cache_write_1h_tokens = hour;
    return usage;
}

/* 2 a million as input, 0.5 from the cache, 2.5 to it, 4 to it for an hour. */
Test(prices, what_is_written_to_a_cache_has_its_prices)
{
    costs("p", "keeper", written(1000000, 0, 1000000, 0), COST("2.5"));
    costs("p", "keeper", written(1000000, 0, 1000000, 1000000), COST("4.0"));
    costs("p", "keeper", written(1000000, 500000, 300000, 100000), COST("1.55"));
    costs("p", "keeper", written(1000000, 0, 0, -1), COST("2.0"));
    costs("p", "keeper", written(1000000, 0, -1, -1), COST("2.0"));
    costs("p", "keeper", written(1000000, 600000, 5000000, 9000000), COST("1.9"));
    costs("p", "short", written(1000000, 0, 1000000, -1), COST("2.5"));
    costs("p", "short", written(1000000, 0, 1000000, 0), COST("2.5"));
}

Test(prices, what_is_written_to_a_cache_at_no_known_price_costs_null)
{
    costs("p", "keeper", written(1000000, 0, 1, -1), "null");
    costs("p", "short", written(1000000, 0, 2, 1), "null");
    costs("p", "chat", written(1000000, 0, 1, 0), "null");
    costs("p", "chat", written(1000000, 0, 1, 1), "null");
    costs("p", "chat", written(1000000, 0, 0, 0), COST("2.0"));
    costs("p", "voice", written(1000000, 0, 1, 0), "null");
}

Test(prices, what_is_not_known_costs_null)
{
    costs("q", "chat", tokens(1, 0, 1), "null");
    costs("p", "chat-mini", tokens(1, 0, 1), "null");
    costs("p", "chat", tokens(1, 0, -1), "null");
    costs("p", "brush", tokens(1, 0, 1), "null");
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_usage usage = tokens(1, 0, 1);
    cr_assert_eq(byok_prices_cost(&arena, NULL, str("p"), str("chat"), &usage).type,
                 BYOK_VALUE_NULL);
}

Test(prices, a_model_is_found_with_its_version_too)
{
    costs("p", "chat-2024-07-18", tokens(0, 0, 1000000), COST("8.0"));
    costs("p", "chat-20250929", tokens(0, 0, 1000000), COST("8.0"));
    costs("p", "chat-latest", tokens(0, 0, 1000000), COST("8.0"));
    costs("p", "models/chat-001", tokens(0, 0, 1000000), COST("8.0"));
    costs("p", "chat-0613", tokens(0, 0, 1000000), "null");
    costs("p", "-latest", tokens(0, 0, 1000000), "null");
}

Test(prices, more_cached_than_input_is_no_negative_cost)
{
    costs("p", "chat", tokens(1000000, 5000000, 0), COST("0.5"));
}

Test(prices, a_table_that_is_wrong_is_refused_by_item)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{\"version\":\"1\",\"currency\":\"USD\"}",
        "{\"prices\":[]}",
        "{\"version\":\"1\",\"currency\":\"USD\",\"prices\":[{\"provider\":\"p\"}]}",
        "{\"version\":\"1\",\"currency\":\"USD\",\"prices\":[{\"provider\":\"p\",\"model\":\"m\"}]"
        "}",
        "{\"version\":\"1\",\"currency\":\"USD\",\"prices\":[{\"provider\":\"p\",\"model\":\"m\","
        "\"per_image\":-1}]}",
        "{\"version\":\"1\",\"currency\":\"USD\",\"prices\":[{\"provider\":\"p\",\"model\":\"m\","
        "\"per_image\":1},{\"provider\":\"p\",\"model\":\"m\",\"per_image\":1}]}",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_fault fault = {.code = BYOK_E_OK};
        const struct byok_prices *prices;
        cr_expect_eq(byok_prices_read(&arena, str(wrong[i]), &prices, &fault), BYOK_E_CONFIG, "%s",
                     wrong[i]);
        cr_expect(strstr(fault.text, "prices"), "%s", fault.text);
    }
}

Test(prices, the_table_built_in_is_right)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_fault fault = {.code = BYOK_E_OK};
    const struct byok_prices *prices;
    struct byok_usage usage = tokens(1000000, 0, 1000000);
    cr_assert_eq(byok_prices_read(&arena, byok_prices_builtin(), &prices, &fault), BYOK_E_OK, "%s",
                 fault.text);
    cr_assert_gt(byok_prices_version(prices).len, 0);
    struct byok_value cost =
        byok_prices_cost(&arena, prices, str("openai"), str("gpt-4o-mini-2024-07-18"), &usage);
    double amount;
    cr_assert(byok_value_as_double(byok_value_find(&cost, "amount"), &amount));
    cr_assert_float_eq(amount, 0.75, 1e-9);
}

Test(prices, money_is_whole_billionths_to_the_nearest)
{
    static const struct {
        double amount;
        int64_t money;
    } good[] = {{0, 0},     {0.1, 100000000}, {12.5, 12500000000},  {2e-8, 20},
                {4e-10, 0}, {6e-10, 1},       {1e9, BYOK_MONEY_MAX}};
    static const double bad[] = {-1e-9, 1.000001e9, INFINITY, NAN};
    int64_t money = 0;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        cr_assert(byok_money_of(good[i].amount, &money));
        cr_assert_eq(money, good[i].money, "%zu", i);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        cr_assert_not(byok_money_of(bad[i], &money), "%zu", i);
}

Test(prices, an_amount_is_the_cost_as_money_or_not_known)
{
    BYOK_AUTO(byok_arena) arena = {0};
    const struct byok_prices *prices;
    struct byok_usage usage = tokens(5, -1, 7), huge = tokens(INT64_MAX, -1, 0);
    int64_t money = 0;
    cr_assert_eq(byok_prices_read(&arena, str(table), &prices, NULL), BYOK_E_OK);
    cr_assert(byok_prices_amount(prices, str("p"), str("chat"), &usage, &money));
    cr_assert_eq(money, 66000);
    cr_assert(byok_prices_amount(prices, str("p"), str("embed"), &usage, &money));
    cr_assert_eq(money, 100, "a tenth of a millionth");
    cr_assert(byok_prices_amount(prices, str("p"), str("chat"), &huge, &money));
    cr_assert_eq(money, BYOK_MONEY_MAX);
    cr_assert_not(byok_prices_amount(prices, str("p"), str("other"), &usage, &money));
    cr_assert_not(byok_prices_amount(prices, str("p"), str("voice"), &usage, &money));
    cr_assert_not(byok_prices_amount(NULL, str("p"), str("chat"), &usage, &money));
}
