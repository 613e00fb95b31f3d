/* SPDX-License-Identifier: MIT */
/* demo/sim_media.h - OpenAI's speech, transcriptions and images: bodies read and bodies written.
 *
 * Pure functions on bytes; the same request gives the same answer in every run.  Speech is a WAV
 * file with a tone for each word, whatever format was asked for but "pcm" (the samples alone).  A
 * transcript says how much audio there was.  An image is a small PNG in the prompt's own colours.
 */
#ifndef BYOK_DEMO_SIM_MEDIA_H
#define BYOK_DEMO_SIM_MEDIA_H

#include "demo/sim_openai.h"

/** Read a body; false with `ret_error` set.  In both cases sim_request_done is due. */
bool sim_media_read_speech(struct byok_str body, struct sim_request *request,
                           struct sim_error *ret_error) BYOK_NONNULL(2, 3) BYOK_MUST_USE;
bool sim_media_read_image(struct byok_str body, struct sim_request *request,
                          struct sim_error *ret_error) BYOK_NONNULL(2, 3) BYOK_MUST_USE;

/** The same for a form; the request borrows from `body`. */
bool sim_media_read_transcription(struct byok_str body, struct sim_request *request,
                                  struct sim_error *ret_error) BYOK_NONNULL(2, 3) BYOK_MUST_USE;

/** Append the answer; its content type. */
const char *sim_media_speech(const struct sim_request *request, struct byok_buf *out)
    BYOK_NONNULL(1, 2);
const char *sim_media_transcription(const struct sim_request *request, struct byok_buf *out)
    BYOK_NONNULL(1, 2);
const char *sim_media_image(const struct sim_request *request, struct byok_buf *out)
    BYOK_NONNULL(1, 2);

#endif
