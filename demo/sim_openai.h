/* SPDX-License-Identifier: MIT */
/* demo/sim_openai.h - OpenAI's wire format: bodies read and bodies written.
 *
 * Pure functions on bytes; the same request gives the same answer in every run (but for its id and
 * time).  Nothing here knows about connections, keys or faults.
 */
#ifndef BYOK_DEMO_SIM_OPENAI_H
#define BYOK_DEMO_SIM_OPENAI_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/buf.h"
#include "base/str.h"

struct yyjson_doc;

/** Why a request is refused, in the terms of OpenAI's error body. */
struct sim_error {
    unsigned status;
    const char *type;
    const char *param; /* NULL: null */
    const char *code;  /* NULL: null */
    char message[320];
};

/** What of a request's body matters for the answer. */
struct sim_request {
    struct yyjson_doc *doc; /* owned; `model` points into it */
    struct byok_str model;
    struct byok_buf prompt; /* all texts of the request, a line each */
    uint32_t input_tokens;
    /* chat */
    bool wants_stream, wants_usage;
    uint32_t max_tokens; /* 0: no limit */
    /* embeddings; wants_base64 of images too */
    uint32_t input_count, dimensions;
    bool wants_base64;
    /* speech, transcriptions, images; the texts are borrowed from doc or from the form */
    struct byok_str format, audio, file_name, language;
    uint32_t image_count;
    bool wants_words, wants_segments;
};

/** The answer's identity, given by the server. */
struct sim_identity {
    uint64_t number; /* of the request, for its id */
    int64_t created_s;
};

/** Read a chat body; false with `ret_error` set. In both cases sim_request_done is due. */
bool sim_openai_read_chat(struct byok_str body, struct sim_request *request,
                          struct sim_error *ret_error) BYOK_NONNULL(2, 3) BYOK_MUST_USE;

/** Read an embeddings body; as above. */
bool sim_openai_read_embeddings(struct byok_str body, struct sim_request *request,
                                struct sim_error *ret_error) BYOK_NONNULL(2, 3) BYOK_MUST_USE;

/** What the reads of JSON bodies begin with: the document and the model; as above. */
bool sim_openai_read_body(struct byok_str body, struct sim_request *request,
                          struct sim_error *ret_error) BYOK_NONNULL(2, 3) BYOK_MUST_USE;

/** Fill an error of status 400; false, for a read to return.  `param` and `code` are literals or
 *  NULL. */
bool sim_openai_refuse(struct sim_error *error, const char *param, const char *code,
                       const char *message) BYOK_NONNULL(1, 4);

/** About what a tokenizer gives for English: four tokens for three words. */
uint32_t sim_openai_tokens(struct byok_str text);

/** Release what a read took; fine on a zeroed request. */
void sim_request_done(struct sim_request *request) BYOK_NONNULL(1);

/** A chat answer: its text and what it costs. */
struct sim_text {
    struct byok_buf text;
    uint32_t tokens;
    bool is_cut; /* by max_tokens */
};

/** Make the answer's text, of about `words` words. */
void sim_openai_answer(const struct sim_request *request, uint32_t words, struct sim_text *ret_text)
    BYOK_NONNULL(1, 3);

/** Append the chat answer up to and including the opening quote of its content, and what follows
 *  its closing quote: parted so that the content between may be of any size. */
void sim_openai_chat_head(const struct sim_request *request, struct sim_identity identity,
                          struct byok_buf *out) BYOK_NONNULL(1, 3);
void sim_openai_chat_tail(const struct sim_request *request, const struct sim_text *text,
                          struct byok_buf *out) BYOK_NONNULL(1, 2, 3);

/** Append the whole chat answer. */
void sim_openai_chat(const struct sim_request *request, struct sim_identity identity,
                     const struct sim_text *text, struct byok_buf *out) BYOK_NONNULL(1, 3, 4);

/** Append the chat answer as server-sent events, [DONE] included. */
void sim_openai_stream(const struct sim_request *request, struct sim_identity identity,
                       const struct sim_text *text, struct byok_buf *out) BYOK_NONNULL(1, 3, 4);

/** Append the embeddings answer. */
void sim_openai_embeddings(const struct sim_request *request, struct byok_buf *out)
    BYOK_NONNULL(1, 2);

/** Append the list of models. */
void sim_openai_models(struct byok_buf *out) BYOK_NONNULL(1);

/** Append an error body. */
void sim_openai_error(const struct sim_error *error, struct byok_buf *out) BYOK_NONNULL(1, 2);

/** Fill type, code and message with what OpenAI says for `status`. */
void sim_openai_default_error(unsigned status, struct sim_error *ret_error) BYOK_NONNULL(2);

#endif
