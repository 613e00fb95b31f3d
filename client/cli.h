/* SPDX-License-Identifier: MIT */
/* client/cli.h - what every command of `byok` shares: the global options, output, exit codes.
 *
 * A command is one file with one external symbol, byok_command_<name>, and a line in commands.def.
 * Streams are given, not global, so that tests run whole commands.  Thread: one.
 */
#ifndef BYOK_CLIENT_CLI_H
#define BYOK_CLIENT_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "client/options.h"
#include "schemas/value.h"

/* For scripts; a contract. */
enum byok_exit {
    BYOK_EXIT_OK = 0,
    BYOK_EXIT_FAILED = 1, /* the request ended in an error, or a check failed */
    BYOK_EXIT_USAGE = 2,  /* the command line or the input is wrong; nothing was sent */
    BYOK_EXIT_BROKER = 3, /* the broker or the worker did not answer in time */
    BYOK_EXIT_UNCLEAR = 4 /* it cannot be known whether the provider carried the call out */
};

/* The options that every command takes. */
struct byok_globals {
    const char *brokers;
    const char *topic_prefix;
    const char *payloads;        /* where large content stands; NULL: nowhere */
    struct byok_list properties; /* librdkafka's, each "name=value" */
    int64_t timeout_ms;          /* without any answer for that long, a command gives up */
    bool json;
    bool quiet;
    bool help;
};

struct byok_cli {
    struct byok_globals set;
    struct byok_list words;  /* what is no option */
    FILE *out, *err;         /* borrowed */
    int in;                  /* file descriptor of standard input; borrowed */
    struct byok_arena arena; /* lives as long as the command */
};

struct byok_command {
    const char *name;
    const char *summary; /* one line */
    const char *usage;   /* what follows "byok NAME" */
    const char *about;   /* paragraphs and examples for --help */
    const struct byok_option *options;
    size_t option_count;
    const void *defaults; /* of its values, values_size bytes */
    size_t values_size;
    enum byok_exit (*run)(struct byok_cli *cli, const void *values);
};

/** Run `byok` with these arguments (argv[0] is the program's name). */
enum byok_exit byok_cli_run(struct byok_cli *cli, int argc, char *const *argv) BYOK_NONNULL(1, 3);

/** Tell `cli->err` what is wrong with the command line; gives BYOK_EXIT_USAGE. */
enum byok_exit byok_cli_misused(struct byok_cli *cli, const char *format, ...) BYOK_NONNULL(1)
    BYOK_PRINTF(2, 3);

/** Tell `cli->err` of a fault; gives the exit code for its code: BROKER and TIMEOUT 3, wrong input
 *  2, all else 1. */
enum byok_exit byok_cli_fault(struct byok_cli *cli, const struct byok_fault *fault)
    BYOK_NONNULL(1, 2);

/** A line on `cli->err` for people; not with --quiet. */
void byok_cli_note(struct byok_cli *cli, const char *format, ...) BYOK_NONNULL(1) BYOK_PRINTF(2, 3);

/** The tree as one line of JSON on `cli->out`. */
void byok_cli_print_json(struct byok_cli *cli, const struct byok_value *value) BYOK_NONNULL(1, 2);

/** JSON as one line on `cli->out`; what could steer a terminal is escaped in it. */
void byok_cli_print_json_text(struct byok_cli *cli, struct byok_str json) BYOK_NONNULL(1);

/** Text of others for a terminal: control characters (an escape sequence could rewrite the screen)
 *  and what is not UTF-8 become '?'; newlines and tabs stay with `lines`, else they become spaces,
 *  and what turns the order of the characters behind it round becomes '?'. */
void byok_cli_print_text(FILE *to, struct byok_str text, bool lines) BYOK_NONNULL(1);

/** SIGINT and SIGTERM set the flag below instead of ending the process; for commands that follow a
 *  topic. */
void byok_cli_catch_signals(void);

/** Whether such a signal came. */
bool byok_cli_interrupted(void);

/** Monotonic milliseconds, for waits. */
int64_t byok_now_ms(void);

/** Unix time in milliseconds. */
int64_t byok_wall_ms(void);

#define BYOK_REQUEST_ID_BYTES 37

/** A new id in the form of a UUIDv7 (RFC 9562, 5.7): time and random bits. */
void byok_new_id(char out[static BYOK_REQUEST_ID_BYTES]);

#endif
