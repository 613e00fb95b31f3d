/* SPDX-License-Identifier: MIT */
/* vault_rocks/postgresql_link.c - see vault_rocks/postgresql_link.h. */
#include "vault_rocks/postgresql_link.h"

#include <stdio.h>
#include <string.h>

#include <poll.h>

#include "base/mem.h"
#include "vault_rocks/postgresql_dial.h"

#define LINKS_MAX 4
#define SLOW 30 /* times the timeout: what making the tables may take */
#define MIGRATION_LOCK "7523649310482"

/* Version i+1 is made by the i-th; one that was released is never changed. */
static const char *const migrations[] = {
    "CREATE TABLE byok_records (partition integer NOT NULL, key bytea NOT NULL,"
    " value bytea NOT NULL, PRIMARY KEY (partition, key));"
    "CREATE TABLE byok_positions (partition integer PRIMARY KEY, position bigint NOT NULL)",
};
#define VERSION ((int)(sizeof migrations / sizeof migrations[0]))

struct byok_pg {
    struct byok_outage outage;
    pthread_mutex_t lock; /* guards the links and `ready` */
    pthread_cond_t freed;
    PGconn *links[LINKS_MAX]; /* open and unused */
    size_t idle, made;
    bool ready; /* the tables are there */
    char url[]; /* holds a password */
};

/* ---- one connection ---- */

/* NULL: no answer in time, or the connection broke. */
static PGresult *next_result(PGconn *conn, int64_t deadline_us, bool *ok)
{
    for (;;) {
        int unsent = PQflush(conn);
        if (unsent < 0 || (!PQisBusy(conn) && unsent == 0)) {
            *ok = unsent == 0;
            return *ok ? PQgetResult(conn) : NULL;
        }
        if (!byok_pg_wait(conn, (short)(POLLIN | (unsent ? POLLOUT : 0)), deadline_us) ||
            !PQconsumeInput(conn)) {
            *ok = false;
            return NULL;
        }
    }
}

/* What the server said, without the details, which hold what was sent. */
static void describe(const PGresult *result, char out[static BYOK_OUTAGE_TEXT_BYTES])
{
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(out, BYOK_OUTAGE_TEXT_BYTES, "PostgreSQL: %.150s (%.5s)", text ? text : "?",
             state ? state : "?");
}

/* All results of one statement or one plain text of several: the last one's rows.  An error of
 * any is kept in `error`.  NULL: the connection is of no use any more, or (*none) there is none. */
static PGresult *collect(PGconn *conn, int64_t deadline_us,
                         char error[static BYOK_OUTAGE_TEXT_BYTES], bool *ok)
{
    PGresult *last = NULL, *one;
    while ((one = next_result(conn, deadline_us, ok))) {
        ExecStatusType status = PQresultStatus(one);
        if ((status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) && error[0] == '\0')
            describe(one, error);
        if (status == PGRES_TUPLES_OK) {
            PQclear(last);
            last = one;
        } else {
            PQclear(one);
        }
    }
    return last;
}

/* Texts of this file only.  False: it broke, or the server refused (`error`). */
static bool run_text(PGconn *conn, const char *sql, int64_t deadline_us,
                     char error[static BYOK_OUTAGE_TEXT_BYTES], int *number)
{
    bool ok = PQsendQuery(conn, sql) == 1;
    PGresult *rows = ok ? collect(conn, deadline_us, error, &ok) : NULL;
    if (number)
        *number = -1;
    if (rows && number && PQntuples(rows) == 1)
        (void)sscanf(PQgetvalue(rows, 0, 0), "%d", number);
    PQclear(rows);
    return ok && error[0] == '\0';
}

/* ---- migrations ---- */

static enum byok_err too_new(int found, struct byok_fault *fault)
{
    return byok_fault_set(fault, BYOK_E_STORE,
                          "the tables in PostgreSQL are of version %d, made by a newer byokd; this "
                          "one knows %d",
                          found, VERSION);
}

/* From version `found` on, in the transaction that is open. */
static bool migrate_from(PGconn *conn, int found, int64_t deadline_us,
                         char error[static BYOK_OUTAGE_TEXT_BYTES])
{
    bool ok = true;
    for (int i = found; ok && i < VERSION; i++) {
        char note[96];
        snprintf(note, sizeof note, "INSERT INTO byok_migrations (version) VALUES (%d)", i + 1);
        ok = run_text(conn, migrations[i], deadline_us, error, NULL) &&
             run_text(conn, note, deadline_us, error, NULL);
    }
    return ok;
}

/* First without a change, since the tables may have been made by somebody with more rights. */
static enum byok_err make_tables(struct byok_pg *self, PGconn *conn, int64_t timeout_us,
                                 struct byok_fault *fault)
{
    static const char look[] =
        "SELECT CASE WHEN to_regclass('byok_migrations') IS NULL THEN 0 ELSE 1 END";
    static const char version[] = "SELECT coalesce(max(version), 0) FROM byok_migrations";
    int64_t deadline_us = byok_server_now_us() + SLOW * timeout_us;
    char error[BYOK_OUTAGE_TEXT_BYTES] = "";
    int found = 0;
    bool ok = run_text(conn, look, deadline_us, error, &found) &&
              (found == 0 || run_text(conn, version, deadline_us, error, &found));
    if (ok && found > VERSION)
        return too_new(found, fault);
    if (ok && found < VERSION) {
        ok = run_text(conn,
                      "BEGIN; " BYOK_PG_DURABLE ";"
                      "SELECT pg_advisory_xact_lock(" MIGRATION_LOCK ");"
                      "CREATE TABLE IF NOT EXISTS byok_migrations (version integer PRIMARY KEY,"
                      " made_at timestamptz NOT NULL DEFAULT now())",
                      deadline_us, error, NULL) &&
             run_text(conn, version, deadline_us, error, &found) &&
             migrate_from(conn, found, deadline_us, error) &&
             run_text(conn, "COMMIT", deadline_us, error, NULL);
    }
    if (ok)
        return BYOK_E_OK;
    return byok_outage_begin(
        &self->outage, error[0] ? error : "PostgreSQL does not answer when tables are made", fault);
}

/* ---- the pool ---- */

/* A connection of the pool, or (`fresh`) certainly a new one; NULL: see `fault`. */
static PGconn *take(struct byok_pg *self, int64_t timeout_us, bool *fresh, struct byok_fault *fault)
{
    PGconn *conn = NULL;
    pthread_mutex_lock(&self->lock);
    while (self->idle == 0 && self->made == LINKS_MAX)
        pthread_cond_wait(&self->freed, &self->lock); /* each is given back by its deadline */
    while (*fresh && self->idle > 0) { /* one was broken: the others are most likely too */
        PQfinish(self->links[--self->idle]);
        self->made--;
    }
    if (self->idle > 0)
        conn = self->links[--self->idle];
    else
        self->made++;
    bool ready = self->ready;
    pthread_mutex_unlock(&self->lock);
    *fresh = !conn;
    if (!conn) {
        char error[BYOK_OUTAGE_TEXT_BYTES];
        conn = byok_pg_dial(self->url, timeout_us, error);
        if (!conn)
            byok_outage_begin(&self->outage, error, fault);
    }
    if (conn && !ready) {
        if (make_tables(self, conn, timeout_us, fault) == BYOK_E_OK) {
            pthread_mutex_lock(&self->lock);
            self->ready = true;
            pthread_mutex_unlock(&self->lock);
            return conn;
        }
        PQfinish(conn);
        conn = NULL;
    }
    if (!conn) {
        pthread_mutex_lock(&self->lock);
        self->made--;
        pthread_cond_signal(&self->freed);
        pthread_mutex_unlock(&self->lock);
    }
    return conn;
}

static void give_back(struct byok_pg *self, PGconn *conn, bool sound)
{
    if (!sound)
        PQfinish(conn);
    pthread_mutex_lock(&self->lock);
    if (sound)
        self->links[self->idle++] = conn;
    else
        self->made--;
    pthread_cond_signal(&self->freed);
    pthread_mutex_unlock(&self->lock);
}

/* ---- statements ---- */

static bool send_one(PGconn *conn, const struct byok_pg_statement *statement)
{
    Oid types[BYOK_PG_PARAMS_MAX];
    const char *values[BYOK_PG_PARAMS_MAX];
    int lengths[BYOK_PG_PARAMS_MAX], formats[BYOK_PG_PARAMS_MAX];
    for (int i = 0; i < statement->count; i++) {
        types[i] = statement->params[i].type;
        values[i] = statement->params[i].bytes;
        lengths[i] = (int)statement->params[i].len;
        formats[i] = 1;
    }
    return PQsendQueryParams(conn, statement->sql, statement->count, types, values, lengths,
                             formats, 1) == 1;
}

/* Nobody waits for it any longer then; for this transaction only, since a pool of the server's may
 * give the session to others.  False: the connection broke. */
static bool limit_time(PGconn *conn, int64_t deadline_us)
{
    char sql[80];
    const int64_t left_us = deadline_us - byok_server_now_us();
    snprintf(sql, sizeof sql, "SELECT set_config('statement_timeout', '%lld', true)",
             (long long)(left_us > 1000 ? left_us / 1000 : 1)); /* 0 would be no limit */
    return send_one(conn, &(const struct byok_pg_statement){.sql = sql});
}

/* Several, as one transaction.  False: the connection is of no use any more. */
static bool run_on(PGconn *conn, const struct byok_pg_statement *statements, size_t count,
                   int64_t deadline_us, PGresult **rows, char error[static BYOK_OUTAGE_TEXT_BYTES])
{
    bool ok = PQenterPipelineMode(conn) == 1 && limit_time(conn, deadline_us);
    for (size_t i = 0; ok && i < count; i++)
        ok = send_one(conn, &statements[i]);
    ok = ok && PQpipelineSync(conn) == 1;
    for (size_t i = 0; ok && i < count + 1; i++) {
        PQclear(*rows);
        *rows = collect(conn, deadline_us, error, &ok);
    }
    PGresult *synced = ok ? next_result(conn, deadline_us, &ok) : NULL;
    ok = ok && PQresultStatus(synced) == PGRES_PIPELINE_SYNC;
    PQclear(synced);
    return ok && PQexitPipelineMode(conn) == 1;
}

/* A connection that lay in the pool may have died there: then once more on a new one. */
enum byok_err byok_pg_run(struct byok_pg *self, const struct byok_pg_statement *statements,
                          size_t count, int64_t timeout_us, PGresult **rows,
                          struct byok_fault *fault)
{
    enum byok_err err = byok_outage_check(&self->outage, fault);
    bool fresh = false;
    for (int attempt = 0; err == BYOK_E_OK && attempt < 2; attempt++) {
        char error[BYOK_OUTAGE_TEXT_BYTES] = "", text[BYOK_OUTAGE_TEXT_BYTES];
        PGconn *conn = take(self, timeout_us, &fresh, fault);
        if (!conn)
            return BYOK_E_STORE;
        const int64_t deadline_us = byok_server_now_us() + timeout_us;
        PGresult *got = NULL;
        bool sound = run_on(conn, statements, count, deadline_us, &got, error);
        bool late = byok_server_now_us() >= deadline_us;
        snprintf(text, sizeof text, "PostgreSQL: %.150s",
                 late ? "no answer in time" : PQerrorMessage(conn));
        /* after an error the session is ended too: a server in recovery, or a standby, answers with
         * one, and a new connection may reach another server */
        give_back(self, conn, sound && error[0] == '\0');
        if (sound && error[0] == '\0') {
            byok_outage_end(&self->outage);
            *rows = got;
            return BYOK_E_OK;
        }
        PQclear(got);
        if (fresh || late)
            return byok_outage_begin(&self->outage, error[0] ? error : text, fault);
        fresh = true;
    }
    return err;
}

/* A password with a bare '@' or '/' ends up in what libpq takes for the host or the database, and
 * so in its errors. */
static bool may_hold_password(const PQconninfoOption *options)
{
    for (; options->keyword; options++) {
        bool named = strcmp(options->keyword, "host") == 0 ||
                     strcmp(options->keyword, "hostaddr") == 0 ||
                     strcmp(options->keyword, "dbname") == 0;
        /* an abstract socket begins with one */
        if (named && options->val && options->val[0] != '\0' && strchr(options->val + 1, '@'))
            return true;
    }
    return false;
}

/* libpq's own words about a URL may quote a password. */
enum byok_err byok_pg_new(const char *url, struct byok_pg **out, struct byok_fault *fault)
{
    PQconninfoOption *parsed = url ? PQconninfoParse(url, NULL) : NULL;
    bool good = parsed && !may_hold_password(parsed);
    PQconninfoFree(parsed);
    if (!good)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the store's URL is none of PostgreSQL: "
                              "postgresql://user:password@host:port/database, where a password's "
                              "@ is %%40 and its / is %%2F");
    size_t len = strlen(url);
    struct byok_pg *self = byok_new(1, sizeof *self + len + 1);
    if (!self)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for PostgreSQL");
    memcpy(self->url, url, len);
    byok_outage_init(&self->outage);
    pthread_mutex_init(&self->lock, NULL);
    pthread_cond_init(&self->freed, NULL);
    *out = self;
    return BYOK_E_OK;
}

void byok_pg_free(struct byok_pg *self)
{
    if (!self)
        return;
    while (self->idle > 0)
        PQfinish(self->links[--self->idle]);
    byok_outage_done(&self->outage);
    pthread_cond_destroy(&self->freed);
    pthread_mutex_destroy(&self->lock);
    byok_delete(self);
}
