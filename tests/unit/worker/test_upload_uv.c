/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_upload_uv.c - a payload read ahead of who takes it, and its end in the midst. */
#include "tests/support/folder.h"
#include "tests/support/folder_store.h"

#include "worker/ports/upload_uv.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "actors/ports/http.h"
#include "base/mem.h"

#define PIECE (BYOK_HTTP_UPLOAD_BYTES / 2)

static uv_loop_t loop;
static char folder[64], place[256];
static struct byok_payload_store *store;
static struct byok_payload_ref ref;
static char *content;
static struct byok_upload *upload;
static int told;

static void begin(void)
{
    folder_make(folder, sizeof folder);
    store = folder_store_open(folder);
    cr_assert_eq(uv_loop_init(&loop), 0);
}

static void end(void)
{
    byok_upload_end(upload);
    (void)uv_run(&loop, UV_RUN_DEFAULT);
    cr_assert_eq(uv_loop_close(&loop), 0);
    byok_payload_store_close(store);
    byok_delete(content);
    cr_assert_eq(folder_remove(folder), 0);
}

TestSuite(upload_uv, .init = begin, .fini = end);

static void on_more(void *arg)
{
    cr_assert_eq(arg, (void *)&told);
    told++;
}

static void put(size_t bytes)
{
    struct byok_fault fault;
    content = byok_new(1, bytes);
    cr_assert_not_null(content);
    for (size_t i = 0; i < bytes; i++)
        content[i] = (char)(i * 7 + i / 251);
    byok_payload_identify(byok_str_of("alice"), (struct byok_str){content, bytes}, &ref);
    cr_assert_eq(store->ops->put(store, &ref, (struct byok_str){content, bytes}, &fault),
                 BYOK_E_OK);
    snprintf(place, sizeof place, "%s/%s", folder, ref.name);
}

static void start(void)
{
    told = 0;
    upload = byok_upload_begin(&loop, store, &ref, on_more, &told);
    cr_assert_not_null(upload);
    cr_assert_eq(told, 0, "it tells before it returns");
}

static void wait_more(void)
{
    const int before = told;
    while (told == before)
        cr_assert(uv_run(&loop, UV_RUN_ONCE) != 0 || told != before, "nobody is told");
}

/* Takes it as somebody who has that much room each time; how much there was. */
static size_t take_all(size_t room)
{
    static char to[3 * PIECE];
    size_t sum = 0;
    wait_more();
    while (sum < ref.size) {
        size_t len = byok_upload_take(upload, to, room);
        if (len == 0 && byok_upload_fault(upload))
            return sum;
        if (len == 0) {
            wait_more();
            continue;
        }
        cr_assert_leq(len, room);
        cr_assert_eq(memcmp(to, content + sum, len), 0);
        sum += len;
    }
    cr_assert_null(byok_upload_fault(upload));
    cr_assert_eq(byok_upload_take(upload, to, room), 0, "more than all");
    return sum;
}

Test(upload_uv, gives_all_of_it_whatever_its_size_and_the_room)
{
    static const size_t sizes[] = {1, 1000, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 5 * PIECE + 17};
    static const size_t rooms[] = {1000, 16384, PIECE, 3 * PIECE};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        put(sizes[s]);
        for (size_t r = 0; r < sizeof rooms / sizeof rooms[0]; r++) {
            start();
            cr_expect_eq(take_all(rooms[r]), sizes[s]);
            byok_upload_end(upload);
            upload = NULL;
        }
        byok_delete(content);
        content = NULL;
    }
}

Test(upload_uv, what_is_not_there_is_a_failure_at_the_first_look)
{
    put(1000);
    cr_assert_eq(unlink(place), 0);
    start();
    wait_more();
    cr_assert_not_null(byok_upload_fault(upload));
    cr_expect_eq(byok_upload_fault(upload)->code, BYOK_E_BAD_REQUEST);
}

Test(upload_uv, the_end_of_something_else_is_held_back)
{
    static const size_t sizes[] = {1000, PIECE, 2 * PIECE, 3 * PIECE + 1};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        put(sizes[i]);
        int fd = open(place, O_WRONLY);
        content[0] ^= 1;
        cr_assert_eq(pwrite(fd, content, 1, 0), 1);
        cr_assert_eq(close(fd), 0);
        start();
        cr_expect_lt(take_all(16384), sizes[i]);
        cr_assert_not_null(byok_upload_fault(upload));
        cr_expect_eq(byok_upload_fault(upload)->code, BYOK_E_BAD_REQUEST);
        cr_expect(strstr(byok_upload_fault(upload)->text, "sha256"));
        byok_upload_end(upload);
        upload = NULL;
        byok_delete(content);
        content = NULL;
    }
}

Test(upload_uv, ends_at_any_moment_without_a_word)
{
    char to[16384];
    put(5 * PIECE);
    for (int takes = -1; takes < 12; takes++) {
        start();
        if (takes >= 0)
            wait_more();
        for (int i = 0; i < takes; i++)
            (void)byok_upload_take(upload, to, sizeof to);
        const int before = told;
        byok_upload_end(upload);
        upload = NULL;
        (void)uv_run(&loop, UV_RUN_DEFAULT);
        cr_expect_eq(told, before);
    }
}
