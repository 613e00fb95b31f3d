/* SPDX-License-Identifier: MIT */
/* adapters/kit_media.h - what audio and images are, by their first bytes or by their media type;
 * reading an answer that is audio.  Pure; any thread.
 */
#ifndef BYOK_ADAPTERS_KIT_MEDIA_H
#define BYOK_ADAPTERS_KIT_MEDIA_H

#include "adapters/kit.h"
#include "adapters/multipart.h"

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

/** The media type of a part of a message: its "media_type", else what its "data" (BYTES, or base64
 *  as STRING) begins with; empty: neither says. */
struct byok_str byok_media_type_of_part(const struct byok_adapter_call *call,
                                        const struct byok_value *part) BYOK_NONNULL(1);

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

/** Name the job's audio for a form: by its `media_type`, else by its first bytes, else nothing is
 *  said of it.  BYOK_E_UNSUPPORTED: `media_type` is none. */
enum byok_err byok_media_name_file(const struct byok_adapter_call *call, struct byok_str audio,
                                   struct byok_multipart_file *out, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 3);

/** The job's audio to be sent: its bytes, or a length only when it is a file that is not in memory. */
struct byok_str byok_media_audio(const struct byok_adapter_call *call, struct byok_str audio)
    BYOK_NONNULL(1);

/** The form becomes the body of a request that was begun.  As byok_multipart_end, but for
 *  BYOK_E_TOO_LARGE when it was the arena's cap. */
enum byok_err byok_media_end_form(const struct byok_adapter_call *call, struct byok_multipart *form,
                                  struct byok_http_request *out, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2, 3);

#endif
