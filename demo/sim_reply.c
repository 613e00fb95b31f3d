/* SPDX-License-Identifier: MIT */
/* demo/sim_reply.c - what the simulated provider sends: answers, errors, and broken answers. */
#include "demo/sim_server.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"

#define BLOCK_BYTES ((size_t)16 * 1024) /* of a body that is read piece by piece */
#define BIG_MIB_MAX 4096

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
    size_t end = byok_str_find(rest, (struct byok_str)BYOK_STR("\n\n"));
    return end == SIZE_MAX ? body->total : at + end + 2;
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

static ssize_t body_read(void *memory, uint64_t at, char *out, size_t room)
{
    struct body *body = memory;
    if (at >= body->cut_at) {
        sim_call_end(body->call);
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

static void number_header(struct MHD_Response *response, const char *name, int64_t value,
                          const char *unit)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64 "%s", value, unit);
    header(response, name, text);
}

/* The limits named are far above what one machine can do: the simulator enforces none, and a client
 * that paces itself by them must not slow down.  Resets are durations as OpenAI writes them. */
static void rate_headers(struct MHD_Response *response, const struct sim_fault *fault)
{
    bool is_limited = fault && fault->kind == SIM_STATUS && fault->status == 429;
    header(response, "x-ratelimit-limit-requests", "10000000");
    header(response, "x-ratelimit-limit-tokens", "2000000000");
    header(response, "x-ratelimit-remaining-requests", is_limited ? "0" : "9999999");
    header(response, "x-ratelimit-remaining-tokens", "1999999999");
    header(response, "x-ratelimit-reset-tokens", "1ms");
    if (is_limited && fault->retry_after_ms >= 0)
        number_header(response, "x-ratelimit-reset-requests", fault->retry_after_ms, "ms");
    else if (is_limited && fault->retry_after >= 0)
        number_header(response, "x-ratelimit-reset-requests", fault->retry_after, "s");
    else
        header(response, "x-ratelimit-reset-requests", "6ms");
    if (fault && fault->retry_after >= 0)
        number_header(response, "retry-after", fault->retry_after, "");
    if (fault && fault->retry_after_ms >= 0)
        number_header(response, "retry-after-ms", fault->retry_after_ms, "");
}

static void finish(struct sim_call *call, unsigned status, const char *type,
                   struct MHD_Response *response)
{
    char id[48];
    call->reply.response = response;
    call->reply.status = status;
    if (!response)
        return; /* no memory: the connection is closed instead */
    snprintf(id, sizeof id, "req_sim%016" PRIx64, call->number);
    header(response, "content-type", type);
    header(response, "x-byok-sim", "1");
    header(response, "x-request-id", id);
    header(response, "openai-processing-ms", "1");
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

static void reply_error(struct sim_call *call, const struct sim_error *error,
                        const struct sim_fault *fault)
{
    BYOK_AUTO(byok_buf) body = {.cap_bytes = SIZE_MAX / 2};
    sim_openai_error(error, &body);
    sim_reply_make(call, error->status, "application/json", &body);
    if (call->reply.response)
        rate_headers(call->reply.response, fault);
}

void sim_reply_error(struct sim_call *call, const struct sim_error *error)
{
    reply_error(call, error, NULL);
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

static void reply_status(struct sim_call *call, const struct sim_fault *fault)
{
    struct sim_error error;
    sim_openai_default_error(sim_fault_status(fault), &error);
    if (fault->code[0])
        error.code = fault->code;
    if (strcmp(fault->code, "insufficient_quota") == 0) {
        error.type = "insufficient_quota";
        snprintf(error.message, sizeof error.message,
                 "You exceeded your current quota, please check your plan and billing details.");
    }
    if (fault->type[0])
        error.type = fault->type;
    if (fault->message[0])
        snprintf(error.message, sizeof error.message, "%s", fault->message);
    reply_error(call, &error, fault);
}

static void reply_echo_key(struct sim_call *call)
{
    struct sim_error error;
    sim_openai_default_error(401, &error);
    const char *value =
        MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, "Authorization");
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

static void reply_big(struct sim_call *call, const struct sim_fault *fault,
                      const struct sim_content *content)
{
    BYOK_AUTO(byok_buf) head = {.cap_bytes = 65536};
    BYOK_AUTO(byok_buf) tail = {.cap_bytes = 65536};
    if (content->text) {
        struct sim_identity identity = {call->number, 0};
        sim_openai_chat_head(content->request, identity, &head);
        sim_openai_chat_tail(content->request, content->text, &tail);
    } else {
        byok_buf_printf(&head, "{\"object\":\"list\",\"data\":[],\"filler\":\"");
        byok_buf_printf(&tail, "\"}");
    }
    struct body *body = new_body(call, &head, &tail);
    if (body) {
        body->fill = (uint64_t)(fault->mib < BIG_MIB_MAX ? fault->mib : BIG_MIB_MAX) << 20;
        body->total += body->fill;
    }
    reply_body(call, 200, "application/json", false, body);
}

/* The ordinary answer, but cut or in pieces. */
static void reply_pieces(struct sim_call *call, const struct sim_fault *fault,
                         const struct sim_content *content)
{
    bool is_stream = content->request && content->request->wants_stream;
    struct body *body = new_body(call, content->body, NULL);
    if (body && fault->kind == SIM_CUT)
        body->cut_at = body->total / 2;
    if (body && fault->kind == SIM_DRIP) {
        body->step = fault->bytes > 0 ? (uint64_t)fault->bytes : 1;
        body->gap_ms = fault->gap_ms > 0 ? fault->gap_ms : 100;
    } else if (body && is_stream) {
        body->gap_ms = fault->gap_ms;
    }
    reply_body(call, 200, content->type, is_stream, body);
}

static void reply_redirect(struct sim_call *call, const struct sim_fault *fault)
{
    BYOK_AUTO(byok_buf) empty = {.cap_bytes = 64};
    byok_buf_printf(&empty, "moved\n");
    sim_reply_make(call, sim_fault_status(fault), "text/plain", &empty);
    if (call->reply.response)
        header(call->reply.response, "location", fault->location);
}

unsigned sim_fault_status(const struct sim_fault *fault)
{
    unsigned given = fault->status >= 200 && fault->status <= 599 ? (unsigned)fault->status : 0;
    switch (fault->kind) {
    case SIM_STATUS:
        return given ? given : 500;
    case SIM_HTML:
        return given ? given : 200;
    case SIM_REDIRECT:
        return given >= 300 && given < 400 ? given : 307;
    case SIM_ECHO_KEY:
        return 401;
    case SIM_CLOSE:
    case SIM_SILENT:
        return 0;
    case SIM_NONE:
    case SIM_DELAY:
    case SIM_CUT:
    case SIM_GARBAGE:
    case SIM_DRIP:
    case SIM_BIG:
    case SIM_KINDS:
        break;
    }
    return 200;
}

static void reply_ordinary(struct sim_call *call, const struct sim_fault *fault,
                           const struct sim_content *content)
{
    if (content->request && content->request->wants_stream)
        reply_pieces(call, fault, content);
    else
        sim_reply_make(call, 200, content->type, content->body);
    if (call->reply.response)
        rate_headers(call->reply.response, fault);
}

void sim_reply_fault(struct sim_call *call, const struct sim_fault *fault,
                     const struct sim_content *content)
{
    call->reply.kind = fault->kind;
    switch (fault->kind) {
    case SIM_NONE:
    case SIM_DELAY:
        reply_ordinary(call, fault, content);
        return;
    case SIM_STATUS:
        reply_status(call, fault);
        break;
    case SIM_CUT:
    case SIM_DRIP:
        reply_pieces(call, fault, content);
        break;
    case SIM_GARBAGE:
        reply_garbage(call);
        break;
    case SIM_HTML:
        reply_html(call, sim_fault_status(fault));
        break;
    case SIM_BIG:
        reply_big(call, fault, content);
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
