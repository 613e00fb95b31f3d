/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_cohere.c - corners of Cohere; whole calls and answers are in
 * tests/golden. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/cohere_parts.h"
#include "calls.h"

#define EMBED(rest) "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"embeddings\"," rest "}"
#define CHAT(rest) "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\"," rest "}"

static enum byok_err build(const char *job, struct byok_fault *fault)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "cohere", NULL, job);
    enum byok_err err =
        c.provider.adapter->ops[c.request.capability].build(&c.call, &request, fault);
    call_done(&c);
    return err;
}

Test(cohere, refuses_by_name_what_it_cannot_say_or_read)
{
    static const struct {
        const char *job, *name;
    } cases[] = {
        {EMBED("\"input\":\"a\",\"input_type\":\"poem\""), "input_type"},
        {CHAT("\"prompt\":\"a\",\"tool_choice\":\"weather\""), "tool_choice"},
        {CHAT("\"prompt\":\"a\",\"response_format\":\"xml\""), "response_format"},
        {CHAT("\"prompt\":\"a\",\"provider_options\":{\"stream\":true}"), "stream"},
        {CHAT("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"audio\",\"media_type\":"
              "\"audio/wav\",\"data\":\"AAAA\"}]}]"),
         "messages"},
        {CHAT("\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"name\":\"n\"}]"), "\"name\""},
        {CHAT("\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"x\","
              "\"is_error\":true}]"),
         "\"is_error\""},
        {CHAT("\"prompt\":\"a\",\"tools\":[{\"name\":\"f\",\"strict\":true}]"), "\"strict\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_fault fault = {.code = BYOK_E_OK};
        cr_expect_eq(build(cases[i].job, &fault), BYOK_E_UNSUPPORTED, "%s", cases[i].job);
        cr_expect(strstr(fault.text, cases[i].name), "%s", fault.text);
    }
}

Test(cohere, takes_at_most_96_texts)
{
    for (uint32_t count = 96; count <= 97; count++) {
        struct call c;
        struct byok_http_request request;
        struct byok_value list = byok_value_array();
        call_init(&c, "cohere", NULL, EMBED("\"input\":\"a\""));
        for (uint32_t i = 0; i < count; i++)
            byok_value_push(&c.arena, &list, byok_value_text("a"));
        byok_kit_put(&c.arena, &c.request.root, (struct byok_str)BYOK_STR("input"), list);
        cr_expect_eq(byok_cohere_build_embeddings(&c.call, &request, &c.fault),
                     count == 96 ? BYOK_E_OK : BYOK_E_BAD_REQUEST);
        call_done(&c);
    }
}

static enum byok_err parse(const char *job, const char *body, struct byok_answer *out,
                           struct call *c)
{
    return call_parse(c, "cohere", job, body, out);
}

Test(cohere, calls_vectors_that_were_not_asked_for_a_bad_answer)
{
    static const char *const bodies[] = {
        "{\"embeddings\":{\"float\":[[1]]}}",
        "{\"embeddings\":{\"float\":[[1],[1],[1]]}}",
        "{\"embeddings\":{\"float\":[[1],[1,2]]}}",
        "{\"embeddings\":{\"float\":[[],[]]}}",
        "{\"embeddings\":{\"float\":[[1],[\"1\"]]}}",
        "{\"embeddings\":{\"float\":[[1,2,3],[1,2,3]]}}",
        "{\"embeddings\":[[1,2],[1]]}",
        "{\"embeddings\":{\"base64\":[\"AAAA\",\"AAAA\"]}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct call c;
        struct byok_answer answer;
        cr_expect_eq(
            parse(EMBED("\"input\":[\"a\",\"b\"],\"dimensions\":2"), bodies[i], &answer, &c),
            BYOK_E_BAD_ANSWER, "%s", bodies[i]);
        cr_expect_null(byok_value_find(&answer.output, "embeddings"));
        call_done(&c);
    }
}

Test(cohere, gives_vectors_of_whole_numbers_as_they_are)
{
    static const char *const bodies[] = {
        "{\"embeddings\":{\"int8\":[[-3,2],[127,-128]]}}",
        "{\"embeddings\":{\"ubinary\":[[3,2],[127,128]]}}",
        "{\"embeddings\":[[1,2],[1,2]]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct call c;
        struct byok_answer answer;
        cr_expect_eq(
            parse(EMBED("\"input\":[\"a\",\"b\"],\"provider_options\":{\"embedding_types\":"
                        "[\"int8\"]}"),
                  bodies[i], &answer, &c),
            BYOK_E_OK, "%s", bodies[i]);
        const struct byok_value *list = byok_value_find(&answer.output, "embeddings");
        cr_assert(byok_value_is(list, BYOK_VALUE_ARRAY) && list->count == 2);
        cr_expect(list->as.items[0].as.floats[1] == 2.0f);
        call_done(&c);
    }
}

Test(cohere, ends_have_one_vocabulary)
{
    static const struct {
        const char *word;
        enum byok_finish finish;
    } cases[] = {
        {"COMPLETE", BYOK_FINISH_STOP},        {"STOP_SEQUENCE", BYOK_FINISH_STOP},
        {"MAX_TOKENS", BYOK_FINISH_LENGTH},    {"ERROR", BYOK_FINISH_ERROR},
        {"TOOL_CALL", BYOK_FINISH_TOOL_CALLS}, {"SOMETHING_NEW", BYOK_FINISH_NONE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_answer answer;
        char body[128];
        snprintf(body, sizeof body, "{\"finish_reason\":\"%s\",\"message\":{\"content\":\"Hi\"}}",
                 cases[i].word);
        cr_assert_eq(parse(CHAT("\"prompt\":\"a\""), body, &answer, &c), BYOK_E_OK);
        cr_expect_eq(answer.finish, cases[i].finish, "%s", cases[i].word);
        call_done(&c);
    }
}
