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

void sim_object_change(struct sim_world *world, const char *name)
{
    struct sim_object *object = NULL;
    HASH_FIND_STR(world->objects, name, object);
    if (!object || object->size == 0 || object->is_changed)
        return;
    object->content[object->size - 1] ^= 1;
    object->is_changed = true;
}

enum sim_how sim_object_send(struct sim_world *world, const struct byok_payload_ref *upload)
{
    const struct sim_object *object = sim_object_find(world, upload->name);
    if (!object || object->is_changed)
        return SIM_OTHER_FILE;
    if (world->upload_fails == 0 || !sim_chance(&world->clock, world->upload_fails))
        return SIM_WHOLE;
    sim_note(world, SIM_FAULT_UPLOAD_FAILED);
    return sim_chance(&world->clock, 500) ? SIM_UNREADABLE : SIM_BROKEN_OFF;
}

/* What a piece of the body is on the wire. */
static struct byok_str content_of(struct sim_world *world, const struct byok_http_call *call,
                                  const struct byok_str *piece)
{
    if (!byok_http_piece_is_file(piece))
        return *piece;
    const struct sim_object *object =
        sim_object_find(world, call->upload ? call->upload->name : NULL);
    return object && object->size == piece->len ? (struct byok_str){object->content, object->size}
                                                : (struct byok_str){NULL, 0};
}

bool sim_was_sent(struct sim_world *world, const struct byok_http_call *call, struct byok_str text)
{
    bool found = false;
    for (size_t i = 0; i < call->request.piece_count; i++)
        found = found ||
                byok_str_find(content_of(world, call, &call->request.pieces[i]), text) != SIZE_MAX;
    return found;
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
    else if (object->is_changed)
        byok_fault_set(&call->fault, BYOK_E_BAD_REQUEST, "the payload has another sha256");
    else
        byok_buf_add(&call->body, object->content,
                     call->keep_bytes > 0 && call->keep_bytes < object->size ? call->keep_bytes
                                                                             : object->size);
}

/* After its first reading, whose outcome stands. */
static void change(struct sim_world *world, const struct byok_payload_call *call)
{
    if (call->keep_bytes == 0 || world->payload_changes == 0 ||
        !sim_chance(&world->clock, world->payload_changes))
        return;
    sim_note(world, SIM_FAULT_PAYLOAD_CHANGED);
    sim_object_change(world, call->ref.name);
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
    change(world, call);
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
    *payloads = (struct sim_payloads){.port = {&ops, true}, .worker = worker};
}
