/* SPDX-License-Identifier: MIT */
/* worker/ports/http_curl_sockets.c - see worker/ports/http_curl_sockets.h.
 *
 * A connection that has carried a call is watched until it is closed, which close_connection() is told.
 * Of others nobody is told that their number stands for another file now: sockets that libcurl opens
 * by itself (its resolver's), and, by 7.88, one whose connection never came about.  Those are watched
 * only as long as libcurl says: a number that is closed and still to be watched ends the process
 * (libuv aborts).
 */
#define _GNU_SOURCE /* SOCK_CLOEXEC, SOCK_NONBLOCK */
#include "worker/ports/http_curl_sockets.h"

#include <stdbool.h>

#include <sys/socket.h>
#include <unistd.h>

#include <uthash.h>

#include "base/mem.h"

struct byok_curl_watch {
    uv_poll_t poll;
    struct byok_curl_sockets *sockets;
    curl_socket_t fd;
    bool is_used; /* a call's request went over it, or is about to */
    int wanted;      /* libuv's events that libcurl waits for */
    int armed;       /* those that the loop waits for */
    UT_hash_handle hh;
};

static struct byok_curl_watch *find(const struct byok_curl_sockets *sockets, curl_socket_t fd)
{
    struct byok_curl_watch *watch = NULL;
    HASH_FIND(hh, sockets->watches, &fd, sizeof fd, watch);
    return watch;
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct byok_curl_watch *watch = poll->data;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    if (events & UV_READABLE)
        flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        flags |= CURL_CSELECT_OUT;
    if (watch->wanted == 0) { /* nobody's now; libcurl finds out when it takes it for a call */
        watch->armed = 0;
        (void)uv_poll_stop(poll);
        return;
    }
    watch->sockets->act(watch->sockets->arg, watch->fd, flags); /* may end the watch */
}

static void on_closed(uv_handle_t *handle)
{
    struct byok_curl_watch *watch = handle->data;
    struct byok_curl_sockets *sockets = watch->sockets;
    byok_delete(watch);
    sockets->open--;
    sockets->closed(sockets->arg);
}

static void end(struct byok_curl_watch *watch)
{
    HASH_DEL(watch->sockets->watches, watch);
    uv_close((uv_handle_t *)&watch->poll, on_closed);
}

static struct byok_curl_watch *begin(struct byok_curl_sockets *sockets, curl_socket_t fd)
{
    struct byok_curl_watch *watch = byok_new(1, sizeof *watch);
    if (!watch)
        return NULL;
    *watch = (struct byok_curl_watch){.sockets = sockets, .fd = fd};
    HASH_ADD(hh, sockets->watches, fd, sizeof watch->fd, watch);
    bool listed = watch->hh.tbl != NULL;
    if (!listed || uv_poll_init_socket(sockets->loop, &watch->poll, fd) != 0) {
        if (listed)
            HASH_DEL(sockets->watches, watch);
        byok_delete(watch);
        return NULL;
    }
    watch->poll.data = watch;
    sockets->open++;
    return watch;
}

static void let_go(struct byok_curl_watch *watch)
{
    watch->wanted = 0;
    if (!watch->is_used)
        end(watch);
}

/* Whether the call's connection stands; of several attempts libcurl asks for the one that does. */
static bool is_connected(CURL *easy)
{
    curl_off_t us = 0;
    return curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &us) == CURLE_OK && us > 0;
}

/* -1 makes libcurl fail the transfers of this socket. */
static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    (void)assigned;
    struct byok_curl_sockets *sockets = arg;
    struct byok_curl_watch *watch = find(sockets, fd);
    if (what == CURL_POLL_REMOVE) {
        if (watch)
            let_go(watch);
        return 0;
    }
    if (!watch && !(watch = begin(sockets, fd)))
        return -1;
    watch->is_used = watch->is_used || is_connected(easy);
    watch->wanted = 0;
    if (what & CURL_POLL_IN)
        watch->wanted |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        watch->wanted |= UV_WRITABLE;
    if (watch->armed == watch->wanted)
        return 0;
    watch->armed = watch->wanted;
    return uv_poll_start(&watch->poll, watch->wanted, on_ready) == 0 ? 0 : -1;
}

static curl_socket_t open_connection(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    curl_socket_t fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                              address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    struct byok_curl_watch *stale = find(arg, fd);
    if (stale)
        end(stale); /* of a socket that is closed, and whose end libcurl is still to tell */
    return fd;
}

static int close_connection(void *arg, curl_socket_t fd)
{
    struct byok_curl_watch *watch = find(arg, fd);
    if (watch)
        end(watch);
    return close(fd);
}

void byok_curl_sockets_init(struct byok_curl_sockets *sockets)
{
    curl_multi_setopt(sockets->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(sockets->multi, CURLMOPT_SOCKETDATA, sockets);
}

void byok_curl_sockets_use(struct byok_curl_sockets *sockets, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_connection);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, sockets);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_connection);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, sockets);
}
