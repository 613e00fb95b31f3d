/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/calls.h - a call to test an adapter with: a job, a provider, an arena. */
#ifndef BYOK_TESTS_ADAPTERS_CALLS_H
#define BYOK_TESTS_ADAPTERS_CALLS_H

#include "adapters/adapter.h"
#include "schemas/value.h"

/** 2026-10-21T07:28:00Z: now, in every call. */
#define CALL_WALL_MS 1792567680000

struct call {
    struct byok_arena arena;
    struct byok_provider provider;
    struct byok_request request;
    struct byok_adapter_call call;
    struct byok_fault fault;
};

/** Decode the job (a record of user alice; NULL: the smallest chat) and complete a provider named
 *  as its adapter; base_url NULL: the adapter's own.  Release with call_done. */
void call_init(struct call *c, const char *adapter, const char *base_url, const char *job);
void call_done(struct call *c);

/** call_init, and the adapter's request for the job. */
enum byok_err call_build(struct call *c, const char *adapter, const char *job,
                         struct byok_http_request *out);

/** call_init, and what the adapter reads from an answer to the job: status 200, JSON. */
enum byok_err call_parse(struct call *c, const char *adapter, const char *job, const char *body,
                         struct byok_answer *out);

/** The smallest job of a capability. */
const char *smallest_job(enum byok_capability capability);

/** An answer with a content type and nothing else in its headers; `header` is the room for it. */
struct byok_http_response answer_of(int status, const char *content_type, struct byok_str body,
                                    struct byok_http_header *header);

/** Make the body of pieces one text, for looking into it. */
void join_body(struct byok_arena *arena, struct byok_http_request *request);

/** Decode JSON that must be right. */
struct byok_value json_of(struct byok_arena *arena, struct byok_str text);

/** A whole file, or the empty slice with a NULL pointer when there is none. */
struct byok_str file_of(struct byok_arena *arena, const char *path);

#endif
