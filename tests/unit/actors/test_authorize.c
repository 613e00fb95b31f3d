/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_authorize.c - with signers, only they change keys; and key.rotate. */
#include <sodium.h>
#include <string.h>

#include "tests/unit/actors/kit.h"

static const uint8_t seed[BYOK_SIGNER_SEED_BYTES] = {7}, stranger[BYOK_SIGNER_SEED_BYTES] = {8};
static struct byok_signer signers[1];
static bool in_escapes; /* the id is written in JSON's escapes */
static bool in_msgpack; /* and all of it in the other format */

static void require_signatures(void)
{
    byok_signer_of_seed(seed, &signers[0]);
    world->settings.signers = signers;
    world->settings.signer_count = 1;
}

static int64_t wall_ms(void)
{
    return world->clock.clock.ops->wall_ms(&world->clock.clock);
}

/* A command as it is sent, and as it was signed. */
struct sent {
    const char *type, *id, *user, *signed_user;
    const uint8_t *by;
    int64_t at_wall_ms;
    struct byok_str envelope; /* base64; empty: none */
};

static void send_command(const char *user, const char *json)
{
    BYOK_AUTO(byok_arena) arena = {0};
    BYOK_AUTO(byok_buf) bytes = {.cap_bytes = 16384};
    struct byok_value tree;
    struct byok_fault fault;
    if (!in_msgpack) {
        sim_send(world, user, "%s", json);
        return;
    }
    cr_assert_eq(byok_decode(&arena, BYOK_JSON, byok_str_of(json), &tree, &fault), BYOK_E_OK);
    cr_assert_eq(byok_encode(BYOK_MSGPACK, &tree, &bytes), BYOK_E_OK);
    const struct byok_str key = byok_str_of(user);
    sim_append(world, BYOK_TOPIC_REQUESTS, byok_partition_of(key, world->cluster.partitions), key,
               byok_buf_str(&bytes), NULL, 0, 0);
}

static void send_signed(const struct sent *sent)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_signer signer;
    uint8_t bytes[BYOK_SIGNATURE_BYTES], raw[4096];
    char text[128], id[512], envelope[4096] = "", json[8192];
    size_t raw_len = 0;
    if (sent->envelope.len > 0) {
        cr_assert_eq(sodium_base642bin(raw, sizeof raw, sent->envelope.ptr, sent->envelope.len,
                                       NULL, &raw_len, NULL, sodium_base64_VARIANT_ORIGINAL),
                     0);
        snprintf(envelope, sizeof envelope, ",\"envelope\":\"%.*s\"", BYOK_STR_ARG(sent->envelope));
    }
    const struct byok_command_text command = {
        .type = byok_str_of(sent->type),
        .id = byok_str_of(sent->id),
        .user = byok_str_of(sent->signed_user ? sent->signed_user : sent->user),
        .provider = byok_str_of("openai"),
        .label = byok_str_of("default"),
        .at_wall_ms = sent->at_wall_ms,
        .envelope = {(const char *)raw, raw_len},
    };
    byok_signer_of_seed(sent->by, &signer);
    cr_assert_eq(byok_command_sign(sent->by, &command, bytes), BYOK_E_OK);
    sodium_bin2base64(text, sizeof text, bytes, sizeof bytes, sodium_base64_VARIANT_ORIGINAL);
    snprintf(id, sizeof id, "%s", sent->id);
    if (in_escapes)
        escape(sent->id, id);
    int len = snprintf(json, sizeof json,
                       "{\"type\":\"%s\",\"id\":\"%s\",\"user\":\"%s\",\"provider\":\"openai\"%s,"
                       "\"signature\":{\"signer\":\"%s\",\"at_ms\":%lld,\"value\":\"%s\"}}",
                       sent->type, id, sent->user, envelope, signer.id, (long long)sent->at_wall_ms,
                       text);
    cr_assert(len > 0 && (size_t)len < sizeof json);
    send_command(sent->user, json);
}

TestSuite(authorize, .init = setup, .fini = teardown);

Test(authorize, a_login_without_the_key_of_a_signer_submits_jobs_and_changes_no_keys)
{
    start();
    require_signatures();
    sim_register(world, "bob", "openai", "plain");
    sim_send(world, "alice",
             "{\"type\":\"key.delete\",\"id\":\"plain-d\",\"user\":\"alice\",\"provider\":"
             "\"openai\"}");
    send_signed(&(struct sent){"key.delete", "stranger", "alice", NULL, stranger, wall_ms(), {0}});
    send_signed(&(struct sent){"key.delete", "moved", "alice", "bob", seed, wall_ms(), {0}});
    send_signed(&(struct sent){"key.delete", "old", "alice", NULL, seed, wall_ms() - 3700000, {0}});
    send_signed(&(struct sent){"key.delete", "new", "alice", NULL, seed, wall_ms() + 600000, {0}});
    sim_chat(world, "alice", "job");
    sim_send(
        world, "alice",
        "{\"type\":\"key.check\",\"id\":\"check\",\"user\":\"alice\",\"provider\":\"openai\"}");
    assert_done(60);
    static const char *const refused[] = {"plain", "plain-d", "stranger", "moved", "old", "new"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_code(refused[i], "unauthorized");
    assert_code("job", "ok");
    assert_code("check", "ok");
}

Test(authorize, a_signed_command_is_carried_out_once)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str envelope;
    start();
    require_signatures();
    sim_seal(world, "bob", "openai", "default", &arena, &envelope);
    send_signed(&(struct sent){"key.register", "r", "bob", NULL, seed, wall_ms(), envelope});
    assert_done(60);
    assert_code("r", "ok");
    int64_t at = wall_ms();
    const struct sent delete_it = {"key.delete", "d", "bob", NULL, seed, at, {0}};
    send_signed(&delete_it);
    assert_done(60);
    sim_run_for(world, SIM_S);
    sim_seal(world, "bob", "openai", "default", &arena, &envelope);
    send_signed(&(struct sent){"key.register", "r2", "bob", NULL, seed, wall_ms(), envelope});
    send_signed(&delete_it); /* a replay: the same id */
    in_escapes = true;       /* and spelled otherwise, which its signature does not see */
    send_signed(&delete_it);
    in_escapes = false;
    in_msgpack = true; /* or in the other format */
    send_signed(&delete_it);
    sim_chat(world, "bob", "job");
    assert_done(60);
    assert_code("d", "ok");
    assert_results("d", 1);
    assert_code("r2", "ok");
    assert_code("job", "ok");
}

/* A signature that is good for longer than its request's id is known would be good twice. */
Test(authorize, a_signature_ends_before_its_command_is_forgotten)
{
    start();
    require_signatures();
    world->settings.done_keep_ms = world->settings.envelope_max_age_ms + 60000;
    send_signed(&(struct sent){"key.delete", "soon", "alice", NULL, seed, wall_ms() + 50000, {0}});
    send_signed(&(struct sent){"key.delete", "far", "alice", NULL, seed, wall_ms() + 90000, {0}});
    assert_done(60);
    assert_code("soon", "ok");
    assert_code("far", "unauthorized");
}

Test(authorize, a_key_is_replaced_only_where_there_is_one_and_the_old_one_stays_until_then)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str envelope;
    start();
    for (int i = 0; i < 2; i++) {
        const char *user = i ? "nobody" : "alice";
        sim_run_for(world, SIM_S);
        sim_seal(world, user, "openai", "default", &arena, &envelope);
        sim_send(world, user,
                 "{\"type\":\"key.rotate\",\"id\":\"%s\",\"user\":\"%s\",\"provider\":\"openai\","
                 "\"envelope\":\"%.*s\"}",
                 i ? "none" : "rotated", user, BYOK_STR_ARG(envelope));
    }
    sim_chat(world, "alice", "after");
    assert_done(60);
    assert_code("rotated", "ok");
    assert_code("none", "no_key");
    assert_code("after", "ok");
    /* the provider refuses the next one: the stored one stays */
    sim_run_for(world, SIM_S);
    sim_seal(world, "alice", "openai", "default", &arena, &envelope)->revoked = true;
    sim_send(world, "alice",
             "{\"type\":\"key.rotate\",\"id\":\"bad\",\"user\":\"alice\",\"provider\":\"openai\","
             "\"envelope\":\"%.*s\"}",
             BYOK_STR_ARG(envelope));
    sim_chat(world, "alice", "still");
    assert_done(60);
    assert_code("bad", "key_invalid");
    assert_code("still", "ok");
}

Test(authorize, an_expired_key_is_not_used_and_not_stored)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_str envelope;
    start();
    for (int i = 0; i < 2; i++) {
        const char *user = i ? "late" : "bob";
        sim_seal(world, user, "openai", "default", &arena, &envelope);
        sim_send(world, user,
                 "{\"type\":\"key.register\",\"id\":\"r\",\"user\":\"%s\",\"provider\":"
                 "\"openai\",\"expires_ms\":%lld,\"envelope\":\"%.*s\"}",
                 user, (long long)wall_ms() + (i ? 0 : 60000), BYOK_STR_ARG(envelope));
    }
    sim_chat(world, "bob", "before");
    sim_chat(world, "late", "never");
    assert_done(30);
    sim_run_for(world, 61 * SIM_S);
    sim_chat(world, "bob", "after");
    assert_done(30);
    assert_code("before", "ok");
    assert_code("never", "no_key");
    assert_code("after", "key_expired");
    cr_assert_eq(sim_calls(world, "after"), 0u);
    sim_register(world, "bob", "openai", "again");
    sim_chat(world, "bob", "renewed");
    assert_done(30);
    assert_code("renewed", "ok");
}
