/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_provider.c - calls at a time, slots, answers of every kind. */
#include <string.h>

#include "tests/unit/actors/kit.h"

TestSuite(provider, .init = setup, .fini = teardown);

static void slow(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)entry;
    answer->latency_us = SIM_S + (int64_t)sim_below(&w->clock, (uint64_t)SIM_S);
}

static void send_many(const char *user, int count)
{
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s.%d", user, i);
        sim_chat(world, user, id);
    }
}

Test(provider, makes_only_so_many_calls_at_a_time)
{
    world->answer = slow;
    start();
    send_many("alice", 100);
    assert_done(600);
    cr_assert_eq(world->ledger.open_most, 16);
    assert_code("alice.99", "ok");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_IN_FLIGHT), 0);
}

Test(provider, waits_for_a_slot_when_all_are_leased)
{
    world->answer = slow;
    world->slots = 2;
    start();
    send_many("alice", 20);
    assert_done(600);
    cr_assert_eq(world->ledger.open_most, 2);
    assert_code("alice.19", "ok");
    cr_assert_eq(byok_slots_leased(worker->slots), 0);
}

/* ---- answers ---- */

static struct sim_answer given;

static void give(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") != 0)
        *answer = given;
}

Test(provider, classifies_every_kind_of_answer)
{
    static const struct {
        struct sim_answer answer;
        const char *code;
        size_t calls;
    } cases[] = {
        {{.how = SIM_NO_CONNECT}, "unreachable", 0}, /* counted below */
        {{.how = SIM_CUT}, "cut_off", 1},
        {{.how = SIM_HANG}, "timeout", 1},
        {{.how = SIM_TOO_LARGE}, "too_large", 1},
        {{.status = 200, .body = "<html>"}, "bad_answer", 1},
        {{.status = 200, .body = "{\"choices\":[]}"}, "bad_answer", 1},
        {{.status = 401, .body = "{\"error\":{\"message\":\"no\"}}"}, "key_invalid", 1},
        {{.status = 404, .body = "{\"error\":{\"message\":\"no\"}}"}, "not_found", 1},
        {{.status = 503}, "overloaded", 4},
    };
    start();
    world->answer = give;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char id[16];
        snprintf(id, sizeof id, "a%zu", i);
        given = cases[i].answer;
        given.latency_us = 1000;
        sim_chat(world, "alice", id);
        assert_done(600);
        assert_code(id, cases[i].code);
        if (cases[i].calls > 0)
            cr_assert_eq(sim_calls(world, id), cases[i].calls, "case %zu", i);
    }
}

Test(provider, a_key_that_an_answer_echoes_is_published_nowhere)
{
    worker = sim_worker_start_all(world);
    sim_register_now(world, "alice");
    world->keys[0].revoked = true; /* the 401 quotes it; the teardown looks */
    sim_chat(world, "alice", "j");
    assert_done(10);
    assert_code("j", "key_invalid");
}

Test(provider, the_timeout_of_a_call_is_its_own_or_what_is_left_to_the_deadline)
{
    start();
    world->answer = give;
    given = (struct sim_answer){.how = SIM_HANG};
    int64_t began = world->clock.now_us;
    sim_chat(world, "alice", "j");
    assert_done(100);
    int64_t took = world->clock.now_us - began;
    cr_assert(took >= 30 * SIM_S && took < 31 * SIM_S, "%lld", (long long)took);
}

/* Owned once: by the provider's list, not by the mail. */
Test(provider, an_answer_that_nobody_has_handled_is_freed_once_at_the_end)
{
    start();
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S / 25);
    cr_assert_eq(sim_calls(world, "j"), 1);
    sim_clock_advance(&world->clock, world->clock.now_us + SIM_S);
}

Test(provider, a_call_that_waits_for_a_slot_is_not_made_when_the_partition_is_lost_meanwhile)
{
    world->slots = 1;
    world->settings.at_least_once = false; /* the tables stay, the key can be had */
    start();
    world->answer = give;
    given = (struct sim_answer){.how = SIM_HANG};
    sim_chat(world, "alice", "first");
    sim_chat(world, "alice", "second");
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_calls(world, "first"), 1);
    sim_lose(world, partition_of("alice"), NULL);
    sim_run_for(world, 100 * SIM_S);
    cr_assert_eq(sim_calls(world, "second"), 0, "paid for by who cannot publish it");
    cr_assert_eq(byok_slots_leased(worker->slots), 0);
}

/* ---- a provider that is away ---- */

static int64_t away_until_us;

static void be_away(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    if (w->clock.now_us < away_until_us && strcmp(entry->path, "/models") != 0)
        answer->status = 503;
    if (answer->status == 503)
        snprintf(answer->body, sizeof answer->body, "{}");
}

static void start_away(int64_t seconds)
{
    start();
    sim_register_now(world, "bob");
    world->answer = be_away;
    away_until_us = world->clock.now_us + seconds * SIM_S;
}

static size_t calls_of(const char *user)
{
    size_t calls = 0;
    for (size_t i = 0; i < world->ledger.count; i++)
        calls += strcmp(world->ledger.entries[i].user, user) == 0;
    return calls;
}

Test(provider, that_fails_for_several_users_is_left_alone_until_a_probe_is_answered)
{
    world->settings.attempts_max = 16;
    start_away(120);
    for (int i = 0; i < 440; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, i % 2 ? "alice" : "bob", id);
        sim_run_for(world, SIM_S / 4);
    }
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_BREAKERS_OPEN), 1);
    cr_assert_lt(world->ledger.count, 100, "%zu calls", world->ledger.count);
    assert_done(60);
    assert_code("j0", "ok");
    assert_code("j439", "ok");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_BREAKERS_OPEN), 0);
    cr_assert_gt(sim_metric(worker, BYOK_METRIC_BREAKER_OPENED), 1);
}

Test(provider, jobs_wait_for_one_that_is_away_until_their_deadline)
{
    world->settings.attempts_max = 16;
    world->settings.deadline_us = 300 * SIM_S;
    start_away(3600);
    send_many("alice", 20);
    send_many("bob", 20);
    sim_run_for(world, 20 * SIM_S);
    sim_send(world, "bob",
             "{\"id\":\"j\",\"user\":\"bob\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"timeout_ms\":20000}");
    sim_run_for(world, 10 * SIM_S);
    assert_results("j", 0);
    sim_run_for(world, 15 * SIM_S);
    assert_code("j", "deadline_exceeded");
    cr_assert(strstr(sim_result_text(world, "j", "error.message"), "\"openai\" failed"));
    assert_done(1000);
    assert_code("alice.19", "deadline_exceeded");
}

Test(provider, one_user_whose_calls_fail_is_held_up_alone)
{
    start();
    sim_register_now(world, "bob");
    world->keys[0].revoked = false;
    world->settings.attempts_max = 16;
    world->answer = be_away;
    away_until_us = world->clock.now_us + 60 * SIM_S;
    send_many("alice", 30);
    sim_run_for(world, 50 * SIM_S);
    cr_assert_lt(calls_of("alice"), 60, "%zu calls", calls_of("alice"));
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_BREAKERS_OPEN), 0);
    away_until_us = 0;
    sim_chat(world, "bob", "b");
    sim_run_for(world, SIM_S);
    assert_code("b", "ok");
    assert_done(100);
    assert_code("alice.29", "ok");
}

Test(provider, a_command_is_carried_out_though_the_breaker_is_open)
{
    world->settings.attempts_max = 16;
    start_away(600);
    send_many("alice", 20);
    send_many("bob", 20);
    sim_run_for(world, 10 * SIM_S);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_BREAKERS_OPEN), 1);
    sim_send(world, "alice",
             "{\"type\":\"key.check\",\"id\":\"k\",\"user\":\"alice\",\"provider\":\"openai\"}");
    sim_run_for(world, SIM_S);
    assert_code("k", "ok");
    assert_done(3600);
}

/* ---- what the headers say of a key ---- */

Test(provider, a_key_that_has_nothing_left_waits_for_its_reset)
{
    start();
    sim_register_now(world, "bob");
    world->answer = give;
    given = (struct sim_answer){.status = 200, .latency_us = 1000, .requests = {60, 0, 20000}};
    sim_chat(world, "alice", "first");
    sim_run_for(world, SIM_S);
    sim_chat(world, "alice", "second");
    sim_chat(world, "bob", "other");
    sim_run_for(world, 15 * SIM_S);
    cr_assert_eq(sim_calls(world, "second"), 0);
    assert_code("other", "ok");
    sim_run_for(world, 10 * SIM_S);
    assert_code("second", "ok");
}

Test(provider, a_refusal_that_says_how_long_is_kept_to_and_no_longer)
{
    start();
    world->answer = give;
    given = (struct sim_answer){.status = 429,
                                .latency_us = 1000,
                                .retry_after_s = 2,
                                .body = "{}",
                                .requests = {60, 0, 50000}};
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    world->answer = NULL;
    assert_done(5);
    assert_code("j", "ok");
}

/* Also while the refused job's claim is still being taken back. */
Test(provider, a_refusal_holds_up_the_key_at_once)
{
    world->note_delay_us = SIM_S / 2;
    start();
    world->answer = give;
    given =
        (struct sim_answer){.status = 429, .latency_us = 1000, .retry_after_s = 20, .body = "{}"};
    sim_chat(world, "alice", "refused");
    sim_run_for(world, SIM_S * 6 / 10);
    cr_assert_eq(sim_calls(world, "refused"), 1);
    world->answer = NULL;
    sim_chat(world, "alice", "behind");
    sim_run_for(world, 15 * SIM_S);
    cr_assert_eq(sim_calls(world, "behind"), 0);
    assert_done(10);
    assert_code("refused", "ok");
    assert_code("behind", "ok");
}

Test(provider, a_key_is_used_by_no_more_calls_at_once_than_it_may)
{
    start();
    world->answer = give;
    given = (struct sim_answer){.status = 200, .latency_us = SIM_S, .calls_max = 3};
    sim_chat(world, "alice", "first");
    assert_done(10);
    world->ledger.open_most = 0;
    send_many("alice", 20);
    assert_done(100);
    cr_assert_eq(world->ledger.open_most, 3);
}

/* It takes three at once, says no to the others, and tells nothing. */
static void take_three(struct sim_world *w, const struct sim_entry *entry,
                       struct sim_answer *answer)
{
    (void)entry;
    answer->latency_us = SIM_S;
    if (w->ledger.open < 3)
        return;
    answer->status = 429;
    answer->latency_us = 10000;
    snprintf(answer->body, sizeof answer->body, "{}");
}

Test(provider, how_many_calls_at_once_a_key_takes_is_found_out)
{
    start();
    world->answer = take_three;
    send_many("alice", 200);
    assert_done(600);
    assert_code("alice.199", "ok");
    cr_assert_lt(world->ledger.count, 300, "%zu calls for 200 jobs", world->ledger.count);
}

/* Azure's path holds the model's name. */
Test(provider, the_name_of_a_model_leads_to_no_other_path)
{
    struct byok_provider *azure = &world->providers[1];
    struct byok_fault fault;
    *azure = (struct byok_provider){.name = "other", .base_url = "https://other.test/openai"};
    cr_assert_eq(byok_provider_complete(&world->arena, azure, "azure", &fault), BYOK_E_OK);
    start();
    sim_register(world, "alice", "other", "r");
    assert_done(10);
    assert_code("r", "ok");
    static const char *const models[] = {"..", ".", "%2e%2e", "gpt"};
    for (size_t i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "m%zu", i);
        sim_send(world, "alice",
                 "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"other\","
                 "\"model\":\"%s\",\"prompt\":\"x\"}",
                 id, models[i]);
        assert_done(10);
        assert_code(id, i < 2 ? "bad_request" : "ok");
        cr_assert_eq(sim_calls(world, id), i < 2 ? 0 : 1, "%s", models[i]);
    }
}
