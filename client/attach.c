/* SPDX-License-Identifier: MIT */
/* client/attach.c - see client/attach.h. */
#include "client/attach.h"

#include <string.h>

#include "client/file.h"

struct kind {
    const char *ending, *part, *media_type;
};

/* What one provider or another takes; docs/PROVIDERS.md says which. */
static const struct kind kinds[] = {
    {"png", "image", "image/png"},     {"jpg", "image", "image/jpeg"},
    {"jpeg", "image", "image/jpeg"},   {"webp", "image", "image/webp"},
    {"gif", "image", "image/gif"},     {"wav", "audio", "audio/wav"},
    {"mp3", "audio", "audio/mpeg"},    {"flac", "audio", "audio/flac"},
    {"ogg", "audio", "audio/ogg"},     {"mp4", "video", "video/mp4"},
    {"webm", "video", "video/webm"},   {"pdf", "document", "application/pdf"},
    {"txt", "document", "text/plain"},
};

static const struct kind *kind_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof kinds / sizeof kinds[0]; i++) {
        if (byok_str_eq_nocase(byok_str_of(dot + 1), byok_str_of(kinds[i].ending)))
            return &kinds[i];
    }
    return NULL;
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static enum byok_err push_file(struct byok_arena *arena, const char *path, size_t cap_bytes,
                               struct byok_value *parts, struct byok_fault *fault)
{
    struct byok_str bytes;
    const struct kind *kind = kind_of(path);
    if (!kind)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "--attach %.200s: its ending is none of png, jpg, webp, gif, wav, "
                              "mp3, flac, ogg, mp4, webm, pdf, txt",
                              path);
    enum byok_err err = byok_file_read(arena, path, -1, cap_bytes, &bytes, fault);
    if (err != BYOK_E_OK)
        return err;
    if (bytes.len == 0)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "--attach %.200s: it is empty", path);
    struct byok_value part = byok_value_map();
    byok_value_set(arena, &part, "type", byok_value_text(kind->part));
    byok_value_set(arena, &part, "media_type", byok_value_text(kind->media_type));
    byok_value_set(arena, &part, "data", byok_value_bytes(bytes));
    if (strcmp(kind->part, "document") == 0)
        byok_value_set(arena, &part, "title", byok_value_text(name_of(path)));
    byok_value_push(arena, parts, part);
    return BYOK_E_OK;
}

enum byok_err byok_attach(struct byok_arena *arena, const char *prompt,
                          const struct byok_list *files, size_t cap_bytes, struct byok_value *out,
                          struct byok_fault *fault)
{
    struct byok_value parts = byok_value_array(), message = byok_value_map();
    if (prompt)
        byok_value_push(arena, &parts, byok_value_text(prompt));
    for (size_t i = 0; i < files->count; i++) {
        enum byok_err err = push_file(arena, files->items[i], cap_bytes, &parts, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    *out = byok_value_array();
    byok_value_set(arena, &message, "role", byok_value_text("user"));
    byok_value_set(arena, &message, "content", parts);
    byok_value_push(arena, out, message);
    return BYOK_E_OK;
}
