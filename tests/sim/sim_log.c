/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_log.c - see tests/sim/sim_log.h. */
#include "tests/sim/sim_log.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool sim_holds_key(struct byok_str bytes)
{
    const struct byok_str mark = BYOK_STR(SIM_KEY_MARK);
    return bytes.ptr && byok_str_find(bytes, mark) != SIZE_MAX;
}

static void event(struct byok_log *log, enum byok_log_level level, const char *name,
                  const struct byok_log_field *fields, size_t count)
{
    struct sim_log *self = (struct sim_log *)log;
    size_t i = 0;
    (void)level;
    while (i < SIM_LOG_EVENTS - 1 && self->seen[i].event && strcmp(self->seen[i].event, name) != 0)
        i++;
    self->seen[i].event = name;
    self->seen[i].count++;
    for (size_t f = 0; f < count; f++)
        self->leaked = self->leaked || sim_holds_key(fields[f].text);
    if (!self->print)
        return;
    fprintf(stderr, "%10.3f %s", self->now_us ? (double)*self->now_us / 1e6 : 0.0, name);
    for (size_t f = 0; f < count; f++) {
        if (fields[f].text.ptr)
            fprintf(stderr, " %s=%.*s", fields[f].name, BYOK_STR_ARG(fields[f].text));
        else
            fprintf(stderr, " %s=%lld", fields[f].name, (long long)fields[f].number);
    }
    fprintf(stderr, "\n");
}

static const struct byok_log_ops ops = {event};

void sim_log_init(struct sim_log *log)
{
    *log = (struct sim_log){.log = {&ops, BYOK_LOG_DEBUG}};
    log->print = getenv("BYOK_SIM_LOG") != NULL;
}

unsigned sim_log_count(const struct sim_log *log, const char *name)
{
    for (size_t i = 0; i < SIM_LOG_EVENTS && log->seen[i].event; i++) {
        if (strcmp(log->seen[i].event, name) == 0)
            return log->seen[i].count;
    }
    return 0;
}
