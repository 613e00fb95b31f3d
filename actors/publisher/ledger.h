/* SPDX-License-Identifier: MIT */
/* actors/publisher/ledger.h - a durable note before each call that costs: the CLAIM.
 *
 * No provider of synchronous calls honours an idempotency key, so a call that may have been sent is
 * not sent again blindly.  Before its first byte leaves, a claim of the request's id is durable:
 * in the state topic (ledger: cluster), on this host's disk (host), or not at all (process: then
 * only this process knows).  Whoever meets a claim without a DONE record knows that the outcome is
 * unclear, and the job's on_unknown decides.
 *
 * The claim stands outside the transactions, in the same changelog.  It is in the local table
 * before the call leaves, and the table's position never passes one that is on its way
 * (byok_ledger_bound), so a restart does not skip a claim that let a call go.
 *
 * Nothing fences a claim as a transaction is fenced.  So a claim lets its call go for
 * BYOK_CLAIM_WINDOW_US only: a worker that slept through the loss of its partition finds the window
 * closed.  It is far below a consumer's session timeout (6 s at least, which the port sees to),
 * and the port refuses claims while the membership is in doubt.
 * With static membership another may have the partitions at once: there the port answers a claim
 * when the group has confirmed, after it was written, that this member was not replaced.
 */
#ifndef BYOK_ACTORS_PUBLISHER_LEDGER_H
#define BYOK_ACTORS_PUBLISHER_LEDGER_H

#include "actors/env.h"

struct byok_partition;

#define BYOK_CLAIM_WINDOW_US ((int64_t)2000000)

/** Whether the task's next call must be claimed first: key commands cost nothing, and a claim that
 *  was taken for this attempt and not used (its limits had grown old) is good until its window
 *  closes. */
bool byok_ledger_wants(const struct byok_ctx *ctx, const struct byok_task *task) BYOK_NONNULL(1, 2);

/** Whether the call may go now: its claim's window is open, and the partition is ours. */
bool byok_ledger_lets_go(const struct byok_ctx *ctx, const struct byok_task *task)
    BYOK_NONNULL(1, 2);

/** Whether the task has a claim to be taken back (by WITHDRAW) before the request waits to be tried
 *  again or is left to the partition's next owner: nothing was sent, or what came of it is known,
 *  and the partition is ours.  Should it be another's before the note is there, it does no harm: it
 *  names the claim that it takes back. */
bool byok_ledger_can_withdraw(const struct byok_ctx *ctx, const struct byok_task *task)
    BYOK_NONNULL(1, 2);

/** The changelog position that the local table of the partition may take: `position`, or less while
 *  claims below it are on their way.  -1: none. */
int64_t byok_ledger_bound(const struct byok_env *env, const struct byok_partition *partition,
                          int64_t position) BYOK_NONNULL(1, 2);

/** A record of ours stands in the partition's changelog at that offset. */
void byok_ledger_saw(struct byok_partition *partition, int64_t offset) BYOK_NONNULL(1);

#endif
