/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_outcome.c - what a finished request publishes and counts. */
#include <string.h>

#include "schemas/state.h"
#include "tests/unit/actors/kit.h"

TestSuite(outcome, .init = setup, .fini = teardown);

/* The user's record as it stands in the worker's table. */
static void load(const char *user, struct byok_user_record *record)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_store *store = &worker->state->store;
    struct byok_str bytes;
    sim_run_for(world, SIM_S);
    cr_assert_eq(store->ops->get(store, partition_of(user),
                                 byok_user_key(&arena, byok_str_of(user)), &arena, &bytes, NULL),
                 BYOK_E_OK);
    cr_assert_not_null(bytes.ptr);
    cr_assert_eq(byok_user_record_decode(bytes, &arena, record), BYOK_E_OK);
}

static void fail_some(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->id, "shaky") != 0 || entry->attempt > 2)
        return;
    answer->how = entry->attempt == 1 ? SIM_WHOLE : SIM_NO_CONNECT;
    answer->status = 503;
    strcpy(answer->body, "{}");
}

static void assert_counted(int64_t calls, int64_t errors, int64_t input, int64_t output)
{
    struct byok_user_record record;
    load("alice", &record);
    cr_assert_eq(record.counter_count, 1);
    cr_assert_eq(record.counters[0].calls, calls);
    cr_assert_eq(record.counters[0].errors, errors);
    cr_assert_eq(record.counters[0].input_tokens, input);
    cr_assert_eq(record.counters[0].output_tokens, output);
    byok_user_record_done(&record);
}

Test(outcome, calls_errors_and_tokens_are_counted_once)
{
    world->answer = fail_some;
    start();
    sim_chat(world, "alice", "plain");
    sim_chat(world, "alice", "shaky");
    sim_chat(world, "alice", "plain"); /* a repeat */
    assert_done(60);
    assert_code("shaky", "ok");
    assert_counted(3, 1, 14, 10);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_USAGE), 3);
    restart_empty();
    sim_chat(world, "alice", "more");
    assert_done(60);
    assert_counted(4, 1, 21, 15);
}

Test(outcome, counters_are_exact_whatever_allocation_fails)
{
    start();
    sim_fault_chance(5, 200);
    for (int i = 0; i < 100; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
    assert_done(600);
    sim_fault_chance(0, 0);
    cr_assert_gt(sim_fault_count(), 10);
    size_t sent = sim_count(world, BYOK_TOPIC_USAGE);
    assert_counted((int64_t)sent, 0, 7 * (int64_t)sent, 5 * (int64_t)sent);
    cr_assert_eq(sent, 100);
}

static void answer_large(struct sim_world *w, const struct sim_entry *entry,
                         struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") == 0)
        return;
    size_t len = (size_t)snprintf(answer->body, sizeof answer->body,
                                  "{\"choices\":[{\"message\":{\"content\":\"");
    memset(answer->body + len, '\\', 800); /* each becomes two when it is written again */
    for (size_t i = 0; i < 400; i++)
        answer->body[len + 2 * i + 1] = 'n';
    snprintf(answer->body + len + 800, sizeof answer->body - len - 800,
             "\"}}],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":5}}");
}

Test(outcome, an_answer_that_does_not_fit_is_an_error_and_counted)
{
    start();
    world->answer = answer_large;
    world->settings.answer_max_bytes = 1000; /* the answer fits, the result around it does not */
    sim_chat(world, "alice", "large");
    cr_assert(sim_run_until_done(world, 10 * SIM_S));
    assert_code("large", "too_large");
    assert_counted(1, 0, 7, 5);
}

Test(outcome, a_failed_batch_that_is_committed_late_does_not_set_the_counters_back)
{
    world->commits_max = 4;
    start();
    world->settings.commit_tasks_max = 1;
    world->commit_delay_us = SIM_S;
    world->cluster.fail_commits = 1;
    for (int i = 0; i < 4; i++) {
        char id[16];
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
    assert_done(60);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_COMMIT_FAILURES), 1);
    assert_counted(4, 0, 28, 20);
}
