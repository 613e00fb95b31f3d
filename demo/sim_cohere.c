/* SPDX-License-Identifier: MIT */
/* demo/sim_cohere.c - Cohere's wire: chat (whole answers) and embeddings of version 2 of its API.
 *
 * Source: https://docs.cohere.com/reference/chat, .../embed, .../errors, and tests/golden/cohere.
 */
#include <inttypes.h>

#include <yyjson.h>

#include "demo/sim_answer.h"
#include "demo/sim_members.h"
#include "demo/sim_text.h"
#include "demo/sim_wire.h"

#define INPUTS_MAX 96u /* Cohere: at most 96 texts in a call */

/* The document, and its model, which must be said; NULL with `error` set. */
static yyjson_val *begin(const struct sim_input *input, struct sim_request *request,
                         struct sim_error *error)
{
    yyjson_val *root = sim_read_json(input->body, request);
    const struct byok_str model = sim_member_text(root, "model");
    if (!root)
        sim_refuse(error, SIM_BAD_REQUEST, "invalid request: body is not a JSON object");
    else if (model.len == 0)
        sim_refuse(error, SIM_BAD_REQUEST, "invalid request: model is required");
    else if (sim_take_model(request, model))
        return root;
    else
        sim_refuse(error, SIM_NO_SUCH_MODEL,
                   "model '%.128s' not found, make sure the correct model ID was used and that you "
                   "have access to the model.",
                   model.ptr);
    return NULL;
}

/* ---- chat ---- */

static const struct sim_member chat_members[] = {
    {"model", SIM_TEXT, 0, 0},
    {"messages", SIM_LIST, 0, 0},
    {"stream", SIM_BOOL, 0, 0},
    {"tools", SIM_LIST, 0, 0},
    {"strict_tools", SIM_BOOL, 0, 0},
    {"tool_choice", SIM_TEXT, 0, 0},
    {"documents", SIM_LIST, 0, 0},
    {"citation_options", SIM_OBJECT, 0, 0},
    {"response_format", SIM_OBJECT, 0, 0},
    {"safety_mode", SIM_TEXT, 0, 0},
    {"max_tokens", SIM_WHOLE, 0, 0},
    {"stop_sequences", SIM_LIST, 0, 0},
    {"temperature", SIM_NUMBER, 0, 1},
    {"seed", SIM_WHOLE, 0, 0},
    {"frequency_penalty", SIM_NUMBER, 0, 1},
    {"presence_penalty", SIM_NUMBER, 0, 1},
    {"k", SIM_WHOLE, 0, 500},
    {"p", SIM_NUMBER, 0.01, 0.99},
    {"logprobs", SIM_BOOL, 0, 0},
    {"thinking", SIM_OBJECT, 0, 0},
    {"priority", SIM_WHOLE, 0, 999},
    {NULL, SIM_ANY, 0, 0},
};

static bool read_chat_message(struct sim_request *request, yyjson_val *message)
{
    static const char *const roles[] = {"user", "assistant", "system", "tool", NULL};
    static const char *const parts[] = {"text", "image_url", "document", "thinking", NULL};
    yyjson_val *content = yyjson_obj_get(message, "content");
    const struct byok_str role = sim_member_text(message, "role");
    sim_add_content(request, content);
    return sim_is_one_of(role, roles) && sim_are_parts(content, parts) &&
           (!byok_str_is(role, "tool") || sim_member_text(message, "tool_call_id").len > 0) &&
           (!byok_str_is(role, "user") || yyjson_is_str(content) || yyjson_is_arr(content));
}

static bool read_chat(const struct sim_input *input, struct sim_request *request,
                      struct sim_error *error)
{
    static const char *const choices[] = {"REQUIRED", "NONE", NULL};
    const char *name;
    size_t i, count;
    yyjson_val *message, *root = begin(input, request, error);
    if (!root)
        return false;
    yyjson_val *messages = yyjson_obj_get(root, "messages");
    yyjson_val *choice = yyjson_obj_get(root, "tool_choice");
    const enum sim_fit fit = sim_check_members(root, chat_members, &name);
    if (fit != SIM_FITS)
        return sim_refuse(error, SIM_BAD_REQUEST, "invalid request: %s %.64s",
                          fit == SIM_UNKNOWN ? "unknown field: parameter" : "invalid value of",
                          name);
    if (choice && !sim_is_one_of(sim_text_of(choice), choices))
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "invalid request: tool_choice must be one of REQUIRED, NONE");
    if (yyjson_is_true(yyjson_obj_get(root, "stream")))
        return sim_refuse(error, SIM_BAD_REQUEST, "The simulated service streams no chats.");
    if (yyjson_arr_size(messages) == 0)
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "invalid request: messages must have at least one item");
    yyjson_arr_foreach(messages, i, count, message)
    {
        if (!read_chat_message(request, message))
            return sim_refuse(error, SIM_BAD_REQUEST, "invalid request: messages[%zu] is invalid",
                              i);
    }
    request->max_tokens = sim_small_number(yyjson_obj_get(root, "max_tokens"));
    return true;
}

static const char *write_chat(const struct sim_answer *answer, struct byok_buf *out)
{
    const uint32_t input = answer->request->input_tokens, output = answer->text->tokens;
    byok_buf_printf(out,
                    "{\"id\":\"sim%016" PRIx64 "\",\"message\":{\"role\":\"assistant\","
                    "\"content\":[{\"type\":\"text\",\"text\":",
                    answer->number);
    sim_json_string(out, byok_buf_str(&answer->text->text));
    byok_buf_printf(out,
                    "}]},\"finish_reason\":\"%s\",\"usage\":{\"billed_units\":{"
                    "\"input_tokens\":%" PRIu32 ",\"output_tokens\":%" PRIu32
                    "},\"tokens\":{\"input_tokens\":%" PRIu32 ",\"output_tokens\":%" PRIu32 "}}}",
                    answer->text->is_cut ? "MAX_TOKENS" : "COMPLETE", input, output, input, output);
    return "application/json";
}

/* ---- embeddings ---- */

/* The purpose and the types must be said. */
static bool read_embed(const struct sim_input *input, struct sim_request *request,
                       struct sim_error *error)
{
    static const char *const purposes[] = {"search_document", "search_query", "classification",
                                           "clustering",      "image",        NULL};
    yyjson_val *root = begin(input, request, error);
    if (!root)
        return false;
    yyjson_val *types = yyjson_obj_get(root, "embedding_types");
    yyjson_val *wanted = yyjson_obj_get(root, "output_dimension");
    if (!sim_is_one_of(sim_member_text(root, "input_type"), purposes))
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "invalid request: valid input_type must be provided with the provided "
                          "model");
    if (!yyjson_is_arr(yyjson_obj_get(root, "texts")) ||
        !sim_take_inputs(request, yyjson_obj_get(root, "texts"), INPUTS_MAX))
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "invalid request: texts must be 1 to 96 filled strings");
    if (yyjson_arr_size(types) != 1 || !yyjson_equals_str(yyjson_arr_get_first(types), "float"))
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "invalid request: the simulated service makes the embedding type float");
    request->dimensions = byok_str_starts(request->model, SIM_STR("embed-v4")) ? 1536 : 1024;
    if (wanted)
        request->dimensions = sim_small_number(wanted);
    return request->dimensions == 256 || request->dimensions == 512 ||
           request->dimensions == 1024 || request->dimensions == 1536 ||
           sim_refuse(error, SIM_BAD_REQUEST,
                      "invalid request: output_dimension must be 256, 512, 1024 or 1536");
}

static const char *write_embed(const struct sim_answer *answer, struct byok_buf *out)
{
    const struct sim_request *request = answer->request;
    byok_buf_printf(out, "{\"id\":\"sim%016" PRIx64 "\",\"texts\":[", answer->number);
    for (uint32_t i = 0; i < request->input_count; i++) {
        byok_buf_add(out, ",", i > 0);
        sim_json_string(out, request->inputs[i]);
    }
    byok_buf_printf(out, "],\"embeddings\":{\"float\":[");
    for (uint32_t i = 0; i < request->input_count; i++) {
        byok_buf_add(out, ",", i > 0);
        sim_add_vector(request, i, out);
    }
    byok_buf_printf(out,
                    "]},\"meta\":{\"api_version\":{\"version\":\"2\"},\"billed_units\":"
                    "{\"input_tokens\":%" PRIu32 "}},\"response_type\":\"embeddings_by_type\"}",
                    request->input_tokens);
    return "application/json";
}

/* ---- models, errors ---- */

static const char *write_models(const struct sim_answer *answer, struct byok_buf *out)
{
    (void)answer;
    byok_buf_printf(out, "{\"models\":[{\"name\":\"embed-v4.0\",\"endpoints\":[\"embed\"]}]}");
    return "application/json";
}

static void add_error(const struct sim_limits *limits, struct byok_buf *out)
{
    const struct sim_error *error = limits->error;
    byok_buf_printf(out, "{\"id\":\"sim%016" PRIx64 "\",\"message\":", limits->answer->number);
    sim_json_string(out, byok_str_of(error->message));
    byok_buf_add(out, "}", 1);
}

static void add_headers(const struct sim_limits *limits, struct sim_headers *out)
{
    (void)limits;
    sim_header(out, "x-endpoint-monthly-call-limit", "1000000");
    sim_header(out, "x-trial-endpoint-call-limit", "2000");
}

static const struct sim_error errors[] = {
    {SIM_BAD_REQUEST, 400, NULL, NULL, NULL, "invalid request"},
    {SIM_CONTEXT_TOO_LONG, 400, NULL, NULL, NULL,
     "too many tokens: total number of tokens in the prompt cannot exceed 4081 - received 4292. "
     "Try "
     "using a shorter prompt, or enabling prompt truncating."},
    {SIM_CONTENT_REFUSED, 400, NULL, NULL, NULL, "blocked input: this generation has been blocked"},
    {SIM_NO_KEY, 401, NULL, NULL, NULL, "no api key supplied"},
    {SIM_INVALID_KEY, 401, NULL, NULL, NULL, "invalid api token"},
    {SIM_OUT_OF_MONEY, 402, NULL, NULL, NULL,
     "Please add or update your payment method at https://dashboard.cohere.com/billing?tab=payment "
     "to continue"},
    {SIM_FORBIDDEN, 403, NULL, NULL, NULL, "you do not have access to this resource"},
    {SIM_NO_SUCH_PATH, 404, NULL, NULL, NULL, "404 page not found"},
    {SIM_NO_SUCH_MODEL, 404, NULL, NULL, NULL, "model not found"},
    {SIM_TOO_LARGE, 413, NULL, NULL, NULL, "request body too large"},
    {SIM_RATE_LIMITED, 429, NULL, NULL, NULL,
     "You are past the per minute request limit, please wait and try again later."},
    {SIM_DAY_LIMITED, 429, NULL, NULL, NULL,
     "You are using a Trial key, which is limited to 1000 API calls / month."},
    {SIM_SERVER_ERROR, 500, NULL, NULL, NULL, "internal server error"},
    {SIM_OVERLOADED, 503, NULL, NULL, NULL, "service unavailable, please try again later"},
    {SIM_TIMED_OUT, 504, NULL, NULL, NULL, "gateway timeout"},
};

static const struct sim_endpoint endpoints[] = {
    {SIM_CHAT, "POST", "/v2/chat", read_chat, write_chat},
    {SIM_EMBEDDINGS, "POST", "/v2/embed", read_embed, write_embed},
    {SIM_MODELS, "GET", "/v1/models", NULL, write_models},
    {0},
};

extern const struct sim_wire sim_wire_cohere;

const struct sim_wire sim_wire_cohere = {
    .name = "cohere",
    .mount = "/cohere",
    .auth_header = "Authorization",
    .auth_scheme = "Bearer ",
    .key_start = "",
    .endpoints = endpoints,
    .errors = errors,
    .error_count = sizeof errors / sizeof errors[0],
    .add_error = add_error,
    .add_headers = add_headers,
};
