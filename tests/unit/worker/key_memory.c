/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/key_memory.c - after its call a key is nowhere in the process.
 *
 * A plain program, for Criterion would copy things around: makes keys at run time (kept masked),
 * calls a server in another process in every way that ends differently, and then looks through all
 * of its own writable memory for any 8 bytes of a key.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "actors/actor.h"
#include "http_server.h"
#include "worker/ports/http_curl.h"

#define KEY_LEN 51
#define WINDOW 8
#define MAPPING_MAX ((uint64_t)256 << 20) /* larger ones are the sanitizer's shadow */

static uv_loop_t loop;
static struct byok_http *http;
static struct byok_slots *slots;
static int replies;
static unsigned char masked[KEY_LEN], mask[KEY_LEN];
static bool pairs[256][256]; /* which two bytes stand beside each other in the key */

/* In place of the actor runtime's. */
void byok_post(struct byok_actor *to, enum byok_msg_kind kind, struct byok_msg **msg)
{
    (void)to;
    (void)kind;
    *msg = NULL;
    replies++;
    uv_stop(&loop);
}

static void check(bool good, const char *what)
{
    if (good)
        return;
    fprintf(stderr, "failed: %s\n", what);
    exit(1);
}

/* A new key, straight into the slot; what stays here is masked. */
static struct byok_slot *make_key(void)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    struct byok_slot *slot = byok_slots_lease(slots);
    randombytes_buf(mask, sizeof mask);
    for (size_t i = 0; i < KEY_LEN; i++) {
        slot->key[i] = alphabet[randombytes_uniform(sizeof alphabet - 1)];
        masked[i] = (unsigned char)slot->key[i] ^ mask[i];
    }
    slot->len = KEY_LEN;
    memset(pairs, 0, sizeof pairs);
    for (size_t i = 0; i + 1 < KEY_LEN; i++)
        pairs[(unsigned char)slot->key[i]][(unsigned char)slot->key[i + 1]] = true;
    return slot;
}

static void call(int port, const char *path, struct byok_slot *slot)
{
    char url[128];
    struct byok_arena arena;
    struct byok_msg msg = {0};
    byok_arena_init(&arena, 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d%s", port, path);
    struct byok_http_call one = {
        .request = {.method = "POST", .url = byok_str_of(url), .body = BYOK_STR("{}")},
        .slot = slot,
        .auth_header = "Authorization",
        .auth_prefix = "Bearer ",
        .arena = &arena,
        .timeout_us = strcmp(path, "/slow") == 0 ? 100000 : 10000000,
        .connect_timeout_us = 5000000,
        .answer_max_bytes = 1024 * 1024,
        .reply_to = (struct byok_actor *)(void *)&replies,
        .reply = &msg,
    };
    int before = replies;
    http->ops->send(http, &one);
    while (replies == before)
        uv_run(&loop, UV_RUN_DEFAULT);
    byok_buf_done(&one.body);
    byok_arena_done(&arena);
}

static bool is_key_window(const unsigned char *at)
{
    for (size_t from = 0; from + WINDOW <= KEY_LEN; from++) {
        size_t same = 0;
        while (same < WINDOW &&
               (unsigned char)(at[same] ^ mask[from + same]) == masked[from + same])
            same++;
        if (same == WINDOW)
            return true;
    }
    return false;
}

/* How many windows of `bytes` are the key's.  Each covers a pair of bytes that begins at a multiple
 * of WINDOW - 1, so only where that pair is one of the key's it is looked at closely. */
static int count_in(const unsigned char *bytes, size_t len)
{
    int found = 0;
    for (size_t p = 0; p + 2 <= len; p += WINDOW - 1) {
        if (!pairs[bytes[p]][bytes[p + 1]])
            continue;
        size_t first = p < WINDOW - 2 ? 0 : p - (WINDOW - 2);
        for (size_t at = first; at <= p && at + WINDOW <= len; at++)
            found += is_key_window(bytes + at);
    }
    return found;
}

/* Over all readable and writable mappings; says where. */
static int count_in_process(void)
{
    enum { BLOCK = 65536 };
    static unsigned char block[BLOCK + WINDOW];
    FILE *maps = fopen("/proc/self/maps", "re");
    int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    check(maps && mem >= 0, "/proc/self can be read");
    char line[512];
    int found = 0;
    while (fgets(line, sizeof line, maps)) {
        uint64_t from, to;
        char rights[8];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %7s", &from, &to, rights) != 3 ||
            rights[0] != 'r' || rights[1] != 'w' || to - from > MAPPING_MAX)
            continue;
        for (uint64_t at = from; at < to; at += BLOCK) {
            uint64_t left = to - at;
            uint64_t self = (uint64_t)(uintptr_t)block;
            if (at < self + sizeof block && self < at + BLOCK)
                continue; /* this very buffer */
            ssize_t n =
                pread(mem, block, left < sizeof block ? (size_t)left : sizeof block, (off_t)at);
            int here = n > 0 ? count_in(block, (size_t)n) : 0;
            if (here > 0)
                fprintf(stderr, "%d places at %" PRIx64 " in %s", here, at, line);
            found += here;
        }
    }
    sodium_memzero(block, sizeof block);
    fclose(maps);
    close(mem);
    return found;
}

/* The server in a process of its own, since it holds the keys that it was sent.  It ends when this
 * one does, by the end of a pipe. */
static pid_t start_server(int *port)
{
    int up[2], life[2];
    check(pipe(up) == 0 && pipe(life) == 0, "pipe");
    pid_t child = fork();
    check(child >= 0, "fork");
    if (child == 0) {
        close(life[1]);
        int own = http_server_port(http_server_start(false));
        char byte;
        check(write(up[1], &own, sizeof own) == (ssize_t)sizeof own, "write");
        _exit(read(life[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(life[0]);
    check(read(up[0], port, sizeof *port) == (ssize_t)sizeof *port, "read");
    close(up[0]);
    close(up[1]);
    return child;
}

int main(void)
{
    static const char *const paths[] = {"/ok",   "/ok",   "/chunked", "/cut", "/drop",
                                        "/html", "/slow", "/garbage", "/big", "/echo"};
    int port;
    pid_t server = start_server(&port);
    check(byok_http_curl_global(NULL) == BYOK_E_OK && sodium_init() >= 0, "libraries");
    uv_loop_init(&loop);
    check(byok_slots_new(1, &slots, NULL) == BYOK_E_OK, "slots");
    check(byok_http_curl_new(&loop, NULL, 0, &http, NULL) == BYOK_E_OK, "port");
    int found = 0;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        struct byok_slot *slot = make_key();
        if (i == 0) /* the search itself must work */
            check(count_in_process() > 0, "the key is found while it is in its slot");
        call(port, paths[i], slot);
        byok_slots_release(slots, &slot);
        int here = count_in_process();
        if (here > 0)
            fprintf(stderr, "%s left %d pieces of the key\n", paths[i], here);
        found += here;
    }
    byok_http_curl_close(http);
    while (uv_loop_alive(&loop))
        uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    byok_slots_free(slots);
    kill(server, SIGKILL);
    waitpid(server, NULL, 0);
    return found == 0 ? 0 : 1;
}
