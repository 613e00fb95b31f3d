/* SPDX-License-Identifier: MIT */
/* base/err.c - names, meanings and retry rules of the error codes, from the one table. */
#include "base/err.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct err_row {
    const char *wire;
    enum byok_retry retry;
    const char *meaning;
};

static const struct err_row rows[BYOK_ERR_COUNT] = {
#define ERR(code, wire, retry, meaning) [BYOK_E_##code] = {wire, BYOK_RETRY_##retry, meaning},
#include "schemas/errors.def"
#undef ERR
};

static const struct err_row *row_of(enum byok_err code)
{
    size_t i = (size_t)code;
    return &rows[i < BYOK_ERR_COUNT ? i : BYOK_E_INTERNAL];
}

const char *byok_err_name(enum byok_err code)
{
    return row_of(code)->wire;
}

const char *byok_err_meaning(enum byok_err code)
{
    return row_of(code)->meaning;
}

enum byok_retry byok_err_retry(enum byok_err code)
{
    return row_of(code)->retry;
}

enum byok_err byok_err_from_name(const char *name)
{
    for (size_t i = 0; i < BYOK_ERR_COUNT; i++) {
        if (strcmp(rows[i].wire, name) == 0)
            return (enum byok_err)i;
    }
    return BYOK_E_INTERNAL;
}

/* A cut in the middle of a UTF-8 sequence would make the result's JSON invalid. */
static void end_at_character(char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    unsigned char lead = (unsigned char)text[start - 1];
    size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (len - (start - 1) < want)
        text[start - 1] = '\0';
}

enum byok_err byok_fault_set(struct byok_fault *fault, enum byok_err code, const char *format, ...)
{
    if (!fault)
        return code;
    *fault = (struct byok_fault){.code = code, .retry_after_ms = -1};
    va_list args;
    va_start(args, format);
    int n = vsnprintf(fault->text, sizeof fault->text, format, args);
    va_end(args);
    if (n >= (int)sizeof fault->text)
        end_at_character(fault->text, sizeof fault->text - 1);
    return code;
}
