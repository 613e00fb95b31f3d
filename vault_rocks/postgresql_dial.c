/* SPDX-License-Identifier: MIT */
/* vault_rocks/postgresql_dial.c - see vault_rocks/postgresql_dial.h. */
#include "vault_rocks/postgresql_dial.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <poll.h>
#include <pthread.h>

#include <sodium.h>

#include "base/condition.h"
#include "base/mem.h"

/* Of two: who asked and who connects.  The one that comes last frees it. */
struct dial {
    pthread_mutex_t lock; /* guards the next three */
    pthread_cond_t changed;
    bool ended, left;
    PGconn *conn;
    int64_t deadline_us;
    char error[BYOK_OUTAGE_TEXT_BYTES];
    char url[]; /* holds a password */
};

bool byok_pg_wait(PGconn *conn, short events, int64_t deadline_us)
{
    for (;;) {
        int64_t left_us = deadline_us - byok_server_now_us();
        struct pollfd fd = {.fd = PQsocket(conn), .events = events};
        if (left_us <= 0 || fd.fd < 0)
            return false;
        int ready = poll(&fd, 1, (int)(left_us / 1000) + 1);
        if (ready > 0)
            return true;
    }
}

/* libpq would write what the server remarks to stderr. */
static void ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

static void connect_now(struct dial *self)
{
    /* unless the URL says another: a standby that can be read lags behind what was acknowledged */
    static const char *const names[] = {"target_session_attrs", "dbname",
                                        "fallback_application_name", "client_encoding", NULL};
    const char *const values[] = {"read-write", self->url, "byokd", "UTF8", NULL};
    PGconn *conn = PQconnectStartParams(names, values, 1);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    bool in_time = conn && PQstatus(conn) != CONNECTION_BAD;
    if (conn)
        (void)PQsetNoticeReceiver(conn, ignore_notice, NULL);
    while (in_time && status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
        in_time = byok_pg_wait(conn, status == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                               self->deadline_us);
        if (in_time)
            status = PQconnectPoll(conn);
    }
    if (in_time && status == PGRES_POLLING_OK && PQsetnonblocking(conn, 1) == 0) {
        self->conn = conn;
        return;
    }
    snprintf(self->error, sizeof self->error, "PostgreSQL cannot be reached: %.150s",
             !conn ? "no memory"
             : status == PGRES_POLLING_FAILED || !in_time
                 ? (PQerrorMessage(conn)[0] ? PQerrorMessage(conn) : "no answer in time")
                 : "it cannot be set up");
    PQfinish(conn);
}

static void free_dial(struct dial *self)
{
    PQfinish(self->conn);
    pthread_cond_destroy(&self->changed);
    pthread_mutex_destroy(&self->lock);
    sodium_memzero(self->url, strlen(self->url));
    byok_delete(self);
}

static void *run(void *arg)
{
    struct dial *self = arg;
    connect_now(self);
    pthread_mutex_lock(&self->lock);
    self->ended = true;
    bool left = self->left;
    pthread_cond_signal(&self->changed);
    pthread_mutex_unlock(&self->lock);
    if (left)
        free_dial(self);
    return NULL;
}

static struct dial *new_dial(const char *url, int64_t timeout_us)
{
    size_t len = strlen(url);
    struct dial *self = byok_new(1, sizeof *self + len + 1);
    if (!self)
        return NULL;
    memcpy(self->url, url, len);
    self->deadline_us = byok_server_now_us() + timeout_us;
    pthread_mutex_init(&self->lock, NULL);
    byok_condition_init(&self->changed);
    return self;
}

/* False: it is late, and frees itself when it ends. */
static bool await(struct dial *self)
{
    const struct timespec due = {.tv_sec = (time_t)(self->deadline_us / 1000000),
                                 .tv_nsec = (long)(self->deadline_us % 1000000) * 1000};
    int waited = 0;
    pthread_mutex_lock(&self->lock);
    while (!self->ended && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&self->changed, &self->lock, &due);
    bool ended = self->ended;
    self->left = !ended;
    pthread_mutex_unlock(&self->lock);
    return ended;
}

/* After a failure the server is not tried for up to 5 s, so few that are late run at once. */
PGconn *byok_pg_dial(const char *url, int64_t timeout_us, char error[static BYOK_OUTAGE_TEXT_BYTES])
{
    struct dial *self = new_dial(url, timeout_us);
    pthread_t thread;
    if (!self || pthread_create(&thread, NULL, run, self) != 0) {
        if (self)
            free_dial(self);
        snprintf(error, BYOK_OUTAGE_TEXT_BYTES, "no memory to connect to PostgreSQL");
        return NULL;
    }
    (void)pthread_detach(thread);
    if (!await(self)) {
        snprintf(error, BYOK_OUTAGE_TEXT_BYTES,
                 "PostgreSQL cannot be reached: no answer in time, of a name server or its own");
        return NULL;
    }
    PGconn *conn = self->conn;
    self->conn = NULL;
    memcpy(error, self->error, sizeof self->error);
    free_dial(self);
    return conn;
}
