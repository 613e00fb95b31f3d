/* SPDX-License-Identifier: MIT */
/* client/main.c - `byok`, the command line client of byokd. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "client/cli.h"

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_DFL); /* `byok results | head` ends quietly */
    struct byok_cli cli = {.out = stdout, .err = stderr, .in = STDIN_FILENO};
    return (int)byok_cli_run(&cli, argc, argv);
}
