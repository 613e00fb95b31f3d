/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_openai_transcription.c - corners of speech to text; whole ones are in
 * tests/golden. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/openai_parts.h"
#include "calls.h"

#define JOB(rest) "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"speech_to_text\"," rest "}"
#define AUDIO "\"audio\":\"AAAA\""

static enum byok_err build(struct call *c, const char *job, struct byok_http_request *request)
{
    call_init(c, "openai", NULL, job);
    enum byok_err err = byok_openai_build_transcription(&c->call, request, &c->fault);
    if (err == BYOK_E_OK)
        join_body(&c->arena, request);
    return err;
}

static bool holds(struct byok_str text, const char *part)
{
    return byok_str_find(text, byok_str_of(part)) < text.len;
}

Test(openai_transcription, names_the_file_by_what_the_audio_is)
{
    static const struct {
        const char *job, *file, *type;
    } cases[] = {
        {JOB("\"audio\":\"SUQzBA==\""), "audio.mp3", "audio/mpeg"},
        {JOB("\"audio\":\"T2dnUwA=\""), "audio.ogg", "audio/ogg"},
        {JOB("\"audio\":\"T2dnUwA=\",\"media_type\":\"audio/flac\""), "audio.flac", "audio/flac"},
        {JOB(AUDIO ",\"media_type\":\"audio/x-wav\""), "audio.wav", "audio/wav"},
        {JOB(AUDIO ",\"media_type\":\"audio/amr\""), "audio", "audio/amr"},
        {JOB(AUDIO), "audio", "application/octet-stream"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_http_request request;
        char head[128];
        cr_assert_eq(build(&c, cases[i].job, &request), BYOK_E_OK, "%s", c.fault.text);
        snprintf(head, sizeof head, "filename=\"%s\"\r\nContent-Type: %s\r\n", cases[i].file,
                 cases[i].type);
        cr_expect(holds(request.body, head), "%s", cases[i].job);
        call_done(&c);
    }
}

Test(openai_transcription, asks_for_the_format_that_holds_what_the_job_wants)
{
    static const struct {
        const char *job, *format, *granularity;
    } cases[] = {
        {JOB(AUDIO), "json", NULL},
        {JOB(AUDIO ",\"timestamps\":false,\"diarize\":false"), "json", NULL},
        {JOB(AUDIO ",\"timestamps\":true"), "verbose_json", "segment"},
        {JOB(AUDIO ",\"timestamps\":\"segment\""), "verbose_json", "segment"},
        {JOB(AUDIO ",\"timestamps\":\"word\""), "verbose_json", "word"},
        {JOB(AUDIO ",\"diarize\":true"), "diarized_json", NULL},
        {JOB(AUDIO ",\"diarize\":true,\"timestamps\":true"), "diarized_json", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_http_request request;
        char field[128];
        cr_assert_eq(build(&c, cases[i].job, &request), BYOK_E_OK, "%s", c.fault.text);
        snprintf(field, sizeof field, "name=\"response_format\"\r\n\r\n%s\r\n", cases[i].format);
        cr_expect(holds(request.body, field), "%s", cases[i].job);
        snprintf(field, sizeof field, "name=\"timestamp_granularities[]\"\r\n\r\n%s",
                 cases[i].granularity ? cases[i].granularity : "");
        cr_expect_eq(holds(request.body, field), cases[i].granularity != NULL, "%s", cases[i].job);
        call_done(&c);
    }
}

Test(openai_transcription, refuses_by_name_what_it_cannot_say)
{
    static const struct {
        const char *job, *named;
    } cases[] = {
        {JOB(AUDIO ",\"timestamps\":\"character\""), "\"timestamps\""},
        {JOB(AUDIO ",\"timestamps\":\"word\",\"diarize\":true"), "\"timestamps\""},
        {JOB(AUDIO ",\"media_type\":\"x\""), "\"media_type\""},
        {JOB(AUDIO ",\"media_type\":\"audio/amr\\u00e9\""), "\"media_type\""},
        {JOB(AUDIO ",\"provider_options\":{\"stream\":true}"), "\"stream\""},
        {JOB(AUDIO ",\"provider_options\":{\"file\":\"x\"}"), "\"file\""},
        {JOB(AUDIO ",\"stream\":true,\"diarize\":true"), "\"stream\""},
        {JOB(AUDIO ",\"stream\":true,\"timestamps\":true"), "\"stream\""},
        {JOB(AUDIO ",\"stream\":true,\"provider_options\":{\"response_format\":\"srt\"}"),
         "\"stream\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_http_request request;
        cr_expect_eq(build(&c, cases[i].job, &request), BYOK_E_UNSUPPORTED, "%s", cases[i].job);
        cr_expect(strstr(c.fault.text, cases[i].named), "%s", c.fault.text);
        call_done(&c);
    }
}

Test(openai_transcription, keeps_its_content_type_under_configured_headers)
{
    static const struct byok_http_header extra[] = {
        {BYOK_STR("content-type"), BYOK_STR("application/json")}};
    struct call c;
    struct byok_http_request request;
    call_init(&c, "openai", NULL, JOB(AUDIO));
    c.provider.extra_headers = extra;
    c.provider.extra_header_count = 1;
    cr_assert_eq(byok_openai_build_transcription(&c.call, &request, &c.fault), BYOK_E_OK);
    size_t types = 0;
    for (size_t i = 0; i < request.header_count; i++) {
        if (!byok_str_eq_nocase(request.headers[i].name, byok_str_of("content-type")))
            continue;
        types++;
        cr_expect(holds(request.headers[i].value, "multipart/form-data; boundary="));
    }
    cr_assert_eq(types, 1);
    call_done(&c);
}

static enum byok_err parse(struct call *c, const char *job, const char *type, const char *body,
                           struct byok_answer *out)
{
    struct byok_http_header header;
    call_init(c, "openai", NULL, job);
    struct byok_http_response response = answer_of(200, type, byok_str_of(body), &header);
    return byok_openai_parse_transcription(&c->call, &response, out, &c->fault);
}

Test(openai_transcription, an_answer_without_a_transcript_is_a_bad_answer)
{
    static const char *const bodies[] = {
        "{\"text\":null}",
        "{\"text\":[\"x\"]}",
        "{\"text\":\"x\",\"segments\":[1]}",
        "{\"text\":\"x\",\"segments\":[{\"start\":1}]}",
        "{\"text\":\"x\",\"words\":[{\"text\":\"x\"}]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct call c;
        struct byok_answer answer;
        cr_expect_eq(parse(&c, JOB(AUDIO), "application/json", bodies[i], &answer),
                     BYOK_E_BAD_ANSWER, "%s", bodies[i]);
        call_done(&c);
    }
}

Test(openai_transcription, silence_is_an_empty_text)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, JOB(AUDIO), "application/json",
                       "{\"text\":\"\",\"segments\":{},\"words\":null,\"duration\":0}", &answer),
                 BYOK_E_OK);
    cr_assert(byok_value_is(byok_value_find(&answer.output, "text"), BYOK_VALUE_STRING));
    cr_assert_null(byok_value_find(&answer.output, "segments"));
    cr_assert_eq(answer.usage.milliseconds, 0);
    call_done(&c);
}

Test(openai_transcription, times_that_are_none_are_left_out)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, JOB(AUDIO), "application/json",
                       "{\"text\":\"x\",\"duration\":-1,"
                       "\"words\":[{\"word\":\"x\",\"start\":-1,\"end\":1e300,\"speaker\":3}]}",
                       &answer),
                 BYOK_E_OK);
    cr_assert_eq(byok_value_find(&answer.output, "words")->as.items[0].count, 1);
    cr_assert_eq(answer.usage.milliseconds, -1);
    call_done(&c);
}

Test(openai_transcription, a_text_that_was_asked_for_is_taken_as_it_is)
{
    static const char job[] = JOB(AUDIO ",\"provider_options\":{\"response_format\":\"vtt\"}");
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, job, "text/vtt", "WEBVTT\n\n\xff", &answer), BYOK_E_OK);
    cr_assert(byok_str_is(byok_value_as_str(byok_value_find(&answer.output, "text")),
                          "WEBVTT\n\n\xEF\xBF\xBD"));
    call_done(&c);
    cr_assert_eq(parse(&c, job, "text/html", "<p>", &answer), BYOK_E_BAD_ANSWER);
    call_done(&c);
    cr_assert_eq(parse(&c, job, "application/json",
                       "{\"error\":{\"message\":\"x\",\"code\":\"insufficient_quota\"}}", &answer),
                 BYOK_E_OUT_OF_MONEY);
    call_done(&c);
}

Test(openai_transcription, mistral_does_not_stream_where_it_transcribes)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "openai", "https://api.mistral.ai/v1", JOB(AUDIO ",\"stream\":true"));
    cr_expect_eq(byok_openai_build_transcription(&c.call, &request, &c.fault), BYOK_E_UNSUPPORTED);
    cr_expect(strstr(c.fault.text, "\"stream\""), "%s", c.fault.text);
    call_done(&c);
}
