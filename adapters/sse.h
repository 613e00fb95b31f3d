/* SPDX-License-Identifier: MIT */
/* adapters/sse.h - server-sent events out of bytes that come in any pieces.
 *
 * Pure; one thread at a time.  Lines may end in LF, CR or CR LF, a byte order mark is passed over,
 * comments and unknown fields are skipped, data of several lines is joined by LF.
 * Source: WHATWG HTML, 9.2.6 "Interpreting an event stream".  Other than there, an event that the
 * end of the bytes finishes is given (byok_sse_end): some services leave out the last empty line.
 */
#ifndef BYOK_ADAPTERS_SSE_H
#define BYOK_ADAPTERS_SSE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

struct byok_sse {
    struct byok_buf line, name, data;
    bool has_data;   /* the event has a data field, which may be empty */
    bool after_cr;   /* a LF that comes now belongs to the CR before it */
    bool after_head; /* the first line is read: no byte order mark can come any more */
    bool given;      /* the last event is still in the buffers */
};

struct byok_sse_event {
    struct byok_str name; /* empty: "message" */
    struct byok_str data;
};

/** An empty reader; an event (and a line) may have at most `event_max_bytes`. */
void byok_sse_init(struct byok_sse *sse, size_t event_max_bytes) BYOK_NONNULL(1);

/** Release. A zeroed one is fine. */
void byok_sse_done(struct byok_sse *sse) BYOK_NONNULL(1);

/** Read on in `bytes`, which is advanced, up to the next event.  True: there is one; it borrows
 *  from the reader until the next call.  False: all bytes are read, or byok_sse_failed(). */
bool byok_sse_next(struct byok_sse *sse, struct byok_str *bytes, struct byok_sse_event *out)
    BYOK_NONNULL(1, 2, 3);

/** No more bytes come.  True: they end within an event, which is given as far as it came. */
bool byok_sse_end(struct byok_sse *sse, struct byok_sse_event *out) BYOK_NONNULL(1, 2);

/** No memory, or an event larger than the cap (`*overflow`). Sticky: nothing more is read. */
bool byok_sse_failed(const struct byok_sse *sse, bool *overflow) BYOK_NONNULL(1, 2);

#endif
