/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_broker_conf.c - what an operator may and may not set of librdkafka. */
#include <criterion/criterion.h>

#include "worker/ports/broker_rdkafka_inner.h"

static struct byok_fault fault;

static struct byok_kafka_options options(void)
{
    return (struct byok_kafka_options){.brokers = "127.0.0.1:1",
                                       .group = "g",
                                       .topic_prefix = "t.",
                                       .request_max_bytes = 1024,
                                       .drain_ms = 25000};
}

static rd_kafka_conf_t *conf_with(enum byok_rdk_role role, const char *item)
{
    static char text[128];
    static char *items[1] = {text};
    (void)snprintf(text, sizeof text, "%s", item);
    struct byok_kafka_options with = options();
    with.properties.items = items;
    with.properties.count = 1;
    fault = (struct byok_fault){0};
    return byok_rdk_conf(&with, role, &fault);
}

static void check_value(rd_kafka_conf_t *conf, const char *name, const char *expected)
{
    char value[256];
    size_t size = sizeof value;
    cr_assert_eq(rd_kafka_conf_get(conf, name, value, &size), RD_KAFKA_CONF_OK);
    cr_assert_str_eq(value, expected);
}

Test(broker_conf, refuses_what_delivery_depends_on_and_says_so)
{
    static const char *const items[] = {"bootstrap.servers=x:1",
                                        "group.id=x",
                                        "enable.auto.commit=true",
                                        "enable.idempotence=false",
                                        "acks=1",
                                        "isolation.level=read_uncommitted",
                                        "partitioner=random",
                                        "group.protocol=consumer",
                                        " enable.auto.commit = true"};
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        cr_assert_null(conf_with(BYOK_RDK_CONSUMER, items[i]), "%s", items[i]);
        cr_assert_eq(fault.code, BYOK_E_CONFIG);
        cr_assert(strstr(fault.text, "may not be changed"), "%s", fault.text);
    }
}

Test(broker_conf, names_a_setting_that_librdkafka_does_not_know)
{
    cr_assert_null(conf_with(BYOK_RDK_PRODUCER, "linger.msec=5"));
    cr_assert_eq(fault.code, BYOK_E_CONFIG);
    cr_assert(strstr(fault.text, "linger.msec"), "%s", fault.text);
}

Test(broker_conf, refuses_an_item_that_is_no_setting)
{
    static const char *const items[] = {"", "=", "=x", "debug"};
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        cr_assert_null(conf_with(BYOK_RDK_PRODUCER, items[i]));
        cr_assert_eq(fault.code, BYOK_E_CONFIG);
    }
}

Test(broker_conf, shows_no_password_in_the_text_of_an_error)
{
    cr_assert_null(conf_with(BYOK_RDK_PRODUCER, "sasl.passwort=hunter2hunter2"));
    cr_assert_null(strstr(fault.text, "hunter2"));
}

Test(broker_conf, passes_on_what_the_operator_sets)
{
    rd_kafka_conf_t *conf = conf_with(BYOK_RDK_PRODUCER, "linger.ms=50");
    cr_assert_not_null(conf, "%s", fault.text);
    check_value(conf, "linger.ms", "50");
    check_value(conf, "enable.idempotence", "true");
    rd_kafka_conf_destroy(conf);
}

/* The next owner must not come before the last one's claims stand. */
Test(broker_conf, refuses_times_that_are_too_short_for_claims)
{
    static const struct {
        const char *item, *text;
    } cases[] = {
        {"session.timeout.ms=5999", "session.timeout.ms is 5999, but must be 6000 at least"},
        {"max.poll.interval.ms=54999", "max.poll.interval.ms is 54999, but must be 55000 at least"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_null(conf_with(BYOK_RDK_CONSUMER, cases[i].item), "%s", cases[i].item);
        cr_assert_eq(fault.code, BYOK_E_CONFIG);
        cr_assert(strstr(fault.text, cases[i].text), "%s", fault.text);
    }
    rd_kafka_conf_t *conf = conf_with(BYOK_RDK_CONSUMER, "session.timeout.ms=6000");
    cr_assert_not_null(conf, "%s", fault.text);
    check_value(conf, "max.poll.interval.ms", "325000"); /* a drain does not end the membership */
    rd_kafka_conf_destroy(conf);
}

Test(broker_conf, gives_the_group_what_it_knows_a_member_by)
{
    struct byok_kafka_options with = options();
    with.instance_id = "pod-7";
    rd_kafka_conf_t *conf = byok_rdk_conf(&with, BYOK_RDK_CONSUMER, &fault);
    cr_assert_not_null(conf, "%s", fault.text);
    check_value(conf, "group.id", "g");
    check_value(conf, "group.instance.id", "pod-7");
    check_value(conf, "partition.assignment.strategy", "cooperative-sticky");
    check_value(conf, "isolation.level", "read_committed");
    check_value(conf, "enable.auto.commit", "false");
    rd_kafka_conf_destroy(conf);
}

/* A long time-out, or another name after a restart, and who reads what is committed waits long for
 * the end of a transaction that a crash left open. */
Test(broker_conf, gives_the_producer_its_name_and_a_time_for_its_transactions)
{
    struct byok_kafka_options with = options();
    with.transactional_id = "g-pod-7-0";
    with.transaction_timeout_ms = 7000;
    rd_kafka_conf_t *conf = byok_rdk_conf(&with, BYOK_RDK_PRODUCER, &fault);
    cr_assert_not_null(conf, "%s", fault.text);
    check_value(conf, "transactional.id", "g-pod-7-0");
    check_value(conf, "transaction.timeout.ms", "7000");
    rd_kafka_conf_destroy(conf);
}

Test(broker_conf, makes_a_client_of_every_role)
{
    for (int role = 0; role < BYOK_RDK_ROLES; role++) {
        rd_kafka_conf_t *conf = conf_with((enum byok_rdk_role)role, "socket.keepalive.enable=true");
        cr_assert_not_null(conf, "%s", fault.text);
        char text[256];
        rd_kafka_t *rk =
            rd_kafka_new(role == BYOK_RDK_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf,
                         text, sizeof text);
        cr_assert_not_null(rk, "%s", text);
        rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
}
