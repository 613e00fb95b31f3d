/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_voyage.c - corners of Voyage; whole calls and answers are in
 * tests/golden. */
#include <criterion/criterion.h>

#include "adapters/kit.h"
#include "calls.h"

#define JOB(rest) "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"embeddings\"," rest "}"

static enum byok_err build(const char *job, uint32_t inputs, struct byok_fault *fault)
{
    struct call c;
    struct byok_http_request request;
    struct byok_value list = byok_value_array();
    call_init(&c, "voyage", NULL, job);
    for (uint32_t i = 0; i < inputs; i++)
        byok_value_push(&c.arena, &list, byok_value_text("a"));
    if (inputs > 0)
        byok_kit_put(&c.arena, &c.request.root, (struct byok_str)BYOK_STR("input"), list);
    enum byok_err err = c.provider.adapter->ops[BYOK_EMBEDDINGS].build(&c.call, &request, fault);
    call_done(&c);
    return err;
}

Test(voyage, takes_at_most_1000_texts)
{
    struct byok_fault fault;
    cr_assert_eq(build(JOB("\"input\":\"a\""), 1000, &fault), BYOK_E_OK);
    cr_assert_eq(build(JOB("\"input\":\"a\""), 1001, &fault), BYOK_E_BAD_REQUEST);
    cr_assert(strstr(fault.text, "1000") && strstr(fault.text, "1001"), "%s", fault.text);
}

Test(voyage, refuses_by_name_what_it_cannot_say_or_read)
{
    static const struct {
        const char *job, *name;
        enum byok_err code;
    } cases[] = {
        {JOB("\"input\":\"a\",\"input_type\":\"clustering\""), "input_type", BYOK_E_UNSUPPORTED},
        {JOB("\"input\":\"a\",\"dimensions\":2,\"provider_options\":{\"output_dimension\":4}"),
         "output_dimension", BYOK_E_BAD_REQUEST},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_fault fault;
        cr_expect_eq(build(cases[i].job, 0, &fault), cases[i].code, "%s", cases[i].job);
        cr_expect(strstr(fault.text, cases[i].name), "%s", fault.text);
    }
}
