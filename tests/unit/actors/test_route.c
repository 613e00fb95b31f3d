/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_route.c - which provider and model a request goes to. */
#include <criterion/criterion.h>

#include "actors/user/route.h"

#define TEXT(literal) byok_str_of(literal)

static struct byok_provider providers[2];
static struct byok_env env = {.providers = providers, .provider_count = 2};
static struct byok_user_record user;
static struct byok_task task;

static struct byok_adapter chat_only;

static void setup(void)
{
    chat_only = *byok_adapter_find("openai");
    chat_only.ops[BYOK_TEXT_TO_SPEECH] = (struct byok_adapter_ops){0};
    for (size_t i = 0; i < 2; i++) {
        providers[i].name = i == 0 ? "openai" : "other";
        providers[i].adapter = &chat_only;
    }
    providers[0].default_model[BYOK_CHAT] = "gpt";
    byok_user_record_init(&user);
    byok_arena_init(&task.arena, 0);
}

static void teardown(void)
{
    byok_arena_done(&task.arena);
    byok_user_record_done(&user);
}

TestSuite(route, .init = setup, .fini = teardown);

Test(route, by_request_then_user_then_default)
{
    static const struct {
        const char *provider, *model, *chosen_provider, *chosen_model;
        enum byok_capability capability;
        enum byok_err err;
        const char *to, *with;
    } cases[] = {
        {"openai", "m", "", "", BYOK_CHAT, BYOK_E_OK, "openai", "m"},
        {"openai", "", "", "", BYOK_CHAT, BYOK_E_OK, "openai", "gpt"},
        {"", "", "openai", "mine", BYOK_CHAT, BYOK_E_OK, "openai", "mine"},
        {"", "m", "openai", "mine", BYOK_CHAT, BYOK_E_OK, "openai", "m"},
        {"", "", "openai", "", BYOK_CHAT, BYOK_E_OK, "openai", "gpt"},
        {"openai", "", "other", "mine", BYOK_CHAT, BYOK_E_OK, "openai", "gpt"},
        {"other", "", "", "", BYOK_CHAT, BYOK_E_BAD_REQUEST, NULL, NULL},
        {"", "", "", "", BYOK_CHAT, BYOK_E_NO_PROVIDER, NULL, NULL},
        {"nobody", "", "", "", BYOK_CHAT, BYOK_E_UNKNOWN_PROVIDER, NULL, NULL},
        {"openai", "m", "", "", BYOK_TEXT_TO_SPEECH, BYOK_E_UNSUPPORTED, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum byok_capability capability = cases[i].capability;
        struct byok_fault fault = {0};
        task.request = (struct byok_request){
            .capability = capability,
            .provider = TEXT(cases[i].provider),
            .model = TEXT(cases[i].model),
        };
        strcpy(user.choice[capability].provider, cases[i].chosen_provider);
        strcpy(user.choice[capability].model, cases[i].chosen_model);
        cr_assert_eq(byok_route(&env, &user, &task, &fault), cases[i].err, "case %zu", i);
        if (cases[i].err != BYOK_E_OK)
            continue;
        cr_assert_str_eq(task.provider->name, cases[i].to, "case %zu", i);
        cr_assert(byok_str_is(task.model, cases[i].with), "case %zu", i);
    }
}

static struct byok_user_settings unchanged(void)
{
    return (struct byok_user_settings){BYOK_SETTING_UNCHANGED, BYOK_SETTING_UNCHANGED,
                                       BYOK_SETTING_UNCHANGED, .provider = {{0}}};
}

Test(route, configure_sets_what_is_named_and_leaves_the_rest)
{
    struct byok_user_settings settings = unchanged();
    struct byok_fault fault = {0};
    user.tokens_per_minute = 7;
    settings.requests_per_minute = 5;
    settings.provider[BYOK_CHAT] = TEXT("other");
    settings.model[BYOK_CHAT] = TEXT("-");
    cr_assert_eq(byok_configure(&env, &settings, &user, &fault), BYOK_E_OK);
    cr_assert_eq(user.requests_per_minute, 5);
    cr_assert_eq(user.tokens_per_minute, 7);
    cr_assert_str_eq(user.choice[BYOK_CHAT].provider, "other");
    cr_assert_str_eq(user.choice[BYOK_CHAT].model, "");
    settings = unchanged();
    settings.requests_per_minute = BYOK_SETTING_DEFAULT;
    settings.provider[BYOK_CHAT] = TEXT("-");
    cr_assert_eq(byok_configure(&env, &settings, &user, &fault), BYOK_E_OK);
    cr_assert_eq(user.requests_per_minute, -1);
    cr_assert_str_eq(user.choice[BYOK_CHAT].provider, "");
}

Test(route, configure_of_an_unknown_provider_changes_nothing)
{
    struct byok_user_settings settings = unchanged();
    struct byok_fault fault = {0};
    int64_t before = user.requests_per_minute;
    settings.requests_per_minute = 5;
    settings.provider[BYOK_EMBEDDINGS] = TEXT("nobody");
    cr_assert_eq(byok_configure(&env, &settings, &user, &fault), BYOK_E_UNKNOWN_PROVIDER);
    cr_assert_eq(user.requests_per_minute, before);
}

Test(route, fallbacks_are_listed_behind_the_jobs_own_and_all_must_be_able)
{
    static const struct byok_leg good[] = {{BYOK_STR("other"), BYOK_STR("b"), {NULL, 0}},
                                           {BYOK_STR("openai"), BYOK_STR("c"), {NULL, 0}}};
    static const struct byok_leg unknown[] = {{BYOK_STR("nobody"), BYOK_STR("b"), {NULL, 0}}};
    struct byok_fault fault = {0};
    task.request = (struct byok_request){.capability = BYOK_CHAT,
                                         .provider = TEXT("openai"),
                                         .fallbacks = good,
                                         .fallback_count = 2};
    cr_assert_eq(byok_route(&env, &user, &task, &fault), BYOK_E_OK);
    cr_assert(byok_str_is(task.legs[0].provider, "openai"));
    cr_assert(byok_str_is(task.legs[0].model, "gpt"));
    cr_assert(byok_str_is(task.legs[2].model, "c"));
    cr_assert(byok_str_is(task.model, "gpt"));
    task.leg = 1; /* as a parked one says */
    cr_assert_eq(byok_route(&env, &user, &task, &fault), BYOK_E_OK);
    cr_assert_eq(task.provider, &providers[1]);
    cr_assert(byok_str_is(task.model, "b"));
    task.leg = 3; /* as no parked one says */
    cr_assert_eq(byok_route(&env, &user, &task, &fault), BYOK_E_OK);
    cr_assert_eq(task.leg, 0);
    cr_assert_eq(task.provider, &providers[0]);
    task.request.fallbacks = unknown;
    task.request.fallback_count = 1;
    cr_assert_eq(byok_route(&env, &user, &task, &fault), BYOK_E_UNKNOWN_PROVIDER);
    cr_assert(strstr(fault.text, "\"nobody\""));
}

static enum byok_err prefer(const char *provider, struct byok_value label)
{
    struct byok_user_settings settings = unchanged();
    struct byok_fault fault = {0};
    struct byok_value keys = byok_value_map();
    byok_value_set(&task.arena, &keys, provider, label);
    settings.default_keys = &keys;
    return byok_configure(&env, &settings, &user, &fault);
}

static void assert_label(enum byok_request_type type, const char *provider, const char *label)
{
    struct byok_fault fault = {0};
    task.request = (struct byok_request){
        .type = type, .provider = TEXT(provider), .model = TEXT("m"), .label = TEXT("default")};
    cr_assert_eq(byok_route(&env, &user, &task, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert(byok_str_is(task.request.label, label), "%.*s", BYOK_STR_ARG(task.request.label));
    task.request.label = TEXT("named");
    task.request.names_key = true;
    cr_assert_eq(byok_route(&env, &user, &task, &fault), BYOK_E_OK);
    cr_assert(byok_str_is(task.request.label, "named"));
}

Test(route, who_names_no_key_gets_the_users_default_one)
{
    struct byok_user_key *key;
    cr_assert_eq(prefer("openai", byok_value_text("work")), BYOK_E_NO_KEY);
    assert_label(BYOK_REQUEST_JOB, "openai", "default");
    cr_assert_eq(byok_user_key_add(&user, TEXT("openai"), TEXT("work"), &key), BYOK_E_OK);
    cr_assert_eq(prefer("openai", byok_value_text("work")), BYOK_E_OK);
    cr_assert_eq(prefer("other", byok_value_text("work")), BYOK_E_NO_KEY);
    assert_label(BYOK_REQUEST_JOB, "openai", "work");
    assert_label(BYOK_REQUEST_KEY_CHECK, "openai", "work");
    assert_label(BYOK_REQUEST_JOB, "other", "default");
    cr_assert_eq(prefer("openai", byok_value_null()), BYOK_E_OK);
    assert_label(BYOK_REQUEST_JOB, "openai", "default");
}

Test(route, a_new_key_is_never_stored_under_the_default_ones_label_unasked)
{
    struct byok_user_key *key;
    struct byok_fault fault = {0};
    cr_assert_eq(byok_user_key_add(&user, TEXT("openai"), TEXT("work"), &key), BYOK_E_OK);
    cr_assert_eq(prefer("openai", byok_value_text("work")), BYOK_E_OK);
    task.request = (struct byok_request){
        .type = BYOK_REQUEST_KEY_REGISTER, .provider = TEXT("openai"), .label = TEXT("default")};
    cr_assert_eq(byok_route(&env, &user, &task, &fault), BYOK_E_OK);
    cr_assert(byok_str_is(task.request.label, "default"));
}

Test(route, a_fallback_goes_with_the_default_key_of_its_own_provider)
{
    static const struct byok_leg legs[] = {{BYOK_STR("other"), BYOK_STR("b"), {NULL, 0}}};
    struct byok_user_key *key;
    struct byok_fault fault = {0};
    cr_assert_eq(byok_user_key_add(&user, TEXT("other"), TEXT("work"), &key), BYOK_E_OK);
    cr_assert_eq(prefer("other", byok_value_text("work")), BYOK_E_OK);
    task.request = (struct byok_request){.capability = BYOK_CHAT,
                                         .provider = TEXT("openai"),
                                         .label = TEXT("default"),
                                         .fallbacks = legs,
                                         .fallback_count = 1};
    cr_assert_eq(byok_route(&env, &user, &task, &fault), BYOK_E_OK);
    cr_assert(byok_str_is(task.request.label, "default"));
    cr_assert(byok_str_is(task.legs[0].label, "default"));
    cr_assert(byok_str_is(task.legs[1].label, "work"));
    task.leg = 1; /* as a parked one says */
    cr_assert_eq(byok_route(&env, &user, &task, &fault), BYOK_E_OK);
    cr_assert(byok_str_is(task.request.label, "work"));
}
