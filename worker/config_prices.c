/* SPDX-License-Identifier: MIT */
/* worker/config_prices.c - the table of prices: a file, or the one built in. */
#include "schemas/prices.h"
#include "worker/config_parts.h"

enum byok_err byok_config_prices(struct byok_config *config, const struct byok_prices **out,
                                 struct byok_fault *fault)
{
    BYOK_AUTO(byok_buf) text = {0};
    struct byok_fault inner = {.code = BYOK_E_OK};
    if (config->prices[0] == '\0')
        return byok_prices_read(&config->arena, byok_prices_builtin(), out, fault);
    enum byok_err err = byok_config_read(config->prices, "prices", &text, fault);
    if (err != BYOK_E_OK)
        return err;
    err = byok_prices_read(&config->arena, byok_buf_str(&text), out, &inner);
    if (err == BYOK_E_OK)
        return err;
    return byok_fault_set(fault, err, "%s: %s", config->prices, inner.text);
}
