/* SPDX-License-Identifier: MIT */
/* client/doctor.c - `byok doctor`: what stands between a request and its result. */
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <sodium.h>

#include "client/call.h"
#include "client/topics.h"
#include "client/vault_key.h"

#define FAKE_KEY_BYTES 24

struct doctor_flags {
    const char *vault_key, *provider;
};

static const struct doctor_flags defaults = {.provider = "openai"};

static const struct byok_option options[] = {
    {"vault-key", 0, BYOK_OPTION_TEXT, "BASE64|@FILE",
     "the vault's public key (env " BYOK_VAULT_KEY_ENV ")",
     offsetof(struct doctor_flags, vault_key)},
    {"provider", 'p', BYOK_OPTION_TEXT, "NAME",
     "a provider of the worker's configuration (default openai)",
     offsetof(struct doctor_flags, provider)},
};

struct doctor {
    struct byok_cli *cli;
    const struct doctor_flags *flags;
    bool failed;
};

/* ---- one line for each check ---- */

enum verdict { OK, FAIL, SKIPPED };

static void BYOK_PRINTF(4, 5)
report(struct doctor *doctor, enum verdict verdict, const char *check, const char *format, ...)
{
    static const char *const words[] = {[OK] = "ok", [FAIL] = "FAIL", [SKIPPED] = "skipped"};
    char text[BYOK_FAULT_TEXT_BYTES + 128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct byok_cli *cli = doctor->cli;
    doctor->failed |= verdict == FAIL;
    if (cli->set.json) {
        struct byok_value map = byok_value_map();
        byok_value_set(&cli->arena, &map, "check", byok_value_text(check));
        byok_value_set(&cli->arena, &map, "verdict", byok_value_text(words[verdict]));
        byok_value_set(&cli->arena, &map, "detail", byok_value_text(text));
        byok_cli_print_json(cli, &map);
        return;
    }
    fprintf(cli->out, "%-8s %-16s ", words[verdict], check);
    byok_cli_print_text(cli->out, byok_str_of(text), false);
    fputc('\n', cli->out);
    fflush(cli->out);
}

/* ---- topics ---- */

static void check_topic(struct doctor *doctor, const struct byok_topic_state *all,
                        enum byok_topic topic)
{
    const struct byok_topic_state *state = &all[topic];
    const char *name = byok_topic_name(doctor->cli, topic);
    const char *wanted = byok_topic_is_changelog(topic) ? "compact" : "delete";
    int32_t requests = all[BYOK_TOPIC_REQUESTS].partitions;
    if (state->partitions == 0)
        report(doctor, FAIL, name, "does not exist: let byokd create it, or create it by hand");
    else if (byok_topic_is_copartitioned(topic) && requests > 0 && state->partitions != requests)
        report(doctor, FAIL, name,
               "has %d partitions, the requests have %d: they must be as many, as a user's "
               "records lie on the same partition of both",
               (int)state->partitions, (int)requests);
    else if (state->policy[0] != '\0' && !strstr(state->policy, wanted))
        report(doctor, FAIL, name, "cleanup.policy is %s, it must be %s%s", state->policy, wanted,
               byok_topic_is_changelog(topic) ? ", or keys and state are lost after a while" : "");
    else if (state->policy[0] == '\0')
        report(doctor, OK, name, "%d partitions (the broker does not tell its cleanup.policy)",
               (int)state->partitions);
    else
        report(doctor, OK, name, "%d partitions, cleanup.policy %s", (int)state->partitions,
               state->policy);
}

/* False: no broker, so that nothing else can be checked. */
static bool check_broker(struct doctor *doctor, struct byok_topic_state *all)
{
    struct byok_fault fault;
    int brokers = 0;
    if (byok_topics_look(doctor->cli, all, &brokers, &fault) != BYOK_E_OK) {
        report(doctor, FAIL, "broker", "%s", fault.text);
        return false;
    }
    report(doctor, OK, "broker", "%d of them, reached by %.200s", brokers,
           doctor->cli->set.brokers);
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++)
        check_topic(doctor, all, (enum byok_topic)i);
    return true;
}

/* ---- the worker ---- */

/* A user of its own, so that nobody's keys are touched. */
static enum byok_err make(struct doctor *doctor, const char *type,
                          const struct byok_vault_key *vault, struct byok_job *out,
                          struct byok_fault *fault)
{
    struct byok_arena *arena = &doctor->cli->arena;
    char id[BYOK_REQUEST_ID_BYTES];
    byok_new_id(id);
    struct byok_str user = byok_arena_printf(arena, "byok-doctor-%s", id);
    struct byok_value tree = byok_value_map();
    byok_value_set(arena, &tree, "user", byok_value_string(user));
    byok_value_set(arena, &tree, "type", byok_value_text(type));
    byok_value_set(arena, &tree, "provider", byok_value_text(doctor->flags->provider));
    byok_value_set(arena, &tree, "key_label", byok_value_text("default"));
    if (vault) {
        unsigned char random[FAKE_KEY_BYTES / 2];
        char fake[FAKE_KEY_BYTES + 1];
        struct byok_str sealed;
        randombytes_buf(random, sizeof random);
        sodium_bin2hex(fake, sizeof fake, random, sizeof random);
        const struct byok_envelope what = {.owner = {user, byok_str_of(doctor->flags->provider),
                                                     (struct byok_str)BYOK_STR("default")},
                                           .issued_wall_ms = byok_wall_ms()};
        enum byok_err err =
            byok_envelope_seal(vault->bytes, &what, byok_str_of(fake), arena, &sealed, fault);
        if (err != BYOK_E_OK)
            return err;
        byok_value_set(arena, &tree, "envelope", byok_value_bytes(sealed));
        byok_value_set(arena, &tree, "dry_run", byok_value_bool(true));
    }
    return byok_job_finish(arena, &tree, BYOK_JSON, out, fault);
}

static bool ask(struct doctor *doctor, const char *type, const struct byok_vault_key *vault,
                struct byok_value *result)
{
    struct byok_job job;
    struct byok_fault fault;
    const int64_t begun = byok_now_ms();
    enum byok_err err = make(doctor, type, vault, &job, &fault);
    if (err == BYOK_E_OK)
        err = byok_call(doctor->cli, &job, &doctor->cli->arena, result, &fault);
    if (err == BYOK_E_TIMEOUT)
        report(doctor, FAIL, "worker",
               "no answer within %lld s: start byokd with these brokers and this topic prefix, "
               "and look at its /readyz",
               (long long)((byok_now_ms() - begun) / 1000));
    else if (err != BYOK_E_OK)
        report(doctor, FAIL, "worker", "%s", fault.text);
    else
        report(doctor, OK, "worker", "answered after %lld ms", (long long)(byok_now_ms() - begun));
    return err == BYOK_E_OK;
}

static void judge_vault(struct doctor *doctor, const struct byok_vault_key *vault,
                        const struct byok_value *result)
{
    struct byok_str code = byok_value_as_str(byok_value_path(result, "error.code"));
    struct byok_str why = byok_value_as_str(byok_value_path(result, "error.message"));
    if (byok_exit_of_result(result) == BYOK_EXIT_OK)
        report(doctor, OK, "vault key", "%s: the worker opens what is sealed for it", vault->id);
    else if (byok_str_is(code, "bad_envelope"))
        report(doctor, FAIL, "vault key",
               "%s is not the worker's (%.*s): get the right one from its operator", vault->id,
               BYOK_STR_ARG(why));
    else if (byok_str_is(code, "unknown_provider"))
        report(doctor, FAIL, "vault key",
               "not checked, since the worker knows no provider '%s': name one of its "
               "configuration by --provider",
               doctor->flags->provider);
    else
        report(doctor, FAIL, "vault key", "%.*s: %.*s", BYOK_STR_ARG(code), BYOK_STR_ARG(why));
}

static void check_worker(struct doctor *doctor)
{
    struct byok_vault_key vault;
    struct byok_fault fault;
    struct byok_value result;
    if (!byok_vault_key_given(doctor->flags->vault_key)) {
        /* any answer will do: the user has no key */
        (void)ask(doctor, "key.check", NULL, &result);
        report(doctor, SKIPPED, "vault key", "give --vault-key or set " BYOK_VAULT_KEY_ENV);
        return;
    }
    if (byok_vault_key_find(&doctor->cli->arena, doctor->flags->vault_key, &vault, &fault) !=
        BYOK_E_OK) {
        report(doctor, FAIL, "vault key", "%s", fault.text);
        (void)ask(doctor, "key.check", NULL, &result);
        return;
    }
    if (ask(doctor, "key.register", &vault, &result))
        judge_vault(doctor, &vault, &result);
}

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    struct byok_topic_state topics[BYOK_TOPIC_COUNT];
    struct doctor doctor = {.cli = cli, .flags = values};
    if (cli->words.count > 0)
        return byok_cli_misused(cli, "`byok doctor` takes options only");
    if (!check_broker(&doctor, topics))
        return BYOK_EXIT_BROKER;
    if (topics[BYOK_TOPIC_REQUESTS].partitions == 0 || topics[BYOK_TOPIC_RESULTS].partitions == 0)
        report(&doctor, SKIPPED, "worker", "without its topics it cannot be asked");
    else
        check_worker(&doctor);
    return doctor.failed ? BYOK_EXIT_FAILED : BYOK_EXIT_OK;
}

const struct byok_command byok_command_doctor = {
    .name = "doctor",
    .summary = "check broker, topics, vault key and worker",
    .usage = "[--vault-key BASE64|@FILE] [--provider NAME]",
    .about = "Says for each check ok, or FAIL and what to do. The worker is asked to open an\n"
             "envelope with a made-up key for a made-up user (a dry run: nothing is stored, no\n"
             "provider is called).\n"
             "\nexamples:\n"
             "  byok doctor\n"
             "  byok doctor --brokers kafka:9092 --vault-key @vault.pub --timeout 10s\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
