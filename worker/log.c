/* SPDX-License-Identifier: MIT */
/* worker/log.c - formatting of log lines.  Nothing here takes memory or can fail. */
#include "worker/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "schemas/utf8.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};

/* kept free for ` truncated=true}` and the newline */
#define TAIL_BYTES ((size_t)24)

struct line {
    char text[BYOK_LOG_LINE_MAX];
    size_t len;
    bool full;
};

static void put(struct line *line, const char *text, size_t len)
{
    if (line->full || len > sizeof line->text - TAIL_BYTES - line->len) {
        line->full = true;
        return;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

static void put_text(struct line *line, const char *text)
{
    put(line, text, strlen(text));
}

static void put_escape(struct line *line, unsigned c)
{
    char text[12];
    const bool is_ascii = c > 0 && c < 0x80; /* strchr looks for a byte, and would find the 0 */
    const char *at =
        is_ascii ? strchr("\"\"\\\\\nn\tt\rr", (int)c) : NULL; /* each, and its letter */
    if (at)
        snprintf(text, sizeof text, "\\%c", at[1]);
    else
        snprintf(text, sizeof text, "\\u%04x", c);
    put_text(line, text);
}

/* Both formats have JSON's escapes, so that no text can end its line, steer a terminal, show what
 * stands around it in another order, or look like another field. */
static void put_quoted(struct line *line, struct byok_str text)
{
    bool utf8 = byok_utf8_valid(text) == text.len;
    put_text(line, "\"");
    for (size_t i = 0, len; i < text.len; i += len) {
        struct byok_str rest = {text.ptr + i, text.len - i};
        unsigned c = (unsigned char)text.ptr[i], steers;
        len = byok_utf8_steers(rest, true, &steers);
        if (len > 0)
            put_escape(line, steers);
        else if (c == '"' || c == '\\')
            put_escape(line, c);
        else
            put(line, !utf8 && c >= 0x80 ? "?" : rest.ptr, 1);
        len += len == 0;
    }
    put_text(line, "\"");
}

/* Whether a text may stand without quotes in key=value. */
static bool is_plain(struct byok_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return text.len > 0;
}

static void put_name(struct line *line, bool json, const char *name)
{
    if (json) {
        put_text(line, line->len > 0 ? ",\"" : "{\"");
        put_text(line, name);
        put_text(line, "\":");
    } else {
        put_text(line, line->len > 0 ? " " : "");
        put_text(line, name);
        put_text(line, "=");
    }
}

/* A whole field, or nothing of it. */
static void put_field(struct line *line, bool json, const struct byok_log_field *field)
{
    size_t before = line->len;
    put_name(line, json, field->name);
    if (!field->text.ptr) {
        char number[24];
        snprintf(number, sizeof number, "%" PRId64, field->number);
        put_text(line, number);
    } else if (!json && is_plain(field->text)) {
        put(line, field->text.ptr, field->text.len);
    } else {
        put_quoted(line, field->text);
    }
    if (line->full)
        line->len = before;
}

static void put_time(struct line *line, bool json)
{
    struct timespec now;
    struct tm utc;
    char text[40];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + len, sizeof text - len, ".%03ldZ", now.tv_nsec / 1000000);
    put_field(line, json, &BYOK_F_TEXT("ts", text));
}

static void end_line(struct line *line, bool json)
{
    bool cut = line->full;
    if (cut) { /* from the room kept free */
        const char *mark = json ? ",\"truncated\":true" : " truncated=true";
        memcpy(line->text + line->len, mark, strlen(mark));
        line->len += strlen(mark);
    }
    if (json)
        line->text[line->len++] = '}';
    line->text[line->len++] = '\n';
}

static void event(struct byok_log *log, enum byok_log_level level, const char *name,
                  const struct byok_log_field *fields, size_t count)
{
    struct byok_log_file *file = (struct byok_log_file *)(void *)log; /* its first member */
    struct line line = {.len = 0};
    put_time(&line, file->json);
    put_field(&line, file->json, &BYOK_F_TEXT("level", level_names[level]));
    put_field(&line, file->json, &BYOK_F_TEXT("event", name));
    for (size_t i = 0; i < count && !line.full; i++)
        put_field(&line, file->json, &fields[i]);
    end_line(&line, file->json);
    /* a log that cannot be written is no reason to fail a job */
    if (write(file->fd, line.text, line.len) < 0)
        return;
}

static const struct byok_log_ops log_ops = {.event = event};

void byok_log_init(struct byok_log_file *file, int fd, const char *level, const char *format)
{
    *file = (struct byok_log_file){
        .log = {.ops = &log_ops, .level = BYOK_LOG_INFO},
        .fd = fd,
        .json = strcmp(format, "json") == 0,
    };
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (strcmp(level, level_names[i]) == 0)
            file->log.level = (enum byok_log_level)i;
    }
}
