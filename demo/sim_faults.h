/* SPDX-License-Identifier: MIT */
/* demo/sim_faults.h - which calls fail, and how.
 *
 * Two ways to ask for a fault: rules, set over HTTP, and directives in the prompt itself, so that
 * whoever can only write to Kafka can ask too:
 *
 *     [[sim:error=rate_limited,retry_after=1,times=2]]     [[sim:close]]     [[sim:cut,delay_ms=300]]
 *
 * A prompt may hold several directives; the first one with turns left is taken.  Turns (`times`)
 * are counted for each distinct prompt.  The names of the settings are the same in both ways.
 * Functions on struct sim_faults may be called from any thread.
 */
#ifndef BYOK_DEMO_SIM_FAULTS_H
#define BYOK_DEMO_SIM_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"
#include "demo/sim_wire.h"

enum sim_kind {
    SIM_NONE,     /* the ordinary answer */
    SIM_DELAY,    /* the ordinary answer, delay_ms later */
    SIM_STATUS, /* `status`, or that of the class `error`, with an error body of the wire's form */
    SIM_CLOSE, /* the connection is closed before the answer */
    SIM_CUT, /* Content-Length is declared, half of the body is sent */
    SIM_GARBAGE, /* 200, JSON by its content type, but random bytes */
    SIM_HTML, /* `status` (200) with a page, as a proxy in between gives it */
    SIM_DRIP, /* `bytes` (1) of the body each `gap_ms` (100) */
    SIM_SILENT, /* no answer, ever; the connection stays open */
    SIM_BIG, /* an answer of `mib` (64) MiB, well-formed */
    SIM_REDIRECT, /* 307 to `location` */
    SIM_ECHO_KEY, /* 401 whose message holds the value of the key's header */
    SIM_KINDS
};

struct sim_fault {
    enum sim_kind kind;
    enum sim_class class; /* SIM_OTHER: by the status alone */
    int64_t status; /* 0: the kind's own */
    int64_t delay_ms; /* on top of the latency, for every kind */
    int64_t wait_ms; /* told with it, in seconds as `retry_after` asks for it; < 0: nothing */
    enum sim_telling telling; /* `retry_after_ms`, `retry_date` (s), `reset_ms` */
    int64_t bytes, gap_ms; /* drip; gap_ms also paces the events of a stream */
    int64_t mib;
    int64_t billed; /* 1 or 0; < 0: the kind's own rule */
    int64_t answer_words; /* length of the answer; 0: the server's setting */
    int64_t times; /* turns; < 0: no end */
    int64_t rate_millionth; /* 1,000,000 = each time */
    char code[64], type[64], message[256], location[256];
};

/** What a rule looks at. */
struct sim_subject {
    const char *endpoint;
    const char *fingerprint;
    struct byok_str model;
    struct byok_str prompt;
};

struct sim_faults;

/** The kind's name on the wire; a literal. */
const char *sim_kind_name(enum sim_kind kind);

/** No rules yet; NULL when there is no memory. `seed` decides what `rate` draws. */
struct sim_faults *sim_faults_new(uint64_t seed) BYOK_MUST_USE;

/** Release; NULL is fine. */
void sim_faults_free(struct sim_faults *faults);

/** Replace all rules by those of a body {"rules":[...]}; on an error, told in `why`, nothing
 *  changes. */
bool sim_faults_set(struct sim_faults *faults, struct byok_str body, const char **why)
    BYOK_NONNULL(1, 3) BYOK_MUST_USE;

/** Forget the rules and what the directives counted. */
void sim_faults_reset(struct sim_faults *faults) BYOK_NONNULL(1);

/** Append the rules' hits as JSON. */
void sim_faults_report(struct sim_faults *faults, struct byok_buf *out) BYOK_NONNULL(1, 2);

/** The fault for this call, SIM_NONE in most cases; takes one of its turns. */
void sim_faults_draw(struct sim_faults *faults, const struct sim_subject *subject,
                     struct sim_fault *ret_fault) BYOK_NONNULL(1, 2, 3);

#endif
