/* SPDX-License-Identifier: MIT */
/* client/options.h - a command line read by a table.
 *
 * An option is a row: its name, what follows it, and where its value goes in the command's own
 * struct.  Pure; the values borrow from argv.  No text of a fault repeats what looks like a key.
 */
#ifndef BYOK_CLIENT_OPTIONS_H
#define BYOK_CLIENT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/* What an option's value is; in brackets the type of the member at its offset. */
enum byok_option_kind {
    BYOK_OPTION_ON,       /* no value: sets true (bool) */
    BYOK_OPTION_OFF,      /* no value: sets false (bool) */
    BYOK_OPTION_TEXT,     /* (const char *) */
    BYOK_OPTION_COUNT,    /* a whole number from 0 (int64_t) */
    BYOK_OPTION_DURATION, /* e.g. 30s (int64_t, ms) */
    BYOK_OPTION_LIST      /* may be given many times (struct byok_list) */
};

struct byok_list {
    const char **items; /* in the arena */
    size_t count;
};

struct byok_option {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    enum byok_option_kind kind;
    const char *argument; /* what help calls the value, e.g. "USER"; NULL: it takes none */
    const char *help;
    size_t offset; /* into the values */
};

struct byok_option_table {
    const struct byok_option *options;
    size_t count;
    void *values; /* a struct that the offsets are of */
};

/** Read the arguments (without the program's and the command's name) by the tables, the first that
 *  knows a name wins.  What is no option goes to `words`; "--" ends the options.
 *  BYOK_E_BAD_REQUEST: `fault` says which argument and what is expected; BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 5, 6)
enum byok_err byok_options_read(struct byok_arena *arena, const struct byok_option_table *tables,
                                size_t table_count, int argc, char *const *argv,
                                struct byok_list *words, struct byok_fault *fault);

/** The same for the options in front of the first word; gives in `count` how many arguments they
 *  are. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 5, 6)
enum byok_err byok_options_read_front(struct byok_arena *arena,
                                      const struct byok_option_table *tables, size_t table_count,
                                      int argc, char *const *argv, int *count,
                                      struct byok_fault *fault);

/** Add to a list; false: no memory. */
bool byok_list_add(struct byok_arena *arena, struct byok_list *list, const char *item)
    BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;

/** "500ms", "30s", "10m", "2h", "1d" to milliseconds; false: not such a text. */
bool byok_duration_read(const char *text, int64_t *out_ms) BYOK_NONNULL(1, 2) BYOK_MUST_USE;

/** A whole number from 0 in decimal; false: none, or past 63 bits. */
bool byok_count_read(const char *text, int64_t *out) BYOK_NONNULL(1, 2) BYOK_MUST_USE;

#endif
