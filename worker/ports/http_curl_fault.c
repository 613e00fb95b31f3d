/* SPDX-License-Identifier: MIT */
/* worker/ports/http_curl_fault.c - libcurl's codes to byokd's, with a text for people. */
#include "worker/ports/http_curl_fault.h"

struct byok_str byok_curl_origin(struct byok_str url)
{
    size_t scheme = byok_str_find(url, (struct byok_str)BYOK_STR("://"));
    size_t end = scheme == SIZE_MAX ? 0 : scheme + 3;
    while (end < url.len && url.ptr[end] != '/' && url.ptr[end] != '?' && url.ptr[end] != '#')
        end++;
    return (struct byok_str){url.ptr, end};
}

/* Nothing was sent. */
static void fault_before(const struct byok_curl_call *one, CURLcode code, const char *reason,
                         struct byok_fault *out)
{
    struct byok_str to = byok_curl_origin(one->call->request.url);
    switch (code) {
    case CURLE_OUT_OF_MEMORY:
        byok_fault_set(out, BYOK_E_NOMEM, "no memory for a call to %.*s", BYOK_STR_ARG(to));
        return;
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
        byok_fault_set(out, BYOK_E_CONFIG, "%.*s is not an address that can be called: %s",
                       BYOK_STR_ARG(to), reason);
        return;
    case CURLE_SSL_CACERT_BADFILE:
        byok_fault_set(out, BYOK_E_UNREACHABLE,
                       "cannot check the certificate of %.*s: %s; see the provider's ca_file",
                       BYOK_STR_ARG(to), reason);
        return;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        byok_fault_set(out, BYOK_E_UNREACHABLE, "%.*s shows a certificate that is not trusted: %s",
                       BYOK_STR_ARG(to), reason);
        return;
    case CURLE_SSL_CONNECT_ERROR:
        byok_fault_set(out, BYOK_E_UNREACHABLE, "no TLS with %.*s: %s", BYOK_STR_ARG(to), reason);
        return;
    default:
        byok_fault_set(out, BYOK_E_UNREACHABLE, "cannot reach %.*s: %s", BYOK_STR_ARG(to), reason);
        return;
    }
}

/* The request was sent, or begun to be. */
static void fault_after(const struct byok_curl_call *one, CURLcode code, const char *reason,
                        struct byok_fault *out)
{
    const struct byok_http_call *call = one->call;
    struct byok_str to = byok_curl_origin(call->request.url);
    switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
        byok_fault_set(out, BYOK_E_TIMEOUT, "no whole answer from %.*s within %lld ms",
                       BYOK_STR_ARG(to), (long long)(call->timeout_us / 1000));
        return;
    case CURLE_FILESIZE_EXCEEDED:
        byok_fault_set(out, BYOK_E_TOO_LARGE, "the answer of %.*s is larger than %zu bytes",
                       BYOK_STR_ARG(to), call->answer_max_bytes);
        return;
    case CURLE_WRITE_ERROR:
        if (call->body.overflow)
            byok_fault_set(out, BYOK_E_TOO_LARGE, "the answer of %.*s is larger than %zu bytes",
                           BYOK_STR_ARG(to), call->answer_max_bytes);
        else
            /* not NOMEM, which says that the call can be made again for nothing */
            byok_fault_set(out, BYOK_E_BAD_ANSWER, "no memory for the answer of %.*s",
                           BYOK_STR_ARG(to));
        return;
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL: /* libcurl's word for an answer without a status line */
        byok_fault_set(out, BYOK_E_BAD_ANSWER, "what %.*s answered is not HTTP: %s",
                       BYOK_STR_ARG(to), reason);
        return;
    default:
        byok_fault_set(out, BYOK_E_CUT_OFF, "the connection to %.*s broke after the request: %s",
                       BYOK_STR_ARG(to), reason);
        return;
    }
}

/* Half of a body is no whole request, but who is to say what was made of it: as any connection that
 * breaks.  A payload that is something else will be so again. */
static void fault_upload(const struct byok_curl_call *one, struct byok_fault *out)
{
    struct byok_str to = byok_curl_origin(one->call->request.url);
    const struct byok_fault *why = byok_upload_fault(one->upload);
    byok_fault_set(out, why->code == BYOK_E_BAD_REQUEST ? BYOK_E_BAD_REQUEST : BYOK_E_CUT_OFF,
                   "the call to %.*s was broken off: %s", BYOK_STR_ARG(to), why->text);
}

void byok_curl_fault(const struct byok_curl_call *one, CURLcode code, struct byok_fault *out)
{
    const char *reason = one->error[0] ? one->error : curl_easy_strerror(code);
    *out = (struct byok_fault){.code = BYOK_E_OK, .retry_after_ms = -1};
    if (code == CURLE_OK)
        return;
    if (one->upload_failed)
        fault_upload(one, out);
    else if (!one->sent)
        fault_before(one, code, reason, out);
    else if (one->again)
        fault_after(one, CURLE_GOT_NOTHING, "closed without an answer", out);
    else
        fault_after(one, code, reason, out);
}
