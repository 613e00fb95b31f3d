/* SPDX-License-Identifier: MIT */
/* tests/conformance/join_audio.c - joins the files that are named, as byokd joins the parts of a long
 * speech: join_audio MEDIA_TYPE OUT PIECE...  For audio_join.py, which has encoders and decoders. */
#include <stdio.h>
#include <stdlib.h>

#include "adapters/audio_join.h"

#define PIECES_MAX 16
#define PIECE_BYTES_MAX ((size_t)1 << 22)

static struct byok_str read_file(struct byok_arena *arena, const char *path)
{
    char *bytes = byok_arena_alloc(arena, PIECE_BYTES_MAX);
    FILE *file = fopen(path, "rb");
    if (!bytes || !file) {
        perror(path);
        exit(2);
    }
    size_t len = fread(bytes, 1, PIECE_BYTES_MAX, file);
    fclose(file);
    return (struct byok_str){bytes, len};
}

int main(int argc, char **argv)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str pieces[PIECES_MAX], out;
    struct byok_fault fault = {.code = BYOK_E_OK};
    if (argc < 4 || argc - 3 > PIECES_MAX)
        return 2;
    for (int i = 3; i < argc; i++)
        pieces[i - 3] = read_file(&arena, argv[i]);
    enum byok_err err =
        byok_audio_join(&arena, pieces, (size_t)argc - 3, byok_str_of(argv[1]), &out, &fault);
    if (err != BYOK_E_OK) {
        fprintf(stderr, "%s: %s\n", byok_err_name(err), fault.text);
        return 1;
    }
    FILE *file = fopen(argv[2], "wb");
    bool written = file && fwrite(out.ptr, 1, out.len, file) == out.len;
    return file && fclose(file) == 0 && written ? 0 : 2;
}
