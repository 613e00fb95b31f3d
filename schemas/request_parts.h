/* SPDX-License-Identifier: MIT */
/* schemas/request_parts.h - checking a request's members; only request*.c use it. */
#ifndef BYOK_SCHEMAS_REQUEST_PARTS_H
#define BYOK_SCHEMAS_REQUEST_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "schemas/request.h"
#include "schemas/value.h"

/* What a member may be; more than one may be allowed. */
enum byok_accept {
    BYOK_ACCEPT_TEXT = 1,
    BYOK_ACCEPT_FILLED = 2, /* a text that is not empty */
    BYOK_ACCEPT_LIST = 4,
    BYOK_ACCEPT_MAP = 8,
    BYOK_ACCEPT_NUMBER = 16,
    BYOK_ACCEPT_WHOLE = 32,    /* a whole number */
    BYOK_ACCEPT_POSITIVE = 64, /* a whole number from 1 */
    BYOK_ACCEPT_BOOL = 128,
    BYOK_ACCEPT_BINARY = 256, /* bytes, or base64 text: made BYTES in the tree */
    BYOK_ACCEPT_REF = 512     /* a reference to a payload (schemas/payload.h) */
};

struct byok_rule {
    const char *name;
    unsigned accept; /* of enum byok_accept */
    bool required;
};

/** The request type of a wire name; false: none. */
bool byok_request_type_of(struct byok_str name, enum byok_request_type *out) BYOK_NONNULL(2);

/** BYOK_E_BAD_MESSAGE with the text `member "<name>": <why>`; never with the member's value. */
enum byok_err byok_refuse_member(struct byok_fault *fault, const char *name, const char *why);

/** Check the map's members against the rules; one without a rule is nobody's business.  The map
 *  holds no nulls (byok_request_decode takes them out). */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 5) enum byok_err byok_check_rules(struct byok_arena *arena, struct byok_value *map,
                                                  const struct byok_rule *rules, size_t count,
                                                  struct byok_fault *fault);

/** Check the members of the job's capability in request->root. */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 3) enum byok_err
byok_check_job(struct byok_arena *arena, struct byok_request *request, struct byok_fault *fault);

/** Read a job's member "fallbacks", whose type is checked, into request->fallbacks. */
BYOK_MUST_USE BYOK_NONNULL(1, 2) enum byok_err
byok_read_fallbacks(struct byok_arena *arena, struct byok_request *out, struct byok_fault *fault);

/** Read a key command's members. */
BYOK_MUST_USE BYOK_NONNULL(1, 2) enum byok_err
byok_read_key_command(struct byok_arena *arena, struct byok_request *out, struct byok_fault *fault);

/** Read a user.configure's members into request->settings. */
BYOK_MUST_USE BYOK_NONNULL(1, 2) enum byok_err
byok_read_settings(struct byok_request *request, struct byok_fault *fault);

#endif
