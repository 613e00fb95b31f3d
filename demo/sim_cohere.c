/* SPDX-License-Identifier: MIT */
/* demo/sim_cohere.c - Cohere's wire: embeddings of version 2 of its API.
 *
 * Source: https://docs.cohere.com/reference/embed, .../errors, and tests/golden/cohere.
 */
#include <inttypes.h>

#include <yyjson.h>

#include "demo/sim_answer.h"
#include "demo/sim_text.h"
#include "demo/sim_wire.h"

#define INPUTS_MAX 96u /* Cohere: at most 96 texts in a call */

/* Of version 2 the model, the purpose and the types must be said. */
static bool read_embed(const struct sim_input *input, struct sim_request *request,
                       struct sim_error *error)
{
    static const char *const purposes[] = {"search_document", "search_query", "classification",
                                           "clustering",      "image",        NULL};
    yyjson_val *root = sim_read_json(input->body, request);
    if (!root)
        return sim_refuse(error, SIM_BAD_REQUEST, "invalid request: body is not a JSON object");
    yyjson_val *types = yyjson_obj_get(root, "embedding_types");
    yyjson_val *wanted = yyjson_obj_get(root, "output_dimension");
    const struct byok_str model = sim_member_text(root, "model");
    if (model.len == 0)
        return sim_refuse(error, SIM_BAD_REQUEST, "invalid request: model is required");
    if (!sim_take_model(request, model))
        return sim_refuse(error, SIM_NO_SUCH_MODEL,
                          "model '%.128s' not found, make sure the correct model ID was used and "
                          "that you have access to the model.",
                          model.ptr);
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
    request->dimensions = byok_str_starts(model, SIM_STR("embed-v4")) ? 1536 : 1024;
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
