/* SPDX-License-Identifier: MIT */
/* client/dlq.c - `byok dlq`: the records that could not be taken, and why. */
#include <stddef.h>

#include "client/call.h"
#include "client/render.h"
#include "client/since.h"

struct dlq_flags {
    const char *user, *since;
    bool follow;
};

static const struct dlq_flags defaults = {0};

#define AT(member) offsetof(struct dlq_flags, member)

static const struct byok_option options[] = {
    {"user", 'u', BYOK_OPTION_TEXT, "USER", "records with that key only", AT(user)},
    {"follow", 'f', BYOK_OPTION_ON, NULL, "go on with those that come, until Ctrl-C", AT(follow)},
    {"since", 0, BYOK_OPTION_TEXT, "TIME|beginning",
     "from that long ago, e.g. 1h (default: the beginning, with --follow: now)", AT(since)},
};

/* The headers, and what they are called in the output. */
static const struct {
    const char *name, *header;
} members[] = {
    {"code", BYOK_HEADER_ERROR_CODE},           {"message", BYOK_HEADER_ERROR_MESSAGE},
    {"stage", BYOK_HEADER_ERROR_STAGE},         {"topic", BYOK_HEADER_ERROR_TOPIC},
    {"partition", BYOK_HEADER_ERROR_PARTITION}, {"offset", BYOK_HEADER_ERROR_OFFSET},
    {"timestamp", BYOK_HEADER_ERROR_TIMESTAMP}, {"id", BYOK_HEADER_REQUEST_ID},
    {"content_type", BYOK_HEADER_CONTENT_TYPE},
};

struct reading {
    struct byok_cli *cli;
    const struct dlq_flags *flags;
    struct byok_arena arena; /* of one record */
    size_t count;
};

static void print_json(struct reading *reading, const struct byok_record *record)
{
    struct byok_value map = byok_value_map();
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        byok_value_set_str(&reading->arena, &map, members[i].name,
                           byok_record_header(record, members[i].header));
    byok_value_set_str(&reading->arena, &map, "key", record->key);
    byok_value_set(&reading->arena, &map, "bytes", byok_value_int((int64_t)record->value.len));
    byok_value_set(&reading->arena, &map, "at_ms", byok_value_int(record->timestamp_wall_ms));
    byok_cli_print_json(reading->cli, &map);
}

static void print_part(FILE *to, const char *before, struct byok_str text)
{
    if (text.len == 0)
        return;
    fputs(before, to);
    byok_cli_print_text(to, text, false);
}

static void print_line(FILE *to, const struct byok_record *record)
{
    char at[BYOK_TIME_BYTES];
    byok_render_time(record->timestamp_wall_ms, at);
    fputs(at, to);
    print_part(to, "  ", byok_record_header(record, BYOK_HEADER_ERROR_CODE));
    print_part(to, ": ", byok_record_header(record, BYOK_HEADER_ERROR_MESSAGE));
    print_part(to, "  key ", record->key);
    print_part(to, "  id ", byok_record_header(record, BYOK_HEADER_REQUEST_ID));
    print_part(to, "  from ", byok_record_header(record, BYOK_HEADER_ERROR_TOPIC));
    print_part(to, " ", byok_record_header(record, BYOK_HEADER_ERROR_PARTITION));
    print_part(to, ":", byok_record_header(record, BYOK_HEADER_ERROR_OFFSET));
    fprintf(to, "  %zu bytes\n", record->value.len);
    fflush(to);
}

static bool take(void *context, const struct byok_record *record)
{
    struct reading *reading = context;
    if (reading->flags->user && !byok_str_is(record->key, reading->flags->user))
        return true;
    byok_arena_done(&reading->arena);
    if (reading->cli->set.json)
        print_json(reading, record);
    else
        print_line(reading->cli->out, record);
    reading->count++;
    return true;
}

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    const struct dlq_flags *flags = values;
    const struct byok_str all = {NULL, 0}; /* a record whose key is wrong may lie anywhere */
    struct byok_start start;
    struct byok_fault fault;
    struct byok_reader *reader = NULL;
    enum byok_from otherwise = flags->follow ? BYOK_FROM_END : BYOK_FROM_BEGINNING;
    if (cli->words.count > 0)
        return byok_cli_misused(cli, "`byok dlq` takes options only");
    if (!byok_since_read(flags->since, otherwise, &start))
        return byok_cli_misused(cli, "--since takes a duration, e.g. 1h, or beginning");
    if (flags->follow)
        byok_cli_catch_signals();
    struct reading reading = {.cli = cli, .flags = flags};
    enum byok_err err = byok_reader_new(cli, BYOK_TOPIC_DLQ, all, start, &reader, &fault);
    if (err == BYOK_E_OK)
        err = byok_read_records(cli, reader, flags->follow, take, &reading, &fault);
    byok_reader_free(reader);
    byok_arena_done(&reading.arena);
    if (err != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    byok_cli_note(cli, "%zu dead letters", reading.count);
    return BYOK_EXIT_OK;
}

const struct byok_command byok_command_dlq = {
    .name = "dlq",
    .summary = "list the records that could not be taken",
    .usage = "[--user USER] [OPTION…]",
    .about = "Shows the reasons and where the record lies; never its content, which may hold what\n"
             "should not have been sent.\n"
             "\nexamples:\n"
             "  byok dlq --since 1h\n"
             "  byok dlq --follow --json\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
