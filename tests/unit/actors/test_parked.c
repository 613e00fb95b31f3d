/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_parked.c - what waits long waits in the state: at little cost, once, in
 * order, and through a failover.
 */
#include <stdlib.h>
#include <string.h>

#include "actors/user/parts.h"
#include "schemas/state.h"
#include "tests/unit/actors/kit.h"

#define JOBS 3000

TestSuite(parked, .init = setup, .fini = teardown);

static void chat_at(const char *id, int64_t in_ms)
{
    int64_t now_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    sim_send(world, "alice",
             "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"not_before_ms\":%lld}",
             id, (long long)(now_ms + in_ms));
}

static void chat_many(const char *user, int count)
{
    char id[32];
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof id, "%s-%06d", user, i);
        sim_chat(world, user, id);
    }
}

static int64_t called_at_us(const char *id)
{
    for (size_t i = 0; i < world->ledger.count; i++) {
        if (strcmp(world->ledger.entries[i].id, id) == 0)
            return world->ledger.entries[i].at_us;
    }
    return -1;
}

Test(parked, a_scheduled_job_holds_no_offset_and_no_memory_and_is_called_in_time)
{
    start();
    int64_t begin_us = world->clock.now_us;
    chat_at("later", 3600 * 1000);
    sim_run_for(world, 60 * SIM_S);
    cr_assert(sim_all_committed(world), "its offset is done");
    cr_assert_eq(sim_parked(world), 1);
    cr_assert_eq(worker->env.partitions->held_bytes, 0);
    assert_results("later", 0);
    assert_done(3600);
    assert_code("later", "ok");
    int64_t waited_us = called_at_us("later") - begin_us;
    cr_assert(waited_us > 3600 * SIM_S - 1000 && waited_us < 3602 * SIM_S, "%lld",
              (long long)waited_us);
}

Test(parked, a_scheduled_job_survives_a_crash_that_loses_the_local_state)
{
    start();
    chat_at("later", 600 * 1000);
    sim_run_for(world, 60 * SIM_S);
    restart_empty();
    assert_done(700);
    assert_code("later", "ok");
    assert_results("later", 1);
    cr_assert_eq(sim_calls(world, "later"), 1);
}

/* As at_least_once leaves it behind when a worker dies in the middle of a batch. */
static void copy_place(int64_t later_ms)
{
    int32_t p = byok_partition_of(byok_str_of("alice"), world->cluster.partitions);
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_STATE][p];
    struct byok_parked_place place;
    struct byok_str user;
    size_t i = 0;
    while (i < log->count && !byok_parked_key_read(log->records[i]->key, &user, &place))
        i++;
    cr_assert_lt(i, log->count, "a place");
    place.due_wall_ms += later_ms;
    sim_append(world, BYOK_TOPIC_STATE, p, byok_parked_key(&world->arena, user, &place),
               log->records[i]->value, NULL, 0, 0);
}

Test(parked, a_place_that_was_left_over_is_not_served_and_goes)
{
    start();
    chat_at("later", 600 * 1000);
    sim_run_for(world, 20 * SIM_S);
    copy_place(1000);
    copy_place(-1000);
    restart_empty();
    sim_run_for(world, 10 * SIM_S);
    cr_assert_eq(sim_parked(world), 3);
    assert_done(700);
    sim_run_for(world, 10 * SIM_S);
    cr_assert_eq(sim_parked(world), 0);
    assert_results("later", 1);
    cr_assert_eq(sim_calls(world, "later"), 1);
}

Test(parked, the_id_of_a_parked_job_is_known)
{
    start();
    chat_at("twice", 600 * 1000);
    sim_run_for(world, 20 * SIM_S);
    chat_at("twice", 1000);
    sim_chat(world, "alice", "twice");
    sim_run_for(world, 20 * SIM_S);
    assert_results("twice", 0);
    assert_done(700);
    assert_results("twice", 1);
    cr_assert_eq(sim_calls(world, "twice"), 1);
}

Test(parked, a_deadline_before_the_time_ends_a_job_at_the_deadline)
{
    start();
    int64_t now_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    sim_send(world, "alice",
             "{\"id\":\"d\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"not_before_ms\":%lld,\"deadline_ms\":%lld}",
             (long long)now_ms + 3600000, (long long)now_ms + 60000);
    sim_run_for(world, 59 * SIM_S);
    assert_results("d", 0);
    sim_run_for(world, 2 * SIM_S);
    assert_code("d", "deadline_exceeded");
}

Test(parked, a_timeout_counts_from_the_time_that_a_job_waits_for)
{
    start();
    int64_t now_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    sim_send(world, "alice",
             "{\"id\":\"t\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"not_before_ms\":%lld,\"timeout_ms\":5000}",
             (long long)now_ms + 3600000);
    assert_done(4000);
    assert_code("t", "ok");
}

Test(parked, a_long_queue_takes_no_memory_and_the_time_of_nobody_else)
{
    world->settings.user_concurrency = 1;
    world->settings.queue = 100;
    start();
    sim_register_now(world, "bob");
    chat_many("alice", JOBS);
    sim_run_for(world, 5 * SIM_S);
    sim_run_for(world, 30 * SIM_S);
    size_t in_memory = worker->env.partitions->held_bytes;
    cr_assert_gt(sim_parked(world), JOBS / 2);
    cr_assert_lt(in_memory, (size_t)200 * 20000, "%zu bytes are held", in_memory);
    int64_t sent_us = world->clock.now_us;
    sim_chat(world, "bob", "quick");
    sim_run_for(world, 1 * SIM_S);
    assert_code("quick", "ok");
    cr_assert_lt(called_at_us("quick") - sent_us, SIM_S / 10);
    cr_assert(sim_run_until_done(world, 4 * 3600 * SIM_S));
    for (int i = 0; i < JOBS; i += 97) {
        char id[32];
        snprintf(id, sizeof id, "alice-%06d", i);
        assert_results(id, 1);
        cr_assert_eq(sim_calls(world, id), 1);
    }
}

/* Of a user's jobs of the same kind, one called at a time. */
static void assert_called_in_order(const char *user, int count)
{
    int64_t last_us = 0;
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s-%06d", user, i);
        assert_results(id, 1);
        int64_t at_us = called_at_us(id);
        cr_assert_geq(at_us, last_us, "%s was overtaken", id);
        last_us = at_us;
    }
}

Test(parked, a_queue_is_worked_off_in_order_after_a_failover_too)
{
    world->settings.user_concurrency = 1;
    world->settings.queue = 10;
    start();
    chat_many("alice", 400);
    sim_run_for(world, 15 * SIM_S);
    cr_assert_gt(sim_parked(world), 100);
    struct sim_worker *next = sim_worker_start(world);
    sim_revoke(world, partition_of("alice"), next);
    cr_assert(sim_run_until_done(world, 3600 * SIM_S));
    assert_called_in_order("alice", 400);
    cr_assert_gt(sim_metric(next, BYOK_METRIC_TAKEN_UP), 0);
}

Test(parked, what_waited_in_memory_is_not_overtaken_while_it_moves_into_the_state)
{
    world->settings.user_concurrency = 1;
    world->settings.window = 8;
    world->settings.queue = 300;
    world->settings.commit_tasks_max = 20;
    start();
    chat_many("alice", 600);
    sim_run_for(world, 30 * SIM_S);
    cr_assert(sim_all_committed(world), "all others are parked");
    cr_assert(sim_run_until_done(world, 3600 * SIM_S));
    assert_called_in_order("alice", 600);
}

Test(parked, what_is_refused_on_its_way_into_the_state_is_not_overtaken)
{
    world->settings.user_concurrency = 1;
    world->settings.window = 1;
    world->settings.queue = 0;
    world->settings.commit_tasks_max = 4;
    start();
    chat_many("alice", 300);
    for (int i = 0; i < 30; i++) {
        world->cluster.fail_commits = 1;
        sim_run_for(world, SIM_S / 5);
    }
    cr_assert(sim_run_until_done(world, 3600 * SIM_S));
    assert_called_in_order("alice", 300);
}

/* Between its leaving the backlog and its task's being sent off time passes only on a real clock. */
Test(parked, what_is_to_be_parked_is_not_overtaken_either)
{
    struct byok_user user = {0};
    struct byok_record early = {.offset = 5}, late = {.offset = 7};
    cr_assert_not(byok_user_may_take(&user), "there is nothing");
    byok_queue_push(&user.backlog, &late.msg);
    cr_assert(byok_user_may_take(&user));
    byok_queue_push(&user.overflow, &early.msg);
    cr_assert_not(byok_user_may_take(&user));
    late.is_parked = true; /* its place counts, as what it was taken up from */
    late.place.order = 3;
    cr_assert(byok_user_may_take(&user));
}

Test(parked, who_comes_while_the_oldest_is_parked_does_not_overtake_it)
{
    char id[32];
    world->settings.requests_per_minute = 40;
    world->settings.window = 8;
    world->settings.queue = 300;
    world->settings.park_after_us = SIM_S;
    start();
    for (int i = 0; i < 300; i++) {
        snprintf(id, sizeof id, "alice-%06d", i);
        sim_chat(world, "alice", id);
        sim_run_for(world, SIM_S / 10 + i % 7 * SIM_S / 3);
    }
    cr_assert(sim_run_until_done(world, 3600 * SIM_S));
    assert_called_in_order("alice", 300);
    cr_assert_gt(sim_metric(worker, BYOK_METRIC_TAKEN_UP), 0);
}

Test(parked, a_command_overtakes_the_queue)
{
    world->settings.requests_per_minute = 1;
    world->settings.queue = 10;
    start();
    chat_many("alice", 300);
    sim_run_for(world, 20 * SIM_S);
    cr_assert_gt(sim_parked(world), 100);
    sim_send(world, "alice",
             "{\"type\":\"user.configure\",\"id\":\"c\",\"user\":\"alice\",\"limits\":{"
             "\"requests_per_minute\":0}}");
    sim_run_for(world, 2 * SIM_S);
    assert_code("c", "ok");
    cr_assert(sim_run_until_done(world, 600 * SIM_S), "the queue goes on without the limit");
}

static void throttle(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    bool first = sim_calls(w, entry->id) <= 1;
    if (strcmp(entry->path, "/models") == 0 || !first)
        return;
    answer->status = 429;
    answer->retry_after_s = 120;
}

Test(parked, a_long_retry_after_is_waited_for_in_the_state_and_what_was_tried_is_kept)
{
    world->answer = throttle;
    start();
    sim_chat(world, "alice", "slow");
    sim_run_for(world, 30 * SIM_S);
    cr_assert_eq(sim_parked(world), 1);
    cr_assert(sim_all_committed(world));
    restart_empty();
    assert_done(300);
    assert_code("slow", "ok");
    cr_assert_eq(sim_calls(world, "slow"), 2);
    struct byok_value root;
    sim_results(world, "slow", &world->arena, &root);
    cr_assert_eq(byok_value_find(&root, "attempts")->count, 2);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_USAGE), 2, "both attempts are told");
}

Test(parked, what_waits_long_at_a_limit_holds_its_offset_no_longer)
{
    world->settings.requests_per_minute = 1;
    start();
    chat_many("alice", 5);
    sim_run_for(world, 15 * SIM_S);
    cr_assert(sim_all_committed(world));
    cr_assert_eq(sim_parked(world), 4);
    assert_done(400);
}

Test(parked, a_place_that_is_left_of_a_job_that_is_done_is_erased)
{
    start();
    chat_at("later", 600 * 1000);
    sim_run_for(world, 60 * SIM_S);
    const struct byok_done_record done = {1, BYOK_STATUS_OK};
    struct byok_str key = byok_done_key(&world->arena, byok_str_of("alice"), byok_str_of("later"));
    BYOK_AUTO(byok_buf) value = {.cap_bytes = 1000};
    cr_assert_eq(byok_done_record_encode(&done, &value), BYOK_E_OK);
    sim_append(world, BYOK_TOPIC_STATE, partition_of("alice"), key, byok_buf_str(&value), NULL, 0,
               0);
    restart_empty();
    sim_run_for(world, 700 * SIM_S);
    cr_assert_eq(sim_parked(world), 0);
    cr_assert_eq(sim_calls(world, "later"), 0);
    assert_results("later", 0);
}

Test(parked, a_parking_that_is_refused_is_made_again)
{
    start();
    world->cluster.fail_commits = 3;
    chat_at("later", 60 * 1000);
    sim_run_for(world, 30 * SIM_S);
    assert_results("later", 0);
    assert_done(100);
    assert_results("later", 1);
}

/* The first stands in memory, raw, when the second is parked: nobody knows its id yet.  So it has
 * the place of the second, as ARCHITECTURE.md says. */
Test(parked, an_id_that_comes_again_far_behind_has_the_later_place_and_is_called_once)
{
    char id[32];
    world->settings.user_concurrency = 1;
    world->settings.window = 2;
    world->settings.queue = 5;
    start();
    chat_many("alice", 12);
    sim_chat(world, "alice", "alice-000005");
    sim_chat(world, "alice", "alice-000012");
    assert_done(100);
    for (int i = 0; i < 13; i++) {
        snprintf(id, sizeof id, "alice-%06d", i);
        assert_results(id, 1);
        cr_assert_eq(sim_calls(world, id), 1);
    }
    cr_assert_gt(called_at_us("alice-000005"), called_at_us("alice-000011"));
    cr_assert_lt(called_at_us("alice-000005"), called_at_us("alice-000012"));
}
