/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/priced.h - a world with a table of prices, and users with budgets in it.
 *
 * By the table a chat of the simulated provider may cost 8 (one token in, seven out, a unit each) and
 * costs 12 (its answer says 7 and 5), unless a test says otherwise.
 */
#ifndef BYOK_TESTS_UNIT_ACTORS_PRICED_H
#define BYOK_TESTS_UNIT_ACTORS_PRICED_H

#include <string.h>

#include "schemas/prices.h"
#include "schemas/state.h"
#include "tests/unit/actors/kit.h"

#define HOUR (3600 * SIM_S)
#define DAY (24 * HOUR)

/* `model` of the provider "other" costs `price` for a million tokens of each kind. */
#define PRICES(model, price)                                                                       \
    "{\"version\":\"1\",\"currency\":\"USD\",\"prices\":["                                         \
    "{\"provider\":\"openai\",\"model\":\"gpt-sim\",\"input_per_million\":1000000,"                \
    "\"cache_write_input_per_million\":1000000,\"output_per_million\":1000000},"                   \
    "{\"provider\":\"other\",\"model\":\"" model "\",\"input_per_million\":" price ","             \
    "\"cache_write_input_per_million\":" price ",\"output_per_million\":" price "},"               \
    "{\"provider\":\"openai\",\"model\":\"embed-sim\",\"input_per_million\":1000000,"              \
    "\"cache_write_input_per_million\":1000000},"                                                  \
    "{\"provider\":\"openai\",\"model\":\"speak-sim\",\"characters_per_million\":1000}]}"

static inline void setup_priced(const char *table)
{
    setup();
    if (byok_prices_read(&world->arena, byok_str_of(table), &world->settings.prices, NULL) !=
        BYOK_E_OK)
        abort();
}

static inline void configure(const char *id, const char *budget)
{
    sim_send(
        world, "alice",
        "{\"type\":\"user.configure\",\"id\":\"%s\",\"user\":\"alice\",\"limits\":{\"budget\":%s}}",
        id, budget);
}

/* May cost 8. */
static inline void chat_with(const char *id, const char *more)
{
    sim_send(world, "alice",
             "{\"id\":\"%s\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"Hi\",\"max_tokens\":7%s}",
             id, more);
}

#endif
