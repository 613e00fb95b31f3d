/* SPDX-License-Identifier: MIT */
/* demo/sim_openai.h - OpenAI's bodies, for its own wire and for those that share its form. */
#ifndef BYOK_DEMO_SIM_OPENAI_H
#define BYOK_DEMO_SIM_OPENAI_H

#include "demo/sim_members.h"
#include "demo/sim_wire.h"

/** Read a body; see struct sim_endpoint. */
bool sim_openai_read_chat(const struct sim_input *input, struct sim_request *request,
                          struct sim_error *error) BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;
bool sim_openai_read_response(const struct sim_input *input, struct sim_request *request,
                              struct sim_error *error) BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;
bool sim_openai_read_embeddings(const struct sim_input *input, struct sim_request *request,
                                struct sim_error *error) BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;
bool sim_openai_read_speech(const struct sim_input *input, struct sim_request *request,
                            struct sim_error *error) BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;
bool sim_openai_read_image(const struct sim_input *input, struct sim_request *request,
                           struct sim_error *error) BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;
bool sim_openai_read_transcription(const struct sim_input *input, struct sim_request *request,
                                   struct sim_error *error) BYOK_NONNULL(1, 2, 3) BYOK_MUST_USE;

/** Append an answer; its content type. */
const char *sim_openai_chat(const struct sim_answer *answer, struct byok_buf *out)
    BYOK_NONNULL(1, 2);
const char *sim_openai_response(const struct sim_answer *answer, struct byok_buf *out)
    BYOK_NONNULL(1, 2);
const char *sim_openai_embeddings(const struct sim_answer *answer, struct byok_buf *out)
    BYOK_NONNULL(1, 2);
const char *sim_openai_speech(const struct sim_answer *answer, struct byok_buf *out)
    BYOK_NONNULL(1, 2);
const char *sim_openai_transcription(const struct sim_answer *answer, struct byok_buf *out)
    BYOK_NONNULL(1, 2);
const char *sim_openai_image(const struct sim_answer *answer, struct byok_buf *out)
    BYOK_NONNULL(1, 2);
const char *sim_openai_models(const struct sim_answer *answer, struct byok_buf *out)
    BYOK_NONNULL(1, 2);

/** {"object": "list", "data": [...], "model": ..., which a member of usage and a brace end. */
void sim_openai_add_embeddings(const struct sim_request *request, struct byok_buf *out)
    BYOK_NONNULL(1, 2);

/** The document, its members and the model, as every JSON body of OpenAI's begins; its root, or NULL
 *  with `error` set. */
struct yyjson_val *sim_openai_read_body(const struct sim_input *input,
                                        const struct sim_member *members,
                                        struct sim_request *request, struct sim_error *error)
    BYOK_NONNULL(1, 2, 3, 4);

/** Fill an error of a bad request; false.  `param` and `code` are literals or NULL. */
bool sim_openai_refuse(struct sim_error *error, const char *param, const char *code,
                       const char *message) BYOK_NONNULL(1, 4);

/** {"error": {"message", "type", "param", "code"}} */
void sim_openai_error(const struct sim_limits *limits, struct byok_buf *out) BYOK_NONNULL(1, 2);

#endif
