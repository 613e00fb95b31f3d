/* SPDX-License-Identifier: MIT */
/* tests/conformance/store_kit.h - a store to each case, and what the cases say of it.
 *
 * Over memory and rocks, or over the one that BYOK_TEST_STORE names, which stands on a server at
 * BYOK_TEST_STORE_URL; each case then has a place of its own there (tests/support/servers.py).
 */
#ifndef BYOK_TESTS_CONFORMANCE_STORE_KIT_H
#define BYOK_TESTS_CONFORMANCE_STORE_KIT_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>

#include "base/buf.h"
#include "vault_rocks/store.h"

#define PARTITION_LAST INT32_MAX

struct fixture {
    struct byok_store *store;
    struct byok_arena arena;
    struct byok_fault fault;
    const char *name;
    char folder[256]; /* "": none */
    char url[512];
};

struct param {
    char kind[32]; /* copied into another process, so no pointer */
};

struct criterion_test_params store_kinds(void);
void store_begin(struct fixture *f, const char *kind);
void store_end(struct fixture *f);

/* Open it once more, beside or after the one that is there. */
void store_reopen(struct fixture *f);

/* A word to the server (tests/support/servers.py). */
void store_control(const char *words);

/* One Criterion test of each case for each store. */
#define CASE(name)                                                                                 \
    static void name##_case(struct fixture *f);                                                    \
    ParameterizedTestParameters(store, name)                                                       \
    {                                                                                              \
        return store_kinds();                                                                      \
    }                                                                                              \
    ParameterizedTest(struct param *param, store, name)                                            \
    {                                                                                              \
        struct fixture f;                                                                          \
        store_begin(&f, param->kind);                                                              \
        name##_case(&f);                                                                           \
        store_end(&f);                                                                             \
    }                                                                                              \
    static void name##_case(struct fixture *f)

struct byok_str text(const char *s);
void apply(struct fixture *f, int32_t partition, const struct byok_write *writes, size_t count,
           int64_t position);
void put(struct fixture *f, int32_t partition, const char *key, const char *value);
void erase(struct fixture *f, int32_t partition, const char *key);
struct byok_str get(struct fixture *f, int32_t partition, struct byok_str key);

/* Whether that is the value; NULL: whether there is none. */
bool has(struct fixture *f, int32_t partition, const char *key, const char *value);
int64_t position(struct fixture *f, int32_t partition);

/* For a scan: "key=value " into the byok_buf `arg`. */
bool list(void *arg, struct byok_str key, struct byok_str value);
void scan_is(struct fixture *f, int32_t partition, const char *prefix, const char *want);

#endif
