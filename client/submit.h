/* SPDX-License-Identifier: MIT */
/* client/submit.h - the two halves of `byok submit`; private to this folder. */
#ifndef BYOK_CLIENT_SUBMIT_H
#define BYOK_CLIENT_SUBMIT_H

#include "client/cli.h"
#include "client/job.h"

/** Send every line of a JSONL file ("-": standard input); with `wait` print the results in the
 *  order in which they come, and give 1 when any failed, else 4 when any is unclear. */
enum byok_exit byok_submit_lines(struct byok_cli *cli, const struct byok_job_flags *flags,
                                 const char *path, enum byok_format format, bool wait)
    BYOK_NONNULL(1, 2, 3);

#endif
