/* SPDX-License-Identifier: MIT */
/* vault_rocks/mongodb_link.h - libmongoc's pool of clients, its outages and its errors.
 * Private to this folder.  Thread: any, at once. */
#ifndef BYOK_VAULT_ROCKS_MONGODB_LINK_H
#define BYOK_VAULT_ROCKS_MONGODB_LINK_H

#include <mongoc/mongoc.h>

#include "vault_rocks/server.h"

struct byok_mongo;

/* A client of the pool and what is in its database. */
struct byok_mongo_session {
    mongoc_client_t *client;
    mongoc_collection_t *records, *positions;
};

/** No text repeats `url`.  Connects to nothing yet.  BYOK_E_CONFIG: it is none of MongoDB with a
 *  database; BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(3)
enum byok_err byok_mongo_new(const char *url, int64_t timeout_ms, struct byok_mongo **out,
                             struct byok_fault *fault);
void byok_mongo_free(struct byok_mongo *mongo) BYOK_NONNULL(1);

/** Take a client, to be given back by byok_mongo_end.  BYOK_E_STORE: the server is known to be away,
 *  or at the first time it does not answer. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_mongo_begin(struct byok_mongo *mongo, struct byok_mongo_session *session,
                               struct byok_fault *fault);

/** `error`: of a call that failed, which becomes BYOK_E_STORE; else NULL. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_mongo_end(struct byok_mongo *mongo, struct byok_mongo_session *session,
                             const bson_error_t *error, struct byok_fault *fault);

#endif
