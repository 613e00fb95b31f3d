/* SPDX-License-Identifier: MIT */
/* actors/provider/streaming.h - an answer's deltas, published while it comes.
 *
 * One per attempt of a job with `stream`.  Deltas are a preview: they go to the streams topic at
 * once and outside of any commit, are dropped when memory or the broker fails, and end early then.
 * The answer itself is read from the whole body when it is there.
 * Their texts are scrubbed of the key after decoding, across deltas: up to 7 last
 * characters of a text that stand so in the key are kept until more comes or the answer ends.
 * Thread: the shard's; used by its provider.
 */
#ifndef BYOK_ACTORS_PROVIDER_STREAMING_H
#define BYOK_ACTORS_PROVIDER_STREAMING_H

#include "actors/env.h"
#include "adapters/stream.h"
#include "vault_rocks/scrub.h"

/* The end of one text of the answer, as it came: context for what follows, and what of it is kept
 * back because it may be the beginning of the key. */
struct byok_said {
    enum byok_delta_kind kind;
    uint32_t tool;
    size_t len, kept; /* `kept` of them are not published yet */
    char bytes[BYOK_SCRUB_CONTEXT];
};

struct byok_streaming {
    struct byok_msg msg; /* BYOK_MSG_HTTP_BYTES, when it is not away (http.bytes_away) */
    struct byok_task *task;
    struct byok_stream read;
    size_t seen_bytes; /* of the body */
    uint32_t attempt;
    int64_t sequence; /* of the next delta */
    int64_t sent_us;  /* the last one; 0: none yet */
    bool off;         /* no more of this attempt */
    struct byok_said *said; /* one for each text there is; owned */
    size_t said_count;
};

/** Make it for the attempt that is about to be sent, and ask the HTTP port for bytes as they come.
 *  BYOK_E_NOMEM: nothing is changed. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_streaming_begin(const struct byok_env *env, struct byok_task *task);

/** More of the body is there: publish what is due.  Returns when to come again for what is held
 *  back to be published together; INT64_MAX: nothing is. */
int64_t byok_streaming_read(const struct byok_env *env, struct byok_task *task) BYOK_NONNULL(1, 2);

/** Publish what was held back and is due now; returns as byok_streaming_read. */
int64_t byok_streaming_due(const struct byok_env *env, struct byok_task *task) BYOK_NONNULL(1, 2);

/** The attempt has ended, its answer or fault is in the task: publish the rest, the last delta with
 *  the finish reason, and free it. Nothing when there is none. */
void byok_streaming_end(const struct byok_env *env, struct byok_task *task) BYOK_NONNULL(1, 2);

/** Free it. NULL is fine. */
void byok_streaming_free(struct byok_streaming *streaming);

#endif
