/* SPDX-License-Identifier: MIT */
/* client/results.c - `byok results`: read results, and follow them. */
#include <stddef.h>

#include "client/call.h"
#include "client/payloads.h"
#include "client/render.h"
#include "client/since.h"

struct results_flags {
    const char *user, *since, *id, *output;
    bool all, follow;
};

static const struct results_flags defaults = {0};

#define AT(member) offsetof(struct results_flags, member)

static const struct byok_option options[] = {
    {"user", 'u', BYOK_OPTION_TEXT, "USER", "the results of one user", AT(user)},
    {"all", 'a', BYOK_OPTION_ON, NULL, "of all users", AT(all)},
    {"id", 0, BYOK_OPTION_TEXT, "ID", "of one request; ends when it was shown", AT(id)},
    {"output", 'o', BYOK_OPTION_TEXT, "FILE",
     "with --id: write the answer's audio or image there; of several images FILE.1, FILE.2, …",
     AT(output)},
    {"follow", 'f', BYOK_OPTION_ON, NULL, "go on with those that come, until Ctrl-C", AT(follow)},
    {"since", 0, BYOK_OPTION_TEXT, "TIME|beginning",
     "from that long ago, e.g. 10m (default: the beginning, with --follow: now)", AT(since)},
};

struct reading {
    struct byok_cli *cli;
    const struct results_flags *flags;
    struct byok_arena arena; /* of one record */
    bool found;              /* the one of --id */
    enum byok_exit code;
};

static void print(struct reading *reading, const struct byok_value *result)
{
    if (reading->cli->set.json) {
        byok_cli_print_json(reading->cli, result);
        return;
    }
    byok_render_head(reading->cli->out, result);
    byok_render_body(reading->cli->out, result, "  ");
    fflush(reading->cli->out);
}

static bool take(void *context, const struct byok_record *record)
{
    struct reading *reading = context;
    const struct results_flags *flags = reading->flags;
    struct byok_value result;
    struct byok_fault fault;
    if (flags->user && !byok_str_is(record->key, flags->user))
        return true; /* another user of the same partition */
    byok_arena_done(&reading->arena);
    if (flags->id && !byok_str_is(byok_record_request_id(&reading->arena, record), flags->id))
        return true;
    if (byok_record_value(&reading->arena, record, &result, &fault) != BYOK_E_OK) {
        (void)byok_cli_fault(reading->cli, &fault);
        return true;
    }
    print(reading, &result);
    if (!flags->id)
        return true;
    reading->found = true;
    reading->code = byok_payloads_output(reading->cli, &result, flags->output);
    return false;
}

static enum byok_exit read_all(struct reading *reading, struct byok_reader *reader)
{
    struct byok_fault fault;
    enum byok_err err =
        byok_read_records(reading->cli, reader, reading->flags->follow, take, reading, &fault);
    if (err != BYOK_E_OK)
        return byok_cli_fault(reading->cli, &fault);
    if (reading->flags->id && !reading->found) {
        fprintf(reading->cli->err, "byok: there is no result of that request\n");
        return BYOK_EXIT_BROKER;
    }
    return reading->code;
}

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    const struct results_flags *flags = values;
    struct byok_start start;
    struct byok_fault fault;
    struct byok_reader *reader = NULL;
    if (cli->words.count > 0 || (flags->user != NULL) == flags->all)
        return byok_cli_misused(cli, "give --user USER, or --all");
    if (flags->output && !flags->id)
        return byok_cli_misused(cli, "--output needs --id: it is for one result");
    enum byok_from otherwise = flags->follow && !flags->id ? BYOK_FROM_END : BYOK_FROM_BEGINNING;
    if (!byok_since_read(flags->since, otherwise, &start))
        return byok_cli_misused(cli, "--since takes a duration, e.g. 10m, or beginning");
    if (flags->follow)
        byok_cli_catch_signals();
    if (byok_reader_new(cli, BYOK_TOPIC_RESULTS, byok_str_of(flags->user), start, &reader,
                        &fault) != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    struct reading reading = {.cli = cli, .flags = flags};
    enum byok_exit code = read_all(&reading, reader);
    byok_reader_free(reader);
    byok_arena_done(&reading.arena);
    return code;
}

const struct byok_command byok_command_results = {
    .name = "results",
    .summary = "show results, and follow them",
    .usage = "--user USER|--all [OPTION…]",
    .about = "Shows the results that the topic still holds. A result can come twice when byokd\n"
             "runs in its mode at_least_once; its id tells.\n"
             "\nexamples:\n"
             "  byok results --user alice --since 10m\n"
             "  byok results --all --follow --json | jq .status\n"
             "  byok results --user alice --id 0199… --follow\n"
             "  byok results --user alice --id 0199… --output speech.wav\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
