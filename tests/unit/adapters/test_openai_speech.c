/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_openai_speech.c - corners of text to speech; whole ones are in
 * tests/golden. */
#include <criterion/criterion.h>

#include "adapters/openai_parts.h"
#include "calls.h"

#define JOB(rest)                                                                                  \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"text\":\"Hi\"" rest "}"

static enum byok_err build(const char *job, const char **body, struct call *c)
{
    struct byok_http_request request;
    call_init(c, "openai", NULL, job);
    enum byok_err err = byok_openai_build_speech(&c->call, &request, &c->fault);
    *body = err == BYOK_E_OK ? request.body.ptr : "";
    return err;
}

Test(openai_speech, names_a_voice_when_the_job_does_not)
{
    struct call c;
    const char *body;
    cr_assert_eq(build(JOB(""), &body, &c), BYOK_E_OK);
    cr_assert_str_eq(body, "{\"model\":\"m\",\"input\":\"Hi\",\"voice\":\"alloy\"}");
    call_done(&c);
}

Test(openai_speech, translates_the_format_or_refuses_it)
{
    static const struct {
        const char *job, *word; /* NULL: refused */
    } cases[] = {
        {JOB(",\"format\":\"mp3\""), "\"mp3\""},   {JOB(",\"format\":\"ogg\""), "\"opus\""},
        {JOB(",\"format\":\"opus\""), "\"opus\""}, {JOB(",\"format\":\"pcm\""), "\"pcm\""},
        {JOB(",\"format\":\"MP3\""), NULL},        {JOB(",\"format\":\"mulaw\""), NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        const char *body;
        enum byok_err err = build(cases[i].job, &body, &c);
        if (cases[i].word)
            cr_expect(err == BYOK_E_OK && strstr(body, cases[i].word), "%s: %s", cases[i].job,
                      body);
        else
            cr_expect(err == BYOK_E_UNSUPPORTED && strstr(c.fault.text, "\"format\""), "%s",
                      c.fault.text);
        call_done(&c);
    }
}

Test(openai_speech, refuses_what_it_cannot_say_or_read)
{
    static const struct {
        const char *job, *named;
    } cases[] = {
        {JOB(",\"language\":\"de\""), "\"language\""},
        {JOB(",\"provider_options\":{\"stream_format\":\"sse\"}"), "\"stream_format\""},
        {JOB(",\"provider_options\":{\"stream\":true}"), "\"stream\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        const char *body;
        cr_expect_eq(build(cases[i].job, &body, &c), BYOK_E_UNSUPPORTED, "%s", cases[i].job);
        cr_expect(strstr(c.fault.text, cases[i].named), "%s", c.fault.text);
        call_done(&c);
    }
    struct call c;
    const char *body;
    cr_assert_eq(build(JOB(",\"provider_options\":{\"stream_format\":\"audio\"}"), &body, &c),
                 BYOK_E_OK);
    call_done(&c);
}

static enum byok_err parse(struct call *c, const char *job, const char *type, const char *body,
                           struct byok_answer *out)
{
    struct byok_http_header header;
    call_init(c, "openai", NULL, job);
    struct byok_http_response response = answer_of(200, type, byok_str_of(body), &header);
    return byok_openai_parse_speech(&c->call, &response, out, &c->fault);
}

Test(openai_speech, json_where_audio_was_asked_for_is_its_error_or_a_bad_answer)
{
    static const struct {
        const char *type, *body;
        enum byok_err code;
    } cases[] = {
        {"application/json", "{\"error\":{\"message\":\"x\",\"code\":\"insufficient_quota\"}}",
         BYOK_E_OUT_OF_MONEY},
        {"audio/mpeg", "{\"error\":{\"message\":\"x\",\"code\":\"insufficient_quota\"}}",
         BYOK_E_OUT_OF_MONEY},
        {"application/json", "{\"error\":{\"message\":\"x\"}}", BYOK_E_BAD_ANSWER},
        {"application/json", "{\"audio\":\"AAAA\"}", BYOK_E_BAD_ANSWER},
        {"application/json", "{\"audio\":\"AA", BYOK_E_BAD_ANSWER},
        {"text/html", "<html>", BYOK_E_BAD_ANSWER},
        {"text/event-stream", "data: {}\n\n", BYOK_E_BAD_ANSWER},
        {"audio/mpeg", "", BYOK_E_BAD_ANSWER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_answer answer;
        cr_expect_eq(parse(&c, JOB(""), cases[i].type, cases[i].body, &answer), cases[i].code,
                     "%zu: %s", i, c.fault.text);
        cr_expect_null(byok_value_find(&answer.output, "audio"), "%zu", i);
        call_done(&c);
    }
}

Test(openai_speech, knows_the_type_by_what_was_asked_for_when_the_answer_does_not_say)
{
    static const struct {
        const char *job, *type;
    } cases[] = {
        {JOB(",\"format\":\"pcm\""), "audio/pcm"},
        {JOB(",\"format\":\"pcm\",\"provider_options\":{\"response_format\":\"aac\"}"),
         "audio/aac"},
        {JOB(""), "application/octet-stream"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_answer answer;
        cr_assert_eq(parse(&c, cases[i].job, "application/octet-stream", "1234", &answer),
                     BYOK_E_OK);
        struct byok_str type = byok_value_as_str(byok_value_find(&answer.output, "media_type"));
        cr_expect(byok_str_is(type, cases[i].type), "%s: %.*s", cases[i].job, BYOK_STR_ARG(type));
        call_done(&c);
    }
}
