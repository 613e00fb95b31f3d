/* SPDX-License-Identifier: MIT */
/* base/arena.c - a chain of heap blocks, filled front to back. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "base/mem.h"

/* Most arenas live for a few lines.  With its header such a block is one that the thread's own cache
 * of the heap keeps (up to 1,032 bytes in glibc).  An ordinary chat job grows to four blocks. */
#define FIRST_BLOCK_BYTES ((size_t)960)
#define LARGEST_BLOCK_BYTES ((size_t)65536)

struct byok_arena_block {
    struct byok_arena_block *next;
    size_t size; /* usable bytes after the header */
    size_t used;
    alignas(max_align_t) unsigned char bytes[];
};

void byok_arena_init(struct byok_arena *arena, size_t cap_bytes)
{
    *arena = (struct byok_arena){.cap_bytes = cap_bytes};
}

void byok_arena_done(struct byok_arena *arena)
{
    struct byok_arena_block *block = arena->head;
    while (block) {
        struct byok_arena_block *next = block->next;
        byok_delete(block);
        block = next;
    }
    byok_arena_init(arena, arena->cap_bytes);
}

static struct byok_arena_block *grow(struct byok_arena *arena, size_t bytes)
{
    size_t size = arena->head ? arena->head->size * 2 : FIRST_BLOCK_BYTES;
    if (size > LARGEST_BLOCK_BYTES)
        size = LARGEST_BLOCK_BYTES;
    if (size < bytes)
        size = bytes;
    size_t total = sizeof(struct byok_arena_block) + size;
    if (arena->cap_bytes != 0 && total > arena->cap_bytes - arena->used_bytes) {
        arena->overflow = true;
        return NULL;
    }
    struct byok_arena_block *block = byok_new(1, total);
    if (!block)
        return NULL;
    block->size = size;
    block->next = arena->head;
    arena->head = block;
    arena->used_bytes += total;
    return block;
}

void *byok_arena_alloc(struct byok_arena *arena, size_t bytes)
{
    const size_t align = alignof(max_align_t);
    if (arena->failed)
        return NULL;
    if (bytes > SIZE_MAX / 2) {
        arena->failed = true;
        return NULL;
    }
    size_t need = (bytes + align - 1) / align * align;
    struct byok_arena_block *block = arena->head;
    if (!block || block->size - block->used < need)
        block = grow(arena, need);
    if (!block) {
        arena->failed = true;
        return NULL;
    }
    void *memory = block->bytes + block->used;
    block->used += need;
    return memory;
}

struct byok_str byok_arena_copy(struct byok_arena *arena, struct byok_str text)
{
    char *copy = byok_arena_alloc(arena, text.len + 1);
    if (!copy)
        return (struct byok_str){NULL, 0};
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return (struct byok_str){copy, text.len};
}

struct byok_str byok_arena_printf(struct byok_arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : byok_arena_alloc(arena, (size_t)len + 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text ? (struct byok_str){text, (size_t)len} : (struct byok_str){NULL, 0};
}

bool byok_arena_holds(const struct byok_arena *arena, const void *memory)
{
    const uintptr_t at = (uintptr_t)memory;
    for (const struct byok_arena_block *block = arena->head; block; block = block->next) {
        const uintptr_t begin = (uintptr_t)block->bytes;
        if (at >= begin && at < begin + block->used)
            return true;
    }
    return false;
}
