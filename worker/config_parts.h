/* SPDX-License-Identifier: MIT */
/* worker/config_parts.h - the tables of settings and the steps of loading; private to config*.c. */
#ifndef BYOK_WORKER_CONFIG_PARTS_H
#define BYOK_WORKER_CONFIG_PARTS_H

#include "base/arena.h"
#include "worker/config.h"

enum byok_setting_kind {
    BYOK_SETTING_TEXT, /* const char * */
    BYOK_SETTING_WORD, /* const char *, one of `words` */
    BYOK_SETTING_NUMBER, /* int64_t */
    BYOK_SETTING_FLAG, /* bool */
    BYOK_SETTING_LIST_TEXT, /* struct byok_config_texts */
    BYOK_SETTING_LIST_provider, /* struct byok_config_<table>s */
    BYOK_SETTING_LIST_header,
    BYOK_SETTING_LIST_master_key,
    BYOK_SETTING_LIST_signer
};

struct byok_setting {
    const char *path; /* "kafka.brokers" */
    enum byok_setting_kind kind;
    size_t offset; /* in the table's struct */
    const char *fallback;
    int64_t min, max;
    const char *words; /* "a|b" */
};

struct byok_setting_table {
    const struct byok_setting *rows;
    size_t count;
    size_t size; /* of its struct */
};

/** The settings of the file's top. */
extern const struct byok_setting_table byok_settings_top;

/** The table of a list's entries; NULL: the kind is no list of maps. */
const struct byok_setting_table *byok_setting_entries(enum byok_setting_kind kind);

/** The length of a path's section, without the point; 0: it has none. */
size_t byok_setting_section(const struct byok_setting *row) BYOK_NONNULL(1);

/** Put the value `text` (copied) into the struct `into` that the row's table describes.
 *  BYOK_E_CONFIG: not of its kind or out of its range.  BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4, 5)
enum byok_err byok_setting_put(struct byok_arena *arena, const struct byok_setting *row, void *into,
                               const char *text, const char *where, struct byok_fault *fault);

/** Put the default of every scalar of the table. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_setting_defaults(struct byok_arena *arena,
                                    const struct byok_setting_table *table, void *into,
                                    struct byok_fault *fault);

/* One key of the file: its whole path ("providers[0].name") and its line. */
struct byok_config_line {
    struct byok_config_line *next;
    struct byok_str path;
    size_t line;
};

/** Index the keys of a YAML text.  BYOK_E_CONFIG: it is no YAML, or a key stands there twice. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4)
enum byok_err byok_config_lines(struct byok_arena *arena, const char *file, struct byok_str text,
                                struct byok_config_line **out, struct byok_fault *fault);

/** The line of a path, or of the nearest that holds it; 0: none. */
size_t byok_config_line_of(const struct byok_config_line *lines, struct byok_str path);

/** Refuse keys that are in no table.  BYOK_E_CONFIG. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_config_known(const char *file, const struct byok_config_line *lines,
                                struct byok_fault *fault);

/** A whole file of at most 1 MiB.  `what` it is, for the text of a fault.  BYOK_E_CONFIG. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_config_read(const char *path, const char *what, struct byok_buf *out,
                               struct byok_fault *fault);

/** Read the file into `config`. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_config_file(struct byok_config *config, const char *path,
                               struct byok_fault *fault);

/** Read the environment into `config`; after the file, which may name variables of master keys. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_config_environment(struct byok_config *config, char *const *environment,
                                      struct byok_fault *fault);

/** Read the public keys of auth.signers into auth.keys.  BYOK_E_CONFIG, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_config_read_signers(struct byok_config *config, struct byok_fault *fault);

#endif
