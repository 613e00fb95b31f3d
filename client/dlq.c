/* SPDX-License-Identifier: MIT */
/* client/dlq.c - `byok dlq list|show|replay`: the records that could not be taken; and `list`. */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "client/dlq_parts.h"

static const struct byok_dlq_flags defaults = {.limit = -1};

#define AT(member) offsetof(struct byok_dlq_flags, member)

static const struct byok_option options[] = {
    {"user", 'u', BYOK_OPTION_TEXT, "USER", "letters with that key only", AT(user)},
    {"code", 'c', BYOK_OPTION_TEXT, "CODE", "with that error code only, e.g. bad_message",
     AT(code)},
    {"since", 0, BYOK_OPTION_TEXT, "TIME|beginning",
     "from that long ago, e.g. 1h (default: the beginning, with --follow: now)", AT(since)},
    {"limit", 'n', BYOK_OPTION_COUNT, "COUNT", "so many at most", AT(limit)},
    {"follow", 'f', BYOK_OPTION_ON, NULL, "list: go on with those that come, until Ctrl-C",
     AT(follow)},
    {"all", 'a', BYOK_OPTION_ON, NULL, "replay: without a filter", AT(all)},
    {"dry-run", 0, BYOK_OPTION_ON, NULL, "replay: list what would be sent, and send nothing",
     AT(dry_run)},
    {"yes", 'y', BYOK_OPTION_ON, NULL, "replay: do not ask before many", AT(yes)},
};

/* ---- list ---- */

struct listing {
    struct byok_cli *cli;
    int64_t limit, count;
};

static bool list_one(void *context, const struct byok_record *record)
{
    struct listing *listing = context;
    BYOK_AUTO(byok_arena) arena = {0};
    byok_dlq_print(listing->cli, &arena, record, listing->count++ == 0);
    return listing->count != listing->limit;
}

static enum byok_exit list(struct byok_cli *cli, const struct byok_dlq_flags *flags,
                           const struct byok_dlq_filter *filter)
{
    struct listing listing = {.cli = cli, .limit = flags->limit};
    struct byok_fault fault;
    if (flags->follow)
        byok_cli_catch_signals();
    if (flags->limit != 0 &&
        byok_dlq_read(cli, filter, flags->follow, list_one, &listing, &fault) != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    byok_cli_note(cli, "%" PRId64 " dead letters", listing.count);
    return BYOK_EXIT_OK;
}

/* ---- the command ---- */

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    const struct byok_dlq_flags *flags = values;
    const char *verb = cli->words.count > 0 ? cli->words.items[0] : "";
    const char *word = cli->words.count > 1 ? cli->words.items[1] : NULL;
    bool lists = strcmp(verb, "list") == 0, replays = strcmp(verb, "replay") == 0;
    struct byok_dlq_filter filter;
    if ((!lists && !replays && strcmp(verb, "show") != 0) || cli->words.count > 2 ||
        (lists && word))
        return byok_cli_misused(cli, "say `byok dlq list`, `show PARTITION:OFFSET|ID` or `replay`");
    if ((!lists && flags->follow) || (!replays && (flags->all || flags->yes || flags->dry_run)))
        return byok_cli_misused(cli, "--follow is of list; --all, --dry-run and --yes of replay");
    if (!lists && !replays && !word)
        return byok_cli_misused(cli, "show takes the letter's PARTITION:OFFSET or a request's id");
    if (replays && !flags->all && !word && !flags->user && !flags->code && !flags->since)
        return byok_cli_misused(cli, "replay takes a PARTITION:OFFSET, a request's id, --code, "
                                     "--user, --since, or --all");
    if (!byok_dlq_filter_read(cli, flags, word, &filter))
        return BYOK_EXIT_USAGE;
    if (lists)
        return list(cli, flags, &filter);
    return replays ? byok_dlq_replay(cli, flags, &filter) : byok_dlq_show(cli, &filter);
}

const struct byok_command byok_command_dlq = {
    .name = "dlq",
    .summary = "list, show or replay the records that could not be taken",
    .usage = "list|show|replay [PARTITION:OFFSET|ID] [OPTION…]",
    .about =
        "`list` tells the reasons and where each record stood among the requests, not its\n"
        "content. `show` prints a letter with its headers and its content, in which what looks\n"
        "like a key is left out. `replay` puts letters onto the requests topic again as they\n"
        "came, with a header byok-replayed-from: one by its position in the dlq, or all that a\n"
        "request id or the filters name, but for those that came back from a replay as a newer\n"
        "letter. It asks before it sends more than one. A request whose id has its result\n"
        "already (jobs.done_keep_s) is passed over: that result stands, and nothing is charged\n"
        "twice. Letters that were too large, or may have held a raw key, came without content\n"
        "and cannot be replayed: send the request anew.\n"
        "\nexamples:\n"
        "  byok dlq list --since 1h\n"
        "  byok dlq list --follow --json\n"
        "  byok dlq show 2:15\n"
        "  byok dlq replay --code record_key_mismatch --since 1d --dry-run\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
