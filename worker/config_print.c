/* SPDX-License-Identifier: MIT */
/* worker/config_print.c - the settings in effect, as YAML, without secrets. */
#include <inttypes.h>
#include <string.h>

#include "worker/config_parts.h"

#define HIDDEN "***"

/* A text in YAML's double quotes. */
static void print_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '"' || *p == '\\')
            fprintf(to, "\\%c", *p);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(to, "\\x%02x", *p);
        else
            fputc(*p, to);
    }
    fputs("\"\n", to);
}

/* librdkafka's secrets all have such names: sasl.password, ssl.key.password, ssl.key.pem,
 * sasl.oauthbearer.client.secret, ssl.keystore.password, … and a JAAS text holds one. */
static void print_property(FILE *to, const char *text)
{
    static const char *const secret[] = {
        "password", "secret", "pem",       "key",
        "jaas",     "token",  "assertion", "sasl.oauthbearer.config"};
    const char *equals = strchr(text, '=');
    struct byok_str name = {text, equals ? (size_t)(equals - text) : 0};
    bool hide = false;
    for (size_t i = 0; i < sizeof secret / sizeof secret[0]; i++)
        hide |= byok_str_find(name, byok_str_of(secret[i])) != SIZE_MAX;
    if (hide)
        fprintf(to, "\"%.*s=" HIDDEN "\"\n", BYOK_STR_ARG(name));
    else
        print_text(to, text);
}

static void print_table(const struct byok_setting_table *table, const void *from, int indent,
                        bool entry, FILE *to);

static void print_list(const struct byok_setting *row, const void *at, int indent, FILE *to)
{
    struct byok_config_texts list; /* all lists begin like this */
    memcpy(&list, at, sizeof list);
    if (list.count == 0) {
        fputs(" []\n", to);
        return;
    }
    fputc('\n', to);
    const struct byok_setting_table *entries = byok_setting_entries(row->kind);
    for (size_t i = 0; i < list.count; i++) {
        fprintf(to, "%*s- ", indent + 2, "");
        if (entries)
            print_table(entries, (const char *)(const void *)list.items + i * entries->size,
                        indent + 4, true, to);
        else
            print_property(to, list.items[i]);
    }
}

/* What is between "scheme://" and '@' of a proxy is a password, and so may be a header's value; one
 * of a store may stand anywhere in its URL. */
static bool is_secret(const struct byok_setting_table *table, const struct byok_setting *row,
                      const char *text)
{
    if (table == byok_setting_entries(BYOK_SETTING_LIST_header))
        return strcmp(row->path, "value") == 0 && text[0] != '\0';
    if (strcmp(row->path, "vault.store_url") == 0)
        return text[0] != '\0';
    return strcmp(row->path, "proxy") == 0 && strchr(text, '@');
}

static void print_value(const struct byok_setting_table *table, const struct byok_setting *row,
                        const void *from, int indent, FILE *to)
{
    const char *at = (const char *)from + row->offset;
    if (row->kind >= BYOK_SETTING_LIST_TEXT) {
        print_list(row, at, indent, to);
    } else if (row->kind == BYOK_SETTING_NUMBER) {
        int64_t number;
        memcpy(&number, at, sizeof number);
        fprintf(to, " %" PRId64 "\n", number);
    } else if (row->kind == BYOK_SETTING_FLAG) {
        bool flag;
        memcpy(&flag, at, sizeof flag);
        fprintf(to, " %s\n", flag ? "true" : "false");
    } else {
        const char *text;
        memcpy(&text, at, sizeof text);
        fputc(' ', to);
        print_text(to, is_secret(table, row, text) ? HIDDEN : text);
    }
}

/* `entry`: the first line stands behind a list's dash already. */
static void print_table(const struct byok_setting_table *table, const void *from, int indent,
                        bool entry, FILE *to)
{
    struct byok_str last = {NULL, 0};
    for (size_t i = 0; i < table->count; i++) {
        const struct byok_setting *row = &table->rows[i];
        size_t section = byok_setting_section(row);
        struct byok_str own = {row->path, section};
        if (section > 0 && !byok_str_eq(own, last))
            fprintf(to, "%*s%.*s:\n", entry && i == 0 ? 0 : indent, "", BYOK_STR_ARG(own));
        last = own;
        int deep = section > 0 ? indent + 2 : indent;
        fprintf(to, "%*s%s:", entry && i == 0 ? 0 : deep, "",
                row->path + (section > 0 ? section + 1 : 0));
        print_value(table, row, from, deep, to);
    }
}

void byok_config_print(const struct byok_config *config, FILE *to)
{
    print_table(&byok_settings_top, config, 0, false, to);
}
