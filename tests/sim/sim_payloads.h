/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_payloads.h - the payload port of a worker, over a store that all share.
 *
 * It is slow, fails before or after it has done what was asked, loses objects, and has them changed
 * between two readings.
 */
#ifndef BYOK_TESTS_SIM_PAYLOADS_H
#define BYOK_TESTS_SIM_PAYLOADS_H

#include <uthash.h>

#include "actors/ports/payloads.h"
#include "tests/sim/sim_http.h"

struct sim_world;
struct sim_worker;

struct sim_object {
    char name[BYOK_PAYLOAD_NAME_CHARS + 1];
    char *content;
    size_t size;
    bool is_changed;
    UT_hash_handle hh;
};

struct sim_payloads {
    struct byok_payload_port port;
    struct sim_worker *worker;
};

void sim_payloads_init(struct sim_payloads *payloads, struct sim_worker *worker);

/** As a user puts it; the reference is for a message. */
void sim_object_put(struct sim_world *world, struct byok_str user, struct byok_str content,
                    struct byok_payload_ref *ref);

/** NULL: there is none of that name, or no name. */
const struct sim_object *sim_object_find(const struct sim_world *world, const char *name);
void sim_object_lose(struct sim_world *world, const char *name);
/** It is of the same size, but something else. */
void sim_object_change(struct sim_world *world, const char *name);
/** What comes of sending what the call uploads; SIM_WHOLE: all of it goes, and is what it was. */
enum sim_how sim_object_send(struct sim_world *world, const struct byok_payload_ref *upload);
/** Whether a piece of the call's body holds the text, the file that it uploads included. */
bool sim_was_sent(struct sim_world *world, const struct byok_http_call *call, struct byok_str text);
void sim_objects_done(struct sim_world *world);

#endif
