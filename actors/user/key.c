/* SPDX-License-Identifier: MIT */
/* actors/user/key.c - keys that their provider refuses, or lets nothing more through with for now.
 *
 * What a provider says of a key's limit holds up the jobs of that key alone, and is forgotten with
 * the key: when another is stored in its place (actors/user/outcome.c) what is still under way with
 * the old one says nothing of the new one.  It is not stored: the next owner finds out by a call.
 *
 * One refusal may be an accident of the provider.  A key is marked invalid when a second one comes
 * CONFIRM_US or more after the first, and no call with it went well in between.  From then on its
 * jobs are not sent but for one now and then (after keys.recheck_s, then twice that, up to an
 * hour), which finds out whether the key is good again; the others fail or wait, as keys.on_invalid
 * says.  One that was not sent finds nothing out: the next goes at once, or where the vault gives
 * no key (the sealed one is outdated) each would wait up to an hour to be told.  A call that goes
 * well, a check, and a new key clear the mark (actors/user/outcome.c).
 */
#include "actors/user/parts.h"

#define CONFIRM_US ((int64_t)10 * 1000000)
#define PROBE_MAX_US ((int64_t)3600 * 1000000)

static struct byok_user_key *key_of(const struct byok_user *self, const struct byok_task *task)
{
    return byok_user_key_find(&self->record, byok_str_of(task->provider->name),
                              task->request.label);
}

int64_t byok_user_key_due(const struct byok_user *self, const struct byok_task *task, bool limits)
{
    if (!byok_user_is_job(task) || !task->provider)
        return 0;
    const struct byok_user_key *key = key_of(self, task);
    if (!key)
        return 0;
    return limits && key->limited_until_us > key->probe_us ? key->limited_until_us : key->probe_us;
}

static bool is_replaced(const struct byok_user_key *key, const struct byok_task *task)
{
    return task->key.issued_wall_ms < key->issued_wall_ms;
}

static bool is_gone(const struct byok_user *self, const struct byok_task *task)
{
    return byok_user_key_is_gone(&self->record, byok_str_of(task->provider->name),
                                 task->request.label, task->key.issued_wall_ms);
}

bool byok_user_key_is_current(const struct byok_user *self, const struct byok_task *task)
{
    const struct byok_user_key *key = key_of(self, task);
    return !key || !is_replaced(key, task);
}

bool byok_user_key_limit(const struct byok_user *self, const struct byok_task *task,
                         int64_t until_us)
{
    struct byok_user_key *key = byok_user_is_job(task) ? key_of(self, task) : NULL;
    if (key && !is_replaced(key, task) && key->limited_until_us < until_us)
        key->limited_until_us = until_us;
    return key != NULL;
}

bool byok_user_key_fails(const struct byok_ctx *ctx, const struct byok_user *self,
                         struct byok_task *task, int64_t now)
{
    const struct byok_user_key *key =
        byok_user_is_job(task) && task->provider ? key_of(self, task) : NULL;
    if (ctx->env->settings->on_invalid_waits || !key || key->invalid_wall_ms == 0 ||
        key->probe_us <= now)
        return false;
    byok_fault_set(&task->fault, BYOK_E_KEY_INVALID,
                   "the provider has refused the key since it was tried last: replace it, or check "
                   "it when it is good again (byok key rotate, byok key check)");
    return true;
}

/* Of an invalid key: until the next try. */
static void block(const struct byok_ctx *ctx, struct byok_user_key *key, int64_t now)
{
    const int64_t most = PROBE_MAX_US;
    if (key->wait_us == 0)
        key->wait_us = ctx->env->settings->key_recheck_us;
    key->probe_us = now + key->wait_us;
    if (key->wait_us < most)
        key->wait_us = key->wait_us * 2 < most ? key->wait_us * 2 : most;
}

void byok_user_key_begins(const struct byok_ctx *ctx, const struct byok_user *self,
                          const struct byok_task *task, int64_t now)
{
    struct byok_user_key *key = byok_user_is_job(task) ? key_of(self, task) : NULL;
    if (!key)
        return;
    if (key->invalid_wall_ms > 0)
        block(ctx, key, now);
    else if (key->probe_us > 0)
        key->probe_us = now + CONFIRM_US;
}

void byok_user_key_unsent(const struct byok_ctx *ctx, const struct byok_user *self,
                          const struct byok_task *task)
{
    struct byok_user_key *key = byok_user_is_job(task) ? key_of(self, task) : NULL;
    if (!key || key->probe_us == 0 || task->joined || task->http.sent)
        return;
    key->probe_us = byok_now_us(ctx);
    key->wait_us = 0;
}

static void mark(const struct byok_ctx *ctx, const struct byok_user *self, struct byok_task *task,
                 struct byok_user_key *key)
{
    key->invalid_wall_ms = byok_now_wall_ms(ctx);
    task->marked |= (uint16_t)(1U << task->leg);
    byok_metric_add(ctx->env->metrics, BYOK_METRIC_KEYS_INVALID, 1);
    byok_log_event(ctx->env->log, BYOK_LOG_WARN, "key_invalid",
                   BYOK_F_STR("user", byok_user_id(self)), BYOK_F_TEXT("provider", key->provider),
                   BYOK_F_TEXT("label", key->label),
                   BYOK_F_TEXT("fingerprint", task->key.fingerprint));
}

/* A job of a key that was replaced (or deleted) meanwhile goes again at once, whatever the setting says and
 * whatever limit the old key had; one that was under way beside a command when that has ended, for
 * it may bring the new key. */
bool byok_user_key_refused(const struct byok_ctx *ctx, struct byok_user *self,
                           struct byok_task *task, int64_t *at_us)
{
    struct byok_user_key *key;
    const int64_t now = byok_now_us(ctx);
    *at_us = now;
    if (byok_user_is_job(task) && byok_err_retry(task->fault.code) == BYOK_RETRY_WAIT &&
        (!byok_user_key_is_current(self, task) || is_gone(self, task)))
        return true;
    if (!byok_user_is_job(task) || task->fault.code != BYOK_E_KEY_INVALID || !task->provider)
        return false;
    if (is_gone(self, task))
        return true;
    /* what a result can tell of, and usage events are made for */
    if (task->attempts_before + task->attempt_count - task->limited >= BYOK_ATTEMPTS_MAX)
        return false;
    if (byok_user_key_add(&self->record, byok_str_of(task->provider->name), task->request.label,
                          &key) != BYOK_E_OK) {
        *at_us = now + CONFIRM_US; /* no memory, or too many keys: it cannot be marked */
        return ctx->env->settings->on_invalid_waits;
    }
    if (is_replaced(key, task))
        return true;
    key->refused_wall_ms = byok_now_wall_ms(ctx);
    if (self->fenced) {
        key->probe_us = now + CONFIRM_US;
        return true;
    }
    if (key->refused_us == 0)
        key->refused_us = now;
    if (key->invalid_wall_ms == 0 && now - key->refused_us >= CONFIRM_US)
        mark(ctx, self, task, key);
    if (key->invalid_wall_ms > 0 && key->wait_us == 0)
        block(ctx, key, now);
    else if (key->invalid_wall_ms == 0 && ctx->env->settings->on_invalid_waits)
        key->probe_us = now + CONFIRM_US;
    return ctx->env->settings->on_invalid_waits;
}
