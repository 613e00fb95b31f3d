/* SPDX-License-Identifier: MIT */
/* actors/provider/provider.h - what spawns a provider actor. */
#ifndef BYOK_ACTORS_PROVIDER_PROVIDER_H
#define BYOK_ACTORS_PROVIDER_PROVIDER_H

#include "actors/actor.h"

/** Its argument is `const size_t *`: the index of its provider in the env. */
extern const struct byok_behavior byok_actor_provider;

#endif
