/* SPDX-License-Identifier: MIT */
/* demo/sim_openai.c - see demo/sim_openai.h. */
#include "demo/sim_openai.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include <sodium.h>
#include <yyjson.h>

#include "base/mem.h"
#include "demo/sim_text.h"

#define PROMPT_CAP ((size_t)64 * 1024 * 1024)
#define INPUTS_MAX 2048u     /* OpenAI: at most 2,048 inputs in one embeddings call */
#define DIMENSIONS_MAX 4096u /* OpenAI's largest model has 3,072 */
#define ECHO_BYTES 96u       /* of the prompt, in the answer */

static const char *const vocabulary[] = {
    "river",  "stone",  "lamp",   "paper",  "garden", "signal", "window", "copper",
    "winter", "letter", "bridge", "cloud",  "engine", "forest", "mirror", "salt",
    "thread", "voyage", "amber",  "clock",  "desert", "ember",  "field",  "granite",
    "harbor", "island", "jacket", "kettle", "ladder", "marble", "north",  "orchard",
};
#define WORDS (sizeof vocabulary / sizeof vocabulary[0])

static const char *const models[] = {"gpt-4o",
                                     "gpt-4o-mini",
                                     "gpt-4.1-mini",
                                     "text-embedding-3-small",
                                     "text-embedding-3-large",
                                     "gpt-4o-mini-tts",
                                     "whisper-1",
                                     "gpt-image-1"};

static bool refuse(struct sim_error *error, const char *param, const char *code,
                   const char *message)
{
    *error = (struct sim_error){
        .status = 400, .type = "invalid_request_error", .param = param, .code = code};
    snprintf(error->message, sizeof error->message, "%s", message);
    return false;
}

bool sim_openai_refuse(struct sim_error *error, const char *param, const char *code,
                       const char *message)
{
    return refuse(error, param, code, message);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

uint32_t sim_openai_tokens(struct byok_str text)
{
    uint32_t words = 0;
    bool in_word = false;
    for (size_t i = 0; i < text.len; i++) {
        bool space = is_space(text.ptr[i]);
        words += !space && !in_word;
        in_word = !space;
    }
    return (words * 4 + 2) / 3;
}

static bool read_model(struct sim_request *request, struct sim_error *error)
{
    yyjson_val *model = yyjson_obj_get(yyjson_doc_get_root(request->doc), "model");
    request->model = (struct byok_str){yyjson_get_str(model), yyjson_get_len(model)};
    if (request->model.len == 0)
        return refuse(error, NULL, NULL, "you must provide a model parameter");
    if (byok_str_find(request->model, (struct byok_str)BYOK_STR("does-not-exist")) != SIZE_MAX) {
        refuse(error, NULL, "model_not_found", "");
        error->status = 404;
        snprintf(error->message, sizeof error->message,
                 "The model `%.128s` does not exist or you do not have access to it.",
                 yyjson_get_str(model));
        return false;
    }
    return true;
}

bool sim_openai_read_body(struct byok_str body, struct sim_request *request,
                          struct sim_error *error)
{
    *request = (struct sim_request){0};
    byok_buf_init(&request->prompt, PROMPT_CAP);
    request->doc = yyjson_read(body.ptr ? body.ptr : "", body.len, 0);
    if (!yyjson_is_obj(yyjson_doc_get_root(request->doc)))
        return refuse(error, NULL, NULL, "We could not parse the JSON body of your request.");
    return read_model(request, error);
}

void sim_request_done(struct sim_request *request)
{
    yyjson_doc_free(request->doc);
    request->doc = NULL;
    byok_buf_done(&request->prompt);
}

static void add_text(struct sim_request *request, yyjson_val *text)
{
    if (!yyjson_is_str(text))
        return;
    if (request->prompt.len > 0)
        byok_buf_add(&request->prompt, "\n", 1);
    byok_buf_add(&request->prompt, yyjson_get_str(text), yyjson_get_len(text));
}

/* Content is a string, or an array of parts of which those with a text count. */
static void add_content(struct sim_request *request, yyjson_val *content)
{
    size_t i, count;
    yyjson_val *part;
    add_text(request, content);
    yyjson_arr_foreach(content, i, count, part)
    {
        add_text(request, yyjson_obj_get(part, "text"));
    }
}

static uint32_t small_number(yyjson_val *number)
{
    uint64_t n = yyjson_is_uint(number) ? yyjson_get_uint(number) : 0;
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

bool sim_openai_read_chat(struct byok_str body, struct sim_request *request,
                          struct sim_error *ret_error)
{
    if (!sim_openai_read_body(body, request, ret_error))
        return false;
    yyjson_val *root = yyjson_doc_get_root(request->doc);
    yyjson_val *messages = yyjson_obj_get(root, "messages");
    if (!yyjson_is_arr(messages) || yyjson_arr_size(messages) == 0)
        return refuse(ret_error, "messages", "empty_array",
                      "Invalid 'messages': empty array. Expected an array with minimum length 1.");
    size_t i, count;
    yyjson_val *message;
    yyjson_arr_foreach(messages, i, count, message)
    {
        if (!yyjson_is_str(yyjson_obj_get(message, "role")))
            return refuse(ret_error, "messages", "missing_required_parameter",
                          "Missing required parameter: 'messages[].role'.");
        add_content(request, yyjson_obj_get(message, "content"));
    }
    yyjson_val *options = yyjson_obj_get(root, "stream_options");
    request->wants_stream = yyjson_is_true(yyjson_obj_get(root, "stream"));
    request->wants_usage = yyjson_is_true(yyjson_obj_get(options, "include_usage"));
    request->max_tokens = small_number(yyjson_obj_get(root, "max_completion_tokens"));
    if (request->max_tokens == 0)
        request->max_tokens = small_number(yyjson_obj_get(root, "max_tokens"));
    request->input_tokens = sim_openai_tokens(byok_buf_str(&request->prompt));
    return true;
}

/* The inputs of an embeddings request: a string, or an array of them. */
static bool read_inputs(yyjson_val *input, struct sim_request *request, struct sim_error *error)
{
    if (yyjson_is_str(input)) {
        request->input_count = 1;
        add_text(request, input);
        return yyjson_get_len(input) > 0 ||
               refuse(error, "input", "invalid_input", "Input cannot be an empty string.");
    }
    size_t i, count = yyjson_arr_size(input);
    yyjson_val *text;
    if (!yyjson_is_arr(input) || count == 0 || count > INPUTS_MAX)
        return refuse(error, "input", "invalid_input",
                      "'input' must be a string or an array of 1 to 2048 strings.");
    yyjson_arr_foreach(input, i, count, text)
    {
        if (!yyjson_is_str(text) || yyjson_get_len(text) == 0)
            return refuse(error, "input", "invalid_input", "An input is not a filled string.");
        add_text(request, text);
    }
    request->input_count = (uint32_t)count;
    return true;
}

bool sim_openai_read_embeddings(struct byok_str body, struct sim_request *request,
                                struct sim_error *ret_error)
{
    if (!sim_openai_read_body(body, request, ret_error))
        return false;
    yyjson_val *root = yyjson_doc_get_root(request->doc);
    if (!read_inputs(yyjson_obj_get(root, "input"), request, ret_error))
        return false;
    yyjson_val *format = yyjson_obj_get(root, "encoding_format");
    request->wants_base64 = yyjson_equals_str(format, "base64");
    if (format && !request->wants_base64 && !yyjson_equals_str(format, "float"))
        return refuse(ret_error, "encoding_format", "invalid_value",
                      "'encoding_format' must be 'float' or 'base64'.");
    request->dimensions = small_number(yyjson_obj_get(root, "dimensions"));
    if (request->dimensions > DIMENSIONS_MAX)
        return refuse(ret_error, "dimensions", "invalid_value", "'dimensions' is too large.");
    if (request->dimensions == 0)
        request->dimensions = byok_str_is(request->model, "text-embedding-3-large") ? 3072 : 1536;
    request->input_tokens = sim_openai_tokens(byok_buf_str(&request->prompt));
    return true;
}

/* The first bytes of a text, never in the middle of a UTF-8 character. */
static struct byok_str first_bytes(struct byok_str text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
        max--;
    return (struct byok_str){text.ptr, max};
}

void sim_openai_answer(const struct sim_request *request, uint32_t words, struct sim_text *ret_text)
{
    struct byok_str prompt = byok_buf_str(&request->prompt);
    uint64_t random = sim_hash(prompt);
    *ret_text = (struct sim_text){0};
    struct byok_buf *text = &ret_text->text;
    byok_buf_init(text, PROMPT_CAP);
    uint32_t limit = request->max_tokens ? request->max_tokens : UINT32_MAX;
    if (words > limit)
        words = limit;
    byok_buf_printf(text, "Simulated answer %08" PRIx32 " to \"", (uint32_t)random);
    byok_buf_add_str(text, first_bytes(prompt, ECHO_BYTES));
    byok_buf_add(text, "\":", 2);
    for (uint32_t i = 0; i < words; i++)
        byok_buf_printf(text, " %s", vocabulary[sim_random(&random) % WORDS]);
    byok_buf_add(text, ".", 1);
    ret_text->tokens = sim_openai_tokens(byok_buf_str(text));
    /* the frame and the echo are not shortened: only what is counted must obey the limit */
    ret_text->is_cut = ret_text->tokens > limit;
    if (ret_text->is_cut)
        ret_text->tokens = limit;
}

void sim_openai_chat_head(const struct sim_request *request, struct sim_identity identity,
                          struct byok_buf *out)
{
    byok_buf_printf(out,
                    "{\"id\":\"chatcmpl-sim%016" PRIx64
                    "\",\"object\":\"chat.completion\",\"created\":%" PRId64 ",\"model\":",
                    identity.number, identity.created_s);
    sim_json_string(out, request->model);
    byok_buf_printf(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
                         "\"refusal\":null,\"annotations\":[],\"content\":\"");
}

static void add_usage(const struct sim_request *request, uint32_t tokens, struct byok_buf *out)
{
    byok_buf_printf(out,
                    "\"usage\":{\"prompt_tokens\":%" PRIu32 ",\"completion_tokens\":%" PRIu32
                    ",\"total_tokens\":%" PRIu32
                    ",\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
                    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,"
                    "\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}",
                    request->input_tokens, tokens, request->input_tokens + tokens);
}

static const char *finish_reason(const struct sim_text *text)
{
    return text->is_cut ? "length" : "stop";
}

void sim_openai_chat_tail(const struct sim_request *request, const struct sim_text *text,
                          struct byok_buf *out)
{
    byok_buf_printf(out, "\"},\"logprobs\":null,\"finish_reason\":\"%s\"}],", finish_reason(text));
    add_usage(request, text->tokens, out);
    byok_buf_printf(out, ",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_simulated\"}");
}

void sim_openai_chat(const struct sim_request *request, struct sim_identity identity,
                     const struct sim_text *text, struct byok_buf *out)
{
    sim_openai_chat_head(request, identity, out);
    out->len--; /* its quote comes again with the content */
    sim_json_string(out, byok_buf_str(&text->text));
    out->len--;
    sim_openai_chat_tail(request, text, out);
}

/* What every event of a stream begins with. */
static void add_event_head(const struct sim_request *request, struct sim_identity identity,
                           struct byok_buf *out)
{
    byok_buf_printf(out,
                    "data: {\"id\":\"chatcmpl-sim%016" PRIx64
                    "\",\"object\":\"chat.completion.chunk\",\"created\":%" PRId64 ",\"model\":",
                    identity.number, identity.created_s);
    sim_json_string(out, request->model);
    byok_buf_printf(out, ",\"system_fingerprint\":\"fp_simulated\",\"choices\":[");
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

/* One event for each word of the answer, its leading space with it. */
static void add_words(struct byok_str head, struct byok_str text, const char *usage,
                      struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) delta = {.cap_bytes = PROMPT_CAP};
    while (text.len > 0) {
        size_t len = 1;
        while (len < text.len && text.ptr[len] != ' ')
            len++;
        byok_buf_clear(&delta);
        byok_buf_printf(&delta, "\"content\":");
        sim_json_string(&delta, (struct byok_str){text.ptr, len});
        add_delta(head, byok_buf_str(&delta), NULL, usage, out);
        text.ptr += len;
        text.len -= len;
    }
}

void sim_openai_stream(const struct sim_request *request, struct sim_identity identity,
                       const struct sim_text *text, struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) head = {.cap_bytes = PROMPT_CAP};
    add_event_head(request, identity, &head);
    struct byok_str head_text = byok_buf_str(&head);
    const char *usage = request->wants_usage ? ",\"usage\":null" : "";
    const struct byok_str role =
        BYOK_STR("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
    add_delta(head_text, role, NULL, usage, out);
    add_words(head_text, byok_buf_str(&text->text), usage, out);
    add_delta(head_text, (struct byok_str){0}, finish_reason(text), usage, out);
    if (request->wants_usage) {
        byok_buf_add_str(out, head_text);
        byok_buf_add(out, "],", 2);
        add_usage(request, text->tokens, out);
        byok_buf_add(out, "}\n\n", 3);
    }
    byok_buf_printf(out, "data: [DONE]\n\n");
}

/* A unit vector from the text's hash, each value a multiple of 1e-8 so that its decimal form and
 * its float are exactly the same number to a reader. */
static void make_vector(struct byok_str text, uint32_t dimensions, int32_t *ret_values)
{
    uint64_t random = sim_hash(text);
    uint64_t again = random;
    double sum = 0;
    for (uint32_t i = 0; i < dimensions; i++) {
        double v = (double)(int32_t)(uint32_t)sim_random(&random);
        sum += v * v;
    }
    double scale = sum > 0 ? 1e8 / sqrt(sum) : 0;
    for (uint32_t i = 0; i < dimensions; i++)
        ret_values[i] = (int32_t)lrint((double)(int32_t)(uint32_t)sim_random(&again) * scale);
}

/* "-0.01234567": written by hand, since printf takes half a millisecond for a vector. */
static void add_floats(const int32_t *values, uint32_t count, struct byok_buf *out)
{
    byok_buf_add(out, "[", 1);
    for (uint32_t i = 0; i < count; i++) {
        char text[16];
        size_t at = sizeof text;
        uint32_t digits = (uint32_t)(values[i] < 0 ? -values[i] : values[i]);
        for (int n = 0; n < 8; n++, digits /= 10)
            text[--at] = (char)('0' + digits % 10);
        text[--at] = '.';
        text[--at] = (char)('0' + digits);
        if (values[i] < 0)
            text[--at] = '-';
        if (i > 0)
            text[--at] = ',';
        byok_buf_add(out, text + at, sizeof text - at);
    }
    byok_buf_add(out, "]", 1);
}

static void add_base64(const int32_t *values, uint32_t count, struct byok_buf *out)
{
    size_t room = sodium_base64_ENCODED_LEN((size_t)count * 4, sodium_base64_VARIANT_ORIGINAL);
    unsigned char *bytes = byok_new(count, 4);
    char *text = byok_new(room, 1);
    if (bytes && text) {
        for (uint32_t i = 0; i < count; i++) {
            float value = (float)(values[i] / 1e8);
            uint32_t word;
            memcpy(&word, &value, sizeof word);
            for (unsigned b = 0; b < 4; b++) /* little-endian on every machine */
                bytes[i * 4 + b] = (unsigned char)(word >> (8 * b));
        }
        sodium_bin2base64(text, room, bytes, (size_t)count * 4, sodium_base64_VARIANT_ORIGINAL);
        byok_buf_printf(out, "\"%s\"", text);
    }
    byok_delete(bytes);
    byok_delete(text);
}

void sim_openai_embeddings(const struct sim_request *request, struct byok_buf *out)
{
    yyjson_val *input = yyjson_obj_get(yyjson_doc_get_root(request->doc), "input");
    int32_t *values = byok_new(request->dimensions, sizeof *values);
    if (!values)
        return;
    byok_buf_printf(out, "{\"object\":\"list\",\"data\":[");
    for (uint32_t i = 0; i < request->input_count; i++) {
        yyjson_val *text = yyjson_is_arr(input) ? yyjson_arr_get(input, i) : input;
        make_vector((struct byok_str){yyjson_get_str(text), yyjson_get_len(text)},
                    request->dimensions, values);
        byok_buf_printf(out, "%s{\"object\":\"embedding\",\"index\":%" PRIu32 ",\"embedding\":",
                        i ? "," : "", i);
        if (request->wants_base64)
            add_base64(values, request->dimensions, out);
        else
            add_floats(values, request->dimensions, out);
        byok_buf_add(out, "}", 1);
    }
    byok_delete(values);
    byok_buf_printf(out, "],\"model\":");
    sim_json_string(out, request->model);
    byok_buf_printf(out, ",\"usage\":{\"prompt_tokens\":%" PRIu32 ",\"total_tokens\":%" PRIu32 "}}",
                    request->input_tokens, request->input_tokens);
}

void sim_openai_models(struct byok_buf *out)
{
    byok_buf_printf(out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++)
        byok_buf_printf(out,
                        "%s{\"id\":\"%s\",\"object\":\"model\",\"created\":1715367049,"
                        "\"owned_by\":\"simulated\"}",
                        i ? "," : "", models[i]);
    byok_buf_add(out, "]}", 2);
}

void sim_openai_error(const struct sim_error *error, struct byok_buf *out)
{
    byok_buf_printf(out, "{\"error\":{\"message\":");
    sim_json_string(out, byok_str_of(error->message));
    byok_buf_printf(out, ",\"type\":");
    sim_json_or_null(out, error->type);
    byok_buf_printf(out, ",\"param\":");
    sim_json_or_null(out, error->param);
    byok_buf_printf(out, ",\"code\":");
    sim_json_or_null(out, error->code);
    byok_buf_add(out, "}}\n", 3);
}

static const struct sim_error default_errors[] = {
    {400, "invalid_request_error", NULL, NULL, "The request is malformed."},
    {401, "invalid_request_error", NULL, "invalid_api_key", "Incorrect API key provided."},
    {403, "invalid_request_error", NULL, "insufficient_permissions",
     "You have insufficient permissions for this operation."},
    {404, "invalid_request_error", NULL, "model_not_found",
     "The model does not exist or you do not have access to it."},
    {408, "timeout", NULL, NULL, "The request timed out."},
    {429, "requests", NULL, "rate_limit_exceeded", "Rate limit reached for requests."},
    {500, "server_error", NULL, NULL, "The server had an error while processing your request."},
    {503, "server_error", NULL, NULL, "The engine is currently overloaded."},
    {529, "overloaded_error", NULL, NULL, "Overloaded."},
};

void sim_openai_default_error(unsigned status, struct sim_error *ret_error)
{
    *ret_error = (struct sim_error){status, status < 500 ? "invalid_request_error" : "server_error",
                                    NULL, NULL, "A simulated error."};
    for (size_t i = 0; i < sizeof default_errors / sizeof default_errors[0]; i++) {
        if (default_errors[i].status == status)
            *ret_error = default_errors[i];
    }
}
