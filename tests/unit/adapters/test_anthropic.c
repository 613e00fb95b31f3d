/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_anthropic.c - the corners that tests/golden/anthropic does not have. */
#include <criterion/criterion.h>

#include "adapters/anthropic_parts.h"
#include "calls.h"

#define CHAT(members) "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\"," members "}"
#define MESSAGES(list) CHAT("\"messages\":[" list "]")
#define PARTS(list) MESSAGES("{\"role\":\"user\",\"content\":[" list "]}")

static void refuses(const char *job, enum byok_err code, const char *names)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "anthropic", NULL, job);
    cr_expect_eq(byok_anthropic_build_chat(&c.call, &request, &c.fault), code, "%s: %s", job,
                 c.fault.text);
    cr_expect(strstr(c.fault.text, names), "%s: %s", job, c.fault.text);
    call_done(&c);
}

Test(anthropic, refuses_by_name_what_it_cannot_say)
{
    static const struct {
        const char *job, *names;
    } jobs[] = {
        {CHAT("\"prompt\":\"x\",\"seed\":7"), "\"seed\""},
        {CHAT("\"prompt\":\"x\",\"response_format\":\"json\""), "\"response_format\""},
        {CHAT("\"prompt\":\"x\",\"provider_options\":{\"stream\":true}"), "\"stream\""},
        {MESSAGES("{\"role\":\"user\",\"content\":\"x\",\"name\":\"n\"}"), "\"name\""},
        {MESSAGES("{\"role\":\"critic\",\"content\":\"x\"}"), "a role must be"},
        {MESSAGES("{\"role\":\"tool\",\"content\":\"x\"}"), "\"tool_call_id\""},
        {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"name\":\"f\"}]}"), "\"id\""},
        {MESSAGES("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"name\":\"f\","
                  "\"arguments\":\"[]\"}]}"),
         "\"arguments\""},
        {PARTS("{\"type\":\"audio\",\"media_type\":\"audio/wav\",\"data\":\"AAAA\"}"), "audio"},
        {PARTS("{\"type\":\"image\",\"media_type\":\"image/png\",\"data\":\"AAAA\",\"y\":1}"),
         "\"y\""},
        {PARTS("{\"type\":\"video\",\"media_type\":\"video/mp4\",\"data\":\"AAAA\"}"), "video"},
        {PARTS("{\"type\":\"document\",\"media_type\":\"text/html\",\"data\":\"AAAA\"}"),
         "application/pdf or text/plain"},
        {PARTS("{\"type\":\"document\",\"media_type\":\"text/plain\",\"data\":\"/w==\"}"), "UTF-8"},
        {PARTS("{\"type\":\"document\",\"media_type\":\"text/plain\",\"data\":\"?\"}"), "base64"},
    };
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++)
        refuses(jobs[i].job, BYOK_E_UNSUPPORTED, jobs[i].names);
    refuses(CHAT("\"prompt\":\"x\",\"tools\":[7]"), BYOK_E_BAD_REQUEST, "\"tools\"");
    refuses(CHAT("\"prompt\":\"x\",\"tool_choice\":{}"), BYOK_E_BAD_REQUEST, "\"tool_choice\"");
}

static void builds(const char *job, const char *member, const char *expected)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "anthropic", NULL, job);
    cr_assert_eq(byok_anthropic_build_chat(&c.call, &request, &c.fault), BYOK_E_OK, "%s",
                 c.fault.text);
    struct byok_value body = json_of(&c.arena, request.body);
    struct byok_value wanted = json_of(&c.arena, byok_str_of(expected));
    cr_expect(byok_value_equal(byok_value_find(&body, member), &wanted), "%.*s",
              BYOK_STR_ARG(request.body));
    call_done(&c);
}

Test(anthropic, leaves_out_texts_that_are_empty)
{
    builds(MESSAGES("{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[{\"id\":\"1\","
                    "\"name\":\"f\"}]}"),
           "messages",
           "[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":"
           "\"f\",\"input\":{}}]}]");
}

Test(anthropic, lets_its_own_forms_through)
{
    builds(CHAT("\"prompt\":\"x\",\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\","
                "\"disable_parallel_tool_use\":true}"),
           "tool_choice", "{\"type\":\"tool\",\"name\":\"f\",\"disable_parallel_tool_use\":true}");
    builds(PARTS("{\"type\":\"thinking\",\"thinking\":\"t\",\"signature\":\"s\"}"), "messages",
           "[{\"role\":\"user\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\","
           "\"signature\":\"s\"}]}]");
}

Test(anthropic, a_schema_of_a_tool_is_of_type_object)
{
    builds(CHAT("\"prompt\":\"x\",\"tools\":[{\"name\":\"f\",\"parameters\":{\"properties\":{}}}]"),
           "tools", "[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{}}}]");
}

Test(anthropic, a_configured_version_goes_before_its_own)
{
    static const struct byok_http_header version = {BYOK_STR("Anthropic-Version"),
                                                    BYOK_STR("2030-01-01")};
    struct call c;
    struct byok_http_request request;
    call_init(&c, "anthropic", NULL, NULL);
    c.provider.extra_headers = &version;
    c.provider.extra_header_count = 1;
    cr_assert_eq(byok_anthropic_build_chat(&c.call, &request, &c.fault), BYOK_E_OK);
    size_t found = 0;
    for (size_t i = 0; i < request.header_count; i++) {
        if (!byok_str_eq_nocase(request.headers[i].name, version.name))
            continue;
        cr_expect(byok_str_is(request.headers[i].value, "2030-01-01"));
        found++;
    }
    cr_assert_eq(found, 1);
    call_done(&c);
}

Test(anthropic, a_nonsense_count_is_as_good_as_none)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value usage = json_of(
        &arena, byok_str_of("{\"input_tokens\":9223372036854775807,\"cache_read_input_tokens\":5,"
                            "\"cache_creation_input_tokens\":null,\"output_tokens\":-1}"));
    struct byok_usage read = byok_anthropic_usage(&usage);
    cr_assert_eq(read.input_tokens, 5);
    cr_assert_eq(read.cached_tokens, 5);
    cr_assert_eq(read.output_tokens, -1);
    cr_assert_eq(read.cache_write_tokens, -1);
    cr_assert_eq(read.cache_write_1h_tokens, -1);
    cr_assert_eq(byok_anthropic_usage(NULL).input_tokens, -1);
}
