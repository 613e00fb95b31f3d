/* SPDX-License-Identifier: MIT */
/* schemas/state.h - what is kept of a user between jobs, and its keys in the state table.
 *
 * Keys: "u\0<user>" the user's record; "d\0<user>\0<request id>" a DONE record;
 * "c\0<user>\0<request id>" a CLAIM record.
 * Values are msgpack maps, so that a later version may add members.
 */
#ifndef BYOK_SCHEMAS_STATE_H
#define BYOK_SCHEMAS_STATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "schemas/request.h"
#include "schemas/result.h"

/* Counters a user may have; the model is the sender's to choose, and the record is written with
 * every batch.  Past it, calls are counted under the model BYOK_OTHER_MODEL of their provider and
 * day.  A week of 36 models a day. */
#define BYOK_COUNTERS_MAX 256
#define BYOK_OTHER_MODEL "(other)"

#define BYOK_CLAIM_OWNER_MAX 80 /* host name (64) and a number; longer ones are cut */

/** Counters of one day, provider and model. */
struct byok_counter {
    char day[11]; /* "2026-11-24" */
    char provider[BYOK_PROVIDER_MAX + 1];
    char model[BYOK_MODEL_MAX + 1];
    int64_t calls;
    int64_t errors;
    int64_t input_tokens, output_tokens, characters, milliseconds, images;
};

/* Keys of a user; the record is written with every batch. */
#define BYOK_USER_KEYS_MAX 64

/** What is known of one of the user's stored keys beside its sealed record. */
struct byok_user_key {
    char provider[BYOK_PROVIDER_MAX + 1];
    char label[BYOK_LABEL_MAX + 1];
    int64_t issued_wall_ms; /* of the record that was stored last: an older one is not opened */
    int64_t used_wall_ms;    /* when the last job's call with it ended; 0: none did */
    int64_t invalid_wall_ms; /* since when its provider refuses it; 0: it does not */
    int64_t is_default;      /* 1: jobs that name no label use it.  One per provider */
    int64_t checked_wall_ms; /* when a check or the registration found it good; 0: unknown */
    int64_t refused_wall_ms; /* its last refusal by the provider; 0: none since it was good */
    /* of its user's actor alone, not stored: monotonic */
    int64_t refused_us; /* the first refusal since a call went well; 0: none */
    int64_t probe_us;   /* its jobs wait until then; 0: they need not */
    int64_t wait_us;    /* and so long after the next try */
    int64_t limited_until_us; /* its provider has said that it lets nothing through before */
};

/** What a user's calls have cost since a time: the beginning of a day or month (UTC). */
struct byok_spending {
    int64_t since_wall_ms;
    int64_t amount; /* parts of BYOK_MONEY_UNIT */
};

/** A user's durable record.  `counters` is owned (byok_new) and kept sorted by day, provider and
 *  model by the functions below; everything else is inline. */
struct byok_user_record {
    int64_t requests_debt_us; /* of the GCRA limiters, relative to saved_wall_ms */
    int64_t tokens_debt_us;
    int64_t saved_wall_ms;
    int64_t requests_per_minute; /* -1: the worker's default; 0: none */
    int64_t tokens_per_minute;
    int64_t concurrency;
    int64_t budget; /* parts of BYOK_MONEY_UNIT */
    int64_t budget_period;
    struct byok_spending spent[BYOK_BUDGET_PERIOD_COUNT];
    int64_t budget_held; /* of its user's actor alone, not stored: what calls that are under way, or
                          * whose jobs have no outcome yet, may cost */
    struct {
        char provider[BYOK_PROVIDER_MAX + 1];
        char model[BYOK_MODEL_MAX + 1];
    } choice[BYOK_CAPABILITY_COUNT];
    struct byok_counter *counters;
    size_t counter_count;
    struct byok_user_key *keys; /* owned, in no order */
    size_t key_count;
    int64_t keys_floor_wall_ms; /* what was issued up to then is opened only when it is listed */
};

/** A DONE record: this request id has its result. */
struct byok_done_record {
    int64_t finished_wall_ms;
    enum byok_status status;
};

/** A CLAIM record: a call for this request is about to be sent, or was.  A key of its own, so that
 *  the late claim of a worker that has lost the partition never takes a DONE record's place; the
 *  result's batch erases it.  Never a key, a prompt or a model.
 *  A claim is taken back by writing its bytes once more under byok_withdrawal_key: a tombstone that
 *  comes late would erase the next owner's claim as well, this one takes back what it says only. */
struct byok_claim_record {
    int64_t claimed_wall_ms;
    int64_t deadline_wall_ms; /* the call has ended by then, one way or the other */
    int64_t attempt; /* from 1 */
    int64_t leg; /* where it goes: see struct byok_attempt */
    char provider[BYOK_PROVIDER_MAX + 1];
    char owner[BYOK_CLAIM_OWNER_MAX + 1]; /* the worker's name, for people */
    int64_t nonce; /* drawn: no two claims are the same */
};

/** An empty record: defaults everywhere, no counters. */
void byok_user_record_init(struct byok_user_record *record) BYOK_NONNULL(1);
void byok_user_record_done(struct byok_user_record *record) BYOK_NONNULL(1);

/** The counter of that day, provider and model, made when missing (days older than
 *  `keep_days` before `day` are dropped then); NULL: no memory.  Found in O(log n); valid until
 *  the next call.  Names longer than their limits are cut. */
struct byok_counter *byok_user_record_counter(struct byok_user_record *record, const char *day,
                                              struct byok_str provider, struct byok_str model,
                                              int keep_days) BYOK_NONNULL(1, 2);

/** What is known of that key; NULL: nothing.  Valid until a key is added or removed. */
struct byok_user_key *byok_user_key_find(const struct byok_user_record *record,
                                         struct byok_str provider, struct byok_str label)
    BYOK_NONNULL(1);

/** The same, made when missing.  BYOK_E_NOMEM; BYOK_E_TOO_LARGE: the user has BYOK_USER_KEYS_MAX. */
BYOK_MUST_USE enum byok_err byok_user_key_add(struct byok_user_record *record,
                                              struct byok_str provider, struct byok_str label,
                                              struct byok_user_key **out) BYOK_NONNULL(1, 4);

/** Forget a key, and let none open any more that was issued up to `wall_ms`, but those listed. */
void byok_user_key_remove(struct byok_user_record *record, struct byok_str provider,
                          struct byok_str label, int64_t wall_ms) BYOK_NONNULL(1);

/** Whether the key that was issued then was forgotten meanwhile: what a call brings that was under
 *  way with it is not to list it again, or an old record of it would open. */
bool byok_user_key_is_gone(const struct byok_user_record *record, struct byok_str provider,
                           struct byok_str label, int64_t issued_wall_ms) BYOK_NONNULL(1);

/** Make it the key of its provider that jobs use which name no label; of a label that is not listed
 *  only the mark of the others goes, which leaves the label "default" (see below). */
void byok_user_key_prefer(struct byok_user_record *record, struct byok_str provider,
                          struct byok_str label) BYOK_NONNULL(1);

/** The label that jobs use which name none.  Valid until a key is added or removed. */
struct byok_str byok_user_key_preferred(const struct byok_user_record *record,
                                        struct byok_str provider) BYOK_NONNULL(1);

/** A key's state for people, static: "expired", "invalid" (its provider refuses it, it is not sent
 *  but to find out), "refused" (the last call was, which may be an accident) or "valid".
 *  `expires_wall_ms` stands in the sealed record; 0: never. */
const char *byok_user_key_state(const struct byok_user_key *key, int64_t expires_wall_ms,
                                int64_t now_wall_ms) BYOK_NONNULL(1);

/** Set in `map` what a key.check's result and a list of keys say of a key: its state (as above),
 *  whether it is the user's default, and when it was used, checked and refused last and is invalid
 *  since, as far as it was.  The slices are static; without memory the arena fails. */
void byok_user_key_tell(struct byok_arena *arena, struct byok_value *map,
                        const struct byok_user_key *key, const char *state, bool preferred)
    BYOK_NONNULL(1, 2, 3, 4);

/** From when on a record of that key must have been issued to be opened. */
int64_t byok_user_key_floor(const struct byok_user_record *record, struct byok_str provider,
                            struct byok_str label) BYOK_NONNULL(1);

/** Append the record's bytes. */
BYOK_MUST_USE enum byok_err
byok_user_record_encode(const struct byok_user_record *record, struct byok_arena *scratch,
                        struct byok_buf *out) BYOK_NONNULL(1, 2, 3);

/** BYOK_E_BAD_MESSAGE when the bytes are not such a record. `out` is initialised by it. */
BYOK_MUST_USE enum byok_err byok_user_record_decode(struct byok_str bytes,
                                                    struct byok_arena *scratch,
                                                    struct byok_user_record *out)
    BYOK_NONNULL(2, 3);

BYOK_MUST_USE enum byok_err byok_done_record_encode(const struct byok_done_record *record,
                                                    struct byok_buf *out) BYOK_NONNULL(1, 2);
BYOK_MUST_USE enum byok_err byok_done_record_decode(struct byok_str bytes,
                                                    struct byok_done_record *out) BYOK_NONNULL(2);

BYOK_MUST_USE enum byok_err byok_claim_record_encode(const struct byok_claim_record *record,
                                                     struct byok_buf *out) BYOK_NONNULL(1, 2);
/** BYOK_E_BAD_MESSAGE when the bytes are not such a record. */
BYOK_MUST_USE enum byok_err
byok_claim_record_decode(struct byok_str bytes, struct byok_claim_record *out) BYOK_NONNULL(2);

/** State keys, in the arena. */
struct byok_str byok_user_key(struct byok_arena *arena, struct byok_str user) BYOK_NONNULL(1);
struct byok_str byok_done_key(struct byok_arena *arena, struct byok_str user, struct byok_str id)
    BYOK_NONNULL(1);
struct byok_str byok_claim_key(struct byok_arena *arena, struct byok_str user, struct byok_str id)
    BYOK_NONNULL(1);
/** The claim's key and a NUL. */
struct byok_str byok_withdrawal_key(struct byok_arena *arena, struct byok_str user,
                                    struct byok_str id) BYOK_NONNULL(1);

#endif
