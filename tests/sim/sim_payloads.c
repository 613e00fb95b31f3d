/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_payloads.c - see tests/sim/sim_payloads.h. */
#include "tests/sim/sim_payloads.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tests/sim/world.h"

struct going {
    struct sim_payloads *payloads;
    struct byok_payload_call *call;
};

const struct sim_object *sim_object_find(const struct sim_world *world, const char *name)
{
    struct sim_object *object = NULL;
    if (name)
        HASH_FIND_STR(world->objects, name, object);
    return object;
}

static void object_free(struct sim_object *object)
{
    byok_delete(object->content);
    byok_delete(object);
}

void sim_object_lose(struct sim_world *world, const char *name)
{
    struct sim_object *object = NULL;
    HASH_FIND_STR(world->objects, name, object);
    if (!object)
        return;
    HASH_DEL(world->objects, object);
    object_free(object);
}

void sim_objects_done(struct sim_world *world)
{
    struct sim_object *object, *next;
    HASH_ITER(hh, world->objects, object, next) {
        HASH_DEL(world->objects, object);
        object_free(object);
    }
}

void sim_object_put(struct sim_world *world, struct byok_str user, struct byok_str content,
                    struct byok_payload_ref *ref)
{
    byok_payload_identify(user, content, ref);
    if (sim_object_find(world, ref->name))
        return;
    struct sim_object *object = sim_new(1, sizeof *object);
    memcpy(object->name, ref->name, sizeof object->name);
    object->size = content.len;
    object->content = sim_new(1, content.len + 1);
    if (content.len > 0)
        memcpy(object->content, content.ptr, content.len);
    HASH_ADD_STR(world->objects, name, object);
    if (!object->hh.tbl)
        abort();
}

static void do_it(struct sim_world *world, struct byok_payload_call *call)
{
    if (call->put) {
        sim_object_put(world, call->user, call->content, &call->ref);
        return;
    }
    const struct sim_object *object = sim_object_find(world, call->ref.name);
    if (!object)
        byok_fault_set(&call->fault, BYOK_E_BAD_REQUEST, "the payload is not in the store");
    else
        byok_buf_add(&call->body, object->content, object->size);
}

static void arrive(void *arg)
{
    struct going *going = arg;
    struct byok_payload_call *call = going->call;
    struct sim_world *world = going->payloads->worker->world;
    bool fails = sim_chance(&world->clock, world->payload_fails);
    bool done = !fails || sim_chance(&world->clock, 500);
    byok_delete(going);
    if (call->put)
        byok_payload_identify(call->user, call->content, &call->ref);
    if (done)
        do_it(world, call);
    if (fails) {
        sim_note(world, done ? SIM_FAULT_PAYLOAD_UNSURE : SIM_FAULT_PAYLOAD_FAILED);
        byok_buf_done(&call->body);
        byok_fault_set(&call->fault, BYOK_E_STORE, "the payload store fails");
    }
    struct byok_msg *msg = call->reply;
    byok_post(call->reply_to, BYOK_MSG_PAYLOAD_DONE, &msg);
}

static void begin(struct byok_payload_port *port, struct byok_payload_call *call)
{
    struct sim_payloads *self = (struct sim_payloads *)port;
    struct sim_world *world = self->worker->world;
    sim_fault_hold();
    struct going *going = sim_new(1, sizeof *going);
    *going = (struct going){self, call};
    call->fault = (struct byok_fault){.code = BYOK_E_OK};
    byok_buf_init(&call->body, (size_t)call->ref.size);
    int64_t us = 500 + (int64_t)sim_below(&world->clock, (uint64_t)world->payload_delay_us + 1);
    sim_clock_in(&world->clock, us, self, arrive, byok_delete, going);
    sim_fault_release();
}

static const struct byok_payload_port_ops ops = {begin};

void sim_payloads_init(struct sim_payloads *payloads, struct sim_worker *worker)
{
    *payloads = (struct sim_payloads){.port = {&ops}, .worker = worker};
}
