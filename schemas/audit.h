/* SPDX-License-Identifier: MIT */
/* schemas/audit.h - one record of the audit topic, its place in the chain, and the chain's head.
 *
 * Wire form: schemas/audit.schema.json, always JSON.  The records of a partition are a chain: each
 * has the next number and, in `prev`, the SHA-256 of the value of the one before it, byte by byte
 * as it stands in the topic (64 zeros before the first).  So none can be changed, left out, put in
 * or moved without a break at the next one; what a chain cannot show is that its end is missing.
 * The head is kept in the state, in the transaction of the records that it follows.
 */
#ifndef BYOK_SCHEMAS_AUDIT_H
#define BYOK_SCHEMAS_AUDIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define BYOK_AUDIT_HASH_BYTES 32

/* The end of a partition's chain; all zeros: no record yet. */
struct byok_audit_head {
    uint64_t number; /* of the last record; they count from 1 */
    uint8_t hash[BYOK_AUDIT_HASH_BYTES];
};

/* What is noted; never a key.  Texts may be empty when they do not apply. */
struct byok_audit_record {
    uint64_t number;
    uint8_t prev[BYOK_AUDIT_HASH_BYTES];
    int64_t at_wall_ms;
    struct byok_str event; /* "key.register", "key.rotate", "key.delete", "key.check", "key.use",
                              "key.invalid", "key.rewrap" */
    struct byok_str user, provider, label, fingerprint;
    struct byok_str request_id, signer;
    struct byok_str code; /* "ok", or why it did not come about */
    int64_t calls;        /* of key.use and checks: how often the key left for the provider */
};

/** The record that follows `head`, in the arena as JSON; the head moves on to it.  `number` and
 *  `prev` of `record` are not read.  BYOK_E_NOMEM: the head is where it was. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4)
enum byok_err byok_audit_append(struct byok_audit_head *head,
                                const struct byok_audit_record *record, struct byok_arena *arena,
                                struct byok_str *out);

/** Read a record; texts are in the arena.  BYOK_E_BAD_MESSAGE: it is none. */
BYOK_MUST_USE BYOK_NONNULL(2, 3)
enum byok_err byok_audit_decode(struct byok_str bytes, struct byok_arena *arena,
                                struct byok_audit_record *out);

/** Whether the record, whose bytes these are, follows `head`; the head moves on to it, also when it
 *  does not, so that one break is told once. */
bool byok_audit_follows(struct byok_audit_head *head, const struct byok_audit_record *record,
                        struct byok_str bytes) BYOK_NONNULL(1, 2) BYOK_MUST_USE;

/** The head as it stands in the state, and back. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_audit_head_encode(const struct byok_audit_head *head, struct byok_buf *out);
BYOK_MUST_USE BYOK_NONNULL(2)
enum byok_err byok_audit_head_decode(struct byok_str bytes, struct byok_audit_head *out);

/** The key of a partition's head in the state table; static. */
struct byok_str byok_audit_key(void);

#endif
