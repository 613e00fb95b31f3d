/* SPDX-License-Identifier: MIT */
/* actors/env.c - see actors/env.h. */
#include "actors/env.h"

#include "actors/provider/provider.h"
#include "base/mem.h"

#define ACTOR(name) extern const struct byok_behavior byok_actor_##name;
#include "actors/actors.def"
#undef ACTOR

size_t byok_env_provider(const struct byok_env *env, struct byok_str name)
{
    for (size_t i = 0; i < env->provider_count; i++) {
        if (byok_str_is(name, env->providers[i].name))
            return i;
    }
    return SIZE_MAX;
}

enum byok_err byok_shard_actors(struct byok_system *system, struct byok_env *env)
{
#define ACTOR(name)                                                                                \
    env->name = byok_spawn(system, &byok_actor_##name, NULL);                                      \
    if (!env->name)                                                                                \
        return BYOK_E_NOMEM;
#include "actors/actors.def"
#undef ACTOR
    env->provider_actors = byok_new(env->provider_count + 1, sizeof *env->provider_actors);
    if (!env->provider_actors)
        return BYOK_E_NOMEM;
    for (size_t i = 0; i < env->provider_count; i++) {
        env->provider_actors[i] = byok_spawn(system, &byok_actor_provider, &i);
        if (!env->provider_actors[i])
            return BYOK_E_NOMEM;
    }
    return BYOK_E_OK;
}
