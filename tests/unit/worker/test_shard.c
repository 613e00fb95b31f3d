/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_shard.c - a shard and the vault's thread, on librdkafka's mock cluster. */
#include <criterion/criterion.h>

#include <time.h>

#include <librdkafka/rdkafka.h>
/* in this order: the mock's header does not stand alone */
#include <librdkafka/rdkafka_mock.h>

#include "worker/shard.h"
#include "worker/vault_thread.h"

static void ignore(struct byok_log *log, enum byok_log_level level, const char *event,
                   const struct byok_log_field *fields, size_t count)
{
    (void)log, (void)level, (void)event, (void)fields, (void)count;
}

static const struct byok_log_ops log_ops = {.event = ignore};
static struct byok_log silent = {&log_ops, BYOK_LOG_ERROR};

static rd_kafka_t *mock_client;
static rd_kafka_mock_cluster_t *mock;
static struct byok_keyring *ring;
static struct byok_store *keys, *state;
static struct byok_slots *slots;
static struct byok_vault *vault;
static struct byok_vault_thread *vault_thread;
static struct byok_fault fault;

static const struct byok_settings settings = {.burst_percent = 100,
                                              .attempts_max = 1,
                                              .deadline_us = 1000000,
                                              .drain_us = 1000000,
                                              .commit_linger_us = 1000,
                                              .user_idle_us = 1000000,
                                              .counters_keep_days = 1,
                                              .held_bytes_max = 1024 * 1024,
                                              .request_max_bytes = 65536,
                                              .answer_max_bytes = 65536,
                                              .commit_tasks_max = 16,
                                              .window = 16};

static void start_mock(void)
{
    char text[256], name[64];
    mock_client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    mock = rd_kafka_mock_cluster_new(mock_client, 1);
    rd_kafka_mock_group_initial_rebalance_delay_ms(mock, 0);
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++) {
        (void)snprintf(name, sizeof name, "t.%s", byok_topic_suffix((enum byok_topic)i));
        (void)rd_kafka_mock_topic_create(mock, name, 2, 1);
    }
}

static void set_up(void)
{
    static const char key[] = "1111111111111111111111111111111111111111111111111111111111111111";
    start_mock();
    cr_assert_eq(byok_keyring_new(&ring, &fault), BYOK_E_OK);
    cr_assert_eq(byok_keyring_add(ring, 1, byok_str_of(key), &fault), BYOK_E_OK, "%s", fault.text);
    keys = byok_store_memory_new();
    state = byok_store_memory_new();
    cr_assert_eq(byok_slots_new(2, &slots, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(byok_vault_new(ring, keys, slots, &vault, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(byok_vault_thread_start(vault, &settings, &silent, &vault_thread, &fault),
                 BYOK_E_OK);
}

static void tear_down(void)
{
    byok_vault_free(vault);
    byok_slots_free(slots);
    keys->ops->free(keys);
    state->ops->free(state);
    byok_keyring_free(ring);
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(mock_client);
}

TestSuite(shard, .init = set_up, .fini = tear_down, .timeout = 600);

static struct byok_shard_options options(void)
{
    return (struct byok_shard_options){.ledger = "cluster",
                                       .owner = "test",
                                       .kafka = {.brokers = rd_kafka_mock_cluster_bootstraps(mock),
                                                 .group = "g",
                                                 .topic_prefix = "t.",
                                                 .client_id = "shard",
                                                 .request_max_bytes = 65536,
                                                 .commits_max = 4},
                                       .settings = &settings,
                                       .state = state,
                                       .slots = slots,
                                       .vault = byok_vault_thread_actor(vault_thread),
                                       .log = &silent};
}

static int64_t metric(const struct byok_shard *shard, enum byok_metric which)
{
    return atomic_load(&byok_shard_metrics(shard)->values[which]);
}

Test(shard, restores_its_partitions_is_ready_and_ends_in_order)
{
    struct byok_shard *shard = NULL;
    struct byok_shard_options all = options();
    cr_assert_eq(byok_shard_start(&all, &shard, &fault), BYOK_E_OK, "%s", fault.text);
    const struct timespec turn = {.tv_nsec = 5000000}; /* between two looks, not a time to pass */
    while (!byok_shard_ready(shard) || metric(shard, BYOK_METRIC_PARTITIONS) < 2)
        (void)nanosleep(&turn, NULL);
    byok_shard_stop(shard);
    byok_shard_stop(shard); /* twice is once */
    byok_shard_wait(shard);
    byok_vault_thread_stop(vault_thread);
    byok_shard_join(shard);
}

Test(shard, ends_at_once_when_it_has_nothing)
{
    struct byok_shard *shard = NULL;
    struct byok_shard_options all = options();
    all.kafka.brokers = "127.0.0.1:1";
    cr_assert_eq(byok_shard_start(&all, &shard, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_not(byok_shard_ready(shard));
    byok_shard_stop(shard);
    byok_shard_join(shard);
    byok_vault_thread_stop(vault_thread);
}

Test(shard, says_which_setting_of_librdkafka_is_wrong)
{
    static char item[] = "no.such.setting=1";
    static char *items[] = {item};
    struct byok_shard *shard = NULL;
    struct byok_shard_options all = options();
    all.kafka.properties = (struct byok_kafka_properties){items, 1};
    cr_assert_eq(byok_shard_start(&all, &shard, &fault), BYOK_E_CONFIG);
    cr_assert(strstr(fault.text, "no.such.setting"), "%s", fault.text);
    cr_assert_null(shard);
    byok_vault_thread_stop(vault_thread);
}
