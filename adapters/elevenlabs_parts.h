/* SPDX-License-Identifier: MIT */
/* adapters/elevenlabs_parts.h - what the files of the elevenlabs adapter share; for no other. */
#ifndef BYOK_ADAPTERS_ELEVENLABS_PARTS_H
#define BYOK_ADAPTERS_ELEVENLABS_PARTS_H

#include "adapters/kit.h"

/* elevenlabs_speech.c */
uint32_t byok_elevenlabs_speech_max(struct byok_str model);
BYOK_MUST_USE enum byok_err byok_elevenlabs_build_speech(const struct byok_adapter_call *call,
                                                         struct byok_http_request *out,
                                                         struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_elevenlabs_parse_speech(const struct byok_adapter_call *call,
                                                         const struct byok_http_response *response,
                                                         struct byok_answer *out,
                                                         struct byok_fault *fault);

/* elevenlabs_transcript.c */
BYOK_MUST_USE enum byok_err
byok_elevenlabs_build_transcript(const struct byok_adapter_call *call,
                                 struct byok_http_request *out, struct byok_fault *fault);
BYOK_MUST_USE enum byok_err
byok_elevenlabs_parse_transcript(const struct byok_adapter_call *call,
                                 const struct byok_http_response *response, struct byok_answer *out,
                                 struct byok_fault *fault);

#endif
