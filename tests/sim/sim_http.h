/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_http.h - the HTTP port, played by a provider that speaks OpenAI's language.
 *
 * It reads the key of a call only by byok_slot_header, knows whose it is, and notes every call in
 * a ledger.
 */
#ifndef BYOK_TESTS_SIM_HTTP_H
#define BYOK_TESTS_SIM_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "actors/ports/http.h"
#include "tests/sim/sim_rate.h"

#define SIM_PROVIDERS 2 /* "openai", "other" */

/* Texts of embeddings that say whose they are ("<id>#<number>") are all as long, so that a job's
 * share of a call's tokens is known. */
#define SIM_TEXT_BYTES 24
#define SIM_TEXT_TOKENS 6
#define SIM_PROMPT_TOKENS 7 /* that a chat's answer says of its prompt */
#define SIM_POISON "poison" /* a text with it is refused, with all of its call */

struct sim_key;
struct sim_request;
struct sim_world;
struct sim_worker;

struct sim_entry {
    int64_t at_us, end_us; /* the answer's or the failure's; INT64_MAX: still open */
    char user[64];        /* whose key it was; "": no key that is known */
    struct sim_key *key;  /* that one, or NULL */
    char id[129];         /* request id, from the X-Client-Request-Id header */
    char path[32];        /* "/chat/completions", … */
    size_t provider;      /* index in the world */
    unsigned attempt;     /* how many calls of that id were before, and 1 */
    bool sent;            /* it may be billed */
    struct sim_request *request;
    struct sim_worker *worker; /* who called, in which life and assignment */
    uint32_t life, generation;
    uint32_t disk; /* of its worker: who has it, has its claim */
    int32_t partition;
    bool is_known; /* a whole answer reached the worker */
    bool is_kept;  /* its outcome was parked with its request */
    bool joined;   /* it went along in the call before it in the ledger that has not joined */
    unsigned jobs; /* that share the call, 1 and those that joined */
    bool is_void;  /* its worker lost the partition before it could publish the outcome */
    int64_t tokens; /* that the answer said */
    int64_t written; /* of them, to a cache */
    unsigned texts;    /* of embeddings, of this job's */
    bool spoke;        /* it is a part of a speech, well answered */
    int64_t deltas;    /* of its answer that were streamed */
    size_t delta_bytes; /* of text */
    size_t delta_stars; /* in them */
    size_t media, delta_media; /* bytes of audio and images: of its answer, and streamed */
    size_t spelled;     /* how long the key is that the answer spells in many events; 0: none */
    bool ended;        /* the last of them said so */
    const struct sim_entry *unclear_before; /* of its request (sim_check) */
};

struct sim_ledger {
    struct sim_entry *entries;
    size_t count, room;
    int64_t open, open_most; /* calls under way, of all workers */
};

enum sim_how {
    SIM_WHOLE,      /* status and body */
    SIM_NO_CONNECT, /* nothing was sent */
    SIM_CUT,        /* the connection breaks */
    SIM_HANG,       /* no answer until the timeout */
    SIM_TOO_LARGE,  /* the answer passes the cap */
    /* what becomes of an upload, whatever the provider would have answered (sim_object_send) */
    SIM_UNREADABLE, /* its file cannot be read, so nothing was sent */
    SIM_BROKEN_OFF, /* nor read on, in the midst of it */
    SIM_OTHER_FILE /* it is not what it was */
};

struct sim_answer {
    enum sim_how how;
    int64_t latency_us;
    int status; /* 200 with an empty body: what a good provider answers */
    int retry_after_s; /* 0: no such header */
    char body[8192];
    struct sim_rate requests, tokens; /* what the headers say of the key's limits */
    int calls_max; /* the headers say that so many calls at once are let through; 0: nothing */
};

/** Change the answer, which is preset with a good one. */
typedef void (*sim_answer_fn)(struct sim_world *world, const struct sim_entry *entry,
                              struct sim_answer *answer);

struct sim_http {
    struct byok_http http;
    struct sim_worker *worker;
    int64_t open[SIM_PROVIDERS]; /* calls under way */
};

/** What the provider gives for a text. */
void sim_vector_of(struct byok_str text, int64_t vector[static 2]);

/** The inputs of a call for embeddings; else an empty list. */
struct byok_value sim_texts_of(struct byok_arena *arena, struct byok_str body);

/** Whose text it is: "<id>#…"; empty: it does not say. */
struct byok_str sim_text_owner(const struct byok_value *text);

/** The answer for texts; `*out` is the caller's.  The tokens that it says, which all went to a
 *  cache. */
int64_t sim_vectors_body(const struct sim_entry *entry, const struct byok_value *texts, char **out);

void sim_http_init(struct sim_http *http, struct sim_worker *worker);

#endif
