/* SPDX-License-Identifier: MIT */
/* demo/sim_wire.c - the table of wires, and what they share to read requests. */
#include "demo/sim_wire.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include <time.h>

#include <yyjson.h>

#include "base/mem.h"

#define PROMPT_CAP ((size_t)64 * 1024 * 1024)
#define NAMES_MAX 128u /* of a model or a voice */

#define WIRE(name) extern const struct sim_wire sim_wire_##name;
#include "demo/sim_wires.def"
#undef WIRE

static const struct sim_wire *const wires[] = {
#define WIRE(name) &sim_wire_##name,
#include "demo/sim_wires.def"
#undef WIRE
};

static const char *const task_names[SIM_TASKS] = {
    [SIM_MODELS] = "models",
    [SIM_CHAT] = "chat",
    [SIM_EMBEDDINGS] = "embeddings",
    [SIM_SPEECH] = "speech",
    [SIM_TRANSCRIPTION] = "transcriptions",
    [SIM_IMAGES] = "images",
};

static const char *const class_names[SIM_CLASSES] = {
    [SIM_OTHER] = "other",
    [SIM_BAD_REQUEST] = "bad_request",
    [SIM_NO_KEY] = "no_key",
    [SIM_INVALID_KEY] = "invalid_key",
    [SIM_OUT_OF_MONEY] = "out_of_money",
    [SIM_FORBIDDEN] = "forbidden",
    [SIM_NO_SUCH_PATH] = "no_such_path",
    [SIM_NO_SUCH_MODEL] = "no_such_model",
    [SIM_TOO_LARGE] = "too_large",
    [SIM_CONTEXT_TOO_LONG] = "context_too_long",
    [SIM_CONTENT_REFUSED] = "content_refused",
    [SIM_RATE_LIMITED] = "rate_limited",
    [SIM_DAY_LIMITED] = "day_limited",
    [SIM_CONCURRENCY_LIMITED] = "concurrency_limited",
    [SIM_TIMED_OUT] = "timed_out",
    [SIM_SERVER_ERROR] = "server_error",
    [SIM_OVERLOADED] = "overloaded",
};

const char *sim_task_name(enum sim_task task)
{
    return task_names[task];
}

bool sim_class_find(struct byok_str name, enum sim_class *ret_class)
{
    for (int class = 0; class < SIM_CLASSES; class ++) {
        if (byok_str_is(name, class_names[class])) {
            *ret_class = (enum sim_class) class;
            return true;
        }
    }
    return false;
}

const struct sim_wire *sim_wire_find(const char *url, const char **ret_path)
{
    size_t i = 0;
    for (;; i++) {
        const size_t len = strlen(wires[i]->mount);
        *ret_path = url + len;
        if (len == 0 || (strncmp(url, wires[i]->mount, len) == 0 && url[len] == '/'))
            return wires[i];
    }
}

/* A star in the pattern is one name: not empty, without a slash, up to what follows the star. */
static bool matches(const char *pattern, const char *path, struct byok_str *ret_name)
{
    const char *star = strchr(pattern, '*');
    *ret_name = (struct byok_str){NULL, 0};
    if (!star)
        return strcmp(pattern, path) == 0;
    const size_t head = (size_t)(star - pattern), tail = strlen(star + 1), len = strlen(path);
    if (len <= head + tail || strncmp(pattern, path, head) != 0 ||
        strcmp(path + len - tail, star + 1) != 0)
        return false;
    *ret_name = (struct byok_str){path + head, len - head - tail};
    return !memchr(ret_name->ptr, '/', ret_name->len) && ret_name->len <= NAMES_MAX;
}

const struct sim_endpoint *sim_wire_endpoint(const struct sim_wire *wire, const char *method,
                                             const char *path, struct byok_str *ret_name)
{
    for (const struct sim_endpoint *endpoint = wire->endpoints; endpoint->method; endpoint++) {
        if (strcmp(endpoint->method, method) == 0 && matches(endpoint->path, path, ret_name))
            return endpoint;
    }
    return NULL;
}

/* The wire's row for a class, or the first for a status; NULL: there is none. */
static const struct sim_error *row_of(const struct sim_wire *wire, enum sim_class class,
                                      unsigned status)
{
    for (size_t i = 0; i < wire->error_count; i++) {
        const struct sim_error *row = &wire->errors[i];
        if (class == SIM_OTHER ? row->status == status : row->class == class)
            return row;
    }
    return NULL;
}

void sim_wire_complete(const struct sim_wire *wire, struct sim_error *error)
{
    const struct sim_error *row = row_of(wire, error->class, error->status);
    if (!row && error->class == SIM_NO_KEY)
        row = row_of(wire, SIM_INVALID_KEY, 0);
    if (!row)
        row = row_of(wire, error->status >= 500 ? SIM_SERVER_ERROR : SIM_BAD_REQUEST, 0);
    if (error->status == 0)
        error->status = row->status;
    if (!error->type)
        error->type = row->type;
    if (!error->code)
        error->code = row->code;
    if (!error->message[0])
        snprintf(error->message, sizeof error->message, "%s",
                 row->status == error->status ? row->message : "A simulated error.");
}

bool sim_refuse(struct sim_error *error, enum sim_class class, const char *format, ...)
{
    *error = (struct sim_error){.class = class};
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- bodies ---- */

struct yyjson_val *sim_read_json(struct byok_str body, struct sim_request *request)
{
    request->doc = yyjson_read(body.ptr ? body.ptr : "", body.len, 0);
    yyjson_val *root = yyjson_doc_get_root(request->doc);
    return yyjson_is_obj(root) ? root : NULL;
}

void sim_request_done(struct sim_request *request)
{
    yyjson_doc_free(request->doc);
    byok_buf_done(&request->prompt);
    byok_delete(request->inputs);
    *request = (struct sim_request){0};
}

bool sim_take_model(struct sim_request *request, struct byok_str model)
{
    request->model = model;
    return byok_str_find(model, SIM_STR("does-not-exist")) == SIZE_MAX;
}

void sim_add_text(struct sim_request *request, struct byok_str text)
{
    if (!text.ptr)
        return;
    if (request->prompt.cap_bytes == 0)
        byok_buf_init(&request->prompt, PROMPT_CAP);
    if (request->prompt.len > 0)
        byok_buf_add(&request->prompt, "\n", 1);
    byok_buf_add_str(&request->prompt, text);
}

void sim_add_content(struct sim_request *request, struct yyjson_val *content)
{
    size_t i, count;
    yyjson_val *part;
    sim_add_text(request, sim_text_of(content));
    yyjson_arr_foreach(content, i, count, part)
    {
        sim_add_text(request, sim_member_text(part, "text"));
    }
}

bool sim_are_parts(struct yyjson_val *content, const char *const *types)
{
    size_t i, count;
    yyjson_val *part;
    yyjson_arr_foreach(content, i, count, part)
    {
        if (!sim_is_one_of(sim_member_text(part, "type"), types))
            return false;
    }
    return true;
}

bool sim_take_inputs(struct sim_request *request, struct yyjson_val *input, uint32_t max)
{
    const size_t count = yyjson_is_arr(input) ? yyjson_arr_size(input) : 1;
    yyjson_arr_iter iter = yyjson_arr_iter_with(input);
    yyjson_val *text = yyjson_is_arr(input) ? yyjson_arr_iter_next(&iter) : input;
    if (count == 0 || request->input_count + count > max)
        return false;
    struct byok_str *inputs =
        byok_renew(request->inputs, request->input_count + count, sizeof *inputs);
    if (!inputs)
        return false;
    request->inputs = inputs;
    for (; text; text = yyjson_arr_iter_next(&iter)) {
        if (!yyjson_is_str(text) || yyjson_get_len(text) == 0)
            return false;
        inputs[request->input_count++] = sim_text_of(text);
        sim_add_text(request, sim_text_of(text));
    }
    return true;
}

struct byok_str sim_text_of(struct yyjson_val *value)
{
    return (struct byok_str){yyjson_get_str(value), yyjson_get_len(value)};
}

struct byok_str sim_member_text(struct yyjson_val *object, const char *name)
{
    return sim_text_of(yyjson_obj_get(object, name));
}

bool sim_is_one_of(struct byok_str text, const char *const *words)
{
    while (*words && !byok_str_is(text, *words))
        words++;
    return *words;
}

uint32_t sim_small_number(struct yyjson_val *number)
{
    uint64_t n = yyjson_is_uint(number) ? yyjson_get_uint(number) : 0;
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* ---- texts ---- */

bool sim_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

uint32_t sim_tokens(struct byok_str text)
{
    uint32_t words = 0;
    bool in_word = false;
    for (size_t i = 0; i < text.len; i++) {
        const bool space = sim_is_space(text.ptr[i]);
        words += !space && !in_word;
        in_word = !space;
    }
    return (words * 4 + 2) / 3;
}

uint32_t sim_characters(struct byok_str text)
{
    uint32_t count = 0;
    for (size_t i = 0; i < text.len; i++)
        count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
    return count;
}

/* ---- limits ---- */

bool sim_is_limited(const struct sim_limits *limits)
{
    const struct sim_error *error = limits->error;
    return error && error->status == 429 && error->class != SIM_OUT_OF_MONEY &&
           error->class != SIM_OVERLOADED;
}

int64_t sim_wait_s(const struct sim_limits *limits)
{
    return limits->wait_ms < 0 ? -1 : (limits->wait_ms + 999) / 1000;
}

const char *sim_duration(int64_t ms, char room[static 40])
{
    if (ms < 1000)
        snprintf(room, 40, "%" PRId64 "ms", ms);
    else if (ms < 60000 && ms % 1000 == 0)
        snprintf(room, 40, "%" PRId64 "s", ms / 1000);
    else if (ms < 60000)
        snprintf(room, 40, "%" PRId64 ".%03" PRId64 "s", ms / 1000, ms % 1000);
    else
        snprintf(room, 40, "%" PRId64 "m%" PRId64 "s", ms / 60000, (ms % 60000 + 999) / 1000);
    return room;
}

void sim_header_wait(const struct sim_limits *limits, struct sim_headers *out)
{
    char text[40];
    struct tm parts;
    const time_t at = (time_t)(limits->answer->now_s + sim_wait_s(limits));
    if (limits->wait_ms < 0)
        return;
    switch (limits->telling) {
    case SIM_TOLD_IN_S:
        sim_header(out, "retry-after", "%" PRId64, sim_wait_s(limits));
        break;
    case SIM_TOLD_IN_MS:
        sim_header(out, "retry-after-ms", "%" PRId64, limits->wait_ms);
        break;
    case SIM_TOLD_BY_DATE: /* RFC 9110, 5.6.7; in the C locale, which this program never leaves */
        if (gmtime_r(&at, &parts) && strftime(text, sizeof text, "%a, %d %b %Y %T GMT", &parts) > 0)
            sim_header(out, "retry-after", "%s", text);
        break;
    case SIM_TOLD_BY_RESET:
        break;
    }
}

void sim_header(struct sim_headers *out, const char *name, const char *format, ...)
{
    if (out->count == sizeof out->list / sizeof out->list[0])
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(out->list[out->count].value, sizeof out->list[0].value, format, arguments);
    va_end(arguments);
    out->list[out->count++].name = name;
}
