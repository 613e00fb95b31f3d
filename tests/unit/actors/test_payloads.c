/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_payloads.c - content by reference, in and out, and a store that fails. */
#include <string.h>

#include "schemas/payload.h"
#include "tests/unit/actors/kit.h"

static void begin(void)
{
    setup();
    world->settings.payload_inline_max = 512;
}

TestSuite(payloads, .init = begin, .fini = teardown);

/* The provider's samples are the text; they are more than stays in a result. */
static void speak(const char *id)
{
    char text[1024] = "";
    while (strlen(text) < 1000)
        strcat(text, "Say it. ");
    sim_send(world, "alice",
             "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"provider\":"
             "\"openai\",\"format\":\"pcm\",\"text\":\"%s\"}",
             id, text);
}

/* A job whose sound was put by that user; as sim_http.c wants it. */
static struct byok_payload_ref put_sound(const char *owner, const char *id)
{
    struct byok_payload_ref ref;
    char said[160];
    snprintf(said, sizeof said, "ID3 said by %s.", id);
    sim_object_put(world, byok_str_of(owner), byok_str_of(said), &ref);
    return ref;
}

static void listen_to(const char *id, const struct byok_payload_ref *ref)
{
    sim_send(world, "alice",
             "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"speech_to_text\",\"provider\":"
             "\"openai\",\"audio\":{\"ref\":\"%s\",\"size\":%d,\"sha256\":\"%s\"}}",
             id, ref->name, (int)ref->size, ref->name + BYOK_PAYLOAD_OWNER_CHARS + 1);
}

Test(payloads, a_large_answer_is_named_in_its_result_and_stands_in_the_store)
{
    start();
    speak("s");
    assert_done(60);
    assert_code("s", "ok");
    const char *name = sim_result_text(world, "s", "audio.ref");
    const struct sim_object *object = sim_object_find(world, name);
    cr_assert_not_null(object, "%s", name);
    cr_expect_eq(memcmp(object->content, "Say it. ", 8), 0);
    cr_expect_str_eq(sim_result_text(world, "s", "audio.type"), "audio/pcm");
    cr_expect_str_eq(sim_result_text(world, "s", "media_type"), "audio/pcm");
    cr_expect_eq(sim_metric(worker, BYOK_METRIC_PAYLOADS_PUT), 1);
}

Test(payloads, a_small_answer_stays_in_its_result)
{
    world->settings.payload_inline_max = (size_t)1 << 20;
    start();
    speak("s");
    assert_done(60);
    assert_code("s", "ok");
    cr_expect_str_eq(sim_result_text(world, "s", "audio.ref"), "");
    cr_expect_eq(strncmp(sim_result_text(world, "s", "audio"), "U2F5", 4), 0);
    cr_expect_null(world->objects);
}

Test(payloads, a_job_is_called_with_what_it_refers_to)
{
    start();
    struct byok_payload_ref ref = put_sound("alice", "l");
    listen_to("l", &ref);
    assert_done(60);
    assert_code("l", "ok");
    cr_expect_str_eq(sim_result_text(world, "l", "text"), "echo l");
    cr_expect_eq(world->watch.failures, 0, "%s", world->watch.first);
    cr_expect_eq(sim_metric(worker, BYOK_METRIC_PAYLOADS_GOT), 1);
}

Test(payloads, what_is_not_there_or_not_this_users_is_an_error_of_that_job_only)
{
    start();
    struct byok_payload_ref own = put_sound("alice", "lost"), bobs = put_sound("bob", "stolen"),
                            wrong = put_sound("alice", "longer"), good = put_sound("alice", "good");
    sim_object_lose(world, own.name);
    wrong.size = 65536 + 1;
    listen_to("lost", &own);
    listen_to("stolen", &bobs);
    listen_to("longer", &wrong);
    listen_to("good", &good);
    assert_done(60);
    assert_code("lost", "bad_request");
    cr_expect(strstr(sim_result_text(world, "lost", "error.message"), "not in the store"));
    assert_code("stolen", "bad_request");
    cr_expect(strstr(sim_result_text(world, "stolen", "error.message"), "of this user"));
    assert_code("longer", "too_large");
    assert_code("good", "ok");
    cr_expect_eq(sim_calls(world, "lost") + sim_calls(world, "stolen") + sim_calls(world, "longer"),
                 0);
}

/* ---- a file that is sent from the store ---- */

static void listen_streamed(const char *id)
{
    world->settings.payload_keep_bytes = 5;
    start();
    struct byok_payload_ref ref = put_sound("alice", id);
    listen_to(id, &ref);
}

Test(payloads, a_file_is_sent_from_the_store_and_only_its_beginning_is_in_memory)
{
    listen_streamed("l");
    assert_done(60);
    assert_code("l", "ok");
    cr_expect_str_eq(sim_result_text(world, "l", "text"), "echo l");
    cr_expect_eq(world->watch.failures, 0, "%s", world->watch.first);
    cr_expect_eq(worker->env.partitions->held_bytes, 0);
}

Test(payloads, a_file_that_changes_before_it_is_sent_fails_its_job_once)
{
    world->payload_changes = 1000;
    listen_streamed("l");
    assert_done(60);
    assert_code("l", "bad_request");
    cr_expect(strstr(sim_result_text(world, "l", "error.message"), "sha256"));
    cr_expect_eq(sim_calls(world, "l"), 1);
}

static enum sim_how first_how;

static void fail_first(struct sim_world *w, const struct sim_entry *entry,
                       struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/audio/transcriptions") == 0 && entry->attempt == 1)
        answer->how = first_how;
}

Test(payloads, a_file_that_cannot_be_read_before_its_call_is_tried_again)
{
    world->answer = fail_first;
    first_how = SIM_UNREADABLE;
    listen_streamed("l");
    assert_done(60);
    assert_code("l", "ok");
    cr_expect_eq(sim_calls(world, "l"), 2);
}

Test(payloads, a_file_that_cannot_be_read_on_is_a_call_whose_outcome_nobody_knows)
{
    world->answer = fail_first;
    first_how = SIM_BROKEN_OFF;
    listen_streamed("l");
    assert_done(60);
    assert_code("l", "cut_off");
    cr_expect_eq(sim_calls(world, "l"), 1);
}

Test(payloads, what_this_side_cannot_read_is_not_held_against_the_provider)
{
    world->answer = fail_first;
    first_how = SIM_BROKEN_OFF;
    listen_streamed("l0");
    for (int i = 1; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "l%d", i);
        struct byok_payload_ref ref = put_sound("alice", id);
        listen_to(id, &ref);
    }
    assert_done(60);
    sim_chat(world, "alice", "c");
    assert_done(5); /* an open breaker holds it up for 10 s */
    assert_code("l19", "cut_off");
    assert_code("c", "ok");
}

static size_t most_bytes;

static bool it_has_ended(struct sim_world *w)
{
    size_t held = w->workers[0].env.partitions->held_bytes;
    most_bytes = held > most_bytes ? held : most_bytes;
    return strcmp(sim_result_code(w, "l"), "none") != 0;
}

Test(payloads, what_is_held_of_such_a_file_counts_and_no_more)
{
    listen_streamed("l");
    cr_assert(sim_run_until(world, it_has_ended, 60 * SIM_S));
    cr_expect_geq(most_bytes, BYOK_HTTP_UPLOAD_BYTES + 5);
    cr_expect_leq(most_bytes, BYOK_HTTP_UPLOAD_BYTES + 65536, "%zu", most_bytes);
    assert_done(60);
    assert_code("l", "ok");
    cr_expect_eq(worker->env.partitions->held_bytes, 0);
}

Test(payloads, without_a_store_a_reference_is_refused_and_an_answer_is_whole)
{
    start();
    worker->env.payload_port = NULL;
    struct byok_payload_ref ref = put_sound("alice", "l");
    listen_to("l", &ref);
    speak("s");
    assert_done(60);
    assert_code("l", "bad_configuration");
    assert_code("s", "ok");
    cr_expect_eq(strncmp(sim_result_text(world, "s", "audio"), "U2F5", 4), 0);
}

static bool store_failed(struct sim_world *w)
{
    return sim_metric(&w->workers[0], BYOK_METRIC_PAYLOAD_FAILURES) >= 2;
}

Test(payloads, a_store_that_fails_for_a_while_is_waited_for)
{
    start();
    world->payload_fails = 1000;
    struct byok_payload_ref ref = put_sound("alice", "l");
    listen_to("l", &ref);
    speak("s");
    cr_assert(sim_run_until(world, store_failed, 20 * SIM_S));
    sim_chat(world, "alice", "c"); /* and nobody else waits for it */
    sim_run_for(world, 2 * SIM_S);
    assert_code("c", "ok");
    assert_code("s", "none");
    world->payload_fails = 0;
    assert_done(60);
    assert_code("l", "ok");
    assert_code("s", "ok");
    cr_expect_eq(sim_calls(world, "s"), 1, "a paid answer is not called for again");
    cr_expect(sim_object_find(world, sim_result_text(world, "s", "audio.ref")));
}

Test(payloads, a_store_that_stays_away_ends_jobs_but_not_answers)
{
    start();
    world->payload_fails = 1000;
    struct byok_payload_ref ref = put_sound("alice", "l");
    listen_to("l", &ref);
    speak("s");
    assert_done(120);
    assert_code("l", "store_failed");
    cr_expect_eq(sim_calls(world, "l"), 0);
    assert_code("s", "ok");
    cr_expect_eq(strncmp(sim_result_text(world, "s", "audio"), "U2F5", 4), 0);
    cr_expect_eq(sim_calls(world, "s"), 1);
}

Test(payloads, of_a_queue_of_them_only_the_next_ones_are_in_memory)
{
    world->settings.user_concurrency = 1;
    start();
    for (int i = 0; i < 40; i++) {
        char id[16];
        snprintf(id, sizeof id, "l%d", i);
        struct byok_payload_ref ref = put_sound("alice", id);
        listen_to(id, &ref);
    }
    sim_run_for(world, SIM_S);
    int64_t calls = sim_metric(worker, BYOK_METRIC_CALLS);
    cr_expect_leq(sim_metric(worker, BYOK_METRIC_PAYLOADS_GOT), calls + 5);
    assert_done(600);
    assert_code("l39", "ok");
}

#define MANY 24

static int64_t records_before, most_ended, most_held;

/* What is to be written beside a result is open for a moment too, and ends nothing. */
static int64_t ended_of(struct sim_worker *one)
{
    int64_t ended =
        sim_metric(one, BYOK_METRIC_RECORDS) - records_before - sim_metric(one, BYOK_METRIC_OPEN);
    most_ended = ended > most_ended ? ended : most_ended;
    return most_ended;
}

static bool all_are_taken(struct sim_world *w)
{
    return sim_metric(&w->workers[0], BYOK_METRIC_RECORDS) - records_before == MANY;
}

static bool first_ones_have_ended(struct sim_world *w)
{
    return ended_of(&w->workers[0]) >= 8;
}

/* Counts, whenever something happens, the jobs that have got their payload and have not ended. */
static bool all_have_ended(struct sim_world *w)
{
    int64_t ended = ended_of(&w->workers[0]);
    int64_t held = sim_metric(&w->workers[0], BYOK_METRIC_PAYLOADS_GOT) - ended;
    most_held = held > most_held ? held : most_held;
    return ended == MANY;
}

/* Of many jobs with payloads that wait in the window when the memory becomes so much. */
static int64_t most_held_with(size_t held_bytes_max)
{
    world->settings.park_after_us = 0;
    world->payload_delay_us = SIM_S;
    start();
    records_before = sim_metric(worker, BYOK_METRIC_RECORDS);
    for (int i = 0; i < MANY; i++) {
        char id[16];
        snprintf(id, sizeof id, "l%d", i);
        struct byok_payload_ref ref = put_sound("alice", id);
        listen_to(id, &ref);
    }
    cr_assert(sim_run_until(world, all_are_taken, 10 * SIM_S));
    world->settings.held_bytes_max = held_bytes_max;
    cr_assert(sim_run_until(world, first_ones_have_ended, 60 * SIM_S));
    most_held = 0; /* those got before are gone */
    cr_assert(sim_run_until(world, all_have_ended, 600 * SIM_S));
    assert_done(60);
    assert_code("l23", "ok");
    cr_expect_eq(worker->env.partitions->held_bytes, 0);
    return most_held;
}

Test(payloads, while_there_is_memory_they_are_got_for_several_jobs_of_a_user)
{
    cr_expect_geq(most_held_with((size_t)64 << 20), 2);
}

Test(payloads, while_memory_is_short_they_are_got_for_one_job_of_a_user_at_a_time)
{
    cr_expect_eq(most_held_with(1), 1);
}

Test(payloads, vectors_too_large_for_a_result_stand_in_the_store_as_they_are_written)
{
    world->settings.payload_inline_max = 100;
    start();
    char inputs[2048] = "\"a\"";
    for (int i = 1; i < 22; i++)
        strcat(inputs, ",\"a\"");
    sim_send(world, "alice",
             "{\"id\":\"e\",\"user\":\"alice\",\"capability\":\"embeddings\",\"provider\":"
             "\"openai\",\"input\":[%s]}",
             inputs);
    assert_done(60);
    assert_code("e", "ok");
    cr_expect_str_eq(sim_result_text(world, "e", "embeddings.type"), "application/json");
    const struct sim_object *object =
        sim_object_find(world, sim_result_text(world, "e", "embeddings.ref"));
    cr_assert_not_null(object);
    cr_expect_eq(strncmp(object->content, "[[", 2), 0, "%s", object->content);
}

Test(payloads, memory_that_runs_out_anywhere_loses_nothing)
{
    start();
    for (uint64_t nth = 1; nth < 60; nth++) {
        char heard[16], said[16];
        snprintf(heard, sizeof heard, "l%d", (int)nth);
        snprintf(said, sizeof said, "s%d", (int)nth);
        struct byok_payload_ref ref = put_sound("alice", heard);
        listen_to(heard, &ref);
        speak(said);
        sim_fault_nth(nth);
        assert_done(600);
        sim_fault_nth(0);
        assert_code(heard, "ok");
        assert_code(said, "ok");
    }
    cr_expect_eq(world->watch.failures, 0, "%s", world->watch.first);
}
