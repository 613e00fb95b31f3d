/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_http_curl.c - the HTTP port against a server on loopback. */
#include "worker/ports/http_curl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "actors/actor.h"
#include "base/mem.h"
#include "http_libraries.h"
#include "http_server.h"

#define KEY "sk-test-0123456789abcdefghijklmnop"

static uv_loop_t loop;
static struct byok_http *http;
static struct http_server *server;
static struct byok_slots *slots;
static struct byok_slot *slot;
static int replies;

/* What was readable while the answer came, at each message. */
static struct byok_http_call *streamed;
static char seen[4][256];
static int seens;

static void on_bytes(struct byok_msg *msg)
{
    cr_assert_eq((void *)msg, (void *)streamed->bytes);
    cr_assert(streamed->bytes_away);
    cr_assert_eq(streamed->response.status, 200);
    cr_assert_lt(seens, 4);
    snprintf(seen[seens++], sizeof seen[0], "%.*s", (int)streamed->safe_bytes, streamed->body.ptr);
    streamed->bytes_away = false;
}

/* In place of the actor runtime's. */
void byok_post(struct byok_actor *to, enum byok_msg_kind kind, struct byok_msg **msg)
{
    if (kind == BYOK_MSG_HTTP_BYTES) {
        on_bytes(*msg);
        *msg = NULL;
        return;
    }
    cr_assert_eq(kind, BYOK_MSG_HTTP_DONE);
    cr_assert_eq((void *)to, (void *)&replies);
    cr_assert_not_null(*msg);
    *msg = NULL;
    replies++;
    uv_stop(&loop);
}

static void begin(void)
{
    cr_assert_eq(byok_http_curl_global(NULL), BYOK_E_OK);
    uv_loop_init(&loop);
    cr_assert_eq(byok_slots_new(1, &slots, NULL), BYOK_E_OK);
    slot = byok_slots_lease(slots);
    cr_assert_eq(byok_slot_set(slot, byok_str_of(KEY)), BYOK_E_OK);
    server = http_server_start(false);
    cr_assert_eq(byok_http_curl_new(&loop, NULL, 0, &http, NULL), BYOK_E_OK);
}

static void end(void)
{
    byok_http_curl_close(http);
    while (uv_loop_alive(&loop)) /* a reply's uv_stop may still be pending */
        uv_run(&loop, UV_RUN_DEFAULT);
    http_server_stop(server);
    cr_assert_eq(uv_loop_close(&loop), 0);
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
}

TestSuite(http_curl, .init = begin, .fini = end);

struct test_call {
    struct byok_http_call call;
    struct byok_msg msg;
    struct byok_arena arena;
    char url[128];
};

static void prepare(struct test_call *t, const char *method, const char *base, int port,
                    const char *path)
{
    memset(t, 0, sizeof *t);
    byok_arena_init(&t->arena, 0);
    snprintf(t->url, sizeof t->url, "%s:%d%s", base, port, path);
    t->call = (struct byok_http_call){
        .request = {.method = method, .url = byok_str_of(t->url)},
        .slot = slot,
        .auth_header = "Authorization",
        .auth_prefix = "Bearer ",
        .arena = &t->arena,
        .timeout_us = 100000000,
        .connect_timeout_us = 50000000,
        .answer_max_bytes = 1024 * 1024,
        .reply_to = (struct byok_actor *)(void *)&replies,
        .reply = &t->msg,
    };
    if (strcmp(method, "POST") == 0) {
        t->call.request.headers[0] =
            (struct byok_http_header){BYOK_STR("Content-Type"), BYOK_STR("application/json")};
        t->call.request.header_count = 1;
        t->call.request.body = byok_str_of("{\"model\":\"m\"}");
    }
}

static void done(struct test_call *t)
{
    byok_buf_done(&t->call.body);
    byok_arena_done(&t->arena);
}

static void run(struct test_call *t)
{
    int before = replies;
    http->ops->send(http, &t->call);
    while (replies == before)
        uv_run(&loop, UV_RUN_DEFAULT);
}

/* POST to the server's path. */
static void post(struct test_call *t, const char *path)
{
    prepare(t, "POST", "http://127.0.0.1", http_server_port(server), path);
    run(t);
}

/* The same, with word of its bytes as they come. */
static void post_streamed(struct test_call *t, const char *path)
{
    static struct byok_msg bytes;
    prepare(t, "POST", "http://127.0.0.1", http_server_port(server), path);
    t->call.bytes = &bytes;
    streamed = &t->call;
    run(t);
}

static struct byok_str header_of(const struct test_call *t, const char *name)
{
    for (size_t i = 0; i < t->call.response.header_count; i++) {
        if (byok_str_is(t->call.response.headers[i].name, name))
            return t->call.response.headers[i].value;
    }
    return (struct byok_str){NULL, 0};
}

static bool text_has(const struct test_call *t, const char *what)
{
    return strstr(t->call.fault.text, what) != NULL;
}

Test(http_curl, sends_the_request_and_gives_the_answer)
{
    struct test_call t;
    post(&t, "/ok");
    cr_assert_eq(t.call.fault.code, BYOK_E_OK, "%s", t.call.fault.text);
    cr_assert_eq(t.call.response.status, 200);
    cr_assert(byok_str_is(t.call.response.body, "{\"ok\":true}"));
    cr_assert(byok_str_is(header_of(&t, "x-request-id"), "r-1"));
    cr_assert(t.call.sent);
    const char *head = http_server_last_head(server);
    cr_assert_not_null(strstr(head, "POST /ok HTTP/1.1"));
    cr_assert_not_null(strstr(head, "Authorization: Bearer " KEY));
    cr_assert_not_null(strstr(head, "Content-Type: application/json"));
    cr_assert_null(strstr(head, "Expect"));
    cr_assert_null(strstr(head, "Cookie"));
    done(&t);
}

/* Longer than libcurl takes at a time, and one that is empty. */
Test(http_curl, a_body_in_pieces_is_sent_as_if_it_were_one)
{
    static char large[200001];
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7 + i / 251);
    const struct byok_str pieces[] = {
        BYOK_STR("--b\r\n"), {large, sizeof large}, {NULL, 0}, BYOK_STR("\r\n--b--\r\n")};
    uint32_t sum = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < 4; i++) {
        sum = http_server_sum(sum, pieces[i].ptr, pieces[i].len);
        bytes += pieces[i].len;
    }
    struct test_call t;
    char length[64];
    snprintf(length, sizeof length, "Content-Length: %zu", bytes);
    prepare(&t, "POST", "http://127.0.0.1", http_server_port(server), "/ok");
    t.call.request.body = (struct byok_str){NULL, 0};
    t.call.request.pieces = pieces;
    t.call.request.piece_count = 4;
    run(&t);
    cr_assert_eq(t.call.fault.code, BYOK_E_OK, "%s", t.call.fault.text);
    cr_assert_not_null(strstr(http_server_last_head(server), length));
    cr_assert_eq(http_server_last_body(server), sum);
    done(&t);
}

Test(http_curl, keeps_the_connection_for_the_next_call)
{
    for (int i = 0; i < 5; i++) {
        struct test_call t;
        post(&t, i % 2 ? "/ok" : "/chunked");
        cr_assert_eq(t.call.fault.code, BYOK_E_OK);
        done(&t);
    }
    cr_assert_eq(http_server_requests(server), 5);
    cr_assert_eq(http_server_connections(server), 1);
}

#define MANY 300 /* more than are kept in any case */

static void post_many(struct test_call *calls)
{
    int before = replies;
    for (int i = 0; i < MANY; i++) {
        prepare(&calls[i], "POST", "http://127.0.0.1", http_server_port(server), "/held/300");
        http->ops->send(http, &calls[i].call);
    }
    while (replies < before + MANY)
        uv_run(&loop, UV_RUN_DEFAULT);
    for (int i = 0; i < MANY; i++) {
        cr_assert_eq(calls[i].call.fault.code, BYOK_E_OK, "%s", calls[i].call.fault.text);
        done(&calls[i]);
    }
}

Test(http_curl, keeps_as_many_connections_as_there_were_calls_at_once)
{
    struct test_call *calls = byok_new(MANY, sizeof *calls);
    cr_assert_not_null(calls);
    for (int i = 0; i < 3; i++)
        post_many(calls);
    byok_delete(calls);
    cr_assert_eq(http_server_connections(server), MANY);
}

Test(http_curl, reads_a_chunked_answer)
{
    struct test_call t;
    post(&t, "/chunked");
    cr_assert_eq(t.call.fault.code, BYOK_E_OK);
    cr_assert(byok_str_is(t.call.response.body, "one two three"));
    done(&t);
}

Test(http_curl, a_get_has_no_body)
{
    struct test_call t;
    prepare(&t, "GET", "http://127.0.0.1", http_server_port(server), "/ok");
    run(&t);
    cr_assert_eq(t.call.fault.code, BYOK_E_OK);
    cr_assert_not_null(strstr(http_server_last_head(server), "GET /ok HTTP/1.1"));
    cr_assert_null(strstr(http_server_last_head(server), "Content-"));
    done(&t);
}

Test(http_curl, an_error_page_is_an_answer)
{
    struct test_call t;
    post(&t, "/html");
    cr_assert_eq(t.call.fault.code, BYOK_E_OK);
    cr_assert_eq(t.call.response.status, 502);
    cr_assert(byok_str_is(header_of(&t, "content-type"), "text/html"));
    done(&t);
}

Test(http_curl, no_answer_in_time_is_a_timeout_after_sending)
{
    static const char *const told[] = {"200 ms", "2000 ms", "20000 ms"};
    bool sent = false;
    for (int i = 0, ms = 200; i < 3 && !sent; i++, ms *= 10) { /* slow machines send later */
        struct test_call t;
        prepare(&t, "POST", "http://127.0.0.1", http_server_port(server), "/slow");
        t.call.timeout_us = (int64_t)ms * 1000;
        run(&t);
        cr_assert_eq(t.call.fault.code, BYOK_E_TIMEOUT, "%s", t.call.fault.text);
        cr_assert(text_has(&t, "127.0.0.1"));
        cr_assert(text_has(&t, told[i]), "%s", t.call.fault.text);
        sent = t.call.sent;
        done(&t);
    }
    cr_assert(sent);
}

Test(http_curl, a_connection_broken_after_the_headers_is_cut_off)
{
    struct test_call t;
    post(&t, "/cut");
    cr_assert_eq(t.call.fault.code, BYOK_E_CUT_OFF, "%s", t.call.fault.text);
    cr_assert(t.call.sent);
    done(&t);
}

Test(http_curl, a_connection_closed_without_an_answer_is_cut_off)
{
    struct test_call t;
    post(&t, "/drop");
    cr_assert_eq(t.call.fault.code, BYOK_E_CUT_OFF, "%s", t.call.fault.text);
    cr_assert(t.call.sent);
    done(&t);
}

Test(http_curl, a_post_on_a_dying_kept_connection_is_not_sent_twice)
{
    struct test_call t;
    post(&t, "/ok");
    done(&t);
    post(&t, "/once");
    cr_assert_eq(t.call.fault.code, BYOK_E_CUT_OFF, "%s", t.call.fault.text);
    cr_assert(t.call.sent);
    cr_assert_eq(http_server_requests(server), 2);
    done(&t);
}

Test(http_curl, a_get_on_a_dying_kept_connection_is_sent_again)
{
    struct test_call t;
    post(&t, "/ok");
    done(&t);
    prepare(&t, "GET", "http://127.0.0.1", http_server_port(server), "/once");
    run(&t);
    cr_assert_eq(t.call.fault.code, BYOK_E_OK, "%s", t.call.fault.text);
    cr_assert_eq(http_server_requests(server), 3);
    cr_assert_not_null(strstr(http_server_last_head(server), "Bearer " KEY));
    done(&t);
}

Test(http_curl, what_is_not_http_is_a_bad_answer)
{
    struct test_call t;
    post(&t, "/garbage");
    cr_assert_eq(t.call.fault.code, BYOK_E_BAD_ANSWER, "%s", t.call.fault.text);
    cr_assert(t.call.sent);
    done(&t);
}

Test(http_curl, an_answer_over_the_cap_is_too_large)
{
    struct test_call t;
    post(&t, "/big");
    cr_assert_eq(t.call.fault.code, BYOK_E_TOO_LARGE, "%s", t.call.fault.text);
    cr_assert_eq(t.call.body.len, 0);
    cr_assert(text_has(&t, "1048576"));
    done(&t);
}

Test(http_curl, a_refused_port_is_unreachable_and_nothing_was_sent)
{
    struct test_call t;
    prepare(&t, "POST", "http://127.0.0.1", http_refused_port(), "/ok");
    run(&t);
    cr_assert_eq(t.call.fault.code, BYOK_E_UNREACHABLE, "%s", t.call.fault.text);
    cr_assert_not(t.call.sent);
    cr_assert(text_has(&t, "http://127.0.0.1:"));
    done(&t);
}

/* libcurl 7.88 closes its socket itself, and its number is the next one's. */
Test(http_curl, a_connection_that_never_came_about_is_not_watched_any_more)
{
    struct http_full_port full = http_full_port();
    struct test_call t;
    for (int i = 0; i < 3; i++) {
        prepare(&t, "POST", "http://127.0.0.1", full.port, "/ok");
        t.call.connect_timeout_us = 100000;
        run(&t);
        cr_assert_eq(t.call.fault.code, BYOK_E_UNREACHABLE, "%s", t.call.fault.text);
        cr_assert(!t.call.sent);
        done(&t);
        int fd = dup(full.listener); /* the lowest that is free: nobody watches it */
        uv_poll_t poll;
        cr_assert_eq(uv_poll_init(&loop, &poll, fd), 0, "%d is watched", fd);
        uv_close((uv_handle_t *)&poll, NULL);
        uv_run(&loop, UV_RUN_NOWAIT);
        close(fd);
    }
    post(&t, "/ok");
    cr_assert_eq(t.call.fault.code, BYOK_E_OK, "%s", t.call.fault.text);
    done(&t);
    http_full_port_close(&full);
}

Test(http_curl, a_name_that_cannot_be_resolved_is_unreachable)
{
    struct test_call t;
    prepare(&t, "POST", "http://no-such-host.invalid", 80, "/ok");
    run(&t);
    cr_assert_eq(t.call.fault.code, BYOK_E_UNREACHABLE, "%s", t.call.fault.text);
    cr_assert_not(t.call.sent);
    cr_assert(text_has(&t, "no-such-host.invalid"));
    done(&t);
}

Test(http_curl, a_redirect_is_not_followed)
{
    struct test_call t;
    post(&t, "/redirect");
    cr_assert_eq(t.call.fault.code, BYOK_E_OK);
    cr_assert_eq(t.call.response.status, 307);
    cr_assert_eq(http_server_requests(server), 1);
    done(&t);
}

Test(http_curl, the_environments_proxy_is_not_used)
{
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", http_refused_port());
    setenv("http_proxy", proxy, 1);
    setenv("HTTP_PROXY", proxy, 1);
    setenv("all_proxy", proxy, 1);
    struct test_call t;
    post(&t, "/ok");
    cr_assert_eq(t.call.fault.code, BYOK_E_OK, "%s", t.call.fault.text);
    cr_assert_null(strstr(http_server_last_head(server), "Proxy-"));
    done(&t);
}

Test(http_curl, a_configured_proxy_is_used)
{
    byok_http_curl_close(http);
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", http_server_port(server));
    const struct byok_http_route route = {.origin = "http://llm.invalid:80", .proxy = proxy};
    cr_assert_eq(byok_http_curl_new(&loop, &route, 1, &http, NULL), BYOK_E_OK);
    struct test_call t;
    prepare(&t, "POST", "http://llm.invalid", 80, "/x");
    run(&t);
    cr_assert_eq(t.call.fault.code, BYOK_E_OK, "%s", t.call.fault.text);
    cr_assert_not_null(strstr(http_server_last_head(server), "Host: llm.invalid"));
    done(&t);
}

Test(http_curl, a_key_echoed_by_the_provider_is_scrubbed)
{
    struct test_call t;
    post(&t, "/echo");
    cr_assert_eq(t.call.fault.code, BYOK_E_OK);
    cr_assert_eq(t.call.response.status, 401);
    cr_assert_eq(byok_str_find(t.call.response.body, byok_str_of("sk-test-0")), SIZE_MAX);
    cr_assert_neq(byok_str_find(t.call.response.body, byok_str_of("no such key: Bearer ***")),
                  SIZE_MAX);
    struct byok_str header = header_of(&t, "x-you-sent");
    cr_assert_gt(header.len, 0);
    cr_assert_eq(byok_str_find(header, byok_str_of("sk-test-0")), SIZE_MAX);
    done(&t);
}

Test(http_curl, another_header_may_carry_the_key)
{
    struct test_call t;
    prepare(&t, "POST", "http://127.0.0.1", http_server_port(server), "/ok");
    t.call.auth_header = "x-api-key";
    t.call.auth_prefix = "";
    run(&t);
    cr_assert_eq(t.call.fault.code, BYOK_E_OK);
    cr_assert_not_null(strstr(http_server_last_head(server), "x-api-key: " KEY));
    done(&t);
}

Test(http_curl, a_cancelled_call_replies_once)
{
    struct test_call t;
    prepare(&t, "POST", "http://127.0.0.1", http_server_port(server), "/slow");
    http->ops->send(http, &t.call);
    while (http_server_requests(server) == 0)
        uv_run(&loop, UV_RUN_NOWAIT);
    http->ops->cancel(http, &t.call);
    cr_assert_eq(replies, 1);
    cr_assert_eq(t.call.fault.code, BYOK_E_TIMEOUT);
    cr_assert(t.call.sent);
    http->ops->cancel(http, &t.call);
    cr_assert_eq(replies, 1);
    done(&t);
}

Test(http_curl, closing_ends_calls_without_a_reply)
{
    struct test_call t;
    prepare(&t, "POST", "http://127.0.0.1", http_server_port(server), "/slow");
    http->ops->send(http, &t.call);
    while (http_server_requests(server) == 0)
        uv_run(&loop, UV_RUN_NOWAIT);
    byok_http_curl_close(http);
    http = NULL;
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(replies, 0);
    done(&t);
}

/* The server again, with TLS, and a route for it when `trusted`. */
static void restart_with_tls(bool trusted)
{
    static char origin[64], path[] = "/tmp/byok-test-ca-XXXXXX";
    static struct byok_http_route route;
    http_server_stop(server);
    server = http_server_start(true);
    close(mkstemp(path));
    http_server_write_certificate(server, path);
    snprintf(origin, sizeof origin, "https://localhost:%d", http_server_port(server));
    route = (struct byok_http_route){.origin = origin, .ca_file = path};
    byok_http_curl_close(http);
    cr_assert_eq(byok_http_curl_new(&loop, &route, trusted ? 1 : 0, &http, NULL), BYOK_E_OK);
}

Test(http_curl, an_unknown_certificate_is_refused_before_the_key_is_sent)
{
    restart_with_tls(false);
    struct test_call t;
    prepare(&t, "POST", "https://localhost", http_server_port(server), "/ok");
    run(&t);
    cr_assert_eq(t.call.fault.code, BYOK_E_UNREACHABLE, "%s", t.call.fault.text);
    cr_assert_not(t.call.sent);
    cr_assert(text_has(&t, "certificate"));
    cr_assert_eq(http_server_requests(server), 0);
    done(&t);
}

Test(http_curl, a_certificate_of_the_routes_ca_is_taken)
{
    restart_with_tls(true);
    for (int i = 0; i < 2; i++) {
        struct test_call t;
        prepare(&t, "POST", "https://localhost", http_server_port(server), "/ok");
        run(&t);
        cr_assert_eq(t.call.fault.code, BYOK_E_OK, "%s", t.call.fault.text);
        done(&t);
    }
    cr_assert_eq(http_server_connections(server), 1);
}

Test(http_curl, a_certificate_for_another_name_is_refused)
{
    restart_with_tls(true);
    struct test_call t;
    prepare(&t, "POST", "https://127.0.0.1", http_server_port(server), "/ok");
    run(&t);
    cr_assert_eq(t.call.fault.code, BYOK_E_UNREACHABLE, "%s", t.call.fault.text);
    cr_assert_not(t.call.sent);
    done(&t);
}

Test(http_curl, an_empty_slot_is_never_sent)
{
    struct byok_slots *none;
    cr_assert_eq(byok_slots_new(1, &none, NULL), BYOK_E_OK);
    struct byok_slot *empty = byok_slots_lease(none);
    struct test_call t;
    prepare(&t, "POST", "http://127.0.0.1", http_server_port(server), "/ok");
    t.call.slot = empty;
    run(&t);
    cr_assert_eq(t.call.fault.code, BYOK_E_INTERNAL);
    cr_assert_eq(http_server_connections(server), 0);
    done(&t);
    byok_slots_release(none, &empty);
    byok_slots_free(none);
}

Test(http_curl, bytes_come_as_they_are_and_a_key_cut_in_two_is_scrubbed)
{
    struct test_call t;
    post_streamed(&t, "/stream-echo");
    cr_assert_eq(t.call.fault.code, BYOK_E_OK, "%s", t.call.fault.text);
    cr_assert_geq(seens, 2);
    cr_assert_str_eq(seen[0], "begin "); /* half a key cannot be judged yet */
    for (int i = 0; i < seens; i++)
        cr_assert_null(strstr(seen[i], "sk-test"), "%s", seen[i]);
    cr_assert_not_null(strstr(seen[seens - 1], "***** middle "), "%s", seen[seens - 1]);
    cr_assert_eq(t.call.safe_bytes, t.call.body.len);
    cr_assert(byok_str_find(t.call.response.body, byok_str_of("middle end")) != SIZE_MAX);
    cr_assert(byok_str_find(t.call.response.body, byok_str_of("0123456789")) == SIZE_MAX);
    done(&t);
}

/* Word of the bytes that came last may be read when the call has ended and its answer has gone. */
Test(http_curl, a_stream_that_broke_has_no_bytes_left)
{
    struct test_call t;
    post_streamed(&t, "/cut");
    cr_assert_eq(t.call.fault.code, BYOK_E_CUT_OFF, "%s", t.call.fault.text);
    cr_assert_null(t.call.body.ptr);
    cr_assert_eq(t.call.safe_bytes, 0);
    done(&t);
}

Test(http_curl, a_call_that_wants_no_bytes_gets_none)
{
    struct test_call t;
    post(&t, "/chunked");
    cr_assert_eq(seens, 0);
    cr_assert(byok_str_is(t.call.response.body, "one two three"));
    done(&t);
}
