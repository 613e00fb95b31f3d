/* SPDX-License-Identifier: MIT */
/* demo/sim_faults.c - rules and directives, both read through one table of settings. */
#include "demo/sim_faults.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <pthread.h>

#include <yyjson.h>

#include "base/mem.h"
#include "demo/sim_text.h"

#define RULES_MAX 256
#define TURNS_MAX (1u << 20) /* prompts whose turns are counted; further ones get no fault */
#define DIRECTIVES_MAX 16    /* in one prompt */
#define OPENING "[[sim:"

struct rule {
    struct sim_fault fault; /* `times` counts down */
    char endpoint[16], key[SIM_FINGERPRINT_BYTES], model[64], text[256]; /* empty: any */
    uint64_t hits;
};

struct turn {
    uint64_t hash; /* of the prompt and the directive's place in it; 0: free */
    uint32_t taken;
};

struct sim_faults {
    pthread_mutex_t lock; /* over all below */
    struct rule *rules;
    atomic_uint rule_count; /* written under the lock; read without it to skip the lock */
    struct turn *turns;
    uint32_t turn_count, turn_room;
    uint64_t random;
};

static const char *const kind_names[SIM_KINDS] = {
    [SIM_NONE] = "none",   [SIM_DELAY] = "delay_ms",    [SIM_STATUS] = "status",
    [SIM_CLOSE] = "close", [SIM_CUT] = "cut",           [SIM_GARBAGE] = "garbage",
    [SIM_HTML] = "html",   [SIM_DRIP] = "drip",         [SIM_SILENT] = "silent",
    [SIM_BIG] = "big",     [SIM_REDIRECT] = "redirect", [SIM_ECHO_KEY] = "echo_key",
};

/* A setting's name, where it goes, and which kind its mere presence chooses (SIM_NONE: none). */
static const struct setting {
    const char *name;
    size_t offset;
    size_t text_room; /* 0: a number */
    enum sim_kind implies;
} settings[] = {
#define NUMBER(name, field, kind) {name, offsetof(struct sim_fault, field), 0, kind}
#define TEXT(name, field, kind)                                                                    \
    {name, offsetof(struct sim_fault, field), sizeof(((struct sim_fault *)0)->field), kind}
    NUMBER("status", status, SIM_STATUS),
    NUMBER("html", status, SIM_HTML),
    NUMBER("delay_ms", delay_ms, SIM_DELAY),
    NUMBER("bytes", bytes, SIM_NONE),
    NUMBER("drip", bytes, SIM_DRIP),
    NUMBER("gap_ms", gap_ms, SIM_NONE),
    NUMBER("mib", mib, SIM_NONE),
    NUMBER("big", mib, SIM_BIG),
    NUMBER("billed", billed, SIM_NONE),
    NUMBER("answer_words", answer_words, SIM_NONE),
    NUMBER("times", times, SIM_NONE),
    TEXT("code", code, SIM_NONE),
    TEXT("type", type, SIM_NONE),
    TEXT("message", message, SIM_NONE),
    TEXT("location", location, SIM_NONE),
    TEXT("redirect", location, SIM_REDIRECT),
#undef NUMBER
#undef TEXT
};

static const struct sim_fault plain = {
    .wait_ms = -1,
    .bytes = 1,
    .mib = 64,
    .billed = -1,
    .times = -1,
    .rate_millionth = 1000000,
};

const char *sim_kind_name(enum sim_kind kind)
{
    return kind_names[kind];
}

/* "error=overloaded": the wire's own status and words for it. */
static bool set_class(struct sim_fault *fault, struct byok_str name)
{
    fault->kind = SIM_STATUS;
    return sim_class_find(name, &fault->class);
}

static bool set_kind(struct sim_fault *fault, struct byok_str name)
{
    for (int kind = 0; kind < SIM_KINDS; kind++) {
        if (byok_str_is(name, kind_names[kind])) {
            fault->kind = (enum sim_kind)kind;
            return true;
        }
    }
    return false;
}

static bool set_number(struct byok_str text, int64_t *ret_number)
{
    char digits[24];
    if (text.len == 0 || text.len >= sizeof digits)
        return false;
    sim_copy(digits, sizeof digits, text);
    char *end = NULL;
    long long number = strtoll(digits, &end, 10);
    if (*end != '\0' || number < 0 || number > INT32_MAX)
        return false;
    *ret_number = number;
    return true;
}

static bool set_rate(struct sim_fault *fault, struct byok_str text)
{
    char digits[24];
    sim_copy(digits, sizeof digits, text);
    char *end = NULL;
    double rate = strtod(digits, &end);
    if (end == digits || *end != '\0' || !(rate >= 0 && rate <= 1))
        return false;
    fault->rate_millionth = (int64_t)(rate * 1e6);
    return true;
}

/* A wait, and where it is told; false for a name that is none, or no number. */
static bool set_wait(struct sim_fault *fault, struct byok_str name, struct byok_str value)
{
    static const struct {
        const char *name;
        enum sim_telling telling;
        int64_t ms;
    } waits[] = {{"retry_after", SIM_TOLD_IN_S, 1000},
                 {"retry_after_ms", SIM_TOLD_IN_MS, 1},
                 {"retry_date", SIM_TOLD_BY_DATE, 1000},
                 {"reset_ms", SIM_TOLD_BY_RESET, 1}};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        if (!byok_str_is(name, waits[i].name))
            continue;
        fault->telling = waits[i].telling;
        if (!set_number(value, &fault->wait_ms))
            return false;
        fault->wait_ms *= waits[i].ms;
        return true;
    }
    return false;
}

/* A delay goes with every kind and a status with several, so they choose their own kind only where
 * nothing more special is chosen. */
static bool chooses(enum sim_kind implied, enum sim_kind now)
{
    if (implied == SIM_DELAY)
        return now == SIM_NONE;
    if (implied == SIM_STATUS)
        return now == SIM_NONE || now == SIM_DELAY;
    return implied != SIM_NONE;
}

/* One name and value; false for an unknown name or a value that does not fit it. */
static bool set(struct sim_fault *fault, struct byok_str name, struct byok_str value)
{
    if (byok_str_is(name, "kind"))
        return set_kind(fault, value);
    if (byok_str_is(name, "rate"))
        return set_rate(fault, value);
    if (byok_str_is(name, "error"))
        return set_class(fault, value);
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const struct setting *s = &settings[i];
        if (!byok_str_is(name, s->name))
            continue;
        if (chooses(s->implies, fault->kind))
            fault->kind = s->implies;
        char *field = (char *)fault + s->offset;
        if (s->text_room == 0)
            return set_number(value, (int64_t *)(void *)field);
        sim_copy(field, s->text_room, value);
        return true;
    }
    return set_wait(fault, name, value);
}

/* "retry-after" is the same as "retry_after"; the result lives in `room`. */
static struct byok_str normal_name(struct byok_str name, char room[static 32])
{
    sim_copy(room, 32, byok_str_trim(name));
    for (char *c = room; *c; c++) {
        if (*c == '-')
            *c = '_';
    }
    return byok_str_of(room);
}

static bool set_word(struct sim_fault *fault, struct byok_str word)
{
    char room[32];
    const char *equals = word.len ? memchr(word.ptr, '=', word.len) : NULL;
    if (!equals)
        return set_kind(fault, normal_name(word, room));
    size_t name_len = (size_t)(equals - word.ptr);
    struct byok_str value = {equals + 1, word.len - name_len - 1};
    return set(fault, normal_name((struct byok_str){word.ptr, name_len}, room),
               byok_str_trim(value));
}

/* The inside of one directive: words parted by commas. */
static bool read_directive(struct byok_str inside, struct sim_fault *fault)
{
    *fault = plain;
    while (inside.len > 0) {
        const char *comma = memchr(inside.ptr, ',', inside.len);
        size_t len = comma ? (size_t)(comma - inside.ptr) : inside.len;
        if (!set_word(fault, (struct byok_str){inside.ptr, len}))
            return false;
        len += comma ? 1 : 0;
        inside.ptr += len;
        inside.len -= len;
    }
    return true;
}

static bool grow_turns(struct sim_faults *faults)
{
    uint32_t room = faults->turn_room ? faults->turn_room * 2 : 256;
    struct turn *turns = byok_new(room, sizeof *turns);
    if (!turns)
        return false;
    for (uint32_t i = 0; i < faults->turn_room; i++) {
        const struct turn *old = &faults->turns[i];
        if (old->hash == 0)
            continue;
        uint32_t at = (uint32_t)old->hash & (room - 1);
        while (turns[at].hash != 0)
            at = (at + 1) & (room - 1);
        turns[at] = *old;
    }
    byok_delete(faults->turns);
    faults->turns = turns;
    faults->turn_room = room;
    return true;
}

/* Take one of `times` turns of the directive with that hash. */
static bool take_turn(struct sim_faults *faults, uint64_t hash, int64_t times)
{
    hash |= 1; /* 0 means free */
    if (faults->turn_count * 2 >= faults->turn_room &&
        (faults->turn_count >= TURNS_MAX || !grow_turns(faults)))
        return false;
    uint32_t mask = faults->turn_room - 1;
    uint32_t at = (uint32_t)hash & mask;
    while (faults->turns[at].hash != 0 && faults->turns[at].hash != hash)
        at = (at + 1) & mask;
    if (faults->turns[at].hash == 0) {
        faults->turns[at].hash = hash;
        faults->turn_count++;
    }
    if (faults->turns[at].taken >= times)
        return false;
    faults->turns[at].taken++;
    return true;
}

static bool passes_rate(struct sim_faults *faults, const struct sim_fault *fault)
{
    return fault->rate_millionth >= 1000000 ||
           (int64_t)(sim_random(&faults->random) % 1000000) < fault->rate_millionth;
}

static bool draw_directive(struct sim_faults *faults, struct byok_str prompt,
                           struct sim_fault *ret_fault)
{
    const struct byok_str opening = BYOK_STR(OPENING);
    const struct byok_str closing = BYOK_STR("]]");
    struct byok_str rest = prompt;
    uint64_t hash = 0;
    for (uint64_t i = 0; i < DIRECTIVES_MAX; i++) {
        size_t at = byok_str_find(rest, opening);
        if (at == SIZE_MAX)
            return false;
        if (i == 0)
            hash = sim_hash(prompt);
        rest.ptr += at + opening.len;
        rest.len -= at + opening.len;
        size_t end = byok_str_find(rest, closing);
        if (end == SIZE_MAX)
            return false;
        struct sim_fault fault;
        if (read_directive((struct byok_str){rest.ptr, end}, &fault) &&
            passes_rate(faults, &fault) &&
            (fault.times < 0 || take_turn(faults, hash + i * 2, fault.times))) {
            *ret_fault = fault;
            return true;
        }
    }
    return false;
}

static bool matches(const struct rule *rule, const struct sim_subject *subject)
{
    return (!rule->endpoint[0] || strcmp(rule->endpoint, subject->endpoint) == 0) &&
           (!rule->key[0] || strcmp(rule->key, subject->fingerprint) == 0) &&
           (!rule->model[0] || byok_str_is(subject->model, rule->model)) &&
           (!rule->text[0] || byok_str_find(subject->prompt, byok_str_of(rule->text)) != SIZE_MAX);
}

static bool draw_rule(struct sim_faults *faults, const struct sim_subject *subject,
                      struct sim_fault *ret_fault)
{
    unsigned count = atomic_load_explicit(&faults->rule_count, memory_order_relaxed);
    for (unsigned i = 0; i < count; i++) {
        struct rule *rule = &faults->rules[i];
        if (rule->fault.times == 0 || !matches(rule, subject) || !passes_rate(faults, &rule->fault))
            continue;
        if (rule->fault.times > 0)
            rule->fault.times--;
        rule->hits++;
        *ret_fault = rule->fault;
        return true;
    }
    return false;
}

void sim_faults_draw(struct sim_faults *faults, const struct sim_subject *subject,
                     struct sim_fault *ret_fault)
{
    *ret_fault = plain;
    bool has_directive =
        byok_str_find(subject->prompt, (struct byok_str)BYOK_STR(OPENING)) != SIZE_MAX;
    /* relaxed: a rule set at this very moment may or may not count for this call */
    if (!has_directive && atomic_load_explicit(&faults->rule_count, memory_order_relaxed) == 0)
        return;
    pthread_mutex_lock(&faults->lock);
    if (!has_directive || !draw_directive(faults, subject->prompt, ret_fault))
        draw_rule(faults, subject, ret_fault);
    pthread_mutex_unlock(&faults->lock);
}

static bool set_member(struct sim_fault *fault, const char *name, yyjson_val *value)
{
    char room[32], number[32];
    if (yyjson_is_null(value))
        return true;
    struct byok_str text = {yyjson_get_str(value), yyjson_get_len(value)};
    if (yyjson_is_bool(value)) {
        text = byok_str_of(yyjson_get_bool(value) ? "1" : "0");
    } else if (yyjson_is_num(value)) {
        if (yyjson_is_int(value))
            snprintf(number, sizeof number, "%" PRId64, yyjson_get_sint(value));
        else
            snprintf(number, sizeof number, "%.9f", yyjson_get_real(value));
        text = byok_str_of(number);
    } else if (!yyjson_is_str(value)) {
        return false;
    }
    return set(fault, normal_name(byok_str_of(name), room), text);
}

static bool read_match(yyjson_val *match, struct rule *rule)
{
    size_t i, count;
    yyjson_val *name, *value;
    yyjson_obj_foreach(match, i, count, name, value)
    {
        struct byok_str text = {yyjson_get_str(value), yyjson_get_len(value)};
        if (yyjson_is_null(value))
            continue;
        if (!yyjson_is_str(value))
            return false;
        if (yyjson_equals_str(name, "endpoint"))
            sim_copy(rule->endpoint, sizeof rule->endpoint, text);
        else if (yyjson_equals_str(name, "key"))
            sim_copy(rule->key, sizeof rule->key, text);
        else if (yyjson_equals_str(name, "model"))
            sim_copy(rule->model, sizeof rule->model, text);
        else if (yyjson_equals_str(name, "text"))
            sim_copy(rule->text, sizeof rule->text, text);
        else
            return false;
    }
    return true;
}

static bool read_rule(yyjson_val *json, struct rule *rule)
{
    *rule = (struct rule){.fault = plain};
    yyjson_val *kind = yyjson_obj_get(json, "kind");
    size_t i, count;
    yyjson_val *name, *value;
    yyjson_obj_foreach(json, i, count, name, value)
    {
        if (yyjson_equals_str(name, "match")) {
            if (!read_match(value, rule))
                return false;
        } else if (!set_member(&rule->fault, yyjson_get_str(name), value)) {
            return false;
        }
    }
    /* a kind that is named wins over one that a setting implies, wherever it stands */
    return !kind || set_member(&rule->fault, "kind", kind);
}

static bool read_rules(yyjson_val *list, struct rule *rules, const char **why)
{
    size_t i, count;
    yyjson_val *value;
    yyjson_arr_foreach(list, i, count, value)
    {
        if (!yyjson_is_obj(value) || !read_rule(value, &rules[i])) {
            *why = "a rule has an unknown member or a value that does not fit";
            return false;
        }
        if (rules[i].fault.kind == SIM_REDIRECT && !rules[i].fault.location[0]) {
            *why = "a redirect needs its location";
            return false;
        }
    }
    return true;
}

bool sim_faults_set(struct sim_faults *faults, struct byok_str body, const char **why)
{
    *why = "the body is not {\"rules\":[...]} with at most 256 rules";
    yyjson_doc *doc = yyjson_read(body.ptr ? body.ptr : "", body.len, 0);
    yyjson_val *list = yyjson_obj_get(yyjson_doc_get_root(doc), "rules");
    struct rule *rules = NULL;
    bool ok = yyjson_is_arr(list) && yyjson_arr_size(list) <= RULES_MAX;
    if (ok) {
        rules = byok_new(RULES_MAX, sizeof *rules);
        ok = rules && read_rules(list, rules, why);
    }
    if (ok) {
        pthread_mutex_lock(&faults->lock);
        struct rule *old = faults->rules;
        faults->rules = rules;
        atomic_store_explicit(&faults->rule_count, (unsigned)yyjson_arr_size(list),
                              memory_order_relaxed);
        pthread_mutex_unlock(&faults->lock);
        rules = old;
    }
    byok_delete(rules);
    yyjson_doc_free(doc);
    return ok;
}

void sim_faults_reset(struct sim_faults *faults)
{
    pthread_mutex_lock(&faults->lock);
    atomic_store_explicit(&faults->rule_count, 0, memory_order_relaxed);
    byok_delete(faults->turns);
    faults->turns = NULL;
    faults->turn_count = faults->turn_room = 0;
    pthread_mutex_unlock(&faults->lock);
}

void sim_faults_report(struct sim_faults *faults, struct byok_buf *out)
{
    pthread_mutex_lock(&faults->lock);
    unsigned count = atomic_load_explicit(&faults->rule_count, memory_order_relaxed);
    byok_buf_printf(out, "{\"rules\":[");
    for (unsigned i = 0; i < count; i++) {
        const struct rule *rule = &faults->rules[i];
        byok_buf_printf(out,
                        "%s{\"kind\":\"%s\",\"hits\":%" PRIu64 ",\"times_left\":", i ? "," : "",
                        sim_kind_name(rule->fault.kind), rule->hits);
        if (rule->fault.times < 0)
            byok_buf_printf(out, "null}");
        else
            byok_buf_printf(out, "%" PRId64 "}", rule->fault.times);
    }
    byok_buf_printf(out, "],\"directives_counted\":%" PRIu32 "}\n", faults->turn_count);
    pthread_mutex_unlock(&faults->lock);
}

struct sim_faults *sim_faults_new(uint64_t seed)
{
    struct sim_faults *faults = byok_new(1, sizeof *faults);
    if (!faults)
        return NULL;
    pthread_mutex_init(&faults->lock, NULL);
    faults->random = seed;
    return faults;
}

void sim_faults_free(struct sim_faults *faults)
{
    if (!faults)
        return;
    byok_delete(faults->rules);
    byok_delete(faults->turns);
    pthread_mutex_destroy(&faults->lock);
    byok_delete(faults);
}
