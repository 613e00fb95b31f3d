/* SPDX-License-Identifier: MIT */
/* adapters/audio.h - the units of speech: characters that were spoken, time that was heard.
 * Pure; any thread.
 */
#ifndef BYOK_ADAPTERS_AUDIO_H
#define BYOK_ADAPTERS_AUDIO_H

#include "adapters/kit.h"

/** The characters of the job's text (code points), for providers that bill by them. */
int64_t byok_audio_characters(const struct byok_adapter_call *call) BYOK_NONNULL(1);

/** A count in a header, or -1. */
int64_t byok_audio_header_count(const struct byok_http_response *response, const char *name)
    BYOK_NONNULL(1, 2);

/** Seconds as milliseconds, or -1 when it is no time. */
int64_t byok_audio_milliseconds(const struct byok_value *seconds);

/** Set the time `name` (seconds from the beginning) of `from` in `out`; none is left out. */
void byok_audio_put_time(const struct byok_adapter_call *call, const struct byok_value *from,
                         const char *name, struct byok_value *out) BYOK_NONNULL(1, 3, 4);

#endif
