/* SPDX-License-Identifier: MIT */
/* client/prompt.h - a provider key from a person or a pipe, straight into guarded memory.
 *
 * It is read byte by byte with read(2): no stdio buffer, no copy outside the slot.
 */
#ifndef BYOK_CLIENT_PROMPT_H
#define BYOK_CLIENT_PROMPT_H

#include "base/err.h"
#include "vault_rocks/slot.h"

/** Read one line into `slot`: from the terminal, without echo, when `in` is one, else from `in`.
 *  A newline and white space at the ends are cut off.
 *  BYOK_E_KEY_INVALID: empty, too long, or no key's letters (the text says which); BYOK_E_CONFIG:
 *  no terminal to ask at; BYOK_E_CANCELLED: Ctrl-C.  On any error the slot is all zeros. */
BYOK_MUST_USE BYOK_NONNULL(2, 3, 4)
enum byok_err byok_prompt_key(int in, const char *question, struct byok_slot *slot,
                              struct byok_fault *fault);

#endif
