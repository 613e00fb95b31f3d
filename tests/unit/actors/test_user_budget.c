/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_user_budget.c - what a user's calls may cost in a day or month. */
#include "tests/unit/actors/priced.h"

static void begin(void)
{
    setup_priced(PRICES("cheap", "100000"));
}

TestSuite(user_budget, .init = begin, .fini = teardown);

/* Anything after that it is a month from the beginning of the day. */
static void start_with(const char *amount, const char *period)
{
    start();
    sim_send(world, "alice",
             "{\"type\":\"user.configure\",\"id\":\"c\",\"user\":\"alice\",\"limits\":{\"budget\":"
             "{\"amount\":%s,\"period\":\"%s\"}}}",
             amount, period);
    assert_done(10);
    assert_code("c", "ok");
}

static void chat(const char *id)
{
    chat_with(id, "");
}

static struct byok_user_record record_of(const char *user)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key = byok_user_key(&arena, byok_str_of(user)), bytes = {NULL, 0};
    struct byok_user_record record;
    struct byok_store *store = worker->state->inner;
    cr_assert_eq(store->ops->get(store, partition_of(user), key, &arena, &bytes, NULL), BYOK_E_OK);
    cr_assert_eq(byok_user_record_decode(bytes, &arena, &record), BYOK_E_OK);
    return record;
}

static void assert_spent(int64_t units)
{
    BYOK_AUTO(byok_user_record) record = record_of("alice");
    cr_assert_eq(record.spent[BYOK_BUDGET_DAY].amount, units * BYOK_MONEY_UNIT, "%lld",
                 (long long)record.spent[BYOK_BUDGET_DAY].amount);
    cr_assert_eq(record.spent[BYOK_BUDGET_MONTH].amount, units * BYOK_MONEY_UNIT);
}

/* The wall clock's. */
static void run_to_next_day(void)
{
    int64_t wall_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    sim_run_for(world, (86400000 - wall_ms % 86400000) * 1000 + 20 * SIM_S);
}

static void slow(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    (void)entry;
    answer->latency_us = 5 * SIM_S;
}

static void hang(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") != 0)
        answer->how = SIM_HANG;
}

static void refuse(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    answer->status = strcmp(entry->path, "/models") != 0 ? 400 : 200;
    if (answer->status == 400)
        snprintf(answer->body, sizeof answer->body, "{}");
}

Test(user_budget, what_was_spent_holds_the_next_call_up_until_the_next_day)
{
    start_with("30", "day");
    for (int i = 0; i < 3; i++) {
        chat((const char *[]){"a", "b", "c1"}[i]);
        sim_run_for(world, 2 * SIM_S);
    }
    assert_results("b", 1);
    assert_results("c1", 0); /* 24 are spent, and it may cost 8 */
    assert_spent(24);
    run_to_next_day();
    assert_code("c1", "ok");
    BYOK_AUTO(byok_user_record) record = record_of("alice");
    cr_assert_eq(record.spent[BYOK_BUDGET_DAY].amount, 12 * BYOK_MONEY_UNIT);
}

Test(user_budget, a_month_does_not_end_with_the_day)
{
    start_with("30", "month");
    chat("a");
    chat("b");
    sim_run_for(world, 2 * SIM_S);
    chat("c1");
    sim_run_for(world, SIM_S);
    world->idle_poll_us = HOUR / 6; /* or a month takes long */
    run_to_next_day();
    assert_results("c1", 0);
    sim_run_for(world, 31 * DAY);
    assert_code("c1", "ok");
}

Test(user_budget, calls_under_way_hold_what_they_may_cost)
{
    world->answer = slow;
    start_with("20", "day");
    chat("a");
    chat("b");
    chat("c1"); /* 8 and 8 are held */
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_calls(world, "a") + sim_calls(world, "b"), 2);
    cr_assert_eq(sim_calls(world, "c1"), 0);
}

Test(user_budget, a_failed_call_gives_back_what_it_held)
{
    world->answer = refuse;
    start_with("10", "day");
    for (int i = 0; i < 4; i++) {
        char id[8];
        snprintf(id, sizeof id, "f%d", i);
        chat(id);
        assert_done(20);
        assert_code(id, "bad_request");
    }
    assert_spent(0);
}

Test(user_budget, a_call_of_unknown_outcome_costs_its_estimate)
{
    world->answer = hang;
    start_with("10", "day");
    chat("h");
    assert_done(60);
    assert_code("h", "timeout");
    assert_spent(8);
    chat("i");
    sim_run_for(world, 60 * SIM_S);
    assert_results("i", 0);
}

Test(user_budget, what_was_spent_survives_a_restart)
{
    start_with("30", "day");
    chat("a");
    chat("b");
    assert_done(10);
    restart_empty();
    chat("c1");
    sim_run_for(world, 60 * SIM_S);
    assert_results("c1", 0);
    assert_spent(24);
}

Test(user_budget, a_call_that_a_crash_cuts_off_costs_its_estimate)
{
    world->answer = slow;
    start_with("10", "day");
    chat("a");
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_calls(world, "a"), 1);
    restart(false);
    assert_done(120);
    assert_code("a", "outcome_lost");
    assert_spent(8);
}

Test(user_budget, a_clock_that_goes_back_gives_no_budget_anew)
{
    start_with("19", "day");
    chat("a");
    assert_done(10);
    worker->clock.wall_ahead_ms -= 3 * 86400000;
    chat("b");
    sim_run_for(world, 60 * SIM_S);
    assert_results("b", 0);
}

Test(user_budget, a_higher_budget_lets_those_go_that_wait_in_the_state)
{
    world->settings.user_concurrency = 1;
    start_with("13", "day");
    chat("a");
    assert_done(10);
    for (int i = 0; i < 200; i++) {
        char id[8];
        snprintf(id, sizeof id, "w%d", i);
        chat(id);
    }
    sim_run_for(world, 60 * SIM_S);
    cr_assert_eq(sim_parked(world), 200);
    cr_assert_eq(world->workers[0].env.partitions->held_bytes, 0, "they take no memory");
    int64_t taken = sim_metric(worker, BYOK_METRIC_TAKEN_UP);
    sim_run_for(world, 2 * HOUR);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_TAKEN_UP), taken, "nor are they looked at");
    configure("more", "{\"amount\":1000000,\"period\":\"day\"}");
    assert_done(60);
    assert_code("w199", "ok");
    int64_t last_us = 0;
    for (int i = 0; i < 200; i++) { /* in their order, as far as calls at once can be */
        char id[8];
        snprintf(id, sizeof id, "w%d", i);
        for (size_t e = 0; e < world->ledger.count; e++) {
            if (strcmp(world->ledger.entries[e].id, id) != 0)
                continue;
            cr_assert_geq(world->ledger.entries[e].at_us, last_us, "%s", id);
            last_us = world->ledger.entries[e].at_us;
        }
    }
}

Test(user_budget, those_that_wait_in_the_state_go_when_the_day_begins)
{
    start_with("13", "day");
    chat("a");
    assert_done(10);
    chat("b");
    sim_run_for(world, 60 * SIM_S);
    cr_assert_eq(sim_parked(world), 1);
    cr_assert_eq(world->workers[0].env.partitions->held_bytes, 0);
    run_to_next_day();
    assert_code("b", "ok");
}

Test(user_budget, one_that_waits_in_the_state_can_be_cancelled_and_the_next_one_goes)
{
    start_with("20", "day");
    chat("a");
    assert_done(10);
    chat_with("large", ",\"provider_options\":{\"max_completion_tokens\":19}");
    sim_send(world, "alice",
             "{\"id\":\"small\",\"user\":\"alice\",\"capability\":\"embeddings\",\"provider\":"
             "\"openai\",\"input\":\"abcd\"}");
    sim_run_for(world, 60 * SIM_S);
    assert_results("small", 0);
    sim_send(world, "alice",
             "{\"type\":\"job.cancel\",\"id\":\"x\",\"user\":\"alice\",\"job_id\":\"large\"}");
    assert_done(30);
    assert_code("large", "cancelled");
    assert_code("small", "ok");
}

Test(user_budget, a_job_that_waits_ends_at_its_deadline)
{
    start_with("13", "day");
    chat("a");
    assert_done(10);
    chat_with("b", ",\"timeout_ms\":40000");
    assert_done(41);
    assert_code("b", "deadline_exceeded");
    cr_assert_not_null(strstr(sim_result_text(world, "b", "error.message"), "budget for the day"));
}

Test(user_budget, a_job_that_could_never_go_is_an_error)
{
    start_with("7.5", "month");
    chat("a");
    assert_done(10);
    assert_code("a", "over_budget");
    cr_assert_not_null(strstr(sim_result_text(world, "a", "error.message"), "7.500000"));
    cr_assert_eq(sim_calls(world, "a"), 0);
}

Test(user_budget, a_job_without_a_price_is_an_error_that_says_where_to_set_it)
{
    start_with("100", "month");
    chat_with("a", ",\"model\":\"new\"");
    assert_done(10);
    assert_code("a", "bad_configuration");
    const char *text = sim_result_text(world, "a", "error.message");
    cr_assert_not_null(strstr(text, "\"openai\", model \"new\""), "%s", text);
    cr_assert_not_null(strstr(text, "setting prices"));
    configure("none", "{\"amount\":0,\"period\":\"month\"}");
    chat_with("b", ",\"model\":\"new\"");
    assert_done(10);
    assert_code("b", "ok");
    sim_send(world, "alice",
             "{\"type\":\"key.check\",\"id\":\"k\",\"user\":\"alice\",\"provider\":\"openai\"}");
    assert_done(10);
    assert_code("k", "ok");
}

Test(user_budget, the_workers_budget_holds_for_who_has_none_of_its_own)
{
    world->settings.budget = 13 * BYOK_MONEY_UNIT;
    world->settings.budget_period = BYOK_BUDGET_DAY;
    start();
    chat("a");
    assert_done(10);
    chat("b");
    sim_run_for(world, 20 * SIM_S);
    assert_results("b", 0);
    configure("own", "{\"amount\":40,\"period\":\"day\"}");
    assert_done(20);
    assert_code("b", "ok");
    configure("back", "null");
    chat("d");
    sim_run_for(world, 20 * SIM_S);
    assert_results("d", 0);
}

Test(user_budget, what_was_spent_before_the_budget_counts)
{
    start();
    chat("a");
    assert_done(10);
    configure("c", "{\"amount\":19,\"period\":\"day\"}");
    chat("b");
    sim_run_for(world, 20 * SIM_S);
    assert_results("b", 0);
}

static void send_embeddings(int count)
{
    for (int i = 0; i < count; i++)
        sim_send(world, "alice",
                 "{\"id\":\"e%d\",\"user\":\"alice\",\"capability\":\"embeddings\",\"provider\":"
                 "\"openai\",\"input\":\"e%d#%021d\"}",
                 i, i, 0);
}

Test(user_budget, embeddings_that_share_a_call_cost_their_parts)
{
    world->settings.bulk_linger_us = 100000;
    world->answer = slow;
    start_with("100", "day");
    chat("a");
    sim_run_for(world, 100000);
    send_embeddings(5);
    assert_done(30);
    assert_code("e4", "ok");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_JOINED), 4);
    assert_spent(12 + 5 * SIM_TEXT_TOKENS);
}

Test(user_budget, only_so_many_share_a_call_as_there_is_room_for)
{
    world->settings.bulk_linger_us = 100000;
    world->answer = slow;
    start_with("33", "day"); /* a chat holds 8, then costs 12; the others 6 each */
    chat("a");
    sim_run_for(world, 100000);
    send_embeddings(5);
    sim_run_for(world, 30 * SIM_S);
    size_t made = 0;
    for (int i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "e%d", i);
        made += sim_results(world, id, NULL, NULL);
    }
    cr_assert_eq(made, 4, "%zu", made);
    assert_spent(12 + 4 * SIM_TEXT_TOKENS);
}

Test(user_budget, the_parts_of_a_long_text_are_counted_once_each)
{
    char text[6001];
    for (size_t i = 0; i + 1 < sizeof text; i++)
        text[i] = i % 10 == 9 ? ' ' : 'a';
    text[sizeof text - 1] = '\0';
    start_with("100", "day");
    sim_send(world, "alice",
             "{\"id\":\"s\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"provider\":"
             "\"openai\",\"format\":\"pcm\",\"text\":\"%s\"}",
             text);
    assert_done(30);
    assert_code("s", "ok");
    cr_assert_eq(sim_calls(world, "s"), 2);
    BYOK_AUTO(byok_user_record) record = record_of("alice");
    cr_assert_eq(record.spent[BYOK_BUDGET_DAY].amount, 6 * BYOK_MONEY_UNIT);
}

static void first_fails(struct sim_world *w, const struct sim_entry *entry,
                        struct sim_answer *answer)
{
    (void)w;
    if (entry->provider == 0 && strcmp(entry->path, "/models") != 0) {
        answer->status = 503;
        snprintf(answer->body, sizeof answer->body, "{}");
    }
}

Test(user_budget, a_fallback_costs_what_it_costs_there)
{
    world->answer = first_fails;
    start_with("10", "day");
    sim_register(world, "alice", "other", "r2");
    assert_done(10);
    chat_with("f", ",\"fallbacks\":[\"other/dear\",\"other/cheap\"]");
    assert_done(60);
    assert_code("f", "ok");
    cr_assert_str_eq(attempts_of("f"),
                     "openai/gpt-sim:overloaded other/dear:bad_configuration other/cheap:ok");
    BYOK_AUTO(byok_user_record) record = record_of("alice");
    cr_assert_eq(record.spent[BYOK_BUDGET_DAY].amount, 12 * BYOK_MONEY_UNIT / 10, "%lld",
                 (long long)record.spent[BYOK_BUDGET_DAY].amount);
}

Test(user_budget, a_retry_after_an_unclear_call_counts_both)
{
    world->answer = hang;
    start_with("100", "day");
    chat_with("u", ",\"on_unknown\":\"retry\",\"timeout_ms\":300000");
    sim_run_for(world, 45 * SIM_S);
    world->answer = NULL;
    assert_done(300);
    assert_code("u", "ok");
    assert_spent(8 * (int64_t)(sim_calls(world, "u") - 1) + 12);
}

Test(user_budget, the_later_of_two_commands_stands_though_the_first_could_not_be_taken_at_once)
{
    start();
    sim_run_for(world, 100 * SIM_S); /* its user's actor has gone */
    worker->state->reads_fail = true;
    configure("low", "{\"amount\":1,\"period\":\"day\"}");
    sim_run_for(world, SIM_S / 2);
    configure("high", "{\"amount\":100,\"period\":\"day\"}");
    sim_run_for(world, SIM_S / 2);
    worker->state->reads_fail = false;
    chat("a");
    assert_done(60);
    assert_code("a", "ok");
}
