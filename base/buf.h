/* SPDX-License-Identifier: MIT */
/* base/buf.h - the one growing buffer; it always has a cap.
 *
 * Failure is sticky as in the arena: append freely, ask byok_buf_failed() once.  The bytes are
 * wiped when the buffer grows or is released, because an answer may echo a key.
 */
#ifndef BYOK_BASE_BUF_H
#define BYOK_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct byok_buf {
    char *ptr; /* NULL while empty */
    size_t len;
    size_t room; /* bytes allocated */
    size_t cap_bytes;
    bool failed;   /* no memory, or the cap was passed */
    bool overflow; /* it was the cap */
};

/** An empty buffer that will hold at most `cap_bytes`; takes no memory yet. */
void byok_buf_init(struct byok_buf *buf, size_t cap_bytes) BYOK_NONNULL(1);

/** Wipe and release; the buffer may be used again after byok_buf_init. A zeroed one is fine. */
void byok_buf_done(struct byok_buf *buf) BYOK_NONNULL(1);

/** Forget the contents (wiped) but keep the memory and clear the failure. */
void byok_buf_clear(struct byok_buf *buf) BYOK_NONNULL(1);

/** Append; false when it failed now or before (then nothing of this call was appended). */
bool byok_buf_add(struct byok_buf *buf, const void *bytes, size_t len) BYOK_NONNULL(1);

/** Append a formatted text. */
bool byok_buf_printf(struct byok_buf *buf, const char *format, ...) BYOK_NONNULL(1)
    BYOK_PRINTF(2, 3);

/** Move the contents out; `buf` is left empty, with the same cap. */
struct byok_buf byok_buf_take(struct byok_buf *buf) BYOK_NONNULL(1);

static inline bool byok_buf_add_str(struct byok_buf *buf, struct byok_str text)
{
    return byok_buf_add(buf, text.ptr, text.len);
}

static inline struct byok_str byok_buf_str(const struct byok_buf *buf)
{
    return (struct byok_str){buf->ptr, buf->len};
}

static inline bool byok_buf_failed(const struct byok_buf *buf)
{
    return buf->failed;
}

#endif
