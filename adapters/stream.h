/* SPDX-License-Identifier: MIT */
/* adapters/stream.h - what an answer is made of while it comes: deltas, and the whole of them.
 *
 * An adapter's `event` puts what an event says into a stream.  Two readers use it: while the bytes
 * come, deltas are taken out and published; when all are there, a second stream over the whole body
 * makes the answer, so that the answer never depends on how the bytes were cut.
 * Pure; one thread at a time.  Nothing is kept of an event but what is put here.
 */
#ifndef BYOK_ADAPTERS_STREAM_H
#define BYOK_ADAPTERS_STREAM_H

#include "adapters/adapter.h"
#include "adapters/sse.h"

/* Tool calls of one answer; OpenAI takes at most 128 tools. */
#define BYOK_STREAM_TOOLS_MAX 128

enum byok_delta_kind {
    BYOK_DELTA_TEXT,
    BYOK_DELTA_REASONING,
    BYOK_DELTA_REFUSAL,
    BYOK_DELTA_TOOL,
    BYOK_DELTA_AUDIO,
    BYOK_DELTA_IMAGE,
};

/* A stretch of one thing; what comes next of the same is added to it. */
struct byok_delta {
    struct byok_delta *next;
    enum byok_delta_kind kind;
    uint32_t tool;         /* TOOL, IMAGE: which, from 0 */
    struct byok_buf bytes; /* the text, the media's bytes; TOOL: of the arguments */
    struct byok_buf id, name, signature; /* TOOL; empty: said before, or not.  Of media `name` is
                                            the media type, of an image that is elsewhere `id` its
                                            address */
};

struct byok_stream {
    struct byok_sse sse;
    struct byok_delta *first, *last;
    size_t left_bytes; /* that deltas may still take */
    int64_t tools[BYOK_STREAM_TOOLS_MAX]; /* the provider's numbers of the tool calls */
    uint32_t tool_count, image_count;
    size_t text_bytes, audio_bytes; /* put so far */
    char base64[3]; /* the end of a piece of audio, that cannot be decoded without the next */
    size_t base64_len;
    bool without_reasoning; /* it is not wanted */
    bool ended;             /* the provider has said that the answer is whole */
    bool failed, overflow;
    enum byok_finish finish;
    struct byok_usage usage;
    struct byok_buf model, id;
    const struct byok_http_response *response; /* of what is read; its body is empty as yet */
    struct byok_value
        *raw; /* a list to put every event's tree into, in the call's arena; or NULL */
};

/** An empty stream whose deltas may take `cap_bytes`; reading one event may take some multiple of
 *  that for a while.  `response` is borrowed. */
void byok_stream_init(struct byok_stream *stream, size_t cap_bytes,
                      const struct byok_http_response *response) BYOK_NONNULL(1, 3);

/** Release. A zeroed one is fine. */
void byok_stream_done(struct byok_stream *stream) BYOK_NONNULL(1);

/** Read the next bytes of a text/event-stream with the events of the call's adapter.
 *  BYOK_E_BAD_ANSWER, what an error event means, BYOK_E_TOO_LARGE, BYOK_E_NOMEM; after an error
 *  nothing more may be fed. */
enum byok_err byok_stream_feed(const struct byok_adapter_call *call, struct byok_stream *stream,
                               struct byok_str bytes, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2);

/** Take out the oldest delta, NULL when there is none; the caller frees it. */
struct byok_delta *byok_stream_take(struct byok_stream *stream) BYOK_NONNULL(1);
void byok_delta_free(struct byok_delta *delta);

/** Whether the body is a stream of events, and not (as errors are, and answers of services that do
 *  not stream) JSON or a page. */
bool byok_stream_is(const struct byok_http_response *response) BYOK_NONNULL(1);

/** The answer of a whole event stream.  As an adapter's parse; BYOK_E_CUT_OFF: the provider did not
 *  say that it was at its end. */
enum byok_err byok_stream_read(const struct byok_adapter_call *call,
                               const struct byok_http_response *response, size_t cap_bytes,
                               struct byok_answer *out, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2, 4);

/** What deltas are joined to: text, tool calls, refusal, audio and images, and the finish reason
 *  that follows. */
void byok_stream_answer(const struct byok_adapter_call *call, const struct byok_stream *stream,
                        struct byok_answer *out) BYOK_NONNULL(1, 2, 3);

/* ---- for the adapters' event functions ---- */

/** Append to a text. Nothing when it is empty. */
void byok_stream_put(struct byok_stream *stream, enum byok_delta_kind kind, struct byok_str text)
    BYOK_NONNULL(1);

/* A part of a tool call; empty: unsaid. */
struct byok_tool_part {
    struct byok_str id, name, arguments, signature;
};

/** Append to the tool call that the provider gives that number. */
void byok_stream_put_tool(struct byok_stream *stream, int64_t number,
                          const struct byok_tool_part *part) BYOK_NONNULL(1, 3);

/* Audio or an image; `url` instead of bytes: where an image is. */
struct byok_media_part {
    struct byok_str media_type, url, bytes;
};

/** Append to the audio.  Its media type is what the first part says. */
void byok_stream_put_audio(struct byok_stream *stream, const struct byok_media_part *part)
    BYOK_NONNULL(1, 2);

/** An image, which is whole. */
void byok_stream_put_image(struct byok_stream *stream, const struct byok_media_part *part)
    BYOK_NONNULL(1, 2);

/** Note the model or the id of the answer: the first that is said stays. */
void byok_stream_say(struct byok_stream *stream, struct byok_buf *what, struct byok_str text)
    BYOK_NONNULL(1, 2);

/** The later of two counts of usage: what is said goes before what was. */
void byok_stream_usage(struct byok_stream *stream, const struct byok_usage *usage)
    BYOK_NONNULL(1, 2);

#endif
