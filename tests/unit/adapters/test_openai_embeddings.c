/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_openai_embeddings.c - corners of embeddings; whole ones are in
 * tests/golden. */
#include <criterion/criterion.h>

#include "adapters/openai_parts.h"
#include "calls.h"

#define JOB(rest) "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"embeddings\"," rest "}"
#define TWO JOB("\"input\":[\"a\",\"b\"]")

static enum byok_err parse(struct call *c, const char *job, const char *body,
                           struct byok_answer *out)
{
    return call_parse(c, "openai", job, body, out);
}

static const struct byok_value *vector(const struct byok_answer *answer, uint32_t i)
{
    return &byok_value_find(&answer->output, "embeddings")->as.items[i];
}

Test(openai_embeddings, come_back_in_the_order_of_the_inputs)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(
        parse(&c, TWO,
              "{\"data\":[{\"index\":1,\"embedding\":[1]},{\"index\":0,\"embedding\":[2]}]}",
              &answer),
        BYOK_E_OK);
    cr_assert_eq(vector(&answer, 0)->as.floats[0], 2);
    cr_assert_eq(vector(&answer, 1)->as.floats[0], 1);
    call_done(&c);
}

Test(openai_embeddings, without_an_index_stand_in_their_order)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, TWO, "{\"data\":[{\"embedding\":[1]},{\"embedding\":[2]}]}", &answer),
                 BYOK_E_OK);
    cr_assert_eq(vector(&answer, 0)->as.floats[0], 1);
    call_done(&c);
}

Test(openai_embeddings, are_a_bad_answer_when_they_are_not_what_was_asked_for)
{
    static const char *const bodies[] = {
        "{\"data\":[{\"embedding\":[1]}]}",
        "{\"data\":[{\"embedding\":[1]},{\"embedding\":[1]},{\"embedding\":[1]}]}",
        "{\"data\":[{\"embedding\":[1]},{\"embedding\":[1,2]}]}",
        "{\"data\":[{\"embedding\":[]},{\"embedding\":[]}]}",
        "{\"data\":[{\"embedding\":\"\"},{\"embedding\":\"\"}]}",
        "{\"data\":[{\"embedding\":\"AAAA\"},{\"embedding\":\"AAAA\"}]}",
        "{\"data\":[{\"embedding\":\"#\"},{\"embedding\":\"#\"}]}",
        "{\"data\":[{\"embedding\":[\"1\"]},{\"embedding\":[\"1\"]}]}",
        "{\"data\":[{\"embedding\":[1e300]},{\"embedding\":[1]}]}",
        "{\"data\":[{\"embedding\":[null]},{\"embedding\":[1]}]}",
        "{\"data\":[{\"embedding\":\"AADAfw==\"},{\"embedding\":[1]}]}", /* a NaN */
        "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":0,\"embedding\":[1]}]}",
        "{\"data\":[{\"index\":0,\"embedding\":[1]},{\"index\":2,\"embedding\":[1]}]}",
        "{\"data\":[{\"index\":-1,\"embedding\":[1]},{\"index\":0,\"embedding\":[1]}]}",
        "{\"data\":[1,2]}",
        "{\"data\":{}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct call c;
        struct byok_answer answer;
        cr_expect_eq(parse(&c, TWO, bodies[i], &answer), BYOK_E_BAD_ANSWER, "%s", bodies[i]);
        cr_expect_null(byok_value_find(&answer.output, "embeddings"), "%s", bodies[i]);
        call_done(&c);
    }
}

Test(openai_embeddings, of_another_length_than_asked_for_are_a_bad_answer)
{
    const char *body = "{\"data\":[{\"embedding\":[1,2]}],\"usage\":{\"prompt_tokens\":3}}";
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, JOB("\"input\":\"a\",\"dimensions\":3"), body, &answer),
                 BYOK_E_BAD_ANSWER);
    cr_assert(strstr(c.fault.text, "dimensions"));
    cr_assert_eq(answer.usage.input_tokens, 3, "it was billed");
    call_done(&c);
    cr_assert_eq(parse(&c, JOB("\"input\":\"a\",\"dimensions\":2"), body, &answer), BYOK_E_OK);
    call_done(&c);
    cr_assert_eq(
        parse(&c, JOB("\"input\":\"a\",\"dimensions\":3,\"provider_options\":{\"dimensions\":2}"),
              body, &answer),
        BYOK_E_OK);
    call_done(&c);
}

static enum byok_err build_with(uint32_t inputs, struct byok_fault *fault)
{
    struct call c;
    struct byok_http_request request;
    struct byok_value list = byok_value_array();
    call_init(&c, "openai", NULL, TWO);
    for (uint32_t i = 0; i < inputs; i++)
        byok_value_push(&c.arena, &list, byok_value_text("a"));
    byok_kit_put(&c.arena, &c.request.root, (struct byok_str)BYOK_STR("input"), list);
    enum byok_err err = byok_openai_build_embeddings(&c.call, &request, fault);
    call_done(&c);
    return err;
}

Test(openai_embeddings, take_at_most_2048_inputs)
{
    struct byok_fault fault;
    cr_assert_eq(build_with(2048, &fault), BYOK_E_OK);
    cr_assert_eq(build_with(2049, &fault), BYOK_E_BAD_REQUEST);
    cr_assert(strstr(fault.text, "2048") && strstr(fault.text, "2049"), "%s", fault.text);
}

Test(openai_embeddings, have_no_input_type)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "openai", NULL, JOB("\"input\":\"a\",\"input_type\":\"query\""));
    cr_assert_eq(byok_openai_build_embeddings(&c.call, &request, &c.fault), BYOK_E_UNSUPPORTED);
    cr_assert(strstr(c.fault.text, "input_type"));
    call_done(&c);
}
