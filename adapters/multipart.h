/* SPDX-License-Identifier: MIT */
/* adapters/multipart.h - a form with files (multipart/form-data, RFC 7578) as one body.
 *
 * What the parts hold is borrowed for as long as the body: it is sent from where it is, in pieces, so
 * a large file is not copied.  The boundary is no random number, so the same form gives the same bytes; it is
 * looked for in every part and another is taken where it occurs.  A file that is not in memory cannot be
 * searched: with one the boundary holds 192 bits of the file's SHA-256, so no file can be made that
 * holds it.  Pure; any thread.
 */
#ifndef BYOK_ADAPTERS_MULTIPART_H
#define BYOK_ADAPTERS_MULTIPART_H

#include "adapters/http_message.h"
#include "base/arena.h"
#include "base/err.h"
#include "schemas/value.h"

struct byok_multipart_part;

struct byok_multipart {
    struct byok_arena *arena;
    struct byok_multipart_part *first, *last;
    struct byok_str sha256; /* of a file that is not in memory, in hex; empty: there is none */
};

struct byok_multipart_file {
    struct byok_str file_name;
    struct byok_str media_type; /* of printable ASCII */
    struct byok_str bytes; /* a length only: they are not in memory */
    struct byok_str sha256; /* of such ones, in hex */
};

/** An empty form.  The arena's failure is sticky, and byok_multipart_end() reports it. */
void byok_multipart_init(struct byok_multipart *form, struct byok_arena *arena) BYOK_NONNULL(1, 2);

/** Add a field.  In a name '"', CR and LF are percent-encoded, as browsers do it (the HTML
 *  standard, 4.10.21.8). */
void byok_multipart_text(struct byok_multipart *form, struct byok_str name, struct byok_str text)
    BYOK_NONNULL(1);

/** Add the fields of a map: a text as it is, a number and a bool as in JSON, null not at all, a
 *  list as its items under `name[]`, an object as its members under `name[member]`. */
void byok_multipart_map(struct byok_multipart *form, const struct byok_value *map)
    BYOK_NONNULL(1, 2);

/** Add a file. */
void byok_multipart_file(struct byok_multipart *form, struct byok_str name,
                         const struct byok_multipart_file *file) BYOK_NONNULL(1, 3);

/** The body, as pieces of the request, and its Content-Type; both in the arena.
 *
 * BYOK_E_BAD_REQUEST  the parts hold every boundary that was tried: made to be so
 * BYOK_E_NOMEM        the arena failed; the caller asks it whether it was its cap
 */
enum byok_err byok_multipart_end(struct byok_multipart *form, struct byok_http_request *out,
                                 struct byok_str *out_content_type, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2, 3);

#endif
