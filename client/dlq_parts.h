/* SPDX-License-Identifier: MIT */
/* client/dlq_parts.h - what the files of `byok dlq` share; private to this folder. */
#ifndef BYOK_CLIENT_DLQ_PARTS_H
#define BYOK_CLIENT_DLQ_PARTS_H

#include "client/since.h"

struct byok_dlq_flags {
    const char *user, *code, *since;
    int64_t limit; /* -1: all */
    bool follow, all, yes, dry_run;
};

/* Which dead letters are meant.  A position is one alone; all else that is set must be so. */
struct byok_dlq_filter {
    const char *user, *code, *id; /* NULL: any */
    struct byok_start start;      /* BYOK_FROM_OFFSET: the letter of that position */
};

/** The filter of the flags and of the word behind `show` or `replay` (PARTITION:OFFSET or a request
 *  id; NULL: none).  False: the command was misused, which it was told. */
bool byok_dlq_filter_read(struct byok_cli *cli, const struct byok_dlq_flags *flags,
                          const char *word, struct byok_dlq_filter *out) BYOK_NONNULL(1, 2, 4)
    BYOK_MUST_USE;

/** Whether a record is meant.  `arena`: for its request id. */
bool byok_dlq_matches(const struct byok_dlq_filter *filter, struct byok_arena *arena,
                      const struct byok_record *record) BYOK_NONNULL(1, 2, 3);

/** Read the dlq from the filter's start; what matches goes to `on_record`, which gives false to end
 *  it.  Errors as of byok_reader_new and byok_read_records. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4, 6)
enum byok_err byok_dlq_read(struct byok_cli *cli, const struct byok_dlq_filter *filter, bool follow,
                            byok_on_record *on_record, void *context, struct byok_fault *fault);

/** "PARTITION:OFFSET"; false: it is not. */
bool byok_dlq_position_read(struct byok_str text, int32_t *partition, int64_t *offset)
    BYOK_NONNULL(2, 3);

/** One letter without its content, as a row of the list or with --json as a line.  `first`: the
 *  columns' names stand above it. */
void byok_dlq_print(struct byok_cli *cli, struct byok_arena *arena,
                    const struct byok_record *record, bool first) BYOK_NONNULL(1, 2, 3);

/** The same as a tree, for what is printed as JSON. */
struct byok_value byok_dlq_value(struct byok_arena *arena, const struct byok_record *record)
    BYOK_NONNULL(1, 2);

/** `byok dlq show` and `replay`. */
enum byok_exit byok_dlq_show(struct byok_cli *cli, const struct byok_dlq_filter *filter)
    BYOK_NONNULL(1, 2);
enum byok_exit byok_dlq_replay(struct byok_cli *cli, const struct byok_dlq_flags *flags,
                               const struct byok_dlq_filter *filter) BYOK_NONNULL(1, 2, 3);

#endif
