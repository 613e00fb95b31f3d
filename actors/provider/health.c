/* SPDX-License-Identifier: MIT */
/* actors/provider/health.c - see actors/provider/health.h. */
#include "actors/provider/health.h"

void byok_health_init(struct byok_health *health, const struct byok_env *env, size_t provider)
{
    const struct byok_provider_settings *settings = &env->provider_settings[provider];
    health->provider = provider;
    byok_breaker_init(&health->breaker, &settings->breaker, health->tally, BYOK_HEALTH_PARTS);
    byok_adaptive_init(&health->room, settings->concurrency_min, settings->concurrency);
    byok_metric_add(env->metrics, BYOK_METRIC_CALLS_ALLOWED, byok_adaptive_limit(&health->room));
}

/* Of a job that goes to several providers, those at this one. */
static uint32_t attempts_here(const struct byok_task *task)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < byok_task_noted(task); i++)
        count += task->attempts[i].leg == task->leg;
    return task->legs ? count : task->attempt_count;
}

/* Not heard are a job's own short deadline, and a job that fails again and again, after its first
 * time: what can only fail would look like a provider that is away.  A probe is always heard. */
static enum byok_verdict verdict_of(const struct byok_task *task, int64_t timeout_us)
{
    bool whole_time = task->http.timeout_us >= timeout_us;
    bool heard = task->attempts_before + attempts_here(task) <= 1 || task->ticket != 0 ||
                 task->lane_ticket != 0;
    if (!task->http.reply_to || task->http.upload_failed)
        return BYOK_VERDICT_NONE; /* it was not called, or not to its end */
    switch (task->fault.code) {
    case BYOK_E_TIMEOUT: /* with a status it is the gateway's, which has waited for its provider */
        heard = heard && (whole_time || task->fault.http_status > 0);
        return heard ? BYOK_VERDICT_BAD : BYOK_VERDICT_NONE;
    case BYOK_E_OVERLOADED:
    case BYOK_E_SERVER_ERROR:
    case BYOK_E_UNREACHABLE:
    case BYOK_E_CUT_OFF:
        return heard ? BYOK_VERDICT_BAD : BYOK_VERDICT_NONE;
    default:
        return BYOK_VERDICT_GOOD;
    }
}

static void tell(const struct byok_ctx *ctx, const struct byok_health *health, int64_t now_us)
{
    const char *name = ctx->env->providers[health->provider].name;
    bool closed = health->breaker.state == BYOK_BREAKER_CLOSED;
    if (closed)
        byok_log_event(ctx->env->log, BYOK_LOG_INFO, "breaker_closed",
                       BYOK_F_TEXT("provider", name));
    else
        byok_log_event(ctx->env->log, BYOK_LOG_WARN, "breaker_opened",
                       BYOK_F_TEXT("provider", name),
                       BYOK_F_INT("for_ms", (health->breaker.until_us - now_us) / 1000),
                       BYOK_F_INT("times", health->breaker.openings));
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_BREAKER_OPENED, !closed);
}

void byok_health_learn(const struct byok_ctx *ctx, struct byok_health *health,
                       struct byok_task *task, int64_t busy)
{
    struct byok_clock *clock = ctx->env->clock;
    uint32_t part = (uint32_t)byok_partition_of(task->request.user, BYOK_HEALTH_PARTS);
    int64_t now_us = clock->ops->now_us(clock), before = byok_adaptive_limit(&health->room);
    bool was_closed = health->breaker.state == BYOK_BREAKER_CLOSED;
    task->verdict = verdict_of(task, ctx->env->provider_settings[health->provider].timeout_us);
    if (byok_breaker_leave(&health->breaker, now_us, part, task->ticket, task->verdict,
                           byok_health_chance(ctx->env, task->verdict)))
        tell(ctx, health, now_us);
    task->ticket = 0;
    if (task->verdict == BYOK_VERDICT_GOOD)
        byok_adaptive_good(&health->room, busy);
    else if (task->verdict == BYOK_VERDICT_BAD && byok_breaker_others_fail(&health->breaker))
        byok_adaptive_cut(&health->room, task->attempt_began_us, now_us, busy);
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_CALLS_ALLOWED,
                    byok_adaptive_limit(&health->room) - before);
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_BREAKERS_OPEN,
                    was_closed - (health->breaker.state == BYOK_BREAKER_CLOSED));
}
