/* SPDX-License-Identifier: MIT */
/* vault_rocks/mongodb_link.c - see vault_rocks/mongodb_link.h. */
#include "vault_rocks/mongodb_link.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "base/mem.h"

#define GONE_KEEP_S 604800 /* longer than any worker that lost its partition goes on */

struct byok_mongo {
    mongoc_client_pool_t *pool;
    struct byok_outage outage;
    char database[64];    /* MongoDB's limit is 63 */
    pthread_mutex_t lock; /* guards the next */
    bool ready;           /* the index is there, as far as the server knows such */
};

/* The server's own text may hold what was sent, a network's does not. */
static enum byok_err broken(struct byok_mongo *self, const bson_error_t *error,
                            struct byok_fault *fault)
{
    char text[BYOK_OUTAGE_TEXT_BYTES];
    if (error->domain == MONGOC_ERROR_SERVER || error->domain == MONGOC_ERROR_COMMAND ||
        error->domain == MONGOC_ERROR_WRITE_CONCERN)
        snprintf(text, sizeof text, "MongoDB refuses, its error code is %u", error->code);
    else
        snprintf(text, sizeof text, "MongoDB cannot be reached: %.150s", error->message);
    return byok_outage_begin(&self->outage, text, fault);
}

/* The index that takes the erased ones away; a server that knows no such index keeps them. */
static bool make_index(struct byok_mongo *self, mongoc_client_t *client, bson_error_t *error)
{
    bson_t *command =
        BCON_NEW("createIndexes", "records", "indexes", "[", "{", "key", "{", "gone", BCON_INT32(1),
                 "}", "name", "gone", "expireAfterSeconds", BCON_INT32(GONE_KEEP_S), "}", "]");
    bool ok =
        mongoc_client_write_command_with_opts(client, self->database, command, NULL, NULL, error);
    bson_destroy(command);
    return ok || error->domain == MONGOC_ERROR_SERVER;
}

enum byok_err byok_mongo_begin(struct byok_mongo *self, struct byok_mongo_session *session,
                               struct byok_fault *fault)
{
    enum byok_err err = byok_outage_check(&self->outage, fault);
    if (err != BYOK_E_OK)
        return err;
    session->client = mongoc_client_pool_pop(self->pool);
    pthread_mutex_lock(&self->lock);
    bool ready = self->ready;
    pthread_mutex_unlock(&self->lock);
    bson_error_t error;
    if (!ready && !make_index(self, session->client, &error)) {
        mongoc_client_pool_push(self->pool, session->client);
        return broken(self, &error, fault);
    }
    pthread_mutex_lock(&self->lock);
    self->ready = true;
    pthread_mutex_unlock(&self->lock);
    session->records = mongoc_client_get_collection(session->client, self->database, "records");
    session->positions = mongoc_client_get_collection(session->client, self->database, "positions");
    return BYOK_E_OK;
}

enum byok_err byok_mongo_end(struct byok_mongo *self, struct byok_mongo_session *session,
                             const bson_error_t *error, struct byok_fault *fault)
{
    mongoc_collection_destroy(session->records);
    mongoc_collection_destroy(session->positions);
    mongoc_client_pool_push(self->pool, session->client);
    if (error)
        return broken(self, error, fault);
    byok_outage_end(&self->outage);
    return BYOK_E_OK;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* libmongoc opens shared memory for counters of its own as a program that links it is loaded, before
 * main() and the sandbox, whatever store is used; killed, the program leaves it behind.  And it
 * writes to stderr what comes as an error too.  These two are found before the C library's and its
 * own: it then counts in its own memory, and says nothing. */
__attribute__((visibility("default"))) int shm_open(const char *name, int flags, mode_t mode);

int shm_open(const char *name, int flags, mode_t mode)
{
    union {
        void *found;
        int (*call)(const char *, int, mode_t);
    } next = {.found = NULL};
    if (strncmp(name, "/mongoc-", 8) != 0)
        next.found = dlsym(RTLD_NEXT, "shm_open");
    if (next.found)
        return next.call(name, flags, mode);
    errno = ENOSYS;
    return -1;
}

__attribute__((visibility("default"))) void mongoc_log(mongoc_log_level_t level, const char *domain,
                                                       const char *format, ...)
{
    (void)level;
    (void)domain;
    (void)format;
}

/* Majorities whatever the URL says: what is acknowledged must survive a change of the primary. */
static mongoc_client_pool_t *new_pool(mongoc_uri_t *uri, int64_t timeout_ms)
{
    static const char *const limits[] = {MONGOC_URI_CONNECTTIMEOUTMS, MONGOC_URI_SOCKETTIMEOUTMS,
                                         MONGOC_URI_SERVERSELECTIONTIMEOUTMS};
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
        (void)mongoc_uri_set_option_as_int32(uri, limits[i], (int32_t)timeout_ms);
    (void)mongoc_uri_set_option_as_bool(uri, MONGOC_URI_RETRYWRITES, false); /* they are ours */
    (void)mongoc_uri_set_option_as_int32(uri, MONGOC_URI_MAXPOOLSIZE, 4);
    mongoc_write_concern_t *write = mongoc_write_concern_new();
    mongoc_write_concern_set_wmajority(write, (int32_t)timeout_ms);
    mongoc_write_concern_set_journal(write, true);
    mongoc_uri_set_write_concern(uri, write);
    mongoc_write_concern_destroy(write);
    mongoc_read_concern_t *read = mongoc_read_concern_new();
    (void)mongoc_read_concern_set_level(read, MONGOC_READ_CONCERN_LEVEL_MAJORITY);
    mongoc_uri_set_read_concern(uri, read);
    mongoc_read_concern_destroy(read);
    mongoc_read_prefs_t *primary = mongoc_read_prefs_new(MONGOC_READ_PRIMARY);
    mongoc_uri_set_read_prefs_t(uri, primary);
    mongoc_read_prefs_destroy(primary);
    mongoc_client_pool_t *pool = mongoc_client_pool_new(uri);
    if (pool)
        mongoc_client_pool_set_error_api(pool, MONGOC_ERROR_API_VERSION_2);
    return pool;
}

/* A password with a bare '@' ends up in what libmongoc takes for a host, and so in its errors. */
static bool may_hold_password(const mongoc_uri_t *uri)
{
    const mongoc_host_list_t *host = mongoc_uri_get_hosts(uri); /* of mongodb+srv: none */
    const char *service = mongoc_uri_get_srv_hostname(uri);
    bool found = service && strchr(service, '@');
    for (; host && !found; host = host->next)
        found = strchr(host->host, '@') != NULL;
    return found;
}

/* libmongoc's own words about a URL may quote a password. */
enum byok_err byok_mongo_new(const char *url, int64_t timeout_ms, struct byok_mongo **out,
                             struct byok_fault *fault)
{
    (void)pthread_once(&once, mongoc_init);
    struct byok_mongo *self = byok_new(1, sizeof *self);
    if (!self)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for MongoDB");
    mongoc_uri_t *uri = url ? mongoc_uri_new_with_error(url, NULL) : NULL;
    const char *database = uri ? mongoc_uri_get_database(uri) : NULL;
    if (database && strlen(database) < sizeof self->database && !may_hold_password(uri)) {
        snprintf(self->database, sizeof self->database, "%s", database);
        self->pool = new_pool(uri, timeout_ms);
    }
    if (uri)
        mongoc_uri_destroy(uri);
    if (!self->pool) {
        byok_delete(self);
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the store's URL is none of MongoDB with a database: "
                              "mongodb://user:password@host:port/database, where a password's @ is "
                              "%%40 and its / is %%2F");
    }
    byok_outage_init(&self->outage);
    pthread_mutex_init(&self->lock, NULL);
    *out = self;
    return BYOK_E_OK;
}

void byok_mongo_free(struct byok_mongo *self)
{
    mongoc_client_pool_destroy(self->pool);
    byok_outage_done(&self->outage);
    pthread_mutex_destroy(&self->lock);
    byok_delete(self);
}
