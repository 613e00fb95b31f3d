/* SPDX-License-Identifier: MIT */
/* tests/conformance/store_kit.c - see tests/conformance/store_kit.h. */
#include "tests/support/folder.h"

#include "store_kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SERVER_TIMEOUT_MS 10000 /* a bound: the machine may be busy */

/* A word to the server (tests/support/servers.py). */
void store_control(const char *words)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char answer[512] = "";
    const char *path = getenv("BYOK_TEST_STORE_CONTROL");
    if (!path)
        cr_skip("the server that was named is not ours to stop\n");
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert(fd >= 0);
    const struct timeval patience = {.tv_sec = 300};
    cr_assert_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)(void *)&address, sizeof address), 0);
    cr_assert_eq(send(fd, words, strlen(words), 0), (ssize_t)strlen(words));
    ssize_t got = recv(fd, answer, sizeof answer - 1, 0);
    close(fd);
    cr_assert(got == 2 && strcmp(answer, "ok") == 0, "%s: %s", words, answer);
}

/* A place of its own for each process of the suite, which runs one case. */
static void make_url(struct fixture *f)
{
    const char *base = getenv("BYOK_TEST_STORE_URL");
    cr_assert_not_null(base, "BYOK_TEST_STORE_URL is not set: tests/support/server starts one");
    const char *hole = strstr(base, "PLACE"); /* of a schema or database */
    cr_assert_not_null(hole, "BYOK_TEST_STORE_URL has no PLACE in it");
    char word[64];
    snprintf(f->url, sizeof f->url, "%.*st%d%s", (int)(hole - base), base, (int)getpid(), hole + 5);
    snprintf(word, sizeof word, "place t%d", (int)getpid());
    if (getenv("BYOK_TEST_STORE_CONTROL")) {
        store_control("thaw"); /* a case that failed may have left it frozen */
        store_control(word);
    }
}

void store_reopen(struct fixture *f)
{
    const struct byok_store_place place = {
        .table = "vault", .url = f->url, .timeout_ms = SERVER_TIMEOUT_MS};
    cr_assert_eq(byok_store_open(f->name, &place, &f->store, &f->fault), BYOK_E_OK, "%s",
                 f->fault.text);
}

void store_begin(struct fixture *f, const char *kind)
{
    memset(f, 0, sizeof *f);
    f->name = kind;
    byok_arena_init(&f->arena, 0);
    if (strcmp(kind, "rocks") == 0) {
        folder_make(f->folder, sizeof f->folder);
        snprintf(f->url, sizeof f->url, "rocks:%s", f->folder);
    } else if (getenv("BYOK_TEST_STORE")) {
        make_url(f);
    }
    store_reopen(f);
    cr_assert_str_eq(f->store->ops->name, kind);
}

void store_end(struct fixture *f)
{
    f->store->ops->free(f->store);
    if (f->folder[0] != '\0')
        (void)folder_remove(f->folder);
    byok_arena_done(&f->arena);
}

struct criterion_test_params store_kinds(void)
{
    static struct param params[16];
    size_t count = 0;
    const char *only = getenv("BYOK_TEST_STORE");
    const struct byok_store_kind *kind;
    for (size_t i = 0; (kind = byok_store_kind_at(i)) != NULL && i < 16; i++) {
        if (only ? strcmp(only, kind->ops->name) == 0 : !kind->ops->shared)
            snprintf(params[count++].kind, sizeof params[0].kind, "%s", kind->ops->name);
    }
    return cr_make_param_array(struct param, params, count);
}

struct byok_str text(const char *s)
{
    return byok_str_of(s);
}

void apply(struct fixture *f, int32_t partition, const struct byok_write *writes, size_t count,
           int64_t position)
{
    cr_assert_eq(f->store->ops->apply(f->store, partition, writes, count, position, &f->fault),
                 BYOK_E_OK, "%s", f->fault.text);
}

void put(struct fixture *f, int32_t partition, const char *key, const char *value)
{
    struct byok_write write = {.key = text(key), .value = text(value)};
    apply(f, partition, &write, 1, -1);
}

void erase(struct fixture *f, int32_t partition, const char *key)
{
    struct byok_write write = {.key = text(key), .erase = true};
    apply(f, partition, &write, 1, -1);
}

struct byok_str get(struct fixture *f, int32_t partition, struct byok_str key)
{
    struct byok_str out = text("not written");
    cr_assert_eq(f->store->ops->get(f->store, partition, key, &f->arena, &out, &f->fault),
                 BYOK_E_OK, "%s", f->fault.text);
    return out;
}

bool has(struct fixture *f, int32_t partition, const char *key, const char *value)
{
    struct byok_str out = get(f, partition, text(key));
    return value ? out.ptr && byok_str_is(out, value) : !out.ptr;
}

int64_t position(struct fixture *f, int32_t partition)
{
    int64_t out = -99;
    cr_assert_eq(f->store->ops->position(f->store, partition, &out, &f->fault), BYOK_E_OK);
    return out;
}

bool list(void *arg, struct byok_str key, struct byok_str value)
{
    return byok_buf_printf(arg, "%.*s=%.*s ", BYOK_STR_ARG(key), BYOK_STR_ARG(value));
}

void scan_is(struct fixture *f, int32_t partition, const char *prefix, const char *want)
{
    struct byok_buf all;
    byok_buf_init(&all, 1 << 20);
    byok_buf_add(&all, "", 0);
    cr_assert_eq(f->store->ops->scan(f->store, partition, text(prefix), list, &all, &f->fault),
                 BYOK_E_OK, "%s", f->fault.text);
    cr_assert(byok_str_is(byok_buf_str(&all), want), "%d %s: %.*s", partition, prefix,
              BYOK_STR_ARG(byok_buf_str(&all)));
    byok_buf_done(&all);
}
