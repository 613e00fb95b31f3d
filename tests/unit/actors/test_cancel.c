/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_cancel.c - job.cancel: what was not sent is taken back, wherever it waits. */
#include <string.h>

#include "tests/unit/actors/kit.h"

TestSuite(cancel, .init = setup, .fini = teardown);

static void cancel(const char *id, const char *job_id)
{
    sim_send(world, "alice",
             "{\"type\":\"job.cancel\",\"id\":\"%s\",\"user\":\"alice\",\"job_id\":\"%s\"}", id,
             job_id);
}

static void chat_at(const char *id, int64_t in_ms)
{
    int64_t now_ms = world->clock.clock.ops->wall_ms(&world->clock.clock);
    sim_send(world, "alice",
             "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"not_before_ms\":%lld}",
             id, (long long)(now_ms + in_ms));
}

static void chat_many(int count)
{
    char id[16];
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof id, "j%d", i);
        sim_chat(world, "alice", id);
    }
}

#define assert_outcome(id, outcome) cr_assert_str_eq(sim_result_text(world, id, "outcome"), outcome)

/* Now, and not sent in all the time to come. */
static void assert_cancelled(const char *id, const char *job_id, size_t calls)
{
    assert_outcome(id, "cancelled");
    assert_code(id, "ok");
    cr_assert_str_eq(sim_result_text(world, id, "job_id"), job_id);
    assert_code(job_id, "cancelled");
    sim_run_for(world, 4000 * SIM_S);
    assert_results(id, 1);
    assert_results(job_id, 1);
    cr_assert_eq(sim_calls(world, job_id), calls);
    cr_assert_eq(worker->env.partitions->held_bytes, 0);
}

static void hang(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") != 0)
        answer->how = SIM_HANG;
}

Test(cancel, a_job_that_waits_for_its_limit)
{
    world->settings.requests_per_minute = 1;
    start();
    chat_many(2);
    sim_run_for(world, SIM_S);
    cancel("c", "j1");
    sim_run_for(world, SIM_S);
    assert_cancelled("c", "j1", 0);
    assert_code("j0", "ok");
    cr_assert_eq(sim_count(world, BYOK_TOPIC_USAGE), 1);
}

Test(cancel, a_job_that_is_not_decoded_yet_in_either_spelling)
{
    world->settings.window = 1;
    world->settings.user_concurrency = 1;
    world->answer = hang;
    start();
    chat_many(4);
    sim_send(world, "alice",
             "{\"id\":\"\\u006bay\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":"
             "\"openai\",\"prompt\":\"x\"}");
    sim_run_for(world, SIM_S);
    cancel("c", "j3");
    cancel("d", "kay");
    sim_run_for(world, SIM_S);
    assert_outcome("d", "cancelled");
    assert_cancelled("c", "j3", 0);
    assert_results("kay", 1);
    assert_code("j2", "timeout");
}

Test(cancel, an_id_that_stands_in_the_text_of_another_job_does_not_take_that_one)
{
    world->settings.window = 1;
    world->settings.user_concurrency = 1;
    world->answer = hang;
    start();
    chat_many(2);
    sim_send(world, "alice",
             "{\"id\":\"other\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"the id wanted\"}");
    sim_chat(world, "alice", "wanted");
    sim_run_for(world, SIM_S);
    cancel("c", "wanted");
    sim_run_for(world, SIM_S);
    assert_cancelled("c", "wanted", 0);
    assert_code("other", "timeout");
}

Test(cancel, a_job_that_is_parked_in_the_queue_overtaking_the_others)
{
    world->settings.requests_per_minute = 1;
    world->settings.queue = 10;
    start();
    chat_many(300);
    sim_run_for(world, 20 * SIM_S);
    size_t parked = sim_parked(world);
    cr_assert_gt(parked, 100);
    cancel("c", "j290");
    sim_run_for(world, 2 * SIM_S);
    assert_outcome("c", "cancelled");
    assert_code("j290", "cancelled");
    cr_assert_eq(sim_parked(world), parked - 1, "its place is erased");
    cr_assert(sim_run_until_done(world, 20000 * SIM_S));
    assert_cancelled("c", "j290", 0);
    assert_code("j289", "ok");
}

Test(cancel, a_job_that_waits_for_its_time_and_never_again_after_a_failover)
{
    start();
    chat_at("later", 600 * 1000);
    sim_run_for(world, 60 * SIM_S);
    cr_assert_eq(sim_parked(world), 1);
    cancel("c", "later");
    sim_run_for(world, SIM_S);
    assert_outcome("c", "cancelled");
    cr_assert_eq(sim_parked(world), 0);
    restart_empty();
    assert_cancelled("c", "later", 0);
}

Test(cancel, a_job_that_is_being_parked)
{
    start();
    world->commit_delay_us = 5 * SIM_S;
    chat_at("later", 600 * 1000);
    sim_run_for(world, SIM_S);
    cancel("c", "later");
    sim_run_for(world, SIM_S);
    assert_results("c", 0);
    assert_done(60);
    world->commit_delay_us = 2000;
    assert_cancelled("c", "later", 0);
}

static void overloaded(struct sim_world *w, const struct sim_entry *entry,
                       struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") == 0)
        return;
    answer->status = 503;
    answer->retry_after_s = 5;
    snprintf(answer->body, sizeof answer->body, "{\"error\":{\"message\":\"overloaded\"}}");
}

Test(cancel, a_job_that_waits_to_be_tried_again_keeps_what_was_tried)
{
    world->answer = overloaded;
    start();
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_calls(world, "j"), 1);
    cancel("c", "j");
    assert_done(4);
    struct byok_value root;
    sim_results(world, "j", &world->arena, &root);
    cr_assert_eq(byok_value_find(&root, "attempts")->count, 1);
    cr_assert_str_eq(sim_result_text(world, "j", "status"), "error");
    cr_assert_eq(sim_count(world, BYOK_TOPIC_USAGE), 1, "the call that was made is told");
    assert_cancelled("c", "j", 1);
}

Test(cancel, a_job_that_may_have_been_carried_out_ends_unknown)
{
    world->settings.backoff_base_us = world->settings.backoff_max_us = 600 * SIM_S;
    world->settings.park_after_us = 0;
    world->answer = hang;
    start();
    sim_send(world, "alice",
             "{\"id\":\"r\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"on_unknown\":\"retry\",\"timeout_ms\":9000000}");
    sim_run_for(world, 31 * SIM_S);
    cancel("c", "r");
    sim_run_for(world, SIM_S);
    cr_assert_str_eq(sim_result_text(world, "r", "status"), "unknown");
    assert_cancelled("c", "r", 1);
}

Test(cancel, one_that_was_sent_goes_on_and_one_that_is_done_stays)
{
    start();
    world->answer = hang;
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    cancel("c", "j");
    sim_run_for(world, SIM_S);
    assert_outcome("c", "sent");
    assert_results("j", 0);
    assert_done(60);
    assert_code("j", "timeout");
    cancel("d", "j");
    assert_done(10);
    assert_outcome("d", "done");
    assert_results("j", 1);
}

Test(cancel, one_that_has_not_come_is_unknown_and_so_is_a_command)
{
    start();
    cancel("c", "nobody");
    cancel("d", "d");
    assert_done(10);
    assert_outcome("c", "unknown");
    assert_outcome("d", "unknown");
    sim_chat(world, "alice", "nobody");
    assert_done(10);
    assert_code("nobody", "ok");
}

Test(cancel, a_job_of_another_user_is_not_there)
{
    world->settings.requests_per_minute = 1;
    start();
    sim_register_now(world, "bob");
    sim_chat(world, "bob", "b0");
    sim_chat(world, "bob", "b1");
    sim_run_for(world, SIM_S);
    cancel("c", "b1");
    assert_done(200);
    assert_outcome("c", "unknown");
    assert_code("b1", "ok");
}

Test(cancel, a_job_on_its_way_to_the_provider_is_stopped_before_it)
{
    start();
    world->note_delay_us = SIM_S; /* its claim is on its way */
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S / 2);
    cancel("c", "j");
    sim_run_for(world, 2 * SIM_S);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_CLAIMS), 1);
    assert_cancelled("c", "j", 0);
}

/* Its return and a turn for the job behind it come at once: then the turn is not its own, with
 * which it would come back beside the next turn, and so on for ever. */
Test(cancel, a_job_that_comes_back_cancelled_takes_no_other_jobs_turn)
{
    world->provider_settings[0].concurrency = world->provider_settings[0].concurrency_min = 2;
    start();
    sim_register_now(world, "bob");
    world->answer = hang;
    sim_chat(world, "bob", "long");
    sim_run_for(world, SIM_S);
    world->answer = NULL;
    world->note_delay_us = SIM_S;
    sim_chat(world, "alice", "j");
    sim_chat(world, "alice", "k"); /* waits for the provider's turn: two are under way */
    sim_run_for(world, SIM_S / 4);
    cancel("c", "j");
    assert_done(60);
    assert_code("k", "ok");
    assert_cancelled("c", "j", 0);
}

/* The cancel is carried out when the state can be read; until then its job takes no turn, and nobody
 * goes round and round for it. */
Test(cancel, a_job_that_comes_back_cancelled_while_the_disk_fails_takes_no_turn)
{
    start();
    world->note_delay_us = SIM_S;
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S / 2);
    cancel("c", "j");
    sim_run_for(world, SIM_S / 10);
    worker->state->reads_fail = true;
    sim_chat(world, "alice", "k"); /* cannot be taken */
    sim_run_for(world, 5 * SIM_S);
    cr_assert_not(world->stuck);
    worker->state->reads_fail = false;
    world->note_delay_us = 2000;
    assert_done(60);
    assert_code("k", "ok");
    assert_cancelled("c", "j", 0);
}

Test(cancel, a_job_that_waits_for_a_slot_does_not_wait_for_it_to_be_cancelled)
{
    world->slots = 1;
    start();
    world->answer = hang;
    sim_chat(world, "alice", "long");
    sim_run_for(world, SIM_S);
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    cancel("c", "j");
    sim_run_for(world, SIM_S);
    assert_results("long", 0);
    assert_cancelled("c", "j", 0);
}

Test(cancel, an_earlier_owners_call_may_have_been_sent)
{
    start();
    world->answer = hang;
    sim_chat(world, "alice", "j");
    sim_run_for(world, SIM_S);
    restart_empty();
    sim_run_for(world, SIM_S);
    cancel("c", "j");
    sim_run_for(world, SIM_S);
    assert_outcome("c", "sent");
    assert_done(60);
    assert_code("j", "outcome_lost");
}

Test(cancel, the_job_and_the_cancel_are_committed_in_one_batch)
{
    world->settings.requests_per_minute = 1;
    world->settings.commit_tasks_max = 1;
    start();
    chat_many(2);
    sim_run_for(world, SIM_S);
    int64_t before = sim_metric(worker, BYOK_METRIC_COMMITS);
    cancel("c", "j1");
    sim_run_for(world, SIM_S);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_COMMITS), before + 1);
    assert_cancelled("c", "j1", 0);
}

Test(cancel, a_batch_that_is_refused_is_written_again_and_stays_whole)
{
    world->settings.requests_per_minute = 1;
    world->settings.commit_tasks_max = 1;
    start();
    chat_many(3);
    sim_run_for(world, SIM_S);
    world->cluster.fail_commits = 3;
    cancel("c", "j1");
    cancel("d", "j2");
    sim_run_for(world, 10 * SIM_S);
    assert_outcome("d", "cancelled");
    assert_cancelled("c", "j1", 0);
}

Test(cancel, an_id_that_was_sent_twice_is_cancelled_once)
{
    world->settings.window = 1;
    world->settings.user_concurrency = 1;
    start();
    world->answer = hang;
    chat_many(2);
    sim_chat(world, "alice", "twice");
    sim_chat(world, "alice", "twice");
    sim_run_for(world, SIM_S);
    cancel("c", "twice");
    cancel("d", "twice");
    sim_run_for(world, SIM_S);
    assert_outcome("d", "done");
    assert_cancelled("c", "twice", 0);
}

Test(cancel, a_cancel_that_comes_twice_is_answered_once)
{
    world->settings.requests_per_minute = 1;
    start();
    chat_many(2);
    cancel("c", "j1");
    cancel("c", "j1");
    sim_run_for(world, 2 * SIM_S);
    assert_cancelled("c", "j1", 0);
}

Test(cancel, a_thousand_at_once_need_no_thousand_commits)
{
    char id[16], job[16];
    world->settings.requests_per_minute = 1;
    start();
    chat_many(1001);
    sim_run_for(world, SIM_S);
    int64_t before = sim_metric(worker, BYOK_METRIC_COMMITS);
    for (int i = 1; i <= 1000; i++) {
        snprintf(id, sizeof id, "c%d", i);
        snprintf(job, sizeof job, "j%d", i);
        cancel(id, job);
    }
    sim_run_for(world, 20 * SIM_S);
    cr_assert_lt(sim_metric(worker, BYOK_METRIC_COMMITS) - before, 100);
    for (int i = 1; i <= 1000; i++) {
        snprintf(id, sizeof id, "c%d", i);
        assert_outcome(id, "cancelled");
    }
    assert_cancelled("c1", "j1", 0);
}
