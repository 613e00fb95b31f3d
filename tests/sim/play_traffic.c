/* SPDX-License-Identifier: MIT */
/* tests/sim/play_traffic.c - what users send in a random run, and what the provider answers. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/play_parts.h"

/* ---- the provider ---- */

static void misbehave(struct sim_world *world, struct sim_answer *out)
{
    static const int statuses[] = {429, 500, 503, 200, 400, 404};
    static const enum sim_kind kinds[] = {
        [SIM_NO_CONNECT] = SIM_FAULT_NO_CONNECT,
        [SIM_CUT] = SIM_FAULT_CUT,
        [SIM_HANG] = SIM_FAULT_HANG,
        [SIM_TOO_LARGE] = SIM_FAULT_WRONG_ANSWER,
    };
    out->how = (enum sim_how)sim_below(&world->clock, 5);
    out->status = statuses[sim_below(&world->clock, 6)];
    out->retry_after_s = sim_chance(&world->clock, 300) ? (int)sim_below(&world->clock, 20) : 0;
    snprintf(out->body, sizeof out->body, "%s",
             sim_chance(&world->clock, 500) ? "<html>oops</html>"
                                            : "{\"error\":{\"message\":\"no\",\"code\":\"x\"}}");
    if (out->how != SIM_WHOLE)
        sim_note(world, kinds[out->how]);
    else if (out->status == 429)
        sim_note(world, SIM_FAULT_THROTTLED);
    else
        sim_note(world, out->status == 200 ? SIM_FAULT_WRONG_ANSWER : SIM_FAULT_PROVIDER_ERROR);
}

void play_answer(struct sim_world *world, const struct sim_entry *entry, struct sim_answer *out)
{
    const struct sim_play *play = world->answer_arg;
    out->latency_us = 1000 + (int64_t)sim_below(&world->clock, 300000);
    if (sim_chance(&world->clock, 30)) {
        out->latency_us = (int64_t)sim_below(&world->clock, 40 * (uint64_t)SIM_S);
        sim_note(world, SIM_FAULT_SLOW);
        if (out->latency_us > world->provider_settings[0].timeout_us)
            sim_note(world, SIM_FAULT_HANG);
    }
    if (world->clock.now_us < play->away_until_us && (entry->provider == 0 || play->all_away)) {
        out->how = sim_below(&world->clock, 3) ? SIM_NO_CONNECT : SIM_WHOLE;
        out->status = 503;
        snprintf(out->body, sizeof out->body, "{}");
    } else if (sim_chance(&world->clock, play->rough)) {
        misbehave(world, out);
    }
}

/* ---- the users ---- */

static uint64_t below(struct sim_play *play, uint64_t n)
{
    return sim_below(&play->world->clock, n);
}

static void name_user(uint64_t i, char *out, size_t room)
{
    snprintf(out, room, "u%" PRIu64, i);
}

static const char *new_id(struct sim_play *play, const char *user)
{
    char *id = play->ids[play->count];
    snprintf(id, sizeof play->ids[0], "%s.%zu", user, play->count++);
    return id;
}

/* Of a third of the jobs; some users have no key for the other provider. */
static const char *fallbacks(struct sim_play *play)
{
    static const char *const some[] = {
        ",\"fallbacks\":[\"other/other-sim\"]",
        ",\"fallbacks\":[\"other/other-sim\",\"openai/small-sim\"]",
        ",\"fallbacks\":[\"openai/small-sim\",\"other/other-sim\"]",
    };
    const uint64_t count = sizeof some / sizeof some[0], drawn = below(play, 3 * count);
    return drawn < count ? some[drawn] : "";
}

/* Its estimate, 7 tokens for the prompt and 300 for the answer, is never below what it costs. */
static void send_chat(struct sim_play *play, const char *user, const char *id, const char *more)
{
    sim_send(play->world, user,
             "{\"id\":\"%s\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"openai\","
             "\"prompt\":\"Say hi to all who are there.\",\"max_tokens\":%d%s%s}",
             id, user, PLAY_ANSWER_TOKENS, more, fallbacks(play));
}

/* Sound that was put into the store; of some it is lost, or is another user's. */
static void send_sound(struct sim_play *play, const char *user)
{
    struct byok_payload_ref ref;
    const char *id = new_id(play, user), *owner = user;
    char said[160];
    snprintf(said, sizeof said, "ID3 said by %s.", id);
    if (play->faults & PLAY_BAD_RECORDS && below(play, 8) == 0)
        owner = "somebody";
    sim_object_put(play->world, byok_str_of(owner), byok_str_of(said), &ref);
    sim_send(play->world, user,
             "{\"id\":\"%s\",\"user\":\"%s\",\"capability\":\"speech_to_text\",\"provider\":"
             "\"openai\",\"audio\":{\"ref\":\"%s\",\"size\":%d,\"sha256\":\"%s\"}}",
             id, user, ref.name, (int)ref.size, ref.name + BYOK_PAYLOAD_OWNER_CHARS + 1);
    if (play->faults & PLAY_PAYLOADS && below(play, 4) == 0) {
        sim_note(play->world, SIM_FAULT_PAYLOAD_LOST);
        sim_object_lose(play->world, ref.name);
    }
}

static void send_poison(struct sim_play *play, const char *user)
{
    static const char *const texts[] = {"",
                                        "{",
                                        "nonsense",
                                        "{\"id\":\"\"}",
                                        "[1,2]",
                                        "{\"type\":\"job\",\"user\":\"somebody\",\"id\":\"p\"}",
                                        "{\"id\":\"k\",\"api_key\":\"" SIM_KEY_MARK "raw\"}"};
    sim_note(play->world, SIM_FAULT_POISON);
    sim_send(play->world, user, "%s", texts[below(play, sizeof texts / sizeof texts[0])]);
}

/* To a partition that is not the user's. */
static void send_misplaced(struct sim_play *play, const char *user)
{
    int32_t count = play->world->cluster.partitions;
    int32_t right = byok_partition_of(byok_str_of(user), count);
    sim_note(play->world, SIM_FAULT_MISPLACED);
    sim_send_to(play->world, (right + 1 + (int32_t)below(play, 2)) % count, user,
                "{\"id\":\"%s\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"openai\","
                "\"prompt\":\"x\"}",
                new_id(play, user), user);
}

static void send_again(struct sim_play *play)
{
    char user[16];
    const char *id = play->ids[below(play, play->count)];
    snprintf(user, sizeof user, "%.*s", (int)strcspn(id, "."), id);
    sim_note(play->world, SIM_FAULT_REPEATED);
    send_chat(play, user, id, "");
}

/* Of anything sent before; often of the newest, which is on its way. */
static void send_cancel(struct sim_play *play)
{
    char user[16];
    size_t i = below(play, 2) ? (size_t)below(play, play->count) : play->count - 1;
    const char *id = play->ids[i];
    snprintf(user, sizeof user, "%.*s", (int)strcspn(id, "."), id);
    const char *own = new_id(play, user);
    sim_send(play->world, user,
             "{\"type\":\"job.cancel\",\"id\":\"%s\",\"user\":\"%s\",\"job_id\":\"%s\"}", own, user,
             id);
}

/* Sealing needs the vault's public key, which a worker tells. */
static bool can_register(const struct sim_world *world)
{
    bool alive = false;
    for (size_t i = 0; i < world->worker_count; i++)
        alive = alive || world->workers[i].alive;
    return alive && world->key_count < SIM_KEYS_MAX;
}

/* Some jobs of one to three texts that may share a call, or not: by dimensions, key or time. */
static void send_embeddings(struct sim_play *play, const char *user)
{
    static const char *const more[] = {"", "", "", ",\"dimensions\":2", ",\"key_label\":\"none\""};
    bool poison = below(play, 8) == 0;
    for (uint64_t jobs = 1 + below(play, 8); jobs > 0 && play->count < PLAY_JOBS_MAX; jobs--) {
        const char *id = new_id(play, user);
        char texts[200] = "", time[32] = "";
        size_t len = 0;
        for (unsigned i = 0, count = 1 + (unsigned)below(play, 3); i < count; i++)
            len += (size_t)snprintf(texts + len, sizeof texts - len, "%s\"%s#%-*u\"", i ? "," : "",
                                    id, SIM_TEXT_BYTES - 1 - (int)strlen(id), i);
        if (poison && jobs == 3)
            snprintf(texts, sizeof texts, "\"%s#" SIM_POISON "\"", id);
        if (below(play, 4) == 0)
            snprintf(time, sizeof time, ",\"timeout_ms\":%d", 1 + (int)below(play, 20000));
        sim_send(play->world, user,
                 "{\"id\":\"%s\",\"user\":\"%s\",\"capability\":\"embeddings\",\"provider\":"
                 "\"openai\",\"input\":[%s]%s%s%s%s}",
                 id, user, texts, below(play, 3) ? "" : ",\"on_unknown\":\"retry\"", time,
                 more[below(play, sizeof more / sizeof more[0])], fallbacks(play));
    }
}

/* Of 1 to 2 parts of what the provider takes. */
static void send_speech(struct sim_play *play, const char *user)
{
    const char *id = new_id(play, user);
    char text[7000];
    size_t len = 0, room = 100 + (size_t)below(play, sizeof text - 200);
    while (len < room)
        len += (size_t)snprintf(text + len, sizeof text - len, "Sentence %d of %s. ",
                                (int)below(play, 1000), id);
    sim_send(play->world, user,
             "{\"id\":\"%s\",\"user\":\"%s\",\"capability\":\"text_to_speech\",\"provider\":"
             "\"openai\",\"format\":\"pcm\",\"text\":\"%s\"%s%s}",
             id, user, text, below(play, 2) ? "" : ",\"on_unknown\":\"retry\"", fallbacks(play));
}

static void send_some(struct sim_play *play, const char *user)
{
    struct sim_world *world = play->world;
    char more[64];
    switch (below(play, 23)) {
    case 0:
        sim_send(world, user,
                 "{\"type\":\"key.check\",\"id\":\"%s\",\"user\":\"%s\",\"provider\":\"openai\"}",
                 new_id(play, user), user);
        break;
    case 1:
    case 10:
        send_embeddings(play, user);
        break;
    case 2:
        snprintf(more, sizeof more, ",\"on_unknown\":\"retry\",\"timeout_ms\":%d",
                 1000 + (int)below(play, 100000));
        send_chat(play, user, new_id(play, user), more);
        break;
    case 9:
        sim_send(world, user,
                 "{\"id\":\"%s\",\"user\":\"%s\",\"capability\":\"chat\",\"provider\":\"openai\","
                 "\"prompt\":\"x\",\"not_before_ms\":%lld}",
                 new_id(play, user), user,
                 (long long)world->clock.clock.ops->wall_ms(&world->clock.clock) +
                     (int64_t)below(play, 600000));
        break;
    case 11:
        send_speech(play, user);
        break;
    case 3:
        if (play->faults & PLAY_BAD_RECORDS)
            send_poison(play, user);
        break;
    case 4:
        if (play->faults & PLAY_BAD_RECORDS)
            send_misplaced(play, user);
        break;
    case 5:
        if (can_register(world))
            sim_register(world, user, "openai", new_id(play, user));
        break;
    case 20:
        send_speech(play, user);
        break;
    case 21:
    case 22:
        send_sound(play, user);
        break;
    case 6:
        send_chat(play, user, new_id(play, user), ",\"stream\":true");
        break;
    case 7:
        send_chat(play, user, new_id(play, user),
                  ",\"stream\":true,\"provider_options\":{\"modalities\":[\"text\",\"audio\"]}");
        break;
    case 8:
        send_chat(play, user, new_id(play, user), ",\"key_label\":\"default\"");
        break;
    case 12:
        if (!play->renews) /* those of a key that is not renewed would fill the window */
            sim_send(world, user,
                     "{\"type\":\"user.configure\",\"id\":\"%s\",\"user\":\"%s\",\"default_keys\":"
                     "{\"openai\":\"second\"}}",
                     new_id(play, user), user);
        break;
    default:
        send_chat(play, user, new_id(play, user), "");
    }
}

/* Until another is registered, as happens now and then. */
static void revoke(struct sim_play *play, const char *user)
{
    struct sim_world *world = play->world;
    sim_note(world, SIM_FAULT_KEY_REVOKED);
    for (size_t i = 0; i < world->key_count; i++)
        world->keys[i].revoked |= strcmp(world->keys[i].user, user) == 0;
}

void play_send(struct sim_play *play)
{
    char user[16];
    name_user(below(play, 3) ? below(play, PLAY_USERS) : 0, user, sizeof user);
    if (play->count == PLAY_JOBS_MAX)
        return;
    if (below(play, 60) == 0 && play->faults & PLAY_PROVIDER)
        revoke(play, user);
    if (play->renews && below(play, 6) == 0 && can_register(play->world))
        sim_register(play->world, user, "openai", new_id(play, user));
    else if (play->count > 0 && below(play, 10) == 0)
        send_again(play);
    else if (play->count > 0 && below(play, 8) == 0)
        send_cancel(play);
    else
        send_some(play, user);
}

void play_line(struct sim_play *play)
{
    char id[24];
    uint64_t most = below(play, 8) ? 4 : 60; /* now and then many at once */
    if (play->renews && play->lines_up && below(play, 6) == 0 && can_register(play->world)) {
        snprintf(id, sizeof id, SIM_LINE ".k%zu", play->world->key_count);
        sim_register(play->world, SIM_LINE, "openai", id);
    }
    for (uint64_t n = play->lines_up ? below(play, most) : 0; n > 0; n--) {
        snprintf(id, sizeof id, SIM_LINE ".%zu", play->line_count++);
        sim_chat(play->world, SIM_LINE, id);
    }
}

/* In time, for what comes before it is not limited. */
static void send_limits(struct sim_world *world, const struct sim_user *user)
{
    const unsigned late = world->producer_late;
    world->producer_late = 0;
    char budget[64] = "";
    if (user->budget > 0)
        snprintf(budget, sizeof budget, ",\"budget\":{\"amount\":%u,\"period\":\"day\"}",
                 user->budget);
    sim_send(world, user->name,
             "{\"type\":\"user.configure\",\"id\":\"c\",\"user\":\"%s\",\"limits\":{"
             "\"requests_per_minute\":%u,\"tokens_per_minute\":%u,\"concurrency\":%u%s}}",
             user->name, user->per_minute, user->tokens_per_minute, user->at_once, budget);
    world->producer_late = late;
}

static void limit_user(struct sim_play *play, struct sim_user *user)
{
    user->per_minute = below(play, 2) ? 12 : 0;
    user->tokens_per_minute = below(play, 3) ? 0 : 3000;
    user->at_once = below(play, 3) ? 0 : 1 + (unsigned)below(play, 3);
    if (play->pays && below(play, 4))
        user->budget = 1100 + (unsigned)below(play, 3000);
    send_limits(play->world, user);
}

/* What the provider lets its keys have.  Sometimes for longer than a worker waits for it. */
static void limit_keys(struct sim_play *play, struct sim_user *user)
{
    for (size_t i = 0; i < SIM_PROVIDERS; i++) {
        struct sim_limits *limits = &user->limits[i];
        if (play->renews) {
            *limits = (struct sim_limits){.requests = 1 + (int64_t)below(play, 6),
                                          .window_us = (150 + (int64_t)below(play, 250)) * SIM_S,
                                          .is_terse = below(play, 2)};
            continue;
        }
        if (!play->spends || below(play, 2))
            continue;
        limits->requests = below(play, 4) ? 1 + (int64_t)below(play, 12) : 0;
        limits->tokens = below(play, 3) ? 0 : 300 + (int64_t)below(play, 3000);
        limits->window_us = (2 + (int64_t)below(play, below(play, 8) ? 30 : 90)) * SIM_S;
        limits->is_terse = below(play, 2);
    }
}

/* Of half of the users by a higher one, which lets all go that wait, too. */
void play_unbind(struct sim_play *play)
{
    struct sim_world *world = play->world;
    for (size_t i = 0; i < world->user_count; i++) {
        struct sim_user *user = &world->users[i];
        if (user->budget == 0)
            continue;
        user->unbound_us = world->clock.now_us;
        sim_send(world, user->name,
                 "{\"type\":\"user.configure\",\"id\":\"unbind\",\"user\":\"%s\",\"limits\":{"
                 "\"budget\":{\"amount\":%d,\"period\":\"day\"}}}",
                 user->name, i % 2 ? 0 : 1000000);
    }
}

static void add_line(struct sim_play *play)
{
    struct sim_world *world = play->world;
    struct sim_user *user = &world->users[world->user_count++];
    *user =
        (struct sim_user){.name = SIM_LINE, .per_minute = below(play, 2) ? 60 : 0, .at_once = 1};
    limit_keys(play, user);
    if (play->pays)
        user->budget = 1100 + (unsigned)below(play, 3000);
    send_limits(world, user);
    sim_register(world, SIM_LINE, "openai", "r");
}

/* Now and then a job comes before the registration of its key. */
void play_users(struct sim_play *play)
{
    struct sim_world *world = play->world;
    play->spends = below(play, 3) == 0;
    for (uint64_t i = 0; i < PLAY_USERS; i++) {
        struct sim_user *user = &world->users[world->user_count++];
        name_user(i, user->name, sizeof user->name);
        limit_user(play, user);
        limit_keys(play, user);
        if (play->faults & PLAY_BAD_RECORDS && below(play, 4) == 0)
            send_chat(play, user->name, new_id(play, user->name), "");
        sim_register(world, user->name, "openai", "r");
        if (i % 2 == 0)
            sim_register(world, user->name, "other", "r2");
        if (below(play, 2))
            sim_register_as(world, user->name, "openai", "second", "s");
    }
    if (play->lines_up)
        add_line(play);
}
