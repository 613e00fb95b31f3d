/* SPDX-License-Identifier: MIT */
/* demo/sim_answer.h - what the simulated provider answers, before any wire gives it its form.
 *
 * Pure functions: the same request gives the same text, vectors, sound and picture in every wire and
 * in every run.
 */
#ifndef BYOK_DEMO_SIM_ANSWER_H
#define BYOK_DEMO_SIM_ANSWER_H

#include "demo/sim_wire.h"

#define SIM_TRANSCRIPT_BYTES 128
#define SIM_PICTURE_TYPE "image/png"

/** Make a chat's answer, of about `words` words. */
void sim_answer_text(const struct sim_request *request, uint32_t words, struct sim_text *ret_text)
    BYOK_NONNULL(1, 3);

/** Part the next piece of a streamed answer, a word with its leading space, from `rest`; false at
 *  its end. */
bool sim_next_piece(struct byok_str *rest, struct byok_str *ret_piece) BYOK_NONNULL(1, 2);

/** Append the vector of input number `i`: JSON numbers, or in base64 as little-endian floats. */
void sim_add_vector(const struct sim_request *request, uint32_t i, struct byok_buf *out)
    BYOK_NONNULL(1, 3);

/** Append the prompt spoken: a tone for each word, in mp3 and Opus silence of the same length.  Its
 *  media type. */
const char *sim_answer_sound(const struct sim_request *request, struct byok_buf *out)
    BYOK_NONNULL(1, 2);

/** How long a recording is: a WAV file by its header, others as if of 128 kbit/s. */
uint32_t sim_sound_ms(struct byok_str audio);

/** A transcript, which says how much audio there was. */
struct byok_str sim_answer_transcript(struct byok_str audio,
                                      char room[static SIM_TRANSCRIPT_BYTES]);

/** The first word of `text`, which loses it; empty at the end. */
struct byok_str sim_next_word(struct byok_str *text) BYOK_NONNULL(1);

/** Word number `i` of a transcript of `count` words begins so many ms after the recording's begin:
 *  each has the same share of the time. */
uint32_t sim_word_ms(uint32_t ms, uint32_t i, uint32_t count);
uint32_t sim_count_words(struct byok_str text);

/** Append milliseconds as seconds, "0.250": printf's decimal point depends on the locale. */
void sim_add_seconds(uint32_t ms, struct byok_buf *out) BYOK_NONNULL(2);

/** Append the members "start" and "end" of an object that goes on, in seconds. */
void sim_add_span(uint32_t from_ms, uint32_t to_ms, struct byok_buf *out) BYOK_NONNULL(3);

/** Append a small PNG, striped in two colours of the prompt's own, as a JSON string of base64;
 *  `number` is that of the image. */
void sim_add_picture(const struct sim_request *request, uint32_t number, struct byok_buf *out)
    BYOK_NONNULL(1, 3);

#endif
