/* SPDX-License-Identifier: MIT */
/* demo/sim_pack.h - recordings packed as FLAC and as Opus in Ogg.  Pure functions. */
#ifndef BYOK_DEMO_SIM_PACK_H
#define BYOK_DEMO_SIM_PACK_H

#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

/** Append a number of 1 to 8 bytes, the lowest first. */
void sim_add_little(struct byok_buf *out, uint64_t number, unsigned bytes) BYOK_NONNULL(1);

/** Append a FLAC file of `pcm`: samples of 16 bits, low byte first, of one channel, as they are. */
void sim_add_flac(struct byok_str pcm, uint32_t rate, struct byok_buf *out) BYOK_NONNULL(3);

/** Append an Ogg file of `samples` (48,000 a second) of Opus: silence of one channel. */
void sim_add_opus(uint32_t samples, struct byok_buf *out) BYOK_NONNULL(2);

#endif
