/* SPDX-License-Identifier: MIT */
/* worker/ports/http_curl.c - libcurl's multi handle on a libuv loop, by socket action.
 *
 * libcurl says which sockets and which time it waits for; libuv waits and tells libcurl.
 */
#include "worker/ports/http_curl.h"

#include <string.h>

#include <curl/curl.h>
#include <utlist.h>

#include "actors/actor.h"
#include "base/mem.h"
#include "worker/curl_memory.h"
#include "worker/ports/http_curl_call.h"
#include "worker/ports/http_curl_fault.h"
#include "worker/ports/http_curl_sockets.h"

/* Connections kept, all providers together, or as many as there were calls at once: libcurl counts
 * those in use too, so with fewer each call that ends would close one, and the next open another
 * (without a number it sizes its cache by the handles that exist, with the same end, as each call has
 * a new one).  Idle ones go by their age (CURLOPT_MAXAGE_CONN, 118 s). */
#define CONNECTIONS_KEPT 256L

struct port {
    struct byok_http http;
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    const struct byok_http_route *routes;
    size_t route_count;
    struct byok_curl_call *calls; /* under way */
    struct byok_payload_store *uploads; /* NULL: there are none */
    struct byok_curl_sockets sockets;
    long under_way; /* calls that libcurl has */
    long kept; /* connections, CONNECTIONS_KEPT and more */
    bool timer_closed; /* with the sockets' last end it frees the port */
};

static struct port *port_of(struct byok_http *http)
{
    return (struct port *)(void *)http; /* its first member */
}

static void free_when_closed(void *arg)
{
    struct port *port = arg;
    if (port->timer_closed && port->sockets.open == 0)
        byok_delete(port);
}

static void reply(struct byok_http_call *call, const struct byok_http_own *own)
{
    if (own)
        own->ended(call, own->arg);
    else
        byok_post(call->reply_to, BYOK_MSG_HTTP_DONE, &call->reply);
}

/* libcurl and the port have nothing to do with it any more. */
static void take_out(struct port *port, struct byok_curl_call *one)
{
    curl_multi_remove_handle(port->multi, one->easy);
    DL_DELETE(port->calls, one);
    if (one->begun)
        port->under_way--;
}

/* Reply to every call that libcurl has ended. */
static void take_ended(struct port *port)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(port->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result; /* the message goes with the handle */
        CURL *easy = message->easy_handle;
        struct byok_curl_call *one = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &one);
        take_out(port, one);
        struct byok_http_call *call = one->call;
        const struct byok_http_own *own = one->own;
        byok_curl_call_end(one, code);
        reply(call, own);
    }
}

static void act(void *arg, curl_socket_t fd, int events)
{
    struct port *port = arg;
    int running;
    (void)curl_multi_socket_action(port->multi, fd, events, &running);
    take_ended(port);
}

static void on_time(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int want_time(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    struct port *port = arg;
    if (ms < 0)
        uv_timer_stop(&port->timer);
    else
        uv_timer_start(&port->timer, on_time, (uint64_t)ms, 0);
    return 0;
}

static const struct byok_http_route *find_route(const struct port *port, struct byok_str url)
{
    struct byok_str origin = byok_curl_origin(url);
    for (size_t i = 0; i < port->route_count; i++) {
        if (byok_str_is(origin, port->routes[i].origin))
            return &port->routes[i];
    }
    return NULL;
}

static void drop(struct port *port, struct byok_curl_call *one)
{
    take_out(port, one);
    one->call->port = NULL;
    byok_curl_call_free(one);
}

static void keep_connections(struct port *port, long count)
{
    port->kept = count;
    curl_multi_setopt(port->multi, CURLMOPT_MAXCONNECTS, count);
}

static bool add(struct port *port, struct byok_curl_call *one)
{
    CURLMcode code = curl_multi_add_handle(port->multi, one->easy);
    one->begun = code == CURLM_OK;
    if (!one->begun)
        byok_fault_set(&one->call->fault, BYOK_E_NOMEM, "libcurl takes no call: %s",
                       curl_multi_strerror(code));
    else if (++port->under_way > port->kept)
        keep_connections(port, port->under_way);
    return one->begun;
}

/* Its time began with the reading: its claim is good for no longer.  False: none is left. */
static bool take_rest_of_time(const struct port *port, struct byok_curl_call *one)
{
    int64_t took_ms = (int64_t)(uv_now(port->loop) - one->reading_ms);
    int64_t left_ms = one->call->timeout_us / 1000 - took_ms;
    return left_ms > 0 &&
           curl_easy_setopt(one->easy, CURLOPT_TIMEOUT_MS, (long)left_ms) == CURLE_OK;
}

/* The first piece is there, or there will be none.  True: the call goes on. */
static bool begin_upload(struct port *port, struct byok_curl_call *one)
{
    struct byok_http_call *call = one->call;
    const struct byok_fault *fault = byok_upload_fault(one->upload);
    call->upload_failed = true;
    if (fault)
        call->fault = *fault;
    else if (!take_rest_of_time(port, one))
        byok_fault_set(&call->fault, BYOK_E_STORE,
                       "the payload store took longer than the call may");
    else
        call->upload_failed = false;
    return !call->upload_failed && add(port, one);
}

/* Some is there that the call waits for, or there will be none. */
static void on_more(void *arg)
{
    struct byok_curl_call *one = arg;
    struct port *port = one->port;
    struct byok_http_call *call = one->call;
    if (one->begun) {
        (void)curl_easy_pause(one->easy, CURLPAUSE_CONT); /* a failure ends in its time-out */
        return;
    }
    if (begin_upload(port, one))
        return;
    drop(port, one);
    reply(call, NULL);
}

/* Before the call begins: what cannot be read is not to open a connection. */
static bool read_upload(struct port *port, struct byok_curl_call *one)
{
    struct byok_http_call *call = one->call;
    if (!port->uploads) {
        byok_fault_set(&call->fault, BYOK_E_INTERNAL, "an upload, but no store to read it from");
        return false;
    }
    one->reading_ms = uv_now(port->loop);
    one->upload = byok_upload_begin(port->loop, port->uploads, call->upload, on_more, one);
    if (!one->upload)
        byok_fault_set(&call->fault, BYOK_E_NOMEM, "no memory for an upload");
    return one->upload != NULL;
}

static void begin(struct byok_http *http, struct byok_http_call *call,
                  const struct byok_http_own *own)
{
    struct port *port = port_of(http);
    call->fault = (struct byok_fault){.code = BYOK_E_OK, .retry_after_ms = -1};
    call->response = (struct byok_http_response){0};
    call->sent = false;
    call->bytes_away = false;
    call->upload_failed = false;
    call->safe_bytes = 0;
    call->port = NULL;
    byok_buf_done(&call->body); /* of an earlier attempt */
    byok_buf_init(&call->body, call->answer_max_bytes);
    const struct byok_http_route *route = own ? own->route : find_route(port, call->request.url);
    struct byok_curl_call *one = byok_curl_call_new(call, route, own);
    if (!one) {
        reply(call, own);
        return;
    }
    byok_curl_sockets_use(&port->sockets, one->easy);
    one->port = port;
    if (!(call->upload ? read_upload(port, one) : add(port, one))) {
        byok_curl_call_free(one);
        reply(call, own);
        return;
    }
    DL_APPEND(port->calls, one);
    call->port = one;
}

static void http_send(struct byok_http *http, struct byok_http_call *call)
{
    begin(http, call, NULL);
}

void byok_http_curl_uploads(struct byok_http *http, struct byok_payload_store *store)
{
    port_of(http)->uploads = store;
}

void byok_http_curl_send_own(struct byok_http *http, struct byok_http_call *call,
                             const struct byok_http_own *own)
{
    begin(http, call, own);
}

static void http_cancel(struct byok_http *http, struct byok_http_call *call)
{
    struct port *port = port_of(http);
    struct byok_curl_call *one = call->port;
    if (!one)
        return; /* its reply is on the way */
    take_out(port, one);
    byok_curl_call_cancelled(one);
    reply(call, NULL);
}

void byok_http_curl_drop(struct byok_http *http, struct byok_http_call *call)
{
    drop(port_of(http), call->port);
}

static const struct byok_http_ops http_ops = {.send = http_send, .cancel = http_cancel};

enum byok_err byok_http_curl_global(struct byok_fault *fault)
{
    enum byok_err err = byok_curl_memory_global(fault);
    if (err != BYOK_E_OK)
        return err;
    const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
    if (!version->ssl_version || strncmp(version->ssl_version, "OpenSSL/", 8) != 0)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "libcurl uses %s for TLS, but byokd needs its OpenSSL variant "
                              "(libcurl4-openssl-dev), whose memory it can wipe",
                              version->ssl_version ? version->ssl_version : "nothing");
    return BYOK_E_OK;
}

static void set_multi(struct port *port)
{
    CURLM *multi = port->multi;
    byok_curl_sockets_init(&port->sockets);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, want_time);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, port);
    keep_connections(port, CONNECTIONS_KEPT);
    /* How many calls are made at once is the provider actors' decision, not libcurl's queue's. */
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, 0L);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, 0L);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
}

enum byok_err byok_http_curl_new(uv_loop_t *loop, const struct byok_http_route *routes,
                                 size_t route_count, struct byok_http **out,
                                 struct byok_fault *fault)
{
    struct port *port = byok_new(1, sizeof *port);
    if (port)
        port->multi = curl_multi_init();
    if (!port || !port->multi) {
        byok_delete(port);
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the HTTP client");
    }
    port->http.ops = &http_ops;
    port->loop = loop;
    port->routes = routes;
    port->route_count = route_count;
    uv_timer_init(loop, &port->timer); /* always 0 */
    port->timer.data = port;
    port->sockets = (struct byok_curl_sockets){
        .loop = loop,
        .multi = port->multi,
        .act = act,
        .closed = free_when_closed,
        .arg = port,
    };
    set_multi(port);
    *out = &port->http;
    return BYOK_E_OK;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct port *port = handle->data;
    port->timer_closed = true;
    free_when_closed(port);
}

void byok_http_curl_close(struct byok_http *http)
{
    if (!http)
        return;
    struct port *port = port_of(http);
    struct byok_curl_call *one, *next;
    DL_FOREACH_SAFE(port->calls, one, next)
        drop(port, one);
    curl_multi_cleanup(port->multi); /* closes its connections, which ends their watches */
    uv_close((uv_handle_t *)&port->timer, on_timer_closed);
}
