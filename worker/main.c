/* SPDX-License-Identifier: MIT */
/* worker/main.c - byokd: flags, settings, then the worker. */
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "worker/config.h"
#include "worker/harden.h"
#include "worker/log.h"
#include "worker/options.h"
#include "worker/worker.h"
#include "worker/worker_vault.h"

#define DEFAULT_CONFIG "/etc/byokd/byokd.yaml"

enum exit_code { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_WRONG = 2 };

extern char **environ;

static enum exit_code fail(enum byok_err err, const struct byok_fault *fault)
{
    fprintf(stderr, "byokd: %s\n", fault->text);
    return err == BYOK_E_CONFIG ? EXIT_WRONG : EXIT_FAILED;
}

static enum exit_code new_master_key(const char *path)
{
    struct byok_fault fault = {0};
    enum byok_err err = byok_keyring_make_file(path, &fault);
    if (err != BYOK_E_OK)
        return fail(err, &fault);
    printf("%s holds a new master key. Keep a copy in a safe place: without it no stored key "
           "opens.\n",
           path);
    return EXIT_DONE;
}

static enum byok_err print_public_key(const struct byok_config *config, struct byok_fault *fault)
{
    uint8_t key[BYOK_VAULT_PUBLIC_KEY_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof key, sodium_base64_VARIANT_ORIGINAL)];
    enum byok_err err = byok_worker_public_key(config, key, fault);
    if (err != BYOK_E_OK)
        return err;
    puts(sodium_bin2base64(text, sizeof text, key, sizeof key, sodium_base64_VARIANT_ORIGINAL));
    return BYOK_E_OK;
}

static enum byok_err run(struct byok_config *config, struct byok_fault *fault)
{
    struct byok_log_file log;
    byok_log_init(&log, STDERR_FILENO, config->log.level, config->log.format);
    enum byok_err err = byok_worker_run(config, &log.log, fault);
    if (err != BYOK_E_OK)
        byok_log_event(&log.log, BYOK_LOG_ERROR, "failed", BYOK_F_TEXT("code", byok_err_name(err)),
                       BYOK_F_TEXT("why", fault->text));
    return err;
}

static enum exit_code with_config(const struct byok_options *options)
{
    struct byok_fault fault = {0};
    struct byok_config config;
    const char *path = options->config_file;
    if (!path && access(DEFAULT_CONFIG, F_OK) == 0)
        path = DEFAULT_CONFIG;
    enum byok_err err = byok_config_load(path, environ, &config, &fault);
    if (err != BYOK_E_OK)
        return fail(err, &fault);
    byok_config_forget_environment(&config, environ);
    err = byok_harden_preload(config.sandbox.preload, &fault);
    if (err != BYOK_E_OK) {
        byok_config_done(&config);
        return fail(err, &fault);
    }
    if (options->mode == BYOK_MODE_CHECK)
        err = byok_worker_check(&config, &fault);
    else if (options->mode == BYOK_MODE_PUBLIC_KEY)
        err = print_public_key(&config, &fault);
    else if (options->mode == BYOK_MODE_PRINT_SETTINGS)
        byok_config_print(&config, stdout);
    else
        err = run(&config, &fault);
    byok_config_done(&config);
    if (err == BYOK_E_OK && options->mode == BYOK_MODE_CHECK)
        puts("the settings are good");
    if (err == BYOK_E_OK)
        return EXIT_DONE;
    if (options->mode == BYOK_MODE_RUN) /* it is in the log */
        return err == BYOK_E_CONFIG ? EXIT_WRONG : EXIT_FAILED;
    return fail(err, &fault);
}

int main(int argc, char **argv)
{
    struct byok_options options;
    struct byok_fault fault = {0};
    enum byok_err err = byok_options_read(argc, argv, &options, &fault);
    if (err != BYOK_E_OK)
        return fail(err, &fault);
    byok_harden();
    switch (options.mode) {
    case BYOK_MODE_HELP:
        byok_options_help(stdout);
        return EXIT_DONE;
    case BYOK_MODE_VERSION:
        puts("byokd " BYOK_VERSION);
        return EXIT_DONE;
    case BYOK_MODE_NEW_MASTER_KEY:
        return (int)new_master_key(options.master_key_file);
    case BYOK_MODE_RUN:
    case BYOK_MODE_CHECK:
    case BYOK_MODE_PUBLIC_KEY:
    case BYOK_MODE_PRINT_SETTINGS:
        break;
    }
    return (int)with_config(&options);
}
