/* SPDX-License-Identifier: MIT */
/* demo/sim_handler.c - takes a request in, decides on its answer, and sends it when it is time.
 *
 * libmicrohttpd calls sim_on_request once with the headers, then with each piece of the body, then
 * without one; and, after a wait, once more.
 */
#define _GNU_SOURCE /* POLLRDHUP */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <poll.h>
#include <time.h>

#include "base/mem.h"
#include "demo/sim_answer.h"
#include "demo/sim_server.h"

#define BODY_CAP ((size_t)32 * 1024 * 1024)
#define REPORT_CAP ((size_t)1024 * 1024 * 1024)
#define LISTED_MAX 100000u /* calls in one answer of /sim/ledger/calls */
#define KEY_BYTES_MIN 16   /* of a key whose wire knows no mark of one */
#define SILENT_STEP_MS 20  /* how soon a silent call notices that its client has gone */

#define BANNER                                                                                     \
    "byok-provider-sim: a SIMULATED provider that speaks the wire formats of real ones, each\n"    \
    "below a path of its own.  No model is behind it and nothing is billed.  See /sim/ledger,\n"   \
    "/sim/ledger/calls?since=0, POST /sim/faults, POST /sim/reset.\n"

/* libmicrohttpd's look-ups do not change a connection, but take one that they could. */
static const char *look_up(const struct sim_input *input, enum MHD_ValueKind kind, const char *name)
{
    return MHD_lookup_connection_value((struct MHD_Connection *)(uintptr_t)input->connection, kind,
                                       name);
}

const char *sim_argument(const struct sim_input *input, const char *name)
{
    return look_up(input, MHD_GET_ARGUMENT_KIND, name);
}

const char *sim_header_of(const struct sim_input *input, const char *name)
{
    return look_up(input, MHD_HEADER_KIND, name);
}

static int compare_fingerprints(const void *a, const void *b)
{
    return memcmp(a, b, SIM_FINGERPRINT_BYTES);
}

static bool is_accepted(struct sim_call *call, struct byok_str key)
{
    const struct sim_server *server = call->server;
    const struct byok_str start = byok_str_of(call->wire->key_start);
    sim_fingerprint(key, call->fingerprint);
    if (!server->keys)
        return key.len > start.len && byok_str_starts(key, start) &&
               (start.len > 0 || key.len >= KEY_BYTES_MIN);
    return bsearch(call->fingerprint, server->keys, server->key_count, SIM_FINGERPRINT_BYTES,
                   compare_fingerprints) != NULL;
}

/* True when the key is accepted; otherwise the reply is made. */
static bool authorize(struct sim_call *call)
{
    const struct sim_wire *wire = call->wire;
    struct byok_str given = byok_str_of(
        MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, wire->auth_header));
    const struct byok_str scheme = byok_str_of(wire->auth_scheme);
    struct byok_str key = {given.ptr, 0};
    if (given.len > 0 && byok_str_starts(given, scheme))
        key = byok_str_trim((struct byok_str){given.ptr + scheme.len, given.len - scheme.len});
    if (key.len > 0 && is_accepted(call, key))
        return true;
    struct sim_error error = {.class = key.len == 0 ? SIM_NO_KEY : SIM_INVALID_KEY};
    if (key.len > 0 && wire->refuse_key)
        wire->refuse_key(key, &error);
    sim_reply_error(call, &error);
    return false;
}

/* Providers bill for what they computed, whether or not the client got it. */
static bool is_billed(const struct sim_fault *fault, unsigned status)
{
    if (fault->billed >= 0)
        return fault->billed != 0;
    return status == 0 || status < 300;
}

/* With the status that the client will see; 0: none. */
static void note(struct sim_call *call, const struct sim_fault *fault,
                 const struct sim_answer *answer)
{
    const struct sim_request *request = answer->request;
    const unsigned status = call->reply.status;
    struct sim_entry entry = {
        .fingerprint = call->fingerprint,
        .client_request_id = byok_str_of(
            MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, "x-client-request-id")),
        .prompt_hash = sim_hash(byok_buf_str(&request->prompt)),
        .endpoint = sim_task_name(request->task),
        .model = request->model,
        .kind = fault->kind == SIM_NONE ? "ok" : sim_kind_name(fault->kind),
        .input_tokens = request->input_tokens,
        .output_tokens = answer->text ? answer->text->tokens : 0,
        .status = (uint16_t)status,
        .is_billed = is_billed(fault, status),
    };
    call->ledger_key = sim_ledger_begin(call->server->ledger, &entry);
    call->is_noted = true;
    if (!call->server->is_quiet)
        fprintf(
            stderr, "%s %s %u %s key=%s in=%" PRIu32 " out=%" PRIu32 " client_request_id=%.*s\n",
            call->wire->name, entry.endpoint, (unsigned)entry.status, entry.kind, entry.fingerprint,
            entry.input_tokens, entry.output_tokens, BYOK_STR_ARG(entry.client_request_id));
}

/* The ordinary answer, then what the fault makes of it. */
static void answer_request(struct sim_call *call, const struct sim_endpoint *endpoint,
                           const struct sim_request *request, const struct sim_fault *fault)
{
    struct sim_text text = {0};
    struct sim_answer answer = {
        .request = request, .number = call->number, .now_s = (int64_t)time(NULL)};
    if (request->task == SIM_CHAT) {
        uint32_t words =
            fault->answer_words ? (uint32_t)fault->answer_words : call->server->answer_words;
        sim_answer_text(request, words, &text);
        answer.text = &text;
    }
    sim_reply_fault(call, endpoint, &answer, fault);
    if (request->task != SIM_MODELS)
        note(call, fault, &answer);
    byok_buf_done(&text.text);
}

/* Makes the reply of an endpoint; gives its delay. */
static int64_t decide_endpoint(struct sim_call *call, const struct sim_endpoint *endpoint,
                               struct byok_str name)
{
    struct sim_server *server = call->server;
    struct sim_request request = {.task = endpoint->task};
    const struct sim_input input = {
        .connection = call->connection, .body = byok_buf_str(&call->body), .name = name};
    struct sim_error error;
    if (!authorize(call))
        return 0;
    if (endpoint->read && !endpoint->read(&input, &request, &error)) {
        sim_reply_error(call, &error);
        sim_request_done(&request);
        return 0;
    }
    request.input_tokens = sim_tokens(byok_buf_str(&request.prompt));
    struct sim_subject subject = {.endpoint = sim_task_name(request.task),
                                  .fingerprint = call->fingerprint,
                                  .model = request.model,
                                  .prompt = byok_buf_str(&request.prompt)};
    struct sim_fault fault;
    sim_faults_draw(server->faults, &subject, &fault);
    answer_request(call, endpoint, &request, &fault);
    sim_request_done(&request);
    uint64_t random = call->number;
    int64_t jitter_ms =
        server->jitter_ms ? (int64_t)(sim_random(&random) % (uint64_t)(server->jitter_ms + 1)) : 0;
    return server->latency_ms + jitter_ms + fault.delay_ms;
}

static uint32_t query_number(struct sim_call *call, const char *name, uint32_t absent)
{
    const char *value = MHD_lookup_connection_value(call->connection, MHD_GET_ARGUMENT_KIND, name);
    return value ? (uint32_t)strtoul(value, NULL, 10) : absent;
}

static void set_faults(struct sim_call *call, struct byok_buf *out)
{
    const char *why = NULL;
    if (sim_faults_set(call->server->faults, byok_buf_str(&call->body), &why)) {
        sim_faults_report(call->server->faults, out);
        sim_reply_make(call, 200, "application/json", out);
        return;
    }
    byok_buf_printf(out, "{\"error\":\"%s\"}\n", why);
    sim_reply_make(call, 400, "application/json", out);
}

/* The simulator's own pages; false when `url` is none of them. */
static bool decide_own(struct sim_call *call, const char *method, const char *url)
{
    struct sim_server *server = call->server;
    bool is_get = strcmp(method, "GET") == 0;
    bool is_post = strcmp(method, "POST") == 0;
    BYOK_AUTO(byok_buf) out = {.cap_bytes = REPORT_CAP};
    const char *type = "application/json";
    if (is_get && (strcmp(url, "/") == 0 || strcmp(url, "/sim") == 0)) {
        byok_buf_add(&out, BANNER, sizeof BANNER - 1);
        type = "text/plain";
    } else if (is_get && strcmp(url, "/sim/ledger") == 0) {
        sim_ledger_summary(server->ledger, &out);
    } else if (is_get && strcmp(url, "/sim/ledger/calls") == 0) {
        uint32_t limit = query_number(call, "limit", LISTED_MAX);
        sim_ledger_calls(server->ledger, query_number(call, "since", 0),
                         limit < LISTED_MAX ? limit : LISTED_MAX, &out);
    } else if (is_get && strcmp(url, "/sim/faults") == 0) {
        sim_faults_report(server->faults, &out);
    } else if (is_post && strcmp(url, "/sim/faults") == 0) {
        set_faults(call, &out);
        return true;
    } else if (is_post && strcmp(url, "/sim/reset") == 0) {
        sim_ledger_reset(server->ledger);
        sim_faults_reset(server->faults);
        byok_buf_printf(&out, "{\"ok\":true}\n");
    } else {
        return false;
    }
    sim_reply_make(call, 200, type, &out);
    return true;
}

static int64_t decide(struct sim_call *call, const char *method, const char *url)
{
    struct sim_error error = {.class = SIM_TOO_LARGE};
    struct byok_str name;
    const char *path;
    if (!call->body.failed && decide_own(call, method, url))
        return 0;
    call->wire = sim_wire_find(url, &path);
    if (!call->body.failed) {
        const struct sim_endpoint *endpoint = sim_wire_endpoint(call->wire, method, path, &name);
        if (endpoint)
            return decide_endpoint(call, endpoint, name);
        error.class = SIM_NO_SUCH_PATH;
    }
    sim_reply_error(call, &error);
    return 0;
}

static bool client_has_gone(struct sim_call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd fd = {.fd = info ? info->connect_fd : -1, .events = POLLRDHUP};
    return poll(&fd, 1, 0) > 0;
}

/* Its time has come: send, or do whatever its kind does instead. */
static enum MHD_Result deliver(struct sim_call *call)
{
    struct sim_reply *reply = &call->reply;
    if (reply->kind == SIM_SILENT && !client_has_gone(call) &&
        sim_clock_wait(call->server->clock, &call->wait, call->connection, SILENT_STEP_MS))
        return MHD_YES;
    if (!reply->is_paced)
        sim_call_end(call);
    if (!reply->response)
        return MHD_NO; /* closes the connection */
    enum MHD_Result result = MHD_queue_response(call->connection, reply->status, reply->response);
    MHD_destroy_response(reply->response);
    reply->response = NULL;
    return result;
}

enum MHD_Result sim_on_request(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **state)
{
    (void)version;
    struct sim_call *call = *state;
    if (!call) {
        call = byok_new(1, sizeof *call);
        if (!call)
            return MHD_NO;
        call->server = server;
        call->connection = connection;
        byok_buf_init(&call->body, BODY_CAP);
        *state = call;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        byok_buf_add(&call->body, upload, *upload_size); /* its failure is sticky: decide() looks */
        *upload_size = 0;
        return MHD_YES;
    }
    if (call->is_decided)
        return deliver(call);
    call->is_decided = true;
    /* relaxed: only the numbers must differ */
    call->number =
        atomic_fetch_add_explicit(&call->server->request_count, 1, memory_order_relaxed) + 1;
    int64_t delay_ms = decide(call, method, url);
    byok_buf_done(&call->body);
    if (delay_ms > 0 && sim_clock_wait(call->server->clock, &call->wait, connection, delay_ms))
        return MHD_YES;
    return deliver(call);
}

void sim_on_done(void *server, struct MHD_Connection *connection, void **state,
                 enum MHD_RequestTerminationCode why)
{
    (void)server;
    (void)connection;
    (void)why;
    struct sim_call *call = *state;
    if (!call)
        return;
    sim_call_end(call);
    if (call->reply.response)
        MHD_destroy_response(call->reply.response);
    byok_buf_done(&call->body);
    byok_delete(call);
    *state = NULL;
}
