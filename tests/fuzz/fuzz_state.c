/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_state.c - any value of the state changelog: what is read as a record is the same
 * after it was written and read again.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "schemas/parked.h"
#include "schemas/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CAP ((size_t)16 << 20)

static void read_user(struct byok_str bytes)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = CAP};
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = CAP};
    BYOK_AUTO(byok_user_record) record = {0};
    BYOK_AUTO(byok_user_record) again = {0};
    if (byok_user_record_decode(bytes, &arena, &record) != BYOK_E_OK)
        return;
    enum byok_err err = byok_user_record_encode(&record, &arena, &buf);
    assert(err == BYOK_E_OK || err == BYOK_E_NOMEM);
    if (err != BYOK_E_OK ||
        byok_user_record_decode(byok_buf_str(&buf), &arena, &again) != BYOK_E_OK)
        return;
    assert(record.counter_count == again.counter_count);
    assert(record.tokens_debt_us == again.tokens_debt_us);
    for (size_t i = 0; i < record.counter_count; i++)
        assert(record.counters[i].calls == again.counters[i].calls);
    (void)byok_user_record_counter(&record, "2026-11-24", byok_str_of("p"), byok_str_of("m"), 30);
}

static void read_done(struct byok_str bytes)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 100};
    struct byok_done_record record, again;
    if (byok_done_record_decode(bytes, &record) != BYOK_E_OK)
        return;
    enum byok_err err = byok_done_record_encode(&record, &buf);
    assert(err == BYOK_E_OK);
    err = byok_done_record_decode(byok_buf_str(&buf), &again);
    assert(err == BYOK_E_OK && record.status == again.status);
    assert(record.finished_wall_ms == again.finished_wall_ms);
}

static void read_claim(struct byok_str bytes)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 4096};
    struct byok_claim_record record, again;
    if (byok_claim_record_decode(bytes, &record) != BYOK_E_OK)
        return;
    enum byok_err err = byok_claim_record_encode(&record, &buf);
    assert(err == BYOK_E_OK);
    err = byok_claim_record_decode(byok_buf_str(&buf), &again);
    assert(err == BYOK_E_OK && record.attempt == again.attempt);
    assert(strcmp(record.owner, again.owner) == 0);
    assert(strcmp(record.provider, again.provider) == 0);
}

static void read_parked(struct byok_str bytes)
{
    BYOK_AUTO(byok_arena) arena = {.cap_bytes = CAP};
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = CAP};
    struct byok_parked parked, again;
    struct byok_parked_place place;
    struct byok_str user;
    if (byok_parked_key_read(bytes, &user, &place))
        assert(byok_str_eq(byok_parked_key(&arena, user, &place), bytes));
    if (byok_parked_marker_decode(bytes, &place) == BYOK_E_OK)
        assert(place.order >= 0 && place.due_wall_ms >= 0);
    if (byok_parked_decode(bytes, &arena, &parked) != BYOK_E_OK ||
        byok_parked_encode(&parked, &arena, &buf) != BYOK_E_OK ||
        byok_parked_decode(byok_buf_str(&buf), &arena, &again) != BYOK_E_OK)
        return;
    assert(byok_str_eq(parked.request, again.request));
    assert(parked.past.attempt_count == again.past.attempt_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct byok_str bytes = {(const char *)data, size};
    read_user(bytes);
    read_done(bytes);
    read_claim(bytes);
    read_parked(bytes);
    return 0;
}
