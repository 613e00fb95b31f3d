/* SPDX-License-Identifier: MIT */
/* vault_rocks/seal.c - see vault_rocks/seal.h; the record's format, sealing and opening. */
#include "vault_rocks/seal.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "vault_rocks/wire.h"

#define VERSION 1
#define VERSION_EXPIRING 2
#define SALT_BYTES ((size_t)16)
#define COMMITMENT_BYTES ((size_t)32)
#define TAG_BYTES ((size_t)16)
#define NONCE_MAX ((size_t)crypto_aead_xchacha20poly1305_ietf_NPUBBYTES)
/* everything of a record before the ciphertext */
#define HEAD_MAX                                                                                   \
    ((size_t)1 + 1 + 4 + 8 + 8 + 8 + BYOK_FINGERPRINT_BYTES + 2 + BYOK_ORIGIN_MAX + SALT_BYTES +   \
     COMMITMENT_BYTES + NONCE_MAX)
#define AD_MAX                                                                                     \
    (HEAD_MAX + 4 * 2 + BYOK_USER_MAX + BYOK_PROVIDER_MAX + BYOK_LABEL_MAX + BYOK_REALM_MAX)

static const char fingerprint_context[] = "byok fingerprint v1";

static_assert(crypto_aead_aes256gcm_ABYTES == TAG_BYTES, "tag");
static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == TAG_BYTES, "tag");
static_assert(crypto_aead_aes256gcm_KEYBYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
              "one derivation for both");

/* What one record's master key, salt and user give; wiped by whoever derived it. */
struct derived {
    uint8_t key[crypto_aead_aes256gcm_KEYBYTES];
    uint8_t commitment[COMMITMENT_BYTES];
};

/* A record taken apart; all borrowed from it, but for the realm, which is not in it. */
struct parts {
    struct byok_str realm;
    enum byok_seal_algorithm algorithm;
    uint32_t master_key_id;
    int64_t issued_wall_ms, created_wall_ms, expires_wall_ms;
    const uint8_t *fingerprint;
    struct byok_str origin;
    const uint8_t *salt, *commitment, *nonce;
    size_t head_len;
    const uint8_t *sealed; /* ciphertext and tag */
    size_t sealed_len;
};

static size_t nonce_bytes(enum byok_seal_algorithm algorithm)
{
    switch (algorithm) {
    case BYOK_SEAL_AES256GCM:
        return crypto_aead_aes256gcm_NPUBBYTES;
    case BYOK_SEAL_XCHACHA20POLY1305:
        return crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
    }
    return 0; /* a number from a record that is no algorithm */
}

static bool is_served(enum byok_seal_algorithm algorithm)
{
    return algorithm == BYOK_SEAL_XCHACHA20POLY1305 ||
           (algorithm == BYOK_SEAL_AES256GCM && crypto_aead_aes256gcm_is_available());
}

static void derive(const uint8_t master[static BYOK_MASTER_KEY_BYTES],
                   const uint8_t salt[static SALT_BYTES], struct byok_str user, struct derived *out)
{
    static_assert(sizeof *out == crypto_generichash_BYTES_MAX, "one hash gives both");
    crypto_generichash_state state;
    uint8_t hash[sizeof *out];
    crypto_generichash_init(&state, master, BYOK_MASTER_KEY_BYTES, sizeof hash);
    crypto_generichash_update(&state, salt, SALT_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)user.ptr, user.len);
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(out, hash, sizeof hash);
    sodium_memzero(hash, sizeof hash);
    sodium_memzero(&state, sizeof state);
}

static void fingerprint(const uint8_t master[static BYOK_MASTER_KEY_BYTES],
                        struct byok_str provider, const struct byok_slot *slot,
                        uint8_t out[static BYOK_FINGERPRINT_BYTES])
{
    uint8_t key[crypto_generichash_KEYBYTES], hash[crypto_generichash_BYTES];
    crypto_generichash_state state;
    crypto_generichash(key, sizeof key, (const uint8_t *)fingerprint_context,
                       sizeof fingerprint_context - 1, master, BYOK_MASTER_KEY_BYTES);
    crypto_generichash_init(&state, key, sizeof key, sizeof hash);
    crypto_generichash_update(&state, (const uint8_t *)provider.ptr, provider.len);
    crypto_generichash_update(&state, (const uint8_t *)"", 1); /* the NUL between the two */
    crypto_generichash_update(&state, (const uint8_t *)slot->key, slot->len);
    crypto_generichash_final(&state, hash, sizeof hash);
    memcpy(out, hash, BYOK_FINGERPRINT_BYTES);
    sodium_memzero(hash, sizeof hash);
    sodium_memzero(key, sizeof key);
    sodium_memzero(&state, sizeof state);
}

/* The additional data: the record's head, then whose it is and where. Returns its length. */
static size_t write_ad(const uint8_t *head, size_t head_len, const struct byok_owner *owner,
                       struct byok_str realm, uint8_t out[static AD_MAX])
{
    struct byok_writer writer = {out, out + AD_MAX, false};
    byok_put(&writer, head, head_len);
    byok_put_text(&writer, owner->user);
    byok_put_text(&writer, owner->provider);
    byok_put_text(&writer, owner->label);
    if (realm.len > 0)
        byok_put_text(&writer, realm);
    assert(!writer.failed); /* every length was checked */
    return (size_t)(writer.at - out);
}

/* Writes everything before the ciphertext, derives the key; returns the head's length. */
static size_t write_head(const uint8_t master[static BYOK_MASTER_KEY_BYTES],
                         const struct byok_owner *owner, const struct parts *parts,
                         const struct byok_slot *slot, uint8_t out[static HEAD_MAX],
                         struct derived *derived)
{
    uint8_t random[SALT_BYTES + NONCE_MAX], print[BYOK_FINGERPRINT_BYTES];
    randombytes_buf(random, sizeof random);
    if (parts->fingerprint)
        memcpy(print, parts->fingerprint, sizeof print);
    else
        fingerprint(master, owner->provider, slot, print);
    derive(master, random, owner->user, derived);
    struct byok_writer writer = {out, out + HEAD_MAX, false};
    byok_put_uint(&writer, parts->expires_wall_ms ? VERSION_EXPIRING : VERSION, 1);
    byok_put_uint(&writer, (uint64_t)parts->algorithm, 1);
    byok_put_uint(&writer, parts->master_key_id, 4);
    byok_put_uint(&writer, (uint64_t)parts->issued_wall_ms, 8);
    byok_put_uint(&writer, (uint64_t)parts->created_wall_ms, 8);
    if (parts->expires_wall_ms)
        byok_put_uint(&writer, (uint64_t)parts->expires_wall_ms, 8);
    byok_put(&writer, print, sizeof print);
    byok_put_text(&writer, parts->origin);
    byok_put(&writer, random, SALT_BYTES);
    byok_put(&writer, derived->commitment, COMMITMENT_BYTES);
    byok_put(&writer, random + SALT_BYTES, nonce_bytes(parts->algorithm));
    assert(!writer.failed);
    return (size_t)(writer.at - out);
}

static enum byok_err encrypt(const struct byok_owner *owner, const struct parts *parts,
                             const struct byok_slot *slot,
                             const uint8_t master[static BYOK_MASTER_KEY_BYTES],
                             struct byok_arena *arena, struct byok_str *out)
{
    uint8_t head[HEAD_MAX], ad[AD_MAX];
    struct derived derived;
    size_t head_len = write_head(master, owner, parts, slot, head, &derived);
    size_t ad_len = write_ad(head, head_len, owner, parts->realm, ad);
    size_t total = head_len + slot->len + TAG_BYTES;
    uint8_t *record = byok_arena_alloc(arena, total);
    if (record) {
        const uint8_t *nonce = head + head_len - nonce_bytes(parts->algorithm);
        const uint8_t *key = (const uint8_t *)slot->key;
        memcpy(record, head, head_len);
        if (parts->algorithm == BYOK_SEAL_AES256GCM)
            crypto_aead_aes256gcm_encrypt(record + head_len, NULL, key, slot->len, ad, ad_len, NULL,
                                          nonce, derived.key);
        else
            crypto_aead_xchacha20poly1305_ietf_encrypt(record + head_len, NULL, key, slot->len, ad,
                                                       ad_len, NULL, nonce, derived.key);
        *out = (struct byok_str){(const char *)record, total};
    }
    sodium_memzero(&derived, sizeof derived);
    return record ? BYOK_E_OK : BYOK_E_NOMEM;
}

enum byok_err byok_seal(const struct byok_keyring *ring, const struct byok_owner *owner,
                        const struct byok_key_info *info, enum byok_seal_algorithm algorithm,
                        const struct byok_slot *slot, struct byok_arena *arena,
                        struct byok_str *out)
{
    uint32_t id = byok_keyring_primary(ring);
    const uint8_t *master = byok_keyring_find(ring, id);
    if ((int)algorithm == 0)
        algorithm =
            is_served(BYOK_SEAL_AES256GCM) ? BYOK_SEAL_AES256GCM : BYOK_SEAL_XCHACHA20POLY1305;
    if (!master || !is_served(algorithm))
        return BYOK_E_CONFIG;
    if (!byok_owner_is_valid(owner) || info->origin.len > BYOK_ORIGIN_MAX)
        return BYOK_E_BAD_REQUEST;
    if (slot->len == 0)
        return BYOK_E_KEY_INVALID;
    uint8_t print[BYOK_FINGERPRINT_BYTES];
    bool keeps = sodium_hex2bin(print, sizeof print, info->fingerprint, 2 * sizeof print, NULL,
                                &(size_t){0}, NULL) == 0 &&
                 info->fingerprint[0] != '\0';
    struct parts parts = {
        .realm = byok_keyring_realm(ring),
        .fingerprint = keeps ? print : NULL,
        .algorithm = algorithm,
        .master_key_id = id,
        .issued_wall_ms = info->issued_wall_ms,
        .created_wall_ms = info->created_wall_ms,
        .expires_wall_ms = info->expires_wall_ms,
        .origin = info->origin,
    };
    return encrypt(owner, &parts, slot, master, arena, out);
}

/* False: no record of a form this code knows. */
static bool take_apart(struct byok_str record, struct parts *out)
{
    struct byok_reader reader = byok_reader_of(record);
    uint64_t version = byok_get_uint(&reader, 1);
    out->algorithm = (enum byok_seal_algorithm)byok_get_uint(&reader, 1);
    out->master_key_id = (uint32_t)byok_get_uint(&reader, 4);
    out->issued_wall_ms = (int64_t)byok_get_uint(&reader, 8);
    out->created_wall_ms = (int64_t)byok_get_uint(&reader, 8);
    out->expires_wall_ms = version == VERSION_EXPIRING ? (int64_t)byok_get_uint(&reader, 8) : 0;
    out->fingerprint = byok_get(&reader, BYOK_FINGERPRINT_BYTES);
    out->origin = byok_get_text(&reader, BYOK_ORIGIN_MAX);
    out->salt = byok_get(&reader, SALT_BYTES);
    out->commitment = byok_get(&reader, COMMITMENT_BYTES);
    out->nonce = byok_get(&reader, nonce_bytes(out->algorithm));
    bool known = version == VERSION || (version == VERSION_EXPIRING && out->expires_wall_ms != 0);
    if (reader.failed || !known || nonce_bytes(out->algorithm) == 0)
        return false;
    out->sealed = reader.at;
    out->sealed_len = (size_t)(reader.end - reader.at);
    out->head_len = record.len - out->sealed_len;
    return out->sealed_len >= BYOK_KEY_MIN + TAG_BYTES &&
           out->sealed_len <= BYOK_KEY_MAX + TAG_BYTES;
}

static void fill_info(const struct parts *parts, struct byok_key_info *out)
{
    out->master_key_id = parts->master_key_id;
    out->issued_wall_ms = parts->issued_wall_ms;
    out->created_wall_ms = parts->created_wall_ms;
    out->expires_wall_ms = parts->expires_wall_ms;
    out->origin = parts->origin;
    sodium_bin2hex(out->fingerprint, sizeof out->fingerprint, parts->fingerprint,
                   BYOK_FINGERPRINT_BYTES);
}

/* Opens into the slot; false: it does not open, and the slot is all zeros. */
static bool decrypt(const uint8_t master[static BYOK_MASTER_KEY_BYTES],
                    const struct byok_owner *owner, const uint8_t *record,
                    const struct parts *parts, struct byok_slot *slot)
{
    uint8_t ad[AD_MAX];
    size_t ad_len = write_ad(record, parts->head_len, owner, parts->realm, ad);
    struct derived derived;
    derive(master, parts->salt, owner->user, &derived);
    uint8_t *key = (uint8_t *)slot->key;
    bool ok = sodium_memcmp(derived.commitment, parts->commitment, COMMITMENT_BYTES) == 0;
    if (ok && parts->algorithm == BYOK_SEAL_AES256GCM)
        ok = crypto_aead_aes256gcm_decrypt(key, NULL, NULL, parts->sealed, parts->sealed_len, ad,
                                           ad_len, parts->nonce, derived.key) == 0;
    else if (ok)
        ok = crypto_aead_xchacha20poly1305_ietf_decrypt(key, NULL, NULL, parts->sealed,
                                                        parts->sealed_len, ad, ad_len, parts->nonce,
                                                        derived.key) == 0;
    sodium_memzero(&derived, sizeof derived);
    size_t len = parts->sealed_len - TAG_BYTES;
    /* asked again after opening: nothing but a well-formed key may ever reach a header */
    ok = ok && byok_slot_accepts((struct byok_str){slot->key, len});
    if (ok)
        slot->len = (uint32_t)len;
    else
        sodium_memzero(slot, sizeof *slot);
    return ok;
}

enum byok_err byok_seal_open(const struct byok_keyring *ring, const struct byok_owner *owner,
                             struct byok_str record, struct byok_slot *slot,
                             struct byok_key_info *info, struct byok_fault *fault)
{
    sodium_memzero(slot, sizeof *slot);
    struct parts parts;
    if (!take_apart(record, &parts) || !byok_owner_is_valid(owner))
        return byok_fault_set(fault, BYOK_E_KEY_UNREADABLE,
                              "the sealed key is no record of a version this program knows");
    /* The key is chosen by the record's id only: to try one after the other would be an oracle. */
    const uint8_t *master = byok_keyring_find(ring, parts.master_key_id);
    if (!master)
        return byok_fault_set(fault, BYOK_E_KEY_UNREADABLE,
                              "sealed with master key %u, which is not in the key ring",
                              parts.master_key_id);
    if (!is_served(parts.algorithm))
        return byok_fault_set(fault, BYOK_E_KEY_UNREADABLE,
                              "sealed with AES-256-GCM, for which this CPU has no instructions");
    parts.realm = byok_keyring_realm(ring);
    if (!decrypt(master, owner, (const uint8_t *)record.ptr, &parts, slot))
        return byok_fault_set(fault, BYOK_E_KEY_UNREADABLE,
                              "the sealed key does not open: it is another owner's, was sealed "
                              "for another cluster (vault.realm) or with another master key, or "
                              "is damaged");
    if (info)
        fill_info(&parts, info);
    return BYOK_E_OK;
}

enum byok_err byok_seal_inspect(struct byok_str record, struct byok_key_info *out)
{
    struct parts parts;
    if (!take_apart(record, &parts))
        return BYOK_E_KEY_UNREADABLE;
    fill_info(&parts, out);
    return BYOK_E_OK;
}
