/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_audit.c - a chain is whole, or the record where it breaks is found. */
#include "schemas/audit.h"

#include <string.h>

#include <criterion/criterion.h>

#define COUNT 20

static struct byok_arena arena;
static struct byok_str chain[COUNT];
static struct byok_audit_head end_head;

static void make(void)
{
    byok_arena_init(&arena, 0);
    end_head = (struct byok_audit_head){0};
    for (int i = 0; i < COUNT; i++) {
        const struct byok_audit_record record = {
            .at_wall_ms = 1796000000000 + i,
            .event = byok_str_of(i % 2 ? "key.use" : "key.register"),
            .user = byok_str_of("alice \"quoted\" \xc3\xa9"),
            .provider = byok_str_of("openai"),
            .label = byok_str_of("default"),
            .fingerprint = byok_str_of("0011223344556677"),
            .request_id = byok_arena_printf(&arena, "id-%d", i),
            .code = byok_str_of("ok"),
            .calls = i % 2,
        };
        cr_assert_eq(byok_audit_append(&end_head, &record, &arena, &chain[i]), BYOK_E_OK);
    }
}

static void end(void)
{
    byok_arena_done(&arena);
}

TestSuite(audit, .init = make, .fini = end);

/* The index of the first record that does not follow; COUNT: none. */
static size_t first_break(const struct byok_str *records, size_t count)
{
    struct byok_audit_head head = {0};
    for (size_t i = 0; i < count; i++) {
        struct byok_audit_record record;
        if (byok_audit_decode(records[i], &arena, &record) != BYOK_E_OK ||
            !byok_audit_follows(&head, &record, records[i]))
            return i;
    }
    return COUNT;
}

Test(audit, a_whole_chain_verifies_and_gives_what_was_noted)
{
    struct byok_audit_record record;
    cr_assert_eq(first_break(chain, COUNT), (size_t)COUNT);
    cr_assert_eq(byok_audit_decode(chain[7], &arena, &record), BYOK_E_OK);
    cr_assert_eq(record.number, 8u);
    cr_assert_eq(record.calls, 1);
    cr_assert(byok_str_is(record.event, "key.use"));
    cr_assert(byok_str_is(record.user, "alice \"quoted\" \xc3\xa9"));
    cr_assert(byok_str_is(record.request_id, "id-7"));
    cr_assert_eq(record.signer.len, 0u);
}

Test(audit, a_record_changed_left_out_repeated_or_moved_is_found)
{
    struct byok_str other[COUNT];
    for (size_t i = 0; i + 1 < COUNT; i++) {
        for (size_t at = 0; at < chain[i].len; at++) { /* any byte of it */
            memcpy(other, chain, sizeof other);
            other[i] = byok_arena_copy(&arena, chain[i]);
            ((char *)(uintptr_t)other[i].ptr)[at] ^= 1;
            size_t found = first_break(other, COUNT);
            cr_assert(found == i || found == i + 1, "record %zu byte %zu: %zu", i, at, found);
        }
        memcpy(other, chain, sizeof other);
        memmove(&other[i], &other[i + 1], (COUNT - 1 - i) * sizeof other[0]);
        cr_assert_eq(first_break(other, COUNT - 1), i, "%zu left out", i);
        memcpy(other, chain, sizeof other);
        other[i + 1] = chain[i];
        cr_assert_eq(first_break(other, COUNT), i + 1, "%zu repeated", i);
        other[i] = chain[i + 1];
        cr_assert_eq(first_break(other, COUNT), i, "%zu moved", i);
    }
}

Test(audit, a_head_comes_back_from_the_state_and_the_chain_goes_on)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 256};
    struct byok_audit_head head, before = end_head;
    struct byok_audit_record record = {.event = byok_str_of("key.delete")};
    struct byok_str bytes;
    cr_assert_eq(byok_audit_head_encode(&end_head, &buf), BYOK_E_OK);
    cr_assert_eq(byok_audit_head_decode(byok_buf_str(&buf), &head), BYOK_E_OK);
    cr_assert_eq(byok_audit_append(&head, &record, &arena, &bytes), BYOK_E_OK);
    cr_assert_eq(byok_audit_decode(bytes, &arena, &record), BYOK_E_OK);
    cr_assert(byok_audit_follows(&before, &record, bytes));
    cr_assert_eq(byok_audit_head_decode(byok_str_of("nonsense"), &head), BYOK_E_BAD_MESSAGE);
}

/* As any other program can: sha256sum over the value's bytes. */
Test(audit, the_hash_is_sha_256_of_the_value)
{
    struct byok_audit_head head = {0};
    struct byok_audit_record record = {
        .at_wall_ms = 1796000000000, .event = byok_str_of("key.use"), .user = byok_str_of("a")};
    struct byok_str bytes;
    cr_assert_eq(byok_audit_append(&head, &record, &arena, &bytes), BYOK_E_OK);
    cr_assert(byok_str_is(bytes,
                          "{\"version\":1,\"number\":1,\"prev\":"
                          "\"0000000000000000000000000000000000000000000000000000000000000000\","
                          "\"at_ms\":1796000000000,\"event\":\"key.use\",\"user\":\"a\"}"),
              "%.*s", BYOK_STR_ARG(bytes));
    static const uint8_t want[] = {0x37, 0x2f, 0xcd, 0x68, 0xbf, 0xcb, 0xb9, 0xfc, 0xed, 0xfc, 0x58,
                                   0xd3, 0x39, 0x15, 0x44, 0x65, 0xad, 0x44, 0xab, 0xe1, 0x40, 0x16,
                                   0x79, 0x51, 0x49, 0xd1, 0x98, 0xae, 0x8b, 0x06, 0xb9, 0x3c};
    cr_assert_arr_eq(head.hash, want, sizeof want);
}

Test(audit, without_memory_the_head_stays)
{
    struct byok_audit_record record = {.event = byok_str_of("key.use")};
    struct byok_audit_head head = end_head;
    struct byok_str bytes;
    for (size_t cap = 16; cap < 4096; cap += 16) {
        BYOK_AUTO(byok_arena) small = {.cap_bytes = cap};
        if (byok_audit_append(&head, &record, &small, &bytes) == BYOK_E_OK)
            break;
        cr_assert_eq(head.number, end_head.number);
    }
}
