/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_audit.c - any record of the audit topic and any head: what is read is the same
 * after it was written and read again.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "schemas/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CAP ((size_t)16 << 20)

static void read_record(struct byok_str bytes)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = CAP};
    struct byok_audit_record record, again;
    struct byok_audit_head head = {0}, behind = {0};
    struct byok_str written;
    if (byok_audit_decode(bytes, &arena, &record) != BYOK_E_OK)
        return;
    assert(record.number > 0 && record.event.len > 0);
    head.number = record.number - 1;
    memcpy(head.hash, record.prev, sizeof head.hash);
    behind = head;
    assert(byok_audit_follows(&behind, &record, bytes));
    if (byok_audit_append(&head, &record, &arena, &written) != BYOK_E_OK)
        return;
    assert(byok_audit_decode(written, &arena, &again) == BYOK_E_OK);
    assert(again.number == record.number && byok_str_eq(again.event, record.event));
    assert(memcmp(again.prev, record.prev, sizeof again.prev) == 0);
}

static void read_head(struct byok_str bytes)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 256};
    struct byok_audit_head head, again;
    if (byok_audit_head_decode(bytes, &head) != BYOK_E_OK)
        return;
    assert(byok_audit_head_encode(&head, &buf) == BYOK_E_OK);
    assert(byok_audit_head_decode(byok_buf_str(&buf), &again) == BYOK_E_OK);
    assert(again.number == head.number && memcmp(again.hash, head.hash, sizeof head.hash) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct byok_str bytes = {(const char *)data, size};
    read_record(bytes);
    read_head(bytes);
    return 0;
}
