/* SPDX-License-Identifier: MIT */
/* actors/user/user.h - what spawns a user actor. */
#ifndef BYOK_ACTORS_USER_USER_H
#define BYOK_ACTORS_USER_USER_H

#include "actors/actor.h"

extern const struct byok_behavior byok_actor_user;

/* The argument of byok_spawn; the id is copied. */
struct byok_user_arg {
    int32_t partition;
    uint32_t epoch;
    struct byok_str id;
};

#endif
