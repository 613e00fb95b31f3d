/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_openai_messages.c - messages, parts and tool calls. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/openai_parts.h"
#include "calls.h"

#define MESSAGES(list)                                                                             \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"messages\":[" list "]}"
#define PARTS(list) MESSAGES("{\"role\":\"user\",\"content\":[" list "]}")

static void check(const char *job, const char *messages)
{
    struct call c;
    struct byok_value body = byok_value_map();
    call_init(&c, "openai", NULL, job);
    cr_assert_eq(byok_openai_put_messages(&c.call, &body, &c.fault), BYOK_E_OK, "%s", c.fault.text);
    struct byok_value expected = json_of(&c.arena, byok_str_of(messages));
    struct byok_str json = byok_kit_json(&c.arena, &body);
    cr_assert(byok_value_equal(byok_value_find(&body, "messages"), &expected), "%.*s",
              BYOK_STR_ARG(json));
    call_done(&c);
}

Test(openai_messages, a_system_text_comes_first)
{
    check("{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"system\":\"S\",\"messages\":"
          "[{\"role\":\"user\",\"content\":\"U\"}]}",
          "[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"U\"}]");
}

Test(openai_messages, members_of_a_message_go_through)
{
    check(MESSAGES("{\"role\":\"developer\",\"name\":\"n\",\"content\":\"x\",\"y\":null},"
                   "{\"role\":\"assistant\",\"content\":\"x\",\"refusal\":\"r\",\"audio\":"
                   "{\"id\":\"1\"}},{\"role\":\"tool\",\"tool_call_id\":\"1\",\"name\":\"f\","
                   "\"content\":\"x\",\"is_error\":false}"),
          "[{\"role\":\"developer\",\"name\":\"n\",\"content\":\"x\"},"
          "{\"role\":\"assistant\",\"content\":\"x\",\"refusal\":\"r\",\"audio\":{\"id\":\"1\"}},"
          "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"name\":\"f\",\"content\":\"x\"}]");
}

#define TOOL(rest)                                                                                 \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"Hi\",\"tools\":[" rest  \
    "]}"
#define RESPONSES(list)                                                                            \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"api\":\"responses\","              \
    "\"messages\":[" list "]}"
#define SAYS_CALLS(list)                                                                           \
    MESSAGES("{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[" list "]}")
#define CALLS_IN_RESPONSES(list)                                                                   \
    RESPONSES("{\"role\":\"assistant\",\"content\":\"\",\"tool_calls\":[" list "]}")
#define FLAT_CALL "{\"id\":\"1\",\"name\":\"f\",\"arguments\":{\"a\":1},\"y\":1}"
#define CALL_AROUND                                                                                \
    "{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"},"      \
    "\"y\":1}"
#define CALL_WITHIN                                                                                \
    "{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\",\"y\":" \
    "1}}"
#define GOOD_CALLS                                                                                 \
    "{\"id\":\"1\",\"index\":0,\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"  \
    "\"{}\"}},"                                                                                    \
    "{\"id\":\"2\",\"index\":1,\"name\":\"f\",\"arguments\":{},\"thought_signature\":\"s\",\"y\":" \
    "null}"
#define NO_FUNCTION "{\"id\":\"1\",\"type\":\"custom\",\"custom\":{\"name\":\"f\",\"input\":\"x\"}}"
#define MISTRAL "https://api.mistral.ai/v1"
#define GROQ "https://api.groq.com/openai/v1"
#define AZURE "https://r.openai.azure.com/openai/v1"

/* NULL as the name: taken. */
static const struct {
    const char *adapter, *base_url, *job, *name;
} strange[] = {
    {"openai", NULL, MESSAGES("{\"role\":\"user\",\"content\":\"x\",\"y\":1}"), "\"y\""},
    {"openai", NULL, MESSAGES("{\"role\":\"user\",\"content\":\"x\",\"tool_calls\":[7]}"),
     "\"tool_calls\""},
    {"openai", NULL, MESSAGES("{\"role\":\"assistant\",\"content\":\"x\",\"prefix\":true}"),
     "\"prefix\""},
    {"openai", NULL,
     MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"x\",\"is_error\":true}"),
     "\"is_error\""},
    {"openai", NULL, PARTS("{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{\"a\":1}}"),
     "\"cache_control\""},
    {"openai", NULL, PARTS("{\"type\":\"image\",\"url\":\"https://x.example/a\",\"y\":1}"),
     "\"y\""},
    {"openai", NULL, TOOL("{\"name\":\"f\",\"cache_control\":{\"a\":1}}"), "\"cache_control\""},
    {"openai", NULL, TOOL("{\"type\":\"function\",\"function\":{\"name\":\"f\",\"y\":1}}"),
     "\"y\""},
    {"openai", NULL, TOOL("{\"type\":\"function\",\"function\":{\"name\":\"f\"},\"y\":1}"),
     "\"y\""},
    {"openai", NULL, TOOL("{\"name\":\"f\",\"strict\":true,\"description\":\"d\",\"y\":null}"),
     NULL},
    {"openai", NULL, TOOL("{\"type\":\"custom\",\"custom\":{\"name\":\"f\"}}"), NULL},
    {"openai", NULL, RESPONSES("{\"role\":\"user\",\"content\":\"x\",\"name\":\"n\"}"), "\"name\""},
    {"openai", GROQ, RESPONSES("{\"role\":\"user\",\"content\":\"x\",\"y\":1}"), "\"y\""},
    {"azure", AZURE, MESSAGES("{\"role\":\"user\",\"content\":\"x\",\"y\":1}"), "\"y\""},
    {"azure", AZURE, TOOL("{\"name\":\"f\",\"y\":1}"), "\"y\""},
    {"openai", GROQ,
     MESSAGES("{\"role\":\"assistant\",\"content\":\"x\",\"reasoning_content\":\"r\"}"), NULL},
    {"openai", GROQ, PARTS("{\"type\":\"text\",\"text\":\"x\",\"cache_control\":{\"a\":1}}"), NULL},
    {"openai", GROQ, TOOL("{\"name\":\"f\",\"y\":1}"), NULL},
    {"openai", GROQ,
     MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"x\",\"is_error\":true}"),
     "\"is_error\""},
    {"openai", GROQ, PARTS("{\"type\":\"image\",\"url\":\"https://x.example/a\",\"y\":1}"),
     "\"y\""},
    {"openai", NULL, SAYS_CALLS(FLAT_CALL), "\"y\""},
    {"openai", NULL, SAYS_CALLS(CALL_AROUND), "\"y\""},
    {"openai", NULL, SAYS_CALLS(CALL_WITHIN), "\"y\""},
    {"openai", NULL, SAYS_CALLS(GOOD_CALLS), NULL},
    {"azure", AZURE, SAYS_CALLS(FLAT_CALL), "\"y\""},
    {"azure", AZURE, SAYS_CALLS(CALL_AROUND), "\"y\""},
    {"azure", AZURE, SAYS_CALLS(CALL_WITHIN), "\"y\""},
    {"azure", AZURE, SAYS_CALLS(GOOD_CALLS), NULL},
    {"openai", MISTRAL, SAYS_CALLS(FLAT_CALL), "\"y\""},
    {"openai", MISTRAL, SAYS_CALLS(CALL_AROUND), "\"y\""},
    {"openai", MISTRAL, SAYS_CALLS(CALL_WITHIN), "\"y\""},
    {"openai", MISTRAL, SAYS_CALLS(GOOD_CALLS), NULL},
    {"anthropic", NULL, SAYS_CALLS(FLAT_CALL), "\"y\""},
    {"anthropic", NULL, SAYS_CALLS(CALL_AROUND), "\"y\""},
    {"anthropic", NULL, SAYS_CALLS(CALL_WITHIN), "\"y\""},
    {"anthropic", NULL, SAYS_CALLS(GOOD_CALLS), NULL},
    {"gemini", NULL, SAYS_CALLS(FLAT_CALL), "\"y\""},
    {"gemini", NULL, SAYS_CALLS(CALL_AROUND), "\"y\""},
    {"gemini", NULL, SAYS_CALLS(CALL_WITHIN), "\"y\""},
    {"gemini", NULL, SAYS_CALLS(GOOD_CALLS), NULL},
    {"cohere", NULL, SAYS_CALLS(FLAT_CALL), "\"y\""},
    {"cohere", NULL, SAYS_CALLS(CALL_AROUND), "\"y\""},
    {"cohere", NULL, SAYS_CALLS(CALL_WITHIN), "\"y\""},
    {"cohere", NULL, SAYS_CALLS(GOOD_CALLS), NULL},
    {"openai", GROQ, SAYS_CALLS(FLAT_CALL), NULL},
    {"openai", GROQ, CALLS_IN_RESPONSES(FLAT_CALL), "\"y\""},
    {"openai", GROQ, CALLS_IN_RESPONSES(CALL_WITHIN), "\"y\""},
    {"openai", GROQ, CALLS_IN_RESPONSES(GOOD_CALLS), NULL},
    {"openai", NULL, SAYS_CALLS(NO_FUNCTION), NULL},
    {"openai", NULL, CALLS_IN_RESPONSES(NO_FUNCTION), "only calls of functions"},
    {"gemini", NULL,
     MESSAGES("{\"role\":\"tool\",\"name\":\"f\",\"content\":[{\"type\":\"text\",\"text\":\"x\","
              "\"y\":1}]}"),
     "\"y\""},
    {"gemini", NULL,
     PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x.example/a\",\"y\":1}}"),
     "\"y\""},
    {"anthropic", NULL,
     PARTS("{\"type\":\"image\",\"url\":\"https://x.example/a\",\"text\":\"x\"}"), "\"text\""},
    {"openai", NULL,
     PARTS("{\"type\":\"image_url\",\"image_url\":\"https://x.example/a\",\"y\":1}"), "\"y\""},
    {"openai", GROQ,
     PARTS("{\"type\":\"image_url\",\"image_url\":\"https://x.example/a\",\"y\":1}"), "\"y\""},
    {"openai", GROQ,
     PARTS("{\"type\":\"image\",\"url\":\"https://x.example/a\",\"audio\":{\"a\":1}}"),
     "\"audio\""},
    {"openai", GROQ,
     PARTS("{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x.example/a\"},\"y\":1}"),
     NULL},
    {"openai", GROQ, PARTS("{\"type\":\"document\",\"source\":{\"a\":1},\"y\":1}"), NULL},
    {"openai", GROQ, PARTS("{\"type\":\"audio\",\"audio\":{\"a\":1},\"y\":1}"), NULL},
    {"openai", GROQ, PARTS("{\"type\":\"video\",\"url\":\"https://x.example/a\"}"), "video"},
    {"openai", GROQ,
     RESPONSES("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\",\"y\":1}]}"),
     "\"y\""},
    {"openai", NULL,
     RESPONSES("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
               "\"https://x.example/a\",\"y\":1}}]}"),
     "\"y\""},
    {"openai", NULL,
     RESPONSES("{\"role\":\"user\",\"content\":[{\"type\":\"input_file\",\"file_id\":\"f\"},"
               "{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}]}"),
     NULL},
};

Test(openai_messages, what_the_service_does_not_know_is_refused_by_name)
{
    for (size_t i = 0; i < sizeof strange / sizeof strange[0]; i++) {
        struct call c;
        struct byok_http_request request;
        call_init(&c, strange[i].adapter, strange[i].base_url, strange[i].job);
        enum byok_err err = c.provider.adapter->ops[BYOK_CHAT].build(&c.call, &request, &c.fault);
        cr_expect_eq(err, strange[i].name ? BYOK_E_UNSUPPORTED : BYOK_E_OK, "%s", strange[i].job);
        cr_expect(!strange[i].name || strstr(c.fault.text, strange[i].name), "%s", c.fault.text);
        call_done(&c);
    }
}

Test(openai_messages, arguments_that_are_text_already_stay_it)
{
    check(
        MESSAGES("{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"name\":"
                 "\"f\",\"arguments\":\"{ }\"}]}"),
        "[{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"1\",\"type\":"
        "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"{ }\"}}]}]");
}

#define CALLS(list) "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[" list "]}"

Test(openai_messages, a_call_without_arguments_has_empty_ones)
{
    static const char *const said[] = {"", ",\"arguments\":null", ",\"arguments\":\"\"",
                                       ",\"arguments\":{},\"thought_signature\":\"c2ln\""};
    for (size_t i = 0; i < sizeof said / sizeof said[0]; i++) {
        char job[512];
        snprintf(job, sizeof job, MESSAGES(CALLS("{\"id\":\"1\",\"name\":\"f\"%s}")), said[i]);
        check(job, "[" CALLS("{\"id\":\"1\",\"type\":\"function\",\"function\":{\"name\":\"f\","
                             "\"arguments\":\"{}\"}}") "]");
    }
}

Test(openai_messages, null_members_and_an_empty_list_of_calls_are_left_out)
{
    check(MESSAGES("{\"role\":\"user\",\"name\":null,\"content\":\"a\"},"
                   "{\"role\":\"assistant\",\"content\":\"b\",\"tool_calls\":null},"
                   "{\"role\":\"assistant\",\"content\":\"c\",\"tool_calls\":[]}"),
          "[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},"
          "{\"role\":\"assistant\",\"content\":\"c\"}]");
}

Test(openai_messages, a_tool_that_says_nothing_says_an_empty_text)
{
    check(MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":null},"
                   "{\"role\":\"tool\",\"tool_call_id\":\"2\"}"),
          "[{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"\"},"
          "{\"role\":\"tool\",\"tool_call_id\":\"2\",\"content\":\"\"}]");
}

Test(openai_messages, a_tool_has_no_null_members)
{
    struct call c;
    struct byok_http_request request;
    call_init(
        &c, "openai", NULL,
        "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"Hi\",\"tools\":"
        "[{\"type\":null,\"name\":\"f\",\"description\":null,\"parameters\":null}]}");
    cr_assert_eq(c.provider.adapter->ops[BYOK_CHAT].build(&c.call, &request, &c.fault), BYOK_E_OK);
    struct byok_value body = json_of(&c.arena, request.body);
    struct byok_value expected =
        json_of(&c.arena, byok_str_of("[{\"type\":\"function\",\"function\":{\"name\":\"f\","
                                      "\"parameters\":{\"type\":\"object\",\"properties\":{}}}}]"));
    cr_assert(byok_value_equal(byok_value_find(&body, "tools"), &expected), "%.*s",
              BYOK_STR_ARG(request.body));
    call_done(&c);
}

Test(openai_messages, an_image_url_may_be_the_address_alone)
{
    check(PARTS("{\"type\":\"image_url\",\"image_url\":\"https://x.example/a.png\"}"),
          "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
          "\"https://x.example/a.png\"}}]}]");
}

Test(openai_messages, mistral_is_sent_no_member_that_it_does_not_know)
{
    static const struct {
        const char *job, *name; /* NULL: taken */
    } cases[] = {
        {MESSAGES("{\"role\":\"user\",\"name\":\"n\",\"content\":\"x\"}"), "\"name\""},
        {MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"x\",\"is_error\":true}"),
         "\"is_error\""},
        {MESSAGES("{\"role\":\"tool\",\"tool_call_id\":\"1\",\"name\":\"f\",\"content\":\"x\"}"),
         NULL},
        {MESSAGES("{\"role\":\"assistant\",\"content\":\"x\",\"prefix\":true}"), NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c;
        struct byok_http_request request;
        call_init(&c, "openai", "https://api.mistral.ai/v1", cases[i].job);
        enum byok_err err = c.provider.adapter->ops[BYOK_CHAT].build(&c.call, &request, &c.fault);
        cr_expect_eq(err, cases[i].name ? BYOK_E_UNSUPPORTED : BYOK_E_OK, "%s", cases[i].job);
        cr_expect(!cases[i].name || strstr(c.fault.text, cases[i].name), "%s", c.fault.text);
        call_done(&c);
    }
}

Test(openai_messages, the_responses_interface_is_asked_for_no_fewer_tokens_than_it_gives)
{
    static const char *const jobs[] = {
        "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"Hi\",\"api\":"
        "\"responses\",\"max_tokens\":15}",
        "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"Hi\",\"api\":"
        "\"responses\",\"max_tokens\":16}",
    };
    for (size_t i = 0; i < 2; i++) {
        struct call c;
        struct byok_http_request request;
        call_init(&c, "openai", NULL, jobs[i]);
        cr_expect_eq(c.provider.adapter->ops[BYOK_CHAT].build(&c.call, &request, &c.fault),
                     i == 0 ? BYOK_E_UNSUPPORTED : BYOK_E_OK);
        cr_expect_eq(strstr(c.fault.text, "\"max_tokens\"") != NULL, i == 0);
        call_done(&c);
    }
}

Test(openai_messages, unknown_parts_go_through)
{
    check(PARTS("{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}},\"text\",7"),
          "[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}},"
          "{\"type\":\"text\",\"text\":\"text\"},7]}]");
    check(PARTS(""), "[{\"role\":\"user\",\"content\":\"\"}]");
}

Test(openai_messages, media_needs_no_type_where_its_first_bytes_say_it)
{
    check(PARTS("{\"type\":\"image\",\"data\":\"iVBORw0KGgoAAAANSUhE\"}"),
          "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
          "\"data:image/png;base64,iVBORw0KGgoAAAANSUhE\"}}]}]");
    check(PARTS("{\"type\":\"document\",\"data\":\"JVBERi0xLjQg\",\"title\":\"a.pdf\"}"),
          "[{\"role\":\"user\",\"content\":[{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\","
          "\"file_data\":\"data:application/pdf;base64,JVBERi0xLjQg\"}}]}]");
}

Test(openai_messages, media_may_be_binary)
{
    struct call c;
    struct byok_value body = byok_value_map();
    call_init(&c, "openai", NULL, PARTS("{\"type\":\"image\",\"media_type\":\"image/png\"}"));
    const struct byok_value *message = &byok_value_find(&c.request.root, "messages")->as.items[0];
    struct byok_value *part = &byok_value_find(message, "content")->as.items[0];
    byok_value_set(&c.arena, part, "data",
                   byok_value_bytes((struct byok_str)BYOK_STR("\xff\x00\x01")));
    cr_assert_eq(byok_openai_put_messages(&c.call, &body, &c.fault), BYOK_E_OK);
    struct byok_str json = byok_kit_json(&c.arena, &body);
    cr_assert_lt(byok_str_find(json, byok_str_of("\"data:image/png;base64,/wAB\"")), json.len,
                 "%.*s", BYOK_STR_ARG(json));
    call_done(&c);
}

Test(openai_messages, media_without_what_they_need_are_refused)
{
    static const char *const jobs[] = {
        PARTS("{\"type\":\"image\"}"),
        PARTS("{\"type\":\"image\",\"data\":\"AAAA\"}"),
        PARTS("{\"type\":\"audio\",\"data\":\"AAAA\"}"),
        PARTS("{\"type\":\"audio\",\"data\":\"AAAA\",\"media_type\":\"audio/ogg\"}"),
        PARTS("{\"type\":\"audio\",\"media_type\":\"audio/wav\"}"),
    };
    for (size_t i = 0; i < sizeof jobs / sizeof jobs[0]; i++) {
        struct call c;
        struct byok_value body = byok_value_map();
        call_init(&c, "openai", NULL, jobs[i]);
        cr_expect_eq(byok_openai_put_messages(&c.call, &body, &c.fault), BYOK_E_UNSUPPORTED, "%s",
                     jobs[i]);
        cr_expect(strstr(c.fault.text, "\"messages\", item 0"), "%s", c.fault.text);
        call_done(&c);
    }
}
