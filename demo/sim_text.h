/* SPDX-License-Identifier: MIT */
/* demo/sim_text.h - hashes, fingerprints and JSON text for the simulated provider.
 *
 * Pure functions; any thread.
 */
#ifndef BYOK_DEMO_SIM_TEXT_H
#define BYOK_DEMO_SIM_TEXT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define SIM_FINGERPRINT_BYTES 17 /* 16 hexadecimal digits and NUL */

/** The first 8 bytes of SHA-256 of a key, in hexadecimal: `printf %s KEY | sha256sum | head -c 16`
 *  gives the same, so a test in any language can find its own keys in the ledger. */
void sim_fingerprint(struct byok_str key, char out[static SIM_FINGERPRINT_BYTES]);

/** A 64-bit hash of `text`; the same on every machine and in every run. */
uint64_t sim_hash(struct byok_str text);

/** The next number of the splitmix64 sequence whose state is `*state`. */
uint64_t sim_random(uint64_t *state);

/** Append `text` as a JSON string, quotes included. Expects UTF-8. */
void sim_json_string(struct byok_buf *out, struct byok_str text);

/** Append a JSON string, or null for NULL and for the empty text. */
void sim_json_or_null(struct byok_buf *out, const char *text);

/** Append bytes as a JSON string of base64. */
void sim_add_base64(struct byok_str bytes, struct byok_buf *out) BYOK_NONNULL(2);

/** Copy a text into a fixed field, cut at its end and NUL-terminated. */
void sim_copy(char *out, size_t room, struct byok_str text) BYOK_NONNULL(1);

#endif
