/* SPDX-License-Identifier: MIT */
/* worker/config_table.c - the tables made of settings.def, and how one value is checked and put. */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "worker/config_parts.h"

#define OF_config struct byok_config
#define OF_provider struct byok_config_provider
#define OF_header struct byok_config_header
#define OF_master_key struct byok_config_master_key
#define OF_signer struct byok_config_signer
#define SETTING_ROW(of, path_, kind_, fallback_, min_, max_, words_)                               \
    {.path = #path_,                                                                               \
     .kind = BYOK_SETTING_##kind_,                                                                 \
     .offset = offsetof(of, path_),                                                                \
     .fallback = fallback_,                                                                        \
     .min = min_,                                                                                  \
     .max = max_,                                                                                  \
     .words = words_},

#define SETTING(table, path, kind, fallback, min, max, words, meaning)                             \
    IN_##table(path, kind, fallback, min, max, words)
#define IN_config(...) SETTING_ROW(OF_config, __VA_ARGS__)
#define IN_provider(...)
#define IN_header(...)
#define IN_master_key(...)
#define IN_signer(...)
static const struct byok_setting top_rows[] = {
#include "worker/settings.def"
};
#undef IN_config
#undef IN_provider
#define IN_config(...)
#define IN_provider(...) SETTING_ROW(OF_provider, __VA_ARGS__)
static const struct byok_setting provider_rows[] = {
#include "worker/settings.def"
};
#undef IN_provider
#undef IN_header
#define IN_provider(...)
#define IN_header(...) SETTING_ROW(OF_header, __VA_ARGS__)
static const struct byok_setting header_rows[] = {
#include "worker/settings.def"
};
#undef IN_header
#undef IN_master_key
#define IN_header(...)
#define IN_master_key(...) SETTING_ROW(OF_master_key, __VA_ARGS__)
static const struct byok_setting master_key_rows[] = {
#include "worker/settings.def"
};
#undef IN_master_key
#undef IN_signer
#define IN_master_key(...)
#define IN_signer(...) SETTING_ROW(OF_signer, __VA_ARGS__)
static const struct byok_setting signer_rows[] = {
#include "worker/settings.def"
};

#define TABLE(rows_, of)                                                                           \
    {.rows = (rows_), .count = sizeof(rows_) / sizeof(rows_)[0], .size = sizeof(of)}

const struct byok_setting_table byok_settings_top = TABLE(top_rows, struct byok_config);
static const struct byok_setting_table providers =
    TABLE(provider_rows, struct byok_config_provider);
static const struct byok_setting_table headers = TABLE(header_rows, struct byok_config_header);
static const struct byok_setting_table master_keys =
    TABLE(master_key_rows, struct byok_config_master_key);
static const struct byok_setting_table signers = TABLE(signer_rows, struct byok_config_signer);

const struct byok_setting_table *byok_setting_entries(enum byok_setting_kind kind)
{
    switch (kind) {
    case BYOK_SETTING_LIST_provider:
        return &providers;
    case BYOK_SETTING_LIST_header:
        return &headers;
    case BYOK_SETTING_LIST_master_key:
        return &master_keys;
    case BYOK_SETTING_LIST_signer:
        return &signers;
    case BYOK_SETTING_TEXT:
    case BYOK_SETTING_WORD:
    case BYOK_SETTING_NUMBER:
    case BYOK_SETTING_FLAG:
    case BYOK_SETTING_LIST_TEXT:
        break;
    }
    return NULL;
}

size_t byok_setting_section(const struct byok_setting *row)
{
    const char *point = strchr(row->path, '.');
    return point ? (size_t)(point - row->path) : 0;
}

static enum byok_err put_number(const struct byok_setting *row, void *at, const char *text,
                                const char *where, struct byok_fault *fault)
{
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || isspace((unsigned char)text[0]))
        return byok_fault_set(fault, BYOK_E_CONFIG, "%s is \"%.60s\", but must be a number", where,
                              text);
    if (errno != 0 || number < row->min || number > row->max)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "%s is %.60s, but must be between %" PRId64 " and %" PRId64, where,
                              text, row->min, row->max);
    int64_t value = number;
    memcpy(at, &value, sizeof value);
    return BYOK_E_OK;
}

static enum byok_err put_flag(void *at, const char *text, const char *where,
                              struct byok_fault *fault)
{
    bool value = strcmp(text, "true") == 0;
    if (!value && strcmp(text, "false") != 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "%s is \"%.60s\", but must be true or false",
                              where, text);
    memcpy(at, &value, sizeof value);
    return BYOK_E_OK;
}

static bool is_one_of(const char *text, const char *words)
{
    size_t len = strlen(text);
    for (const char *word = words; word; word = strchr(word, '|')) {
        word += *word == '|';
        size_t word_len = strcspn(word, "|");
        if (word_len == len && memcmp(word, text, len) == 0)
            return true;
    }
    return false;
}

static enum byok_err put_text(struct byok_arena *arena, const struct byok_setting *row, void *at,
                              const char *text, const char *where, struct byok_fault *fault)
{
    if (row->kind == BYOK_SETTING_WORD && !is_one_of(text, row->words))
        return byok_fault_set(fault, BYOK_E_CONFIG, "%s is \"%.60s\", but must be %s", where, text,
                              row->words);
    const char *copy = byok_arena_copy(arena, byok_str_of(text)).ptr;
    if (!copy)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the settings");
    memcpy(at, &copy, sizeof copy);
    return BYOK_E_OK;
}

enum byok_err byok_setting_put(struct byok_arena *arena, const struct byok_setting *row, void *into,
                               const char *text, const char *where, struct byok_fault *fault)
{
    void *at = (char *)into + row->offset;
    switch (row->kind) {
    case BYOK_SETTING_NUMBER:
        return put_number(row, at, text, where, fault);
    case BYOK_SETTING_FLAG:
        return put_flag(at, text, where, fault);
    case BYOK_SETTING_TEXT:
    case BYOK_SETTING_WORD:
        return put_text(arena, row, at, text, where, fault);
    case BYOK_SETTING_LIST_TEXT:
    case BYOK_SETTING_LIST_provider:
    case BYOK_SETTING_LIST_header:
    case BYOK_SETTING_LIST_master_key:
    case BYOK_SETTING_LIST_signer:
        break;
    }
    return byok_fault_set(fault, BYOK_E_CONFIG, "%s is a list and has no single value", where);
}

enum byok_err byok_setting_defaults(struct byok_arena *arena,
                                    const struct byok_setting_table *table, void *into,
                                    struct byok_fault *fault)
{
    memset(into, 0, table->size);
    for (size_t i = 0; i < table->count; i++) {
        const struct byok_setting *row = &table->rows[i];
        if (row->kind >= BYOK_SETTING_LIST_TEXT)
            continue;
        enum byok_err err = byok_setting_put(arena, row, into, row->fallback, row->path, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}
