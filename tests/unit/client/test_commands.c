/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_commands.c - whole commands against a broker in memory and a worker that
 * answers.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "base/str.h"
#include "kit.h"
#include "schemas/audit.h"
#include "schemas/state.h"
#include "vault_rocks/vault.h"

static struct kit_broker *broker;
static struct kit_worker *worker;
static struct kit_run run;

static void begin(void)
{
    unsetenv("BYOK_VAULT_KEY");
    unsetenv("BYOK_TOPIC_PREFIX");
    unsetenv("BYOK_KAFKA_PROPERTIES");
    broker = kit_broker_new();
}

static void end(void)
{
    if (worker) {
        kit_worker_stop(worker);
        kit_worker_free(worker);
    }
    kit_run_done(&run);
    kit_broker_free(broker);
}

TestSuite(commands, .init = begin, .fini = end, .timeout = 600);

static void begin_worker(const struct kit_worker_options *options)
{
    worker = kit_worker_new(broker, options);
}

static void byok(const char *line, const char *input)
{
    kit_run_done(&run);
    run = kit_byok(line, input);
}

static size_t count_lines(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

Test(commands, submit_and_wait_prints_the_answer)
{
    begin_worker(NULL);
    byok("submit --user alice --prompt Say_hi --wait", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_str_eq(run.out, "echo: Say hi\n");
    cr_assert_not_null(strstr(run.err, "3+5 tokens"));
}

Test(commands, submit_in_msgpack_prints_json)
{
    begin_worker(NULL);
    byok("submit --user alice --prompt hi --id 7 --format msgpack --wait --json", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_not_null(strstr(run.out, "\"id\":\"7\""));
    cr_assert_not_null(strstr(run.out, "\"text\":\"echo: hi\""));
    cr_assert_str_eq(run.err, "");
}

Test(commands, the_exit_code_tells_errors_from_unclear_ends)
{
    begin_worker(NULL);
    byok("submit --user alice --prompt fail --wait", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_str_eq(run.out, "");
    cr_assert_not_null(strstr(run.err, "key_invalid"));
    byok("submit --user alice --prompt unclear --wait", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_UNCLEAR);
}

Test(commands, no_answer_in_time_is_an_exit_code_of_its_own)
{
    byok("submit --user alice --prompt hi --wait --timeout 5s", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_BROKER);
    cr_assert_not_null(strstr(run.err, "byok doctor"), "%s", run.err);
}

Test(commands, without_a_broker_it_says_what_to_do)
{
    byok("submit --user alice --prompt hi --brokers 127.0.0.1:1 --timeout 500ms", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_BROKER);
    cr_assert_not_null(strstr(run.err, "--brokers"));
    byok("submit --user alice --prompt hi --topic-prefix other. --timeout 60s", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_BROKER);
    cr_assert_not_null(strstr(run.err, "other.requests"), "%s", run.err);
}

Test(commands, wrong_settings_are_named_without_their_value)
{
    byok("submit --user alice --prompt hi -X no.such.thing=hunter2", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    cr_assert_not_null(strstr(run.err, "no.such.thing"));
    setenv("BYOK_KAFKA_PROPERTIES", "# ours\n security.protocol=hunter2\n", 1);
    byok("submit --user alice --prompt hi", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    cr_assert_not_null(strstr(run.err, "security.protocol"));
    cr_assert_null(strstr(run.err, "hunter2"));
}

Test(commands, a_file_of_jobs_gives_each_result_once)
{
    char *input = NULL;
    size_t len;
    FILE *to = open_memstream(&input, &len);
    for (int i = 0; i < 20000; i++)
        fprintf(to, "{\"user\":\"user-%d\",\"id\":\"%d\",\"prompt\":\"job %d\"}\n", i % 50, i, i);
    fclose(to);
    begin_worker(&(struct kit_worker_options){.twice = true});
    byok("submit --capability chat --file - --wait --json", input);
    free(input);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_eq(count_lines(run.out), 20000);
    cr_assert_not_null(strstr(run.err, "20000 sent, 20000 done: 20000 ok"), "%s", run.err);
}

Test(commands, bad_lines_are_told_and_the_others_go_on)
{
    begin_worker(NULL);
    byok("submit --user alice --capability chat --file - --wait",
         "{\"id\":\"1\",\"prompt\":\"a\"}\nnot json\n\n{\"id\":\"1\",\"prompt\":\"again\"}\n"
         "{\"prompt\":\"fail\"}\n{\"prompt\":\"b\"}");
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_not_null(strstr(run.err, "line 2: "), "%s", run.err);
    cr_assert_not_null(strstr(run.err, "line 4: its user and id were given before"));
    cr_assert_not_null(strstr(run.err, "3 sent, 3 done: 2 ok, 1 failed, 0 unclear"));
    cr_assert_not_null(strstr(run.out, "echo: b"));
}

Test(commands, key_add_sends_the_key_only_sealed)
{
    char line[256];
    begin_worker(NULL);
    snprintf(line, sizeof line,
             "key add --user alice --provider openai --label work "
             "--vault-key %s",
             kit_vault_key());
    byok(line, KIT_KEY "\n");
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_not_null(strstr(run.out, "fingerprint 00ff00ff00ff00ff"));
    cr_assert_null(strstr(run.out, "sk-test"));
    cr_assert_null(strstr(run.err, "sk-test"));
    kit_worker_stop(worker);
    cr_assert_str_eq(kit_worker_key(worker), KIT_KEY);
    cr_assert_eq(kit_worker_count(worker), 1);
    cr_assert(kit_worker_saw(worker, "alice"));
    cr_assert_not(kit_worker_saw(worker, "sk-test"));
    cr_assert_not(kit_worker_saw(worker, "0123456789abcdefghij"));
    cr_assert_not(kit_worker_saw(worker, "c2stdGVzd")); /* its beginning in base64 */
    kit_worker_free(worker);
    worker = NULL;
}

Test(commands, key_add_takes_the_keys_of_many_users_line_by_line)
{
    char line[256];
    begin_worker(NULL);
    snprintf(line, sizeof line, "key add --provider openai --batch - --vault-key %s",
             kit_vault_key());
    byok(line, "alice\t" KIT_KEY "\n" KIT_KEY "\nbob\tshort\ncarol\t" KIT_KEY);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_not_null(strstr(run.err, "line 2: it is not a user, a tab and a key"), "%s", run.err);
    cr_assert_not_null(strstr(run.err, "line 3: the key is shorter"), "%s", run.err);
    cr_assert_not_null(strstr(run.err, "2 sent, 2 done: 2 ok"), "%s", run.err);
    cr_assert_null(strstr(run.err, "sk-test"));
    kit_worker_stop(worker);
    cr_assert_str_eq(kit_worker_key(worker), KIT_KEY);
    cr_assert(kit_worker_saw(worker, "carol"));
    cr_assert_not(kit_worker_saw(worker, "sk-test"));
    kit_worker_free(worker);
    worker = NULL;
}

Test(commands, key_add_never_takes_the_key_from_the_arguments)
{
    static const char *const lines[] = {
        "key add " KIT_KEY " --user alice --provider openai",
        "key add --user alice --provider openai --key " KIT_KEY,
        "key add --user alice --provider openai --api-key=" KIT_KEY,
        "key add --user alice --provider " KIT_KEY,
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        byok(lines[i], NULL);
        cr_assert_eq(run.code, BYOK_EXIT_USAGE);
        cr_assert_not_null(strstr(run.err, "standard input"), "%s", run.err);
        cr_assert_null(strstr(run.err, KIT_KEY));
    }
}

Test(commands, key_add_without_a_vault_key_does_not_ask_for_the_key)
{
    byok("key add --user alice --provider openai", KIT_KEY "\n");
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    cr_assert_not_null(strstr(run.err, "BYOK_VAULT_KEY"));
}

Test(commands, key_check_tells_the_workers_answer)
{
    begin_worker(NULL);
    byok("key check --user alice --provider openai", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_not_null(strstr(run.err, "no_key"));
    byok("key delete --user alice --provider openai", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK);
    cr_assert_str_eq(run.out, "deleted: openai key 'default' of alice\n");
}

Test(commands, configure_sends_limits_and_choices)
{
    begin_worker(NULL);
    byok("configure --user alice --requests-per-minute 60 --concurrency none "
         "--tokens-per-minute default --budget 12.50/month --provider chat=openai/a/b --provider "
         "embeddings=none",
         NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    kit_worker_stop(worker);
    cr_assert(kit_worker_saw(worker, "\"requests_per_minute\":60"));
    cr_assert(kit_worker_saw(worker, "\"concurrency\":0"));
    cr_assert(kit_worker_saw(worker, "\"tokens_per_minute\":null"));
    cr_assert(kit_worker_saw(worker, "\"budget\":{\"amount\":12.5,\"period\":\"month\"}"));
    cr_assert(kit_worker_saw(worker, "\"chat\":{\"provider\":\"openai\",\"model\":\"a/b\"}"));
    cr_assert(kit_worker_saw(worker, "\"embeddings\":null"));
    kit_worker_free(worker);
    worker = NULL;
    byok("configure --user alice", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    byok("configure --user alice --provider chess=openai", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    static const char *const budgets[] = {"5", "5/week", "0/day", "-1/day", "/day", "x/day", "5/"};
    for (size_t i = 0; i < sizeof budgets / sizeof budgets[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "configure --user alice --budget %s", budgets[i]);
        byok(line, NULL);
        cr_assert_eq(run.code, BYOK_EXIT_USAGE, "%s", budgets[i]);
    }
}

Test(commands, cancel_says_what_became_of_the_job)
{
    begin_worker(NULL);
    byok("cancel --user alice --id waits --wait", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_str_eq(run.out, "cancelled\n");
    byok("cancel --user alice --id other --wait", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert(byok_str_starts(byok_str_of(run.out), byok_str_of("sent: ")), "%s", run.out);
    byok("cancel --user alice --id waits --wait --json", NULL);
    cr_assert_not_null(strstr(run.out, "\"outcome\":\"cancelled\""));
    byok("cancel --user alice --id waits", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK);
    cr_assert_eq(strlen(run.out), BYOK_REQUEST_ID_BYTES, "its own id and a newline");
    kit_worker_stop(worker);
    cr_assert(kit_worker_saw(worker, "\"type\":\"job.cancel\",\"job_id\":\"waits\""));
    kit_worker_free(worker);
    worker = NULL;
    byok("cancel --user alice", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    byok("cancel --id waits", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
}

Test(commands, results_and_usage_show_one_user_only)
{
    begin_worker(NULL);
    byok("submit --capability chat --file - --wait",
         "{\"user\":\"alice\",\"prompt\":\"of alice\",\"id\":\"a1\",\"provider\":\"p\"}\n"
         "{\"user\":\"bob\",\"prompt\":\"of bob\",\"id\":\"b1\",\"provider\":\"p\"}\n"
         "{\"user\":\"carol\",\"prompt\":\"of carol\",\"id\":\"c1\",\"provider\":\"p\"}\n"
         "{\"user\":\"alice\",\"prompt\":\"fail\",\"id\":\"a2\",\"provider\":\"p\"}\n");
    kit_worker_stop(worker);
    kit_worker_free(worker);
    worker = NULL;
    byok("results --user alice --json", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_eq(count_lines(run.out), 2);
    cr_assert_null(strstr(run.out, "of bob"));
    byok("results --all", NULL);
    cr_assert_not_null(strstr(run.out, "of bob"));
    byok("results --all --id a2", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    byok("results --user alice --id none", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_BROKER);
    byok("usage alice --json", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_not_null(strstr(run.out, "\"total\":{\"calls\":2"), "%s", run.out);
    byok("usage alice --day 1999-01-01 --json", NULL);
    cr_assert_not_null(strstr(run.out, "\"rows\":[]"), "%s", run.out);
    byok("usage nobody", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK);
}

Test(commands, doctor_finds_all_well)
{
    char line[128];
    begin_worker(NULL);
    snprintf(line, sizeof line, "doctor --vault-key %s", kit_vault_key());
    byok(line, NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.out);
    cr_assert_null(strstr(run.out, "FAIL"), "%s", run.out);
    cr_assert_not_null(strstr(run.out, "opens what is sealed for it"));
}

Test(commands, doctor_tells_a_wrong_vault_key_and_a_worker_that_sleeps)
{
    begin_worker(NULL);
    byok("doctor --vault-key AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED, "%s", run.out);
    cr_assert_not_null(strstr(run.out, "FAIL     vault key"), "%s", run.out);
    kit_worker_stop(worker);
    kit_worker_free(worker);
    worker = NULL;
    byok("doctor --timeout 5s --json", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_not_null(strstr(run.out, "\"check\":\"worker\",\"verdict\":\"FAIL\""));
    byok("doctor --brokers 127.0.0.1:1 --timeout 300ms", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_BROKER);
}

Test(commands, every_command_has_help_with_examples)
{
    static const char *const names[] = {"key",     "signer", "vault",     "submit",
                                        "results", "usage",  "configure", "dlq",
                                        "audit",   "doctor", "cancel"};
    byok("--help", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s --help", names[i]);
        byok(line, NULL);
        cr_assert_eq(run.code, BYOK_EXIT_OK);
        cr_assert_not_null(strstr(run.out, "examples:"));
        cr_assert_not_null(strstr(run.out, "--brokers"));
    }
    byok("--json -q results --all --timeout 0s", NULL);
    cr_assert_not_null(strstr(run.err, "--timeout"));
    byok("nonsense", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
}

/* A record of the vault's topic, sealed with the master key of that id. */
static void put_sealed(const char *user, const char *label, uint32_t master)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_keyring *ring = NULL;
    struct byok_slot slot = {0};
    char bytes[BYOK_MASTER_KEY_BYTES];
    memset(bytes, (int)master, sizeof bytes);
    const struct byok_owner owner = {byok_str_of(user), BYOK_STR("openai"), byok_str_of(label)};
    const struct byok_key_info info = {.created_wall_ms = 1790000000000,
                                       .origin = BYOK_STR("https://api.example.com")};
    struct byok_str record;
    cr_assert_eq(byok_keyring_new(&ring, NULL), BYOK_E_OK);
    cr_assert_eq(byok_keyring_add(ring, master, (struct byok_str){bytes, sizeof bytes}, NULL),
                 BYOK_E_OK);
    cr_assert_eq(byok_slot_set(&slot, byok_str_of(KIT_KEY)), BYOK_E_OK);
    cr_assert_eq(byok_seal(ring, &owner, &info, 0, &slot, &arena, &record), BYOK_E_OK);
    kit_produce_bytes(broker, "byok.vault", byok_str_of(user),
                      byok_vault_record_key(&arena, &owner), record);
    byok_keyring_free(ring);
}

Test(commands, vault_status_and_rotate_name_what_needs_an_old_master_key)
{
    put_sealed("alice", "default", 1);
    put_sealed("alice", "work", 2);
    put_sealed("bob", "default", 2);
    byok("vault status", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_not_null(strstr(run.out, "master key 1: 1 keys\n"), "%s", run.out);
    cr_assert_not_null(strstr(run.out, "master key 2: 2 keys\n"), "%s", run.out);
    byok("vault rotate --to 2 --timeout 5s", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_not_null(strstr(run.out, "needs master key 1: openai key 'default' of alice\n"));
    put_sealed("alice", "default", 2);
    byok("vault rotate --to 2 --timeout 60s", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s%s", run.out, run.err);
    cr_assert_not_null(strstr(run.out, "no other master key is needed"));
    byok("vault status --to 1 --json", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_not_null(strstr(run.out, "\"others\":3"), "%s", run.out);
    byok("vault rotate", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
}

Test(commands, key_list_shows_what_is_stored_and_never_a_key)
{
    put_sealed("alice", "default", 1);
    put_sealed("alice", "work", 1);
    put_sealed("bob", "default", 1);
    kit_produce_bytes(broker, "byok.vault", byok_str_of("carol"), byok_str_of("garbage"),
                      byok_str_of("garbage"));
    byok("key list --user alice", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_eq(count_lines(run.out), 2);
    cr_assert_not_null(strstr(run.out, "alice  openai  work  "), "%s", run.out);
    cr_assert_null(strstr(run.out, "sk-test"));
    byok("key list --json", NULL);
    cr_assert_eq(count_lines(run.out), 4);
    cr_assert_not_null(strstr(run.out, "\"readable\":false"));
    cr_assert_not_null(strstr(run.out, "\"master_key\":1"));
    cr_assert_null(strstr(run.out, "sk-test"));
}

/* The user's record as a worker writes it. */
static void put_known(const char *user, int64_t issued_ms, bool deleted)
{
    BYOK_AUTO(byok_arena) arena = {0};
    BYOK_AUTO(byok_buf) buf = {.cap_bytes = 1 << 16};
    BYOK_AUTO(byok_user_record) record = {0};
    struct byok_user_key *key;
    byok_user_record_init(&record);
    cr_assert_eq(byok_user_key_add(&record, byok_str_of("openai"), byok_str_of("default"), &key),
                 BYOK_E_OK);
    key->issued_wall_ms = issued_ms;
    key->invalid_wall_ms = 1796000000000;
    cr_assert_eq(byok_user_key_add(&record, byok_str_of("openai"), byok_str_of("work"), &key),
                 BYOK_E_OK);
    key->used_wall_ms = 1796000000001;
    byok_user_key_prefer(&record, byok_str_of("openai"), byok_str_of("work"));
    if (deleted)
        byok_user_key_remove(&record, byok_str_of("openai"), byok_str_of("work"), issued_ms);
    cr_assert_eq(byok_user_record_encode(&record, &arena, &buf), BYOK_E_OK);
    kit_produce_bytes(broker, "byok.state", byok_str_of(user),
                      byok_user_key(&arena, byok_str_of(user)), byok_buf_str(&buf));
}

Test(commands, key_list_tells_the_default_the_states_and_the_last_use)
{
    put_sealed("alice", "default", 1);
    put_sealed("alice", "work", 1);
    put_sealed("bob", "default", 1);
    kit_produce(broker, "byok.state", "u", "no record", NULL, 0);
    put_known("bob", 1, true);
    put_known("alice", 0, false);
    byok("key list --user alice", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_not_null(strstr(run.out, "  invalid  invalid since 2026-11-30T00:53:20.000Z\n"), "%s",
                       run.out);
    cr_assert_not_null(strstr(run.out, "  valid  default  used 2026-11-30T00:53:20.001Z\n"), "%s",
                       run.out);
    put_known("alice", 0, true);
    byok("key list --json", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_eq(count_lines(run.out), 3);
    cr_assert_not_null(strstr(run.out, "\"state\":\"outdated\",\"default\":true"), "%s", run.out);
    cr_assert_not_null(strstr(run.out, "\"state\":\"outdated\",\"default\":false"), "%s", run.out);
    cr_assert_not_null(strstr(run.out, "\"state\":\"invalid\",\"default\":true,\"invalid_ms\""),
                       "%s", run.out);
    cr_assert_null(strstr(run.out, "used_ms"), "%s", run.out);
}

Test(commands, key_default_configures_and_key_check_names_no_label)
{
    begin_worker(NULL);
    byok("key default --user alice --provider openai", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    byok("key default --user alice --provider openai --label work", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    cr_assert_str_eq(run.out, "jobs use: openai key 'work' of alice\n");
    byok("key check --user alice --provider openai", NULL);
    kit_worker_stop(worker);
    cr_assert(kit_worker_saw(worker, "\"default_keys\":{\"openai\":\"work\"}"));
    cr_assert_not(kit_worker_saw(worker, "key_label"));
    kit_worker_free(worker);
    worker = NULL;
}

Test(commands, a_signed_key_command_verifies_by_the_public_key_that_signer_prints)
{
    char folder[] = "/tmp/byok-signer-XXXXXX", path[64], line[256], public_key[64];
    struct byok_signer signer;
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/admin.key", folder);
    snprintf(line, sizeof line, "signer new %s -q", path);
    byok(line, NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    snprintf(public_key, sizeof public_key, "%.*s", (int)strcspn(run.out, "\n"), run.out);
    cr_assert(byok_signer_of_text(byok_str_of(public_key), &signer));
    byok(line, NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE, "it is not overwritten");
    begin_worker(&(struct kit_worker_options){.signer = &signer});
    snprintf(line, sizeof line,
             "key rotate --user alice --provider openai --expires 90d --sign-with %s "
             "--vault-key %s",
             path, kit_vault_key());
    byok(line, KIT_KEY "\n");
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s", run.err);
    kit_worker_stop(worker);
    cr_assert(kit_worker_saw(worker, "\"type\":\"key.rotate\""));
    cr_assert(kit_worker_saw(worker, signer.id));
    cr_assert_eq(kit_worker_verified(worker), 1u);
    kit_worker_free(worker);
    worker = NULL;
    byok("key delete --user alice --provider openai --sign-with /no/such/file", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
    unlink(path);
    rmdir(folder);
}

/* Number n of alice's chain, made by `head`; the bytes are changed when `spoilt`. */
static void put_audit(struct byok_audit_head *head, int n, bool spoilt)
{
    BYOK_AUTO(byok_arena) arena = {0};
    const struct byok_audit_record record = {
        .at_wall_ms = 1790000000000 + n,
        .event = byok_str_of("key.use"),
        .user = byok_str_of("alice"),
        .request_id = byok_arena_printf(&arena, "job-%d", n),
        .code = byok_str_of("ok"),
        .calls = 1,
    };
    struct byok_str bytes;
    cr_assert_eq(byok_audit_append(head, &record, &arena, &bytes), BYOK_E_OK);
    char *digit = strstr((char *)(uintptr_t)bytes.ptr, "job-") + 4;
    *digit = spoilt ? 'X' : *digit;
    kit_produce_bytes(broker, "byok.audit", byok_str_of("alice"), byok_str_of("alice"), bytes);
}

Test(commands, audit_verify_names_the_first_broken_record)
{
    struct byok_audit_head head = {0};
    for (int n = 0; n < 5; n++)
        put_audit(&head, n, false);
    byok("audit verify", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_OK, "%s%s", run.out, run.err);
    cr_assert_not_null(strstr(run.out, ": records 1 to 5, the last is "), "%s", run.out);
    byok("audit list --user alice", NULL);
    cr_assert_eq(count_lines(run.out), 5);
    byok("audit list --user bob --json", NULL);
    cr_assert_str_eq(run.out, "");
    put_audit(&head, 5, true); /* offset 5; the one behind it tells */
    put_audit(&head, 6, false);
    put_audit(&head, 7, false);
    byok("audit verify", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_FAILED);
    cr_assert_not_null(strstr(run.out, "offset 6: it does not hold the hash of the record before"),
                       "%s", run.out);
    cr_assert_eq(count_lines(run.out), 2, "one break: %s", run.out);
    byok("audit verify --user alice", NULL);
    cr_assert_eq(run.code, BYOK_EXIT_USAGE);
}
