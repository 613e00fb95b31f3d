/* SPDX-License-Identifier: MIT */
/* adapters/query.c - a tree as the query of a URL. */
#include "adapters/query.h"

#include "adapters/kit.h"

static struct byok_str text_of(struct byok_arena *arena, const struct byok_value *value)
{
    return value->type == BYOK_VALUE_STRING ? value->as.str : byok_kit_json(arena, value);
}

static void add(struct byok_arena *arena, struct byok_str *url, struct byok_str name,
                const struct byok_value *value)
{
    const bool first = byok_str_find(*url, (struct byok_str)BYOK_STR("?")) >= url->len;
    if (value->type == BYOK_VALUE_NULL)
        return;
    name = byok_kit_segment(arena, name);
    struct byok_str text = byok_kit_segment(arena, text_of(arena, value));
    *url = byok_arena_printf(arena, "%.*s%c%.*s=%.*s", BYOK_STR_ARG(*url), first ? '?' : '&',
                             BYOK_STR_ARG(name), BYOK_STR_ARG(text));
}

void byok_query_add(struct byok_arena *arena, struct byok_str *url, const struct byok_value *map)
{
    for (uint32_t i = 0; i < map->count; i++) {
        const struct byok_member *member = &map->as.members[i];
        if (member->value.type != BYOK_VALUE_ARRAY) {
            add(arena, url, member->name, &member->value);
            continue;
        }
        for (uint32_t k = 0; k < member->value.count; k++)
            add(arena, url, member->name, &member->value.as.items[k]);
    }
}
