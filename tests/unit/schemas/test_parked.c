/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_parked.c - what waits in the state is read as it was written. */
#include "schemas/parked.h"

#include <string.h>

#include <criterion/criterion.h>

#include "vectors.h"

static struct byok_arena arena;

static void tear_down(void)
{
    byok_arena_done(&arena);
}

TestSuite(parked_record, .fini = tear_down);

Test(parked_record, comes_back_with_all_that_was_tried)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 10000};
    struct byok_parked in = {
        .content_type = BYOK_STR("application/json"),
        .traceparent = BYOK_STR("\xff no UTF-8"),
        .timestamp_wall_ms = 17,
        .request = BYOK_STR("{\"id\":1}\0behind"),
        .past = {.deadline_wall_ms = 99,
                 .attempt_count = 20,
                 .limited = 18,
                 .leg = 3,
                 .attempts = {{5, 6, 429, BYOK_E_RATE_LIMITED, true, false, 0},
                              {7, 8, 503, BYOK_E_OVERLOADED, true, false, 2},
                              {7, 8, 503, BYOK_E_OVERLOADED, true, true, 0}}},
    };
    cr_assert_eq(byok_parked_encode(&in, &arena, &buf), BYOK_E_OK);
    struct byok_parked out;
    cr_assert_eq(byok_parked_decode(byok_buf_str(&buf), &arena, &out), BYOK_E_OK);
    cr_assert(byok_str_eq(out.content_type, in.content_type));
    cr_assert(byok_str_eq(out.traceparent, in.traceparent));
    cr_assert(byok_str_eq(out.request, in.request));
    cr_assert_eq(out.timestamp_wall_ms, 17);
    cr_assert_eq(out.past.deadline_wall_ms, 99);
    cr_assert_eq(out.past.attempt_count, 20);
    cr_assert_eq(out.past.limited, 18);
    cr_assert_eq(out.past.attempts[0].http_status, 429);
    cr_assert_eq(out.past.attempts[0].code, BYOK_E_RATE_LIMITED);
    cr_assert(out.past.attempts[0].sent);
    cr_assert_eq(out.past.leg, 3);
    for (size_t i = 0; i < 3; i++) {
        cr_assert_eq(out.past.attempts[i].leg, in.past.attempts[i].leg);
        cr_assert_eq(out.past.attempts[i].joined, in.past.attempts[i].joined);
    }
}

Test(parked_record, that_is_cut_anywhere_is_refused)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 10000};
    const struct byok_parked in = {.request = BYOK_STR("{}"), .past = {.attempt_count = 2}};
    struct byok_parked out;
    cr_assert_eq(byok_parked_encode(&in, &arena, &buf), BYOK_E_OK);
    for (size_t len = 0; len < buf.len; len++)
        cr_assert_neq(byok_parked_decode((struct byok_str){buf.ptr, len}, &arena, &out), BYOK_E_OK);
}

Test(parked_record, keys_sort_by_time_then_order_and_name_their_user)
{
    static const struct byok_parked_place places[] = {{0, 0},         {0, 15},  {0, 16},
                                                      {0, INT64_MAX}, {1, 500}, {15, 3},
                                                      {16, 2},        {16, 10}, {INT64_MAX, 1}};
    const struct byok_str user = BYOK_STR("zo\xc3\xab");
    struct byok_str last = {"", 0};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct byok_str key = byok_parked_key(&arena, user, &places[i]), found;
        struct byok_parked_place place;
        cr_assert(byok_parked_key_read(key, &found, &place));
        cr_assert(byok_str_eq(found, user));
        cr_assert_eq(place.due_wall_ms, places[i].due_wall_ms);
        cr_assert_eq(place.order, places[i].order);
        size_t common = last.len < key.len ? last.len : key.len;
        cr_assert_leq(memcmp(last.ptr, key.ptr, common), 0);
        for (size_t len = 0; len < key.len - user.len; len++)
            cr_assert(!byok_parked_key_read((struct byok_str){key.ptr, len}, &found, &place));
        last = key;
    }
}

Test(parked_record, markers_and_done_records_are_told_apart)
{
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 1000};
    struct byok_parked_place in = {7, 8}, out;
    cr_assert_eq(byok_parked_marker_encode(&in, &buf), BYOK_E_OK);
    cr_assert_eq(byok_parked_marker_decode(byok_buf_str(&buf), &out), BYOK_E_OK);
    cr_assert(out.due_wall_ms == 7 && out.order == 8);
    const struct byok_str done = BYOK_STR("\x82\xab"
                                          "finished_ms\x01\xa6status\xa2ok");
    cr_assert_eq(byok_parked_marker_decode(done, &out), BYOK_E_BAD_MESSAGE);
}

static void check_vector(const struct vector *vector)
{
    if (vector->format != BYOK_MSGPACK)
        return;
    struct byok_parked_place place;
    struct byok_parked parked;
    enum byok_err err = strcmp(vector->kind, "parked_record") == 0
                            ? byok_parked_decode(vector->bytes, &arena, &parked)
                            : byok_parked_marker_decode(vector->bytes, &place);
    bool bad = byok_value_find(vector->entry, "error") != NULL;
    cr_assert_eq(err, bad ? BYOK_E_BAD_MESSAGE : BYOK_E_OK, "%s", vector->name);
}

Test(parked_record, every_vector_decodes_or_is_refused_as_its_index_says)
{
    cr_assert_geq(each_vector("parked_record", check_vector), 4);
    cr_assert_geq(each_vector("parked_marker", check_vector), 4);
}
