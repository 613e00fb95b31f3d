/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_user_fallback.c - jobs that go to another provider. */
#include <string.h>

#include "schemas/audit.h"
#include "schemas/state.h"
#include "tests/unit/actors/kit.h"

#define OPENAI 0
#define OTHER 1

/* How each provider answers; all zero: well. */
static struct sim_answer answers[SIM_PROVIDERS];

static void answer_as_set(struct sim_world *w, const struct sim_entry *entry,
                          struct sim_answer *answer)
{
    const struct sim_answer *own = &answers[entry->provider];
    (void)w;
    if (strcmp(entry->path, "/models") == 0)
        return;
    answer->how = own->how;
    answer->retry_after_s = own->retry_after_s;
    if (own->status == 0)
        return;
    answer->status = own->status;
    snprintf(answer->body, sizeof answer->body, "{}");
}

static void start_with(bool other_key)
{
    memset(answers, 0, sizeof answers);
    world->answer = answer_as_set;
    start();
    if (!other_key)
        return;
    sim_register(world, "alice", "other", "reg2");
    assert_done(10);
    assert_code("reg2", "ok");
}

static void send_chat(const char *id, const char *more)
{
    sim_send(world, "alice",
             "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"Say hi\",\"fallbacks\":[\"other/gpt-b\"]%s}",
             id, more);
}

static size_t calls_at(const char *id, size_t provider)
{
    size_t calls = 0;
    for (size_t i = 0; i < world->ledger.count; i++) {
        const struct sim_entry *entry = &world->ledger.entries[i];
        calls += entry->provider == provider && strcmp(entry->id, id) == 0;
    }
    return calls;
}

/* Calls and input tokens that the user's counters hold of a provider. */
static void assert_counted(const char *provider, int64_t calls, int64_t errors, int64_t tokens)
{
    struct byok_user_record record;
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key = byok_user_key(&arena, byok_str_of("alice")), bytes;
    struct byok_store *state = worker->state->inner;
    cr_assert_eq(state->ops->get(state, partition_of("alice"), key, &arena, &bytes, NULL),
                 BYOK_E_OK);
    cr_assert_eq(byok_user_record_decode(bytes, &arena, &record), BYOK_E_OK);
    int64_t found[3] = {0};
    for (size_t i = 0; i < record.counter_count; i++) {
        if (strcmp(record.counters[i].provider, provider) != 0)
            continue;
        found[0] += record.counters[i].calls;
        found[1] += record.counters[i].errors;
        found[2] += record.counters[i].input_tokens;
    }
    cr_assert_eq(found[0], calls, "%s: %d calls", provider, (int)found[0]);
    cr_assert_eq(found[1], errors, "%s: %d errors", provider, (int)found[1]);
    cr_assert_eq(found[2], tokens, "%s: %d tokens", provider, (int)found[2]);
    byok_user_record_done(&record);
}

/* "event provider code calls" of each audit record of a request, in order; all name a key. */
static const char *audit_of(const char *id)
{
    struct byok_str all = BYOK_STR("");
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_AUDIT][partition_of("alice")];
    for (size_t i = 0; i < log->count; i++) {
        struct byok_audit_record record;
        cr_assert_eq(byok_audit_decode(log->records[i]->value, &world->arena, &record), BYOK_E_OK);
        if (!byok_str_is(record.request_id, id))
            continue;
        cr_assert_gt(record.fingerprint.len, 0);
        all = byok_arena_printf(&world->arena, "%.*s%s%.*s %.*s %.*s %d", BYOK_STR_ARG(all),
                                all.len > 0 ? ", " : "", BYOK_STR_ARG(record.event),
                                BYOK_STR_ARG(record.provider), BYOK_STR_ARG(record.code),
                                (int)record.calls);
    }
    return all.ptr;
}

TestSuite(user_fallback, .init = setup, .fini = teardown);

Test(user_fallback, an_overloaded_providers_job_goes_to_the_next_and_each_is_counted)
{
    start_with(true);
    answers[OPENAI].status = 503;
    send_chat("a", "");
    assert_done(10);
    assert_code("a", "ok");
    cr_assert_str_eq(sim_result_text(world, "a", "text"), "echo a");
    cr_assert_str_eq(sim_result_text(world, "a", "provider"), "other");
    cr_assert_str_eq(sim_result_text(world, "a", "model"), "gpt-b");
    cr_assert_str_eq(attempts_of("a"), "openai/gpt-sim:overloaded other/gpt-b:ok");
    assert_counted("openai", 1, 1, 0);
    assert_counted("other", 1, 0, 7);
    cr_assert_eq(sim_count(world, BYOK_TOPIC_USAGE), 2);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_FALLBACKS), 1);
}

/* The time moves on between two looks at it (tests/sim/sim_clock.h). */
Test(user_fallback, none_leaves_a_provider_that_is_well)
{
    char id[16];
    start_with(true);
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "j%d", i);
        send_chat(id, "");
        sim_run_for(world, SIM_S / 100);
    }
    assert_done(60);
    for (int i = 0; i < 100; i++) {
        snprintf(id, sizeof id, "j%d", i);
        cr_expect_eq(calls_at(id, OPENAI), 1);
        cr_expect_eq(calls_at(id, OTHER), 0);
    }
}

Test(user_fallback, one_that_cannot_be_reached_and_one_that_failed_inside_too)
{
    start_with(true);
    answers[OPENAI].how = SIM_NO_CONNECT;
    send_chat("a", "");
    assert_done(10);
    cr_assert_str_eq(attempts_of("a"), "openai/gpt-sim:unreachable other/gpt-b:ok");
    assert_counted("openai", 0, 0, 0);
    answers[OPENAI] = (struct sim_answer){.status = 500};
    send_chat("b", "");
    assert_done(10);
    cr_assert_str_eq(attempts_of("b"), "openai/gpt-sim:server_error other/gpt-b:ok");
}

Test(user_fallback, a_rate_limit_is_waited_for_unless_that_passes_the_deadline)
{
    start_with(true);
    answers[OPENAI] = (struct sim_answer){.status = 429, .retry_after_s = 20};
    send_chat("hurries", ",\"timeout_ms\":5000");
    assert_done(10);
    cr_assert_str_eq(attempts_of("hurries"), "openai/gpt-sim:rate_limited other/gpt-b:ok");
    send_chat("waits", "");
    sim_run_for(world, 2 * SIM_S);
    answers[OPENAI] = (struct sim_answer){0};
    assert_done(60);
    cr_assert_str_eq(attempts_of("waits"), "openai/gpt-sim:rate_limited openai/gpt-sim:ok");
    cr_assert_eq(calls_at("waits", OTHER), 0);
}

/* The first one's wait holds the whole lane up, and so the second, which it passes the deadline of. */
Test(user_fallback, a_limit_that_another_job_has_met_counts_too)
{
    start_with(true);
    answers[OPENAI] = (struct sim_answer){.status = 429, .retry_after_s = 20};
    send_chat("waits", "");
    sim_run_for(world, 2 * SIM_S);
    send_chat("hurries", ",\"timeout_ms\":5000");
    sim_run_for(world, 2 * SIM_S);
    cr_assert_str_eq(attempts_of("hurries"), "other/gpt-b:ok");
    answers[OPENAI] = (struct sim_answer){0};
    assert_done(60);
    assert_code("waits", "ok");
}

Test(user_fallback, no_call_follows_an_unclear_one_unless_the_job_says_retry)
{
    start_with(true);
    answers[OPENAI].how = SIM_CUT;
    send_chat("reports", "");
    send_chat("retries", ",\"on_unknown\":\"retry\"");
    assert_done(10);
    cr_assert_str_eq(sim_result_text(world, "reports", "status"), "unknown");
    cr_assert_eq(calls_at("reports", OTHER), 0);
    cr_assert_str_eq(attempts_of("retries"), "openai/gpt-sim:cut_off other/gpt-b:ok");
}

Test(user_fallback, what_no_other_provider_would_do_better_fails)
{
    start_with(true);
    answers[OPENAI].status = 400;
    send_chat("a", "");
    assert_done(10);
    assert_code("a", "bad_request");
    cr_assert_eq(calls_at("a", OTHER), 0);
}

static void answer_the_third(struct sim_world *w, const struct sim_entry *entry,
                             struct sim_answer *answer)
{
    if (entry->attempt < 3)
        answer_as_set(w, entry, answer);
}

Test(user_fallback, one_without_a_key_is_passed_over_and_the_others_are_tried_again)
{
    start_with(false);
    world->answer = answer_the_third;
    answers[OPENAI].status = 503;
    send_chat("a", "");
    assert_done(10);
    cr_assert_str_eq(attempts_of("a"), "openai/gpt-sim:overloaded other/gpt-b:no_key "
                                       "openai/gpt-sim:overloaded openai/gpt-sim:ok");
    cr_assert_str_eq(sim_result_text(world, "a", "provider"), "openai");
    cr_assert_eq(sim_count(world, BYOK_TOPIC_USAGE), 3, "what is passed over is no call");
    assert_counted("openai", 3, 2, 7);
}

Test(user_fallback, the_use_of_each_key_is_audited)
{
    start_with(true);
    answers[OPENAI].status = answers[OTHER].status = 503;
    send_chat("a", "");
    assert_done(60);
    cr_assert_str_eq(audit_of("a"), "key.use openai overloaded 1, key.use other overloaded 3");
    answers[OTHER] = (struct sim_answer){0};
    send_chat("b", "");
    assert_done(60);
    cr_assert_str_eq(audit_of("b"), "key.use openai overloaded 1, key.use other ok 1");
    answers[OPENAI].how = SIM_NO_CONNECT;
    send_chat("c", "");
    assert_done(60);
    cr_assert_str_eq(audit_of("c"), "key.use other ok 1", "the key did not leave for the other");
}

Test(user_fallback, the_label_is_the_jobs)
{
    start_with(true);
    answers[OPENAI].status = 503;
    world->settings.attempts_max = 1;
    send_chat("a", ",\"key_label\":\"work\"");
    assert_done(10);
    assert_code("a", "no_key");
    cr_assert_eq(sim_calls(world, "a"), 0);
}

Test(user_fallback, when_all_fail_the_last_one_is_tried_again_as_ever)
{
    start_with(true);
    answers[OPENAI].status = answers[OTHER].status = 503;
    send_chat("a", "");
    assert_done(60);
    assert_code("a", "overloaded");
    cr_assert_eq(calls_at("a", OPENAI), 1);
    cr_assert_eq(calls_at("a", OTHER), 3, "retry.attempts are those of all");
    assert_counted("openai", 1, 1, 0);
    assert_counted("other", 3, 3, 0);
}

/* The user's own breaker opens by six failures. */
static void open_breaker(void)
{
    world->settings.attempts_max = 1;
    for (int i = 0; i < 8; i++) {
        char id[16];
        snprintf(id, sizeof id, "opens%d", i);
        sim_chat(world, "alice", id);
        sim_run_for(world, SIM_S / 10);
    }
}

Test(user_fallback, one_that_is_known_to_be_away_is_not_asked)
{
    world->provider_settings[OPENAI].breaker.open_us = 60 * SIM_S;
    world->provider_settings[OPENAI].breaker.open_max_us = 60 * SIM_S;
    start_with(true);
    answers[OPENAI].status = 503;
    open_breaker();
    send_chat("a", "");
    sim_run_for(world, SIM_S);
    cr_assert_str_eq(attempts_of("a"), "other/gpt-b:ok");
}

Test(user_fallback, of_two_that_are_away_the_first_that_is_back_is_called)
{
    world->provider_settings[OPENAI].breaker.open_us = 5 * SIM_S;
    world->provider_settings[OPENAI].breaker.open_max_us = 5 * SIM_S;
    world->provider_settings[OTHER].breaker = world->provider_settings[OPENAI].breaker;
    world->provider_settings[OTHER].breaker.open_us = 200 * SIM_S;
    world->provider_settings[OTHER].breaker.open_max_us = 200 * SIM_S;
    start_with(true);
    answers[OPENAI].status = answers[OTHER].status = 503;
    for (int i = 0; i < 8; i++) {
        char id[16];
        snprintf(id, sizeof id, "opens%d", i);
        sim_send(world, "alice",
                 "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"other\","
                 "\"prompt\":\"x\",\"fallbacks\":[\"openai/gpt-c\"],\"timeout_ms\":1000}",
                 id);
        sim_run_for(world, SIM_S / 10);
    }
    sim_run_for(world, SIM_S);
    send_chat("a", "");
    sim_run_for(world, SIM_S / 10);
    cr_assert_eq(sim_calls(world, "a"), 0, "both are away");
    answers[OPENAI] = (struct sim_answer){0};
    sim_run_for(world, 20 * SIM_S);
    cr_assert_str_eq(attempts_of("a"), "openai/gpt-sim:ok");
}

Test(user_fallback, a_name_that_is_not_configured_is_told_before_any_call)
{
    start_with(true);
    sim_send(world, "alice",
             "{\"id\":\"a\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"x\",\"fallbacks\":[\"nobody/m\"]}");
    assert_done(10);
    assert_code("a", "unknown_provider");
    cr_assert_eq(sim_calls(world, "a"), 0);
}

/* Overloaded where it belongs, throttled at the other, the job waits in the state. */
static void park_at_the_other(const char *more)
{
    world->settings.park_after_us = SIM_S;
    start_with(true);
    answers[OPENAI].status = 503;
    answers[OTHER] = (struct sim_answer){.status = 429, .retry_after_s = 20};
    send_chat("a", more);
    sim_run_for(world, 5 * SIM_S);
    cr_assert_eq(sim_parked(world), 1);
}

Test(user_fallback, a_parked_job_goes_on_where_it_was_with_what_was_tried)
{
    park_at_the_other("");
    restart_empty();
    memset(answers, 0, sizeof answers);
    assert_done(60);
    cr_assert_str_eq(attempts_of("a"),
                     "openai/gpt-sim:overloaded other/gpt-b:rate_limited other/gpt-b:ok");
    assert_counted("openai", 1, 1, 0);
    assert_counted("other", 2, 1, 7);
}

/* A worker with another configuration takes over what is parked. */
static void rename_and_restart(size_t provider)
{
    sim_worker_crash(worker);
    world->providers[provider].name = "renamed";
    restart_empty();
    assert_done(60);
}

Test(user_fallback, what_was_called_is_counted_when_it_is_configured_no_more)
{
    park_at_the_other("");
    rename_and_restart(OTHER);
    assert_code("a", "unknown_provider");
    cr_assert_str_eq(attempts_of("a"), "openai/gpt-sim:overloaded other/gpt-b:rate_limited");
    assert_counted("openai", 1, 1, 0);
    assert_counted("other", 1, 1, 0);
}

Test(user_fallback, nor_does_it_matter_when_that_is_the_jobs_own)
{
    park_at_the_other(",\"model\":\"gpt-a\"");
    rename_and_restart(OPENAI);
    assert_code("a", "unknown_provider");
    cr_assert_str_eq(attempts_of("a"), "openai/gpt-a:overloaded other/gpt-b:rate_limited");
    assert_counted("openai", 1, 1, 0);
    assert_counted("other", 1, 1, 0);
}

Test(user_fallback, a_job_without_fallbacks_likewise)
{
    world->settings.park_after_us = SIM_S;
    start_with(false);
    answers[OPENAI] = (struct sim_answer){.status = 429, .retry_after_s = 20};
    sim_chat(world, "alice", "a");
    sim_run_for(world, 5 * SIM_S);
    cr_assert_eq(sim_parked(world), 1);
    rename_and_restart(OPENAI);
    assert_code("a", "unknown_provider");
    assert_counted("openai", 1, 1, 0);
}

/* The second owner knows from the claim where the call went. */
static void lose_a_call_to_the_other(const char *more)
{
    start_with(true);
    answers[OPENAI].status = 503;
    answers[OTHER].how = SIM_HANG;
    send_chat("a", more);
    sim_run_for(world, 5 * SIM_S);
    cr_assert_eq(calls_at("a", OTHER), 1);
    sim_worker_crash(worker);
    restart_empty();
    memset(answers, 0, sizeof answers);
    assert_done(600);
}

Test(user_fallback, a_lost_call_is_told_of_the_provider_that_it_went_to)
{
    lose_a_call_to_the_other("");
    cr_assert_str_eq(sim_result_text(world, "a", "status"), "unknown");
    cr_assert_str_eq(sim_result_text(world, "a", "provider"), "other");
    cr_assert_str_eq(attempts_of("a"), "other/gpt-b:outcome_lost");
    assert_counted("openai", 0, 0, 0);
    assert_counted("other", 1, 1, 0);
}

Test(user_fallback, a_lost_call_that_may_be_repeated_is_repeated_there)
{
    lose_a_call_to_the_other(",\"on_unknown\":\"retry\"");
    cr_assert_str_eq(attempts_of("a"), "other/gpt-b:outcome_lost other/gpt-b:ok");
}

Test(user_fallback, embeddings_go_together_and_have_their_own_usage)
{
    start_with(true);
    answers[OPENAI].status = 503;
    for (int i = 0; i < 3; i++)
        sim_send(world, "alice",
                 "{\"id\":\"e%d\",\"user\":\"alice\",\"capability\":\"embeddings\",\"provider\":"
                 "\"openai\",\"input\":[\"e%d#                    \"],"
                 "\"fallbacks\":[\"other/embed-b\"]}",
                 i, i);
    assert_done(10);
    for (int i = 0; i < 3; i++) {
        char id[8];
        snprintf(id, sizeof id, "e%d", i);
        assert_code(id, "ok");
        cr_assert_str_eq(attempts_of(id), "openai/embed-sim:overloaded other/embed-b:ok");
    }
}

static void speak(const char *id)
{
    char text[6000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    sim_send(world, "alice",
             "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"provider\":"
             "\"openai\",\"format\":\"pcm\",\"text\":\"%s\",\"fallbacks\":[\"other/speak-b\"]}",
             id, text);
}

static void fail_after_a_part(struct sim_world *w, const struct sim_entry *entry,
                              struct sim_answer *answer)
{
    if (entry->attempt > 1)
        answer_as_set(w, entry, answer);
}

Test(user_fallback, a_text_stays_where_its_first_part_was_spoken)
{
    start_with(true);
    world->answer = fail_after_a_part;
    answers[OPENAI].status = 503;
    speak("a");
    assert_done(60);
    assert_code("a", "overloaded");
    cr_assert_eq(calls_at("a", OTHER), 0);
}

Test(user_fallback, a_text_of_which_nothing_is_spoken_goes_elsewhere_with_all_of_its_parts)
{
    start_with(true);
    answers[OPENAI].status = 503;
    speak("a");
    assert_done(60);
    assert_code("a", "ok");
    cr_assert_eq(calls_at("a", OPENAI), 1);
    cr_assert_eq(calls_at("a", OTHER), 2);
}

Test(user_fallback, a_cancelled_job_goes_nowhere)
{
    start_with(true);
    answers[OPENAI] = (struct sim_answer){.status = 429, .retry_after_s = 20};
    answers[OTHER].status = 503;
    send_chat("a", "");
    sim_run_for(world, 2 * SIM_S);
    sim_send(world, "alice",
             "{\"type\":\"job.cancel\",\"id\":\"c\",\"user\":\"alice\",\"job_id\":\"a\"}");
    assert_done(60);
    assert_code("a", "cancelled");
    cr_assert_eq(calls_at("a", OTHER), 0);
}

Test(user_fallback, a_job_whose_key_was_refused_for_long_goes_elsewhere_when_its_provider_fails)
{
    world->settings.on_invalid_waits = true;
    start_with(true);
    world->keys[0].revoked = true;
    send_chat("a", "");
    sim_run_for(world, 30 * SIM_S);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_KEYS_INVALID), 1);
    world->keys[0].revoked = false;
    answers[OPENAI].status = 503;
    assert_done(120);
    cr_assert_str_eq(attempts_of("a"), "openai/gpt-sim:key_invalid openai/gpt-sim:key_invalid "
                                       "openai/gpt-sim:overloaded other/gpt-b:ok");
    cr_assert_eq(audited("key.invalid"), 1);
}
