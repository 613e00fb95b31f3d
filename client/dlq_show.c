/* SPDX-License-Identifier: MIT */
/* client/dlq_show.c - `byok dlq show`: a dead letter's headers and content, without keys.
 *
 * byokd keeps raw keys out of dead letters as far as a member's name tells.  A key in a prompt, or
 * under a name that nobody knows, is found here by how it looks, so that a terminal, its history or
 * a ticket does not become another place where it stands.
 */
#include <string.h>

#include "base/limits.h"
#include "client/call.h"
#include "client/dlq_parts.h"
#include "client/render.h"
#include "schemas/key_shape.h"
#include "schemas/utf8.h"

#define HIDDEN "(hidden: it looks like a key)"

struct showing {
    struct byok_cli *cli;
    size_t count;
};

static bool is_of_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           c == '-';
}

/* How much of a word behind a backslash is its escape: "\\nsk-…", "\\u000ask-…". */
static size_t escape_of(struct byok_str text, size_t at, struct byok_str word)
{
    if (at == 0 || text.ptr[at - 1] != '\\' || word.len == 0)
        return 0;
    return word.ptr[0] == 'u' && word.len >= 5 ? 5 : 1;
}

/* Set the text with each word that looks like a key replaced; the buffer's failure is kept. */
static void hide_keys(struct byok_str text, struct byok_buf *out)
{
    byok_buf_clear(out);
    for (size_t at = 0; at < text.len;) {
        struct byok_str word = {text.ptr + at, 0};
        while (at + word.len < text.len && is_of_word(word.ptr[word.len]))
            word.len++;
        size_t escape = escape_of(text, at, word);
        struct byok_str behind = {word.ptr + escape, word.len - escape};
        if (byok_looks_like_key(behind)) {
            byok_buf_add(out, word.ptr, escape);
            byok_buf_add_str(out, byok_str_of(HIDDEN));
        } else if (byok_looks_like_key(word)) {
            byok_buf_add_str(out, byok_str_of(HIDDEN));
        } else {
            byok_buf_add(out, word.ptr, word.len > 0 ? word.len : 1);
        }
        at += word.len > 0 ? word.len : 1;
    }
}

/* The content as JSON when it can be read, else its bytes as text. */
static void content_of(struct byok_arena *arena, const struct byok_record *record,
                       struct byok_buf *out)
{
    BYOK_AUTO(byok_buf) text = {.cap_bytes = out->cap_bytes};
    struct byok_value tree;
    if (byok_record_value(arena, record, &tree, NULL) == BYOK_E_OK &&
        byok_encode(BYOK_JSON, &tree, &text) == BYOK_E_OK)
        hide_keys(byok_buf_str(&text), out);
    else
        hide_keys(byok_utf8_repair(arena, record->value), out);
}

static void show_json(struct byok_cli *cli, struct byok_arena *arena,
                      const struct byok_record *record, struct byok_str content)
{
    struct byok_value map = byok_dlq_value(arena, record), headers = byok_value_map(), tree;
    const char *name = NULL;
    struct byok_str value;
    BYOK_AUTO(byok_buf) shown = {.cap_bytes = BYOK_REQUEST_BYTES_MAX};
    for (size_t i = 0; byok_record_header_at(record, i, &name, &value); i++) {
        hide_keys(byok_utf8_repair(arena, value), &shown);
        byok_value_set_str(arena, &headers, name, byok_arena_copy(arena, byok_buf_str(&shown)));
    }
    byok_value_set(arena, &map, "headers", headers);
    if (byok_decode(arena, BYOK_JSON, content, &tree, NULL) == BYOK_E_OK)
        byok_value_set(arena, &map, "content", tree);
    else
        byok_value_set_str(arena, &map, "content", content);
    byok_cli_print_json(cli, &map);
}

static void show_text(struct byok_cli *cli, const struct byok_record *record,
                      struct byok_str content)
{
    char at[BYOK_TIME_BYTES];
    const char *name = NULL;
    struct byok_str value;
    BYOK_AUTO(byok_buf) shown = {.cap_bytes = BYOK_REQUEST_BYTES_MAX};
    byok_render_time(record->timestamp_wall_ms, at);
    fprintf(cli->out, "position: %d:%lld\ntime: %s\nkey: ", (int)record->partition,
            (long long)record->offset, at);
    byok_cli_print_text(cli->out, record->key, false);
    for (size_t i = 0; byok_record_header_at(record, i, &name, &value); i++) {
        fputc('\n', cli->out);
        byok_cli_print_text(cli->out, byok_str_of(name), false);
        fputs(": ", cli->out);
        hide_keys(value, &shown);
        byok_cli_print_text(cli->out, byok_buf_str(&shown), false);
    }
    fputs("\n\n", cli->out);
    byok_cli_print_text(cli->out, content, true);
    fputs(content.len > 0 ? "\n" : "(without content)\n", cli->out);
}

static bool show_one(void *context, const struct byok_record *record)
{
    struct showing *showing = context;
    struct byok_cli *cli = showing->cli;
    BYOK_AUTO(byok_arena) arena = {0};
    BYOK_AUTO(byok_buf) content = {.cap_bytes = (size_t)8 * BYOK_REQUEST_BYTES_MAX};
    if (showing->count++ > 0 && !cli->set.json)
        fputc('\n', cli->out);
    content_of(&arena, record, &content);
    if (byok_buf_failed(&content))
        (void)byok_cli_misused(cli, "no memory for the letter's content");
    else if (cli->set.json)
        show_json(cli, &arena, record, byok_buf_str(&content));
    else
        show_text(cli, record, byok_buf_str(&content));
    return true;
}

enum byok_exit byok_dlq_show(struct byok_cli *cli, const struct byok_dlq_filter *filter)
{
    struct showing showing = {.cli = cli};
    struct byok_fault fault;
    if (byok_dlq_read(cli, filter, false, show_one, &showing, &fault) != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    if (showing.count > 0)
        return BYOK_EXIT_OK;
    fprintf(cli->err, "byok: there is no such dead letter\n");
    return BYOK_EXIT_FAILED;
}
