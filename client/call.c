/* SPDX-License-Identifier: MIT */
/* client/call.c - see client/call.h. */
#include "client/call.h"

#define GRACE_MS 10000 /* a worker may end a job right at its deadline; then the result travels */
#define POLL_MS 100    /* how soon Ctrl-C is noticed */

enum byok_err byok_record_value(struct byok_arena *arena, const struct byok_record *record,
                                struct byok_value *out, struct byok_fault *fault)
{
    enum byok_format format;
    struct byok_str type = byok_record_header(record, BYOK_HEADER_CONTENT_TYPE);
    if (!byok_format_of(type, record->value, &format))
        return byok_fault_set(fault, BYOK_E_BAD_MESSAGE,
                              "record %d:%lld is neither JSON nor msgpack", (int)record->partition,
                              (long long)record->offset);
    return byok_decode(arena, format, record->value, out, fault);
}

struct byok_str byok_record_request_id(struct byok_arena *arena, const struct byok_record *record)
{
    struct byok_value value;
    struct byok_str id = byok_record_header(record, BYOK_HEADER_REQUEST_ID);
    if (id.len > 0)
        return byok_arena_copy(arena, id);
    if (byok_record_value(arena, record, &value, NULL) != BYOK_E_OK)
        return (struct byok_str){NULL, 0};
    return byok_value_as_str(byok_value_find(&value, "id"));
}

bool byok_record_is_of(const struct byok_record *record, struct byok_str user, struct byok_str id)
{
    if (!byok_str_eq(record->key, user))
        return false;
    BYOK_AUTO(byok_arena) arena = {0};
    return byok_str_eq(byok_record_request_id(&arena, record), id);
}

enum byok_exit byok_exit_of_result(const struct byok_value *result)
{
    struct byok_str status = byok_value_as_str(byok_value_find(result, "status"));
    if (byok_str_is(status, "ok"))
        return BYOK_EXIT_OK;
    return byok_str_is(status, "unknown") ? BYOK_EXIT_UNCLEAR : BYOK_EXIT_FAILED;
}

static enum byok_err post(struct byok_cli *cli, struct byok_reader *asker,
                          const struct byok_job *job, struct byok_fault *fault)
{
    struct byok_producer *producer = NULL;
    enum byok_err err = byok_producer_new(cli, asker, false, &producer, fault);
    if (err == BYOK_E_OK)
        err = byok_producer_send(producer, job->user, job->format, job->bytes, fault);
    if (err == BYOK_E_OK)
        err = byok_producer_flush(producer, fault);
    byok_producer_free(producer);
    return err;
}

enum byok_err byok_post(struct byok_cli *cli, const struct byok_job *job, struct byok_fault *fault)
{
    return post(cli, NULL, job, fault);
}

int64_t byok_call_wait_ms(const struct byok_cli *cli, const struct byok_job *job)
{
    return job->wait_ms >= 0 ? job->wait_ms + GRACE_MS : job->start_ms + cli->set.timeout_ms;
}

static enum byok_err await(struct byok_cli *cli, struct byok_reader *reader,
                           const struct byok_job *job, struct byok_arena *arena,
                           struct byok_value *out, struct byok_fault *fault)
{
    const int64_t wait_ms = byok_call_wait_ms(cli, job);
    const int64_t begun = byok_now_ms();
    struct byok_fault broken = {.code = BYOK_E_OK};
    while (byok_now_ms() - begun < wait_ms && !byok_cli_interrupted()) {
        struct byok_record record;
        switch (byok_reader_next(reader, POLL_MS, &record, &broken)) {
        case BYOK_READ_RECORD:
            broken.code = BYOK_E_OK;
            if (byok_record_is_of(&record, job->user, job->id))
                return byok_record_value(arena, &record, out, fault);
            break;
        case BYOK_READ_NOTHING:
        case BYOK_READ_END:
        case BYOK_READ_FAILED: /* librdkafka tries again by itself */
            break;
        }
    }
    if (broken.code != BYOK_E_OK) {
        *fault = broken;
        return broken.code;
    }
    return byok_fault_set(fault, BYOK_E_TIMEOUT,
                          "no result of request %.*s within %lld s. It may still come: `byok "
                          "results --user … --id …` shows it. Is byokd running (`byok doctor`)? "
                          "Was it refused (`byok dlq`)?",
                          BYOK_STR_ARG(job->id), (long long)((byok_now_ms() - begun) / 1000));
}

enum byok_err byok_call(struct byok_cli *cli, const struct byok_job *job, struct byok_arena *arena,
                        struct byok_value *out, struct byok_fault *fault)
{
    struct byok_reader *reader = NULL;
    const struct byok_start end = {.from = BYOK_FROM_END};
    /* before sending, so that a result that comes at once is not missed */
    enum byok_err err = byok_reader_new(cli, BYOK_TOPIC_RESULTS, job->user, end, &reader, fault);
    if (err == BYOK_E_OK)
        err = post(cli, reader, job, fault);
    if (err == BYOK_E_OK)
        err = await(cli, reader, job, arena, out, fault);
    byok_reader_free(reader);
    return err;
}

enum byok_err byok_ask(struct byok_cli *cli, const struct byok_job *job, bool wait,
                       struct byok_value *result, struct byok_fault *fault)
{
    if (wait)
        return byok_call(cli, job, &cli->arena, result, fault);
    enum byok_err err = byok_post(cli, job, fault);
    if (err == BYOK_E_OK)
        fprintf(cli->out, "%.*s\n", BYOK_STR_ARG(job->id));
    return err;
}
