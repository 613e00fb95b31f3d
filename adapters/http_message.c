/* SPDX-License-Identifier: MIT */
/* adapters/http_message.c - looking at requests and answers. */
#include "adapters/http_message.h"

/* "." as it may be written in a path; how many bytes, 0: another character. */
static size_t dot_at(struct byok_str text, size_t at)
{
    if (at < text.len && text.ptr[at] == '.')
        return 1;
    const bool coded = at + 2 < text.len && text.ptr[at] == '%' && text.ptr[at + 1] == '2' &&
                       (text.ptr[at + 2] | 0x20) == 'e';
    return coded ? 3 : 0;
}

static bool ends_segment(struct byok_str url, size_t at)
{
    return at >= url.len || url.ptr[at] == '/' || url.ptr[at] == '?' || url.ptr[at] == '#';
}

bool byok_http_path_climbs(struct byok_str url)
{
    for (size_t i = 0; i < url.len && url.ptr[i] != '?' && url.ptr[i] != '#'; i++) {
        size_t first, second, at = i + 1;
        if (url.ptr[i] != '/' || (first = dot_at(url, at)) == 0)
            continue;
        at += first;
        second = dot_at(url, at);
        if (ends_segment(url, at) || (second > 0 && ends_segment(url, at + second)))
            return true;
    }
    return false;
}

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
