/* SPDX-License-Identifier: MIT */
/* tests/conformance/store.c - what every store must do (vault_rocks/store.h), run over each. */
#include "store_kit.h"

#include <stdio.h>
#include <string.h>

#include <pthread.h>

CASE(what_is_put_is_got_and_can_be_changed_and_erased)
{
    cr_assert(has(f, 0, "k", NULL));
    put(f, 0, "k", "one");
    cr_assert(has(f, 0, "k", "one"));
    put(f, 0, "k", "a longer second value");
    cr_assert(has(f, 0, "k", "a longer second value"));
    erase(f, 0, "k");
    cr_assert(has(f, 0, "k", NULL));
    erase(f, 0, "k"); /* what is not there */
    cr_assert(has(f, 0, "k", NULL));
}

CASE(an_empty_value_is_not_an_absent_one)
{
    put(f, 0, "k", "");
    struct byok_str out = get(f, 0, text("k"));
    cr_assert_not_null(out.ptr);
    cr_assert_eq(out.len, 0u);
    put(f, 0, "", "of the empty key");
    cr_assert(has(f, 0, "", "of the empty key"));
}

CASE(keys_and_values_are_any_bytes_of_any_length)
{
    static char bytes[300000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i * 7 + i / 256);
    const size_t lengths[] = {1, 4, 5, 255, 507, 508, BYOK_STORE_KEY_MAX, 4096, 65536};
    const size_t count = f->store->ops->shared ? 7 : 9;
    for (size_t i = 0; i < count; i++) {
        struct byok_write write = {.key = {bytes, lengths[i]},
                                   .value = {bytes + i, sizeof bytes - i}};
        apply(f, 2, &write, 1, -1);
    }
    for (size_t i = 0; i < count; i++) {
        struct byok_str out = get(f, 2, (struct byok_str){bytes, lengths[i]});
        cr_assert(byok_str_eq(out, (struct byok_str){bytes + i, sizeof bytes - i}), "%zu", i);
    }
}

CASE(a_value_got_outlives_the_next_write)
{
    put(f, 0, "k", "one");
    struct byok_str out = get(f, 0, text("k"));
    put(f, 0, "k", "two");
    erase(f, 0, "k");
    cr_assert(byok_str_is(out, "one"));
}

CASE(partitions_share_nothing)
{
    static const int32_t partitions[] = {
        BYOK_PARTITION_NONE, 0, 1, 255, 256, 65536, PARTITION_LAST - 1, PARTITION_LAST, INT32_MIN};
    const size_t count = sizeof partitions / sizeof partitions[0];
    for (size_t i = 0; i < count; i++) {
        char value[32];
        snprintf(value, sizeof value, "of %d", partitions[i]);
        cr_assert(has(f, partitions[i], "k", NULL));
        put(f, partitions[i], "k", value);
        apply(f, partitions[i], NULL, 0, (int64_t)i);
    }
    for (size_t i = 0; i < count; i++) {
        char want[40];
        snprintf(want, sizeof want, "k=of %d ", partitions[i]);
        scan_is(f, partitions[i], "", want);
        cr_assert_eq(position(f, partitions[i]), (int64_t)i);
    }
}

static int64_t next(struct fixture *f, int64_t from)
{
    int64_t out = 0;
    cr_assert_eq(f->store->ops->next(f->store, from, &out, &f->fault), BYOK_E_OK, "%s",
                 f->fault.text);
    return out;
}

CASE(the_partitions_that_are_used_can_be_listed)
{
    cr_assert_eq(next(f, INT64_MIN), BYOK_STORE_NO_PARTITION);
    put(f, 7, "k", "v");
    put(f, 7, "l", "v");
    put(f, BYOK_PARTITION_NONE, "k", "v");
    apply(f, PARTITION_LAST, NULL, 0, 3); /* a position only */
    put(f, INT32_MIN, "k", "v");
    cr_assert_eq(next(f, INT64_MIN), INT32_MIN);
    cr_assert_eq(next(f, (int64_t)INT32_MIN + 1), BYOK_PARTITION_NONE);
    cr_assert_eq(next(f, 0), 7);
    cr_assert_eq(next(f, 7), 7);
    cr_assert_eq(next(f, 8), PARTITION_LAST);
    cr_assert_eq(next(f, (int64_t)PARTITION_LAST + 1), BYOK_STORE_NO_PARTITION);
    erase(f, 7, "k");
    erase(f, 7, "l");
    cr_assert_eq(f->store->ops->drop(f->store, 7, &f->fault), BYOK_E_OK);
    cr_assert_eq(next(f, 0), PARTITION_LAST);
}

CASE(what_was_written_is_there_when_it_is_opened_again)
{
    if (strcmp(f->name, "memory") == 0)
        return; /* says so of itself */
    const struct byok_write write = {.key = {"k\0\xff", 3}, .value = {"\0v\xfe", 3}};
    apply(f, 3, &write, 1, 17);
    f->store->ops->free(f->store);
    store_reopen(f);
    cr_assert(byok_str_eq(get(f, 3, write.key), write.value));
    cr_assert_eq(position(f, 3), 17);
}

CASE(a_position_is_kept_beside_the_entries)
{
    cr_assert_eq(position(f, 0), -1);
    cr_assert_eq(position(f, BYOK_PARTITION_NONE), -1);
    struct byok_write write = {.key = text("k"), .value = text("v")};
    apply(f, 0, &write, 1, 5);
    cr_assert_eq(position(f, 0), 5);
    put(f, 0, "k", "w");
    cr_assert_eq(position(f, 0), 5, "a write without a position leaves it");
    apply(f, 0, NULL, 0, 0);
    cr_assert_eq(position(f, 0), f->store->ops->shared ? 5 : 0);
    apply(f, 0, NULL, 0, INT64_MAX);
    cr_assert_eq(position(f, 0), INT64_MAX);
    apply(f, 0, NULL, 0, -1);
    cr_assert_eq(position(f, 0), INT64_MAX);
    cr_assert_eq(position(f, 1), -1);
    scan_is(f, 0, "", "k=w ");
}

CASE(no_key_of_a_caller_meets_the_position)
{
    static const struct byok_str sly[] = {
        BYOK_STR(""),         BYOK_STR("\0"),   BYOK_STR("\x01"),
        BYOK_STR("position"), BYOK_STR("\xff"), BYOK_STR("\0\0\0\0\0\0\0\0"),
    };
    apply(f, 0, NULL, 0, 42);
    for (size_t i = 0; i < sizeof sly / sizeof sly[0]; i++) {
        struct byok_write write = {.key = sly[i], .value = text("x")};
        apply(f, 0, &write, 1, -1);
        write.erase = true;
        apply(f, 0, &write, 1, -1);
        cr_assert_eq(position(f, 0), 42, "%zu", i);
    }
}

CASE(writes_of_one_call_are_made_in_their_order)
{
    const struct byok_write writes[] = {
        {.key = text("a"), .value = text("1")}, {.key = text("a"), .value = text("2")},
        {.key = text("b"), .value = text("1")}, {.key = text("b"), .erase = true},
        {.key = text("c"), .erase = true},      {.key = text("c"), .value = text("3")},
    };
    apply(f, 0, writes, sizeof writes / sizeof writes[0], 1);
    scan_is(f, 0, "", "a=2 c=3 ");
}

CASE(a_scan_gives_the_keys_of_its_prefix_in_order)
{
    static const char *const keys[] = {"b", "aa", "a", "ab", "abc", "b\xff", "B", "~"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        put(f, 7, keys[i], "v");
    put(f, 6, "abd", "of another partition");
    put(f, 8, "a", "of another partition");
    scan_is(f, 7, "", "B=v a=v aa=v ab=v abc=v b=v b\xff=v ~=v ");
    scan_is(f, 7, "a", "a=v aa=v ab=v abc=v ");
    scan_is(f, 7, "ab", "ab=v abc=v ");
    scan_is(f, 7, "abc", "abc=v ");
    scan_is(f, 7, "abcd", "");
    scan_is(f, 7, "c", "");
    scan_is(f, 99, "", "");
}

struct stop_after {
    size_t left;
};

static bool count_down(void *arg, struct byok_str key, struct byok_str value)
{
    (void)key;
    (void)value;
    return --((struct stop_after *)arg)->left > 0;
}

static void walk_is(struct fixture *f, int32_t partition, struct byok_str after, const char *want)
{
    struct byok_buf all;
    byok_buf_init(&all, 1 << 20);
    cr_assert_eq(f->store->ops->scan_after(f->store, partition, after, list, &all, &f->fault),
                 BYOK_E_OK, "%s", f->fault.text);
    struct byok_str got = byok_buf_str(&all);
    cr_assert(byok_str_is(got, want), "%.*s instead of %s", BYOK_STR_ARG(got), want);
    byok_buf_done(&all);
}

CASE(a_walk_goes_on_behind_a_key_that_may_be_gone)
{
    put(f, 7, "a", "1");
    put(f, 7, "aa", "2");
    put(f, 7, "b", "3");
    put(f, 8, "a", "4");
    walk_is(f, 7, (struct byok_str){NULL, 0}, "a=1 aa=2 b=3 ");
    walk_is(f, 7, text(""), "a=1 aa=2 b=3 ");
    walk_is(f, 7, text("a"), "aa=2 b=3 ");
    walk_is(f, 7, text("aaa"), "b=3 ");
    walk_is(f, 7, text("b"), "");
    walk_is(f, 9, (struct byok_str){NULL, 0}, "");
}

CASE(a_scan_ends_when_it_is_told_to)
{
    put(f, 0, "a", "1");
    put(f, 0, "b", "2");
    put(f, 0, "c", "3");
    struct stop_after arg = {2};
    cr_assert_eq(f->store->ops->scan(f->store, 0, text(""), count_down, &arg, &f->fault),
                 BYOK_E_OK);
    cr_assert_eq(arg.left, 0u);
}

static bool erase_it(void *arg, struct byok_str key, struct byok_str value)
{
    struct fixture *f = arg;
    (void)value;
    struct byok_write write = {.key = key, .erase = true};
    apply(f, 0, &write, 1, -1);
    return true;
}

CASE(a_scan_may_erase_what_it_is_shown)
{
    put(f, 0, "a", "1");
    put(f, 0, "b", "2");
    put(f, 0, "c", "3");
    cr_assert_eq(f->store->ops->scan(f->store, 0, text(""), erase_it, f, &f->fault), BYOK_E_OK);
    scan_is(f, 0, "", "");
}

CASE(a_dropped_partition_is_gone_with_its_position_and_no_other)
{
    static const int32_t partitions[] = {BYOK_PARTITION_NONE, 0, 1, 2, PARTITION_LAST};
    const size_t count = sizeof partitions / sizeof partitions[0];
    for (size_t i = 0; i < count; i++) {
        put(f, partitions[i], "a", "1");
        put(f, partitions[i], "\xff\xff\xff\xff\xff\xff", "2");
        apply(f, partitions[i], NULL, 0, 10);
    }
    static const int32_t dropped[] = {1, PARTITION_LAST};
    for (size_t i = 0; i < 2; i++) {
        cr_assert_eq(f->store->ops->drop(f->store, dropped[i], &f->fault), BYOK_E_OK);
        scan_is(f, dropped[i], "", "");
        cr_assert_eq(position(f, dropped[i]), -1);
    }
    static const int32_t kept[] = {BYOK_PARTITION_NONE, 0, 2};
    for (size_t i = 0; i < 3; i++) {
        scan_is(f, kept[i], "", "a=1 \xff\xff\xff\xff\xff\xff=2 ");
        cr_assert_eq(position(f, kept[i]), 10);
    }
    put(f, 1, "b", "again");
    scan_is(f, 1, "", "b=again ");
    cr_assert_eq(f->store->ops->drop(f->store, 12345, &f->fault), BYOK_E_OK, "never used");
}

CASE(sync_works_at_any_time)
{
    cr_assert_eq(f->store->ops->sync(f->store, &f->fault), BYOK_E_OK);
    put(f, 0, "a", "1");
    cr_assert_eq(f->store->ops->sync(f->store, &f->fault), BYOK_E_OK);
    cr_assert(has(f, 0, "a", "1"));
}

CASE(an_arena_without_room_is_an_error_and_writes_nothing)
{
    static char big[5000];
    memset(big, 'x', sizeof big);
    struct byok_write write = {.key = text("k"), .value = {big, sizeof big}};
    apply(f, 0, &write, 1, -1);
    struct byok_arena small;
    struct byok_str out = text("untouched");
    byok_arena_init(&small, 1000);
    cr_assert_eq(f->store->ops->get(f->store, 0, text("k"), &small, &out, &f->fault), BYOK_E_NOMEM);
    cr_assert(byok_str_is(out, "untouched"));
    byok_arena_done(&small);
}

/* Against a model that is nothing but an array. */
CASE(many_random_writes_end_as_in_a_plain_array)
{
    enum { KEYS = 200 };
    const int rounds = f->store->ops->shared ? 400 : 20000;
    static int model[KEYS];
    uint32_t dice = 12345;
    memset(model, 0, sizeof model);
    for (int round = 1; round <= rounds; round++) {
        char key[16], value[16];
        dice = dice * 1664525u + 1013904223u;
        size_t at = (dice >> 8) % KEYS;
        bool gone = (dice >> 28) < 5;
        snprintf(key, sizeof key, "%04zu", at);
        snprintf(value, sizeof value, "%d", round);
        struct byok_write write = {.key = text(key), .value = text(value), .erase = gone};
        apply(f, 3, &write, 1, round);
        model[at] = gone ? 0 : round;
    }
    struct byok_buf want;
    byok_buf_init(&want, 1 << 20);
    for (size_t i = 0; i < KEYS; i++) {
        if (model[i])
            byok_buf_printf(&want, "%04zu=%d ", i, model[i]);
    }
    byok_buf_add(&want, "", 1);
    scan_is(f, 3, "", want.ptr);
    cr_assert_eq(position(f, 3), rounds);
    byok_buf_done(&want);
}

struct worker {
    struct fixture *f;
    int32_t partition;
    bool ok;
};

static void *work(void *arg)
{
    struct worker *self = arg;
    struct byok_store *store = self->f->store;
    struct byok_arena arena;
    byok_arena_init(&arena, 0);
    const int rounds = store->ops->shared ? 60 : 2000;
    self->ok = true;
    for (int i = 0; i < rounds && self->ok; i++) {
        char key[16];
        struct byok_str out;
        int64_t reached;
        snprintf(key, sizeof key, "k%d", i % 50);
        struct byok_write write = {.key = text(key), .value = text(key)};
        self->ok =
            store->ops->apply(store, self->partition, &write, 1, i, NULL) == BYOK_E_OK &&
            store->ops->get(store, self->partition, text(key), &arena, &out, NULL) == BYOK_E_OK &&
            byok_str_is(out, key) &&
            store->ops->position(store, self->partition, &reached, NULL) == BYOK_E_OK &&
            reached == i;
        if (i % 100 == 0)
            byok_arena_done(&arena);
    }
    byok_arena_done(&arena);
    return NULL;
}

CASE(threads_on_partitions_of_their_own_do_not_disturb_each_other)
{
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    for (int32_t i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){f, i, false};
        cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        cr_expect(workers[i].ok, "%zu", i);
    }
}
