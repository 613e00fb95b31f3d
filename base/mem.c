/* SPDX-License-Identifier: MIT */
/* base/mem.c - heap blocks that leave nothing behind. */
#define _GNU_SOURCE /* explicit_bzero */
#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *byok_new(size_t count, size_t size)
{
    return calloc(count, size);
}

void byok_delete(void *memory)
{
    if (!memory)
        return;
    explicit_bzero(memory, malloc_usable_size(memory));
    free(memory);
}

void *byok_renew(void *memory, size_t count, size_t size)
{
    if (size != 0 && count > SIZE_MAX / size)
        return NULL;
    size_t bytes = count * size;
    size_t old = memory ? malloc_usable_size(memory) : 0;
    if (memory && bytes <= old && bytes > old / 2)
        return memory;
    void *fresh = malloc(bytes ? bytes : 1);
    if (!fresh)
        return NULL;
    if (memory) {
        memcpy(fresh, memory, old < bytes ? old : bytes);
        byok_delete(memory);
    }
    return fresh;
}
