/* SPDX-License-Identifier: MIT */
/* payloads/reader.h - an object of a store in files, read from its beginning on and hashed on the way.
 *
 * What completes it is given only when size and hash of the whole are those of the reference.  So who
 * passes on what he reads, passes on the whole of it or never the end.  Blocks: for the threads of a
 * pool; one thread at a time for each reader.
 */
#ifndef BYOK_PAYLOADS_READER_H
#define BYOK_PAYLOADS_READER_H

#include <sodium.h>

#include "payloads/store.h"

struct byok_payload_reader {
    struct byok_payload_ref ref; /* a copy, without its type */
    crypto_hash_sha256_state hash;
    uint64_t at; /* bytes read */
    int fd; /* -1: not open */
};

/** Open the object in a store that has `open_object`.  BYOK_E_STORE: a passing failure.
 *  BYOK_E_BAD_REQUEST: it is not there, or not of that size.  The end, whatever comes of it:
 *  byok_payload_reader_done. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err
byok_payload_reader_open(struct byok_payload_reader *reader, struct byok_payload_store *store,
                         const struct byok_payload_ref *ref, struct byok_fault *fault);

/** Whether all of it was read, and is what the reference says. */
static inline bool byok_payload_reader_ended(const struct byok_payload_reader *reader)
{
    return reader->at == reader->ref.size;
}

/** Read on, as much as there is room for (> 0), or up to its end; not after that.
 *
 * BYOK_E_BAD_REQUEST  it ends before its size, or this would be the end of something else
 * BYOK_E_STORE        a passing failure of the disk
 * After an error what is in `to` is not to be used, and the reader is good for nothing more.
 */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4)
enum byok_err byok_payload_reader_next(struct byok_payload_reader *reader, char *to, size_t room,
                                       size_t *len, struct byok_fault *fault);

/** Read on by about `most` bytes, or to the end, and append them to `out` as long as that holds fewer
 *  than `keep`.  As byok_payload_reader_next, and BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 4)
enum byok_err byok_payload_reader_keep(struct byok_payload_reader *reader, uint64_t most,
                                       size_t keep, struct byok_buf *out, struct byok_fault *fault);

/** Close it.  One that is zeroed but for `fd` -1, or was never opened with success, is fine. */
void byok_payload_reader_done(struct byok_payload_reader *reader) BYOK_NONNULL(1);

#endif
