/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_kit_chat.c - the two forms of a chat job become one. */
#include <criterion/criterion.h>

#include "adapters/kit_chat.h"
#include "calls.h"

#define JOB(member)                                                                                \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"Hi\"," member "}"

/* What is wrong with a part; `*out` borrows from `c`. */
static const char *read_part(struct call *c, const char *json, struct byok_part *out)
{
    call_init(c, "openai", NULL, NULL);
    struct byok_value *value = byok_arena_alloc(&c->arena, sizeof *value);
    *value = json_of(&c->arena, byok_str_of(json));
    return byok_part_read(&c->call, value, out);
}

Test(kit_chat, parts_of_both_forms_are_read)
{
    static const struct {
        const char *json;
        enum byok_part_kind kind;
        const char *media_type, *data, *url;
    } parts[] = {
        {"{\"type\":\"image\",\"media_type\":\"image/png\",\"data\":\"AA==\"}", BYOK_PART_IMAGE,
         "image/png", "AA==", ""},
        {"{\"type\":\"image\",\"url\":\"https://a.example/b\"}", BYOK_PART_IMAGE, "", "",
         "https://a.example/b"},
        {"{\"type\":\"image\",\"url\":\"data:image/png;base64,AA==\"}", BYOK_PART_IMAGE,
         "image/png", "AA==", ""},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"DATA:image/png;base64,AA==\"}}",
         BYOK_PART_IMAGE, "image/png", "AA==", ""},
        {"{\"type\":\"image_url\",\"image_url\":\"https://a.example/b\"}", BYOK_PART_IMAGE, "", "",
         "https://a.example/b"},
        {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://a.example/b\",\"detail\":"
         "\"auto\"}}",
         BYOK_PART_IMAGE, "", "", "https://a.example/b"},
        {"{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\",\"format\":\"wav\"}}",
         BYOK_PART_AUDIO, "audio/wav", "AA==", ""},
        {"{\"type\":\"file\",\"file\":{\"file_data\":\"data:application/pdf;base64,AA==\"}}",
         BYOK_PART_DOCUMENT, "application/pdf", "AA==", ""},
        {"{\"type\":\"document\",\"source\":{}}", BYOK_PART_OTHER, "", "", ""},
        {"{\"inlineData\":{}}", BYOK_PART_OTHER, "", "", ""},
        {"7", BYOK_PART_OTHER, "", "", ""},
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct call c;
        struct byok_part part;
        cr_assert_null(read_part(&c, parts[i].json, &part), "%s", parts[i].json);
        cr_expect_eq(part.kind, parts[i].kind, "%s", parts[i].json);
        cr_expect(byok_str_is(part.media_type, parts[i].media_type), "%s", parts[i].json);
        cr_expect(byok_str_is(byok_value_as_str(&part.data), parts[i].data), "%s", parts[i].json);
        cr_expect(byok_str_is(part.url, parts[i].url), "%s", parts[i].json);
        call_done(&c);
    }
}

Test(kit_chat, parts_without_what_they_need_are_refused)
{
    static const char *const parts[] = {
        "{\"type\":\"image\"}",
        "{\"type\":\"image\",\"data\":\"AA==\"}",
        "{\"type\":\"image\",\"url\":\"data:image/png,AA\"}",
        "{\"type\":\"image\",\"url\":\"data:;base64,AA\"}",
        "{\"type\":\"image\",\"url\":\"https://a.example/b\",\"detail\":\"high\"}",
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://a.example/"
        "b\",\"detail\":\"low\"}}",
        "{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AA==\"}}",
        "{\"type\":\"file\",\"file\":{\"file_id\":\"f\"}}",
    };
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        struct call c;
        struct byok_part part;
        cr_expect_not_null(read_part(&c, parts[i], &part), "%s", parts[i]);
        call_done(&c);
    }
}

Test(kit_chat, a_choice_of_tool_is_read_in_all_its_forms)
{
    static const struct {
        const char *job;
        enum byok_choice choice;
        const char *name;
    } choices[] = {
        {JOB("\"tool_choice\":null"), BYOK_CHOICE_UNSAID, ""},
        {JOB("\"tool_choice\":\"auto\""), BYOK_CHOICE_AUTO, ""},
        {JOB("\"tool_choice\":\"none\""), BYOK_CHOICE_NONE, ""},
        {JOB("\"tool_choice\":\"required\""), BYOK_CHOICE_ANY, ""},
        {JOB("\"tool_choice\":\"any\""), BYOK_CHOICE_ANY, ""},
        {JOB("\"tool_choice\":\"f\""), BYOK_CHOICE_NAMED, "f"},
        {JOB("\"tool_choice\":{\"name\":\"f\"}"), BYOK_CHOICE_NAMED, "f"},
        {JOB("\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"f\"}}"),
         BYOK_CHOICE_NAMED, "f"},
        {JOB("\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\"}"), BYOK_CHOICE_OTHER, ""},
    };
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        struct call c;
        struct byok_str name;
        call_init(&c, "openai", NULL, choices[i].job);
        cr_expect_eq(byok_chat_choice(&c.call, &name), choices[i].choice, "%s", choices[i].job);
        cr_expect(byok_str_is(name, choices[i].name), "%s", choices[i].job);
        call_done(&c);
    }
}

Test(kit_chat, arguments_must_be_an_object)
{
    static const struct {
        const char *json;
        bool good;
    } functions[] = {
        {"{\"name\":\"f\"}", true},
        {"{\"name\":\"f\",\"arguments\":\"\"}", true},
        {"{\"name\":\"f\",\"arguments\":{\"a\":1}}", true},
        {"{\"name\":\"f\",\"arguments\":\"{}\"}", true},
        {"{\"name\":\"f\",\"arguments\":\"[]\"}", false},
        {"{\"name\":\"f\",\"arguments\":\"{\"}", false},
        {"{\"name\":\"f\",\"arguments\":7}", false},
    };
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        struct call c;
        struct byok_value arguments;
        call_init(&c, "openai", NULL, NULL);
        struct byok_value function = json_of(&c.arena, byok_str_of(functions[i].json));
        cr_expect_eq(byok_function_arguments(&c.call, &function, &arguments), functions[i].good,
                     "%s", functions[i].json);
        cr_expect(!functions[i].good || arguments.type == BYOK_VALUE_MAP);
        call_done(&c);
    }
}

Test(kit_chat, members_of_a_message_that_say_nothing_are_no_matter)
{
    static const char *const known[] = {"role", NULL};
    struct call c;
    call_init(&c, "openai", NULL, NULL);
    struct byok_value quiet =
        json_of(&c.arena, byok_str_of("{\"role\":\"user\",\"a\":null,\"b\":\"\",\"c\":[]}"));
    struct byok_value loud = json_of(&c.arena, byok_str_of("{\"role\":\"user\",\"audio\":false}"));
    cr_assert_null(byok_message_unknown(&c.call, &quiet, known));
    cr_assert_str_eq(byok_message_unknown(&c.call, &loud, known),
                     "a message has no \"audio\" here: leave it out");
    call_done(&c);
}

Test(kit_chat, forms_of_output_are_read)
{
    static const struct {
        const char *job;
        enum byok_output_form form;
    } forms[] = {
        {JOB("\"response_format\":null"), BYOK_OUTPUT_TEXT},
        {JOB("\"response_format\":\"text\""), BYOK_OUTPUT_TEXT},
        {JOB("\"response_format\":\"json\""), BYOK_OUTPUT_JSON},
        {JOB("\"response_format\":{\"type\":\"json_object\"}"), BYOK_OUTPUT_JSON},
        {JOB("\"response_format\":{\"type\":\"json_schema\",\"schema\":{}}"), BYOK_OUTPUT_SCHEMA},
        {JOB("\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"schema\":{}}}"),
         BYOK_OUTPUT_SCHEMA},
        {JOB("\"response_format\":{\"type\":\"json_schema\"}"), BYOK_OUTPUT_OTHER},
        {JOB("\"response_format\":\"xml\""), BYOK_OUTPUT_OTHER},
        {JOB("\"response_format\":{}"), BYOK_OUTPUT_OTHER},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct call c;
        const struct byok_value *schema;
        call_init(&c, "openai", NULL, forms[i].job);
        cr_expect_eq(byok_chat_output(&c.call, &schema), forms[i].form, "%s", forms[i].job);
        cr_expect_eq(schema != NULL, forms[i].form == BYOK_OUTPUT_SCHEMA, "%s", forms[i].job);
        call_done(&c);
    }
}
