/* SPDX-License-Identifier: MIT */
/* tests/sim/world.h - a whole byokd in one thread on virtual time: cluster, workers, provider.
 *
 * A run is a function of its seed and of what the test does.  Workers are a shard's system and the
 * vault's system with real sealing and stores in memory; the ports are sim_broker.h (a cluster
 * with topics as logs per partition) and sim_http.h (a provider with a ledger).
 * The functions end the process when there is no memory; what they give is owned by the world.
 */
#ifndef BYOK_TESTS_SIM_WORLD_H
#define BYOK_TESTS_SIM_WORLD_H

#include "actors/env.h"
#include "actors/partition/partition.h"
#include "tests/sim/sim_broker.h"
#include "tests/sim/sim_budget.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_fault.h"
#include "tests/sim/sim_http.h"
#include "tests/sim/sim_limits.h"
#include "tests/sim/sim_log.h"
#include "tests/sim/sim_notes.h"
#include "tests/sim/sim_payloads.h"
#include "tests/sim/sim_rate.h"
#include "tests/sim/sim_store.h"
#include "tests/sim/sim_watch.h"

#define SIM_WORKERS_MAX 3
#define SIM_KEYS_MAX 64
#define SIM_USERS_MAX 16
#define SIM_S ((int64_t)1000000)

/* Faults that are counted. */
enum sim_kind {
#define KIND(id, name) SIM_FAULT_##id,
#include "tests/sim/sim_kinds.def"
#undef KIND
    SIM_FAULT_COUNT
};

/* A host's clocks: the monotonic one starts anywhere, the other may be wrong and jump. */
struct sim_host_clock {
    struct byok_clock clock;
    struct sim_world *world;
    int64_t ahead_us, wall_ahead_ms;
};

struct sim_worker {
    struct sim_world *world;
    bool alive, awake, stopped;
    bool stopping; /* stop_msg is on its way, or was handled */
    uint32_t life;           /* counts its starts */
    uint32_t disk;           /* counts the disks that it has lost */
    uint64_t crash_in;       /* so many messages from now it is killed; 0: no */
    int64_t frozen_until_us; /* nothing of it runs before */
    struct sim_host_clock clock;
    struct sim_store *state, *vault_store; /* outlive a crash */
    struct byok_system *system, *vault_system;
    struct byok_env env, vault_env;
    struct byok_metrics metrics;
    struct byok_slots *slots;
    struct byok_vault *vault;
    struct sim_broker broker;
    struct sim_http http;
    struct sim_notes notes;
    struct sim_payloads payloads;
    struct byok_msg stop_msg;
};

/* What a user is allowed; 0: anything. */
struct sim_user {
    char name[64];
    unsigned per_minute, tokens_per_minute, at_once;
    unsigned budget;    /* units a day (sim_budget.h) */
    int64_t unbound_us; /* when it was lifted; 0: it was not */
    struct sim_limits limits[SIM_PROVIDERS]; /* of its keys there */
};

/* A key that the provider knows. */
struct sim_key {
    char user[64];
    char secret[96];
    size_t provider; /* index in the world */
    char label[16];
    int64_t issued_wall_ms;
    bool revoked; /* the provider answers 401 */
    struct sim_quota quota;
    int64_t made_us;
    /* sim_limits.h: who was refused above its limit, and until when; who waited for the limit of one
     * that it has replaced, with how many calls, and when it is to be used at the latest */
    const struct sim_request *refused, *waits;
    int64_t refused_until_us, soon_us;
    unsigned waits_made;
    const struct sim_request *registration; /* the request that brings it; NULL: not known */
};

struct sim_world {
    struct sim_clock clock;
    struct sim_log log;
    struct byok_settings settings;
    struct byok_provider providers[SIM_PROVIDERS]; /* "openai", "other" */
    struct byok_provider_settings provider_settings[SIM_PROVIDERS];
    struct byok_arena arena; /* of the providers' texts */
    struct byok_keyring *ring;
    uint8_t public_key[BYOK_VAULT_PUBLIC_KEY_BYTES]; /* of every worker's vault */
    struct sim_cluster cluster;
    struct sim_worker workers[SIM_WORKERS_MAX];
    size_t worker_count;
    struct sim_key keys[SIM_KEYS_MAX];
    size_t key_count;
    struct sim_ledger ledger;
    sim_answer_fn answer; /* how the provider behaves; NULL: well */
    void *answer_arg;
    uint32_t tokens_most; /* that a chat's answer says, drawn from 1 on; 0: always 5 */
    uint32_t slots; /* per worker */
    unsigned spells; /* permille of streamed answers that are the key, bit by bit */
    /* chances of faults, in permille */
    unsigned commit_fails, chunk_fails, record_repeats, record_delays, offset_holes;
    unsigned producer_late, producer_twice;
    unsigned torn_batches; /* at least once: what fails may be written in part */
    int64_t idle_poll_us; /* of a consumer that has found nothing */
    int64_t commit_delay_us, restore_delay_us;
    unsigned note_repeats; /* a note is appended, its answer is lost, and it is written again */
    unsigned note_crashes; /* a note's answer takes long and its worker is killed before */
    unsigned notes_late; /* a note arrives although its partition is another's by then */
    bool static_members; /* who takes a partition from one unknowing has that one's instance id */
    int64_t note_delay_us;
    struct sim_object *objects; /* of the payload store */
    unsigned payload_fails, payload_changes, upload_fails;
    int64_t payload_delay_us;
    bool no_ledger; /* ledger: process */
    bool host_ledger; /* ledger: host */
    bool deadlines_far; /* of jobs that name none: nothing that is made to go wrong lasts so long */
    uint32_t commits_max;
    struct sim_watch watch;
    struct sim_user users[SIM_USERS_MAX]; /* that sim_check looks after */
    size_t user_count;
    bool is_calm; /* nothing is made to go wrong in this run */
    bool loses_time; /* what is under way may take any time: disks or memory fail */
    int64_t first_day, last_day; /* that a clock has shown, in days since 1970 */
    bool clock_jumped; /* forward: limits that were saved before do not hold */
    uint64_t faults[SIM_FAULT_COUNT]; /* injected so far */
    uint64_t ids; /* for ids made here */
    unsigned producing; /* requests that will be written (again) */
    bool stuck; /* the actors went round without end */
};

/** Change settings and chances after it, then start workers. */
struct sim_world *sim_world_new(uint64_t seed, int32_t partitions);
void sim_world_free(struct sim_world *world);

/** A new worker without partitions. */
struct sim_worker *sim_worker_start(struct sim_world *world);
/** One worker that has all partitions, restored. */
struct sim_worker *sim_worker_start_all(struct sim_world *world);
/** It dies without a word, its partitions are free; its stores stay. */
void sim_worker_crash(struct sim_worker *worker);
/** Nothing of it runs for that time; then it goes on as if nothing had been. */
void sim_worker_freeze(struct sim_worker *worker, int64_t us);
/** A fault was injected. */
void sim_note(struct sim_world *world, enum sim_kind kind);
const char *sim_kind_name(enum sim_kind kind);
/** Start it again, with its stores or with empty ones. */
void sim_worker_restart(struct sim_worker *worker, bool empty_stores);
/** SIGTERM: worker->stopped when it has let go of everything. */
void sim_worker_stop(struct sim_worker *worker);
struct byok_partition *sim_partition(struct sim_worker *worker, int32_t partition);
/** Whether the worker's partition takes records. */
bool sim_is_running(struct sim_worker *worker, int32_t partition);
int64_t sim_metric(struct sim_worker *worker, enum byok_metric metric);

/** Let time pass. */
void sim_run_for(struct sim_world *world, int64_t us);
/** Until the condition holds; false: it did not within that time. */
bool sim_run_until(struct sim_world *world, bool (*is_so)(struct sim_world *world), int64_t us);
/** Until every request record is below its partition's committed position, and none is parked. */
bool sim_run_until_done(struct sim_world *world, int64_t us);
bool sim_all_committed(struct sim_world *world);
/** How many requests wait in the state. */
size_t sim_parked(const struct sim_world *world);

/** Produce a request as JSON (printf) under the user's key; its offset, or -1: it comes later. */
int64_t sim_send(struct sim_world *world, const char *user, const char *format, ...)
    BYOK_PRINTF(3, 4);
/** The same to a partition of the caller's choice. */
int64_t sim_send_to(struct sim_world *world, int32_t partition, const char *user,
                    const char *format, ...) BYOK_PRINTF(4, 5);
/** A chat job of that id. */
int64_t sim_chat(struct sim_world *world, const char *user, const char *id);
/** A key.register for a fresh key that the provider knows; returns the key. */
struct sim_key *sim_register(struct sim_world *world, const char *user, const char *provider,
                             const char *id);
/** The same under a label. */
struct sim_key *sim_register_as(struct sim_world *world, const char *user, const char *provider,
                                const char *label, const char *id);
/** The same without running the request: the envelope as base64 text in `out`. */
struct sim_key *sim_seal(struct sim_world *world, const char *user, const char *provider,
                         const char *label, struct byok_arena *arena, struct byok_str *out);
/** Register and run until it is done. */
void sim_register_now(struct sim_world *world, const char *user);

/** How many results there are of an id; the last one's tree goes to `out` (in `arena`). */
size_t sim_results(struct sim_world *world, const char *id, struct byok_arena *arena,
                   struct byok_value *out);
/** The member (dotted path) of the last result of an id as text; "" when there is none. */
const char *sim_result_text(struct sim_world *world, const char *id, const char *path);
/** The error code of the last result; "ok" when it went well, "none" when there is none. */
const char *sim_result_code(struct sim_world *world, const char *id);
/** Calls of the ledger for a request id. */
size_t sim_calls(struct sim_world *world, const char *id);
/** The code header of the n-th dead letter, or "". */
const char *sim_dead_letter_code(struct sim_world *world, size_t n);
size_t sim_count(const struct sim_world *world, enum byok_topic topic);
/** Whether a raw key stands in any topic or log line. */
bool sim_leaked(struct sim_world *world);
/** How many records of the audit topic do not follow the one before. */
size_t sim_audit_breaks(const struct sim_world *world);
/** The most calls of a user that any half-open window of a minute holds, and that were open at one
 *  moment; without those that a crash or a loss has made nobody's. */
size_t sim_busiest_minute(const struct sim_world *world, const char *user);
/** The same for the tokens that the answers said. */
int64_t sim_most_tokens(const struct sim_world *world, const char *user);
size_t sim_most_at_once(const struct sim_world *world, const char *user);

#endif
