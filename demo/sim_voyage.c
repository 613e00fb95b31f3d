/* SPDX-License-Identifier: MIT */
/* demo/sim_voyage.c - Voyage AI's wire: embeddings, OpenAI's form but for the names of its options.
 *
 * Source: https://docs.voyageai.com/reference/embeddings-api, .../docs/error-codes, and
 * tests/golden/voyage.  It lists neither models nor accounts and knows no error of money.
 */
#include <inttypes.h>

#include <yyjson.h>

#include "demo/sim_members.h"
#include "demo/sim_openai.h"
#include "demo/sim_text.h"

#define INPUTS_MAX 1000u /* Voyage: at most 1,000 texts in a call */

static bool read_embeddings(const struct sim_input *input, struct sim_request *request,
                            struct sim_error *error)
{
    static const struct sim_member known[] = {
        {"model", SIM_TEXT, 0, 0},           {"input", SIM_ANY, 0, 0},
        {"input_type", SIM_TEXT, 0, 0},      {"truncation", SIM_BOOL, 0, 0},
        {"output_dtype", SIM_TEXT, 0, 0},    {"output_dimension", SIM_WHOLE, 0, 0},
        {"encoding_format", SIM_TEXT, 0, 0}, {NULL, SIM_ANY, 0, 0},
    };
    yyjson_val *root = sim_read_json(input->body, request);
    const char *name = NULL;
    const enum sim_fit fit = sim_check_members(root, known, &name);
    if (!root)
        return sim_refuse(error, SIM_BAD_REQUEST, "The request body is not valid JSON.");
    if (fit == SIM_UNKNOWN)
        return sim_refuse(error, SIM_BAD_REQUEST, "Argument '%.64s' is not supported by our API",
                          name);
    if (fit == SIM_UNFIT)
        return sim_refuse(error, SIM_BAD_REQUEST, "The value of argument '%.64s' is invalid", name);
    const struct byok_str type = sim_member_text(root, "input_type");
    const struct byok_str model = sim_member_text(root, "model");
    if (!sim_take_model(request, model) || !byok_str_starts(model, SIM_STR("voyage-")))
        return sim_refuse(error, SIM_NO_SUCH_MODEL,
                          "Model %.*s is not supported. Supported models are ['voyage-4'].",
                          model.len > 64 ? 64 : (int)model.len, model.ptr ? model.ptr : "");
    if (type.len > 0 && !byok_str_is(type, "query") && !byok_str_is(type, "document"))
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "The input_type must be one of None, 'query', 'document'.");
    if (!sim_take_inputs(request, yyjson_obj_get(root, "input"), INPUTS_MAX))
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "The input must be a filled text or a list of 1 to 1000 of them.");
    yyjson_val *format = yyjson_obj_get(root, "encoding_format");
    yyjson_val *wanted = yyjson_obj_get(root, "output_dimension");
    request->wants_base64 = yyjson_equals_str(format, "base64");
    if (format && !yyjson_is_null(format) && !request->wants_base64)
        return sim_refuse(error, SIM_BAD_REQUEST, "The encoding_format must be None or 'base64'.");
    request->dimensions = wanted ? sim_small_number(wanted) : 1024;
    return request->dimensions == 256 || request->dimensions == 512 ||
           request->dimensions == 1024 || request->dimensions == 2048 ||
           sim_refuse(error, SIM_BAD_REQUEST,
                      "The output_dimension must be one of 256, 512, 1024, 2048.");
}

static const char *write_embeddings(const struct sim_answer *answer, struct byok_buf *out)
{
    sim_openai_add_embeddings(answer->request, out);
    byok_buf_printf(out, "\"usage\":{\"total_tokens\":%" PRIu32 "}}",
                    answer->request->input_tokens);
    return "application/json";
}

static void add_error(const struct sim_limits *limits, struct byok_buf *out)
{
    const struct sim_error *error = limits->error;
    byok_buf_printf(out, "{\"detail\":");
    sim_json_string(out, byok_str_of(error->message));
    byok_buf_add(out, "}", 1);
}

static void add_headers(const struct sim_limits *limits, struct sim_headers *out)
{
    sim_header(out, "x-request-id", "sim%016" PRIx64, limits->answer->number);
}

static const struct sim_error errors[] = {
    {SIM_BAD_REQUEST, 400, NULL, NULL, NULL, "The request is malformed."},
    {SIM_NO_SUCH_MODEL, 400, NULL, NULL, NULL,
     "Model is not supported. Supported models are ['voyage-4']."},
    {SIM_CONTEXT_TOO_LONG, 400, NULL, NULL, NULL,
     "Request to model 'voyage-4' failed. The max allowed tokens per submitted batch is 120000. "
     "Your batch has 150000 tokens after truncation."},
    {SIM_INVALID_KEY, 401, NULL, NULL, NULL, "Provided API key is invalid."},
    {SIM_FORBIDDEN, 403, NULL, NULL, NULL, "Forbidden"},
    {SIM_NO_SUCH_PATH, 404, NULL, NULL, NULL, "Not Found"},
    {SIM_RATE_LIMITED, 429, NULL, NULL, NULL,
     "You have not yet added your payment method in the billing page and will have reduced rate "
     "limits of 3 RPM and 10K TPM."},
    {SIM_SERVER_ERROR, 500, NULL, NULL, NULL, "An unexpected error occurred on our server."},
    {SIM_OVERLOADED, 503, NULL, NULL, NULL, "Our servers are experiencing high traffic."},
    {SIM_TIMED_OUT, 504, NULL, NULL, NULL, "Our servers are experiencing high traffic."},
};

static const struct sim_endpoint endpoints[] = {
    {SIM_EMBEDDINGS, "POST", "/v1/embeddings", read_embeddings, write_embeddings},
    {0},
};

extern const struct sim_wire sim_wire_voyage;

const struct sim_wire sim_wire_voyage = {
    .name = "voyage",
    .mount = "/voyage",
    .auth_header = "Authorization",
    .auth_scheme = "Bearer ",
    .key_start = "pa-",
    .endpoints = endpoints,
    .errors = errors,
    .error_count = sizeof errors / sizeof errors[0],
    .add_error = add_error,
    .add_headers = add_headers,
};
