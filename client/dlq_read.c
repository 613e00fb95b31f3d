/* SPDX-License-Identifier: MIT */
/* client/dlq_read.c - what list, show and replay of dead letters share: which ones are meant,
 * reading them, and one without its content as a row or a tree. */
#include <inttypes.h>
#include <string.h>

#include "client/call.h"
#include "client/dlq_parts.h"
#include "client/render.h"
#include "schemas/utf8.h"

/* ---- which letters ---- */

bool byok_dlq_position_read(struct byok_str text, int32_t *partition, int64_t *offset)
{
    char copy[40];
    int64_t number;
    if (text.len >= sizeof copy)
        return false;
    snprintf(copy, sizeof copy, "%.*s", BYOK_STR_ARG(text));
    char *colon = strchr(copy, ':');
    if (!colon)
        return false;
    *colon = '\0';
    if (!byok_count_read(copy, &number) || number > INT32_MAX ||
        !byok_count_read(colon + 1, offset))
        return false;
    *partition = (int32_t)number;
    return true;
}

bool byok_dlq_filter_read(struct byok_cli *cli, const struct byok_dlq_flags *flags,
                          const char *word, struct byok_dlq_filter *out)
{
    *out = (struct byok_dlq_filter){.user = flags->user, .code = flags->code};
    if (!byok_since_read(flags->since, flags->follow ? BYOK_FROM_END : BYOK_FROM_BEGINNING,
                         &out->start)) {
        (void)byok_cli_misused(cli, "--since takes a duration, e.g. 1h, or beginning");
        return false;
    }
    if (flags->code && strcmp(byok_err_name(byok_err_from_name(flags->code)), flags->code) != 0) {
        (void)byok_cli_misused(cli, "there is no error code '%.64s'; docs/ERRORS.md lists them",
                               flags->code);
        return false;
    }
    struct byok_start at = {.from = BYOK_FROM_OFFSET};
    if (!word || !byok_dlq_position_read(byok_str_of(word), &at.partition, &at.offset)) {
        out->id = word;
        return true;
    }
    out->start = at;
    if (!flags->user && !flags->code && !flags->since)
        return true;
    (void)byok_cli_misused(cli, "a position names one letter: leave the filters out");
    return false;
}

bool byok_dlq_matches(const struct byok_dlq_filter *filter, struct byok_arena *arena,
                      const struct byok_record *record)
{
    const struct byok_start *start = &filter->start;
    if (start->from == BYOK_FROM_OFFSET && record->offset != start->offset)
        return false;
    if (filter->user && !byok_str_is(record->key, filter->user))
        return false;
    if (filter->code &&
        !byok_str_is(byok_record_header(record, BYOK_HEADER_ERROR_CODE), filter->code))
        return false;
    return !filter->id || byok_str_is(byok_record_request_id(arena, record), filter->id);
}

struct reading {
    const struct byok_dlq_filter *filter;
    byok_on_record *on_record;
    void *context;
    struct byok_arena arena; /* of one record */
};

static bool take(void *context, const struct byok_record *record)
{
    struct reading *reading = context;
    byok_arena_done(&reading->arena);
    bool more = !byok_dlq_matches(reading->filter, &reading->arena, record) ||
                reading->on_record(reading->context, record);
    return more && reading->filter->start.from != BYOK_FROM_OFFSET;
}

enum byok_err byok_dlq_read(struct byok_cli *cli, const struct byok_dlq_filter *filter, bool follow,
                            byok_on_record *on_record, void *context, struct byok_fault *fault)
{
    const struct byok_str any = {NULL, 0}; /* a record whose key is wrong may lie anywhere */
    struct byok_reader *reader = NULL;
    struct reading reading = {.filter = filter, .on_record = on_record, .context = context};
    enum byok_err err = byok_reader_new(cli, BYOK_TOPIC_DLQ, any, filter->start, &reader, fault);
    if (err == BYOK_E_OK)
        err = byok_read_records(cli, reader, follow, take, &reading, fault);
    byok_reader_free(reader);
    byok_arena_done(&reading.arena);
    return err;
}

/* ---- how one is shown ---- */

/* The headers, and what they are called in JSON. */
static const struct {
    const char *name, *header;
} members[] = {
    {"code", BYOK_HEADER_ERROR_CODE},
    {"message", BYOK_HEADER_ERROR_MESSAGE},
    {"stage", BYOK_HEADER_ERROR_STAGE},
    {"topic", BYOK_HEADER_ERROR_TOPIC},
    {"partition", BYOK_HEADER_ERROR_PARTITION},
    {"offset", BYOK_HEADER_ERROR_OFFSET},
    {"timestamp", BYOK_HEADER_ERROR_TIMESTAMP},
    {"content_type", BYOK_HEADER_CONTENT_TYPE},
    {"replayed_from", BYOK_HEADER_REPLAYED_FROM},
};

static struct byok_str position_of(struct byok_arena *arena, const struct byok_record *record)
{
    return byok_arena_printf(arena, "%" PRId32 ":%" PRId64, record->partition, record->offset);
}

struct byok_value byok_dlq_value(struct byok_arena *arena, const struct byok_record *record)
{
    struct byok_value map = byok_value_map();
    byok_value_set_str(arena, &map, "position", position_of(arena, record));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        byok_value_set_str(arena, &map, members[i].name,
                           byok_record_header(record, members[i].header));
    byok_value_set_str(arena, &map, "key", byok_utf8_repair(arena, record->key));
    byok_value_set_str(arena, &map, "id", byok_record_request_id(arena, record));
    byok_value_set(arena, &map, "bytes", byok_value_int((int64_t)record->value.len));
    byok_value_set(arena, &map, "at_ms", byok_value_int(record->timestamp_wall_ms));
    return map;
}

static void print_cell(FILE *to, struct byok_str text, size_t width)
{
    static const struct byok_str none = BYOK_STR("-");
    text = text.len > 0 ? text : none;
    byok_cli_print_text(to, text, false);
    for (size_t i = text.len; i < width; i++)
        fputc(' ', to);
    fputs("  ", to);
}

static void print_row(FILE *to, struct byok_arena *arena, const struct byok_record *record)
{
    char at[BYOK_TIME_BYTES];
    byok_render_time(record->timestamp_wall_ms, at);
    struct byok_str partition = byok_record_header(record, BYOK_HEADER_ERROR_PARTITION);
    struct byok_str offset = byok_record_header(record, BYOK_HEADER_ERROR_OFFSET);
    print_cell(to, position_of(arena, record), 8);
    print_cell(to, byok_str_of(at), BYOK_TIME_BYTES - 1);
    print_cell(to, byok_record_header(record, BYOK_HEADER_ERROR_CODE), 19);
    print_cell(to, record->key, 12);
    print_cell(to, byok_record_request_id(arena, record), BYOK_REQUEST_ID_BYTES - 1);
    print_cell(to, byok_arena_printf(arena, "%zu", record->value.len), 7);
    print_cell(to,
               byok_arena_printf(arena, "%.*s:%.*s", BYOK_STR_ARG(partition), BYOK_STR_ARG(offset)),
               8);
    byok_cli_print_text(to, byok_record_header(record, BYOK_HEADER_ERROR_MESSAGE), false);
    fputc('\n', to);
    fflush(to);
}

void byok_dlq_print(struct byok_cli *cli, struct byok_arena *arena,
                    const struct byok_record *record, bool first)
{
    if (cli->set.json) {
        struct byok_value map = byok_dlq_value(arena, record);
        byok_cli_print_json(cli, &map);
        return;
    }
    if (first)
        fprintf(cli->out, "%-8s  %-24s  %-19s  %-12s  %-36s  %-7s  %-8s  %s\n", "POSITION", "TIME",
                "CODE", "USER", "ID", "BYTES", "REQUEST", "REASON");
    print_row(cli->out, arena, record);
}
