/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/vectors.c - see vectors.h. BYOK_VECTORS_DIR comes from the build. */
#include "vectors.h"

#include <stdio.h>

#include <criterion/criterion.h>

static struct byok_str read_file(struct byok_arena *arena, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", BYOK_VECTORS_DIR, name);
    FILE *file = fopen(path, "rb");
    cr_assert_not_null(file, "%s", path);
    cr_assert_eq(fseek(file, 0, SEEK_END), 0);
    size_t len = (size_t)ftell(file);
    rewind(file);
    char *bytes = byok_arena_alloc(arena, len + 1);
    cr_assert_eq(fread(bytes, 1, len, file), len);
    fclose(file);
    return (struct byok_str){bytes, len};
}

/* NUL-terminated, because texts of a decoded tree need not be. */
static const char *text_of(struct byok_arena *arena, const struct byok_value *map, const char *name)
{
    return byok_arena_copy(arena, byok_value_as_str(byok_value_find(map, name))).ptr;
}

size_t each_vector(const char *kind, void (*use)(const struct vector *vector))
{
    static const char *const forms[] = {[BYOK_JSON] = "json", [BYOK_MSGPACK] = "msgpack"};
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value index;
    struct byok_fault fault;
    struct byok_str text = read_file(&arena, "index.json");
    cr_assert_eq(byok_decode(&arena, BYOK_JSON, text, &index, &fault), BYOK_E_OK, "%s", fault.text);
    const struct byok_value *list = byok_value_find(&index, "vectors");
    size_t used = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        struct vector vector = {.entry = &list->as.items[i]};
        vector.name = text_of(&arena, vector.entry, "name");
        vector.kind = text_of(&arena, vector.entry, "kind");
        if (kind && strcmp(kind, vector.kind) != 0)
            continue;
        for (size_t form = 0; form < 2; form++) {
            const char *file = text_of(&arena, vector.entry, forms[form]);
            if (file[0] == '\0')
                continue;
            vector.format = (enum byok_format)form;
            vector.bytes = read_file(&arena, file);
            use(&vector);
            used++;
        }
    }
    return used;
}
