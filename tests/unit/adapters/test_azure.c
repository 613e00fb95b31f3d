/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_azure.c - addresses of Azure OpenAI; whole calls and answers are in
 * tests/golden. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/kit.h"
#include "calls.h"

#define CHAT(rest)                                                                                 \
    "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"Hi\"" rest "}"

static void check_url(const char *base_url, const char *job, const char *url)
{
    struct call c;
    struct byok_http_request request;
    call_init(&c, "azure", base_url, job);
    cr_assert_eq(c.provider.adapter->ops[c.request.capability].build(&c.call, &request, &c.fault),
                 BYOK_E_OK, "%s", c.fault.text);
    cr_expect_str_eq(request.url.ptr, url, "%s", request.url.ptr);
    call_done(&c);
}

Test(azure, the_base_url_says_which_form_of_address_it_is)
{
    check_url("https://r.openai.azure.com/openai/v1", NULL,
              "https://r.openai.azure.com/openai/v1/chat/completions");
    check_url("https://r.openai.azure.com/openai/v1/",
              CHAT(",\"provider_options\":{\"api-version\":"
                   "\"preview\"}"),
              "https://r.openai.azure.com/openai/v1/chat/completions?api-version=preview");
    check_url("https://r.openai.azure.com", NULL,
              "https://r.openai.azure.com/openai/deployments/m/chat/completions"
              "?api-version=2024-10-21");
    check_url("https://r.openai.azure.com/openai", NULL,
              "https://r.openai.azure.com/openai/deployments/m/chat/completions"
              "?api-version=2024-10-21");
    check_url("https://gateway.example/azure", NULL,
              "https://gateway.example/azure/openai/deployments/m/chat/completions"
              "?api-version=2024-10-21");
}

Test(azure, the_responses_interface_has_the_deployment_in_the_body)
{
    check_url("https://r.example", CHAT(",\"model\":\"d\",\"api\":\"responses\""),
              "https://r.example/openai/responses?api-version=2024-10-21");
    check_url("https://r.example/openai/v1", CHAT(",\"model\":\"d\",\"api\":\"responses\""),
              "https://r.example/openai/v1/responses");
}

Test(azure, every_capability_has_its_path)
{
    static const struct {
        enum byok_capability capability;
        const char *path;
    } cases[] = {
        {BYOK_EMBEDDINGS, "embeddings"},
        {BYOK_TEXT_TO_SPEECH, "audio/speech"},
        {BYOK_SPEECH_TO_TEXT, "audio/transcriptions"},
        {BYOK_IMAGE_GENERATION, "images/generations"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char url[160];
        snprintf(url, sizeof url,
                 "https://r.example/openai/deployments/m/%s?api-version=2024-10-21", cases[i].path);
        check_url("https://r.example", smallest_job(cases[i].capability), url);
    }
}

Test(azure, a_deployment_is_one_segment_of_the_path)
{
    check_url("https://r.example", CHAT(",\"model\":\"../a b?c\""),
              "https://r.example/openai/deployments/..%2Fa%20b%3Fc/chat/completions"
              "?api-version=2024-10-21");
}

Test(azure, the_version_may_be_configured_as_a_header)
{
    static const struct byok_http_header header = {BYOK_STR("api-version"),
                                                   BYOK_STR("2025-04-01-preview")};
    struct call c;
    struct byok_http_request request;
    call_init(&c, "azure", "https://r.example", NULL);
    c.provider.extra_headers = &header;
    c.provider.extra_header_count = 1;
    cr_assert_eq(c.provider.adapter->ops[BYOK_CHAT].build(&c.call, &request, &c.fault), BYOK_E_OK);
    cr_expect(byok_str_find(request.url, byok_str_of("?api-version=2025-04-01-preview")) <
              request.url.len);
    call_done(&c);
}

Test(azure, checks_a_key_by_the_list_of_models_of_its_resource)
{
    static const struct {
        const char *base_url, *url;
    } cases[] = {
        {"https://r.example", "https://r.example/openai/models?api-version=2024-10-21"},
        {"https://r.example/openai/v1", "https://r.example/openai/v1/models"},
    };
    for (size_t i = 0; i < 2; i++) {
        struct call c;
        struct byok_http_request request;
        call_init(&c, "azure", cases[i].base_url, NULL);
        cr_assert_eq(c.provider.adapter->build_key_check(&c.call, &request, &c.fault), BYOK_E_OK);
        cr_expect_str_eq(request.url.ptr, cases[i].url);
        call_done(&c);
    }
}

Test(azure, without_a_configured_address_goes_nowhere)
{
    struct call c;
    call_init(&c, "azure", NULL, NULL);
    cr_assert(strstr(c.provider.origin, ".invalid"), "%s", c.provider.origin);
    call_done(&c);
}
