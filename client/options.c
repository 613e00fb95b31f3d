/* SPDX-License-Identifier: MIT */
/* client/options.c - see client/options.h. */
#include "client/options.h"

#include <string.h>

#include "base/str.h"
#include "schemas/key_shape.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool byok_count_read(const char *text, int64_t *out)
{
    int64_t sum = 0;
    if (*text == '\0')
        return false;
    for (; *text != '\0'; text++) {
        if (!is_digit(*text))
            return false;
        int digit = *text - '0';
        if (sum > (INT64_MAX - digit) / 10)
            return false;
        sum = sum * 10 + digit;
    }
    *out = sum;
    return true;
}

bool byok_duration_read(const char *text, int64_t *out_ms)
{
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char digits[20];
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len >= sizeof digits)
        return false;
    memcpy(digits, text, len);
    digits[len] = '\0';
    int64_t number;
    if (!byok_count_read(digits, &number))
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(text + len, units[i].unit) == 0 && number <= INT64_MAX / units[i].ms) {
            *out_ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

bool byok_list_add(struct byok_arena *arena, struct byok_list *list, const char *item)
{
    /* the room is the power of two from 8 on that holds the count; so it need not be kept */
    size_t count = list->count;
    if (count == 0 || (count >= 8 && (count & (count - 1)) == 0)) {
        size_t room = count < 8 ? 8 : count * 2;
        const char **items = byok_arena_alloc(arena, room * sizeof *items);
        if (!items)
            return false;
        if (count > 0)
            memcpy(items, list->items, count * sizeof *items);
        list->items = items;
    }
    list->items[list->count++] = item;
    return true;
}

/* Where the reading is. */
struct reader {
    struct byok_arena *arena;
    const struct byok_option_table *tables;
    size_t table_count;
    char *const *next;
    char *const *end;
    struct byok_fault *fault;
};

static enum byok_err refuse_key(struct byok_fault *fault)
{
    return byok_fault_set(
        fault, BYOK_E_BAD_REQUEST,
        "an argument looks like a provider key; keys are never taken from arguments, since other "
        "users of this machine and the shell's history see them. Give it at the prompt or on "
        "standard input (`byok key add … < file`), and replace this one, as it has been seen");
}

static const struct byok_option *find(const struct reader *reader, struct byok_str name,
                                      char letter, char **values)
{
    for (size_t t = 0; t < reader->table_count; t++) {
        const struct byok_option_table *table = &reader->tables[t];
        for (size_t i = 0; i < table->count; i++) {
            const struct byok_option *option = &table->options[i];
            if (letter ? option->letter == letter : byok_str_is(name, option->name)) {
                *values = table->values;
                return option;
            }
        }
    }
    return NULL;
}

static enum byok_err set(struct reader *reader, const struct byok_option *option, char *values,
                         const char *text)
{
    void *place = values + option->offset;
    switch (option->kind) {
    case BYOK_OPTION_ON:
    case BYOK_OPTION_OFF:
        *(bool *)place = option->kind == BYOK_OPTION_ON;
        return BYOK_E_OK;
    case BYOK_OPTION_TEXT:
        *(const char **)place = text;
        return BYOK_E_OK;
    case BYOK_OPTION_COUNT:
        if (byok_count_read(text, place))
            return BYOK_E_OK;
        return byok_fault_set(reader->fault, BYOK_E_BAD_REQUEST,
                              "--%s takes a whole number from 0, e.g. 256", option->name);
    case BYOK_OPTION_DURATION:
        if (byok_duration_read(text, place))
            return BYOK_E_OK;
        return byok_fault_set(reader->fault, BYOK_E_BAD_REQUEST,
                              "--%s takes a duration with its unit: 500ms, 30s, 10m, 2h or 1d",
                              option->name);
    case BYOK_OPTION_LIST:
        if (byok_list_add(reader->arena, place, text))
            return BYOK_E_OK;
        return byok_fault_set(reader->fault, BYOK_E_NOMEM, "no memory for the arguments");
    }
    return BYOK_E_INTERNAL;
}

/* `glued`: the value in the same argument, behind "=" or behind the letter; NULL: none. */
static enum byok_err take(struct reader *reader, const struct byok_option *option, char *values,
                          const char *glued)
{
    if (!option->argument && glued)
        return byok_fault_set(reader->fault, BYOK_E_BAD_REQUEST, "--%s takes no value",
                              option->name);
    if (option->argument && !glued) {
        if (reader->next == reader->end)
            return byok_fault_set(reader->fault, BYOK_E_BAD_REQUEST, "--%s needs a value: %s",
                                  option->name, option->argument);
        glued = *reader->next++;
    }
    return set(reader, option, values, glued);
}

static bool names_a_key(struct byok_str name)
{
    return byok_str_is(name, "key") || byok_str_is(name, "api-key") ||
           byok_str_is(name, "apikey") || byok_str_is(name, "token") || byok_str_is(name, "secret");
}

static enum byok_err take_long(struct reader *reader, const char *text)
{
    const char *equals = strchr(text, '=');
    struct byok_str name = {text, equals ? (size_t)(equals - text) : strlen(text)};
    char *values = NULL;
    const struct byok_option *option = find(reader, name, 0, &values);
    if (!option && names_a_key(name))
        return refuse_key(reader->fault);
    if (!option)
        return byok_fault_set(reader->fault, BYOK_E_BAD_REQUEST,
                              "there is no option --%.*s; --help lists them",
                              name.len > 64 ? 64 : (int)name.len, name.ptr);
    return take(reader, option, values, equals ? equals + 1 : NULL);
}

static enum byok_err take_letter(struct reader *reader, const char *text)
{
    char *values = NULL;
    const struct byok_option *option = find(reader, (struct byok_str){0}, text[0], &values);
    if (!option)
        return byok_fault_set(reader->fault, BYOK_E_BAD_REQUEST,
                              "there is no option -%c; --help lists them", text[0]);
    return take(reader, option, values, text[1] != '\0' ? text + 1 : NULL);
}

/* One argument that begins with a dash, and its value. */
static enum byok_err take_option(struct reader *reader)
{
    const char *text = *reader->next++;
    return text[1] == '-' ? take_long(reader, text + 2) : take_letter(reader, text + 1);
}

static bool is_option(const char *text)
{
    return text[0] == '-' && text[1] != '\0' && strcmp(text, "--") != 0;
}

enum byok_err byok_options_read_front(struct byok_arena *arena,
                                      const struct byok_option_table *tables, size_t table_count,
                                      int argc, char *const *argv, int *count,
                                      struct byok_fault *fault)
{
    struct reader reader = {arena, tables, table_count, argv, argv + argc, fault};
    enum byok_err err = BYOK_E_OK;
    while (err == BYOK_E_OK && reader.next != reader.end && is_option(*reader.next))
        err = take_option(&reader);
    *count = (int)(reader.next - argv);
    return err;
}

enum byok_err byok_options_read(struct byok_arena *arena, const struct byok_option_table *tables,
                                size_t table_count, int argc, char *const *argv,
                                struct byok_list *words, struct byok_fault *fault)
{
    struct reader reader = {arena, tables, table_count, argv, argv + argc, fault};
    bool options = true;
    while (reader.next != reader.end) {
        const char *text = *reader.next;
        enum byok_err err = BYOK_E_OK;
        if (options && is_option(text)) {
            err = take_option(&reader);
        } else {
            reader.next++;
            if (options && strcmp(text, "--") == 0)
                options = false;
            else if (byok_looks_like_key(byok_str_of(text)))
                err = refuse_key(fault);
            else if (!byok_list_add(arena, words, text))
                err = byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the arguments");
        }
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}
