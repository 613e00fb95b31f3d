/* SPDX-License-Identifier: MIT */
/* vault_rocks/postgresql_dial.h - a connection to a PostgreSQL, made within a deadline.
 *
 * libpq connects without blocking but for one thing: it looks names up with getaddrinfo, which may
 * take half a minute where no name server answers.  So a thread of its own connects; one that is
 * late is left to itself and throws away what it gets.
 * Private to this folder.  Thread: any, at once.
 */
#ifndef BYOK_VAULT_ROCKS_POSTGRESQL_DIAL_H
#define BYOK_VAULT_ROCKS_POSTGRESQL_DIAL_H

#include <libpq-fe.h>

#include "vault_rocks/server.h"

/** Until the connection's socket is ready for one of poll()'s `events`; false: the deadline passed. */
bool byok_pg_wait(PGconn *conn, short events, int64_t deadline_us) BYOK_NONNULL(1);

/** A connection whose calls do not block (PQfinish), or NULL: `error` says why, without a password.
 *  `url` is copied; the copy is wiped. */
PGconn *byok_pg_dial(const char *url, int64_t timeout_us, char error[static BYOK_OUTAGE_TEXT_BYTES])
    BYOK_NONNULL(1, 3);

#endif
