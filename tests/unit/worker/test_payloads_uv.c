/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_payloads_uv.c - the payload port over a folder, and its end in the midst. */
#include "tests/support/folder.h"
#include "tests/support/folder_store.h"

#include "worker/ports/payloads_uv.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <sodium.h>

#include "actors/actor.h"
#include "base/mem.h"

static uv_loop_t loop;
static char folder[64];
static struct byok_payload_store *store;
static struct byok_payload_port *port;
static int replies;
static struct byok_msg msg;

/* In place of the actor runtime's. */
void byok_post(struct byok_actor *to, enum byok_msg_kind kind, struct byok_msg **given)
{
    cr_assert_eq(kind, BYOK_MSG_PAYLOAD_DONE);
    cr_assert_eq((void *)to, (void *)&replies);
    cr_assert_not_null(*given);
    *given = NULL;
    replies++;
    uv_stop(&loop);
}

static void begin(void)
{
    folder_make(folder, sizeof folder);
    store = folder_store_open(folder);
    cr_assert_eq(uv_loop_init(&loop), 0);
    const struct byok_payloads_options made = {.store = store, .keep_s = 1000};
    port = byok_payloads_uv_new(&loop, &made);
    cr_assert_not_null(port);
}

static void end(void)
{
    byok_payloads_uv_close(port);
    while (uv_loop_alive(&loop)) /* a reply's uv_stop may still be pending */
        uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0);
    byok_payload_store_close(store);
    cr_assert_eq(folder_remove(folder), 0);
}

TestSuite(payloads_uv, .init = begin, .fini = end);

static struct byok_payload_call call_of(const char *content)
{
    return (struct byok_payload_call){
        .put = content != NULL,
        .user = byok_str_of("alice"),
        .content = byok_str_of(content),
        .timeout_us = 100000000,
        .reply_to = (struct byok_actor *)(void *)&replies,
        .reply = &msg,
    };
}

static void run(struct byok_payload_call *call)
{
    int before = replies;
    port->ops->begin(port, call);
    cr_assert_eq(replies, before, "it answers before it returns");
    while (replies == before)
        uv_run(&loop, UV_RUN_DEFAULT);
}

Test(payloads_uv, what_was_put_is_got_with_its_name)
{
    struct byok_payload_call put = call_of("content"), get = call_of(NULL);
    run(&put);
    cr_assert_eq(put.fault.code, BYOK_E_OK, "%s", put.fault.text);
    cr_assert_eq(put.ref.size, 7);
    get.ref = put.ref;
    run(&get);
    cr_assert_eq(get.fault.code, BYOK_E_OK, "%s", get.fault.text);
    cr_assert(byok_str_is(byok_buf_str(&get.body), "content"));
    byok_buf_done(&get.body);
}

/* Larger than what is read at a time. */
Test(payloads_uv, of_what_is_sent_from_the_store_it_keeps_the_beginning_and_checks_all)
{
    const size_t bytes = ((size_t)16 << 20) + 1000;
    char path[512], *content = byok_new(1, bytes);
    cr_assert_not_null(content);
    for (size_t i = 0; i < bytes; i++)
        content[i] = (char)('a' + i % 23);
    struct byok_payload_call put = call_of("x"), get = call_of(NULL);
    put.content = (struct byok_str){content, bytes};
    cr_assert(port->streams);
    run(&put);
    cr_assert_eq(put.fault.code, BYOK_E_OK, "%s", put.fault.text);
    get.ref = put.ref;
    get.keep_bytes = 100;
    run(&get);
    cr_assert_eq(get.fault.code, BYOK_E_OK, "%s", get.fault.text);
    cr_expect(byok_str_eq(byok_buf_str(&get.body), (struct byok_str){content, 100}));
    cr_expect_lt(get.body.room, 4096);
    byok_buf_done(&get.body);
    snprintf(path, sizeof path, "%s/%s", folder, put.ref.name);
    FILE *file = fopen(path, "r+");
    cr_assert_not_null(file);
    cr_assert_eq(fseek(file, -1, SEEK_END), 0);
    cr_assert_eq(fputc('#', file), '#');
    cr_assert_eq(fclose(file), 0);
    run(&get);
    cr_expect_eq(get.fault.code, BYOK_E_BAD_REQUEST);
    cr_expect_null(get.body.ptr);
    byok_delete(content);
}

Test(payloads_uv, what_is_there_under_a_wrong_hash_is_not_given)
{
    char path[512];
    struct byok_payload_call put = call_of("content"), get = call_of(NULL);
    run(&put);
    snprintf(path, sizeof path, "%s/%s", folder, put.ref.name);
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    cr_assert_geq(fputs("c0ntent", file), 0);
    cr_assert_eq(fclose(file), 0);
    get.ref = put.ref;
    run(&get);
    cr_assert_eq(get.fault.code, BYOK_E_BAD_REQUEST);
    cr_assert_null(get.body.ptr);
    cr_assert_eq(unlink(path), 0);
    run(&get);
    cr_assert_eq(get.fault.code, BYOK_E_BAD_REQUEST, "%s", get.fault.text);
}

Test(payloads_uv, ends_in_the_midst_of_its_work_without_a_word)
{
    struct byok_payload_call puts[8];
    for (size_t i = 0; i < sizeof puts / sizeof puts[0]; i++) {
        puts[i] = call_of("content");
        port->ops->begin(port, &puts[i]);
    }
    byok_payloads_uv_close(port);
    byok_payloads_uv_close(port);
    while (uv_loop_alive(&loop))
        uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(replies, 0);
    port = NULL;
}
