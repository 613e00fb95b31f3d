/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_speech.c - texts that are longer than a provider takes. */
#include <string.h>

#include "actors/provider/speech.h"
#include "schemas/codec.h"
#include "tests/unit/actors/kit.h"

TestSuite(speech, .init = setup, .fini = teardown);

#define LONG_BYTES 7000

/* The simulated provider speaks the text itself. */
static char text[LONG_BYTES + 100];

static void speak(const char *id, size_t bytes, const char *more)
{
    size_t len = 0;
    text[0] = '\0';
    while (len < bytes)
        len += (size_t)snprintf(text + len, sizeof text - len, "This is sentence %zu. ", len);
    sim_send(world, "alice",
             "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"provider\":"
             "\"openai\",\"text\":\"%s\"%s}",
             id, text, more);
}

static void assert_spoken(const char *id)
{
    struct byok_str audio;
    struct byok_str text64 = byok_str_of(sim_result_text(world, id, "audio"));
    assert_code(id, "ok");
    cr_assert(byok_base64_decode(&world->arena, text64, &audio));
    cr_assert(byok_str_is(audio, text));
}

static int64_t characters(const char *id)
{
    struct byok_value root;
    int64_t count = -1;
    sim_results(world, id, &world->arena, &root);
    (void)byok_value_as_int(byok_value_path(&root, "usage.characters"), &count);
    return count;
}

Test(speech, a_long_text_is_spoken_in_parts_and_joined)
{
    start();
    speak("a", LONG_BYTES, ",\"format\":\"pcm\"");
    assert_done(60);
    assert_spoken("a");
    cr_assert_eq(sim_calls(world, "a"), 2);
    cr_assert_eq(characters("a"), (int64_t)strlen(text));
    cr_assert_eq(sim_count(world, BYOK_TOPIC_USAGE), 2);
}

Test(speech, a_short_one_is_one_call)
{
    start();
    speak("a", 3000, ",\"format\":\"pcm\"");
    assert_done(60);
    assert_spoken("a");
    cr_assert_eq(sim_calls(world, "a"), 1);
}

Test(speech, each_part_counts_for_the_limits)
{
    world->settings.requests_per_minute = 1;
    start();
    speak("a", LONG_BYTES, ",\"format\":\"pcm\"");
    sim_run_for(world, 10 * SIM_S);
    cr_assert_eq(sim_calls(world, "a"), 1);
    assert_done(200);
    assert_spoken("a");
}

static void fail_second(struct sim_world *w, const struct sim_entry *entry,
                        struct sim_answer *answer)
{
    (void)w;
    if (entry->attempt == 2) {
        answer->status = 503;
        snprintf(answer->body, sizeof answer->body, "{\"error\":{\"message\":\"busy\"}}");
    }
}

Test(speech, a_part_that_fails_is_made_again_and_not_those_before)
{
    world->answer = fail_second;
    start();
    speak("a", LONG_BYTES, ",\"format\":\"pcm\"");
    assert_done(60);
    assert_spoken("a");
    cr_assert_eq(sim_calls(world, "a"), 3);
    cr_assert_eq(characters("a"), (int64_t)strlen(text));
}

static void refuse_second(struct sim_world *w, const struct sim_entry *entry,
                          struct sim_answer *answer)
{
    fail_second(w, entry, answer);
    if (entry->attempt == 2)
        answer->status = 400;
}

Test(speech, what_was_spoken_before_a_failure_is_in_the_usage)
{
    world->answer = refuse_second;
    start();
    speak("a", LONG_BYTES, ",\"format\":\"pcm\"");
    assert_done(60);
    assert_code("a", "bad_request");
    cr_assert_gt(characters("a"), 3000);
    cr_assert_lt(characters("a"), 4097);
}

static void take_long(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    (void)entry;
    answer->latency_us = 4 * SIM_S;
}

Test(speech, a_crash_between_parts_leaves_it_unclear_and_calls_nothing_again)
{
    start();
    world->answer = take_long;
    speak("a", LONG_BYTES, ",\"format\":\"pcm\"");
    sim_run_for(world, 5 * SIM_S);
    cr_assert_eq(sim_calls(world, "a"), 2);
    sim_worker_crash(worker);
    sim_worker_restart(worker, false);
    sim_assign(worker, 0);
    sim_assign(worker, 1);
    assert_done(900);
    cr_assert_str_eq(sim_result_text(world, "a", "status"), "unknown");
    cr_assert_eq(sim_calls(world, "a"), 2);
}

Test(speech, what_cannot_be_joined_or_streamed_is_refused_before_any_call)
{
    start();
    speak("f", LONG_BYTES, ",\"format\":\"flac\"");
    speak("o", LONG_BYTES, ",\"provider_options\":{\"response_format\":\"flac\"}");
    speak("s", LONG_BYTES, ",\"stream\":true");
    speak("r", LONG_BYTES, ",\"raw\":true");
    assert_done(60);
    assert_code("f", "unsupported");
    assert_code("o", "unsupported");
    assert_code("s", "unsupported");
    assert_code("r", "unsupported");
    cr_assert_not_null(strstr(sim_result_text(world, "f", "error.message"), "4096"));
    cr_assert_eq(sim_calls(world, "f") + sim_calls(world, "s"), 0);
}
