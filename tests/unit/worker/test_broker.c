/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_broker.c - the broker port against librdkafka's mock cluster.
 *
 * The mock is real TCP on loopback, so these tests wait for conditions, never for times.
 */
#include <criterion/criterion.h>

#include "tests/unit/worker/broker_kit.h"
#include "worker/ports/broker_rdkafka_inner.h"

#define SECONDS 120 /* a bound, not a measurement */

static struct kit kit;

static void set_up(void)
{
    kit_init_mock(&kit, 1);
}

static void tear_down(void)
{
    kit_done(&kit);
}

TestSuite(broker, .init = set_up, .fini = tear_down, .timeout = 600);

static bool seven_records(void *arg)
{
    return ((struct kit_member *)arg)->records >= 7;
}

static bool records_307(void *arg)
{
    return ((struct kit_member *)arg)->records >= 307;
}

static bool all_answered(void *arg)
{
    struct kit_member *member = arg;
    return member->answered == member->given;
}

Test(broker, restores_what_it_is_assigned_and_then_delivers_its_records)
{
    kit_write(&kit, BYOK_TOPIC_STATE, 0, 3);
    kit_write(&kit, BYOK_TOPIC_REQUESTS, 0, 5);
    kit_write(&kit, BYOK_TOPIC_REQUESTS, 1, 2);
    struct kit_member *member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, seven_records, member, SECONDS));
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    cr_assert_eq(member->broker->ops->partition_count(member->broker), 2);
    cr_assert_eq(member->parts[0].restored[1], 3);
    cr_assert_eq(member->parts[0].position[1], 3);
    cr_assert_eq(member->parts[0].restored[0], 0);
    cr_assert_eq(member->parts[0].position[0], -1, "an empty changelog has no position");
    cr_assert_eq(member->parts[1].restored[1], 0);
    cr_assert_eq(member->parts[0].records, 5);
    cr_assert_eq(member->parts[1].records, 2);
    cr_assert_eq(member->parts[0].doubled + member->parts[0].skipped, 0);
}

Test(broker, restores_in_chunks_from_the_position_it_is_given)
{
    kit_write(&kit, BYOK_TOPIC_STATE, 1, 1800);
    struct kit_member *member = kit_join(&kit, 0);
    member->from = 100;
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    cr_assert_eq(member->parts[1].restored[1], 1700);
    cr_assert_eq(member->parts[1].position[1], 1800);
}

Test(broker, restores_from_the_beginning_when_the_changelog_is_shorter_than_the_position)
{
    kit_write(&kit, BYOK_TOPIC_VAULT, 0, 4);
    struct kit_member *member = kit_join(&kit, 0);
    member->from = 1000;
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    cr_assert_eq(member->parts[0].restored[0], 4);
    cr_assert_eq(member->parts[0].position[0], 4);
    cr_assert_eq(member->parts[0].resets[0], 1, "the table is to be emptied first");
    cr_assert_eq(member->parts[0].resets[1], 1, "of an empty changelog too");
}

Test(broker, restores_nothing_when_the_position_is_the_end)
{
    kit_write(&kit, BYOK_TOPIC_STATE, 0, 4);
    struct kit_member *member = kit_join(&kit, 0);
    member->from = 4;
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    cr_assert_eq(member->parts[0].restored[1], 0);
    cr_assert_eq(member->parts[0].position[1], 4);
}

Test(broker, commits_the_position_of_each_record_that_is_answered)
{
    kit_write(&kit, BYOK_TOPIC_REQUESTS, 0, 300);
    kit_write(&kit, BYOK_TOPIC_REQUESTS, 1, 7);
    struct kit_member *member = kit_join(&kit, 0);
    member->echo = true;
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    cr_assert(kit_until(&kit, records_307, member, SECONDS));
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->done, 307);
    cr_assert_eq(member->failed, 0);
    cr_assert_not(member->out_of_order);
    cr_assert_geq(member->out_offset, 0);
    cr_assert_eq(kit_committed(&kit, 0), 300);
    cr_assert_eq(kit_committed(&kit, 1), 7);
    int32_t canonical = byok_partition_of(byok_str_of("user"), 2);
    cr_assert_eq(kit_count(&kit, BYOK_TOPIC_RESULTS, canonical), 307);
}

Test(broker, answers_a_batch_without_records_or_positions)
{
    struct kit_member *member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    struct byok_commit *commit = byok_new(1, sizeof *commit);
    struct byok_record *none = NULL;
    commit->tasks = byok_task_new(&none, 1024);
    commit->tasks->offset = (int64_t)++member->given;
    commit->task_count = 1;
    commit->reply_to = member->env.publisher;
    member->broker->ops->commit(member->broker, commit);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed, 0);
}

Test(broker, delivers_each_record_once_through_pauses)
{
    struct kit_member *member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    member->broker->ops->pause(member->broker);
    kit_write(&kit, BYOK_TOPIC_REQUESTS, 0, 4);
    kit_for(&kit, 300);
    cr_assert_leq(member->records, 1, "the first one is what it is paused at");
    member->broker->ops->resume(member->broker);
    kit_for(&kit, 50);
    member->broker->ops->pause(member->broker);
    kit_write(&kit, BYOK_TOPIC_REQUESTS, 1, 3);
    member->broker->ops->resume(member->broker);
    cr_assert(kit_until(&kit, seven_records, member, SECONDS));
    kit_for(&kit, 300);
    cr_assert_eq(member->records, 7);
    for (int i = 0; i < 2; i++)
        cr_assert_eq(member->parts[i].doubled + member->parts[i].skipped, 0);
}

Test(broker, tries_again_when_the_broker_refuses_for_a_while)
{
    struct kit_member *member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    rd_kafka_mock_push_request_errors(
        kit.mock, KIT_PRODUCE, 3, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, 1);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed, 0);
    cr_assert_eq(kit_committed(&kit, 0), 1);
}

/* The first request to produce is refused for good: only what it is awaited for may go with it. */
Test(broker, writes_no_state_whose_result_is_not_written)
{
    struct kit_member *member = kit_join(&kit, 0);
    int32_t partition = byok_partition_of(byok_str_of("user"), 2);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    rd_kafka_mock_push_request_errors(kit.mock, KIT_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    kit_commit_outcome(member, "user", "a done record", "a result");
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed, 1);
    cr_assert_eq(kit_count(&kit, BYOK_TOPIC_RESULTS, partition), 0);
    cr_assert_eq(kit_count(&kit, BYOK_TOPIC_STATE, partition), 0);
    kit_commit_outcome(member, "user", "a done record", "a result");
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed, 1);
    cr_assert_eq(kit_count(&kit, BYOK_TOPIC_RESULTS, partition), 1);
    cr_assert_eq(kit_count(&kit, BYOK_TOPIC_STATE, partition), 1);
}

Test(broker, keeps_the_order_of_the_state_when_a_result_takes_longer)
{
    struct kit_member *member = kit_join(&kit, 0);
    int32_t partition = byok_partition_of(byok_str_of("user"), 2);
    char key[KIT_TEXT], value[KIT_TEXT];
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    rd_kafka_mock_push_request_errors(kit.mock, KIT_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    kit_commit_outcome(member, "user", "older", "a result");
    kit_commit_outcome(member, "user", "newer", NULL);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed, 0);
    cr_assert(kit_read(&kit, BYOK_TOPIC_STATE, partition, 0, key, value));
    cr_assert_str_eq(value, "older");
    cr_assert(kit_read(&kit, BYOK_TOPIC_STATE, partition, 1, key, value));
    cr_assert_str_eq(value, "newer");
}

Test(broker, fails_only_the_batch_whose_record_is_too_large)
{
    struct kit_member *member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    rd_kafka_mock_push_request_errors(kit.mock, KIT_PRODUCE, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, 1);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed, 1);
    cr_assert_eq(member->fault.code, BYOK_E_TOO_LARGE);
    cr_assert(strstr(member->fault.text, "t.results"));
    cr_assert_eq(member->out_offset, -1);
    cr_assert(member->out_refused);
    cr_assert_eq(kit_committed(&kit, 0), -1);
    kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, 2);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed, 1);
    cr_assert_eq(kit_committed(&kit, 0), 2);
}

Test(broker, commits_a_position_later_when_the_group_is_moving)
{
    struct kit_member *member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    rd_kafka_mock_push_request_errors(kit.mock, KIT_OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS);
    kit_commit(member, BYOK_TOPIC_RESULTS, "user", 1, 5);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->failed, 0);
    for (int i = 0; i < 100 && kit_committed(&kit, 1) != 5; i++)
        kit_for(&kit, 100);
    cr_assert_eq(kit_committed(&kit, 1), 5);
}

Test(broker, replaces_a_producer_that_failed_for_good_and_loses_nothing)
{
    struct kit_member *member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    struct byok_rdk *rdk = byok_rdk_of(member->broker);
    for (int i = 0; i < 20; i++)
        kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, i + 1);
    rd_kafka_t *before = rdk->handles[BYOK_RDK_PRODUCER].rk;
    (void)rd_kafka_test_fatal_error(before, RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                    "the test says so");
    for (int i = 20; i < 30; i++)
        kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, i + 1);
    cr_assert(kit_until(&kit, all_answered, member, SECONDS));
    cr_assert_eq(member->done, 30);
    cr_assert_eq(member->failed, 0);
    cr_assert_not(member->out_of_order);
    cr_assert_eq(kit_committed(&kit, 0), 30);
    cr_assert_geq(kit.errors, 1, "it is said");
}

static bool is_revoked(void *arg)
{
    struct kit_member *member = arg;
    return member->parts[0].revoked || member->parts[1].revoked;
}

static bool one_record(void *arg)
{
    return ((struct kit_member *)arg)->records >= 1;
}

static bool one_committed(void *arg)
{
    const struct byok_rdk *rdk = byok_rdk_of(((struct kit_member *)arg)->broker);
    return byok_rdk_part(rdk, 0)->committed >= 1 || byok_rdk_part(rdk, 1)->committed >= 1;
}

static bool one_started(void *arg)
{
    struct kit_member *member = arg;
    return member->parts[0].started || member->parts[1].started;
}

Test(broker, gives_a_partition_away_only_when_it_is_released)
{
    struct kit_member *first = kit_join(&kit, 0);
    first->hold = true;
    cr_assert(kit_until(&kit, kit_started, first, SECONDS));
    struct kit_member *second = kit_join(&kit, 1);
    cr_assert(kit_until(&kit, is_revoked, first, SECONDS));
    int32_t goes = first->parts[0].revoked ? 0 : 1, stays = 1 - goes;
    cr_assert_not(first->parts[stays].revoked);
    cr_assert_eq(second->parts[goes].assigned, 0);
    kit_write(&kit, BYOK_TOPIC_REQUESTS, goes, 2);
    kit_write(&kit, BYOK_TOPIC_REQUESTS, stays, 7);
    kit_commit(first, BYOK_TOPIC_RESULTS, "user", goes, 1); /* what was in flight */
    cr_assert(kit_until(&kit, all_answered, first, SECONDS));
    cr_assert_eq(second->parts[goes].assigned, 0);
    cr_assert(kit_until(&kit, one_committed, first, SECONDS));
    first->broker->ops->release(first->broker, goes);
    cr_assert(kit_until(&kit, one_started, second, SECONDS));
    cr_assert(kit_until(&kit, seven_records, first, SECONDS), "the other goes on");
    cr_assert(kit_until(&kit, one_record, second, SECONDS));
    cr_assert_eq(second->parts[goes].records, 1, "the first record was committed");
    cr_assert_eq(first->parts[goes].records, 0);
}

Test(broker, leaves_the_group_when_it_closes)
{
    struct kit_member *first = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, first, SECONDS));
    kit_commit(first, BYOK_TOPIC_RESULTS, "user", 0, 3);
    cr_assert(kit_until(&kit, all_answered, first, SECONDS));
    kit_leave(first);
    struct kit_member *second = kit_join(&kit, 1);
    cr_assert(kit_until(&kit, kit_started, second, SECONDS));
    cr_assert_eq(kit_committed(&kit, 0), 3);
}

Test(broker, closes_with_batches_and_restores_under_way)
{
    kit_write(&kit, BYOK_TOPIC_STATE, 0, 5000);
    struct kit_member *member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    rd_kafka_mock_broker_set_down(kit.mock, 1);
    for (int i = 0; i < 50; i++)
        kit_commit(member, BYOK_TOPIC_RESULTS, "user", 0, i + 1);
    kit_leave(member);
    struct kit_member *other = kit_join(&kit, 1);
    rd_kafka_mock_broker_set_up(kit.mock, 1);
    kit_for(&kit, 500);
    kit_leave(other);
}

Test(broker, is_ready_only_while_the_broker_answers)
{
    rd_kafka_mock_broker_set_down(kit.mock, 1);
    struct kit_member *member = kit_join(&kit, 0);
    kit_for(&kit, 200);
    cr_assert_not(byok_broker_rdkafka_ready(member->broker));
    cr_assert_eq(member->broker->ops->partition_count(member->broker), 0);
    rd_kafka_mock_broker_set_up(kit.mock, 1);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
}
