/* SPDX-License-Identifier: MIT */
/* worker/instance.h - a name for this worker that is the same at each start. */
#ifndef BYOK_WORKER_INSTANCE_H
#define BYOK_WORKER_INSTANCE_H

#include "base/attr.h"

#define BYOK_INSTANCE_BYTES 33 /* 32 hex digits and the end */

/** A name made of the host's name and the data folder (its path and inode, since containers with
 *  the host's network have folders of one path).  Another name after a move costs only the wait
 *  for the timeout of a transaction that was left open.  After sodium_init. */
void byok_instance_derive(const char *data_dir, char out[static BYOK_INSTANCE_BYTES])
    BYOK_NONNULL(1, 2);

#endif
