/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_bulk.c - embedding jobs that go to their provider in one call. */
#include <string.h>

#include "actors/provider/bulk.h"
#include "tests/unit/actors/kit.h"

TestSuite(bulk, .init = setup, .fini = teardown);

/* ---- sharing ---- */

#define PARTS_MAX 200

Test(bulk, parts_sum_to_the_whole_and_each_is_next_to_its_exact_part)
{
    struct sim_clock *clock = &world->clock;
    for (int run = 0; run < 2000; run++) {
        int64_t weights[PARTS_MAX], parts[PARTS_MAX], all = 0, sum = 0;
        size_t count = 1 + (size_t)sim_below(clock, PARTS_MAX);
        uint64_t most = 1 + sim_below(clock, run % 2 ? 10 : 5000000);
        for (size_t i = 0; i < count; i++)
            all += weights[i] = (int64_t)sim_below(clock, most);
        int64_t total = (int64_t)sim_below(clock, run % 3 ? 5000 : (uint64_t)INT64_MAX);
        byok_bulk_share(total, weights, count, parts);
        for (size_t i = 0; i < count; i++) {
            sum += parts[i];
            cr_assert_geq(parts[i], 0);
            if (all > 0 && total < 1000000000) { /* |part * all - total * weight| < all */
                int64_t off = parts[i] * all - total * weights[i];
                cr_assert(off < all && -off < all);
            }
        }
        cr_assert_eq(sum, total);
    }
}

Test(bulk, equal_weights_have_equal_parts_when_the_whole_can_be_divided)
{
    const int64_t weights[] = {7, 7, 7, 7};
    int64_t parts[4];
    byok_bulk_share(24, weights, 4, parts);
    for (size_t i = 0; i < 4; i++)
        cr_assert_eq(parts[i], 6);
}

/* ---- calls ---- */

static void embed(const char *id, const char *input, const char *more)
{
    sim_send(
        world, "alice",
        "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"embeddings\",\"provider\":\"openai\","
        "\"input\":%s%s}",
        id, input, more);
}

static void embed_own(const char *id, const char *more)
{
    char input[64];
    snprintf(input, sizeof input, "[\"%s#0\"]", id);
    embed(id, input, more);
}

static const struct sim_entry *entry_of(const char *id)
{
    const struct sim_entry *found = NULL;
    for (size_t i = 0; i < world->ledger.count; i++) {
        if (strcmp(world->ledger.entries[i].id, id) == 0)
            found = &world->ledger.entries[i];
    }
    cr_assert_not_null(found);
    return found;
}

static size_t calls(void)
{
    size_t count = 0;
    for (size_t i = 0; i < world->ledger.count; i++)
        count += !world->ledger.entries[i].joined &&
                 strcmp(world->ledger.entries[i].path, "/embeddings") == 0;
    return count;
}

static int64_t input_tokens(const char *id)
{
    struct byok_value root;
    int64_t tokens = -1;
    sim_results(world, id, &world->arena, &root);
    (void)byok_value_as_int(byok_value_path(&root, "usage.input_tokens"), &tokens);
    return tokens;
}

static void assert_vector_of(const char *id, uint32_t i, const char *text)
{
    struct byok_value root;
    int64_t vector[2], number;
    sim_vector_of(byok_str_of(text), vector);
    sim_results(world, id, &world->arena, &root);
    const struct byok_value *list = byok_value_find(&root, "embeddings");
    cr_assert(list && list->count > i, "%s has no vector %u", id, i);
    for (size_t k = 0; k < 2; k++) {
        cr_assert(byok_value_as_int(&list->as.items[i].as.items[k], &number));
        cr_assert_eq(number, vector[k], "%s has another's vector", id);
    }
}

static void use_up(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    (void)entry;
    answer->requests = (struct sim_rate){.limit = 60, .remaining = 0, .reset_ms = 20000};
}

Test(bulk, what_a_shared_answer_says_of_the_key_is_heeded)
{
    start();
    world->answer = use_up;
    embed("a", "[\"a#0\"]", "");
    embed("b", "[\"b#0\"]", "");
    sim_run_for(world, SIM_S);
    cr_assert_eq(calls(), 1);
    sim_chat(world, "alice", "c");
    sim_run_for(world, 15 * SIM_S);
    cr_assert_eq(sim_calls(world, "c"), 0);
    sim_run_for(world, 10 * SIM_S);
    cr_assert_str_eq(sim_result_code(world, "c"), "ok");
}

Test(bulk, jobs_that_wait_together_go_in_one_call_and_each_has_its_own_result)
{
    start();
    embed("a", "[\"a#0\",\"a#1\"]", "");
    embed("b", "\"b#0\"", "");
    embed("c", "[\"c#0\",\"c#1\",\"c#2\"]", ",\"metadata\":{\"n\":3}");
    assert_done(10);
    cr_assert_eq(calls(), 1);
    assert_vector_of("a", 0, "a#0");
    assert_vector_of("a", 1, "a#1");
    assert_vector_of("b", 0, "b#0");
    assert_vector_of("c", 2, "c#2");
    cr_assert_eq(input_tokens("a") + input_tokens("b") + input_tokens("c"), 6 * SIM_TEXT_TOKENS);
    cr_assert_eq(input_tokens("a"), 2 * SIM_TEXT_TOKENS);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_JOINED), 2);
}

Test(bulk, what_is_not_alike_has_a_call_of_its_own)
{
    static const char *const more[] = {"",
                                       ",\"dimensions\":2",
                                       ",\"input_type\":\"query\"",
                                       ",\"model\":\"other\"",
                                       ",\"provider_options\":{\"user\":\"x\"}",
                                       ",\"raw\":true",
                                       ",\"timeout_ms\":2000"};
    char id[8];
    start();
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        snprintf(id, sizeof id, "n%zu", i);
        embed_own(id, more[i]);
    }
    assert_done(10);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        snprintf(id, sizeof id, "n%zu", i);
        if (strstr(more[i], "input_type"))
            assert_code(id, "unsupported");
        else
            cr_assert_eq(entry_of(id)->jobs, 1, "%s shared a call", more[i]);
    }
}

Test(bulk, a_call_holds_no_more_texts_than_the_provider_takes)
{
    char id[8];
    world->provider_settings[0].bulk_texts = 4;
    start();
    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof id, "n%d", i);
        embed_own(id, "");
    }
    assert_done(10);
    cr_assert_eq(calls(), 3);
    for (size_t i = 0; i < world->ledger.count; i++)
        cr_assert_leq(world->ledger.entries[i].jobs, 4);
}

Test(bulk, with_one_text_a_call_nothing_is_put_together)
{
    world->provider_settings[0].bulk_texts = 1;
    start();
    embed_own("a", "");
    embed_own("b", "");
    assert_done(10);
    cr_assert_eq(calls(), 2);
}

Test(bulk, one_call_counts_once_for_the_requests_and_each_job_for_its_tokens)
{
    world->settings.requests_per_minute = 1;
    start();
    embed_own("a", "");
    embed_own("b", "");
    embed_own("c", "");
    assert_done(10); /* within the minute */
    cr_assert_eq(calls(), 1);
    assert_code("c", "ok");
}

Test(bulk, tokens_bound_what_goes_together)
{
    world->settings.tokens_per_minute = 20;
    world->settings.burst_percent = 50;
    start();
    embed("a", "[\"a#0 with some more than twenty bytes\"]", "");
    embed("b", "[\"b#0 with some more than twenty bytes\"]", "");
    assert_done(200);
    cr_assert_eq(calls(), 2);
}

static void take_long(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    (void)entry;
    answer->latency_us = SIM_S;
}

Test(bulk, what_comes_while_a_call_is_under_way_lingers_for_more)
{
    world->answer = take_long;
    start();
    embed_own("a", "");
    sim_run_for(world, SIM_S / 2);
    cr_assert_eq(calls(), 1, "the first does not wait");
    embed_own("b", "");
    sim_run_for(world, 3000);
    embed_own("c", "");
    sim_run_for(world, SIM_S / 4);
    cr_assert_eq(calls(), 2);
    cr_assert_eq(entry_of("b")->jobs, 2);
    assert_done(10);
}

/* ---- failures ---- */

Test(bulk, a_text_that_is_refused_fails_its_own_job_only)
{
    char id[8];
    start();
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "n%d", i);
        if (i == 17)
            embed(id, "[\"n17#" SIM_POISON "\"]", "");
        else
            embed_own(id, "");
    }
    assert_done(60);
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "n%d", i);
        assert_code(id, i == 17 ? "bad_request" : "ok");
    }
    cr_assert_lt(calls(), 20, "%zu calls: the good ones went one by one", calls());
}

static void fail_first(struct sim_world *w, const struct sim_entry *entry,
                       struct sim_answer *answer)
{
    if (entry->attempt == 1 && strcmp(entry->path, "/embeddings") == 0) {
        answer->status = *(const int *)w->answer_arg;
        snprintf(answer->body, sizeof answer->body, "{\"error\":{\"message\":\"no\"}}");
    }
}

Test(bulk, a_call_that_failed_for_a_while_is_made_again_for_all)
{
    static int status = 503;
    world->answer = fail_first;
    world->answer_arg = &status;
    start();
    embed_own("a", "");
    embed_own("b", "");
    assert_done(60);
    assert_code("a", "ok");
    assert_code("b", "ok");
    cr_assert_geq(calls(), 2);
}

static void hang(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/embeddings") == 0)
        answer->how = SIM_HANG;
}

Test(bulk, an_unclear_call_is_unclear_for_each_of_its_jobs)
{
    start();
    world->answer = hang;
    embed_own("a", "");
    embed_own("b", "");
    assert_done(300);
    cr_assert_str_eq(sim_result_text(world, "a", "status"), "unknown");
    cr_assert_str_eq(sim_result_text(world, "b", "status"), "unknown");
    cr_assert_eq(calls(), 1);
}

Test(bulk, a_crash_after_the_call_leaves_all_of_them_unclear)
{
    start();
    world->answer = take_long;
    embed_own("a", "");
    embed_own("b", "");
    sim_run_for(world, SIM_S / 2);
    cr_assert_eq(calls(), 1);
    sim_worker_crash(worker);
    sim_worker_restart(worker, false);
    for (int32_t p = 0; p < 2; p++)
        sim_assign(worker, p);
    assert_done(900);
    cr_assert_str_eq(sim_result_text(world, "a", "status"), "unknown");
    cr_assert_str_eq(sim_result_text(world, "b", "status"), "unknown");
    cr_assert_eq(calls(), 1, "called again blindly");
}

/* Both share a call that waits for a slot; one of them has not the time. */
static void wait_for_a_slot(const char *first, const char *second)
{
    world->slots = 1;
    start();
    struct byok_slot *slot = byok_slots_lease(worker->slots);
    embed_own(first, *first == 'a' ? ",\"timeout_ms\":1000" : ",\"timeout_ms\":1300");
    embed_own(second, *second == 'a' ? ",\"timeout_ms\":1000" : ",\"timeout_ms\":1300");
    sim_run_for(world, SIM_S + SIM_S / 10);
    cr_assert_eq(calls(), 0);
    byok_slots_release(worker->slots, &slot);
    assert_done(60);
    assert_code("a", "deadline_exceeded");
    assert_code("b", "ok");
    cr_assert_eq(calls(), 1);
}

Test(bulk, a_deadline_of_the_first_takes_away_only_it)
{
    wait_for_a_slot("a", "b");
}

Test(bulk, a_deadline_of_another_takes_away_only_it)
{
    wait_for_a_slot("b", "a");
}
