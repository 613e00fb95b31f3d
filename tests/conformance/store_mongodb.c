/* SPDX-License-Identifier: MIT */
/* tests/conformance/store_mongodb.c - what a crash leaves of MongoDB's documents, which have no transaction. */
#include "store_kit.h"

#include <string.h>

#include "vault_rocks/mongodb_link.h"

/* As a drop that ended after its first step. */
static void begin_drop(struct fixture *f, const char *name)
{
    struct byok_mongo *mongo = NULL;
    struct byok_mongo_session session;
    bson_error_t error;
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(name));
    bson_t *update = BCON_NEW("$set", "{", "v", BCON_INT64(-2), "}");
    cr_assert_eq(byok_mongo_new(f->url, 10000, &mongo, &f->fault), BYOK_E_OK);
    cr_assert_eq(byok_mongo_begin(mongo, &session, &f->fault), BYOK_E_OK);
    cr_assert(mongoc_collection_update_one(session.positions, filter, update, NULL, NULL, &error),
              "%s", error.message);
    bson_destroy(filter);
    bson_destroy(update);
    cr_assert_eq(byok_mongo_end(mongo, &session, NULL, &f->fault), BYOK_E_OK);
    byok_mongo_free(mongo);
}

/* What it left would refuse all that is written at a lower position: a changelog that lost its end
 * has such, and an old key would go on being used. */
CASE(a_drop_that_was_cut_off_is_finished_before_anything_is_written)
{
    if (strcmp(f->name, "mongodb") != 0)
        return;
    const struct byok_write old = {.key = text("a"), .value = text("old")};
    const struct byok_write new = {.key = text("a"), .value = text("new")};
    apply(f, 0, &old, 1, 50);
    apply(f, 1, &old, 1, 50);
    begin_drop(f, "80000000");
    cr_assert_eq(position(f, 0), -1);
    cr_assert(has(f, 0, "a", NULL));
    apply(f, 0, &new, 1, 10);
    cr_assert(has(f, 0, "a", "new"));
    cr_assert_eq(position(f, 0), 10);
    cr_assert(has(f, 1, "a", "old"));
}
