/* SPDX-License-Identifier: MIT */
/* demo/sim_gemini.c - Gemini's wire: contents generated (text, sound, pictures), embeddings, Imagen.
 *
 * Source: https://ai.google.dev/api, google/rpc/error_details.proto, and the answers recorded in
 * tests/golden/gemini.  Streams end their lines with CRLF, as the service's do.
 */
#include <inttypes.h>
#include <stdio.h>

#include <yyjson.h>

#include "demo/sim_answer.h"
#include "demo/sim_members.h"
#include "demo/sim_text.h"
#include "demo/sim_wire.h"

#define INPUTS_MAX 100u /* Gemini: at most 100 requests in one batch */
#define DIMENSIONS 3072u
#define RATE 24000u
#define PICTURE_TOKENS 1290u /* Gemini: a picture of 1024x1024 */
#define PICTURES_MAX 4u /* Imagen: sampleCount */
#define MEDIA_CAP ((size_t)64 * 1024 * 1024)

/* ---- requests ---- */

/* The service takes no name that its messages do not have. */
static bool check(yyjson_val *object, const struct sim_member *members, const char *where,
                  struct sim_error *error)
{
    const char *name;
    switch (sim_check_members(object, members, &name)) {
    case SIM_FITS:
        return true;
    case SIM_UNKNOWN:
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "Invalid JSON payload received. Unknown name \"%.64s\"%s: Cannot find "
                          "field.",
                          name, where);
    case SIM_UNFIT:
        break;
    }
    return sim_refuse(error, SIM_BAD_REQUEST, "Invalid value \"%.64s\"%s", name, where);
}

static yyjson_val *begin(const struct sim_input *input, const char *method,
                         struct sim_request *request, struct sim_error *error)
{
    yyjson_val *root = sim_read_json(input->body, request);
    if (!sim_take_model(request, input->name)) {
        sim_refuse(error, SIM_NO_SUCH_MODEL,
                   "models/%.*s is not found for API version v1beta, or is not supported for %s. "
                   "Call ListModels to see the list of available models and their supported "
                   "methods.",
                   BYOK_STR_ARG(input->name), method);
        return NULL;
    }
    if (!root)
        sim_refuse(error, SIM_BAD_REQUEST, "Invalid JSON payload received. Unexpected token.");
    return root;
}

/* {"role", "parts": [{"text"}, {"inlineData"}, ...]} */
static bool read_parts(struct sim_request *request, yyjson_val *content, struct sim_error *error)
{
    static const struct sim_member known[] = {
        {"role", SIM_TEXT, 0, 0},
        {"parts", SIM_LIST, 0, 0},
        {NULL, SIM_ANY, 0, 0},
    };
    static const struct sim_member kinds[] = {
        {"text", SIM_TEXT, 0, 0},
        {"inlineData", SIM_OBJECT, 0, 0},
        {"fileData", SIM_OBJECT, 0, 0},
        {"functionCall", SIM_OBJECT, 0, 0},
        {"functionResponse", SIM_OBJECT, 0, 0},
        {"executableCode", SIM_OBJECT, 0, 0},
        {"codeExecutionResult", SIM_OBJECT, 0, 0},
        {"toolCall", SIM_OBJECT, 0, 0},
        {"toolResponse", SIM_OBJECT, 0, 0},
        {"thought", SIM_BOOL, 0, 0},
        {"thoughtSignature", SIM_TEXT, 0, 0},
        {"partMetadata", SIM_OBJECT, 0, 0},
        {"mediaResolution", SIM_OBJECT, 0, 0},
        {"videoMetadata", SIM_OBJECT, 0, 0},
        {NULL, SIM_ANY, 0, 0},
    };
    size_t i, count;
    yyjson_val *part;
    yyjson_val *parts = yyjson_obj_get(content, "parts");
    if (!yyjson_is_arr(parts) || yyjson_arr_size(parts) == 0)
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "* GenerateContentRequest.contents[0].parts: contents.parts must not be "
                          "empty.");
    yyjson_arr_foreach(parts, i, count, part)
    {
        if (!check(part, kinds, " at 'contents[0].parts[0]'", error))
            return false;
    }
    sim_add_content(request, parts);
    return check(content, known, " at 'contents[0]'", error);
}

/* What is to be made; a text where nothing else is said. */
static bool read_modalities(struct sim_request *request, yyjson_val *modalities)
{
    size_t i, count;
    yyjson_val *modality;
    yyjson_arr_foreach(modalities, i, count, modality)
    {
        if (yyjson_equals_str(modality, "AUDIO"))
            request->task = SIM_SPEECH;
        else if (yyjson_equals_str(modality, "IMAGE"))
            request->task = SIM_IMAGES;
        else if (!yyjson_equals_str(modality, "TEXT"))
            return false;
    }
    return true;
}

static bool read_config(struct sim_request *request, yyjson_val *config, struct sim_error *error)
{
    static const struct sim_member known[] = {
        {"candidateCount", SIM_WHOLE, 1, 8},
        {"stopSequences", SIM_LIST, 0, 0},
        {"maxOutputTokens", SIM_WHOLE, 1, 1e9},
        {"temperature", SIM_NUMBER, 0, 2},
        {"topP", SIM_NUMBER, 0, 1},
        {"topK", SIM_WHOLE, 1, 1e9},
        {"seed", SIM_WHOLE, 0, 0},
        {"presencePenalty", SIM_NUMBER, -2, 2},
        {"frequencyPenalty", SIM_NUMBER, -2, 2},
        {"responseMimeType", SIM_TEXT, 0, 0},
        {"responseSchema", SIM_OBJECT, 0, 0},
        {"responseJsonSchema", SIM_ANY, 0, 0},
        {"responseModalities", SIM_LIST, 0, 0},
        {"responseLogprobs", SIM_BOOL, 0, 0},
        {"logprobs", SIM_WHOLE, 0, 20},
        {"speechConfig", SIM_OBJECT, 0, 0},
        {"imageConfig", SIM_OBJECT, 0, 0},
        {"thinkingConfig", SIM_OBJECT, 0, 0},
        {"mediaResolution", SIM_TEXT, 0, 0},
        {NULL, SIM_ANY, 0, 0},
    };
    if (!read_modalities(request, yyjson_obj_get(config, "responseModalities")))
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "Invalid value at 'generation_config.response_modalities'");
    request->sound = (struct sim_sound){SIM_PCM, RATE};
    request->max_tokens = sim_small_number(yyjson_obj_get(config, "maxOutputTokens"));
    return check(config, known, " at 'generation_config'", error);
}

static bool read_contents(const struct sim_input *input, struct sim_request *request,
                          struct sim_error *error)
{
    static const struct sim_member known[] = {
        {"model", SIM_TEXT, 0, 0},
        {"contents", SIM_LIST, 0, 0},
        {"systemInstruction", SIM_OBJECT, 0, 0},
        {"tools", SIM_LIST, 0, 0},
        {"toolConfig", SIM_OBJECT, 0, 0},
        {"safetySettings", SIM_LIST, 0, 0},
        {"generationConfig", SIM_OBJECT, 0, 0},
        {"cachedContent", SIM_TEXT, 0, 0},
        {"serviceTier", SIM_TEXT, 0, 0},
        {"store", SIM_BOOL, 0, 0},
        {NULL, SIM_ANY, 0, 0},
    };
    size_t i, count;
    yyjson_val *content, *root = begin(input, "generateContent", request, error);
    if (!root || !check(root, known, "", error) ||
        !read_config(request, yyjson_obj_get(root, "generationConfig"), error))
        return false;
    yyjson_val *contents = yyjson_obj_get(root, "contents");
    if (!yyjson_is_arr(contents) || yyjson_arr_size(contents) == 0)
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "* GenerateContentRequest.contents: contents is not specified");
    sim_add_content(request, yyjson_obj_get(yyjson_obj_get(root, "systemInstruction"), "parts"));
    yyjson_arr_foreach(contents, i, count, content)
    {
        if (!read_parts(request, content, error))
            return false;
    }
    return true;
}

/* Without alt=sse the service answers with one array, which nothing here asks for. */
static bool read_stream(const struct sim_input *input, struct sim_request *request,
                        struct sim_error *error)
{
    const char *form = sim_argument(input, "alt");
    request->wants_stream = true;
    if (!form || strcmp(form, "sse") != 0)
        return sim_refuse(error, SIM_BAD_REQUEST, "The simulated service streams with alt=sse.");
    if (!read_contents(input, request, error))
        return false;
    return request->task == SIM_CHAT ||
           sim_refuse(error, SIM_BAD_REQUEST, "The simulated service streams texts only.");
}

static bool read_batch(const struct sim_input *input, struct sim_request *request,
                       struct sim_error *error)
{
    static const struct sim_member known[] = {
        {"model", SIM_TEXT, 0, 0},
        {"content", SIM_OBJECT, 0, 0},
        {"taskType", SIM_TEXT, 0, 0},
        {"title", SIM_TEXT, 0, 0},
        {"outputDimensionality", SIM_WHOLE, 1, DIMENSIONS},
        {"embedContentConfig", SIM_OBJECT, 0, 0},
        {NULL, SIM_ANY, 0, 0},
    };
    size_t i, count;
    yyjson_val *one, *root = begin(input, "batchEmbedContents", request, error);
    if (!root)
        return false;
    yyjson_val *requests = yyjson_obj_get(root, "requests");
    if (!yyjson_is_arr(requests) || yyjson_arr_size(requests) == 0)
        return sim_refuse(error, SIM_BAD_REQUEST,
                          "* BatchEmbedContentsRequest.requests: at least one request is required");
    yyjson_arr_foreach(requests, i, count, one)
    {
        const struct byok_str model = sim_member_text(one, "model");
        const struct byok_str prefix = BYOK_STR("models/");
        yyjson_val *parts = yyjson_obj_get(yyjson_obj_get(one, "content"), "parts");
        const uint32_t wanted = sim_small_number(yyjson_obj_get(one, "outputDimensionality"));
        if (!check(one, known, " at 'requests[0]'", error))
            return false;
        if (!byok_str_starts(model, prefix) ||
            !byok_str_eq((struct byok_str){model.ptr + prefix.len, model.len - prefix.len},
                         input->name))
            return sim_refuse(error, SIM_BAD_REQUEST,
                              "* BatchEmbedContentsRequest.requests[%zu].model: model must be that "
                              "of the path",
                              i);
        if (!sim_take_inputs(request, yyjson_obj_get(yyjson_arr_get_first(parts), "text"),
                             INPUTS_MAX))
            return sim_refuse(
                error, SIM_BAD_REQUEST,
                "* BatchEmbedContentsRequest.requests: at most 100 requests can be in "
                "one batch, each with a text");
        request->dimensions = wanted > 0 ? wanted : DIMENSIONS;
    }
    return true;
}

static bool read_imagen(const struct sim_input *input, struct sim_request *request,
                        struct sim_error *error)
{
    yyjson_val *root = begin(input, "predict", request, error);
    if (!root)
        return false;
    yyjson_val *count = yyjson_obj_get(yyjson_obj_get(root, "parameters"), "sampleCount");
    const struct byok_str prompt =
        sim_member_text(yyjson_arr_get_first(yyjson_obj_get(root, "instances")), "prompt");
    if (prompt.len == 0)
        return sim_refuse(error, SIM_BAD_REQUEST, "Image generation failed: no prompt.");
    request->image_count = count ? sim_small_number(count) : 1;
    if (request->image_count == 0 || request->image_count > PICTURES_MAX)
        return sim_refuse(error, SIM_BAD_REQUEST, "sampleCount must be between 1 and 4.");
    sim_add_text(request, prompt);
    return true;
}

/* ---- answers ---- */

/* {"promptTokenCount", ...}, "modelVersion", "responseId" and the end of a response. */
static void add_end(const struct sim_answer *answer, uint32_t output, const char *modality,
                    struct byok_buf *out)
{
    const uint32_t input = answer->request->input_tokens;
    byok_buf_printf(out, ",\"usageMetadata\": {\"promptTokenCount\": %" PRIu32, input);
    if (output > 0) /* a count of 0 is left out */
        byok_buf_printf(out,
                        ",\"candidatesTokenCount\": %" PRIu32
                        ",\"candidatesTokensDetails\": [{\"modality\": \"%s\",\"tokenCount\": "
                        "%" PRIu32 "}]",
                        output, modality, output);
    byok_buf_printf(out,
                    ",\"totalTokenCount\": %" PRIu32
                    ",\"promptTokensDetails\": [{\"modality\": \"TEXT\",\"tokenCount\": %" PRIu32
                    "}]},\"modelVersion\": ",
                    input + output, input);
    sim_json_string(out, answer->request->model);
    byok_buf_printf(out, ",\"responseId\": \"sim%016" PRIx64 "\"}", answer->number);
}

static void add_candidate(struct byok_str text, const char *reason, struct byok_buf *out)
{
    byok_buf_printf(out, "{\"candidates\": [{\"content\": {\"parts\": [{\"text\": ");
    sim_json_string(out, text);
    byok_buf_printf(out, "}],\"role\": \"model\"},%s\"index\": 0}]", reason);
}

static const char *finish_reason(const struct sim_answer *answer)
{
    return answer->text->is_cut ? "\"finishReason\": \"MAX_TOKENS\","
                                : "\"finishReason\": \"STOP\",";
}

static const char *write_stream(const struct sim_answer *answer, struct byok_buf *out)
{
    struct byok_str rest = byok_buf_str(&answer->text->text), piece;
    while (sim_next_piece(&rest, &piece)) {
        byok_buf_printf(out, "data: ");
        add_candidate(piece, rest.len == 0 ? finish_reason(answer) : "", out);
        add_end(answer, rest.len == 0 ? answer->text->tokens : 0, "TEXT", out);
        byok_buf_printf(out, "\r\n\r\n");
    }
    return "text/event-stream";
}

/* {"inlineData": {"mimeType", "data"}} in place of a text */
static void add_media(const struct sim_answer *answer, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) media = {.cap_bytes = MEDIA_CAP};
    const bool is_sound = answer->request->task == SIM_SPEECH;
    if (is_sound)
        sim_answer_sound(answer->request, &media);
    byok_buf_printf(out,
                    "{\"candidates\": [{\"content\": {\"parts\": [{\"inlineData\": {\"mimeType\": "
                    "\"%s\",\"data\": ",
                    is_sound ? "audio/L16;codec=pcm;rate=24000" : SIM_PICTURE_TYPE);
    if (is_sound)
        sim_add_base64(byok_buf_str(&media), out);
    else
        sim_add_picture(answer->request, 0, out);
    byok_buf_printf(out, "}}],\"role\": \"model\"},\"finishReason\": \"STOP\",\"index\": 0}]");
    /* sound is 25 tokens a second */
    add_end(answer, is_sound ? (uint32_t)(media.len / (RATE * 2 / 25)) : PICTURE_TOKENS,
            is_sound ? "AUDIO" : "IMAGE", out);
}

static const char *write_contents(const struct sim_answer *answer, struct byok_buf *out)
{
    if (answer->request->task != SIM_CHAT) {
        add_media(answer, out);
    } else {
        add_candidate(byok_buf_str(&answer->text->text), finish_reason(answer), out);
        add_end(answer, answer->text->tokens, "TEXT", out);
    }
    return "application/json; charset=UTF-8";
}

static const char *write_batch(const struct sim_answer *answer, struct byok_buf *out)
{
    byok_buf_printf(out, "{\"embeddings\": [");
    for (uint32_t i = 0; i < answer->request->input_count; i++) {
        byok_buf_printf(out, "%s{\"values\": ", i ? "," : "");
        sim_add_vector(answer->request, i, out);
        byok_buf_add(out, "}", 1);
    }
    byok_buf_add(out, "]}", 2);
    return "application/json; charset=UTF-8";
}

static const char *write_imagen(const struct sim_answer *answer, struct byok_buf *out)
{
    byok_buf_printf(out, "{\"predictions\": [");
    for (uint32_t i = 0; i < answer->request->image_count; i++) {
        byok_buf_printf(out, "%s{\"mimeType\": \"" SIM_PICTURE_TYPE "\",\"bytesBase64Encoded\": ",
                        i ? "," : "");
        sim_add_picture(answer->request, i, out);
        byok_buf_add(out, "}", 1);
    }
    byok_buf_add(out, "]}", 2);
    return "application/json; charset=UTF-8";
}

static const char *write_models(const struct sim_answer *answer, struct byok_buf *out)
{
    (void)answer;
    byok_buf_printf(out, "{\"models\": [{\"name\": \"models/gemini-sim\",\"version\": \"001\","
                         "\"displayName\": \"Simulated\",\"inputTokenLimit\": 1048576,"
                         "\"outputTokenLimit\": 65536,\"supportedGenerationMethods\": "
                         "[\"generateContent\"]}]}");
    return "application/json; charset=UTF-8";
}

/* ---- errors, headers ---- */

/* A google.protobuf.Duration: seconds with a fraction. */
static const char *seconds(int64_t ms, char room[static 40])
{
    snprintf(room, 40, "%" PRId64 ".%03" PRId64 "s", ms / 1000, ms % 1000);
    return room;
}

/* {"@type": "type.googleapis.com/google.rpc.<type>", <members>}, behind others. */
static void add_detail(struct byok_buf *details, const char *type, const char *members)
{
    byok_buf_printf(details, "%s{\"@type\": \"type.googleapis.com/google.rpc.%s\",%s}",
                    details->len > 0 ? "," : "", type, members);
}

/* `code` is the reason of an ErrorInfo, a limit that was hit a QuotaFailure, a wait a RetryInfo. */
static void add_details(const struct sim_limits *limits, struct byok_buf *details)
{
    const struct sim_error *error = limits->error;
    char members[160], room[40];
    if (error->code) {
        snprintf(members, sizeof members, "\"reason\": \"%s\",\"domain\": \"googleapis.com\"",
                 error->code);
        add_detail(details, "ErrorInfo", members);
    }
    if (!sim_is_limited(limits))
        return;
    snprintf(members, sizeof members,
             "\"violations\": [{\"quotaId\": \"GenerateRequestsPer%sPerProjectPerModel\","
             "\"quotaValue\": \"1000\"}]",
             error->class == SIM_DAY_LIMITED ? "Day" : "Minute");
    add_detail(details, "QuotaFailure", members);
    if (limits->wait_ms < 0)
        return;
    snprintf(members, sizeof members, "\"retryDelay\": \"%s\"", seconds(limits->wait_ms, room));
    add_detail(details, "RetryInfo", members);
}

/* What is refused for its content is no error but an answer without a candidate. */
static void add_block(const struct sim_limits *limits, struct byok_buf *out)
{
    byok_buf_printf(out,
                    "{\"promptFeedback\": {\"blockReason\": \"PROHIBITED_CONTENT\"},"
                    "\"usageMetadata\": {\"promptTokenCount\": 1,\"totalTokenCount\": 1},"
                    "\"modelVersion\": \"gemini-sim\",\"responseId\": \"sim%016" PRIx64 "\"}",
                    limits->answer->number);
}

/* A google.rpc.Status; `type` is its word.  The message tells the wait, too. */
static void add_error(const struct sim_limits *limits, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) message = {.cap_bytes = 1024};
    BYOK_AUTO(byok_buf) details = {.cap_bytes = 1024};
    const struct sim_error *error = limits->error;
    char room[40];
    if (error->class == SIM_CONTENT_REFUSED) {
        add_block(limits, out);
        return;
    }
    byok_buf_printf(&message, "%s", error->message);
    if (sim_is_limited(limits) && limits->wait_ms >= 0)
        byok_buf_printf(&message, "\nPlease retry in %s.", seconds(limits->wait_ms, room));
    add_details(limits, &details);
    byok_buf_printf(out, "{\"error\": {\"code\": %u,\"message\": ", error->status);
    sim_json_string(out, byok_buf_str(&message));
    byok_buf_printf(out, ",\"status\": ");
    sim_json_or_null(out, error->type);
    byok_buf_printf(out, ",\"details\": [");
    byok_buf_add_str(out, byok_buf_str(&details));
    byok_buf_printf(out, "]}}\n");
}

/* The service says nothing of its limits here. */
static void add_headers(const struct sim_limits *limits, struct sim_headers *out)
{
    (void)limits;
    sim_header(out, "server-timing", "gfet4t7; dur=1");
}

static const struct sim_error errors[] = {
    {SIM_BAD_REQUEST, 400, "INVALID_ARGUMENT", NULL, NULL, "Request contains an invalid argument."},
    {SIM_CONTEXT_TOO_LONG, 400, "INVALID_ARGUMENT", NULL, NULL,
     "The input token count (1196265) exceeds the maximum number of tokens allowed (1048575)."},
    {SIM_CONTENT_REFUSED, 200, NULL, NULL, NULL, ""},
    {SIM_INVALID_KEY, 400, "INVALID_ARGUMENT", "API_KEY_INVALID", NULL,
     "API key not valid. Please pass a valid API key."},
    {SIM_OTHER, 401, "UNAUTHENTICATED", "ACCESS_TOKEN_EXPIRED", NULL,
     "Request had invalid authentication credentials."},
    {SIM_OUT_OF_MONEY, 402, "RESOURCE_EXHAUSTED", NULL, NULL,
     "Your prepayment credits are depleted."},
    {SIM_NO_KEY, 403, "PERMISSION_DENIED", NULL, NULL,
     "Method doesn't allow unregistered callers (callers without established identity). Please use "
     "API Key or other form of API consumer identity to call this API."},
    {SIM_FORBIDDEN, 403, "PERMISSION_DENIED", "API_KEY_SERVICE_BLOCKED", NULL,
     "Requests to this API are blocked."},
    {SIM_NO_SUCH_PATH, 404, "NOT_FOUND", NULL, NULL, "Requested entity was not found."},
    {SIM_NO_SUCH_MODEL, 404, "NOT_FOUND", NULL, NULL, "The model is not found."},
    {SIM_TOO_LARGE, 413, "INVALID_ARGUMENT", NULL, NULL, "Request payload size exceeds the limit."},
    {SIM_RATE_LIMITED, 429, "RESOURCE_EXHAUSTED", NULL, NULL,
     "You exceeded your current quota, please check your plan and billing details."},
    {SIM_DAY_LIMITED, 429, "RESOURCE_EXHAUSTED", NULL, NULL,
     "You exceeded your current quota, please check your plan and billing details."},
    {SIM_SERVER_ERROR, 500, "INTERNAL", NULL, NULL, "An internal error has occurred."},
    {SIM_OVERLOADED, 503, "UNAVAILABLE", NULL, NULL,
     "The model is overloaded. Please try again later."},
    {SIM_TIMED_OUT, 504, "DEADLINE_EXCEEDED", NULL, NULL,
     "Deadline expired before operation could complete."},
};

static const struct sim_endpoint endpoints[] = {
    {SIM_CHAT, "POST", "/v1beta/models/*:generateContent", read_contents, write_contents},
    {SIM_CHAT, "POST", "/v1beta/models/*:streamGenerateContent", read_stream, write_stream},
    {SIM_EMBEDDINGS, "POST", "/v1beta/models/*:batchEmbedContents", read_batch, write_batch},
    {SIM_IMAGES, "POST", "/v1beta/models/*:predict", read_imagen, write_imagen},
    {SIM_MODELS, "GET", "/v1beta/models", NULL, write_models},
    {0},
};

extern const struct sim_wire sim_wire_gemini;

const struct sim_wire sim_wire_gemini = {
    .name = "gemini",
    .mount = "/gemini",
    .auth_header = "x-goog-api-key",
    .auth_scheme = "",
    .key_start = "AIza",
    .endpoints = endpoints,
    .errors = errors,
    .error_count = sizeof errors / sizeof errors[0],
    .add_error = add_error,
    .add_headers = add_headers,
};
