/* SPDX-License-Identifier: MIT */
/* adapters/openai_parts.h - what the files of the openai adapter share; for no other file. */
#ifndef BYOK_ADAPTERS_OPENAI_PARTS_H
#define BYOK_ADAPTERS_OPENAI_PARTS_H

#include "adapters/kit.h"
#include "adapters/stream.h"

/** Where OpenAI itself is, as opposed to a service that speaks its language. */
#define BYOK_OPENAI_ORIGIN "https://api.openai.com"

/* openai.c */

/** Begin a call: the path under base_url, the form of the answer, and the headers that OpenAI
 *  documents. */
void byok_openai_begin(const struct byok_adapter_call *call, const char *method, const char *path,
                       const char *accept, struct byok_http_request *out)
    BYOK_NONNULL(1, 2, 3, 4, 5);

/** BYOK_E_UNSUPPORTED: one of the job's provider_options asks for an answer that could not be
 *  read. */
enum byok_err byok_openai_check_options(const struct byok_adapter_call *call,
                                        struct byok_fault *fault) BYOK_MUST_USE BYOK_NONNULL(1);

/** A POST of `body`, with the job's provider_options put over it.  BYOK_E_UNSUPPORTED: an option
 *  whose answer could not be read. */
enum byok_err byok_openai_post(const struct byok_adapter_call *call, const char *path,
                               struct byok_value *body, struct byok_http_request *out,
                               struct byok_fault *fault) BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4);

/** What all answers have: `out` is set anew, with model, request id, usage and raw; `root` is the
 *  answer's tree.  An error object in an answer of status 200 is an error. */
enum byok_err byok_openai_read(const struct byok_adapter_call *call,
                               const struct byok_http_response *response, struct byok_value *root,
                               struct byok_answer *out, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2, 3, 4);

/** The usage object of an answer, as byokd counts; all unsaid for NULL. */
struct byok_usage byok_openai_usage(const struct byok_value *usage);

/** OpenAI itself, or as Azure has it: what it does not know it refuses.  Services that only speak
 *  its language have members of their own, which go through. */
bool byok_openai_is_own(const struct byok_adapter_call *call) BYOK_NONNULL(1);

/* openai_messages.c */

/** The job's prompt or messages in OpenAI's form, as a member of `body`. */
enum byok_err byok_openai_put_messages(const struct byok_adapter_call *call,
                                       struct byok_value *body, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2);

/** A tool, a tool call or a choice of tool in the flat form ({"name": …}) as OpenAI nests it:
 *  {"type": "function", "function": {"name": …}}; one that is nested already as it is. */
struct byok_value byok_openai_function(const struct byok_adapter_call *call,
                                       const struct byok_value *flat) BYOK_NONNULL(1, 2);

/* openai_mistral.c */

/** The provider speaks Mistral's dialect: its name or its address says so. */
bool byok_openai_is_mistral(const struct byok_adapter_call *call) BYOK_NONNULL(1);

/** A body in OpenAI's form as Mistral takes it.  BYOK_E_UNSUPPORTED: what it cannot do. */
enum byok_err byok_openai_to_mistral(const struct byok_adapter_call *call, struct byok_value *body,
                                     struct byok_fault *fault) BYOK_MUST_USE BYOK_NONNULL(1, 2);

/** What a transcription's form says of timestamps and speakers.  BYOK_E_UNSUPPORTED likewise. */
enum byok_err byok_openai_mistral_form(const struct byok_adapter_call *call,
                                       struct byok_value *fields, struct byok_fault *fault)
    BYOK_MUST_USE BYOK_NONNULL(1, 2);

/* openai_chat.c */
BYOK_MUST_USE enum byok_err
byok_openai_build_chat(const struct byok_adapter_call *call, struct byok_http_request *out,
                       struct byok_fault *fault);

/* openai_chat_answer.c */
BYOK_MUST_USE enum byok_err
byok_openai_parse_chat(const struct byok_adapter_call *call,
                       const struct byok_http_response *response, struct byok_answer *out,
                       struct byok_fault *fault);

/** One word for a finish_reason; one that is not known, or none, is left unsaid. */
enum byok_finish byok_openai_finish(struct byok_str word);

/** The text of a content: a text, or the texts of its parts joined. */
struct byok_str byok_openai_text(const struct byok_adapter_call *call,
                                 const struct byok_value *content) BYOK_NONNULL(1);

/* openai_chat_stream.c */

/** Ask for a stream, with the usage in it. */
void byok_openai_put_stream(const struct byok_adapter_call *call, struct byok_value *body)
    BYOK_NONNULL(1, 2);
BYOK_MUST_USE enum byok_err byok_openai_chat_event(const struct byok_adapter_call *call,
                                                   const struct byok_sse_event *event,
                                                   const struct byok_value *root,
                                                   struct byok_stream *stream,
                                                   struct byok_fault *fault);

/** What an event means that is an error, by its name or by what it holds; BYOK_E_OK: it is none. */
BYOK_MUST_USE enum byok_err
byok_openai_event_error(const struct byok_adapter_call *call, const struct byok_sse_event *event,
                        const struct byok_value *root, struct byok_stream *stream,
                        struct byok_fault *fault);

/* openai_chat_media.c */

/** The audio ("audio", "media_type") and the images of an answer's message, into `output`; nothing
 *  when it has none that can be read. */
void byok_openai_put_media(const struct byok_adapter_call *call, const struct byok_value *message,
                           struct byok_value *output) BYOK_NONNULL(1, 3);

/** The audio, what is spoken, and the images of a delta, into `stream`. */
void byok_openai_stream_media(const struct byok_adapter_call *call, const struct byok_value *delta,
                              struct byok_stream *stream) BYOK_NONNULL(1, 3);

/* openai_responses.c */

/** Whether the job is for POST /responses. */
bool byok_openai_is_responses(const struct byok_adapter_call *call) BYOK_NONNULL(1);

/** The body of chat completions said in the words of the responses interface.
 *  BYOK_E_UNSUPPORTED, naming the member. */
BYOK_MUST_USE enum byok_err
byok_openai_to_responses(const struct byok_adapter_call *call, const struct byok_value *chat,
                         struct byok_value *body, struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_openai_parse_responses(const struct byok_adapter_call *call,
                                                        const struct byok_http_response *response,
                                                        struct byok_answer *out,
                                                        struct byok_fault *fault);

/** Why a response ended, by its status. */
enum byok_finish byok_openai_responses_finish(const struct byok_value *response);

/* openai_responses_stream.c */
BYOK_MUST_USE enum byok_err
byok_openai_responses_event(const struct byok_adapter_call *call, const struct byok_value *root,
                            struct byok_stream *stream, struct byok_fault *fault);

/* openai_embeddings.c */
/* OpenAI's API reference, embeddings: at most 2,048 inputs in a call, and 300,000 tokens in all of
 * them. */
#define BYOK_OPENAI_INPUTS_MAX 2048u
#define BYOK_OPENAI_BULK {.texts = BYOK_OPENAI_INPUTS_MAX, .tokens = 300000}
BYOK_MUST_USE enum byok_err byok_openai_build_embeddings(const struct byok_adapter_call *call,
                                                         struct byok_http_request *out,
                                                         struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_openai_parse_embeddings(const struct byok_adapter_call *call,
                                                         const struct byok_http_response *response,
                                                         struct byok_answer *out,
                                                         struct byok_fault *fault);

/* openai_speech.c */
uint32_t byok_openai_speech_max(struct byok_str model);
BYOK_MUST_USE enum byok_err byok_openai_build_speech(const struct byok_adapter_call *call,
                                                     struct byok_http_request *out,
                                                     struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_openai_parse_speech(const struct byok_adapter_call *call,
                                                     const struct byok_http_response *response,
                                                     struct byok_answer *out,
                                                     struct byok_fault *fault);

/* openai_transcription.c */
BYOK_MUST_USE enum byok_err
byok_openai_build_transcription(const struct byok_adapter_call *call, struct byok_http_request *out,
                                struct byok_fault *fault);
BYOK_MUST_USE enum byok_err
byok_openai_parse_transcription(const struct byok_adapter_call *call,
                                const struct byok_http_response *response, struct byok_answer *out,
                                struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_openai_transcription_event(const struct byok_adapter_call *call,
                                                            const struct byok_sse_event *event,
                                                            const struct byok_value *root,
                                                            struct byok_stream *stream,
                                                            struct byok_fault *fault);

/* openai_images.c */
BYOK_MUST_USE enum byok_err
byok_openai_build_images(const struct byok_adapter_call *call, struct byok_http_request *out,
                         struct byok_fault *fault);
BYOK_MUST_USE enum byok_err byok_openai_parse_images(const struct byok_adapter_call *call,
                                                     const struct byok_http_response *response,
                                                     struct byok_answer *out,
                                                     struct byok_fault *fault);

/* openai_errors.c */
void byok_openai_classify(const struct byok_adapter_call *call,
                          const struct byok_http_response *response, struct byok_fault *out);

/** The fault of an error object that came with a 2xx status. */
void byok_openai_classify_body(const struct byok_adapter_call *call,
                               const struct byok_http_response *response,
                               const struct byok_value *root, struct byok_fault *out)
    BYOK_NONNULL(1, 2, 3, 4);

#endif
