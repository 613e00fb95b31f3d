/* SPDX-License-Identifier: MIT */
/* adapters/kit.c - JSON bodies, headers and texts for people. */
#include "adapters/kit.h"

#include <assert.h>
#include <math.h>

#include "base/buf.h"
#include "base/limits.h"
#include "schemas/codec.h"
#include "schemas/utf8.h"

/* Only a bound: JSON may take six bytes for one of a text ("\u0001"). */
#define BODY_BYTES_MAX ((size_t)8 * BYOK_REQUEST_BYTES_MAX)

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

void byok_kit_put(struct byok_arena *arena, struct byok_value *map, struct byok_str name,
                  struct byok_value value)
{
    for (uint32_t i = 0; i < map->count; i++) {
        if (byok_str_eq(map->as.members[i].name, name)) {
            map->as.members[i].value = value;
            return;
        }
    }
    uint32_t before = map->count;
    byok_value_set(arena, map, "", value);
    if (map->count > before) /* the name need not end in NUL, as byok_value_set() wants it */
        map->as.members[before].name = name;
}

void byok_kit_put_options(const struct byok_adapter_call *call, struct byok_value *body)
{
    const struct byok_value *options = call->request->provider_options;
    if (!byok_value_is(options, BYOK_VALUE_MAP))
        return;
    for (uint32_t i = 0; i < options->count; i++)
        byok_kit_put(call->arena, body, options->as.members[i].name, options->as.members[i].value);
}

/* ---- requests ---- */

static void set_header(struct byok_http_request *out, struct byok_str name, struct byok_str value)
{
    for (size_t i = 0; i < out->header_count; i++) {
        if (byok_str_eq_nocase(out->headers[i].name, name)) {
            out->headers[i].value = value;
            return;
        }
    }
    /* byok_provider_complete() leaves room for BYOK_KIT_OWN_HEADERS_MAX */
    assert(out->header_count < BYOK_HTTP_HEADERS_MAX);
    out->headers[out->header_count++] = (struct byok_http_header){name, value};
}

/* Empty without memory for it. */
static struct byok_str percent_encoded(struct byok_arena *arena, struct byok_str text,
                                       bool (*stays)(unsigned char))
{
    static const char hex[] = "0123456789ABCDEF";
    char *copy = byok_arena_alloc(arena, text.len * 3 + 1);
    size_t len = 0;
    for (size_t i = 0; copy && i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (stays(c)) {
            copy[len++] = (char)c;
            continue;
        }
        copy[len++] = '%';
        copy[len++] = hex[c >> 4];
        copy[len++] = hex[c & 15];
    }
    return (struct byok_str){copy, len};
}

static bool stays_in_header(unsigned char c)
{
    return c > ' ' && c < 0x7f && c != '%';
}

/* Ids are UTF-8 and headers are not: what is not printable ASCII, and '%', is percent-encoded.
 * OpenAI refuses other bytes in X-Client-Request-Id, and more than 512; 3 * BYOK_ID_MAX and the
 * attempt's number are fewer. */
static struct byok_str header_text(struct byok_arena *arena, struct byok_str text)
{
    return percent_encoded(arena, text, stays_in_header);
}

void byok_kit_begin_accept(const struct byok_adapter_call *call, const char *method,
                           const char *path, const char *id_header, const char *accept,
                           struct byok_http_request *out)
{
    const struct byok_provider *provider = call->provider;
    *out = (struct byok_http_request){.method = method};
    out->url = byok_arena_printf(call->arena, "%s%s", provider->base_url, path);
    set_header(out, STR("Accept"), byok_str_of(accept));
    if (id_header && call->attempt_id.len > 0)
        set_header(out, byok_str_of(id_header), header_text(call->arena, call->attempt_id));
    for (size_t i = 0; i < provider->extra_header_count; i++)
        set_header(out, provider->extra_headers[i].name, provider->extra_headers[i].value);
}

void byok_kit_begin(const struct byok_adapter_call *call, const char *method, const char *path,
                    const char *id_header, struct byok_http_request *out)
{
    byok_kit_begin_accept(call, method, path, id_header, "application/json", out);
}

enum byok_err byok_kit_check_whole(const struct byok_adapter_call *call, struct byok_fault *fault)
{
    const struct byok_value *stream = byok_value_find(call->request->provider_options, "stream");
    if (stream && stream->type != BYOK_VALUE_NULL &&
        (stream->type != BYOK_VALUE_BOOL || stream->as.boolean))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "provider_options \"stream\": it is the job's own member \"stream\"");
    return BYOK_E_OK;
}

enum byok_err byok_kit_check_memory(const struct byok_adapter_call *call, struct byok_fault *fault)
{
    if (!byok_arena_failed(call->arena))
        return BYOK_E_OK;
    if (call->arena->overflow)
        return byok_fault_set(fault, BYOK_E_TOO_LARGE,
                              "the job needs more memory than it may take");
    return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the job");
}

enum byok_err byok_kit_end_json(const struct byok_adapter_call *call, const struct byok_value *body,
                                struct byok_http_request *out, struct byok_fault *fault)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = BODY_BYTES_MAX};
    enum byok_err err = byok_kit_check_memory(call, fault);
    if (err != BYOK_E_OK)
        return err;
    err = byok_encode(BYOK_JSON, body, &buf);
    if (err != BYOK_E_OK)
        return byok_fault_set(fault, err, "the request's body cannot be written: %s",
                              byok_err_meaning(err));
    out->body = byok_arena_copy(call->arena, byok_buf_str(&buf));
    for (size_t i = 0; i < out->header_count; i++) {
        if (byok_str_eq_nocase(out->headers[i].name, STR("Content-Type")))
            return byok_kit_check_memory(call, fault);
    }
    set_header(out, STR("Content-Type"), STR("application/json"));
    return byok_kit_check_memory(call, fault);
}

enum byok_err byok_kit_end_body(const struct byok_adapter_call *call, struct byok_str content_type,
                                struct byok_str body, struct byok_http_request *out,
                                struct byok_fault *fault)
{
    out->body = body;
    set_header(out, STR("Content-Type"), content_type);
    return byok_kit_check_memory(call, fault);
}

struct byok_str byok_kit_json(struct byok_arena *arena, const struct byok_value *value)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = BODY_BYTES_MAX};
    if (byok_encode(BYOK_JSON, value, &buf) != BYOK_E_OK) {
        arena->failed = true; /* sticky, as for any other text that found no memory */
        return (struct byok_str){NULL, 0};
    }
    return byok_arena_copy(arena, byok_buf_str(&buf));
}

/* ---- answers ---- */

bool byok_kit_is_html(const struct byok_http_response *response)
{
    struct byok_str body = byok_str_trim(response->body);
    return byok_kit_mentions(byok_http_header_of(response, "content-type"), "text/html") ||
           (body.len > 0 && body.ptr[0] == '<');
}

enum byok_err byok_kit_read(const struct byok_adapter_call *call,
                            const struct byok_http_response *response, struct byok_value *out,
                            struct byok_fault *fault)
{
    struct byok_fault inner = {.code = BYOK_E_OK};
    const char *name = call->provider->name;
    if (byok_kit_is_html(response))
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "provider \"%s\" answered with an HTML page: check its base_url",
                              name);
    struct byok_value root;
    enum byok_err err = byok_decode(call->arena, BYOK_JSON, response->body, &root, &inner);
    if (err == BYOK_E_NOMEM) {
        call->arena->failed = true; /* also when it was the reader's own memory */
        return byok_kit_check_memory(call, fault);
    }
    if (err != BYOK_E_OK)
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" cannot be read (%zu bytes): %s", name,
                              response->body.len, inner.text);
    if (root.type != BYOK_VALUE_MAP)
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" is JSON but not an object", name);
    *out = root;
    return BYOK_E_OK;
}

struct byok_str byok_kit_header(const struct byok_adapter_call *call,
                                const struct byok_http_response *response, const char *name)
{
    struct byok_str value = byok_str_trim(byok_http_header_of(response, name));
    return value.len > 0 ? byok_arena_copy(call->arena, value) : value;
}

/* More of anything is no count of one call but nonsense, which would block its user for years. */
#define COUNT_MAX ((int64_t)1 << 32)

int64_t byok_kit_count(const struct byok_value *map, const char *path)
{
    int64_t count;
    if (!byok_value_as_int(byok_value_path(map, path), &count) || count < 0)
        return -1;
    return count <= COUNT_MAX ? count : -1;
}

enum byok_err byok_kit_code_of_status(int status)
{
    switch (status) {
    case 401:
        return BYOK_E_KEY_INVALID;
    case 402:
        return BYOK_E_OUT_OF_MONEY;
    case 403:
        return BYOK_E_PERMISSION;
    case 404:
        return BYOK_E_NOT_FOUND;
    case 408: /* the provider waited for the request in vain */
    case 409: /* OpenAI's own clients try it again: a lock was not given in time */
        return BYOK_E_SERVER_ERROR;
    case 413:
        return BYOK_E_TOO_LARGE;
    case 429:
        return BYOK_E_RATE_LIMITED;
    case 498: /* Groq: no capacity */
    case 503:
    case 529:
        return BYOK_E_OVERLOADED;
    case 504: /* a gateway gave up waiting; what is behind it may have done and billed the work */
        return BYOK_E_TIMEOUT;
    default:
        break;
    }
    if (status >= 500)
        return BYOK_E_SERVER_ERROR;
    if (status >= 400)
        return BYOK_E_BAD_REQUEST;
    /* a redirect is not followed: it would carry the key to another address */
    return status >= 300 ? BYOK_E_CONFIG : BYOK_E_BAD_ANSWER;
}

/* ---- texts ---- */

/* C0, DEL, and C1 in its UTF-8 form (C2 80..9F): nothing that moves a terminal's cursor. */
static void blank_controls(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        unsigned char next = i + 1 < len ? (unsigned char)text[i + 1] : 0;
        if (c < 0x20 || c == 0x7f)
            text[i] = ' ';
        else if (c == 0xC2 && next >= 0x80 && next <= 0x9F)
            text[i] = text[i + 1] = ' ';
    }
}

struct byok_str byok_kit_clean(struct byok_arena *arena, struct byok_str text)
{
    text = byok_str_trim(text);
    /* first to a bound, then back over what the bound cut in two */
    struct byok_str head = {text.ptr, text.len};
    if (head.len > BYOK_FAULT_TEXT_BYTES - 1) {
        head.len = BYOK_FAULT_TEXT_BYTES - 1;
        while (head.len > 0 && ((unsigned char)text.ptr[head.len] & 0xC0) == 0x80)
            head.len--;
    }
    struct byok_str good = byok_utf8_repair(arena, head);
    char *copy = good.len > 0 ? byok_arena_alloc(arena, good.len + 1) : NULL;
    if (!copy)
        return (struct byok_str){NULL, 0};
    memcpy(copy, good.ptr, good.len);
    blank_controls(copy, good.len);
    return (struct byok_str){copy, good.len};
}

bool byok_kit_mentions(struct byok_str text, const char *word)
{
    const struct byok_str wanted = byok_str_of(word);
    for (size_t i = 0; i + wanted.len <= text.len; i++) {
        if (byok_str_eq_nocase((struct byok_str){text.ptr + i, wanted.len}, wanted))
            return true;
    }
    return false;
}

/* ---- for providers whose form is not OpenAI's ---- */

/* Copies, since a body may hold objects of the job itself. */
static struct byok_value merged(struct byok_arena *arena, const struct byok_value *under,
                                const struct byok_value *over)
{
    struct byok_value out = byok_value_map();
    for (uint32_t i = 0; i < under->count; i++)
        byok_kit_put(arena, &out, under->as.members[i].name, under->as.members[i].value);
    for (uint32_t i = 0; i < over->count; i++)
        byok_kit_put(arena, &out, over->as.members[i].name, over->as.members[i].value);
    return out;
}

static const struct byok_value *member_of(const struct byok_value *map, struct byok_str name)
{
    for (uint32_t i = 0; i < map->count; i++) {
        if (byok_str_eq(map->as.members[i].name, name))
            return &map->as.members[i].value;
    }
    return NULL;
}

void byok_kit_merge_options(const struct byok_adapter_call *call, struct byok_value *body)
{
    const struct byok_value *options = call->request->provider_options;
    if (!byok_value_is(options, BYOK_VALUE_MAP))
        return;
    for (uint32_t i = 0; i < options->count; i++) {
        const struct byok_member *option = &options->as.members[i];
        const struct byok_value *had = member_of(body, option->name);
        struct byok_value value = option->value;
        if (byok_value_is(had, BYOK_VALUE_MAP) && value.type == BYOK_VALUE_MAP)
            value = merged(call->arena, had, &option->value);
        byok_kit_put(call->arena, body, option->name, value);
    }
}

int64_t byok_kit_sum(int64_t a, int64_t b)
{
    if (a < 0 || b < 0)
        return a < 0 ? b : a;
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

static bool stays_in_segment(unsigned char c)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    return memchr(unreserved, c, sizeof unreserved - 1) != NULL;
}

struct byok_str byok_kit_segment(struct byok_arena *arena, struct byok_str name)
{
    return percent_encoded(arena, name, stays_in_segment);
}

bool byok_kit_read_vector(const struct byok_adapter_call *call, const struct byok_value *list,
                          struct byok_value *out)
{
    if (!byok_value_is(list, BYOK_VALUE_ARRAY) || list->count == 0)
        return false;
    float *floats = byok_arena_alloc(call->arena, list->count * sizeof *floats);
    for (uint32_t i = 0; floats && i < list->count; i++) {
        double number;
        if (!byok_value_as_double(&list->as.items[i], &number) || !(fabs(number) <= 3.0e38))
            return false;
        floats[i] = (float)number;
    }
    *out = byok_value_floats(floats, list->count);
    return floats != NULL;
}
