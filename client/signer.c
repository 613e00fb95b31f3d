/* SPDX-License-Identifier: MIT */
/* client/signer.c - `byok signer new|show`: the keys that sign key commands. */
#include <string.h>

#include <sodium.h>

#include "client/sign.h"

static enum byok_exit print(struct byok_cli *cli, const struct byok_signer *signer)
{
    char text[sodium_base64_ENCODED_LEN(BYOK_SIGNER_PUBLIC_BYTES, sodium_base64_VARIANT_ORIGINAL)];
    sodium_bin2base64(text, sizeof text, signer->public_key, sizeof signer->public_key,
                      sodium_base64_VARIANT_ORIGINAL);
    if (cli->set.json) {
        struct byok_value map = byok_value_map();
        byok_value_set(&cli->arena, &map, "signer", byok_value_text(signer->id));
        byok_value_set(&cli->arena, &map, "public_key", byok_value_text(text));
        byok_cli_print_json(cli, &map);
        return BYOK_EXIT_OK;
    }
    fprintf(cli->out, "%s\n", text);
    byok_cli_note(cli, "signer %s: put this public key into auth.signers of every worker",
                  signer->id);
    return BYOK_EXIT_OK;
}

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    (void)values;
    const char *const *words = cli->words.items;
    struct byok_fault fault;
    struct byok_sign *sign = NULL;
    bool makes = cli->words.count == 2 && strcmp(words[0], "new") == 0;
    if (cli->words.count != 2 || (!makes && strcmp(words[0], "show") != 0))
        return byok_cli_misused(cli, "say `byok signer new FILE` or `byok signer show FILE`");
    enum byok_err err = makes ? byok_keyring_make_file(words[1], &fault) : BYOK_E_OK;
    if (err == BYOK_E_OK)
        err = byok_sign_open(words[1], &sign, &fault);
    enum byok_exit code =
        err == BYOK_E_OK ? print(cli, byok_sign_signer(sign)) : byok_cli_fault(cli, &fault);
    byok_sign_close(sign);
    return code;
}

const struct byok_command byok_command_signer = {
    .name = "signer",
    .summary = "make a key that signs key commands, or show its public part",
    .usage = "new|show FILE [OPTION…]",
    .about =
        "`new` makes a signing key in a new file of mode 0600 and prints its public key, which\n"
        "goes into auth.signers of every worker; `show` prints it again. Workers with any\n"
        "signers take `byok key add`, `rotate` and `delete` only with --sign-with such a file,\n"
        "so that a Kafka login which may submit jobs may not change keys.\n"
        "\nexamples:\n"
        "  byok signer new admin.key\n"
        "  byok key add --user alice --provider openai --sign-with admin.key\n",
    .options = NULL,
    .option_count = 0,
    .defaults = "",
    .values_size = 0,
    .run = run,
};
