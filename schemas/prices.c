/* SPDX-License-Identifier: MIT */
/* schemas/prices.c - see schemas/prices.h. */
#include "schemas/prices.h"

#include <math.h>
#include <stddef.h>

#include "schemas/codec.h"
#include "schemas/result.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define PER_MILLION 1e-6
#define INPUT 0 /* of the units */
#define AMOUNT_DIGITS 1e12 /* an amount is rounded to so many parts: far below what anyone bills */

/* What can be charged: the unit of usage, the member of the table, its size. */
static const struct unit {
    const char *name;
    size_t at; /* of the unit in struct byok_usage */
    double size;
} units[] = {
    {"input_per_million", offsetof(struct byok_usage, input_tokens), PER_MILLION},
    {"output_per_million", offsetof(struct byok_usage, output_tokens), PER_MILLION},
    {"characters_per_million", offsetof(struct byok_usage, characters), PER_MILLION},
    {"per_minute", offsetof(struct byok_usage, milliseconds), 1 / 60000.0},
    {"per_image", offsetof(struct byok_usage, images), 1},
};

struct price {
    struct byok_str provider, model;
    double of[COUNT(units)]; /* below 0: not charged */
    /* of a million input tokens; below 0: */
    double cached; /* as input */
    double written, written_1h; /* not known */
};

struct byok_prices {
    struct byok_str version, currency;
    const struct price *prices;
    uint32_t count;
};

/* ---- reading ---- */

static enum byok_err refuse(struct byok_fault *fault, uint32_t i, const char *why)
{
    return byok_fault_set(fault, BYOK_E_CONFIG, "the table of prices, item %u: %s", i, why);
}

/* False: the member is there and is no price. */
static bool read_price(const struct byok_value *from, const char *name, double *out)
{
    const struct byok_value *value = byok_value_find(from, name);
    *out = -1;
    return !value || value->type == BYOK_VALUE_NULL ||
           (byok_value_as_double(value, out) && *out >= 0 && isfinite(*out));
}

static enum byok_err read_item(const struct byok_value *from, uint32_t i, struct price *out,
                               struct byok_fault *fault)
{
    bool any = false;
    out->provider = byok_value_as_str(byok_value_find(from, "provider"));
    out->model = byok_value_as_str(byok_value_find(from, "model"));
    if (out->provider.len == 0 || out->model.len == 0)
        return refuse(fault, i, "needs \"provider\" and \"model\"");
    for (size_t k = 0; k < COUNT(units); k++) {
        if (!read_price(from, units[k].name, &out->of[k]))
            return refuse(fault, i, units[k].name);
        any |= out->of[k] >= 0;
    }
    const struct {
        const char *name;
        double *price;
    } parts[] = {
        {"cached_input_per_million", &out->cached},
        {"cache_write_input_per_million", &out->written},
        {"cache_write_1h_input_per_million", &out->written_1h},
    };
    for (size_t k = 0; k < COUNT(parts); k++) {
        if (!read_price(from, parts[k].name, parts[k].price))
            return refuse(fault, i, parts[k].name);
    }
    return any ? BYOK_E_OK : refuse(fault, i, "has no price");
}

static const struct price *find_exact(const struct price *prices, uint32_t count,
                                      struct byok_str provider, struct byok_str model)
{
    for (uint32_t i = 0; i < count; i++) {
        if (byok_str_eq(prices[i].model, model) && byok_str_eq(prices[i].provider, provider))
            return &prices[i];
    }
    return NULL;
}

enum byok_err byok_prices_read(struct byok_arena *arena, struct byok_str json,
                               const struct byok_prices **out, struct byok_fault *fault)
{
    struct byok_value root;
    struct byok_str copy = byok_arena_copy(arena, json); /* the tree borrows from it */
    enum byok_err err = byok_decode(arena, BYOK_JSON, copy, &root, fault);
    if (err != BYOK_E_OK)
        return err == BYOK_E_NOMEM
                   ? err
                   : byok_fault_set(fault, BYOK_E_CONFIG, "the table of prices is not JSON");
    const struct byok_value *list = byok_value_find(&root, "prices");
    struct byok_prices *table = byok_arena_alloc(arena, sizeof *table);
    struct price *prices = NULL;
    if (!byok_value_is(list, BYOK_VALUE_ARRAY))
        return byok_fault_set(fault, BYOK_E_CONFIG, "the table of prices has no list \"prices\"");
    prices = byok_arena_alloc(arena, (list->count + 1) * sizeof *prices);
    if (!table || !prices)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the table of prices");
    for (uint32_t i = 0; i < list->count; i++) {
        err = read_item(&list->as.items[i], i, &prices[i], fault);
        if (err != BYOK_E_OK)
            return err;
        if (find_exact(prices, i, prices[i].provider, prices[i].model))
            return refuse(fault, i, "the model is there already");
    }
    *table = (struct byok_prices){
        .version = byok_value_as_str(byok_value_find(&root, "version")),
        .currency = byok_value_as_str(byok_value_find(&root, "currency")),
        .prices = prices,
        .count = list->count,
    };
    if (table->version.len == 0 || table->currency.len == 0)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the table of prices needs \"version\" and \"currency\"");
    *out = table;
    return BYOK_E_OK;
}

struct byok_str byok_prices_version(const struct byok_prices *prices)
{
    return prices->version;
}

/* ---- finding ---- */

static bool ends_like(struct byok_str text, const char *form)
{
    const struct byok_str wanted = byok_str_of(form);
    if (text.len <= wanted.len)
        return false;
    for (size_t i = 0; i < wanted.len; i++) {
        const char c = text.ptr[text.len - wanted.len + i];
        if (wanted.ptr[i] == '0' ? c < '0' || c > '9' : c != wanted.ptr[i])
            return false;
    }
    return true;
}

/* A model's name without the version at its end; as it is when there is none. */
static struct byok_str without_version(struct byok_str model)
{
    static const char *const forms[] = {"-0000-00-00", "-00000000", "-latest", "-000"};
    for (size_t i = 0; i < COUNT(forms); i++) {
        if (ends_like(model, forms[i]))
            return (struct byok_str){model.ptr, model.len - byok_str_of(forms[i]).len};
    }
    return model;
}

static const struct price *find(const struct byok_prices *prices, struct byok_str provider,
                                struct byok_str model)
{
    const struct byok_str lists = BYOK_STR("models/"); /* Gemini's own prefix */
    if (byok_str_starts(model, lists))
        model = (struct byok_str){model.ptr + lists.len, model.len - lists.len};
    const struct price *found = find_exact(prices->prices, prices->count, provider, model);
    return found ? found
                 : find_exact(prices->prices, prices->count, provider, without_version(model));
}

/* ---- the cost ---- */

static int64_t count_of(const struct byok_usage *usage, const struct unit *unit)
{
    return *(const int64_t *)(const void *)((const char *)usage + unit->at);
}

/* A part of `whole`; 0: it was not said. */
static int64_t part_of(int64_t part, int64_t whole)
{
    return part < 0 ? 0 : part < whole ? part : whole;
}

/* `amount`, in which all input is as if no cache had been there; below 0: what was written to one
 * has no price, or nobody says for how long, and that is two prices. */
static double amount_with_cache(const struct price *price, const struct byok_usage *usage,
                                double amount)
{
    const double input = price->of[INPUT];
    const int64_t cached = part_of(usage->cached_tokens, usage->input_tokens);
    const int64_t written = part_of(usage->cache_write_tokens, usage->input_tokens - cached);
    const int64_t hour = part_of(usage->cache_write_1h_tokens, written);
    if ((written > hour && price->written < 0) || (hour > 0 && price->written_1h < 0) ||
        (written > 0 && price->written_1h >= 0 && usage->cache_write_1h_tokens < 0))
        return -1;
    if (price->cached >= 0)
        amount += (double)cached * (price->cached - input) * PER_MILLION;
    amount += (double)(written - hour) * (price->written - input) * PER_MILLION;
    return amount + (double)hour * (price->written_1h - input) * PER_MILLION;
}

/* Below 0: a unit that is charged was not said. */
static double amount_of(const struct price *price, const struct byok_usage *usage)
{
    double amount = 0;
    for (size_t k = 0; k < COUNT(units); k++) {
        const int64_t count = count_of(usage, &units[k]);
        if (price->of[k] < 0)
            continue;
        if (count < 0)
            return -1;
        amount += (double)count * price->of[k] * units[k].size;
    }
    return price->of[INPUT] < 0 ? amount : amount_with_cache(price, usage, amount);
}

/* So that 12 tokens at 0.15 a million do not show what binary fractions are.  By a whole number, not
 * by libm; what is too large for that needs no rounding. */
static double rounded(double amount)
{
    const double parts = amount * AMOUNT_DIGITS + 0.5;
    return parts < 9e18 ? (double)(int64_t)parts / AMOUNT_DIGITS : amount;
}

bool byok_money_of(double amount, int64_t *out)
{
    if (!(amount >= 0 && amount <= (double)(BYOK_MONEY_MAX / BYOK_MONEY_UNIT)))
        return false;
    *out = (int64_t)(amount * (double)BYOK_MONEY_UNIT + 0.5);
    return true;
}

/* Below 0: there is no price, or a unit that is charged was not said. */
static double priced(const struct byok_prices *prices, struct byok_str provider,
                     struct byok_str model, const struct byok_usage *usage)
{
    const struct price *price = prices ? find(prices, provider, model) : NULL;
    return price ? amount_of(price, usage) : -1;
}

bool byok_prices_amount(const struct byok_prices *prices, struct byok_str provider,
                        struct byok_str model, const struct byok_usage *usage, int64_t *out)
{
    const double amount = priced(prices, provider, model, usage);
    if (amount < 0)
        return false;
    if (!byok_money_of(amount, out))
        *out = BYOK_MONEY_MAX;
    return true;
}

struct byok_value byok_prices_cost(struct byok_arena *arena, const struct byok_prices *prices,
                                   struct byok_str provider, struct byok_str model,
                                   const struct byok_usage *usage)
{
    const double amount = priced(prices, provider, model, usage);
    struct byok_value out = byok_value_map();
    if (amount < 0)
        return byok_value_null();
    byok_value_set(arena, &out, "amount", byok_value_float(rounded(amount)));
    byok_value_set(arena, &out, "currency", byok_value_string(prices->currency));
    byok_value_set(arena, &out, "price_table", byok_value_string(prices->version));
    return out;
}
