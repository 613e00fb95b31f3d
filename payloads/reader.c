/* SPDX-License-Identifier: MIT */
/* payloads/reader.c - see payloads/reader.h. */
#include "payloads/reader.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

#define READ_BYTES ((size_t)256 * 1024)

enum byok_err byok_payload_reader_open(struct byok_payload_reader *reader,
                                       struct byok_payload_store *store,
                                       const struct byok_payload_ref *ref, struct byok_fault *fault)
{
    *reader = (struct byok_payload_reader){.ref = *ref, .fd = -1};
    reader->ref.type = (struct byok_str){NULL, 0}; /* borrowed from whoever may be gone by then */
    crypto_hash_sha256_init(&reader->hash);
    return store->ops->open_object(store, ref, &reader->fd, fault);
}

static enum byok_err check_whole(struct byok_payload_reader *reader, struct byok_fault *fault)
{
    uint8_t found[BYOK_PAYLOAD_HASH_BYTES];
    crypto_hash_sha256_final(&reader->hash, found);
    return memcmp(found, reader->ref.hash, sizeof found) == 0 ? BYOK_E_OK
                                                              : byok_payload_differs(fault);
}

enum byok_err byok_payload_reader_next(struct byok_payload_reader *reader, char *to, size_t room,
                                       size_t *len, struct byok_fault *fault)
{
    const uint64_t left = reader->ref.size - reader->at;
    const size_t wanted = left < room ? (size_t)left : room;
    size_t have = 0;
    while (have < wanted) {
        ssize_t got = read(reader->fd, to + have, wanted - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return byok_fault_set(fault, BYOK_E_STORE,
                                  "the payload folder: a payload cannot be read: %s",
                                  strerror(errno));
        if (got == 0)
            return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                                  "the payload in the store ends after %llu bytes, its reference "
                                  "says %llu",
                                  (unsigned long long)(reader->at + have),
                                  (unsigned long long)reader->ref.size);
        have += (size_t)got;
    }
    crypto_hash_sha256_update(&reader->hash, (const unsigned char *)to, have);
    reader->at += have;
    *len = have;
    return byok_payload_reader_ended(reader) ? check_whole(reader, fault) : BYOK_E_OK;
}

enum byok_err byok_payload_reader_keep(struct byok_payload_reader *reader, uint64_t most,
                                       size_t keep, struct byok_buf *out, struct byok_fault *fault)
{
    char *chunk = byok_new(1, READ_BYTES);
    bool kept = chunk != NULL;
    enum byok_err err = BYOK_E_OK;
    for (uint64_t sum = 0;
         kept && err == BYOK_E_OK && sum < most && !byok_payload_reader_ended(reader);) {
        size_t len = 0;
        err = byok_payload_reader_next(reader, chunk, READ_BYTES, &len, fault);
        sum += len;
        if (err != BYOK_E_OK || out->len >= keep)
            continue;
        kept = byok_buf_add(out, chunk, len < keep - out->len ? len : keep - out->len);
    }
    byok_delete(chunk);
    return kept ? err : byok_fault_set(fault, BYOK_E_NOMEM, "no memory for a payload");
}

void byok_payload_reader_done(struct byok_payload_reader *reader)
{
    if (reader->fd >= 0)
        close(reader->fd);
    reader->fd = -1;
}
