/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_user_limit.c - limits that a provider has for a key: they hold up that
 * key's jobs alone, in their order, and go with the key.
 */
#include <string.h>

#include "tests/unit/actors/kit.h"

TestSuite(user_limit, .init = setup, .fini = teardown);

#define LIMIT_S 300

/* The key that is above its limit, as an index in the world. */
static size_t spent;

static bool is_job(const struct sim_entry *entry)
{
    return strcmp(entry->path, "/models") != 0;
}

static void refuse(struct sim_answer *answer, int seconds)
{
    answer->status = 429;
    answer->retry_after_s = seconds;
    snprintf(answer->body, sizeof answer->body,
             "{\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}");
}

static void refuse_the_spent(struct sim_world *w, const struct sim_entry *entry,
                             struct sim_answer *answer)
{
    if (is_job(entry) && entry->key == &w->keys[spent])
        refuse(answer, LIMIT_S);
}

/* A job has found out, and waits with some others. */
static void start_spent(void)
{
    world->answer = refuse_the_spent;
    world->settings.user_concurrency =
        1; /* so that the order of their turns is that of the calls */
    start();
    spent = 0;
    sim_chat(world, "alice", "j0");
    sim_run_for(world, SIM_S);
    for (int i = 1; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_calls(world, "j0"), 1);
    cr_assert_eq(sim_calls(world, "j4"), 0);
}

static const struct sim_entry *last_call(const char *id)
{
    for (size_t i = world->ledger.count; i-- > 0;) {
        if (strcmp(world->ledger.entries[i].id, id) == 0)
            return &world->ledger.entries[i];
    }
    return NULL;
}

static void assert_all_are_done_in_order(void)
{
    int64_t last_us = 0;
    for (int i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "j%d", i);
        assert_code(id, "ok");
        cr_assert_geq(last_call(id)->at_us, last_us, "%s was overtaken", id);
        last_us = last_call(id)->at_us;
    }
}

Test(user_limit, a_new_key_does_not_wait_for_the_old_ones_limit)
{
    start_spent();
    sim_register(world, "alice", "openai", "new");
    assert_done(5);
    assert_code("new", "ok");
    assert_all_are_done_in_order();
}

Test(user_limit, nor_do_jobs_that_were_parked_for_it)
{
    world->settings.queue = 1;
    world->settings.window = 2;
    start_spent();
    sim_run_for(world, 30 * SIM_S);
    cr_assert_eq(sim_parked(world), 5);
    cr_assert(sim_all_committed(world));
    sim_register(world, "alice", "openai", "new");
    assert_done(5);
    assert_code("new", "ok");
    assert_all_are_done_in_order();
}

Test(user_limit, a_key_of_another_label_does_not_wait_either)
{
    start_spent();
    sim_register_as(world, "alice", "openai", "second", "new");
    sim_send(world, "alice",
             "{\"id\":\"k\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"key_label\":\"second\"}");
    sim_run_for(world, 2 * SIM_S);
    assert_code("new", "ok");
    assert_code("k", "ok");
    cr_assert_eq(sim_calls(world, "j0"), 1, "the spent key waits on");
    cr_assert_eq(sim_calls(world, "j1"), 0);
}

Test(user_limit, commands_are_not_held_up)
{
    start_spent();
    sim_send(world, "alice",
             "{\"type\":\"key.check\",\"id\":\"c\",\"user\":\"alice\",\"provider\":\"openai\"}");
    sim_run_for(world, 2 * SIM_S);
    assert_code("c", "ok");
    cr_assert_eq(sim_calls(world, "j0"), 1, "a check that is good says nothing of the limit");
    cr_assert_eq(sim_calls(world, "j1"), 0);
    sim_send(world, "alice",
             "{\"type\":\"key.delete\",\"id\":\"d\",\"user\":\"alice\",\"provider\":\"openai\"}");
    sim_run_for(world, 2 * SIM_S);
    assert_code("d", "ok");
}

static void refuse_commands_once(struct sim_world *w, const struct sim_entry *entry,
                                 struct sim_answer *answer)
{
    (void)w;
    if (!is_job(entry) && entry->attempt == 1 && strcmp(entry->id, "c") == 0)
        refuse(answer, 20);
}

Test(user_limit, what_a_command_is_told_holds_up_that_command_alone)
{
    world->answer = refuse_commands_once;
    start();
    sim_chat(world, "alice", "before");
    sim_send(world, "alice",
             "{\"type\":\"key.check\",\"id\":\"c\",\"user\":\"alice\",\"provider\":\"openai\"}");
    sim_run_for(world, 10 * SIM_S);
    assert_results("c", 0);
    assert_code("before", "ok");
    sim_run_for(world, 15 * SIM_S);
    assert_code("c", "ok");
    cr_assert_eq(sim_calls(world, "c"), 2);
}

/* The old key's answer comes when the new one is stored. */
static void refuse_the_spent_late(struct sim_world *w, const struct sim_entry *entry,
                                  struct sim_answer *answer)
{
    refuse_the_spent(w, entry, answer);
    if (answer->status == 429)
        answer->latency_us = 10 * SIM_S;
}

Test(user_limit, what_is_said_of_a_key_that_was_replaced_meanwhile_is_not_heeded)
{
    world->answer = refuse_the_spent_late;
    start();
    spent = 0;
    sim_send(world, "alice",
             "{\"id\":\"late\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"timeout_ms\":60000}");
    sim_run_for(world, SIM_S);
    sim_register(world, "alice", "openai", "new");
    sim_run_for(world, 10 * SIM_S);
    assert_code("late", "ok");
    cr_assert_eq(sim_calls(world, "late"), 2);
    sim_chat(world, "alice", "k");
    sim_run_for(world, SIM_S);
    assert_code("k", "ok");
}

static void allow_one(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    answer->latency_us = SIM_S;
    answer->calls_max = entry->key == &w->keys[0] ? 1 : 0;
}

static void send_four(const char *name)
{
    for (int i = 0; i < 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "%s%d", name, i);
        sim_chat(world, "alice", id);
    }
}

Test(user_limit, calls_at_once_are_found_out_anew_for_a_new_key)
{
    world->answer = allow_one;
    start();
    sim_chat(world, "alice", "a");
    assert_done(10);
    send_four("b");
    assert_done(10);
    cr_assert_eq(world->ledger.open_most, 1);
    sim_register_now(world, "alice");
    send_four("c");
    assert_done(10);
    cr_assert_eq(world->ledger.open_most, 4);
}

/* ---- the order at a limit ---- */

/* One job in so many seconds is let through. */
static int64_t open_us;

static void let_one_through(struct sim_world *w, const struct sim_entry *entry,
                            struct sim_answer *answer)
{
    if (!is_job(entry))
        return;
    if (w->clock.now_us < open_us)
        refuse(answer, (int)((open_us - w->clock.now_us) / SIM_S) + 1);
    else
        open_us = w->clock.now_us + 90 * SIM_S;
}

Test(user_limit, who_is_refused_keeps_its_place)
{
    char id[8];
    world->settings.window = 3;
    world->settings.queue = 2;
    world->settings.user_concurrency = 1;
    world->settings.deadline_us = 3600 * SIM_S;
    world->answer = let_one_through;
    open_us = 0;
    start();
    for (int i = 0; i < 12; i++) {
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
    cr_assert(sim_run_until_done(world, 3600 * SIM_S));
    int64_t last_us = 0;
    for (int i = 0; i < 12; i++) {
        snprintf(id, sizeof id, "j%d", i);
        assert_code(id, "ok");
        cr_assert_geq(last_call(id)->at_us, last_us, "%s was overtaken", id);
        last_us = last_call(id)->at_us;
        cr_assert_leq(sim_calls(world, id), 4, "%s had %zu calls", id, sim_calls(world, id));
    }
}

/* So often it is refused, then it fails, then it goes well. */
#define REFUSALS 6

static void refuse_often(struct sim_world *w, const struct sim_entry *entry,
                         struct sim_answer *answer)
{
    (void)w;
    if (is_job(entry) && entry->attempt <= REFUSALS)
        refuse(answer, 20);
    else if (is_job(entry) && entry->attempt <= REFUSALS + 3)
        answer->status = 500;
}

Test(user_limit, a_refusal_is_no_failure_of_the_job)
{
    world->answer = refuse_often;
    start();
    sim_chat(world, "alice", "j");
    assert_done(400);
    assert_code("j", "ok");
    cr_assert_eq(sim_calls(world, "j"), REFUSALS + 4);
}

Test(user_limit, nor_when_it_was_parked)
{
    world->settings.park_after_us = SIM_S;
    world->answer = refuse_often;
    start();
    sim_chat(world, "alice", "j");
    sim_run_for(world, (REFUSALS + 1) * 22 * SIM_S);
    cr_assert_gt(sim_calls(world, "j"), REFUSALS);
    restart_empty();
    assert_done(400);
    assert_code("j", "ok");
    cr_assert_eq(sim_calls(world, "j"), REFUSALS + 4);
}
