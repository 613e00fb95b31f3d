/* SPDX-License-Identifier: MIT */
/* demo/sim_openai.c - OpenAI's wire: chat completions, embeddings, models, errors, headers.
 *
 * Source: https://platform.openai.com/docs/api-reference, and the answers recorded in
 * tests/golden/openai.  Responses are in sim_openai_responses.c; speech, transcriptions and images in
 * sim_openai_media.c.
 */
#include "demo/sim_openai.h"

#include <inttypes.h>
#include <stdio.h>

#include <yyjson.h>

#include "demo/sim_answer.h"
#include "demo/sim_text.h"

#define EVENT_CAP ((size_t)64 * 1024 * 1024)
#define INPUTS_MAX 2048u     /* OpenAI: at most 2,048 inputs in one embeddings call */
#define DIMENSIONS_MAX 4096u /* OpenAI's largest model has 3,072 */

static const char *const models[] = {"gpt-4o",
                                     "gpt-4o-mini",
                                     "gpt-4.1-mini",
                                     "text-embedding-3-small",
                                     "text-embedding-3-large",
                                     "gpt-4o-mini-tts",
                                     "whisper-1",
                                     "gpt-image-1"};

bool sim_openai_refuse(struct sim_error *error, const char *param, const char *code,
                       const char *message)
{
    sim_refuse(error, SIM_BAD_REQUEST, "%s", message);
    error->param = param;
    error->code = code;
    return false;
}

struct yyjson_val *sim_openai_read_body(const struct sim_input *input,
                                        const struct sim_member *members,
                                        struct sim_request *request, struct sim_error *error)
{
    const char *name;
    yyjson_val *root = sim_read_json(input->body, request);
    if (!root) {
        sim_openai_refuse(error, NULL, NULL, "We could not parse the JSON body of your request.");
        return NULL;
    }
    const enum sim_fit fit = sim_check_members(root, members, &name);
    if (fit != SIM_FITS) {
        sim_refuse(error, SIM_BAD_REQUEST, "%s: '%.64s'.",
                   fit == SIM_UNKNOWN ? "Unknown parameter" : "Invalid value", name);
        error->code = fit == SIM_UNKNOWN ? "unknown_parameter" : "invalid_value";
        return NULL;
    }
    const struct byok_str model = sim_member_text(root, "model");
    if (model.len == 0) {
        sim_openai_refuse(error, NULL, NULL, "you must provide a model parameter");
        return NULL;
    }
    if (sim_take_model(request, model))
        return root;
    sim_refuse(error, SIM_NO_SUCH_MODEL,
               "The model `%.128s` does not exist or you do not have access to it.", model.ptr);
    return NULL;
}

static const struct sim_member chat_members[] = {
    {"metadata", SIM_OBJECT, 0, 0},
    {"top_logprobs", SIM_WHOLE, 0, 20},
    {"temperature", SIM_NUMBER, 0, 2},
    {"top_p", SIM_NUMBER, 0, 1},
    {"user", SIM_TEXT, 0, 0},
    {"safety_identifier", SIM_TEXT, 0, 0},
    {"prompt_cache_key", SIM_TEXT, 0, 0},
    {"prompt_cache_retention", SIM_TEXT, 0, 0},
    {"prompt_cache_options", SIM_OBJECT, 0, 0},
    {"messages", SIM_LIST, 0, 0},
    {"model", SIM_TEXT, 0, 0},
    {"service_tier", SIM_TEXT, 0, 0},
    {"modalities", SIM_LIST, 0, 0},
    {"verbosity", SIM_TEXT, 0, 0},
    {"reasoning_effort", SIM_TEXT, 0, 0},
    {"max_completion_tokens", SIM_WHOLE, 1, 1e9},
    {"frequency_penalty", SIM_NUMBER, -2, 2},
    {"presence_penalty", SIM_NUMBER, -2, 2},
    {"web_search_options", SIM_OBJECT, 0, 0},
    {"response_format", SIM_OBJECT, 0, 0},
    {"audio", SIM_OBJECT, 0, 0},
    {"store", SIM_BOOL, 0, 0},
    {"moderation", SIM_OBJECT, 0, 0},
    {"stream", SIM_BOOL, 0, 0},
    {"stop", SIM_ANY, 0, 0},
    {"logit_bias", SIM_OBJECT, 0, 0},
    {"logprobs", SIM_BOOL, 0, 0},
    {"max_tokens", SIM_WHOLE, 1, 1e9},
    {"n", SIM_WHOLE, 1, 128},
    {"prediction", SIM_OBJECT, 0, 0},
    {"seed", SIM_WHOLE, 0, 0},
    {"stream_options", SIM_OBJECT, 0, 0},
    {"tools", SIM_LIST, 0, 0},
    {"tool_choice", SIM_ANY, 0, 0},
    {"parallel_tool_calls", SIM_BOOL, 0, 0},
    {"function_call", SIM_ANY, 0, 0},
    {"functions", SIM_LIST, 0, 0},
    {NULL, SIM_ANY, 0, 0},
};

/* A role and parts that there are, and what a tool's answer and a picture need. */
static bool is_message(yyjson_val *message)
{
    static const char *const roles[] = {"system",   "developer", "user", "assistant",
                                        "function", "tool",      NULL};
    static const char *const parts[] = {"text", "image_url", "input_audio",
                                        "file", "refusal",   NULL};
    const struct byok_str role = sim_member_text(message, "role");
    yyjson_val *content = yyjson_obj_get(message, "content"), *part;
    size_t i, count;
    if (!sim_is_one_of(role, roles) || !sim_are_parts(content, parts) ||
        (byok_str_is(role, "tool") && !yyjson_is_str(yyjson_obj_get(message, "tool_call_id"))))
        return false;
    yyjson_arr_foreach(content, i, count, part)
    {
        if (yyjson_equals_str(yyjson_obj_get(part, "type"), "image_url") &&
            !yyjson_is_obj(yyjson_obj_get(part, "image_url")))
            return false;
    }
    return true;
}

bool sim_openai_read_chat(const struct sim_input *input, struct sim_request *request,
                          struct sim_error *error)
{
    yyjson_val *root = sim_openai_read_body(input, chat_members, request, error);
    if (!root)
        return false;
    yyjson_val *messages = yyjson_obj_get(root, "messages");
    if (!yyjson_is_arr(messages) || yyjson_arr_size(messages) == 0)
        return sim_openai_refuse(
            error, "messages", "empty_array",
            "Invalid 'messages': empty array. Expected an array with minimum length 1.");
    size_t i, count;
    yyjson_val *message;
    yyjson_arr_foreach(messages, i, count, message)
    {
        if (!is_message(message))
            return sim_openai_refuse(error, "messages", "invalid_value",
                                     "Invalid value: 'messages[]'.");
        sim_add_content(request, yyjson_obj_get(message, "content"));
    }
    yyjson_val *options = yyjson_obj_get(root, "stream_options");
    request->wants_stream = yyjson_is_true(yyjson_obj_get(root, "stream"));
    request->wants_usage = yyjson_is_true(yyjson_obj_get(options, "include_usage"));
    request->max_tokens = sim_small_number(yyjson_obj_get(root, "max_completion_tokens"));
    if (request->max_tokens == 0)
        request->max_tokens = sim_small_number(yyjson_obj_get(root, "max_tokens"));
    return true;
}

bool sim_openai_read_embeddings(const struct sim_input *input, struct sim_request *request,
                                struct sim_error *error)
{
    static const struct sim_member members[] = {
        {"input", SIM_ANY, 0, 0},
        {"model", SIM_TEXT, 0, 0},
        {"encoding_format", SIM_TEXT, 0, 0},
        {"dimensions", SIM_WHOLE, 1, DIMENSIONS_MAX},
        {"user", SIM_TEXT, 0, 0},
        {NULL, SIM_ANY, 0, 0},
    };
    yyjson_val *root = sim_openai_read_body(input, members, request, error);
    if (!root)
        return false;
    if (!sim_take_inputs(request, yyjson_obj_get(root, "input"), INPUTS_MAX))
        return sim_openai_refuse(
            error, "input", "invalid_input",
            "'input' must be a filled string or an array of 1 to 2048 filled strings.");
    yyjson_val *format = yyjson_obj_get(root, "encoding_format");
    request->wants_base64 = yyjson_equals_str(format, "base64");
    if (format && !request->wants_base64 && !yyjson_equals_str(format, "float"))
        return sim_openai_refuse(error, "encoding_format", "invalid_value",
                                 "'encoding_format' must be 'float' or 'base64'.");
    request->dimensions = sim_small_number(yyjson_obj_get(root, "dimensions"));
    if (request->dimensions == 0)
        request->dimensions = byok_str_is(request->model, "text-embedding-3-large") ? 3072 : 1536;
    return true;
}

/* ---- chat ---- */

static void add_usage(const struct sim_answer *answer, struct byok_buf *out)
{
    const uint32_t input = answer->request->input_tokens, output = answer->text->tokens;
    byok_buf_printf(out,
                    "\"usage\":{\"prompt_tokens\":%" PRIu32 ",\"completion_tokens\":%" PRIu32
                    ",\"total_tokens\":%" PRIu32
                    ",\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
                    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
                    "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
                    input, output, input + output);
}

static const char *finish_reason(const struct sim_text *text)
{
    return text->is_cut ? "length" : "stop";
}

/* "id", "object", "created" and "model", as answers and events begin. */
static void add_head(const struct sim_answer *answer, const char *object, struct byok_buf *out)
{
    byok_buf_printf(out,
                    "{\"id\":\"chatcmpl-sim%016" PRIx64 "\",\"object\":\"%s\",\"created\":%" PRId64
                    ",\"model\":",
                    answer->number, object, answer->now_s);
    sim_json_string(out, answer->request->model);
}

static void add_delta(struct byok_str head, struct byok_str delta, const char *reason,
                      const char *usage, struct byok_buf *out)
{
    byok_buf_add_str(out, head);
    byok_buf_printf(out, "{\"index\":0,\"delta\":{%.*s},\"logprobs\":null,\"finish_reason\":",
                    BYOK_STR_ARG(delta));
    sim_json_or_null(out, reason);
    byok_buf_printf(out, "}]%s}\n\n", usage);
}

static const char *stream(const struct sim_answer *answer, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) head = {.cap_bytes = EVENT_CAP};
    BYOK_AUTO(byok_buf) delta = {.cap_bytes = EVENT_CAP};
    byok_buf_printf(&head, "data: ");
    add_head(answer, "chat.completion.chunk", &head);
    byok_buf_printf(&head, ",\"system_fingerprint\":\"fp_simulated\",\"choices\":[");
    const char *usage = answer->request->wants_usage ? ",\"usage\":null" : "";
    struct byok_str rest = byok_buf_str(&answer->text->text), piece;
    add_delta(byok_buf_str(&head),
              SIM_STR("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null"), NULL, usage,
              out);
    while (sim_next_piece(&rest, &piece)) {
        byok_buf_clear(&delta);
        byok_buf_printf(&delta, "\"content\":");
        sim_json_string(&delta, piece);
        add_delta(byok_buf_str(&head), byok_buf_str(&delta), NULL, usage, out);
    }
    add_delta(byok_buf_str(&head), (struct byok_str){0}, finish_reason(answer->text), usage, out);
    if (answer->request->wants_usage) {
        byok_buf_add_str(out, byok_buf_str(&head));
        byok_buf_add(out, "],", 2);
        add_usage(answer, out);
        byok_buf_add(out, "}\n\n", 3);
    }
    byok_buf_printf(out, "data: [DONE]\n\n");
    return "text/event-stream";
}

const char *sim_openai_chat(const struct sim_answer *answer, struct byok_buf *out)
{
    if (answer->request->wants_stream)
        return stream(answer, out);
    add_head(answer, "chat.completion", out);
    byok_buf_printf(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                         "\"refusal\":null,\"annotations\":[],\"content\":");
    sim_json_string(out, byok_buf_str(&answer->text->text));
    byok_buf_printf(out, "},\"logprobs\":null,\"finish_reason\":\"%s\"}],",
                    finish_reason(answer->text));
    add_usage(answer, out);
    byok_buf_printf(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_simulated\"}");
    return "application/json";
}

/* ---- embeddings, models ---- */

void sim_openai_add_embeddings(const struct sim_request *request, struct byok_buf *out)
{
    byok_buf_printf(out, "{\"object\":\"list\",\"data\":[");
    for (uint32_t i = 0; i < request->input_count; i++) {
        byok_buf_printf(out, "%s{\"object\":\"embedding\",\"index\":%" PRIu32 ",\"embedding\":",
                        i ? "," : "", i);
        sim_add_vector(request, i, out);
        byok_buf_add(out, "}", 1);
    }
    byok_buf_printf(out, "],\"model\":");
    sim_json_string(out, request->model);
    byok_buf_add(out, ",", 1);
}

const char *sim_openai_embeddings(const struct sim_answer *answer, struct byok_buf *out)
{
    const uint32_t tokens = answer->request->input_tokens;
    sim_openai_add_embeddings(answer->request, out);
    byok_buf_printf(out, "\"usage\":{\"prompt_tokens\":%" PRIu32 ",\"total_tokens\":%" PRIu32 "}}",
                    tokens, tokens);
    return "application/json";
}

const char *sim_openai_models(const struct sim_answer *answer, struct byok_buf *out)
{
    (void)answer;
    byok_buf_printf(out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        byok_buf_printf(out,
                        "%s{\"id\":\"%s\",\"object\":\"model\",\"created\":1715367049,"
                        "\"owned_by\":\"simulated\"}",
                        i ? "," : "", models[i]);
    byok_buf_add(out, "]}", 2);
    return "application/json";
}

/* ---- errors, headers ---- */

/* A limit's message ends with the wait, where one is told. */
void sim_openai_error(const struct sim_limits *limits, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) message = {.cap_bytes = 1024};
    const struct sim_error *error = limits->error;
    char room[40];
    byok_buf_printf(&message, "%s", error->message);
    if (sim_is_limited(limits) && limits->wait_ms >= 0)
        byok_buf_printf(&message, " Please try again in %s.", sim_duration(limits->wait_ms, room));
    byok_buf_printf(out, "{\"error\":{\"message\":");
    sim_json_string(out, byok_buf_str(&message));
    byok_buf_printf(out, ",\"type\":");
    sim_json_or_null(out, error->type);
    byok_buf_printf(out, ",\"param\":");
    sim_json_or_null(out, error->param);
    byok_buf_printf(out, ",\"code\":");
    sim_json_or_null(out, error->code);
    byok_buf_add(out, "}}\n", 3);
}

/* The limits named are far above what one machine can do: the simulator enforces none, and a client
 * that paces itself by them must not slow down.  Resets are durations as OpenAI writes them. */
static void add_rate_headers(const struct sim_limits *limits, struct sim_headers *out)
{
    const bool is_limited = sim_is_limited(limits);
    char room[40];
    sim_header(out, "x-ratelimit-limit-requests", "10000000");
    sim_header(out, "x-ratelimit-limit-tokens", "2000000000");
    sim_header(out, "x-ratelimit-remaining-requests", is_limited ? "0" : "9999999");
    sim_header(out, "x-ratelimit-remaining-tokens", "1999999999");
    sim_header(out, "x-ratelimit-reset-tokens", "1ms");
    sim_header(out, "x-ratelimit-reset-requests", "%s",
               sim_duration(is_limited && limits->wait_ms >= 0 ? limits->wait_ms : 6, room));
    sim_header_wait(limits, out);
}

static void add_headers(const struct sim_limits *limits, struct sim_headers *out)
{
    sim_header(out, "x-request-id", "req_sim%016" PRIx64, limits->answer->number);
    sim_header(out, "openai-processing-ms", "1");
    add_rate_headers(limits, out);
}

/* As OpenAI does: the end of a key tells its owner which one it is. */
static void refuse_key(struct byok_str key, struct sim_error *error)
{
    const size_t shown = key.len >= 16 ? 4 : 0;
    snprintf(error->message, sizeof error->message,
             "Incorrect API key provided: sk-***%.*s. You can find your API key at "
             "https://platform.openai.com/account/api-keys.",
             (int)shown, key.ptr + key.len - shown);
}

static const struct sim_error errors[] = {
    {SIM_BAD_REQUEST, 400, "invalid_request_error", NULL, NULL, "The request is malformed."},
    {SIM_CONTEXT_TOO_LONG, 400, "invalid_request_error", "context_length_exceeded", NULL,
     "Your input exceeds the context window of this model. Please adjust your input and try "
     "again."},
    {SIM_CONTENT_REFUSED, 400, "invalid_request_error", "content_policy_violation", NULL,
     "Your request was rejected as a result of our safety system."},
    {SIM_NO_KEY, 401, "invalid_request_error", NULL, NULL,
     "You didn't provide an API key. You need to provide your API key in an Authorization header "
     "using Bearer auth."},
    {SIM_INVALID_KEY, 401, "invalid_request_error", "invalid_api_key", NULL,
     "Incorrect API key provided."},
    {SIM_FORBIDDEN, 403, "invalid_request_error", "insufficient_permissions", NULL,
     "You have insufficient permissions for this operation."},
    {SIM_NO_SUCH_MODEL, 404, "invalid_request_error", "model_not_found", NULL,
     "The model does not exist or you do not have access to it."},
    {SIM_NO_SUCH_PATH, 404, "invalid_request_error", NULL, NULL, "Invalid URL"},
    {SIM_TIMED_OUT, 408, "timeout", NULL, NULL, "The request timed out."},
    {SIM_TOO_LARGE, 413, "invalid_request_error", NULL, NULL, "The request is too large."},
    {SIM_RATE_LIMITED, 429, "requests", "rate_limit_exceeded", NULL,
     "Rate limit reached for requests."},
    {SIM_DAY_LIMITED, 429, "requests", "rate_limit_exceeded", NULL,
     "Rate limit reached for sim-model in organization org-sim on requests per day (RPD): Limit "
     "200, Used 200, Requested 1."},
    {SIM_OUT_OF_MONEY, 429, "insufficient_quota", "insufficient_quota", NULL,
     "You exceeded your current quota, please check your plan and billing details."},
    {SIM_SERVER_ERROR, 500, "server_error", NULL, NULL,
     "The server had an error while processing your request."},
    {SIM_OVERLOADED, 503, "server_error", NULL, NULL, "The engine is currently overloaded."},
    {SIM_OTHER, 529, "overloaded_error", NULL, NULL, "Overloaded."},
};

static const struct sim_endpoint endpoints[] = {
    {SIM_CHAT, "POST", "/v1/chat/completions", sim_openai_read_chat, sim_openai_chat},
    {SIM_CHAT, "POST", "/v1/responses", sim_openai_read_response, sim_openai_response},
    {SIM_EMBEDDINGS, "POST", "/v1/embeddings", sim_openai_read_embeddings, sim_openai_embeddings},
    {SIM_SPEECH, "POST", "/v1/audio/speech", sim_openai_read_speech, sim_openai_speech},
    {SIM_TRANSCRIPTION, "POST", "/v1/audio/transcriptions", sim_openai_read_transcription,
     sim_openai_transcription},
    {SIM_IMAGES, "POST", "/v1/images/generations", sim_openai_read_image, sim_openai_image},
    {SIM_MODELS, "GET", "/v1/models", NULL, sim_openai_models},
    {0},
};

extern const struct sim_wire sim_wire_openai;

const struct sim_wire sim_wire_openai = {
    .name = "openai",
    .mount = "",
    .auth_header = "Authorization",
    .auth_scheme = "Bearer ",
    .key_start = "sk-",
    .endpoints = endpoints,
    .errors = errors,
    .error_count = sizeof errors / sizeof errors[0],
    .add_error = sim_openai_error,
    .add_headers = add_headers,
    .refuse_key = refuse_key,
};
