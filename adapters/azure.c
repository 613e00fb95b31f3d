/* SPDX-License-Identifier: MIT */
/* adapters/azure.c - Azure OpenAI: the openai adapter at other addresses.
 *
 * Two forms of address, told apart by the configured base_url:
 *   …/v1 (https://RESOURCE.openai.azure.com/openai/v1)  OpenAI's own paths; the deployment is the
 *       body's "model"; no version
 *   any other (https://RESOURCE.openai.azure.com)       /openai/deployments/DEPLOYMENT/…, with
 *       ?api-version=; the version is the job's option "api-version", else the configured header of
 *       that name, else the newest that is stable
 * A job's model is the name of the deployment.
 * The stable dated version describes no /audio/speech and no /responses (which stands beside the
 * deployments): they need …/v1 or a preview version.
 * Source: https://learn.microsoft.com/azure/ai-foundry/openai/reference, …/api-version-lifecycle,
 * and the published description of version 2024-10-21.
 */
#include "adapters/openai_parts.h"
#include "adapters/query.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

/* The last stable version of the dated ones: the versions after it are all of the form …/v1. */
#define API_VERSION "2024-10-21"

extern const struct byok_adapter byok_adapter_openai;
extern const struct byok_adapter byok_adapter_azure;

/* A call as the openai adapter is to see it. */
struct inner {
    struct byok_adapter_call call;
    struct byok_provider provider;
    struct byok_request request;
    struct byok_value options;
    struct byok_str version; /* empty: the form …/v1, which has none */
};

static bool ends_with(const char *text, const char *end)
{
    const size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static struct byok_str version_of(const struct byok_adapter_call *call)
{
    const struct byok_provider *provider = call->provider;
    struct byok_str option =
        byok_value_as_str(byok_value_find(call->request->provider_options, "api-version"));
    if (option.len > 0 || ends_with(provider->base_url, "/v1"))
        return option;
    for (size_t i = 0; i < provider->extra_header_count; i++) {
        if (byok_str_eq_nocase(provider->extra_headers[i].name, STR("api-version")))
            return provider->extra_headers[i].value;
    }
    return STR(API_VERSION);
}

static bool is_responses(const struct byok_adapter_call *call)
{
    return call->request->capability == BYOK_CHAT && byok_openai_is_responses(call);
}

/* The options without the version. */
static void take_options(const struct byok_adapter_call *call, struct inner *inner)
{
    const struct byok_value *options = call->request->provider_options;
    inner->options = byok_value_map();
    for (uint32_t i = 0; byok_value_is(options, BYOK_VALUE_MAP) && i < options->count; i++) {
        const struct byok_member *option = &options->as.members[i];
        if (!byok_str_is(option->name, "api-version"))
            byok_kit_put(call->arena, &inner->options, option->name, option->value);
    }
}

static void make_inner(const struct byok_adapter_call *call, bool with_deployment,
                       struct inner *inner)
{
    const char *base = call->provider->base_url;
    const char *root = ends_with(base, "/openai") ? "" : "/openai";
    inner->call = *call;
    inner->provider = *call->provider;
    inner->request = *call->request;
    inner->version = version_of(call);
    take_options(call, inner);
    inner->request.provider_options = &inner->options;
    inner->call.request = &inner->request;
    inner->call.provider = &inner->provider;
    if (ends_with(base, "/v1"))
        return;
    struct byok_str model = byok_kit_segment(call->arena, call->model);
    struct byok_str url = with_deployment ? byok_arena_printf(call->arena, "%s%s/deployments/%.*s",
                                                              base, root, BYOK_STR_ARG(model))
                                          : byok_arena_printf(call->arena, "%s%s", base, root);
    if (url.ptr)
        inner->provider.base_url = url.ptr;
}

static void put_version(const struct inner *inner, struct byok_http_request *out)
{
    struct byok_value query = byok_value_map();
    byok_value_set_str(inner->call.arena, &query, "api-version", inner->version);
    byok_query_add(inner->call.arena, &out->url, &query);
}

static enum byok_err build(const struct byok_adapter_call *call, struct byok_http_request *out,
                           struct byok_fault *fault)
{
    struct inner inner;
    /* the responses interface has the deployment in the body, as all have under /v1 */
    make_inner(call, !is_responses(call), &inner);
    enum byok_err err = byok_kit_check_memory(call, fault);
    if (err == BYOK_E_OK)
        err = byok_adapter_openai.ops[call->request->capability].build(&inner.call, out, fault);
    if (err != BYOK_E_OK)
        return err;
    put_version(&inner, out);
    return byok_kit_check_memory(call, fault);
}

static enum byok_err parse(const struct byok_adapter_call *call,
                           const struct byok_http_response *response, struct byok_answer *out,
                           struct byok_fault *fault)
{
    enum byok_err err =
        byok_adapter_openai.ops[call->request->capability].parse(call, response, out, fault);
    struct byok_str id = byok_kit_header(call, response, "apim-request-id");
    if (id.len > 0)
        out->provider_request_id = id;
    return err;
}

static enum byok_err read_event(const struct byok_adapter_call *call,
                                const struct byok_sse_event *event, const struct byok_value *root,
                                struct byok_stream *stream, struct byok_fault *fault)
{
    return byok_adapter_openai.ops[call->request->capability].event(call, event, root, stream,
                                                                    fault);
}

static enum byok_err build_key_check(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault)
{
    struct inner inner;
    make_inner(call, false, &inner);
    enum byok_err err = byok_kit_check_memory(call, fault);
    if (err == BYOK_E_OK)
        err = byok_adapter_openai.build_key_check(&inner.call, out, fault);
    if (err != BYOK_E_OK)
        return err;
    put_version(&inner, out);
    return byok_kit_check_memory(call, fault);
}

const struct byok_adapter byok_adapter_azure = {
    .name = "azure",
    /* There is no common address: a resource has its own, which must be configured.  A name of
     * .invalid is never found (RFC 6761, 6.4), so that no key is sent to a stranger. */
    .base_url = "https://configure-the-base-url-of-azure.invalid/openai/v1",
    .auth_header = "api-key",
    .auth_prefix = "",
    .ops =
        {
            [BYOK_CHAT] = {.build = build, .parse = parse, .event = read_event},
            [BYOK_TEXT_TO_SPEECH] = {.build = build,
                                     .parse = parse,
                                     .text_max = byok_openai_speech_max,
                                     .streams_audio = true},
            [BYOK_SPEECH_TO_TEXT] =
                {.build = build, .parse = parse, .event = read_event, .sends_file = true},
            [BYOK_IMAGE_GENERATION] = {.build = build, .parse = parse},
            [BYOK_EMBEDDINGS] = {.build = build, .parse = parse, .bulk = BYOK_OPENAI_BULK},
        },
    .build_key_check = build_key_check,
    .classify = byok_openai_classify,
};
