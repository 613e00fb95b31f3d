/* SPDX-License-Identifier: MIT */
/* vault_rocks/store_key.h - one ordered key space for all partitions; private to this folder.
 *
 *     partition, 4 bytes big-endian with the sign bit flipped (so that -1 stands before 0)
 *     | tag: 0 the changelog position, 1 an entry, 2 nothing: the end of the partition
 *     | the entry's key
 * The tag keeps the position out of the way of every key that a caller may choose.
 */
#ifndef BYOK_VAULT_ROCKS_STORE_KEY_H
#define BYOK_VAULT_ROCKS_STORE_KEY_H

#include <stddef.h>
#include <stdint.h>

#define BYOK_STORE_PREFIX_BYTES ((size_t)5)

enum byok_store_tag { BYOK_STORE_POSITION = 0, BYOK_STORE_ENTRY = 1, BYOK_STORE_END = 2 };

struct byok_store_prefix {
    char bytes[BYOK_STORE_PREFIX_BYTES];
};

static inline struct byok_store_prefix byok_store_prefix(int32_t partition, enum byok_store_tag tag)
{
    uint32_t ordered = (uint32_t)partition ^ 0x80000000u;
    struct byok_store_prefix out;
    for (size_t i = 0; i < 4; i++)
        out.bytes[i] = (char)(unsigned char)(ordered >> (24 - 8 * i));
    out.bytes[4] = (char)tag;
    return out;
}

/* The partition of a key that begins with such a prefix. */
static inline int32_t byok_store_partition(const char prefix[static BYOK_STORE_PREFIX_BYTES])
{
    uint32_t ordered = 0;
    for (size_t i = 0; i < 4; i++)
        ordered = ordered << 8 | (unsigned char)prefix[i];
    return (int32_t)(ordered ^ 0x80000000u);
}

/* A position as it is stored, and back. */
static inline void byok_store_put_position(int64_t position, char out[static 8])
{
    for (size_t i = 0; i < 8; i++)
        out[i] = (char)(unsigned char)((uint64_t)position >> (56 - 8 * i));
}

static inline int64_t byok_store_get_position(const char in[static 8])
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | (unsigned char)in[i];
    return (int64_t)value;
}

#endif
