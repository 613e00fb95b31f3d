/* SPDX-License-Identifier: MIT */
/* adapters/http_message.c - looking up a header. */
#include "adapters/http_message.h"

struct byok_str byok_http_header_of(const struct byok_http_response *response, const char *name)
{
    for (size_t i = 0; i < response->header_count; i++) {
        if (byok_str_eq_nocase(response->headers[i].name, byok_str_of(name)))
            return response->headers[i].value;
    }
    return (struct byok_str){NULL, 0};
}

size_t byok_http_body_bytes(const struct byok_http_request *request)
{
    size_t bytes = request->body.len;
    for (size_t i = 0; i < request->piece_count; i++)
        bytes += request->pieces[i].len;
    return bytes;
}
