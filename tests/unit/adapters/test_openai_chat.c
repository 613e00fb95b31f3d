/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_openai_chat.c - members of a chat; whole requests are in tests/golden.
 */
#include <criterion/criterion.h>

#include "adapters/openai_parts.h"
#include "calls.h"

#define CHAT(rest)                                                                                 \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"Hi\"," rest "}"

/* The built body holds `json` at `name`; NULL: nothing. */
static void check_member(const char *job, const char *name, const char *json)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "openai", NULL, job);
    cr_assert_eq(byok_openai_build_chat(&c.call, &request, &c.fault), BYOK_E_OK, "%s",
                 c.fault.text);
    struct byok_value body = json_of(&c.arena, request.body);
    const struct byok_value *value = byok_value_find(&body, name);
    struct byok_value expected = json ? json_of(&c.arena, byok_str_of(json)) : byok_value_null();
    cr_assert(json ? value && byok_value_equal(value, &expected) : !value, "%.*s",
              BYOK_STR_ARG(request.body));
    call_done(&c);
}

static enum byok_err code_of(const char *job, const char *word)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "openai", NULL, job);
    enum byok_err err = byok_openai_build_chat(&c.call, &request, &c.fault);
    cr_assert(strstr(c.fault.text, word), "%s", c.fault.text);
    call_done(&c);
    return err;
}

Test(openai_chat, tool_choice_is_a_word_a_name_or_an_object)
{
    const char *nested = "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}";
    check_member(CHAT("\"tool_choice\":\"auto\""), "tool_choice", "\"auto\"");
    check_member(CHAT("\"tool_choice\":\"required\""), "tool_choice", "\"required\"");
    check_member(CHAT("\"tool_choice\":\"any\""), "tool_choice", "\"required\"");
    check_member(CHAT("\"tool_choice\":\"f\""), "tool_choice", nested);
    check_member(CHAT("\"tool_choice\":{\"name\":\"f\"}"), "tool_choice", nested);
    check_member(CHAT("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"),
                 "tool_choice", nested);
    check_member(CHAT("\"tool_choice\":{\"type\":\"allowed_tools\",\"x\":1}"), "tool_choice",
                 "{\"type\":\"allowed_tools\",\"x\":1}");
}

Test(openai_chat, response_format_is_a_word_or_an_object_with_a_type)
{
    check_member(CHAT("\"response_format\":\"json\""), "response_format",
                 "{\"type\":\"json_object\"}");
    check_member(CHAT("\"response_format\":\"text\""), "response_format", "{\"type\":\"text\"}");
    check_member(CHAT("\"response_format\":{\"type\":\"x\",\"y\":1}"), "response_format",
                 "{\"type\":\"x\",\"y\":1}");
    cr_assert_eq(code_of(CHAT("\"response_format\":\"xml\""), "response_format"),
                 BYOK_E_UNSUPPORTED);
    cr_assert_eq(code_of(CHAT("\"response_format\":{\"schema\":{}}"), "response_format"),
                 BYOK_E_BAD_REQUEST);
}

Test(openai_chat, an_empty_list_of_tools_is_left_out)
{
    check_member(CHAT("\"tools\":[]"), "tools", NULL);
    cr_assert_eq(code_of(CHAT("\"tools\":[\"f\"]"), "tools"), BYOK_E_BAD_REQUEST);
}

Test(openai_chat, a_tool_of_the_providers_own_goes_through)
{
    check_member(CHAT("\"tools\":[{\"type\":\"web_search\",\"name\":\"w\"}]"), "tools",
                 "[{\"type\":\"web_search\",\"name\":\"w\"}]");
    check_member(CHAT("\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"strict\":true}]"),
                 "tools",
                 "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true,"
                 "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]");
}

Test(openai_chat, a_schema_may_stand_beside_the_type_and_gets_a_name)
{
    check_member(
        CHAT("\"response_format\":{\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}}"),
        "response_format",
        "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"answer\",\"schema\":{"
        "\"type\":\"object\"}}}");
    check_member(
        CHAT("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\","
             "\"strict\":true,\"schema\":{}}}"),
        "response_format",
        "{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"x\",\"strict\":true,"
        "\"schema\":{}}}");
}

Test(openai_chat, options_win_over_members)
{
    check_member(CHAT("\"temperature\":1,\"provider_options\":{\"temperature\":0}"), "temperature",
                 "0");
    check_member(CHAT("\"provider_options\":{\"stream_options\":null}"), "stream_options", "null");
}

Test(openai_chat, members_that_the_schema_does_not_know_are_ignored)
{
    check_member(CHAT("\"x_new\":1,\"metadata\":{\"a\":1},\"stop\":\"\""), "x_new", NULL);
    check_member(CHAT("\"metadata\":{\"a\":1}"), "metadata", NULL);
    check_member(CHAT("\"stop\":\"\""), "stop", NULL);
    check_member(CHAT("\"stop\":[]"), "stop", NULL);
}
