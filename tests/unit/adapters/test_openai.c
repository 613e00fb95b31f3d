/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_openai.c - what chat and embeddings share: options, common members of
 * answers, the key check. */
#include <criterion/criterion.h>

#include "adapters/openai_parts.h"
#include "calls.h"

static enum byok_err build(const char *job, struct byok_fault *fault)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "openai", NULL, job);
    enum byok_err err =
        c.provider.adapter->ops[c.request.capability].build(&c.call, &request, fault);
    call_done(&c);
    return err;
}

#define CHAT(rest)                                                                                 \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"Hi\"," rest "}"

Test(openai, refuses_options_whose_answer_it_would_lose)
{
    struct byok_fault fault;
    cr_assert_eq(build(CHAT("\"provider_options\":{\"stream\":true}"), &fault), BYOK_E_UNSUPPORTED);
    cr_assert(strstr(fault.text, "stream"));
    cr_assert_eq(build(CHAT("\"provider_options\":{\"stream\":1}"), &fault), BYOK_E_UNSUPPORTED);
    cr_assert_eq(build(CHAT("\"provider_options\":{\"stream\":null}"), &fault), BYOK_E_OK);
    cr_assert_eq(build(CHAT("\"provider_options\":{\"stream\":false}"), &fault), BYOK_E_OK);
    cr_assert_eq(build(CHAT("\"provider_options\":{\"n\":2}"), &fault), BYOK_E_UNSUPPORTED);
    cr_assert(strstr(fault.text, "\"n\""));
    cr_assert_eq(build(CHAT("\"provider_options\":{\"n\":2},\"raw\":true"), &fault), BYOK_E_OK);
    cr_assert_eq(build(CHAT("\"provider_options\":{\"n\":1}"), &fault), BYOK_E_OK);
}

Test(openai, checks_a_key_by_listing_the_models)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "openai", "http://127.0.0.1:1/v1", NULL);
    cr_assert_eq(c.provider.adapter->build_key_check(&c.call, &request, &c.fault), BYOK_E_OK);
    cr_assert_str_eq(request.url.ptr, "http://127.0.0.1:1/v1/models");
    call_done(&c);
}

static enum byok_err read_body(struct call *c, const char *job, const char *body,
                               struct byok_answer *out)
{
    struct byok_http_header header;
    struct byok_value root;
    call_init(c, "openai", NULL, job);
    struct byok_http_response response =
        answer_of(200, "application/json", byok_str_of(body), &header);
    return byok_openai_read(&c->call, &response, &root, out, &c->fault);
}

Test(openai, gives_the_raw_answer_only_when_asked)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(read_body(&c, CHAT("\"raw\":true"), "{\"a\":1}", &answer), BYOK_E_OK);
    cr_assert(byok_value_find(&answer.raw, "a"));
    call_done(&c);
    cr_assert_eq(read_body(&c, NULL, "{\"a\":1}", &answer), BYOK_E_OK);
    cr_assert_eq(answer.raw.type, BYOK_VALUE_NULL);
    call_done(&c);
}

Test(openai, reads_the_usage_of_services_that_count_in_other_words)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(read_body(&c, NULL,
                           "{\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":1,"
                           "\"prompt_cache_hit_tokens\":4}}",
                           &answer),
                 BYOK_E_OK);
    cr_assert_eq(answer.usage.cached_tokens, 4);
    cr_assert_eq(answer.usage.cache_write_tokens, -1);
    call_done(&c);
    cr_assert_eq(read_body(&c, NULL,
                           "{\"usage\":{\"prompt_tokens\":194,\"prompt_tokens_details\":"
                           "{\"cached_tokens\":0,\"cache_write_tokens\":100}}}",
                           &answer),
                 BYOK_E_OK);
    cr_assert_eq(answer.usage.input_tokens, 194);
    cr_assert_eq(answer.usage.cache_write_tokens, 100);
    call_done(&c);
    cr_assert_eq(read_body(&c, NULL,
                           "{\"usage\":{\"input_tokens\":9,\"input_tokens_details\":"
                           "{\"cached_tokens\":1,\"cache_write_tokens\":6}}}",
                           &answer),
                 BYOK_E_OK);
    cr_assert_eq(answer.usage.cached_tokens, 1);
    cr_assert_eq(answer.usage.cache_write_tokens, 6);
    call_done(&c);
    cr_assert_eq(read_body(&c, NULL, "{\"usage\":{\"total_tokens\":7}}", &answer), BYOK_E_OK);
    cr_assert_eq(answer.usage.input_tokens, 7);
    cr_assert_eq(answer.usage.output_tokens, -1);
    call_done(&c);
    cr_assert_eq(read_body(&c, NULL, "{\"usage\":null}", &answer), BYOK_E_OK);
    cr_assert_eq(answer.usage.input_tokens, -1);
    call_done(&c);
}

Test(openai, an_error_inside_an_answer_of_status_200_is_an_error_that_keeps_its_usage)
{
    static const struct {
        const char *body;
        enum byok_err code;
    } cases[] = {
        {"{\"error\":{\"message\":\"x\",\"code\":\"insufficient_quota\"}}", BYOK_E_OUT_OF_MONEY},
        {"{\"error\":{\"message\":\"x\",\"code\":\"rate_limit_exceeded\"}}", BYOK_E_RATE_LIMITED},
        {"{\"error\":{\"message\":\"x\",\"code\":502}}", BYOK_E_SERVER_ERROR},
        {"{\"error\":{\"message\":\"x\"}}", BYOK_E_BAD_ANSWER},
        {"{\"error\":\"x\"}", BYOK_E_BAD_ANSWER},
        {"{\"error\":{}}", BYOK_E_BAD_ANSWER},
        {"{\"error\":null}", BYOK_E_OK},
        {"{\"error\":\"\"}", BYOK_E_OK},
        {"{\"error\":false}", BYOK_E_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_answer answer;
        cr_expect_eq(read_body(&c, NULL, cases[i].body, &answer), cases[i].code, "%s",
                     cases[i].body);
        cr_expect(cases[i].code == BYOK_E_OK || c.fault.http_status == 200, "%s", cases[i].body);
        call_done(&c);
    }
    struct call c;
    struct byok_answer answer;
    cr_assert_neq(read_body(&c, NULL, "{\"error\":\"x\",\"usage\":{\"prompt_tokens\":5}}", &answer),
                  BYOK_E_OK);
    cr_assert_eq(answer.usage.input_tokens, 5);
    call_done(&c);
}
