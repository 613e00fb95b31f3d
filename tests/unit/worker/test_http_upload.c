/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_http_upload.c - the HTTP port sends a file from the payload store. */
#include "tests/support/folder.h"
#include "tests/support/folder_store.h"

#include "worker/ports/http_curl.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "actors/actor.h"
#include "http_libraries.h"
#include "http_server.h"
#include "payloads/store.h"

/* More than sockets hold between two processes, so that it is not sent before it is read. */
#define BYTES ((size_t)24 * 1024 * 1024 + 17)

static uv_loop_t loop;
static struct byok_http *http;
static struct http_server *server;
static int replies;
static char folder[64], place[256];
static struct byok_payload_store *store;
static struct byok_payload_ref ref;
static char *content;

/* In place of the actor runtime's. */
void byok_post(struct byok_actor *to, enum byok_msg_kind kind, struct byok_msg **msg)
{
    cr_assert_eq(kind, BYOK_MSG_HTTP_DONE);
    cr_assert_eq((void *)to, (void *)&replies);
    *msg = NULL;
    replies++;
    uv_stop(&loop);
}

static void begin(void)
{
    struct byok_fault fault;
    folder_make(folder, sizeof folder);
    store = folder_store_open(folder);
    content = malloc(BYTES);
    for (size_t i = 0; i < BYTES; i++)
        content[i] = (char)(i * 7 + i / 251);
    const struct byok_str bytes = {content, BYTES};
    byok_payload_identify(byok_str_of("alice"), bytes, &ref);
    cr_assert_eq(store->ops->put(store, &ref, bytes, &fault), BYOK_E_OK, "%s", fault.text);
    snprintf(place, sizeof place, "%s/%s", folder, ref.name);
    uv_loop_init(&loop);
    cr_assert_eq(byok_http_curl_new(&loop, NULL, 0, &http, NULL), BYOK_E_OK);
    byok_http_curl_uploads(http, store);
}

static void end(void)
{
    byok_http_curl_close(http);
    while (uv_loop_alive(&loop)) /* a reply's uv_stop may still be pending */
        uv_run(&loop, UV_RUN_DEFAULT);
    if (server)
        http_server_stop(server);
    cr_assert_eq(uv_loop_close(&loop), 0);
    byok_payload_store_close(store);
    free(content);
    cr_assert_eq(folder_remove(folder), 0);
}

TestSuite(http_upload, .init = begin, .fini = end);

struct test_call {
    struct byok_http_call call;
    struct byok_msg msg;
    struct byok_arena arena;
    char url[128];
};

static const struct byok_str pieces[] = {BYOK_STR("--b\r\n"), {NULL, BYTES}, BYOK_STR("\r\n--b--")};

static void prepare(struct test_call *t, const char *origin, const char *path)
{
    memset(t, 0, sizeof *t);
    byok_arena_init(&t->arena, 0);
    snprintf(t->url, sizeof t->url, "%s%s", origin, path);
    t->call = (struct byok_http_call){
        .request = {.method = "POST",
                    .url = byok_str_of(t->url),
                    .pieces = pieces,
                    .piece_count = 3},
        .upload = &ref,
        .arena = &t->arena,
        .timeout_us = 100000000,
        .connect_timeout_us = 50000000,
        .answer_max_bytes = 1024 * 1024,
        .reply_to = (struct byok_actor *)(void *)&replies,
        .reply = &t->msg,
    };
}

static void send_it(struct test_call *t)
{
    replies = 0;
    http->ops->send(http, &t->call);
    cr_assert_eq(replies, 0, "it answers before it returns");
}

static void start_to(struct test_call *t, int port, const char *path)
{
    char origin[64];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", port);
    prepare(t, origin, path);
    send_it(t);
}

static void start(struct test_call *t, const char *path)
{
    if (!server)
        server = http_server_start(false);
    start_to(t, http_server_port(server), path);
}

static void finish(void)
{
    while (replies == 0)
        uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(replies, 1);
}

static void done(struct test_call *t)
{
    byok_buf_done(&t->call.body);
    byok_arena_done(&t->arena);
}

static void write_byte(size_t at, char byte)
{
    int fd = open(place, O_WRONLY);
    cr_assert_geq(fd, 0);
    cr_assert_eq(pwrite(fd, &byte, 1, (off_t)at), 1);
    cr_assert_eq(close(fd), 0);
}

static void check_sent_whole(struct test_call *t)
{
    char length[64];
    uint32_t sum = http_server_sum(0, pieces[0].ptr, pieces[0].len);
    sum = http_server_sum(sum, content, BYTES);
    sum = http_server_sum(sum, pieces[2].ptr, pieces[2].len);
    snprintf(length, sizeof length, "Content-Length: %zu", BYTES + pieces[0].len + pieces[2].len);
    cr_assert_eq(t->call.fault.code, BYOK_E_OK, "%s", t->call.fault.text);
    cr_expect(byok_str_is(t->call.response.body, "{\"ok\":true}"));
    cr_expect(t->call.sent && !t->call.upload_failed);
    cr_expect_not_null(strstr(http_server_last_head(server), length));
    cr_expect_eq(http_server_last_body(server), sum);
}

Test(http_upload, sends_the_file_as_if_it_were_in_memory_and_again)
{
    struct test_call t;
    for (int i = 0; i < 2; i++) {
        start(&t, "/ok");
        finish();
        check_sent_whole(&t);
        done(&t);
    }
    cr_expect_eq(http_server_connections(server), 1);
}

Test(http_upload, sends_it_by_tls_as_well)
{
    static char path[128], origin[64];
    static struct byok_http_route route;
    struct test_call t;
    snprintf(path, sizeof path, "%s/ca.pem", folder);
    server = http_server_start(true);
    http_server_write_certificate(server, path);
    snprintf(origin, sizeof origin, "https://localhost:%d", http_server_port(server));
    route = (struct byok_http_route){.origin = origin, .ca_file = path};
    byok_http_curl_close(http);
    cr_assert_eq(byok_http_curl_new(&loop, &route, 1, &http, NULL), BYOK_E_OK);
    byok_http_curl_uploads(http, store);
    prepare(&t, origin, "/ok");
    send_it(&t);
    finish();
    check_sent_whole(&t);
    done(&t);
}

Test(http_upload, what_cannot_be_read_opens_no_connection)
{
    struct test_call t;
    cr_assert_eq(unlink(place), 0);
    start(&t, "/ok");
    finish();
    cr_expect_eq(t.call.fault.code, BYOK_E_BAD_REQUEST, "%s", t.call.fault.text);
    cr_expect(strstr(t.call.fault.text, "not in the store"), "%s", t.call.fault.text);
    cr_expect(!t.call.sent && t.call.upload_failed);
    cr_expect_eq(http_server_connections(server), 0);
    done(&t);
}

static const struct byok_payload_store_ops *folder_ops;

static enum byok_err open_slowly(struct byok_payload_store *of, const struct byok_payload_ref *what,
                                 int *fd, struct byok_fault *fault)
{
    uv_sleep(200);
    return folder_ops->open_object(of, what, fd, fault);
}

/* By then its claim would be nobody's, or another's. */
Test(http_upload, what_is_read_too_late_opens_no_connection)
{
    struct test_call t;
    folder_ops = store->ops;
    struct byok_payload_store_ops slow = *folder_ops;
    slow.open_object = open_slowly;
    store->ops = &slow;
    server = http_server_start(false);
    char origin[64];
    snprintf(origin, sizeof origin, "http://127.0.0.1:%d", http_server_port(server));
    prepare(&t, origin, "/ok");
    t.call.timeout_us = 100000;
    send_it(&t);
    finish();
    store->ops = folder_ops;
    cr_expect_eq(t.call.fault.code, BYOK_E_STORE, "%s", t.call.fault.text);
    cr_expect(!t.call.sent && t.call.upload_failed);
    cr_expect_eq(http_server_connections(server), 0);
    done(&t);
}

Test(http_upload, a_file_that_has_changed_is_never_there_whole)
{
    struct test_call t;
    write_byte(BYTES / 2, (char)(content[BYTES / 2] ^ 1));
    start(&t, "/ok");
    finish();
    cr_expect_eq(t.call.fault.code, BYOK_E_BAD_REQUEST, "%s", t.call.fault.text);
    cr_expect(strstr(t.call.fault.text, "broken off") && strstr(t.call.fault.text, "sha256"), "%s",
              t.call.fault.text);
    cr_expect(t.call.sent && t.call.upload_failed);
    cr_expect_eq(http_server_requests(server), 0);
    done(&t);
    write_byte(BYTES / 2, content[BYTES / 2]);
    start(&t, "/ok");
    finish();
    check_sent_whole(&t);
    done(&t);
}

Test(http_upload, a_file_that_is_cut_meanwhile_is_never_there_whole)
{
    struct test_call t;
    start(&t, "/ok");
    cr_assert_eq(truncate(place, 4096), 0); /* before or after its first piece is read */
    finish();
    cr_expect_eq(t.call.fault.code, BYOK_E_BAD_REQUEST, "%s", t.call.fault.text);
    cr_expect(t.call.upload_failed);
    cr_expect_eq(http_server_requests(server), 0);
    done(&t);
}

Test(http_upload, nobody_there_is_unreachable_as_ever)
{
    struct test_call t;
    start_to(&t, http_refused_port(), "/ok");
    finish();
    cr_expect_eq(t.call.fault.code, BYOK_E_UNREACHABLE, "%s", t.call.fault.text);
    cr_expect(!t.call.sent && !t.call.upload_failed);
    done(&t);
}

Test(http_upload, a_refusal_in_the_midst_of_it_is_an_answer)
{
    struct test_call t;
    start(&t, "/early");
    finish();
    cr_expect_eq(t.call.fault.code, BYOK_E_OK, "%s", t.call.fault.text);
    cr_expect_eq(t.call.response.status, 401);
    cr_expect(!t.call.upload_failed);
    done(&t);
}

Test(http_upload, is_cancelled_at_any_moment)
{
    for (int turns = 0; turns < 20; turns += 3) {
        struct test_call t;
        start(&t, "/ok");
        for (int i = 0; i < turns && replies == 0; i++)
            uv_run(&loop, UV_RUN_NOWAIT);
        if (replies == 0)
            http->ops->cancel(http, &t.call);
        finish();
        cr_expect(t.call.fault.code == BYOK_E_TIMEOUT || t.call.fault.code == BYOK_E_OK, "%s",
                  t.call.fault.text);
        done(&t);
    }
}

Test(http_upload, its_port_closes_in_the_midst_of_it)
{
    struct test_call t;
    start(&t, "/ok");
    for (int i = 0; i < 5 && replies == 0; i++)
        uv_run(&loop, UV_RUN_NOWAIT);
    const int before = replies;
    byok_http_curl_close(http);
    http = NULL;
    uv_run(&loop, UV_RUN_DEFAULT);
    cr_expect_eq(replies, before);
    done(&t);
}

Test(http_upload, without_a_store_it_is_refused)
{
    struct test_call t;
    struct byok_http *other;
    cr_assert_eq(byok_http_curl_new(&loop, NULL, 0, &other, NULL), BYOK_E_OK);
    struct byok_http *own = http;
    http = other;
    memset(&t, 0, sizeof t);
    t.call = (struct byok_http_call){.request = {.method = "POST", .url = byok_str_of("http://x/")},
                                     .upload = &ref,
                                     .arena = &t.arena,
                                     .reply_to = (struct byok_actor *)(void *)&replies,
                                     .reply = &t.msg};
    replies = 0;
    http->ops->send(http, &t.call);
    cr_expect_eq(t.call.fault.code, BYOK_E_INTERNAL);
    http = own;
    byok_http_curl_close(other);
    done(&t);
}
