/* SPDX-License-Identifier: MIT */
/* worker/harden.h - what the process gives up before it sees a key. */
#ifndef BYOK_WORKER_HARDEN_H
#define BYOK_WORKER_HARDEN_H

/** No core files, no tracing by others of the same user, new files for their owner only, no
 *  SIGPIPE; as much locked memory and as many files as the hard limits allow.  Each of these is
 *  done as far as the system lets it: a limit that matters fails where it is used, with its name.
 *  By the first thread, before there is a second one. */
void byok_harden(void);

#endif
