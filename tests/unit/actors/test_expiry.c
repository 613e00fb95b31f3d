/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_expiry.c - DONE records whose time is over leave changelog and table. */
#include "schemas/state.h"
#include "tests/unit/actors/kit.h"

#define JOBS 600

TestSuite(expiry, .init = setup, .fini = teardown);

static bool count_one(void *arg, struct byok_str key, struct byok_str value)
{
    (void)key;
    (void)value;
    ++*(size_t *)arg;
    return true;
}

static size_t in_tables(const char *prefix)
{
    struct byok_store *state = &worker->state->store;
    size_t count = 0;
    for (int32_t p = 0; p < 2; p++)
        cr_assert_eq(state->ops->scan(state, p, byok_str_of(prefix), count_one, &count, NULL),
                     BYOK_E_OK);
    return count;
}

/* Keys whose last record has a value. */
static size_t in_changelogs(char kind)
{
    size_t alive = 0;
    for (int32_t p = 0; p < 2; p++) {
        const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_STATE][p];
        for (size_t i = 0; i < log->count; i++) {
            const struct byok_record *record = log->records[i];
            bool last = record->key.ptr[0] == kind;
            for (size_t j = i + 1; last && j < log->count; j++)
                last = !byok_str_eq(log->records[j]->key, record->key);
            alive += last && record->value.ptr;
        }
    }
    return alive;
}

static void send_jobs(int from, int to)
{
    for (int i = from; i < to; i++) {
        char user[16], id[16];
        snprintf(user, sizeof user, i % 2 ? "alice" : "bob");
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, user, id);
    }
}

Test(expiry, done_records_leave_after_their_time_and_not_before)
{
    world->settings.done_keep_ms = 3600 * 1000;
    start();
    sim_register_now(world, "bob");
    send_jobs(0, JOBS);
    assert_done(600);
    sim_run_for(world, SIM_S); /* to the tables, too */
    cr_assert_eq(in_tables("d"), JOBS + 2); /* and two registrations */
    sim_run_for(world, 3000 * SIM_S);
    cr_assert_eq(in_tables("d"), JOBS + 2);
    send_jobs(JOBS, JOBS + 10);
    assert_done(60);
    sim_run_for(world, 1200 * SIM_S);
    cr_assert_eq(in_tables("d"), 10);
    cr_assert_eq(in_changelogs('d'), 10);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_DONE_EXPIRED), JOBS + 2);
    cr_assert_eq(in_tables("u"), 2, "the users' records stay");
    sim_run_for(world, 4000 * SIM_S);
    cr_assert_eq(in_tables("d"), 0);
}

Test(expiry, an_id_is_recognised_until_then_and_new_afterwards)
{
    world->settings.done_keep_ms = 3600 * 1000;
    start();
    sim_chat(world, "alice", "j");
    assert_done(10);
    sim_run_for(world, 3000 * SIM_S);
    sim_chat(world, "alice", "j");
    assert_done(10);
    cr_assert_eq(sim_calls(world, "j"), 1);
    sim_run_for(world, 1200 * SIM_S);
    sim_chat(world, "alice", "j");
    assert_done(10);
    cr_assert_eq(sim_calls(world, "j"), 2);
}

Test(expiry, a_claim_that_a_zombie_left_goes_with_its_done_record_and_one_to_be_done_stays)
{
    world->settings.done_keep_ms = 3600 * 1000;
    start();
    sim_chat(world, "alice", "j");
    assert_done(10);
    struct byok_store *state = &worker->state->store;
    struct byok_claim_record claim = {.claimed_wall_ms = 1,
                                      .deadline_wall_ms = 2,
                                      .attempt = 1,
                                      .provider = "openai",
                                      .owner = "zombie"};
    claim.deadline_wall_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 4096};
    cr_assert_eq(byok_claim_record_encode(&claim, &buf), BYOK_E_OK);
    struct byok_str alice = byok_str_of("alice");
    const struct byok_write writes[] = {
        {byok_claim_key(&world->arena, alice, byok_str_of("j")), byok_buf_str(&buf), false},
        {byok_withdrawal_key(&world->arena, alice, byok_str_of("j")), byok_buf_str(&buf), false},
        {byok_claim_key(&world->arena, alice, byok_str_of("open")), byok_buf_str(&buf), false}};
    cr_assert_eq(state->ops->apply(state, partition_of("alice"), writes, 3, -1, NULL), BYOK_E_OK);
    sim_run_for(world, 5000 * SIM_S);
    cr_assert_eq(in_tables("c"), 1);
    sim_run_for(world, (int64_t)91 * 86400 * SIM_S);
    cr_assert_eq(in_tables("c"), 0);
}

Test(expiry, failing_commits_and_a_crash_delay_it)
{
    world->settings.done_keep_ms = 3600 * 1000;
    start();
    sim_register_now(world, "bob");
    send_jobs(0, 300);
    assert_done(600);
    world->commit_fails = 500;
    sim_run_for(world, 3700 * SIM_S);
    restart_empty();
    sim_run_for(world, 3000 * SIM_S);
    cr_assert_eq(in_tables("d"), 0);
    cr_assert_eq(in_changelogs('d'), 0);
}
