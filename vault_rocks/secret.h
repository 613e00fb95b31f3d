/* SPDX-License-Identifier: MIT */
/* vault_rocks/secret.h - a secret that is a text, from a file or the environment into guarded memory.
 *
 * As for master keys: a file must be its owner's alone, a variable is wiped after it was read.
 */
#ifndef BYOK_VAULT_ROCKS_SECRET_H
#define BYOK_VAULT_ROCKS_SECRET_H

#include "base/err.h"

#define BYOK_SECRET_BYTES 4096 /* with the NUL; the longest are URLs of several hosts */

/** The text of a file, without a line end, NUL-terminated; given back by byok_secret_free.  No error's
 *  text holds any of it.  BYOK_E_CONFIG, BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_secret_file(const char *path, char **out, struct byok_fault *fault);

/** The same of an environment variable, which is wiped and unset. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3)
enum byok_err byok_secret_env(const char *name, char **out, struct byok_fault *fault);

/** Wipe and release; NULL is fine. */
void byok_secret_free(char *secret);

/** Whether an open file is one that only its owner (or, of a systemd credential, the service) may
 *  read.  BYOK_E_CONFIG, naming the path; `fault` may be NULL. */
BYOK_MUST_USE BYOK_NONNULL(2)
enum byok_err byok_secret_check_mode(int fd, const char *path, struct byok_fault *fault);

#endif
