/* SPDX-License-Identifier: MIT */
/* vault_rocks/postgresql_link.h - statements to a PostgreSQL, on libpq's asynchronous calls.
 *
 * Every call has a deadline, kept with poll(); a connection that missed it is thrown away, and what
 * it was asked for may still happen.  Connections are a small pool, made when first needed.  The
 * tables are made and brought up to date when the first one is there, under a lock of the database.
 * Private to this folder.  Thread: any, at once.
 */
#ifndef BYOK_VAULT_ROCKS_POSTGRESQL_LINK_H
#define BYOK_VAULT_ROCKS_POSTGRESQL_LINK_H

#include <libpq-fe.h>

#include "vault_rocks/server.h"

#define BYOK_PG_PARAMS_MAX 4

/* In a transaction: its commit outlives the server's end, whatever is set for the database. */
#define BYOK_PG_DURABLE                                                                            \
    "SELECT set_config('synchronous_commit', 'on', true) "                                         \
    "WHERE current_setting('synchronous_commit') IN ('off', 'local')"

struct byok_pg;

struct byok_pg_param {
    Oid type; /* binary, as PostgreSQL wants it */
    const char *bytes;
    size_t len;
};

struct byok_pg_statement {
    const char *sql;
    struct byok_pg_param params[BYOK_PG_PARAMS_MAX];
    int count;
};

/** `url` is copied; no text repeats it.  Connects to nothing yet.  BYOK_E_CONFIG: it is none of
 *  PostgreSQL; BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(2)
enum byok_err byok_pg_new(const char *url, struct byok_pg **out, struct byok_fault *fault);

/** Close all; NULL is fine. */
void byok_pg_free(struct byok_pg *pg);

/** Carry out several statements as one transaction; what one of them changes the next one sees, and
 *  also what others committed while it waited for a lock.  `*rows` is the last one's (PQclear).
 *  All must be such that they may be carried out twice.  BYOK_E_STORE, within twice `timeout_us`. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 5)
enum byok_err byok_pg_run(struct byok_pg *pg, const struct byok_pg_statement *statements,
                          size_t count, int64_t timeout_us, PGresult **rows,
                          struct byok_fault *fault);

#endif
