/* SPDX-License-Identifier: MIT */
/* demo/sim_anthropic.c - Anthropic's wire: messages, whole and as a stream of events.
 *
 * Source: https://docs.anthropic.com/en/api/messages, /messages-streaming, /errors, /rate-limits, and
 * the answers recorded in tests/golden/anthropic.
 */
#include <inttypes.h>
#include <time.h>

#include <yyjson.h>

#include "demo/sim_answer.h"
#include "demo/sim_members.h"
#include "demo/sim_text.h"
#include "demo/sim_wire.h"

/* ---- requests ---- */

/* A text, or an array of blocks with a type each. */
static bool read_content(struct sim_request *request, yyjson_val *content, struct sim_error *error)
{
    static const char *const types[] = {"text",
                                        "image",
                                        "document",
                                        "search_result",
                                        "tool_use",
                                        "tool_result",
                                        "thinking",
                                        "redacted_thinking",
                                        "server_tool_use",
                                        "web_search_tool_result",
                                        "container_upload",
                                        NULL};
    size_t i, count;
    yyjson_val *block;
    if (!yyjson_is_str(content) && !yyjson_is_arr(content))
        return sim_refuse(error, SIM_BAD_REQUEST, "messages.0.content: Field required");
    if (!sim_are_parts(content, types))
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "messages.0.content.0.type: Input tag does not match any of the expected "
                          "tags");
    yyjson_arr_foreach(content, i, count, block)
    {
        if (yyjson_equals_str(yyjson_obj_get(block, "type"), "text") &&
            sim_member_text(block, "text").len == 0)
            return sim_refuse(error, SIM_BAD_REQUEST,
                              "messages: text content blocks must be non-empty");
        if (yyjson_equals_str(yyjson_obj_get(block, "type"), "image") &&
            !yyjson_is_obj(yyjson_obj_get(block, "source")))
            return sim_refuse(error, SIM_BAD_REQUEST,
                              "messages.0.content.%zu.image.source: Field required", i);
        sim_add_content(request, yyjson_obj_get(block, "content")); /* of a tool_result */
    }
    sim_add_content(request, content);
    return true;
}

/* A tool has its name beside its schema, not inside a "function" as with OpenAI. */
static bool check_tools(yyjson_val *tools, struct sim_error *error)
{
    size_t i, count;
    yyjson_val *tool;
    yyjson_arr_foreach(tools, i, count, tool)
    {
        yyjson_val *type = yyjson_obj_get(tool, "type");
        const bool is_own = !type || yyjson_equals_str(type, "custom");
        if (sim_member_text(tool, "name").len == 0 || yyjson_equals_str(type, "function") ||
            (is_own && !yyjson_is_obj(yyjson_obj_get(tool, "input_schema"))))
            return sim_refuse(error, SIM_BAD_REQUEST, "tools.%zu.custom.name: Field required", i);
    }
    return true;
}

static bool read_messages(struct sim_request *request, yyjson_val *messages,
                          struct sim_error *error)
{
    size_t i, count;
    yyjson_val *message;
    if (!yyjson_is_arr(messages) || yyjson_arr_size(messages) == 0)
        return sim_refuse(error, SIM_BAD_REQUEST, "messages: at least one message is required");
    yyjson_arr_foreach(messages, i, count, message)
    {
        yyjson_val *role = yyjson_obj_get(message, "role");
        if (!yyjson_equals_str(role, "user") && !yyjson_equals_str(role, "assistant"))
            return sim_refuse(error, SIM_BAD_REQUEST,
                              "messages.%zu.role: Input should be 'user' or 'assistant'", i);
        if (!read_content(request, yyjson_obj_get(message, "content"), error))
            return false;
    }
    return true;
}

static const struct sim_member members[] = {
    {"model", SIM_TEXT, 0, 0},           {"messages", SIM_LIST, 0, 0},
    {"max_tokens", SIM_WHOLE, 1, 1e9},   {"system", SIM_ANY, 0, 0},
    {"stream", SIM_BOOL, 0, 0},          {"temperature", SIM_NUMBER, 0, 1},
    {"top_p", SIM_NUMBER, 0, 1},         {"top_k", SIM_WHOLE, 0, 1e9},
    {"stop_sequences", SIM_LIST, 0, 0},  {"metadata", SIM_OBJECT, 0, 0},
    {"tools", SIM_LIST, 0, 0},           {"tool_choice", SIM_OBJECT, 0, 0},
    {"thinking", SIM_OBJECT, 0, 0},      {"output_config", SIM_OBJECT, 0, 0},
    {"service_tier", SIM_TEXT, 0, 0},    {"container", SIM_ANY, 0, 0},
    {"mcp_servers", SIM_LIST, 0, 0},     {"context_management", SIM_OBJECT, 0, 0},
    {"inference_geo", SIM_TEXT, 0, 0},   {"cache_control", SIM_OBJECT, 0, 0},
    {"user_profile_id", SIM_TEXT, 0, 0}, {NULL, SIM_ANY, 0, 0},
};

/* For how long a cache is asked for, at the top; the rest of a request is not looked at for it. */
static void read_cache(struct sim_request *request, yyjson_val *root)
{
    yyjson_val *wanted = yyjson_obj_get(root, "cache_control");
    request->writes_cache = wanted != NULL;
    request->writes_1h = yyjson_equals_str(yyjson_obj_get(wanted, "ttl"), "1h");
}

/* As the service: what it does not know is refused, and max_tokens must be said. */
static bool read_message(const struct sim_input *input, struct sim_request *request,
                         struct sim_error *error)
{
    const char *name;
    yyjson_val *root = sim_read_json(input->body, request);
    if (!sim_header_of(input, "anthropic-version"))
        return sim_refuse(error, SIM_BAD_REQUEST, "anthropic-version: header is required");
    if (!root)
        return sim_refuse(error, SIM_BAD_REQUEST, "The request body is not valid JSON");
    const enum sim_fit fit = sim_check_members(root, members, &name);
    if (fit != SIM_FITS)
        return sim_refuse(error, SIM_BAD_REQUEST, "%.64s: %s", name,
                          fit == SIM_UNKNOWN ? "Extra inputs are not permitted"
                                             : "Input should be valid");
    const struct byok_str model = sim_member_text(root, "model");
    if (model.len == 0)
        return sim_refuse(error, SIM_BAD_REQUEST, "model: Field required");
    if (!sim_take_model(request, model))
        return sim_refuse(error, SIM_NO_SUCH_MODEL, "model: %.128s", model.ptr);
    request->max_tokens = sim_small_number(yyjson_obj_get(root, "max_tokens"));
    if (request->max_tokens == 0)
        return sim_refuse(error, SIM_BAD_REQUEST, "max_tokens: Field required");
    request->wants_stream = yyjson_is_true(yyjson_obj_get(root, "stream"));
    read_cache(request, root);
    sim_add_content(request, yyjson_obj_get(root, "system"));
    return check_tools(yyjson_obj_get(root, "tools"), error) &&
           read_messages(request, yyjson_obj_get(root, "messages"), error);
}

/* ---- answers ---- */

static const char *stop_reason(const struct sim_answer *answer)
{
    return answer->text->is_cut ? "max_tokens" : "end_turn";
}

/* Who asks for a cache writes all of the prompt to it.  Only a message's head says for how long. */
static void add_usage(const struct sim_answer *answer, uint32_t output, bool is_head,
                      struct byok_buf *out)
{
    const struct sim_request *request = answer->request;
    const uint32_t written = request->writes_cache ? request->input_tokens : 0;
    const uint32_t hour = request->writes_1h ? written : 0;
    byok_buf_printf(out,
                    "\"usage\":{\"input_tokens\":%" PRIu32
                    ",\"cache_creation_input_tokens\":%" PRIu32
                    ",\"cache_read_input_tokens\":0,\"output_tokens\":%" PRIu32,
                    request->input_tokens - written, written, output);
    if (is_head)
        byok_buf_printf(out,
                        ",\"cache_creation\":{\"ephemeral_5m_input_tokens\":%" PRIu32
                        ",\"ephemeral_1h_input_tokens\":%" PRIu32 "},\"service_tier\":\"standard\"",
                        written - hour, hour);
    byok_buf_printf(out, "}");
}

static void add_head(const struct sim_answer *answer, struct byok_buf *out)
{
    byok_buf_printf(out,
                    "\"id\":\"msg_sim%016" PRIx64 "\",\"type\":\"message\",\"role\":"
                    "\"assistant\",\"model\":",
                    answer->number);
    sim_json_string(out, answer->request->model);
}

static const char *stream(const struct sim_answer *answer, struct byok_buf *out)
{
    struct byok_str rest = byok_buf_str(&answer->text->text), piece;
    byok_buf_printf(out, "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{");
    add_head(answer, out);
    byok_buf_printf(out, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,");
    add_usage(answer, 1, true, out);
    byok_buf_printf(out,
                    "}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\","
                    "\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
                    "event: ping\ndata: {\"type\": \"ping\"}\n\n");
    while (sim_next_piece(&rest, &piece)) {
        byok_buf_printf(out, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
                             "\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":");
        sim_json_string(out, piece);
        byok_buf_printf(out, "}}\n\n");
    }
    byok_buf_printf(out,
                    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
                    "\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\","
                    "\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null},",
                    stop_reason(answer));
    add_usage(answer, answer->text->tokens, false, out);
    byok_buf_printf(out, "}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    return "text/event-stream; charset=utf-8";
}

static const char *write_message(const struct sim_answer *answer, struct byok_buf *out)
{
    if (answer->request->wants_stream)
        return stream(answer, out);
    byok_buf_add(out, "{", 1);
    add_head(answer, out);
    byok_buf_printf(out, ",\"content\":[{\"type\":\"text\",\"text\":");
    sim_json_string(out, byok_buf_str(&answer->text->text));
    byok_buf_printf(out, "}],\"stop_reason\":\"%s\",\"stop_sequence\":null,", stop_reason(answer));
    add_usage(answer, answer->text->tokens, true, out);
    byok_buf_add(out, "}", 1);
    return "application/json";
}

static const char *write_models(const struct sim_answer *answer, struct byok_buf *out)
{
    (void)answer;
    byok_buf_printf(out, "{\"data\":[{\"type\":\"model\",\"id\":\"claude-sim\",\"display_name\":"
                         "\"Simulated\",\"created_at\":\"2026-02-04T00:00:00Z\"}],\"has_more\":"
                         "false,\"first_id\":\"claude-sim\",\"last_id\":\"claude-sim\"}");
    return "application/json";
}

/* ---- errors, headers ---- */

static void add_error(const struct sim_limits *limits, struct byok_buf *out)
{
    const struct sim_error *error = limits->error;
    byok_buf_printf(out, "{\"type\":\"error\",\"error\":{\"type\":");
    sim_json_or_null(out, error->type);
    byok_buf_printf(out, ",\"message\":");
    sim_json_string(out, byok_str_of(error->message));
    byok_buf_printf(out, "},\"request_id\":\"req_sim%016" PRIx64 "\"}", limits->answer->number);
}

/* "2026-08-19T14:36:13Z" */
static void add_reset(struct sim_headers *out, const char *name, int64_t at_s)
{
    char text[32];
    struct tm parts;
    const time_t at = (time_t)at_s;
    if (gmtime_r(&at, &parts) && strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts) > 0)
        sim_header(out, name, "%s", text);
}

/* A limit resets at a second, so a wait of milliseconds is told as the next full one. */
static void add_headers(const struct sim_limits *limits, struct sim_headers *out)
{
    const int64_t now_s = limits->answer->now_s, wait_s = sim_wait_s(limits);
    const bool is_limited = sim_is_limited(limits) && limits->error->class == SIM_RATE_LIMITED;
    sim_header(out, "request-id", "req_sim%016" PRIx64, limits->answer->number);
    sim_header(out, "anthropic-ratelimit-requests-limit", "10000000");
    sim_header(out, "anthropic-ratelimit-requests-remaining", is_limited ? "0" : "9999999");
    add_reset(out, "anthropic-ratelimit-requests-reset",
              is_limited && wait_s > 0 ? now_s + wait_s : now_s);
    sim_header(out, "anthropic-ratelimit-tokens-limit", "2000000000");
    sim_header(out, "anthropic-ratelimit-tokens-remaining", "1999999000");
    add_reset(out, "anthropic-ratelimit-tokens-reset", now_s);
    sim_header_wait(limits, out);
}

static const struct sim_error errors[] = {
    {SIM_BAD_REQUEST, 400, "invalid_request_error", NULL, NULL, "The request is malformed."},
    {SIM_OUT_OF_MONEY, 400, "invalid_request_error", NULL, NULL,
     "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to "
     "upgrade or purchase credits."},
    {SIM_CONTEXT_TOO_LONG, 400, "invalid_request_error", NULL, NULL,
     "prompt is too long: 200001 tokens > 200000 maximum"},
    {SIM_CONTENT_REFUSED, 400, "invalid_request_error", NULL, NULL,
     "Output blocked by content filtering policy"},
    {SIM_NO_KEY, 401, "authentication_error", NULL, NULL, "x-api-key header is required"},
    {SIM_INVALID_KEY, 401, "authentication_error", NULL, NULL, "invalid x-api-key"},
    {SIM_FORBIDDEN, 403, "permission_error", NULL, NULL,
     "Your API key does not have permission to use the specified resource."},
    {SIM_NO_SUCH_PATH, 404, "not_found_error", NULL, NULL, "Not Found"},
    {SIM_NO_SUCH_MODEL, 404, "not_found_error", NULL, NULL, "model: not found"},
    {SIM_TOO_LARGE, 413, "request_too_large", NULL, NULL,
     "Request exceeds the maximum allowed number of bytes."},
    {SIM_RATE_LIMITED, 429, "rate_limit_error", NULL, NULL,
     "Number of requests has exceeded your rate limit."},
    {SIM_CONCURRENCY_LIMITED, 429, "rate_limit_error", NULL, NULL,
     "Number of concurrent connections has exceeded your rate limit."},
    {SIM_SERVER_ERROR, 500, "api_error", NULL, NULL, "Internal server error"},
    {SIM_TIMED_OUT, 504, "timeout_error", NULL, NULL, "Request timed out."},
    {SIM_OVERLOADED, 529, "overloaded_error", NULL, NULL, "Overloaded"},
};

static const struct sim_endpoint endpoints[] = {
    {SIM_CHAT, "POST", "/v1/messages", read_message, write_message},
    {SIM_MODELS, "GET", "/v1/models", NULL, write_models},
    {0},
};

extern const struct sim_wire sim_wire_anthropic;

const struct sim_wire sim_wire_anthropic = {
    .name = "anthropic",
    .mount = "/anthropic",
    .auth_header = "x-api-key",
    .auth_scheme = "",
    .key_start = "sk-ant-",
    .endpoints = endpoints,
    .errors = errors,
    .error_count = sizeof errors / sizeof errors[0],
    .add_error = add_error,
    .add_headers = add_headers,
};
