/* SPDX-License-Identifier: MIT */
/* demo/sim_form.c - see demo/sim_form.h. */
#include "demo/sim_form.h"

/* What stands between quotes behind `key`. */
static bool read_attribute(struct byok_str head, const char *key, struct byok_str *out)
{
    size_t at = byok_str_find(head, byok_str_of(key));
    if (at == SIZE_MAX)
        return false;
    struct byok_str rest = {head.ptr + at + strlen(key), head.len - at - strlen(key)};
    size_t end = byok_str_find(rest, SIM_STR("\""));
    *out = (struct byok_str){rest.ptr, end == SIZE_MAX ? 0 : end};
    return end != SIZE_MAX;
}

/* The next part of a form (RFC 2046, 5.1.1), which `text` begins with and loses. */
static bool next_part(struct byok_str *text, struct byok_str delimiter, struct sim_part *out)
{
    BYOK_AUTO(byok_buf) line = {.cap_bytes = 256};
    if (!byok_str_starts(*text, delimiter) || text->len < delimiter.len + 2 ||
        text->ptr[delimiter.len] != '\r')
        return false;
    struct byok_str rest = {text->ptr + delimiter.len + 2, text->len - delimiter.len - 2};
    size_t head_len = byok_str_find(rest, SIM_STR("\r\n\r\n"));
    if (head_len == SIZE_MAX)
        return false;
    struct byok_str head = {rest.ptr, head_len};
    rest = (struct byok_str){rest.ptr + head_len + 4, rest.len - head_len - 4};
    byok_buf_add(&line, "\r\n", 2);
    byok_buf_add_str(&line, delimiter);
    size_t len = byok_str_find(rest, byok_buf_str(&line));
    if (len == SIZE_MAX || line.failed)
        return false;
    *out = (struct sim_part){.body = {rest.ptr, len}};
    (void)read_attribute(head, "; filename=\"", &out->file_name);
    *text = (struct byok_str){rest.ptr + len + 2, rest.len - len - 2};
    return read_attribute(head, "; name=\"", &out->name);
}

/* The line that parts the parts: the body begins with it. */
static struct byok_str delimiter_of(struct byok_str body)
{
    size_t len = byok_str_find(body, SIM_STR("\r\n"));
    return (struct byok_str){body.ptr,
                             byok_str_starts(body, SIM_STR("--")) && len != SIZE_MAX ? len : 0};
}

bool sim_form_read(struct byok_str body, sim_form_take *take, struct sim_request *request)
{
    struct byok_str delimiter = delimiter_of(body);
    struct sim_part part;
    while (delimiter.len > 0 && next_part(&body, delimiter, &part))
        take(request, &part);
    return delimiter.len > 0 && byok_str_starts(body, delimiter) && body.len >= delimiter.len + 2 &&
           body.ptr[delimiter.len] == '-';
}
