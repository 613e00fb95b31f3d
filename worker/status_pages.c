/* SPDX-License-Identifier: MIT */
/* worker/status_pages.c - what the status server's pages say. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "worker/status.h"

struct metric {
    const char *name, *type, *help;
};

static const struct metric metrics[] = {
#define METRIC(id, type, name, help) {name, #type, help},
#include "actors/metrics.def"
#undef METRIC
};

static int64_t value_of(const struct byok_metrics *from, enum byok_metric metric)
{
    return from ? atomic_load_explicit(&from->values[metric], memory_order_relaxed) : 0;
}

static int64_t result_of(const struct byok_metrics *from, int code)
{
    return from ? atomic_load_explicit(&from->results_by_code[code], memory_order_relaxed) : 0;
}

static int64_t sum(const struct byok_status_source *source, enum byok_metric metric)
{
    int64_t total = value_of(source->vault_metrics, metric);
    for (uint32_t i = 0; i < source->shard_count; i++)
        total += value_of(source->shard_metrics(source->arg, i), metric);
    return total;
}

static void put_head(struct byok_buf *out, const char *name, const char *type, const char *help)
{
    byok_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_results(const struct byok_status_source *source, struct byok_buf *out)
{
    put_head(out, "byok_results_total", "counter", "Results published, by error code.");
    for (int code = 0; code < BYOK_ERR_COUNT; code++) {
        int64_t total = result_of(source->vault_metrics, code);
        for (uint32_t i = 0; i < source->shard_count; i++)
            total += result_of(source->shard_metrics(source->arg, i), code);
        if (total > 0 || code == BYOK_E_OK)
            byok_buf_printf(out, "byok_results_total{code=\"%s\"} %" PRId64 "\n",
                            byok_err_name((enum byok_err)code), total);
    }
}

/* Resident memory, from the second number of /proc/self/statm (proc(5)), in pages. */
static int64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return -1;
    long long size = 0, resident = -1;
    int fields = fscanf(file, "%lld %lld", &size, &resident);
    fclose(file);
    return fields == 2 ? resident * sysconf(_SC_PAGESIZE) : -1;
}

static void put_process(struct byok_buf *out)
{
    int64_t bytes = resident_bytes();
    if (bytes >= 0) {
        put_head(out, "process_resident_memory_bytes", "gauge", "Resident memory.");
        byok_buf_printf(out, "process_resident_memory_bytes %" PRId64 "\n", bytes);
    }
    put_head(out, "byok_build_info", "gauge", "1, with the version as a label.");
    byok_buf_printf(out, "byok_build_info{version=\"%s\"} 1\n", BYOK_VERSION);
}

void byok_status_metrics(const struct byok_status_source *source, struct byok_buf *out)
{
    for (size_t i = 0; i < BYOK_METRIC_COUNT; i++) {
        put_head(out, metrics[i].name, metrics[i].type, metrics[i].help);
        byok_buf_printf(out, "%s %" PRId64 "\n", metrics[i].name, sum(source, (enum byok_metric)i));
    }
    put_results(source, out);
    put_head(out, "byok_shard_ready", "gauge",
             "1 while the shard's broker answers and it takes jobs.");
    for (uint32_t i = 0; i < source->shard_count; i++)
        byok_buf_printf(out, "byok_shard_ready{shard=\"%" PRIu32 "\"} %d\n", i,
                        source->shard_ready(source->arg, i));
    put_process(out);
}

bool byok_status_ready(const struct byok_status_source *source, struct byok_buf *out)
{
    bool all = true;
    for (uint32_t i = 0; i < source->shard_count; i++) {
        bool store_broken =
            value_of(source->shard_metrics(source->arg, i), BYOK_METRIC_STORE_BROKEN) != 0;
        bool ready = source->shard_ready(source->arg, i) && !store_broken;
        if (!ready)
            byok_buf_printf(out, "shard %" PRIu32 ": %s\n", i,
                            store_broken ? "store: the local state cannot be written"
                                         : "broker: not connected");
        all &= ready;
    }
    if (source->vault_metrics && value_of(source->vault_metrics, BYOK_METRIC_STORE_BROKEN) != 0) {
        byok_buf_printf(out, "vault: its table cannot be written\n");
        all = false;
    }
    if (all)
        byok_buf_printf(out, "ready\n");
    return all;
}
