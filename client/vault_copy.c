/* SPDX-License-Identifier: MIT */
/* client/vault_copy.c - see client/vault_copy.h.
 *
 * Sealed bytes go from one store to the other; no master key is asked for.  A URL may hold a
 * password, so it is taken from a file and is in no text.
 */
#include "client/vault_copy.h"

#include <string.h>

#include <unistd.h>

#include "vault_rocks/copy.h"
#include "vault_rocks/secret.h"

#define SERVER_TIMEOUT_MS 10000 /* of one call; nobody's job waits for it */
#define NOTE_MS 1000

/* One of the two stores. */
struct side {
    struct byok_store *store;
    const char *url; /* borrowed, or `secret` */
    char *secret;
    struct byok_str name;
};

struct progress {
    struct byok_cli *cli;
    int64_t told_at_ms;
};

struct byok_str byok_vault_copy_name(struct byok_arena *arena, const char *url)
{
    const char *place = strstr(url, "://");
    if (!place)
        return byok_arena_copy(arena, byok_str_of(url)); /* rocks:/folder */
    place += 3;
    const char *end = place + strcspn(place, "?");
    if (strchr(end, '@'))
        end = place; /* the '?' may be of a password */
    for (const char *at = place; at < end; at++) {
        if (*at == '@')
            place = at + 1;
    }
    return byok_arena_printf(arena, "%.*s%.*s", (int)(strstr(url, "://") + 3 - url), url,
                             (int)(end - place), place);
}

static bool has_password(const char *url)
{
    const char *place = strstr(url, "://");
    return place && (strchr(place, '@') || strstr(place, "password="));
}

static enum byok_err open_side(struct byok_cli *cli, const char *given, struct side *side,
                               struct byok_fault *fault)
{
    side->url = given;
    if (given[0] == '@') {
        enum byok_err err = byok_secret_file(given + 1, &side->secret, fault);
        if (err != BYOK_E_OK)
            return err;
        side->url = side->secret;
    } else if (has_password(given)) {
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "what is an argument can be seen by all: put a URL with a user or "
                              "a password into a file of mode 600 and say @FILE");
    }
    side->name = byok_vault_copy_name(&cli->arena, side->url);
    size_t kind_len = strcspn(side->url, ":");
    const struct byok_store_kind *kind =
        byok_store_kind_find((struct byok_str){side->url, kind_len});
    if (!kind || side->url[kind_len] == '\0' || strcmp(kind->ops->name, "memory") == 0)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "a store is rocks:/data_dir, postgresql://… or mongodb://…, as far "
                              "as this build has them");
    const struct byok_store_place place = {
        .table = "vault", .url = side->url, .timeout_ms = SERVER_TIMEOUT_MS};
    return kind->open(&place, &side->store, fault);
}

/* Opening a folder would make a database in it. */
static enum byok_err must_exist(struct byok_cli *cli, const char *given, struct byok_fault *fault)
{
    if (strncmp(given, "rocks:", 6) != 0)
        return BYOK_E_OK;
    struct byok_str path = byok_arena_printf(&cli->arena, "%s/CURRENT", given + 6);
    return path.ptr && access(path.ptr, R_OK) == 0
               ? BYOK_E_OK
               : byok_fault_set(fault, BYOK_E_CONFIG, "%.200s holds no database that can be read",
                                given);
}

static void close_side(struct side *side)
{
    if (side->store)
        side->store->ops->free(side->store);
    byok_secret_free(side->secret);
}

static bool go_on(void *arg, const struct byok_copy_tally *tally)
{
    struct progress *progress = arg;
    if (byok_now_ms() - progress->told_at_ms >= NOTE_MS) {
        byok_cli_note(progress->cli, "%zu records written, %zu compared in %zu partitions",
                      tally->written, tally->records, tally->partitions);
        progress->told_at_ms = byok_now_ms();
    }
    return !byok_cli_interrupted();
}

static void tell(struct byok_cli *cli, const struct byok_copy_tally *tally, bool whole)
{
    const struct {
        const char *name;
        size_t value;
    } members[] = {
        {"partitions", tally->partitions}, {"newer", tally->newer},   {"records", tally->records},
        {"written", tally->written},       {"erased", tally->erased},
    };
    if (!cli->set.json) {
        fprintf(cli->out,
                "%s: %zu records in %zu partitions are the same in both (%zu written, %zu erased "
                "now)\n",
                whole ? "copied" : "not finished", tally->records, tally->partitions,
                tally->written, tally->erased);
        if (tally->newer > 0)
            fprintf(cli->out, "%zu partitions are newer in the target, and were left\n",
                    tally->newer);
        return;
    }
    struct byok_value map = byok_value_map();
    byok_value_set(&cli->arena, &map, "whole", byok_value_bool(whole));
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        byok_value_set(&cli->arena, &map, members[i].name,
                       byok_value_int((int64_t)members[i].value));
    byok_cli_print_json(cli, &map);
}

enum byok_exit byok_vault_copy(struct byok_cli *cli, const struct byok_vault_copy *flags)
{
    struct side from = {0}, to = {0};
    struct byok_copy_tally tally = {0};
    struct byok_fault fault;
    struct progress progress = {.cli = cli, .told_at_ms = byok_now_ms()};
    byok_cli_catch_signals();
    enum byok_err err = must_exist(cli, flags->from, &fault);
    if (err == BYOK_E_OK)
        err = open_side(cli, flags->from, &from, &fault);
    if (err == BYOK_E_OK)
        err = open_side(cli, flags->to, &to, &fault);
    if (err == BYOK_E_OK && (!from.name.ptr || !to.name.ptr))
        err = byok_fault_set(&fault, BYOK_E_NOMEM, "no memory");
    if (err == BYOK_E_OK) {
        const struct byok_copy_plan plan = {
            .source = from.name.ptr, .merge = flags->merge, .go_on = go_on, .arg = &progress};
        err = byok_store_copy(from.store, to.store, &plan, &tally, &fault);
        if (err != BYOK_E_CONFIG)
            tell(cli, &tally, err == BYOK_E_OK);
    }
    close_side(&from);
    close_side(&to);
    return err == BYOK_E_OK ? BYOK_EXIT_OK : byok_cli_fault(cli, &fault);
}
