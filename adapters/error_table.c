/* SPDX-License-Identifier: MIT */
/* adapters/error_table.c - an error answer against a provider's table of words. */
#include "adapters/error_table.h"

#include "adapters/kit_fault.h"
#include "adapters/retry_after.h"

struct said {
    struct byok_str word, message; /* each may be empty */
};

/* The text at a path; of a list (FastAPI's validation errors) its first item's. */
static struct byok_str text_at(const struct byok_value *root, const char *path)
{
    const struct byok_value *value = byok_value_path(root, path);
    if (byok_value_is(value, BYOK_VALUE_ARRAY) && value->count > 0) {
        const struct byok_value *first = &value->as.items[0];
        value = first->type == BYOK_VALUE_MAP ? byok_value_find(first, "msg") : first;
    }
    return byok_value_as_str(value);
}

static struct byok_str first_text(const struct byok_value *root, const char *const *paths)
{
    for (; *paths; paths++) {
        struct byok_str text = text_at(root, *paths);
        if (text.len > 0)
            return text;
    }
    return (struct byok_str){NULL, 0};
}

static struct said read_said(const struct byok_adapter_call *call,
                             const struct byok_http_response *response,
                             const struct byok_error_table *table)
{
    struct byok_value root;
    struct said said = {.message = {NULL, 0}};
    if (byok_kit_error_tree(call, response, &root)) {
        said.word = first_text(&root, table->codes);
        said.message = first_text(&root, table->messages);
    } else {
        said.message = byok_kit_plain_message(response);
    }
    if (said.message.len > BYOK_KIT_MESSAGE_MAX)
        said.message.len = BYOK_KIT_MESSAGE_MAX;
    return said;
}

static enum byok_err code_of(int status, const struct said *said,
                             const struct byok_error_table *table)
{
    const struct byok_error_rule *rule;
    for (rule = table->words; rule->word; rule++) {
        if ((rule->status == 0 || rule->status == status) &&
            byok_str_eq_nocase(said->word, byok_str_of(rule->word)))
            return rule->code;
    }
    for (rule = table->phrases; rule->word; rule++) {
        if ((rule->status == 0 || rule->status == status) &&
            byok_kit_mentions(said->message, rule->word))
            return rule->code;
    }
    return byok_kit_code_of_status(status);
}

static bool is_day_limit(const struct byok_http_response *response, struct byok_str message)
{
    static const char *const periods[] = {"per day", "/ day",   "daily",   "per month",
                                          "/ month", "a month", "monthly", NULL};
    for (size_t i = 0; periods[i]; i++) {
        if (byok_kit_mentions(message, periods[i]))
            return true;
    }
    return byok_retry_day_limit(response);
}

void byok_error_classify(const struct byok_adapter_call *call,
                         const struct byok_http_response *response,
                         const struct byok_error_table *table, struct byok_fault *out)
{
    const struct said said = read_said(call, response, table);
    const enum byok_err code = code_of(response->status, &said, table);
    byok_kit_fault(call, response, code, said.message, out);
    if (code == BYOK_E_RATE_LIMITED)
        out->day_limit = is_day_limit(response, said.message);
}
