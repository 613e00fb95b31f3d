/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_user_waiting.c - jobs that wait for a budget or a key's limit: what they
 * take, whom they hold up, and what ends them. */
#include "tests/unit/actors/priced.h"

static void begin(void)
{
    setup_priced(PRICES("dear", "3000000"));
}

TestSuite(user_waiting, .init = begin, .fini = teardown);

static bool is_job(const struct sim_entry *entry)
{
    return strcmp(entry->path, "/models") != 0;
}

/* ---- money ---- */

/* JOBS.md: "A job that alone may cost more than the whole amount ends with over_budget." */
Test(user_waiting, a_long_text_that_costs_more_than_the_budget_is_not_begun)
{
    char text[6001]; /* two parts, of 4.1 and 1.9; the budget is 5 */
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = i % 10 == 9 ? ' ' : 'a';
    text[sizeof text - 1] = '\0';
    start();
    configure("c", "{\"amount\":5,\"period\":\"month\"}");
    assert_done(10);
    sim_send(world, "alice",
             "{\"id\":\"s\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"provider\":"
             "\"openai\",\"format\":\"pcm\",\"text\":\"%s\"}",
             text);
    sim_run_for(world, HOUR);
    cr_expect_eq(sim_calls(world, "s"), 0, "%zu parts were paid for", sim_calls(world, "s"));
    assert_code("s", "over_budget");
}

Test(user_waiting, a_budget_too_small_to_count_is_not_taken_for_none)
{
    start();
    configure("c", "{\"amount\":4e-10,\"period\":\"month\"}");
    sim_run_for(world, 10 * SIM_S);
    assert_results("c", 0);
    cr_assert_str_eq(sim_dead_letter_code(world, 0), "bad_message");
}

/* ---- waiting ---- */

/* ARCHITECTURE.md: "none of them is read while there is no room for the first". */
Test(user_waiting, an_older_job_that_comes_to_the_queue_is_not_barred_by_a_younger_one)
{
    start();
    configure("c", "{\"amount\":40,\"period\":\"month\"}");
    chat_with("a", "");
    assert_done(10); /* 12 are spent */
    int64_t wall_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    char more[64];
    snprintf(more, sizeof more, ",\"not_before_ms\":%lld", (long long)wall_ms + 3600000);
    chat_with("older", more);
    chat_with("large", ",\"provider_options\":{\"max_completion_tokens\":35}");
    sim_run_for(world, HOUR / 2);
    assert_results("large", 0);
    sim_run_for(world, HOUR);
    assert_code("older", "ok"); /* it may cost 8, and 28 are left */
}

static bool is_down;

static void first_fails(struct sim_world *w, const struct sim_entry *entry,
                        struct sim_answer *answer)
{
    (void)w;
    if (is_down && entry->provider == 0 && is_job(entry)) {
        answer->status = 503;
        snprintf(answer->body, sizeof answer->body, "{}");
    }
}

/* A leg is passed over when it costs more than the whole budget, but not when it costs more than
 * what is left: then the job waits there for the next month, though its first leg is back. */
Test(user_waiting, a_fallback_that_there_is_no_room_for_keeps_no_job_from_its_provider)
{
    is_down = true;
    world->answer = first_fails;
    world->settings.deadline_us = 7 * DAY;
    start();
    configure("c", "{\"amount\":30,\"period\":\"month\"}");
    sim_register(world, "alice", "other", "r2");
    assert_done(10);
    is_down = false;
    chat_with("a", "");
    assert_done(10); /* 12 are spent, 18 left: 8 are enough at openai, 24 at other are not */
    is_down = true;
    for (int i = 0; i < 12; i++) {
        char id[8];
        snprintf(id, sizeof id, "d%d", i);
        chat_with(id, ",\"timeout_ms\":20000");
    }
    assert_done(60); /* its breaker is open */
    chat_with("f", ",\"fallbacks\":[\"other/dear\"]");
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_calls(world, "f"), 0);
    is_down = false;
    sim_run_for(world, HOUR);
    cr_assert_eq(sim_results(world, "f", NULL, NULL), 1, "it waits for the month to end");
}

/* So many jobs, in ten minutes. */
static void schedule(int count)
{
    int64_t wall_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    for (int i = 0; i < count; i++) {
        char id[16], more[64];
        snprintf(id, sizeof id, "s%d", i);
        snprintf(more, sizeof more, ",\"not_before_ms\":%lld", (long long)wall_ms + 600000);
        chat_with(id, more);
    }
}

/* ARCHITECTURE.md: "jobs of the queue in the state that it has no room for leave memory again"; so must
 * those that waited there for a time. */
Test(user_waiting, scheduled_jobs_that_there_is_no_room_for_take_no_memory)
{
    start();
    configure("c", "{\"amount\":13,\"period\":\"month\"}");
    chat_with("a", "");
    assert_done(10);
    schedule(10);
    sim_run_for(world, 300 * SIM_S);
    cr_assert_eq(sim_parked(world), 10);
    cr_assert_eq(world->workers[0].env.partitions->held_bytes, 0);
    sim_run_for(world, HOUR);
    assert_results("s0", 0);
    cr_assert_eq(world->workers[0].env.partitions->held_bytes, 0, "%zu",
                 world->workers[0].env.partitions->held_bytes);
    configure("d", "{\"amount\":1000,\"period\":\"month\"}");
    assert_done(60);
    assert_code("s0", "ok");
    assert_code("s9", "ok");
}

/* What they hold is the shard's: nobody's jobs are taken any more. */
Test(user_waiting, scheduled_jobs_that_there_is_no_room_for_hold_up_no_other_user)
{
    world->settings.held_bytes_max = 64 << 10;
    start();
    sim_register_now(world, "bob");
    configure("c", "{\"amount\":13,\"period\":\"month\"}");
    chat_with("a", "");
    assert_done(10);
    schedule(64);
    sim_run_for(world, 300 * SIM_S);
    cr_assert_eq(sim_parked(world), 64);
    sim_run_for(world, HOUR);
    sim_chat(world, "bob", "b");
    sim_run_for(world, HOUR);
    assert_code("b", "ok");
}

static void slow_speech(struct sim_world *w, const struct sim_entry *entry,
                        struct sim_answer *answer)
{
    (void)w;
    answer->latency_us = is_job(entry) ? 5 * SIM_S : 0;
}

/* The parts before the one that was cut off are paid for, too. */
Test(user_waiting, a_long_text_that_a_crash_cuts_off_costs_what_was_spoken)
{
    char text[4501]; /* two parts, of 4.1 and 0.4 */
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = i % 10 == 9 ? ' ' : 'a';
    text[sizeof text - 1] = '\0';
    world->answer = slow_speech;
    start();
    configure("c", "{\"amount\":100,\"period\":\"month\"}");
    assert_done(10);
    sim_send(world, "alice",
             "{\"id\":\"s\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"provider\":"
             "\"openai\",\"format\":\"pcm\",\"text\":\"%s\"}",
             text);
    sim_run_for(world, 7 * SIM_S);
    cr_assert_eq(sim_calls(world, "s"), 2);
    restart(false);
    assert_done(200);
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key = byok_user_key(&arena, byok_str_of("alice")), bytes = {NULL, 0};
    BYOK_AUTO(byok_user_record) record;
    struct byok_store *store = worker->state->inner;
    cr_assert_eq(store->ops->get(store, partition_of("alice"), key, &arena, &bytes, NULL),
                 BYOK_E_OK);
    cr_assert_eq(byok_user_record_decode(bytes, &arena, &record), BYOK_E_OK);
    cr_assert_geq(record.spent[BYOK_BUDGET_DAY].amount, 4 * BYOK_MONEY_UNIT + BYOK_MONEY_UNIT / 2,
                  "%lld", (long long)record.spent[BYOK_BUDGET_DAY].amount);
}

/* ---- refusals ---- */

static void refuse_then_fail(struct sim_world *w, const struct sim_entry *entry,
                             struct sim_answer *answer)
{
    (void)w;
    if (!is_job(entry))
        return;
    if (entry->provider == 0) {
        answer->status = 429;
        answer->retry_after_s = 86400;
        snprintf(answer->body, sizeof answer->body,
                 "{\"error\":{\"message\":\"slow\",\"code\":\"rate_limit_exceeded\"}}");
    } else if (entry->attempt <= 2) {
        answer->status = 500;
    }
}

/* JOBS.md: "retry.attempts counts all calls but those that a limit refused." */
Test(user_waiting, a_refusal_that_makes_a_job_fall_back_is_none_of_its_attempts)
{
    world->settings.attempts_max = 2;
    world->answer = refuse_then_fail;
    start();
    sim_register(world, "alice", "other", "r2");
    assert_done(10);
    chat_with("f", ",\"fallbacks\":[\"other/gpt-sim\"]");
    assert_done(120);
    cr_expect_eq(sim_calls(world, "f"), 3, "%zu calls", sim_calls(world, "f"));
    assert_code("f", "ok");
}

static void refuse_late(struct sim_world *w, const struct sim_entry *entry,
                        struct sim_answer *answer)
{
    (void)w;
    if (!is_job(entry))
        return;
    answer->latency_us = 10 * SIM_S;
    answer->status = 429;
    answer->retry_after_s = 3000;
    snprintf(answer->body, sizeof answer->body,
             "{\"error\":{\"message\":\"slow\",\"code\":\"rate_limit_exceeded\"}}");
}

/* actors/user/key.c: "A job of a key that was replaced (or deleted) meanwhile goes again at once …
 * whatever limit the old key had". */
Test(user_waiting, a_job_refused_with_a_key_deleted_meanwhile_ends_at_once)
{
    world->answer = refuse_late;
    world->settings.deadline_us = DAY;
    start();
    chat_with("j", "");
    sim_run_for(world, SIM_S);
    sim_send(world, "alice",
             "{\"type\":\"key.delete\",\"id\":\"d\",\"user\":\"alice\",\"provider\":\"openai\"}");
    sim_run_for(world, 60 * SIM_S);
    assert_code("d", "ok");
    assert_code("j", "no_key");
}
