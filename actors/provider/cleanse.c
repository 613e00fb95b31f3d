/* SPDX-License-Identifier: MIT */
/* actors/provider/cleanse.c - see actors/provider/cleanse.h. */
#include "actors/provider/cleanse.h"

#include <stdint.h>

#include "vault_rocks/scrub.h"

/* The deepest tree that can be written into a result. */
#define DEPTH_MAX (2 * BYOK_NEST_MAX)

struct cleanse {
    struct byok_task *task;
    struct byok_needles *needles;
};

static bool is_in(const struct byok_buf *buf, const char *p)
{
    return buf->ptr && (uintptr_t)p >= (uintptr_t)buf->ptr &&
           (uintptr_t)p < (uintptr_t)buf->ptr + buf->len;
}

/* A text may also be a literal, or one of the configuration's. */
static void clean_text(const struct cleanse *self, struct byok_str *text)
{
    struct byok_arena *arena = &self->task->arena;
    if (byok_needles_scrub(self->needles, *text, NULL) == 0)
        return;
    if (!byok_arena_holds(arena, text->ptr) && !is_in(&self->task->http.body, text->ptr))
        *text = byok_arena_copy(arena, *text);
    if (text->ptr)
        (void)byok_needles_scrub(self->needles, *text, (char *)(uintptr_t)text->ptr);
}

static void clean_value(const struct cleanse *self, struct byok_value *value, int depth)
{
    if (depth == DEPTH_MAX)
        return; /* no codec writes what is deeper */
    if (value->type == BYOK_VALUE_STRING || value->type == BYOK_VALUE_BYTES)
        clean_text(self, &value->as.str);
    for (uint32_t i = 0; value->type == BYOK_VALUE_ARRAY && i < value->count; i++)
        clean_value(self, &value->as.items[i], depth + 1);
    for (uint32_t i = 0; value->type == BYOK_VALUE_MAP && i < value->count; i++) {
        clean_text(self, &value->as.members[i].name);
        clean_value(self, &value->as.members[i].value, depth + 1);
    }
}

static void clean_all(void *arg, struct byok_needles *needles)
{
    struct byok_task *task = arg;
    const struct cleanse self = {task, needles};
    struct byok_answer *answer = &task->answer;
    char *said = task->fault.text;
    clean_value(&self, &answer->output, 0);
    clean_value(&self, &answer->raw, 0);
    clean_text(&self, &answer->model);
    clean_text(&self, &answer->provider_request_id);
    (void)byok_needles_scrub(needles, byok_str_of(said), said);
}

enum byok_err byok_cleanse(struct byok_task *task)
{
    byok_slot_look(task->slot, clean_all, task);
    return byok_arena_failed(&task->arena) ? BYOK_E_NOMEM : BYOK_E_OK;
}
