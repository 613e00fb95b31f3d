/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_openai_images.c - corners of image generation; whole ones are in
 * tests/golden. */
#include <criterion/criterion.h>

#include "adapters/openai_parts.h"
#include "calls.h"

#define JOB(rest)                                                                                  \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"image_generation\","                        \
    "\"prompt\":\"Hi\"" rest "}"

static enum byok_err build(struct call *c, const char *job, struct byok_http_request *request)
{
    call_init(c, "openai", NULL, job);
    return byok_openai_build_images(&c->call, request, &c->fault);
}

Test(openai_images, asks_only_the_old_models_for_base64)
{
    struct call c;
    struct byok_http_request request;
    cr_assert_eq(build(&c, JOB(",\"model\":\"dall-e-2\""), &request), BYOK_E_OK);
    cr_assert(strstr(request.body.ptr, "\"response_format\":\"b64_json\""));
    call_done(&c);
    cr_assert_eq(build(&c, JOB(",\"model\":\"gpt-image-1\""), &request), BYOK_E_OK);
    cr_assert_null(strstr(request.body.ptr, "response_format"));
    call_done(&c);
}

Test(openai_images, refuses_a_format_that_it_does_not_know)
{
    struct call c;
    struct byok_http_request request;
    cr_assert_eq(build(&c, JOB(",\"format\":\"bmp\""), &request), BYOK_E_UNSUPPORTED);
    cr_assert(strstr(c.fault.text, "\"format\""));
    call_done(&c);
}

Test(openai_images, takes_more_than_one_by_option_too)
{
    struct call c;
    struct byok_http_request request;
    cr_assert_eq(build(&c, JOB(",\"provider_options\":{\"n\":4}"), &request), BYOK_E_OK);
    cr_assert(strstr(request.body.ptr, "\"n\":4"));
    call_done(&c);
    cr_assert_eq(build(&c, JOB(",\"provider_options\":{\"stream\":true}"), &request),
                 BYOK_E_UNSUPPORTED);
    call_done(&c);
}

static enum byok_err parse(struct call *c, const char *job, const char *body,
                           struct byok_answer *out)
{
    return call_parse(c, "openai", job, body, out);
}

Test(openai_images, without_an_image_the_answer_is_bad_and_its_usage_is_kept)
{
    static const char *const bodies[] = {
        "{\"data\":[]}",
        "{\"data\":null}",
        "{\"data\":[{}]}",
        "{\"data\":[null]}",
        "{\"data\":[{\"b64_json\":\"\"}]}",
        "{\"data\":[{\"b64_json\":\"#\"}]}",
        "{\"data\":[{\"b64_json\":7,\"url\":7}]}",
        "{\"data\":[{\"b64_json\":\"AAAA\"},{\"b64_json\":null}]}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct call c;
        struct byok_answer answer;
        cr_expect_eq(parse(&c, JOB(""), bodies[i], &answer), BYOK_E_BAD_ANSWER, "%s", bodies[i]);
        cr_expect_null(byok_value_find(&answer.output, "images"), "%s", bodies[i]);
        call_done(&c);
    }
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, JOB(""), "{\"data\":[{}],\"usage\":{\"output_tokens\":9}}", &answer),
                 BYOK_E_BAD_ANSWER);
    cr_assert_eq(answer.usage.output_tokens, 9, "it was billed");
    call_done(&c);
}

Test(openai_images, have_the_type_of_their_bytes_else_that_of_the_answer_or_the_job)
{
    static const struct {
        const char *job, *body, *type;
    } cases[] = {
        {JOB(",\"format\":\"png\""),
         "{\"data\":[{\"b64_json\":\"/9j/4A==\"}],\"output_format\":\"png\"}", "image/jpeg"},
        {JOB(",\"format\":\"png\""),
         "{\"data\":[{\"b64_json\":\"AAAA\"}],\"output_format\":\"webp\"}", "image/webp"},
        {JOB(",\"format\":\"jpeg\""), "{\"data\":[{\"b64_json\":\"AAAA\"}]}", "image/jpeg"},
        {JOB(""), "{\"data\":[{\"b64_json\":\"AAAA\"}]}", "image/png"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_answer answer;
        cr_assert_eq(parse(&c, cases[i].job, cases[i].body, &answer), BYOK_E_OK);
        const struct byok_value *image = &byok_value_find(&answer.output, "images")->as.items[0];
        cr_expect(byok_value_is(byok_value_find(image, "data"), BYOK_VALUE_BYTES));
        cr_expect(
            byok_str_is(byok_value_as_str(byok_value_find(image, "media_type")), cases[i].type),
            "%s", cases[i].body);
        call_done(&c);
    }
}
