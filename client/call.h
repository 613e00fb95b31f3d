/* SPDX-License-Identifier: MIT */
/* client/call.h - one request and its result, as a call would be. */
#ifndef BYOK_CLIENT_CALL_H
#define BYOK_CLIENT_CALL_H

#include "client/cli.h"
#include "client/job.h"
#include "client/kafka.h"

/** A record's value as a tree in the arena.  BYOK_E_BAD_MESSAGE, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_record_value(struct byok_arena *arena, const struct byok_record *record,
                                struct byok_value *out, struct byok_fault *fault);

/** Whether the record is of that request: by its header, or by its value when it has none. */
bool byok_record_is_of(const struct byok_record *record, struct byok_str user, struct byok_str id)
    BYOK_NONNULL(1);

/** The request id of a record: its header, or its value's member; in the arena. */
struct byok_str byok_record_request_id(struct byok_arena *arena, const struct byok_record *record)
    BYOK_NONNULL(1, 2);

/** Send a request and wait until the broker has it.  BYOK_E_BROKER, BYOK_E_TOO_LARGE. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_post(struct byok_cli *cli, const struct byok_job *job, struct byok_fault *fault);

/** Send a request and wait for its result, at most until 10 s after its deadline, or the command's
 *  timeout when it has none.  The result is in `arena`.
 *  BYOK_E_TIMEOUT: no result in time; BYOK_E_BROKER, BYOK_E_TOO_LARGE, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4, 5)
enum byok_err byok_call(struct byok_cli *cli, const struct byok_job *job, struct byok_arena *arena,
                        struct byok_value *out, struct byok_fault *fault);

/** A command's request: with `wait` its result, as byok_call, in the command's arena; else it is sent,
 *  its id printed, and `result` left alone.  The errors of both. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4, 5)
enum byok_err byok_ask(struct byok_cli *cli, const struct byok_job *job, bool wait,
                       struct byok_value *result, struct byok_fault *fault);

/** How long the result of a job is waited for, in ms. */
int64_t byok_call_wait_ms(const struct byok_cli *cli, const struct byok_job *job)
    BYOK_NONNULL(1, 2);

/** The exit code of a result's status. */
enum byok_exit byok_exit_of_result(const struct byok_value *result) BYOK_NONNULL(1);

#endif
