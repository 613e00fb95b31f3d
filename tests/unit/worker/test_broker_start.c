/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_broker_start.c - starting a partition while librdkafka begins to fetch it.
 *
 * librdkafka drops one of two orders for a partition that two threads give at once (see
 * broker_rdkafka_assign.c).  The moment is some instructions long, and between them it writes a
 * line of its debug log: these tests stand in for that log (the linker's --wrap) and hold our
 * thread there until librdkafka's has given its order.
 */
#include <criterion/criterion.h>

#include <stdatomic.h>
#include <string.h>

#include <pthread.h>
#include <time.h>

#include "tests/unit/worker/broker_kit.h"

#define SECONDS 60 /* a bound, not a measurement */
#define OFFSET_FETCH 9 /* Kafka's ApiKey of the question where to begin */
#define LATE_MS 300 /* the changelogs, which are empty, are read sooner */

static struct kit kit;
static struct kit_member *member;
static pthread_t loop_thread;
static atomic_int begun; /* partitions whose fetching librdkafka has begun */
static atomic_int ordered; /* pauses and resumptions that our thread has ordered */
static _Atomic bool hold_us;

/* The linker puts it where librdkafka calls its own; nothing of its log is wanted here. */
void __wrap_rd_kafka_log0(const void *conf, const void *rk, const char *extra, int level,
                          int context, const char *facility, const char *format, ...);

static void nap(long ms)
{
    const struct timespec time = {ms / 1000, ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static void wait_for_a_beginning(void)
{
    const int before = atomic_load(&begun);
    for (int i = 0; i < 2000 && atomic_load(&begun) == before; i++)
        nap(1);
    nap(100); /* and it has been carried out */
}

void __wrap_rd_kafka_log0(const void *conf, const void *rk, const char *extra, int level,
                          int context, const char *facility, const char *format, ...)
{
    (void)conf, (void)rk, (void)extra, (void)level, (void)context;
    const bool ours = pthread_equal(pthread_self(), loop_thread) != 0;
    const bool resume = strcmp(facility, "RESUME") == 0;
    if (ours && (resume || strcmp(facility, "PAUSE") == 0) && strstr(format, "(v%")) {
        atomic_fetch_add(&ordered, 1);
        if (atomic_load(&hold_us) && resume)
            wait_for_a_beginning();
    } else if (!ours && strncmp(format, "Start consuming", 15) == 0) {
        atomic_fetch_add(&begun, 1);
    }
}

static void set_up(void)
{
    static char debug[] = "debug=topic";
    static char *items[3] = {debug, NULL, NULL};
    kit_init_mock(&kit, 1);
    loop_thread = pthread_self();
    items[1] = kit.heartbeat;
    items[2] = kit.session;
    kit.options.consumer_properties = (struct byok_kafka_properties){items, 3};
}

static void tear_down(void)
{
    kit_done(&kit);
}

static bool has_both(void *arg)
{
    (void)arg;
    return member->parts[0].records == 3 && member->parts[1].records == 2;
}

static void records_come(void)
{
    member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    kit_write(&kit, BYOK_TOPIC_REQUESTS, 0, 3);
    kit_write(&kit, BYOK_TOPIC_REQUESTS, 1, 2);
    cr_assert(kit_until(&kit, has_both, NULL, SECONDS));
    cr_assert_eq(member->parts[0].doubled + member->parts[0].skipped, 0);
    cr_assert_eq(member->parts[1].doubled + member->parts[1].skipped, 0);
    cr_assert_geq(atomic_load(&begun), 2, "librdkafka's log is not where this test looks");
}

TestSuite(broker_start, .init = set_up, .fini = tear_down, .timeout = 300);

Test(broker_start, loses_no_order_of_ours)
{
    rd_kafka_mock_broker_push_request_error_rtts(kit.mock, 1, OFFSET_FETCH, 1,
                                                 RD_KAFKA_RESP_ERR_NO_ERROR, LATE_MS);
    atomic_store(&hold_us, true);
    records_come();
}

/* Paused for want of room before anything has come, and paused again when it comes. */
Test(broker_start, pauses_at_the_first_record)
{
    member = kit_join(&kit, 0);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    member->broker->ops->pause(member->broker);
    cr_assert_eq(atomic_load(&ordered), 0);
    kit_write(&kit, BYOK_TOPIC_REQUESTS, 0, 3);
    kit_for(&kit, 500);
    cr_assert_leq(member->records, 1);
    member->broker->ops->resume(member->broker);
    kit_write(&kit, BYOK_TOPIC_REQUESTS, 1, 2);
    cr_assert(kit_until(&kit, has_both, NULL, SECONDS));
    cr_assert_eq(member->parts[0].doubled + member->parts[0].skipped, 0);
}

static bool has_one_each(void *arg)
{
    const struct kit_member *other = arg;
    return (member->parts[0].ours && other->parts[1].started) ||
           (member->parts[1].ours && other->parts[0].started);
}

static bool has_all_again(void *arg)
{
    (void)arg;
    return member->records > 5;
}

/* librdkafka remembers that a partition was paused when it went. */
Test(broker_start, starts_anew_what_comes_back)
{
    records_come();
    struct kit_member *other = kit_join(&kit, 1);
    cr_assert(kit_until(&kit, has_one_each, other, SECONDS));
    const size_t before = member->records;
    kit_leave(other);
    cr_assert(kit_until(&kit, kit_started, member, SECONDS));
    cr_assert_eq(before, 5);
    cr_assert(kit_until(&kit, has_all_again, NULL, SECONDS), "its records were not committed");
}
