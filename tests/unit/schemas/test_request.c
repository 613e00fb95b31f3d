/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_request.c - requests: the vectors, and what needs more than a vector. */
#include "schemas/request.h"

#include <stdio.h>

#include <criterion/criterion.h>

#include "vectors.h"

static enum byok_err decode(struct byok_arena *arena, const char *json, struct byok_request *out,
                            struct byok_fault *fault)
{
    return byok_request_decode(arena, byok_str_of("application/json"), byok_str_of("alice"),
                               byok_str_of(json), 1000, out, fault);
}

/* ---- the vectors ---- */

/* "provider|model provider|model" */
static struct byok_str fallbacks_of(struct byok_arena *arena, const struct byok_request *request)
{
    struct byok_str all = byok_str_of("");
    for (uint32_t i = 0; i < request->fallback_count; i++) {
        const struct byok_leg *leg = &request->fallbacks[i];
        all = byok_arena_printf(arena, "%.*s%s%.*s|%.*s", BYOK_STR_ARG(all), i ? " " : "",
                                BYOK_STR_ARG(leg->provider), BYOK_STR_ARG(leg->model));
    }
    return all;
}

/* A request under the names that the index's "expect" uses. */
static struct byok_value described(struct byok_arena *arena, const struct byok_request *request)
{
    struct byok_value map = byok_value_map();
#define TEXT(name, text) byok_value_set(arena, &map, name, byok_value_string(text))
#define WHOLE(name, number) byok_value_set(arena, &map, name, byok_value_int((int64_t)(number)))
#define FLAG(name, flag) byok_value_set(arena, &map, name, byok_value_bool(flag))
    TEXT("id", request->id);
    TEXT("user", request->user);
    TEXT("type", byok_str_of(byok_request_type_name(request->type)));
    TEXT("capability", byok_str_of(byok_capability_name(request->capability)));
    TEXT("provider", request->provider);
    TEXT("model", request->model);
    TEXT("key_label", request->label);
    TEXT("traceparent", request->traceparent);
    TEXT("on_unknown",
         byok_str_of(request->on_unknown == BYOK_ON_UNKNOWN_RETRY ? "retry" : "report"));
    TEXT("fallbacks", fallbacks_of(arena, request));
    WHOLE("deadline_ms", request->deadline_wall_ms);
    WHOLE("not_before_ms", request->not_before_wall_ms);
    FLAG("raw", request->raw);
    FLAG("dry_run", request->dry_run);
    WHOLE("envelope_bytes", request->envelope.len);
    WHOLE("expires_ms", request->expires_wall_ms);
    TEXT("signer", request->signature.signer);
    WHOLE("signature_bytes", request->signature.value.len);
    WHOLE("signed_at_ms", request->signature.at_wall_ms);
    const struct byok_value *audio = byok_value_find(&request->root, "audio");
    WHOLE("audio_bytes", byok_value_is(audio, BYOK_VALUE_BYTES) ? audio->as.str.len : 0);
    TEXT("job_id", request->job_id);
    WHOLE("requests_per_minute", request->settings.requests_per_minute);
    WHOLE("tokens_per_minute", request->settings.tokens_per_minute);
    WHOLE("concurrency", request->settings.concurrency);
    for (int i = 0; i < BYOK_CAPABILITY_COUNT; i++) {
        const char *name = byok_capability_name((enum byok_capability)i);
        TEXT(byok_arena_printf(arena, "%s_provider", name).ptr, request->settings.provider[i]);
        TEXT(byok_arena_printf(arena, "%s_model", name).ptr, request->settings.model[i]);
    }
    return map;
}

static void assert_as_expected(const struct vector *vector, const struct byok_request *request)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value got = described(&arena, request);
    const struct byok_value *expect = byok_value_find(vector->entry, "expect");
    cr_assert_not_null(expect, "%s: it must not be taken", vector->name);
    for (uint32_t i = 0; i < expect->count; i++) {
        const struct byok_member *member = &expect->as.members[i];
        const struct byok_value *value =
            byok_value_find(&got, byok_arena_copy(&arena, member->name).ptr);
        cr_assert(value && byok_value_equal(value, &member->value), "%s: %.*s", vector->name,
                  BYOK_STR_ARG(member->name));
    }
}

static void assert_refused(const struct vector *vector, enum byok_err err,
                           const struct byok_fault *fault)
{
    struct byok_str error = byok_value_as_str(byok_value_find(vector->entry, "error"));
    struct byok_str text = byok_value_as_str(byok_value_find(vector->entry, "text"));
    struct byok_str says = byok_value_as_str(byok_value_find(vector->entry, "says"));
    struct byok_str got = byok_str_of(fault->text);
    cr_assert(byok_str_is(error, byok_err_name(err)), "%s: %s: %s", vector->name,
              byok_err_name(err), fault->text);
    cr_assert_eq(fault->code, err);
    cr_assert(byok_str_starts(got, text), "%s: %s", vector->name, fault->text);
    cr_assert_neq(byok_str_find(got, says), SIZE_MAX, "%s: %s", vector->name, fault->text);
    cr_assert_null(strstr(fault->text, "THIS-MUST-NOT-BE-ECHOED"), "%s", vector->name);
}

static void check(const struct vector *vector)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_request request;
    struct byok_fault fault = {0};
    struct byok_str key = byok_value_as_str(byok_value_find(vector->entry, "record_key"));
    /* without a content type where the bytes tell it */
    struct byok_str content_type = {NULL, 0};
    if (vector->bytes.len > 0 && vector->bytes.len % 2)
        content_type = byok_str_of(byok_format_content_type(vector->format));
    enum byok_err err = byok_request_decode(&arena, content_type, key, vector->bytes,
                                            VECTOR_TIMESTAMP_MS, &request, &fault);
    if (err == BYOK_E_OK)
        assert_as_expected(vector, &request);
    else
        assert_refused(vector, err, &fault);
    if (err == BYOK_E_OK)
        cr_assert_eq(request.format, vector->format);
}

Test(request, every_vector_decodes_or_is_refused_as_its_index_says)
{
    cr_assert_gt(each_vector("request", check), 150);
}

/* ---- further ---- */

Test(request, names_have_their_capability_and_back)
{
    for (int i = 0; i < BYOK_CAPABILITY_COUNT; i++) {
        enum byok_capability capability;
        const char *name = byok_capability_name((enum byok_capability)i);
        cr_assert(byok_capability_of(byok_str_of(name), &capability));
        cr_assert_eq((int)capability, i);
    }
    enum byok_capability untouched = BYOK_EMBEDDINGS;
    cr_assert_not(byok_capability_of(byok_str_of("Chat"), &untouched));
    cr_assert_eq(untouched, BYOK_EMBEDDINGS);
}

Test(request, a_dead_letter_knows_id_and_user_of_whatever_else_is_wrong)
{
    static const char *const messages[] = {
        "{\"id\":\"7\",\"user\":\"alice\",\"model\":5,\"capability\":\"chat\"}",
        "{\"capability\":9,\"user\":\"alice\",\"id\":\"7\"}",
        "{\"id\":\"7\",\"user\":\"alice\",\"api_key\":\"x\"}",
    };
    for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        struct byok_request request;
        struct byok_fault fault;
        cr_assert_eq(decode(&arena, messages[i], &request, &fault),
                     i == 2 ? BYOK_E_RAW_KEY : BYOK_E_BAD_MESSAGE);
        cr_assert(byok_str_is(request.id, "7"));
        cr_assert(byok_str_is(request.user, "alice"));
    }
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_request request;
    struct byok_fault fault;
    cr_assert_eq(decode(&arena, "{\"id\":7,\"user\":\"bob\"}", &request, &fault),
                 BYOK_E_BAD_MESSAGE);
    cr_assert_eq(request.id.len, 0);
    cr_assert(byok_str_is(request.user, "bob"));
    cr_assert_eq(strncmp(fault.text, "member \"id\"", 11), 0, "the first fault is the one told");
}

Test(request, the_earlier_of_timeout_and_deadline_counts)
{
    static const struct {
        const char *members;
        int64_t deadline;
    } cases[] = {
        {"", 0},
        {",\"timeout_ms\":50", 1050},
        {",\"deadline_ms\":2000", 2000},
        {",\"deadline_ms\":2000,\"timeout_ms\":50", 1050},
        {",\"deadline_ms\":1010,\"timeout_ms\":50", 1010},
        {",\"timeout_ms\":9223372036854775807", INT64_MAX},
        {",\"timeout_ms\":1e3", 2000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        char json[200];
        struct byok_request request;
        struct byok_fault fault = {0};
        snprintf(json, sizeof json,
                 "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"a\"%s}",
                 cases[i].members);
        cr_assert_eq(decode(&arena, json, &request, &fault), BYOK_E_OK, "%s", fault.text);
        cr_assert_eq(request.deadline_wall_ms, cases[i].deadline, "%s", cases[i].members);
    }
}

Test(request, a_record_without_a_timestamp_still_has_a_deadline)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_request request;
    struct byok_fault fault;
    const char *json = "{\"id\":\"1\",\"user\":\"alice\",\"type\":\"key.check\",\"provider\":\"p\","
                       "\"timeout_ms\":9223372036854775807}";
    cr_assert_eq(byok_request_decode(&arena, (struct byok_str){NULL, 0}, byok_str_of("alice"),
                                     byok_str_of(json), -1, &request, &fault),
                 BYOK_E_OK);
    cr_assert_eq(request.deadline_wall_ms, INT64_MAX);
}

Test(request, metadata_that_fits_is_kept_as_it_is)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str filler = {memset(byok_arena_alloc(&arena, 16000), 'x', 16000), 16000};
    struct byok_str json = byok_arena_printf(
        &arena,
        "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"a\","
        "\"metadata\":{\"a\":\"%.*s\"}}",
        BYOK_STR_ARG(filler));
    struct byok_request request;
    struct byok_fault fault = {0};
    cr_assert_eq(decode(&arena, json.ptr, &request, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(byok_value_as_str(byok_value_find(request.metadata, "a")).len, 16000);
}

Test(request, a_record_without_key_or_of_another_content_type_is_refused)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_request request;
    struct byok_fault fault;
    struct byok_str none = {NULL, 0};
    struct byok_str json = byok_str_of("{\"id\":\"1\",\"user\":\"alice\"}");
    cr_assert_eq(byok_request_decode(&arena, none, none, json, 1, &request, &fault),
                 BYOK_E_WRONG_KEY);
    cr_assert_eq(byok_request_decode(&arena, byok_str_of("text/plain"), byok_str_of("alice"), json,
                                     1, &request, &fault),
                 BYOK_E_BAD_MESSAGE);
    cr_assert_not_null(strstr(fault.text, "content-type"));
    cr_assert_eq(byok_request_decode(&arena, none, byok_str_of("alice"), none, 1, &request, &fault),
                 BYOK_E_BAD_MESSAGE);
}

Test(request, without_memory_it_is_out_of_memory_and_not_a_bad_message)
{
    const char *json = "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"chat\",\"prompt\":\"a\"}";
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = 100};
    struct byok_request request;
    struct byok_fault fault;
    cr_assert_eq(decode(&arena, json, &request, &fault), BYOK_E_NOMEM);
    cr_assert_eq(fault.code, BYOK_E_NOMEM);
}
