/* SPDX-License-Identifier: MIT */
/* client/bulk.h - many requests at once, and their results as they come.
 *
 * No request waits for another's result.  The owner sends, and in between lets results be taken;
 * what is still missing is waited for at the end.
 */
#ifndef BYOK_CLIENT_BULK_H
#define BYOK_CLIENT_BULK_H

#include "client/call.h"

struct byok_bulk;

/** Begin; with `wait` the results are read and printed. Errors as of byok_producer_new. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_bulk_new(struct byok_cli *cli, bool wait, struct byok_bulk **out,
                            struct byok_fault *fault);

/** NULL is fine. */
void byok_bulk_free(struct byok_bulk *bulk);

/** Tell that an input (its line's number) is refused; it counts as failed. */
void byok_bulk_refuse(struct byok_bulk *bulk, size_t line, const char *why) BYOK_NONNULL(1, 3);

/** Send one. A request whose user and id came before is refused.  BYOK_E_BROKER: no use to go on;
 *  other faults are of this request alone. */
BYOK_MUST_USE BYOK_NONNULL(1, 3, 4)
enum byok_err byok_bulk_send(struct byok_bulk *bulk, size_t line, const struct byok_job *job,
                             struct byok_fault *fault);

/** Handle what has come meanwhile, without waiting. */
void byok_bulk_turn(struct byok_bulk *bulk) BYOK_NONNULL(1);

/** Wait for what is missing, unless `err` says that sending broke off, and tell the sums.  Gives
 *  1 when any failed or was refused, else 4 when any is unclear. */
enum byok_exit byok_bulk_end(struct byok_bulk *bulk, enum byok_err err, struct byok_fault *fault)
    BYOK_NONNULL(1, 3);

#endif
