/* SPDX-License-Identifier: MIT */
/* client/configure.c - `byok configure`: a user's limits, and the providers of their jobs. */
#include <stddef.h>
#include <string.h>

#include "client/call.h"
#include "client/render.h"
#include "schemas/codec.h"
#include "schemas/prices.h"

struct configure_flags {
    const char *user, *requests, *tokens, *concurrency, *budget, *id;
    struct byok_list choices;
    bool wait;
};

static const struct configure_flags defaults = {.wait = true};

#define AT(member) offsetof(struct configure_flags, member)

static const struct byok_option options[] = {
    {"user", 'u', BYOK_OPTION_TEXT, "USER", "whose settings they are", AT(user)},
    {"requests-per-minute", 0, BYOK_OPTION_TEXT, "N|none|default", "jobs started in a minute",
     AT(requests)},
    {"tokens-per-minute", 0, BYOK_OPTION_TEXT, "N|none|default", "tokens used in a minute",
     AT(tokens)},
    {"concurrency", 0, BYOK_OPTION_TEXT, "N|none|default", "calls under way at once",
     AT(concurrency)},
    {"budget", 0, BYOK_OPTION_TEXT, "AMOUNT/day|AMOUNT/month|none|default",
     "what calls may cost in a day or month, in the currency of the worker's prices", AT(budget)},
    {"provider", 'p', BYOK_OPTION_LIST, "CAPABILITY=PROVIDER[/MODEL]",
     "what jobs use that name no provider; CAPABILITY=none unsets it; may be repeated",
     AT(choices)},
    {"id", 0, BYOK_OPTION_TEXT, "ID", "the request's id (default: a new one)", AT(id)},
    {"no-wait", 0, BYOK_OPTION_OFF, NULL, "send and end", AT(wait)},
};

static enum byok_err set_limit(struct byok_arena *arena, struct byok_value *limits,
                               const char *name, const char *text, struct byok_fault *fault)
{
    int64_t number = 0;
    if (!text)
        return BYOK_E_OK;
    if (strcmp(text, "default") == 0) {
        byok_value_set(arena, limits, name, byok_value_null());
        return BYOK_E_OK;
    }
    if (strcmp(text, "none") != 0 && (!byok_count_read(text, &number) || number == 0))
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "%s is a whole number from 1, none, or default", name);
    byok_value_set(arena, limits, name, byok_value_int(number)); /* 0 says: none */
    return BYOK_E_OK;
}

/* "12.50/month"; what a number may look like is JSON's. */
static enum byok_err set_budget(struct byok_arena *arena, struct byok_value *limits,
                                const char *text, struct byok_fault *fault)
{
    enum byok_budget_period period = BYOK_BUDGET_MONTH;
    struct byok_value budget = byok_value_map(), amount = byok_value_int(0);
    int64_t money = 0;
    double number = 0;
    if (!text)
        return BYOK_E_OK;
    if (strcmp(text, "default") == 0) {
        byok_value_set(arena, limits, "budget", byok_value_null());
        return BYOK_E_OK;
    }
    const char *slash = strchr(text, '/');
    const struct byok_str said = {text, slash ? (size_t)(slash - text) : 0};
    if (strcmp(text, "none") != 0 &&
        (!slash || !byok_budget_period_of(byok_str_of(slash + 1), &period) ||
         byok_decode(arena, BYOK_JSON, said, &amount, NULL) != BYOK_E_OK ||
         !byok_value_as_double(&amount, &number) || !byok_money_of(number, &money) || money == 0))
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "budget is an amount above 0 and a period, as 12.50/month or 1/day, "
                              "or none, or default");
    byok_value_set(arena, &budget, "amount", amount); /* 0 says: none */
    byok_value_set(arena, &budget, "period", byok_value_text(byok_budget_period_name(period)));
    byok_value_set(arena, limits, "budget", budget);
    return BYOK_E_OK;
}

/* "chat=openai/gpt-4o-mini"; a model may hold slashes, a provider cannot. */
static enum byok_err set_choice(struct byok_arena *arena, struct byok_value *choices,
                                const char *text, struct byok_fault *fault)
{
    enum byok_capability capability;
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : 0;
    if (!equals || !byok_capability_of((struct byok_str){text, len}, &capability))
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "--provider takes CAPABILITY=PROVIDER/MODEL, e.g. "
                              "chat=openai/gpt-4o-mini, or chat=none");
    const char *name = byok_capability_name(capability), *provider = equals + 1;
    if (byok_value_find(choices, name))
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "--provider %s=… is given twice", name);
    if (strcmp(provider, "none") == 0) {
        byok_value_set(arena, choices, name, byok_value_null());
        return BYOK_E_OK;
    }
    const char *slash = strchr(provider, '/');
    size_t provider_len = slash ? (size_t)(slash - provider) : strlen(provider);
    struct byok_value choice = byok_value_map();
    byok_value_set(arena, &choice, "provider",
                   byok_value_string((struct byok_str){provider, provider_len}));
    if (slash)
        byok_value_set(arena, &choice, "model", byok_value_text(slash + 1));
    byok_value_set(arena, choices, name, choice);
    return BYOK_E_OK;
}

static enum byok_err make(struct byok_arena *arena, const struct configure_flags *flags,
                          struct byok_job *out, struct byok_fault *fault)
{
    struct byok_value tree = byok_value_map(), limits = byok_value_map();
    struct byok_value choices = byok_value_map();
    enum byok_err err = set_limit(arena, &limits, "requests_per_minute", flags->requests, fault);
    if (err == BYOK_E_OK)
        err = set_limit(arena, &limits, "tokens_per_minute", flags->tokens, fault);
    if (err == BYOK_E_OK)
        err = set_limit(arena, &limits, "concurrency", flags->concurrency, fault);
    if (err == BYOK_E_OK)
        err = set_budget(arena, &limits, flags->budget, fault);
    for (size_t i = 0; i < flags->choices.count && err == BYOK_E_OK; i++)
        err = set_choice(arena, &choices, flags->choices.items[i], fault);
    if (err != BYOK_E_OK)
        return err;
    if (limits.count == 0 && choices.count == 0)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "there is nothing to set: give a limit or --provider");
    byok_value_set_str(arena, &tree, "id", byok_str_of(flags->id));
    byok_value_set(arena, &tree, "user", byok_value_text(flags->user));
    byok_value_set(arena, &tree, "type", byok_value_text("user.configure"));
    if (limits.count > 0)
        byok_value_set(arena, &tree, "limits", limits);
    if (choices.count > 0)
        byok_value_set(arena, &tree, "defaults", choices);
    return byok_job_finish(arena, &tree, BYOK_JSON, out, fault);
}

static enum byok_exit run(struct byok_cli *cli, const void *values)
{
    const struct configure_flags *flags = values;
    struct byok_job job;
    struct byok_fault fault;
    struct byok_value result;
    if (cli->words.count > 0 || !flags->user)
        return byok_cli_misused(cli, "--user is needed, and options only");
    enum byok_err err = make(&cli->arena, flags, &job, &fault);
    if (err == BYOK_E_OK)
        err = byok_ask(cli, &job, flags->wait, &result, &fault);
    if (err != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    if (!flags->wait)
        return BYOK_EXIT_OK;
    enum byok_exit code = byok_exit_of_result(&result);
    if (cli->set.json)
        byok_cli_print_json(cli, &result);
    else if (code == BYOK_EXIT_OK)
        fprintf(cli->out, "set for %s\n", flags->user);
    else
        byok_render_head(cli->err, &result);
    return code;
}

const struct byok_command byok_command_configure = {
    .name = "configure",
    .summary = "set a user's limits and default providers",
    .usage = "--user USER [OPTION…]",
    .about = "What is not named stays as it is. `default` goes back to what byokd is configured\n"
             "with, `none` takes the limit away.\n"
             "\nexamples:\n"
             "  byok configure --user alice --provider chat=openai/gpt-4o-mini\n"
             "  byok configure --user alice --requests-per-minute 60 --concurrency none\n"
             "  byok configure --user alice --budget 12.50/month\n",
    .options = options,
    .option_count = sizeof options / sizeof options[0],
    .defaults = &defaults,
    .values_size = sizeof defaults,
    .run = run,
};
