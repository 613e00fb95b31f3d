/* SPDX-License-Identifier: MIT */
/* worker/config.c - loading the settings, and what must hold between them. */
#include "worker/config.h"

#include <string.h>
#include <unistd.h>

#include "schemas/codec.h"
#include "schemas/prices.h"
#include "worker/config_parts.h"

/* "name=value" */
static enum byok_err check_properties(const char *path, const struct byok_config_texts *texts,
                                      struct byok_fault *fault)
{
    for (size_t i = 0; i < texts->count; i++) {
        const char *equals = strchr(texts->items[i], '=');
        if (!equals || equals == texts->items[i]) /* the text may be a password: not shown */
            return byok_fault_set(fault, BYOK_E_CONFIG, "%s[%zu] is not of the form name=value",
                                  path, i);
    }
    return BYOK_E_OK;
}

static enum byok_err check_master_keys(const struct byok_config *config, struct byok_fault *fault)
{
    for (size_t i = 0; i < config->vault.master_keys.count; i++) {
        const struct byok_config_master_key *key = &config->vault.master_keys.items[i];
        if (key->id == 0)
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "vault.master_keys[%zu].id is missing: a number from 1 on", i);
        const char *sources[] = {key->file, key->env, key->credential, key->command};
        size_t given = 0;
        for (size_t j = 0; j < sizeof sources / sizeof sources[0]; j++)
            given += sources[j][0] != '\0';
        if (given != 1)
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "vault.master_keys[%zu] needs one of file, env, credential and "
                                  "command",
                                  i);
    }
    return BYOK_E_OK;
}

static enum byok_err check_listen(const char *listen, struct byok_fault *fault)
{
    const char *colon = strrchr(listen, ':');
    if (listen[0] == '\0' ||
        (colon && colon > listen && colon[1] != '\0' &&
         strspn(colon + 1, "0123456789") == strlen(colon + 1) && strlen(colon + 1) <= 5))
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_CONFIG, "status.listen is \"%.80s\", but must be host:port",
                          listen);
}

/* In parts of BYOK_MONEY_UNIT; false: no such amount.  What a number may look like is JSON's, so that
 * no locale and no hexadecimal counts. */
static bool read_budget(const struct byok_config *config, int64_t *out)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value value;
    double amount;
    const struct byok_str text = byok_str_of(config->limits.budget);
    return byok_decode(&arena, BYOK_JSON, text, &value, NULL) == BYOK_E_OK &&
           byok_value_as_double(&value, &amount) && byok_money_of(amount, out) &&
           (amount == 0 || *out > 0);
}

static enum byok_err check(const struct byok_config *config, struct byok_fault *fault)
{
    static const struct {
        const char *path;
        size_t offset;
    } required[] = {
        {"kafka.brokers", offsetof(struct byok_config, kafka.brokers)},
        {"kafka.group", offsetof(struct byok_config, kafka.group)},
        {"data_dir", offsetof(struct byok_config, data_dir)},
        {"vault.store", offsetof(struct byok_config, vault.store)},
    };
    for (size_t i = 0; i < sizeof required / sizeof required[0]; i++) {
        const char *text;
        memcpy(&text, (const char *)config + required[i].offset, sizeof text);
        if (text[0] == '\0')
            return byok_fault_set(fault, BYOK_E_CONFIG, "%s is empty", required[i].path);
    }
    enum byok_err err = check_properties("kafka.properties", &config->kafka.properties, fault);
    if (err == BYOK_E_OK)
        err = check_properties("kafka.consumer_properties", &config->kafka.consumer_properties,
                               fault);
    if (err == BYOK_E_OK)
        err = check_properties("kafka.producer_properties", &config->kafka.producer_properties,
                               fault);
    if (err == BYOK_E_OK)
        err = check_master_keys(config, fault);
    if (err == BYOK_E_OK)
        err = check_listen(config->status.listen, fault);
    int64_t budget;
    if (err == BYOK_E_OK && !read_budget(config, &budget))
        err =
            byok_fault_set(fault, BYOK_E_CONFIG,
                           "limits.budget is \"%.60s\", but must be a number from 0 to 1000000000",
                           config->limits.budget);
    if (err == BYOK_E_OK && config->retry.backoff_max_ms < config->retry.backoff_ms)
        err = byok_fault_set(fault, BYOK_E_CONFIG,
                             "retry.backoff_max_ms is less than retry.backoff_ms");
    if (err == BYOK_E_OK && config->jobs.done_keep_s <= config->vault.envelope_max_age_s)
        err = byok_fault_set(fault, BYOK_E_CONFIG,
                             "jobs.done_keep_s must be more than vault.envelope_max_age_s: a "
                             "registration that is sent again is known by its id only so long");
    return err;
}

/* openai with its defaults. */
static enum byok_err add_default_provider(struct byok_config *config, struct byok_fault *fault)
{
    const struct byok_setting_table *table = byok_setting_entries(BYOK_SETTING_LIST_provider);
    struct byok_config_provider *provider = byok_arena_alloc(&config->arena, sizeof *provider);
    if (!provider)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the settings");
    enum byok_err err = byok_setting_defaults(&config->arena, table, provider, fault);
    provider->name = "openai";
    config->providers = (struct byok_config_providers){provider, 1};
    return err;
}

enum byok_err byok_config_load(const char *path, char *const *environment, struct byok_config *out,
                               struct byok_fault *fault)
{
    struct byok_arena arena;
    byok_arena_init(&arena, 0);
    enum byok_err err = byok_setting_defaults(&arena, &byok_settings_top, out, fault);
    out->arena = arena; /* the defaults zero the whole struct */
    if (err == BYOK_E_OK && path)
        err = byok_config_file(out, path, fault);
    if (err == BYOK_E_OK && environment)
        err = byok_config_environment(out, environment, fault);
    if (err == BYOK_E_OK && out->providers.count == 0)
        err = add_default_provider(out, fault);
    if (err == BYOK_E_OK)
        err = check(out, fault);
    if (err == BYOK_E_OK)
        err = byok_config_read_signers(out, fault);
    if (err != BYOK_E_OK) {
        byok_config_done(out);
        return err;
    }
    if (out->shards == 0) {
        long cores = sysconf(_SC_NPROCESSORS_ONLN);
        out->shards = cores < 1 ? 1 : cores > 256 ? 256 : cores;
    }
    return BYOK_E_OK;
}

void byok_config_done(struct byok_config *config)
{
    struct byok_arena arena = config->arena;
    byok_arena_done(&arena);
    *config = (struct byok_config){0};
}

struct byok_settings byok_config_settings(const struct byok_config *config)
{
    int64_t budget = 0;
    enum byok_budget_period period = BYOK_BUDGET_MONTH;
    (void)read_budget(config, &budget); /* both were checked */
    (void)byok_budget_period_of(byok_str_of(config->limits.budget_period), &period);
    return (struct byok_settings){
        .budget = budget,
        .budget_period = period,
        .requests_per_minute = config->limits.requests_per_minute,
        .tokens_per_minute = config->limits.tokens_per_minute,
        .user_concurrency = config->limits.concurrency,
        .burst_percent = config->limits.burst_percent,
        .attempts_max = config->retry.attempts,
        .backoff_base_us = config->retry.backoff_ms * 1000,
        .backoff_max_us = config->retry.backoff_max_ms * 1000,
        .deadline_us = config->jobs.deadline_ms * 1000,
        .drain_us = config->shutdown.grace_ms * 1000,
        .envelope_max_age_ms = config->vault.envelope_max_age_s * 1000,
        .signers = config->auth.keys,
        .signer_count = config->auth.signers.count,
        .audit = strcmp(config->audit.events, "off") == 0       ? BYOK_AUDIT_OFF
                 : strcmp(config->audit.events, "changes") == 0 ? BYOK_AUDIT_CHANGES
                                                                : BYOK_AUDIT_ALL,
        .on_invalid_waits = strcmp(config->keys.on_invalid, "wait") == 0,
        .key_recheck_us = config->keys.recheck_s * 1000000,
        .rewrap = config->vault.rewrap,
        .commit_linger_us = config->publish.linger_ms * 1000,
        .commit_interval_us = config->publish.interval_ms * 1000,
        .bulk_linger_us = config->bulk.linger_ms * 1000,
        .stream_linger_us = config->publish.stream_linger_ms * 1000,
        .user_idle_us = (int64_t)60 * 1000 * 1000,
        .at_least_once = strcmp(config->delivery, "at_least_once") == 0,
        .done_keep_ms = config->jobs.done_keep_s * 1000,
        .counters_keep_days = 7, /* older days stand in the usage topic */
        .held_bytes_max = (size_t)config->jobs.memory_mb * 1024 * 1024,
        .request_max_bytes = (size_t)config->jobs.request_max_bytes,
        .answer_max_bytes = (size_t)config->jobs.answer_max_bytes,
        .payload_inline_max = (size_t)config->payloads.inline_max_bytes,
        .payload_max_bytes = (size_t)config->payloads.max_bytes,
        .payload_keep_bytes = (size_t)64 * 1024, /* any format is known by its first 4 KiB */
        .payload_timeout_us = config->payloads.timeout_ms * 1000,
        .commit_tasks_max = (uint32_t)config->publish.batch,
        .window = (uint32_t)config->jobs.window,
        .queue = (uint32_t)config->jobs.queue,
        .park_after_us = config->jobs.park_after_ms * 1000,
    };
}
