/* SPDX-License-Identifier: MIT */
/* actors/message.h - what actors say to each other.
 *
 * Every message struct begins with `struct byok_msg`; its kind says which struct it is (the table
 * below).  Sending moves ownership: the sender's pointer becomes NULL.  A job is one struct
 * byok_task that travels through the actors under changing kinds, so a hop costs no allocation.
 */
#ifndef BYOK_ACTORS_MESSAGE_H
#define BYOK_ACTORS_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "actors/limits/breaker.h"
#include "actors/ports/http.h"
#include "actors/ports/notes.h"
#include "actors/ports/payloads.h"
#include "adapters/adapter.h"
#include "base/arena.h"
#include "base/err.h"
#include "schemas/parked.h"
#include "schemas/request.h"
#include "schemas/result.h"
#include "schemas/wire.h"
#include "vault_rocks/rewrap.h"
#include "vault_rocks/vault.h"

struct byok_actor;

enum byok_msg_kind {
    /* broker port -> intake */
    BYOK_MSG_ASSIGNED,      /* byok_partition_msg: a partition is ours; restore it */
    BYOK_MSG_REVOKED,       /* byok_partition_msg: finish, commit, then release it */
    BYOK_MSG_LOST,          /* byok_partition_msg: another has it already; drop its work */
    BYOK_MSG_RECORD,        /* byok_record: from the requests topic */
    BYOK_MSG_RESTORE_CHUNK, /* byok_chunk: of a changelog; goes on to the vault for its table */
    BYOK_MSG_STOP,          /* byok_msg: the worker ends: as if all partitions were revoked */
    /* of the shard's own accounts -> intake */
    BYOK_MSG_DRAINED, /* byok_partition_msg: nothing of a draining partition is open any more */
    /* vault -> intake */
    BYOK_MSG_CHUNK_APPLIED, /* byok_chunk */
    /* intake -> user */
    BYOK_MSG_REQUEST, /* byok_record: a request of this user */
    BYOK_MSG_CLOSE,   /* byok_msg: the partition goes: drop what has not begun */
    /* anyone -> parked */
    BYOK_MSG_LOOK, /* byok_msg in byok_partitions: there may be something due */
    /* user <-> provider */
    BYOK_MSG_READY, /* byok_ready: a job of mine may go to this provider */
    BYOK_MSG_TURN,  /* byok_ready: your turn: send the job, or decline */
    BYOK_MSG_DECLINE, /* byok_ready: nothing to send after all; sent back as DECLINED */
    BYOK_MSG_DECLINED,
    BYOK_MSG_DOWN,  /* byok_ready: no turn before ready->until_us: its breaker is open */
    BYOK_MSG_CALL,  /* byok_task: make this call */
    BYOK_MSG_ENDED, /* byok_task: the attempt's answer or fault */
    /* provider <-> ledger */
    BYOK_MSG_CLAIM,   /* byok_task: make a durable note that its call is about to be sent */
    BYOK_MSG_CLAIMED, /* byok_task: it is, or task->note.fault */
    /* user <-> ledger */
    BYOK_MSG_WITHDRAW,  /* byok_task: take its claim back, durably */
    BYOK_MSG_WITHDRAWN, /* byok_task: so it is, or the partition has gone */
    /* user <-> payloads */
    BYOK_MSG_FETCH,   /* byok_task: get what its job refers to */
    BYOK_MSG_FETCHED, /* byok_task: it is in the job, or task->fault */
    BYOK_MSG_STORE,   /* byok_task: put what of its answer is in task->outputs */
    BYOK_MSG_STORED,  /* byok_task: the answer refers to it, or holds it still */
    /* payload port -> payloads */
    BYOK_MSG_PAYLOAD_DONE, /* byok_task */
    /* notes port -> ledger */
    BYOK_MSG_NOTED, /* byok_task */
    /* anyone <-> vault */
    BYOK_MSG_UNSEAL,   /* byok_task: put the key into task->slot */
    BYOK_MSG_REGISTER, /* byok_task: open the envelope, key into task->slot, seal the record */
    BYOK_MSG_OPENED,   /* byok_task: done, or task->fault */
    /* rewrap <-> vault */
    BYOK_MSG_REWRAP,    /* byok_rewrap: make this step */
    BYOK_MSG_REWRAPPED, /* byok_rewrap: made, or its fault */
    /* http port -> provider */
    BYOK_MSG_HTTP_BYTES, /* byok_streaming: more of an answer's body is there */
    BYOK_MSG_HTTP_DONE,  /* byok_task */
    /* -> publisher and back */
    BYOK_MSG_PUBLISH,     /* byok_task: its outs and its offset, to be committed */
    BYOK_MSG_COMMIT_DONE, /* byok_commit: from the broker port */
    BYOK_MSG_APPLY,       /* byok_commit: publisher -> vault: apply the vault's records */
    BYOK_MSG_APPLIED,     /* byok_commit: vault -> publisher */
    BYOK_MSG_COMMITTED,   /* byok_task: publisher -> user: it is durable */
    BYOK_MSG_REFUSED,     /* byok_task: publisher -> user: not committed; write it anew */
    /* runtime */
    BYOK_MSG_TIMER /* byok_timer */
};

struct byok_msg {
    struct byok_msg *next;
    enum byok_msg_kind kind;
    struct byok_actor *from; /* set by the runtime; NULL: from a port */
    struct byok_actor *to;   /* set by the runtime */
};

struct byok_partition_msg {
    struct byok_msg msg;
    int32_t partition;
};

struct byok_record_header {
    struct byok_str name, value;
};

struct byok_bulk;
struct byok_speech;
struct byok_streaming;
struct byok_task;

/* One Kafka record, or a parked request as if it had just come (actors/partition/parked.h); one
 * heap block (byok_new), everything it points to is inside. */
struct byok_record {
    struct byok_msg msg;
    int32_t partition;
    uint32_t epoch; /* of the assignment it came in; set by the intake */
    int64_t offset; /* -1: of a parked one, which holds none */
    int64_t taken_us; /* when its user took it */
    bool is_job; /* it was decoded before, and is no command */
    bool is_parked;
    struct byok_parked_place place; /* of a parked one */
    int64_t timestamp_wall_ms;
    struct byok_str key, value; /* ptr NULL: absent (a tombstone) */
    struct byok_record_header *headers;
    size_t header_count;
    size_t bytes; /* of the whole block, for the memory budget */
};

/** A copy of a record in one block; the headers are copied too. NULL: no memory. */
struct byok_record *byok_record_new(struct byok_str key, struct byok_str value,
                                    const struct byok_record_header *headers, size_t header_count)
    BYOK_MUST_USE;

/** The value of a header, or the empty slice. */
struct byok_str byok_record_header_of(const struct byok_record *record, const char *name)
    BYOK_NONNULL(1, 2);

/* A stretch of a changelog, in offset order; the records are owned, linked by msg.next. */
struct byok_chunk {
    struct byok_msg msg;
    enum byok_topic topic; /* BYOK_TOPIC_VAULT or BYOK_TOPIC_STATE */
    int32_t partition;
    uint32_t epoch;
    struct byok_record *records;
    int64_t position; /* the next offset after them; -1: unknown (an empty topic) */
    int64_t until;    /* the end of the changelog, as it was at the assignment; 0: not known */
    bool end;         /* the end of the changelog, as it was at the assignment, is reached */
    bool reset;       /* empty the table first: it is no prefix of this changelog */
    struct byok_fault fault; /* code OK, or why the restore failed (it is tried again) */
};

/* A step of sealing a partition's records anew. */
struct byok_rewrap {
    struct byok_msg msg;
    int32_t partition;
    uint64_t key_changes; /* of the partition, when the step began */
    struct byok_arena arena; /* of the step */
    struct byok_rewrap_step step;
    struct byok_fault fault;
};

/** Free a step. NULL is fine. */
void byok_rewrap_free(struct byok_rewrap *step);

/* A user's wish for a turn at a provider; lives in the user actor, at most one on the way.  It is
 * home again with a TURN that is answered by a job, with DOWN, or when a DECLINE was
 * acknowledged. */
struct byok_ready {
    struct byok_msg msg;
    bool away;
    bool exempt;     /* it is for a command, which no breaker holds up */
    uint32_t ticket; /* of the turn, at the provider's breaker */
    int64_t until_us;
};

#define BYOK_OUT_HEADERS_MAX 12

/* One record to be published; slices borrow from the task. */
struct byok_out {
    enum byok_topic topic;
    int32_t partition;   /* -1: by the key */
    struct byok_str key; /* of the record */
    struct byok_str value;
    bool tombstone; /* value is null */
    int64_t timestamp_wall_ms; /* 0: now */
    struct byok_record_header headers[BYOK_OUT_HEADERS_MAX];
    size_t header_count;
    int64_t offset; /* out: where it was written; set by the broker port */
    bool refused;   /* out: the broker never takes it (too large); its batch has failed */
};

/* A payload of a task, and where it stands in the job or in the answer. */
struct byok_payload_item {
    struct byok_value *place;
    struct byok_payload_ref ref; /* of what is to be put only the type */
    size_t keep_bytes; /* of what is got: 0, or it is sent from the store, and that much is kept */
    struct byok_buf body; /* what was got; vectors as they are written */
};

/** What of a job's payload is in memory from its getting to the end of its call, at most. */
static inline size_t byok_payload_item_bytes(const struct byok_payload_item *item)
{
    return item->keep_bytes > 0 ? item->keep_bytes + BYOK_HTTP_UPLOAD_BYTES
                                : (size_t)item->ref.size;
}

struct byok_payload_set {
    struct byok_payload_item *items; /* in the arena */
    uint32_t count, done; /* the first `done` are in their places */
};

/* A task's line in its user's table of request ids. */
struct byok_known {
    UT_hash_handle hh;
};

/* The key that a leg was called with; empty: it is not known. */
struct byok_leg_key {
    char fingerprint[2 * BYOK_FINGERPRINT_BYTES + 1];
};

/* One request on its way. */
struct byok_task {
    struct byok_msg msg;
    struct byok_arena arena;
    struct byok_actor *user; /* its user actor; NULL: none (a dead letter, a forward) */
    struct byok_record *record; /* owned; kept until the end for dead letters */
    int32_t partition;
    uint32_t epoch;
    int64_t offset;
    struct byok_request request;
    /* what it goes to */
    const struct byok_provider *provider;
    struct byok_str model;
    struct byok_leg *legs; /* of a job that names fallbacks, its own first; in the arena */
    uint8_t leg; /* which of them it goes to, now */
    struct byok_leg_key *leg_keys; /* of each, once it has left it */
    int64_t deadline_us, not_before_us; /* monotonic */
    int64_t reserved_tokens, tokens_ticket, requests_ticket; /* of the limits per minute */
    /* of the user's budget (actors/user/budget.h), in parts of BYOK_MONEY_UNIT */
    bool estimated; /* what its next call may cost is known */
    bool owes; /* a call has begun whose cost is not settled yet */
    int64_t estimate, held_cost; /* of the next call; held for the one under way */
    int64_t spent_cost; /* of its calls so far, and not yet in its user's record, unless counted */
    int64_t spent_since_ms[BYOK_BUDGET_PERIOD_COUNT]; /* counted in the periods that began then */
    /* embeddings that may share a call (actors/provider/bulk.h) */
    uint32_t bulk_texts; /* that it brings; 0: it goes alone */
    size_t bulk_bytes; /* of them */
    uint32_t bulk_most; /* jobs in one call with it, since calls of more were refused; 0: any */
    uint32_t parted; /* how often that was so: no fault of the job, so no attempt of its own */
    struct byok_bulk *bulk; /* of the call under way; NULL: it has its own */
    bool joined; /* that call is another member's, the first one's */
    struct byok_speech
        *speech; /* of a text that is spoken in parts; in the arena (actors/provider/speech.h) */
    bool more; /* its call was for a part, and there are others */
    /* the call under way */
    uint32_t ticket, lane_ticket; /* at the provider's breaker, at its user's for the provider */
    enum byok_verdict verdict; /* what its end says of the provider */
    int64_t turn_us; /* when its limits were taken; 0: its user has none */
    bool calling; /* given to the HTTP port: it cannot be cancelled any more */
    bool cancelled; /* not to be sent: it comes back late, and takes no turn */
    bool late; /* came to be sent too long after that: nothing was sent, it waits again */
    struct byok_buf claim; /* its record: key, then value */
    struct byok_note note;
    int64_t claim_floor; /* the note's offset is not below it */
    int64_t claim_until_us; /* until when the claim lets the call go; 0: there is none */
    bool withdraws; /* the note takes the claim back */
    bool withdrawn; /* such a note of the request may stand, of ours or of an earlier owner */
    bool claimed; /* a claim of the request may stand that nobody has taken back, ours or not */
    bool unclear; /* a call of it may have been carried out, nobody knows how it ended */
    bool orphan; /* an earlier owner's claim was met: until then it waits */
    uint32_t attempts_before; /* made by earlier owners, and not among the attempts */
    struct byok_slot *slot; /* leased; wiped and given back when the attempt ends */
    struct byok_slots *slots; /* where it was leased */
    int64_t key_floor_wall_ms; /* what the user's record says: see schemas/state.h */
    uint16_t marked; /* a bit for each leg whose key its refusal has marked invalid: to be noted */
    struct byok_key_info key; /* issued_wall_ms 0: none was opened yet */
    struct byok_str sealed; /* key.register: the record to store */
    struct byok_http_call http;
    struct byok_streaming *streaming; /* of the call under way; owned; NULL: it does not stream */
    int64_t attempt_began_us;
    /* payloads; actors/publisher/payloads.h */
    struct byok_payload_set inputs, outputs;
    const struct byok_payload_ref *upload; /* the input that is sent from the store; NULL: none */
    struct {
        bool put; /* it is about the outputs */
        bool getting; /* its inputs are on their way: they are in the account already */
        bool inlined; /* the store did not take an output */
        uint32_t tries;
        int64_t until_us, retry_us;
        struct byok_payload_call call;
    } payload;
    /* what came of it */
    enum byok_status status;
    struct byok_answer answer;
    struct byok_value output; /* of a command */
    bool counted; /* its usage is in the user's counters */
    char counted_day[11]; /* under which day */
    uint64_t finished; /* its place among the user's outcomes, which are committed in order */
    bool batched; /* in a batch that is under way or committed */
    bool with_next; /* the next task to be published goes into the same batch */
    bool refused; /* its batch has failed: back at its user, to be written anew */
    size_t weight; /* bytes of it that are in the shard's account (byok_task_weigh) */
    bool outgoing; /* with the publisher */
    bool parking; /* with the publisher, not to end but to wait at `place` */
    bool placed; /* a try to park it failed; the next is for the same place */
    bool unparkable; /* the broker does not take it: it waits in memory */
    struct byok_parked_place place;
    struct byok_fault fault;
    struct byok_attempt attempts[BYOK_ATTEMPTS_MAX];
    uint32_t attempt_count; /* of all made, may pass BYOK_ATTEMPTS_MAX */
    uint32_t limited; /* of them, those that a limit refused, which are no failures of the job */
    uint32_t kept; /* of them, those that its place in the state tells of */
    /* what to publish */
    struct byok_out *outs; /* in the arena */
    size_t out_count, out_room;
    /* its place at the user's, then at the provider's */
    struct byok_task *prev, *next;
    struct byok_known known;
    bool listed; /* is in the hash */
};

/** A task for a record (taken over; NULL allowed).  NULL: no memory, and the record stays the
 *  caller's.  The arena's cap bounds what one job may take. */
struct byok_task *byok_task_new(struct byok_record **record, size_t arena_cap_bytes) BYOK_MUST_USE;

/** Free a task with all it owns, the lease of its slot too. NULL is fine. */
void byok_task_free(struct byok_task *task);

/** Whether the call may have been carried out and nobody knows how it ended. */
static inline bool byok_attempt_is_unclear(const struct byok_attempt *attempt)
{
    return attempt->sent && (attempt->code == BYOK_E_TIMEOUT || attempt->code == BYOK_E_CUT_OFF ||
                             attempt->code == BYOK_E_OUTCOME_LOST);
}

/** Where the attempts of that leg went. */
static inline struct byok_leg byok_task_leg(const struct byok_task *task, uint8_t leg)
{
    struct byok_str provider = /* that of a parked request may be configured no more */
        task->provider ? byok_str_of(task->provider->name) : task->request.provider;
    return task->legs ? task->legs[leg]
                      : (struct byok_leg){provider, task->model, task->request.label};
}

static inline uint32_t byok_task_noted(const struct byok_task *task)
{
    return task->attempt_count < BYOK_ATTEMPTS_MAX ? task->attempt_count : BYOK_ATTEMPTS_MAX;
}

/** The next attempt, zeroed; the last one's place is used again when there are too many. */
struct byok_attempt *byok_task_attempt(struct byok_task *task) BYOK_NONNULL(1);

/** One more record to publish with the task, zeroed but for topic, partition -1; NULL: no
 *  memory. */
struct byok_out *byok_task_out(struct byok_task *task, enum byok_topic topic) BYOK_NONNULL(1);

/** Add a header to an out; both texts are borrowed. More than BYOK_OUT_HEADERS_MAX are dropped. */
void byok_out_header(struct byok_out *out, const char *name, struct byok_str value)
    BYOK_NONNULL(1, 2);

struct byok_position {
    int32_t partition;
    int64_t offset; /* the next to be taken after a restart; never lowers what is stored */
};

/* A batch to be committed together. */
struct byok_commit {
    struct byok_msg msg;
    struct byok_task *tasks; /* linked by msg.next, owned; NULL: only positions */
    size_t task_count;
    struct byok_position *positions; /* watermarks reached when this batch is committed */
    size_t position_count;
    struct byok_fault fault; /* out: code OK, or why nothing of it was committed */
    struct byok_actor *reply_to;
};

/** Whether messages of that kind live inside an actor (ready, timer, stop) or, as the reply of a
 *  call, are owned by its provider until it has handled them. */
bool byok_msg_is_embedded(enum byok_msg_kind kind);

/** Free a message of any kind with what it owns, for mail that is left when a system ends.
 *  Embedded ones are left alone. */
void byok_msg_free(struct byok_msg *msg) BYOK_NONNULL(1);

/** Free a list of records linked by msg.next. */
void byok_records_free(struct byok_record *first);

/** Free a batch with its tasks. NULL is fine. */
void byok_commit_free(struct byok_commit *commit);

#endif
