/* SPDX-License-Identifier: MIT */
/* actors/user/authorize.h - whether a key command may be carried out: its signature, when one is
 * needed.
 */
#ifndef BYOK_ACTORS_USER_AUTHORIZE_H
#define BYOK_ACTORS_USER_AUTHORIZE_H

#include "actors/env.h"

/** Whether the request may change keys.  With signers in the settings every key.register,
 *  key.rotate and key.delete needs the signature of one of them, not older than an envelope may be.
 *  BYOK_E_UNAUTHORIZED: the text says what is wrong with it. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_authorize(const struct byok_env *env, const struct byok_request *request,
                             struct byok_fault *fault);

#endif
