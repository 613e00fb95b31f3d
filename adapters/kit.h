/* SPDX-License-Identifier: MIT */
/* adapters/kit.h - what every adapter needs: JSON bodies, headers, members, texts for people.
 *
 * Pure; any thread.  Everything made is in the call's arena.  Its failure is sticky, and both
 * byok_kit_end_json() and byok_kit_check_memory() report it, so builders need not ask in between.
 */
#ifndef BYOK_ADAPTERS_KIT_H
#define BYOK_ADAPTERS_KIT_H

#include "adapters/adapter.h"
#include "schemas/value.h"

/* Headers that an adapter itself may set; the others are for the configuration. */
#define BYOK_KIT_OWN_HEADERS_MAX 4

/** The names of the members that the job's schema defines for a capability, NULL at the end. */
const char *const *byok_kit_members(enum byok_capability capability);

/** BYOK_E_UNSUPPORTED, naming it, when the job has a member that its schema defines and `known`
 *  (NULL at the end) does not hold.  An empty text is as good as absent. */
enum byok_err byok_kit_check_members(const struct byok_adapter_call *call, const char *const *known,
                                     struct byok_fault *fault) BYOK_MUST_USE BYOK_NONNULL(1, 2);

/** A member of the job; NULL when absent or an empty text. */
const struct byok_value *byok_kit_member(const struct byok_adapter_call *call, const char *name)
    BYOK_NONNULL(1, 2);

/** Set a member, over one of the same name.  The name is borrowed. */
void byok_kit_put(struct byok_arena *arena, struct byok_value *map, struct byok_str name,
                  struct byok_value value) BYOK_NONNULL(1, 2);

/** Put the job's provider_options over the body's members, unchanged. */
void byok_kit_put_options(const struct byok_adapter_call *call, struct byok_value *body)
    BYOK_NONNULL(1, 2);

/** Begin a request: method (static), base_url + path, the attempt's id under `id_header` (NULL:
 * none) and the configured headers, which win over an adapter's of the same name. */
void byok_kit_begin(const struct byok_adapter_call *call, const char *method, const char *path,
                    const char *id_header, struct byok_http_request *out) BYOK_NONNULL(1, 2, 3, 5);

/** The same for an answer that is not JSON: `accept` (static) is what the Accept header says. */
void byok_kit_begin_accept(const struct byok_adapter_call *call, const char *method,
                           const char *path, const char *id_header, const char *accept,
                           struct byok_http_request *out) BYOK_NONNULL(1, 2, 3, 5, 6);

/** End a request with a body that is in the arena; its content type goes before a configured one,
 *  since it may hold what the body cannot be read without.  BYOK_E_NOMEM, BYOK_E_TOO_LARGE. */
enum byok_err byok_kit_end_body(const struct byok_adapter_call *call, struct byok_str content_type,
                                struct byok_str body, struct byok_http_request *out,
                                struct byok_fault *fault) BYOK_MUST_USE BYOK_NONNULL(1, 4);

/** End a request with a JSON body.  BYOK_E_NOMEM, BYOK_E_TOO_LARGE. */
enum byok_err byok_kit_end_json(const struct byok_adapter_call *call, const struct byok_value *body,
                                struct byok_http_request *out, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2, 3);

/** A tree as JSON text in the arena; the empty slice when there was no memory. */
struct byok_str byok_kit_json(struct byok_arena *arena, const struct byok_value *value)
    BYOK_NONNULL(1, 2);

/** True when the answer is a page for a browser: by its content type or by its first byte. */
bool byok_kit_is_html(const struct byok_http_response *response) BYOK_NONNULL(1);

/** Read an answer that must be a JSON object.
 *
 * BYOK_E_BAD_ANSWER  HTML, cut or broken JSON, not an object; the text says which
 * BYOK_E_TOO_LARGE   more than the job's memory may hold
 * BYOK_E_NOMEM
 */
enum byok_err byok_kit_read(const struct byok_adapter_call *call,
                            const struct byok_http_response *response, struct byok_value *out,
                            struct byok_fault *fault) BYOK_MUST_USE BYOK_NONNULL(1, 2, 3);

/** BYOK_E_UNSUPPORTED when the job's provider_options ask for a stream, which could not be read. */
enum byok_err byok_kit_check_whole(const struct byok_adapter_call *call, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1);

/** BYOK_E_NOMEM or BYOK_E_TOO_LARGE when the arena failed on the way, else BYOK_E_OK. */
enum byok_err byok_kit_check_memory(const struct byok_adapter_call *call, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1);

/** What an HTTP status that is not 2xx means when the answer says nothing better. */
enum byok_err byok_kit_code_of_status(int status);

/** A header's value in the arena, so that it outlives the answer. */
struct byok_str byok_kit_header(const struct byok_adapter_call *call,
                                const struct byok_http_response *response, const char *name)
    BYOK_NONNULL(1, 2, 3);

/** A count at a dotted path, or -1 when there is none or it is negative. */
int64_t byok_kit_count(const struct byok_value *map, const char *path) BYOK_NONNULL(2);

/** An outside text made fit for a fault: UTF-8, no control characters, at most as long as a fault's
 *  text and so that no character is cut; in the arena, the empty slice when that failed. */
struct byok_str byok_kit_clean(struct byok_arena *arena, struct byok_str text) BYOK_NONNULL(1);

/** ASCII case-insensitive search. */
bool byok_kit_mentions(struct byok_str text, const char *word) BYOK_NONNULL(2);

/** The job's provider_options over the body, as byok_kit_put_options(), but where both hold an
 *  object its members are put one by one: {"generationConfig": {"topK": 5}} keeps the others. */
void byok_kit_merge_options(const struct byok_adapter_call *call, struct byok_value *body)
    BYOK_NONNULL(1, 2);

/** The sum of two counts of which -1 is unsaid; at most INT64_MAX. */
int64_t byok_kit_sum(int64_t a, int64_t b);

/** A name as one segment of a path: what RFC 3986 does not call unreserved is percent-encoded, a
 *  slash too; in the arena. */
struct byok_str byok_kit_segment(struct byok_arena *arena, struct byok_str name) BYOK_NONNULL(1);

/** A list of numbers as a vector in the arena.  False: not one, empty, or no memory. */
bool byok_kit_read_vector(const struct byok_adapter_call *call, const struct byok_value *list,
                          struct byok_value *out) BYOK_NONNULL(1, 3);

#endif
