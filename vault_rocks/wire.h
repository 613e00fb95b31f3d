/* SPDX-License-Identifier: MIT */
/* vault_rocks/wire.h - big-endian numbers and short texts, in and out; private to this folder.
 *
 * Both ends fail stickily: a writer that ran out of room and a reader that ran out of bytes stay
 * `failed`, so a format is written down once and checked at its end.  Never reads past `end`.
 */
#ifndef BYOK_VAULT_ROCKS_WIRE_H
#define BYOK_VAULT_ROCKS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/str.h"

struct byok_writer {
    uint8_t *at;
    uint8_t *end;
    bool failed;
};

struct byok_reader {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline struct byok_reader byok_reader_of(struct byok_str text)
{
    const uint8_t *at = (const uint8_t *)text.ptr;
    return (struct byok_reader){at, at ? at + text.len : at, false};
}

static inline void byok_put(struct byok_writer *writer, const void *bytes, size_t len)
{
    if (writer->failed || len > (size_t)(writer->end - writer->at)) {
        writer->failed = true;
        return;
    }
    if (len > 0)
        memcpy(writer->at, bytes, len);
    writer->at += len;
}

static inline void byok_put_uint(struct byok_writer *writer, uint64_t value, size_t bytes)
{
    uint8_t big[8];
    for (size_t i = 0; i < bytes; i++)
        big[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
    byok_put(writer, big, bytes);
}

/* u16 length and bytes */
static inline void byok_put_text(struct byok_writer *writer, struct byok_str text)
{
    if (text.len > UINT16_MAX) {
        writer->failed = true;
        return;
    }
    byok_put_uint(writer, text.len, 2);
    byok_put(writer, text.ptr, text.len);
}

/* `len` bytes, borrowed; NULL when there are not so many. */
static inline const uint8_t *byok_get(struct byok_reader *reader, size_t len)
{
    if (reader->failed || len > (size_t)(reader->end - reader->at)) {
        reader->failed = true;
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += len;
    return bytes;
}

static inline uint64_t byok_get_uint(struct byok_reader *reader, size_t bytes)
{
    const uint8_t *big = byok_get(reader, bytes);
    uint64_t value = 0;
    for (size_t i = 0; big && i < bytes; i++)
        value = value << 8 | big[i];
    return value;
}

/* A text of at most `max` bytes, borrowed. */
static inline struct byok_str byok_get_text(struct byok_reader *reader, size_t max)
{
    size_t len = (size_t)byok_get_uint(reader, 2);
    if (len > max)
        reader->failed = true;
    const uint8_t *bytes = byok_get(reader, len);
    return bytes ? (struct byok_str){(const char *)bytes, len} : (struct byok_str){NULL, 0};
}

#endif
