/* SPDX-License-Identifier: MIT */
/* vault_rocks/keyring.h - the master keys: id -> 32 bytes, in guarded memory.
 *
 * The first key added is the primary: new records are sealed with it; the others only open.
 * Never stored, never printed.  Thread: filled at start by one thread, then read-only.
 */
#ifndef BYOK_VAULT_ROCKS_KEYRING_H
#define BYOK_VAULT_ROCKS_KEYRING_H

#include <stdint.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"

#define BYOK_MASTER_KEY_BYTES 32
#define BYOK_KEYRING_MAX 16

struct byok_keyring;

BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_keyring_new(struct byok_keyring **out, struct byok_fault *fault);

/** Wipe and release; NULL is fine. */
void byok_keyring_free(struct byok_keyring *ring);

/** Add a key: `text` is 32 raw bytes, 64 hex digits or 44 base64 characters, a final newline
 *  allowed.  BYOK_E_CONFIG: another length or form (the text says how many bytes were found and
 *  what is accepted, never the bytes), a second key of that id, id 0, or a full ring. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_keyring_add(struct byok_keyring *ring, uint32_t id, struct byok_str text,
                               struct byok_fault *fault);

/** Add from a file: read straight into guarded memory.  BYOK_E_CONFIG: cannot be read (the text
 *  names the file), is open to group or others, or wrong as above.  In $CREDENTIALS_DIRECTORY the
 *  group's bits are allowed: there they are the mask of the access list that systemd sets. */
BYOK_MUST_USE BYOK_NONNULL(1, 3)
enum byok_err byok_keyring_add_file(struct byok_keyring *ring, uint32_t id, const char *path,
                                    struct byok_fault *fault);

/** Add from an environment variable, whose value is then wiped in place and removed, also when it
 *  is refused.  For the start, while there is one thread. */
BYOK_MUST_USE BYOK_NONNULL(1, 3)
enum byok_err byok_keyring_add_env(struct byok_keyring *ring, uint32_t id, const char *name,
                                   struct byok_fault *fault);

/** Add what systemd gave the service as the credential of that name (LoadCredential=,
 *  LoadCredentialEncrypted=).  BYOK_E_CONFIG: there are none, or as of byok_keyring_add_file. */
BYOK_MUST_USE BYOK_NONNULL(1, 3)
enum byok_err byok_keyring_add_credential(struct byok_keyring *ring, uint32_t id, const char *name,
                                          struct byok_fault *fault);

/** Add the output of a shell command, read straight into guarded memory; blocks, for 30 s at most.
 *  It has this process's environment but for BYOKD_* and the variables named in `secrets`, which
 *  ends with a NULL.
 *  For the start, before the process gives up the right to start others.  BYOK_E_CONFIG: it cannot
 *  be started, failed, did not end, or its output is no key (which no text repeats). */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_keyring_add_command(struct byok_keyring *ring, uint32_t id, const char *command,
                                       const char *const *secrets, struct byok_fault *fault);

/** The 32 bytes of a key, borrowed from the guarded memory, or NULL. */
const uint8_t *byok_keyring_find(const struct byok_keyring *ring, uint32_t id) BYOK_NONNULL(1);

/** The id of the primary key; 0: the ring is empty. */
uint32_t byok_keyring_primary(const struct byok_keyring *ring) BYOK_NONNULL(1);

/** The id of the index-th key, in the order added; 0: there are not so many. */
uint32_t byok_keyring_id(const struct byok_keyring *ring, uint32_t index) BYOK_NONNULL(1);

/** Bind what is sealed and opened with the ring from now on to a realm (the cluster); "" at first.
 *  Before other threads use the ring.  BYOK_E_CONFIG: longer than BYOK_REALM_MAX. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_keyring_bind(struct byok_keyring *ring, struct byok_str realm,
                                struct byok_fault *fault);

/** The realm, borrowed. */
struct byok_str byok_keyring_realm(const struct byok_keyring *ring) BYOK_NONNULL(1);

/** Write a new random master key as hex into a new file of mode 0600; fails when it exists. */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_keyring_make_file(const char *path, struct byok_fault *fault);

#endif
