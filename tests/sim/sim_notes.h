/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_notes.h - the notes port of a worker: claims into the state topic of the cluster.
 *
 * Written at once, outside the transactions, and fenced by nothing but the port's own doubt: what is
 * on the wire when the partition goes may arrive behind the next owner's (`notes_late`).
 * With static membership (`static_members`) there is no doubt: who was replaced does not know, and
 * writes on.  There a note is answered when the group has taken a commit of the member's behind it.
 */
#ifndef BYOK_TESTS_SIM_SIM_NOTES_H
#define BYOK_TESTS_SIM_SIM_NOTES_H

#include <stdint.h>

#include "actors/ports/notes.h"

struct sim_worker;

struct sim_notes {
    struct byok_notes notes;
    struct sim_worker *worker;
    int64_t last_due_us;
};

void sim_notes_init(struct sim_notes *notes, struct sim_worker *worker);

#endif
