/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_estimate.c - how many tokens a job may cost. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "calls.h"

#define JOB(capability, rest)                                                                      \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"" capability "\"," rest "}"

static int64_t estimate_of(const char *job)
{
    struct call c;
    call_init(&c, "openai", NULL, job);
    int64_t tokens = byok_estimate_tokens(&c.request);
    call_done(&c);
    return tokens;
}

Test(estimate, four_bytes_are_a_token_and_the_answer_is_as_long_as_it_may_be)
{
    cr_assert_eq(estimate_of(JOB("chat", "\"prompt\":\"12345678\",\"max_tokens\":10")), 12);
    cr_assert_eq(estimate_of(JOB("chat", "\"prompt\":\"123456789\",\"max_tokens\":10")), 13);
    cr_assert_eq(estimate_of(JOB("chat", "\"prompt\":\"1234\"")), 1 + 1024);
}

Test(estimate, provider_options_bound_the_answer_before_max_tokens)
{
    cr_assert_eq(estimate_of(JOB("chat", "\"prompt\":\"1234\",\"max_tokens\":10,"
                                         "\"provider_options\":{\"max_completion_tokens\":5}")),
                 6);
    cr_assert_eq(estimate_of(JOB("chat", "\"prompt\":\"1234\",\"max_tokens\":10,"
                                         "\"provider_options\":{\"max_tokens\":\"x\"}")),
                 11);
}

Test(estimate, counts_messages_system_and_tools)
{
    cr_assert_eq(estimate_of(JOB("chat", "\"system\":\"1234\",\"max_tokens\":1,\"messages\":["
                                         "{\"role\":\"user\",\"content\":\"12345678\"}]")),
                 5); /* 4 + 8 + the role's 4 bytes */
    cr_assert_gt(estimate_of(JOB("chat", "\"prompt\":\"1\",\"max_tokens\":1,\"tools\":[{\"name\":"
                                         "\"a name of forty bytes, which counts too\"}]")),
                 10);
}

Test(estimate, media_cost_the_same_whatever_their_size)
{
    char job[8192];
    snprintf(job, sizeof job,
             JOB("chat", "\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
                         "\"image\",\"media_type\":\"image/png\",\"data\":\"%04000d\"}]}]"),
             0);
    cr_assert_eq(estimate_of(job), 1 + 1000 + 1);
}

Test(estimate, embeddings_generate_nothing)
{
    cr_assert_eq(estimate_of(JOB("embeddings", "\"input\":[\"1234\",\"5678\"]")), 2);
    cr_assert_eq(estimate_of(JOB("text_to_speech", "\"text\":\"1234\"")), 1);
    cr_assert_eq(estimate_of(JOB("speech_to_text", "\"audio\":\"AAAA\"")), 0);
}

Test(estimate, does_not_overflow)
{
    cr_assert_eq(estimate_of(JOB("chat", "\"prompt\":\"1\",\"max_tokens\":9223372036854775807")),
                 INT64_MAX);
}

static struct byok_usage usage_of(const char *job)
{
    struct call c;
    call_init(&c, "openai", NULL, job);
    struct byok_usage usage = byok_estimate_usage(&c.request);
    call_done(&c);
    return usage;
}

Test(estimate, every_unit_that_has_a_price_is_told)
{
    struct byok_usage chat = usage_of(JOB("chat", "\"prompt\":\"12345678\",\"max_tokens\":10"));
    cr_assert_eq(chat.input_tokens, 2);
    cr_assert_eq(chat.output_tokens, 10);
    cr_assert_eq(chat.characters + chat.milliseconds + chat.images, 0);
    struct byok_usage speech = usage_of(JOB("text_to_speech", "\"text\":\"h\u00e9!\""));
    cr_assert_eq(speech.characters, 3);
    struct byok_usage images = usage_of(JOB("image_generation", "\"prompt\":\"1234\",\"count\":3"));
    cr_assert_eq(images.images, 3);
    cr_assert_eq(images.input_tokens, 1);
    cr_assert_eq(usage_of(JOB("image_generation", "\"prompt\":\"1\"")).images, 1);
    cr_assert_eq(usage_of(JOB("embeddings", "\"input\":[\"1234\",\"5678\"]")).input_tokens, 2);
}

Test(estimate, sound_is_as_long_as_its_header_or_its_bytes_say)
{
    /* 16,000 bytes a second; 44 bytes of header and 36 of sound */
    static const char wav[] = JOB(
        "speech_to_text",
        "\"audio\":\"UklGRkgAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YSQAAAAAAAAAAAAAAAAAAAAA"
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"");
    cr_assert_eq(usage_of(wav).milliseconds, 5);
    cr_assert_eq(usage_of(JOB("speech_to_text", "\"audio\":\"AAAAAAAAAAAAAAAA\"")).milliseconds, 3);
}
