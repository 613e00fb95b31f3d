/* SPDX-License-Identifier: MIT */
/* adapters/http_message.h - an HTTP request to send and the answer that came, as plain data.
 *
 * Borrow everything from the job's arena.  The Authorization header is never here: the HTTP port
 * adds it from the leased slot.
 */
#ifndef BYOK_ADAPTERS_HTTP_MESSAGE_H
#define BYOK_ADAPTERS_HTTP_MESSAGE_H

#include "base/str.h"

#define BYOK_HTTP_HEADERS_MAX 12

struct byok_http_header {
    struct byok_str name, value;
};

struct byok_http_request {
    const char *method;  /* "GET", "POST"; static */
    struct byok_str url; /* absolute, NUL-terminated */
    struct byok_http_header headers[BYOK_HTTP_HEADERS_MAX];
    size_t header_count;
    struct byok_str body; /* empty: none, or it is in pieces */
    const struct byok_str *pieces; /* sent one after the other, so that large ones are not copied */
    size_t piece_count;
};

/** Whether a piece is a length only: its bytes are the job's file, which is read while it is sent. */
static inline bool byok_http_piece_is_file(const struct byok_str *piece)
{
    return !piece->ptr && piece->len > 0;
}

/** Whether a segment of the URL's path is "." or ".." (percent-encoded too): a client or a server
 *  would resolve it, so that what stands behind it is called on another path. */
bool byok_http_path_climbs(struct byok_str url);

/** How long the body is, in one or in pieces. */
size_t byok_http_body_bytes(const struct byok_http_request *request) BYOK_NONNULL(1);

struct byok_http_response {
    int status;
    const struct byok_http_header *headers; /* names in lower case */
    size_t header_count;
    struct byok_str body;
};

/** The value of a header (name in lower case), or the empty slice. */
struct byok_str byok_http_header_of(const struct byok_http_response *response, const char *name);

#endif
