/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_intake.c - partitions come and go; what cannot be taken; memory. */
#include <string.h>

#include "tests/unit/actors/kit.h"

TestSuite(intake, .init = setup, .fini = teardown);

/* ---- what cannot be taken ---- */

static void append(struct byok_str key, struct byok_str value)
{
    int32_t p = key.ptr ? byok_partition_of(key, world->cluster.partitions) : 0;
    sim_append(world, BYOK_TOPIC_REQUESTS, p, key, value, NULL, 0, 0);
}

Test(intake, what_is_no_request_is_a_dead_letter_and_the_partition_moves_on)
{
    static char large[300 * 1024];
    memset(large, 'x', sizeof large);
    const struct byok_str none = {NULL, 0}, job = BYOK_STR("{\"id\":\"1\",\"user\":\"alice\"}");
    const struct {
        struct byok_str key, value;
        const char *code;
    } cases[] = {
        {none, job, "record_key_mismatch"},
        {byok_str_of("bob"), job, "record_key_mismatch"},
        {byok_str_of("alice"), none, "bad_message"},
        {byok_str_of("alice"), byok_str_of("<html>"), "bad_message"},
        {byok_str_of("alice"), {large, sizeof large}, "too_large"},
        {{large, 257}, job, "record_key_mismatch"},
        {{"al\0ice", 6}, job, "record_key_mismatch"},
        {byok_str_of("alice"),
         byok_str_of("{\"id\":\"1\",\"user\":\"alice\",\"api_key\":\"sk-sim-raw-123456\"}"),
         "raw_key_refused"},
    };
    start();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim_topic *dlq = world->cluster.topics[BYOK_TOPIC_DLQ];
        size_t before = sim_count(world, BYOK_TOPIC_DLQ);
        size_t counts[2] = {dlq[0].count, dlq[1].count};
        append(cases[i].key, cases[i].value);
        assert_done(10);
        cr_assert_eq(sim_count(world, BYOK_TOPIC_DLQ), before + 1, "case %zu", i);
        int p = dlq[0].count > counts[0] ? 0 : 1;
        struct byok_str code =
            byok_record_header_of(dlq[p].records[dlq[p].count - 1], BYOK_HEADER_ERROR_CODE);
        cr_assert(byok_str_is(code, cases[i].code), "case %zu: %.*s", i, BYOK_STR_ARG(code));
    }
    sim_chat(world, "alice", "after");
    assert_done(10);
    assert_code("after", "ok");
}

Test(intake, a_key_with_a_nul_leaves_nothing_behind_when_it_comes_again)
{
    const struct byok_str key = {"al\0ice", 6}, value = BYOK_STR("{\"id\":\"1\",\"user\":\"al\"}");
    start();
    append(key, value);
    sim_run_for(world, 100 * SIM_S);
    append(key, value);
    assert_done(10);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_DLQ), 2);
}

Test(intake, a_record_on_a_wrong_partition_is_forwarded)
{
    start();
    const struct byok_str job = BYOK_STR("{\"id\":\"w\",\"user\":\"alice\",\"capability\":\"chat\","
                                         "\"provider\":\"openai\",\"prompt\":\"x\"}");
    sim_append(world, BYOK_TOPIC_REQUESTS, 1 - partition_of("alice"), byok_str_of("alice"), job,
               NULL, 0, 0);
    sim_run_for(world, 5 * SIM_S);
    assert_done(10);
    assert_code("w", "ok");
    assert_results("w", 1);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_FORWARDED), 1);
}

Test(intake, records_delivered_twice_are_done_once)
{
    world->record_repeats = 1000;
    start();
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%d", i);
        sim_chat(world, "alice", id);
    }
    assert_done(60);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "r%d", i);
        assert_results(id, 1);
        cr_assert_eq(sim_calls(world, id), 1);
    }
}

/* ---- memory ---- */

static void send_many(const char *user, int count)
{
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s.%d", user, i);
        sim_chat(world, user, id);
    }
}

Test(intake, pauses_above_its_memory_budget_and_goes_on)
{
    world->settings.held_bytes_max = 20000;
    start();
    send_many("alice", 2000);
    assert_done(600);
    assert_code("alice.1999", "ok");
    sim_run_for(world, SIM_S); /* the actors hear of it */
    cr_assert_gt(worker->broker.pauses, 1);
    cr_assert(!worker->broker.paused);
    cr_assert_eq(worker->env.partitions->held_bytes, 0);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_OPEN), 0);
}

/* ---- letting go ---- */

static void slow(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") != 0)
        answer->latency_us = 5 * SIM_S;
}

static bool alice_is_released(struct sim_world *w)
{
    return w->cluster.owners[partition_of("alice")].worker != worker;
}

Test(intake, a_revoked_partition_ends_what_is_in_flight_then_is_released)
{
    world->answer = slow;
    start();
    send_many("alice", 100); /* 16 at a time */
    sim_run_for(world, SIM_S);
    sim_revoke(world, partition_of("alice"), NULL);
    cr_assert(sim_run_until(world, alice_is_released, 10 * SIM_S));
    cr_assert_eq(world->ledger.count, 17);
    assert_code("alice.15", "ok");
    assert_code("alice.16", "none");
    cr_assert_eq(worker->env.partitions->held_bytes, 0);
    struct sim_worker *next = sim_worker_start(world);
    sim_assign(next, partition_of("alice"));
    assert_done(600);
    assert_code("alice.99", "ok");
    for (int i = 0; i < 100; i++) {
        char id[32];
        snprintf(id, sizeof id, "alice.%d", i);
        assert_results(id, 1);
        cr_assert_eq(sim_calls(world, id), 1);
    }
}

static void busy_once(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    slow(w, entry, answer);
    if (entry->attempt > 1 || strcmp(entry->path, "/models") == 0)
        return;
    answer->status = 503;
    snprintf(answer->body, sizeof answer->body, "{\"error\":{\"message\":\"overloaded\"}}");
}

Test(intake, what_could_be_tried_again_is_left_to_the_next_owner)
{
    world->answer = busy_once;
    start();
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    struct sim_worker *next = sim_worker_start(world);
    sim_revoke(world, partition_of("alice"), next);
    assert_done(60);
    assert_code("j", "ok");
    assert_results("j", 1);
}

Test(intake, the_drain_ends_at_its_time)
{
    world->answer = slow;
    world->settings.drain_us = 2 * SIM_S;
    start();
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    sim_revoke(world, partition_of("alice"), NULL);
    cr_assert(sim_run_until(world, alice_is_released, 3 * SIM_S));
    sim_run_for(world, 60 * SIM_S);
    assert_code("j", "none");
    struct sim_worker *next = sim_worker_start(world);
    sim_assign(next, partition_of("alice"));
    assert_done(60);
    assert_code("j", "outcome_lost"); /* it was sent, and its answer came too late */
    cr_assert_eq(sim_calls(world, "j"), 1);
}

static int64_t position_of(struct byok_store *store)
{
    int64_t position = 0;
    cr_assert_eq(store->ops->position(store, partition_of("alice"), &position, NULL), BYOK_E_OK);
    return position;
}

Test(intake, of_a_lost_partition_nothing_is_published)
{
    world->answer = slow;
    start();
    send_many("alice", 30);
    sim_run_for(world, SIM_S);
    size_t before = sim_count(world, BYOK_TOPIC_RESULTS);
    sim_lose(world, partition_of("alice"), NULL);
    sim_run_for(world, 60 * SIM_S);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_RESULTS), before);
    cr_assert_eq(worker->env.partitions->held_bytes, 0);
    cr_assert_eq(position_of(&worker->state->store), -1);
    cr_assert_eq(position_of(&worker->vault_store->store), -1);
    sim_assign(worker, partition_of("alice"));
    assert_done(600);
    assert_code("alice.29", "ok");
}

/* At least once: what a failed batch has written stands in the changelogs only, and the tables go on
 * behind it.  Whoever came back to them would miss it. */
static void revoke_after_failures(unsigned failures)
{
    world->settings.at_least_once = true;
    start();
    world->cluster.fail_commits = failures;
    world->torn_batches = 1000;
    sim_chat(world, "alice", "j");
    assert_done(60);
    assert_code("j", "ok");
    sim_revoke(world, partition_of("alice"), NULL);
    cr_assert(sim_run_until(world, alice_is_released, 10 * SIM_S));
    sim_run_for(world, SIM_S); /* the vault's table is emptied by a message */
}

Test(intake, a_revoked_partition_in_which_a_batch_has_failed_loses_its_tables)
{
    revoke_after_failures(1);
    cr_assert_eq(position_of(&worker->state->store), -1);
    cr_assert_eq(position_of(&worker->vault_store->store), -1);
    sim_assign(worker, partition_of("alice"));
    sim_chat(world, "alice", "k");
    assert_done(60);
    assert_code("k", "ok");
}

Test(intake, a_revoked_partition_keeps_its_tables_otherwise)
{
    revoke_after_failures(0);
    cr_assert_geq(position_of(&worker->state->store), 0);
    cr_assert_geq(position_of(&worker->vault_store->store), 0);
}

Test(intake, keys_committed_around_a_loss_are_not_lost_with_it)
{
    start();
    sim_register(world, "alice", "other", "second");
    world->commit_delay_us = 2 * SIM_S;
    sim_run_for(world, 3 * SIM_S / 2); /* its commit is under way */
    worker->state->writes_fail = true;
    sim_run_for(world, 4 * SIM_S); /* committed, not applied */
    worker->state->writes_fail = false;
    sim_lose(world, partition_of("alice"), NULL);
    sim_run_for(world, 2 * SIM_S); /* applied too late: it is not ours any more */
    sim_assign(worker, partition_of("alice"));
    sim_chat(world, "alice", "j");
    assert_done(60);
    assert_code("j", "ok");
}

Test(intake, a_second_assignment_without_a_revocation_starts_anew)
{
    world->answer = slow;
    start();
    send_many("alice", 20);
    sim_run_for(world, SIM_S);
    sim_assign(worker, partition_of("alice"));
    assert_done(600);
    assert_code("alice.19", "ok");
}

Test(intake, stop_ends_what_is_in_flight_and_lets_go_of_everything)
{
    world->answer = slow;
    start();
    send_many("alice", 20);
    sim_run_for(world, SIM_S);
    sim_worker_stop(worker);
    sim_run_for(world, 10 * SIM_S);
    cr_assert(worker->stopped);
    assert_code("alice.15", "ok");
    assert_code("alice.16", "none");
    sim_worker_restart(worker, false);
    sim_assign(worker, 0);
    sim_assign(worker, 1);
    assert_done(60);
    assert_code("alice.19", "ok");
    assert_results("alice.3", 1);
}

Test(intake, stop_without_partitions_is_at_once)
{
    worker = sim_worker_start(world);
    sim_worker_stop(worker);
    sim_run_for(world, 1);
    cr_assert(worker->stopped);
}

Test(intake, a_partition_may_go_while_it_is_restored)
{
    start();
    world->restore_delay_us = SIM_S;
    struct sim_worker *next = sim_worker_start(world);
    sim_revoke(world, partition_of("alice"), next);
    sim_run_for(world, SIM_S / 2);
    sim_revoke(world, partition_of("alice"), worker);
    sim_chat(world, "alice", "j");
    assert_done(60);
    assert_code("j", "ok");
}

/* ---- restart ---- */

static void restart_keeps(bool empty)
{
    world->settings.requests_per_minute = 20;
    start();
    send_many("alice", 10);
    sim_run_for(world, 30 * SIM_S);
    assert_code("alice.3", "ok");
    sim_worker_restart(worker, empty);
    sim_assign(worker, 0);
    sim_assign(worker, 1);
    sim_chat(world, "alice", "alice.3"); /* done before the restart */
    for (int i = 10; i < 40; i++) {
        char id[32];
        snprintf(id, sizeof id, "alice.%d", i);
        sim_chat(world, "alice", id);
    }
    assert_done(600);
    assert_results("alice.3", 1);
    cr_assert_eq(sim_calls(world, "alice.3"), 1);
    assert_code("alice.39", "ok");
    cr_assert_leq(sim_busiest_minute(world, "alice"), 20);
}

Test(intake, keys_limits_and_what_is_done_survive_a_restart)
{
    restart_keeps(false);
}

Test(intake, keys_limits_and_what_is_done_come_back_from_the_changelog)
{
    restart_keeps(true);
}

/* How much of the changelogs a worker reads that was stopped in order and comes back. */
static int64_t read_after_a_stop(bool empty)
{
    world->settings.at_least_once = false;
    start();
    send_many("alice", 50);
    assert_done(60);
    sim_worker_stop(worker);
    sim_run_for(world, 10 * SIM_S);
    cr_assert(worker->stopped);
    restart(empty);
    sim_run_for(world, 10 * SIM_S);
    cr_assert(sim_is_running(worker, partition_of("alice")));
    return sim_metric(worker, BYOK_METRIC_RESTORED);
}

Test(intake, a_restore_goes_on_where_the_tables_end)
{
    cr_assert_leq(read_after_a_stop(false), 1);
}

Test(intake, keys_are_not_restored_before_it_is_known_where_their_table_ends)
{
    start();
    send_many("alice", 5);
    assert_done(60);
    worker->vault_store->reads_fail = true;
    world->chunk_fails = 1000;
    restart(false);
    sim_run_for(world, 5 * SIM_S); /* the state's reading is tried again, and again */
    world->chunk_fails = 0;
    sim_run_for(world, 5 * SIM_S);
    worker->vault_store->reads_fail = false;
    sim_run_for(world, 5 * SIM_S);
    cr_assert(sim_is_running(worker, partition_of("alice")));
    cr_assert_eq(world->watch.failures, 0, "%s", world->watch.first);
}

Test(intake, without_its_tables_all_of_the_changelogs_is_read)
{
    cr_assert_gt(read_after_a_stop(true), 100);
}

Test(intake, a_restore_that_fails_is_tried_again)
{
    start();
    send_many("alice", 50);
    assert_done(60);
    world->chunk_fails = 500;
    restart_empty();
    sim_chat(world, "alice", "j");
    assert_done(600);
    assert_code("j", "ok");
    cr_assert_gt(sim_log_count(&world->log, "restore_failed"), 0);
}

Test(intake, a_long_restore_tells_how_far_it_is)
{
    start();
    send_many("alice", 200);
    assert_done(60);
    world->restore_delay_us = 6000000;
    restart_empty();
    sim_run_for(world, 7000000);
    int64_t left = sim_metric(worker, BYOK_METRIC_RESTORE_LEFT);
    cr_assert_gt(left, 0);
    sim_run_for(world, 7000000);
    cr_assert_lt(sim_metric(worker, BYOK_METRIC_RESTORE_LEFT), left);
    cr_assert_gt(sim_log_count(&world->log, "restoring"), 0);
    sim_chat(world, "alice", "j");
    assert_done(600);
    assert_code("j", "ok");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_RESTORE_LEFT), 0);
}
