/* SPDX-License-Identifier: MIT */
/* client/submit_lines.c - `byok submit --file`: a request per line.
 *
 * Reading lines, sending, and printing results go on side by side.
 */
#include "client/submit.h"

#include <errno.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include "base/limits.h"
#include "client/bulk.h"
#include "client/file.h"

#define WAIT_MS 50 /* for a line */
#define BURST 256  /* lines, before results get their turn */

struct sending {
    const struct byok_job_flags *flags;
    enum byok_format format;
    struct byok_lines *lines;
    struct byok_bulk *bulk;
    struct byok_arena arena; /* of one line */
    bool no_more;            /* lines */
};

/* Only what holds for all lines is an error of the whole. */
static enum byok_err take_line(struct sending *sending, struct byok_str line,
                               struct byok_fault *fault)
{
    struct byok_job job;
    struct byok_value tree;
    const size_t number = byok_lines_number(sending->lines);
    if (byok_str_trim(line).len == 0)
        return BYOK_E_OK;
    byok_arena_done(&sending->arena);
    enum byok_err err = byok_job_of_line(&sending->arena, sending->flags, line, &tree, fault);
    if (err == BYOK_E_OK)
        err = byok_job_finish(&sending->arena, &tree, sending->format, &job, fault);
    if (err == BYOK_E_OK)
        err = byok_bulk_send(sending->bulk, number, &job, fault);
    if (err == BYOK_E_OK || err == BYOK_E_BROKER)
        return err;
    byok_bulk_refuse(sending->bulk, number, fault->text);
    return BYOK_E_OK;
}

static enum byok_err take_lines(struct sending *sending, struct byok_fault *fault)
{
    for (int i = 0; i < BURST && !sending->no_more; i++) {
        struct byok_str line;
        enum byok_err err = BYOK_E_OK;
        switch (byok_lines_next(sending->lines, i == 0 ? WAIT_MS : 0, &line)) {
        case BYOK_LINE:
            err = take_line(sending, line, fault);
            break;
        case BYOK_LINE_TOO_LONG:
            byok_bulk_refuse(sending->bulk, byok_lines_number(sending->lines),
                             "it is longer than 11 MiB");
            break;
        case BYOK_LINE_LATER:
            return BYOK_E_OK;
        case BYOK_LINE_FAILED:
            return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "the input cannot be read: %s",
                                  strerror(errno));
        case BYOK_LINE_END:
            sending->no_more = true;
            break;
        }
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}

static enum byok_exit send_all(struct sending *sending, struct byok_fault *fault)
{
    enum byok_err err = BYOK_E_OK;
    while (err == BYOK_E_OK && !sending->no_more) {
        err = take_lines(sending, fault);
        byok_bulk_turn(sending->bulk);
    }
    return byok_bulk_end(sending->bulk, err, fault);
}

enum byok_exit byok_submit_lines(struct byok_cli *cli, const struct byok_job_flags *flags,
                                 const char *path, enum byok_format format, bool wait)
{
    struct byok_fault fault;
    struct sending sending = {.flags = flags, .format = format};
    bool given = strcmp(path, "-") == 0;
    int fd = given ? cli->in : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return byok_cli_misused(cli, "cannot open '%.200s': %s", path, strerror(errno));
    /* base64 of the largest audio, and the members around it */
    sending.lines = byok_lines_new(fd, (size_t)BYOK_REQUEST_BYTES_MAX / 8 * 11);
    enum byok_err err = sending.lines ? byok_bulk_new(cli, wait, &sending.bulk, &fault)
                                      : byok_fault_set(&fault, BYOK_E_NOMEM, "no memory");
    enum byok_exit code =
        err == BYOK_E_OK ? send_all(&sending, &fault) : byok_cli_fault(cli, &fault);
    byok_bulk_free(sending.bulk);
    byok_lines_free(sending.lines);
    byok_arena_done(&sending.arena);
    if (!given)
        close(fd);
    return code;
}
