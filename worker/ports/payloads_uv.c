/* SPDX-License-Identifier: MIT */
/* worker/ports/payloads_uv.c - see worker/ports/payloads_uv.h.
 *
 * To put:  [pool] hash, and the file   -> [HTTP] the object               -> answer
 * To get:  [HTTP] the object           -> [pool] the file, size and hash  -> answer
 * where a store does one or the other.
 */
#include "worker/ports/payloads_uv.h"

#include <string.h>
#include <time.h>

#include <utlist.h>

#include "actors/actor.h"
#include "base/mem.h"
#include "payloads/reader.h"

#define SWEEP_LEAST_S 60
#define SWEEP_MOST_S 3600
#define CONNECT_US ((int64_t)5000000)
/* Read and hashed at a time, in some 60 ms: a thread of the pool is not one large payload's alone. */
#define STEP_BYTES ((uint64_t)16 * 1024 * 1024)

struct port {
    struct byok_payload_port port; /* first: the port's address is this struct's */
    uv_loop_t *loop;
    struct byok_payloads_options options;
    struct going *going;
    uv_timer_t timer; /* of sweeps */
    uv_work_t sweep;
    bool sweeping, closing;
};

/* A call under way. */
struct going {
    struct port *port;
    struct byok_payload_call *call;
    uv_work_t work;
    bool working; /* on a thread of the pool */
    struct byok_payload_reader reader; /* of a store in files */
    struct byok_arena arena; /* of the HTTP call */
    struct byok_http_call http;
    struct byok_http_own own;
    struct going *prev, *next;
};

static void on_timer_closed(uv_handle_t *handle)
{
    byok_delete(handle->data);
}

static void release_if_idle(struct port *port)
{
    if (port->closing && !port->going && !port->sweeping)
        uv_close((uv_handle_t *)&port->timer, on_timer_closed);
}

static void going_free(struct going *going)
{
    byok_payload_reader_done(&going->reader);
    byok_buf_done(&going->http.body);
    byok_arena_done(&going->arena);
    byok_delete(going);
}

static void answer(struct going *going)
{
    struct port *port = going->port;
    struct byok_payload_call *call = going->call;
    DL_DELETE(port->going, going);
    going_free(going);
    if (port->closing) {
        release_if_idle(port);
        return;
    }
    if (call->fault.code != BYOK_E_OK)
        byok_buf_done(&call->body);
    struct byok_msg *msg = call->reply;
    byok_post(call->reply_to, BYOK_MSG_PAYLOAD_DONE, &msg);
}

/* ---- on a thread of the pool ---- */

static void work_put(const struct port *port, struct byok_payload_call *call)
{
    struct byok_payload_store *store = port->options.store;
    byok_payload_identify(call->user, call->content, &call->ref);
    if (store->ops->put)
        (void)!store->ops->put(store, &call->ref, call->content, &call->fault);
}

/* A stretch of the file. */
static void work_read(struct going *going)
{
    struct byok_payload_call *call = going->call;
    const size_t keep = call->keep_bytes > 0 ? call->keep_bytes : (size_t)call->ref.size;
    enum byok_err err = BYOK_E_OK;
    if (going->reader.fd < 0)
        err = byok_payload_reader_open(&going->reader, going->port->options.store, &call->ref,
                                       &call->fault);
    if (err == BYOK_E_OK)
        (void)!byok_payload_reader_keep(&going->reader, STEP_BYTES, keep, &call->body,
                                        &call->fault);
}

static void on_work(uv_work_t *work)
{
    struct going *going = work->data;
    struct byok_payload_call *call = going->call;
    if (call->put)
        work_put(going->port, call);
    else if (going->port->options.store->ops->open_object)
        work_read(going);
    else
        (void)!byok_payload_verify(&call->ref, byok_buf_str(&call->body), &call->fault);
}

/* ---- on the shard's ---- */

static void begin_http(struct going *going);
static void begin_work(struct going *going);

static bool is_read_in_part(const struct going *going)
{
    return !going->call->put && going->reader.fd >= 0 && !byok_payload_reader_ended(&going->reader);
}

static void on_worked(uv_work_t *work, int status)
{
    struct going *going = work->data;
    const struct byok_payload_store_ops *ops = going->port->options.store->ops;
    struct byok_payload_call *call = going->call;
    going->working = false;
    if (status != 0)
        byok_fault_set(&call->fault, BYOK_E_STORE, "the payload store is not reached: %s",
                       uv_strerror(status));
    bool goes_on = call->fault.code == BYOK_E_OK && !going->port->closing;
    if (goes_on && call->put && ops->request)
        begin_http(going);
    else if (goes_on && is_read_in_part(going))
        begin_work(going);
    else
        answer(going);
}

static void begin_work(struct going *going)
{
    going->work.data = going;
    going->working = true;
    int error = uv_queue_work(going->port->loop, &going->work, on_work, on_worked);
    if (error != 0)
        on_worked(&going->work, error);
}

/* What failed on the way may pass; what a store has answered, it says itself. */
static enum byok_err read_http(const struct byok_http_call *http, struct byok_fault *fault)
{
    if (http->fault.code == BYOK_E_TOO_LARGE) /* the cap is the size that was promised */
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "the payload in the store is larger than its reference says");
    if (http->fault.code != BYOK_E_OK)
        return byok_fault_set(fault, BYOK_E_STORE, "the payload store: %s", http->fault.text);
    return byok_payload_status(http->response.status, fault);
}

static void on_http(struct byok_http_call *http, void *arg)
{
    struct going *going = arg;
    struct byok_payload_call *call = going->call;
    enum byok_err err = read_http(http, &call->fault);
    if (err != BYOK_E_OK || call->put) {
        answer(going);
        return;
    }
    call->body = byok_buf_take(&http->body);
    begin_work(going);
}

static enum byok_err fill_http(struct going *going, struct byok_fault *fault)
{
    struct byok_payload_store *store = going->port->options.store;
    const struct byok_payload_call *call = going->call;
    struct byok_payload_request request;
    enum byok_err err =
        store->ops->request(store, call->put, &call->ref, &going->arena, &request, fault);
    if (err != BYOK_E_OK)
        return err;
    going->http = (struct byok_http_call){
        .request = {.method = request.method, .url = request.url, .body = call->content},
        .arena = &going->arena,
        .timeout_us = call->timeout_us,
        .connect_timeout_us = CONNECT_US,
        /* an error's page may be longer than a small payload */
        .answer_max_bytes = call->put || call->ref.size < 65536 ? 65536 : (size_t)call->ref.size,
    };
    for (size_t i = 0; i < request.header_count; i++)
        going->http.request.headers[i] = (struct byok_http_header){
            byok_str_of(request.headers[i].name), request.headers[i].value};
    going->http.request.header_count = request.header_count;
    going->own = (struct byok_http_own){
        .route = going->port->options.route,
        .sigv4 = request.sigv4,
        .credentials = request.credentials,
        .ended = on_http,
        .arg = going,
    };
    return BYOK_E_OK;
}

static void begin_http(struct going *going)
{
    if (fill_http(going, &going->call->fault) == BYOK_E_OK)
        byok_http_curl_send_own(going->port->options.http, &going->http, &going->own);
    else
        answer(going);
}

static void begin(struct byok_payload_port *self, struct byok_payload_call *call)
{
    struct port *port = (struct port *)self;
    struct going *going = byok_new(1, sizeof *going);
    call->fault = (struct byok_fault){.code = BYOK_E_OK, .retry_after_ms = -1};
    byok_buf_init(&call->body, (size_t)call->ref.size);
    if (!going) {
        byok_fault_set(&call->fault, BYOK_E_NOMEM, "no memory for a payload");
        struct byok_msg *msg = call->reply;
        byok_post(call->reply_to, BYOK_MSG_PAYLOAD_DONE, &msg);
        return;
    }
    going->port = port;
    going->call = call;
    going->reader.fd = -1;
    DL_APPEND(port->going, going);
    if (!call->put && port->options.store->ops->request)
        begin_http(going);
    else
        begin_work(going);
}

static const struct byok_payload_port_ops ops = {begin};

/* ---- sweeps ---- */

static void on_sweep(uv_work_t *work)
{
    const struct port *port = work->data;
    struct byok_payload_store *store = port->options.store;
    (void)store->ops->sweep(store, (int64_t)time(NULL) - port->options.keep_s);
}

static void on_swept(uv_work_t *work, int status)
{
    struct port *port = work->data;
    (void)status;
    port->sweeping = false;
    release_if_idle(port);
}

static void on_time(uv_timer_t *timer)
{
    struct port *port = timer->data;
    port->sweep.data = port;
    if (!port->sweeping)
        port->sweeping = uv_queue_work(port->loop, &port->sweep, on_sweep, on_swept) == 0;
}

struct byok_payload_port *byok_payloads_uv_new(uv_loop_t *loop,
                                               const struct byok_payloads_options *options)
{
    struct port *port = byok_new(1, sizeof *port);
    if (!port || uv_timer_init(loop, &port->timer) != 0) {
        byok_delete(port);
        return NULL;
    }
    port->port.ops = &ops;
    port->loop = loop;
    port->options = *options;
    port->port.streams = options->store->ops->open_object != NULL;
    port->timer.data = port;
    int64_t every_s = options->keep_s / 10;
    every_s = every_s < SWEEP_LEAST_S ? SWEEP_LEAST_S : every_s;
    every_s = every_s > SWEEP_MOST_S ? SWEEP_MOST_S : every_s;
    if (options->keep_s > 0 && options->store->ops->sweep)
        (void)uv_timer_start(&port->timer, on_time, 0, (uint64_t)every_s * 1000);
    return &port->port;
}

void byok_payloads_uv_close(struct byok_payload_port *self)
{
    struct port *port = (struct port *)self;
    struct going *going, *next;
    if (!port || port->closing)
        return;
    port->closing = true;
    (void)uv_timer_stop(&port->timer);
    DL_FOREACH_SAFE(port->going, going, next) {
        if (going->working)
            continue; /* it ends by itself, soon, and answers nobody */
        DL_DELETE(port->going, going);
        if (going->http.port)
            byok_http_curl_drop(port->options.http, &going->http);
        going_free(going);
    }
    release_if_idle(port);
}
