/* SPDX-License-Identifier: MIT */
/* worker/ports/notes_host.h - the notes port of `ledger: host`: what the shard has written to its
 * local table is brought to the disk.
 *
 * An fsync takes milliseconds, so it runs on libuv's pool, and all notes that come meanwhile share
 * the next one.  Thread: the shard's.
 */
#ifndef BYOK_WORKER_PORTS_NOTES_HOST_H
#define BYOK_WORKER_PORTS_NOTES_HOST_H

#include <uv.h>

#include "actors/ports/notes.h"
#include "vault_rocks/store.h"

/** The store is borrowed, and lives longer. NULL: no memory. */
struct byok_notes *byok_notes_host_new(uv_loop_t *loop, struct byok_store *store) BYOK_NONNULL(1, 2)
    BYOK_MUST_USE;

/** No more answers.  It is released when the loop has run out of work. NULL is fine. */
void byok_notes_host_close(struct byok_notes *notes);

#endif
