/* SPDX-License-Identifier: MIT */
/* base/buf.c - see base/buf.h. */
#define _GNU_SOURCE /* explicit_bzero */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define SMALLEST_ROOM ((size_t)256)

void byok_buf_init(struct byok_buf *buf, size_t cap_bytes)
{
    *buf = (struct byok_buf){.cap_bytes = cap_bytes};
}

void byok_buf_done(struct byok_buf *buf)
{
    byok_delete(buf->ptr);
    byok_buf_init(buf, buf->cap_bytes);
}

void byok_buf_clear(struct byok_buf *buf)
{
    if (buf->ptr)
        explicit_bzero(buf->ptr, buf->len);
    buf->len = 0;
    buf->failed = false;
    buf->overflow = false;
}

static bool reserve(struct byok_buf *buf, size_t more)
{
    if (buf->failed)
        return false;
    if (more > buf->cap_bytes - buf->len) {
        buf->failed = buf->overflow = true;
        return false;
    }
    if (buf->room - buf->len >= more)
        return true;
    size_t room = buf->room < SMALLEST_ROOM ? SMALLEST_ROOM : buf->room * 2;
    while (room - buf->len < more)
        room *= 2;
    if (room > buf->cap_bytes)
        room = buf->cap_bytes;
    char *ptr = byok_renew(buf->ptr, room, 1);
    if (!ptr) {
        buf->failed = true;
        return false;
    }
    buf->ptr = ptr;
    buf->room = room;
    return true;
}

bool byok_buf_add(struct byok_buf *buf, const void *bytes, size_t len)
{
    if (!reserve(buf, len))
        return false;
    if (len > 0) {
        memcpy(buf->ptr + buf->len, bytes, len);
        buf->len += len;
    }
    return true;
}

bool byok_buf_printf(struct byok_buf *buf, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    /* vsnprintf writes a NUL behind the text; it is reserved but not counted */
    bool ok = len >= 0 && reserve(buf, (size_t)len + 1);
    if (ok) {
        vsnprintf(buf->ptr + buf->len, (size_t)len + 1, format, again);
        buf->len += (size_t)len;
    }
    va_end(again);
    return ok;
}

struct byok_buf byok_buf_take(struct byok_buf *buf)
{
    struct byok_buf out = *buf;
    byok_buf_init(buf, out.cap_bytes);
    return out;
}
