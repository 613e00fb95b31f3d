/* SPDX-License-Identifier: MIT */
/* payloads/store.h - a store of payloads: one file, one table of functions, one line in stores.def.
 *
 * A store is one of two kinds.  In files: it does the work itself and may block, so it is called on
 * threads of a pool.  Behind HTTP: it says what is to be sent, and who has a client sends it.
 * What was put is durable when the answer is there; putting the same again is harmless.  What was
 * got by HTTP is to be checked by byok_payload_verify().  An open store has no state that changes: any thread.
 */
#ifndef BYOK_PAYLOADS_STORE_H
#define BYOK_PAYLOADS_STORE_H

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "schemas/payload.h"

/* Texts are borrowed for the life of the store; NULL or "": not given. */
struct byok_payload_options {
    const char *store; /* a name of stores.def */
    const char *folder; /* folder: its path */
    const char *endpoint; /* s3: http(s)://host[:port] */
    const char *bucket, *region;
    const char *credentials; /* s3: "access key id:secret access key"; never copied */
};

struct byok_payload_store;

#define BYOK_PAYLOAD_HEADERS_MAX 2

/* What a store behind HTTP wants sent. */
struct byok_payload_request {
    const char *method; /* "PUT", "GET"; static */
    struct byok_str url; /* NUL-terminated; in the arena */
    struct {
        const char *name;
        struct byok_str value;
    } headers[BYOK_PAYLOAD_HEADERS_MAX];
    size_t header_count;
    const char *sigv4; /* CURLOPT_AWS_SIGV4 */
    const char *credentials; /* CURLOPT_USERPWD */
};

/* BYOK_E_STORE: a passing failure.  BYOK_E_BAD_REQUEST: the store has no such object.  BYOK_E_CONFIG:
 * it cannot be so.  No text holds a credential. */
struct byok_payload_store_ops {
    const char *name;
    enum byok_err (*open)(const struct byok_payload_options *options,
                          struct byok_payload_store **out, struct byok_fault *fault);
    void (*close)(struct byok_payload_store *store);
    /* in files */
    enum byok_err (*put)(struct byok_payload_store *store, const struct byok_payload_ref *ref,
                         struct byok_str content, struct byok_fault *fault);
    /* a descriptor at the object's beginning, the caller's; what is there but not of ref->size is
     * BAD_REQUEST.  It is read by payloads/reader.h */
    enum byok_err (*open_object)(struct byok_payload_store *store,
                                 const struct byok_payload_ref *ref, int *fd,
                                 struct byok_fault *fault);
    /* removes what was written last before that time (Unix, in seconds); how many. NULL: not here */
    int64_t (*sweep)(struct byok_payload_store *store, int64_t before_s);
    /* behind HTTP; the body of a put is the content */
    enum byok_err (*request)(struct byok_payload_store *store, bool put,
                             const struct byok_payload_ref *ref, struct byok_arena *arena,
                             struct byok_payload_request *out, struct byok_fault *fault);
};

struct byok_payload_store {
    const struct byok_payload_store_ops *ops;
};

#define PAYLOAD_STORE(name) extern const struct byok_payload_store_ops byok_payload_store_##name;
#include "payloads/stores.def"
#undef PAYLOAD_STORE

/** Open the store that the options name.  BYOK_E_CONFIG: no such store, or what it needs is not given
 *  or not there; BYOK_E_NOMEM.  The end: byok_payload_store_close. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_payload_store_open(const struct byok_payload_options *options,
                                      struct byok_payload_store **out, struct byok_fault *fault);

/** NULL is fine. */
void byok_payload_store_close(struct byok_payload_store *store);

/** What the status of an HTTP answer to a request means; BYOK_E_OK for 2xx. */
BYOK_MUST_USE BYOK_NONNULL(2)
enum byok_err byok_payload_status(int status, struct byok_fault *fault);

/** BYOK_E_BAD_REQUEST, and its text: what is in the store has another hash. */
enum byok_err byok_payload_differs(struct byok_fault *fault);

/** Check what was got: BYOK_E_BAD_REQUEST when its size or hash is not that of the reference. */
BYOK_MUST_USE BYOK_NONNULL(1, 3)
enum byok_err byok_payload_verify(const struct byok_payload_ref *ref, struct byok_str content,
                                  struct byok_fault *fault);

#endif
