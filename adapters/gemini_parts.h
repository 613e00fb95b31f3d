/* SPDX-License-Identifier: MIT */
/* adapters/gemini_parts.h - what the files of the gemini adapter share; for no other file. */
#ifndef BYOK_ADAPTERS_GEMINI_PARTS_H
#define BYOK_ADAPTERS_GEMINI_PARTS_H

#include "adapters/kit.h"

/* gemini.c */

/** The call's model without the prefix "models/" that lists of models show. */
struct byok_str byok_gemini_model(const struct byok_adapter_call *call) BYOK_NONNULL(1);

/** A POST of `body` to /models/<model>:<method>, the model's name percent-encoded. */
enum byok_err byok_gemini_post(const struct byok_adapter_call *call, const char *method,
                               const struct byok_value *body, struct byok_http_request *out,
                               struct byok_fault *fault) BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4);

/** A POST to :generateContent, with the job's provider_options over the body.  BYOK_E_UNSUPPORTED:
 *  an option whose answer could not be read. */
enum byok_err byok_gemini_generate(const struct byok_adapter_call *call, struct byok_value *body,
                                   struct byok_http_request *out, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2, 3);

/** {"contents": [{"role": "user", "parts": [{"text"}]}]}, for what is no conversation. */
struct byok_value byok_gemini_prompt(const struct byok_adapter_call *call, struct byok_str text)
    BYOK_NONNULL(1);

/** What all answers have: `out` is set anew, with model, id, usage and raw; `root` is the answer's
 *  tree.  An error object in an answer of status 200 is an error. */
enum byok_err byok_gemini_read(const struct byok_adapter_call *call,
                               const struct byok_http_response *response, struct byok_value *root,
                               struct byok_answer *out, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4);

/** The usageMetadata of an answer, as byokd counts; all unsaid for NULL. */
struct byok_usage byok_gemini_usage(const struct byok_value *usage);

/* gemini_messages.c */

/** The job's prompt or messages as "contents" and "systemInstruction" of `body`. */
enum byok_err byok_gemini_put_messages(const struct byok_adapter_call *call,
                                       struct byok_value *body, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2);

/* gemini_content.c */

/** A content (a text or a list of parts) as Gemini's parts, appended to `parts`.  What is wrong,
 *  for people, or NULL. */
const char *byok_gemini_put_parts(const struct byok_adapter_call *call,
                                  const struct byok_value *content, struct byok_value *parts)
    BYOK_MUST_USE BYOK_NONNULL(1, 3);

/** Append a text part; nothing when the text is empty. */
void byok_gemini_put_text(const struct byok_adapter_call *call, struct byok_str text,
                          struct byok_value *parts) BYOK_NONNULL(1, 3);

/* gemini_answer.c */

/** One word for a finishReason; one that is not known, or none, is left unsaid. */
enum byok_finish byok_gemini_finish(struct byok_str reason);

/** The parts of the first candidate: an array, perhaps of none, and why it ended.  False: the
 *  answer holds no candidate and does not say that the prompt was blocked. */
bool byok_gemini_candidate(const struct byok_value *root, const struct byok_value **parts,
                           enum byok_finish *finish) BYOK_NONNULL(1, 2, 3);

/** The texts of the parts joined; thoughts are no part of an answer. */
struct byok_str byok_gemini_text(const struct byok_adapter_call *call,
                                 const struct byok_value *parts) BYOK_NONNULL(1);

/** The fault of an answer that holds no media: BYOK_E_CONTENT_REFUSED when it was blocked, with the
 *  reason's word, else BYOK_E_BAD_ANSWER. */
enum byok_err byok_gemini_no_media(const struct byok_adapter_call *call,
                                   const struct byok_value *root, const char *what,
                                   struct byok_fault *fault) BYOK_NONNULL(1, 2, 3);

/** Append {"media_type", "data"} of an image in base64; false: it is none. */
bool byok_gemini_push_image(const struct byok_adapter_call *call, struct byok_str media_type,
                            struct byok_str base64, struct byok_value *images) BYOK_NONNULL(1, 4);

/** The images among the parts, as byok_gemini_push_image(). */
struct byok_value byok_gemini_images(const struct byok_adapter_call *call,
                                     const struct byok_value *parts) BYOK_NONNULL(1);

BYOK_MUST_USE enum byok_err byok_gemini_parse_chat(const struct byok_adapter_call *call,
                                                   const struct byok_http_response *response,
                                                   struct byok_answer *out,
                                                   struct byok_fault *fault);

/* gemini_stream.c */
BYOK_MUST_USE enum byok_err
byok_gemini_event(const struct byok_adapter_call *call, const struct byok_sse_event *event,
                  const struct byok_value *root, struct byok_stream *stream,
                  struct byok_fault *fault);

/** What all events say: an error is its fault; usage, model, id and the end go into `stream`;
 *  `parts` (of the first candidate; empty: none) is set when it is BYOK_E_OK. */
BYOK_MUST_USE enum byok_err
byok_gemini_event_head(const struct byok_adapter_call *call, const struct byok_value *root,
                       const struct byok_value **parts, struct byok_stream *stream,
                       struct byok_fault *fault);

/* gemini_chat.c */
BYOK_MUST_USE enum byok_err
byok_gemini_build_chat(const struct byok_adapter_call *call, struct byok_http_request *out,
                       struct byok_fault *fault);

/* gemini_embeddings.c */
/* The API: "at most 100 requests can be in one batch". */
#define BYOK_GEMINI_INPUTS_MAX 100u
BYOK_MUST_USE enum byok_err byok_gemini_build_embeddings(const struct byok_adapter_call *call,
                                                         struct byok_http_request *out,
                                                         struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_gemini_parse_embeddings(const struct byok_adapter_call *call,
                                                         const struct byok_http_response *response,
                                                         struct byok_answer *out,
                                                         struct byok_fault *fault);

/* gemini_speech.c */
uint32_t byok_gemini_speech_max(struct byok_str model);
BYOK_MUST_USE enum byok_err byok_gemini_build_speech(const struct byok_adapter_call *call,
                                                     struct byok_http_request *out,
                                                     struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_gemini_parse_speech(const struct byok_adapter_call *call,
                                                     const struct byok_http_response *response,
                                                     struct byok_answer *out,
                                                     struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_gemini_speech_event(const struct byok_adapter_call *call,
                                                     const struct byok_sse_event *event,
                                                     const struct byok_value *root,
                                                     struct byok_stream *stream,
                                                     struct byok_fault *fault);

/* gemini_image.c */
BYOK_MUST_USE enum byok_err
byok_gemini_build_image(const struct byok_adapter_call *call, struct byok_http_request *out,
                        struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_gemini_parse_image(const struct byok_adapter_call *call,
                                                    const struct byok_http_response *response,
                                                    struct byok_answer *out,
                                                    struct byok_fault *fault);

/* gemini_errors.c */
void byok_gemini_classify(const struct byok_adapter_call *call,
                          const struct byok_http_response *response, struct byok_fault *out);

/** The fault of an error object that came with a 2xx status. */
void byok_gemini_classify_body(const struct byok_adapter_call *call,
                               const struct byok_http_response *response,
                               const struct byok_value *root, struct byok_fault *out)
    BYOK_NONNULL(1, 2, 3, 4);

#endif
