/* SPDX-License-Identifier: MIT */
/* adapters/kit_media.h - what audio and images are, by their first bytes or by their media type;
 * reading an answer that is audio.  Pure; any thread.
 */
#ifndef BYOK_ADAPTERS_KIT_MEDIA_H
#define BYOK_ADAPTERS_KIT_MEDIA_H

#include "adapters/kit.h"

struct byok_media {
    const char *type;      /* "audio/mpeg" */
    const char *extension; /* "mp3": of a file name, and the word that most providers use */
};

/** By the first bytes, which say it beyond doubt (WAV, FLAC, Ogg, MP3 with a tag, …; PNG, JPEG,
 *  WebP, GIF); NULL: unknown.  Static. */
const struct byok_media *byok_media_of_bytes(struct byok_str bytes);

/** By a media type in any of its spellings, parameters ignored ("audio/x-wav; rate=8000"), or by
 *  the word alone ("wav"); NULL: unknown.  Static. */
const struct byok_media *byok_media_of_type(struct byok_str type);

/** True: type "/" subtype of RFC 2045's characters, short, without parameters. */
bool byok_media_is_type(struct byok_str type);

/** Read an answer whose body is audio: into `output` go "audio" (BYTES, in the arena) and
 *  "media_type".  The type is what the bytes are, else what the answer says, else `asked` (NULL:
 *  not known).
 *
 * BYOK_E_BAD_ANSWER  nothing, HTML, JSON or another text, no audio by any sign, or a cut WAV
 * BYOK_E_NOMEM, BYOK_E_TOO_LARGE
 */
enum byok_err byok_kit_read_audio(const struct byok_adapter_call *call,
                                  const struct byok_http_response *response,
                                  const struct byok_media *asked, struct byok_value *output,
                                  struct byok_fault *fault) BYOK_MUST_USE BYOK_NONNULL(1, 2, 4);

#endif
