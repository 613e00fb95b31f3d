/* SPDX-License-Identifier: MIT */
/* client/transfer.c - see client/transfer.h. */
#include "client/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#define CONNECT_S 10L
#define SLOW_BYTES 1L /* a second, for so many seconds: it does not go on */
#define SLOW_S 30L
#define HEADER_BYTES 256

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
    return byok_buf_add(arg, bytes, size * count) ? size * count : 0;
}

static struct curl_slist *headers_of(const struct byok_payload_request *request)
{
    struct curl_slist *list = NULL;
    for (size_t i = 0; i < request->header_count; i++) {
        char line[HEADER_BYTES];
        snprintf(line, sizeof line, "%s: %.*s", request->headers[i].name,
                 BYOK_STR_ARG(request->headers[i].value));
        struct curl_slist *longer = curl_slist_append(list, line);
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static bool set_way(CURL *curl, const struct byok_payload_request *request)
{
    const char *authorities = getenv("BYOK_PAYLOADS_CA");
    bool ok = curl_easy_setopt(curl, CURLOPT_URL, request->url.ptr) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, request->sigv4) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_USERPWD, request->credentials) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_EXPECT_100_TIMEOUT_MS, 1L) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_S) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, SLOW_BYTES) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, SLOW_S) == CURLE_OK;
    if (ok && authorities && *authorities)
        ok = curl_easy_setopt(curl, CURLOPT_CAINFO, authorities) == CURLE_OK;
    return ok;
}

static bool set_content(CURL *curl, const struct byok_payload_request *request,
                        struct byok_str content, struct byok_buf *out)
{
    bool ok = curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take) == CURLE_OK &&
              curl_easy_setopt(curl, CURLOPT_WRITEDATA, out) == CURLE_OK;
    if (!ok || strcmp(request->method, "GET") == 0)
        return ok;
    return curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)content.len) ==
               CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_POSTFIELDS, content.ptr) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

static enum byok_err perform(CURL *curl, const struct byok_buf *out, struct byok_fault *fault)
{
    long status = 0;
    CURLcode code = curl_easy_perform(curl);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299) /* what it says is no content; it may be long */
        return status > 0 ? byok_payload_status((int)status, fault)
                          : byok_fault_set(fault, BYOK_E_STORE, "the payload store: %s",
                                           curl_easy_strerror(code));
    if (code == CURLE_OK)
        return BYOK_E_OK;
    if (out->overflow)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "the payload in the store is larger than its reference says");
    return byok_fault_set(fault, BYOK_E_STORE, "the payload store: %s", curl_easy_strerror(code));
}

enum byok_err byok_transfer(const struct byok_payload_request *request, struct byok_str content,
                            struct byok_buf *out, struct byok_fault *fault)
{
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl ? headers_of(request) : NULL;
    enum byok_err err;
    if (!headers || curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers) != CURLE_OK ||
        !set_way(curl, request) || !set_content(curl, request, content, out))
        err = byok_fault_set(fault, BYOK_E_NOMEM, "no memory to call the payload store");
    else
        err = perform(curl, out, fault);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return err;
}
