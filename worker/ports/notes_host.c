/* SPDX-License-Identifier: MIT */
/* worker/ports/notes_host.c - see worker/ports/notes_host.h. */
#include "worker/ports/notes_host.h"

#include <utlist.h>

#include "actors/actor.h"
#include "base/mem.h"

#define RETRY_MS 250

struct host {
    struct byok_notes notes; /* first: the port's address is this struct's */
    uv_loop_t *loop;
    struct byok_store *store;
    struct byok_note *waiting, *syncing;
    uv_work_t work;
    uv_timer_t retry;
    bool busy, closing;
    enum byok_err err;
};

static void on_timer_closed(uv_handle_t *handle)
{
    byok_delete(handle->data);
}

static void release_if_idle(struct host *host)
{
    if (host->closing && !host->busy)
        uv_close((uv_handle_t *)&host->retry, on_timer_closed);
}

/* On the pool's thread. */
static void sync_table(uv_work_t *work)
{
    struct host *host = work->data;
    host->err = host->store->ops->sync(host->store, NULL);
}

static void begin(struct host *host);

static void on_synced(uv_work_t *work, int status)
{
    struct host *host = work->data;
    struct byok_note *note, *next;
    bool done = status == 0 && host->err == BYOK_E_OK;
    host->busy = false;
    if (host->closing) {
        release_if_idle(host);
        return;
    }
    if (!done) {
        DL_CONCAT(host->syncing, host->waiting);
        host->waiting = host->syncing;
        host->syncing = NULL;
    }
    DL_FOREACH_SAFE(host->syncing, note, next) {
        DL_DELETE(host->syncing, note);
        struct byok_msg *msg = note->reply;
        byok_post(note->reply_to, BYOK_MSG_NOTED, &msg);
    }
    if (done)
        begin(host);
}

static void begin(struct host *host)
{
    if (host->busy || host->closing || !host->waiting)
        return;
    host->syncing = host->waiting;
    host->waiting = NULL;
    host->work.data = host;
    host->busy = uv_queue_work(host->loop, &host->work, sync_table, on_synced) == 0;
    if (!host->busy) {
        host->waiting = host->syncing;
        host->syncing = NULL;
    }
}

/* What could not be synced is tried again. */
static void on_retry(uv_timer_t *timer)
{
    begin(timer->data);
}

static void write_note(struct byok_notes *notes, struct byok_note *note)
{
    struct host *host = (struct host *)notes;
    note->fault = (struct byok_fault){0};
    DL_APPEND(host->waiting, note);
    begin(host);
}

static const struct byok_notes_ops ops = {write_note};

struct byok_notes *byok_notes_host_new(uv_loop_t *loop, struct byok_store *store)
{
    struct host *host = byok_new(1, sizeof *host);
    if (!host || uv_timer_init(loop, &host->retry) != 0) {
        byok_delete(host);
        return NULL;
    }
    host->notes = (struct byok_notes){&ops, false};
    host->loop = loop;
    host->store = store;
    host->retry.data = host;
    (void)uv_timer_start(&host->retry, on_retry, RETRY_MS, RETRY_MS);
    return &host->notes;
}

void byok_notes_host_close(struct byok_notes *notes)
{
    struct host *host = (struct host *)notes;
    if (!host || host->closing)
        return;
    host->closing = true;
    (void)uv_timer_stop(&host->retry);
    release_if_idle(host);
}
