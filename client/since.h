/* SPDX-License-Identifier: MIT */
/* client/since.h - the option --since, and reading a topic record by record. */
#ifndef BYOK_CLIENT_SINCE_H
#define BYOK_CLIENT_SINCE_H

#include "client/kafka.h"

/** What --since says: "beginning", or a duration back from now; NULL gives `otherwise`.
 *  False: neither. */
bool byok_since_read(const char *text, enum byok_from otherwise, struct byok_start *out)
    BYOK_NONNULL(3) BYOK_MUST_USE;

/* What one record is for; false ends the reading. */
typedef bool byok_on_record(void *context, const struct byok_record *record);

/** Read to the end of the topic, or with `follow` until a signal; each record goes to `on_record`.
 *  BYOK_E_BROKER: nothing came for the command's timeout (never with `follow`). */
BYOK_MUST_USE BYOK_NONNULL(1, 2, 4, 6)
enum byok_err byok_read_records(struct byok_cli *cli, struct byok_reader *reader, bool follow,
                                byok_on_record *on_record, void *context, struct byok_fault *fault);

#endif
