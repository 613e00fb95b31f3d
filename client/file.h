/* SPDX-License-Identifier: MIT */
/* client/file.h - whole small files, and lines as they come through a pipe. */
#ifndef BYOK_CLIENT_FILE_H
#define BYOK_CLIENT_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/** Read a whole file ("-": the descriptor `in`) into the arena.
 *  BYOK_E_BAD_REQUEST: it cannot be read or is larger than `cap_bytes`; the text names it. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 5, 6)
enum byok_err byok_file_read(struct byok_arena *arena, const char *path, int in, size_t cap_bytes,
                             struct byok_str *out, struct byok_fault *fault);

struct byok_lines;

enum byok_line {
    BYOK_LINE,         /* a line, without its end */
    BYOK_LINE_LATER,   /* none came in time */
    BYOK_LINE_TOO_LONG, /* a line longer than the cap; it was skipped */
    BYOK_LINE_END,     /* no more */
    BYOK_LINE_FAILED   /* errno tells */
};

/** Read lines of `fd`, which stays the caller's; a line has at most `cap_bytes`.
 *  NULL: no memory. */
struct byok_lines *byok_lines_new(int fd, size_t cap_bytes) BYOK_MUST_USE;
void byok_lines_free(struct byok_lines *lines);

/** The next line, borrowed until the next call; waits at most that long for more input. A last
 *  line without an end counts. */
enum byok_line byok_lines_next(struct byok_lines *lines, int wait_ms, struct byok_str *out)
    BYOK_NONNULL(1, 3) BYOK_MUST_USE;

/** The number of the line given last, from 1. */
size_t byok_lines_number(const struct byok_lines *lines) BYOK_NONNULL(1);

#endif
