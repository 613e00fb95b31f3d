/* SPDX-License-Identifier: MIT */
/* client/audit.c - `byok audit verify|list`: the audit topic, and whether its chains are whole. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include <sodium.h>

#include "base/mem.h"
#include "client/render.h"
#include "client/since.h"
#include "schemas/audit.h"

#define BREAKS_TOLD 20

struct audit_flags {
    const char *user, *since;
    bool follow;
};

static const struct audit_flags defaults = {0};

#define AT(member) offsetof(struct audit_flags, member)

static const struct byok_option options[] = {
    {"user", 'u', BYOK_OPTION_TEXT, "USER", "list: of that user only", AT(user)},
    {"since", 0, BYOK_OPTION_TEXT, "TIME|beginning",
     "list: from that long ago, e.g. 1h (default: the beginning)", AT(since)},
    {"follow", 'f', BYOK_OPTION_ON, NULL, "list: go on with what comes, until Ctrl-C", AT(follow)},
};

/* A partition's chain as far as it was read. */
struct chain {
    bool begun;
    uint64_t first;
    struct byok_audit_head head;
};

struct reading {
    struct byok_cli *cli;
    const struct audit_flags *flags;
    struct byok_arena arena; /* of one record */
    struct chain *chains;    /* by partition; verify only */
    int32_t partitions;
    size_t records, breaks;
    bool full; /* no memory */
};

/* ---- verify ---- */

static struct chain *chain_of(struct reading *reading, int32_t partition)
{
    if (partition >= reading->partitions) {
        size_t count = (size_t)partition + 1;
        struct chain *more = byok_new(count, sizeof *more);
        if (!more)
            return NULL;
        if (reading->partitions > 0)
            memcpy(more, reading->chains, (size_t)reading->partitions * sizeof *more);
        byok_delete(reading->chains);
        reading->chains = more;
        reading->partitions = partition + 1;
    }
    return &reading->chains[partition];
}

static void tell_break(struct reading *reading, const struct byok_record *record, const char *what)
{
    if (reading->breaks++ >= BREAKS_TOLD)
        return;
    fprintf(reading->cli->out, "BROKEN at partition %" PRId32 ", offset %" PRId64 ": %s\n",
            record->partition, record->offset, what);
}

static void check(struct reading *reading, const struct byok_record *record, struct chain *chain)
{
    struct byok_audit_record read;
    bool begins = !chain->begun;
    chain->begun = true;
    if (byok_audit_decode(record->value, &reading->arena, &read) != BYOK_E_OK) {
        tell_break(reading, record, "it is no audit record");
        return;
    }
    struct byok_audit_head before = chain->head;
    bool follows = byok_audit_follows(&chain->head, &read, record->value);
    if (begins) {
        chain->first = read.number; /* what is before it has expired; verify says from where on */
        if (read.number == 1 && !follows)
            tell_break(reading, record, "the first record names one before it");
    } else if (!follows && read.number != before.number + 1) {
        char text[128];
        snprintf(text, sizeof text, "it is number %" PRIu64 ", where %" PRIu64 " follows",
                 read.number, before.number + 1);
        tell_break(reading, record, text);
    } else if (!follows) {
        tell_break(reading, record,
                   "it does not hold the hash of the record before: this one or "
                   "that one was changed");
    }
}

static bool take_for_verify(void *context, const struct byok_record *record)
{
    struct reading *reading = context;
    struct chain *chain = chain_of(reading, record->partition);
    reading->full = !chain;
    if (!chain)
        return false;
    byok_arena_done(&reading->arena);
    check(reading, record, chain);
    reading->records++;
    return true;
}

static void print_chain(struct byok_cli *cli, int32_t partition, const struct chain *chain)
{
    char hash[2 * BYOK_AUDIT_HASH_BYTES + 1];
    sodium_bin2hex(hash, sizeof hash, chain->head.hash, sizeof chain->head.hash);
    if (cli->set.json) {
        struct byok_value map = byok_value_map();
        byok_value_set(&cli->arena, &map, "partition", byok_value_int(partition));
        byok_value_set(&cli->arena, &map, "first", byok_value_int((int64_t)chain->first));
        byok_value_set(&cli->arena, &map, "last", byok_value_int((int64_t)chain->head.number));
        byok_value_set(&cli->arena, &map, "hash", byok_value_text(hash));
        byok_cli_print_json(cli, &map);
        return;
    }
    fprintf(cli->out, "partition %" PRId32 ": records %" PRIu64 " to %" PRIu64 ", the last is %s\n",
            partition, chain->first, chain->head.number, hash);
}

static enum byok_exit finish_verify(struct reading *reading)
{
    for (int32_t p = 0; p < reading->partitions; p++) {
        if (reading->chains[p].begun)
            print_chain(reading->cli, p, &reading->chains[p]);
    }
    if (reading->breaks > BREAKS_TOLD)
        fprintf(reading->cli->out, "and %zu breaks more\n", reading->breaks - BREAKS_TOLD);
    byok_cli_note(reading->cli, "%zu records, %zu breaks", reading->records, reading->breaks);
    return reading->breaks == 0 ? BYOK_EXIT_OK : BYOK_EXIT_FAILED;
}

/* ---- list ---- */

static void print_text(FILE *to, const char *before, struct byok_str text)
{
    if (text.len == 0)
        return;
    fputs(before, to);
    byok_cli_print_text(to, text, false);
}

static void print_line(FILE *to, const struct byok_audit_record *record)
{
    char at[BYOK_TIME_BYTES];
    byok_render_time(record->at_wall_ms, at);
    fputs(at, to);
    print_text(to, "  ", record->event);
    print_text(to, "  ", record->code);
    print_text(to, "  ", record->user);
    print_text(to, "  ", record->provider);
    print_text(to, "  ", record->label);
    print_text(to, "  fingerprint ", record->fingerprint);
    print_text(to, "  id ", record->request_id);
    print_text(to, "  signed by ", record->signer);
    fputc('\n', to);
    fflush(to);
}

static bool take_for_list(void *context, const struct byok_record *record)
{
    struct reading *reading = context;
    struct byok_audit_record read;
    if (reading->flags->user && !byok_str_is(record->key, reading->flags->user))
        return true;
    byok_arena_done(&reading->arena);
    reading->records++;
    if (byok_audit_decode(record->value, &reading->arena, &read) != BYOK_E_OK) {
        reading->breaks++;
        return true;
    }
    if (!reading->cli->set.json) {
        print_line(reading->cli->out, &read);
        return true;
    }
    byok_cli_print_json_text(reading->cli, record->value);
    return true;
}

/* ---- the command ---- */

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    const struct audit_flags *flags = values;
    const char *word = cli->words.count == 1 ? cli->words.items[0] : "";
    bool verify = strcmp(word, "verify") == 0;
    struct byok_start start = {.from = BYOK_FROM_BEGINNING};
    struct byok_fault fault;
    struct byok_reader *reader = NULL;
    if (!verify && strcmp(word, "list") != 0)
        return byok_cli_misused(cli, "say `byok audit verify` or `byok audit list`");
    if (verify && (flags->user || flags->since || flags->follow))
        return byok_cli_misused(cli, "verify reads all of the topic: a part proves nothing");
    if (!byok_since_read(flags->since, BYOK_FROM_BEGINNING, &start))
        return byok_cli_misused(cli, "--since takes a duration, e.g. 1h, or beginning");
    if (flags->follow)
        byok_cli_catch_signals();
    struct reading reading = {.cli = cli, .flags = flags};
    enum byok_err err =
        byok_reader_new(cli, BYOK_TOPIC_AUDIT, byok_str_of(flags->user), start, &reader, &fault);
    if (err == BYOK_E_OK)
        err = byok_read_records(cli, reader, flags->follow,
                                verify ? take_for_verify : take_for_list, &reading, &fault);
    if (err == BYOK_E_OK && reading.full)
        err = byok_fault_set(&fault, BYOK_E_NOMEM, "no memory for the chains");
    enum byok_exit code = BYOK_EXIT_OK;
    if (err != BYOK_E_OK)
        code = byok_cli_fault(cli, &fault);
    else if (verify)
        code = finish_verify(&reading);
    byok_reader_free(reader);
    byok_arena_done(&reading.arena);
    byok_delete(reading.chains);
    return code;
}

const struct byok_command byok_command_audit = {
    .name = "audit",
    .summary = "verify or list what was done with keys",
    .usage = "verify|list [--user USER] [OPTION…]",
    .about =
        "The audit topic notes every registration, rotation, deletion, check and use of a key,\n"
        "without the key, in the transaction of what it notes. `verify` reads all of it and\n"
        "checks that each record holds the hash of the one before: it names the records where\n"
        "a chain is broken (exit code 1), and prints each chain's end. A chain cannot show\n"
        "that its last records are missing: keep the ends, and compare.\n"
        "\nexamples:\n"
        "  byok audit verify\n"
        "  byok audit list --user alice --since 1d\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
