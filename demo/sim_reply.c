/* SPDX-License-Identifier: MIT */
/* demo/sim_reply.c - what the simulated provider sends: answers, errors, and broken answers. */
#include "demo/sim_server.h"

#include <stdio.h>

#include <sys/socket.h>
#include <time.h>

#include "base/mem.h"

#define BLOCK_BYTES ((size_t)16 * 1024) /* of a body that is read piece by piece */
#define BIG_MIB_MAX 4096
#define PIECE_BYTES 4096u /* of streamed audio */
#define EVENTS "text/event-stream"
#define ANSWER_CAP ((size_t)1024 * 1024 * 1024)

/* A body that is not sent in one go: slowly, event by event, cut, or too big to stand in memory.
 * It is `head`, then `fill` times the letter x, then `tail`. */
struct body {
    struct sim_call *call; /* outlives every read */
    struct byok_buf head, tail;
    uint64_t fill;
    uint64_t total;
    uint64_t cut_at;  /* the connection breaks here; UINT64_MAX: never */
    uint64_t allowed; /* what may be sent before the next wait */
    int64_t gap_ms;   /* between pieces; 0: no pieces */
    uint64_t step;    /* bytes of a piece; 0: an event of a stream */
    bool has_waited;
    struct sim_wait wait;
};

void sim_call_end(struct sim_call *call)
{
    if (call->is_noted)
        sim_ledger_end(call->server->ledger, call->ledger_key);
    call->is_noted = false;
}

static void body_free(void *memory)
{
    struct body *body = memory;
    byok_buf_done(&body->head);
    byok_buf_done(&body->tail);
    byok_delete(body);
}

/* Where the piece that begins at `at` ends. */
static uint64_t piece_end(const struct body *body, uint64_t at)
{
    if (body->step > 0)
        return at + body->step;
    struct byok_str rest = {body->head.ptr + at, body->head.len - (size_t)at};
    for (size_t i = 0; i + 1 < rest.len; i++) { /* an empty line, ended by LF or CRLF */
        const bool is_crlf = rest.ptr[i + 1] == '\r' && i + 2 < rest.len;
        if (rest.ptr[i] == '\n' && rest.ptr[i + 1 + is_crlf] == '\n')
            return at + i + 2 + is_crlf;
    }
    return body->total;
}

static size_t copy_part(const struct body *body, uint64_t at, char *out, size_t room)
{
    if (at < body->head.len) {
        size_t len = body->head.len - (size_t)at;
        len = len < room ? len : room;
        memcpy(out, body->head.ptr + at, len);
        return len;
    }
    at -= body->head.len;
    if (at < body->fill) {
        size_t len = body->fill - at < room ? (size_t)(body->fill - at) : room;
        memset(out, 'x', len);
        return len;
    }
    at -= body->fill;
    size_t len = body->tail.len - (size_t)at;
    len = len < room ? len : room;
    memcpy(out, body->tail.ptr + at, len);
    return len;
}

/* libmicrohttpd closes a connection whose chunked body failed only when something else wakes its
 * thread, so what has been sent is ended here. */
static void hang_up(struct sim_call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info)
        (void)shutdown(info->connect_fd, SHUT_RDWR);
}

static ssize_t body_read(void *memory, uint64_t at, char *out, size_t room)
{
    struct body *body = memory;
    if (at >= body->cut_at) {
        sim_call_end(body->call);
        hang_up(body->call);
        return MHD_CONTENT_READER_END_WITH_ERROR;
    }
    if (at >= body->total)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (body->gap_ms > 0 && at >= body->allowed) {
        if (!body->has_waited && sim_clock_wait(body->call->server->clock, &body->wait,
                                                body->call->connection, body->gap_ms)) {
            body->has_waited = true;
            return 0;
        }
        body->has_waited = false;
        body->allowed = piece_end(body, at);
    }
    uint64_t end = body->total < body->cut_at ? body->total : body->cut_at;
    if (body->gap_ms > 0 && end > body->allowed)
        end = body->allowed;
    if (room > end - at)
        room = (size_t)(end - at);
    size_t len = copy_part(body, at, out, room);
    if (at + len >= body->total)
        sim_call_end(body->call);
    return (ssize_t)len;
}

static void header(struct MHD_Response *response, const char *name, const char *value)
{
    (void)MHD_add_response_header(response, name, value);
}

/* `fault` and `error` may be NULL. */
static struct sim_limits limits_of(const struct sim_answer *answer, const struct sim_fault *fault,
                                   const struct sim_error *error)
{
    return (struct sim_limits){.answer = answer,
                               .error = error,
                               .wait_ms = fault ? fault->wait_ms : -1,
                               .telling = fault ? fault->telling : SIM_TOLD_IN_S};
}

/* The wire's own headers. */
static void add_headers(struct sim_call *call, const struct sim_limits *limits)
{
    struct sim_headers headers = {0};
    if (!call->reply.response)
        return;
    call->wire->add_headers(limits, &headers);
    for (unsigned i = 0; i < headers.count; i++)
        header(call->reply.response, headers.list[i].name, headers.list[i].value);
}

static void finish(struct sim_call *call, unsigned status, const char *type,
                   struct MHD_Response *response)
{
    call->reply.response = response;
    call->reply.status = status;
    if (!response)
        return; /* no memory: the connection is closed instead */
    header(response, "content-type", type);
    header(response, "x-byok-sim", "1");
}

void sim_reply_make(struct sim_call *call, unsigned status, const char *type, struct byok_buf *body)
{
    struct byok_buf taken = byok_buf_take(body);
    if (taken.failed) {
        byok_buf_done(&taken);
        call->reply.response = NULL;
        return;
    }
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback(taken.len, taken.ptr, byok_delete);
    if (!response)
        byok_buf_done(&taken);
    finish(call, status, type, response);
}

static void reply_error(struct sim_call *call, struct sim_error *error,
                        const struct sim_answer *answer, const struct sim_fault *fault)
{
    BYOK_AUTO(byok_buf) body = {.cap_bytes = SIZE_MAX / 2};
    sim_wire_complete(call->wire, error);
    const struct sim_limits limits = limits_of(answer, fault, error);
    call->wire->add_error(&limits, &body);
    sim_reply_make(call, error->status, "application/json", &body);
    add_headers(call, &limits);
}

void sim_reply_error(struct sim_call *call, const struct sim_error *error)
{
    struct sim_error whole = *error;
    const struct sim_answer nothing = {.number = call->number, .now_s = (int64_t)time(NULL)};
    reply_error(call, &whole, &nothing, NULL);
}

/* A body read piece by piece; `head` and `tail` are taken, `tail` may be NULL. */
static struct body *new_body(struct sim_call *call, struct byok_buf *head, struct byok_buf *tail)
{
    struct body *body = byok_new(1, sizeof *body);
    if (!body)
        return NULL;
    body->call = call;
    body->cut_at = UINT64_MAX;
    body->head = byok_buf_take(head);
    if (tail)
        body->tail = byok_buf_take(tail);
    body->total = body->head.len + body->tail.len;
    return body;
}

static void reply_body(struct sim_call *call, unsigned status, const char *type, bool is_chunked,
                       struct body *body)
{
    if (!body)
        return;
    uint64_t size = is_chunked ? MHD_SIZE_UNKNOWN : body->total;
    struct MHD_Response *response =
        MHD_create_response_from_callback(size, BLOCK_BYTES, body_read, body, body_free);
    if (!response)
        body_free(body);
    call->reply.is_paced = true;
    finish(call, status, type, response);
}

/* The fault's own status when it lies within the range, else the usual one. */
static unsigned status_of(const struct sim_fault *fault, unsigned from, unsigned to, unsigned usual)
{
    return fault->status >= from && fault->status <= to ? (unsigned)fault->status : usual;
}

static void reply_status(struct sim_call *call, const struct sim_fault *fault,
                         const struct sim_answer *answer)
{
    struct sim_error error = {.class = fault->class,
                              .status =
                                  status_of(fault, 200, 599, fault->class == SIM_OTHER ? 500 : 0),
                              .type = fault->type[0] ? fault->type : NULL,
                              .code = fault->code[0] ? fault->code : NULL};
    snprintf(error.message, sizeof error.message, "%s", fault->message);
    reply_error(call, &error, answer, fault);
}

static void reply_echo_key(struct sim_call *call)
{
    struct sim_error error = {.class = SIM_INVALID_KEY};
    const char *value =
        MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, call->wire->auth_header);
    snprintf(error.message, sizeof error.message, "Incorrect API key provided: %.250s.",
             value ? value : "");
    sim_reply_error(call, &error);
}

static void reply_html(struct sim_call *call, unsigned status)
{
    BYOK_AUTO(byok_buf) page = {.cap_bytes = 4096};
    byok_buf_printf(&page,
                    "<html>\r\n<head><title>%u</title></head>\r\n<body>\r\n<center><h1>%u Bad "
                    "Gateway</h1></center>\r\n<hr><center>simulated proxy</center>\r\n</body>\r\n"
                    "</html>\r\n",
                    status, status);
    sim_reply_make(call, status, "text/html", &page);
}

static void reply_garbage(struct sim_call *call)
{
    BYOK_AUTO(byok_buf) noise = {.cap_bytes = 4096};
    uint64_t random = call->number;
    for (int i = 0; i < 64; i++) {
        uint64_t word = sim_random(&random);
        byok_buf_add(&noise, &word, sizeof word);
    }
    sim_reply_make(call, 200, "application/json", &noise);
}

/* An ordinary answer in one piece, with as many letters where a chat has its text. */
static void reply_big(struct sim_call *call, const struct sim_endpoint *endpoint,
                      const struct sim_answer *answer, const struct sim_fault *fault)
{
    static const struct byok_str mark = BYOK_STR("simulated-filler");
    BYOK_AUTO(byok_buf) head = {.cap_bytes = ANSWER_CAP};
    BYOK_AUTO(byok_buf) tail = {.cap_bytes = ANSWER_CAP};
    const char *type = "application/json";
    if (answer->text) {
        struct sim_request whole = *answer->request;
        struct sim_text text = *answer->text;
        struct sim_answer big = *answer;
        whole.wants_stream = false;
        text.text = (struct byok_buf){.ptr = (char *)(uintptr_t)mark.ptr, .len = mark.len};
        big.request = &whole;
        big.text = &text;
        type = endpoint->write(&big, &head);
    } else {
        byok_buf_printf(&head, "{\"object\":\"list\",\"data\":[],\"filler\":\"%s\"}", mark.ptr);
    }
    const size_t at = byok_str_find(byok_buf_str(&head), mark);
    if (at != SIZE_MAX) {
        byok_buf_add(&tail, head.ptr + at + mark.len, head.len - at - mark.len);
        head.len = at;
    }
    struct body *body = new_body(call, &head, &tail);
    if (body) {
        body->fill = (uint64_t)(fault->mib < BIG_MIB_MAX ? fault->mib : BIG_MIB_MAX) << 20;
        body->total += body->fill;
    }
    reply_body(call, 200, type, false, body);
}

/* The ordinary answer, whole or cut or in pieces. */
static void reply_answer(struct sim_call *call, const struct sim_endpoint *endpoint,
                         const struct sim_answer *answer, const struct sim_fault *fault)
{
    BYOK_AUTO(byok_buf) contents = {.cap_bytes = ANSWER_CAP};
    const bool is_stream = answer->request->wants_stream;
    const char *type = endpoint->write(answer, &contents);
    if (!is_stream && fault->kind != SIM_CUT && fault->kind != SIM_DRIP) {
        sim_reply_make(call, 200, type, &contents);
        return;
    }
    struct body *body = new_body(call, &contents, NULL);
    if (body && fault->kind == SIM_CUT)
        body->cut_at = body->total / 2;
    if (body && fault->kind == SIM_DRIP) {
        body->step = fault->bytes > 0 ? (uint64_t)fault->bytes : 1;
        body->gap_ms = fault->gap_ms > 0 ? fault->gap_ms : 100;
    } else if (body && is_stream) {
        body->gap_ms = fault->gap_ms > 0 ? fault->gap_ms : call->server->gap_ms;
        body->step = strncmp(type, EVENTS, sizeof EVENTS - 1) == 0 ? 0 : PIECE_BYTES;
    }
    reply_body(call, 200, type, is_stream, body);
}

static void reply_redirect(struct sim_call *call, const struct sim_fault *fault)
{
    BYOK_AUTO(byok_buf) empty = {.cap_bytes = 64};
    byok_buf_printf(&empty, "moved\n");
    sim_reply_make(call, status_of(fault, 300, 399, 307), "text/plain", &empty);
    if (call->reply.response)
        header(call->reply.response, "location", fault->location);
}

void sim_reply_fault(struct sim_call *call, const struct sim_endpoint *endpoint,
                     const struct sim_answer *answer, const struct sim_fault *fault)
{
    const struct sim_limits limits = limits_of(answer, fault, NULL);
    call->reply.kind = fault->kind;
    switch (fault->kind) {
    case SIM_NONE:
    case SIM_DELAY:
    case SIM_CUT:
    case SIM_DRIP:
        reply_answer(call, endpoint, answer, fault);
        add_headers(call, &limits);
        break;
    case SIM_STATUS:
        reply_status(call, fault, answer);
        break;
    case SIM_GARBAGE:
        reply_garbage(call);
        add_headers(call, &limits);
        break;
    case SIM_HTML:
        reply_html(call, status_of(fault, 200, 599, 200));
        break;
    case SIM_BIG:
        reply_big(call, endpoint, answer, fault);
        add_headers(call, &limits);
        break;
    case SIM_REDIRECT:
        reply_redirect(call, fault);
        break;
    case SIM_ECHO_KEY:
        reply_echo_key(call);
        break;
    case SIM_CLOSE:
    case SIM_SILENT:
    case SIM_KINDS:
        break;
    }
}
