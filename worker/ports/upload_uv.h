/* SPDX-License-Identifier: MIT */
/* worker/ports/upload_uv.h - a payload that is read from its store while a call sends it.
 *
 * libuv's pool reads the next piece while the one before it is sent; a piece of the end is given only when
 * the whole is what its reference says (payloads/reader.h).  Thread: the shard's.
 */
#ifndef BYOK_WORKER_PORTS_UPLOAD_UV_H
#define BYOK_WORKER_PORTS_UPLOAD_UV_H

#include <stdbool.h>

#include <uv.h>

#include "payloads/store.h"

struct byok_upload;

/** Begin to read.  `more` is told on the loop, and never before this returns, when the first piece is there
 *  or the reading has failed, and then once after each byok_upload_take() that gave nothing.  `store`
 *  is borrowed until the loop has ended.  NULL: no memory. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
struct byok_upload *byok_upload_begin(uv_loop_t *loop, struct byok_payload_store *store,
                                      const struct byok_payload_ref *ref, void (*more)(void *arg),
                                      void *arg);

/** Copy what is there, up to `room` bytes; 0: nothing yet, or it has failed, or this was all. */
size_t byok_upload_take(struct byok_upload *upload, char *to, size_t room) BYOK_NONNULL(1, 2);

/** NULL, or why it cannot be read on; as of byok_payload_reader_next.  Borrowed. */
const struct byok_fault *byok_upload_fault(const struct byok_upload *upload) BYOK_NONNULL(1);

/** End it, in the midst of it too: `more` is not told any more, and what a thread of the pool is
 *  about to do ends by itself.  NULL is fine. */
void byok_upload_end(struct byok_upload *upload);

#endif
