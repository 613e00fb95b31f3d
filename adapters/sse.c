/* SPDX-License-Identifier: MIT */
/* adapters/sse.c - see adapters/sse.h. */
#include "adapters/sse.h"

#include <stdint.h>

void byok_sse_init(struct byok_sse *sse, size_t event_max_bytes)
{
    *sse = (struct byok_sse){.has_data = false};
    byok_buf_init(&sse->line, event_max_bytes);
    byok_buf_init(&sse->name, event_max_bytes);
    byok_buf_init(&sse->data, event_max_bytes);
}

void byok_sse_done(struct byok_sse *sse)
{
    byok_buf_done(&sse->line);
    byok_buf_done(&sse->name);
    byok_buf_done(&sse->data);
}

static void begin_event(struct byok_sse *sse)
{
    byok_buf_clear(&sse->name);
    byok_buf_clear(&sse->data);
    sse->has_data = false;
    sse->given = false;
}

static void take_field(struct byok_sse *sse, struct byok_str line)
{
    const size_t colon = byok_str_find(line, (struct byok_str)BYOK_STR(":"));
    struct byok_str name = {line.ptr, colon == SIZE_MAX ? line.len : colon};
    struct byok_str value = {NULL, 0};
    if (colon != SIZE_MAX)
        value = (struct byok_str){line.ptr + colon + 1, line.len - colon - 1};
    if (value.len > 0 && value.ptr[0] == ' ')
        value = (struct byok_str){value.ptr + 1, value.len - 1};
    if (byok_str_is(name, "data")) {
        if (sse->has_data)
            byok_buf_add(&sse->data, "\n", 1);
        byok_buf_add_str(&sse->data, value);
        sse->has_data = true;
    } else if (byok_str_is(name, "event")) {
        byok_buf_clear(&sse->name);
        byok_buf_add_str(&sse->name, value);
    }
}

/* A whole line, without its end.  True: it was the empty one that ends an event with data. */
static bool take_line(struct byok_sse *sse)
{
    struct byok_str line = byok_buf_str(&sse->line);
    if (!sse->after_head && byok_str_starts(line, (struct byok_str)BYOK_STR("\xef\xbb\xbf")))
        line = (struct byok_str){line.ptr + 3, line.len - 3};
    sse->after_head = true;
    const bool ends = line.len == 0;
    if (ends && !sse->has_data)
        begin_event(sse); /* only a name: no event */
    else if (!ends)
        take_field(sse, line);
    byok_buf_clear(&sse->line);
    return ends && sse->has_data;
}

static void give(struct byok_sse *sse, struct byok_sse_event *out)
{
    out->name = byok_buf_str(&sse->name);
    out->data = byok_buf_str(&sse->data);
    sse->given = true;
}

static size_t find_line_end(struct byok_str bytes)
{
    size_t i = 0;
    while (i < bytes.len && bytes.ptr[i] != '\n' && bytes.ptr[i] != '\r')
        i++;
    return i;
}

static void skip(struct byok_str *bytes, size_t len)
{
    bytes->ptr += len;
    bytes->len -= len;
}

bool byok_sse_next(struct byok_sse *sse, struct byok_str *bytes, struct byok_sse_event *out)
{
    bool overflow;
    if (sse->given)
        begin_event(sse);
    while (bytes->len > 0 && !byok_sse_failed(sse, &overflow)) {
        if (sse->after_cr && bytes->ptr[0] == '\n') {
            sse->after_cr = false;
            skip(bytes, 1);
            continue;
        }
        const size_t end = find_line_end(*bytes);
        byok_buf_add(&sse->line, bytes->ptr, end);
        sse->after_cr = end < bytes->len && bytes->ptr[end] == '\r';
        const bool whole = end < bytes->len;
        skip(bytes, whole ? end + 1 : end);
        if (byok_buf_failed(&sse->line)) /* taking the line would clear that */
            return false;
        if (!whole || !take_line(sse) || byok_sse_failed(sse, &overflow))
            continue;
        give(sse, out);
        return true;
    }
    return false;
}

bool byok_sse_end(struct byok_sse *sse, struct byok_sse_event *out)
{
    bool overflow;
    if (sse->given)
        begin_event(sse);
    if (byok_sse_failed(sse, &overflow))
        return false;
    if (sse->line.len > 0)
        (void)take_line(sse);
    if (!sse->has_data || byok_sse_failed(sse, &overflow))
        return false;
    give(sse, out);
    return true;
}

bool byok_sse_failed(const struct byok_sse *sse, bool *overflow)
{
    *overflow = sse->line.overflow || sse->name.overflow || sse->data.overflow;
    return byok_buf_failed(&sse->line) || byok_buf_failed(&sse->name) ||
           byok_buf_failed(&sse->data);
}
