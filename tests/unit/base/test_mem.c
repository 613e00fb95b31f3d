/* SPDX-License-Identifier: MIT */
/* tests/unit/base/test_mem.c - heap blocks. */
#include "base/mem.h"

#include <stdint.h>
#include <string.h>

#include <criterion/criterion.h>

Test(mem, gives_zeroed_objects)
{
    unsigned char *memory = byok_new(10, 100);
    for (size_t i = 0; i < 1000; i++)
        cr_assert_eq(memory[i], 0);
    byok_delete(memory);
    byok_delete(NULL);
}

Test(mem, refuses_a_product_that_overflows)
{
    /* volatile: or the compiler warns that it can never work */
    volatile size_t half = SIZE_MAX / 2;
    cr_assert_null(byok_renew(NULL, half, 3));
}

Test(mem, renew_keeps_the_contents_growing_and_shrinking)
{
    static const size_t sizes[] = {1, 10, 100, 100, 5000, 80, 3, 1 << 20, 7, 0};
    char *memory = byok_renew(NULL, 1, 1);
    memory[0] = 'x';
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] - 1; i++) {
        memory = byok_renew(memory, sizes[i], 1);
        cr_assert_not_null(memory);
        cr_assert_eq(memory[0], 'x');
        memset(memory, 'x', sizes[i]);
    }
    memory = byok_renew(memory, 0, 1);
    cr_assert_not_null(memory);
    byok_delete(memory);
}
