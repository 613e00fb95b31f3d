/* SPDX-License-Identifier: MIT */
/* worker/config.h - the settings of the process: defaults, then a YAML file, then the environment.
 *
 * What each setting means, its range and its default stand in settings.def.
 * Thread: loaded by one thread at start, read-only after that.
 */
#ifndef BYOK_WORKER_CONFIG_H
#define BYOK_WORKER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "actors/env.h"
#include "base/arena.h"
#include "base/err.h"
#include "worker/ports/http_curl.h"

/* Texts are never NULL; "" where nothing was given. */
struct byok_config_texts {
    char **items;
    size_t count;
};

struct byok_config_header {
    const char *name, *value;
};

struct byok_config_headers {
    struct byok_config_header *items;
    size_t count;
};

struct byok_config_master_key {
    int64_t id;
    const char *file, *env, *credential, *command; /* one is given */
};

struct byok_config_master_keys {
    struct byok_config_master_key *items;
    size_t count;
};

struct byok_config_signer {
    const char *name, *public_key;
};

struct byok_config_signers {
    struct byok_config_signer *items;
    size_t count;
};

struct byok_config_models {
    const char *chat, *text_to_speech, *speech_to_text, *image_generation, *embeddings;
};

struct byok_config_provider {
    const char *name, *adapter, *base_url, *auth_header, *auth_prefix;
    bool plain_http;
    int64_t concurrency, concurrency_min, timeout_ms, connect_timeout_ms, bulk_texts;
    struct {
        int64_t calls, failure_percent, window_ms, open_ms, open_max_ms, probes;
    } breaker;
    struct byok_config_models models;
    struct byok_config_headers headers;
    const char *ca_file, *proxy;
};

struct byok_config_providers {
    struct byok_config_provider *items;
    size_t count;
};

struct byok_config_kafka {
    const char *brokers, *group, *topic_prefix, *instance_id;
    bool create_topics;
    int64_t partitions, replication, transaction_timeout_ms;
    struct byok_config_texts properties, consumer_properties, producer_properties;
};

struct byok_config {
    struct byok_arena arena; /* of all texts and lists */
    struct byok_config_kafka kafka;
    const char *delivery, *ledger;
    int64_t shards; /* never 0 after loading */
    const char *prices; /* "": those built in */
    const char *data_dir;
    struct {
        const char *store, *store_url, *store_url_file, *master_key_file, *realm;
        struct byok_config_master_keys master_keys;
        int64_t store_timeout_ms, cache_records, cache_s;
        int64_t slots, envelope_max_age_s, purge_s;
        bool rewrap;
    } vault;
    struct {
        const char *seccomp, *landlock;
        struct byok_config_texts readable;
        bool preload;
    } sandbox;
    struct {
        const char *on_invalid;
        int64_t recheck_s;
    } keys;
    struct {
        const char *events;
    } audit;
    struct {
        struct byok_config_signers signers;
        struct byok_signer *keys; /* of them, in the arena */
    } auth;
    struct {
        int64_t requests_per_minute, tokens_per_minute, concurrency, burst_percent;
        const char *budget, *budget_period;
    } limits;
    struct {
        int64_t attempts, backoff_ms, backoff_max_ms;
    } retry;
    struct {
        int64_t deadline_ms, request_max_bytes, answer_max_bytes, memory_mb, window, queue,
            park_after_ms, done_keep_s;
    } jobs;
    struct {
        int64_t linger_ms;
    } bulk;
    struct {
        const char *store, *folder, *endpoint, *bucket, *region, *credentials_file,
            *credentials_env, *ca_file;
        int64_t inline_max_bytes, max_bytes, timeout_ms, keep_s;
    } payloads;
    struct {
        int64_t linger_ms, interval_ms, stream_linger_ms, batch;
    } publish;
    struct {
        int64_t grace_ms;
    } shutdown;
    struct byok_config_providers providers;
    struct {
        const char *listen;
    } status;
    struct {
        const char *level, *format;
    } log;
};

/** Load the settings: defaults, `path` (NULL: no file), then every BYOKD_… of `environment` (as
 *  `environ`; NULL: none).  BYOK_E_CONFIG: the text names file, line and setting, or the variable.
 *  On an error `out` is empty; else the caller ends it with byok_config_done. */
BYOK_MUST_USE BYOK_NONNULL(3)
enum byok_err byok_config_load(const char *path, char *const *environment, struct byok_config *out,
                               struct byok_fault *fault);

/** Wipe in place, where /proc/PID/environ shows them, and take out of `environment` (environ) all
 *  variables that byok_config_load has read from it: a store's URL and librdkafka's settings hold
 *  passwords.  A master key's stays until the key ring reads it.  At start, in the only thread. */
void byok_config_forget_environment(const struct byok_config *config, char **environment)
    BYOK_NONNULL(1, 2);

/** The table of prices that the settings name, in the config's arena.  BYOK_E_CONFIG (the text names
 *  the file), BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_config_prices(struct byok_config *config, const struct byok_prices **out,
                                 struct byok_fault *fault);

void byok_config_done(struct byok_config *config) BYOK_NONNULL(1);

/** Write the settings as they took effect, as YAML that byok_config_load reads.  Values that may
 *  be secrets (header values, librdkafka's passwords, proxy passwords) are starred. */
void byok_config_print(const struct byok_config *config, FILE *to) BYOK_NONNULL(1, 2);

/* The providers of a configuration, as the actors and the HTTP port want them; the arrays run in
 * parallel. */
struct byok_provider_set {
    struct byok_provider *providers;
    struct byok_provider_settings *settings;
    struct byok_http_route *routes;
    size_t count;
};

/** Complete every provider from its adapter.  All is in the configuration's arena.  BYOK_E_CONFIG:
 *  no such adapter, a wrong base_url, a name twice. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_config_providers(struct byok_config *config, struct byok_provider_set *out,
                                    struct byok_fault *fault);

/** The actors' settings, converted to their units. */
struct byok_settings byok_config_settings(const struct byok_config *config) BYOK_NONNULL(1);

#endif
