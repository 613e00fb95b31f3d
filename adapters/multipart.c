/* SPDX-License-Identifier: MIT */
/* adapters/multipart.c - see multipart.h. */
#include "adapters/multipart.h"

#include <string.h>

#include "adapters/kit.h"
#include "base/limits.h"

#define BOUNDARIES_MAX 16 /* each costs a search of the whole form */
#define HASH_DIGITS 48 /* of a boundary, which is of 70 characters at most (RFC 2046, 5.1.1) */

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

struct byok_multipart_part {
    struct byok_multipart_part *next;
    struct byok_str head; /* its header lines and the empty one */
    struct byok_str body;
};

void byok_multipart_init(struct byok_multipart *form, struct byok_arena *arena)
{
    *form = (struct byok_multipart){.arena = arena};
}

/* ---- parts ---- */

static void add(struct byok_multipart *form, struct byok_str head, struct byok_str body)
{
    struct byok_multipart_part *part = byok_arena_alloc(form->arena, sizeof *part);
    if (!part)
        return;
    *part = (struct byok_multipart_part){.head = head, .body = body};
    if (form->last)
        form->last->next = part;
    else
        form->first = part;
    form->last = part;
}

/* As it may stand between quotes. */
static struct byok_str quoted(struct byok_arena *arena, struct byok_str name)
{
    char *copy = byok_arena_alloc(arena, name.len * 3 + 1);
    size_t len = 0;
    for (size_t i = 0; copy && i < name.len; i++) {
        const char c = name.ptr[i];
        const char *encoded = c == '"' ? "%22" : c == '\r' ? "%0D" : c == '\n' ? "%0A" : NULL;
        if (!encoded) {
            copy[len++] = c;
            continue;
        }
        memcpy(copy + len, encoded, 3);
        len += 3;
    }
    return (struct byok_str){copy, len};
}

/* Texts joined by hand: a printf would take a NUL in one for its end. */
static struct byok_str join(struct byok_arena *arena, const struct byok_str *texts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += texts[i].len;
    char *copy = byok_arena_alloc(arena, len + 1);
    size_t at = 0;
    for (size_t i = 0; copy && i < count; i++) {
        if (texts[i].len > 0)
            memcpy(copy + at, texts[i].ptr, texts[i].len);
        at += texts[i].len;
    }
    return (struct byok_str){copy, copy ? len : 0};
}

void byok_multipart_text(struct byok_multipart *form, struct byok_str name, struct byok_str text)
{
    const struct byok_str head[] = {
        STR("Content-Disposition: form-data; name=\""),
        quoted(form->arena, name),
        STR("\"\r\n\r\n"),
    };
    add(form, join(form->arena, head, 3), text);
}

void byok_multipart_file(struct byok_multipart *form, struct byok_str name,
                         const struct byok_multipart_file *file)
{
    const struct byok_str head[] = {
        STR("Content-Disposition: form-data; name=\""),
        quoted(form->arena, name),
        STR("\"; filename=\""),
        quoted(form->arena, file->file_name),
        STR("\"\r\nContent-Type: "),
        file->media_type,
        STR("\r\n\r\n"),
    };
    add(form, join(form->arena, head, 7), file->bytes);
    if (byok_http_piece_is_file(&file->bytes))
        form->sha256 = file->sha256;
}

/* ---- a tree as fields ---- */

static struct byok_str list_name(struct byok_arena *arena, struct byok_str name)
{
    const struct byok_str texts[] = {name, STR("[]")};
    const bool is_one =
        name.len > 2 && name.ptr[name.len - 2] == '[' && name.ptr[name.len - 1] == ']';
    return is_one ? name : join(arena, texts, 2);
}

static struct byok_str member_name(struct byok_arena *arena, struct byok_str name,
                                   struct byok_str member)
{
    const struct byok_str texts[] = {name, STR("["), member, STR("]")};
    return join(arena, texts, 4);
}

/* The depth of a message is bounded by its decoder. */
static void add_value(struct byok_multipart *form, struct byok_str name,
                      const struct byok_value *value, int depth)
{
    struct byok_str list;
    if (depth > BYOK_NEST_MAX)
        return;
    switch (value->type) {
    case BYOK_VALUE_NULL:
        return;
    case BYOK_VALUE_STRING:
    case BYOK_VALUE_BYTES:
        byok_multipart_text(form, name, value->as.str);
        return;
    case BYOK_VALUE_BOOL:
    case BYOK_VALUE_INT:
    case BYOK_VALUE_UINT:
    case BYOK_VALUE_FLOAT:
    case BYOK_VALUE_FLOATS:
        byok_multipart_text(form, name, byok_kit_json(form->arena, value));
        return;
    case BYOK_VALUE_ARRAY:
        list = list_name(form->arena, name);
        for (uint32_t i = 0; i < value->count; i++)
            add_value(form, list, &value->as.items[i], depth + 1);
        return;
    case BYOK_VALUE_MAP:
        for (uint32_t i = 0; i < value->count; i++)
            add_value(form, member_name(form->arena, name, value->as.members[i].name),
                      &value->as.members[i].value, depth + 1);
        return;
    }
}

void byok_multipart_map(struct byok_multipart *form, const struct byok_value *map)
{
    for (uint32_t i = 0; i < map->count; i++)
        add_value(form, map->as.members[i].name, &map->as.members[i].value, 1);
}

/* ---- the body ---- */

/* A search in megabytes: memchr() skips what cannot be the beginning. */
static bool holds(struct byok_str hay, struct byok_str needle)
{
    while (hay.len >= needle.len) {
        const char *at = memchr(hay.ptr, needle.ptr[0], hay.len - needle.len + 1);
        if (!at)
            return false;
        if (memcmp(at, needle.ptr, needle.len) == 0)
            return true;
        hay.len -= (size_t)(at + 1 - hay.ptr);
        hay.ptr = at + 1;
    }
    return false;
}

static bool occurs(const struct byok_multipart *form, struct byok_str text)
{
    for (const struct byok_multipart_part *part = form->first; part; part = part->next) {
        if (holds(part->head, text) ||
            (!byok_http_piece_is_file(&part->body) && holds(part->body, text)))
            return true;
    }
    return false;
}

/* "--" and a boundary that no part holds; empty when there is none. */
static struct byok_str choose_delimiter(const struct byok_multipart *form)
{
    const int digits = form->sha256.len < HASH_DIGITS ? (int)form->sha256.len : HASH_DIGITS;
    for (int i = 1; i <= BOUNDARIES_MAX; i++) {
        struct byok_str text =
            byok_arena_printf(form->arena, "--byokd-form-%.*s%s%02d", digits,
                              digits > 0 ? form->sha256.ptr : "", digits > 0 ? "-" : "", i);
        if (text.len > 0 && !occurs(form, text))
            return text;
    }
    return (struct byok_str){NULL, 0};
}

/* Each part's head with what stands before it, then its body; at last the end. */
static const struct byok_str *write_pieces(const struct byok_multipart *form,
                                           struct byok_str delimiter, size_t *count)
{
    size_t parts = 0, at = 0;
    for (const struct byok_multipart_part *part = form->first; part; part = part->next)
        parts++;
    struct byok_str *pieces = byok_arena_alloc(form->arena, (2 * parts + 1) * sizeof *pieces);
    struct byok_str before = STR("");
    for (const struct byok_multipart_part *part = form->first; pieces && part; part = part->next) {
        const struct byok_str head[] = {before, delimiter, STR("\r\n"), part->head};
        pieces[at++] = join(form->arena, head, 4);
        pieces[at++] = part->body;
        before = STR("\r\n");
    }
    const struct byok_str end[] = {before, delimiter, STR("--\r\n")};
    if (pieces)
        pieces[at++] = join(form->arena, end, 3);
    *count = at;
    return pieces;
}

enum byok_err byok_multipart_end(struct byok_multipart *form, struct byok_http_request *out,
                                 struct byok_str *out_content_type, struct byok_fault *fault)
{
    struct byok_str delimiter = choose_delimiter(form);
    if (delimiter.len == 0 && !byok_arena_failed(form->arena))
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "the job holds every boundary that its form could have had");
    if (delimiter.len > 0) {
        *out_content_type =
            byok_arena_printf(form->arena, "multipart/form-data; boundary=%s", delimiter.ptr + 2);
        out->pieces = write_pieces(form, delimiter, &out->piece_count);
    }
    if (byok_arena_failed(form->arena))
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the job's form");
    return BYOK_E_OK;
}
