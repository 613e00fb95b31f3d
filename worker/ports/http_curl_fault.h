/* SPDX-License-Identifier: MIT */
/* worker/ports/http_curl_fault.h - what a failure of libcurl means; private to the port. */
#ifndef BYOK_WORKER_PORTS_HTTP_CURL_FAULT_H
#define BYOK_WORKER_PORTS_HTTP_CURL_FAULT_H

#include "worker/ports/http_curl_call.h"

/** Translate libcurl's outcome of a call.  Before the request was begun to be sent every failure
 *  is UNREACHABLE; after it, TIMEOUT, CUT_OFF, TOO_LARGE or BAD_ANSWER (no HTTP at all). */
void byok_curl_fault(const struct byok_curl_call *one, CURLcode code, struct byok_fault *out)
    BYOK_NONNULL(1, 3);

/** The scheme://host[:port] of a URL. */
struct byok_str byok_curl_origin(struct byok_str url);

#endif
