/* SPDX-License-Identifier: MIT */
/* client/bulk.c - see client/bulk.h. */
#include "client/bulk.h"

#include <unistd.h>

#include "base/mem.h"
#include "client/pending.h"
#include "client/render.h"

#define WAIT_MS 50      /* for a result */
#define BURST 256       /* results, before something else gets its turn */
#define PROGRESS_MS 200 /* between two updates of the line on a terminal */
#define GRACE_MS 10000  /* as in call.c */

struct byok_bulk {
    struct byok_cli *cli;
    struct byok_producer *producer;
    struct byok_reader *reader;   /* NULL: nobody waits */
    struct byok_pending *pending; /* NULL: nobody waits */
    struct byok_arena arena;      /* of one result */
    size_t sent, refused, done, failed, unclear;
    int64_t last_wait_ms; /* the longest deadline of a request, from when it was sent */
    int64_t alive_at_ms;  /* when something last happened */
    int64_t progress_at_ms;
    bool shows_progress;
};

static void clear_progress(struct byok_bulk *bulk)
{
    if (bulk->shows_progress && bulk->progress_at_ms > 0)
        fputs("\r\033[K", bulk->cli->err);
}

static void show_progress(struct byok_bulk *bulk)
{
    int64_t now = byok_now_ms();
    if (!bulk->shows_progress || now - bulk->progress_at_ms < PROGRESS_MS)
        return;
    bulk->progress_at_ms = now;
    fprintf(bulk->cli->err, "\r\033[K%zu sent", bulk->sent);
    if (bulk->reader)
        fprintf(bulk->cli->err, ", %zu done, %zu failed", bulk->done,
                bulk->failed + bulk->unclear + bulk->refused);
    fflush(bulk->cli->err);
}

void byok_bulk_refuse(struct byok_bulk *bulk, size_t line, const char *why)
{
    clear_progress(bulk);
    fprintf(bulk->cli->err, "byok: line %zu: ", line);
    byok_cli_print_text(bulk->cli->err, byok_str_of(why), false);
    fputc('\n', bulk->cli->err);
    bulk->refused++;
}

/* ---- sending ---- */

static bool note(struct byok_bulk *bulk, size_t line, const struct byok_job *job)
{
    if (!bulk->pending)
        return true;
    enum byok_noted noted = byok_pending_add(bulk->pending, job->user, job->id);
    if (noted == BYOK_NOTED_TWICE)
        byok_bulk_refuse(bulk, line,
                         "its user and id were given before; a request id has one result");
    else if (noted == BYOK_NOTED_NOMEM)
        byok_bulk_refuse(bulk, line, "no memory");
    return noted == BYOK_NOTED;
}

enum byok_err byok_bulk_send(struct byok_bulk *bulk, size_t line, const struct byok_job *job,
                             struct byok_fault *fault)
{
    if (!note(bulk, line, job))
        return BYOK_E_OK;
    enum byok_err err =
        byok_producer_send(bulk->producer, job->user, job->format, job->bytes, fault);
    if (err != BYOK_E_OK) {
        if (bulk->pending)
            byok_pending_forget(bulk->pending, job->user, job->id);
        return err;
    }
    bulk->sent++;
    bulk->alive_at_ms = byok_now_ms();
    if (job->wait_ms > bulk->last_wait_ms)
        bulk->last_wait_ms = job->wait_ms;
    if (!bulk->pending && !bulk->cli->set.quiet)
        fprintf(bulk->cli->out, "%.*s\n", BYOK_STR_ARG(job->id));
    return BYOK_E_OK;
}

/* ---- results ---- */

static void count(struct byok_bulk *bulk, enum byok_exit code)
{
    bulk->done++;
    bulk->failed += code == BYOK_EXIT_FAILED;
    bulk->unclear += code == BYOK_EXIT_UNCLEAR;
    bulk->alive_at_ms = byok_now_ms();
}

static void print(struct byok_bulk *bulk, const struct byok_record *record)
{
    struct byok_value result;
    struct byok_fault fault;
    clear_progress(bulk);
    if (byok_record_value(&bulk->arena, record, &result, &fault) != BYOK_E_OK) {
        (void)byok_cli_fault(bulk->cli, &fault);
        count(bulk, BYOK_EXIT_UNCLEAR);
        return;
    }
    count(bulk, byok_exit_of_result(&result));
    if (bulk->cli->set.json) {
        byok_cli_print_json(bulk->cli, &result);
        return;
    }
    byok_render_head(bulk->cli->out, &result);
    byok_render_body(bulk->cli->out, &result, "  ");
}

static void take_results(struct byok_bulk *bulk, int wait_ms)
{
    struct byok_fault fault;
    struct byok_record record;
    for (int i = 0; i < BURST; i++) {
        if (byok_reader_next(bulk->reader, i == 0 ? wait_ms : 0, &record, &fault) !=
            BYOK_READ_RECORD)
            return; /* a failed read is tried again by librdkafka itself */
        byok_arena_done(&bulk->arena);
        struct byok_str id = byok_record_request_id(&bulk->arena, &record);
        if (byok_pending_settle(bulk->pending, record.key, id))
            print(bulk, &record);
    }
}

void byok_bulk_turn(struct byok_bulk *bulk)
{
    byok_producer_poll(bulk->producer);
    if (bulk->reader)
        take_results(bulk, 0);
    show_progress(bulk);
}

/* ---- begin and end ---- */

static enum byok_err await_all(struct byok_bulk *bulk, struct byok_fault *fault)
{
    bulk->alive_at_ms = byok_now_ms();
    int64_t patience = bulk->cli->set.timeout_ms;
    if (bulk->last_wait_ms + GRACE_MS > patience && bulk->last_wait_ms > 0)
        patience = bulk->last_wait_ms + GRACE_MS;
    while (byok_pending_count(bulk->pending) > 0) {
        take_results(bulk, WAIT_MS);
        show_progress(bulk);
        if (byok_now_ms() - bulk->alive_at_ms >= patience)
            return byok_fault_set(fault, BYOK_E_TIMEOUT,
                                  "%zu results did not come: nothing more was heard for %lld s. "
                                  "They may still come (`byok results --all --since 1h`); is "
                                  "byokd running (`byok doctor`)?",
                                  byok_pending_count(bulk->pending), (long long)(patience / 1000));
    }
    return BYOK_E_OK;
}

void byok_bulk_free(struct byok_bulk *bulk)
{
    if (!bulk)
        return;
    byok_producer_free(bulk->producer);
    byok_reader_free(bulk->reader);
    byok_pending_free(bulk->pending);
    byok_arena_done(&bulk->arena);
    byok_delete(bulk);
}

static enum byok_err open_all(struct byok_bulk *bulk, bool wait, struct byok_fault *fault)
{
    const struct byok_start end = {.from = BYOK_FROM_END};
    const struct byok_str all = {NULL, 0};
    if (wait) {
        bulk->pending = byok_pending_new();
        if (!bulk->pending)
            return byok_fault_set(fault, BYOK_E_NOMEM, "no memory");
        /* before sending, so that a result that comes at once is not missed */
        enum byok_err err =
            byok_reader_new(bulk->cli, BYOK_TOPIC_RESULTS, all, end, &bulk->reader, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    return byok_producer_new(bulk->cli, bulk->reader, true, &bulk->producer, fault);
}

enum byok_err byok_bulk_new(struct byok_cli *cli, bool wait, struct byok_bulk **out,
                            struct byok_fault *fault)
{
    struct byok_bulk *bulk = byok_new(1, sizeof *bulk);
    if (!bulk)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory");
    bulk->cli = cli;
    bulk->shows_progress = !cli->set.quiet && cli->err == stderr && isatty(STDERR_FILENO);
    enum byok_err err = open_all(bulk, wait, fault);
    if (err != BYOK_E_OK) {
        byok_bulk_free(bulk);
        return err;
    }
    *out = bulk;
    return BYOK_E_OK;
}

enum byok_exit byok_bulk_end(struct byok_bulk *bulk, enum byok_err err, struct byok_fault *fault)
{
    if (err == BYOK_E_OK)
        err = byok_producer_flush(bulk->producer, fault);
    if (err == BYOK_E_OK && bulk->reader)
        err = await_all(bulk, fault);
    clear_progress(bulk);
    if (bulk->reader)
        byok_cli_note(bulk->cli, "%zu sent, %zu done: %zu ok, %zu failed, %zu unclear%s",
                      bulk->sent, bulk->done, bulk->done - bulk->failed - bulk->unclear,
                      bulk->failed, bulk->unclear, bulk->refused > 0 ? "; lines refused" : "");
    else
        byok_cli_note(bulk->cli, "%zu sent", bulk->sent);
    if (err != BYOK_E_OK)
        return byok_cli_fault(bulk->cli, fault);
    if (bulk->failed > 0 || bulk->refused > 0)
        return BYOK_EXIT_FAILED;
    return bulk->unclear > 0 ? BYOK_EXIT_UNCLEAR : BYOK_EXIT_OK;
}
