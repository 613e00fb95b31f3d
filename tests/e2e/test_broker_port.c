/* SPDX-License-Identifier: MIT */
/* tests/e2e/test_broker_port.c - the broker port against a real Apache Kafka.
 *
 * Needs BYOK_TEST_KAFKA (host:port); ends with 77 (skipped) without it.  BYOK_TEST_KAFKA_PAUSE and
 * BYOK_TEST_KAFKA_RESUME, when given, are commands that take the broker away and bring it back.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/unit/worker/broker_kit.h"
#include "worker/topics.h"

#define SKIPPED 77
#define SECONDS 180 /* a bound, not a measurement */
#define PARTITIONS 4

static int failures;

#define CHECK(what)                                                                                \
    do {                                                                                           \
        if (!(what)) {                                                                             \
            (void)fprintf(stderr, "%s:%d: %s is false\n", __func__, __LINE__, #what);              \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

/* Topics of their own for each case. */
static void set_up(struct kit *kit, const char *brokers, const char *name)
{
    static unsigned cases;
    char prefix[64];
    (void)snprintf(prefix, sizeof prefix, "t%lld.%u.%s.", (long long)time(NULL), cases++, name);
    kit_init(kit, brokers, prefix);
    struct byok_topics_options options = {.kafka = &kit->options,
                                          .create = true,
                                          .partitions = PARTITIONS,
                                          .replication = 1,
                                          .limit_us = 60000000,
                                          .log = &kit->log};
    struct byok_fault fault = {0};
    if (byok_topics_ensure(&options, &fault) != BYOK_E_OK) {
        (void)fprintf(stderr, "%s: %s\n", name, fault.text);
        exit(1);
    }
}

static bool all_started(void *arg)
{
    const struct kit_member *member = arg;
    for (int i = 0; i < PARTITIONS; i++) {
        if (!member->parts[i].started)
            return false;
    }
    return byok_broker_rdkafka_ready(member->broker);
}

static bool all_answered(void *arg)
{
    const struct kit_member *member = arg;
    return member->answered == member->given;
}

static bool has_400(void *arg)
{
    const struct kit *kit = arg;
    size_t records = 0;
    for (int i = 0; i < KIT_MEMBERS; i++)
        records += kit->members[i].records;
    return records >= 400;
}

static bool each_has_some(void *arg)
{
    const struct kit *kit = arg;
    for (int m = 0; m < 2; m++) {
        bool any = false;
        for (int i = 0; i < PARTITIONS; i++)
            any = any || (kit->members[m].parts[i].ours && kit->members[m].parts[i].started);
        if (!any)
            return false;
    }
    return true;
}

static void restores_delivers_and_commits(struct kit *kit)
{
    for (int32_t i = 0; i < PARTITIONS; i++) {
        kit_write(kit, BYOK_TOPIC_STATE, i, 1200);
        kit_write(kit, BYOK_TOPIC_REQUESTS, i, 100);
    }
    struct kit_member *member = kit_join(kit, 0);
    member->echo = true;
    CHECK(kit_until(kit, all_started, member, SECONDS));
    CHECK(kit_until(kit, has_400, kit, SECONDS));
    CHECK(kit_until(kit, all_answered, member, SECONDS));
    CHECK(member->failed == 0 && !member->out_of_order);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        const struct kit_part *part = &member->parts[i];
        CHECK(part->restored[1] == 1200 && part->position[1] == 1200);
        CHECK(part->restored[0] == 0 && part->position[0] == -1);
        CHECK(part->records == 100 && part->doubled == 0 && part->skipped == 0);
        CHECK(kit_committed(kit, i) == 100);
    }
    CHECK(kit_count(kit, BYOK_TOPIC_RESULTS, byok_partition_of(byok_str_of("user"), PARTITIONS)) ==
          400);
}

/* The markers of transactions take offsets of their own, so the records are counted by the echo. */
static void commits_in_transactions(struct kit *kit)
{
    kit->exactly_once = true;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        kit_write(kit, BYOK_TOPIC_STATE, i, 1200);
        kit_write(kit, BYOK_TOPIC_REQUESTS, i, 100);
    }
    struct kit_member *member = kit_join(kit, 0);
    member->echo = true;
    CHECK(kit_until(kit, all_started, member, SECONDS));
    CHECK(kit_until(kit, has_400, kit, SECONDS));
    CHECK(kit_until(kit, all_answered, member, SECONDS));
    CHECK(member->done == 400 && member->failed == 0 && !member->out_of_order);
    for (int32_t i = 0; i < PARTITIONS; i++)
        CHECK(kit_committed(kit, i) == 100);
}

/* The changelog ends with a transaction's marker, and another member reads it to its end. */
static void restores_what_a_transaction_wrote(struct kit *kit)
{
    kit->exactly_once = true;
    struct kit_member *first = kit_join(kit, 0);
    CHECK(kit_until(kit, all_started, first, SECONDS));
    for (int i = 0; i < 10; i++)
        kit_commit(first, BYOK_TOPIC_STATE, "user", 0, i + 1);
    CHECK(kit_until(kit, all_answered, first, SECONDS));
    CHECK(first->failed == 0);
    kit_leave(first);
    struct kit_member *second = kit_join(kit, 1);
    CHECK(kit_until(kit, all_started, second, SECONDS));
    int32_t canonical = byok_partition_of(byok_str_of("user"), PARTITIONS);
    CHECK(second->parts[canonical].restored[1] == 10);
    CHECK(second->parts[canonical].position[1] > 10); /* the markers too */
    CHECK(kit_committed(kit, 0) == 10);
}

/* Of two producers with one id the newer shuts the older out, which says so. */
static void fences_a_producer_of_the_same_id(struct kit *kit)
{
    kit->exactly_once = true;
    struct kit_member *first = kit_join(kit, 0);
    CHECK(kit_until(kit, all_started, first, SECONDS));
    kit_commit(first, BYOK_TOPIC_RESULTS, "user", 0, 1);
    CHECK(kit_until(kit, all_answered, first, SECONDS));
    kit_take_id(kit, first->transactional_id);
    kit_commit(first, BYOK_TOPIC_RESULTS, "user", 0, 2);
    CHECK(kit_until(kit, all_answered, first, SECONDS));
    CHECK(first->failed == 1 && kit->errors > 0);
    CHECK(kit_committed(kit, 0) == 1);
    kit_commit(first, BYOK_TOPIC_RESULTS, "user", 0, 2); /* it has the id again */
    CHECK(kit_until(kit, all_answered, first, SECONDS));
    CHECK(first->failed == 1 && kit_committed(kit, 0) == 2);
}

static bool is_revoked(void *arg)
{
    const struct kit_member *member = arg;
    for (int i = 0; i < PARTITIONS; i++) {
        if (member->parts[i].revoked)
            return true;
    }
    return false;
}

/* 60 records of each partition that moved, 100 of each that stayed. */
static bool all_came(void *arg)
{
    const struct kit *kit = arg;
    for (int i = 0; i < PARTITIONS; i++) {
        const bool moved = kit->members[0].parts[i].revoked;
        if (kit->members[moved ? 1 : 0].parts[i].records < (moved ? 60U : 100U))
            return false;
    }
    return true;
}

static void hands_over_only_what_is_released(struct kit *kit)
{
    struct kit_member *first = kit_join(kit, 0);
    first->hold = true;
    CHECK(kit_until(kit, all_started, first, SECONDS));
    struct kit_member *second = kit_join(kit, 1);
    CHECK(kit_until(kit, is_revoked, first, SECONDS));
    kit_for(kit, 10000); /* longer than the session: the member must live on */
    for (int32_t i = 0; i < PARTITIONS; i++) {
        CHECK(second->parts[i].assigned == 0);
        CHECK(first->parts[i].lost == 0);
        kit_write(kit, BYOK_TOPIC_REQUESTS, i, 100);
        kit_commit(first, BYOK_TOPIC_RESULTS, "user", i, 40); /* what was in flight */
    }
    CHECK(kit_until(kit, all_answered, first, SECONDS));
    first->hold = false;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        if (!first->parts[i].revoked)
            continue;
        first->parts[i].ours = false;
        first->broker->ops->release(first->broker, i);
    }
    CHECK(kit_until(kit, each_has_some, kit, SECONDS));
    CHECK(kit_until(kit, all_came, kit, SECONDS));
    kit_for(kit, 500); /* and no more */
    size_t stay = 0;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        CHECK(second->parts[i].records == (first->parts[i].revoked ? 60 : 0));
        CHECK(first->parts[i].records == (first->parts[i].revoked ? 0 : 100));
        stay += first->parts[i].revoked ? 0 : 1;
    }
    CHECK(stay == 2);
    kit_leave(second);
    CHECK(kit_until(kit, all_started, first, SECONDS));
}

static void is_replaced_when_it_leaves(struct kit *kit)
{
    struct kit_member *first = kit_join(kit, 0), *second = kit_join(kit, 1);
    first->echo = second->echo = true;
    CHECK(kit_until(kit, each_has_some, kit, SECONDS));
    for (int32_t i = 0; i < PARTITIONS; i++)
        kit_write(kit, BYOK_TOPIC_REQUESTS, i, 50);
    kit_for(kit, 50); /* in the midst of it */
    kit_leave(first);
    CHECK(kit_until(kit, all_started, second, SECONDS));
    for (int32_t i = 0; i < PARTITIONS; i++)
        kit_write(kit, BYOK_TOPIC_REQUESTS, i, 50);
    CHECK(kit_until(kit, has_400, kit, SECONDS));
    CHECK(kit_until(kit, all_answered, second, SECONDS));
    for (int32_t i = 0; i < PARTITIONS; i++)
        CHECK(kit_committed(kit, i) == 100);
}

static void command(const char *name)
{
    int status = system(getenv(name));
    CHECK(status == 0);
}

static void outlives_the_broker(struct kit *kit)
{
    if (!getenv("BYOK_TEST_KAFKA_PAUSE") || !getenv("BYOK_TEST_KAFKA_RESUME"))
        return;
    /* the member must not be thrown out meanwhile, or its positions are void */
    (void)snprintf(kit->session, sizeof kit->session, "session.timeout.ms=45000");
    struct kit_member *member = kit_join(kit, 0);
    CHECK(kit_until(kit, all_started, member, SECONDS));
    for (int i = 0; i < 500; i++)
        kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, i + 1);
    command("BYOK_TEST_KAFKA_PAUSE");
    for (int i = 500; i < 1000; i++)
        kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, i + 1);
    kit_for(kit, 5000);
    command("BYOK_TEST_KAFKA_RESUME");
    CHECK(kit_until(kit, all_answered, member, 2 * SECONDS));
    CHECK(member->done == 1000 && member->failed == 0 && !member->out_of_order);
    for (int i = 0; i < 20 && kit_committed(kit, 0) != 1000; i++)
        kit_for(kit, 1000);
    CHECK(kit_committed(kit, 0) == 1000);
    CHECK(kit_count(kit, BYOK_TOPIC_RESULTS, byok_partition_of(byok_str_of("user"), PARTITIONS)) ==
          1000);
}

static void refuses_topics_that_are_wrong(struct kit *kit)
{
    char prefix[80];
    (void)snprintf(prefix, sizeof prefix, "%sabsent.", kit->prefix);
    struct byok_kafka_options absent = kit->options;
    absent.topic_prefix = prefix;
    struct byok_topics_options options = {
        .kafka = &absent, .create = false, .limit_us = 30000000, .log = &kit->log};
    struct byok_fault fault = {0};
    CHECK(byok_topics_ensure(&options, &fault) == BYOK_E_CONFIG);
    CHECK(strstr(fault.text, "does not exist"));
    options.create = true;
    options.partitions = 1;
    options.replication = 3; /* one node cannot */
    CHECK(byok_topics_ensure(&options, &fault) == BYOK_E_CONFIG);
    CHECK(strstr(fault.text, "cannot be created"));
    options.kafka = &kit->options; /* all there: nothing is created, all is checked */
    CHECK(byok_topics_ensure(&options, &fault) == BYOK_E_OK);
    struct byok_kafka_options away = kit->options;
    away.brokers = "127.0.0.1:1";
    options.kafka = &away;
    options.limit_us = 3000000;
    CHECK(byok_topics_ensure(&options, &fault) == BYOK_E_BROKER);
    CHECK(strstr(fault.text, "127.0.0.1:1"));
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct kit *kit);
    } cases[] = {
        {"restores_delivers_and_commits", restores_delivers_and_commits},
        {"commits_in_transactions", commits_in_transactions},
        {"restores_what_a_transaction_wrote", restores_what_a_transaction_wrote},
        {"fences_a_producer_of_the_same_id", fences_a_producer_of_the_same_id},
        {"hands_over_only_what_is_released", hands_over_only_what_is_released},
        {"is_replaced_when_it_leaves", is_replaced_when_it_leaves},
        {"outlives_the_broker", outlives_the_broker},
        {"refuses_topics_that_are_wrong", refuses_topics_that_are_wrong},
    };
    const char *brokers = getenv("BYOK_TEST_KAFKA");
    if (!brokers)
        return SKIPPED;
    static struct kit kit;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (argc > 1 && strcmp(argv[1], cases[i].name) != 0)
            continue;
        int before = failures;
        set_up(&kit, brokers, "port");
        cases[i].run(&kit);
        kit_done(&kit);
        (void)printf("%s %s\n", failures == before ? "ok" : "FAILED", cases[i].name);
        (void)fflush(stdout);
    }
    return failures > 0;
}
