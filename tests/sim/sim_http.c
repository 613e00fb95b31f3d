/* SPDX-License-Identifier: MIT */
/* tests/sim/sim_http.c - see tests/sim/sim_http.h. */
#include "tests/sim/sim_http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "schemas/codec.h"
#include "schemas/state.h"
#include "tests/sim/world.h"

/* A streamed body comes in pieces that end anywhere. */
#define PIECE_BYTES ((size_t)37)
#define PIECE_US 5000

struct going {
    struct sim_http *http;
    struct byok_http_call *call;
    struct sim_answer answer;
    int64_t tokens;  /* that the answer says of each of its jobs' texts, or in all */
    bool vectors;    /* it is of embeddings */
    size_t entry;    /* of the ledger; behind it are those of the jobs that joined */
    bool good;       /* the answer is what was asked for */
    bool speaks;     /* the answer is samples */
    char *long_body; /* the answer's, when it does not fit into it; owned */
    unsigned events; /* that will ring for it: one, and one more when it was cancelled */
    bool answered;
    size_t given; /* of a body that is wanted as it comes */
};

static struct sim_entry *new_entry(struct sim_ledger *ledger)
{
    if (ledger->count == ledger->room) {
        size_t room = ledger->room ? ledger->room * 2 : 256;
        struct sim_entry *entries = sim_new(room, sizeof *entries);
        if (ledger->count > 0)
            memcpy(entries, ledger->entries, ledger->count * sizeof *entries);
        byok_delete(ledger->entries);
        ledger->entries = entries;
        ledger->room = room;
    }
    struct sim_entry *entry = &ledger->entries[ledger->count++];
    *entry = (struct sim_entry){0};
    return entry;
}

static struct sim_key *find_key(struct sim_world *world, const char *line)
{
    const char *secret = line ? strstr(line, SIM_KEY_MARK) : NULL;
    for (size_t i = 0; secret && i < world->key_count; i++) {
        if (strcmp(world->keys[i].secret, secret) == 0)
            return &world->keys[i];
    }
    return NULL;
}

static struct byok_str request_id(const struct byok_http_request *request)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (byok_str_eq_nocase(request->headers[i].name, byok_str_of("x-client-request-id")))
            return request->headers[i].value;
    }
    return (struct byok_str){NULL, 0};
}

/* The header is "<id>/<attempt>". */
static void note_id(struct sim_entry *entry, struct byok_str header)
{
    size_t len = header.len;
    while (len > 0 && header.ptr[len - 1] != '/')
        len--;
    snprintf(entry->id, sizeof entry->id, "%.*s", len > 0 ? (int)len - 1 : 0,
             header.ptr ? header.ptr : "");
}

static const char *path_of(struct byok_str url)
{
    static const char *const paths[] = {"/chat/completions", "/embeddings", "/models",
                                        "/audio/speech", "/audio/transcriptions"};
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        if (byok_str_find(url, byok_str_of(paths[i])) != SIZE_MAX)
            return paths[i];
    }
    return "?";
}

static size_t provider_of(const struct sim_world *world, struct byok_str url)
{
    size_t i = 0;
    while (i < SIM_PROVIDERS - 1 &&
           !byok_str_starts(url, byok_str_of(world->providers[i].base_url)))
        i++;
    return i;
}

/* Nothing stops a worker that does not know that it has lost the partition. */
static void check_wanted(struct sim_world *world, const struct sim_entry *entry)
{
    if (entry->request->taken_back && !entry->is_void && !world->settings.at_least_once)
        sim_fail(world, "%s is called for though it was cancelled", entry->request->name);
}

/* How long after it has got its key a call may leave: its claim is written meanwhile. */
#define UNDER_WAY_US (5 * SIM_S)

/* Of the same millisecond it is the later record. */
static bool is_newer(const struct sim_key *a, const struct sim_key *b)
{
    if (a->issued_wall_ms != b->issued_wall_ms || !a->registration || !b->registration)
        return a->issued_wall_ms > b->issued_wall_ms;
    return a->registration->offset > b->registration->offset;
}

/* A key that was replaced, as its user can read, is used no more, whatever stands in a topic.  A
 * job of the same id, which came before the registration, replaces none. */
static void check_newest(struct sim_world *world, const struct sim_entry *entry,
                         const struct sim_key *key)
{
    bool once = !world->settings.at_least_once && !entry->is_void;
    for (const struct sim_key *k = world->keys; once && key && k < world->keys + world->key_count;
         k++) {
        const struct sim_request *by = k->registration;
        if (is_newer(k, key) && k->provider == key->provider && strcmp(k->user, key->user) == 0 &&
            strcmp(k->label, key->label) == 0 && by && by->records == 1 && by->results == 1 &&
            !by->job && by->ok && entry->at_us > by->ended_us + UNDER_WAY_US)
            sim_fail(world, "%s is called with a key that %s has replaced", entry->request->name,
                     by->name);
    }
}

static struct sim_entry *note(struct sim_worker *worker, struct byok_http_call *call,
                              struct sim_key *key)
{
    struct sim_world *world = worker->world;
    struct sim_entry *entry = new_entry(&world->ledger);
    entry->at_us = world->clock.now_us;
    entry->end_us = INT64_MAX;
    entry->key = key;
    if (key)
        snprintf(entry->user, sizeof entry->user, "%s", key->user);
    note_id(entry, request_id(&call->request));
    snprintf(entry->path, sizeof entry->path, "%s", path_of(call->request.url));
    entry->provider = provider_of(world, call->request.url);
    entry->sent = true;
    struct byok_str user = byok_str_of(entry->user);
    entry->request = sim_request_of(world, user, byok_str_of(entry->id));
    entry->attempt = ++entry->request->made;
    entry->partition = byok_partition_of(user, world->cluster.partitions);
    entry->worker = worker;
    entry->life = worker->life;
    entry->disk = worker->disk;
    /* of the assignment that the worker knows of: the end of one counts too */
    const struct sim_share *share = &worker->broker.shares[entry->partition];
    entry->generation = share->generation - !share->assigned;
    entry->is_void = !sim_is_held(entry);
    if (key && !sim_partition(worker, entry->partition))
        sim_fail(world,
                 "%s is called for by worker %td, which knows that it has lost the partition",
                 entry->request->name, worker - world->workers);
    if (key && key->provider != entry->provider)
        sim_fail(world, "%s is called for with a key for another provider", entry->request->name);
    check_wanted(world, entry);
    check_newest(world, entry, key);
    sim_watch_order(worker, entry);
    sim_rate_watch(world, entry);
    sim_limits_watch(world, entry);
    byok_log_event(&world->log.log, BYOK_LOG_DEBUG, "sim_call",
                   BYOK_F_INT("worker", worker - world->workers), BYOK_F_TEXT("user", entry->user),
                   BYOK_F_TEXT("id", entry->id), BYOK_F_TEXT("label", key ? key->label : ""),
                   BYOK_F_INT("nobodys", entry->is_void));
    return entry;
}

/* What is to be heard stands in the payload that the job names. */
static void listen(struct sim_world *world, const struct byok_http_call *call,
                   const struct sim_entry *entry, char *body, size_t room)
{
    char said[160];
    snprintf(said, sizeof said, "ID3 said by %s.", entry->id);
    struct byok_payload_ref own;
    byok_payload_identify(byok_str_of(entry->user), byok_str_of(said), &own);
    if (!sim_object_find(world, own.name))
        sim_fail(world, "%s/%s is called with what is not this user's", entry->user, entry->id);
    if (!sim_was_sent(world, call, byok_str_of(said)))
        sim_fail(world, "%s/%s is called without its payload", entry->user, entry->id);
    snprintf(body, room, "{\"text\":\"echo %s\"}", entry->id);
}

/* What a model speaks and draws in a chat that asks for it. */
static const char *media_of(const struct byok_http_call *call, struct sim_entry *entry)
{
    if (byok_str_find(call->request.body, byok_str_of("\"modalities\"")) == SIZE_MAX)
        return "";
    entry->media = 5 + 8 + 5;
    return "data: {\"choices\":[{\"delta\":{\"audio\":{\"data\":\"AAECA\"}}}]}\n\n"
           "data: {\"choices\":[{\"delta\":{\"audio\":{\"data\":\"wQ=\"}}}]}\n\n"
           "data: {\"choices\":[{\"delta\":{\"images\":[{\"image_url\":{\"url\":"
           "\"data:image/png;base64,iVBORw0KGgo=\"}}]}}]}\n\n"
           "data: {\"choices\":[{\"delta\":{\"audio\":{\"data\":\"AAECAwQ=\"}}}]}\n\n";
}

/* Of a chat's tokens: what its answer says of the 7 of the prompt that went to a cache. */
static int64_t written_of(int64_t tokens)
{
    return tokens % 7;
}

#define CHAT_USAGE                                                                                 \
    "\"usage\":{\"prompt_tokens\":7,\"prompt_tokens_details\":{\"cache_write_tokens\":%d},"        \
    "\"completion_tokens\":%d}"

/* The tokens that it says. */
static int64_t good_body(struct sim_world *world, const struct byok_http_call *call,
                         struct sim_entry *entry, char *body, size_t room)
{
    if (strcmp(entry->path, "/models") == 0) {
        snprintf(body, room, "{\"data\":[]}");
        return 0;
    }
    if (strcmp(entry->path, "/audio/transcriptions") == 0) {
        listen(world, call, entry, body, room);
        return 0;
    }
    int said = world->tokens_most ? 1 + (int)sim_below(&world->clock, world->tokens_most) : 5;
    int written = (int)written_of(7 + said);
    if (byok_str_find(call->request.body, byok_str_of("\"stream\":true")) != SIZE_MAX) {
        snprintf(
            body, room,
            "data: {\"model\":\"gpt-sim\",\"choices\":[{\"delta\":{\"content\":\"echo \"}}]}\n\n"
            "data: {\"choices\":[{\"delta\":{\"content\":\"%s\"}}]}\n\n"
            "%s"
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
            "data: {\"choices\":[]," CHAT_USAGE "}\n\n"
            "data: [DONE]\n\n",
            entry->id, media_of(call, entry), written, said);
        return 7 + said;
    }
    snprintf(body, room,
             "{\"id\":\"c-%s\",\"model\":\"gpt-sim\",\"choices\":[{\"message\":{\"role\":"
             "\"assistant\",\"content\":\"echo %s\"},\"finish_reason\":\"stop\"}]," CHAT_USAGE "}",
             entry->id, entry->id, written, said);
    return 7 + said;
}

/* A claim of the job is there, says who is called, and is not taken back. */
static void check_claim(const struct sim_entry *entry)
{
    struct sim_world *world = entry->worker->world;
    struct byok_store *table = entry->worker->state->inner;
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str key = byok_claim_key(&arena, byok_str_of(entry->user), byok_str_of(entry->id));
    struct byok_str taken_back =
        byok_withdrawal_key(&arena, byok_str_of(entry->user), byok_str_of(entry->id));
    struct byok_str value = {NULL, 0}, other = {NULL, 0};
    struct byok_claim_record claim;
    if (world->no_ledger || entry->is_void || !entry->user[0] ||
        strcmp(entry->path, "/models") == 0)
        return;
    if (table->ops->get(table, entry->partition, key, &arena, &value, NULL) != BYOK_E_OK ||
        table->ops->get(table, entry->partition, taken_back, &arena, &other, NULL) != BYOK_E_OK)
        abort();
    if (!value.ptr || (other.ptr && byok_str_eq(value, other)) ||
        byok_claim_record_decode(value, &claim) != BYOK_E_OK ||
        strcmp(claim.provider, world->providers[entry->provider].name) != 0)
        sim_fail(world, "%s is called for at %s without a claim that says so", entry->request->name,
                 world->providers[entry->provider].name);
}

/* ---- embeddings ---- */

/* A line of the ledger for each job whose texts are in the call of another. */
static struct sim_entry *note_joined(struct sim_world *world, size_t first,
                                     const struct byok_value *texts)
{
    struct sim_ledger *ledger = &world->ledger;
    for (uint32_t i = 0; i < texts->count; i++) {
        struct byok_str id = sim_text_owner(&texts->as.items[i]);
        struct sim_entry *last = &ledger->entries[ledger->count - 1];
        if (id.len > 0 && !byok_str_is(id, last->id)) {
            struct sim_entry *entry = new_entry(ledger);
            *entry = ledger->entries[first];
            snprintf(entry->id, sizeof entry->id, "%.*s", BYOK_STR_ARG(id));
            entry->request = sim_request_of(world, byok_str_of(entry->user), id);
            entry->attempt = ++entry->request->made;
            entry->joined = true;
            check_wanted(world, entry);
            if (entry->request->keyless)
                sim_fail(world, "%s went along with a key that it did not name",
                         entry->request->name);
            entry->texts = 0;
            last = entry;
        }
        last->texts += id.len > 0;
    }
    unsigned jobs = (unsigned)(ledger->count - first);
    for (size_t i = first; i < ledger->count; i++) {
        ledger->entries[i].jobs = ledger->entries[i].request->jobs = jobs;
        ledger->entries[i].request->went_alone |= jobs == 1;
        check_claim(&ledger->entries[i]);
    }
    return &ledger->entries[first];
}

/* The text itself for samples: what was spoken can be read. */
static void speak(struct byok_str body, char **out)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value root;
    struct byok_str text = {"", 0};
    if (byok_decode(&arena, BYOK_JSON, body, &root, NULL) == BYOK_E_OK)
        text = byok_value_as_str(byok_value_find(&root, "input"));
    *out = sim_new(text.len + 1, 1);
    memcpy(*out, text.ptr, text.len);
}

static void refuse_text(struct sim_answer *answer)
{
    answer->status = 400;
    snprintf(answer->body, sizeof answer->body,
             "{\"error\":{\"message\":\"'input' holds what no model can take\",\"type\":"
             "\"invalid_request_error\"}}");
}

/* A provider that would have its user's key published, in events of 1 to 3 characters. */
static void spell_key(struct sim_world *world, struct sim_entry *entry, const char *secret,
                      struct sim_answer *answer)
{
    size_t room = sizeof answer->body, len = 0;
    entry->spelled = strlen(secret);
    entry->media = 0;
    for (size_t at = 0, n; at < entry->spelled; at += n) {
        n = 1 + (size_t)sim_below(&world->clock, 3);
        len += (size_t)snprintf(answer->body + len, room - len,
                                "data: {\"choices\":[{\"delta\":{\"content\":\"%.*s\"}}]}\n\n",
                                (int)n, secret + at);
    }
    snprintf(answer->body + len, room - len,
             "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]," CHAT_USAGE
             "}\n\ndata: [DONE]\n\n",
             (int)written_of(8), 1);
}

static void refuse_key(const struct sim_key *key, struct sim_answer *answer)
{
    answer->status = 401;
    snprintf(answer->body, sizeof answer->body,
             "{\"error\":{\"message\":\"Incorrect API key provided: %s\",\"type\":"
             "\"invalid_request_error\",\"code\":\"invalid_api_key\"}}",
             key ? key->secret : "none");
}

static void give_body(struct byok_http_call *call, const struct going *going)
{
    const struct sim_answer *answer = &going->answer;
    byok_buf_done(&call->body);
    byok_buf_init(&call->body, call->answer_max_bytes);
    byok_buf_add_str(&call->body, byok_str_of(going->long_body ? going->long_body : answer->body));
    if (call->body.ptr)
        (void)byok_slot_scrub(call->slot, call->body.ptr, call->body.len);
    call->safe_bytes = call->body.len;
    call->response =
        (struct byok_http_response){.status = answer->status, .body = byok_buf_str(&call->body)};
    sim_rate_headers(call, answer, answer->status == 200 && going->speaks ? "audio/pcm" : "");
}

/* Frees it with its last event. */
static void rung(struct going *going)
{
    if (--going->events > 0)
        return;
    byok_delete(going->long_body);
    byok_delete(going);
}

/* A worker has no more calls under way with a provider than it may. */
static void began(struct sim_http *self, const struct sim_entry *entry)
{
    struct sim_world *world = self->worker->world;
    const int64_t most = world->provider_settings[entry->provider].concurrency;
    if (++self->open[entry->provider] > most)
        sim_fail(world, "%s: one call more than the %lld at once", entry->id, (long long)most);
    if (++world->ledger.open > world->ledger.open_most)
        world->ledger.open_most = world->ledger.open;
}

static void ended(const struct going *going)
{
    struct sim_ledger *ledger = &going->http->worker->world->ledger;
    going->http->open[ledger->entries[going->entry].provider]--;
    ledger->open--;
}

static void arrive(void *arg);
static void drop_call(void *arg);

/* The next bytes of a body that is wanted as it comes; false: there are no more. */
static bool give_bytes(struct going *going)
{
    struct byok_http_call *call = going->call;
    struct sim_world *world = going->http->worker->world;
    size_t left = strlen(going->answer.body) - going->given;
    bool comes = going->answer.how == SIM_WHOLE || going->answer.how == SIM_CUT;
    if (!call->bytes || !comes || going->answer.status != 200 || left == 0)
        return false;
    if (going->given == 0) {
        byok_buf_init(&call->body, call->answer_max_bytes);
        call->safe_bytes = 0;
        call->bytes_away = false;
    }
    size_t len = left < PIECE_BYTES ? left : PIECE_BYTES;
    byok_buf_add(&call->body, going->answer.body + going->given, len);
    going->given += len;
    call->safe_bytes = call->body.len;
    call->response.status = going->answer.status;
    if (!call->bytes_away) {
        struct byok_msg *bytes = call->bytes;
        call->bytes_away = true;
        byok_post(call->reply_to, BYOK_MSG_HTTP_BYTES, &bytes);
    }
    sim_clock_in(&world->clock, PIECE_US, going->http, arrive, drop_call, going);
    return true;
}

static bool is_sent(enum sim_how how)
{
    return how != SIM_NO_CONNECT && how != SIM_UNREADABLE;
}

/* Its end, for each of its jobs. */
static void end_entries(const struct going *going)
{
    struct sim_world *world = going->http->worker->world;
    struct sim_entry *entry = &world->ledger.entries[going->entry];
    for (unsigned i = entry->jobs; i-- > 0;) {
        entry[i].end_us = world->clock.now_us;
        entry[i].spoke = going->speaks && going->answer.how == SIM_WHOLE;
        entry[i].is_known = going->answer.how == SIM_WHOLE || !is_sent(going->answer.how);
        if (going->answer.how != SIM_WHOLE || going->tokens == 0)
            continue;
        entry[i].tokens = entry[i].texts > 0 ? SIM_TEXT_TOKENS * entry[i].texts : going->tokens;
        entry[i].written = going->vectors ? entry[i].tokens : written_of(entry[i].tokens);
    }
}

static void arrive(void *arg)
{
    struct going *going = arg;
    if (going->answered) {
        rung(going);
        return;
    }
    if (give_bytes(going))
        return;
    going->answered = true;
    struct byok_http_call *call = going->call;
    struct sim_world *world = going->http->worker->world;
    call->sent = is_sent(going->answer.how);
    call->upload_failed = going->answer.how >= SIM_UNREADABLE;
    end_entries(going);
    sim_rate_told(world, &world->ledger.entries[going->entry], &going->answer, going->good);
    switch (going->answer.how) {
    case SIM_WHOLE:
        give_body(call, going);
        break;
    case SIM_NO_CONNECT:
        byok_fault_set(&call->fault, BYOK_E_UNREACHABLE, "connection refused");
        break;
    case SIM_CUT:
        byok_fault_set(&call->fault, BYOK_E_CUT_OFF, "the connection broke");
        break;
    case SIM_HANG:
        byok_fault_set(&call->fault, BYOK_E_TIMEOUT, "no answer in time");
        break;
    case SIM_TOO_LARGE:
        byok_fault_set(&call->fault, BYOK_E_TOO_LARGE, "the answer is too large");
        break;
    case SIM_UNREADABLE:
        byok_fault_set(&call->fault, BYOK_E_STORE, "the payload cannot be read");
        break;
    case SIM_BROKEN_OFF:
        byok_fault_set(&call->fault, BYOK_E_CUT_OFF, "the payload cannot be read on");
        break;
    case SIM_OTHER_FILE:
        byok_fault_set(&call->fault, BYOK_E_BAD_REQUEST, "the payload has another sha256");
        break;
    }
    ended(going);
    rung(going);
    byok_post(call->reply_to, BYOK_MSG_HTTP_DONE, &call->reply);
}

/* Its worker is dead; the provider goes on. */
static void drop_call(void *arg)
{
    struct going *going = arg;
    struct sim_ledger *ledger = &going->http->worker->world->ledger;
    if (!going->answered) {
        for (unsigned i = 0; i < ledger->entries[going->entry].jobs; i++)
            ledger->entries[going->entry + i].end_us = going->http->worker->world->clock.now_us;
        ended(going);
    }
    going->answered = true;
    rung(going);
}

/* Whether the upload's end is sent, unless the provider is not reached. */
static bool sends_whole(struct sim_world *world, const struct byok_http_call *call,
                        struct sim_answer *answer)
{
    enum sim_how how = sim_object_send(world, call->upload);
    if (how != SIM_WHOLE && answer->how != SIM_NO_CONNECT)
        answer->how = how;
    return how == SIM_WHOLE;
}

static void begin(struct sim_http *self, struct byok_http_call *call)
{
    struct sim_world *world = self->worker->world;
    const char *line = byok_slot_header(call->slot, call->auth_header, call->auth_prefix);
    struct sim_key *key = find_key(world, line);
    struct sim_entry *entry = note(self->worker, call, key);
    struct going *going = sim_new(1, sizeof *going);
    going->entry = world->ledger.count - 1;
    BYOK_AUTO(byok_arena) arena = {0};
    bool embeds = strcmp(entry->path, "/embeddings") == 0;
    struct byok_value texts = embeds ? sim_texts_of(&arena, call->request.body)
                                     : byok_value_array(); /* speech has "input" too */
    entry = note_joined(world, going->entry, &texts);
    going->events = 1;
    going->http = self;
    going->call = call;
    call->port = going;
    going->answer = (struct sim_answer){.status = 200, .latency_us = 50000};
    if (!key || key->revoked)
        refuse_key(key, &going->answer);
    else if (byok_str_find(call->request.body, byok_str_of(SIM_POISON)) != SIZE_MAX)
        refuse_text(&going->answer);
    else if (world->answer)
        world->answer(world, entry, &going->answer);
    bool whole = call->upload ? sends_whole(world, call, &going->answer) : true;
    for (unsigned i = 0; i < entry->jobs; i++)
        entry[i].sent = is_sent(going->answer.how);
    if (going->answer.how == SIM_HANG || going->answer.latency_us > call->timeout_us) {
        going->answer.how = is_sent(going->answer.how) ? SIM_HANG : going->answer.how;
        going->answer.latency_us = call->timeout_us > 0 ? call->timeout_us : 1;
    }
    if (key && !key->revoked && is_sent(going->answer.how))
        sim_rate_admit(world, entry, &going->answer);
    bool good = whole && going->answer.status == 200 && going->answer.body[0] == '\0';
    going->good = good && going->answer.how == SIM_WHOLE;
    going->speaks = strcmp(entry->path, "/audio/speech") == 0 && good;
    going->vectors = texts.count > 0;
    if (going->speaks)
        speak(call->request.body, &going->long_body);
    else if (good && going->vectors)
        going->tokens = sim_vectors_body(entry, &texts, &going->long_body);
    else if (good)
        going->tokens =
            good_body(world, call, entry, going->answer.body, sizeof going->answer.body);
    if (good && strncmp(going->answer.body, "data:", 5) == 0 &&
        sim_chance(&world->clock, world->spells)) {
        spell_key(world, entry, key->secret, &going->answer);
        going->tokens = 8;
    }
    if (key && !key->revoked && is_sent(going->answer.how))
        sim_rate_tell(world, entry, going->tokens, &going->answer);
    began(self, entry);
    sim_clock_in(&world->clock, going->answer.latency_us, self, arrive, drop_call, going);
}

static void send_call(struct byok_http *http, struct byok_http_call *call)
{
    sim_fault_hold();
    begin((struct sim_http *)http, call);
    sim_fault_release();
}

static void cancel_call(struct byok_http *http, struct byok_http_call *call)
{
    struct sim_http *self = (struct sim_http *)http;
    struct going *going = call->port;
    sim_fault_hold();
    going->answer.how = SIM_HANG;
    going->events++;
    sim_clock_in(&self->worker->world->clock, 1000, self, arrive, drop_call, going);
    sim_fault_release();
}

static const struct byok_http_ops ops = {send_call, cancel_call};

void sim_http_init(struct sim_http *http, struct sim_worker *worker)
{
    *http = (struct sim_http){.http = {&ops}, .worker = worker};
}
