/* SPDX-License-Identifier: MIT */
/* client/streamed.c - see client/streamed.h.
 *
 * A delta is a preview and may be lost; the result is what counts.  What was shown and is the
 * beginning of the result's text is gone on from, anything else is said anew.
 */
#include "client/streamed.h"

#include <inttypes.h>

#include "base/limits.h"

#define POLL_MS 20 /* of the deltas; the results are looked at in between */
#define LAST_DELTAS_MS 2000

struct showing {
    struct byok_cli *cli;
    const struct byok_job *job;
    struct byok_buf shown; /* of the attempt */
    int64_t attempt;       /* the last */
    bool ended;            /* its last delta was shown */
};

static void print_text(FILE *to, struct byok_str text)
{
    while (text.len > 0) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        byok_cli_print_text(to, (struct byok_str){text.ptr, len}, true);
        if (end)
            fputc('\n', to);
        text.ptr += end ? len + 1 : len;
        text.len -= end ? len + 1 : len;
    }
    fflush(to);
}

static int64_t number_of(const struct byok_value *delta, const char *name)
{
    int64_t number = -1;
    (void)byok_value_as_int(byok_value_find(delta, name), &number);
    return number;
}

static void show(struct showing *showing, const struct byok_record *record)
{
    struct byok_cli *cli = showing->cli;
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value delta;
    if (!byok_record_is_of(record, showing->job->user, showing->job->id) ||
        byok_record_value(&arena, record, &delta, NULL) != BYOK_E_OK)
        return;
    const int64_t attempt = number_of(&delta, "attempt");
    showing->ended = byok_value_find(&delta, "finish_reason") != NULL;
    if (cli->set.json) {
        byok_cli_print_json(cli, &delta);
        fflush(cli->out);
        return;
    }
    if (attempt > showing->attempt && showing->shown.len > 0) {
        fputc('\n', cli->out);
        fflush(cli->out);
        fprintf(cli->err, "byok: the stream broke; attempt %" PRId64 " begins anew\n", attempt);
        byok_buf_clear(&showing->shown);
    }
    showing->attempt = attempt;
    struct byok_str text = byok_value_as_str(byok_value_find(&delta, "text"));
    byok_buf_add_str(&showing->shown, text);
    print_text(cli->out, text);
}

static void show_rest(struct showing *showing, const struct byok_value *result)
{
    FILE *to = showing->cli->out;
    struct byok_str text = byok_value_as_str(byok_value_find(result, "text"));
    struct byok_str shown = byok_buf_str(&showing->shown);
    if (byok_str_starts(text, shown)) {
        text = (struct byok_str){text.ptr ? text.ptr + shown.len : NULL, text.len - shown.len};
        print_text(to, text);
    } else {
        fputc('\n', to);
        print_text(to, text);
    }
    if (shown.len > 0 || text.len > 0)
        fputc('\n', to);
}

/* Deltas come by a way of their own and may be behind the result, whose text has all of them. */
static bool are_awaited(const struct showing *showing, const struct byok_value *result)
{
    return showing->cli->set.json && !showing->ended && byok_exit_of_result(result) == BYOK_EXIT_OK;
}

static enum byok_err await(struct showing *showing, struct byok_reader *deltas,
                           struct byok_reader *results, struct byok_value *out,
                           struct byok_fault *fault)
{
    const struct byok_job *job = showing->job;
    const int64_t until_ms = byok_now_ms() + byok_call_wait_ms(showing->cli, job);
    struct byok_fault broken = {.code = BYOK_E_OK};
    struct byok_record record;
    int64_t result_ms = 0; /* when it came; 0: not yet */
    while (byok_now_ms() < until_ms && !byok_cli_interrupted()) {
        enum byok_read read = byok_reader_next(deltas, POLL_MS, &record, &broken);
        if (read == BYOK_READ_RECORD) {
            show(showing, &record);
            continue;
        }
        if (result_ms > 0) {
            if (are_awaited(showing, out) && byok_now_ms() - result_ms < LAST_DELTAS_MS)
                continue;
            if (!showing->cli->set.json)
                show_rest(showing, out);
            return BYOK_E_OK;
        }
        if (byok_reader_next(results, 0, &record, &broken) == BYOK_READ_RECORD &&
            byok_record_is_of(&record, job->user, job->id)) {
            enum byok_err err = byok_record_value(&showing->cli->arena, &record, out, fault);
            if (err != BYOK_E_OK)
                return err;
            result_ms = byok_now_ms();
        }
    }
    if (broken.code != BYOK_E_OK) {
        *fault = broken;
        return broken.code;
    }
    return byok_fault_set(fault, BYOK_E_TIMEOUT,
                          "no result of request %.*s in time. It may still come: `byok results "
                          "--user … --id …` shows it",
                          BYOK_STR_ARG(job->id));
}

enum byok_err byok_call_streamed(struct byok_cli *cli, const struct byok_job *job,
                                 struct byok_value *out, struct byok_fault *fault)
{
    struct byok_reader *deltas = NULL, *results = NULL;
    struct showing showing = {.cli = cli, .job = job};
    const struct byok_start end = {.from = BYOK_FROM_END};
    byok_buf_init(&showing.shown, BYOK_ANSWER_BYTES_MAX);
    /* before sending, so that nothing that comes at once is missed */
    enum byok_err err = byok_reader_new(cli, BYOK_TOPIC_STREAMS, job->user, end, &deltas, fault);
    if (err == BYOK_E_OK)
        err = byok_reader_new(cli, BYOK_TOPIC_RESULTS, job->user, end, &results, fault);
    if (err == BYOK_E_OK)
        err = byok_post(cli, job, fault);
    if (err == BYOK_E_OK)
        err = await(&showing, deltas, results, out, fault);
    byok_reader_free(deltas);
    byok_reader_free(results);
    byok_buf_done(&showing.shown);
    return err;
}
