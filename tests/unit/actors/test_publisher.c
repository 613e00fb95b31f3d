/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_publisher.c - batches, failed commits, a disk that is full. */
#include <string.h>

#include "schemas/state.h"
#include "tests/unit/actors/kit.h"

TestSuite(publisher, .init = setup, .fini = teardown);

static void send_many(const char *user, int count)
{
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s.%d", user, i);
        sim_chat(world, user, id);
    }
}

static void assert_each_once(const char *user, int count)
{
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s.%d", user, i);
        assert_results(id, 1);
        cr_assert_eq(sim_calls(world, id), 1, "%s", id);
    }
}

static void some_slow(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)entry;
    answer->latency_us = sim_chance(&w->clock, 100) ? 20 * SIM_S : SIM_S / 20;
}

/* The lowest offset of the user's partition whose id has no result. */
static int64_t lowest_unfinished(const char *user, int64_t first, int count)
{
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s.%d", user, i);
        if (sim_results(world, id, NULL, NULL) == 0)
            return first + i;
    }
    return INT64_MAX;
}

Test(publisher, the_committed_position_never_passes_an_unfinished_request)
{
    world->answer = some_slow;
    world->commit_fails = 200;
    world->commits_max = 4;
    world->settings.park_after_us = 0; /* what is parked is passed */
    start();
    world->settings.commit_tasks_max = 5;
    int32_t p = partition_of("alice");
    int64_t first = world->cluster.topics[BYOK_TOPIC_REQUESTS][p].next_offset;
    send_many("alice", 150);
    for (int i = 0; i < 1500 && !sim_all_committed(world); i++) {
        sim_run_for(world, SIM_S / 10);
        cr_assert_leq(world->cluster.owners[p].committed, lowest_unfinished("alice", first, 150));
    }
    assert_done(60);
    cr_assert_gt(sim_metric(worker, BYOK_METRIC_COMMIT_FAILURES), 3);
    assert_each_once("alice", 150);
}

Test(publisher, a_commit_that_fails_is_made_again)
{
    start();
    world->cluster.fail_commits = 5;
    send_many("alice", 50);
    assert_done(60);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_COMMIT_FAILURES), 5);
    assert_each_once("alice", 50);
}

Test(publisher, a_crash_after_a_failed_commit_loses_nothing)
{
    world->no_ledger = true; /* else what was sent at a crash is unknown (test_ledger.c) */
    world->commits_max = 4;
    start();
    world->settings.commit_tasks_max = 3;
    world->commit_fails = 500;
    send_many("alice", 60);
    for (int i = 0; i < 20; i++) {
        sim_run_for(world, SIM_S / 5);
        sim_worker_restart(worker, i % 3 == 0);
        sim_assign(worker, 0);
        sim_assign(worker, 1);
    }
    world->commit_fails = 0;
    assert_done(60);
    for (int i = 0; i < 60; i++) {
        char id[32];
        snprintf(id, sizeof id, "alice.%d", i);
        assert_code(id, "ok");
    }
}

Test(publisher, while_the_broker_is_away_the_worker_waits)
{
    start();
    send_many("alice", 20);
    world->cluster.down = true;
    sim_run_for(world, 60 * SIM_S);
    cr_assert_eq(sim_results(world, "alice.0", NULL, NULL), 0);
    world->cluster.down = false;
    assert_done(60);
    assert_each_once("alice", 20);
}

Test(publisher, a_full_disk_pauses_intake_and_loses_nothing)
{
    start();
    send_many("alice", 20);
    worker->state->writes_fail = true;
    sim_run_for(world, 10 * SIM_S);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_STORE_BROKEN), 1);
    cr_assert(worker->broker.paused);
    size_t calls = world->ledger.count;
    sim_chat(world, "alice", "alice.20");
    sim_run_for(world, 10 * SIM_S);
    cr_assert_eq(world->ledger.count, calls);
    worker->state->writes_fail = false;
    assert_done(60);
    assert_each_once("alice", 21);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_STORE_BROKEN), 0);
    cr_assert(!worker->broker.paused);
}

Test(publisher, a_vault_that_cannot_write_goes_on_when_it_can)
{
    start();
    worker->vault_store->writes_fail = true;
    sim_register(world, "bob", "openai", "r");
    sim_chat(world, "bob", "j");
    sim_run_for(world, 30 * SIM_S);
    assert_code("j", "none");
    worker->vault_store->writes_fail = false;
    assert_done(60);
    assert_code("j", "ok");
}

Test(publisher, a_store_that_cannot_be_read_delays_and_loses_nothing)
{
    start();
    worker->state->reads_fail = true;
    send_many("alice", 5);
    sim_run_for(world, 10 * SIM_S);
    worker->state->reads_fail = false;
    assert_done(60);
    assert_each_once("alice", 5);
}

Test(publisher, one_batch_writes_a_users_record_once)
{
    start();
    size_t before = sim_count(world, BYOK_TOPIC_STATE);
    world->settings.commit_linger_us = SIM_S;
    send_many("alice", 10);
    assert_done(60);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_STATE) - before,
                 10 * 3 + 2); /* claim, its end, DONE; the user and the audit's head */
}

/* Each in its time: one batch would be as good as another if all answers came at once. */
static void one_a_millisecond(struct sim_world *w, const struct sim_entry *entry,
                              struct sim_answer *answer)
{
    (void)entry;
    answer->latency_us = SIM_S + (int64_t)(w->ledger.count % 1000) * 1000;
}

static int64_t commits_of_many(int64_t interval_us)
{
    world->answer = one_a_millisecond;
    start();
    world->settings.commit_interval_us = interval_us;
    int64_t before = sim_metric(worker, BYOK_METRIC_COMMITS);
    send_many("alice", 200);
    assert_done(60);
    assert_each_once("alice", 200);
    return sim_metric(worker, BYOK_METRIC_COMMITS) - before;
}

Test(publisher, batches_follow_each_other_as_soon_as_they_may)
{
    cr_assert_geq(commits_of_many(0), 30);
}

Test(publisher, batches_that_follow_each_other_keep_their_distance)
{
    const int64_t interval_us = SIM_S / 4;
    int64_t commits = commits_of_many(interval_us);
    cr_assert_leq((commits - 1) * interval_us, world->clock.now_us);
    cr_assert_leq(commits, 30);
}

Test(publisher, a_result_after_a_pause_does_not_wait_for_the_distance)
{
    start();
    world->settings.commit_interval_us = 20 * SIM_S;
    sim_run_for(world, 30 * SIM_S);
    sim_chat(world, "alice", "one");
    sim_run_for(world, 2 * SIM_S);
    assert_code("one", "ok");
    sim_chat(world, "alice", "two");
    sim_run_for(world, 10 * SIM_S);
    assert_code("two", "none");
    assert_done(60);
    assert_code("two", "ok");
}

Test(publisher, a_full_batch_does_not_wait_for_the_distance)
{
    start();
    world->settings.commit_interval_us = 20 * SIM_S;
    world->settings.commit_tasks_max = 5;
    sim_run_for(world, 30 * SIM_S);
    size_t before = sim_count(world, BYOK_TOPIC_RESULTS);
    send_many("alice", 11);
    sim_run_for(world, 5 * SIM_S);
    cr_assert_geq(sim_count(world, BYOK_TOPIC_RESULTS) - before, 10);
    assert_done(60);
}

Test(publisher, the_end_of_the_system_in_the_middle_of_everything_leaks_nothing)
{
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct sim_world *w = sim_world_new(seed, 2);
        w->answer = some_slow;
        w->commits_max = 3;
        w->commit_delay_us = SIM_S / 5;
        struct sim_worker *one = sim_worker_start_all(w);
        sim_register_now(w, "alice");
        for (int i = 0; i < 60; i++) {
            char id[32];
            snprintf(id, sizeof id, "x%d", i);
            sim_chat(w, "alice", id);
        }
        sim_register(w, "bob", "openai", "r");
        sim_chat(w, "bob", "b");
        if (seed % 3 == 0)
            sim_fault_chance(seed, 300);
        sim_run_for(w, (int64_t)sim_below(&w->clock, 4 * SIM_S));
        if (seed % 4 == 0)
            sim_revoke(w, 0, NULL);
        if (seed % 4 == 1)
            sim_worker_stop(one);
        sim_run_for(w, (int64_t)sim_below(&w->clock, 500000));
        sim_fault_chance(0, 0);
        sim_world_free(w);
    }
}

/* Calls in the user's counters, by the n-th of its records in the changelog. */
static int64_t counted_by(const char *user, size_t n)
{
    BYOK_AUTO(byok_arena) arena = {0};
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_STATE][partition_of(user)];
    struct byok_str key = byok_user_key(&arena, byok_str_of(user));
    struct byok_user_record record;
    for (size_t i = 0; i < log->count; i++) {
        if (!byok_str_eq(log->records[i]->key, key) || n-- > 0)
            continue;
        cr_assert_eq(byok_user_record_decode(log->records[i]->value, &arena, &record), BYOK_E_OK);
        int64_t calls = record.counter_count > 0 ? record.counters[0].calls : 0;
        byok_user_record_done(&record);
        return calls;
    }
    return -1;
}

/* A later outcome holds the usage of those before it; committed alone it would count them twice if
 * the partition were lost then. */
Test(publisher, what_was_refused_is_committed_first_and_holds_no_usage_of_later_outcomes)
{
    start();
    world->settings.commit_tasks_max = 1;
    world->cluster.fail_commits = 1;
    send_many("alice", 4);
    assert_done(60);
    assert_each_once("alice", 4);
    for (size_t i = 0; i < 4; i++) /* behind that of the key's registration */
        cr_assert_eq(counted_by("alice", i + 1), (int64_t)i + 1, "record %zu: %lld", i,
                     (long long)counted_by("alice", i + 1));
}
