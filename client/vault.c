/* SPDX-License-Identifier: MIT */
/* client/vault.c - `byok vault status|rotate|copy`: which master keys the stored keys need.
 *
 * The first two read the vault's topic, so it is what all workers together have made durable.
 */
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "client/render.h"
#include "client/sealed.h"
#include "client/vault_copy.h"

#define NAMED_MAX 20    /* of the keys that still need another master key */
#define MASTERS_MAX 64  /* different ids that are told apart */
#define POLL_MS 100

struct vault_flags {
    int64_t to;
    bool merge;
};

static const struct vault_flags defaults = {.to = -1};

static const struct byok_option options[] = {
    {"to", 0, BYOK_OPTION_COUNT, "ID",
     "rotate: the master key that shall be the only one needed (status: names what needs another)",
     offsetof(struct vault_flags, to)},
    {"merge", 0, BYOK_OPTION_ON, NULL, "copy: into a store that holds keys of the same topics",
     offsetof(struct vault_flags, merge)},
};

struct count {
    uint32_t id; /* 0: of no master key, it is no record */
    size_t keys;
};

struct counts {
    struct count of[MASTERS_MAX];
    size_t used;
};

static void count_one(struct counts *counts, uint32_t id)
{
    size_t i = 0;
    while (i < counts->used && counts->of[i].id != id)
        i++;
    if (i == MASTERS_MAX)
        return; /* a ring has 16 */
    if (i == counts->used)
        counts->of[counts->used++] = (struct count){.id = id};
    counts->of[i].keys++;
}

static struct counts count_all(const struct byok_sealed_table *table)
{
    struct counts counts = {0};
    for (const struct byok_sealed *one = table->entries; one; one = one->hh.next)
        count_one(&counts, one->info.master_key_id);
    return counts;
}

static bool needs_another(const struct byok_sealed *one, int64_t to)
{
    return to >= 0 && (int64_t)one->info.master_key_id != to;
}

static size_t count_others(const struct byok_sealed_table *table, int64_t to)
{
    size_t others = 0;
    for (const struct byok_sealed *one = table->entries; one; one = one->hh.next)
        others += needs_another(one, to);
    return others;
}

static void name_others(struct byok_cli *cli, const struct byok_sealed_table *table, int64_t to)
{
    size_t named = 0;
    for (const struct byok_sealed *one = table->entries; one; one = one->hh.next) {
        if (!needs_another(one, to) || named++ >= NAMED_MAX)
            continue;
        if (one->readable)
            fprintf(cli->out, "needs master key %" PRIu32 ": ", one->info.master_key_id);
        else
            fputs("no sealed key of a known version: ", cli->out);
        byok_cli_print_text(cli->out, one->owner.provider, false);
        fputs(" key '", cli->out);
        byok_cli_print_text(cli->out, one->owner.label, false);
        fputs("' of ", cli->out);
        byok_cli_print_text(cli->out, one->owner.user, false);
        fputc('\n', cli->out);
    }
    if (named > NAMED_MAX)
        fprintf(cli->out, "and %zu more\n", named - NAMED_MAX);
}

static void print_counts(struct byok_cli *cli, const struct counts *counts, int64_t to)
{
    if (counts->used == 0)
        byok_cli_note(cli, "no key is stored");
    for (size_t i = 0; i < counts->used; i++) {
        const struct count *one = &counts->of[i];
        if (one->id != 0)
            fprintf(cli->out, "master key %" PRIu32 ": %zu keys\n", one->id, one->keys);
        else
            fprintf(cli->out, "unreadable: %zu keys\n", one->keys);
    }
    if (to >= 0 && counts->used > 0 && counts->of[0].id == (uint32_t)to && counts->used == 1)
        fprintf(cli->out, "no other master key is needed\n");
}

static void print_json(struct byok_cli *cli, const struct counts *counts, size_t others)
{
    struct byok_arena *arena = &cli->arena;
    struct byok_value map = byok_value_map(), list = byok_value_array();
    for (size_t i = 0; i < counts->used; i++) {
        struct byok_value one = byok_value_map();
        byok_value_set(arena, &one, "master_key", byok_value_int((int64_t)counts->of[i].id));
        byok_value_set(arena, &one, "keys", byok_value_int((int64_t)counts->of[i].keys));
        byok_value_push(arena, &list, one);
    }
    byok_value_set(arena, &map, "master_keys", list);
    byok_value_set(arena, &map, "others", byok_value_int((int64_t)others));
    byok_cli_print_json(cli, &map);
}

static enum byok_exit tell(struct byok_cli *cli, const struct byok_sealed_table *table, int64_t to)
{
    const struct counts counts = count_all(table);
    size_t others = count_others(table, to);
    if (cli->set.json) {
        print_json(cli, &counts, others);
    } else {
        print_counts(cli, &counts, to);
        name_others(cli, table, to);
    }
    return others == 0 ? BYOK_EXIT_OK : BYOK_EXIT_FAILED;
}

/* What the topic says, followed until every key is sealed with `to`, or nothing moves any more. */
static enum byok_err follow(struct byok_cli *cli, int64_t to, struct byok_sealed_table *table,
                            struct byok_fault *fault)
{
    const struct byok_start beginning = {.from = BYOK_FROM_BEGINNING};
    struct byok_reader *reader = NULL;
    enum byok_err err = byok_reader_new(cli, BYOK_TOPIC_VAULT, (struct byok_str){NULL, 0},
                                        beginning, &reader, fault);
    int64_t moved_at = byok_now_ms(), told_at = byok_now_ms();
    bool complete = false;
    while (err == BYOK_E_OK && !byok_cli_interrupted() &&
           byok_now_ms() - moved_at < cli->set.timeout_ms) {
        struct byok_record record;
        enum byok_read read = byok_reader_next(reader, POLL_MS, &record, fault);
        complete = complete || read == BYOK_READ_END;
        if (read == BYOK_READ_RECORD) {
            moved_at = byok_now_ms();
            if (!byok_sealed_put(table, record.key, record.value))
                err = byok_fault_set(fault, BYOK_E_NOMEM, "no memory for so many keys");
            continue;
        }
        if (!complete)
            continue;
        size_t others = count_others(table, to);
        if (others == 0)
            break;
        if (byok_now_ms() - told_at >= 1000) {
            byok_cli_note(cli, "%zu of %zu keys are still to be sealed with master key %" PRId64,
                          others, (size_t)HASH_COUNT(table->entries), to);
            told_at = byok_now_ms();
        }
    }
    byok_reader_free(reader);
    byok_sealed_sort(table);
    return err == BYOK_E_OK && !complete
               ? byok_fault_set(fault, BYOK_E_BROKER, "the broker sends no more records")
               : err;
}

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    const struct vault_flags *flags = values;
    const char *const *words = cli->words.items;
    const char *word = cli->words.count == 1 ? words[0] : "";
    bool rotate = strcmp(word, "rotate") == 0;
    if (cli->words.count == 3 && strcmp(words[0], "copy") == 0)
        return byok_vault_copy(cli, &(struct byok_vault_copy){words[1], words[2], flags->merge});
    if (!rotate && strcmp(word, "status") != 0)
        return byok_cli_misused(cli, "say `byok vault status`, `byok vault rotate --to ID` or "
                                     "`byok vault copy FROM TO`");
    if (rotate && flags->to < 1)
        return byok_cli_misused(cli, "rotate needs --to, the id of the new master key");
    struct byok_sealed_table table = {0};
    struct byok_fault fault;
    if (rotate)
        byok_cli_catch_signals();
    enum byok_err err = rotate ? follow(cli, flags->to, &table, &fault)
                               : byok_sealed_read(cli, (struct byok_str){NULL, 0}, &table, &fault);
    enum byok_exit code =
        err == BYOK_E_OK ? tell(cli, &table, flags->to) : byok_cli_fault(cli, &fault);
    byok_sealed_done(&table);
    return code;
}

const struct byok_command byok_command_vault = {
    .name = "vault",
    .summary = "which master keys the stored keys need; follow a rotation; move to another store",
    .usage = "status|rotate [--to ID] | copy FROM TO [--merge] [OPTION…]",
    .about =
        "`status` counts the stored keys by the master key that sealed them; with --to it names\n"
        "those that need another one. `rotate` follows a rotation until every key is sealed with\n"
        "the master key --to, or nothing has moved for --timeout, and then names what is left.\n"
        "\n"
        "A rotation itself is a change of configuration, since master keys never pass through\n"
        "Kafka: add the new key at the end of vault.master_keys of every worker and restart them;\n"
        "then put it in front and restart them again. They seal all keys anew while jobs run.\n"
        "When this command says so, the old key can be taken out. Both only read the vault's "
        "topic.\n"
        "\n"
        "`copy` copies the table of sealed keys, as it is, between the stores that vault.store\n"
        "may name: rocks:FOLDER (a data_dir), postgresql://… or mongodb://…; @FILE reads a URL\n"
        "from a file, which must be of mode 600. Stop the workers that use either. It writes\n"
        "what differs, then compares all of it, and may be cut off: give it again to finish;\n"
        "until then no worker starts on the target. A target that holds something is refused\n"
        "without --merge, with which of each partition the newer one stays: so the folders of\n"
        "several workers go into one server, one after the other.\n"
        "\nexamples:\n"
        "  byok vault status\n"
        "  byok vault rotate --to 2\n"
        "  byok vault status --to 2 --json\n"
        "  byok vault copy rocks:/var/lib/byokd @postgresql.url\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
