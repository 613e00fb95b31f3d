/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_openai_chat_answer.c - corners of chat answers; whole ones are in
 * tests/golden. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/openai_parts.h"
#include "calls.h"

#define ANSWER(finish, message)                                                                    \
    "{\"choices\":[{\"finish_reason\":" finish ",\"message\":{" message "}}]}"

static enum byok_err parse(struct call *c, const char *body, struct byok_answer *out)
{
    return call_parse(c, "openai", NULL, body, out);
}

static enum byok_finish finish_of(const char *body)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, body, &answer), BYOK_E_OK, "%s: %s", body, c.fault.text);
    call_done(&c);
    return answer.finish;
}

Test(openai_chat_answer, one_vocabulary_for_why_it_ended)
{
    cr_assert_eq(finish_of(ANSWER("\"stop\"", "\"content\":\"\"")), BYOK_FINISH_STOP);
    cr_assert_eq(finish_of(ANSWER("\"length\"", "\"content\":\"\"")), BYOK_FINISH_LENGTH);
    cr_assert_eq(finish_of(ANSWER("\"content_filter\"", "\"content\":\"\"")),
                 BYOK_FINISH_CONTENT_FILTER);
    cr_assert_eq(finish_of(ANSWER("\"error\"", "\"content\":\"\"")), BYOK_FINISH_ERROR);
    cr_assert_eq(finish_of(ANSWER("\"a_new_word\"", "\"content\":\"\"")), BYOK_FINISH_NONE);
    cr_assert_eq(finish_of(ANSWER("null", "\"content\":\"\"")), BYOK_FINISH_NONE);
    cr_assert_eq(finish_of(ANSWER("\"stop\"", "\"refusal\":\"No\"")), BYOK_FINISH_REFUSAL);
    cr_assert_eq(finish_of(ANSWER("null", "\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]")),
                 BYOK_FINISH_TOOL_CALLS);
    cr_assert_eq(
        finish_of(ANSWER("\"length\"", "\"tool_calls\":[{\"function\":{\"name\":\"f\"}}]")),
        BYOK_FINISH_LENGTH);
}

Test(openai_chat_answer, an_answer_without_a_text_has_an_empty_one)
{
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, ANSWER("\"length\"", "\"content\":null"), &answer), BYOK_E_OK);
    const struct byok_value *text = byok_value_find(&answer.output, "text");
    cr_assert(byok_value_is(text, BYOK_VALUE_STRING));
    cr_assert_eq(text->as.str.len, 0);
    cr_assert_null(byok_value_find(&answer.output, "tool_calls"));
    call_done(&c);
}

Test(openai_chat_answer, without_a_message_it_is_a_bad_answer)
{
    static const char *const bodies[] = {
        "{\"choices\":[]}",
        "{\"choices\":{}}",
        "{\"choices\":[1]}",
        "{\"choices\":[{}]}",
        "{\"choices\":[{\"message\":\"x\"}]}",
        "{\"choices\":null}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct call c;
        struct byok_answer answer;
        cr_expect_eq(parse(&c, bodies[i], &answer), BYOK_E_BAD_ANSWER, "%s", bodies[i]);
        cr_expect(strstr(c.fault.text, "choices[0].message"), "%s", c.fault.text);
        call_done(&c);
    }
}

/* The arguments that `json` (of the answer) is read as. */
static void check_arguments(const char *json, const char *expected)
{
    struct call c;
    struct byok_answer answer;
    char body[512];
    snprintf(
        body, sizeof body,
        ANSWER("\"tool_calls\"", "\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":\"f\"%s}}]"),
        json);
    cr_assert_eq(parse(&c, body, &answer), BYOK_E_OK, "%s", c.fault.text);
    const struct byok_value *calls = byok_value_find(&answer.output, "tool_calls");
    cr_assert_eq(calls->count, 1);
    struct byok_value tree = json_of(&c.arena, byok_str_of(expected));
    cr_assert(byok_value_equal(byok_value_find(&calls->as.items[0], "arguments"), &tree), "%s",
              json);
    call_done(&c);
}

Test(openai_chat_answer, arguments_become_an_object)
{
    check_arguments(",\"arguments\":\"{\\\"a\\\":[1]}\"", "{\"a\":[1]}");
    check_arguments(",\"arguments\":\"\"", "{}");
    check_arguments("", "{}");
    check_arguments(",\"arguments\":{\"a\":1}", "{\"a\":1}");
    check_arguments(",\"arguments\":\"{\\\"a\\\":\"", "\"{\\\"a\\\":\"");
}

Test(openai_chat_answer, a_tool_call_without_a_name_is_none)
{
    cr_assert_eq(
        finish_of(ANSWER("\"stop\"", "\"content\":\"x\",\"tool_calls\":[{},null,{\"id\":1}]")),
        BYOK_FINISH_STOP);
}

/* One of five is an image, one the address of one. */
Test(openai_chat_answer, an_image_without_bytes_is_none)
{
    static const char *const body =
        ANSWER("\"stop\"", "\"content\":\"x\",\"images\":["
                           "{\"image_url\":{\"url\":\"data:image/png;base64,\"}},"
                           "{\"image_url\":{\"url\":\"data:image/png,AAAA\"}},"
                           "{\"image_url\":{\"url\":\"data:image/png;base64,?\"}},"
                           "{\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}},"
                           "{\"image_url\":{\"url\":\"https://x.example/a\"}}]");
    struct call c;
    struct byok_answer answer;
    cr_assert_eq(parse(&c, body, &answer), BYOK_E_OK);
    const struct byok_value *images = byok_value_find(&answer.output, "images");
    cr_assert_eq(images->count, 2);
    cr_assert_eq(byok_value_find(&images->as.items[0], "data")->as.str.len, 3);
    cr_assert(byok_value_find(&images->as.items[1], "url"));
    call_done(&c);
}
