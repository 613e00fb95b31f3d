/* SPDX-License-Identifier: MIT */
/* tests/support/folder_store.h - the payload store of a scratch folder. */
#ifndef BYOK_TESTS_SUPPORT_FOLDER_STORE_H
#define BYOK_TESTS_SUPPORT_FOLDER_STORE_H

#include <criterion/criterion.h>

#include <sodium.h>

#include "payloads/store.h"

/* The caller closes it, and keeps the folder's name till then. */
static inline struct byok_payload_store *folder_store_open(const char *folder)
{
    struct byok_payload_store *store = NULL;
    struct byok_fault fault = {0};
    const struct byok_payload_options options = {.store = "folder", .folder = folder};
    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(byok_payload_store_open(&options, &store, &fault), BYOK_E_OK, "%s", fault.text);
    return store;
}

#endif
