/* SPDX-License-Identifier: MIT */
/* adapters/audio_join.h - pieces of audio, one after the other, as one valid file.
 *
 * WAV: one header.  MP3 and AAC (ADTS): frames, without tags and without the first frame that tells a
 * player how long the file is.  Ogg/Opus: one logical stream.  Raw samples: as they are.
 * Pure; any thread.
 */
#ifndef BYOK_ADAPTERS_AUDIO_JOIN_H
#define BYOK_ADAPTERS_AUDIO_JOIN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/** Join `count` (> 0) pieces of the same format; the result is in `arena` (one alone: itself).
 *  `type` is their media type, which says what bytes do not: that they are raw samples.
 *
 * BYOK_E_BAD_ANSWER   a piece is damaged, or not like the first; `fault` says which
 * BYOK_E_UNSUPPORTED  a format that cannot be joined (FLAC, MP4, Ogg other than Opus)
 * BYOK_E_TOO_LARGE    more than the format can hold, or the arena's cap
 * BYOK_E_NOMEM
 */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 5, 6)
enum byok_err byok_audio_join(struct byok_arena *arena, const struct byok_str *pieces, size_t count,
                              struct byok_str type, struct byok_str *out, struct byok_fault *fault);

/** Whether audio of that format (a word as "mp3", or a media type) can be joined; an unknown one may. */
bool byok_audio_joins(struct byok_str format);

/* audio_ogg.c */

/** The same for Ogg/Opus alone. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4, 5)
enum byok_err byok_audio_join_opus(struct byok_arena *arena, const struct byok_str *pieces,
                                   size_t count, struct byok_str *out, struct byok_fault *fault);

#endif
