/* SPDX-License-Identifier: MIT */
/* actors/ports/log.h - one event, one line, of typed fields.
 *
 * No field type can hold a key or a slot; text from outside is always a field of its own.
 */
#ifndef BYOK_ACTORS_PORTS_LOG_H
#define BYOK_ACTORS_PORTS_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

enum byok_log_level { BYOK_LOG_DEBUG, BYOK_LOG_INFO, BYOK_LOG_WARN, BYOK_LOG_ERROR };

struct byok_log_field {
    const char *name;
    struct byok_str text; /* used when ptr is not NULL */
    int64_t number;
};

#define BYOK_F_STR(n, s) ((struct byok_log_field){.name = (n), .text = (s)})
#define BYOK_F_TEXT(n, t) ((struct byok_log_field){.name = (n), .text = byok_str_of(t)})
#define BYOK_F_INT(n, i) ((struct byok_log_field){.name = (n), .number = (int64_t)(i)})

struct byok_log;

struct byok_log_ops {
    /** `event` is a literal such as "partition_restored". Any thread. */
    void (*event)(struct byok_log *log, enum byok_log_level level, const char *event,
                  const struct byok_log_field *fields, size_t count);
};

struct byok_log {
    const struct byok_log_ops *ops;
    enum byok_log_level level; /* below it nothing is built or written */
};

/* byok_log_event(log, BYOK_LOG_INFO, "event", BYOK_F_INT("partition", 3), …) */
#define byok_log_event(log, severity, name, ...)                                                   \
    do {                                                                                           \
        if ((severity) >= (log)->level) {                                                          \
            const struct byok_log_field fields_[] = {__VA_ARGS__};                                 \
            (log)->ops->event((log), (severity), (name), fields_,                                  \
                              sizeof fields_ / sizeof fields_[0]);                                 \
        }                                                                                          \
    } while (0)

#endif
