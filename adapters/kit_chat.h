/* SPDX-License-Identifier: MIT */
/* adapters/kit_chat.h - reading a chat job, for providers whose messages are not OpenAI's.
 *
 * A job says the same thing in one of two forms: byokd's own flat one ({"type": "image",
 * "media_type", "data"}, {"name", "arguments": {…}}) or OpenAI's ({"type": "image_url", …},
 * {"type": "function", "function": {…}}).  Here both become one.  What is neither is the
 * provider's own form and goes through as it is.  Pure; any thread; borrows from the job and the
 * call's arena.
 */
#ifndef BYOK_ADAPTERS_KIT_CHAT_H
#define BYOK_ADAPTERS_KIT_CHAT_H

#include "adapters/kit.h"

enum byok_part_kind {
    BYOK_PART_OTHER, /* the provider's own form, or none that is known */
    BYOK_PART_TEXT,
    BYOK_PART_IMAGE,
    BYOK_PART_AUDIO,
    BYOK_PART_VIDEO,
    BYOK_PART_DOCUMENT,
};

struct byok_part {
    enum byok_part_kind kind;
    struct byok_str text;       /* TEXT */
    struct byok_str media_type; /* media; with a url it may be empty */
    struct byok_value data;     /* media: BYTES, or base64 as STRING; NULL type: by url */
    struct byok_str url;        /* media by address; empty: by data */
    struct byok_str title;      /* of a document; may be empty */
};

/** Read one part of a message.  Forms: a text; {"type": "text", "text"}; {"type": "image" | "audio"
 *  | "video" | "document", "media_type", "data" | "url"}; OpenAI's image_url, input_audio and file.
 *  What is wrong with it, for people, or NULL. */
const char *byok_part_read(const struct byok_adapter_call *call, const struct byok_value *value,
                           struct byok_part *out) BYOK_MUST_USE BYOK_NONNULL(1, 2, 3);

/** The texts of a content (a text, or a list of text parts) joined; false: there are others. */
bool byok_chat_text(const struct byok_adapter_call *call, const struct byok_value *content,
                    struct byok_str *out) BYOK_NONNULL(1, 3);

/** What is wrong, for people, with a message that has a member which is neither in `known` (NULL at
 *  the end) nor null nor empty: a provider that knows no such member must refuse it.  So of its
 *  tool calls, which have what byokd's and OpenAI's form have, unless they are in the provider's
 *  own.  NULL: no such member. */
const char *byok_message_unknown(const struct byok_adapter_call *call,
                                 const struct byok_value *message, const char *const *known)
    BYOK_NONNULL(1, 2, 3);

/** Likewise of a part of a message, whose members, and theirs, are those of the forms that
 *  byok_part_read takes. */
const char *byok_part_unknown(const struct byok_adapter_call *call, const struct byok_value *part)
    BYOK_NONNULL(1, 2);

/** Likewise of a tool that is a function: `known` of what holds its name, and nothing around it but
 *  "type" and "function".  NULL also for a tool of the provider's own form. */
const char *byok_tool_unknown(const struct byok_adapter_call *call, const struct byok_value *tool,
                              const char *const *known) BYOK_NONNULL(1, 2, 3);

/** The object that holds the name of a tool or a tool call: the value itself or its "function".
 *  NULL: neither, thus the provider's own form. */
const struct byok_value *byok_function_of(const struct byok_value *value);

/** The arguments of a tool call as an object; false: neither an object nor the JSON text of one. */
bool byok_function_arguments(const struct byok_adapter_call *call,
                             const struct byok_value *function, struct byok_value *out)
    BYOK_NONNULL(1, 2, 3);

/** The arguments of a call that a model makes, which are JSON text: as a tree; what is not JSON as
 *  the text it is; an empty object for an empty text. */
struct byok_value byok_chat_arguments(const struct byok_adapter_call *call, struct byok_str text)
    BYOK_NONNULL(1);

enum byok_choice {
    BYOK_CHOICE_UNSAID,
    BYOK_CHOICE_AUTO,
    BYOK_CHOICE_NONE,
    BYOK_CHOICE_ANY, /* "required", "any" */
    BYOK_CHOICE_NAMED, /* a tool of that name */
    BYOK_CHOICE_OTHER, /* an object in another form */
};

/** The job's tool_choice; `*name` for NAMED. */
enum byok_choice byok_chat_choice(const struct byok_adapter_call *call, struct byok_str *name)
    BYOK_NONNULL(1, 2);

enum byok_output_form {
    BYOK_OUTPUT_TEXT, /* also when the job does not say */
    BYOK_OUTPUT_JSON, /* any JSON */
    BYOK_OUTPUT_SCHEMA,
    BYOK_OUTPUT_OTHER, /* none that is known */
};

/** The job's response_format; `*schema` for SCHEMA: of {"type": "json_schema", "json_schema":
 *  {"schema"}} (OpenAI's) or {"type": "json_schema", "schema"}. */
enum byok_output_form byok_chat_output(const struct byok_adapter_call *call,
                                       const struct byok_value **schema) BYOK_NONNULL(1, 2);

/** The job's stop as a list, whichever form it has; NULL type: none. */
struct byok_value byok_chat_stop(const struct byok_adapter_call *call) BYOK_NONNULL(1);

#endif
