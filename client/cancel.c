/* SPDX-License-Identifier: MIT */
/* client/cancel.c - `byok cancel`: take a job back that was not sent. */
#include <stddef.h>

#include "client/call.h"
#include "client/render.h"

struct cancel_flags {
    const char *user, *id;
    bool wait;
};

static const struct cancel_flags defaults = {0};

#define AT(member) offsetof(struct cancel_flags, member)

static const struct byok_option options[] = {
    {"user", 'u', BYOK_OPTION_TEXT, "USER", "whose job it is", AT(user)},
    {"id", 0, BYOK_OPTION_TEXT, "ID", "of the job's request", AT(id)},
    {"wait", 'w', BYOK_OPTION_ON, NULL, "until it is known what became of the job", AT(wait)},
};

static enum byok_err make(struct byok_arena *arena, const struct cancel_flags *flags,
                          struct byok_job *out, struct byok_fault *fault)
{
    struct byok_value tree = byok_value_map();
    byok_value_set(arena, &tree, "user", byok_value_text(flags->user));
    byok_value_set(arena, &tree, "type", byok_value_text("job.cancel"));
    byok_value_set(arena, &tree, "job_id", byok_value_text(flags->id));
    return byok_job_finish(arena, &tree, BYOK_JSON, out, fault);
}

static enum byok_exit print(struct byok_cli *cli, const struct byok_value *result)
{
    struct byok_str outcome = byok_value_as_str(byok_value_find(result, "outcome"));
    bool cancelled = byok_str_is(outcome, "cancelled");
    if (cli->set.json)
        byok_cli_print_json(cli, result);
    else if (byok_exit_of_result(result) != BYOK_EXIT_OK)
        byok_render_head(cli->err, result);
    else if (cancelled)
        fputs("cancelled\n", cli->out);
    else if (byok_str_is(outcome, "sent"))
        fputs("sent: the job was on its way to the provider and goes on\n", cli->out);
    else if (byok_str_is(outcome, "done"))
        fputs("done: the job has its result already\n", cli->out);
    else
        fputs("unknown: no such job has come\n", cli->out);
    return cancelled ? BYOK_EXIT_OK : BYOK_EXIT_FAILED;
}

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    const struct cancel_flags *flags = values;
    struct byok_job job;
    struct byok_fault fault;
    struct byok_value result;
    if (cli->words.count > 0 || !flags->user || !flags->id)
        return byok_cli_misused(cli, "--user and --id are needed, and options only");
    enum byok_err err = make(&cli->arena, flags, &job, &fault);
    if (err == BYOK_E_OK)
        err = byok_ask(cli, &job, flags->wait, &result, &fault);
    if (err != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    return flags->wait ? print(cli, &result) : BYOK_EXIT_OK;
}

const struct byok_command byok_command_cancel = {
    .name = "cancel",
    .summary = "take a job back that was not sent",
    .usage = "--user USER --id ID [--wait]",
    .about =
        "A job that waits (for its turn, a limit, its time, or to be tried again) ends with the\n"
        "error \"cancelled\" and is not sent. One that is on its way to the provider goes on.\n"
        "Prints the id of the request to cancel; with --wait what became of the job, and the\n"
        "exit code is 0 only when it was cancelled.\n"
        "\nexamples:\n"
        "  byok cancel --user alice --id 019ac1f2-… --wait\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
