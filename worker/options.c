/* SPDX-License-Identifier: MIT */
/* worker/options.c - one table of flags. */
#include "worker/options.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct flag {
    const char *name, *short_name;
    const char *value; /* its name in the help; NULL: takes none */
    enum byok_mode mode;
    size_t offset; /* of the value in struct byok_options */
    const char *meaning;
};

static const struct flag flags[] = {
    {.name = "--config",
     .short_name = "-c",
     .value = "FILE",
     .mode = BYOK_MODE_RUN,
     .offset = offsetof(struct byok_options, config_file),
     .meaning = "settings (default /etc/byokd/byokd.yaml when it is there)"},
    {.name = "--check", .mode = BYOK_MODE_CHECK, .meaning = "check the settings and exit"},
    {.name = "--print-settings",
     .mode = BYOK_MODE_PRINT_SETTINGS,
     .meaning = "print the settings in effect, without secrets, and exit"},
    {.name = "--new-master-key",
     .value = "FILE",
     .mode = BYOK_MODE_NEW_MASTER_KEY,
     .offset = offsetof(struct byok_options, master_key_file),
     .meaning = "write a new random master key into a new file and exit"},
    {.name = "--public-key",
     .mode = BYOK_MODE_PUBLIC_KEY,
     .meaning = "print the vault's public key, for sealing registrations, and exit"},
    {.name = "--version", .mode = BYOK_MODE_VERSION, .meaning = "print the version and exit"},
    {.name = "--help", .short_name = "-h", .mode = BYOK_MODE_HELP, .meaning = "this text"},
};

#define FLAG_COUNT (sizeof flags / sizeof flags[0])

/* The flag of an argument "--name", "-n" or "--name=value"; `*value` is what is behind the '='. */
static const struct flag *find(const char *argument, const char **value)
{
    size_t len = strcspn(argument, "=");
    *value = argument[len] == '=' ? argument + len + 1 : NULL;
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, argument, len) == 0)
            return &flags[i];
        if (flags[i].short_name && strcmp(flags[i].short_name, argument) == 0)
            return &flags[i];
    }
    return NULL;
}

static enum byok_err take(const struct flag *flag, const char *value, struct byok_options *out,
                          struct byok_fault *fault)
{
    if (flag->value && (!value || value[0] == '\0'))
        return byok_fault_set(fault, BYOK_E_CONFIG, "%s needs a %s", flag->name, flag->value);
    if (!flag->value && value)
        return byok_fault_set(fault, BYOK_E_CONFIG, "%s takes no value", flag->name);
    if (flag->value)
        memcpy((char *)out + flag->offset, &value, sizeof value);
    if (flag->mode == BYOK_MODE_RUN)
        return BYOK_E_OK;
    if (out->mode != BYOK_MODE_RUN && out->mode != flag->mode)
        return byok_fault_set(fault, BYOK_E_CONFIG, "%s does not go with the flags before it",
                              flag->name);
    out->mode = flag->mode;
    return BYOK_E_OK;
}

enum byok_err byok_options_read(int argc, char *const *argv, struct byok_options *out,
                                struct byok_fault *fault)
{
    *out = (struct byok_options){.mode = BYOK_MODE_RUN};
    for (int i = 1; i < argc; i++) {
        const char *value;
        const struct flag *flag = find(argv[i], &value);
        if (!flag)
            return byok_fault_set(fault, BYOK_E_CONFIG, "unknown argument %.60s (see --help)",
                                  argv[i]);
        if (flag->value && !value && i + 1 < argc)
            value = argv[++i];
        enum byok_err err = take(flag, value, out, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}

void byok_options_help(FILE *to)
{
    fputs("byokd - does AI jobs from Kafka with each user's own provider key\n\n"
          "usage: byokd [--config FILE] [what to do]\n\n",
          to);
    for (size_t i = 0; i < FLAG_COUNT; i++) {
        const struct flag *flag = &flags[i];
        char left[48];
        snprintf(left, sizeof left, "%s%s%s%s%s", flag->short_name ? flag->short_name : "",
                 flag->short_name ? ", " : "", flag->name, flag->value ? " " : "",
                 flag->value ? flag->value : "");
        fprintf(to, "  %-24s %s\n", left, flag->meaning);
    }
    fputs("\nEvery setting is also an environment variable: kafka.brokers is BYOKD_KAFKA_BROKERS.\n"
          "Exit codes: 0 ended as asked, 1 failed while running, 2 wrong flags or settings, "
          "130 second signal.\n",
          to);
}
