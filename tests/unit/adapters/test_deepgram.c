/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_deepgram.c - corners of Deepgram; whole calls and answers are in
 * tests/golden. */
#include <criterion/criterion.h>

#include "adapters/deepgram_parts.h"
#include "calls.h"

#define SPEAK(rest)                                                                                \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"text\":\"Hi\"" rest "}"
#define LISTEN(rest)                                                                               \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"speech_to_text\",\"audio\":\"AAAA\"" rest "}"

static enum byok_err build(struct call *c, const char *job, struct byok_http_request *out)
{
    return call_build(c, "deepgram", job, out);
}

Test(deepgram, refuses_by_name_what_it_cannot_say)
{
    static const struct {
        const char *job, *name;
    } cases[] = {
        {SPEAK(",\"format\":\"midi\""), "format"},
        {SPEAK(",\"language\":\"de\""), "language"},
        {SPEAK(",\"voice\":\"aura-2-thalia-en\",\"language\":\"de\""), "language"},
        {SPEAK(",\"provider_options\":{\"callback\":\"https://x\"}"), "callback"},
        {LISTEN(",\"timestamps\":\"character\""), "timestamps"},
        {LISTEN(",\"media_type\":\"sound\""), "media_type"},
        {LISTEN(",\"provider_options\":{\"callback\":\"https://x\"}"), "callback"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_http_request request;
        cr_expect_eq(build(&c, cases[i].job, &request), BYOK_E_UNSUPPORTED, "%s", cases[i].job);
        cr_expect(strstr(c.fault.text, cases[i].name), "%s", c.fault.text);
        call_done(&c);
    }
}

Test(deepgram, sends_the_audio_as_it_is)
{
    struct call c;
    struct byok_http_request request;
    cr_assert_eq(build(&c, LISTEN(""), &request), BYOK_E_OK);
    cr_assert_eq(request.body.len, 3);
    cr_assert_eq(memcmp(request.body.ptr, "\0\0\0", 3), 0);
    call_done(&c);
}

static enum byok_err parse(struct call *c, const char *job, const char *body,
                           struct byok_answer *out)
{
    return call_parse(c, "deepgram", job, body, out);
}

Test(deepgram, gives_words_only_when_they_were_asked_for)
{
    static const char body[] =
        "{\"results\":{\"channels\":[{\"alternatives\":[{\"transcript\":\"Hi.\",\"words\":["
        "{\"word\":\"hi\",\"start\":0,\"end\":0.5}]}]}]}}";
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, LISTEN(""), body, &answer), BYOK_E_OK);
    cr_expect_null(byok_value_find(&answer.output, "words"));
    call_done(&c);
    cr_assert_eq(parse(&c, LISTEN(",\"timestamps\":true"), body, &answer), BYOK_E_OK);
    cr_expect_eq(byok_value_find(&answer.output, "words")->count, 1);
    cr_expect_null(byok_value_find(&answer.output, "segments"));
    call_done(&c);
}

Test(deepgram, joins_the_channels_that_an_option_asked_for)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, LISTEN(""),
                       "{\"metadata\":{\"duration\":2},\"results\":{\"channels\":["
                       "{\"alternatives\":[{\"transcript\":\"One\"}]},"
                       "{\"alternatives\":[{\"transcript\":\"Two\"}]}]}}",
                       &answer),
                 BYOK_E_OK);
    cr_expect(byok_str_is(byok_value_as_str(byok_value_find(&answer.output, "text")), "One\nTwo"));
    cr_expect_eq(answer.usage.milliseconds, 2000);
    call_done(&c);
}

Test(deepgram, keeps_what_was_billed_of_an_answer_without_transcript)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, LISTEN(""), "{\"metadata\":{\"duration\":2},\"results\":{}}", &answer),
                 BYOK_E_BAD_ANSWER);
    cr_expect_eq(answer.usage.milliseconds, 2000);
    call_done(&c);
}
