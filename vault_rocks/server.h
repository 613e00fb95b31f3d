/* SPDX-License-Identifier: MIT */
/* vault_rocks/server.h - what the stores on servers share; private to this folder.
 *
 * An outage: who cannot reach the server says so once, and for a while that grows (100 ms to 5 s)
 * all calls fail at once instead of each waiting for its timeout.  Thread: any, at once.
 */
#ifndef BYOK_VAULT_ROCKS_SERVER_H
#define BYOK_VAULT_ROCKS_SERVER_H

#include <pthread.h>

#include "vault_rocks/store.h"

#define BYOK_OUTAGE_TEXT_BYTES 200

struct byok_outage {
    pthread_mutex_t lock; /* guards the others */
    int64_t until_us;     /* no call before; 0: the server is there */
    int64_t wait_us;      /* how long the last one was */
    char text[BYOK_OUTAGE_TEXT_BYTES];
};

/** The monotonic clock; for timeouts only. */
int64_t byok_server_now_us(void);

void byok_outage_init(struct byok_outage *outage) BYOK_NONNULL(1);
void byok_outage_done(struct byok_outage *outage) BYOK_NONNULL(1);

/** BYOK_E_STORE while the server is not to be tried. */
enum byok_err byok_outage_check(struct byok_outage *outage, struct byok_fault *fault)
    BYOK_NONNULL(1);

/** The server could not be reached; `text` is for people and holds no password.  Its first line is
 *  kept.  Returns BYOK_E_STORE. */
enum byok_err byok_outage_begin(struct byok_outage *outage, const char *text,
                                struct byok_fault *fault) BYOK_NONNULL(1, 2);

/** The server answered. */
void byok_outage_end(struct byok_outage *outage) BYOK_NONNULL(1);

/** For each key the last of its writes, in `*out` (byok_delete): what a batch comes to.  Returns
 *  their number, or SIZE_MAX: no memory. */
size_t byok_server_last_writes(const struct byok_write *writes, size_t count,
                               const struct byok_write ***out) BYOK_NONNULL(3);

/** BYOK_E_STORE: a key is longer than BYOK_STORE_KEY_MAX. */
enum byok_err byok_server_check_key(struct byok_str key, struct byok_fault *fault);

#endif
