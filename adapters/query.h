/* SPDX-License-Identifier: MIT */
/* adapters/query.h - the query of a URL, from a tree.  Pure; any thread. */
#ifndef BYOK_ADAPTERS_QUERY_H
#define BYOK_ADAPTERS_QUERY_H

#include "schemas/value.h"

/** Append the members of a map to a URL, percent-encoded, behind '?' or behind what is there.
 *
 * A text stands as it is, a number and a bool as in JSON, a list as its member once for each item
 * (a=1&a=2), an object as JSON; null leaves the member out.  `url` stays NUL-terminated, in the
 * arena; the arena's failure is sticky.
 */
void byok_query_add(struct byok_arena *arena, struct byok_str *url, const struct byok_value *map)
    BYOK_NONNULL(1, 2, 3);

#endif
