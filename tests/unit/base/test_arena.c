/* SPDX-License-Identifier: MIT */
/* tests/unit/base/test_arena.c - memory of one job. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#include <criterion/criterion.h>

Test(arena, gives_zeroed_memory_aligned_for_any_type)
{
    BYOK_AUTO(byok_arena) arena = {0};
    for (size_t bytes = 0; bytes < 300; bytes++) {
        unsigned char *memory = byok_arena_alloc(&arena, bytes);
        cr_assert_not_null(memory);
        cr_assert_eq((uintptr_t)memory % alignof(max_align_t), 0);
        for (size_t i = 0; i < bytes; i++)
            cr_assert_eq(memory[i], 0);
        if (bytes > 0)
            memset(memory, 0xAA, bytes);
    }
}

Test(arena, keeps_earlier_blocks_valid_when_it_grows)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str first = byok_arena_copy(&arena, byok_str_of("first"));
    for (int i = 0; i < 1000; i++)
        cr_assert_not_null(byok_arena_alloc(&arena, 1000));
    cr_assert(byok_str_is(first, "first"));
    cr_assert_eq(first.ptr[first.len], '\0');
}

Test(arena, takes_a_block_larger_than_any_it_makes_by_itself)
{
    BYOK_AUTO(byok_arena) arena = {0};
    char *memory = byok_arena_alloc(&arena, (size_t)1 << 20);
    cr_assert_not_null(memory);
    memory[((size_t)1 << 20) - 1] = 'x';
}

Test(arena, fails_for_good_when_its_cap_is_passed)
{
    BYOK_AUTO(byok_arena) arena = {0};
    byok_arena_init(&arena, 8192);
    cr_assert_null(byok_arena_alloc(&arena, 10000));
    cr_assert(byok_arena_failed(&arena));
    cr_assert_null(byok_arena_alloc(&arena, 1), "the failure is sticky");
    cr_assert_null(byok_arena_copy(&arena, byok_str_of("x")).ptr);
    cr_assert_null(byok_arena_printf(&arena, "%d", 1).ptr);
    cr_assert_leq(arena.used_bytes, 8192);
}

Test(arena, refuses_a_size_that_would_overflow)
{
    BYOK_AUTO(byok_arena) arena = {0};
    cr_assert_null(byok_arena_alloc(&arena, SIZE_MAX));
    cr_assert(byok_arena_failed(&arena));
}

Test(arena, is_usable_again_after_done_with_the_same_cap)
{
    struct byok_arena arena;
    byok_arena_init(&arena, 8192);
    cr_assert_null(byok_arena_alloc(&arena, 10000));
    byok_arena_done(&arena);
    cr_assert_not(byok_arena_failed(&arena));
    cr_assert_eq(arena.cap_bytes, 8192);
    cr_assert_not_null(byok_arena_alloc(&arena, 100));
    byok_arena_done(&arena);
    byok_arena_done(&arena);
}

Test(arena, copies_and_formats_texts_with_a_nul_behind)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str empty = byok_arena_copy(&arena, (struct byok_str){NULL, 0});
    cr_assert_not_null(empty.ptr);
    cr_assert_eq(empty.ptr[0], '\0');
    struct byok_str text = byok_arena_printf(&arena, "%s/%d", "a", 7);
    cr_assert(byok_str_is(text, "a/7"));
    cr_assert_eq(text.ptr[3], '\0');
}

Test(arena, knows_what_it_holds)
{
    BYOK_AUTO(byok_arena) arena = {0};
    char outside = 'x';
    cr_assert(!byok_arena_holds(&arena, &outside));
    struct byok_str small = byok_arena_copy(&arena, byok_str_of("small"));
    char *large = byok_arena_alloc(&arena, 100000);
    cr_assert(byok_arena_holds(&arena, small.ptr + small.len));
    cr_assert(byok_arena_holds(&arena, large) && byok_arena_holds(&arena, large + 99999));
    cr_assert(!byok_arena_holds(&arena, &outside) && !byok_arena_holds(&arena, NULL));
}
