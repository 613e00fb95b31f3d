/* SPDX-License-Identifier: MIT */
/* client/key.c - `byok key add|rotate|check|default|delete|list`. */
#include <stddef.h>
#include <string.h>

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/limits.h"
#include "client/call.h"
#include "client/key_parts.h"
#include "client/prompt.h"
#include "client/render.h"
#include "schemas/key_shape.h"

static const struct byok_key_flags defaults = {.format = "json", .wait = true, .expires_ms = -1};

#define AT(member) offsetof(struct byok_key_flags, member)

static const struct byok_option options[] = {
    {"user", 'u', BYOK_OPTION_TEXT, "USER", "whose key it is", AT(user)},
    {"provider", 'p', BYOK_OPTION_TEXT, "NAME", "the provider the key is for", AT(provider)},
    {"label", 'l', BYOK_OPTION_TEXT, "LABEL",
     "which of the user's keys (default \"default\"; check: the one that jobs use)", AT(label)},
    {"origin", 0, BYOK_OPTION_TEXT, "URL",
     "add: the key may go to this scheme://host only; the worker refuses it when its own "
     "configuration names another",
     AT(origin)},
    {"vault-key", 0, BYOK_OPTION_TEXT, "BASE64|@FILE",
     "add: the vault's public key (env " BYOK_VAULT_KEY_ENV ")", AT(vault_key)},
    {"batch", 0, BYOK_OPTION_TEXT, "FILE|-",
     "add: the keys of many users, on each line a user, a tab and the key", AT(batch)},
    {"expires", 0, BYOK_OPTION_DURATION, "TIME",
     "add, rotate: after that long, e.g. 90d, the key is not used any more", AT(expires_ms)},
    {"sign-with", 0, BYOK_OPTION_TEXT, "FILE",
     "add, rotate, delete: sign the command with the key of this file (byok signer)",
     AT(sign_with)},
    {"dry-run", 0, BYOK_OPTION_ON, NULL, "add: only see whether the vault can open the envelope",
     AT(dry_run)},
    {"id", 0, BYOK_OPTION_TEXT, "ID", "the request's id (default: a new one)", AT(id)},
    {"format", 0, BYOK_OPTION_TEXT, "json|msgpack", "of the request (default json)", AT(format)},
    {"wait", 0, BYOK_OPTION_ON, NULL, "wait for the result (the default)", AT(wait)},
    {"no-wait", 0, BYOK_OPTION_OFF, NULL, "send and end", AT(wait)},
};

/* No core file, which the slot is out of already, and no other process of the same user that looks
 * on.  A limit of 0 alone does not hold where cores go to a program (core(5)). */
static void keep_to_ourselves(void)
{
    const struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* Ask for the key and seal it; outside the slot it is never in the clear. */
static enum byok_err sealed_key(struct byok_cli *cli, const struct byok_key_flags *flags,
                                struct byok_str *out, struct byok_fault *fault)
{
    struct byok_vault_key vault;
    struct byok_slots *slots = NULL;
    enum byok_err err = byok_vault_key_find(&cli->arena, flags->vault_key, &vault, fault);
    if (err != BYOK_E_OK)
        return err;
    keep_to_ourselves();
    err = byok_slots_new(1, &slots, fault);
    if (err != BYOK_E_OK)
        return err;
    struct byok_slot *slot = byok_slots_lease(slots);
    char question[256];
    snprintf(question, sizeof question, "%.64s key of %.100s (not shown): ", flags->provider,
             flags->user);
    err = byok_prompt_key(cli->in, question, slot, fault);
    if (err == BYOK_E_OK)
        err = byok_key_seal(&cli->arena, flags, flags->user, &vault, slot, out, fault);
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
    if (err == BYOK_E_OK)
        byok_cli_note(cli, "sealed for vault key %s (compare it with the worker's)", vault.id);
    return err;
}

static void print_time(FILE *to, const char *what, const struct byok_value *value)
{
    char text[BYOK_TIME_BYTES];
    int64_t wall_ms;
    if (!byok_value_is(value, BYOK_VALUE_INT) || !byok_value_as_int(value, &wall_ms))
        return;
    byok_render_time(wall_ms, text);
    fprintf(to, ", %s %s", what, text);
}

static enum byok_exit print(struct byok_cli *cli, const struct byok_key_flags *flags,
                            const char *done, const struct byok_value *result)
{
    enum byok_exit code = byok_exit_of_result(result);
    struct byok_str fingerprint = byok_value_as_str(byok_value_path(result, "key.fingerprint"));
    if (cli->set.json) {
        byok_cli_print_json(cli, result);
    } else if (code != BYOK_EXIT_OK) {
        byok_render_head(cli->err, result);
    } else {
        struct byok_str label = byok_value_as_str(byok_value_path(result, "key.label"));
        if (label.len == 0)
            label = byok_str_of(flags->label);
        fprintf(cli->out, "%s: %s key '%.*s' of %s", done, flags->provider, BYOK_STR_ARG(label),
                flags->user);
        if (fingerprint.len > 0)
            fprintf(cli->out, ", fingerprint %.*s", BYOK_STR_ARG(fingerprint));
        print_time(cli->out, "last used", byok_value_path(result, "key.used_ms"));
        print_time(cli->out, "expires", byok_value_path(result, "key.expires_ms"));
        fputc('\n', cli->out);
    }
    return code;
}

static enum byok_exit send_command(struct byok_cli *cli, const struct byok_key_flags *flags,
                                   const char *type, const char *done)
{
    struct byok_job job;
    struct byok_fault fault;
    struct byok_value result;
    struct byok_str envelope = {NULL, 0};
    enum byok_err err = BYOK_E_OK;
    if (strcmp(type, "key.register") == 0 || strcmp(type, "key.rotate") == 0)
        err = sealed_key(cli, flags, &envelope, &fault);
    if (err == BYOK_E_OK)
        err = byok_key_request(&cli->arena, flags, flags->user, type, envelope, &job, &fault);
    if (err == BYOK_E_OK)
        err = byok_ask(cli, &job, flags->wait, &result, &fault);
    if (err != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    return flags->wait ? print(cli, flags, done, &result) : BYOK_EXIT_OK;
}

/* A pasted key lands in whatever option stood before it; no option of this command is secret. */
static bool holds_key(const struct byok_key_flags *flags)
{
    const char *texts[] = {flags->user, flags->provider, flags->label, flags->id};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        bool long_hex = texts[i] && strlen(texts[i]) > BYOK_LABEL_MAX;
        if (texts[i] && (strncmp(texts[i], "sk-", 3) == 0 || strncmp(texts[i], "AIza", 4) == 0) &&
            (byok_looks_like_key(byok_str_of(texts[i])) || long_hex))
            return true;
    }
    return false;
}

/* The command line is right, and the signing key, if any, is open. */
static enum byok_exit act(struct byok_cli *cli, const struct byok_key_flags *flags)
{
    static const struct {
        const char *word, *type, *done;
    } actions[] = {
        {"add", "key.register", "registered"},     {"rotate", "key.rotate", "replaced"},
        {"check", "key.check", "works"},           {"delete", "key.delete", "deleted"},
        {"default", "user.configure", "jobs use"},
    };
    if (flags->batch) {
        keep_to_ourselves();
        return byok_key_batch(cli, flags);
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(cli->words.items[0], actions[i].word) == 0) {
            bool dry = flags->dry_run && i <= 1;
            return send_command(cli, flags, actions[i].type,
                                dry ? "opens (nothing was stored)" : actions[i].done);
        }
    }
    return byok_cli_misused(cli, "`byok key` has add, rotate, check, default, delete and list");
}

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    const struct byok_key_flags *flags = values;
    if (cli->words.count != 1)
        return byok_cli_misused(
            cli,
            "say `byok key add`, `rotate`, `check`, `default`, `delete` or `list`, and give the "
            "key itself at the prompt or on standard input only");
    if (holds_key(flags))
        return byok_cli_misused(cli, "an option holds what looks like a provider key; a key is "
                                     "given at the prompt or on standard input only. Replace it, "
                                     "as the shell's history has it now");
    if (flags->batch && (flags->user || flags->id || strcmp(cli->words.items[0], "add") != 0))
        return byok_cli_misused(cli, "--batch is of `byok key add`, without --user and --id");
    if (strcmp(cli->words.items[0], "list") == 0)
        return byok_key_list(cli, flags);
    if (!flags->provider || (!flags->user && !flags->batch))
        return byok_cli_misused(cli, "--user and --provider are needed");
    if (strcmp(cli->words.items[0], "default") == 0 && !flags->label)
        return byok_cli_misused(cli, "--label says which key jobs are to use");
    struct byok_key_flags signed_flags = *flags;
    if (!flags->label && strcmp(cli->words.items[0], "check") != 0)
        signed_flags.label = "default";
    struct byok_fault fault;
    if (flags->sign_with &&
        byok_sign_open(flags->sign_with, &signed_flags.sign, &fault) != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    enum byok_exit code = act(cli, &signed_flags);
    byok_sign_close(signed_flags.sign);
    return code;
}

const struct byok_command byok_command_key = {
    .name = "key",
    .summary = "register, replace, check, choose, delete or list users' provider keys",
    .usage = "add|rotate|check|default|delete|list --user USER --provider NAME [OPTION…]",
    .about =
        "`add` asks for the key without echo, or reads it from standard input, seals it for the\n"
        "vault of byokd and sends the envelope; the worker tries the key with its provider before\n"
        "it stores it. The key is never taken from the arguments and leaves this process only\n"
        "sealed. `rotate` does the same for a key that is stored already: the old one is\n"
        "used until the new one is stored. `check` tries the stored key, `delete` forgets it;\n"
        "`default` says which of a user's keys jobs use that name none (byok submit --label).\n"
        "`list` shows what is stored of a user, or of all without --user: provider, label,\n"
        "fingerprint, dates, state (valid, refused, invalid, expired, outdated), the default;\n"
        "never a key.\n"
        "\nexamples:\n"
        "  byok key add --user alice --provider openai\n"
        "  pass show openai | byok key add --user alice --provider openai --label work\n"
        "  byok key default --user alice --provider openai --label work\n"
        "  byok key list --user alice\n"
        "  byok key check --user alice --provider openai\n"
        "  byok key add --provider openai --batch keys.tsv\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
