/* SPDX-License-Identifier: MIT */
/* tests/conformance/adapter.c - what every adapter must do (adapters/adapter.h), run over each row
 * of providers.def.  A new adapter joins by its line there; nothing here needs an edit. */
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/adapter.h"
#include "adapters/kit.h"
#include "calls.h"
#include "schemas/codec.h"
#include "schemas/utf8.h"

#define CAP_BYTES ((size_t)8 << 20)

/* A capability that an adapter serves. */
struct served {
    const struct byok_adapter *adapter;
    enum byok_capability capability;
    const struct byok_adapter_ops *ops;
};

static void each_served(void (*check)(const struct served *served))
{
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        for (int c = 0; c < BYOK_CAPABILITY_COUNT; c++) {
            const struct served served = {adapter, (enum byok_capability)c, &adapter->ops[c]};
            if (adapter->ops[c].build)
                check(&served);
        }
    }
}

static void start(struct call *c, const struct served *served)
{
    call_init(c, served->adapter->name, NULL, smallest_job(served->capability));
}

/* ---- the table ---- */

Test(adapter, rows_are_whole_and_their_names_differ)
{
    const struct byok_adapter *adapter;
    size_t i;
    for (i = 0; (adapter = byok_adapter_at(i)); i++) {
        cr_assert(adapter->name && adapter->name[0]);
        cr_assert_eq(byok_adapter_find(adapter->name), adapter, "%s is there twice", adapter->name);
        cr_assert(adapter->base_url && adapter->auth_header && adapter->auth_prefix, "%s",
                  adapter->name);
        cr_assert(adapter->build_key_check && adapter->classify, "%s", adapter->name);
    }
    cr_assert_gt(i, 0);
}

Test(adapter, serves_something_and_each_slot_has_both_functions_or_neither)
{
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        size_t served = 0;
        for (int c = 0; c < BYOK_CAPABILITY_COUNT; c++) {
            cr_assert_eq(!adapter->ops[c].build, !adapter->ops[c].parse, "%s: %s", adapter->name,
                         byok_capability_name((enum byok_capability)c));
            served += adapter->ops[c].build != NULL;
        }
        cr_assert_gt(served, 0, "%s", adapter->name);
    }
}

Test(adapter, its_own_base_url_passes_the_check_of_configured_ones)
{
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        struct call c;
        call_init(&c, adapter->name, NULL, NULL);
        cr_assert_str_eq(c.provider.base_url, adapter->base_url);
        cr_assert_eq(strncmp(c.provider.origin, "https://", 8), 0, "%s", adapter->name);
        call_done(&c);
    }
}

/* ---- requests ---- */

static void check_request(const struct call *c, const struct byok_http_request *request)
{
    const char *name = c->provider.name;
    struct byok_str base = byok_str_of(c->provider.base_url);
    cr_assert(strcmp(request->method, "GET") == 0 || strcmp(request->method, "POST") == 0);
    cr_assert(byok_str_starts(request->url, base), "%s: the url leaves the base_url", name);
    cr_assert_eq(strlen(request->url.ptr), request->url.len, "%s", name);
    cr_assert_leq(request->header_count, BYOK_HTTP_HEADERS_MAX, "%s", name);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct byok_http_header *header = &request->headers[i];
        cr_assert(header->name.len > 0 && !byok_has_controls(header->value), "%s", name);
        cr_assert(!byok_str_eq_nocase(header->name, byok_str_of(c->provider.auth_header)),
                  "%s: the key's header is the port's to set", name);
        for (size_t k = 0; k < header->value.len; k++)
            cr_assert((unsigned char)header->value.ptr[k] < 0x7f, "%s", name);
        for (size_t k = 0; k < i; k++)
            cr_assert(!byok_str_eq_nocase(header->name, request->headers[k].name), "%s", name);
    }
}

static void builds_the_smallest_job(const struct served *served)
{
    struct call c;
    start(&c, served);
    /* ids are UTF-8, and spaces are no control characters */
    c.call.attempt_id = byok_str_of("M\xC3\xBCller 100%/1");
    struct byok_http_request request;
    cr_assert_eq(served->ops->build(&c.call, &request, &c.fault), BYOK_E_OK, "%s", c.fault.text);
    check_request(&c, &request);
    cr_assert_gt(byok_http_body_bytes(&request), 0, "%s", served->adapter->name);
    call_done(&c);
}

Test(adapter, builds_the_smallest_job_of_each_capability_it_serves)
{
    each_served(builds_the_smallest_job);
}

static bool is_said(const struct byok_http_request *request, const char *text)
{
    bool found = byok_str_find(request->body, byok_str_of(text)) != SIZE_MAX;
    for (size_t i = 0; i < request->header_count; i++)
        found |= byok_str_find(request->headers[i].value, byok_str_of(text)) != SIZE_MAX;
    for (size_t i = 0; i < request->piece_count; i++) {
        if (!byok_http_piece_is_file(&request->pieces[i]))
            found |= byok_str_find(request->pieces[i], byok_str_of(text)) != SIZE_MAX;
    }
    return found;
}

/* Of a file that is not in memory a length stands in the request, once; its beginning is looked at
 * and not sent. */
static void sends_a_file_from_where_it_is(const struct served *served)
{
    struct call c;
    struct byok_http_request request;
    struct byok_payload_ref file;
    size_t files = 0, beside = 0;
    if (!served->ops->sends_file)
        return;
    start(&c, served);
    byok_payload_identify(byok_str_of("alice"), byok_str_of("a large file"), &file);
    file.size = 1000000000;
    const struct byok_value head = byok_value_bytes((struct byok_str)BYOK_STR("ID3\4 beginning"));
    byok_kit_put(&c.arena, &c.request.root, byok_str_of("audio"), head);
    c.call.file = &file;
    cr_assert_eq(served->ops->build(&c.call, &request, &c.fault), BYOK_E_OK, "%s", c.fault.text);
    check_request(&c, &request);
    for (size_t i = 0; i < request.piece_count; i++) {
        const bool is_file = byok_http_piece_is_file(&request.pieces[i]);
        files += is_file;
        beside += is_file ? 0 : request.pieces[i].len;
    }
    cr_expect_eq(files, 1, "%s", served->adapter->name);
    cr_expect_eq(request.body.len, 0, "%s", served->adapter->name);
    cr_expect_eq(byok_http_body_bytes(&request), 1000000000 + beside, "%s", served->adapter->name);
    cr_expect(is_said(&request, "audio/mpeg"), "%s", served->adapter->name);
    cr_expect(!is_said(&request, "beginning"), "%s", served->adapter->name);
    call_done(&c);
}

Test(adapter, sends_a_file_from_where_it_is)
{
    each_served(sends_a_file_from_where_it_is);
}

static void builds_under_a_configured_address(const struct served *served)
{
    struct call c;
    static const struct byok_http_header extra[] = {{BYOK_STR("X-Extra"), BYOK_STR("1")},
                                                    {BYOK_STR("Accept"), BYOK_STR("*/*")}};
    start(&c, served);
    c.provider = (struct byok_provider){.name = "own",
                                        .base_url = "http://127.0.0.1:8080/a/",
                                        .extra_headers = extra,
                                        .extra_header_count = 2};
    cr_assert_eq(byok_provider_complete(&c.arena, &c.provider, served->adapter->name, &c.fault),
                 BYOK_E_OK);
    struct byok_http_request request;
    cr_assert_eq(served->ops->build(&c.call, &request, &c.fault), BYOK_E_OK, "%s", c.fault.text);
    check_request(&c, &request);
    size_t found = 0;
    for (size_t i = 0; i < request.header_count; i++) {
        found += byok_str_is(request.headers[i].name, "X-Extra");
        found += byok_str_is(request.headers[i].value, "*/*");
    }
    cr_assert_eq(found, 2, "%s: configured headers", served->adapter->name);
    call_done(&c);
}

Test(adapter, uses_the_configured_address_and_headers)
{
    each_served(builds_under_a_configured_address);
}

Test(adapter, checks_a_key_with_a_request_that_only_reads)
{
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        struct call c;
        struct byok_http_request request;
        call_init(&c, adapter->name, NULL,
                  "{\"id\":\"1\",\"user\":\"alice\",\"type\":\"key.check\",\"provider\":\"p\"}");
        c.call.model = (struct byok_str){NULL, 0};
        cr_assert_eq(adapter->build_key_check(&c.call, &request, &c.fault), BYOK_E_OK);
        check_request(&c, &request);
        if (!adapter->key_check_is_billed) {
            cr_assert_str_eq(request.method, "GET", "%s", adapter->name);
            cr_assert_eq(request.body.len, 0, "%s", adapter->name);
        }
        call_done(&c);
    }
}

/* Values that the schema allows for the members; any other member is a text. */
static const char *value_for(const char *name)
{
    static const struct {
        const char *name, *value;
    } values[] = {
        {"max_tokens", "7"},      {"temperature", "0.5"},
        {"top_p", "0.5"},         {"seed", "7"},
        {"speed", "0.5"},         {"count", "2"},
        {"dimensions", "7"},      {"tools", "[{\"name\":\"f\",\"parameters\":{}}]"},
        {"diarize", "true"},      {"response_format", "\"json\""},
        {"api", "\"responses\""}, {"messages", "[{\"role\":\"user\",\"content\":\"x\"}]"},
    };
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        if (strcmp(values[i].name, name) == 0)
            return values[i].value;
    }
    return "\"x\"";
}

/* Audio is bytes, which JSON has no form for. */
static void set_member(struct call *c, const char *name)
{
    struct byok_value value = strcmp(name, "audio") == 0
                                  ? byok_value_bytes(byok_str_of("other audio"))
                                  : json_of(&c->arena, byok_str_of(value_for(name)));
    byok_kit_put(&c->arena, &c->request.root, byok_str_of(name), value);
}

/* A member of the schema is in the request, or refused by its name; never dropped. */
static void drops_no_member(const struct served *served)
{
    for (const char *const *name = byok_kit_members(served->capability); *name; name++) {
        struct call plain, c;
        struct byok_http_request without, with;
        start(&plain, served);
        start(&c, served);
        cr_assert_eq(served->ops->build(&plain.call, &without, &plain.fault), BYOK_E_OK);
        set_member(&c, *name);
        enum byok_err err = served->ops->build(&c.call, &with, &c.fault);
        if (err == BYOK_E_OK) {
            join_body(&plain.arena, &without);
            join_body(&c.arena, &with);
            cr_expect(!byok_str_eq(with.body, without.body) || !byok_str_eq(with.url, without.url),
                      "%s drops \"%s\" of %s", served->adapter->name, *name,
                      byok_capability_name(served->capability));
        } else {
            cr_expect_eq(err, BYOK_E_UNSUPPORTED, "%s: %s", *name, c.fault.text);
            cr_expect(strstr(c.fault.text, *name), "%s: %s", *name, c.fault.text);
        }
        call_done(&plain);
        call_done(&c);
    }
}

Test(adapter, expresses_or_refuses_each_member_of_the_schema)
{
    each_served(drops_no_member);
}

static bool holds(struct byok_str text, const char *word)
{
    return byok_str_find(text, byok_str_of(word)) < text.len;
}

static void passes_options(const struct served *served)
{
    struct call c;
    start(&c, served);
    struct byok_value options =
        json_of(&c.arena, byok_str_of("{\"x_option\":{\"deep\":[1,null,\"\xC3\xBC\"]}}"));
    c.request.provider_options = &options;
    struct byok_http_request request;
    cr_assert_eq(served->ops->build(&c.call, &request, &c.fault), BYOK_E_OK, "%s", c.fault.text);
    join_body(&c.arena, &request);
    cr_assert(holds(request.body, "x_option") || holds(request.url, "x_option"), "%s: %s",
              served->adapter->name, byok_capability_name(served->capability));
    call_done(&c);
}

Test(adapter, gives_provider_options_to_the_provider)
{
    each_served(passes_options);
}

static void fails_without_memory(const struct served *served)
{
    for (size_t cap = 64; cap < 16384; cap += 64) {
        struct call c;
        struct byok_http_request request;
        start(&c, served);
        BYOK_AUTO(byok_arena) small = {.cap_bytes = cap};
        c.call.arena = &small;
        enum byok_err err = served->ops->build(&c.call, &request, &c.fault);
        cr_assert(err == BYOK_E_OK || err == BYOK_E_TOO_LARGE || err == BYOK_E_NOMEM, "%s",
                  byok_err_name(err));
        cr_assert(err != BYOK_E_OK || byok_http_body_bytes(&request) > 0);
        call_done(&c);
    }
}

Test(adapter, says_so_when_an_arena_is_too_small)
{
    each_served(fails_without_memory);
}

/* ---- answers ---- */

static enum byok_err parse(const struct served *served, int status, const char *type,
                           struct byok_str body, struct byok_fault *fault)
{
    struct call c;
    struct byok_http_header header;
    struct byok_answer answer;
    start(&c, served);
    struct byok_http_response response = answer_of(status, type, body, &header);
    enum byok_err err = served->ops->parse(&c.call, &response, &answer, &c.fault);
    cr_assert(err == BYOK_E_OK || c.fault.code == err);
    cr_assert_eq(byok_utf8_valid(byok_str_of(c.fault.text)), strlen(c.fault.text));
    *fault = c.fault;
    call_done(&c);
    return err;
}

static void refuses_garbage(const struct served *served)
{
    static const struct {
        const char *type, *body;
    } garbage[] = {
        {"application/json", ""},
        {"application/json", "null"},
        {"application/json", "[]"},
        {"application/json", "{}"},
        {"application/json", "{\"a\":1"},
        {"application/json", "\xff\xfe{}"},
        {"text/html", "<html>Hi</html>"},
        {"application/json", "<!DOCTYPE html>"},
        {"text/plain", "OK"},
        {"", "\n\n"},
        {"application/json", "\"a text\""},
        {"application/json", "{\"choices\":[]}"},
        {"application/json", "{\"data\":{},\"choices\":{},\"candidates\":3,\"content\":null}"},
    };
    for (size_t i = 0; i < sizeof garbage / sizeof garbage[0]; i++) {
        struct byok_fault fault;
        enum byok_err err =
            parse(served, 200, garbage[i].type, byok_str_of(garbage[i].body), &fault);
        cr_expect_eq(err, BYOK_E_BAD_ANSWER, "%s: \"%s\" gives %s", served->adapter->name,
                     garbage[i].body, byok_err_name(err));
        cr_expect_gt(strlen(fault.text), 0, "%s", served->adapter->name);
    }
}

Test(adapter, calls_garbage_a_bad_answer)
{
    each_served(refuses_garbage);
}

static struct byok_str smallest_file(struct byok_arena *arena, const struct served *served,
                                     const char *file)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s/smallest_%s/%s", BYOK_GOLDEN_DIR, served->adapter->name,
             byok_capability_name(served->capability), file);
    struct byok_str whole = file_of(arena, path);
    cr_assert_gt(whole.len, 0, "%s: no recorded answer", path);
    return whole;
}

/* A good answer to the smallest job, and its type: JSON, or audio as it is. */
static struct byok_str smallest_answer(struct byok_arena *arena, const struct served *served,
                                       const char **type)
{
    struct byok_value file = json_of(arena, smallest_file(arena, served, "answer.json"));
    struct byok_str said = byok_value_as_str(byok_value_path(&file, "headers.content-type"));
    struct byok_str body = smallest_file(arena, served, "response.body");
    cr_assert_gt(said.len, 0, "%s: no content-type", served->adapter->name);
    *type = byok_arena_copy(arena, said).ptr;
    return holds(said, "json") ? byok_str_trim(body) : body;
}

static void reads_without_memory(const struct served *served)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = CAP_BYTES};
    const char *type;
    struct byok_str whole = smallest_answer(&arena, served, &type);
    for (size_t cap = 64; cap < 16384; cap += 64) {
        struct call c;
        struct byok_http_header header;
        struct byok_answer answer;
        start(&c, served);
        BYOK_AUTO(byok_arena) small = {.cap_bytes = cap};
        c.call.arena = &small;
        struct byok_http_response response = answer_of(200, type, whole, &header);
        enum byok_err err = served->ops->parse(&c.call, &response, &answer, &c.fault);
        cr_assert(err == BYOK_E_OK || err == BYOK_E_TOO_LARGE || err == BYOK_E_NOMEM, "%s",
                  byok_err_name(err));
        response.status = 500;
        served->adapter->classify(&c.call, &response, &c.fault);
        cr_assert_eq(c.fault.code, BYOK_E_SERVER_ERROR);
        cr_assert_gt(strlen(c.fault.text), 0);
        call_done(&c);
    }
}

Test(adapter, reads_an_answer_whole_or_says_that_memory_is_short)
{
    each_served(reads_without_memory);
}

/* Every start of a good answer, exactly as long as it is, so that ASan sees one byte too far. */
static void refuses_cut_answers(const struct served *served)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = CAP_BYTES};
    const char *type;
    struct byok_str whole = smallest_answer(&arena, served, &type);
    struct byok_fault fault;
    cr_assert_eq(parse(served, 200, type, whole, &fault), BYOK_E_OK, "%s: %s",
                 served->adapter->name, fault.text);
    /* of audio only the HTTP port can tell, by its length, that it is cut */
    const size_t cuts = holds(byok_str_of(type), "json") ? whole.len : 1;
    for (size_t len = 0; len < cuts; len++) {
        BYOK_AUTO(byok_buf) cut = {.cap_bytes = CAP_BYTES};
        byok_buf_add(&cut, whole.ptr, len);
        enum byok_err err = parse(served, 200, type, byok_buf_str(&cut), &fault);
        cr_assert_eq(err, BYOK_E_BAD_ANSWER, "%s cut at %zu gives %s", served->adapter->name, len,
                     byok_err_name(err));
    }
}

Test(adapter, calls_an_answer_that_is_cut_at_any_byte_a_bad_answer)
{
    each_served(refuses_cut_answers);
}

/* ---- errors ---- */

/* The fault is filled with rubbish before: a classifier must set all of it. */
static void check_classified(const struct byok_adapter *adapter, int status, const char *type,
                             const char *body)
{
    struct call c;
    struct byok_http_header header;
    call_init(&c, adapter->name, NULL, NULL);
    memset(&c.fault, 0x5a, sizeof c.fault);
    struct byok_http_response response = answer_of(status, type, byok_str_of(body), &header);
    adapter->classify(&c.call, &response, &c.fault);
    cr_assert(c.fault.code > BYOK_E_OK && c.fault.code < BYOK_ERR_COUNT, "%s: %d", adapter->name,
              status);
    cr_assert_eq(c.fault.http_status, status);
    cr_assert_geq(c.fault.retry_after_ms, -1);
    size_t len = strnlen(c.fault.text, sizeof c.fault.text);
    cr_assert(len > 0 && len < sizeof c.fault.text, "%s: %d", adapter->name, status);
    cr_assert_eq(byok_utf8_valid(byok_str_of(c.fault.text)), len);
    cr_assert(!byok_has_controls(byok_str_of(c.fault.text)), "%s: %d", adapter->name, status);
    cr_assert_neq(c.fault.code, BYOK_E_INTERNAL);
    if (status >= 500)
        cr_assert_eq(byok_err_retry(c.fault.code),
                     status == 504 ? BYOK_RETRY_UNSURE : BYOK_RETRY_SOON, "%s: %d", adapter->name,
                     status);
    call_done(&c);
}

Test(adapter, classifies_every_status_whatever_the_body_is)
{
    static const char *const bodies[] = {
        "",
        "{}",
        "[]",
        "null",
        "{\"error\":null}",
        "{\"error\":{\"message\":\"a\\u0000\\u001bb\"}}",
        "<html><h1>No</h1></html>",
        "No\x01\x7f \xff",
        "{\"error\":",
    };
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        for (int status = 300; status <= 599; status++) {
            for (size_t k = 0; k < sizeof bodies / sizeof bodies[0]; k++)
                check_classified(adapter, status, "application/json", bodies[k]);
            check_classified(adapter, status, "text/html; charset=utf-8", "<p>No</p>");
        }
    }
}

static enum byok_err code_of(const struct byok_adapter *adapter, int status)
{
    struct call c;
    struct byok_http_header header;
    call_init(&c, adapter->name, NULL, NULL);
    struct byok_http_response response =
        answer_of(status, "application/json", byok_str_of("{}"), &header);
    adapter->classify(&c.call, &response, &c.fault);
    enum byok_err code = c.fault.code;
    call_done(&c);
    return code;
}

Test(adapter, agrees_with_all_others_on_what_a_bare_status_means)
{
    static const struct {
        int status;
        enum byok_err code;
    } expected[] = {
        {401, BYOK_E_KEY_INVALID},  {403, BYOK_E_PERMISSION},   {404, BYOK_E_NOT_FOUND},
        {413, BYOK_E_TOO_LARGE},    {429, BYOK_E_RATE_LIMITED}, {500, BYOK_E_SERVER_ERROR},
        {502, BYOK_E_SERVER_ERROR}, {503, BYOK_E_OVERLOADED},   {529, BYOK_E_OVERLOADED},
        {400, BYOK_E_BAD_REQUEST},  {422, BYOK_E_BAD_REQUEST},
    };
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        for (size_t k = 0; k < sizeof expected / sizeof expected[0]; k++)
            cr_expect_eq(code_of(adapter, expected[k].status), expected[k].code, "%s: %d",
                         adapter->name, expected[k].status);
    }
}

Test(adapter, cuts_a_long_message_at_a_character)
{
    const struct byok_adapter *adapter;
    for (size_t i = 0; (adapter = byok_adapter_at(i)); i++) {
        BYOK_AUTO(byok_buf) body = {.cap_bytes = CAP_BYTES};
        byok_buf_printf(&body, "{\"error\":{\"message\":\"a");
        for (int k = 0; k < 100000; k++)
            byok_buf_printf(&body, "\xE2\x82\xAC");
        byok_buf_printf(&body, "\"}}%c", '\0');
        check_classified(adapter, 400, "application/json", body.ptr);
    }
}
