/* SPDX-License-Identifier: MIT */
/* tests/unit/client/kit.h - what the client's tests share: running a command in this process, a
 * broker in memory (librdkafka's mock cluster), and a worker that answers.
 */
#ifndef BYOK_TESTS_UNIT_CLIENT_KIT_H
#define BYOK_TESTS_UNIT_CLIENT_KIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/str.h"
#include "client/cli.h"
#include "vault_rocks/sign.h"

#define KIT_KEY "sk-test-0123456789abcdefghijklmnopqrstuvwxyzABCDEF"
/* a partition of the mock cluster keeps 5 MiB, and 20,000 results twice are 14 MiB */
#define KIT_PARTITIONS 12

/* What a command left. */
struct kit_run {
    enum byok_exit code;
    char *out, *err; /* NUL-terminated */
};

/** Run `byok` with the words of `line`, split at spaces ('_' in a word is a space, '__' an underscore), and
 *  with `input` on standard input (NULL: nothing). */
struct kit_run kit_byok(const char *line, const char *input);
void kit_run_done(struct kit_run *run);

struct kit_broker;

/** A broker with the topics; BYOK_BROKERS is set to it. */
struct kit_broker *kit_broker_new(void);
void kit_broker_free(struct kit_broker *broker);

/* How the worker below answers. */
struct kit_worker_options {
    bool twice; /* every result is published two times */
    bool silent; /* no answers at all */
    const struct byok_signer *signer; /* counts what it has signed */
};

/* A worker of its own thread: takes requests, answers chat jobs with "echo: " and the prompt (the
 * prompts "fail" and "unclear" end so), opens envelopes, publishes usage. */
struct kit_worker;

struct kit_worker *kit_worker_new(struct kit_broker *broker,
                                  const struct kit_worker_options *options);

/** The thread ends before this returns; what it saw can be asked after it. */
void kit_worker_stop(struct kit_worker *worker);
void kit_worker_free(struct kit_worker *worker);

/** The public key that envelopes must be sealed for, in base64; static. */
const char *kit_vault_key(void);

/** How many requests came. */
size_t kit_worker_count(const struct kit_worker *worker);

/** Whether the bytes occur in any request, as they came: key, value and headers. */
bool kit_worker_saw(const struct kit_worker *worker, const char *text);

/** The key that the last envelope held; NUL-terminated, "" for none. */
const char *kit_worker_key(const struct kit_worker *worker);

/** Put a record on a topic, on the canonical partition of its key. */
void kit_produce(struct kit_broker *broker, const char *topic, const char *key, const char *value,
                 const char *const *headers, size_t header_count);

/** Put a record of any bytes on the canonical partition of a user. */
void kit_produce_bytes(struct kit_broker *broker, const char *topic, struct byok_str user,
                       struct byok_str key, struct byok_str value);

/** Add all records of a topic to `out`, a line each: key|value|header=value|… */
void kit_read(struct kit_broker *broker, const char *name, struct byok_buf *out);

/** How many requests the signer of the options had signed. */
size_t kit_worker_verified(const struct kit_worker *worker);

#endif
