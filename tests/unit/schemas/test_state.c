/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_state.c - what is kept of a user. */
#include "schemas/state.h"

#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "trees.h"
#include "vectors.h"

static struct byok_counter *counter(struct byok_user_record *record, const char *day,
                                    const char *provider, const char *model)
{
    return byok_user_record_counter(record, day, byok_str_of(provider), byok_str_of(model), 400);
}

Test(state, a_counter_is_made_once_and_found_again)
{
    BYOK_AUTO(byok_user_record) record = {0};
    byok_user_record_init(&record);
    counter(&record, "2026-11-24", "openai", "m")->calls++;
    counter(&record, "2026-11-24", "openai", "n")->calls++;
    counter(&record, "2026-11-24", "openai", "m")->calls++;
    cr_assert_eq(record.counter_count, 2);
    cr_assert_eq(counter(&record, "2026-11-24", "openai", "m")->calls, 2);
}

Test(state, many_counters_in_any_order_stay_sorted_and_found)
{
    enum { N = BYOK_COUNTERS_MAX };
    BYOK_AUTO(byok_user_record) record = {0};
    byok_user_record_init(&record);
    for (int i = 0; i < N; i++) {
        char model[16];
        snprintf(model, sizeof model, "m%d", i * 7919 % N);
        counter(&record, i % 2 ? "2026-11-24" : "2026-11-23", "p", model)->calls = i + 1;
    }
    cr_assert_eq(record.counter_count, N);
    for (int i = 0; i < N; i++) {
        char model[16];
        snprintf(model, sizeof model, "m%d", i * 7919 % N);
        cr_assert_eq(counter(&record, i % 2 ? "2026-11-24" : "2026-11-23", "p", model)->calls,
                     i + 1);
    }
    for (size_t i = 1; i < record.counter_count; i++) {
        int by_day = strcmp(record.counters[i - 1].day, record.counters[i].day);
        cr_assert(by_day < 0 || (by_day == 0 && strcmp(record.counters[i - 1].model,
                                                       record.counters[i].model) < 0));
    }
}

Test(state, old_days_go_when_a_counter_is_made)
{
    BYOK_AUTO(byok_user_record) record = {0};
    byok_user_record_init(&record);
    static const char *const days[] = {"2026-01-31", "2026-02-27", "2026-02-28", "2026-03-01"};
    for (size_t i = 0; i < 4; i++)
        cr_assert_not_null(
            byok_user_record_counter(&record, days[i], byok_str_of("p"), byok_str_of("m"), 30));
    cr_assert_eq(record.counter_count, 4, "2026-01-31 is 29 days before");
    cr_assert_not_null(
        byok_user_record_counter(&record, "2026-03-02", byok_str_of("p"), byok_str_of("m"), 2));
    cr_assert_eq(record.counter_count, 3);
    cr_assert_str_eq(record.counters[0].day, "2026-02-28");
    cr_assert_not_null(
        byok_user_record_counter(&record, "2026-03-02", byok_str_of("p"), byok_str_of("m"), 0));
    cr_assert_eq(record.counter_count, 3, "one that is there drops nothing");
}

Test(state, a_sender_of_endless_model_names_fills_one_counter)
{
    BYOK_AUTO(byok_user_record) record = {0};
    byok_user_record_init(&record);
    for (int i = 0; i < BYOK_COUNTERS_MAX + 500; i++) {
        char model[16];
        snprintf(model, sizeof model, "m%d", i);
        counter(&record, "2026-11-24", "p", model)->calls++;
    }
    cr_assert_eq(record.counter_count, BYOK_COUNTERS_MAX + 1);
    cr_assert_eq(counter(&record, "2026-11-24", "p", BYOK_OTHER_MODEL)->calls, 500);
}

Test(state, names_too_long_are_cut)
{
    BYOK_AUTO(byok_user_record) record = {0};
    byok_user_record_init(&record);
    char name[1000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct byok_counter *made = counter(&record, "2026-11-24-and-more", name, name);
    cr_assert_str_eq(made->day, "2026-11-24");
    cr_assert_eq(strlen(made->provider), BYOK_PROVIDER_MAX);
    cr_assert_eq(strlen(made->model), BYOK_MODEL_MAX);
}

static void assert_same(const struct byok_user_record *a, const struct byok_user_record *b)
{
    cr_assert_eq(a->requests_debt_us, b->requests_debt_us);
    cr_assert_eq(a->tokens_debt_us, b->tokens_debt_us);
    cr_assert_eq(a->saved_wall_ms, b->saved_wall_ms);
    cr_assert_eq(a->requests_per_minute, b->requests_per_minute);
    cr_assert_eq(a->tokens_per_minute, b->tokens_per_minute);
    cr_assert_eq(a->concurrency, b->concurrency);
    cr_assert_eq(a->budget, b->budget);
    cr_assert_eq(a->budget_period, b->budget_period);
    cr_assert_eq(memcmp(a->spent, b->spent, sizeof a->spent), 0);
    for (size_t i = 0; i < BYOK_CAPABILITY_COUNT; i++) {
        cr_assert_str_eq(a->choice[i].provider, b->choice[i].provider);
        cr_assert_str_eq(a->choice[i].model, b->choice[i].model);
    }
    cr_assert_eq(a->counter_count, b->counter_count);
    for (size_t i = 0; i < a->counter_count; i++) {
        cr_assert_str_eq(a->counters[i].day, b->counters[i].day);
        cr_assert_str_eq(a->counters[i].provider, b->counters[i].provider);
        cr_assert_str_eq(a->counters[i].model, b->counters[i].model);
        cr_assert_eq(memcmp(&a->counters[i].calls, &b->counters[i].calls, 7 * sizeof(int64_t)), 0);
    }
}

Test(state, a_users_record_comes_back_the_same)
{
    for (int counters = 0; counters < 600; counters = counters * 3 + 1) {
        BYOK_AUTO(byok_arena) arena = {0};
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = 1 << 20};
        BYOK_AUTO(byok_user_record) record = {0};
        BYOK_AUTO(byok_user_record) again = {0};
        byok_user_record_init(&record);
        record.requests_debt_us = -5;
        record.tokens_debt_us = INT64_MAX;
        record.saved_wall_ms = 1796000000000;
        record.concurrency = 0;
        record.budget = 12500000000;
        record.budget_period = BYOK_BUDGET_MONTH;
        record.spent[BYOK_BUDGET_DAY] = (struct byok_spending){1795996800000, 5};
        record.spent[BYOK_BUDGET_MONTH] = (struct byok_spending){1793491200000, INT64_MAX / 2};
        record.budget_held = counters; /* is not stored */
        snprintf(record.choice[BYOK_EMBEDDINGS].model, sizeof record.choice[0].model, "é");
        for (int i = 0; i < counters; i++) {
            char model[16];
            snprintf(model, sizeof model, "m%d", i);
            struct byok_counter *made = counter(&record, "2026-11-24", "p", model);
            made->calls = i;
            made->images = INT64_MIN;
        }
        cr_assert_eq(byok_user_record_encode(&record, &arena, &buf), BYOK_E_OK);
        cr_assert_eq(byok_user_record_decode(byok_buf_str(&buf), &arena, &again), BYOK_E_OK);
        assert_same(&record, &again);
    }
}

Test(state, a_done_record_comes_back_the_same_and_is_small)
{
    for (int status = 0; status < 3; status++) {
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = 100};
        const struct byok_done_record record = {1796000000000, (enum byok_status)status};
        struct byok_done_record again;
        cr_assert_eq(byok_done_record_encode(&record, &buf), BYOK_E_OK);
        cr_assert_lt(buf.len, 50);
        cr_assert_eq(byok_done_record_decode(byok_buf_str(&buf), &again), BYOK_E_OK);
        cr_assert_eq(again.finished_wall_ms, record.finished_wall_ms);
        cr_assert_eq(again.status, record.status);
    }
}

Test(state, sums_of_money_that_could_not_be_added_to_are_no_record)
{
    BYOK_AUTO(byok_user_record) record = {0};
    byok_user_record_init(&record);
    const struct {
        int64_t *number, bad;
    } cases[] = {
        {&record.budget, -2},
        {&record.budget, INT64_MAX},
        {&record.budget_period, BYOK_BUDGET_PERIOD_COUNT},
        {&record.budget_period, -1},
        {&record.spent[BYOK_BUDGET_DAY].amount, -1},
        {&record.spent[BYOK_BUDGET_MONTH].amount, INT64_MAX},
        {&record.spent[BYOK_BUDGET_MONTH].since_wall_ms, -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        BYOK_AUTO(byok_buf) buf = {.cap_bytes = 4096};
        struct byok_user_record again;
        const int64_t good = *cases[i].number;
        *cases[i].number = cases[i].bad;
        cr_assert_eq(byok_user_record_encode(&record, &arena, &buf), BYOK_E_OK);
        cr_assert_eq(byok_user_record_decode(byok_buf_str(&buf), &arena, &again),
                     BYOK_E_BAD_MESSAGE, "case %zu", i);
        *cases[i].number = good;
    }
}

static const struct byok_user_key *key_of(const struct byok_user_record *record, const char *label)
{
    return byok_user_key_find(record, byok_str_of("openai"), byok_str_of(label));
}

Test(state, a_users_keys_come_back_the_same_and_one_is_the_default)
{
    BYOK_AUTO(byok_arena) arena = {0};
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 1 << 20};
    BYOK_AUTO(byok_user_record) record = {0};
    BYOK_AUTO(byok_user_record) again = {0};
    static const char *const labels[] = {"default", "work"};
    const struct byok_str openai = byok_str_of("openai");
    struct byok_user_key *key;
    byok_user_record_init(&record);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(byok_user_key_add(&record, openai, byok_str_of(labels[i]), &key), BYOK_E_OK);
        key->used_wall_ms = 10 + i;
        key->checked_wall_ms = 20 + i;
        key->refused_wall_ms = 30 + i;
        key->invalid_wall_ms = 40 + i;
    }
    cr_assert(byok_str_is(byok_user_key_preferred(&record, openai), "default"));
    byok_user_key_prefer(&record, openai, byok_str_of("default"));
    byok_user_key_prefer(&record, openai, byok_str_of("work"));
    cr_assert_eq(byok_user_record_encode(&record, &arena, &buf), BYOK_E_OK);
    cr_assert_eq(byok_user_record_decode(byok_buf_str(&buf), &arena, &again), BYOK_E_OK);
    cr_assert(byok_str_is(byok_user_key_preferred(&again, openai), "work"));
    cr_assert(byok_str_is(byok_user_key_preferred(&again, byok_str_of("other")), "default"));
    cr_assert_eq(key_of(&again, "default")->is_default, 0);
    cr_assert_eq(key_of(&again, "work")->used_wall_ms, 11);
    cr_assert_eq(key_of(&again, "work")->checked_wall_ms, 21);
    cr_assert_eq(key_of(&again, "work")->refused_wall_ms, 31);
    cr_assert_eq(key_of(&again, "work")->invalid_wall_ms, 41);
    byok_user_key_remove(&again, openai, byok_str_of("work"), 5);
    cr_assert(byok_str_is(byok_user_key_preferred(&again, openai), "default"));
}

Test(state, a_keys_state_is_told_by_what_matters_most)
{
    struct byok_user_key key = {0};
    cr_assert_str_eq(byok_user_key_state(&key, 0, 100), "valid");
    key.refused_wall_ms = 50;
    cr_assert_str_eq(byok_user_key_state(&key, 101, 100), "refused");
    key.invalid_wall_ms = 60;
    cr_assert_str_eq(byok_user_key_state(&key, 101, 100), "invalid");
    cr_assert_str_eq(byok_user_key_state(&key, 100, 100), "expired");
}

static void check_user(const struct vector *vector)
{
    if (vector->format != BYOK_MSGPACK)
        return;
    BYOK_AUTO(byok_arena) arena = {0};
    BYOK_AUTO(byok_user_record) record = {0};
    enum byok_err err = byok_user_record_decode(vector->bytes, &arena, &record);
    bool bad = byok_value_find(vector->entry, "error") != NULL;
    cr_assert_eq(err, bad ? BYOK_E_BAD_MESSAGE : BYOK_E_OK, "%s", vector->name);
    if (bad) {
        cr_assert_null(record.counters, "%s: nothing is left over", vector->name);
        cr_assert_eq(record.concurrency, -1);
    } else {
        cr_assert_gt(record.counter_count, 0);
    }
}

static void check_done(const struct vector *vector)
{
    if (vector->format != BYOK_MSGPACK)
        return;
    struct byok_done_record record;
    enum byok_err err = byok_done_record_decode(vector->bytes, &record);
    bool bad = byok_value_find(vector->entry, "error") != NULL;
    cr_assert_eq(err, bad ? BYOK_E_BAD_MESSAGE : BYOK_E_OK, "%s", vector->name);
}

Test(state, every_vector_decodes_or_is_refused_as_its_index_says)
{
    cr_assert_gt(each_vector("user_record", check_user), 8);
    cr_assert_gt(each_vector("done_record", check_done), 4);
}

Test(state, bytes_of_anything_else_are_no_record)
{
    static const char *const bytes[] = {"", "\x80", "{}", "\xc0", "\xff\xff", "\x91\x01"};
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) {
        BYOK_AUTO(byok_arena) arena = {0};
        BYOK_AUTO(byok_user_record) record = {0};
        struct byok_done_record done;
        cr_assert_eq(byok_user_record_decode(byok_str_of(bytes[i]), &arena, &record),
                     BYOK_E_BAD_MESSAGE);
        cr_assert_eq(byok_done_record_decode(byok_str_of(bytes[i]), &done), BYOK_E_BAD_MESSAGE);
    }
}

Test(state, keys_part_users_and_ids)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str user = byok_user_key(&arena, byok_str_of("alice"));
    cr_assert(byok_str_eq(user, (struct byok_str)BYOK_STR("u\0alice")));
    struct byok_str done = byok_done_key(&arena, byok_str_of("alice"), byok_str_of("1"));
    cr_assert(byok_str_eq(done, (struct byok_str)BYOK_STR("d\0alice\0"
                                                          "1")));
}

static struct byok_claim_record a_claim(void)
{
    return (struct byok_claim_record){.claimed_wall_ms = 1764000000000,
                                      .deadline_wall_ms = 1764000122000,
                                      .attempt = 2,
                                      .provider = "openai",
                                      .owner = "host-0",
                                      .nonce = 77};
}

Test(state, a_claim_comes_back_as_it_was)
{
    struct byok_claim_record claim = a_claim();
    struct byok_claim_record again = {0};
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 4096};
    cr_assert_eq(byok_claim_record_encode(&claim, &buf), BYOK_E_OK);
    cr_assert_eq(byok_claim_record_decode(byok_buf_str(&buf), &again), BYOK_E_OK);
    cr_assert_eq(again.claimed_wall_ms, claim.claimed_wall_ms);
    cr_assert_eq(again.deadline_wall_ms, claim.deadline_wall_ms);
    cr_assert_eq(again.attempt, claim.attempt);
    cr_assert_str_eq(again.provider, claim.provider);
    cr_assert_str_eq(again.owner, claim.owner);
    cr_assert_eq(again.nonce, 77);
    cr_assert_eq(again.leg, 0);
    size_t len = buf.len;
    claim.leg = 2;
    byok_buf_clear(&buf);
    cr_assert_eq(byok_claim_record_encode(&claim, &buf), BYOK_E_OK);
    cr_assert_eq(byok_claim_record_decode(byok_buf_str(&buf), &again), BYOK_E_OK);
    cr_assert_eq(again.leg, 2);
    cr_assert_gt(buf.len, len, "the first leg is not written: most jobs have no other");
}

Test(state, what_is_no_claim_is_refused)
{
    struct byok_claim_record claim = a_claim(), out;
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 4096};
    claim.attempt = 0;
    cr_assert_eq(byok_claim_record_encode(&claim, &buf), BYOK_E_OK);
    cr_assert_eq(byok_claim_record_decode(byok_buf_str(&buf), &out), BYOK_E_BAD_MESSAGE);
    claim = a_claim();
    claim.leg = BYOK_FALLBACKS_MAX + 1;
    byok_buf_clear(&buf);
    cr_assert_eq(byok_claim_record_encode(&claim, &buf), BYOK_E_OK);
    cr_assert_eq(byok_claim_record_decode(byok_buf_str(&buf), &out), BYOK_E_BAD_MESSAGE);
    const struct byok_done_record done = {1764000000000, BYOK_STATUS_OK};
    byok_buf_clear(&buf);
    cr_assert_eq(byok_done_record_encode(&done, &buf), BYOK_E_OK);
    cr_assert_eq(byok_claim_record_decode(byok_buf_str(&buf), &out), BYOK_E_BAD_MESSAGE);
    cr_assert_neq(byok_claim_record_decode(byok_str_of(""), &out), BYOK_E_OK);
}

Test(state, a_claim_and_a_done_record_of_one_request_have_keys_of_their_own)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str user = byok_str_of("u"), id = byok_str_of("i");
    struct byok_str claim = byok_claim_key(&arena, user, id),
                    done = byok_done_key(&arena, user, id);
    cr_assert_not(byok_str_eq(claim, done));
    cr_assert_eq(claim.ptr[0], 'c');
    struct byok_str withdrawal = byok_withdrawal_key(&arena, user, id);
    cr_assert_eq(withdrawal.len, claim.len + 1);
    cr_assert(byok_str_starts(withdrawal, claim));
    cr_assert_eq(withdrawal.ptr[claim.len], '\0');
    claim.ptr++, claim.len--, done.ptr++, done.len--;
    cr_assert(byok_str_eq(claim, done)); /* expiry makes one from the other */
}
