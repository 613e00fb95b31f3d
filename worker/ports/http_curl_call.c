/* SPDX-License-Identifier: MIT */
/* worker/ports/http_curl_call.c - setting up one easy handle and collecting its answer. */
#include "worker/ports/http_curl_call.h"

#include <stdint.h>
#include <string.h>

#include <openssl/ssl.h>
#include <sodium.h>

#include "actors/actor.h"
#include "base/mem.h"
#include "worker/ports/http_curl_fault.h"

#define HEAD_BYTES_MAX ((size_t)64 * 1024) /* a real answer has 1 to 4 KiB */
#define STACK_BYTES ((size_t)32 * 1024) /* deeper than what is called from here while one runs */
#define READ_BUFFER_BYTES 4096L /* libcurl's own 16 KiB would be wiped for each call */
#define UPLOAD_BUFFER_BYTES 16384L /* libcurl's least; it holds the key, and is wiped */

static void set_long(struct byok_curl_call *one, CURLoption option, long value)
{
    CURLcode code = curl_easy_setopt(one->easy, option, value);
    if (one->setting_failed == CURLE_OK)
        one->setting_failed = code;
}

static void set_large(struct byok_curl_call *one, CURLoption option, curl_off_t value)
{
    CURLcode code = curl_easy_setopt(one->easy, option, value);
    if (one->setting_failed == CURLE_OK)
        one->setting_failed = code;
}

static void set_ptr(struct byok_curl_call *one, CURLoption option, const void *value)
{
    CURLcode code = curl_easy_setopt(one->easy, option, value);
    if (one->setting_failed == CURLE_OK)
        one->setting_failed = code;
}

/* libcurl reads the list and never writes to it or frees it. */
static void add_node(struct byok_curl_call *one, const char *line)
{
    struct curl_slist *node = &one->nodes[one->node_count];
    *node = (struct curl_slist){.data = (char *)(uintptr_t)line};
    if (one->node_count > 0)
        one->nodes[one->node_count - 1].next = node;
    one->node_count++;
}

/* Runs right before the request is sent, on each connection it is sent on.  When a kept-alive
 * connection dies before the first byte of an answer, libcurl sends the request once more by
 * itself.  The provider may have carried it out, so for what may cost money that is not its
 * decision to make (RFC 9110, 9.2.2: only idempotent methods are retried by themselves). */
static int on_sending(void *arg, char *to_ip, char *from_ip, int to_port, int from_port)
{
    (void)to_ip;
    (void)from_ip;
    (void)to_port;
    (void)from_port;
    struct byok_curl_call *one = arg;
    if (one->sent && strcmp(one->call->request.method, "GET") != 0) {
        one->again = true;
        return CURL_PREREQFUNC_ABORT;
    }
    one->sent = true;
    return CURL_PREREQFUNC_OK;
}

/* One header line of the answer, or its status line, or the empty line behind the headers. */
static size_t on_header(char *bytes, size_t size, size_t count, void *arg)
{
    struct byok_curl_call *one = arg;
    struct byok_str line = {bytes, size * count};
    if (byok_str_starts(line, (struct byok_str)BYOK_STR("HTTP/"))) {
        byok_buf_clear(&one->head); /* those of a 100 Continue before it are not the answer's */
        return line.len;
    }
    size_t colon = byok_str_find(line, (struct byok_str)BYOK_STR(":"));
    if (colon == SIZE_MAX)
        return line.len;
    for (size_t i = 0; i < colon; i++) {
        if (bytes[i] >= 'A' && bytes[i] <= 'Z')
            bytes[i] = (char)(bytes[i] - 'A' + 'a');
    }
    struct byok_str value =
        byok_str_trim((struct byok_str){bytes + colon + 1, line.len - colon - 1});
    size_t before = one->head.len;
    bool fits = byok_buf_add(&one->head, bytes, colon) && byok_buf_add(&one->head, ": ", 2) &&
                byok_buf_add(&one->head, value.ptr, value.len) && byok_buf_add(&one->head, "\n", 1);
    if (!fits)
        one->head.len = before; /* it is left out, and the answer goes on */
    return line.len;
}

/* Neither a key nor its base64 form has a byte outside of 0x21..0x7e (byok_slot_accepts), so no
 * echo of one reaches over such a byte: what is before the last of them can be scrubbed for good,
 * however the answer was cut on its way. */
static void give_bytes(struct byok_curl_call *one)
{
    struct byok_http_call *call = one->call;
    long status = 0;
    size_t end = call->body.len;
    while (end > call->safe_bytes && call->body.ptr[end - 1] >= 0x21 &&
           call->body.ptr[end - 1] <= 0x7e)
        end--;
    if (end == call->safe_bytes)
        return;
    if (call->slot)
        (void)byok_slot_scrub(call->slot, call->body.ptr + call->safe_bytes,
                              end - call->safe_bytes);
    call->safe_bytes = end;
    curl_easy_getinfo(one->easy, CURLINFO_RESPONSE_CODE, &status);
    call->response.status = (int)status;
    if (call->bytes_away)
        return;
    call->bytes_away = true;
    struct byok_msg *bytes = call->bytes;
    byok_post(call->reply_to, BYOK_MSG_HTTP_BYTES, &bytes);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct byok_curl_call *one = arg;
    if (!byok_buf_add(&one->call->body, bytes, size * count))
        return 0;
    if (one->call->bytes)
        give_bytes(one);
    return size * count;
}

/* OpenSSL keeps the last bytes read for as long as the connection lives, unless told so. */
static CURLcode on_tls(CURL *easy, void *context, void *arg)
{
    (void)easy;
    (void)arg;
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    return CURLE_OK;
}

static void set_callbacks(struct byok_curl_call *one)
{
    CURL *easy = one->easy;
    curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_sending);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_tls);
    set_ptr(one, CURLOPT_PREREQDATA, one);
    set_ptr(one, CURLOPT_HEADERDATA, one);
    set_ptr(one, CURLOPT_WRITEDATA, one);
    set_ptr(one, CURLOPT_PRIVATE, one);
    set_ptr(one, CURLOPT_ERRORBUFFER, one->error);
}

/* Where it may go, and what may not lead it elsewhere. */
static void set_way(struct byok_curl_call *one, const struct byok_http_route *route)
{
    const char *proxy = route && route->proxy ? route->proxy : "";
    set_ptr(one, CURLOPT_URL, one->call->request.url.ptr);
    /* No ".." is resolved here.  libcurl 8 signs no path as it is; those that it signs are ours. */
    set_long(one, CURLOPT_PATH_AS_IS, !one->own);
    set_ptr(one, CURLOPT_PROTOCOLS_STR, "http,https");
    set_long(one, CURLOPT_FOLLOWLOCATION, 0);
    set_ptr(one, CURLOPT_PROXY, proxy); /* "" also turns off the environment's */
    set_ptr(one, CURLOPT_NOPROXY, *proxy ? "" : "*");
    set_long(one, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1);
    set_long(one, CURLOPT_NETRC, CURL_NETRC_IGNORED);
    set_long(one, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1); /* HTTP/2 would leave key copies */
    set_long(one, CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2);
    set_long(one, CURLOPT_SSL_VERIFYPEER, 1);
    set_long(one, CURLOPT_SSL_VERIFYHOST, 2);
    if (route && route->ca_file) {
        set_ptr(one, CURLOPT_CAINFO, route->ca_file);
        set_ptr(one, CURLOPT_CAPATH, NULL);
    }
}

static long at_least_1_ms(int64_t us)
{
    return us < 1000 ? 1 : (long)(us / 1000);
}

static void set_limits(struct byok_curl_call *one)
{
    struct byok_http_call *call = one->call;
    set_long(one, CURLOPT_TIMEOUT_MS, at_least_1_ms(call->timeout_us));
    set_long(one, CURLOPT_CONNECTTIMEOUT_MS, at_least_1_ms(call->connect_timeout_us));
    set_large(one, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->answer_max_bytes);
    set_long(one, CURLOPT_BUFFERSIZE, READ_BUFFER_BYTES);
    set_long(one, CURLOPT_UPLOAD_BUFFERSIZE, UPLOAD_BUFFER_BYTES);
    set_long(one, CURLOPT_TCP_KEEPALIVE, 1); /* a long answer's silence must not lose the NAT */
    set_long(one, CURLOPT_NOSIGNAL, 1);
    set_long(one, CURLOPT_QUICK_EXIT, 1); /* or ending a call would wait for its name's look-up */
}

/* As much of the pieces as there is room for; 0 is the end.  Where nothing of a file is there yet it
 * is called again when there is (CURLPAUSE_CONT). */
static size_t on_upload(char *to, size_t size, size_t count, void *arg)
{
    struct byok_curl_call *one = arg;
    const struct byok_http_request *request = &one->call->request;
    size_t room = size * count, len = 0;
    while (len < room && one->piece < request->piece_count) {
        const struct byok_str *piece = &request->pieces[one->piece];
        size_t left = piece->len - one->piece_at, part = left < room - len ? left : room - len;
        if (byok_http_piece_is_file(piece))
            part = byok_upload_take(one->upload, to + len, part);
        else if (part > 0)
            memcpy(to + len, piece->ptr + one->piece_at, part);
        if (part == 0 && left > 0)
            break;
        len += part;
        one->piece_at += part;
        if (one->piece_at == piece->len) {
            one->piece++;
            one->piece_at = 0;
        }
    }
    if (len > 0 || one->piece == request->piece_count)
        return len;
    one->upload_failed = byok_upload_fault(one->upload) != NULL;
    return one->upload_failed ? CURL_READFUNC_ABORT : CURL_READFUNC_PAUSE;
}

/* libcurl goes back to the beginning only, when a connection died before anything was sent. */
static int on_rewind(void *arg, curl_off_t offset, int origin)
{
    struct byok_curl_call *one = arg;
    bool is_read = one->upload && (one->piece > 0 || one->piece_at > 0);
    if (offset != 0 || origin != SEEK_SET || is_read)
        return CURL_SEEKFUNC_CANTSEEK;
    one->piece = one->piece_at = 0;
    return CURL_SEEKFUNC_OK;
}

static void set_body(struct byok_curl_call *one)
{
    const struct byok_http_request *request = &one->call->request;
    set_large(one, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)byok_http_body_bytes(request));
    if (request->piece_count == 0) {
        set_ptr(one, CURLOPT_POSTFIELDS, request->body.ptr ? request->body.ptr : "");
        return;
    }
    curl_easy_setopt(one->easy, CURLOPT_READFUNCTION, on_upload);
    curl_easy_setopt(one->easy, CURLOPT_SEEKFUNCTION, on_rewind);
    set_ptr(one, CURLOPT_READDATA, one);
    set_ptr(one, CURLOPT_SEEKDATA, one);
}

static void set_method(struct byok_curl_call *one)
{
    const struct byok_http_request *request = &one->call->request;
    if (strcmp(request->method, "GET") == 0 && byok_http_body_bytes(request) == 0) {
        set_long(one, CURLOPT_HTTPGET, 1);
        return;
    }
    set_long(one, CURLOPT_POST, 1);
    set_body(one);
    if (strcmp(request->method, "POST") != 0)
        set_ptr(one, CURLOPT_CUSTOMREQUEST, request->method);
}

/* BYOK_E_OK, or what is wrong with the header lines. */
static enum byok_err set_headers(struct byok_curl_call *one, struct byok_fault *fault)
{
    struct byok_http_call *call = one->call;
    bool content_type = false;
    if (call->slot) {
        const char *line = byok_slot_header(call->slot, call->auth_header, call->auth_prefix);
        if (!line)
            return byok_fault_set(fault, BYOK_E_INTERNAL,
                                  "the call's slot holds no key, or the "
                                  "auth header's name is too long");
        add_node(one, line);
    }
    for (size_t i = 0; i < call->request.header_count; i++) {
        const struct byok_http_header *header = &call->request.headers[i];
        /* "name;" is libcurl's way to send a header without a value */
        struct byok_str line =
            byok_arena_printf(call->arena, header->value.len > 0 ? "%.*s: %.*s" : "%.*s;%.*s",
                              BYOK_STR_ARG(header->name), BYOK_STR_ARG(header->value));
        if (!line.ptr)
            return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the request's headers");
        content_type |= byok_str_eq_nocase(header->name, byok_str_of("content-type"));
        add_node(one, line.ptr);
    }
    if (!one->own) { /* libcurl 7.88 would sign the names of headers that it leaves out */
        add_node(one, "Expect:");
        if (!content_type)
            add_node(one, "Content-Type:");
    }
    set_ptr(one, CURLOPT_HTTPHEADER, &one->nodes[0]);
    set_ptr(one, CURLOPT_USERAGENT, "byokd/" BYOK_VERSION);
    return BYOK_E_OK;
}

static void set_signing(struct byok_curl_call *one)
{
    if (!one->own)
        return;
    set_ptr(one, CURLOPT_AWS_SIGV4, one->own->sigv4);
    set_ptr(one, CURLOPT_USERPWD, one->own->credentials);
    set_long(one, CURLOPT_EXPECT_100_TIMEOUT_MS, 1);
}

struct byok_curl_call *byok_curl_call_new(struct byok_http_call *call,
                                          const struct byok_http_route *route,
                                          const struct byok_http_own *own)
{
    struct byok_curl_call *one = byok_new(1, sizeof *one);
    if (one)
        one->easy = curl_easy_init();
    if (!one || !one->easy) {
        byok_curl_call_free(one);
        byok_fault_set(&call->fault, BYOK_E_NOMEM, "no memory for an HTTP call");
        return NULL;
    }
    one->call = call;
    one->own = own;
    byok_buf_init(&one->head, HEAD_BYTES_MAX);
    set_callbacks(one);
    set_way(one, route);
    set_limits(one);
    set_method(one);
    set_signing(one);
    enum byok_err err = set_headers(one, &call->fault);
    if (err == BYOK_E_OK && one->setting_failed != CURLE_OK)
        err = byok_fault_set(&call->fault, BYOK_E_INTERNAL, "libcurl refuses a setting: %s",
                             curl_easy_strerror(one->setting_failed));
    if (err != BYOK_E_OK) {
        byok_curl_call_free(one);
        return NULL;
    }
    return one;
}

void byok_curl_call_free(struct byok_curl_call *one)
{
    if (!one)
        return;
    if (one->easy)
        curl_easy_cleanup(one->easy);
    byok_upload_end(one->upload);
    byok_buf_done(&one->head);
    byok_delete(one);
}

static size_t count_lines(struct byok_str text)
{
    size_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return lines;
}

/* Move the headers into the call's arena. */
static void give_headers(struct byok_curl_call *one)
{
    struct byok_http_call *call = one->call;
    struct byok_str text = byok_arena_copy(call->arena, byok_buf_str(&one->head));
    size_t lines = count_lines(text);
    struct byok_http_header *headers = byok_arena_alloc(call->arena, (lines + 1) * sizeof *headers);
    if (byok_arena_failed(call->arena)) {
        /* not NOMEM, which says that the call can be made again for nothing */
        byok_fault_set(&call->fault, BYOK_E_BAD_ANSWER, "no memory for the answer's headers");
        return;
    }
    for (size_t i = 0; i < lines; i++) {
        size_t end = byok_str_find(text, (struct byok_str)BYOK_STR("\n"));
        struct byok_str line = {text.ptr, end};
        size_t colon = byok_str_find(line, (struct byok_str)BYOK_STR(": "));
        headers[i].name = (struct byok_str){line.ptr, colon};
        headers[i].value = (struct byok_str){line.ptr + colon + 2, line.len - colon - 2};
        text = (struct byok_str){text.ptr + end + 1, text.len - end - 1};
    }
    call->response.headers = headers;
    call->response.header_count = lines;
}

static void scrub_answer(struct byok_curl_call *one)
{
    struct byok_http_call *call = one->call;
    const size_t safe = call->body.len > call->safe_bytes ? call->safe_bytes : call->body.len;
    const struct byok_span texts[] = {
        {call->body.ptr ? call->body.ptr + safe : NULL, call->body.len - safe},
        {one->head.ptr, one->head.len},
        {call->fault.text, strlen(call->fault.text)},
    };
    (void)byok_slot_scrub_all(call->slot, texts, sizeof texts / sizeof texts[0]);
}

static void finish(struct byok_curl_call *one)
{
    struct byok_http_call *call = one->call;
    long status = 0;
    curl_easy_getinfo(one->easy, CURLINFO_RESPONSE_CODE, &status);
    call->sent = one->sent;
    call->upload_failed = one->upload_failed;
    call->fault.http_status = (int)status;
    /* libcurl's buffers go before anything else happens with the answer */
    curl_easy_cleanup(one->easy);
    one->easy = NULL;
    if (call->slot)
        scrub_answer(one);
    if (call->fault.code == BYOK_E_OK)
        give_headers(one);
    if (call->fault.code != BYOK_E_OK)
        byok_buf_done(&call->body);
    call->safe_bytes = call->body.len; /* word of more bytes may be on its way still */
    call->response.status = (int)status;
    call->response.body = byok_buf_str(&call->body);
    call->port = NULL;
    byok_curl_call_free(one);
    /* where a header with an echo of the key went through printf(), for one */
    sodium_stackzero(STACK_BYTES);
}

void byok_curl_call_end(struct byok_curl_call *one, CURLcode code)
{
    byok_curl_fault(one, code, &one->call->fault);
    finish(one);
}

void byok_curl_call_cancelled(struct byok_curl_call *one)
{
    byok_fault_set(&one->call->fault, BYOK_E_TIMEOUT,
                   "the call to %.*s was ended before its answer",
                   BYOK_STR_ARG(byok_curl_origin(one->call->request.url)));
    finish(one);
}
