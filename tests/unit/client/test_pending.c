/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_pending.c - which requests still wait for their result. */
#include "client/pending.h"

#include <stdio.h>

#include <criterion/criterion.h>

static struct byok_str str(const char *text)
{
    return byok_str_of(text);
}

Test(pending, a_result_settles_its_request_once)
{
    struct byok_pending *pending = byok_pending_new();
    cr_assert_eq(byok_pending_add(pending, str("alice"), str("1")), BYOK_NOTED);
    cr_assert_eq(byok_pending_add(pending, str("bob"), str("1")), BYOK_NOTED);
    cr_assert_eq(byok_pending_add(pending, str("alice"), str("1")), BYOK_NOTED_TWICE);
    cr_assert_eq(byok_pending_count(pending), 2);
    cr_assert_not(byok_pending_settle(pending, str("carol"), str("1")));
    cr_assert(byok_pending_settle(pending, str("alice"), str("1")));
    cr_assert_not(byok_pending_settle(pending, str("alice"), str("1")));
    cr_assert_eq(byok_pending_count(pending), 1);
    cr_assert_eq(byok_pending_add(pending, str("alice"), str("1")), BYOK_NOTED_TWICE);
    byok_pending_free(pending);
}

Test(pending, what_was_not_sent_can_be_forgotten)
{
    struct byok_pending *pending = byok_pending_new();
    cr_assert_eq(byok_pending_add(pending, str("alice"), str("1")), BYOK_NOTED);
    byok_pending_forget(pending, str("alice"), str("1"));
    byok_pending_forget(pending, str("alice"), str("2"));
    cr_assert_eq(byok_pending_count(pending), 0);
    cr_assert_eq(byok_pending_add(pending, str("alice"), str("1")), BYOK_NOTED);
    byok_pending_free(pending);
}

Test(pending, user_and_id_are_told_apart)
{
    struct byok_pending *pending = byok_pending_new();
    cr_assert_eq(byok_pending_add(pending, str("ab"), str("c")), BYOK_NOTED);
    cr_assert_eq(byok_pending_add(pending, str("a"), str("bc")), BYOK_NOTED);
    byok_pending_free(pending);
}
