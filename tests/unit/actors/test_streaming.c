/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_streaming.c - deltas of answers that come in pieces. */
#include <string.h>

#include "schemas/codec.h"
#include "tests/unit/actors/kit.h"

TestSuite(streaming, .init = setup, .fini = teardown);

#define DELTAS_MAX 64

/* The deltas of one request, in the order of the topic. */
struct deltas {
    struct byok_arena arena;
    struct byok_value list[DELTAS_MAX];
    size_t count;
};

static void look(const char *user, const char *id, struct deltas *out)
{
    const struct sim_topic *log = &world->cluster.topics[BYOK_TOPIC_STREAMS][partition_of(user)];
    *out = (struct deltas){.count = 0};
    for (size_t i = 0; i < log->count; i++) {
        struct byok_value *delta = &out->list[out->count];
        cr_assert_eq(byok_decode(&out->arena, BYOK_JSON, log->records[i]->value, delta, NULL),
                     BYOK_E_OK);
        if (!byok_str_is(byok_value_as_str(byok_value_find(delta, "id")), id))
            continue;
        cr_assert(byok_str_is(log->records[i]->key, user));
        cr_assert(byok_str_is(byok_record_header_of(log->records[i], "byok-request-id"), id));
        cr_assert_lt(++out->count, DELTAS_MAX);
    }
}

static int64_t number_of(const struct byok_value *delta, const char *name)
{
    int64_t number = -1;
    (void)byok_value_as_int(byok_value_find(delta, name), &number);
    return number;
}

/* The texts of an attempt joined; its sequence is from 0 without gaps. */
static const char *text_of(const struct deltas *deltas, int64_t attempt)
{
    static char text[512];
    int64_t sequence = 0;
    text[0] = '\0';
    for (size_t i = 0; i < deltas->count; i++) {
        const struct byok_value *delta = &deltas->list[i];
        if (number_of(delta, "attempt") != attempt)
            continue;
        cr_assert_eq(number_of(delta, "sequence"), sequence++);
        struct byok_str piece = byok_value_as_str(byok_value_find(delta, "text"));
        strncat(text, piece.ptr ? piece.ptr : "", piece.len);
    }
    return text;
}

static struct byok_str finish_of(const struct deltas *deltas, size_t i)
{
    return byok_value_as_str(byok_value_find(&deltas->list[i], "finish_reason"));
}

static void stream(const char *user, const char *id, const char *more)
{
    sim_send(world, user,
             "{\"id\":\"%s\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"Say hi\",\"stream\":true%s}",
             id, user, more);
}

Test(streaming, deltas_come_in_order_and_the_result_once)
{
    struct deltas got;
    start();
    stream("alice", "j", "");
    assert_done(10);
    assert_code("j", "ok");
    assert_results("j", 1);
    cr_assert_str_eq(sim_result_text(world, "j", "text"), "echo j");
    look("alice", "j", &got);
    cr_assert_geq(got.count, 3);
    cr_assert_str_eq(text_of(&got, 1), "echo j");
    cr_assert(byok_str_is(finish_of(&got, got.count - 1), "stop"));
    for (size_t i = 0; i + 1 < got.count; i++)
        cr_assert_eq(finish_of(&got, i).len, 0);
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_DELTAS), (int64_t)got.count);
    byok_arena_done(&got.arena);
}

Test(streaming, the_first_delta_is_there_long_before_the_result)
{
    struct deltas got;
    start();
    stream("alice", "j", "");
    for (int i = 0;
         i < 1000 && world->cluster.topics[BYOK_TOPIC_STREAMS][partition_of("alice")].count == 0;
         i++)
        sim_run_for(world, SIM_S / 200);
    look("alice", "j", &got);
    cr_assert_gt(got.count, 0);
    assert_results("j", 0);
    assert_done(10);
    assert_results("j", 1);
    byok_arena_done(&got.arena);
}

Test(streaming, without_stream_there_are_no_deltas)
{
    struct deltas got;
    start();
    sim_chat(world, "alice", "j");
    assert_done(10);
    look("alice", "j", &got);
    cr_assert_eq(got.count, 0);
    byok_arena_done(&got.arena);
}

static void cut_once(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (entry->attempt > 1)
        return;
    answer->how = SIM_CUT;
    snprintf(answer->body, sizeof answer->body,
             "data: {\"choices\":[{\"delta\":{\"content\":\"half\"}}]}\n\n");
}

Test(streaming, a_stream_that_breaks_is_unknown_or_made_again_as_the_job_says)
{
    struct deltas got;
    start();
    world->answer = cut_once;
    stream("alice", "reports", "");
    stream("alice", "retries", ",\"on_unknown\":\"retry\"");
    assert_done(60);
    cr_assert_str_eq(sim_result_text(world, "reports", "status"), "unknown");
    look("alice", "reports", &got);
    cr_assert_str_eq(text_of(&got, 1), "half");
    cr_assert(byok_str_is(finish_of(&got, got.count - 1), "error"));
    byok_arena_done(&got.arena);
    assert_code("retries", "ok");
    cr_assert_str_eq(sim_result_text(world, "retries", "text"), "echo retries");
    look("alice", "retries", &got);
    cr_assert_str_eq(text_of(&got, 1), "half");
    cr_assert_str_eq(text_of(&got, 2), "echo retries");
    byok_arena_done(&got.arena);
}

static void error_inside(struct sim_world *w, const struct sim_entry *entry,
                         struct sim_answer *answer)
{
    (void)w;
    if (entry->attempt > 1)
        return;
    snprintf(answer->body, sizeof answer->body,
             "data: {\"choices\":[{\"delta\":{\"content\":\"half!\"}}]}\n\n"
             "data: {\"error\":{\"message\":\"busy\",\"code\":\"server_error\"}}\n\n");
}

Test(streaming, an_error_event_after_200_is_an_error_and_is_tried_again)
{
    struct deltas got;
    start();
    world->answer = error_inside;
    stream("alice", "j", "");
    assert_done(60);
    assert_code("j", "ok");
    cr_assert_eq(sim_calls(world, "j"), 2);
    look("alice", "j", &got);
    cr_assert_str_eq(text_of(&got, 1), "half!");
    cr_assert_str_eq(text_of(&got, 2), "echo j");
    byok_arena_done(&got.arena);
}

static void whole(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    (void)entry;
    snprintf(answer->body, sizeof answer->body,
             "{\"choices\":[{\"message\":{\"content\":\"whole\"},\"finish_reason\":\"stop\"}]}");
}

Test(streaming, a_service_that_answers_whole_is_understood)
{
    start();
    world->answer = whole;
    stream("alice", "j", "");
    assert_done(60);
    assert_code("j", "ok");
    cr_assert_str_eq(sim_result_text(world, "j", "text"), "whole");
}

Test(streaming, deltas_that_cannot_be_published_do_not_hold_up_the_result)
{
    start();
    stream("alice", "j", "");
    while (sim_calls(world, "j") == 0) /* its claim needs the broker */
        sim_run_for(world, SIM_S / 200);
    world->cluster.down = true;
    sim_run_for(world, SIM_S);
    world->cluster.down = false;
    assert_done(60);
    assert_code("j", "ok");
    cr_assert_eq(sim_metric(worker, BYOK_METRIC_DELTAS_DROPPED), 1);
}

Test(streaming, what_comes_close_together_is_one_delta)
{
    struct deltas got;
    world->settings.stream_linger_us = SIM_S;
    start();
    stream("alice", "j", "");
    assert_done(10);
    look("alice", "j", &got);
    cr_assert_leq(got.count, 3); /* the first at once, the rest together, and the end */
    cr_assert_str_eq(text_of(&got, 1), "echo j");
    byok_arena_done(&got.arena);
}

Test(streaming, a_capability_that_does_not_stream_is_refused_by_name)
{
    start();
    sim_send(world, "alice",
             "{\"id\":\"j\",\"user\":\"alice\",\"capability\":\"embeddings\",\"provider\":"
             "\"openai\",\"input\":\"Hi\",\"model\":\"m\",\"stream\":true}");
    assert_done(10);
    assert_code("j", "unsupported");
}

Test(streaming, a_call_whose_partition_is_lost_streams_no_more)
{
    struct deltas before, after;
    start();
    stream("alice", "j", "");
    for (int i = 0;
         i < 1000 && world->cluster.topics[BYOK_TOPIC_STREAMS][partition_of("alice")].count == 0;
         i++)
        sim_run_for(world, SIM_S / 200);
    sim_lose(world, partition_of("alice"), NULL);
    sim_run_for(world, 1);
    look("alice", "j", &before);
    sim_run_for(world, 10 * SIM_S);
    look("alice", "j", &after);
    cr_assert_gt(before.count, 0);
    cr_assert_eq(after.count, before.count, "the next owner's deltas have the same numbers");
    byok_arena_done(&before.arena);
    byok_arena_done(&after.arena);
}

/* ---- a provider that spells the key ---- */

static const char *secret;
static int piece_bytes;

static void spell(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    size_t len = 0;
    (void)w;
    if (strcmp(entry->path, "/models") == 0)
        return;
    for (size_t at = 0; at < strlen(secret); at += (size_t)piece_bytes)
        len += (size_t)snprintf(answer->body + len, sizeof answer->body - len,
                                "data: {\"choices\":[{\"delta\":{\"content\":\"%.*s\"}}]}\n\n",
                                piece_bytes, secret + at);
    snprintf(answer->body + len, sizeof answer->body - len,
             "data: {\"choices\":[{\"delta\":{\"content\":\" sk-sim\"},"
             "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
}

Test(streaming, a_key_spelled_over_many_events_is_starred_out)
{
    struct deltas got;
    char want[128], id[16];
    start();
    secret = world->keys[0].secret;
    memset(want, '*', strlen(secret));
    strcpy(want + strlen(secret), " sk-sim"); /* no key: too short, and kept to the end */
    world->answer = spell;
    for (piece_bytes = 1; piece_bytes <= 7; piece_bytes++) {
        snprintf(id, sizeof id, "j%d", piece_bytes);
        stream("alice", id, "");
        assert_done(10);
        assert_code(id, "ok");
        cr_expect_str_eq(sim_result_text(world, id, "text"), want);
        look("alice", id, &got);
        cr_expect_str_eq(text_of(&got, 1), want, "pieces of %d", piece_bytes);
        byok_arena_done(&got.arena);
    }
}

/* In the arguments of a tool the escapes are the text's own, and one event cuts one in two. */
static void spell_in_escapes(struct sim_world *w, const struct sim_entry *entry,
                             struct sim_answer *answer)
{
    size_t len = 0;
    char escapes[512], quoted[32];
    (void)w;
    if (strcmp(entry->path, "/models") == 0)
        return;
    escape(secret, escapes);
    for (size_t at = 0; at < strlen(escapes); at += 5) {
        size_t n = 0;
        for (size_t i = at; i < at + 5 && escapes[i]; i++)
            n += (size_t)snprintf(quoted + n, sizeof quoted - n, escapes[i] == '\\' ? "\\\\" : "%c",
                                  escapes[i]);
        len += (size_t)snprintf(answer->body + len, sizeof answer->body - len,
                                "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,"
                                "\"id\":\"c\",\"function\":{\"name\":\"f\",\"arguments\":"
                                "\"%s%s%s\"}}]}}]}\n\n",
                                at == 0 ? "{\\\"a\\\":\\\"" : "", quoted,
                                at + 5 >= strlen(escapes) ? "\\\"}" : "");
    }
    snprintf(answer->body + len, sizeof answer->body - len, "data: [DONE]\n\n");
}

Test(streaming, a_key_in_the_escapes_of_a_tool_s_arguments_is_starred_out)
{
    struct deltas got;
    char arguments[1024] = "";
    start();
    secret = world->keys[0].secret;
    world->answer = spell_in_escapes;
    stream("alice", "j", "");
    assert_done(10);
    assert_code("j", "ok");
    look("alice", "j", &got);
    for (size_t i = 0; i < got.count; i++) {
        struct byok_str piece =
            byok_value_as_str(byok_value_path(&got.list[i], "tool_call.arguments"));
        strncat(arguments, piece.ptr ? piece.ptr : "", piece.len);
    }
    cr_expect_eq(strspn(arguments + strlen("{\"a\":\""), "*"), 6 * strlen(secret), "%s", arguments);
    cr_expect_str_eq(arguments + strlen(arguments) - 3, "*\"}");
    byok_arena_done(&got.arena);
}

/* ---- a provider that speaks and draws ---- */

static void speak_and_draw(struct sim_world *w, const struct sim_entry *entry,
                           struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") == 0)
        return;
    snprintf(answer->body, sizeof answer->body,
             "data: {\"choices\":[{\"delta\":{\"audio\":{\"transcript\":\"Hi\"}}}]}\n\n"
             "data: {\"choices\":[{\"delta\":{\"audio\":{\"data\":\"AQACAA==\"}}}]}\n\n"
             "data: {\"choices\":[{\"delta\":{\"images\":[{\"image_url\":{\"url\":"
             "\"data:image/png;base64,iVBORw0KGgo=\"}},{\"image_url\":{\"url\":"
             "\"https://example.com/a.png\"}}]}}]}\n\n"
             "data: {\"choices\":[{\"delta\":{\"audio\":{\"data\":\"AwAE\"}},"
             "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
}

/* What all deltas say at a path, in order, joined; each once is the base64 of whole triplets. */
static const char *joined(const struct deltas *deltas, const char *path)
{
    static char text[256];
    text[0] = '\0';
    for (size_t i = 0; i < deltas->count; i++) {
        struct byok_str piece = byok_value_as_str(byok_value_path(&deltas->list[i], path));
        strncat(text, piece.ptr ? piece.ptr : "", piece.len);
    }
    return text;
}

Test(streaming, audio_and_images_of_a_chat_come_as_deltas_and_in_the_result)
{
    struct deltas got;
    world->settings.stream_linger_us = SIM_S; /* so that what belongs together comes together */
    start();
    world->answer = speak_and_draw;
    stream("alice", "j", "");
    assert_done(10);
    assert_code("j", "ok");
    cr_expect_str_eq(sim_result_text(world, "j", "text"), "Hi");
    cr_expect_str_eq(sim_result_text(world, "j", "audio"), "AQACAAMABA==");
    cr_expect_str_eq(sim_result_text(world, "j", "media_type"), "audio/pcm");
    look("alice", "j", &got);
    cr_expect_str_eq(text_of(&got, 1), "Hi");
    const char *audio = joined(&got, "audio");
    cr_expect(strcmp(audio, "AQACAA==AwAE") == 0 || strcmp(audio, "AQACAAMABA==") == 0, "%s",
              audio);
    cr_expect_str_eq(joined(&got, "image.data"), "iVBORw0KGgo=");
    cr_expect_str_eq(joined(&got, "image.media_type"), "image/png");
    cr_expect_str_eq(joined(&got, "image.url"), "https://example.com/a.png");
    byok_arena_done(&got.arena);
}
