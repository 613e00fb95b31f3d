/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_broker_txn.c - exactly-once delivery against librdkafka's mock cluster.
 *
 * The mock answers the requests of transactions but keeps no positions committed in one, so here an
 * unclear outcome is always "not committed"; tests/e2e has the rest, on a real Kafka.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/worker/broker_kit.h"
#include "worker/ports/broker_rdkafka_inner.h"

#define SECONDS 120 /* a bound, not a measurement */

static struct kit kit;

static void set_up(void)
{
    kit_init_mock(&kit, 1);
    kit.exactly_once = true;
}

static void tear_down(void)
{
    kit_done(&kit);
}

TestSuite(broker_txn, .init = set_up, .fini = tear_down, .timeout = 600);

static bool all_answered(void *arg)
{
    struct kit_member *member = arg;
    return member->answered == member->given;
}

static struct kit_member *join(void)
{
    struct kit_member *member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    return member;
}

/* A batch, and how it ended. */
static void commit(struct kit_member *member, int64_t position, bool passes)
{
    size_t failed = member->failed;
    kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, position);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed - failed, passes ? 0 : 1, "position %lld: %s", (long long)position,
                 member->fault.text);
}

Test(broker_txn, publishes_batches_one_after_the_other)
{
    struct kit_member *member = join();
    cr_assert_eq(member->broker->commits_max, 1);
    for (int i = 0; i < 20; i++)
        kit_commit(member, BYOK_TOPIC_RESULTS, "user", i % 2, i + 1);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed, 0);
    cr_assert_not(member->out_of_order);
    cr_assert_geq(member->out_offset, 19);
}

Test(broker_txn, aborts_the_batch_whose_record_is_too_large_and_goes_on)
{
    struct kit_member *member = join();
    rd_kafka_mock_push_request_errors(kit.mock, KIT_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    commit(member, 1, false);
    cr_assert_eq(member->fault.code, BYOK_E_TOO_LARGE);
    cr_assert(member->out_refused);
    commit(member, 2, true);
}

Test(broker_txn, gives_back_a_batch_whose_topic_refuses_it_and_goes_on)
{
    struct kit_member *member = join();
    rd_kafka_mock_push_request_errors(kit.mock, KIT_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED);
    commit(member, 1, false);
    cr_assert_not(member->out_refused);
    cr_assert(strstr(member->fault.text, "t.results"), "%s", member->fault.text);
    commit(member, 2, true);
}

Test(broker_txn, gives_back_a_batch_that_the_group_refuses_and_goes_on)
{
    struct kit_member *member = join();
    commit(member, 1, true);
    rd_kafka_mock_push_request_errors(kit.mock, KIT_TXN_OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION);
    commit(member, 2, false);
    commit(member, 3, true);
}

Test(broker_txn, is_replaced_when_it_is_fenced_and_says_so)
{
    struct kit_member *member = join();
    rd_kafka_mock_push_request_errors(kit.mock, KIT_END_TXN, 1, RD_KAFKA_RESP_ERR_PRODUCER_FENCED);
    commit(member, 1, false);
    cr_assert_geq(kit.errors, 1);
    struct byok_rdk *rdk = byok_rdk_of(member->broker);
    byok_rdk_notes_alive(rdk);
    cr_assert_gt(rdk->notes.doubt_until_us, rdk->notes.alive_us, "no claim is written for now");
    commit(member, 2, true);
}

/* Of a librdkafka client; no two have the same. */
static void name_of(struct kit_member *member, enum byok_rdk_role role, char name[static 64])
{
    (void)snprintf(name, 64, "%s", rd_kafka_name(byok_rdk_of(member->broker)->handles[role].rk));
}

static void assert_made_anew(struct kit_member *member, enum byok_rdk_role role, const char *before)
{
    char now[64];
    name_of(member, role, now);
    cr_assert_str_neq(now, before);
}

Test(broker_txn, finds_out_what_became_of_a_commit_without_an_answer)
{
    char before[64];
    kit.options.transaction_timeout_ms = 1000;
    struct kit_member *member = join();
    name_of(member, BYOK_RDK_PRODUCER, before);
    rd_kafka_mock_broker_push_request_error_rtts(kit.mock, 1, KIT_END_TXN, 1,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 5000);
    commit(member, 1, false);
    assert_made_anew(member, BYOK_RDK_PRODUCER, before);
    commit(member, 2, true);
}

/* librdkafka may have asked twice meanwhile; what comes late must not end the next transaction. */
Test(broker_txn, is_made_anew_after_a_commit_that_took_long)
{
    char before[64];
    struct kit_member *member = join();
    name_of(member, BYOK_RDK_PRODUCER, before);
    rd_kafka_mock_broker_push_request_error_rtts(kit.mock, 1, KIT_END_TXN, 1,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 3000);
    commit(member, 1, true);
    commit(member, 2, true);
    assert_made_anew(member, BYOK_RDK_PRODUCER, before);
}

static void count_tick(uv_timer_t *timer)
{
    ++*(unsigned *)timer->data;
}

/* The loop is what a shard's actors run on. */
Test(broker_txn, holds_up_nobody_while_a_commit_takes_long)
{
    unsigned ticks = 0;
    uv_timer_t timer = {.data = &ticks};
    struct kit_member *member = join();
    commit(member, 1, true);
    uv_timer_init(&kit.loop, &timer);
    uv_timer_start(&timer, count_tick, 10, 10);
    rd_kafka_mock_broker_push_request_error_rtts(kit.mock, 1, KIT_END_TXN, 1,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, 3000);
    commit(member, 2, true);
    uv_close((uv_handle_t *)&timer, NULL);
    kit_for(&kit, 10);
    cr_assert_gt(ticks, 10, "of 300");
}

static bool lost_and_back(void *arg)
{
    struct kit_member *member = arg;
    for (int i = 0; i < 2; i++) {
        if (member->parts[i].lost != 1 || member->parts[i].assigned != 2)
            return false;
    }
    return kit_started(member);
}

/* What another of its name does to a static member. */
Test(broker_txn, drops_everything_and_joins_again_when_its_consumer_is_fenced)
{
    char before[64];
    struct kit_member *member = join();
    struct byok_rdk *rdk = byok_rdk_of(member->broker);
    commit(member, 1, true);
    name_of(member, BYOK_RDK_CONSUMER, before);
    (void)rd_kafka_test_fatal_error(rdk->handles[BYOK_RDK_CONSUMER].rk,
                                    RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "the test says so");
    cr_assert(kit_until(&kit, lost_and_back, member, SECONDS));
    assert_made_anew(member, BYOK_RDK_CONSUMER, before);
    commit(member, 2, true);
}

Test(broker_txn, waits_for_a_coordinator_that_is_not_ready)
{
    rd_kafka_mock_push_request_errors(
        kit.mock, KIT_INIT_PRODUCER_ID, 3, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS);
    commit(join(), 1, true);
}

Test(broker_txn, loses_no_batch_by_a_fatal_error)
{
    struct kit_member *member = join();
    struct byok_rdk *rdk = byok_rdk_of(member->broker);
    commit(member, 1, true);
    (void)rd_kafka_test_fatal_error(rdk->handles[BYOK_RDK_PRODUCER].rk,
                                    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                    "the test says so");
    for (int i = 1; i < 10; i++)
        kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, i + 1);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_leq(member->failed, 1, "only the one that was on its way");
    cr_assert_not(member->out_of_order);
}

Test(broker_txn, gives_back_a_batch_of_a_partition_that_is_not_ours)
{
    struct kit_member *member = join();
    kit_commit(member, BYOK_TOPIC_RESULTS, "user", 5, 1);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed, 1);
    cr_assert_eq(kit_count(&kit, BYOK_TOPIC_RESULTS, 0) + kit_count(&kit, BYOK_TOPIC_RESULTS, 1), 0,
                 "nothing of it was written");
}

Test(broker_txn, closes_with_a_transaction_under_way)
{
    struct kit_member *member = join();
    rd_kafka_mock_broker_set_down(kit.mock, 1);
    for (int i = 0; i < 5; i++)
        kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, i + 1);
    kit_for(&kit, 100);
    kit_leave(member);
    struct kit_member *other = kit_join(&kit, 1); /* whose producer waits for the coordinator */
    kit_for(&kit, 100);
    kit_leave(other);
}

/* ---- brokers that go ---- */

static void set_up_three(void)
{
    kit_init_mock(&kit, 3);
    kit.exactly_once = true;
}

TestSuite(broker_txn_three, .init = set_up_three, .fini = tear_down, .timeout = 600);

/* librdkafka waits for such a coordinator for ever, see broker_rdkafka_cut.c. */
Test(broker_txn_three, goes_on_when_the_broker_is_gone_that_coordinated_the_group)
{
    rd_kafka_mock_coordinator_set(kit.mock, "group", kit.group, 2);
    struct kit_member *member = kit_join(&kit, 0);
    rd_kafka_mock_coordinator_set(kit.mock, "transaction", member->transactional_id, 1);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    commit(member, 1, true);
    rd_kafka_mock_coordinator_set(kit.mock, "group", kit.group, 3);
    cr_assert_eq(rd_kafka_mock_broker_decommission(kit.mock, 2), 0);
    kit_for(&kit, 3000); /* it is no longer in the metadata */
    for (int i = 0; i < 20; i++) {
        kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, i + 2);
        cr_assert(kit_until(&kit, all_answered, member, SECONDS), "batch %d", i);
    }
    commit(member, 30, true);
}
