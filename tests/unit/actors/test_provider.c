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
        {{SIM_NO_CONNECT, 1000, 0, 0, ""}, "unreachable", 0}, /* counted below */
        {{SIM_CUT, 1000, 0, 0, ""}, "cut_off", 1},
        {{SIM_HANG, 1000, 0, 0, ""}, "timeout", 1},
        {{SIM_TOO_LARGE, 1000, 0, 0, ""}, "too_large", 1},
        {{SIM_WHOLE, 1000, 200, 0, "<html>"}, "bad_answer", 1},
        {{SIM_WHOLE, 1000, 200, 0, "{\"choices\":[]}"}, "bad_answer", 1},
        {{SIM_WHOLE, 1000, 401, 0, "{\"error\":{\"message\":\"no\"}}"}, "key_invalid", 1},
        {{SIM_WHOLE, 1000, 404, 0, "{\"error\":{\"message\":\"no\"}}"}, "not_found", 1},
        {{SIM_WHOLE, 1000, 503, 0, ""}, "overloaded", 4},
    };
    start();
    world->answer = give;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char id[16];
        snprintf(id, sizeof id, "a%zu", i);
        given = cases[i].answer;
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
