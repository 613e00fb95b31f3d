/* SPDX-License-Identifier: MIT */
/* base/str.h - a borrowed slice of text or bytes.
 *
 * Owns nothing: it is valid as long as what it points into (an arena, a record, a literal).
 * Not NUL-terminated unless a function says so.
 */
#ifndef BYOK_BASE_STR_H
#define BYOK_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/attr.h"

struct byok_str {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
};

/* A literal as a slice; in initialisers too. */
#define BYOK_STR(literal) {(literal), sizeof(literal) - 1}

/* printf("%.*s", BYOK_STR_ARG(s)) */
#define BYOK_STR_ARG(s) (int)(s).len, (s).ptr ? (s).ptr : ""

/** The slice of a NUL-terminated string; NULL gives the empty slice. */
static inline struct byok_str byok_str_of(const char *text)
{
    return (struct byok_str){text, text ? strlen(text) : 0};
}

static inline bool byok_str_eq(struct byok_str a, struct byok_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool byok_str_is(struct byok_str a, const char *text)
{
    return byok_str_eq(a, byok_str_of(text));
}

static inline bool byok_str_starts(struct byok_str a, struct byok_str prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

/** Order by bytes, as of memcmp(); what the other begins with comes first.  Below, at or above 0. */
static inline int byok_str_compare(struct byok_str a, struct byok_str b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common > 0 ? memcmp(a.ptr, b.ptr, common) : 0;
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/** ASCII case-insensitive equality, for header names and content types. */
bool byok_str_eq_nocase(struct byok_str a, struct byok_str b);

/** Where `needle` begins in `hay`, or SIZE_MAX. An empty needle is at 0. */
size_t byok_str_find(struct byok_str hay, struct byok_str needle);

/** `a` without ASCII white space at both ends. */
struct byok_str byok_str_trim(struct byok_str a);

/** Into a NUL-terminated field of `size` bytes, at least 1; what is too long is cut. */
void byok_str_to_field(char *field, size_t size, struct byok_str text) BYOK_NONNULL(1);

#endif
