/* SPDX-License-Identifier: MIT */
/* tests/bench/bare_record.c - see tests/bench/bare_record.h. */
#include "tests/bench/bare_record.h"

#include <inttypes.h>
#include <time.h>

#include <msgpack.h>
#include <yyjson.h>

#define DEFAULT_MODEL "gpt-4o-mini"

static void copy(char *out, size_t room, struct byok_str text)
{
    size_t len = text.len < room ? text.len : room - 1;
    if (len > 0)
        memcpy(out, text.ptr, len);
    out[len] = '\0';
}

static void add_json_string(struct byok_buf *out, struct byok_str text)
{
    size_t plain = 0;
    byok_buf_add(out, "\"", 1);
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        byok_buf_add(out, text.ptr + plain, i - plain);
        byok_buf_printf(out, "\\u%04x", c);
        plain = i + 1;
    }
    if (text.len > plain)
        byok_buf_add(out, text.ptr + plain, text.len - plain);
    byok_buf_add(out, "\"", 1);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The members of a record, whichever format it came in. */
struct members {
    struct byok_str id, user, model, text;
    int64_t dimensions; /* 0: unsaid */
};

/* Whether there is a text; notes the job. */
static bool note(const struct members *members, struct bare_job *job)
{
    if (members->text.len == 0)
        return false;
    copy(job->id, sizeof job->id, members->id);
    copy(job->user, sizeof job->user, members->user);
    copy(job->model, sizeof job->model, members->model);
    if (job->model[0] == '\0')
        memcpy(job->model, DEFAULT_MODEL, sizeof DEFAULT_MODEL);
    job->started_wall_ms = wall_ms();
    return true;
}

static bool use_chat(const struct members *members, struct bare_job *job, struct byok_buf *body)
{
    if (!note(members, job))
        return false;
    byok_buf_printf(body, "{\"model\":");
    add_json_string(body, byok_str_of(job->model));
    byok_buf_printf(body, ",\"messages\":[{\"role\":\"user\",\"content\":");
    add_json_string(body, members->text);
    return byok_buf_add(body, "}]}", 3);
}

/* The first text of a body says the model and the dimensions of all. */
static bool use_text(const struct members *members, struct bare_job *job, struct byok_buf *body)
{
    const bool first = body->len == 0;
    if (!note(members, job))
        return false;
    if (first) {
        byok_buf_printf(body, "{\"encoding_format\":\"base64\",\"model\":");
        add_json_string(body, byok_str_of(job->model));
        if (members->dimensions > 0)
            byok_buf_printf(body, ",\"dimensions\":%" PRId64, members->dimensions);
    }
    byok_buf_printf(body, first ? ",\"input\":[" : ",");
    add_json_string(body, members->text);
    return !byok_buf_failed(body);
}

typedef bool use_fn(const struct members *members, struct bare_job *job, struct byok_buf *body);

static struct byok_str json_text(yyjson_val *value)
{
    return (struct byok_str){yyjson_get_str(value), yyjson_get_len(value)};
}

static bool read_json(struct byok_str record, use_fn *use, struct bare_job *job,
                      struct byok_buf *body)
{
    yyjson_doc *doc = yyjson_read(record.ptr, record.len, 0);
    yyjson_val *root = yyjson_doc_get_root(doc);
    struct members members = {.id = json_text(yyjson_obj_get(root, "id")),
                              .user = json_text(yyjson_obj_get(root, "user")),
                              .model = json_text(yyjson_obj_get(root, "model")),
                              .text = json_text(yyjson_obj_get(root, "prompt")),
                              .dimensions = yyjson_get_sint(yyjson_obj_get(root, "dimensions"))};
    if (!members.text.ptr)
        members.text = json_text(yyjson_obj_get(root, "input"));
    if (!members.text.ptr) {
        yyjson_val *last = yyjson_arr_get_last(yyjson_obj_get(root, "messages"));
        members.text = json_text(yyjson_obj_get(last, "content"));
    }
    bool ok = use(&members, job, body);
    yyjson_doc_free(doc);
    return ok;
}

static const msgpack_object *find(const msgpack_object *map, const char *name)
{
    if (!map || map->type != MSGPACK_OBJECT_MAP)
        return NULL;
    for (uint32_t i = 0; i < map->via.map.size; i++) {
        const msgpack_object_kv *pair = &map->via.map.ptr[i];
        struct byok_str key = {pair->key.via.str.ptr, pair->key.via.str.size};
        if (pair->key.type == MSGPACK_OBJECT_STR && byok_str_is(key, name))
            return &pair->val;
    }
    return NULL;
}

static struct byok_str msgpack_text(const msgpack_object *value)
{
    if (!value || value->type != MSGPACK_OBJECT_STR)
        return (struct byok_str){0};
    return (struct byok_str){value->via.str.ptr, value->via.str.size};
}

static bool read_msgpack(struct byok_str record, use_fn *use, struct bare_job *job,
                         struct byok_buf *body)
{
    msgpack_unpacked unpacked;
    msgpack_unpacked_init(&unpacked);
    size_t offset = 0;
    bool ok = false;
    if (msgpack_unpack_next(&unpacked, record.ptr, record.len, &offset) == MSGPACK_UNPACK_SUCCESS) {
        const msgpack_object *root = &unpacked.data;
        struct members members = {.id = msgpack_text(find(root, "id")),
                                  .user = msgpack_text(find(root, "user")),
                                  .model = msgpack_text(find(root, "model")),
                                  .text = msgpack_text(find(root, "prompt"))};
        const msgpack_object *dimensions = find(root, "dimensions");
        if (dimensions && dimensions->type == MSGPACK_OBJECT_POSITIVE_INTEGER)
            members.dimensions = (int64_t)dimensions->via.u64;
        if (!members.text.ptr)
            members.text = msgpack_text(find(root, "input"));
        const msgpack_object *messages = find(root, "messages");
        if (!members.text.ptr && messages && messages->type == MSGPACK_OBJECT_ARRAY &&
            messages->via.array.size > 0)
            members.text = msgpack_text(
                find(&messages->via.array.ptr[messages->via.array.size - 1], "content"));
        ok = use(&members, job, body);
    }
    msgpack_unpacked_destroy(&unpacked);
    return ok;
}

static bool read_record(struct byok_str record, use_fn *use, struct bare_job *job,
                        struct byok_buf *body)
{
    if (record.len == 0)
        return false;
    return (record.ptr[0] == '{' ? read_json : read_msgpack)(record, use, job, body);
}

bool bare_read_record(struct byok_str record, struct bare_job *job, struct byok_buf *body)
{
    return read_record(record, use_chat, job, body);
}

bool bare_add_text(struct byok_str record, struct bare_job *job, struct byok_buf *body)
{
    return read_record(record, use_text, job, body);
}

void bare_end_texts(struct byok_buf *body)
{
    byok_buf_add(body, "]}", 2);
}

static int64_t number(yyjson_val *object, const char *name)
{
    yyjson_val *value = yyjson_obj_get(object, name);
    return yyjson_is_int(value) ? yyjson_get_sint(value) : -1;
}

void bare_add_head(const struct bare_job *job, const char *capability, const char *status,
                   struct byok_buf *result)
{
    byok_buf_printf(result, "{\"id\":");
    add_json_string(result, byok_str_of(job->id));
    byok_buf_printf(result, ",\"user\":");
    add_json_string(result, byok_str_of(job->user));
    byok_buf_printf(result,
                    ",\"status\":\"%s\",\"capability\":\"%s\",\"provider\":\"openai\",\"model\":",
                    status, capability);
    add_json_string(result, byok_str_of(job->model));
}

void bare_add_tail(const struct bare_job *job, unsigned http_status, struct byok_buf *result)
{
    int64_t now_ms = wall_ms();
    byok_buf_printf(result,
                    ",\"attempts\":[{\"started_at_ms\":%" PRId64 ",\"duration_ms\":%" PRId64
                    ",\"http_status\":%u,\"sent\":true}],\"finished_at_ms\":%" PRId64 "}",
                    job->started_wall_ms, now_ms - job->started_wall_ms, http_status, now_ms);
}

bool bare_write_result(const struct bare_job *job, unsigned http_status, struct byok_str answer,
                       struct byok_buf *result)
{
    yyjson_doc *doc = http_status == 200 ? yyjson_read(answer.ptr, answer.len, 0) : NULL;
    yyjson_val *root = yyjson_doc_get_root(doc);
    yyjson_val *choice = yyjson_arr_get_first(yyjson_obj_get(root, "choices"));
    yyjson_val *content = yyjson_obj_get(yyjson_obj_get(choice, "message"), "content");
    bool ok = yyjson_is_str(content);
    bare_add_head(job, "chat", ok ? "ok" : "error", result);
    if (ok) {
        yyjson_val *usage = yyjson_obj_get(root, "usage");
        byok_buf_printf(result, ",\"output\":{\"text\":");
        add_json_string(result, json_text(content));
        byok_buf_printf(result, ",\"finish\":");
        add_json_string(result, json_text(yyjson_obj_get(choice, "finish_reason")));
        byok_buf_printf(result, "},\"provider_request_id\":");
        add_json_string(result, json_text(yyjson_obj_get(root, "id")));
        byok_buf_printf(
            result,
            ",\"usage\":{\"input_tokens\":%" PRId64 ",\"cached_tokens\":%" PRId64
            ",\"output_tokens\":%" PRId64 ",\"reasoning_tokens\":%" PRId64 "}",
            number(usage, "prompt_tokens"),
            number(yyjson_obj_get(usage, "prompt_tokens_details"), "cached_tokens"),
            number(usage, "completion_tokens"),
            number(yyjson_obj_get(usage, "completion_tokens_details"), "reasoning_tokens"));
    }
    bare_add_tail(job, http_status, result);
    yyjson_doc_free(doc);
    return ok;
}
