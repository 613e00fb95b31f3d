/* SPDX-License-Identifier: MIT */
/* client/pending.h - which requests still wait for their result.
 *
 * A request is known by user and id.  Results may come twice (at_least_once); the second one is
 * told from the first here.  Thread: one.
 */
#ifndef BYOK_CLIENT_PENDING_H
#define BYOK_CLIENT_PENDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

struct byok_pending;

enum byok_noted {
    BYOK_NOTED,       /* first time */
    BYOK_NOTED_TWICE, /* was noted before */
    BYOK_NOTED_NOMEM
};

struct byok_pending *byok_pending_new(void) BYOK_MUST_USE;
void byok_pending_free(struct byok_pending *pending);

/** A request is going to be sent. The texts are copied. */
enum byok_noted byok_pending_add(struct byok_pending *pending, struct byok_str user,
                                 struct byok_str id) BYOK_NONNULL(1) BYOK_MUST_USE;

/** It was not sent after all. */
void byok_pending_forget(struct byok_pending *pending, struct byok_str user, struct byok_str id)
    BYOK_NONNULL(1);

/** Its result came. True: it was waited for and this is the first. */
bool byok_pending_settle(struct byok_pending *pending, struct byok_str user, struct byok_str id)
    BYOK_NONNULL(1) BYOK_MUST_USE;

/** How many still wait. */
size_t byok_pending_count(const struct byok_pending *pending) BYOK_NONNULL(1);

#endif
