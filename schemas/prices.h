/* SPDX-License-Identifier: MIT */
/* schemas/prices.h - what a call costs, from a table that is a data file with a version.
 *
 * The native units of a call (tokens, characters, seconds, images) are the truth; a cost is those
 * units times the table's prices, for people and for budgets.  What the table does not know costs
 * null, and that is never a failure.  The table built in is schemas/prices.json.
 * Read-only after it was read; then any thread.
 */
#ifndef BYOK_SCHEMAS_PRICES_H
#define BYOK_SCHEMAS_PRICES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "schemas/value.h"

struct byok_usage;
struct byok_prices;

/** The bytes of the table that is built in: JSON, as prices.json in this folder. */
struct byok_str byok_prices_builtin(void);

/** Read a table; it and all it holds is in `arena`.
 *
 * BYOK_E_CONFIG  not JSON of that form, a price below 0, a provider and model twice
 * BYOK_E_NOMEM
 */
BYOK_MUST_USE BYOK_NONNULL(1, 3)
enum byok_err byok_prices_read(struct byok_arena *arena, struct byok_str json,
                               const struct byok_prices **out, struct byok_fault *fault);

/* Money that is summed up is whole parts of the table's currency.  A millionth would not do: many an
 * embedding costs less. */
#define BYOK_MONEY_UNIT INT64_C(1000000000)
/* The largest amount, so that no sum of some of them overflows. */
#define BYOK_MONEY_MAX (INT64_C(1000000000) * BYOK_MONEY_UNIT)

/** An amount of the currency in such parts, to the nearest; false: it is not from 0 to
 *  BYOK_MONEY_MAX. */
BYOK_MUST_USE bool byok_money_of(double amount, int64_t *out) BYOK_NONNULL(2);

/** The version of a table, e.g. "1"; static as long as the table is. */
struct byok_str byok_prices_version(const struct byok_prices *prices) BYOK_NONNULL(1);

/** The cost of a call as result and usage event show it: {"amount", "currency", "price_table"}, or
 *  null when the table (NULL: there is none) has no price for the model, or the provider did not say
 *  a unit that is charged.
 *
 * A model is found by its name, or by its name without a version at its end ("-2024-08-06",
 * "-20250929", "-001", "-latest").  Tokens from a cache without a price of their own cost as input;
 *  with tokens written to a cache, which cost more than input, a table that has no price for them
 *  makes it null. */
struct byok_value byok_prices_cost(struct byok_arena *arena, const struct byok_prices *prices,
                                   struct byok_str provider, struct byok_str model,
                                   const struct byok_usage *usage) BYOK_NONNULL(1, 5);

/** The amount that byok_prices_cost() would say, in parts of BYOK_MONEY_UNIT, BYOK_MONEY_MAX at most;
 *  false: null. */
BYOK_MUST_USE bool byok_prices_amount(const struct byok_prices *prices, struct byok_str provider,
                                      struct byok_str model, const struct byok_usage *usage,
                                      int64_t *out) BYOK_NONNULL(4, 5);

#endif
