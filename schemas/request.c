/* SPDX-License-Identifier: MIT */
/* schemas/request.c - a record of the requests topic becomes a checked request.
 *
 * Texts of faults name members and positions, never what a member holds: it may be a key.
 */
#include "schemas/request.h"

#include <stddef.h>

#include "base/buf.h"
#include "base/limits.h"
#include "schemas/request_parts.h"

/* How many times longer a value can become by being written in our shortest way: "1e20" is written
 * as 100000000000000000000.0. */
#define REWRITE_GROWTH_MAX 8

#define COUNT(table) (sizeof(table) / sizeof(table)[0])

/* ---- members that are names ---- */

struct word {
    const char *name;
    struct byok_str *to;
    size_t max;
    bool required; /* in every request */
};

static enum byok_err read_word(const struct byok_value *root, const struct word *word,
                               struct byok_fault *fault)
{
    const struct byok_value *value = byok_value_find(root, word->name);
    if (!value)
        return word->required ? byok_refuse_member(fault, word->name, "is missing") : BYOK_E_OK;
    struct byok_str text = byok_value_as_str(value);
    if (text.len == 0 || text.len > word->max)
        return byok_fault_set(fault, BYOK_E_BAD_MESSAGE,
                              "member \"%s\": must be a text of 1 to %zu bytes", word->name,
                              word->max);
    /* they go into store keys, HTTP headers and logs */
    if (byok_has_controls(text))
        return byok_refuse_member(fault, word->name, "must have no control characters");
    *word->to = text;
    return BYOK_E_OK;
}

/* All are read, even after one was wrong, so that the dead letter knows id and user; the first
 * fault is the one told. */
static enum byok_err read_words(struct byok_request *out, struct byok_fault *fault)
{
    const struct word words[] = {
        {"id", &out->id, BYOK_ID_MAX, true},
        {"user", &out->user, BYOK_USER_MAX, true},
        {"provider", &out->provider, BYOK_PROVIDER_MAX, false},
        {"model", &out->model, BYOK_MODEL_MAX, false},
        {"key_label", &out->label, BYOK_LABEL_MAX, false},
        {"traceparent", &out->traceparent, BYOK_TRACEPARENT_MAX, false},
    };
    enum byok_err first = BYOK_E_OK;
    for (size_t i = 0; i < COUNT(words); i++) {
        enum byok_err err = read_word(&out->root, &words[i], first == BYOK_E_OK ? fault : NULL);
        if (first == BYOK_E_OK)
            first = err;
    }
    return first;
}

/* ---- members that must never be there ---- */

struct forbidden {
    const char *name;
    const char *plain; /* the name in lower case, without '_' and '-' */
    const char *why;
    enum byok_err code;
    bool in_options; /* refused in provider_options too */
};

#define NO_KEYS                                                                                    \
    "keys are registered by `byok key add` and never sent in a job; if this one has been sent, "   \
    "take it back at its provider: it stands in a log"

#define NO_PLACES "addresses of providers, and headers, come from the worker's configuration only"

static const struct forbidden forbidden[] = {
    {"api_key", "apikey", NO_KEYS, BYOK_E_RAW_KEY, true},
    {"x-api-key", "xapikey", NO_KEYS, BYOK_E_RAW_KEY, true},
    {"authorization", "authorization", NO_KEYS, BYOK_E_RAW_KEY, true},
    {"key", "key", NO_KEYS, BYOK_E_RAW_KEY, false},
    {"base_url", "baseurl", NO_PLACES, BYOK_E_BAD_MESSAGE, true},
    {"url", "url", NO_PLACES, BYOK_E_BAD_MESSAGE, false},
    {"host", "host", NO_PLACES, BYOK_E_BAD_MESSAGE, false},
    {"proxy", "proxy", NO_PLACES, BYOK_E_BAD_MESSAGE, false},
    {"headers", "headers", NO_PLACES, BYOK_E_BAD_MESSAGE, false},
};

static bool is_named(struct byok_str name, const char *plain)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '_' || c == '-')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        if (*plain == '\0' || c != *plain++) /* a name may hold a NUL */
            return false;
    }
    return *plain == '\0';
}

/* A raw key has a code of its own, because its dead letter must not carry the message. */
static enum byok_err refuse_as(enum byok_err code, struct byok_fault *fault,
                               const struct forbidden *what)
{
    return byok_fault_set(fault, code, "member \"%s\": %s", what->name, what->why);
}

static enum byok_err refuse_forbidden(const struct byok_value *map, bool options,
                                      struct byok_fault *fault)
{
    for (uint32_t i = 0; byok_value_is(map, BYOK_VALUE_MAP) && i < map->count; i++) {
        for (size_t j = 0; j < COUNT(forbidden); j++) {
            if ((!options || forbidden[j].in_options) &&
                is_named(map->as.members[i].name, forbidden[j].plain))
                return refuse_as(forbidden[j].code, fault, &forbidden[j]);
        }
    }
    return BYOK_E_OK;
}

/* ---- the envelope's other members ---- */

static const struct byok_rule envelope_rules[] = {
    {"timeout_ms", BYOK_ACCEPT_POSITIVE, false},
    {"deadline_ms", BYOK_ACCEPT_POSITIVE, false},
    {"metadata", BYOK_ACCEPT_MAP, false},
};

static const struct byok_rule job_rules[] = {
    {"capability", BYOK_ACCEPT_FILLED, true},     {"on_unknown", BYOK_ACCEPT_TEXT, false},
    {"provider_options", BYOK_ACCEPT_MAP, false}, {"raw", BYOK_ACCEPT_BOOL, false},
    {"stream", BYOK_ACCEPT_BOOL, false},          {"not_before_ms", BYOK_ACCEPT_POSITIVE, false},
    {"fallbacks", BYOK_ACCEPT_LIST, false},
};

static bool is_true(const struct byok_value *value)
{
    return byok_value_is(value, BYOK_VALUE_BOOL) && value->as.boolean;
}

static int64_t deadline_of(const struct byok_value *root, int64_t timestamp_wall_ms)
{
    const int64_t from = timestamp_wall_ms > 0 ? timestamp_wall_ms : 0;
    int64_t timeout = 0, deadline = 0, by_timeout = 0;
    if (byok_value_as_int(byok_value_find(root, "timeout_ms"), &timeout))
        by_timeout = timeout > INT64_MAX - from ? INT64_MAX : from + timeout;
    if (!byok_value_as_int(byok_value_find(root, "deadline_ms"), &deadline))
        return by_timeout;
    return by_timeout != 0 && by_timeout < deadline ? by_timeout : deadline;
}

/* Of jobs only; one of a wrong type is refused with the job's other members. */
static int64_t not_before_of(const struct byok_request *request)
{
    int64_t time = 0;
    return request->type == BYOK_REQUEST_JOB &&
                   byok_value_as_int(byok_value_find(&request->root, "not_before_ms"), &time) &&
                   time > 0
               ? time
               : 0;
}

static enum byok_err check_metadata_size(const struct byok_request *request,
                                         struct byok_fault *fault)
{
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, BYOK_METADATA_MAX);
    enum byok_err err = byok_encode(request->format, request->metadata, &buf);
    if (err != BYOK_E_TOO_LARGE)
        return err;
    return byok_fault_set(fault, BYOK_E_BAD_MESSAGE, "member \"metadata\": is larger than %d bytes",
                          BYOK_METADATA_MAX);
}

static enum byok_err read_envelope(struct byok_arena *arena, size_t message_bytes,
                                   int64_t timestamp_wall_ms, struct byok_request *out,
                                   struct byok_fault *fault)
{
    const struct byok_value *type = byok_value_find(&out->root, "type");
    if (type && !byok_request_type_of(byok_value_as_str(type), &out->type))
        return byok_refuse_member(fault, "type", "is not a known type of request");
    enum byok_err err =
        byok_check_rules(arena, &out->root, envelope_rules, COUNT(envelope_rules), fault);
    if (err != BYOK_E_OK)
        return err;
    int64_t start_wall_ms = not_before_of(out);
    out->not_before_wall_ms = start_wall_ms;
    out->deadline_wall_ms = deadline_of(
        &out->root, start_wall_ms > timestamp_wall_ms ? start_wall_ms : timestamp_wall_ms);
    out->metadata = byok_value_find(&out->root, "metadata");
    /* a small message cannot hold a large one, so that most are not measured */
    if (out->metadata && message_bytes > BYOK_METADATA_MAX / REWRITE_GROWTH_MAX)
        return check_metadata_size(out, fault);
    return BYOK_E_OK;
}

/* Members that are null are as good as absent, and here become so: nothing further has to ask. */
static void drop_nulls(struct byok_value *map)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < map->count; i++) {
        if (map->as.members[i].value.type != BYOK_VALUE_NULL)
            map->as.members[kept++] = map->as.members[i];
    }
    map->count = kept;
}

/* ---- by type ---- */

static enum byok_err read_job(struct byok_arena *arena, struct byok_request *out,
                              struct byok_fault *fault)
{
    enum byok_err err = byok_check_rules(arena, &out->root, job_rules, COUNT(job_rules), fault);
    if (err != BYOK_E_OK)
        return err;
    struct byok_str capability = byok_value_as_str(byok_value_find(&out->root, "capability"));
    if (!byok_capability_of(capability, &out->capability))
        return byok_refuse_member(fault, "capability", "is not a known capability");
    const struct byok_value *on_unknown = byok_value_find(&out->root, "on_unknown");
    if (on_unknown && byok_str_is(on_unknown->as.str, "retry"))
        out->on_unknown = BYOK_ON_UNKNOWN_RETRY;
    else if (on_unknown && !byok_str_is(on_unknown->as.str, "report"))
        return byok_refuse_member(fault, "on_unknown", "must be \"report\" or \"retry\"");
    out->provider_options = byok_value_find(&out->root, "provider_options");
    out->raw = is_true(byok_value_find(&out->root, "raw"));
    out->stream = is_true(byok_value_find(&out->root, "stream"));
    err = refuse_forbidden(out->provider_options, true, fault);
    if (err == BYOK_E_OK)
        err = byok_read_fallbacks(arena, out, fault);
    return err == BYOK_E_OK ? byok_check_job(arena, out, fault) : err;
}

static enum byok_err read_cancel(struct byok_request *out, struct byok_fault *fault)
{
    const struct word job_id = {"job_id", &out->job_id, BYOK_ID_MAX, true};
    return read_word(&out->root, &job_id, fault);
}

static enum byok_err read_by_type(struct byok_arena *arena, struct byok_request *out,
                                  struct byok_fault *fault)
{
    switch (out->type) {
    case BYOK_REQUEST_JOB:
        return read_job(arena, out, fault);
    case BYOK_REQUEST_KEY_REGISTER:
    case BYOK_REQUEST_KEY_ROTATE:
    case BYOK_REQUEST_KEY_CHECK:
    case BYOK_REQUEST_KEY_DELETE:
        return byok_read_key_command(arena, out, fault);
    case BYOK_REQUEST_USER_CONFIGURE:
        return byok_read_settings(out, fault);
    case BYOK_REQUEST_JOB_CANCEL:
        return read_cancel(out, fault);
    case BYOK_REQUEST_TYPE_COUNT:
        break;
    }
    return byok_fault_set(fault, BYOK_E_INTERNAL, "a request of no type");
}

enum byok_err byok_request_decode(struct byok_arena *arena, struct byok_str content_type,
                                  struct byok_str record_key, struct byok_str bytes,
                                  int64_t timestamp_wall_ms, struct byok_request *out,
                                  struct byok_fault *fault)
{
    *out = (struct byok_request){
        .label = BYOK_STR("default"),
        .settings = {.requests_per_minute = BYOK_SETTING_UNCHANGED,
                     .tokens_per_minute = BYOK_SETTING_UNCHANGED,
                     .concurrency = BYOK_SETTING_UNCHANGED,
                     .budget = BYOK_SETTING_UNCHANGED},
    };
    if (!byok_format_of(content_type, bytes, &out->format))
        return byok_fault_set(fault, BYOK_E_BAD_MESSAGE,
                              content_type.len > 0 ? "header \"content-type\": is neither JSON nor "
                                                     "msgpack"
                                                   : "neither a JSON object nor a msgpack map");
    enum byok_err err = byok_decode(arena, out->format, bytes, &out->root, fault);
    if (err != BYOK_E_OK)
        return err;
    if (out->root.type != BYOK_VALUE_MAP)
        return byok_fault_set(fault, BYOK_E_BAD_MESSAGE, "the message is not an object");
    drop_nulls(&out->root);
    err = read_words(out, fault);
    out->names_key = byok_value_find(&out->root, "key_label") != NULL;
    if (err == BYOK_E_OK && !byok_str_eq(record_key, out->user))
        err =
            byok_fault_set(fault, BYOK_E_WRONG_KEY, "the record's key is not its member \"user\"");
    if (err == BYOK_E_OK)
        err = refuse_forbidden(&out->root, false, fault);
    if (err == BYOK_E_OK)
        err = read_envelope(arena, bytes.len, timestamp_wall_ms, out, fault);
    if (err == BYOK_E_OK)
        err = read_by_type(arena, out, fault);
    if (byok_arena_failed(arena) || err == BYOK_E_NOMEM)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory to read the message");
    return err;
}
