/* SPDX-License-Identifier: MIT */
/* actors/user/route.c - see actors/user/route.h. */
#include "actors/user/route.h"

static enum byok_err find_provider(const struct byok_env *env, struct byok_str name,
                                   const struct byok_provider **out, struct byok_fault *fault)
{
    size_t i = byok_env_provider(env, name);
    if (i == SIZE_MAX)
        return byok_fault_set(fault, BYOK_E_UNKNOWN_PROVIDER,
                              "no provider \"%.*s\" is configured in this worker",
                              BYOK_STR_ARG(name));
    *out = &env->providers[i];
    return BYOK_E_OK;
}

/* Which key of that provider the job is to use.  Copied: the user's record may change while it
 * waits. */
static enum byok_err find_label(const struct byok_user_record *user, struct byok_task *task,
                                struct byok_str provider, struct byok_str *out)
{
    *out = task->request.label;
    if (task->request.names_key)
        return BYOK_E_OK;
    *out = byok_arena_copy(&task->arena, byok_user_key_preferred(user, provider));
    return out->ptr ? BYOK_E_OK : BYOK_E_NOMEM;
}

/* A configured one that offers what the job wants. */
static enum byok_err find_able(const struct byok_env *env, const struct byok_request *request,
                               struct byok_str name, const struct byok_provider **out,
                               struct byok_fault *fault)
{
    const char *capability_name = byok_capability_name(request->capability);
    enum byok_err err = find_provider(env, name, out, fault);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_adapter_ops *ops = &(*out)->adapter->ops[request->capability];
    if (!ops->build)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED, "provider \"%s\" does not offer %s",
                              (*out)->name, capability_name);
    if (request->stream && !byok_adapter_streams(ops))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"stream\": provider \"%s\" does not stream %s; leave it out",
                              (*out)->name, capability_name);
    return BYOK_E_OK;
}

/* First of all, for the attempts of a parked one went there, whatever is configured now. */
static enum byok_err name_legs(const struct byok_user_record *user, struct byok_task *task,
                               struct byok_str own)
{
    const struct byok_request *request = &task->request;
    const size_t count = 1 + request->fallback_count;
    if (request->fallback_count == 0)
        return BYOK_E_OK;
    struct byok_leg *legs = byok_arena_alloc(&task->arena, count * sizeof *legs);
    task->leg_keys = byok_arena_alloc(&task->arena, count * sizeof *task->leg_keys);
    if (!legs || !task->leg_keys)
        return BYOK_E_NOMEM;
    legs[0] = (struct byok_leg){byok_arena_copy(&task->arena, own), request->model, request->label};
    memcpy(legs + 1, request->fallbacks, (count - 1) * sizeof *legs);
    task->legs = legs;
    if (task->leg >= count)
        task->leg = 0;
    enum byok_err err = legs[0].provider.ptr ? BYOK_E_OK : BYOK_E_NOMEM;
    for (size_t i = 1; i < count && err == BYOK_E_OK; i++)
        err = find_label(user, task, legs[i].provider, &legs[i].label);
    return err;
}

/* All must be able, so that a wrong name is told at once and not on a bad day. */
static enum byok_err set_to_leg(const struct byok_env *env, struct byok_task *task,
                                struct byok_fault *fault)
{
    const struct byok_request *request = &task->request;
    const struct byok_provider *provider = task->provider;
    if (!task->legs)
        return BYOK_E_OK;
    task->legs[0].model = task->model;
    for (uint32_t i = 1; i <= request->fallback_count; i++) {
        enum byok_err err = find_able(env, request, task->legs[i].provider, &provider, fault);
        if (err != BYOK_E_OK)
            return err;
        if (i == task->leg)
            task->provider = provider;
    }
    task->model = task->legs[task->leg].model;
    task->request.label = task->legs[task->leg].label;
    return BYOK_E_OK;
}

static enum byok_err route_job(const struct byok_env *env, const struct byok_user_record *user,
                               struct byok_task *task, struct byok_fault *fault)
{
    enum byok_capability capability = task->request.capability;
    const char *capability_name = byok_capability_name(capability);
    struct byok_str chosen = byok_str_of(user->choice[capability].provider);
    struct byok_str name = task->request.provider.len > 0 ? task->request.provider : chosen;
    if (name.len == 0)
        return byok_fault_set(fault, BYOK_E_NO_PROVIDER,
                              "the job names no provider and the user has set no default for %s: "
                              "name one, or set one by user.configure",
                              capability_name);
    enum byok_err err = find_label(user, task, name, &task->request.label);
    if (err == BYOK_E_OK)
        err = name_legs(user, task, name);
    if (err == BYOK_E_OK)
        err = find_able(env, &task->request, name, &task->provider, fault);
    if (err != BYOK_E_OK)
        return err;
    struct byok_str model = task->request.model;
    if (model.len == 0 && byok_str_eq(name, chosen))
        model = byok_str_of(user->choice[capability].model);
    if (model.len == 0)
        model = byok_str_of(task->provider->default_model[capability]);
    if (model.len == 0)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "the job names no model, and neither the user nor the configuration "
                              "of provider \"%s\" has a default one for %s",
                              task->provider->name, capability_name);
    task->model = byok_arena_copy(&task->arena, model);
    return task->model.ptr ? set_to_leg(env, task, fault) : BYOK_E_NOMEM;
}

enum byok_err byok_route(const struct byok_env *env, const struct byok_user_record *user,
                         struct byok_task *task, struct byok_fault *fault)
{
    enum byok_err err;
    switch (task->request.type) {
    case BYOK_REQUEST_JOB:
        return route_job(env, user, task, fault);
    case BYOK_REQUEST_KEY_REGISTER:
    case BYOK_REQUEST_KEY_ROTATE:
        if (user->key_count >= BYOK_USER_KEYS_MAX &&
            !byok_user_key_find(user, task->request.provider, task->request.label))
            return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                                  "the user has %d keys, which is as many as there may be: delete "
                                  "one first",
                                  BYOK_USER_KEYS_MAX);
        return find_provider(env, task->request.provider, &task->provider, fault);
    case BYOK_REQUEST_KEY_CHECK:
        err = find_provider(env, task->request.provider, &task->provider, fault);
        return err == BYOK_E_OK
                   ? find_label(user, task, task->request.provider, &task->request.label)
                   : err;
    case BYOK_REQUEST_KEY_DELETE: /* also of a provider that is configured no more */
    case BYOK_REQUEST_USER_CONFIGURE:
    case BYOK_REQUEST_JOB_CANCEL:
    case BYOK_REQUEST_TYPE_COUNT:
        break;
    }
    return BYOK_E_OK;
}

static bool is_none(struct byok_str name)
{
    return byok_str_is(name, "-");
}

static void choose(char *to, size_t room, struct byok_str name)
{
    if (name.len == 0)
        return;
    size_t len = is_none(name) ? 0 : name.len < room ? name.len : room - 1;
    memcpy(to, name.ptr, len);
    to[len] = '\0';
}

static void set_limit(int64_t *limit, int64_t setting)
{
    if (setting != BYOK_SETTING_UNCHANGED)
        *limit = setting == BYOK_SETTING_DEFAULT ? -1 : setting;
}

/* Whether the user has all keys that are to be defaults. */
static enum byok_err check_default_keys(const struct byok_user_settings *settings,
                                        const struct byok_user_record *user,
                                        struct byok_fault *fault)
{
    const struct byok_value *map = settings->default_keys;
    for (uint32_t i = 0; map && i < map->count; i++) {
        const struct byok_member *member = &map->as.members[i];
        struct byok_str label = byok_value_as_str(&member->value);
        if (label.len > 0 && !byok_user_key_find(user, member->name, label))
            return byok_fault_set(fault, BYOK_E_NO_KEY,
                                  "the user has no key for provider %.*s with label \"%.*s\": "
                                  "register it, then make it the default",
                                  BYOK_STR_ARG(member->name), BYOK_STR_ARG(label));
    }
    return BYOK_E_OK;
}

enum byok_err byok_configure(const struct byok_env *env, const struct byok_user_settings *settings,
                             struct byok_user_record *user, struct byok_fault *fault)
{
    enum byok_err err;
    for (size_t i = 0; i < BYOK_CAPABILITY_COUNT; i++) {
        const struct byok_provider *unused;
        struct byok_str name = settings->provider[i];
        if (name.len == 0 || is_none(name))
            continue;
        err = find_provider(env, name, &unused, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    err = check_default_keys(settings, user, fault);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_value *keys = settings->default_keys;
    for (uint32_t i = 0; keys && i < keys->count; i++)
        byok_user_key_prefer(user, keys->as.members[i].name,
                             byok_value_as_str(&keys->as.members[i].value));
    for (size_t i = 0; i < BYOK_CAPABILITY_COUNT; i++) {
        choose(user->choice[i].provider, sizeof user->choice[i].provider, settings->provider[i]);
        choose(user->choice[i].model, sizeof user->choice[i].model, settings->model[i]);
    }
    set_limit(&user->requests_per_minute, settings->requests_per_minute);
    set_limit(&user->tokens_per_minute, settings->tokens_per_minute);
    set_limit(&user->concurrency, settings->concurrency);
    set_limit(&user->budget, settings->budget);
    if (settings->budget >= 0)
        user->budget_period = settings->budget_period;
    return BYOK_E_OK;
}
