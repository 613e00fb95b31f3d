/* SPDX-License-Identifier: MIT */
/* client/usage.c - `byok usage`: what a user's calls came to. */
#include <stddef.h>

#include "client/call.h"
#include "client/since.h"
#include "client/tally.h"

struct usage_flags {
    const char *day;
};

static const struct usage_flags defaults = {0};

static const struct byok_option options[] = {
    {"day", 'd', BYOK_OPTION_TEXT, "YYYY-MM-DD", "of one day (UTC) only",
     offsetof(struct usage_flags, day)},
};

struct reading {
    struct byok_cli *cli;
    struct byok_str user, day;
    struct byok_tally *tally;
    struct byok_arena arena; /* of one record */
    size_t unread;
    bool full; /* no memory */
};

static bool take(void *context, const struct byok_record *record)
{
    struct reading *reading = context;
    struct byok_value event = byok_value_null();
    if (!byok_str_eq(record->key, reading->user))
        return true; /* another user of the same partition */
    byok_arena_done(&reading->arena);
    enum byok_err err = byok_record_value(&reading->arena, record, &event, NULL);
    struct byok_str day = byok_value_as_str(byok_value_find(&event, "day"));
    if (err == BYOK_E_OK && reading->day.len > 0 && !byok_str_eq(day, reading->day))
        return true;
    if (err == BYOK_E_OK)
        err = byok_tally_add(reading->tally, &event);
    reading->full = err == BYOK_E_NOMEM;
    reading->unread += err != BYOK_E_OK;
    return !reading->full;
}

static enum byok_err read_all(struct reading *reading, struct byok_reader *reader,
                              struct byok_fault *fault)
{
    enum byok_err err = byok_read_records(reading->cli, reader, false, take, reading, fault);
    if (err == BYOK_E_OK && reading->full)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for so many events");
    return err;
}

static void print(struct reading *reading)
{
    if (!reading->cli->set.json) {
        byok_tally_print(reading->tally, reading->cli->out);
        return;
    }
    struct byok_arena *arena = &reading->cli->arena;
    struct byok_value all = byok_tally_value(reading->tally, arena);
    byok_value_set(arena, &all, "user", byok_value_string(reading->user));
    byok_cli_print_json(reading->cli, &all);
}

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    const struct usage_flags *flags = values;
    const struct byok_start beginning = {.from = BYOK_FROM_BEGINNING};
    struct byok_fault fault;
    struct byok_reader *reader = NULL;
    if (cli->words.count != 1)
        return byok_cli_misused(cli, "name one user: byok usage USER");
    struct reading reading = {.cli = cli,
                              .user = byok_str_of(cli->words.items[0]),
                              .day = byok_str_of(flags->day),
                              .tally = byok_tally_new()};
    enum byok_err err = reading.tally ? byok_reader_new(cli, BYOK_TOPIC_USAGE, reading.user,
                                                        beginning, &reader, &fault)
                                      : byok_fault_set(&fault, BYOK_E_NOMEM, "no memory");
    if (err == BYOK_E_OK)
        err = read_all(&reading, reader, &fault);
    if (err == BYOK_E_OK)
        print(&reading);
    if (reading.unread > 0)
        byok_cli_note(cli, "%zu records of the usage topic are no usage events", reading.unread);
    byok_reader_free(reader);
    byok_tally_free(reading.tally);
    byok_arena_done(&reading.arena);
    return err == BYOK_E_OK ? BYOK_EXIT_OK : byok_cli_fault(cli, &fault);
}

const struct byok_command byok_command_usage = {
    .name = "usage",
    .summary = "sum a user's calls and units",
    .usage = "USER [--day YYYY-MM-DD]",
    .about = "Sums the user's events in the usage topic, per day, provider and model, as far back\n"
             "as the topic's retention goes. A call counts once, however often it was published.\n"
             "\nexamples:\n"
             "  byok usage alice\n"
             "  byok usage alice --day 2026-11-24 --json\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
