/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_golden.c - every case of tests/golden/<adapter> for every row of
 * providers.def.  tests/golden/README.md says what a case's files are. */
#include <dirent.h>
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/stream.h"
#include "calls.h"
#include "schemas/codec.h"

#define HEADERS_MAX 32
#define STREAM_BYTES ((size_t)1 << 22)

struct golden {
    char folder[512];
    const char *adapter;
    const char *name;
    struct byok_arena arena; /* of the files */
};

static struct byok_str read_file(struct golden *g, const char *file)
{
    char path[600];
    snprintf(path, sizeof path, "%s/%s", g->folder, file);
    return file_of(&g->arena, path);
}

static const char *text_of(const struct byok_value *map, const char *path)
{
    static char text[512];
    struct byok_str str = byok_value_as_str(byok_value_path(map, path));
    snprintf(text, sizeof text, "%.*s", BYOK_STR_ARG(str));
    return str.ptr ? text : NULL;
}

static int64_t number_of(const struct byok_value *map, const char *path)
{
    int64_t number = INT64_MIN;
    (void)byok_value_as_int(byok_value_path(map, path), &number);
    return number;
}

static void start(struct golden *g, struct call *c, const struct byok_value *file)
{
    struct byok_str job = read_file(g, "request.json");
    cr_assert(job.ptr, "%s: no request.json", g->name);
    call_init(c, g->adapter, text_of(file, "base_url"), job.ptr);
}

/* ---- requests ---- */

static void check_headers(struct golden *g, const struct byok_http_request *request,
                          const struct byok_value *expected)
{
    cr_expect_eq(request->header_count, expected->count, "%s: %zu headers", g->name,
                 request->header_count);
    for (size_t i = 0; i < request->header_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "%.*s", BYOK_STR_ARG(request->headers[i].name));
        const struct byok_value *value = byok_value_find(expected, name);
        cr_expect(value && byok_str_eq(value->as.str, request->headers[i].value), "%s: %s: %.*s",
                  g->name, name, BYOK_STR_ARG(request->headers[i].value));
    }
}

/* As JSON ("body"), or byte for byte where it is something else ("body_text"). */
static void check_body(struct golden *g, const struct byok_http_request *request,
                       const struct byok_value *expected)
{
    const struct byok_value *text = byok_value_find(expected, "body_text");
    if (text) {
        cr_expect(byok_str_eq(request->body, text->as.str), "%s: %.*s", g->name,
                  BYOK_STR_ARG(request->body));
        return;
    }
    struct byok_value body = json_of(&g->arena, request->body);
    cr_expect(byok_value_equal(&body, byok_value_find(expected, "body")), "%s: %.*s", g->name,
              BYOK_STR_ARG(request->body));
}

static void check_call(struct golden *g)
{
    struct byok_str file = read_file(g, "call.json");
    if (!file.ptr)
        return;
    struct byok_value expected = json_of(&g->arena, file);
    struct call c;
    start(g, &c, &expected);
    struct byok_http_request request;
    enum byok_err err =
        c.provider.adapter->ops[c.request.capability].build(&c.call, &request, &c.fault);
    cr_assert_eq(err, BYOK_E_OK, "%s: %s", g->name, c.fault.text);
    join_body(&g->arena, &request);
    cr_expect_str_eq(request.method, text_of(&expected, "method"), "%s", g->name);
    cr_expect_str_eq(request.url.ptr, text_of(&expected, "url"), "%s", g->name);
    check_headers(g, &request, byok_value_find(&expected, "headers"));
    check_body(g, &request, &expected);
    call_done(&c);
}

/* ---- answers ---- */

static void check_fault(struct golden *g, const struct byok_fault *fault,
                        const struct byok_value *expected)
{
    cr_expect_str_eq(byok_err_name(fault->code), text_of(expected, "code"), "%s", g->name);
    cr_expect_str_eq(fault->text, text_of(expected, "text"), "%s: %s", g->name, fault->text);
    cr_expect_eq(fault->retry_after_ms, number_of(expected, "retry_after_ms"), "%s: wait %lld",
                 g->name, (long long)fault->retry_after_ms);
    cr_expect_eq(fault->day_limit, byok_value_find(expected, "day_limit")->as.boolean, "%s",
                 g->name);
}

/* A unit that is not named was not said. */
static void check_unit(struct golden *g, int64_t count, const struct byok_value *expected,
                       const char *name)
{
    cr_expect_eq(count, byok_value_find(expected, name) ? number_of(expected, name) : -1,
                 "%s: %s %lld", g->name, name, (long long)count);
}

static void check_usage(struct golden *g, const struct byok_usage *usage,
                        const struct byok_value *expected)
{
    cr_expect_eq(usage->input_tokens, number_of(expected, "input_tokens"), "%s", g->name);
    cr_expect_eq(usage->cached_tokens, number_of(expected, "cached_tokens"), "%s", g->name);
    cr_expect_eq(usage->output_tokens, number_of(expected, "output_tokens"), "%s", g->name);
    cr_expect_eq(usage->reasoning_tokens, number_of(expected, "reasoning_tokens"), "%s", g->name);
    check_unit(g, usage->cache_write_tokens, expected, "cache_write_tokens");
    check_unit(g, usage->cache_write_1h_tokens, expected, "cache_write_1h_tokens");
    check_unit(g, usage->characters, expected, "characters");
    check_unit(g, usage->milliseconds, expected, "milliseconds");
    check_unit(g, usage->images, expected, "images");
}

/* The output as its reader has it: audio is base64 in JSON. */
static void check_output(struct golden *g, const struct byok_value *output,
                         const struct byok_value *expected)
{
    BYOK_AUTO(byok_buf) text = {.cap_bytes = (size_t)1 << 20};
    cr_assert_eq(byok_encode(BYOK_JSON, output, &text), BYOK_E_OK, "%s", g->name);
    struct byok_value plain = json_of(&g->arena, byok_buf_str(&text));
    cr_expect(byok_value_equal(&plain, expected), "%s: the output is %.*s", g->name,
              BYOK_STR_ARG(byok_buf_str(&text)));
}

static void check_embeddings(struct golden *g, const struct byok_answer *answer,
                             const struct byok_value *expected)
{
    const struct byok_value *list = byok_value_find(&answer->output, "embeddings");
    cr_assert(byok_value_is(list, BYOK_VALUE_ARRAY), "%s", g->name);
    cr_assert_eq(list->count, number_of(expected, "count"), "%s", g->name);
    const struct byok_value *first = byok_value_find(expected, "first");
    for (uint32_t i = 0; i < list->count; i++) {
        cr_assert(byok_value_is(&list->as.items[i], BYOK_VALUE_FLOATS), "%s", g->name);
        cr_assert_eq(list->as.items[i].count, number_of(expected, "dimensions"), "%s", g->name);
    }
    for (uint32_t i = 0; i < first->count; i++) {
        double number = 0;
        cr_assert(byok_value_as_double(&first->as.items[i], &number));
        cr_expect((float)number == list->as.items[0].as.floats[i], "%s: element %u", g->name, i);
    }
}

static void check_answer(struct golden *g, const struct byok_answer *answer,
                         const struct byok_value *expected)
{
    const char *finish = byok_finish_name(answer->finish);
    const struct byok_value *output = byok_value_find(expected, "output");
    const struct byok_value *embeddings = byok_value_find(expected, "embeddings");
    check_usage(g, &answer->usage, byok_value_find(expected, "usage"));
    cr_expect(byok_str_is(answer->model, text_of(expected, "model")), "%s: model", g->name);
    cr_expect(byok_str_is(answer->provider_request_id, text_of(expected, "provider_request_id")),
              "%s: %.*s", g->name, BYOK_STR_ARG(answer->provider_request_id));
    cr_expect(
        byok_str_is(byok_value_as_str(byok_value_find(expected, "finish")), finish ? finish : ""),
        "%s: finish %s", g->name, finish);
    if (output)
        check_output(g, &answer->output, output);
    if (embeddings)
        check_embeddings(g, answer, embeddings);
}

static void check_response(struct golden *g)
{
    struct byok_str file = read_file(g, "answer.json");
    if (!file.ptr)
        return;
    struct byok_value expected = json_of(&g->arena, file);
    const struct byok_value *map = byok_value_find(&expected, "headers");
    struct byok_http_header headers[HEADERS_MAX];
    struct byok_http_response response = {
        .status = (int)number_of(&expected, "status"),
        .headers = headers,
        .header_count = map->count,
        .body = read_file(g, "response.body"),
    };
    cr_assert_leq(map->count, HEADERS_MAX);
    for (uint32_t i = 0; i < map->count; i++)
        headers[i] =
            (struct byok_http_header){map->as.members[i].name, map->as.members[i].value.as.str};
    struct call c;
    start(g, &c, &expected);
    const struct byok_adapter *adapter = c.provider.adapter;
    struct byok_answer answer;
    enum byok_err err = BYOK_E_UNKNOWN;
    if (response.status / 100 == 2 && c.request.stream)
        err = byok_stream_read(&c.call, &response, STREAM_BYTES, &answer, &c.fault);
    else if (response.status / 100 == 2)
        err = adapter->ops[c.request.capability].parse(&c.call, &response, &answer, &c.fault);
    else
        adapter->classify(&c.call, &response, &c.fault);
    const struct byok_value *fault = byok_value_find(&expected, "expected_fault");
    cr_assert_eq(err == BYOK_E_OK, fault == NULL, "%s: %s", g->name, c.fault.text);
    if (fault)
        check_fault(g, &c.fault, fault);
    else
        check_answer(g, &answer, byok_value_find(&expected, "expected"));
    call_done(&c);
}

/* ---- streams ---- */

/* All deltas of a body that comes in two pieces, or (`at` 0) byte for byte, as one text. */
static enum byok_err read_cut(struct golden *g, const struct byok_str body, size_t at,
                              struct byok_buf *out)
{
    struct call c;
    struct byok_value expected = json_of(&g->arena, read_file(g, "answer.json"));
    const struct byok_http_response response = {.status = 200};
    BYOK_AUTO(byok_stream) stream;
    start(g, &c, &expected);
    byok_stream_init(&stream, STREAM_BYTES, &response);
    byok_buf_init(out, STREAM_BYTES);
    enum byok_err err = BYOK_E_OK;
    for (size_t from = 0; from < body.len && err == BYOK_E_OK;) {
        size_t len = at == 0 ? 1 : from == 0 ? at : body.len - from;
        err = byok_stream_feed(&c.call, &stream, (struct byok_str){body.ptr + from, len}, &c.fault);
        from += len;
    }
    for (const struct byok_delta *d = stream.first; d; d = d->next) {
        byok_buf_printf(out, "%d %u %.*s %.*s ", (int)d->kind, d->tool,
                        BYOK_STR_ARG(byok_buf_str(&d->id)), BYOK_STR_ARG(byok_buf_str(&d->name)));
        byok_buf_add_str(out, byok_buf_str(&d->bytes)); /* media may hold a NUL */
        byok_buf_add(out, "\n", 1);
    }
    call_done(&c);
    return err;
}

static void check_cuts(struct golden *g)
{
    struct byok_str job = read_file(g, "request.json");
    struct byok_str body = read_file(g, "response.body");
    if (!body.ptr || byok_str_find(job, byok_str_of("\"stream\": true")) == SIZE_MAX)
        return;
    BYOK_AUTO(byok_buf) whole = {0};
    const enum byok_err err = read_cut(g, body, body.len, &whole);
    cr_expect(whole.len > 0 || err != BYOK_E_OK, "%s: no deltas", g->name);
    /* every place of a short stream; of a long one as many, spread with an odd step */
    const size_t step = body.len / 512 | 1;
    for (size_t at = 0; at < body.len; at += step) {
        BYOK_AUTO(byok_buf) cut = {0};
        byok_arena_done(&g->arena);
        body = read_file(g, "response.body");
        cr_assert_eq(read_cut(g, body, at, &cut), err, "%s, cut at %zu", g->name, at);
        cr_assert(byok_str_eq(byok_buf_str(&cut), byok_buf_str(&whole)), "%s, cut at %zu: %.*s",
                  g->name, at, BYOK_STR_ARG(byok_buf_str(&cut)));
    }
}

/* ---- all of them ---- */

static size_t each_case(const char *adapter, void (*check)(struct golden *g))
{
    char folder[256];
    size_t cases = 0;
    struct dirent *entry;
    snprintf(folder, sizeof folder, "%s/%s", BYOK_GOLDEN_DIR, adapter);
    DIR *dir = opendir(folder);
    cr_assert(dir, "no recorded answers: %s", folder);
    while ((entry = readdir(dir))) {
        struct golden g = {.adapter = adapter, .name = entry->d_name};
        if (entry->d_name[0] == '.')
            continue;
        snprintf(g.folder, sizeof g.folder, "%s/%s", folder, entry->d_name);
        check(&g);
        byok_arena_done(&g.arena);
        cases++;
    }
    closedir(dir);
    return cases;
}

Test(golden, jobs_become_the_requests_that_the_provider_documents)
{
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++)
        cr_expect_gt(each_case(adapter->name, check_call), 0, "%s", adapter->name);
}

Test(golden, recorded_answers_are_read_as_they_were_meant)
{
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++)
        cr_expect_gt(each_case(adapter->name, check_response), 0, "%s", adapter->name);
}

Test(golden, streams_are_read_alike_wherever_they_are_cut)
{
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++)
        (void)each_case(adapter->name, check_cuts);
}
