/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_stream.c - deltas, their cap, and the whole answer. */
#include <criterion/criterion.h>

#include "adapters/stream.h"
#include "calls.h"

#define CAP_BYTES ((size_t)1 << 16)
#define JOB                                                                                        \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"Hi\",\"stream\":true}"
#define TEXT(t) "data: {\"choices\":[{\"delta\":{\"content\":\"" t "\"}}]}\n\n"
#define STOP "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"

static enum byok_err read_as(struct call *c, const char *body, size_t cap, struct byok_answer *out)
{
    struct byok_http_header header;
    const struct byok_http_response response =
        answer_of(200, "text/event-stream", byok_str_of(body), &header);
    call_init(c, "openai", NULL, JOB);
    return byok_stream_read(&c->call, &response, cap, out, &c->fault);
}

static void assert_err(const char *body, size_t cap, enum byok_err expected)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(read_as(&c, body, cap, &answer), expected, "%s: %s", body, c.fault.text);
    call_done(&c);
}

Test(stream, what_is_no_whole_stream_is_no_answer)
{
    assert_err(TEXT("a") STOP, CAP_BYTES, BYOK_E_OK);
    assert_err(TEXT("a") "data: [DONE]", CAP_BYTES, BYOK_E_OK);
    assert_err(TEXT("a"), CAP_BYTES, BYOK_E_CUT_OFF);
    assert_err("", CAP_BYTES, BYOK_E_CUT_OFF);
    assert_err(TEXT("a") "data: {\"choices\":[{\"del", CAP_BYTES, BYOK_E_CUT_OFF);
    assert_err("data: {\"choices\":[{\"del\n\n" STOP, CAP_BYTES, BYOK_E_BAD_ANSWER);
    assert_err("data: [1]\n\n" STOP, CAP_BYTES, BYOK_E_BAD_ANSWER);
    assert_err("data: {\"error\":{\"message\":\"x\",\"code\":\"server_error\"}}\n\n", CAP_BYTES,
               BYOK_E_SERVER_ERROR);
    assert_err(TEXT("a") "\n{\"error\":{\"message\":\"x\",\"code\":\"server_error\"}}", CAP_BYTES,
               BYOK_E_SERVER_ERROR);
    assert_err("event: error\ndata: {\"message\":\"no\",\"code\":\"insufficient_quota\"}\n\n",
               CAP_BYTES, BYOK_E_OUT_OF_MONEY);
}

Test(stream, more_than_the_cap_is_too_large)
{
    assert_err(TEXT("0123456789") TEXT("0123456789") STOP, sizeof(struct byok_delta) + 20,
               BYOK_E_OK);
    assert_err(TEXT("0123456789") TEXT("0123456789") STOP, sizeof(struct byok_delta) + 19,
               BYOK_E_TOO_LARGE);
}

Test(stream, an_answer_has_the_parts_joined)
{
    struct call c;
    struct byok_answer answer;
    const char *body =
        TEXT("a") "data: {\"model\":\"m1\",\"id\":\"r1\",\"choices\":[{\"delta\":{\"reasoning\":"
                  "\"hm\",\"tool_calls\":[{\"id\":\"t1\",\"function\":{\"name\":\"f\","
                  "\"arguments\":\"{\\\"x\\\":\"}}]}}]}\n\n"
                  "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":"
                  "\"1}\"}}]}}]}\n\n" TEXT("b") STOP;
    cr_assert_eq(read_as(&c, body, CAP_BYTES, &answer), BYOK_E_OK, "%s", c.fault.text);
    struct byok_value expected =
        json_of(&c.arena, byok_str_of("{\"text\":\"ab\",\"tool_calls\":[{\"id\":\"t1\",\"name\":"
                                      "\"f\",\"arguments\":{\"x\":1}}]}"));
    cr_assert(byok_value_equal(&answer.output, &expected));
    cr_assert_eq(answer.finish, BYOK_FINISH_TOOL_CALLS);
    cr_assert(byok_str_is(answer.model, "m1"));
    cr_assert(byok_str_is(answer.provider_request_id, "r1"));
    call_done(&c);
}

Test(stream, json_and_pages_are_no_streams)
{
    struct byok_http_header header;
    struct byok_http_response response =
        answer_of(200, "application/json", byok_str_of(" {\"error\":1}"), &header);
    cr_assert(!byok_stream_is(&response));
    response = answer_of(200, "text/html", byok_str_of("<html>"), &header);
    cr_assert(!byok_stream_is(&response));
    response = answer_of(200, "", byok_str_of("data: {}"), &header);
    cr_assert(byok_stream_is(&response));
    response = answer_of(200, "text/event-stream", byok_str_of(""), &header);
    cr_assert(byok_stream_is(&response));
}

Test(stream, deltas_are_taken_one_by_one_and_make_room)
{
    struct call c;
    const struct byok_http_response response = {.status = 200};
    BYOK_AUTO(byok_stream) stream;
    call_init(&c, "openai", NULL, JOB);
    byok_stream_init(&stream, 1000, &response);
    for (int i = 0; i < 100; i++) {
        enum byok_err err =
            byok_stream_feed(&c.call, &stream, byok_str_of(TEXT("0123456789")), &c.fault);
        cr_assert_eq(err, BYOK_E_OK, "%d: %s", i, c.fault.text);
        struct byok_delta *delta = byok_stream_take(&stream);
        cr_assert(delta && byok_str_is(byok_buf_str(&delta->bytes), "0123456789"));
        byok_delta_free(delta);
        cr_assert_null(byok_stream_take(&stream));
    }
    call_done(&c);
}

#define SPEAK                                                                                      \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"text\":\"Hi\","          \
    "\"stream\":true}"

Test(stream, speech_that_ends_without_audio_is_a_bad_answer)
{
    struct call c;
    struct byok_answer answer;
    struct byok_http_header header;
    const struct byok_http_response response =
        answer_of(200, "text/event-stream", byok_str_of("data: [DONE]\n\n"), &header);
    call_init(&c, "gemini", NULL, SPEAK);
    cr_expect_eq(byok_stream_read(&c.call, &response, CAP_BYTES, &answer, &c.fault),
                 BYOK_E_BAD_ANSWER);
    call_done(&c);
}

Test(stream, media_count_towards_the_cap)
{
    static const char image[] =
        "data: {\"choices\":[{\"delta\":{\"images\":[{\"image_url\":{\"url\":"
        "\"data:image/png;base64,AAAAAAAA\"}}]}}]}\n\n" STOP;
    const size_t bytes = sizeof(struct byok_delta) + strlen("image/png") + 6;
    assert_err(image, bytes, BYOK_E_OK);
    assert_err(image, bytes - 1, BYOK_E_TOO_LARGE);
}
