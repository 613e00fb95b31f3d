/* SPDX-License-Identifier: MIT */
/* worker/config_file.c - the YAML file: libcyaml reads it by a schema made of the tables.
 *
 * Every scalar is read as text and then checked like a variable of the environment, so that both
 * have the same rules and the same errors.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cyaml/cyaml.h>

#include "base/buf.h"
#include "base/mem.h"
#include "worker/config_parts.h"

#define FILE_BYTES_MAX ((size_t)1024 * 1024)
#define ROWS_MAX 256
#define SECTIONS_MAX 32

/* A mapping as libcyaml fills it: the i-th row of its table at i, in itself or in its section. */
struct raw {
    struct raw *sections[SECTIONS_MAX];
    struct raw_value {
        void *ptr; /* char *; of lists char ** or struct raw * */
        unsigned count;
    } values[ROWS_MAX];
};

/* libcyaml's words, of which the last error is kept. */
struct words {
    char text[256];
};

static void on_words(cyaml_log_t level, void *arg, const char *format, va_list args)
{
    struct words *words = arg;
    if (level < CYAML_LOG_ERROR)
        return;
    char line[sizeof words->text];
    vsnprintf(line, sizeof line, format, args);
    line[strcspn(line, "\n")] = '\0';
    size_t len = strlen(words->text);
    snprintf(words->text + len, sizeof words->text - len, "%s%s", len > 0 ? "; " : "", line);
}

static cyaml_schema_value_t *value_new(struct byok_arena *arena, enum cyaml_type type, size_t size)
{
    cyaml_schema_value_t *value = byok_arena_alloc(arena, sizeof *value);
    if (value)
        *value = (cyaml_schema_value_t){.type = type, .data_size = (uint32_t)size};
    return value;
}

static const cyaml_schema_field_t *fields_of(struct byok_arena *arena,
                                             const struct byok_setting_table *table,
                                             struct byok_str section);

/* Of one row, whose values stand at `offset`. */
static cyaml_schema_field_t field_of(struct byok_arena *arena, const struct byok_setting *row,
                                     size_t index, const char *key)
{
    assert(index < ROWS_MAX); /* or two settings would share a place */
    size_t offset = offsetof(struct raw, values) + index * sizeof(struct raw_value);
    cyaml_schema_field_t field = {
        .key = key,
        .data_offset = (uint32_t)offset,
        .value = {.type = CYAML_STRING,
                  .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                  .data_size = sizeof(char),
                  .string = {.min = 0, .max = CYAML_UNLIMITED}},
    };
    if (row->kind < BYOK_SETTING_LIST_TEXT)
        return field;
    const struct byok_setting_table *entries = byok_setting_entries(row->kind);
    cyaml_schema_value_t *entry = entries ? value_new(arena, CYAML_MAPPING, sizeof(struct raw))
                                          : value_new(arena, CYAML_STRING, sizeof(char));
    if (entry && entries) {
        entry->mapping.fields = fields_of(arena, entries, (struct byok_str){"", 0});
    } else if (entry) {
        entry->flags = CYAML_FLAG_POINTER;
        entry->string.max = CYAML_UNLIMITED;
    }
    field.count_offset = (uint32_t)(offset + offsetof(struct raw_value, count));
    field.count_size = sizeof(unsigned);
    field.value = (cyaml_schema_value_t){
        .type = CYAML_SEQUENCE,
        .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
        .data_size = (uint32_t)(entries ? sizeof(struct raw) : sizeof(char *)),
        .sequence = {.entry = entry, .min = 0, .max = CYAML_UNLIMITED},
    };
    return field;
}

static struct byok_str section_of(const struct byok_setting *row)
{
    return (struct byok_str){row->path, byok_setting_section(row)};
}

/* The number of a row's section among those of its table. */
static size_t section_index(const struct byok_setting_table *table, const struct byok_setting *row)
{
    size_t index = 0;
    struct byok_str last = {NULL, 0};
    for (const struct byok_setting *r = table->rows; r < row; r++) {
        struct byok_str section = section_of(r);
        if (section.len > 0 && !byok_str_eq(section, last)) {
            if (byok_str_eq(section, section_of(row)))
                return index;
            index++;
            last = section;
        }
    }
    return index;
}

static cyaml_schema_field_t section_field(struct byok_arena *arena,
                                          const struct byok_setting_table *table,
                                          const struct byok_setting *row)
{
    assert(section_index(table, row) < SECTIONS_MAX);
    return (cyaml_schema_field_t){
        .key = byok_arena_copy(arena, section_of(row)).ptr,
        .data_offset = (uint32_t)(offsetof(struct raw, sections) +
                                  section_index(table, row) * sizeof(struct raw *)),
        .value = {.type = CYAML_MAPPING,
                  .flags = CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                  .data_size = sizeof(struct raw),
                  .mapping = {.fields = fields_of(arena, table, section_of(row))}},
    };
}

/* The fields of a table (section empty), or of one of its sections. */
static const cyaml_schema_field_t *
fields_of(struct byok_arena *arena, const struct byok_setting_table *table, struct byok_str section)
{
    cyaml_schema_field_t *fields = byok_arena_alloc(arena, (table->count + 1) * sizeof *fields);
    size_t count = 0;
    struct byok_str last = {NULL, 0};
    for (size_t i = 0; fields && i < table->count; i++) {
        const struct byok_setting *row = &table->rows[i];
        struct byok_str own = section_of(row);
        if (byok_str_eq(own, section)) {
            fields[count++] = field_of(arena, row, i, row->path + (own.len > 0 ? own.len + 1 : 0));
        } else if (section.len == 0 && !byok_str_eq(own, last)) {
            fields[count++] = section_field(arena, table, row);
            last = own;
        }
    }
    return fields; /* ends with a zeroed one */
}

struct take {
    struct byok_arena *arena;
    const char *file;
    const struct byok_config_line *lines;
    struct byok_fault *fault;
};

static enum byok_err take_map(const struct take *take, const struct byok_setting_table *table,
                              const struct raw *raw, const char *prefix, void *into);

static enum byok_err no_memory(const struct take *take)
{
    return byok_fault_set(take->fault, BYOK_E_NOMEM, "no memory for the settings");
}

/* Both kinds of list are {items, count} (config.h). */
static void put_list(void *at, const void *items, size_t count)
{
    memcpy(at, &items, sizeof items);
    memcpy((char *)at + offsetof(struct byok_config_texts, count), &count, sizeof count);
}

static enum byok_err take_texts(const struct take *take, const struct raw_value *value, void *at)
{
    char **texts = value->ptr;
    const char **items = byok_arena_alloc(take->arena, (value->count + 1) * sizeof *items);
    for (size_t i = 0; items && i < value->count; i++) {
        items[i] = byok_arena_copy(take->arena, byok_str_of(texts[i])).ptr;
        if (!items[i])
            return no_memory(take);
    }
    if (!items)
        return no_memory(take);
    put_list(at, items, value->count);
    return BYOK_E_OK;
}

static enum byok_err take_entries(const struct take *take, const struct byok_setting_table *table,
                                  const struct raw_value *value, const char *path, void *at)
{
    const struct raw *raws = value->ptr;
    char *items = byok_arena_alloc(take->arena, (value->count + 1) * table->size);
    if (!items)
        return no_memory(take);
    for (size_t i = 0; i < value->count; i++) {
        struct byok_str prefix = byok_arena_printf(take->arena, "%s[%zu].", path, i);
        if (!prefix.ptr)
            return no_memory(take);
        void *item = items + i * table->size;
        enum byok_err err = byok_setting_defaults(take->arena, table, item, take->fault);
        if (err == BYOK_E_OK)
            err = take_map(take, table, &raws[i], prefix.ptr, item);
        if (err != BYOK_E_OK)
            return err;
    }
    put_list(at, items, value->count);
    return BYOK_E_OK;
}

static enum byok_err take_row(const struct take *take, const struct byok_setting *row,
                              const struct raw_value *value, const char *prefix, void *into)
{
    struct byok_str path = byok_arena_printf(take->arena, "%s%s", prefix, row->path);
    if (!path.ptr)
        return no_memory(take);
    void *at = (char *)into + row->offset;
    if (row->kind == BYOK_SETTING_LIST_TEXT)
        return take_texts(take, value, at);
    if (row->kind > BYOK_SETTING_LIST_TEXT)
        return take_entries(take, byok_setting_entries(row->kind), value, path.ptr, at);
    struct byok_str where = byok_arena_printf(take->arena, "%s:%zu: %s", take->file,
                                              byok_config_line_of(take->lines, path), path.ptr);
    if (!where.ptr)
        return no_memory(take);
    return byok_setting_put(take->arena, row, into, value->ptr, where.ptr, take->fault);
}

static enum byok_err take_map(const struct take *take, const struct byok_setting_table *table,
                              const struct raw *raw, const char *prefix, void *into)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct byok_setting *row = &table->rows[i];
        const struct raw *from =
            section_of(row).len > 0 ? raw->sections[section_index(table, row)] : raw;
        if (!from || !from->values[i].ptr)
            continue;
        enum byok_err err = take_row(take, row, &from->values[i], prefix, into);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}

enum byok_err byok_config_read(const char *path, const char *what, struct byok_buf *out,
                               struct byok_fault *fault)
{
    FILE *file = fopen(path, "re");
    byok_buf_init(out, FILE_BYTES_MAX);
    if (!file)
        return byok_fault_set(fault, BYOK_E_CONFIG, "cannot read the %s in %s: %s", what, path,
                              strerror(errno));
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, file)) > 0 && byok_buf_add(out, block, n)) {
    }
    int failed = ferror(file);
    fclose(file);
    if (failed)
        return byok_fault_set(fault, BYOK_E_CONFIG, "cannot read the %s in %s", what, path);
    if (byok_buf_failed(out))
        return byok_fault_set(fault, BYOK_E_CONFIG, "%s is larger than %zu bytes: no %s", path,
                              FILE_BYTES_MAX, what);
    return BYOK_E_OK;
}

static enum byok_err load(const struct take *take, struct byok_str text, struct byok_config *config)
{
    struct words words = {""};
    const cyaml_config_t how = {
        .log_fn = on_words,
        .log_ctx = &words,
        .log_level = CYAML_LOG_ERROR,
        .mem_fn = cyaml_mem,
        .flags = CYAML_CFG_DEFAULT,
    };
    cyaml_schema_value_t *schema = value_new(take->arena, CYAML_MAPPING, sizeof(struct raw));
    if (!schema)
        return no_memory(take);
    schema->flags = CYAML_FLAG_POINTER;
    schema->mapping.fields = fields_of(take->arena, &byok_settings_top, (struct byok_str){"", 0});
    if (byok_arena_failed(take->arena))
        return no_memory(take);
    cyaml_data_t *data = NULL;
    cyaml_err_t code =
        cyaml_load_data((const uint8_t *)text.ptr, text.len, &how, schema, &data, NULL);
    if (code != CYAML_OK)
        return byok_fault_set(take->fault, BYOK_E_CONFIG, "%s: %s", take->file,
                              words.text[0] ? words.text : cyaml_strerror(code));
    enum byok_err err = take_map(take, &byok_settings_top, data, "", config);
    cyaml_free(&how, schema, data, 0);
    return err;
}

enum byok_err byok_config_file(struct byok_config *config, const char *path,
                               struct byok_fault *fault)
{
    BYOK_AUTO(byok_buf) text = {0};
    struct byok_arena scratch; /* wiped: a file may hold passwords of brokers */
    byok_arena_init(&scratch, 0);
    struct byok_config_line *lines = NULL;
    enum byok_err err = byok_config_read(path, "settings", &text, fault);
    if (err == BYOK_E_OK)
        err = byok_config_lines(&scratch, path, byok_buf_str(&text), &lines, fault);
    if (err == BYOK_E_OK)
        err = byok_config_known(path, lines, fault);
    if (err == BYOK_E_OK && lines) { /* an empty file sets nothing */
        const struct take take = {&config->arena, path, lines, fault};
        err = load(&take, byok_buf_str(&text), config);
    }
    byok_arena_done(&scratch);
    return err;
}
