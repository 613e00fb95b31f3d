/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_user.c - one user's requests: in order, once each, within the limits. */
#include <string.h>

#include "tests/unit/actors/kit.h"

TestSuite(user, .init = setup, .fini = teardown);

Test(user, a_chat_goes_out_with_the_users_own_key_and_comes_back)
{
    start();
    sim_register_now(world, "bob");
    sim_chat(world, "bob", "b1");
    sim_chat(world, "alice", "a1");
    assert_done(10);
    assert_code("a1", "ok");
    cr_assert_str_eq(sim_result_text(world, "a1", "text"), "echo a1");
    for (size_t i = 0; i < world->ledger.count; i++) {
        const struct sim_entry *entry = &world->ledger.entries[i];
        if (strcmp(entry->id, "a1") == 0)
            cr_assert_str_eq(entry->user, "alice");
        if (strcmp(entry->id, "b1") == 0)
            cr_assert_str_eq(entry->user, "bob");
    }
    cr_assert_eq(sim_count(world, BYOK_TOPIC_USAGE), 2);
}

Test(user, embeddings_come_back_for_each_input)
{
    start();
    sim_send(world, "alice",
             "{\"id\":\"e\",\"user\":\"alice\",\"capability\":\"embeddings\",\"provider\":"
             "\"openai\",\"input\":[\"a\",\"b\"]}");
    assert_done(10);
    assert_code("e", "ok");
    struct byok_value root;
    sim_results(world, "e", &world->arena, &root);
    cr_assert_eq(byok_value_find(&root, "embeddings")->count, 2);
}

Test(user, a_result_echoes_metadata_and_traceparent)
{
    const char *trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    start();
    sim_send(world, "alice",
             "{\"id\":\"m\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"metadata\":{\"order\":\"17\"},\"traceparent\":\"%s\"}",
             trace);
    assert_done(10);
    cr_assert_str_eq(sim_result_text(world, "m", "metadata.order"), "17");
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_RESULTS][partition_of("alice")];
    const struct byok_record *last = log->records[log->count - 1];
    cr_assert(byok_str_is(byok_record_header_of(last, "traceparent"), trace));
}

Test(user, the_traceparent_header_of_the_record_is_echoed_too)
{
    start();
    const struct byok_record_header header = {
        BYOK_STR("traceparent"),
        BYOK_STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")};
    const struct byok_str value =
        BYOK_STR("{\"id\":\"h\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
                 "\"prompt\":\"x\"}");
    sim_append(world, BYOK_TOPIC_REQUESTS, partition_of("alice"), byok_str_of("alice"), value,
               &header, 1, 0);
    assert_done(10);
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_RESULTS][partition_of("alice")];
    cr_assert(byok_str_eq(byok_record_header_of(log->records[log->count - 1], "traceparent"),
                          header.value));
}

Test(user, an_id_that_is_sent_twice_is_done_once)
{
    start();
    sim_chat(world, "alice", "d");
    sim_chat(world, "alice", "d"); /* while the first is in flight */
    assert_done(10);
    sim_chat(world, "alice", "d"); /* after it is done */
    assert_done(10);
    assert_results("d", 1);
    cr_assert_eq(sim_calls(world, "d"), 1);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_DUPLICATES), 2);
}

Test(user, an_id_stays_done_when_the_user_was_idle_and_forgotten)
{
    start();
    sim_chat(world, "alice", "d");
    assert_done(10);
    sim_run_for(world, 100 * SIM_S);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_USERS), 0);
    sim_chat(world, "alice", "d");
    assert_done(10);
    assert_results("d", 1);
}

static void hang(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") != 0)
        answer->how = SIM_HANG;
}

Test(user, past_its_deadline_a_job_is_an_error_and_not_sent)
{
    start();
    sim_send(world, "alice",
             "{\"id\":\"late\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"deadline_ms\":1000}");
    assert_done(10);
    assert_code("late", "deadline_exceeded");
    cr_assert_eq(sim_calls(world, "late"), 0);
}

Test(user, a_job_that_waits_at_a_limit_ends_at_its_deadline)
{
    world->settings.requests_per_minute = 1;
    start();
    sim_chat(world, "alice", "one");
    sim_send(world, "alice",
             "{\"id\":\"two\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"timeout_ms\":5000}");
    assert_done(6);
    assert_code("one", "ok");
    assert_code("two", "deadline_exceeded");
}

Test(user, a_call_is_cut_at_the_deadline)
{
    world->answer = hang;
    start();
    sim_send(world, "alice",
             "{\"id\":\"h\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"timeout_ms\":3000}");
    assert_done(4);
    assert_code("h", "timeout");
}

/* ---- bad input ---- */

Test(user, bad_input_gets_an_error_result_or_a_dead_letter)
{
    static const struct {
        const char *members, *code; /* of the result; NULL: a dead letter */
    } cases[] = {
        {"\"capability\":\"chat\",\"prompt\":\"x\"", "no_provider"},
        {"\"capability\":\"chat\",\"provider\":\"nobody\",\"prompt\":\"x\"", "unknown_provider"},
        {"\"capability\":\"text_to_speech\",\"provider\":\"other\",\"text\":\"x\"", "unsupported"},
        {"\"capability\":\"chat\",\"provider\":\"other\",\"prompt\":\"x\"", "no_key"},
        {"\"capability\":\"chat\",\"provider\":\"openai\",\"prompt\":\"x\","
         "\"key_label\":\"spare\"",
         "no_key"},
        {"\"capability\":\"dance\",\"provider\":\"openai\"", NULL},
        {"\"capability\":\"chat\",\"provider\":\"openai\"", NULL},
        {"\"type\":\"key.steal\"", NULL},
    };
    struct byok_adapter chat_only = *world->providers[1].adapter;
    chat_only.ops[BYOK_TEXT_TO_SPEECH] = (struct byok_adapter_ops){0};
    world->providers[1].adapter = &chat_only;
    start();
    size_t letters = 0;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char id[16];
        snprintf(id, sizeof id, "bad%zu", i);
        sim_send(world, "alice", "{\"id\":\"%s\",\"user\":\"alice\",%s}", id, cases[i].members);
        assert_done(10);
        letters += cases[i].code == NULL;
        assert_code(id, cases[i].code ? cases[i].code : "none");
        cr_assert_eq(sim_count(world, BYOK_TOPIC_DLQ), letters, "case %zu", i);
    }
    cr_assert_eq(world->ledger.count, 1); /* the registration */
}

Test(user, a_user_that_nobody_knows_has_no_key)
{
    start();
    sim_chat(world, "stranger", "s");
    assert_done(10);
    assert_code("s", "no_key");
}

/* ---- commands ---- */

Test(user, what_is_behind_a_registration_uses_its_key)
{
    worker = sim_worker_start_all(world);
    sim_register(world, "carol", "openai", "r");
    for (int i = 0; i < 5; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%d", i);
        sim_chat(world, "carol", id);
    }
    assert_done(20);
    assert_code("r", "ok");
    assert_code("c0", "ok");
    assert_code("c4", "ok");
}

Test(user, a_key_is_checked_and_deleted)
{
    start();
    sim_send(world, "alice",
             "{\"type\":\"key.check\",\"id\":\"k1\",\"user\":\"alice\",\"provider\":\"openai\"}");
    assert_done(10);
    assert_code("k1", "ok");
    sim_send(world, "alice",
             "{\"type\":\"key.delete\",\"id\":\"k2\",\"user\":\"alice\",\"provider\":\"openai\"}");
    sim_chat(world, "alice", "after");
    assert_done(10);
    assert_code("k2", "ok");
    assert_code("after", "no_key");
}

Test(user, a_dry_run_stores_nothing_and_calls_nobody)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str envelope;
    worker = sim_worker_start_all(world);
    sim_seal(world, "dave", "openai", "default", &arena, &envelope);
    sim_send(world, "dave",
             "{\"type\":\"key.register\",\"id\":\"dry\",\"user\":\"dave\",\"provider\":\"openai\","
             "\"envelope\":\"%.*s\",\"dry_run\":true}",
             BYOK_STR_ARG(envelope));
    sim_chat(world, "dave", "after");
    assert_done(10);
    assert_code("dry", "ok");
    assert_code("after", "no_key");
    cr_assert_eq(world->ledger.count, 0);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_VAULT), 0);
}

Test(user, a_key_that_the_provider_refuses_is_not_stored)
{
    worker = sim_worker_start_all(world);
    sim_register(world, "eve", "openai", "r")->revoked = true;
    sim_chat(world, "eve", "after");
    assert_done(10);
    assert_code("r", "key_invalid");
    assert_code("after", "no_key");
}

Test(user, configured_choices_are_used_by_jobs_behind)
{
    start();
    sim_send(world, "alice",
             "{\"type\":\"user.configure\",\"id\":\"conf\",\"user\":\"alice\",\"defaults\":{"
             "\"chat\":{\"provider\":\"openai\",\"model\":\"gpt-mine\"}}}");
    sim_send(world, "alice",
             "{\"id\":\"j\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"x\"}");
    assert_done(10);
    assert_code("conf", "ok");
    assert_code("j", "ok");
}

/* ---- limits ---- */

static void send_many(const char *user, int count)
{
    for (int i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s.%d", user, i);
        sim_chat(world, user, id);
    }
}

Test(user, requests_per_minute_hold_in_every_minute_and_jobs_wait)
{
    world->settings.requests_per_minute = 20;
    start();
    send_many("alice", 100);
    assert_done(600);
    cr_assert_eq(sim_calls(world, "alice.99"), 1);
    cr_assert_leq(sim_busiest_minute(world, "alice"), 20);
    assert_code("alice.99", "ok");
}

static void slow(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    answer->latency_us = (int64_t)sim_below(&w->clock, 20 * (uint64_t)SIM_S);
    (void)entry;
}

Test(user, tokens_per_minute_hold_in_every_minute)
{
    world->settings.tokens_per_minute = 240; /* 12 a call */
    world->answer = slow;
    start();
    for (int i = 0; i < 60; i++)
        sim_send(world, "alice",
                 "{\"id\":\"t%d\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":"
                 "\"openai\",\"prompt\":\"Say hi\",\"max_tokens\":20}",
                 i);
    world->settings.deadline_us = 3600 * SIM_S;
    assert_done(3600);
    assert_code("t59", "ok");
    cr_assert_leq(12 * sim_busiest_minute(world, "alice"), 240);
}

Test(user, a_configured_limit_counts_from_then_on)
{
    start();
    sim_send(world, "alice",
             "{\"type\":\"user.configure\",\"id\":\"conf\",\"user\":\"alice\",\"limits\":{"
             "\"requests_per_minute\":10}}");
    send_many("alice", 30);
    assert_done(600);
    assert_code("conf", "ok");
    cr_assert_leq(sim_busiest_minute(world, "alice"), 10);
}

Test(user, calls_at_a_time_are_capped)
{
    world->settings.user_concurrency = 3;
    world->answer = slow;
    start();
    send_many("alice", 40);
    assert_done(600);
    cr_assert_eq(world->ledger.open_most, 3);
    assert_code("alice.39", "ok");
}

Test(user, five_thousand_jobs_of_one_do_not_delay_the_single_job_of_another)
{
    start();
    sim_register_now(world, "bob");
    send_many("alice", 5000);
    sim_run_for(world, 2 * SIM_S);
    size_t before = world->ledger.count;
    sim_chat(world, "bob", "single");
    int64_t sent_us = world->clock.now_us;
    sim_run_for(world, 2 * SIM_S);
    cr_assert_eq(sim_calls(world, "single"), 1);
    for (size_t i = before; i < world->ledger.count; i++) {
        const struct sim_entry *entry = &world->ledger.entries[i];
        if (strcmp(entry->id, "single") == 0)
            cr_assert_leq(entry->at_us - sent_us, SIM_S / 10, "%lld µs",
                          (long long)(entry->at_us - sent_us));
    }
    assert_done(600);
    assert_code("alice.4999", "ok");
}

/* ---- retries ---- */

static void throttle_twice(struct sim_world *w, const struct sim_entry *entry,
                           struct sim_answer *answer)
{
    (void)w;
    if (entry->attempt > 2 || strcmp(entry->path, "/models") == 0)
        return;
    answer->status = 429;
    answer->retry_after_s = 7;
    snprintf(answer->body, sizeof answer->body,
             "{\"error\":{\"message\":\"slow down\",\"code\":\"rate_limit_exceeded\"}}");
}

Test(user, a_throttled_job_waits_as_long_as_asked)
{
    world->answer = throttle_twice;
    start();
    int64_t began = world->clock.now_us;
    sim_chat(world, "alice", "r");
    assert_done(60);
    assert_code("r", "ok");
    cr_assert_eq(sim_calls(world, "r"), 3);
    cr_assert_geq(world->clock.now_us - began, 14 * SIM_S);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_USAGE), 3);
}

static void throttle_the_first(struct sim_world *w, const struct sim_entry *entry,
                               struct sim_answer *answer)
{
    if (strcmp(entry->id, "first") == 0)
        throttle_twice(w, entry, answer);
}

Test(user, a_429_holds_back_the_users_other_jobs_with_that_provider)
{
    world->answer = throttle_the_first;
    start();
    sim_chat(world, "alice", "first");
    sim_run_for(world, SIM_S);
    sim_chat(world, "alice", "second");
    sim_run_for(world, 4 * SIM_S);
    cr_assert_eq(sim_calls(world, "second"), 0);
    assert_done(60);
    assert_code("second", "ok");
}

static void fail_always(struct sim_world *w, const struct sim_entry *entry,
                        struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") == 0)
        return;
    answer->status = 500;
    snprintf(answer->body, sizeof answer->body, "<html>oops</html>");
}

Test(user, after_its_attempts_a_job_is_an_error)
{
    world->answer = fail_always;
    start();
    sim_chat(world, "alice", "f");
    assert_done(60);
    assert_code("f", "server_error");
    cr_assert_eq(sim_calls(world, "f"), 4);
}

static void fail_first(struct sim_world *w, const struct sim_entry *entry,
                       struct sim_answer *answer)
{
    if (entry->attempt == 1)
        fail_always(w, entry, answer);
}

/* How long after its first call a job has made its second. */
static int64_t waited_us(const char *id)
{
    int64_t ended_us = 0;
    for (size_t i = 0; i < world->ledger.count; i++) {
        const struct sim_entry *entry = &world->ledger.entries[i];
        if (strcmp(entry->id, id) == 0 && entry->attempt == 2)
            return entry->at_us - ended_us;
        if (strcmp(entry->id, id) == 0)
            ended_us = entry->end_us;
    }
    return -1;
}

Test(user, jobs_that_failed_together_come_back_apart)
{
    int64_t least = INT64_MAX, most = 0;
    start();
    world->answer = fail_first;
    for (int i = 0; i < 4; i++) { /* fewer than a breaker minds */
        char user[16], id[16];
        snprintf(user, sizeof user, "user%d", i);
        snprintf(id, sizeof id, "f%d", i);
        sim_register_now(world, user);
        sim_chat(world, user, id);
        assert_done(60);
        int64_t us = waited_us(id);
        cr_assert_geq(us, 0);
        least = us < least ? us : least;
        most = us > most ? us : most;
    }
    cr_assert_gt(most - least, world->settings.backoff_base_us / 4);
}

static void wait_in_text(struct sim_world *w, const struct sim_entry *entry,
                         struct sim_answer *answer)
{
    (void)w;
    if (entry->attempt > 1 || strcmp(entry->path, "/models") == 0)
        return;
    answer->status = 429;
    snprintf(answer->body, sizeof answer->body,
             "{\"error\":{\"message\":\"Rate limit reached. Please try again in 20s.\"}}");
}

Test(user, a_wait_that_only_the_text_of_the_error_names_is_kept_to)
{
    world->answer = wait_in_text;
    start();
    sim_chat(world, "alice", "j");
    sim_run_for(world, 19 * SIM_S);
    cr_assert_eq(sim_calls(world, "j"), 1);
    assert_done(10);
    assert_code("j", "ok");
    cr_assert_eq(sim_calls(world, "j"), 2);
}

Test(user, a_wait_that_passes_the_deadline_ends_the_job_at_once_and_says_so)
{
    world->answer = wait_in_text;
    start();
    sim_send(world, "alice",
             "{\"id\":\"j\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"timeout_ms\":15000}");
    assert_done(2);
    assert_code("j", "rate_limited");
    const char *text = sim_result_text(world, "j", "error.message");
    cr_assert(byok_str_starts(byok_str_of(text),
                              byok_str_of("not tried again: the provider asks to wait 20000 ms, "
                                          "which passes the job's deadline: Rate limit reached.")),
              "%s", text);
}

static void cut_first(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (entry->attempt == 1 && strcmp(entry->path, "/models") != 0)
        answer->how = SIM_CUT;
}

Test(user, a_call_of_unknown_outcome_is_reported_or_made_again_as_the_job_says)
{
    world->answer = cut_first;
    start();
    sim_chat(world, "alice", "report");
    sim_send(world, "alice",
             "{\"id\":\"retry\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"on_unknown\":\"retry\"}");
    assert_done(60);
    cr_assert_str_eq(sim_result_text(world, "report", "status"), "unknown");
    cr_assert_eq(sim_calls(world, "report"), 1);
    assert_code("retry", "ok");
    cr_assert_eq(sim_calls(world, "retry"), 2);
}

/* ---- memory ---- */

Test(user, whatever_allocation_fails_the_job_is_done)
{
    start();
    for (uint64_t n = 1; n < 60; n++) {
        char id[16];
        snprintf(id, sizeof id, "n%d", (int)n);
        sim_chat(world, "alice", id);
        sim_fault_nth(n);
        assert_done(60);
        sim_fault_nth(0);
        assert_code(id, "ok");
        assert_results(id, 1);
        cr_assert_eq(sim_calls(world, id), 1);
    }
    cr_assert_gt(sim_fault_count(), 10);
}

Test(user, a_reload_whatever_allocation_fails_keeps_the_user)
{
    start();
    for (uint64_t n = 1; n < 40; n++) {
        char id[16];
        snprintf(id, sizeof id, "n%d", (int)n);
        sim_run_for(world, 40 * SIM_S); /* the actor is dropped */
        sim_chat(world, "alice", id);
        sim_fault_nth(n);
        assert_done(60);
        sim_fault_nth(0);
        assert_code(id, "ok");
    }
}
