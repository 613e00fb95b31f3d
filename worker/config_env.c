/* SPDX-License-Identifier: MIT */
/* worker/config_env.c - settings from the environment: BYOKD_<SECTION>_<NAME>.
 *
 * Scalars replace the file's; lists of texts (kafka.properties) are lines that are added.
 */
#include <ctype.h>
#include <string.h>

#include <sodium.h>

#include "worker/config_parts.h"

#define PREFIX "BYOKD_"
#define NAME_MAX_BYTES 64

/* "kafka.brokers" -> "BYOKD_KAFKA_BROKERS" */
static void variable_of(const struct byok_setting *row, char out[static NAME_MAX_BYTES])
{
    size_t len = sizeof PREFIX - 1;
    memcpy(out, PREFIX, len);
    for (const char *p = row->path; *p && len + 1 < NAME_MAX_BYTES; p++)
        out[len++] = *p == '.' ? '_' : (char)toupper((unsigned char)*p);
    out[len] = '\0';
}

static const struct byok_setting *find(struct byok_str name)
{
    for (size_t i = 0; i < byok_settings_top.count; i++) {
        const struct byok_setting *row = &byok_settings_top.rows[i];
        char variable[NAME_MAX_BYTES];
        variable_of(row, variable);
        if (row->kind <= BYOK_SETTING_LIST_TEXT && byok_str_is(name, variable))
            return row;
    }
    return NULL;
}

/* A list of texts from the environment, one a line, is added to the file's: so a password need not
 * stand in the file. */
static enum byok_err add_lines(struct byok_config *config, const struct byok_setting *row,
                               const char *value, struct byok_fault *fault)
{
    struct byok_config_texts *list = (struct byok_config_texts *)((char *)config + row->offset);
    size_t room = list->count + 1;
    for (const char *p = value; *p; p++)
        room += *p == '\n';
    char **items = byok_arena_alloc(&config->arena, room * sizeof *items);
    if (!items)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the settings");
    if (list->count > 0)
        memcpy(items, list->items, list->count * sizeof *items);
    list->items = items;
    while (*value) {
        size_t len = strcspn(value, "\n");
        char *copy = byok_arena_alloc(&config->arena, len + 1);
        if (!copy)
            return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the settings");
        memcpy(copy, value, len);
        if (len > 0)
            items[list->count++] = copy;
        value += len + (value[len] == '\n');
    }
    return BYOK_E_OK;
}

/* Whether it holds a master key by the file's word. */
static bool is_master_key(const struct byok_config *config, struct byok_str name)
{
    for (size_t i = 0; i < config->vault.master_keys.count; i++) {
        if (byok_str_is(name, config->vault.master_keys.items[i].env))
            return true;
    }
    return false;
}

static enum byok_err take(struct byok_config *config, struct byok_str name, const char *value,
                          struct byok_fault *fault)
{
    const struct byok_setting *row = find(name);
    if (row) {
        char variable[NAME_MAX_BYTES];
        variable_of(row, variable);
        if (row->kind == BYOK_SETTING_LIST_TEXT)
            return add_lines(config, row, value, fault);
        return byok_setting_put(&config->arena, row, config, value, variable, fault);
    }
    if (is_master_key(config, name))
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_CONFIG,
                          "the environment variable %.*s is no setting of byokd "
                          "(docs/CONFIGURATION.md lists all)",
                          BYOK_STR_ARG(name));
}

/* The name of one of ours, borrowed from the line; empty: it is another's. */
static struct byok_str name_of(const char *line)
{
    struct byok_str name = byok_str_of(line);
    name.len = strcspn(line, "=");
    bool ours = line[name.len] == '=' && byok_str_starts(name, (struct byok_str)BYOK_STR(PREFIX));
    return ours ? name : (struct byok_str){NULL, 0};
}

enum byok_err byok_config_environment(struct byok_config *config, char *const *environment,
                                      struct byok_fault *fault)
{
    for (; *environment; environment++) {
        struct byok_str name = name_of(*environment);
        if (!name.ptr)
            continue;
        enum byok_err err = take(config, name, name.ptr + name.len + 1, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}

void byok_config_forget_environment(const struct byok_config *config, char **environment)
{
    size_t kept = 0;
    for (size_t i = 0; environment[i]; i++) {
        struct byok_str name = name_of(environment[i]);
        if (!name.ptr || is_master_key(config, name))
            environment[kept++] = environment[i];
        else
            sodium_memzero(environment[i], strlen(environment[i]));
    }
    environment[kept] = NULL;
}
