/* SPDX-License-Identifier: MIT */
/* actors/provider/speech.h - text to speech that is longer than its provider takes: parts, in
 * order, joined.
 *
 * Each part is a call of its own, with its turn, its place in the limits and its claim.  What is
 * spoken so far is in memory only, in the task.  While there is any, the job's claim stands and the
 * job is not parked: who meets it after a crash, or after a partition has moved, knows that parts
 * were paid for, and ends it as unknown or, when it says on_unknown: retry, begins anew.
 * Thread: the shard's.
 */
#ifndef BYOK_ACTORS_PROVIDER_SPEECH_H
#define BYOK_ACTORS_PROVIDER_SPEECH_H

#include "actors/env.h"
#include "actors/message.h"

/* A job notes 16 attempts, and its parts are attempts; four are left for retries.  An answer of the
 * usual 32 MiB is not much more: 12 parts of OpenAI's 4,096 characters are nearly an hour. */
#define BYOK_SPEECH_PARTS_MAX 12u

struct byok_speech {
    uint32_t count, done; /* parts; those spoken */
    struct byok_str texts[BYOK_SPEECH_PARTS_MAX], audio[BYOK_SPEECH_PARTS_MAX];
    size_t audio_bytes;
    struct byok_usage usage; /* of all calls for them */
    struct byok_usage last; /* of the last one */
    struct byok_request request; /* the job's, with the text of the next part */
};

/** A routed job whose text is too long for its provider gets task->speech, in its arena; of others
 *  nothing changes.  BYOK_E_UNSUPPORTED: the audio could not be joined, or is to be streamed;
 *  BYOK_E_TOO_LARGE: too many parts; BYOK_E_NOMEM. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_speech_look(struct byok_task *task, struct byok_fault *fault);

/** What was said before the next part and what comes after it, as far as it helps the voice. */
void byok_speech_context(const struct byok_task *task, struct byok_str *before,
                         struct byok_str *after) BYOK_NONNULL(1, 2, 3);

/** The call for a part has ended, its answer or fault is in the task: with a good one the part is
 *  done, task->more says that there are others, and the last one's answer is all of the audio,
 *  joined.  In any case the usage is that of all parts.  BYOK_E_NOMEM: nothing of it counts; call
 *  again. */
BYOK_MUST_USE BYOK_NONNULL(1, 2)
enum byok_err byok_speech_took(const struct byok_settings *settings, struct byok_task *task);

/** Whether parts of it were paid for that only this task holds. */
static inline bool byok_speech_holds(const struct byok_task *task)
{
    return task->speech && task->speech->done > 0;
}

/** What the task's last call used. */
static inline const struct byok_usage *byok_speech_usage(const struct byok_task *task)
{
    return task->speech ? &task->speech->last : &task->answer.usage;
}

/** Calls of it that were made well and are not its last. */
static inline uint32_t byok_speech_done(const struct byok_task *task)
{
    return task->speech ? task->speech->done : 0;
}

#endif
