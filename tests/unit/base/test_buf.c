/* SPDX-License-Identifier: MIT */
/* tests/unit/base/test_buf.c - the growing buffer and its cap. */
#include "base/buf.h"

#include <criterion/criterion.h>

Test(buf, holds_what_was_added_in_order)
{
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, 1 << 20);
    for (int i = 0; i < 10000; i++)
        cr_assert(byok_buf_add(&buf, &(char){(char)('a' + i % 26)}, 1));
    cr_assert_eq(buf.len, 10000);
    for (size_t i = 0; i < buf.len; i++)
        cr_assert_eq(buf.ptr[i], (char)('a' + i % 26));
}

Test(buf, takes_nothing_of_an_addition_that_passes_the_cap)
{
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, 8);
    cr_assert(byok_buf_add(&buf, "12345", 5));
    cr_assert_not(byok_buf_add(&buf, "6789", 4));
    cr_assert(byok_buf_failed(&buf));
    cr_assert(buf.overflow);
    cr_assert_eq(buf.len, 5);
    cr_assert_not(byok_buf_add(&buf, "6", 1), "the failure is sticky");
}

Test(buf, can_be_filled_to_its_cap_exactly)
{
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, 8);
    cr_assert(byok_buf_add(&buf, "12345678", 8));
    cr_assert(byok_buf_add(&buf, NULL, 0));
    cr_assert_not(byok_buf_failed(&buf));
}

Test(buf, works_again_after_clear)
{
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, 4);
    cr_assert_not(byok_buf_add(&buf, "12345", 5));
    byok_buf_clear(&buf);
    cr_assert(byok_buf_add(&buf, "1234", 4));
    cr_assert(byok_str_is(byok_buf_str(&buf), "1234"));
}

Test(buf, clear_wipes_the_contents)
{
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, 64);
    cr_assert(byok_buf_add(&buf, "secret", 6));
    byok_buf_clear(&buf);
    cr_assert_eq(memcmp(buf.ptr, "\0\0\0\0\0\0", 6), 0);
}

Test(buf, formats_without_counting_the_nul)
{
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, 100);
    cr_assert(byok_buf_printf(&buf, "%s=%d;", "a", 1));
    cr_assert(byok_buf_printf(&buf, "%s=%d;", "b", 2));
    cr_assert(byok_str_is(byok_buf_str(&buf), "a=1;b=2;"));
}

Test(buf, take_moves_the_contents_and_keeps_the_cap)
{
    BYOK_AUTO(byok_buf) buf = {0};
    byok_buf_init(&buf, 100);
    cr_assert(byok_buf_add_str(&buf, byok_str_of("text")));
    BYOK_AUTO(byok_buf) moved = byok_buf_take(&buf);
    cr_assert(byok_str_is(byok_buf_str(&moved), "text"));
    cr_assert_null(buf.ptr);
    cr_assert_eq(buf.cap_bytes, 100);
    cr_assert(byok_buf_add_str(&buf, byok_str_of("more")));
}
