/* SPDX-License-Identifier: MIT */
/* vault_rocks/rocks.h - the one RocksDB of a process: opening, tables as column families.
 *
 * Translates RocksDB's error strings to `enum byok_err` once, here.  Thread: open and close by one
 * thread; the handle is used by any.
 */
#ifndef BYOK_VAULT_ROCKS_ROCKS_H
#define BYOK_VAULT_ROCKS_ROCKS_H

#include <stdint.h>

#include "base/err.h"

struct byok_rocks;

/** Make the data folder, and those above it, of mode 0700 (the names of users are keys in its
 *  files); one that is there stays as it is.  BYOK_E_STORE. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_rocks_make_folder(const char *path, struct byok_fault *fault);

/** Open (or make) the database in folder `path` with the column families "state" and "vault".
 *
 * BYOK_E_STORE   the folder cannot be made or written, is locked by another process ("two
 *                processes on one data folder": the text says so), or the database is damaged
 * The caller owns `*out`; closed by byok_rocks_close.
 */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_rocks_open(const char *path, struct byok_rocks **out, struct byok_fault *fault);

#define BYOK_ASIDE_BYTES 64

/** As byok_rocks_open, but a damaged database is no error: its files are moved into a folder of
 *  their own within `path`, whose name comes in `aside` ("" when nothing was moved), and an empty
 *  database is made, which is filled again from the changelogs.  Damaged is what does not open, and
 *  what was found damaged by a read since it was opened (a file named "damaged" says so then). */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_rocks_open_sound(const char *path, struct byok_rocks **out,
                                    char aside[static BYOK_ASIDE_BYTES], struct byok_fault *fault);

/** Remember of which changelogs the database is a copy. With another `identity` than it was given
 *  before, a copy of what it holds is kept in a folder within the database's, named in `aside`
 *  ("" else), and its tables are emptied.  No store on it is in use meanwhile.
 *  BYOK_E_STORE: nothing is remembered. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_rocks_identify(struct byok_rocks *rocks, const char *identity,
                                  char aside[static BYOK_ASIDE_BYTES], struct byok_fault *fault);

/** From now on what is deleted from or replaced in the table "vault" is out of the folder's files
 *  `wait_ms` later, and whatever a compaction takes.  Once, before the table is written to.
 *  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_rocks_purge(struct byok_rocks *rocks, int64_t wait_ms, struct byok_fault *fault);

/** Purge what is to be purged, flush and close; NULL is fine. All stores on it are freed before. */
void byok_rocks_close(struct byok_rocks *rocks);

/** A figure for the metrics page, e.g. "rocksdb.estimate-num-keys" of a table; -1: unknown. */
int64_t byok_rocks_property(struct byok_rocks *rocks, const char *table, const char *property);

#endif
