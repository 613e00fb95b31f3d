/* SPDX-License-Identifier: MIT */
/* client/attach.h - files as parts of a chat's message. */
#ifndef BYOK_CLIENT_ATTACH_H
#define BYOK_CLIENT_ATTACH_H

#include "base/arena.h"
#include "base/err.h"
#include "client/options.h"
#include "schemas/value.h"

/** The messages of a chat that shows these files: one of the role user, with `prompt` (NULL: none)
 *  before them.  What a file is, its name's ending says.  Their bytes are in the arena; each has at
 *  most `cap_bytes`.
 *  BYOK_E_BAD_REQUEST: a file cannot be read, is empty or too large, or its ending is none that is
 *  known; the text names it.  An arena that failed is the caller's to see. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 5, 6)
enum byok_err byok_attach(struct byok_arena *arena, const char *prompt,
                          const struct byok_list *files, size_t cap_bytes, struct byok_value *out,
                          struct byok_fault *fault);

#endif
