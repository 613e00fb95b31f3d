/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/notes_kit.h - claims given to a notes port, and an actor that hears the answers. */
#ifndef BYOK_TESTS_NOTES_KIT_H
#define BYOK_TESTS_NOTES_KIT_H

#include <stdio.h>

#include <criterion/criterion.h>

#include "actors/actor.h"
#include "actors/ports/notes.h"

struct kit_note {
    struct byok_msg msg; /* first: the answer's address is this struct's */
    struct byok_note note;
    char key[32], value[32];
    unsigned answered; /* how often */
    size_t place; /* the how manieth answer it was */
};

/* The actor's state. */
struct kit_noter {
    size_t answers;
};

static inline enum byok_err kit_noter_receive(struct byok_ctx *ctx, void *state,
                                              struct byok_msg **msg)
{
    struct kit_note *note = (struct kit_note *)*msg;
    (void)ctx;
    cr_assert_eq((*msg)->kind, BYOK_MSG_NOTED);
    note->answered++;
    note->place = ++((struct kit_noter *)state)->answers;
    *msg = NULL;
    return BYOK_E_OK;
}

static const struct byok_behavior kit_noter_behavior = {
    .name = "noter", .state_size = sizeof(struct kit_noter), .receive = kit_noter_receive};

/** Give it to the port: the claim number `i` of a partition, or its end. */
static inline void kit_note_write(struct byok_notes *notes, struct byok_actor *to,
                                  struct kit_note *note, int32_t partition, size_t i, bool erased)
{
    *note = (struct kit_note){.msg = {0}};
    (void)snprintf(note->key, sizeof note->key, "c/user/id%zu", i);
    (void)snprintf(note->value, sizeof note->value, "claim %zu", i);
    note->note = (struct byok_note){
        .partition = partition,
        .key = byok_str_of(note->key),
        .value = erased ? (struct byok_str){NULL, 0} : byok_str_of(note->value),
        .reply_to = to,
        .reply = &note->msg,
        .offset = -1,
    };
    notes->ops->write(notes, &note->note);
    cr_assert_eq(note->answered, 0, "no answer before write returns");
}

#endif
