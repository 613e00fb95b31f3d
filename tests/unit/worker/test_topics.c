/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_topics.c - checking topics, against librdkafka's mock cluster.
 *
 * The mock creates no topics and knows no policies; tests/e2e/test_broker_port.c has the rest.
 */
#include <criterion/criterion.h>

#include <librdkafka/rdkafka.h>
/* in this order: the mock's header does not stand alone */
#include <librdkafka/rdkafka_mock.h>

#include "schemas/wire.h"
#include "worker/topics.h"

static rd_kafka_t *mock_client;
static rd_kafka_mock_cluster_t *mock;
static struct byok_kafka_options kafka;
static struct byok_topics_options options;
static struct byok_fault fault;

static void ignore(struct byok_log *log, enum byok_log_level level, const char *event,
                   const struct byok_log_field *fields, size_t count)
{
    (void)log, (void)level, (void)event, (void)fields, (void)count;
}

static const struct byok_log_ops log_ops = {.event = ignore};
static struct byok_log silent = {&log_ops, BYOK_LOG_ERROR};

static void set_up(void)
{
    char text[256];
    mock_client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    mock = rd_kafka_mock_cluster_new(mock_client, 1);
    kafka = (struct byok_kafka_options){.brokers = rd_kafka_mock_cluster_bootstraps(mock),
                                        .group = "g",
                                        .topic_prefix = "t.",
                                        .request_max_bytes = 1024};
    options = (struct byok_topics_options){.kafka = &kafka, .limit_us = 20000000, .log = &silent};
    fault = (struct byok_fault){0};
}

static void tear_down(void)
{
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(mock_client);
}

static void make(enum byok_topic topic, int partitions)
{
    char name[64];
    (void)snprintf(name, sizeof name, "t.%s", byok_topic_suffix(topic));
    (void)rd_kafka_mock_topic_create(mock, name, partitions, 1);
}

TestSuite(topics, .init = set_up, .fini = tear_down, .timeout = 600);

Test(topics, accepts_topics_that_are_right)
{
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++)
        make((enum byok_topic)i, 3);
    cr_assert_eq(byok_topics_ensure(&options, &fault), BYOK_E_OK, "%s", fault.text);
}

Test(topics, refuses_another_count_of_partitions_for_the_state)
{
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++)
        make((enum byok_topic)i, i == BYOK_TOPIC_STATE ? 4 : 3);
    cr_assert_eq(byok_topics_ensure(&options, &fault), BYOK_E_CONFIG);
    cr_assert(strstr(fault.text, "t.requests has 3 partitions and t.state has 4"), "%s",
              fault.text);
}

Test(topics, lets_topics_without_state_have_any_count)
{
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++)
        make((enum byok_topic)i, i == BYOK_TOPIC_RESULTS ? 1 : 3);
    cr_assert_eq(byok_topics_ensure(&options, &fault), BYOK_E_OK, "%s", fault.text);
}

Test(topics, refuses_the_embedded_broker_when_transactions_are_needed)
{
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++)
        make((enum byok_topic)i, 3);
    options.transactions = true;
    cr_assert_eq(byok_topics_ensure(&options, &fault), BYOK_E_CONFIG);
    cr_assert(strstr(fault.text, "at_least_once"), "%s", fault.text);
}

Test(topics, gives_up_in_time_when_there_is_no_broker)
{
    kafka.brokers = "127.0.0.1:1";
    options.limit_us = 500000;
    cr_assert_eq(byok_topics_ensure(&options, &fault), BYOK_E_BROKER);
    cr_assert(strstr(fault.text, "127.0.0.1:1"), "%s", fault.text);
}

Test(topics, gives_up_when_it_is_stopped)
{
    _Atomic bool stop = true;
    kafka.brokers = "127.0.0.1:1";
    options.limit_us = 0;
    options.stop = &stop;
    cr_assert_eq(byok_topics_ensure(&options, &fault), BYOK_E_SHUTDOWN);
}
