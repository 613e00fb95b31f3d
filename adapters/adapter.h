/* SPDX-License-Identifier: MIT */
/* adapters/adapter.h - the contract of a provider: one file, one table, one line in providers.def.
 *
 * An adapter is pure functions over bytes and trees: it turns a job into an HTTP request and an
 * HTTP answer into the job's answer or its fault.  No I/O, no clock, no log, no state, and no
 * memory but the arena it is given.  It never sees a key.  Any thread.
 * What it cannot do it refuses by name (BYOK_E_UNSUPPORTED with the member's name in the text);
 * nothing the job asks for is dropped silently.
 */
#ifndef BYOK_ADAPTERS_ADAPTER_H
#define BYOK_ADAPTERS_ADAPTER_H

#include "adapters/http_message.h"
#include "base/arena.h"
#include "base/err.h"
#include "schemas/payload.h"
#include "schemas/request.h"
#include "schemas/result.h"

struct byok_adapter;
struct byok_sse_event;
struct byok_stream;

/* A configured provider: an adapter at an address.  Any OpenAI-compatible service is one of these
 * with the adapter "openai".  Made from the configuration at start, read-only after it. */
struct byok_provider {
    const char *name;
    const struct byok_adapter *adapter;
    const char *base_url;    /* without a final slash; from the adapter when not configured */
    const char *auth_header; /* e.g. "Authorization" */
    const char *auth_prefix; /* e.g. "Bearer " (or "") */
    const char *default_model[BYOK_CAPABILITY_COUNT]; /* NULL: none */
    const struct byok_http_header *extra_headers;     /* from the configuration */
    size_t extra_header_count;
    const char *origin; /* scheme://host[:port] of base_url, what keys are bound to */
};

/* One call to be made, or that was made. */
struct byok_adapter_call {
    struct byok_arena *arena; /* everything returned borrows from it */
    const struct byok_provider *provider;
    const struct byok_request *request;
    struct byok_str model;      /* resolved, not empty for a job */
    struct byok_str attempt_id; /* "<request id>/<attempt>", for the provider's request-id header */
    struct byok_str before, after; /* of a text spoken in parts: what is said around this one */
    int64_t wall_ms; /* now, for HTTP dates */
    /* NULL, or the job's `audio` is the first bytes only of this file, which is not in memory: the
     * request has a piece that is a length only in its place, and the sender knows where it is */
    const struct byok_payload_ref *file;
};

/* What the service takes in one call of embeddings. */
struct byok_bulk_limits {
    uint32_t texts; /* 0: jobs are not put together */
    int64_t tokens; /* of all texts; 0: not limited */
};

/* One capability of an adapter; build and parse, or neither. */
struct byok_adapter_ops {
    /** The HTTP request of the call.  BYOK_E_UNSUPPORTED, BYOK_E_BAD_REQUEST (the member's name in
     *  `fault`), BYOK_E_NOMEM. */
    enum byok_err (*build)(const struct byok_adapter_call *call, struct byok_http_request *out,
                           struct byok_fault *fault);
    /** Read a 2xx answer.  BYOK_E_BAD_ANSWER when it is not what the provider promises (HTML, cut
     *  JSON), BYOK_E_CONTENT_REFUSED, …; what was billed is still put into out->usage. */
    enum byok_err (*parse)(const struct byok_adapter_call *call,
                           const struct byok_http_response *response, struct byok_answer *out,
                           struct byok_fault *fault);
    /** What one event of a text/event-stream says, put into `stream` (adapters/stream.h); `root` is
     *  its data, an object.  Unknown events and members are passed over.  The fault of an event
     *  that is an error; else BYOK_E_OK.  Memory: call->arena, which ends with the event.  NULL:
     *  the capability does not stream events. */
    enum byok_err (*event)(const struct byok_adapter_call *call, const struct byok_sse_event *event,
                           const struct byok_value *root, struct byok_stream *stream,
                           struct byok_fault *fault);
    bool sends_file; /* build() takes the job's audio as `file` too */
    bool
        streams_audio; /* a job with `stream` is answered with audio that can be played as it comes */
    /** Of text to speech: characters that a model takes in one call; longer texts are spoken in parts.
     *  0: any, or unknown.  NULL: unknown. */
    uint32_t (*text_max)(struct byok_str model);
    struct byok_bulk_limits bulk; /* of embeddings: texts of several jobs in one call */
};

/** Whether a job with `stream` can be carried out. */
static inline bool byok_adapter_streams(const struct byok_adapter_ops *ops)
{
    return ops->event || ops->streams_audio;
}

struct byok_adapter {
    const char *name;
    const char *base_url;
    const char *auth_header;
    const char *auth_prefix;
    struct byok_adapter_ops ops[BYOK_CAPABILITY_COUNT]; /* an empty slot: not served */
    /** A free, read-only request whose success shows that the key is good; same errors as build.
     *  Where a provider has none: the smallest call, and key_check_is_billed says so. */
    enum byok_err (*build_key_check)(const struct byok_adapter_call *call,
                                     struct byok_http_request *out, struct byok_fault *fault);
    bool key_check_is_billed;
    /** Say what a non-2xx answer means: code, text, retry_after_ms, http_status, day_limit.
     *  The text is the provider's own message, cut to fit; byokd scrubs it of the key. */
    void (*classify)(const struct byok_adapter_call *call,
                     const struct byok_http_response *response, struct byok_fault *out);
};

/** The adapter of a name, or NULL.  (Its table is in providers.def.) */
const struct byok_adapter *byok_adapter_find(const char *name) BYOK_NONNULL(1);

/** The i-th adapter, NULL past the end. */
const struct byok_adapter *byok_adapter_at(size_t i);

#define BYOK_PRICE_NAMES_MAX 2

/** The names under which a table of prices may have what the provider serves, the first that has it
 *  counts: of a compatible service its own, and, at its adapter's own address, the adapter's.  How
 *  many; they are the provider's. */
size_t byok_provider_price_names(const struct byok_provider *provider,
                                 struct byok_str names[static BYOK_PRICE_NAMES_MAX])
    BYOK_NONNULL(1, 2);

/** Fill what the configuration left out (base_url, auth, origin) from the adapter.  Texts made are
 *  in `arena`.  BYOK_E_CONFIG: no such adapter, base_url is not http(s)://host…, or names user or
 *  password, query or fragment. */
enum byok_err byok_provider_complete(struct byok_arena *arena, struct byok_provider *provider,
                                     const char *adapter_name, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2, 3);

/** How many tokens a job may cost, before it is sent: its text at 4 bytes a token, and what it may
 *  generate.  For the reservation of tokens per minute; settled by the real usage. */
int64_t byok_estimate_tokens(const struct byok_request *request) BYOK_NONNULL(1);

/** What a job's call may use, in every unit that has a price, for what it may cost: tokens as above,
 *  the characters of a text to be spoken, the images that are asked for, the time of audio by its
 *  header (WAV) or its bytes.  Units that the capability does not have are 0, what concerns caches
 *  is unsaid. */
struct byok_usage byok_estimate_usage(const struct byok_request *request) BYOK_NONNULL(1);

#endif
