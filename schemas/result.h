/* SPDX-License-Identifier: MIT */
/* schemas/result.h - what goes out: the result of a request and its usage event.
 *
 * Wire forms: schemas/result.schema.json, schemas/usage.schema.json.
 */
#ifndef BYOK_SCHEMAS_RESULT_H
#define BYOK_SCHEMAS_RESULT_H

#include "base/limits.h"
#include "schemas/request.h"
#include "schemas/value.h"

enum byok_status { BYOK_STATUS_OK, BYOK_STATUS_ERROR, BYOK_STATUS_UNKNOWN };

/** "ok", "error", "unknown"; static. */
const char *byok_status_name(enum byok_status status);

/** The status of a wire name; false: none. */
bool byok_status_of(struct byok_str name, enum byok_status *out) BYOK_NONNULL(2);

/* One vocabulary for why an answer ended. */
enum byok_finish {
    BYOK_FINISH_NONE, /* not a generated text */
    BYOK_FINISH_STOP,
    BYOK_FINISH_LENGTH,
    BYOK_FINISH_TOOL_CALLS,
    BYOK_FINISH_CONTENT_FILTER,
    BYOK_FINISH_REFUSAL,
    BYOK_FINISH_ERROR
};

/** "stop", "length", …; NULL for BYOK_FINISH_NONE. */
const char *byok_finish_name(enum byok_finish finish);

/** Native units of a call; -1: the provider did not say and it cannot be known. */
struct byok_usage {
    int64_t input_tokens; /* all prompt tokens, those of caches included */
    int64_t cached_tokens; /* of the input, what was read from a cache */
    int64_t cache_write_tokens; /* of the input, what was not cached and was written to a cache */
    int64_t
        cache_write_1h_tokens; /* of those, what is kept for an hour: it has a price of its own */
    int64_t output_tokens; /* all generated tokens, reasoning included */
    int64_t reasoning_tokens;
    int64_t characters;
    int64_t milliseconds; /* of audio */
    int64_t images;
};

/* all units unsaid */
#define BYOK_USAGE_UNSAID ((struct byok_usage){-1, -1, -1, -1, -1, -1, -1, -1, -1})

struct byok_attempt {
    int64_t started_wall_ms;
    int32_t duration_ms;
    int32_t http_status;
    enum byok_err code;
    bool sent; /* the first byte of the call left, so it may be billed */
    bool joined; /* it was another job's call too, which counts it (actors/provider/bulk.h) */
    uint8_t leg; /* where it went: 0 the job's own provider and model, then its fallbacks */
};

/** What an adapter reads out of a provider's answer. */
struct byok_answer {
    struct byok_value output; /* a map of result members: text, tool_calls, embeddings, … */
    enum byok_finish finish;
    struct byok_str model; /* as the provider names it */
    struct byok_str provider_request_id;
    struct byok_usage usage;
    struct byok_value raw; /* NULL type unless the job asked for it */
};

struct byok_result {
    const struct byok_request *request;
    enum byok_status status;
    struct byok_str provider, model, key_fingerprint;
    struct byok_value key;            /* a map of what is told of it further; may be empty */
    const struct byok_answer *answer; /* NULL: none */
    const struct byok_value *output;  /* members for command results; NULL: none */
    const struct byok_fault *fault;   /* when status is not OK */
    const struct byok_attempt *attempts;
    uint32_t attempt_count;
    const struct byok_leg *legs; /* where the attempts went; NULL: all to `provider`, `model` */
    struct byok_value cost;   /* of the answer: byok_prices_cost(); null: unknown */
    int64_t created_wall_ms;  /* the record's timestamp */
    int64_t finished_wall_ms;
};

/** The result as a tree in `arena`, ready for byok_encode. */
struct byok_value byok_result_value(struct byok_arena *arena, const struct byok_result *result)
    BYOK_NONNULL(1, 2);

/** The usage event of one call (one per attempt that was sent). */
struct byok_value byok_usage_event_value(struct byok_arena *arena, const struct byok_result *result,
                                         const struct byok_attempt *attempt) BYOK_NONNULL(1, 2, 3);

/** "2026-11-24" (UTC) of a wall time; for counters by day. `out` holds 11 bytes. */
void byok_day_of(int64_t wall_ms, char out[static 11]);

#endif
