/* SPDX-License-Identifier: MIT */
/* client/key_parts.h - what `byok key` for one and for many share; private to this folder. */
#ifndef BYOK_CLIENT_KEY_PARTS_H
#define BYOK_CLIENT_KEY_PARTS_H

#include "client/cli.h"
#include "client/job.h"
#include "client/sign.h"
#include "client/vault_key.h"
#include "vault_rocks/slot.h"

struct byok_key_flags {
    const char *user, *provider, *label, *origin, *id, *vault_key, *format, *batch, *sign_with;
    int64_t expires_ms; /* from now; -1: never */
    bool wait, dry_run;
    struct byok_sign *sign; /* that of sign_with; NULL: none.  Set by the command */
};

/** Seal the slot's key for the vault; the envelope is in `arena`.  Errors of byok_envelope_seal. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4, 5, 6, 7)
enum byok_err byok_key_seal(struct byok_arena *arena, const struct byok_key_flags *flags,
                            const char *user, const struct byok_vault_key *vault,
                            const struct byok_slot *slot, struct byok_str *out,
                            struct byok_fault *fault);

/** The request of that type for a user's key; `envelope` empty: it needs none. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4, 6, 7)
enum byok_err byok_key_request(struct byok_arena *arena, const struct byok_key_flags *flags,
                               const char *user, const char *type, struct byok_str envelope,
                               struct byok_job *out, struct byok_fault *fault);

/** Register the keys of flags->batch: on each line a user, a tab and the key.  A key is read
 *  straight into guarded memory, one at a time. */
enum byok_exit byok_key_batch(struct byok_cli *cli, const struct byok_key_flags *flags)
    BYOK_NONNULL(1, 2);

/** `byok key list`: the stored keys of flags->user or of all, without the keys. */
enum byok_exit byok_key_list(struct byok_cli *cli, const struct byok_key_flags *flags)
    BYOK_NONNULL(1, 2);

#endif
