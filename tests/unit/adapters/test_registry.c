/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_registry.c - the table; what its rows must be is tests/conformance. */
#include <criterion/criterion.h>

#include "adapters/adapter.h"

Test(registry, finds_an_adapter_by_its_name_only)
{
    const struct byok_adapter *openai = byok_adapter_find("openai");
    cr_assert_not_null(openai);
    cr_assert_str_eq(openai->name, "openai");
    cr_assert_null(byok_adapter_find("openai "));
    cr_assert_null(byok_adapter_find("OpenAI"));
    cr_assert_null(byok_adapter_find(""));
}

Test(registry, ends_with_null)
{
    size_t count = 0;
    while (byok_adapter_at(count))
        count++;
    cr_assert_gt(count, 0);
    cr_assert_null(byok_adapter_at(count + 1));
    cr_assert_null(byok_adapter_at(SIZE_MAX));
}
