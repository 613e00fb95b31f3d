/* SPDX-License-Identifier: MIT */
/* worker/ports/upload_uv.c - see worker/ports/upload_uv.h.
 *
 * Two pieces change places: one is taken from, the other is the pool's while `working`, and full
 * when `is_read`.
 */
#include "worker/ports/upload_uv.h"

#include <string.h>

#include "actors/ports/http.h"
#include "base/mem.h"
#include "payloads/reader.h"

#define PIECE_BYTES (BYOK_HTTP_UPLOAD_BYTES / 2)

struct piece {
    char bytes[PIECE_BYTES];
    size_t len;
};

struct byok_upload {
    uv_loop_t *loop;
    uv_work_t work;
    struct byok_payload_store *store;
    struct byok_payload_reader reader;
    struct byok_fault fault; /* of the reading */
    void (*more)(void *arg);
    void *arg;
    struct piece pieces[2];
    int taken;     /* the piece that is taken from */
    size_t at;     /* in it */
    bool working;  /* on a thread of the pool */
    bool is_read;  /* the other piece can be taken from */
    bool awaited;  /* `more` is to be told */
    bool ended;
};

static void upload_free(struct byok_upload *upload)
{
    byok_payload_reader_done(&upload->reader);
    byok_delete(upload);
}

static void fail(struct byok_upload *upload, int error)
{
    byok_fault_set(&upload->fault, BYOK_E_STORE, "the payload store is not reached: %s",
                   uv_strerror(error));
}

/* On a thread of the pool. */
static void on_work(uv_work_t *work)
{
    struct byok_upload *upload = work->data;
    struct piece *piece = &upload->pieces[!upload->taken];
    struct byok_payload_ref ref = upload->reader.ref;
    enum byok_err err = BYOK_E_OK;
    if (upload->reader.fd < 0)
        err = byok_payload_reader_open(&upload->reader, upload->store, &ref, &upload->fault);
    if (err == BYOK_E_OK)
        (void)!byok_payload_reader_next(&upload->reader, piece->bytes, PIECE_BYTES, &piece->len,
                                        &upload->fault);
}

static void on_worked(uv_work_t *work, int status)
{
    struct byok_upload *upload = work->data;
    upload->working = false;
    if (upload->ended) {
        upload_free(upload);
        return;
    }
    if (status != 0)
        fail(upload, status);
    upload->is_read = upload->fault.code == BYOK_E_OK;
    bool awaited = upload->awaited;
    upload->awaited = false;
    if (awaited)
        upload->more(upload->arg); /* which may end it */
}

static int read_on(struct byok_upload *upload)
{
    upload->work.data = upload;
    int error = uv_queue_work(upload->loop, &upload->work, on_work, on_worked);
    upload->working = error == 0;
    return error;
}

struct byok_upload *byok_upload_begin(uv_loop_t *loop, struct byok_payload_store *store,
                                      const struct byok_payload_ref *ref, void (*more)(void *arg),
                                      void *arg)
{
    struct byok_upload *upload = byok_new(1, sizeof *upload);
    if (!upload)
        return NULL;
    upload->loop = loop;
    upload->store = store;
    upload->reader = (struct byok_payload_reader){.ref = *ref, .fd = -1};
    upload->fault = (struct byok_fault){.code = BYOK_E_OK, .retry_after_ms = -1};
    upload->more = more;
    upload->arg = arg;
    upload->awaited = true;
    if (read_on(upload) == 0)
        return upload;
    upload_free(upload);
    return NULL;
}

/* The pieces change places, and the one that was sent is read into. */
static void change(struct byok_upload *upload)
{
    upload->taken = !upload->taken;
    upload->at = 0;
    upload->is_read = false;
    int error = byok_payload_reader_ended(&upload->reader) ? 0 : read_on(upload);
    if (error != 0)
        fail(upload, error);
}

size_t byok_upload_take(struct byok_upload *upload, char *to, size_t room)
{
    if (upload->at == upload->pieces[upload->taken].len && upload->is_read)
        change(upload);
    const struct piece *piece = &upload->pieces[upload->taken];
    if (byok_upload_fault(upload))
        return 0;
    size_t left = piece->len - upload->at, len = left < room ? left : room;
    memcpy(to, piece->bytes + upload->at, len);
    upload->at += len;
    upload->awaited = len == 0 && upload->working;
    return len;
}

const struct byok_fault *byok_upload_fault(const struct byok_upload *upload)
{
    /* while it is read into, the fault is the pool's */
    return !upload->working && upload->fault.code != BYOK_E_OK ? &upload->fault : NULL;
}

void byok_upload_end(struct byok_upload *upload)
{
    if (!upload)
        return;
    upload->ended = true;
    if (!upload->working)
        upload_free(upload);
}
