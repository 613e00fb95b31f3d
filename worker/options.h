/* SPDX-License-Identifier: MIT */
/* worker/options.h - the command line of byokd. */
#ifndef BYOK_WORKER_OPTIONS_H
#define BYOK_WORKER_OPTIONS_H

#include <stdio.h>

#include "base/err.h"

enum byok_mode {
    BYOK_MODE_RUN,
    BYOK_MODE_CHECK,
    BYOK_MODE_NEW_MASTER_KEY,
    BYOK_MODE_PUBLIC_KEY,
    BYOK_MODE_PRINT_SETTINGS,
    BYOK_MODE_VERSION,
    BYOK_MODE_HELP
};

struct byok_options {
    enum byok_mode mode;
    const char *config_file;     /* NULL: the default, if it is there */
    const char *master_key_file; /* of BYOK_MODE_NEW_MASTER_KEY */
};

/** Read the arguments (borrowed).  BYOK_E_CONFIG: the text says what is wrong with which. */
BYOK_MUST_USE BYOK_NONNULL(2, 3)
enum byok_err byok_options_read(int argc, char *const *argv, struct byok_options *out,
                                struct byok_fault *fault);

void byok_options_help(FILE *to) BYOK_NONNULL(1);

#endif
