/* SPDX-License-Identifier: MIT */
/* tests/unit/base/test_err.c - the error table and faults. */
#include "base/err.h"

#include <string.h>

#include <criterion/criterion.h>

Test(err, every_code_has_a_name_of_its_own_and_a_meaning)
{
    for (int i = 0; i < BYOK_ERR_COUNT; i++) {
        enum byok_err code = (enum byok_err)i;
        cr_assert_not_null(byok_err_name(code));
        cr_assert_gt(strlen(byok_err_meaning(code)), 0);
        cr_assert_eq(byok_err_from_name(byok_err_name(code)), code, "%s", byok_err_name(code));
        cr_assert_leq((int)byok_err_retry(code), (int)BYOK_RETRY_UNSURE);
    }
}

Test(err, a_name_or_a_code_out_of_the_table_is_internal)
{
    cr_assert_eq(byok_err_from_name("no_such_error"), BYOK_E_INTERNAL);
    cr_assert_str_eq(byok_err_name((enum byok_err)9999), "internal");
}

Test(err, what_may_have_been_paid_is_never_retried_blindly)
{
    cr_assert_eq(byok_err_retry(BYOK_E_TIMEOUT), BYOK_RETRY_UNSURE);
    cr_assert_eq(byok_err_retry(BYOK_E_CUT_OFF), BYOK_RETRY_UNSURE);
    cr_assert_eq(byok_err_retry(BYOK_E_BAD_ANSWER), BYOK_RETRY_UNSURE);
    cr_assert_eq(byok_err_retry(BYOK_E_UNREACHABLE), BYOK_RETRY_SOON);
    cr_assert_eq(byok_err_retry(BYOK_E_RATE_LIMITED), BYOK_RETRY_WAIT);
}

Test(err, a_fault_starts_with_nothing_said_but_its_text)
{
    struct byok_fault fault = {.http_status = 500, .retry_after_ms = 7, .day_limit = true};
    cr_assert_eq(byok_fault_set(&fault, BYOK_E_STORE, "disk %d", 3), BYOK_E_STORE);
    cr_assert_str_eq(fault.text, "disk 3");
    cr_assert_eq(fault.code, BYOK_E_STORE);
    cr_assert_eq(fault.http_status, 0);
    cr_assert_eq(fault.retry_after_ms, -1);
    cr_assert_not(fault.day_limit);
    cr_assert_eq(byok_fault_set(NULL, BYOK_E_STORE, "x"), BYOK_E_STORE);
}

Test(err, a_text_too_long_is_cut_between_characters)
{
    static const char *const letters[] = {"a", "é", "日", "👋"};
    for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++) {
        for (size_t shift = 0; shift < 4; shift++) {
            char text[BYOK_FAULT_TEXT_BYTES * 2] = "xxx";
            text[shift] = '\0';
            while (strlen(text) < BYOK_FAULT_TEXT_BYTES + 8)
                strcat(text, letters[i]);
            struct byok_fault fault;
            (void)byok_fault_set(&fault, BYOK_E_INTERNAL, "%s", text);
            size_t len = strlen(fault.text), letter = strlen(letters[i]);
            cr_assert_eq((len - shift) % letter, 0, "letter %zu, shift %zu", i, shift);
            cr_assert_gt(len + letter, BYOK_FAULT_TEXT_BYTES - 1);
        }
    }
}
