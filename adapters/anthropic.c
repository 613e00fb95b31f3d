/* SPDX-License-Identifier: MIT */
/* adapters/anthropic.c - Anthropic's Messages API, and services that speak it.
 *
 * Source: Anthropic's API reference (https://docs.anthropic.com/en/api/messages) and recorded
 * answers (tests/golden/anthropic).  The parts: anthropic_chat, anthropic_messages,
 * anthropic_blocks, anthropic_answer, anthropic_stream, anthropic_errors.  This file: what they share, and the
 * table.
 */
#include "adapters/anthropic_parts.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

/* The newest, https://docs.anthropic.com/en/api/versioning; the answers read here are of it. */
#define API_VERSION "2023-06-01"

void byok_anthropic_begin(const struct byok_adapter_call *call, const char *method,
                          const char *path, struct byok_http_request *out)
{
    byok_kit_begin(call, method, path, NULL, out);
    for (size_t i = 0; i < out->header_count; i++) {
        if (byok_str_eq_nocase(out->headers[i].name, STR("anthropic-version")))
            return;
    }
    /* within BYOK_KIT_OWN_HEADERS_MAX, which byok_provider_complete() leaves room for */
    out->headers[out->header_count++] =
        (struct byok_http_header){STR("anthropic-version"), STR(API_VERSION)};
}

/* Listing the models is free. */
static enum byok_err build_key_check(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    byok_anthropic_begin(call, "GET", "/models?limit=1", out);
    return byok_kit_check_memory(call, fault);
}

extern const struct byok_adapter byok_adapter_anthropic;

const struct byok_adapter byok_adapter_anthropic = {
    .name = "anthropic",
    .base_url = "https://api.anthropic.com/v1",
    .auth_header = "x-api-key",
    .auth_prefix = "",
    .ops = {[BYOK_CHAT] = {.build = byok_anthropic_build_chat,
                           .parse = byok_anthropic_parse_chat,
                           .event = byok_anthropic_event}},
    .build_key_check = build_key_check,
    .classify = byok_anthropic_classify,
};
