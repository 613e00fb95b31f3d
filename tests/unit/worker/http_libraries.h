/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/http_libraries.h - libcurl and OpenSSL, ready before main(), because Criterion's own
 * libraries use OpenSSL, whose memory must be ours first. */
#ifndef BYOK_TESTS_UNIT_WORKER_HTTP_LIBRARIES_H
#define BYOK_TESTS_UNIT_WORKER_HTTP_LIBRARIES_H

#include <stdio.h>

#include "worker/ports/http_curl.h"

__attribute__((constructor)) static void prepare_libraries(void)
{
    struct byok_fault fault = {0};
    if (byok_http_curl_global(&fault) != BYOK_E_OK)
        fprintf(stderr, "%s\n", fault.text);
}

#endif
