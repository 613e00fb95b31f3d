/* SPDX-License-Identifier: MIT */
/* worker/worker.c - the order of starting and ending. */
#include "worker/worker.h"

#include <stdatomic.h>
#include <stdio.h>

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "worker/instance.h"
#include "worker/ports/http_curl.h"
#include "worker/sandbox.h"
#include "worker/shard.h"
#include "worker/signals.h"
#include "worker/status.h"
#include "worker/topics.h"
#include "worker/vault_thread.h"
#include "worker/watch.h"
#include "worker/worker_payloads.h"
#include "worker/worker_vault.h"

/* Batches of results under way per shard: enough to hide the broker's round trip. */
#define COMMITS_MAX 4u
#define OPENING_MS 60000
#define NAME_BYTES 128
/* Kafka's names of groups and topics have at most 249 bytes. */
#define TRANSACTIONAL_BYTES 1024

struct shard_names {
    char client[NAME_BYTES];
    char instance[NAME_BYTES];
    char owner[NAME_BYTES];
    char transactional[TRANSACTIONAL_BYTES];
};

/* Written by the first thread when it is started, read by the status server's. */
struct running {
    struct byok_shard *_Atomic shard;
};

struct worker {
    struct byok_config *config;
    struct byok_log *log;
    struct byok_settings settings;
    struct byok_provider_set providers;
    struct byok_worker_vault vault;
    struct byok_worker_payloads payloads;
    struct byok_vault_thread *vault_thread;
    struct byok_status_server *status;
    uint32_t shard_count;
    char derived[BYOK_INSTANCE_BYTES]; /* a name for the transactions, when none is set */
    struct shard_names *names;
    struct byok_shard_options *options;
    struct running *shards;
};

static const struct byok_metrics *shard_metrics(void *arg, uint32_t index)
{
    struct worker *worker = arg;
    struct byok_shard *shard =
        atomic_load(&worker->shards[index].shard); /* with start_shards' store */
    return shard ? byok_shard_metrics(shard) : NULL;
}

static bool shard_ready(void *arg, uint32_t index)
{
    struct worker *worker = arg;
    struct byok_shard *shard =
        atomic_load(&worker->shards[index].shard); /* with start_shards' store */
    return shard && byok_shard_ready(shard);
}

static bool is_exactly_once(const struct byok_config *config)
{
    return strcmp(config->delivery, "exactly_once") == 0;
}

static struct byok_kafka_properties properties_of(const struct byok_config_texts *texts)
{
    return (struct byok_kafka_properties){.items = texts->items, .count = texts->count};
}

static struct byok_kafka_options kafka_options(const struct worker *worker)
{
    const struct byok_config_kafka *kafka = &worker->config->kafka;
    return (struct byok_kafka_options){
        .brokers = kafka->brokers,
        .group = kafka->group,
        .topic_prefix = kafka->topic_prefix,
        .client_id = "byokd",
        .properties = properties_of(&kafka->properties),
        .consumer_properties = properties_of(&kafka->consumer_properties),
        .producer_properties = properties_of(&kafka->producer_properties),
        .request_max_bytes = (size_t)worker->config->jobs.request_max_bytes,
        .drain_ms = worker->config->shutdown.grace_ms,
        .commits_max = COMMITS_MAX,
        .transaction_timeout_ms = kafka->transaction_timeout_ms,
    };
}

static void tell_aside(const struct worker *worker, const char *reason, const char *aside)
{
    if (aside[0] == '\0')
        return;
    byok_log_event(worker->log, BYOK_LOG_WARN, "local_state_set_aside",
                   BYOK_F_TEXT("reason", reason), BYOK_F_TEXT("data_dir", worker->config->data_dir),
                   BYOK_F_TEXT("folder", aside),
                   BYOK_F_TEXT("hint", "an empty one is filled from the changelog topics; the "
                                       "folder may be deleted"));
}

/* For as long as the server of the sealed keys is away: that is no reason to end.  BYOK_E_SHUTDOWN: a
 * signal meanwhile. */
static enum byok_err when_store_answers(struct worker *worker, const char *identity,
                                        struct byok_fault *fault)
{
    const struct timespec pause = {.tv_nsec = 200 * 1000 * 1000};
    struct byok_fault told = {0};
    for (;;) {
        enum byok_err err = identity ? byok_worker_vault_identify(&worker->vault, identity, fault)
                                     : byok_worker_vault_unlock(&worker->vault, fault);
        if (err != BYOK_E_STORE || !byok_worker_vault_is_shared(&worker->vault))
            return err;
        if (strcmp(fault->text, told.text) != 0) /* once there it may refuse what we want */
            byok_log_event(worker->log, BYOK_LOG_WARN, "vault_store_away",
                           BYOK_F_TEXT("store", worker->config->vault.store),
                           BYOK_F_TEXT("reason", fault->text));
        told = *fault;
        if (atomic_load(byok_signals_flag())) /* with the signal thread's store */
            return BYOK_E_SHUTDOWN;
        nanosleep(&pause, NULL);
    }
}

static enum byok_err start_vault(struct worker *worker, struct byok_fault *fault)
{
    /* RocksDB reads its logs without a deadline, and versions of it have read some for ever */
    struct byok_watch *watch = byok_watch_begin(
        worker->log, (struct byok_watched){
                         "database_opening", worker->config->data_dir,
                         "a long log is read; if this goes on for long while the disk is idle, "
                         "the log's end is damaged: stop byokd and move the content of the "
                         "folder elsewhere, it is filled again from the topics",
                         OPENING_MS});
    enum byok_err err = byok_worker_vault_open(worker->config, &worker->vault, fault);
    byok_watch_end(watch);
    if (err == BYOK_E_OK)
        err = when_store_answers(worker, NULL, fault);
    if (err != BYOK_E_OK)
        return err;
    tell_aside(worker, "the database is damaged", worker->vault.aside);
    byok_instance_derive(worker->config->data_dir, worker->derived); /* the folder is there now */
    return byok_vault_thread_start(worker->vault.vault, &worker->settings, worker->log,
                                   &worker->vault_thread, fault);
}

static enum byok_err start_status(struct worker *worker, struct byok_fault *fault)
{
    if (worker->config->status.listen[0] == '\0')
        return BYOK_E_OK;
    struct byok_status_source source = {
        .arg = worker,
        .shard_count = worker->shard_count,
        .shard_metrics = shard_metrics,
        .shard_ready = shard_ready,
        .vault_metrics = byok_vault_thread_metrics(worker->vault_thread),
    };
    byok_vault_public_key(worker->vault.vault, source.public_key);
    return byok_status_start(worker->config->status.listen, &source, worker->log, &worker->status,
                             fault);
}

/* Before a shard sends the vault its first message. */
static enum byok_err bind_vault(struct worker *worker, const char *cluster,
                                struct byok_fault *fault)
{
    const char *own = worker->config->vault.realm;
    struct byok_str realm = byok_str_of(own[0] != '\0' ? own : cluster);
    if (realm.len == 0)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the Kafka cluster says no id, which sealed keys are bound to: set "
                              "vault.realm");
    byok_log_event(worker->log, BYOK_LOG_INFO, "vault_realm", BYOK_F_STR("realm", realm));
    return byok_keyring_bind(worker->vault.ring, realm, fault);
}

/* Waits for the broker, for as long as it is away.  Tables that are a copy of other changelogs are
 * set aside then, before a shard sees them. */
static enum byok_err ensure_topics(struct worker *worker, struct byok_fault *fault)
{
    char identity[BYOK_TOPICS_IDENTITY_BYTES] = "", aside[BYOK_ASIDE_BYTES] = "";
    char cluster[BYOK_REALM_MAX + 1] = "";
    const struct byok_kafka_options kafka = kafka_options(worker);
    const struct byok_topics_options topics = {
        .kafka = &kafka,
        .create = worker->config->kafka.create_topics,
        .transactions = is_exactly_once(worker->config),
        .partitions = (int32_t)worker->config->kafka.partitions,
        .replication = (int16_t)worker->config->kafka.replication,
        .stop = byok_signals_flag(),
        .log = worker->log,
        .identity = identity,
        .cluster = cluster,
    };
    enum byok_err err = byok_topics_ensure(&topics, fault);
    if (err == BYOK_E_OK && identity[0] != '\0')
        err = byok_rocks_identify(worker->vault.rocks, identity, aside, fault);
    tell_aside(worker, "the topics are not those that it was filled from", aside);
    if (err == BYOK_E_OK)
        err = bind_vault(worker, cluster, fault);
    return err == BYOK_E_OK ? when_store_answers(worker, identity, fault) : err;
}

static struct byok_shard_options shard_options(struct worker *worker, uint32_t index)
{
    struct shard_names *names = &worker->names[index];
    const char *instance = worker->config->kafka.instance_id;
    snprintf(names->client, sizeof names->client, "byokd-%u", index);
    char host[65] = "?";
    (void)gethostname(host, sizeof host - 1);
    snprintf(names->owner, sizeof names->owner, "%s-%u", host, index);
    snprintf(names->instance, sizeof names->instance, "%s-%u", instance, index);
    struct byok_shard_options options = {
        .index = index,
        .kafka = kafka_options(worker),
        .settings = &worker->settings,
        .providers = worker->providers.providers,
        .provider_settings = worker->providers.settings,
        .provider_count = worker->providers.count,
        .routes = worker->providers.routes,
        .route_count = worker->providers.count,
        .payloads = worker->payloads.store,
        .payloads_route = &worker->payloads.route,
        .payloads_keep_s = index == 0 ? worker->config->payloads.keep_s : 0,
        .ledger = worker->config->ledger,
        .owner = instance[0] != '\0' ? names->instance : names->owner,
        .state = worker->vault.state,
        .slots = worker->vault.slots,
        .vault = byok_vault_thread_actor(worker->vault_thread),
        .log = worker->log,
    };
    options.kafka.client_id = names->client;
    options.kafka.instance_id = instance[0] != '\0' ? names->instance : NULL;
    if (is_exactly_once(worker->config)) {
        /* the same at each start, so that a restart ends its own open transaction */
        snprintf(names->transactional, sizeof names->transactional, "%.249sbyokd.%.249s.%.249s.%u",
                 options.kafka.topic_prefix, options.kafka.group,
                 instance[0] != '\0' ? instance : worker->derived, index);
        options.kafka.transactional_id = names->transactional;
    }
    return options;
}

static enum byok_err start_shards(struct worker *worker, struct byok_fault *fault)
{
    for (uint32_t i = 0; i < worker->shard_count; i++) {
        struct byok_shard *shard = NULL;
        worker->options[i] = shard_options(worker, i);
        enum byok_err err = byok_shard_start(&worker->options[i], &shard, fault);
        if (err != BYOK_E_OK)
            return err;
        atomic_store(&worker->shards[i].shard,
                     shard); /* with shard_metrics' and shard_ready's load */
    }
    return BYOK_E_OK;
}

/* All that was started, in the order that lets each finish what the next one needs. */
static void stop(struct worker *worker)
{
    for (uint32_t i = 0; i < worker->shard_count; i++) {
        struct byok_shard *shard = atomic_load(&worker->shards[i].shard);
        if (shard)
            byok_shard_stop(shard);
    }
    byok_status_stop(worker->status); /* before what it reads goes */
    for (uint32_t i = 0; i < worker->shard_count; i++) {
        struct byok_shard *shard = atomic_load(&worker->shards[i].shard);
        if (shard)
            byok_shard_wait(shard);
    }
    byok_vault_thread_stop(worker->vault_thread);
    for (uint32_t i = 0; i < worker->shard_count; i++)
        byok_shard_join(atomic_load(&worker->shards[i].shard));
    byok_worker_vault_done(&worker->vault);
    byok_worker_payloads_done(&worker->payloads);
}

static enum byok_err start(struct worker *worker, struct byok_fault *fault)
{
    enum byok_err err = byok_config_providers(worker->config, &worker->providers, fault);
    if (err == BYOK_E_OK)
        err = byok_config_prices(worker->config, &worker->settings.prices, fault);
    if (err == BYOK_E_OK)
        err = byok_http_curl_global(fault);
    if (err == BYOK_E_OK)
        err = byok_worker_vault_begin(worker->config, &worker->vault, fault);
    if (err == BYOK_E_OK)
        err = byok_worker_payloads_open(worker->config, &worker->payloads, fault);
    if (err == BYOK_E_OK)
        err = byok_sandbox_enter(worker->config, worker->log, fault);
    if (err == BYOK_E_OK) /* its thread is the first one but this, and in the sandbox too */
        err = byok_signals_begin(fault);
    if (err == BYOK_E_OK)
        err = start_vault(worker, fault);
    if (err == BYOK_E_OK)
        err = start_status(worker, fault);
    if (err == BYOK_E_OK)
        err = ensure_topics(worker, fault);
    if (err == BYOK_E_OK)
        err = start_shards(worker, fault);
    return err;
}

static enum byok_err run(struct worker *worker, struct byok_fault *fault)
{
    enum byok_err err = start(worker, fault);
    if (err == BYOK_E_OK) {
        byok_log_event(worker->log, BYOK_LOG_INFO, "started", BYOK_F_TEXT("version", BYOK_VERSION),
                       BYOK_F_INT("shards", worker->shard_count),
                       BYOK_F_INT("providers", worker->providers.count));
        byok_signals_wait();
        byok_log_event(worker->log, BYOK_LOG_INFO, "stopping",
                       BYOK_F_INT("grace_ms", worker->config->shutdown.grace_ms));
    }
    stop(worker);
    if (err == BYOK_E_SHUTDOWN) /* a signal while it waited for the broker */
        err = BYOK_E_OK;
    if (err == BYOK_E_OK)
        byok_log_event(worker->log, BYOK_LOG_INFO, "stopped", BYOK_F_TEXT("reason", "signal"));
    return err;
}

enum byok_err byok_worker_run(struct byok_config *config, struct byok_log *log,
                              struct byok_fault *fault)
{
    struct worker worker = {
        .config = config,
        .log = log,
        .settings = byok_config_settings(config),
        .shard_count = (uint32_t)config->shards,
        .names = byok_new((size_t)config->shards, sizeof(struct shard_names)),
        .options = byok_new((size_t)config->shards, sizeof(struct byok_shard_options)),
        .shards = byok_new((size_t)config->shards, sizeof(struct running)),
    };
    enum byok_err err = BYOK_E_NOMEM;
    if (worker.names && worker.options && worker.shards)
        err = run(&worker, fault);
    else
        byok_fault_set(fault, err, "no memory for %u shards", worker.shard_count);
    byok_delete(worker.names);
    byok_delete(worker.options);
    byok_delete(worker.shards);
    return err;
}

static enum byok_err check_ca_files(const struct byok_provider_set *providers,
                                    struct byok_fault *fault)
{
    for (size_t i = 0; i < providers->count; i++) {
        const char *path = providers->routes[i].ca_file;
        if (path && access(path, R_OK) != 0)
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "the ca_file %s of the provider %s cannot be read", path,
                                  providers->providers[i].name);
    }
    return BYOK_E_OK;
}

enum byok_err byok_worker_check(struct byok_config *config, struct byok_fault *fault)
{
    struct worker worker = {.config = config};
    enum byok_err err = byok_config_providers(config, &worker.providers, fault);
    if (err == BYOK_E_OK)
        err = byok_config_prices(config, &worker.settings.prices, fault);
    if (err == BYOK_E_OK)
        err = check_ca_files(&worker.providers, fault);
    if (err == BYOK_E_OK)
        err = byok_worker_vault_check(config, fault);
    if (err == BYOK_E_OK)
        err = byok_worker_payloads_open(config, &worker.payloads, fault);
    byok_worker_payloads_done(&worker.payloads);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_kafka_options kafka = kafka_options(&worker);
    return byok_broker_rdkafka_check(&kafka, fault);
}
