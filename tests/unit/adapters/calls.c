/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/calls.c - see calls.h. */
#include "calls.h"

#include <stdio.h>

#include <criterion/criterion.h>

#include "schemas/codec.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)

const char *smallest_job(enum byok_capability capability)
{
    static const char *const jobs[BYOK_CAPABILITY_COUNT] = {
        [BYOK_CHAT] = "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"Hi\"}",
        [BYOK_TEXT_TO_SPEECH] =
            "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"text_to_speech\",\"text\":\"Hi\"}",
        [BYOK_SPEECH_TO_TEXT] = "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"speech_to_"
                                "text\",\"audio\":\"AAAA\"}",
        [BYOK_IMAGE_GENERATION] =
            "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"image_generation\","
            "\"prompt\":\"Hi\"}",
        [BYOK_EMBEDDINGS] =
            "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"embeddings\",\"input\":\"Hi\"}",
    };
    return jobs[capability];
}

void call_init(struct call *c, const char *adapter, const char *base_url, const char *job)
{
    *c = (struct call){.provider = {.name = adapter, .base_url = base_url}};
    enum byok_err err = byok_request_decode(
        &c->arena, byok_str_of("application/json"), byok_str_of("alice"),
        byok_str_of(job ? job : smallest_job(BYOK_CHAT)), CALL_WALL_MS, &c->request, &c->fault);
    cr_assert_eq(err, BYOK_E_OK, "%s: %s", job, c->fault.text);
    err = byok_provider_complete(&c->arena, &c->provider, adapter, &c->fault);
    cr_assert_eq(err, BYOK_E_OK, "%s", c->fault.text);
    c->call = (struct byok_adapter_call){
        .arena = &c->arena,
        .provider = &c->provider,
        .request = &c->request,
        .model = c->request.model.len > 0 ? c->request.model : byok_str_of("m"),
        .attempt_id = byok_arena_printf(&c->arena, "%.*s/1", BYOK_STR_ARG(c->request.id)),
        .wall_ms = CALL_WALL_MS,
    };
}

void call_done(struct call *c)
{
    byok_arena_done(&c->arena);
}

enum byok_err call_build(struct call *c, const char *adapter, const char *job,
                         struct byok_http_request *out)
{
    call_init(c, adapter, NULL, job);
    return c->provider.adapter->ops[c->request.capability].build(&c->call, out, &c->fault);
}

enum byok_err call_parse(struct call *c, const char *adapter, const char *job, const char *body,
                         struct byok_answer *out)
{
    struct byok_http_header header;
    call_init(c, adapter, NULL, job);
    struct byok_http_response response =
        answer_of(200, "application/json", byok_str_of(body), &header);
    return c->provider.adapter->ops[c->request.capability].parse(&c->call, &response, out,
                                                                 &c->fault);
}

struct byok_http_response answer_of(int status, const char *content_type, struct byok_str body,
                                    struct byok_http_header *header)
{
    *header = (struct byok_http_header){BYOK_STR("content-type"), byok_str_of(content_type)};
    return (struct byok_http_response){
        .status = status, .headers = header, .header_count = 1, .body = body};
}

void join_body(struct byok_arena *arena, struct byok_http_request *request)
{
    size_t len = 0;
    char *whole = byok_arena_alloc(arena, byok_http_body_bytes(request) + 1);
    cr_assert_not_null(whole);
    for (size_t i = 0; i < request->piece_count; i++) {
        if (request->pieces[i].len > 0)
            memcpy(whole + len, request->pieces[i].ptr, request->pieces[i].len);
        len += request->pieces[i].len;
    }
    if (request->piece_count > 0)
        request->body = (struct byok_str){whole, len};
    request->pieces = NULL;
    request->piece_count = 0;
}

struct byok_value json_of(struct byok_arena *arena, struct byok_str text)
{
    struct byok_value value = byok_value_null();
    struct byok_fault fault = {.code = BYOK_E_OK};
    cr_assert_eq(byok_decode(arena, BYOK_JSON, text, &value, &fault), BYOK_E_OK, "%.*s: %s",
                 BYOK_STR_ARG(text), fault.text);
    return value;
}

struct byok_str file_of(struct byok_arena *arena, const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return (struct byok_str){NULL, 0};
    char *bytes = byok_arena_alloc(arena, FILE_BYTES_MAX);
    cr_assert_not_null(bytes);
    size_t len = fread(bytes, 1, FILE_BYTES_MAX, file);
    cr_assert_lt(len, FILE_BYTES_MAX, "%s is too large for a test", path);
    cr_assert_eq(fclose(file), 0);
    return (struct byok_str){bytes, len};
}
