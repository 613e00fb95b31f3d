/* SPDX-License-Identifier: MIT */
/* client/tally.h - sums usage events per day, provider and model.
 *
 * An event is counted once: its id and attempt are unique, and a repeated one (at_least_once) is
 * told by them.  Thread: one.
 */
#ifndef BYOK_CLIENT_TALLY_H
#define BYOK_CLIENT_TALLY_H

#include <stdint.h>
#include <stdio.h>

#include "base/err.h"
#include "schemas/value.h"

struct byok_tally;

struct byok_tally *byok_tally_new(void) BYOK_MUST_USE;
void byok_tally_free(struct byok_tally *tally);

/** Count an event (schemas/usage.schema.json).  BYOK_E_BAD_MESSAGE: it is none; BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_tally_add(struct byok_tally *tally, const struct byok_value *event);

/** A table with a line for each day, provider and model, in that order, and their sum. */
void byok_tally_print(struct byok_tally *tally, FILE *to) BYOK_NONNULL(1, 2);

/** {"rows": […], "total": {…}}, in the arena. */
struct byok_value byok_tally_value(struct byok_tally *tally, struct byok_arena *arena)
    BYOK_NONNULL(1, 2);

#endif
