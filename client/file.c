/* SPDX-License-Identifier: MIT */
/* client/file.c - see client/file.h. */
#include "client/file.h"

#include <errno.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

#define READ_BYTES ((size_t)65536)

static ssize_t read_some(int fd, void *bytes, size_t room)
{
    ssize_t got;
    do
        got = read(fd, bytes, room);
    while (got < 0 && errno == EINTR);
    return got;
}

static bool read_all(int fd, struct byok_buf *out)
{
    char chunk[4096];
    ssize_t got;
    while ((got = read_some(fd, chunk, sizeof chunk)) > 0) {
        if (!byok_buf_add(out, chunk, (size_t)got))
            return false;
    }
    return got == 0;
}

enum byok_err byok_file_read(struct byok_arena *arena, const char *path, int in, size_t cap_bytes,
                             struct byok_str *out, struct byok_fault *fault)
{
    bool given = strcmp(path, "-") == 0;
    int fd = given ? in : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "cannot open '%.200s': %s", path,
                              strerror(errno));
    BYOK_AUTO(byok_buf) bytes = {.cap_bytes = cap_bytes};
    bool ok = read_all(fd, &bytes);
    int why = errno;
    if (!given)
        close(fd);
    if (bytes.overflow)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "'%.200s' has more than %zu bytes", path,
                              cap_bytes);
    if (!ok && !bytes.failed)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "cannot read '%.200s': %s", path,
                              strerror(why));
    *out = byok_arena_copy(arena, byok_buf_str(&bytes));
    if (!ok || !out->ptr)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for '%.200s'", path);
    return BYOK_E_OK;
}

struct byok_lines {
    int fd;
    size_t number;
    size_t cap_bytes;
    struct byok_buf held; /* what was read, from `at` on not yet given */
    size_t at;
    size_t searched; /* no line ends in held[at..searched) */
    bool skipping;   /* inside a line that is too long */
    bool ended;
};

struct byok_lines *byok_lines_new(int fd, size_t cap_bytes)
{
    struct byok_lines *lines = byok_new(1, sizeof *lines);
    if (!lines)
        return NULL;
    lines->fd = fd;
    lines->cap_bytes = cap_bytes;
    byok_buf_init(&lines->held, cap_bytes + 2 * READ_BYTES);
    return lines;
}

void byok_lines_free(struct byok_lines *lines)
{
    if (!lines)
        return;
    byok_buf_done(&lines->held);
    byok_delete(lines);
}

/* Give the bytes up to `end`, then go on behind `next`. */
static enum byok_line give(struct byok_lines *lines, size_t end, size_t next, struct byok_str *out)
{
    struct byok_str line = {lines->held.ptr + lines->at, end - lines->at};
    bool skipped = lines->skipping;
    lines->skipping = false;
    lines->number++;
    lines->at = lines->searched = next;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (skipped || line.len > lines->cap_bytes)
        return BYOK_LINE_TOO_LONG;
    *out = line;
    return BYOK_LINE;
}

/* Move what is not given yet to the front; only when the buffer must take more. */
static void compact(struct byok_lines *lines)
{
    if (lines->at > 0) {
        lines->held.len -= lines->at;
        memmove(lines->held.ptr, lines->held.ptr + lines->at, lines->held.len);
        lines->searched -= lines->at;
        lines->at = 0;
    }
    if (lines->held.len > lines->cap_bytes + 1) {
        lines->skipping = true;
        lines->held.len = lines->searched = 0;
    }
}

static enum byok_line fill(struct byok_lines *lines, int wait_ms)
{
    struct pollfd ready = {.fd = lines->fd, .events = POLLIN};
    int count = poll(&ready, 1, wait_ms);
    if (count == 0 || (count < 0 && errno == EINTR))
        return BYOK_LINE_LATER;
    if (count < 0)
        return BYOK_LINE_FAILED;
    char chunk[READ_BYTES];
    ssize_t got = read_some(lines->fd, chunk, sizeof chunk);
    if (got < 0)
        return BYOK_LINE_FAILED;
    lines->ended = got == 0;
    compact(lines);
    if (!byok_buf_add(&lines->held, chunk, (size_t)got)) {
        errno = ENOMEM;
        return BYOK_LINE_FAILED;
    }
    return BYOK_LINE;
}

enum byok_line byok_lines_next(struct byok_lines *lines, int wait_ms, struct byok_str *out)
{
    for (;;) {
        const char *from = lines->held.ptr ? lines->held.ptr + lines->searched : NULL;
        size_t left = lines->held.len - lines->searched;
        const char *end = left > 0 ? memchr(from, '\n', left) : NULL;
        if (end) {
            size_t at = (size_t)(end - lines->held.ptr);
            return give(lines, at, at + 1, out);
        }
        lines->searched = lines->held.len;
        if (lines->ended && lines->at == lines->held.len && !lines->skipping)
            return BYOK_LINE_END;
        if (lines->ended)
            return give(lines, lines->held.len, lines->held.len, out);
        enum byok_line got = fill(lines, wait_ms);
        if (got != BYOK_LINE)
            return got;
    }
}

size_t byok_lines_number(const struct byok_lines *lines)
{
    return lines->number;
}
