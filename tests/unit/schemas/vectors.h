/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/vectors.h - the example messages of schemas/vectors. */
#ifndef BYOK_TESTS_SCHEMAS_VECTORS_H
#define BYOK_TESTS_SCHEMAS_VECTORS_H

#include "base/arena.h"
#include "schemas/codec.h"
#include "schemas/value.h"

struct vector {
    const struct byok_value *entry; /* of the index */
    const char *name;
    const char *kind;
    enum byok_format format;
    struct byok_str bytes;
};

/** Call `use` for each file of that kind (NULL: of every kind), in both formats. Returns how
 *  many there were. */
size_t each_vector(const char *kind, void (*use)(const struct vector *vector));

/** The timestamp that requests are decoded with. */
#define VECTOR_TIMESTAMP_MS 1796000000000

#endif
