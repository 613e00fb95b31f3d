/* SPDX-License-Identifier: MIT */
/* demo/sim_wire.h - the common form of what a client asks for, and what a wire format adds to it.
 *
 * A wire reads its own requests into a struct sim_request and writes its own answers, errors and
 * headers; keys, faults, the ledger and the clock know nothing of it.  Its functions are pure: the
 * same request gives the same answer in every run, but for its number and time.  Any thread.
 */
#ifndef BYOK_DEMO_SIM_WIRE_H
#define BYOK_DEMO_SIM_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

#define SIM_STR(literal) ((struct byok_str)BYOK_STR(literal))

struct yyjson_doc;
struct yyjson_val;

/** What is asked for; all but the list of models is paid. */
enum sim_task {
    SIM_MODELS,
    SIM_CHAT,
    SIM_EMBEDDINGS,
    SIM_SPEECH,
    SIM_TRANSCRIPTION,
    SIM_IMAGES,
    SIM_TASKS
};

/** Why a request fails; each wire has its own status and words for it. */
enum sim_class {
    SIM_OTHER, /* by its status alone */
    SIM_BAD_REQUEST,
    SIM_NO_KEY,
    SIM_INVALID_KEY,
    SIM_OUT_OF_MONEY,
    SIM_FORBIDDEN,
    SIM_NO_SUCH_PATH,
    SIM_NO_SUCH_MODEL,
    SIM_TOO_LARGE,
    SIM_CONTEXT_TOO_LONG,
    SIM_CONTENT_REFUSED,
    SIM_RATE_LIMITED,
    SIM_DAY_LIMITED, /* by day or month */
    SIM_CONCURRENCY_LIMITED,
    SIM_TIMED_OUT, /* the service gave up */
    SIM_SERVER_ERROR,
    SIM_OVERLOADED,
    SIM_CLASSES
};

struct sim_error {
    enum sim_class class;
    unsigned status;   /* 0: that of the wire for its class, and so for what else is empty */
    const char *type;  /* what the wire makes of these three is its own matter; NULL: none */
    const char *code;
    const char *param;
    char message[320];
};

/** A recording: what of it a request can choose. */
struct sim_sound {
    enum sim_codec { SIM_WAV, SIM_PCM, SIM_MP3, SIM_FLAC, SIM_OPUS } codec;
    uint32_t rate; /* samples a second */
};

/** A request as it came. */
struct sim_input {
    const void *connection; /* for sim_argument and sim_header_of */
    struct byok_str body;
    struct byok_str name; /* what stood for the path's star */
};

/** What of a request matters for the answer; texts are borrowed from `doc` or from the input. */
struct sim_request {
    enum sim_task task;
    struct yyjson_doc *doc; /* owned; NULL for a form */
    struct byok_str model;
    struct byok_buf prompt; /* all texts of the request, a line each */
    uint32_t input_tokens;
    bool wants_stream, wants_usage;
    bool writes_cache, writes_1h; /* the prompt, for an hour */
    uint32_t max_tokens; /* 0: no limit */
    struct byok_str *inputs; /* of embeddings; owned */
    uint32_t input_count, dimensions;
    bool wants_base64; /* of embeddings and images */
    struct sim_sound sound;
    struct byok_str format, audio, file_name, language;
    uint32_t image_count;
    bool wants_words, wants_segments, wants_speakers;
};

/** A chat's answer: its text and what it costs. */
struct sim_text {
    struct byok_buf text;
    uint32_t tokens;
    bool is_cut; /* by max_tokens */
};

/** What an answer is made of. */
struct sim_answer {
    const struct sim_request
        *request; /* NULL: of the list of models, or an error before it was read */
    const struct sim_text *text;       /* of a chat, else NULL */
    uint64_t number;                   /* of the request, for ids */
    int64_t now_s;                     /* wall time */
};

/** The headers that an answer goes out with, by name. */
struct sim_headers {
    unsigned count;
    struct {
        const char *name;
        char value[80];
    } list[16];
};

/** Where a wait is told, by services that know more than one place for it. */
enum sim_telling {
    SIM_TOLD_IN_S,  /* Retry-After in whole seconds */
    SIM_TOLD_IN_MS, /* retry-after-ms */
    SIM_TOLD_BY_DATE, /* Retry-After as an HTTP date */
    SIM_TOLD_BY_RESET, /* only when the limit is reset: headers of the service's own */
};

/** What an answer says of the limits. */
struct sim_limits {
    const struct sim_answer *answer;
    const struct sim_error *error; /* NULL: it is no refusal */
    int64_t wait_ms; /* to be told; < 0: nothing */
    enum sim_telling telling;
};

struct sim_endpoint {
    enum sim_task task; /* a read may choose another */
    const char *method; /* NULL ends the table */
    const char *path; /* behind the mount; a star stands for one name */
    /* NULL: nothing to read.  False with `ret_error` set: its class, and what else the wire's own
     * row of that class does not say.  sim_request_done is due in both cases. */
    bool (*read)(const struct sim_input *input, struct sim_request *request,
                 struct sim_error *ret_error);
    /* Append the answer; its content type. */
    const char *(*write)(const struct sim_answer *answer, struct byok_buf *out);
};

struct sim_wire {
    const char *name;
    const char *mount; /* "/anthropic"; "" for the one that has none */
    const char *auth_header, *auth_scheme;
    const char *key_start; /* of keys that are accepted when no list of them was given */
    const struct sim_endpoint *endpoints;
    const struct sim_error *errors; /* one of each class that the service knows, and others */
    size_t error_count;
    void (*add_error)(const struct sim_limits *limits, struct byok_buf *out);
    void (*add_headers)(const struct sim_limits *limits, struct sim_headers *out);
    /* NULL, or: the message for a key that is not accepted */
    void (*refuse_key)(struct byok_str key, struct sim_error *error);
};

/* ---- what the server asks ---- */

/** The wire whose mount `url` begins with; `ret_path` is what stands behind it. */
const struct sim_wire *sim_wire_find(const char *url, const char **ret_path) BYOK_NONNULL(1, 2);

/** The endpoint, and what stood for its star; NULL: there is none. */
const struct sim_endpoint *sim_wire_endpoint(const struct sim_wire *wire, const char *method,
                                             const char *path, struct byok_str *ret_name)
    BYOK_NONNULL(1, 2, 3, 4);

/** Put in what the wire says for the error's class, or for its status where that is SIM_OTHER. */
void sim_wire_complete(const struct sim_wire *wire, struct sim_error *error) BYOK_NONNULL(1, 2);

/** The task's name in the ledger and in rules; the class's name in rules. */
const char *sim_task_name(enum sim_task task);
bool sim_class_find(struct byok_str name, enum sim_class *ret_class) BYOK_NONNULL(2);

/** Release what a read took; fine on a zeroed request. */
void sim_request_done(struct sim_request *request) BYOK_NONNULL(1);

/* ---- what wires share ---- */

/** A member of the query, or a header; NULL: there is none. */
const char *sim_argument(const struct sim_input *input, const char *name) BYOK_NONNULL(1, 2);
const char *sim_header_of(const struct sim_input *input, const char *name) BYOK_NONNULL(1, 2);

/** Fill an error; always false, for a read to return. */
bool sim_refuse(struct sim_error *error, enum sim_class class, const char *format, ...)
    BYOK_NONNULL(1, 3) BYOK_PRINTF(3, 4);

/** Parse the body: its root, or NULL when it is no JSON object. */
struct yyjson_val *sim_read_json(struct byok_str body, struct sim_request *request) BYOK_NONNULL(2);

/** Set the model; false for one whose name holds "does-not-exist", as tests need one. */
bool sim_take_model(struct sim_request *request, struct byok_str model) BYOK_NONNULL(1);

/** Add a text to the prompt; a value that is none adds nothing. */
void sim_add_text(struct sim_request *request, struct byok_str text) BYOK_NONNULL(1);

/** Add the texts of a content: a string, or an array of parts of which those with a text count. */
void sim_add_content(struct sim_request *request, struct yyjson_val *content) BYOK_NONNULL(1);

/** Whether each part of a content that is an array has one of these types (ended by NULL). */
bool sim_are_parts(struct yyjson_val *content, const char *const *types) BYOK_NONNULL(2);

/** Take a text to embed, an array of them (at most `max`), or one more; false: empty or none. */
bool sim_take_inputs(struct sim_request *request, struct yyjson_val *input, uint32_t max)
    BYOK_NONNULL(1) BYOK_MUST_USE;

/** The text that a value is; the empty one for any other. */
struct byok_str sim_text_of(struct yyjson_val *value);
struct byok_str sim_member_text(struct yyjson_val *object, const char *name) BYOK_NONNULL(2);

/** Whether a text is one of `words` (ended by NULL). */
bool sim_is_one_of(struct byok_str text, const char *const *words) BYOK_NONNULL(2);

/** A number of 0 to UINT32_MAX; 0 for anything else. */
uint32_t sim_small_number(struct yyjson_val *number);

/** What parts words. */
bool sim_is_space(char c);

/** About what a tokenizer gives for English: four tokens for three words. */
uint32_t sim_tokens(struct byok_str text);

/** How many characters a text of UTF-8 has. */
uint32_t sim_characters(struct byok_str text);

/** Whether it is a refusal for a limit that waiting helps against. */
bool sim_is_limited(const struct sim_limits *limits) BYOK_NONNULL(1);

/** The wait in whole seconds, rounded up; < 0: none. */
int64_t sim_wait_s(const struct sim_limits *limits) BYOK_NONNULL(1);

/** A wait as Go writes durations: "20ms", "1.5s", "6m0s". */
const char *sim_duration(int64_t ms, char room[static 40]);

/** Tell the wait in Retry-After or retry-after-ms, as it is to be told. */
void sim_header_wait(const struct sim_limits *limits, struct sim_headers *out) BYOK_NONNULL(1, 2);

/** Add a header. */
void sim_header(struct sim_headers *out, const char *name, const char *format, ...)
    BYOK_NONNULL(1, 2, 3) BYOK_PRINTF(3, 4);

#endif
