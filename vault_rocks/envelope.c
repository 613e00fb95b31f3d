/* SPDX-License-Identifier: MIT */
/* vault_rocks/envelope.c - see vault_rocks/envelope.h; format and both directions. */
#include "vault_rocks/envelope.h"

#include <assert.h>
#include <string.h>

#include <sodium.h>

#include "vault_rocks/guard.h"
#include "vault_rocks/wire.h"

#define VERSION 1
#define HEAD_BYTES ((size_t)1 + BYOK_VAULT_KEY_ID_BYTES)
#define PLAIN_MAX                                                                                  \
    ((size_t)1 + 8 + BYOK_ENVELOPE_NONCE_BYTES + 5 * 2 + BYOK_USER_MAX + BYOK_PROVIDER_MAX +       \
     BYOK_LABEL_MAX + BYOK_ORIGIN_MAX + BYOK_KEY_MAX)

static_assert(BYOK_VAULT_PUBLIC_KEY_BYTES == crypto_box_PUBLICKEYBYTES, "libsodium's box key");
static_assert(crypto_box_SECRETKEYBYTES == 32, "libsodium's box key");

/* Where an envelope is in the clear. */
struct plain {
    uint8_t bytes[PLAIN_MAX];
};

void byok_vault_key_id(const uint8_t public_key[static BYOK_VAULT_PUBLIC_KEY_BYTES],
                       uint8_t out[static BYOK_VAULT_KEY_ID_BYTES])
{
    uint8_t hash[crypto_generichash_BYTES]; /* 32: the 8 are cut from a hash of the usual length */
    crypto_generichash(hash, sizeof hash, public_key, BYOK_VAULT_PUBLIC_KEY_BYTES, NULL, 0);
    memcpy(out, hash, BYOK_VAULT_KEY_ID_BYTES);
}

/* An origin goes into error texts, and has no character but these (names are in Punycode). */
static bool is_origin(struct byok_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x21 || c > 0x7e)
            return false;
    }
    return text.len <= BYOK_ORIGIN_MAX;
}

static bool holds_nul(struct byok_str text)
{
    return text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL;
}

bool byok_owner_is_valid(const struct byok_owner *owner)
{
    return owner->user.len > 0 && owner->user.len <= BYOK_USER_MAX && owner->provider.len > 0 &&
           owner->provider.len <= BYOK_PROVIDER_MAX && owner->label.len <= BYOK_LABEL_MAX &&
           !holds_nul(owner->user) && !holds_nul(owner->provider) && !holds_nul(owner->label);
}

static size_t write_plain(struct plain *plain, const struct byok_envelope *what,
                          struct byok_str key)
{
    uint8_t nonce[BYOK_ENVELOPE_NONCE_BYTES];
    randombytes_buf(nonce, sizeof nonce);
    struct byok_writer writer = {plain->bytes, plain->bytes + sizeof plain->bytes, false};
    byok_put_uint(&writer, VERSION, 1);
    byok_put_uint(&writer, (uint64_t)what->issued_wall_ms, 8);
    byok_put(&writer, nonce, sizeof nonce);
    byok_put_text(&writer, what->owner.user);
    byok_put_text(&writer, what->owner.provider);
    byok_put_text(&writer, what->owner.label);
    byok_put_text(&writer, what->origin);
    byok_put_text(&writer, key);
    assert(!writer.failed); /* every length was checked */
    return (size_t)(writer.at - plain->bytes);
}

enum byok_err byok_envelope_seal(const uint8_t public_key[static BYOK_VAULT_PUBLIC_KEY_BYTES],
                                 const struct byok_envelope *what, struct byok_str key,
                                 struct byok_arena *arena, struct byok_str *out,
                                 struct byok_fault *fault)
{
    if (!byok_slot_accepts(key))
        return byok_fault_set(fault, BYOK_E_KEY_INVALID,
                              "a provider key has %d to %d printable characters and no space; "
                              "this one has %zu, or others",
                              BYOK_KEY_MIN, BYOK_KEY_MAX, key.len);
    if (!byok_owner_is_valid(&what->owner) || !is_origin(what->origin))
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "user (1 to %d bytes), provider (1 to %d), label (up to %d) or "
                              "origin (up to %d, printable) is too long, empty or holds a NUL",
                              BYOK_USER_MAX, BYOK_PROVIDER_MAX, BYOK_LABEL_MAX, BYOK_ORIGIN_MAX);
    struct byok_fault why = {.code = BYOK_E_NOMEM};
    struct plain *plain = byok_guard_new(sizeof *plain, "sealing a key", &why);
    if (!plain) {
        if (fault)
            *fault = why;
        return why.code;
    }
    size_t len = write_plain(plain, what, key);
    size_t total = HEAD_BYTES + crypto_box_SEALBYTES + len;
    uint8_t *bytes = byok_arena_alloc(arena, total);
    int failed = 0;
    if (bytes) {
        bytes[0] = VERSION;
        byok_vault_key_id(public_key, bytes + 1);
        failed = crypto_box_seal(bytes + HEAD_BYTES, plain->bytes, len, public_key);
    }
    byok_guard_free(plain);
    if (!bytes)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the envelope");
    if (failed)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "the vault's public key is not a key");
    *out = (struct byok_str){(const char *)bytes, total};
    return BYOK_E_OK;
}

static enum byok_err check_head(const uint8_t public_key[static BYOK_VAULT_PUBLIC_KEY_BYTES],
                                struct byok_str sealed, struct byok_fault *fault)
{
    const uint8_t *bytes = (const uint8_t *)sealed.ptr;
    if (sealed.len < HEAD_BYTES + crypto_box_SEALBYTES ||
        sealed.len > HEAD_BYTES + crypto_box_SEALBYTES + PLAIN_MAX)
        return byok_fault_set(fault, BYOK_E_BAD_ENVELOPE,
                              "an envelope has %zu to %zu bytes, this has %zu: it is cut off, or "
                              "is something else",
                              HEAD_BYTES + crypto_box_SEALBYTES,
                              HEAD_BYTES + crypto_box_SEALBYTES + PLAIN_MAX, sealed.len);
    if (bytes[0] != VERSION)
        return byok_fault_set(fault, BYOK_E_BAD_ENVELOPE,
                              "envelope version %u; this vault opens version %d", bytes[0],
                              VERSION);
    uint8_t id[BYOK_VAULT_KEY_ID_BYTES];
    byok_vault_key_id(public_key, id);
    if (memcmp(bytes + 1, id, sizeof id) == 0)
        return BYOK_E_OK;
    char theirs[2 * sizeof id + 1], ours[2 * sizeof id + 1];
    sodium_bin2hex(theirs, sizeof theirs, bytes + 1, sizeof id);
    sodium_bin2hex(ours, sizeof ours, id, sizeof id);
    return byok_fault_set(fault, BYOK_E_BAD_ENVELOPE,
                          "sealed for the vault key %s, but this vault's is %s: fetch the public "
                          "key anew and seal again",
                          theirs, ours);
}

/* The slices of `out` are borrowed from `plain`, the key goes into the slot. */
static enum byok_err read_plain(const struct plain *plain, size_t len, struct byok_envelope *out,
                                struct byok_slot *slot, struct byok_fault *fault)
{
    struct byok_reader reader = {plain->bytes, plain->bytes + len, false};
    uint64_t version = byok_get_uint(&reader, 1);
    out->issued_wall_ms = (int64_t)byok_get_uint(&reader, 8);
    const uint8_t *nonce = byok_get(&reader, BYOK_ENVELOPE_NONCE_BYTES);
    out->owner.user = byok_get_text(&reader, BYOK_USER_MAX);
    out->owner.provider = byok_get_text(&reader, BYOK_PROVIDER_MAX);
    out->owner.label = byok_get_text(&reader, BYOK_LABEL_MAX);
    out->origin = byok_get_text(&reader, BYOK_ORIGIN_MAX);
    struct byok_str key = byok_get_text(&reader, UINT16_MAX); /* a wrong length has its own code */
    if (reader.failed || reader.at != reader.end || version != VERSION ||
        !byok_owner_is_valid(&out->owner) || !is_origin(out->origin))
        return byok_fault_set(fault, BYOK_E_BAD_ENVELOPE, "the envelope opens but is malformed");
    memcpy(out->nonce, nonce, sizeof out->nonce);
    if (byok_slot_set(slot, key))
        return byok_fault_set(fault, BYOK_E_KEY_INVALID,
                              "the key in the envelope has %zu bytes, or others than printable "
                              "characters without space; a key has %d to %d",
                              key.len, BYOK_KEY_MIN, BYOK_KEY_MAX);
    return BYOK_E_OK;
}

static enum byok_err copy_names(struct byok_arena *arena, const struct byok_envelope *from,
                                struct byok_envelope *to, struct byok_fault *fault)
{
    struct byok_envelope copy = *from;
    copy.owner.user = byok_arena_copy(arena, from->owner.user);
    copy.owner.provider = byok_arena_copy(arena, from->owner.provider);
    copy.owner.label = byok_arena_copy(arena, from->owner.label);
    copy.origin = byok_arena_copy(arena, from->origin);
    if (byok_arena_failed(arena))
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the envelope");
    *to = copy;
    return BYOK_E_OK;
}

enum byok_err byok_envelope_open(const uint8_t public_key[static BYOK_VAULT_PUBLIC_KEY_BYTES],
                                 const uint8_t secret_key[static 32], struct byok_str sealed,
                                 struct byok_arena *arena, struct byok_envelope *out,
                                 struct byok_slot *slot, struct byok_fault *fault)
{
    sodium_memzero(slot, sizeof *slot);
    enum byok_err err = check_head(public_key, sealed, fault);
    if (err)
        return err;
    struct byok_fault why = {.code = BYOK_E_NOMEM};
    struct plain *plain = byok_guard_new(sizeof *plain, "opening an envelope", &why);
    if (!plain) {
        if (fault)
            *fault = why;
        return why.code;
    }
    const uint8_t *box = (const uint8_t *)sealed.ptr + HEAD_BYTES;
    size_t box_len = sealed.len - HEAD_BYTES;
    struct byok_envelope inside;
    if (crypto_box_seal_open(plain->bytes, box, box_len, public_key, secret_key) != 0) {
        err = byok_fault_set(fault, BYOK_E_BAD_ENVELOPE,
                             "the envelope does not open: it is damaged, seal the key again");
    } else {
        err = read_plain(plain, box_len - crypto_box_SEALBYTES, &inside, slot, fault);
        if (!err)
            err = copy_names(arena, &inside, out, fault);
    }
    byok_guard_free(plain);
    if (err)
        sodium_memzero(slot, sizeof *slot);
    return err;
}
