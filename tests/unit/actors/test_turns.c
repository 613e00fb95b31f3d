/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_turns.c - turns that are given ahead of the calls. */
#include "tests/unit/actors/kit.h"

#define CALLS 16 /* at once, at most */
#define MS (SIM_S / 1000)

static int64_t call_us; /* 0: it never answers */
static uint32_t leased_most;

static void answer_in(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") == 0)
        return;
    answer->latency_us = call_us;
    answer->how = call_us > 0 ? answer->how : SIM_HANG;
    uint32_t leased = byok_slots_leased(worker->slots);
    leased_most = leased > leased_most ? leased : leased_most;
}

/* A claim takes as long as it says. */
static void begin(int64_t claim_us, int64_t takes_us)
{
    world->settings.user_concurrency = 0; /* none */
    world->slots = 4 * CALLS;
    world->note_delay_us = claim_us;
    world->answer = answer_in;
    call_us = takes_us;
    leased_most = 0;
    start();
}

static void send_jobs(int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
}

/* Calls of which many end while a claim is made, and all places taken; then none of them ends. */
static void begin_then_hang(void)
{
    begin(20 * MS, 20 * MS);
    send_jobs(0, 1000);
    sim_run_for(world, SIM_S / 2);
    call_us = 0;
    sim_run_for(world, SIM_S / 5);
    cr_assert_gt(byok_slots_leased(worker->slots), CALLS, "nothing is ahead");
}

TestSuite(turns, .init = setup, .fini = teardown);

/* The same jobs would take 1.6 s if a claim held a call's place. */
Test(turns, are_given_ahead_of_calls_that_end_while_a_claim_is_made)
{
    begin(20 * MS, 20 * MS);
    int64_t began = world->clock.now_us;
    send_jobs(0, 640);
    assert_done(60);
    int64_t took = world->clock.now_us - began;
    cr_expect_lt(took, 1300 * MS, "%lld ms", (long long)(took / MS));
    cr_expect_gt(leased_most, CALLS + CALLS / 2);
    cr_expect_leq(leased_most, 2 * CALLS);
    cr_expect_eq(world->ledger.open_most, CALLS);
    cr_expect_eq(byok_slots_leased(worker->slots), 0);
}

Test(turns, are_given_as_calls_end_when_a_claim_is_short_beside_a_call)
{
    begin(20 * MS, SIM_S);
    send_jobs(0, 100);
    assert_done(60);
    cr_expect_leq(leased_most, CALLS + 2);
    cr_expect_eq(world->ledger.open_most, CALLS);
}

Test(turns, are_not_given_ahead_once_calls_do_not_end)
{
    begin_then_hang();
    sim_run_for(world, 40 * SIM_S); /* those that hung have timed out, those ready went */
    cr_expect_leq(byok_slots_leased(worker->slots), CALLS);
    cr_expect_eq(world->ledger.open_most, CALLS);
}

/* Sent late, it would stand in the window beside calls of a minute later. */
Test(turns, of_a_limited_user_go_back_when_they_have_waited_for_a_call_to_end)
{
    world->settings.requests_per_minute = 100000;
    begin_then_hang();
    sim_run_for(world, SIM_S);
    cr_expect_eq(byok_slots_leased(worker->slots), CALLS);
}

Test(turns, of_jobs_cancelled_while_they_wait_for_a_call_to_end_go_back_at_once)
{
    begin_then_hang();
    sim_run_for(world, SIM_S); /* no more are given ahead */
    uint32_t ahead = byok_slots_leased(worker->slots) - CALLS;
    cr_assert_gt(ahead, 0);
    size_t called = world->ledger.count;
    for (size_t i = called - CALLS - 1; i < called + 2 * CALLS; i++) {
        sim_send(world, "alice",
                 "{\"type\":\"job.cancel\",\"id\":\"c%zu\",\"user\":\"alice\",\"job_id\":\"j%zu\"}",
                 i, i);
    }
    sim_run_for(world, SIM_S / 2);
    cr_expect_eq(byok_slots_leased(worker->slots), CALLS, "%u were ahead", ahead);
    cr_expect_eq(world->ledger.count, called);
}

Test(turns, of_a_lost_partition_go_back_and_call_nobody)
{
    begin_then_hang();
    size_t called = world->ledger.count;
    sim_lose(world, partition_of("alice"), NULL);
    sim_run_for(world, SIM_S / 2);
    cr_expect_eq(byok_slots_leased(worker->slots), CALLS);
    sim_run_for(world, 100 * SIM_S);
    cr_expect_eq(world->ledger.count, called, "paid for by who cannot publish it");
    cr_expect_eq(byok_slots_leased(worker->slots), 0);
}

/* ---- two providers ---- */

static int64_t other_us;

static void answer_by_provider(struct sim_world *w, const struct sim_entry *entry,
                               struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") == 0)
        return;
    answer->latency_us = entry->provider == 0 ? call_us : other_us;
    answer->how = answer->latency_us > 0 ? answer->how : SIM_HANG;
}

/* Just enough slots for the calls at once of both, and alice's calls take all places of one. */
static void begin_with_two(void)
{
    begin(20 * MS, 20 * MS);
    world->slots = 2 * CALLS;
    restart(false);
    world->answer = answer_by_provider;
    other_us = 20 * MS;
    sim_register_now(world, "bob");
    sim_register(world, "bob", "other", "r");
    assert_done(10);
    send_jobs(0, 4000);
    sim_run_for(world, SIM_S / 2);
}

static void send_other(int i)
{
    sim_send(world, "bob",
             "{\"id\":\"b%d\",\"user\":\"bob\",\"provider\":\"other\",\"capability\":\"chat\","
             "\"model\":\"m\",\"prompt\":\"x\"}",
             i);
}

static size_t calls_of_other(void)
{
    size_t calls = 0;
    for (size_t i = 0; i < world->ledger.count; i++)
        calls += world->ledger.entries[i].provider == 1;
    return calls;
}

Test(turns, that_are_ahead_leave_another_provider_its_slots)
{
    begin_with_two();
    size_t before = calls_of_other();
    for (int i = 0; i < 320; i++)
        send_other(i);
    sim_run_for(world, 2 * SIM_S); /* 320 calls take 0.8 s, were a claim's way nothing */
    size_t calls = calls_of_other() - before;
    cr_expect_eq(calls, 320u, "%zu", calls);
}

Test(turns, that_are_ahead_of_calls_that_hang_hold_up_no_other_provider)
{
    begin_with_two();
    call_us = 0;
    sim_run_for(world, SIM_S / 10);
    send_other(0);
    sim_run_for(world, SIM_S / 4);
    cr_expect_eq(sim_calls(world, "b0"), 1u);
}

/* ---- how many calls ---- */

static int64_t bad_until_us;

static void fail_for_a_time(struct sim_world *w, const struct sim_entry *entry,
                            struct sim_answer *answer)
{
    if (strcmp(entry->path, "/models") == 0)
        return;
    answer->latency_us = MS + (int64_t)sim_below(&w->clock, (uint64_t)(8 * MS));
    if (w->clock.now_us < bad_until_us)
        answer->status = 503;
}

Test(turns, so_many_calls_at_once_are_found_again_though_a_claim_takes_longer_than_a_call)
{
    static const char *const users[] = {"alice", "bob", "carol", "dave"};
    world->provider_settings[0].concurrency = 64;
    world->provider_settings[0].concurrency_min = 1;
    world->provider_settings[0].breaker.calls = 0;
    begin(40 * MS, 8 * MS);
    world->slots = 512;
    restart(false);
    world->answer = fail_for_a_time;
    for (int i = 1; i < 4; i++)
        sim_register_now(world, users[i]);
    bad_until_us = world->clock.now_us + SIM_S;
    for (int i = 0; i < 6000; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, users[i % 4], id);
    }
    sim_run_for(world, SIM_S);
    cr_assert_lt(sim_metric(worker, BYOK_METRIC_CALLS_ALLOWED), 64 + 16, "of both providers");
    sim_run_for(world, 5 * SIM_S);
    int64_t allowed = sim_metric(worker, BYOK_METRIC_CALLS_ALLOWED);
    cr_expect_eq(allowed, 64 + 16, "%lld", (long long)allowed);
}
