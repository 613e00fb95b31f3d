/* SPDX-License-Identifier: MIT */
/* vault_rocks/store_postgresql.c - sealed keys in a PostgreSQL.
 *
 * A batch is one transaction.  It first moves the position and so locks the
 * partition's row; the others are only carried out when the position is then the batch's.  They
 * are statements of their own because each sees what was committed before it began, and the row's
 * lock may have been waited for.
 */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "vault_rocks/postgresql_link.h"
#include "vault_rocks/store_kinds.h"
#include "vault_rocks/wire.h"

#define PAGE_ROWS 256
#define BATCH_BYTES_MAX ((size_t)256 << 20)
#define SLOW 30 /* times the timeout: statements over a whole partition */
#define INT4_OID 23u
#define INT8_OID 20u
#define BYTEA_OID 17u
#define BYTEA_ARRAY_OID 1001u

struct store {
    struct byok_store base;
    struct byok_pg *pg;
    int64_t timeout_us;
};

/* Numbers as PostgreSQL wants them. */
struct numbers {
    char partition[4], position[8];
};

static struct store *self_of(struct byok_store *store)
{
    return (struct store *)store;
}

static void put_big(char *out, uint64_t value, size_t bytes)
{
    struct byok_writer writer = {(uint8_t *)out, (uint8_t *)out + bytes, false};
    byok_put_uint(&writer, value, bytes);
}

static struct numbers numbers_of(int32_t partition, int64_t position)
{
    struct numbers out;
    put_big(out.partition, (uint32_t)partition, sizeof out.partition);
    put_big(out.position, (uint64_t)position, sizeof out.position);
    return out;
}

static struct byok_pg_param text_param(Oid type, struct byok_str text)
{
    return (struct byok_pg_param){type, text.len > 0 ? text.ptr : "", text.len};
}

static struct byok_pg_param partition_param(const struct numbers *numbers)
{
    return (struct byok_pg_param){INT4_OID, numbers->partition, sizeof numbers->partition};
}

static struct byok_pg_param position_param(const struct numbers *numbers)
{
    return (struct byok_pg_param){INT8_OID, numbers->position, sizeof numbers->position};
}

static enum byok_err no_memory(struct byok_fault *fault)
{
    return byok_fault_set(fault, BYOK_E_NOMEM, "no memory to ask PostgreSQL");
}

static enum byok_err get(struct byok_store *store, int32_t partition, struct byok_str key,
                         struct byok_arena *arena, struct byok_str *out, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    const struct numbers numbers = numbers_of(partition, -1);
    const struct byok_pg_statement statement = {
        "SELECT value FROM byok_records WHERE partition = $1 AND key = $2",
        {partition_param(&numbers), text_param(BYTEA_OID, key)},
        2};
    PGresult *rows = NULL;
    enum byok_err err = byok_pg_run(self->pg, &statement, 1, self->timeout_us, &rows, fault);
    if (err != BYOK_E_OK)
        return err;
    struct byok_str value = {NULL, 0};
    bool found = PQntuples(rows) > 0;
    if (found)
        value = byok_arena_copy(
            arena, (struct byok_str){PQgetvalue(rows, 0, 0), (size_t)PQgetlength(rows, 0, 0)});
    PQclear(rows);
    if (found && !value.ptr)
        return no_memory(fault);
    *out = value;
    return BYOK_E_OK;
}

static bool add_uint(struct byok_buf *buf, size_t value)
{
    char big[4];
    put_big(big, value, sizeof big);
    return byok_buf_add(buf, big, sizeof big);
}

/* A bytea[] of the keys or values of those writes that erase, or do not. */
static bool add_array(struct byok_buf *buf, const struct byok_write *const *writes, size_t count,
                      bool erase, bool values)
{
    size_t used = 0;
    for (size_t i = 0; i < count; i++)
        used += writes[i]->erase == erase;
    bool ok = add_uint(buf, used > 0) && add_uint(buf, 0) && add_uint(buf, BYTEA_OID);
    if (used > 0)
        ok = ok && add_uint(buf, used) && add_uint(buf, 1);
    for (size_t i = 0; ok && i < count; i++) {
        struct byok_str bytes = values ? writes[i]->value : writes[i]->key;
        if (writes[i]->erase == erase)
            ok = add_uint(buf, bytes.len) && (bytes.len == 0 || byok_buf_add_str(buf, bytes));
    }
    return ok;
}

/* What a batch is sent as. */
struct arrays {
    struct byok_buf erased, keys, values;
};

static void arrays_done(struct arrays *arrays)
{
    byok_buf_done(&arrays->erased);
    byok_buf_done(&arrays->keys);
    byok_buf_done(&arrays->values);
}

static bool arrays_init(struct arrays *arrays, const struct byok_write *writes, size_t count)
{
    const struct byok_write **last = NULL;
    size_t kept = byok_server_last_writes(writes, count, &last);
    byok_buf_init(&arrays->erased, BATCH_BYTES_MAX);
    byok_buf_init(&arrays->keys, BATCH_BYTES_MAX);
    byok_buf_init(&arrays->values, BATCH_BYTES_MAX);
    bool ok = kept != SIZE_MAX && add_array(&arrays->erased, last, kept, true, false) &&
              add_array(&arrays->keys, last, kept, false, false) &&
              add_array(&arrays->values, last, kept, false, true);
    byok_delete(last);
    return ok;
}

#define IS_OURS                                                                                    \
    "($2 < 0 OR EXISTS (SELECT FROM byok_positions WHERE partition = $1 AND position = $2))"

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
    BYOK_AUTO(arrays) arrays = {0};
    if (!arrays_init(&arrays, writes, count))
        return no_memory(fault);
    const struct numbers numbers = numbers_of(partition, position);
    const struct byok_pg_param where = partition_param(&numbers), what = position_param(&numbers);
    const struct byok_pg_statement statements[] = {
        /* a batch that was acknowledged and lost would be a hole, since the next one's position is
         * above it */
        {.sql = BYOK_PG_DURABLE},
        {"INSERT INTO byok_positions AS p SELECT $1, $2 WHERE $2 >= 0 ON CONFLICT (partition)"
         " DO UPDATE SET position = excluded.position WHERE p.position < excluded.position",
         {where, what},
         2},
        {"DELETE FROM byok_records WHERE partition = $1 AND key = ANY ($3) AND " IS_OURS,
         {where, what, text_param(BYTEA_ARRAY_OID, byok_buf_str(&arrays.erased))},
         3},
        {"INSERT INTO byok_records AS r SELECT $1, k, v FROM unnest($3, $4) AS t (k, v) "
         "WHERE " IS_OURS " ON CONFLICT (partition, key) DO UPDATE SET value = excluded.value",
         {where, what, text_param(BYTEA_ARRAY_OID, byok_buf_str(&arrays.keys)),
          text_param(BYTEA_ARRAY_OID, byok_buf_str(&arrays.values))},
         4},
    };
    PGresult *rows = NULL;
    err = byok_pg_run(self->pg, statements, sizeof statements / sizeof statements[0],
                      self->timeout_us, &rows, fault);
    PQclear(rows);
    return err;
}

static int64_t number_at(const PGresult *rows, int64_t none)
{
    if (PQntuples(rows) < 1 || PQgetisnull(rows, 0, 0) || PQgetlength(rows, 0, 0) != 8)
        return none;
    struct byok_reader reader = byok_reader_of((struct byok_str){PQgetvalue(rows, 0, 0), 8});
    return (int64_t)byok_get_uint(&reader, 8);
}

static enum byok_err position(struct byok_store *store, int32_t partition, int64_t *out,
                              struct byok_fault *fault)
{
    struct store *self = self_of(store);
    const struct numbers numbers = numbers_of(partition, -1);
    const struct byok_pg_statement statement = {
        "SELECT position FROM byok_positions WHERE partition = $1", {partition_param(&numbers)}, 1};
    PGresult *rows = NULL;
    enum byok_err err = byok_pg_run(self->pg, &statement, 1, self->timeout_us, &rows, fault);
    if (err == BYOK_E_OK)
        *out = number_at(rows, -1);
    PQclear(rows);
    return err;
}

/* The first entries at or (`behind`) behind `from`. */
static enum byok_err read_page(struct store *self, int32_t partition, struct byok_str from,
                               bool behind, PGresult **rows, struct byok_fault *fault)
{
    static const char at[] = "SELECT key, value FROM byok_records WHERE partition = $1 AND key >= "
                             "$2 ORDER BY key LIMIT 256";
    static const char after[] =
        "SELECT key, value FROM byok_records WHERE partition = $1 AND key > "
        "$2 ORDER BY key LIMIT 256";
    static_assert(PAGE_ROWS == 256, "as the statements say");
    const struct numbers numbers = numbers_of(partition, -1);
    const struct byok_pg_statement statement = {
        behind ? after : at, {partition_param(&numbers), text_param(BYTEA_OID, from)}, 2};
    return byok_pg_run(self->pg, &statement, 1, self->timeout_us, rows, fault);
}

struct visit {
    byok_store_each each;
    void *arg;
};

/* No connection is held while a caller's function runs. */
static enum byok_err walk(struct store *self, int32_t partition, struct byok_str from, bool behind,
                          struct byok_str prefix, const struct visit *visit,
                          struct byok_fault *fault)
{
    PGresult *rows = NULL;
    enum byok_err err = read_page(self, partition, from, behind, &rows, fault);
    bool more = err == BYOK_E_OK;
    while (more) {
        struct byok_str key = {NULL, 0};
        int count = PQntuples(rows);
        for (int i = 0; more && i < count; i++) {
            key = (struct byok_str){PQgetvalue(rows, i, 0), (size_t)PQgetlength(rows, i, 0)};
            struct byok_str value = {PQgetvalue(rows, i, 1), (size_t)PQgetlength(rows, i, 1)};
            more = byok_str_starts(key, prefix) && visit->each(visit->arg, key, value);
        }
        if (!more || count < PAGE_ROWS)
            break;
        PGresult *next = NULL;
        err = read_page(self, partition, key, true, &next, fault); /* `key` is in `rows` */
        PQclear(rows);
        rows = next;
        more = err == BYOK_E_OK;
    }
    PQclear(rows);
    return err;
}

static enum byok_err scan(struct byok_store *store, int32_t partition, struct byok_str prefix,
                          byok_store_each each, void *arg, struct byok_fault *fault)
{
    return walk(self_of(store), partition, prefix, false, prefix, &(struct visit){each, arg},
                fault);
}

static enum byok_err scan_after(struct byok_store *store, int32_t partition, struct byok_str after,
                                byok_store_each each, void *arg, struct byok_fault *fault)
{
    return walk(self_of(store), partition, after, after.ptr != NULL, (struct byok_str){"", 0},
                &(struct visit){each, arg}, fault);
}

static enum byok_err drop(struct byok_store *store, int32_t partition, struct byok_fault *fault)
{
    struct store *self = self_of(store);
    const struct numbers numbers = numbers_of(partition, -1);
    const struct byok_pg_param where = partition_param(&numbers);
    const struct byok_pg_statement statements[] = {
        {"DELETE FROM byok_positions WHERE partition = $1", {where}, 1},
        {"DELETE FROM byok_records WHERE partition = $1", {where}, 1},
    };
    PGresult *rows = NULL;
    enum byok_err err = byok_pg_run(self->pg, statements, 2, SLOW * self->timeout_us, &rows, fault);
    PQclear(rows);
    return err;
}

static enum byok_err sync_nothing(struct byok_store *store, struct byok_fault *fault)
{
    (void)store;
    (void)fault;
    return BYOK_E_OK; /* a commit was answered when it was durable */
}

static enum byok_err next_partition(struct byok_store *store, int64_t from, int64_t *out,
                                    struct byok_fault *fault)
{
    struct store *self = self_of(store);
    const struct numbers numbers = numbers_of(0, from);
    const struct byok_pg_statement statement = {
        "SELECT min(partition)::bigint FROM ("
        "(SELECT partition FROM byok_records WHERE partition >= $1 ORDER BY partition LIMIT 1) "
        "UNION ALL (SELECT partition FROM byok_positions WHERE partition >= $1 ORDER BY partition "
        "LIMIT 1)) AS t",
        {position_param(&numbers)},
        1};
    PGresult *rows = NULL;
    enum byok_err err = byok_pg_run(self->pg, &statement, 1, SLOW * self->timeout_us, &rows, fault);
    if (err == BYOK_E_OK)
        *out = number_at(rows, BYOK_STORE_NO_PARTITION);
    PQclear(rows);
    return err;
}

static void free_store(struct byok_store *store)
{
    struct store *self = self_of(store);
    byok_pg_free(self->pg);
    byok_delete(self);
}

static const struct byok_store_ops ops = {
    .name = "postgresql",
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
    self->timeout_us = place->timeout_ms * 1000;
    enum byok_err err = byok_pg_new(place->url, &self->pg, fault);
    if (err == BYOK_E_OK)
        *out = &self->base;
    else
        byok_delete(self);
    return err;
}

const struct byok_store_kind byok_store_kind_postgresql = {
    .ops = &ops, .also = "postgres", .open = open_store};
