/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_request_settings.c - user.configure; refusals stand in the vectors. */
#include "schemas/request_parts.h"

#include <criterion/criterion.h>

#include "schemas/prices.h"

#include "trees.h"

static struct byok_request configured(struct byok_arena *arena, const char *json)
{
    struct byok_request request = {
        .root = from_json(arena, json),
        .settings = {
            .requests_per_minute = -1, .tokens_per_minute = -1, .concurrency = -1, .budget = -1}};
    struct byok_fault fault = {0};
    cr_assert_eq(byok_read_settings(&request, &fault), BYOK_E_OK, "%s: %s", json, fault.text);
    return request;
}

Test(request_settings, what_is_not_named_is_unchanged)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_user_settings settings = configured(&arena, "{}").settings;
    cr_assert_eq(settings.requests_per_minute, BYOK_SETTING_UNCHANGED);
    cr_assert_eq(settings.concurrency, BYOK_SETTING_UNCHANGED);
    for (int i = 0; i < BYOK_CAPABILITY_COUNT; i++)
        cr_assert_eq(settings.provider[i].len + settings.model[i].len, 0);
}

Test(request_settings, zero_is_no_limit_and_null_is_the_workers_default)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_user_settings settings =
        configured(&arena, "{\"limits\":{\"requests_per_minute\":0,\"concurrency\":null}}")
            .settings;
    cr_assert_eq(settings.requests_per_minute, 0);
    cr_assert_eq(settings.concurrency, BYOK_SETTING_DEFAULT);
    cr_assert_eq(settings.tokens_per_minute, BYOK_SETTING_UNCHANGED);
}

Test(request_settings, a_budget_is_an_amount_of_money_and_its_period)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_user_settings settings =
        configured(&arena, "{\"limits\":{\"budget\":{\"amount\":0.1,\"period\":\"day\"}}}")
            .settings;
    cr_assert_eq(settings.budget, BYOK_MONEY_UNIT / 10);
    cr_assert_eq(settings.budget_period, BYOK_BUDGET_DAY);
    settings = configured(&arena, "{\"limits\":{\"budget\":{\"amount\":0,\"period\":\"month\"}}}")
                   .settings;
    cr_assert_eq(settings.budget, 0);
    cr_assert_eq(configured(&arena, "{\"limits\":{\"budget\":null}}").settings.budget,
                 BYOK_SETTING_DEFAULT);
    cr_assert_eq(configured(&arena, "{\"limits\":{}}").settings.budget, BYOK_SETTING_UNCHANGED);
}

Test(request_settings, default_keys_are_labels_by_provider)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_user_settings settings =
        configured(&arena, "{\"default_keys\":{\"openai\":\"work\",\"x\":null}}").settings;
    cr_assert_eq(settings.default_keys->count, 2);
    cr_assert_null(configured(&arena, "{}").settings.default_keys);
}

Test(request_settings, a_new_provider_does_not_keep_the_old_ones_model)
{
    static const struct {
        const char *choice, *provider, *model;
    } cases[] = {
        {"{\"provider\":\"a\",\"model\":\"m\"}", "a", "m"},
        {"{\"provider\":\"a\"}", "a", "-"},
        {"{\"model\":\"m\"}", "", "m"},
        {"{\"provider\":\"a\",\"model\":null}", "a", "-"},
        {"{\"model\":null}", "", "-"},
        {"null", "-", "-"},
        {"{}", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_str json =
            byok_arena_printf(&arena, "{\"defaults\":{\"embeddings\":%s}}", cases[i].choice);
        struct byok_user_settings settings = configured(&arena, json.ptr).settings;
        cr_assert(byok_str_is(settings.provider[BYOK_EMBEDDINGS], cases[i].provider), "case %zu",
                  i);
        cr_assert(byok_str_is(settings.model[BYOK_EMBEDDINGS], cases[i].model), "case %zu", i);
        cr_assert_eq(settings.provider[BYOK_CHAT].len, 0);
    }
}
