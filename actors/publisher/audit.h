/* SPDX-License-Identifier: MIT */
/* actors/publisher/audit.h - what the publisher writes to the audit topic, chained per partition.
 *
 * A batch's notes go out as tasks of their own within it, so they are in the transaction of what
 * they note.  The chain's head moves only when the batch is committed; therefore one batch at a
 * time is under way while there is an audit.  The port works on one transaction at a time anyway.
 * At least once, a crash between writing and committing can leave a fork, which `byok audit verify`
 * tells.  Thread: the shard's.
 */
#ifndef BYOK_ACTORS_PUBLISHER_AUDIT_H
#define BYOK_ACTORS_PUBLISHER_AUDIT_H

#include "actors/env.h"

/** Read the head of the task's partition from the state table, when that was not done since the
 *  partition came.  BYOK_E_STORE, BYOK_E_NOMEM: call again later. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_audit_ready(const struct byok_ctx *ctx, const struct byok_task *task);

/** Add the notes of the batch's tasks to the batch.  BYOK_E_NOMEM: it is as it was. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_audit_add(const struct byok_ctx *ctx, struct byok_commit *commit);

/** The batch is committed: its notes are the chains' ends. */
void byok_audit_committed(const struct byok_ctx *ctx, const struct byok_commit *commit)
    BYOK_NONNULL(1, 2);

/** Whether the task is such notes: of no request and of nobody. */
bool byok_audit_is_notes(const struct byok_task *task) BYOK_NONNULL(1);

#endif
