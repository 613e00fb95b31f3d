/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_broker_notes.c - claims into the state topic, against librdkafka's mock
 * cluster: what is answered stands in the topic, and nothing is written in doubt.
 */
#include <criterion/criterion.h>

#include "tests/unit/worker/broker_kit.h"
#include "tests/unit/worker/notes_kit.h"
#include "worker/ports/broker_rdkafka_inner.h"

#define SECONDS 120 /* a bound, not a measurement */
#define NOTES 500
#define LONG_US ((int64_t)60000000)

static struct kit kit;
static struct kit_member *member;
static struct byok_notes *port;
static struct byok_actor *noter;
static struct kit_note notes[NOTES];

static void begin(const char *instance_id)
{
    kit_init_mock(&kit, 1);
    kit.options.instance_id = instance_id;
    member = kit_join(&kit, 0);
    noter = byok_spawn(member->system, &kit_noter_behavior, NULL);
    port = byok_broker_rdkafka_notes(member->broker);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
}

static void set_up(void)
{
    begin(NULL);
}

static void set_up_static(void)
{
    begin("same-0");
}

static void tear_down(void)
{
    kit_done(&kit);
}

TestSuite(broker_notes, .init = set_up, .fini = tear_down, .timeout = 600);
TestSuite(static_notes, .init = set_up_static, .fini = tear_down, .timeout = 600);

static bool is_answered(void *arg)
{
    return ((const struct kit_note *)arg)->answered > 0;
}

static void claim(size_t i, int32_t partition)
{
    kit_note_write(port, noter, &notes[i], partition, i, false);
}

static void succeeds(size_t i)
{
    cr_assert(kit_until(&kit, is_answered, &notes[i], SECONDS));
    cr_assert_eq(notes[i].note.fault.code, BYOK_E_OK, "%s", notes[i].note.fault.text);
}

static bool stands(int32_t partition, const struct kit_note *note)
{
    char key[KIT_TEXT], value[KIT_TEXT];
    bool there = kit_read(&kit, BYOK_TOPIC_STATE, partition, note->note.offset, key, value);
    cr_assert_str_eq(key, note->key);
    cr_assert(!there || strcmp(value, note->value) == 0, "%s", value);
    return there;
}

Test(broker_notes, an_answered_claim_stands_in_the_topic)
{
    cr_assert(port->shared);
    claim(0, 1);
    succeeds(0);
    cr_assert(stands(1, &notes[0]));
    cr_assert_eq(kit_count(&kit, BYOK_TOPIC_STATE, 1), 1);
}

Test(broker_notes, one_taken_back_is_a_tombstone_behind_it)
{
    claim(0, 0);
    succeeds(0);
    int64_t offset = notes[0].note.offset;
    kit_note_write(port, noter, &notes[0], 0, 0, true);
    succeeds(0);
    cr_assert_gt(notes[0].note.offset, offset);
    cr_assert_not(stands(0, &notes[0]));
}

Test(broker_notes, many_keep_their_order)
{
    for (size_t i = 0; i < NOTES; i++)
        claim(i, 0);
    for (size_t i = 0; i < NOTES; i++) {
        succeeds(i);
        cr_assert_eq(notes[i].place, i + 1);
        cr_assert_eq(notes[i].note.offset, (int64_t)i);
    }
    cr_assert(stands(0, &notes[NOTES - 1]));
}

Test(broker_notes, a_refused_one_is_written_again_and_answered_once)
{
    rd_kafka_mock_push_request_errors(
        kit.mock, KIT_PRODUCE, 3, RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_INVALID_MSG);
    claim(0, 0);
    succeeds(0);
    cr_assert(stands(0, &notes[0]));
    kit_for(&kit, 100);
    cr_assert_eq(notes[0].answered, 1);
}

Test(broker_notes, it_is_not_answered_while_no_broker_has_it)
{
    claim(0, 0);
    succeeds(0);
    rd_kafka_mock_broker_set_down(kit.mock, 1);
    claim(1, 0);
    kit_for(&kit, 500);
    cr_assert_eq(notes[1].answered, 0);
    rd_kafka_mock_broker_set_up(kit.mock, 1);
    succeeds(1);
    cr_assert(stands(0, &notes[1]));
}

Test(broker_notes, of_a_partition_that_is_not_ours_it_fails)
{
    claim(0, 5);
    cr_assert(kit_until(&kit, is_answered, &notes[0], SECONDS));
    cr_assert_eq(notes[0].note.fault.code, BYOK_E_BROKER);
}

/* As after SIGSTOP and SIGCONT: the group may have given the partitions away. */
Test(broker_notes, after_a_standstill_nothing_is_written_until_it_is_known_whose_the_partition_is)
{
    byok_rdk_of(member->broker)->notes.alive_us -= LONG_US;
    claim(0, 0);
    kit_for(&kit, 1000);
    cr_assert_eq(notes[0].answered, 0);
    cr_assert_eq(kit_count(&kit, BYOK_TOPIC_STATE, 0), 0);
    succeeds(0);
}

static bool one_is_released(void *arg)
{
    const struct kit_member *of = arg;
    return of->parts[0].revoked || of->parts[1].revoked;
}

Test(broker_notes, one_in_doubt_fails_when_its_partition_goes_and_is_not_written)
{
    struct byok_rdk *rdk = byok_rdk_of(member->broker);
    byok_rdk_notes_alive(rdk);
    rdk->notes.doubt_until_us = rdk->notes.alive_us + LONG_US;
    claim(0, 0);
    claim(1, 1);
    struct kit_member *other = kit_join(&kit, 1);
    cr_assert(kit_until(&kit, one_is_released, member, SECONDS));
    int32_t gone = member->parts[0].revoked ? 0 : 1;
    cr_assert(kit_until(&kit, is_answered, &notes[gone], SECONDS));
    cr_assert_eq(notes[gone].note.fault.code, BYOK_E_BROKER);
    cr_assert_eq(notes[1 - gone].answered, 0, "that of the other one waits");
    cr_assert_eq(kit_count(&kit, BYOK_TOPIC_STATE, gone), 0);
    rdk->notes.doubt_until_us = 0;
    succeeds((size_t)(1 - gone));
    kit_leave(other);
}

Test(broker_notes, what_a_dead_producer_had_is_written_by_the_next_one)
{
    struct byok_rdk *rdk = byok_rdk_of(member->broker);
    claim(0, 0);
    succeeds(0);
    rd_kafka_mock_broker_set_down(kit.mock, 1);
    for (size_t i = 1; i < 20; i++)
        claim(i, 0);
    (void)rd_kafka_test_fatal_error(rdk->handles[BYOK_RDK_NOTER].rk,
                                    RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER,
                                    "the test says so");
    rd_kafka_mock_broker_set_up(kit.mock, 1);
    for (size_t i = 1; i < 20; i++) {
        succeeds(i);
        cr_assert_eq(notes[i].answered, 1);
        cr_assert(stands(0, &notes[i]));
    }
}

static const struct byok_rdk_handle *producer(void)
{
    return &byok_rdk_of(member->broker)->handles[BYOK_RDK_NOTER];
}

/* librdkafka numbers its handles. */
static bool is_another(void *name)
{
    return producer()->state != BYOK_RDK_RETIRING &&
           (!producer()->rk || strcmp(rd_kafka_name(producer()->rk), name) != 0);
}

Test(broker_notes, a_producer_that_delivers_nothing_is_replaced)
{
    claim(0, 0);
    succeeds(0);
    char name[64];
    (void)snprintf(name, sizeof name, "%s", rd_kafka_name(producer()->rk));
    rd_kafka_mock_broker_set_down(kit.mock, 1);
    claim(1, 0);
    cr_assert(kit_until(&kit, is_another, name, SECONDS));
    rd_kafka_mock_broker_set_up(kit.mock, 1);
    size_t i = 1; /* the partitions were lost meanwhile, and come back */
    do {
        kit_for(&kit, 100);
        claim(++i, 0);
        cr_assert(kit_until(&kit, is_answered, &notes[i], SECONDS));
    } while (notes[i].note.fault.code == BYOK_E_BROKER && i + 1 < NOTES);
    succeeds(i);
    cr_assert(stands(0, &notes[i]));
}

/* The group's coordinator may have expelled a member that only it cannot reach. */
Test(broker_notes, one_in_the_topic_is_not_answered_before_the_group_has_taken_a_commit)
{
    rd_kafka_mock_push_request_errors(kit.mock, KIT_OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID);
    claim(0, 0);
    cr_assert(kit_until(&kit, is_answered, &notes[0], SECONDS));
    cr_assert_eq(notes[0].note.fault.code, BYOK_E_BROKER);
    cr_assert(stands(0, &notes[0]), "for the next owner");
}

Test(broker_notes, one_commit_proves_those_of_the_next_seconds_too)
{
    struct byok_rdk_notes *inner = &byok_rdk_of(member->broker)->notes;
    claim(0, 0);
    succeeds(0);
    uint64_t proofs = inner->proofs;
    cr_assert_geq(proofs, 1);
    inner->proven_us = byok_rdk_fresh_us() + LONG_US; /* however long the next one takes */
    claim(1, 1);
    succeeds(1);
    cr_assert_eq(inner->proofs, proofs);
    inner->proven_us -= 3 * LONG_US;
    claim(2, 0);
    succeeds(2);
    cr_assert_eq(inner->proofs, proofs + 1);
}

/* Not from its answer, which may come when the session that it began is over. */
Test(broker_notes, a_proof_counts_from_when_it_was_asked_for)
{
    struct byok_rdk_notes *inner = &byok_rdk_of(member->broker)->notes;
    rd_kafka_mock_broker_set_rtt(kit.mock, 1, 300);
    claim(0, 0);
    succeeds(0);
    cr_assert_neq(inner->proven_us, 0);
    cr_assert_geq(byok_rdk_fresh_us() - inner->proven_us, 300000);
}

/* Another one with our instance id takes the partitions before our heartbeat says so. */
Test(static_notes, one_in_the_topic_is_not_answered_once_the_member_was_replaced)
{
    for (size_t i = 0; i < 20; i++)
        claim(i, i % 2 ? 1 : 0);
    for (size_t i = 0; i < 20; i++)
        succeeds(i);
    rd_kafka_mock_push_request_errors(kit.mock, KIT_OFFSET_COMMIT, 1,
                                      RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID);
    claim(20, 0);
    cr_assert(kit_until(&kit, is_answered, &notes[20], SECONDS));
    cr_assert_eq(notes[20].note.fault.code, BYOK_E_BROKER);
    cr_assert(stands(0, &notes[20]), "for the next owner");
}

Test(static_notes, one_that_could_not_be_proven_is_proven_later)
{
    rd_kafka_mock_push_request_errors(kit.mock, KIT_OFFSET_COMMIT, 2,
                                      RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
                                      RD_KAFKA_RESP_ERR_INVALID_COMMIT_OFFSET_SIZE);
    claim(0, 0);
    claim(1, 1);
    succeeds(0);
    succeeds(1);
    cr_assert_eq(kit_count(&kit, BYOK_TOPIC_STATE, 0), 1, "and is written once");
    kit_for(&kit, 100);
    cr_assert_eq(notes[0].answered, 1);
}

Test(broker_notes, closes_with_claims_under_way)
{
    rd_kafka_mock_broker_set_down(kit.mock, 1);
    for (size_t i = 0; i < 20; i++)
        claim(i, i % 2 ? 1 : 0);
    kit_for(&kit, 100);
    kit_leave(member);
    kit_for(&kit, 100);
    for (size_t i = 0; i < 20; i++)
        cr_assert_eq(notes[i].answered, 0);
}
