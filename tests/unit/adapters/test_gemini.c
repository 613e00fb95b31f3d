/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_gemini.c - the corners that tests/golden/gemini does not have. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/gemini_parts.h"
#include "calls.h"

#define JOB(capability, members)                                                                   \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"" capability "\"," members "}"
#define CHAT(members) JOB("chat", members)
#define MESSAGES(list) CHAT("\"messages\":[" list "]")
#define IMAGE(members) JOB("image_generation", "\"prompt\":\"x\"," members)
#define EMBEDDINGS(members) JOB("embeddings", "\"input\":\"x\"," members)
#define IMAGEN "\"model\":\"imagen-4\","

static enum byok_err build(struct call *c, const char *job, struct byok_http_request *out)
{
    return call_build(c, "gemini", job, out);
}

Test(gemini, refuses_by_name_what_it_cannot_say)
{
    static const struct {
        const char *job, *names;
    } jobs[] = {
        {CHAT("\"prompt\":\"x\",\"response_format\":\"xml\""), "\"response_format\""},
        {CHAT("\"prompt\":\"x\",\"tool_choice\":{\"type\":\"x\"}"), "\"tool_choice\""},
        {CHAT("\"prompt\":\"x\",\"tools\":[7]"), "\"tools\""},
        {CHAT("\"prompt\":\"x\",\"tools\":[{\"name\":\"f\",\"strict\":true}]"), "\"strict\""},
        {CHAT("\"prompt\":\"x\",\"tools\":[{\"name\":\"f\",\"y\":1}]"), "\"y\""},
        {MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\",\"y\":1}]}"),
         "\"y\""},
        {CHAT("\"prompt\":\"x\",\"tools\":[{\"type\":\"custom\",\"name\":\"f\"}]"), "\"tools\""},
        {CHAT(
             "\"prompt\":\"x\",\"provider_options\":{\"generationConfig\":{\"candidateCount\":2}}"),
         "candidateCount"},
        {MESSAGES("{\"role\":\"user\",\"content\":\"x\",\"name\":\"n\"}"), "\"name\""},
        {MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"x\"}"), "\"name\""},
        {MESSAGES("{\"role\":\"tool\",\"name\":\"f\",\"content\":[{\"type\":\"image\"}]}"), "text"},
        {MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"thinking\"}]}"), "a part must be"},
        {MESSAGES("{\"role\":\"user\",\"content\":[{\"type\":\"document\",\"title\":\"t\","
                  "\"media_type\":\"application/pdf\",\"data\":\"AAAA\"}]}"),
         "title"},
        {JOB("text_to_speech", "\"text\":\"x\",\"format\":\"mp3\""), "\"format\""},
        {JOB("text_to_speech", "\"text\":\"x\",\"speed\":2"), "\"speed\""},
        {JOB("text_to_speech", "\"text\":\"x\",\"stream\":true,\"format\":\"wav\""), "\"stream\""},
        {IMAGE("\"size\":\"1024x1536\""), "\"size\""},
        {IMAGE("\"size\":\"16:\""), "\"size\""},
        {IMAGE("\"size\":\"1:1:1\""), "\"size\""},
        {IMAGE("\"count\":2"), "\"count\""},
        {IMAGE("\"format\":\"png\""), "\"format\""},
        {IMAGE("\"quality\":\"high\""), "\"quality\""},
        {IMAGE(IMAGEN "\"format\":\"webp\""), "\"format\""},
        {EMBEDDINGS("\"input_type\":\"poem\""), "\"input_type\""},
        {EMBEDDINGS("\"model\":\"gemini-embedding-2\",\"input_type\":\"query\""), "\"input_type\""},
    };
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        struct call c;
        struct byok_http_request request;
        cr_expect_eq(build(&c, jobs[i].job, &request), BYOK_E_UNSUPPORTED, "%s", jobs[i].job);
        cr_expect(strstr(c.fault.text, jobs[i].names), "%s: %s", jobs[i].job, c.fault.text);
        call_done(&c);
    }
}

Test(gemini, more_texts_than_a_batch_holds_are_refused)
{
    BYOK_AUTO(byok_buf) job = {.cap_bytes = 4096};
    byok_buf_printf(&job, "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"embeddings\","
                          "\"input\":[\"x\"");
    for (int i = 0; i < 100; i++)
        byok_buf_printf(&job, ",\"x\"");
    byok_buf_printf(&job, "]}%c", '\0');
    struct call c;
    struct byok_http_request request;
    cr_assert_eq(build(&c, job.ptr, &request), BYOK_E_BAD_REQUEST);
    cr_assert(strstr(c.fault.text, "here are 101"), "%s", c.fault.text);
    call_done(&c);
}

Test(gemini, a_model_stays_one_segment_of_the_path)
{
    static const struct {
        const char *model, *url;
    } models[] = {
        {"models/a", "/v1beta/models/a:generateContent"},
        {"models/models/a", "/v1beta/models/models%2Fa:generateContent"},
        {"..", "/v1beta/models/..:generateContent"},
        {"a/../../b?key=c#d", "/v1beta/models/a%2F..%2F..%2Fb%3Fkey%3Dc%23d:generateContent"},
        {"a:b@c%2f", "/v1beta/models/a%3Ab%40c%252f:generateContent"},
    };
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct call c;
        struct byok_http_request request;
        call_init(&c, "gemini", NULL, NULL);
        c.call.model = byok_str_of(models[i].model);
        cr_assert_eq(byok_gemini_build_chat(&c.call, &request, &c.fault), BYOK_E_OK);
        cr_expect_str_eq(request.url.ptr + strlen("https://generativelanguage.googleapis.com"),
                         models[i].url);
        call_done(&c);
    }
}

Test(gemini, a_result_finds_the_name_of_its_call)
{
    struct call c;
    struct byok_http_request request;
    cr_assert_eq(build(&c,
                       MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"name\":"
                                "\"f\"}]},{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":"
                                "\"x\"}"),
                       &request),
                 BYOK_E_OK, "%s", c.fault.text);
    struct byok_value body = json_of(&c.arena, request.body);
    const struct byok_value *last = &byok_value_find(&body, "contents")->as.items[1];
    const struct byok_value *part = &byok_value_find(last, "parts")->as.items[0];
    cr_assert(byok_str_is(byok_value_as_str(byok_value_path(part, "functionResponse.name")), "f"));
    call_done(&c);
}

static enum byok_err parse(struct call *c, const char *job, const char *body,
                           struct byok_answer *out)
{
    return call_parse(c, "gemini", job, body, out);
}

Test(gemini, vectors_must_be_as_many_and_as_long_as_was_asked_for)
{
    static const char *const answers[] = {
        "{\"embeddings\":[]}",
        "{\"embeddings\":[{\"values\":[]}]}",
        "{\"embeddings\":[{\"values\":[1,\"2\"]}]}",
        "{\"embeddings\":[{\"values\":[1,2,3]}]}",
        "{\"embeddings\":[{\"values\":[1,2]},{\"values\":[1,2]}]}",
        "{\"embeddings\":{\"values\":[1,2]}}",
    };
    struct byok_answer answer;
    struct call c;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        cr_expect_eq(parse(&c, EMBEDDINGS("\"dimensions\":2"), answers[i], &answer),
                     BYOK_E_BAD_ANSWER, "%s", answers[i]);
        call_done(&c);
    }
    cr_assert_eq(
        parse(&c, EMBEDDINGS("\"dimensions\":2"), "{\"embeddings\":[{\"values\":[1,2]}]}", &answer),
        BYOK_E_OK);
    call_done(&c);
}

Test(gemini, speech_without_samples_is_no_answer)
{
    static const char *const answers[] = {
        "{\"candidates\":[{\"finishReason\":\"STOP\"}]}",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/L16\","
        "\"data\":\"\"}}]}}]}",
        "{\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"mimeType\":\"audio/L16\","
        "\"data\":\"?\"}}]}}]}",
    };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct byok_answer answer;
        struct call c;
        cr_expect_eq(parse(&c, JOB("text_to_speech", "\"text\":\"x\""), answers[i], &answer),
                     BYOK_E_BAD_ANSWER, "%s", answers[i]);
        call_done(&c);
    }
}

Test(gemini, speech_that_is_no_pcm_stays_what_it_is)
{
    struct byok_answer answer;
    struct call c;
    cr_assert_eq(parse(&c, JOB("text_to_speech", "\"text\":\"x\""),
                       "{\"candidates\":[{\"content\":{\"parts\":[{\"inlineData\":{\"mimeType\":"
                       "\"audio/mpeg\",\"data\":\"SUQz\"}}]}}]}",
                       &answer),
                 BYOK_E_OK);
    cr_assert(byok_str_is(byok_value_find(&answer.output, "audio")->as.str, "ID3"));
    cr_assert(byok_str_is(byok_value_as_str(byok_value_find(&answer.output, "media_type")),
                          "audio/mpeg"));
    cr_assert_eq(answer.usage.milliseconds, -1);
    call_done(&c);
}

Test(gemini, an_image_always_has_a_type)
{
    static const struct {
        const char *base64, *type;
    } images[] = {{"/9j/AAAA", "image/jpeg"}, {"AAAA", "image/png"}};
    for (size_t i = 0; i < sizeof images / sizeof images[0]; i++) {
        struct byok_answer answer;
        struct call c;
        char body[128];
        snprintf(body, sizeof body, "{\"predictions\":[{\"bytesBase64Encoded\":\"%s\"}]}",
                 images[i].base64);
        cr_assert_eq(parse(&c, IMAGE("\"model\":\"imagen-4\""), body, &answer), BYOK_E_OK);
        const struct byok_value *image = &byok_value_find(&answer.output, "images")->as.items[0];
        cr_expect(
            byok_str_is(byok_value_as_str(byok_value_find(image, "media_type")), images[i].type));
        call_done(&c);
    }
}
