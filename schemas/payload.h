/* SPDX-License-Identifier: MIT */
/* schemas/payload.h - binary content that stands in a store, and what a message says in its place.
 *
 * Wire form: {"ref": NAME, "size": 123, "sha256": HEX, "type": "audio/wav"}.  The name is nobody's
 * to choose: hex(SHA-256(the user's id)) "/" hex(SHA-256(the bytes)).  So a message can name neither
 * a path nor an address, only content of its own user, and only who knows the content's hash can
 * name it; the same content written again is the same object.  Pure; any thread.
 */
#ifndef BYOK_SCHEMAS_PAYLOAD_H
#define BYOK_SCHEMAS_PAYLOAD_H

#include <stdint.h>

#include "base/err.h"
#include "schemas/value.h"

#define BYOK_PAYLOAD_HASH_BYTES 32
#define BYOK_PAYLOAD_OWNER_CHARS 64 /* of a name, before the slash */
#define BYOK_PAYLOAD_NAME_CHARS (2 * BYOK_PAYLOAD_OWNER_CHARS + 1)
#define BYOK_PAYLOAD_TYPE_MAX 64 /* of a media type; the longest in use are about 40 bytes */

struct byok_payload_ref {
    char name[BYOK_PAYLOAD_NAME_CHARS + 1];
    uint8_t hash[BYOK_PAYLOAD_HASH_BYTES]; /* SHA-256 */
    uint64_t size;
    struct byok_str type; /* media type; empty: nothing is said */
};

/** The hash in hex, as it stands in the name; borrowed. */
static inline struct byok_str byok_payload_hash_of(const struct byok_payload_ref *ref)
{
    return (struct byok_str){ref->name + BYOK_PAYLOAD_OWNER_CHARS + 1, BYOK_PAYLOAD_OWNER_CHARS};
}

/** SHA-256 and size of the content, and the name it has as that user's.  About 4 ms a MiB: of more
 *  than a little, not on a shard's thread.  `type` is left alone. */
void byok_payload_identify(struct byok_str user, struct byok_str content,
                           struct byok_payload_ref *out) BYOK_NONNULL(3);

/** Whether the content is the one that is referred to; takes as long. */
bool byok_payload_is(const struct byok_payload_ref *ref, struct byok_str content) BYOK_NONNULL(1);

/** Whether a value stands for a reference: an object with a member "ref". */
bool byok_payload_is_ref(const struct byok_value *value);

/** Read a reference in a message of that user.  BYOK_E_BAD_REQUEST: it is malformed or names what is
 *  not this user's; the text says what, never whose. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_payload_read(const struct byok_value *value, struct byok_str user,
                                struct byok_payload_ref *out, struct byok_fault *fault);

/** The reference as a value in `arena`. */
struct byok_value byok_payload_value(struct byok_arena *arena, const struct byok_payload_ref *ref)
    BYOK_NONNULL(1, 2);

/** A place in a message where content may stand, as bytes or as a reference; `owner` is the map that
 *  it is a member of. */
typedef void (*byok_payload_visit)(void *arg, const struct byok_value *owner,
                                   struct byok_value *place);

/** Every place of a job: `audio`, and `data` of the parts of messages, those inside of a part (a tool's
 *  result) too. */
void byok_payload_each_input(struct byok_value *job, byok_payload_visit visit, void *arg)
    BYOK_NONNULL(1, 2);

/** Every place of a result or an answer's output: `audio`, `data` of `images`, `embeddings`. */
void byok_payload_each_output(struct byok_value *result, byok_payload_visit visit, void *arg)
    BYOK_NONNULL(1, 2);

#endif
