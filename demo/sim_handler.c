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
#include "demo/sim_media.h"
#include "demo/sim_server.h"

#define BODY_CAP ((size_t)32 * 1024 * 1024)
#define REPORT_CAP ((size_t)1024 * 1024 * 1024)
#define LISTED_MAX 100000u /* calls in one answer of /sim/ledger/calls */
#define SILENT_STEP_MS 20  /* how soon a silent call notices that its client has gone */

#define BANNER                                                                                     \
    "byok-provider-sim: a SIMULATED provider that speaks OpenAI's wire format.\n"                  \
    "No model is behind it and nothing is billed.  See /sim/ledger, /sim/ledger/calls?since=0,\n"  \
    "POST /sim/faults, POST /sim/reset.\n"

static const char *embeddings(const struct sim_request *request, struct byok_buf *out)
{
    sim_openai_embeddings(request, out);
    return "application/json";
}

/* The endpoints a provider has; those that read a body are paid.  `write` appends the answer and
 * gives its type; chat has its own way. */
static const struct endpoint {
    const char *name, *method, *url;
    bool (*read)(struct byok_str body, struct sim_request *request, struct sim_error *ret_error);
    const char *(*write)(const struct sim_request *request, struct byok_buf *out);
} endpoints[] = {
    {"chat", "POST", "/v1/chat/completions", sim_openai_read_chat, NULL},
    {"embeddings", "POST", "/v1/embeddings", sim_openai_read_embeddings, embeddings},
    {"speech", "POST", "/v1/audio/speech", sim_media_read_speech, sim_media_speech},
    {"transcriptions", "POST", "/v1/audio/transcriptions", sim_media_read_transcription,
     sim_media_transcription},
    {"images", "POST", "/v1/images/generations", sim_media_read_image, sim_media_image},
    {"models", "GET", "/v1/models", NULL, NULL},
};

void sim_call_end(struct sim_call *call)
{
    if (call->is_noted)
        sim_ledger_end(call->server->ledger, call->ledger_key);
    call->is_noted = false;
}

static int compare_fingerprints(const void *a, const void *b)
{
    return memcmp(a, b, SIM_FINGERPRINT_BYTES);
}

static bool is_accepted(struct sim_call *call, struct byok_str key)
{
    const struct sim_server *server = call->server;
    sim_fingerprint(key, call->fingerprint);
    if (!server->keys)
        return key.len > 3 && byok_str_starts(key, (struct byok_str)BYOK_STR("sk-"));
    return bsearch(call->fingerprint, server->keys, server->key_count, SIM_FINGERPRINT_BYTES,
                   compare_fingerprints) != NULL;
}

/* True when the key is accepted; otherwise the reply is made. */
static bool authorize(struct sim_call *call)
{
    const char *value =
        MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, "Authorization");
    struct byok_str given = byok_str_of(value);
    const struct byok_str scheme = BYOK_STR("Bearer ");
    bool has_scheme = byok_str_starts(given, scheme);
    struct byok_str key = {given.ptr, 0};
    if (has_scheme)
        key = byok_str_trim((struct byok_str){given.ptr + scheme.len, given.len - scheme.len});
    if (key.len > 0 && is_accepted(call, key))
        return true;
    struct sim_error error;
    sim_openai_default_error(401, &error);
    if (key.len == 0)
        snprintf(error.message, sizeof error.message,
                 "You didn't provide an API key. You need to provide your API key in an "
                 "Authorization header using Bearer auth.");
    else /* as OpenAI does: the end of a key tells its owner which one it is */
        snprintf(error.message, sizeof error.message,
                 "Incorrect API key provided: sk-***%.*s. You can find your API key at "
                 "https://platform.openai.com/account/api-keys.",
                 key.len >= 16 ? 4 : 0, key.ptr + key.len - (key.len >= 16 ? 4 : 0));
    sim_reply_error(call, &error);
    return false;
}

/* Providers bill for what they computed, whether or not the client got it. */
static bool is_billed(const struct sim_fault *fault)
{
    if (fault->billed >= 0)
        return fault->billed != 0;
    unsigned status = sim_fault_status(fault);
    return status == 0 || status < 300;
}

static void note(struct sim_call *call, const struct endpoint *endpoint,
                 const struct sim_fault *fault, const struct sim_content *content)
{
    if (!content->request)
        return;
    struct sim_entry entry = {
        .fingerprint = call->fingerprint,
        .client_request_id = byok_str_of(
            MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, "x-client-request-id")),
        .prompt_hash = sim_hash(byok_buf_str(&content->request->prompt)),
        .endpoint = endpoint->name,
        .model = content->request->model,
        .kind = fault->kind == SIM_NONE ? "ok" : sim_kind_name(fault->kind),
        .input_tokens = content->request->input_tokens,
        .output_tokens = content->text ? content->text->tokens : 0,
        .status = (uint16_t)sim_fault_status(fault),
        .is_billed = is_billed(fault),
    };
    call->ledger_key = sim_ledger_begin(call->server->ledger, &entry);
    call->is_noted = true;
    if (!call->server->is_quiet)
        fprintf(stderr, "%s %u %s key=%s in=%" PRIu32 " out=%" PRIu32 " client_request_id=%.*s\n",
                entry.endpoint, (unsigned)entry.status, entry.kind, entry.fingerprint,
                entry.input_tokens, entry.output_tokens, BYOK_STR_ARG(entry.client_request_id));
}

/* The ordinary answer, then what the fault makes of it. */
static void decide_paid(struct sim_call *call, const struct endpoint *endpoint,
                        const struct sim_request *request, const struct sim_fault *fault)
{
    BYOK_AUTO(byok_buf) body = {.cap_bytes = REPORT_CAP};
    struct sim_text text = {0};
    struct sim_content content = {.request = request, .body = &body, .type = "application/json"};
    struct sim_identity identity = {.number = call->number, .created_s = (int64_t)time(NULL)};
    if (!endpoint->write) {
        uint32_t words =
            fault->answer_words ? (uint32_t)fault->answer_words : call->server->answer_words;
        sim_openai_answer(request, words, &text);
        content.text = &text;
        if (request->wants_stream) {
            content.type = "text/event-stream";
            sim_openai_stream(request, identity, &text, &body);
        } else {
            sim_openai_chat(request, identity, &text, &body);
        }
    } else {
        content.type = endpoint->write(request, &body);
    }
    note(call, endpoint, fault, &content);
    sim_reply_fault(call, fault, &content);
    byok_buf_done(&text.text);
}

static void decide_free(struct sim_call *call, const struct sim_fault *fault)
{
    BYOK_AUTO(byok_buf) body = {.cap_bytes = REPORT_CAP};
    struct sim_content content = {.body = &body, .type = "application/json"};
    sim_openai_models(&body);
    sim_reply_fault(call, fault, &content);
}

/* Makes the reply of an endpoint; gives its delay. */
static int64_t decide_endpoint(struct sim_call *call, const struct endpoint *endpoint)
{
    struct sim_server *server = call->server;
    struct sim_request request = {0};
    struct sim_error error;
    if (!authorize(call))
        return 0;
    if (endpoint->read && !endpoint->read(byok_buf_str(&call->body), &request, &error)) {
        sim_reply_error(call, &error);
        sim_request_done(&request);
        return 0;
    }
    struct sim_subject subject = {.endpoint = endpoint->name,
                                  .fingerprint = call->fingerprint,
                                  .model = request.model,
                                  .prompt = byok_buf_str(&request.prompt)};
    struct sim_fault fault;
    sim_faults_draw(server->faults, &subject, &fault);
    if (endpoint->read)
        decide_paid(call, endpoint, &request, &fault);
    else
        decide_free(call, &fault);
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
    struct sim_error error = {.status = 400, .type = "invalid_request_error"};
    snprintf(error.message, sizeof error.message, "%s", why);
    sim_reply_error(call, &error);
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
    struct sim_error error = {.status = 413, .type = "invalid_request_error"};
    if (call->body.failed) {
        snprintf(error.message, sizeof error.message, "The request is too large.");
        sim_reply_error(call, &error);
        return 0;
    }
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        if (strcmp(url, endpoints[i].url) == 0 && strcmp(method, endpoints[i].method) == 0)
            return decide_endpoint(call, &endpoints[i]);
    }
    if (decide_own(call, method, url))
        return 0;
    error.status = 404;
    snprintf(error.message, sizeof error.message, "Invalid URL (%.16s %.200s)", method, url);
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
