/* SPDX-License-Identifier: MIT */
/* worker/log.h - the log port: one line per event on a file descriptor, as key=value or JSON.
 *
 *     ts=2026-01-31T12:00:00.123Z level=info event=partition_restored partition=3
 *
 * Each line is one write(2), so lines of different threads never mix.  Any thread.
 */
#ifndef BYOK_WORKER_LOG_H
#define BYOK_WORKER_LOG_H

#include "actors/ports/log.h"
#include "base/attr.h"

/* Room of a line; what is longer is cut, at a field's end, and says so by truncated=true. */
#define BYOK_LOG_LINE_MAX 4096

struct byok_log_file {
    struct byok_log log; /* what is handed out */
    int fd;
    bool json;
};

/** Prepare a log that writes to `fd` (borrowed).  `level` and `format` are settings' words. */
void byok_log_init(struct byok_log_file *file, int fd, const char *level, const char *format)
    BYOK_NONNULL(1, 3, 4);

#endif
