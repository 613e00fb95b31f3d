/* SPDX-License-Identifier: MIT */
/* client/job.h - makes the requests that `byok submit` sends: from flags, or from a line of JSONL.
 *
 * Every request is read back by the worker's own decoder before it is sent, so that a mistake is
 * told here and does not end in the dlq.
 */
#ifndef BYOK_CLIENT_JOB_H
#define BYOK_CLIENT_JOB_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "client/options.h"
#include "schemas/request.h"

/* The flags as they were given; NULL, -1 or an empty list: not given. */
struct byok_job_flags {
    const char *user, *id, *capability, *provider, *model, *label, *on_unknown;
    const char *options, *metadata;                              /* JSON */
    const char *prompt, *system, *text, *voice, *size, *language; /* members as they are */
    const char *audio, *input_file;                              /* files */
    const char *temperature;
    struct byok_list inputs;
    struct byok_list attached;  /* files */
    struct byok_list fallbacks; /* provider/model */
    struct byok_list sets;  /* NAME=VALUE, VALUE in JSON or else a text */
    size_t file_max; /* bytes of a file whose content is sent; 0: of a request */
    int64_t max_tokens;     /* -1 */
    int64_t deadline_ms;    /* from now, or from not_before; -1 */
    const char *not_before; /* see client/when.h */
    const char *format;     /* "json" or "msgpack" */
    bool stream;            /* deltas are wanted */
};

/* A request that is ready to go. */
struct byok_job {
    struct byok_str user, id;  /* in the arena */
    enum byok_format format;
    struct byok_str bytes;     /* encoded, in the arena */
    int64_t wait_ms;           /* until its deadline; -1: none was given */
    int64_t start_ms;          /* until it may be sent */
};

/** The tree of a job by flags; files are read ("-" from the descriptor `in`).
 *  BYOK_E_BAD_REQUEST, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4, 5)
enum byok_err byok_job_of_flags(struct byok_arena *arena, const struct byok_job_flags *flags,
                                int in, struct byok_value *out, struct byok_fault *fault);

/** The tree of a line of JSONL; what it lacks comes from the flags (user, capability, provider,
 *  model, fallbacks, label, on_unknown, deadline, not_before). */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4, 5)
enum byok_err byok_job_of_line(struct byok_arena *arena, const struct byok_job_flags *flags,
                               struct byok_str line, struct byok_value *out,
                               struct byok_fault *fault);

/** Give the request an id when it has none, encode it and check it.
 *  BYOK_E_BAD_MESSAGE, BYOK_E_TOO_LARGE, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4, 5)
enum byok_err byok_job_finish(struct byok_arena *arena, struct byok_value *tree,
                              enum byok_format format, struct byok_job *out,
                              struct byok_fault *fault);

/** "json" or "msgpack"; false: neither. */
bool byok_format_read(const char *text, enum byok_format *out) BYOK_NONNULL(1, 2) BYOK_MUST_USE;

#endif
