/* SPDX-License-Identifier: MIT */
/* actors/limits/adaptive.c - see actors/limits/adaptive.h. */
#include "actors/limits/adaptive.h"

#define ONE ((int64_t)1000)

void byok_adaptive_init(struct byok_adaptive *self, int64_t min, int64_t max)
{
    *self = (struct byok_adaptive){
        .min = min < max ? min : max, .max = max, .limit_milli = max * ONE, .cut_us = INT64_MIN};
}

int64_t byok_adaptive_limit(const struct byok_adaptive *self)
{
    return self->limit_milli / ONE;
}

static void keep_within(struct byok_adaptive *self)
{
    if (self->limit_milli < self->min * ONE)
        self->limit_milli = self->min * ONE;
    if (self->limit_milli > self->max * ONE)
        self->limit_milli = self->max * ONE;
}

void byok_adaptive_cap(struct byok_adaptive *self, int64_t max)
{
    self->max = max;
    self->min = self->min < max ? self->min : max;
    keep_within(self);
}

void byok_adaptive_good(struct byok_adaptive *self, int64_t in_flight)
{
    if (in_flight < byok_adaptive_limit(self))
        return; /* that so few went well does not show that more would */
    int64_t step = ONE * ONE / self->limit_milli;
    self->limit_milli += step > 0 ? step : 1;
    keep_within(self);
}

void byok_adaptive_cut(struct byok_adaptive *self, int64_t began_us, int64_t now_us,
                       int64_t in_flight)
{
    if (began_us <= self->cut_us)
        return;
    self->cut_us = now_us;
    if (in_flight * ONE < self->limit_milli)
        self->limit_milli = in_flight * ONE;
    self->limit_milli /= 2;
    keep_within(self);
}
