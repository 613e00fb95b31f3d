/* SPDX-License-Identifier: MIT */
/* demo/sim_azure.c - Azure OpenAI's wire: OpenAI's bodies at other addresses, another key header.
 *
 * Dated versions name the deployment in the path and want ?api-version=; /openai/v1 has neither.
 * The stable dated versions know no /audio/speech, only previews do.
 * Source: https://learn.microsoft.com/azure/ai-foundry/openai/reference, .../api-version-lifecycle,
 * and tests/golden/azure.
 */
#include <inttypes.h>

#include "demo/sim_openai.h"
#include "demo/sim_text.h"

typedef bool reader(const struct sim_input *input, struct sim_request *request,
                    struct sim_error *error);

/* "2024-10-21", "2025-04-01-preview" */
static bool is_version(const char *version)
{
    static const char form[] = "dddd-dd-dd";
    for (size_t i = 0; version && i < sizeof form - 1; i++) {
        if (form[i] == 'd' ? version[i] < '0' || version[i] > '9' : version[i] != form[i])
            return false;
    }
    return version && (version[10] == '\0' || strcmp(version + 10, "-preview") == 0);
}

/* The deployment is the model, whatever the body says. */
static bool read_dated(const struct sim_input *input, struct sim_request *request,
                       struct sim_error *error, reader *read)
{
    if (!is_version(sim_argument(input, "api-version")))
        return sim_refuse(error, SIM_NO_SUCH_PATH, "Resource not found");
    if (!sim_take_model(request, input->name))
        return sim_refuse(error, SIM_NO_SUCH_MODEL, "%s", "");
    if (!read(input, request, error))
        return false;
    request->model = input->name;
    return true;
}

static bool read_chat(const struct sim_input *input, struct sim_request *request,
                      struct sim_error *error)
{
    return read_dated(input, request, error, sim_openai_read_chat);
}

static bool read_embeddings(const struct sim_input *input, struct sim_request *request,
                            struct sim_error *error)
{
    return read_dated(input, request, error, sim_openai_read_embeddings);
}

static bool read_speech(const struct sim_input *input, struct sim_request *request,
                        struct sim_error *error)
{
    const char *version = sim_argument(input, "api-version");
    if (!version || !strstr(version, "-preview"))
        return sim_refuse(error, SIM_NO_SUCH_PATH, "Resource not found");
    return read_dated(input, request, error, sim_openai_read_speech);
}

static bool read_transcription(const struct sim_input *input, struct sim_request *request,
                               struct sim_error *error)
{
    return read_dated(input, request, error, sim_openai_read_transcription);
}

static bool read_image(const struct sim_input *input, struct sim_request *request,
                       struct sim_error *error)
{
    return read_dated(input, request, error, sim_openai_read_image);
}

static bool read_models(const struct sim_input *input, struct sim_request *request,
                        struct sim_error *error)
{
    (void)request;
    return is_version(sim_argument(input, "api-version")) ||
           sim_refuse(error, SIM_NO_SUCH_PATH, "Resource not found");
}

/* What the model says has OpenAI's form, what the gateway says has a code and a message. */
static void add_error(const struct sim_limits *limits, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) message = {.cap_bytes = 1024};
    const struct sim_error *error = limits->error;
    if (error->type || error->param) {
        sim_openai_error(limits, out);
        return;
    }
    byok_buf_printf(out, "{\"error\":{\"code\":");
    sim_json_or_null(out, error->code);
    byok_buf_printf(&message, "%s", error->message);
    if (sim_is_limited(limits) && limits->wait_ms >= 0)
        byok_buf_printf(&message, " Please retry after %" PRId64 " seconds.", sim_wait_s(limits));
    byok_buf_printf(out, ",\"message\":");
    sim_json_string(out, byok_buf_str(&message));
    byok_buf_printf(out, "}}");
}

static void add_headers(const struct sim_limits *limits, struct sim_headers *out)
{
    const bool is_limited = sim_is_limited(limits);
    sim_header(out, "apim-request-id", "sim%016" PRIx64, limits->answer->number);
    sim_header(out, "x-ratelimit-remaining-requests", is_limited ? "0" : "9999999");
    sim_header(out, "x-ratelimit-remaining-tokens", "1999999999");
    if (is_limited && limits->wait_ms >= 0)
        sim_header(out, "x-ratelimit-reset-requests", "%" PRId64, sim_wait_s(limits));
    sim_header_wait(limits, out);
}

static const struct sim_error errors[] = {
    {SIM_BAD_REQUEST, 400, "invalid_request_error", NULL, NULL, "The request is malformed."},
    {SIM_CONTEXT_TOO_LONG, 400, "invalid_request_error", "context_length_exceeded", NULL,
     "This model's maximum context length is 128000 tokens. Please reduce the length of the "
     "messages."},
    {SIM_CONTENT_REFUSED, 400, NULL, "content_filter", "prompt",
     "The response was filtered due to the prompt triggering Azure OpenAI's content management "
     "policy. Please modify your prompt and retry."},
    {SIM_INVALID_KEY, 401, NULL, "401", NULL,
     "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a "
     "valid key for an active subscription and use a correct regional API endpoint for your "
     "resource."},
    {SIM_FORBIDDEN, 403, NULL, "403", NULL, "Access denied due to Virtual Network/Firewall rules."},
    {SIM_NO_SUCH_PATH, 404, NULL, "404", NULL, "Resource not found"},
    {SIM_NO_SUCH_MODEL, 404, NULL, "DeploymentNotFound", NULL,
     "The API deployment for this resource does not exist. If you created the deployment within "
     "the "
     "last 5 minutes, please wait a moment and try again."},
    {SIM_TIMED_OUT, 408, NULL, "Timeout", NULL, "The operation was timeout."},
    {SIM_TOO_LARGE, 413, NULL, "413", NULL, "Request body is too large."},
    {SIM_RATE_LIMITED, 429, NULL, "429", NULL,
     "Requests to the Operation under Azure OpenAI API have exceeded call rate limit of your "
     "current OpenAI S0 pricing tier."},
    {SIM_OUT_OF_MONEY, 429, "insufficient_quota", "insufficient_quota", NULL,
     "You exceeded your current quota, please check your plan and billing details."},
    {SIM_SERVER_ERROR, 500, NULL, "InternalServerError", NULL, "Internal server error"},
    {SIM_OVERLOADED, 503, NULL, "ServiceUnavailable", NULL,
     "The service is temporarily unable to process your request. Please try again later."},
};

#define DATED "/openai/deployments/*"
#define UNDATED "/openai/v1"

static const struct sim_endpoint endpoints[] = {
    {SIM_CHAT, "POST", DATED "/chat/completions", read_chat, sim_openai_chat},
    {SIM_EMBEDDINGS, "POST", DATED "/embeddings", read_embeddings, sim_openai_embeddings},
    {SIM_SPEECH, "POST", DATED "/audio/speech", read_speech, sim_openai_speech},
    {SIM_TRANSCRIPTION, "POST", DATED "/audio/transcriptions", read_transcription,
     sim_openai_transcription},
    {SIM_IMAGES, "POST", DATED "/images/generations", read_image, sim_openai_image},
    {SIM_MODELS, "GET", "/openai/models", read_models, sim_openai_models},
    {SIM_CHAT, "POST", UNDATED "/chat/completions", sim_openai_read_chat, sim_openai_chat},
    {SIM_EMBEDDINGS, "POST", UNDATED "/embeddings", sim_openai_read_embeddings,
     sim_openai_embeddings},
    {SIM_SPEECH, "POST", UNDATED "/audio/speech", sim_openai_read_speech, sim_openai_speech},
    {SIM_TRANSCRIPTION, "POST", UNDATED "/audio/transcriptions", sim_openai_read_transcription,
     sim_openai_transcription},
    {SIM_IMAGES, "POST", UNDATED "/images/generations", sim_openai_read_image, sim_openai_image},
    {SIM_MODELS, "GET", UNDATED "/models", NULL, sim_openai_models},
    {0},
};

extern const struct sim_wire sim_wire_azure;

const struct sim_wire sim_wire_azure = {
    .name = "azure",
    .mount = "/azure",
    .auth_header = "api-key",
    .auth_scheme = "",
    .key_start = "",
    .endpoints = endpoints,
    .errors = errors,
    .error_count = sizeof errors / sizeof errors[0],
    .add_error = add_error,
    .add_headers = add_headers,
};
