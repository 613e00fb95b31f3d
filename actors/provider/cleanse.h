/* SPDX-License-Identifier: MIT */
/* actors/provider/cleanse.h - takes the key out of what was read from a provider's answer.
 *
 * The HTTP port scrubs the bytes of an answer as they come.  A key that stood there in JSON's
 * escapes, or spelled in the events of a stream, is whole only after decoding; so what was decoded
 * is scrubbed too, before the slot is given back.
 */
#ifndef BYOK_ACTORS_PROVIDER_CLEANSE_H
#define BYOK_ACTORS_PROVIDER_CLEANSE_H

#include "actors/message.h"

/** Scrub every text, byte string and name of the task's answer, and the text of its fault, of the
 *  key in its slot; where they may be written they are overwritten where they are, else copied.
 *  BYOK_E_NOMEM: no memory for such a copy; call again (also past the job's memory: the arena says
 *  so). */
BYOK_MUST_USE BYOK_NONNULL(1)
enum byok_err byok_cleanse(struct byok_task *task);

#endif
