/* SPDX-License-Identifier: MIT */
/* vault_rocks/rocks.h - the one RocksDB of a process: opening, tables as column families.
 *
 * Translates RocksDB's error strings to `enum byok_err` once, here.  Thread: open and close by one
 * thread; the handle is used by any.
 */
#ifndef BYOK_VAULT_ROCKS_ROCKS_H
#define BYOK_VAULT_ROCKS_ROCKS_H

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

/** Flush and close; NULL is fine. All stores on it are freed before. */
void byok_rocks_close(struct byok_rocks *rocks);

/** A figure for the metrics page, e.g. "rocksdb.estimate-num-keys" of a table; -1: unknown. */
int64_t byok_rocks_property(struct byok_rocks *rocks, const char *table, const char *property);

#endif
