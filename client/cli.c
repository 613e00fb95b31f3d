/* SPDX-License-Identifier: MIT */
/* client/cli.c - finds the command, reads its options, prints help and faults. */
#include "client/cli.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/limits.h"
#include "schemas/codec.h"
#include "schemas/key_shape.h"
#include "schemas/utf8.h"

#define DEFAULT_BROKERS "localhost:9092"
#define DEFAULT_PREFIX "byok."
#define DEFAULT_TIMEOUT_MS 60000

#define COMMAND(name) extern const struct byok_command byok_command_##name;
#include "client/commands.def"
#undef COMMAND

static const struct byok_command *const commands[] = {
#define COMMAND(name) &byok_command_##name,
#include "client/commands.def"
#undef COMMAND
};

#define COMMANDS (sizeof commands / sizeof commands[0])

#define AT(member) offsetof(struct byok_globals, member)

static const struct byok_option global_options[] = {
    {"brokers", 0, BYOK_OPTION_TEXT, "HOST:PORT",
     "Kafka brokers, by commas (env BYOK_BROKERS; default " DEFAULT_BROKERS ")", AT(brokers)},
    {"topic-prefix", 0, BYOK_OPTION_TEXT, "PREFIX",
     "of the topics' names (env BYOK_TOPIC_PREFIX; default " DEFAULT_PREFIX ")", AT(topic_prefix)},
    {"payloads", 0, BYOK_OPTION_TEXT, "STORE",
     "where large content stands: folder:PATH or s3:https://HOST/BUCKET (env BYOK_PAYLOADS; for s3 "
     "also BYOK_PAYLOADS_CREDENTIALS=ID:SECRET, _REGION, _CA)",
     AT(payloads)},
    {"property", 'X', BYOK_OPTION_LIST, "NAME=VALUE",
     "a librdkafka setting, e.g. security.protocol=SSL; passwords rather as lines of "
     "env BYOK_KAFKA_PROPERTIES",
     AT(properties)},
    {"timeout", 0, BYOK_OPTION_DURATION, "TIME",
     "give up after that long without an answer (default 60s)", AT(timeout_ms)},
    {"json", 0, BYOK_OPTION_ON, NULL, "output for programs: one JSON object per line", AT(json)},
    {"quiet", 'q', BYOK_OPTION_ON, NULL, "no notes on standard error", AT(quiet)},
    {"help", 'h', BYOK_OPTION_ON, NULL, "this text", AT(help)},
};

#define GLOBAL_OPTIONS (sizeof global_options / sizeof global_options[0])

/* ---- help ---- */

static void print_options(FILE *to, const struct byok_option *options, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct byok_option *option = &options[i];
        char left[64];
        char letter[8] = "    ";
        if (option->letter)
            snprintf(letter, sizeof letter, "-%c, ", option->letter);
        snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name, option->argument ? " " : "",
                 option->argument ? option->argument : "");
        if (strlen(left) > 28)
            fprintf(to, "  %s\n  %-28s  %s\n", left, "", option->help);
        else
            fprintf(to, "  %-28s  %s\n", left, option->help);
    }
}

static void print_help(FILE *to)
{
    fputs("byok - the client of byokd: AI jobs with the users' own provider keys\n\n"
          "usage: byok COMMAND [OPTION…]\n\ncommands (`byok COMMAND --help` tells more):\n",
          to);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(to, "  %-10s  %s\n", commands[i]->name, commands[i]->summary);
    fputs("\noptions of every command:\n", to);
    print_options(to, global_options, GLOBAL_OPTIONS);
    fputs("\nexit codes:\n"
          "  0 done   1 the request ended in an error   2 wrong usage, nothing was sent\n"
          "  3 no answer in time   4 unclear whether the provider carried the call out\n",
          to);
}

static void print_command_help(FILE *to, const struct byok_command *command)
{
    fprintf(to, "byok %s - %s\n\nusage: byok %s %s\n\n%s", command->name, command->summary,
            command->name, command->usage, command->about);
    if (command->option_count > 0)
        fputs("\noptions:\n", to);
    print_options(to, command->options, command->option_count);
    fputs("\noptions of every command:\n", to);
    print_options(to, global_options, GLOBAL_OPTIONS);
}

/* ---- what is said ---- */

enum byok_exit byok_cli_misused(struct byok_cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("byok: ", cli->err);
    vfprintf(cli->err, format, args);
    fputc('\n', cli->err);
    va_end(args);
    return BYOK_EXIT_USAGE;
}

static enum byok_exit exit_of(enum byok_err code)
{
    switch (code) { /* the rest is an error of the request or of this machine */
    case BYOK_E_BAD_REQUEST:
    case BYOK_E_BAD_MESSAGE:
    case BYOK_E_CONFIG:
    case BYOK_E_TOO_LARGE:
    case BYOK_E_KEY_INVALID:
        return BYOK_EXIT_USAGE;
    case BYOK_E_BROKER:
    case BYOK_E_TIMEOUT:
        return BYOK_EXIT_BROKER;
    default:
        return BYOK_EXIT_FAILED;
    }
}

enum byok_exit byok_cli_fault(struct byok_cli *cli, const struct byok_fault *fault)
{
    fputs("byok: ", cli->err);
    byok_cli_print_text(cli->err, byok_str_of(fault->text), false);
    fputc('\n', cli->err);
    return exit_of(fault->code);
}

void byok_cli_note(struct byok_cli *cli, const char *format, ...)
{
    if (cli->set.quiet)
        return;
    va_list args;
    va_start(args, format);
    vfprintf(cli->err, format, args);
    va_end(args);
    fputc('\n', cli->err);
}

void byok_cli_print_json(struct byok_cli *cli, const struct byok_value *value)
{
    /* a result is as large as an answer may be, and half as much again as base64 */
    BYOK_AUTO(byok_buf) text = {.cap_bytes = (size_t)4 * BYOK_ANSWER_BYTES_MAX};
    if (byok_encode(BYOK_JSON, value, &text) != BYOK_E_OK) {
        fputs("byok: a record is too large to be printed\n", cli->err);
        return;
    }
    byok_cli_print_json_text(cli, byok_buf_str(&text));
}

void byok_cli_print_json_text(struct byok_cli *cli, struct byok_str json)
{
    size_t from = 0; /* what is not written yet */
    for (size_t i = 0, len; i < json.len; i += len) {
        unsigned c;
        len = byok_utf8_steers((struct byok_str){json.ptr + i, json.len - i}, true, &c);
        if (len == 0) {
            len = 1;
            continue;
        }
        fwrite(json.ptr + from, 1, i - from, cli->out);
        if (c < 0x20) /* white space between values: in a text it is escaped already */
            fputc(' ', cli->out);
        else
            fprintf(cli->out, "\\u%04x", c);
        from = i + len;
    }
    fwrite(json.ptr + from, 1, json.len - from, cli->out);
    fputc('\n', cli->out);
    fflush(cli->out); /* who follows a topic by a pipe wants each line when it comes */
}

/* The length of the character that is the first; 0: it is not UTF-8. */
static size_t character(struct byok_str text)
{
    unsigned char lead = (unsigned char)text.ptr[0];
    size_t len = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return len <= text.len && byok_utf8_valid((struct byok_str){text.ptr, len}) == len ? len : 0;
}

void byok_cli_print_text(FILE *to, struct byok_str text, bool lines)
{
    for (size_t i = 0, len; i < text.len; i += len) {
        struct byok_str rest = {text.ptr + i, text.len - i};
        unsigned c = 0;
        len = byok_utf8_steers(rest, !lines, &c);
        size_t shown = len == 0 ? character(rest) : 0;
        if (len > 0 && (c == '\n' || c == '\t' || c == '\r'))
            fputc(lines && c != '\r' ? (int)c : ' ', to);
        else if (shown == 0) /* a byte of no character may steer a terminal that knows no UTF-8 */
            fputc('?', to);
        fwrite(rest.ptr, 1, shown, to);
        len = len > 0 ? len : shown > 0 ? shown : 1;
    }
}

/* ---- running ---- */

static bool add_property(struct byok_cli *cli, struct byok_str line)
{
    line = byok_str_trim(line);
    if (line.len == 0 || line.ptr[0] == '#')
        return true;
    struct byok_str copy = byok_arena_copy(&cli->arena, line);
    return copy.ptr && byok_list_add(&cli->arena, &cli->set.properties, copy.ptr);
}

static bool set_from_environment(struct byok_cli *cli)
{
    const char *brokers = getenv("BYOK_BROKERS"), *prefix = getenv("BYOK_TOPIC_PREFIX");
    cli->set.brokers = brokers && *brokers ? brokers : DEFAULT_BROKERS;
    cli->set.topic_prefix = prefix ? prefix : DEFAULT_PREFIX;
    cli->set.payloads = getenv("BYOK_PAYLOADS");
    cli->set.timeout_ms = DEFAULT_TIMEOUT_MS;
    struct byok_str rest = byok_str_of(getenv("BYOK_KAFKA_PROPERTIES"));
    while (rest.len > 0) {
        const char *end = memchr(rest.ptr, '\n', rest.len);
        size_t len = end ? (size_t)(end - rest.ptr) : rest.len;
        if (!add_property(cli, (struct byok_str){rest.ptr, len}))
            return false;
        rest.ptr += end ? len + 1 : len;
        rest.len -= end ? len + 1 : len;
    }
    return true;
}

static const struct byok_command *find_command(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    }
    return NULL;
}

static enum byok_exit run_command(struct byok_cli *cli, const struct byok_command *command,
                                  int argc, char *const *argv)
{
    void *values = byok_arena_alloc(&cli->arena, command->values_size);
    if (!values)
        return byok_cli_misused(cli, "no memory");
    memcpy(values, command->defaults, command->values_size);
    const struct byok_option_table tables[] = {
        {command->options, command->option_count, values},
        {global_options, GLOBAL_OPTIONS, &cli->set},
    };
    struct byok_fault fault;
    enum byok_err err = byok_options_read(&cli->arena, tables, 2, argc, argv, &cli->words, &fault);
    if (cli->set.help) {
        print_command_help(cli->out, command);
        return BYOK_EXIT_OK;
    }
    if (err != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    if (cli->set.timeout_ms < 1)
        return byok_cli_misused(cli, "--timeout must be more than 0");
    return command->run(cli, values);
}

/* Options of every command may stand in front of its name too. */
static enum byok_exit run(struct byok_cli *cli, int argc, char *const *argv)
{
    struct byok_fault fault;
    int count = 0;
    if (!set_from_environment(cli))
        return byok_cli_misused(cli, "no memory");
    const struct byok_option_table table = {global_options, GLOBAL_OPTIONS, &cli->set};
    if (byok_options_read_front(&cli->arena, &table, 1, argc, argv, &count, &fault) != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    const char *name = count < argc ? argv[count] : NULL;
    const struct byok_command *command = name ? find_command(name) : NULL;
    if (command)
        return run_command(cli, command, argc - count - 1, argv + count + 1);
    if (cli->set.help || (name && strcmp(name, "help") == 0)) {
        print_help(cli->out);
        return BYOK_EXIT_OK;
    }
    if (name)
        return byok_cli_misused(cli, "there is no command '%.64s'; `byok --help` lists them",
                                byok_looks_like_key(byok_str_of(name)) ? "…" : name);
    print_help(cli->err);
    return BYOK_EXIT_USAGE;
}

enum byok_exit byok_cli_run(struct byok_cli *cli, int argc, char *const *argv)
{
    if (sodium_init() < 0)
        return byok_cli_misused(cli, "the system gives no random numbers, see random(4)");
    byok_arena_init(&cli->arena, 0);
    enum byok_exit code = run(cli, argc > 0 ? argc - 1 : 0, argc > 0 ? argv + 1 : argv);
    fflush(cli->out);
    byok_arena_done(&cli->arena);
    return code;
}
