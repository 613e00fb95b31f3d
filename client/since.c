/* SPDX-License-Identifier: MIT */
/* client/since.c - see client/since.h. */
#include "client/since.h"

#include <string.h>

#define POLL_MS 100 /* how soon Ctrl-C is noticed */

bool byok_since_read(const char *text, enum byok_from otherwise, struct byok_start *out)
{
    int64_t ago_ms;
    *out = (struct byok_start){.from = otherwise};
    if (!text)
        return true;
    if (strcmp(text, "beginning") == 0) {
        out->from = BYOK_FROM_BEGINNING;
        return true;
    }
    if (!byok_duration_read(text, &ago_ms))
        return false;
    const int64_t now = byok_wall_ms();
    *out = (struct byok_start){.from = BYOK_FROM_TIME, .wall_ms = ago_ms < now ? now - ago_ms : 0};
    return true;
}

enum byok_err byok_read_records(struct byok_cli *cli, struct byok_reader *reader, bool follow,
                                byok_on_record *on_record, void *context, struct byok_fault *fault)
{
    struct byok_fault broken = {.code = BYOK_E_OK};
    int64_t alive_at = byok_now_ms();
    while (!byok_cli_interrupted()) {
        struct byok_record record;
        switch (byok_reader_next(reader, POLL_MS, &record, &broken)) {
        case BYOK_READ_RECORD:
            alive_at = byok_now_ms();
            if (!on_record(context, &record))
                return BYOK_E_OK;
            break;
        case BYOK_READ_END:
            if (!follow)
                return BYOK_E_OK;
            break;
        case BYOK_READ_NOTHING:
        case BYOK_READ_FAILED: /* librdkafka tries again by itself */
            break;
        }
        if (!follow && byok_now_ms() - alive_at > cli->set.timeout_ms)
            return byok_fault_set(fault, BYOK_E_BROKER, "%s",
                                  broken.code != BYOK_E_OK ? broken.text
                                                           : "the broker sends no more records");
    }
    return BYOK_E_OK;
}
