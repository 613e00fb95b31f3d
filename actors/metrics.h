/* SPDX-License-Identifier: MIT */
/* actors/metrics.h - the counters and gauges of one shard.
 *
 * Written by the shard's thread, read by the metrics page's: relaxed atomics, since each number
 * stands alone.  Names, types and help texts are in metrics.def, from which the page is made too.
 */
#ifndef BYOK_ACTORS_METRICS_H
#define BYOK_ACTORS_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/err.h"

enum byok_metric {
#define METRIC(id, type, name, help) BYOK_METRIC_##id,
#include "actors/metrics.def"
#undef METRIC
    BYOK_METRIC_COUNT
};

struct byok_metrics {
    _Atomic int64_t values[BYOK_METRIC_COUNT];
    _Atomic int64_t results_by_code[BYOK_ERR_COUNT]; /* OK: the successful ones */
};

static inline void byok_metric_add(struct byok_metrics *metrics, enum byok_metric metric, int64_t n)
{
    atomic_fetch_add_explicit(&metrics->values[metric], n, memory_order_relaxed);
}

static inline void byok_metric_set(struct byok_metrics *metrics, enum byok_metric metric, int64_t n)
{
    atomic_store_explicit(&metrics->values[metric], n, memory_order_relaxed);
}

#endif
