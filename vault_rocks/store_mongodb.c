/* SPDX-License-Identifier: MIT */
/* vault_rocks/store_mongodb.c - sealed keys in a MongoDB, through libmongoc's pool of clients.
 *
 * No transactions, which a single server does not have.  Instead every record has the position `v`
 * of the batch that wrote it and takes none below it, and an erased one leaves its name and `v`
 * behind, so that an old owner brings nothing back.  First come the records, then the position:
 * a batch that was cut off is behind the position and is made again.  What is left of the erased
 * ones is taken away by an index after a week.
 *
 * Binary keys do not sort by their bytes in MongoDB but texts do, so a name is in hex: 8 digits of
 * the partition (sign bit flipped), then the key.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "vault_rocks/mongodb_link.h"
#include "vault_rocks/store_key.h"
#include "vault_rocks/store_kinds.h"

#define PAGE_ROWS 256
#define PARTITION_DIGITS ((size_t)8)
#define NAME_BYTES (PARTITION_DIGITS + 2 * BYOK_STORE_KEY_MAX + 2)
#define DROPPING (-2)      /* a partition's position while its records are taken away */
#define DUPLICATE 11000    /* MongoDB's code: an upsert met a record that its filter excludes */

struct store {
    struct byok_store base;
    struct byok_mongo *mongo;
};

static struct store *self_of(struct byok_store *store)
{
    return (struct store *)store;
}

static enum byok_err no_memory(struct byok_fault *fault)
{
    return byok_fault_set(fault, BYOK_E_NOMEM, "no memory to ask MongoDB");
}

/* ---- names ---- */

static void add_hex(char *out, const char *bytes, size_t len)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[(unsigned char)bytes[i] >> 4];
        out[2 * i + 1] = digits[(unsigned char)bytes[i] & 15];
    }
    out[2 * len] = '\0';
}

static void name_of(int32_t partition, struct byok_str key, char out[static NAME_BYTES])
{
    struct byok_store_prefix prefix = byok_store_prefix(partition, BYOK_STORE_ENTRY);
    add_hex(out, prefix.bytes, PARTITION_DIGITS / 2);
    add_hex(out + PARTITION_DIGITS, key.ptr, key.len);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of a hex text; SIZE_MAX: it is none. */
static size_t from_hex(const char *hex, size_t len, char out[static BYOK_STORE_KEY_MAX])
{
    if (len % 2 != 0 || len / 2 > BYOK_STORE_KEY_MAX)
        return SIZE_MAX;
    for (size_t i = 0; i < len / 2; i++) {
        int high = digit(hex[2 * i]), low = digit(hex[2 * i + 1]);
        if (high < 0 || low < 0)
            return SIZE_MAX;
        out[i] = (char)(unsigned char)(high * 16 + low);
    }
    return len / 2;
}

/* The first document that `filter` finds, in the caller's `out` (bson_destroy); false: there is
 * none, or (`*ok`) it cannot be asked. */
static bool find_one(mongoc_collection_t *where, const bson_t *filter, const bson_t *opts,
                     bson_t *out, bool *ok, bson_error_t *error)
{
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(where, filter, opts, NULL);
    const bson_t *found = NULL;
    bool any = mongoc_cursor_next(cursor, &found);
    *ok = any || !mongoc_cursor_error(cursor, error);
    if (any)
        bson_copy_to(found, out);
    mongoc_cursor_destroy(cursor);
    return any;
}

/* The bytes of a record, borrowed; ptr NULL: it is an erased one's rest. */
static struct byok_str value_in(const bson_t *document)
{
    bson_iter_t at;
    const uint8_t *bytes = NULL;
    uint32_t len = 0;
    if (!bson_iter_init_find(&at, document, "value") || !BSON_ITER_HOLDS_BINARY(&at))
        return (struct byok_str){NULL, 0};
    bson_iter_binary(&at, NULL, &len, &bytes);
    return (struct byok_str){bytes ? (const char *)bytes : "", len};
}

static enum byok_err get(struct byok_store *store, int32_t partition, struct byok_str key,
                         struct byok_arena *arena, struct byok_str *out, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct byok_mongo_session session;
    char name[NAME_BYTES];
    enum byok_err err = byok_server_check_key(key, fault);
    if (err == BYOK_E_OK)
        err = byok_mongo_begin(self->mongo, &session, fault);
    if (err != BYOK_E_OK)
        return err;
    name_of(partition, key, name);
    bson_t *filter = BCON_NEW("_id", BCON_UTF8(name));
    bson_t found;
    bson_error_t error;
    bool ok, any = find_one(session.records, filter, NULL, &found, &ok, &error);
    bson_destroy(filter);
    err = byok_mongo_end(self->mongo, &session, ok ? NULL : &error, fault);
    if (err != BYOK_E_OK)
        return err;
    struct byok_str value = any ? value_in(&found) : (struct byok_str){NULL, 0};
    struct byok_str copy = value.ptr ? byok_arena_copy(arena, value) : value;
    if (any)
        bson_destroy(&found);
    if (value.ptr && !copy.ptr)
        return no_memory(fault);
    *out = copy;
    return BYOK_E_OK;
}

/* {"$set": {value, v}, "$unset": {gone}}, or what makes it an erased one's rest.  Without a
 * position the record's `v` stays as it is. */
static void add_update(mongoc_bulk_operation_t *bulk, const char *name,
                       const struct byok_write *write, int64_t position)
{
    bson_t filter = BSON_INITIALIZER, update = BSON_INITIALIZER, set, opts = BSON_INITIALIZER, part;
    BSON_APPEND_UTF8(&filter, "_id", name);
    if (position >= 0) {
        BSON_APPEND_DOCUMENT_BEGIN(&filter, "v", &part);
        BSON_APPEND_INT64(&part, "$lt", position);
        bson_append_document_end(&filter, &part);
    }
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$set", &set);
    if (write->erase)
        bson_append_now_utc(&set, "gone", -1);
    else
        BSON_APPEND_BINARY(&set, "value", BSON_SUBTYPE_BINARY, (const uint8_t *)write->value.ptr,
                           (uint32_t)write->value.len);
    if (position >= 0)
        BSON_APPEND_INT64(&set, "v", position);
    bson_append_document_end(&update, &set);
    BSON_APPEND_DOCUMENT_BEGIN(&update, "$unset", &part);
    BSON_APPEND_UTF8(&part, write->erase ? "value" : "gone", "");
    bson_append_document_end(&update, &part);
    if (position < 0) {
        BSON_APPEND_DOCUMENT_BEGIN(&update, "$setOnInsert", &part);
        BSON_APPEND_INT64(&part, "v", -1);
        bson_append_document_end(&update, &part);
    }
    BSON_APPEND_BOOL(&opts, "upsert", true);
    mongoc_bulk_operation_update_one_with_opts(bulk, &filter, &update, &opts, NULL);
    bson_destroy(&filter);
    bson_destroy(&update);
    bson_destroy(&opts);
}

/* Whether all that failed is what a newer position stands in the way of. */
static bool is_contained(const bson_t *reply)
{
    bson_iter_t at, list, entry;
    size_t others = 0, seen = 0;
    if (!bson_iter_init_find(&at, reply, "writeErrors") || !bson_iter_recurse(&at, &list))
        return false;
    while (bson_iter_next(&list)) {
        seen++;
        others += !bson_iter_recurse(&list, &entry) || !bson_iter_find(&entry, "code") ||
                  bson_iter_as_int64(&entry) != DUPLICATE;
    }
    return seen > 0 && others == 0 &&
           !(bson_iter_init_find(&at, reply, "writeConcernErrors") &&
             bson_iter_recurse(&at, &list) && bson_iter_next(&list));
}

/* `*contained`: some of it was. */
static bool execute(mongoc_bulk_operation_t *bulk, bool *contained, bson_error_t *error)
{
    bson_t reply;
    bool done = mongoc_bulk_operation_execute(bulk, &reply, error) != 0;
    *contained = !done && is_contained(&reply);
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(bulk);
    return done || *contained;
}

static mongoc_bulk_operation_t *new_bulk(mongoc_collection_t *where)
{
    bson_t *opts = BCON_NEW("ordered", BCON_BOOL(false)); /* one that is contained stops no other */
    mongoc_bulk_operation_t *bulk = mongoc_collection_create_bulk_operation_with_opts(where, opts);
    bson_destroy(opts);
    return bulk;
}

static bool write_together(const struct byok_mongo_session *session, int32_t partition,
                           const struct byok_write *const *writes, size_t count, int64_t position,
                           bool *contained, bson_error_t *error)
{
    mongoc_bulk_operation_t *bulk = new_bulk(session->records);
    for (size_t i = 0; i < count; i++) {
        char name[NAME_BYTES];
        name_of(partition, writes[i]->key, name);
        add_update(bulk, name, writes[i], position);
    }
    return execute(bulk, contained, error);
}

/* A server need not go on behind an update that is contained already (FerretDB does not), so then
 * each is made alone. */
static bool write_records(const struct byok_mongo_session *session, int32_t partition,
                          const struct byok_write *const *writes, size_t count, int64_t position,
                          bson_error_t *error)
{
    bool contained;
    bool ok = write_together(session, partition, writes, count, position, &contained, error);
    bool alone = ok && contained && count > 1;
    for (size_t i = 0; alone && ok && i < count; i++)
        ok = write_together(session, partition, &writes[i], 1, position, &contained, error);
    return ok;
}

/* The document that holds a partition's position (bson_destroy). */
static bson_t *position_of(int32_t partition)
{
    char name[NAME_BYTES];
    name_of(partition, (struct byok_str){"", 0}, name);
    return BCON_NEW("_id", BCON_UTF8(name));
}

/* Of the partition, if `filter` finds it or there is none yet; frees the filter. */
static bool set_position(const struct byok_mongo_session *session, bson_t *filter, int64_t position,
                         bson_error_t *error)
{
    bson_t *update = BCON_NEW("$set", "{", "v", BCON_INT64(position), "}");
    bson_t *opts = BCON_NEW("upsert", BCON_BOOL(true));
    mongoc_bulk_operation_t *bulk = new_bulk(session->positions);
    mongoc_bulk_operation_update_one_with_opts(bulk, filter, update, opts, NULL);
    bson_destroy(filter);
    bson_destroy(update);
    bson_destroy(opts);
    bool contained;
    return execute(bulk, &contained, error);
}

static bool write_position(const struct byok_mongo_session *session, int32_t partition,
                           int64_t position, bson_error_t *error)
{
    bson_t *filter = position_of(partition);
    BCON_APPEND(filter, "v", "{", "$lt", BCON_INT64(position), "}");
    return set_position(session, filter, position, error);
}

static enum byok_err apply(struct byok_store *store, int32_t partition,
                           const struct byok_write *writes, size_t count, int64_t position,
                           struct byok_fault *fault)
{
    struct store *self = self_of(store);
    enum byok_err err = BYOK_E_OK;
    for (size_t i = 0; err == BYOK_E_OK && i < count; i++)
        err = byok_server_check_key(writes[i].key, fault);
    if (err != BYOK_E_OK || (count == 0 && position < 0))
        return err;
    const struct byok_write **last = NULL;
    size_t kept = byok_server_last_writes(writes, count, &last);
    if (kept == SIZE_MAX)
        return no_memory(fault);
    struct byok_mongo_session session;
    err = byok_mongo_begin(self->mongo, &session, fault);
    if (err == BYOK_E_OK) {
        bson_error_t error;
        bool ok = (kept == 0 || write_records(&session, partition, last, kept, position, &error)) &&
                  (position < 0 || write_position(&session, partition, position, &error));
        err = byok_mongo_end(self->mongo, &session, ok ? NULL : &error, fault);
    }
    byok_delete(last);
    return err;
}

/* Names from `from` on (or `behind` it), and below `below`. */
static bson_t *range(const char *from, bool behind, const char *below)
{
    bson_t *filter = bson_new(), part;
    BSON_APPEND_DOCUMENT_BEGIN(filter, "_id", &part);
    bson_append_utf8(&part, behind ? "$gt" : "$gte", -1, from, -1);
    BSON_APPEND_UTF8(&part, "$lt", below);
    bson_append_document_end(filter, &part);
    return filter;
}

/* A page of documents, copied so that no cursor is open while a caller's function runs. */
static size_t read_page(mongoc_collection_t *records, const bson_t *filter,
                        bson_t *page[static PAGE_ROWS], bool *ok, bson_error_t *error)
{
    bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64(PAGE_ROWS));
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(records, filter, opts, NULL);
    const bson_t *found;
    size_t count = 0;
    while (count < PAGE_ROWS && mongoc_cursor_next(cursor, &found))
        page[count++] = bson_copy(found);
    *ok = !mongoc_cursor_error(cursor, error);
    mongoc_cursor_destroy(cursor);
    bson_destroy(opts);
    return count;
}

/* One page shown; `last` becomes its last name. */
static bool show_page(bson_t **page, size_t count, byok_store_each each, void *arg,
                      char last[static NAME_BYTES])
{
    bool more = true;
    for (size_t i = 0; i < count; i++) {
        bson_iter_t at;
        char bytes[BYOK_STORE_KEY_MAX];
        uint32_t len = 0;
        const char *name =
            bson_iter_init_find(&at, page[i], "_id") ? bson_iter_utf8(&at, &len) : NULL;
        struct byok_str value = value_in(page[i]);
        size_t size = SIZE_MAX;
        if (name && len >= PARTITION_DIGITS && len < NAME_BYTES) {
            memcpy(last, name, len + 1);
            size = from_hex(name + PARTITION_DIGITS, len - PARTITION_DIGITS, bytes);
        }
        if (more && size != SIZE_MAX && value.ptr)
            more = each(arg, (struct byok_str){bytes, size}, value);
        bson_destroy(page[i]);
    }
    return more;
}

/* What a walk goes over. */
struct names {
    char from[NAME_BYTES], below[NAME_BYTES];
    bool behind;
};

static enum byok_err walk(struct store *self, struct names *names, byok_store_each each, void *arg,
                          struct byok_fault *fault)
{
    bson_t **page = byok_new(PAGE_ROWS, sizeof *page);
    if (!page)
        return no_memory(fault);
    enum byok_err err = BYOK_E_OK;
    bool more = true;
    while (more && err == BYOK_E_OK) {
        struct byok_mongo_session session;
        err = byok_mongo_begin(self->mongo, &session, fault);
        if (err != BYOK_E_OK)
            break;
        bson_t *filter = range(names->from, names->behind, names->below);
        bson_error_t error;
        bool ok;
        size_t count = read_page(session.records, filter, page, &ok, &error);
        bson_destroy(filter);
        err = byok_mongo_end(self->mongo, &session, ok ? NULL : &error, fault);
        more = show_page(page, err == BYOK_E_OK ? count : 0, each, arg, names->from) &&
               count == PAGE_ROWS;
        for (size_t i = 0; err != BYOK_E_OK && i < count; i++)
            bson_destroy(page[i]);
        names->behind = true;
    }
    byok_delete(page);
    return err;
}

/* Names with this beginning are below it with a 'g' behind, which is above all hex digits. */
static void name_end(int32_t partition, struct byok_str prefix, char out[static NAME_BYTES])
{
    name_of(partition, prefix, out);
    memcpy(out + strlen(out), "g", 2);
}

static enum byok_err scan(struct byok_store *store, int32_t partition, struct byok_str prefix,
                          byok_store_each each, void *arg, struct byok_fault *fault)
{
    struct names names = {.behind = false};
    enum byok_err err = byok_server_check_key(prefix, fault);
    if (err != BYOK_E_OK)
        return err;
    name_of(partition, prefix, names.from);
    name_end(partition, prefix, names.below);
    return walk(self_of(store), &names, each, arg, fault);
}

static enum byok_err scan_after(struct byok_store *store, int32_t partition, struct byok_str after,
                                byok_store_each each, void *arg, struct byok_fault *fault)
{
    struct names names = {.behind = after.ptr != NULL};
    enum byok_err err = byok_server_check_key(after, fault);
    if (err != BYOK_E_OK)
        return err;
    name_of(partition, after, names.from);
    name_end(partition, (struct byok_str){"", 0}, names.below);
    return walk(self_of(store), &names, each, arg, fault);
}

/* ---- positions, and forgetting ---- */

/* The position goes last: until then whoever asks for it goes on where this was cut off. */
static bool finish_drop(const struct byok_mongo_session *session, int32_t partition,
                        bson_error_t *error)
{
    char from[NAME_BYTES], below[NAME_BYTES];
    name_of(partition, (struct byok_str){"", 0}, from);
    name_end(partition, (struct byok_str){"", 0}, below);
    bson_t *filter = range(from, false, below);
    bool ok = mongoc_collection_delete_many(session->records, filter, NULL, NULL, error) &&
              mongoc_collection_delete_many(session->positions, filter, NULL, NULL, error);
    bson_destroy(filter);
    return ok;
}

static enum byok_err position(struct byok_store *store, int32_t partition, int64_t *out,
                              struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct byok_mongo_session session;
    enum byok_err err = byok_mongo_begin(self->mongo, &session, fault);
    if (err != BYOK_E_OK)
        return err;
    bson_t *filter = position_of(partition);
    bson_t found;
    bson_iter_t at;
    bson_error_t error;
    bool ok, any = find_one(session.positions, filter, NULL, &found, &ok, &error);
    bson_destroy(filter);
    *out = any && bson_iter_init_find(&at, &found, "v") ? bson_iter_as_int64(&at) : -1;
    if (any)
        bson_destroy(&found);
    if (*out == DROPPING) {
        ok = finish_drop(&session, partition, &error);
        *out = -1;
    }
    return byok_mongo_end(self->mongo, &session, ok ? NULL : &error, fault);
}

/* First it is noted, for records that it left would refuse what is written at lower positions, as
 * when it is dropped because its changelog has lost its end. */
static enum byok_err drop(struct byok_store *store, int32_t partition, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct byok_mongo_session session;
    enum byok_err err = byok_mongo_begin(self->mongo, &session, fault);
    if (err != BYOK_E_OK)
        return err;
    bson_error_t error;
    bool ok = set_position(&session, position_of(partition), DROPPING, &error) &&
              finish_drop(&session, partition, &error);
    return byok_mongo_end(self->mongo, &session, ok ? NULL : &error, fault);
}

static enum byok_err sync_nothing(struct byok_store *store, struct byok_fault *fault)
{
    (void)store;
    (void)fault;
    return BYOK_E_OK; /* writes are answered when a majority has them in its journal */
}

/* The partition of the first name from `from` on, erased ones' rests included. */
static int64_t first_partition(mongoc_collection_t *where, const char *from, bool *ok,
                               bson_error_t *error)
{
    bson_t *filter = BCON_NEW("_id", "{", "$gte", BCON_UTF8(from), "}");
    bson_t *opts = BCON_NEW("sort", "{", "_id", BCON_INT32(1), "}", "limit", BCON_INT64(1));
    bson_t found;
    int64_t partition = BYOK_STORE_NO_PARTITION;
    if (find_one(where, filter, opts, &found, ok, error)) {
        bson_iter_t at;
        uint32_t len = 0;
        char bytes[BYOK_STORE_KEY_MAX];
        const char *name =
            bson_iter_init_find(&at, &found, "_id") ? bson_iter_utf8(&at, &len) : NULL;
        if (name && len >= PARTITION_DIGITS && from_hex(name, PARTITION_DIGITS, bytes) == 4)
            partition = byok_store_partition(bytes);
        bson_destroy(&found);
    }
    bson_destroy(filter);
    bson_destroy(opts);
    return partition;
}

static enum byok_err next_partition(struct byok_store *store, int64_t from, int64_t *out,
                                    struct byok_fault *fault)
{
    struct store *self = self_of(store);
    struct byok_mongo_session session;
    *out = BYOK_STORE_NO_PARTITION;
    if (from > INT32_MAX)
        return BYOK_E_OK;
    enum byok_err err = byok_mongo_begin(self->mongo, &session, fault);
    if (err != BYOK_E_OK)
        return err;
    char name[NAME_BYTES];
    name_of((int32_t)(from < INT32_MIN ? INT32_MIN : from), (struct byok_str){"", 0}, name);
    bson_error_t error;
    bool ok;
    int64_t first = first_partition(session.records, name, &ok, &error);
    int64_t second = ok ? first_partition(session.positions, name, &ok, &error) : first;
    *out = first < second ? first : second;
    return byok_mongo_end(self->mongo, &session, ok ? NULL : &error, fault);
}

static void free_store(struct byok_store *store)
{
    struct store *self = self_of(store);
    byok_mongo_free(self->mongo);
    byok_delete(self);
}

static const struct byok_store_ops ops = {
    .name = "mongodb",
    .shared = true,
    .get = get,
    .apply = apply,
    .position = position,
    .scan = scan,
    .scan_after = scan_after,
    .drop = drop,
    .sync = sync_nothing,
    .next = next_partition,
    .free = free_store,
};

static enum byok_err open_store(const struct byok_store_place *place, struct byok_store **out,
                                struct byok_fault *fault)
{
    struct store *self = byok_new(1, sizeof *self);
    if (!self)
        return no_memory(fault);
    self->base.ops = &ops;
    enum byok_err err = byok_mongo_new(place->url, place->timeout_ms, &self->mongo, fault);
    if (err == BYOK_E_OK)
        *out = &self->base;
    else
        byok_delete(self);
    return err;
}

const struct byok_store_kind byok_store_kind_mongodb = {
    .ops = &ops, .also = "mongodb+srv", .open = open_store};
