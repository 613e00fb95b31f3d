/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_options.c - byokd's flags. */
#include "worker/options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

static struct byok_options options;
static struct byok_fault fault;

static enum byok_err read_flags(const char *a, const char *b, const char *c)
{
    static char arguments[4][64];
    char *argv[5] = {arguments[0], arguments[1], arguments[2], arguments[3], NULL};
    snprintf(arguments[0], sizeof arguments[0], "byokd");
    snprintf(arguments[1], sizeof arguments[1], "%s", a ? a : "");
    snprintf(arguments[2], sizeof arguments[2], "%s", b ? b : "");
    snprintf(arguments[3], sizeof arguments[3], "%s", c ? c : "");
    return byok_options_read(1 + (a != NULL) + (b != NULL) + (c != NULL), argv, &options, &fault);
}

Test(options, without_flags_the_worker_runs)
{
    cr_assert_eq(read_flags(NULL, NULL, NULL), BYOK_E_OK);
    cr_assert_eq(options.mode, BYOK_MODE_RUN);
    cr_assert_null(options.config_file);
}

Test(options, a_value_may_stand_behind_a_space_or_an_equals_sign)
{
    cr_assert_eq(read_flags("--config", "a.yaml", NULL), BYOK_E_OK);
    cr_assert_str_eq(options.config_file, "a.yaml");
    cr_assert_eq(read_flags("--config=b=c.yaml", NULL, NULL), BYOK_E_OK);
    cr_assert_str_eq(options.config_file, "b=c.yaml");
    cr_assert_eq(read_flags("-c", "d.yaml", "--check"), BYOK_E_OK);
    cr_assert_str_eq(options.config_file, "d.yaml");
    cr_assert_eq(options.mode, BYOK_MODE_CHECK);
}

Test(options, a_new_master_key_needs_its_file)
{
    cr_assert_eq(read_flags("--new-master-key", "k", NULL), BYOK_E_OK);
    cr_assert_eq(options.mode, BYOK_MODE_NEW_MASTER_KEY);
    cr_assert_str_eq(options.master_key_file, "k");
    cr_assert_eq(read_flags("--new-master-key", NULL, NULL), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "--new-master-key needs a FILE"));
}

Test(options, what_is_wrong_is_named)
{
    cr_assert_eq(read_flags("--verbose", NULL, NULL), BYOK_E_CONFIG);
    cr_assert_not_null(strstr(fault.text, "--verbose"));
    cr_assert_eq(read_flags("run", NULL, NULL), BYOK_E_CONFIG);
    cr_assert_eq(read_flags("--check=yes", NULL, NULL), BYOK_E_CONFIG);
    cr_assert_eq(read_flags("--check", "--public-key", NULL), BYOK_E_CONFIG);
}

Test(options, the_help_names_every_flag)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    byok_options_help(to);
    fclose(to);
    cr_assert_not_null(strstr(text, "--print-settings"));
    cr_assert_not_null(strstr(text, "-c, --config FILE"));
    free(text);
}
