/* SPDX-License-Identifier: MIT */
/* worker/config_lines.c - where each key of a YAML file stands, so that an error can say so.
 *
 * libcyaml names lines only for what it refuses itself; ranges are checked after it.
 */
#include <string.h>

#include <yaml.h>

#include "worker/config_parts.h"

#define DEPTH_MAX 8 /* the deepest setting, providers[0].headers[0].name, stands at 5 */

struct level {
    struct byok_str path; /* of the mapping or sequence */
    bool sequence;
    size_t entries;        /* of a sequence, so far */
    struct byok_str child; /* of a mapping: the path of the key just read; len 0: a key is next */
};

struct walk {
    struct byok_arena *arena;
    const char *file;
    struct byok_config_line *first, **last;
    struct level levels[DEPTH_MAX];
    size_t depth;
    struct byok_fault *fault;
};

static struct byok_config_line *find(struct byok_config_line *lines, struct byok_str path)
{
    struct byok_config_line *line = lines;
    while (line && !byok_str_eq(line->path, path))
        line = line->next;
    return line;
}

static enum byok_err add(struct walk *walk, struct byok_str path, size_t line)
{
    struct byok_config_line *before = find(walk->first, path);
    if (before)
        return byok_fault_set(walk->fault, BYOK_E_CONFIG,
                              "%s:%zu: %.*s stands here for the second time; first in line %zu",
                              walk->file, line, BYOK_STR_ARG(path), before->line);
    struct byok_config_line *entry = byok_arena_alloc(walk->arena, sizeof *entry);
    if (!entry)
        return byok_fault_set(walk->fault, BYOK_E_NOMEM, "no memory for the settings");
    *entry = (struct byok_config_line){.path = path, .line = line};
    *walk->last = entry;
    walk->last = &entry->next;
    return BYOK_E_OK;
}

static enum byok_err on_key(struct walk *walk, struct level *level, struct byok_str key,
                            size_t line)
{
    level->child = level->path.len > 0
                       ? byok_arena_printf(walk->arena, "%.*s.%.*s", BYOK_STR_ARG(level->path),
                                           BYOK_STR_ARG(key))
                       : byok_arena_copy(walk->arena, key);
    if (!level->child.ptr)
        return byok_fault_set(walk->fault, BYOK_E_NOMEM, "no memory for the settings");
    return add(walk, level->child, line);
}

/* The path of the value that begins here. */
static struct byok_str value_path(struct walk *walk, size_t line, enum byok_err *err)
{
    *err = BYOK_E_OK;
    if (walk->depth == 0)
        return (struct byok_str){"", 0};
    struct level *level = &walk->levels[walk->depth - 1];
    struct byok_str path = level->child;
    if (level->sequence) {
        path = byok_arena_printf(walk->arena, "%.*s[%zu]", BYOK_STR_ARG(level->path),
                                 level->entries++);
        *err = add(walk, path, line);
    }
    level->child = (struct byok_str){NULL, 0};
    return path;
}

static enum byok_err on_begin(struct walk *walk, bool sequence, size_t line)
{
    enum byok_err err;
    struct byok_str path = value_path(walk, line, &err);
    if (err != BYOK_E_OK)
        return err;
    if (walk->depth == DEPTH_MAX)
        return byok_fault_set(walk->fault, BYOK_E_CONFIG, "%s:%zu: no setting is nested so deeply",
                              walk->file, line);
    walk->levels[walk->depth++] = (struct level){.path = path, .sequence = sequence};
    return BYOK_E_OK;
}

static enum byok_err on_event(struct walk *walk, const yaml_event_t *event)
{
    size_t line = event->start_mark.line + 1;
    enum byok_err err;
    switch (event->type) {
    case YAML_MAPPING_START_EVENT:
        return on_begin(walk, false, line);
    case YAML_SEQUENCE_START_EVENT:
        return on_begin(walk, true, line);
    case YAML_MAPPING_END_EVENT:
    case YAML_SEQUENCE_END_EVENT:
        walk->depth--;
        return BYOK_E_OK;
    case YAML_ALIAS_EVENT:
        return byok_fault_set(walk->fault, BYOK_E_CONFIG, "%s:%zu: aliases are not taken here",
                              walk->file, line);
    case YAML_SCALAR_EVENT: {
        struct byok_str text = {(const char *)event->data.scalar.value, event->data.scalar.length};
        struct level *level = walk->depth > 0 ? &walk->levels[walk->depth - 1] : NULL;
        if (level && !level->sequence && level->child.len == 0)
            return on_key(walk, level, text, line);
        (void)value_path(walk, line, &err);
        return err;
    }
    default:
        return BYOK_E_OK;
    }
}

enum byok_err byok_config_lines(struct byok_arena *arena, const char *file, struct byok_str text,
                                struct byok_config_line **out, struct byok_fault *fault)
{
    struct walk walk = {.arena = arena, .file = file, .last = &walk.first, .fault = fault};
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the settings");
    /* libyaml asserts that there is something, though nothing is an empty document */
    yaml_parser_set_input_string(&parser, (const unsigned char *)(text.ptr ? text.ptr : ""),
                                 text.len);
    enum byok_err err = BYOK_E_OK;
    for (bool end = false; !end && err == BYOK_E_OK;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            err = byok_fault_set(fault, BYOK_E_CONFIG, "%s:%zu: this is no YAML: %s", file,
                                 parser.problem_mark.line + 1,
                                 parser.problem ? parser.problem : "cannot be read");
            break;
        }
        end = event.type == YAML_STREAM_END_EVENT;
        err = on_event(&walk, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    *out = walk.first;
    return err;
}

size_t byok_config_line_of(const struct byok_config_line *lines, struct byok_str path)
{
    for (; path.len > 0; path.len--) {
        for (const struct byok_config_line *line = lines; line; line = line->next) {
            if (byok_str_eq(line->path, path))
                return line->line;
        }
    }
    return 0;
}

/* "[12]" at the beginning of `path`: its length, else 0. */
static size_t index_len(struct byok_str path)
{
    if (path.len == 0 || path.ptr[0] != '[')
        return 0;
    size_t end = byok_str_find(path, (struct byok_str)BYOK_STR("]"));
    return end == SIZE_MAX ? 0 : end + 1;
}

/* Whether `path` is a row of the table, one of its sections, or inside one of its lists. */
static bool is_known(const struct byok_setting_table *table, struct byok_str path)
{
    for (size_t i = 0; i < table->count; i++) {
        const struct byok_setting *row = &table->rows[i];
        struct byok_str name = byok_str_of(row->path);
        if (byok_str_eq(path, name) ||
            byok_str_eq(path, (struct byok_str){row->path, byok_setting_section(row)}))
            return true;
        if (row->kind < BYOK_SETTING_LIST_TEXT || !byok_str_starts(path, name))
            continue;
        struct byok_str rest = {path.ptr + name.len, path.len - name.len};
        size_t index = index_len(rest);
        if (index == 0)
            continue;
        const struct byok_setting_table *entries = byok_setting_entries(row->kind);
        if (rest.len == index)
            return true;
        if (entries && rest.ptr[index] == '.')
            return is_known(entries, (struct byok_str){rest.ptr + index + 1, rest.len - index - 1});
    }
    return false;
}

enum byok_err byok_config_known(const char *file, const struct byok_config_line *lines,
                                struct byok_fault *fault)
{
    for (; lines; lines = lines->next) {
        if (!is_known(&byok_settings_top, lines->path))
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "%s:%zu: there is no setting %.*s (docs/CONFIGURATION.md lists "
                                  "all)",
                                  file, lines->line, BYOK_STR_ARG(lines->path));
    }
    return BYOK_E_OK;
}
