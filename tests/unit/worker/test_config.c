/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/test_config.c - settings from defaults, file and environment. */
#include "worker/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "schemas/prices.h"

static char path[] = "/tmp/byok-test-config-XXXXXX";
static struct byok_config config;
static struct byok_fault fault;

static void begin(void)
{
    close(mkstemp(path));
}

static void end(void)
{
    unlink(path);
}

TestSuite(config, .init = begin, .fini = end);

static enum byok_err load_with(const char *yaml, char *const *environment)
{
    FILE *file = fopen(path, "w");
    fputs(yaml, file);
    fclose(file);
    return byok_config_load(path, environment, &config, &fault);
}

static enum byok_err load(const char *yaml)
{
    return load_with(yaml, NULL);
}

static bool says(const char *what)
{
    return strstr(fault.text, what) != NULL;
}

Test(config, defaults_stand_without_a_file)
{
    cr_assert_eq(byok_config_load(NULL, NULL, &config, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_str_eq(config.kafka.brokers, "localhost:9092");
    cr_assert_str_eq(config.kafka.group, "byokd");
    cr_assert_str_eq(config.kafka.topic_prefix, "byok.");
    cr_assert(config.kafka.create_topics);
    cr_assert_eq(config.kafka.partitions, 12);
    cr_assert_geq(config.shards, 1);
    cr_assert_eq(config.jobs.deadline_ms, 600000);
    cr_assert_eq(config.limits.concurrency, 8);
    cr_assert_str_eq(config.status.listen, "127.0.0.1:9464");
    cr_assert_eq(config.providers.count, 1);
    cr_assert_str_eq(config.providers.items[0].name, "openai");
    cr_assert_eq(config.providers.items[0].timeout_ms, 120000);
    byok_config_done(&config);
}

Test(config, an_empty_file_sets_nothing)
{
    cr_assert_eq(load("# only a comment\n"), BYOK_E_OK, "%s", fault.text);
    cr_assert_str_eq(config.kafka.group, "byokd");
    byok_config_done(&config);
    cr_assert_eq(load(""), BYOK_E_OK, "%s", fault.text);
    byok_config_done(&config);
}

Test(config, a_file_overrides_defaults)
{
    cr_assert_eq(load("kafka:\n"
                      "  brokers: b1:9092,b2:9092\n"
                      "  create_topics: false\n"
                      "  properties: [security.protocol=SSL, \"ssl.ca.location=/a b\"]\n"
                      "shards: 3\n"
                      "vault:\n"
                      "  master_keys:\n"
                      "    - {id: 2, file: /k2}\n"
                      "    - {id: 1, env: K1}\n"
                      "providers:\n"
                      "  - name: openai\n"
                      "    models: {chat: m1, embeddings: m2}\n"
                      "  - name: local\n"
                      "    adapter: openai\n"
                      "    base_url: http://127.0.0.1:8000/v1\n"
                      "    timeout_ms: 5000\n"
                      "    headers: [{name: x-a, value: b}]\n"),
                 BYOK_E_OK, "%s", fault.text);
    cr_assert_str_eq(config.kafka.brokers, "b1:9092,b2:9092");
    cr_assert_not(config.kafka.create_topics);
    cr_assert_eq(config.kafka.properties.count, 2);
    cr_assert_str_eq(config.kafka.properties.items[1], "ssl.ca.location=/a b");
    cr_assert_eq(config.shards, 3);
    cr_assert_eq(config.vault.master_keys.count, 2);
    cr_assert_eq(config.vault.master_keys.items[0].id, 2);
    cr_assert_str_eq(config.vault.master_keys.items[1].env, "K1");
    cr_assert_eq(config.providers.count, 2);
    cr_assert_str_eq(config.providers.items[0].models.embeddings, "m2");
    cr_assert_eq(config.providers.items[1].timeout_ms, 5000);
    cr_assert_eq(config.providers.items[1].concurrency, 64);
    cr_assert_str_eq(config.providers.items[1].headers.items[0].value, "b");
    byok_config_done(&config);
}

Test(config, the_environment_overrides_the_file)
{
    char *environment[] = {(char[]){"PATH=/bin"}, (char[]){"BYOKD_KAFKA_BROKERS=e:1=x"},
                           (char[]){"BYOKD_DATA_DIR=/d"}, (char[]){"BYOKD_SHARDS=2"}, NULL};
    cr_assert_eq(load_with("kafka: {brokers: f}\nshards: 9\n", environment), BYOK_E_OK, "%s",
                 fault.text);
    cr_assert_str_eq(config.kafka.brokers, "e:1=x");
    cr_assert_str_eq(config.data_dir, "/d");
    cr_assert_eq(config.shards, 2);
    byok_config_done(&config);
}

Test(config, a_list_from_the_environment_is_added_line_by_line)
{
    char *environment[] = {(char[]){"BYOKD_KAFKA_PROPERTIES=sasl.username=u\nsasl.password=p=q\n"},
                           NULL};
    cr_assert_eq(load_with("kafka: {properties: [\"a=1\"]}\n", environment), BYOK_E_OK, "%s",
                 fault.text);
    cr_assert_eq(config.kafka.properties.count, 3);
    cr_assert_str_eq(config.kafka.properties.items[0], "a=1");
    cr_assert_str_eq(config.kafka.properties.items[1], "sasl.username=u");
    cr_assert_str_eq(config.kafka.properties.items[2], "sasl.password=p=q");
    byok_config_done(&config);
}

Test(config, prices_are_built_in_or_of_a_file)
{
    const struct byok_prices *prices = NULL;
    cr_assert_eq(load("shards: 1\n"), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(byok_config_prices(&config, &prices, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_gt(byok_prices_version(prices).len, 0);
    config.prices = path; /* which holds settings */
    cr_assert_eq(byok_config_prices(&config, &prices, &fault), BYOK_E_CONFIG);
    cr_assert(says(path) && says("prices"), "%s", fault.text);
    FILE *file = fopen(path, "w");
    fputs("{\"version\":\"mine\",\"currency\":\"EUR\",\"prices\":[]}", file);
    fclose(file);
    cr_assert_eq(byok_config_prices(&config, &prices, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert(byok_str_is(byok_prices_version(prices), "mine"));
    config.prices = "/nowhere/prices.json";
    cr_assert_eq(byok_config_prices(&config, &prices, &fault), BYOK_E_CONFIG);
    byok_config_done(&config);
}

Test(config, an_unknown_variable_is_named)
{
    char *environment[] = {(char[]){"BYOKD_KAFKA_BROKER=b"}, NULL};
    cr_assert_eq(byok_config_load(NULL, environment, &config, &fault), BYOK_E_CONFIG);
    cr_assert(says("BYOKD_KAFKA_BROKER "));
}

Test(config, a_wrong_variable_is_named)
{
    char *environment[] = {(char[]){"BYOKD_SHARDS=many"}, NULL};
    cr_assert_eq(byok_config_load(NULL, environment, &config, &fault), BYOK_E_CONFIG);
    cr_assert(says("BYOKD_SHARDS is \"many\""));
}

Test(config, a_master_keys_variable_is_no_unknown_setting)
{
    char *environment[] = {(char[]){"BYOKD_MY_MASTER=00"}, NULL};
    cr_assert_eq(load_with("vault: {master_keys: [{id: 1, env: BYOKD_MY_MASTER}]}\n", environment),
                 BYOK_E_OK, "%s", fault.text);
    byok_config_done(&config);
}

/* The initial environment is shown by /proc/PID/environ, and inherited by what is started. */
Test(config, what_was_read_from_the_environment_is_wiped_there)
{
    char url[] = "BYOKD_VAULT_STORE_URL=postgresql://u:pass@h/d", other[] = "PATH=/bin",
         properties[] = "BYOKD_KAFKA_PROPERTIES=sasl.password=p", master[] = "BYOKD_MY_MASTER=00";
    char *environment[] = {url, other, properties, master, NULL};
    cr_assert_eq(load_with("vault: {master_keys: [{id: 1, env: BYOKD_MY_MASTER}]}\n", environment),
                 BYOK_E_OK, "%s", fault.text);
    byok_config_forget_environment(&config, environment);
    cr_assert_str_eq(config.vault.store_url, "postgresql://u:pass@h/d");
    cr_assert_str_eq(config.kafka.properties.items[0], "sasl.password=p");
    for (size_t i = 0; i < sizeof url; i++)
        cr_assert_eq(url[i], '\0');
    for (size_t i = 0; i < sizeof properties; i++)
        cr_assert_eq(properties[i], '\0');
    cr_assert(environment[0] == other && environment[1] == master && !environment[2]);
    cr_assert_str_eq(master, "BYOKD_MY_MASTER=00"); /* the key ring's to read */
    byok_config_done(&config);
}

Test(config, what_is_wrong_is_said_with_its_line)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"kafka:\n  broker: x\n", ":2: there is no setting kafka.broker "},
        {"colour: red\n", ":1: there is no setting colour "},
        {"providers:\n  - name: a\n    url: x\n", ":3: there is no setting providers[0].url "},
        {"limits:\n\n  burst_percent: 200\n", ":3: limits.burst_percent is 200"},
        {"limits:\n  concurrency: many\n", ":2: limits.concurrency is \"many\""},
        {"shards: 1.5\n", ":1: shards is \"1.5\""},
        {"jobs: {deadline_ms: 99999999999999999999}\n", ":1: jobs.deadline_ms is 999999"},
        {"kafka:\n  create_topics: perhaps\n", ":2: kafka.create_topics is \"perhaps\""},
        {"log:\n  level: loud\n", ":2: log.level is \"loud\", but must be debug|info|warn|error"},
        {"log:\n  level: inf\n", ":2: log.level is \"inf\""},
        {"delivery: twice\n", ":1: delivery is \"twice\", but must be exactly_once|at_least_once"},
        {"providers:\n  - name: a\n  - name: b\n    timeout_ms: 0\n",
         ":4: providers[1].timeout_ms is 0"},
        {"kafka: hello\n", "line: 1"},
        {"providers: {name: a}\n", ":1: there is no setting providers.name"},
        {"shards: 1\nlog: {}\nshards: 2\n", ":3: shards stands here for the second time"},
        {"kafka:\n  brokers: \"x\n", "this is no YAML"},
        {"a: &x 1\nb: *x\n", "aliases"},
        {"kafka: {properties: [no-equals-sign]}\n", "kafka.properties[0] is not of the form"},
        {"kafka: {brokers: \"\"}\n", "kafka.brokers is empty"},
        {"vault: {master_keys: [{file: /k}]}\n", "master_keys[0].id is missing"},
        {"vault: {master_keys: [{id: 1}]}\n", "needs one of file, env, credential and command"},
        {"status: {listen: here}\n", "must be host:port"},
        {"retry: {backoff_ms: 500, backoff_max_ms: 100}\n", "backoff_max_ms"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(load(cases[i].yaml), BYOK_E_CONFIG, "%s", cases[i].yaml);
        cr_assert(says(cases[i].says), "%s -> %s", cases[i].yaml, fault.text);
    }
}

/* What is registered once more is known by its DONE record, or refused for its age: one of the two. */
Test(config, done_records_outlive_the_envelopes_age)
{
    cr_assert_eq(load("vault: {envelope_max_age_s: 600}\njobs: {done_keep_s: 600}\n"),
                 BYOK_E_CONFIG);
    cr_assert(says("jobs.done_keep_s must be more than vault.envelope_max_age_s"), "%s",
              fault.text);
    cr_assert_eq(load("vault: {envelope_max_age_s: 600}\njobs: {done_keep_s: 601}\n"), BYOK_E_OK,
                 "%s", fault.text);
    byok_config_done(&config);
}

Test(config, a_file_that_is_not_there_is_named)
{
    cr_assert_eq(byok_config_load("/no/such/file", NULL, &config, &fault), BYOK_E_CONFIG);
    cr_assert(says("/no/such/file"));
}

Test(config, a_password_is_in_no_error_text)
{
    cr_assert_eq(load("kafka: {properties: [hunter2hunter2]}\n"), BYOK_E_CONFIG);
    cr_assert_not(says("hunter2"));
}

Test(config, providers_are_completed_by_their_adapters)
{
    struct byok_provider_set set;
    cr_assert_eq(load("providers:\n"
                      "  - name: openai\n"
                      "  - {name: local, adapter: openai, base_url: 'http://127.0.0.1:8000/v1/',\n"
                      "     auth_header: x-api-key, connect_timeout_ms: 7,\n"
                      "     ca_file: /ca, models: {chat: m}}\n"),
                 BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(byok_config_providers(&config, &set, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert_eq(set.count, 2);
    cr_assert_str_eq(set.providers[0].base_url, "https://api.openai.com/v1");
    cr_assert_str_eq(set.providers[0].auth_prefix, "Bearer ");
    cr_assert_null(set.providers[0].default_model[BYOK_EMBEDDINGS]);
    cr_assert_str_eq(set.providers[1].auth_header, "x-api-key");
    cr_assert_str_eq(set.providers[1].auth_prefix, "");
    cr_assert_str_eq(set.providers[1].default_model[BYOK_CHAT], "m");
    cr_assert_str_eq(set.routes[1].origin, set.providers[1].origin);
    cr_assert_str_eq(set.routes[1].ca_file, "/ca");
    cr_assert_null(set.routes[0].ca_file);
    cr_assert_null(set.routes[1].proxy);
    cr_assert_eq(set.settings[1].connect_timeout_us, 7000);
    byok_config_done(&config);
}

Test(config, wrong_providers_are_refused)
{
    static const struct {
        const char *yaml, *says;
    } cases[] = {
        {"providers: [{adapter: openai}]\n", "providers[0].name is missing"},
        {"providers: [{name: nobody}]\n", "nobody"},
        {"providers: [{name: openai}, {name: openai}]\n", "twice"},
        {"providers: [{name: openai, base_url: 'ftp://x'}]\n", "base_url"},
        {"providers: [{name: openai, base_url: 'http://api.example'}]\n", "no TLS"},
        {"providers: [{name: openai, base_url: 'HTTP://127.0.0.1.example:80/v1'}]\n", "no TLS"},
        {"providers: [{name: openai, base_url: 'http://localhost.example'}]\n", "no TLS"},
        {"providers: [{name: openai, base_url: 'http://10.0.0.1:8000/v1'}]\n", "no TLS"},
        {"providers: [{name: openai, base_url: 'http://127.0.0.1/v1', proxy: 'http://p:1'}]\n",
         "no TLS"},
        {"providers: [{name: openai, headers: [{name: 'a b', value: c}]}]\n", "headers[0]"},
        {"providers: [{name: openai, headers: [{name: a, value: \"c\\nd: e\"}]}]\n", "headers[0]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct byok_provider_set set;
        cr_assert_eq(load(cases[i].yaml), BYOK_E_OK, "%s", fault.text);
        cr_assert_eq(byok_config_providers(&config, &set, &fault), BYOK_E_CONFIG, "%s",
                     cases[i].yaml);
        cr_assert(says(cases[i].says), "%s -> %s", cases[i].yaml, fault.text);
        byok_config_done(&config);
    }
}

Test(config, without_tls_a_provider_is_on_this_machine_or_allowed_so)
{
    static const char *const yamls[] = {
        "providers: [{name: openai, base_url: 'http://127.0.0.2:1/v1'}]\n",
        "providers: [{name: openai, base_url: 'HTTP://LocalHost'}]\n",
        "providers: [{name: openai, base_url: 'http://[::1]:8000/v1'}]\n",
        "providers: [{name: openai, base_url: 'http://llm:8000/v1', plain_http: true}]\n",
        "providers: [{name: openai, base_url: 'https://api.example'}]\n",
    };
    for (size_t i = 0; i < sizeof yamls / sizeof yamls[0]; i++) {
        struct byok_provider_set set;
        cr_assert_eq(load(yamls[i]), BYOK_E_OK, "%s", fault.text);
        cr_assert_eq(byok_config_providers(&config, &set, &fault), BYOK_E_OK, "%s: %s", yamls[i],
                     fault.text);
        byok_config_done(&config);
    }
}

Test(config, settings_have_the_actors_units)
{
    cr_assert_eq(load("jobs: {deadline_ms: 60, memory_mb: 16}\nretry: {backoff_ms: 3}\n"),
                 BYOK_E_OK);
    struct byok_settings settings = byok_config_settings(&config);
    cr_assert_eq(settings.deadline_us, 60000);
    cr_assert_eq(settings.backoff_base_us, 3000);
    cr_assert_eq(settings.held_bytes_max, (size_t)16 * 1024 * 1024);
    byok_config_done(&config);
}

Test(config, what_is_printed_reads_back_and_hides_secrets)
{
    char *text = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&text, &len);
    cr_assert_eq(load("kafka:\n"
                      "  group: \"a \\\"quoted\\\" \\\\ one\"\n"
                      "  properties: [sasl.password=hunter2, ssl.ca.location=/ca]\n"
                      "providers:\n"
                      "  - name: openai\n"
                      "    proxy: http://u:hunter2@p:3128\n"
                      "    headers: [{name: x-a, value: hunter2}]\n"
                      "vault: {master_keys: [{id: 1, file: /k}]}\n"),
                 BYOK_E_OK, "%s", fault.text);
    byok_config_print(&config, to);
    fclose(to);
    byok_config_done(&config);
    cr_assert_null(strstr(text, "hunter2"));
    cr_assert_eq(load(text), BYOK_E_OK, "%s", fault.text);
    cr_assert_str_eq(config.kafka.group, "a \"quoted\" \\ one");
    cr_assert_str_eq(config.kafka.properties.items[1], "ssl.ca.location=/ca");
    cr_assert_str_eq(config.vault.master_keys.items[0].file, "/k");
    byok_config_done(&config);
    free(text);
}

Test(config, a_budget_is_a_decimal_number_for_a_day_or_month)
{
    cr_assert_eq(load("limits:\n  budget: 12.50\n  budget_period: day\n"), BYOK_E_OK, "%s",
                 fault.text);
    cr_assert_eq(byok_config_settings(&config).budget, 12 * BYOK_MONEY_UNIT + BYOK_MONEY_UNIT / 2);
    cr_assert_eq(byok_config_settings(&config).budget_period, BYOK_BUDGET_DAY);
    byok_config_done(&config);
    cr_assert_eq(load(""), BYOK_E_OK);
    cr_assert_eq(byok_config_settings(&config).budget, 0);
    cr_assert_eq(byok_config_settings(&config).budget_period, BYOK_BUDGET_MONTH);
    byok_config_done(&config);
    static const char *const bad[] = {"-1", "1,5", "ten", "0x10", "1000000001", "\"\"", "true"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char yaml[64];
        snprintf(yaml, sizeof yaml, "limits:\n  budget: %s\n", bad[i]);
        cr_assert_eq(load(yaml), BYOK_E_CONFIG, "%s", bad[i]);
        cr_assert(says("limits.budget"), "%s", fault.text);
    }
    cr_assert_eq(load("limits:\n  budget_period: week\n"), BYOK_E_CONFIG);
}
