/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_elevenlabs.c - corners of ElevenLabs; whole calls and answers are in
 * tests/golden. */
#include <criterion/criterion.h>

#include "adapters/elevenlabs_parts.h"
#include "calls.h"

#define SPEAK(rest)                                                                                \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"text\":\"Hi\"" rest "}"
#define LISTEN(rest)                                                                               \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"speech_to_text\",\"audio\":\"AAAA\"" rest "}"

static enum byok_err build(struct call *c, const char *job, struct byok_http_request *out)
{
    enum byok_err err = call_build(c, "elevenlabs", job, out);
    if (err == BYOK_E_OK)
        join_body(&c->arena, out);
    return err;
}

static bool holds(struct byok_str text, const char *word)
{
    return byok_str_find(text, byok_str_of(word)) < text.len;
}

Test(elevenlabs, refuses_by_name_what_it_cannot_say)
{
    static const struct {
        const char *job, *name;
    } cases[] = {
        {SPEAK(",\"format\":\"flac\""), "format"},
        {SPEAK(",\"format\":\"mp3-22050\""), "format"},
        {SPEAK(",\"stream\":true,\"format\":\"wav\""), "format"},
        {SPEAK(",\"stream\":true,\"format\":\"wav_44100\""), "format"},
        {LISTEN(",\"timestamps\":\"segment\""), "timestamps"},
        {LISTEN(",\"media_type\":\"sound\""), "media_type"},
        {LISTEN(",\"provider_options\":{\"webhook\":true}"), "webhook"},
        {LISTEN(",\"provider_options\":{\"cloud_storage_url\":\"https://x\"}"),
         "cloud_storage_url"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_http_request request;
        cr_expect_eq(build(&c, cases[i].job, &request), BYOK_E_UNSUPPORTED, "%s", cases[i].job);
        cr_expect(strstr(c.fault.text, cases[i].name), "%s", c.fault.text);
        call_done(&c);
    }
}

Test(elevenlabs, a_voice_is_one_segment_of_the_path)
{
    struct call c;
    struct byok_http_request request;
    cr_assert_eq(build(&c, SPEAK(",\"voice\":\"../../v1/user?x=#\""), &request), BYOK_E_OK);
    cr_expect_str_eq(request.url.ptr, "https://api.elevenlabs.io/v1/text-to-speech/"
                                      "..%2F..%2Fv1%2Fuser%3Fx%3D%23");
    call_done(&c);
}

Test(elevenlabs, is_told_what_is_said_around_a_part)
{
    static const struct {
        const char *model;
        uint32_t most;
        bool told;
    } cases[] = {{"eleven_multilingual_v2", 10000, true},
                 {"eleven_flash_v2_5", 40000, true},
                 {"eleven_turbo_v2", 30000, true},
                 {"eleven_v3", 5000, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_http_request request;
        (void)build(&c, SPEAK(""), &request);
        const struct byok_adapter_ops *ops = &c.provider.adapter->ops[BYOK_TEXT_TO_SPEECH];
        c.call.model = byok_str_of(cases[i].model);
        c.call.before = byok_str_of("So far.");
        c.call.after = byok_str_of("And on.");
        cr_assert_eq(ops->build(&c.call, &request, &c.fault), BYOK_E_OK);
        cr_expect_eq(holds(request.body, "\"previous_text\":\"So far.\""), cases[i].told);
        cr_expect_eq(holds(request.body, "\"next_text\":\"And on.\""), cases[i].told);
        cr_expect_eq(ops->text_max(c.call.model), cases[i].most);
        call_done(&c);
    }
}

Test(elevenlabs, sends_a_form_with_the_audio_and_its_settings)
{
    struct call c;
    struct byok_http_request request;
    cr_assert_eq(build(&c,
                       LISTEN(",\"language\":\"de\",\"diarize\":true,\"media_type\":\"audio/wav\","
                              "\"provider_options\":{\"num_speakers\":2,\"keyterms\":[\"a\",\"b\"],"
                              "\"tag_audio_events\":null,\"enable_logging\":false}"),
                       &request),
                 BYOK_E_OK);
    static const char *const parts[] = {
        "name=\"model_id\"\r\n\r\nm\r\n",     "name=\"language_code\"\r\n\r\nde\r\n",
        "name=\"diarize\"\r\n\r\ntrue\r\n",   "name=\"timestamps_granularity\"\r\n\r\nword\r\n",
        "name=\"num_speakers\"\r\n\r\n2\r\n", "name=\"keyterms\"\r\n\r\na\r\n",
        "name=\"keyterms\"\r\n\r\nb\r\n",     "name=\"file\"; filename=\"audio.wav\"",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        cr_expect(holds(request.body, parts[i]), "%s", parts[i]);
    cr_expect_not(holds(request.body, "tag_audio_events"));
    cr_expect_not(holds(request.body, "enable_logging"));
    cr_expect_str_eq(request.url.ptr,
                     "https://api.elevenlabs.io/v1/speech-to-text?enable_logging=false");
    call_done(&c);
}

static enum byok_err parse(struct call *c, const char *job, const char *body,
                           struct byok_answer *out)
{
    return call_parse(c, "elevenlabs", job, body, out);
}

static const char talk[] =
    "{\"language_code\":\"eng\",\"text\":\"Hi you. Yes.\",\"words\":["
    "{\"text\":\" \",\"type\":\"spacing\"},"
    "{\"text\":\"Hi\",\"start\":0.5,\"end\":1,\"type\":\"word\",\"speaker_id\":\"speaker_0\"},"
    "{\"text\":\" \",\"start\":1,\"end\":1,\"type\":\"spacing\",\"speaker_id\":\"speaker_0\"},"
    "{\"text\":\"you.\",\"start\":1,\"end\":1.5,\"type\":\"word\",\"speaker_id\":\"speaker_0\"},"
    "{\"text\":\" \",\"start\":1.5,\"end\":2,\"type\":\"spacing\",\"speaker_id\":\"speaker_0\"},"
    "{\"text\":\"Yes.\",\"start\":2,\"end\":2.5,\"type\":\"word\",\"speaker_id\":\"speaker_1\"}]}";

Test(elevenlabs, what_one_speaker_says_in_a_row_is_a_segment)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, LISTEN(",\"diarize\":true"), talk, &answer), BYOK_E_OK);
    struct byok_value expected =
        json_of(&c.arena, byok_str_of("[{\"text\":\"Hi you.\",\"start\":0.5,\"end\":1.5,"
                                      "\"speaker\":\"speaker_0\"},{\"text\":\"Yes.\",\"start\":2.0,"
                                      "\"end\":2.5,\"speaker\":\"speaker_1\"}]"));
    cr_expect(byok_value_equal(byok_value_find(&answer.output, "segments"), &expected));
    cr_expect_eq(byok_value_find(&answer.output, "words")->count, 3);
    call_done(&c);
}

Test(elevenlabs, gives_words_only_when_they_were_asked_for)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, LISTEN(""), talk, &answer), BYOK_E_OK);
    cr_expect_null(byok_value_find(&answer.output, "words"));
    cr_expect_null(byok_value_find(&answer.output, "segments"));
    call_done(&c);
}

Test(elevenlabs, joins_the_channels_that_an_option_asked_for)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(
        parse(&c, LISTEN(""), "{\"transcripts\":[{\"text\":\"One\"},{\"text\":\"Two\"}]}", &answer),
        BYOK_E_OK);
    cr_expect(byok_str_is(byok_value_as_str(byok_value_find(&answer.output, "text")), "One\nTwo"));
    call_done(&c);
    cr_assert_eq(parse(&c, LISTEN(""), "{\"transcripts\":[]}", &answer), BYOK_E_BAD_ANSWER);
    call_done(&c);
}

static enum byok_err code_of(int status, const char *body, const char *now, const char *most)
{
    struct call c;
    const struct byok_http_header headers[] = {
        {BYOK_STR("current-concurrent-requests"), byok_str_of(now)},
        {BYOK_STR("maximum-concurrent-requests"), byok_str_of(most)},
    };
    const struct byok_http_response response = {
        .status = status, .headers = headers, .header_count = 2, .body = byok_str_of(body)};
    call_init(&c, "elevenlabs", NULL, SPEAK(""));
    c.provider.adapter->classify(&c.call, &response, &c.fault);
    enum byok_err code = c.fault.code;
    call_done(&c);
    return code;
}

#define STATUS(word) "{\"detail\":{\"status\":\"" word "\",\"message\":\"x\"}}"

Test(elevenlabs, a_429_is_three_things)
{
    cr_expect_eq(code_of(429, STATUS("too_many_concurrent_requests"), "", ""),
                 BYOK_E_CONCURRENCY_LIMITED);
    cr_expect_eq(code_of(429, STATUS("system_busy"), "5", "5"), BYOK_E_OVERLOADED);
    cr_expect_eq(code_of(429, "{}", "5", "5"), BYOK_E_CONCURRENCY_LIMITED);
    cr_expect_eq(code_of(429, "{}", "4", "5"), BYOK_E_RATE_LIMITED);
    cr_expect_eq(code_of(429, "{}", "", ""), BYOK_E_RATE_LIMITED);
}

Test(elevenlabs, a_401_is_not_always_a_bad_key)
{
    cr_expect_eq(code_of(401, STATUS("invalid_api_key"), "", ""), BYOK_E_KEY_INVALID);
    cr_expect_eq(code_of(401, STATUS("quota_exceeded"), "", ""), BYOK_E_OUT_OF_MONEY);
    cr_expect_eq(code_of(401, STATUS("missing_permissions"), "", ""), BYOK_E_PERMISSION);
    cr_expect_eq(code_of(401, STATUS("detected_unusual_activity"), "", ""), BYOK_E_PERMISSION);
    cr_expect_eq(code_of(401, "", "", ""), BYOK_E_KEY_INVALID);
}
