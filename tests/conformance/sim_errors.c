/* SPDX-License-Identifier: MIT */
/* tests/conformance/sim_errors.c - what each simulated service refuses with, and the waits it tells,
 * are what its adapter understands.
 *
 * The two are written apart from the services' documentation, so each is a check of the other.
 */
#include <stdio.h>

#include <criterion/criterion.h>

#include "adapters/adapter.h"
#include "calls.h"
#include "demo/sim_wire.h"

#define COUNT(table) (sizeof(table) / sizeof(table)[0])
#define ALL "openai azure anthropic gemini elevenlabs cohere voyage deepgram"

#define WIRE(name) extern const struct sim_wire sim_wire_##name;
#include "demo/sim_wires.def"
#undef WIRE

static const struct sim_wire *const wires[] = {
#define WIRE(name) &sim_wire_##name,
#include "demo/sim_wires.def"
#undef WIRE
};

/* The one table: which services document which failure, and what byokd calls it. */
static const struct {
    enum sim_class class;
    enum byok_err code;
    const char *services;
} failures[] = {
    {SIM_BAD_REQUEST, BYOK_E_BAD_REQUEST, ALL},
    {SIM_INVALID_KEY, BYOK_E_KEY_INVALID, ALL},
    {SIM_NO_KEY, BYOK_E_KEY_INVALID, "openai anthropic gemini elevenlabs cohere"},
    {SIM_OUT_OF_MONEY, BYOK_E_OUT_OF_MONEY,
     "openai azure anthropic gemini elevenlabs cohere deepgram"},
    {SIM_FORBIDDEN, BYOK_E_PERMISSION, ALL},
    {SIM_NO_SUCH_PATH, BYOK_E_NOT_FOUND, ALL},
    {SIM_NO_SUCH_MODEL, BYOK_E_NOT_FOUND, ALL},
    {SIM_TOO_LARGE, BYOK_E_TOO_LARGE, "openai azure anthropic gemini elevenlabs cohere deepgram"},
    {SIM_CONTEXT_TOO_LONG, BYOK_E_CONTEXT_TOO_LONG, ALL},
    {SIM_CONTENT_REFUSED, BYOK_E_CONTENT_REFUSED, "openai azure anthropic elevenlabs cohere"},
    {SIM_RATE_LIMITED, BYOK_E_RATE_LIMITED,
     "openai azure anthropic gemini elevenlabs cohere voyage"},
    {SIM_RATE_LIMITED, BYOK_E_CONCURRENCY_LIMITED, "deepgram"}, /* its only limit */
    {SIM_DAY_LIMITED, BYOK_E_RATE_LIMITED, "openai gemini cohere"},
    {SIM_CONCURRENCY_LIMITED, BYOK_E_CONCURRENCY_LIMITED, "anthropic elevenlabs deepgram"},
    {SIM_TIMED_OUT, BYOK_E_SERVER_ERROR, "openai azure"}, /* 408: it waited for the request */
    {SIM_TIMED_OUT, BYOK_E_TIMEOUT, "anthropic gemini cohere voyage deepgram"},
    {SIM_SERVER_ERROR, BYOK_E_SERVER_ERROR, ALL},
    {SIM_OVERLOADED, BYOK_E_OVERLOADED, ALL},
};

/* The server's, which has a connection to look them up in. */
const char *sim_argument(const struct sim_input *input, const char *name)
{
    (void)input;
    (void)name;
    return NULL;
}

const char *sim_header_of(const struct sim_input *input, const char *name)
{
    return sim_argument(input, name);
}

static bool names(const char *list, const char *name)
{
    const char *at = strstr(list, name);
    const size_t len = strlen(name);
    return at && (at == list || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0');
}

/* An answer as the service gives it; call_init has been called, and it lives as long. */
static struct byok_http_response refuse(const struct sim_wire *wire, struct call *c,
                                        struct sim_limits *limits, struct sim_error *error)
{
    static const struct sim_request nothing = {.task = SIM_CHAT};
    static struct sim_headers headers;
    static struct byok_http_header list[COUNT(headers.list)];
    const struct sim_answer answer = {
        .request = &nothing, .number = 7, .now_s = CALL_WALL_MS / 1000};
    BYOK_AUTO(byok_buf) body = {.cap_bytes = 4096};
    sim_wire_complete(wire, error);
    limits->answer = &answer;
    limits->error = error;
    headers.count = 0;
    wire->add_error(limits, &body);
    wire->add_headers(limits, &headers);
    for (unsigned i = 0; i < headers.count; i++)
        list[i] = (struct byok_http_header){byok_str_of(headers.list[i].name),
                                            byok_str_of(headers.list[i].value)};
    return (struct byok_http_response){.status = (int)error->status,
                                       .headers = list,
                                       .header_count = headers.count,
                                       .body = byok_arena_copy(&c->arena, byok_buf_str(&body))};
}

static struct byok_fault fault_of(const struct sim_wire *wire, struct sim_error error,
                                  struct sim_limits limits)
{
    struct call c;
    struct byok_fault fault;
    call_init(&c, wire->name, NULL, NULL);
    const struct byok_http_response response = refuse(wire, &c, &limits, &error);
    (void)json_of(&c.arena, response.body);
    cr_assert_geq(response.status, 400, "%s", wire->name);
    c.provider.adapter->classify(&c.call, &response, &fault);
    call_done(&c);
    return fault;
}

static bool has_row(const struct sim_wire *wire, enum sim_class class)
{
    for (size_t i = 0; i < wire->error_count; i++) {
        if (wire->errors[i].class == class && wire->errors[i].status >= 400)
            return true;
    }
    return false;
}

Test(sim_errors, each_failure_of_each_service_has_its_class)
{
    for (size_t w = 0; w < COUNT(wires); w++) {
        bool listed[SIM_CLASSES] = {[SIM_OTHER] = has_row(wires[w], SIM_OTHER)};
        for (size_t i = 0; i < COUNT(failures); i++) {
            if (!names(failures[i].services, wires[w]->name))
                continue;
            struct byok_fault fault =
                fault_of(wires[w], (struct sim_error){.class = failures[i].class},
                         (struct sim_limits){.wait_ms = -1});
            listed[failures[i].class] = true;
            cr_expect_eq(fault.code, failures[i].code, "%s, failure %zu: %s, %s", wires[w]->name, i,
                         byok_err_name(fault.code), fault.text);
            cr_expect_eq(fault.day_limit, failures[i].class == SIM_DAY_LIMITED, "%s, failure %zu",
                         wires[w]->name, i);
        }
        for (int class = 0; class < SIM_CLASSES; class ++)
            cr_expect_eq(listed[class], has_row(wires[w], (enum sim_class) class),
                         "%s, class %d: the table above and its rows differ", wires[w]->name,
                         class);
    }
}

/* What the service would refuse by a safety of its own comes as an answer. */
Test(sim_errors, gemini_refuses_content_in_an_answer)
{
    struct call c;
    struct byok_answer answer;
    struct sim_error error = {.class = SIM_CONTENT_REFUSED};
    struct sim_limits limits = {.wait_ms = -1};
    call_init(&c, "gemini", NULL, NULL);
    const struct byok_http_response response = refuse(&sim_wire_gemini, &c, &limits, &error);
    cr_assert_eq(response.status, 200);
    cr_assert_eq(c.provider.adapter->ops[BYOK_CHAT].parse(&c.call, &response, &answer, &c.fault),
                 BYOK_E_OK, "%s", c.fault.text);
    cr_assert_eq(answer.finish, BYOK_FINISH_CONTENT_FILTER);
    call_done(&c);
}

Test(sim_errors, each_wait_is_understood_wherever_it_is_told)
{
    static const struct {
        const char *services;
        int64_t in_s, in_ms, by_date, by_reset; /* of 1,500 ms, as far as each can say it */
    } told[] = {
        {"openai", 2000, 1500, 2000, 1500},
        {"azure", 2000, 1500, 2000, 2000},
        {"anthropic", 2000, 1500, 2000, 2000},
        {"gemini", 1500, 1500, 1500, 1500}, /* in the body */
        {"elevenlabs cohere voyage deepgram", -1, -1, -1, -1},
    };
    for (size_t w = 0; w < COUNT(wires); w++) {
        size_t i = 0;
        while (!names(told[i].services, wires[w]->name))
            i++;
        const int64_t expected[] = {[SIM_TOLD_IN_S] = told[i].in_s,
                                    [SIM_TOLD_IN_MS] = told[i].in_ms,
                                    [SIM_TOLD_BY_DATE] = told[i].by_date,
                                    [SIM_TOLD_BY_RESET] = told[i].by_reset};
        for (size_t t = 0; t < COUNT(expected); t++) {
            struct byok_fault fault =
                fault_of(wires[w], (struct sim_error){.class = SIM_RATE_LIMITED},
                         (struct sim_limits){.wait_ms = 1500, .telling = (enum sim_telling)t});
            cr_expect_eq(fault.retry_after_ms, expected[t], "%s, telling %zu: %lld ms, %s",
                         wires[w]->name, t, (long long)fault.retry_after_ms, fault.text);
        }
    }
}

Test(sim_errors, a_longer_wait_is_a_duration_of_minutes)
{
    struct byok_fault fault =
        fault_of(&sim_wire_openai, (struct sim_error){.class = SIM_RATE_LIMITED},
                 (struct sim_limits){.wait_ms = 361000, .telling = SIM_TOLD_BY_RESET});
    cr_assert_eq(fault.retry_after_ms, 361000, "%s", fault.text);
}

Test(sim_errors, what_a_rule_says_beside_the_class_leaves_json)
{
    for (size_t w = 0; w < COUNT(wires); w++) {
        for (int class = 0; class < SIM_CLASSES; class ++) {
            struct sim_error error = {.class = (enum sim_class) class,
                                      .status = 429,
                                      .code = "a_word",
                                      .message = "\"quoted\""};
            (void)fault_of(wires[w], error, (struct sim_limits){.wait_ms = 1500});
        }
    }
}
