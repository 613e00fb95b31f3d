/* SPDX-License-Identifier: MIT */
/* actors/partition/watermark.c - a ring of the offsets above the position, in order. */
#include "actors/partition/watermark.h"

#include "base/mem.h"

#define FIRST_ROOM ((size_t)64)

struct byok_watermark_entry {
    int64_t offset;
    uint64_t batch; /* that commits it; 0: none yet */
    bool done;
};

void byok_watermark_init(struct byok_watermark *mark)
{
    *mark = (struct byok_watermark){.position = -1};
}

void byok_watermark_done(struct byok_watermark *mark)
{
    byok_delete(mark->ring);
    byok_watermark_init(mark);
}

static struct byok_watermark_entry *entry_at(const struct byok_watermark *mark, size_t i)
{
    return &mark->ring[(mark->head + i) & (mark->room - 1)];
}

static bool grow(struct byok_watermark *mark)
{
    size_t room = mark->room ? mark->room * 2 : FIRST_ROOM;
    struct byok_watermark_entry *ring = byok_new(room, sizeof *ring);
    if (!ring)
        return false;
    for (size_t i = 0; i < mark->count; i++)
        ring[i] = *entry_at(mark, i);
    byok_delete(mark->ring);
    mark->ring = ring;
    mark->room = room;
    mark->head = 0;
    return true;
}

bool byok_watermark_take(struct byok_watermark *mark, int64_t offset)
{
    if (offset < mark->position)
        return true;
    if (mark->count > 0 && offset <= entry_at(mark, mark->count - 1)->offset)
        return true;
    if (mark->count == mark->room && !grow(mark))
        return false;
    *entry_at(mark, mark->count) = (struct byok_watermark_entry){offset, 0, false};
    if (mark->count++ == 0)
        mark->position = offset;
    return true;
}

/* Index of the entry of `offset`, or the count when there is none. */
static size_t find(const struct byok_watermark *mark, int64_t offset)
{
    size_t low = 0, high = mark->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entry_at(mark, middle)->offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < mark->count && entry_at(mark, low)->offset == offset ? low : mark->count;
}

bool byok_watermark_finish(struct byok_watermark *mark, int64_t offset)
{
    size_t i = find(mark, offset);
    if (i == mark->count)
        return false;
    entry_at(mark, i)->done = true;
    int64_t before = mark->position;
    while (mark->count > 0 && entry_at(mark, 0)->done) {
        mark->position = entry_at(mark, 0)->offset + 1;
        mark->head = (mark->head + 1) & (mark->room - 1);
        mark->count--;
    }
    if (mark->count > 0)
        mark->position = entry_at(mark, 0)->offset;
    return mark->position != before;
}

void byok_watermark_claim(struct byok_watermark *mark, int64_t offset, uint64_t batch)
{
    size_t i = find(mark, offset);
    if (i < mark->count)
        entry_at(mark, i)->batch = batch;
}

int64_t byok_watermark_claimed(const struct byok_watermark *mark, uint64_t batch)
{
    int64_t position = mark->position;
    size_t i = 0;
    for (; i < mark->count; i++) {
        const struct byok_watermark_entry *entry = entry_at(mark, i);
        if (!entry->done && entry->batch != batch)
            return entry->offset;
        position = entry->offset + 1;
    }
    return position;
}
