/* SPDX-License-Identifier: MIT */
/* schemas/request_settings.c - what a user.configure sets.
 *
 * The names inside `limits` and `defaults` are a closed list: a limit that is silently not set
 * because of a typing error would be found out by its bill.
 */
#include <stddef.h>
#include <string.h>

#include "base/limits.h"
#include "schemas/prices.h"
#include "schemas/request_parts.h"

struct limit {
    const char *name;
    size_t offset; /* in struct byok_user_settings */
};

static const struct limit limits[] = {
    {"requests_per_minute", offsetof(struct byok_user_settings, requests_per_minute)},
    {"tokens_per_minute", offsetof(struct byok_user_settings, tokens_per_minute)},
    {"concurrency", offsetof(struct byok_user_settings, concurrency)},
};

static const struct limit *limit_of(struct byok_str name)
{
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        if (byok_str_is(name, limits[i].name))
            return &limits[i];
    }
    return NULL;
}

static const char *const periods[BYOK_BUDGET_PERIOD_COUNT] = {"day", "month"};

const char *byok_budget_period_name(enum byok_budget_period period)
{
    return periods[period];
}

bool byok_budget_period_of(struct byok_str name, enum byok_budget_period *out)
{
    for (int i = 0; i < BYOK_BUDGET_PERIOD_COUNT; i++) {
        if (byok_str_is(name, periods[i])) {
            *out = (enum byok_budget_period)i;
            return true;
        }
    }
    return false;
}

/* {"amount": 12.5, "period": "month"}, or null.  A name that is neither is refused, as a limit's
 * is. */
static enum byok_err read_budget(const struct byok_value *from, struct byok_user_settings *settings,
                                 struct byok_fault *fault)
{
    const struct byok_value *amount = byok_value_find(from, "amount");
    const struct byok_value *period = byok_value_find(from, "period");
    double number;
    if (from->type == BYOK_VALUE_NULL) {
        settings->budget = BYOK_SETTING_DEFAULT;
        return BYOK_E_OK;
    }
    if (from->type == BYOK_VALUE_MAP && from->count == 2 && amount && period &&
        byok_value_as_double(amount, &number) && byok_money_of(number, &settings->budget) &&
        (number == 0 || settings->budget > 0) && /* too little to count is not: no limit */
        byok_budget_period_of(byok_value_as_str(period), &settings->budget_period))
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_BAD_MESSAGE,
                          "member \"limits.budget\": must be null or an object with \"amount\", a "
                          "number from 0 to 1000000000, and \"period\", \"day\" or \"month\"");
}

static enum byok_err read_limits(const struct byok_value *map, struct byok_user_settings *settings,
                                 struct byok_fault *fault)
{
    if (map->type != BYOK_VALUE_MAP)
        return byok_refuse_member(fault, "limits", "must be an object");
    for (uint32_t i = 0; i < map->count; i++) {
        const struct byok_member *member = &map->as.members[i];
        const struct limit *limit = limit_of(member->name);
        if (byok_str_is(member->name, "budget")) {
            enum byok_err err = read_budget(&member->value, settings, fault);
            if (err != BYOK_E_OK)
                return err;
            continue;
        }
        if (!limit)
            return byok_refuse_member(fault, "limits", "has a name that is no limit");
        int64_t number = BYOK_SETTING_DEFAULT;
        if (member->value.type != BYOK_VALUE_NULL &&
            (!byok_value_as_int(&member->value, &number) || number < 0))
            return byok_fault_set(fault, BYOK_E_BAD_MESSAGE,
                                  "member \"limits.%s\": must be a whole number from 0, or null",
                                  limit->name);
        memcpy((char *)settings + limit->offset, &number, sizeof number);
    }
    return BYOK_E_OK;
}

static bool is_name(struct byok_str text, size_t max)
{
    return text.len > 0 && text.len <= max && !byok_has_controls(text);
}

/* provider or model of one default: absent, null ("-"), or a text. */
static bool read_choice(const struct byok_value *choice, const char *name, size_t max,
                        struct byok_str *out)
{
    const struct byok_value *value = byok_value_find(choice, name);
    if (!value)
        return true;
    *out = byok_value_is(value, BYOK_VALUE_NULL) ? byok_str_of("-") : byok_value_as_str(value);
    return is_name(*out, max);
}

static enum byok_err read_default(const struct byok_member *member,
                                  struct byok_user_settings *settings, struct byok_fault *fault)
{
    enum byok_capability capability;
    if (!byok_capability_of(member->name, &capability))
        return byok_refuse_member(fault, "defaults", "has a name that is no capability");
    struct byok_str *provider = &settings->provider[capability];
    struct byok_str *model = &settings->model[capability];
    if (member->value.type == BYOK_VALUE_NULL) {
        *provider = *model = byok_str_of("-");
        return BYOK_E_OK;
    }
    if (member->value.type == BYOK_VALUE_MAP &&
        read_choice(&member->value, "provider", BYOK_PROVIDER_MAX, provider) &&
        read_choice(&member->value, "model", BYOK_MODEL_MAX, model)) {
        /* another provider does not know the old one's model */
        if (provider->len > 0 && model->len == 0)
            *model = byok_str_of("-");
        return BYOK_E_OK;
    }
    return byok_fault_set(fault, BYOK_E_BAD_MESSAGE,
                          "member \"defaults.%s\": must be null or an object with the texts "
                          "\"provider\" and \"model\"",
                          byok_capability_name(capability));
}

static enum byok_err read_default_keys(const struct byok_value *map,
                                       struct byok_user_settings *settings,
                                       struct byok_fault *fault)
{
    if (map->type != BYOK_VALUE_MAP)
        return byok_refuse_member(fault, "default_keys", "must be an object");
    for (uint32_t i = 0; i < map->count; i++) {
        const struct byok_member *member = &map->as.members[i];
        if (!is_name(member->name, BYOK_PROVIDER_MAX))
            return byok_refuse_member(fault, "default_keys", "has a name that is no provider");
        if (member->value.type != BYOK_VALUE_NULL &&
            !is_name(byok_value_as_str(&member->value), BYOK_LABEL_MAX))
            return byok_refuse_member(fault, "default_keys",
                                      "must have labels of keys, or null, only");
    }
    settings->default_keys = map;
    return BYOK_E_OK;
}

enum byok_err byok_read_settings(struct byok_request *request, struct byok_fault *fault)
{
    const struct byok_value *map = byok_value_find(&request->root, "limits");
    const struct byok_value *keys = byok_value_find(&request->root, "default_keys");
    const struct byok_value *defaults = byok_value_find(&request->root, "defaults");
    enum byok_err err = map ? read_limits(map, &request->settings, fault) : BYOK_E_OK;
    if (err == BYOK_E_OK && keys)
        err = read_default_keys(keys, &request->settings, fault);
    if (err != BYOK_E_OK)
        return err;
    if (!defaults)
        return BYOK_E_OK;
    if (defaults->type != BYOK_VALUE_MAP)
        return byok_refuse_member(fault, "defaults", "must be an object");
    for (uint32_t i = 0; i < defaults->count; i++) {
        err = read_default(&defaults->as.members[i], &request->settings, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}
