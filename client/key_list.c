/* SPDX-License-Identifier: MIT */
/* client/key_list.c - `byok key list`: what is stored of a user, or of all; never a key.
 *
 * Who may not read the state's topic sees what the sealed records say alone.
 */
#include "client/key_parts.h"
#include "client/render.h"
#include "client/sealed.h"

static const char *state_of(const struct byok_sealed *one)
{
    return one->outdated
               ? "outdated"
               : byok_user_key_state(&one->state, one->info.expires_wall_ms, byok_wall_ms());
}

static void print_time(FILE *to, const char *what, int64_t wall_ms)
{
    char text[BYOK_TIME_BYTES];
    if (wall_ms == 0)
        return;
    byok_render_time(wall_ms, text);
    fprintf(to, "  %s %s", what, text);
}

static void print_line(FILE *to, const struct byok_sealed *one)
{
    char created[BYOK_TIME_BYTES];
    byok_cli_print_text(to, one->owner.user, false);
    fputs("  ", to);
    byok_cli_print_text(to, one->owner.provider, false);
    fputs("  ", to);
    byok_cli_print_text(to, one->owner.label, false);
    if (!one->readable) {
        fputs("  unreadable\n", to);
        return;
    }
    byok_render_time(one->info.created_wall_ms, created);
    fprintf(to, "  %s  %s  ", one->info.fingerprint, created);
    byok_cli_print_text(to, one->info.origin, false);
    fprintf(to, "  master key %u", one->info.master_key_id);
    print_time(to, "expires", one->info.expires_wall_ms);
    if (one->known) {
        fprintf(to, "  %s%s", state_of(one), one->preferred ? "  default" : "");
        print_time(to, "used", one->state.used_wall_ms);
        print_time(to, "checked", one->state.checked_wall_ms);
        print_time(to, "refused", one->state.refused_wall_ms);
        print_time(to, "invalid since", one->state.invalid_wall_ms);
    }
    fputc('\n', to);
}

static void print_json(struct byok_cli *cli, const struct byok_sealed *one)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value map = byok_value_map();
    byok_value_set_str(&arena, &map, "user", one->owner.user);
    byok_value_set_str(&arena, &map, "provider", one->owner.provider);
    byok_value_set_str(&arena, &map, "label", one->owner.label);
    byok_value_set(&arena, &map, "readable", byok_value_bool(one->readable));
    if (one->readable) {
        byok_value_set_str(&arena, &map, "fingerprint", byok_str_of(one->info.fingerprint));
        byok_value_set_str(&arena, &map, "origin", one->info.origin);
        byok_value_set(&arena, &map, "created_ms", byok_value_int(one->info.created_wall_ms));
        if (one->info.expires_wall_ms != 0)
            byok_value_set(&arena, &map, "expires_ms", byok_value_int(one->info.expires_wall_ms));
        byok_value_set(&arena, &map, "issued_ms", byok_value_int(one->info.issued_wall_ms));
        byok_value_set(&arena, &map, "master_key",
                       byok_value_int((int64_t)one->info.master_key_id));
        if (one->known)
            byok_user_key_tell(&arena, &map, &one->state, state_of(one), one->preferred);
    }
    byok_cli_print_json(cli, &map);
}

enum byok_exit byok_key_list(struct byok_cli *cli, const struct byok_key_flags *flags)
{
    struct byok_sealed_table table;
    struct byok_fault fault;
    enum byok_err err = byok_sealed_read(cli, byok_str_of(flags->user), &table, &fault);
    if (err != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    if (byok_sealed_describe(cli, byok_str_of(flags->user), &table, &fault) != BYOK_E_OK)
        byok_cli_note(cli, "without states and times of use: %s", fault.text);
    for (const struct byok_sealed *one = table.entries; one; one = one->hh.next) {
        if (flags->provider && !byok_str_is(one->owner.provider, flags->provider))
            continue;
        if (cli->set.json)
            print_json(cli, one);
        else
            print_line(cli->out, one);
    }
    byok_sealed_done(&table);
    return BYOK_EXIT_OK;
}
