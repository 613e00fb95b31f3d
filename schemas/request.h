/* SPDX-License-Identifier: MIT */
/* schemas/request.h - one record of the requests topic: a job or a command, decoded and checked.
 *
 * Wire form: schemas/request.schema.json.  A job is flat: the envelope's members and the
 * capability's own members stand side by side, e.g.
 *   {"id":"1","user":"alice","capability":"chat","prompt":"Say hi"}
 *   {"id":"2","user":"alice","capability":"embeddings","input":["a","b"],"provider":"openai"}
 * The capability's members stay in `root` for the adapters; `audio` is BYTES there whatever the
 * format was.  A member that is null is as good as absent and is taken out of `root`.  Unknown
 * members are kept there and are never an error.  Everything borrows from the arena of the decoding.
 */
#ifndef BYOK_SCHEMAS_REQUEST_H
#define BYOK_SCHEMAS_REQUEST_H

#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "schemas/codec.h"
#include "schemas/value.h"

enum byok_request_type {
    BYOK_REQUEST_JOB,            /* "job" (the default) */
    BYOK_REQUEST_KEY_REGISTER,   /* "key.register" */
    BYOK_REQUEST_KEY_ROTATE,     /* "key.rotate" */
    BYOK_REQUEST_KEY_CHECK,      /* "key.check" */
    BYOK_REQUEST_KEY_DELETE,     /* "key.delete" */
    BYOK_REQUEST_USER_CONFIGURE, /* "user.configure" */
    BYOK_REQUEST_JOB_CANCEL,     /* "job.cancel" */
    BYOK_REQUEST_TYPE_COUNT
};

enum byok_capability {
    BYOK_CHAT,
    BYOK_TEXT_TO_SPEECH,
    BYOK_SPEECH_TO_TEXT,
    BYOK_IMAGE_GENERATION,
    BYOK_EMBEDDINGS,
    BYOK_CAPABILITY_COUNT
};

enum byok_on_unknown { BYOK_ON_UNKNOWN_REPORT, BYOK_ON_UNKNOWN_RETRY };

/* Of UTC. */
enum byok_budget_period { BYOK_BUDGET_DAY, BYOK_BUDGET_MONTH, BYOK_BUDGET_PERIOD_COUNT };

#define BYOK_SETTING_UNCHANGED (-1) /* not named in the message */
#define BYOK_SETTING_DEFAULT (-2)   /* null in the message: back to the worker's default */

/** What a user.configure sets. 0 of a limit: no limit. */
struct byok_user_settings {
    int64_t requests_per_minute;
    int64_t tokens_per_minute;
    int64_t concurrency;
    int64_t budget; /* parts of BYOK_MONEY_UNIT; with it comes its period */
    enum byok_budget_period budget_period;
    /* empty: unchanged; "-": none. A provider named without a model: the model is "-". */
    struct byok_str provider[BYOK_CAPABILITY_COUNT];
    struct byok_str model[BYOK_CAPABILITY_COUNT];
    /* a map of provider to the label of its default key, or null; NULL: unchanged */
    const struct byok_value *default_keys;
};

/* Where a job may go. */
struct byok_leg {
    struct byok_str provider, model;
    struct byok_str label; /* of the key; empty in a request */
};

struct byok_request {
    enum byok_request_type type;
    enum byok_format format; /* of the record; the result is written in the same */
    struct byok_str id;      /* 1..BYOK_ID_MAX bytes */
    struct byok_str user;    /* 1..BYOK_USER_MAX bytes, equal to the record key */
    struct byok_str traceparent;
    struct byok_str provider; /* empty: the user's own choice for the capability */
    struct byok_str model;    /* empty: the user's choice, else the provider's default */
    struct byok_str label;    /* which of the user's keys; "default" when not said */
    bool names_key;           /* it is said */
    const struct byok_value *metadata; /* NULL: none; echoed unchanged */
    int64_t deadline_wall_ms;          /* Unix time in ms; 0: the worker's default */
    int64_t not_before_wall_ms;        /* Unix time in ms; 0: at once */
    /* job */
    enum byok_capability capability;
    enum byok_on_unknown on_unknown;
    const struct byok_leg *fallbacks; /* in the order in which they are tried */
    uint32_t fallback_count;          /* 0..BYOK_FALLBACKS_MAX */
    const struct byok_value *provider_options; /* a map, or NULL */
    bool raw;                                  /* add the provider's own answer to the result */
    bool stream;                               /* publish the answer's parts as they come, too */
    /* key commands */
    struct {
        struct byok_str signer, value; /* its id in hex; empty: not signed */
        int64_t at_wall_ms;
    } signature; /* over what vault_rocks/sign.h says */
    /* key.register, key.rotate */
    struct byok_str envelope; /* the sealed key, binary */
    int64_t expires_wall_ms;  /* when the key is to be used no more; 0: never */
    bool dry_run;             /* open and check the envelope only; store nothing */
    /* user.configure */
    struct byok_user_settings settings;
    /* job.cancel */
    struct byok_str job_id; /* of the job that is not wanted any more */
    struct byok_value root; /* the whole message, a map */
};

/** A byte below 0x20, or 0x7f: no name (id, user, provider, model, label) may hold one, because
 *  names go into store keys, HTTP headers and logs. */
bool byok_has_controls(struct byok_str text);

/** The wire name of a capability, e.g. "text_to_speech"; static. */
const char *byok_capability_name(enum byok_capability capability);

/** The capability of a wire name; false: none. */
bool byok_capability_of(struct byok_str name, enum byok_capability *out) BYOK_NONNULL(2);

/** "day" or "month"; static. */
const char *byok_budget_period_name(enum byok_budget_period period);

/** The period of a wire name; false: none. */
bool byok_budget_period_of(struct byok_str name, enum byok_budget_period *out) BYOK_NONNULL(2);

/** The wire name of a request type, e.g. "key.register"; static. */
const char *byok_request_type_name(enum byok_request_type type);

/** Whether a request of that type brings a key to be stored: key.register, and key.rotate, which
 *  takes the place of a stored one. */
bool byok_request_stores_key(enum byok_request_type type);

/** Decode and check one record.
 *
 * `record_key` is the Kafka key: it must equal the user.  `timestamp_wall_ms` is the record's
 * timestamp (or now); `timeout_ms` in the message counts from it, or from `not_before_ms`.
 * BYOK_E_BAD_MESSAGE  not JSON/msgpack, a member missing or of the wrong type, too long ids
 * BYOK_E_RAW_KEY      a member that is meant for a raw key: the message must not be copied anywhere
 * BYOK_E_WRONG_KEY    the record key is not the user
 * BYOK_E_NOMEM        the arena failed
 * On an error `out->id`, `out->user` hold what could be read, for the dead letter's headers.
 */
BYOK_MUST_USE BYOK_NONNULL(1, 6, 7)
enum byok_err byok_request_decode(struct byok_arena *arena, struct byok_str content_type,
                                  struct byok_str record_key, struct byok_str bytes,
                                  int64_t timestamp_wall_ms, struct byok_request *out,
                                  struct byok_fault *fault);

#endif
