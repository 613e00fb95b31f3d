/* SPDX-License-Identifier: MIT */
/* actors/partition/progress.c - see actors/partition/progress.h. */
#include "actors/partition/progress.h"

/* Between two lines about one changelog. */
#define TELL_US ((int64_t)5000000)

static void set_left(struct byok_env *env, struct byok_restore *restore, int64_t left)
{
    byok_metric_add(env->metrics, BYOK_METRIC_RESTORE_LEFT, left - restore->left);
    restore->left = left;
}

void byok_progress(struct byok_env *env, const struct byok_partition *partition,
                   enum byok_topic topic, struct byok_restore *restore, int64_t until)
{
    int64_t now_us = env->clock->ops->now_us(env->clock);
    int64_t position = restore->position > 0 ? restore->position : 0;
    set_left(env, restore, until > position ? until - position : 0);
    if (restore->tell_us == 0) {
        restore->tell_us = now_us + TELL_US;
    } else if (now_us >= restore->tell_us) {
        restore->tell_us = now_us + TELL_US;
        byok_log_event(env->log, BYOK_LOG_INFO, "restoring", BYOK_F_INT("partition", partition->id),
                       BYOK_F_TEXT("topic", byok_topic_suffix(topic)),
                       BYOK_F_INT("offset", position), BYOK_F_INT("until", until),
                       BYOK_F_INT("left", restore->left));
    }
}

void byok_progress_end(struct byok_env *env, struct byok_restore *restore)
{
    set_left(env, restore, 0);
}
