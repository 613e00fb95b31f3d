/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_sign.c - a signature holds for one command and for nothing else. */
#include "tests/unit/vault_rocks/kit.h"

#include "vault_rocks/sign.h"

static const uint8_t seed[BYOK_SIGNER_SEED_BYTES] = {1, 2, 3};

static struct byok_command_text command(void)
{
    return (struct byok_command_text){
        .type = kit_str("key.register"),
        .id = kit_str("id-1"),
        .user = kit_str("alice"),
        .provider = kit_str("openai"),
        .label = kit_str("default"),
        .at_wall_ms = KIT_NOW,
        .envelope = kit_str("sealed"),
    };
}

Test(sign, a_changed_member_or_bit_is_refused)
{
    struct byok_signer signer, other;
    uint8_t bytes[BYOK_SIGNATURE_BYTES], wrong_seed[BYOK_SIGNER_SEED_BYTES] = {9};
    struct byok_str signature = {(const char *)bytes, sizeof bytes};
    struct byok_command_text text = command();
    cr_assert_geq(sodium_init(), 0);
    byok_signer_of_seed(seed, &signer);
    byok_signer_of_seed(wrong_seed, &other);
    cr_assert_eq(byok_command_sign(seed, &text, bytes), BYOK_E_OK);
    cr_assert(byok_command_verify(&signer, &text, signature));
    cr_assert_not(byok_command_verify(&other, &text, signature));
    struct byok_command_text changed[9];
    for (size_t i = 0; i < 9; i++)
        changed[i] = text;
    changed[0].type = kit_str("key.rotate");
    changed[1].id = kit_str("id-2");
    changed[2].user = kit_str("bob");
    changed[3].provider = kit_str("anthropic");
    changed[4].label = kit_str("work");
    changed[5].at_wall_ms++;
    changed[6].expires_wall_ms = 1;
    changed[7].dry_run = true;
    changed[8].envelope = kit_str("other");
    for (size_t i = 0; i < 9; i++)
        cr_assert_not(byok_command_verify(&signer, &changed[i], signature), "%zu", i);
    for (size_t bit = 0; bit < sizeof bytes * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        cr_assert_not(byok_command_verify(&signer, &text, signature), "bit %zu", bit);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t len = 0; len < sizeof bytes; len++)
        cr_assert_not(
            byok_command_verify(&signer, &text, (struct byok_str){(const char *)bytes, len}));
}

Test(sign, names_cannot_be_shifted_into_each_other)
{
    struct byok_signer signer;
    uint8_t bytes[BYOK_SIGNATURE_BYTES];
    struct byok_command_text text = command(), shifted = command();
    cr_assert_geq(sodium_init(), 0);
    byok_signer_of_seed(seed, &signer);
    text.user = kit_str("ab");
    text.provider = kit_str("c");
    shifted.user = kit_str("a");
    shifted.provider = kit_str("bc");
    cr_assert_eq(byok_command_sign(seed, &text, bytes), BYOK_E_OK);
    cr_assert_not(byok_command_verify(&signer, &shifted,
                                      (struct byok_str){(const char *)bytes, sizeof bytes}));
}

/* Made by another implementation of Ed25519 and BLAKE2b (Python): a change of the
 * layout breaks signers that are written elsewhere. */
Test(sign, the_layout_is_fixed)
{
    static const char want[] = "ac238887b55e89a6665e4e3eec562042e47dcfe86884404ef5d1476cdf538d8b4e2"
                               "66d7f3227ee3b6f39fd95053edfb0e73a68d0c0e7e3816f9524190cd7df02";
    struct byok_signer signer;
    uint8_t bytes[BYOK_SIGNATURE_BYTES];
    char hex[2 * BYOK_SIGNATURE_BYTES + 1];
    struct byok_command_text text = command();
    cr_assert_geq(sodium_init(), 0);
    byok_signer_of_seed(seed, &signer);
    cr_assert_str_eq(signer.id, "6b19631e22a6a64a");
    cr_assert_eq(byok_command_sign(seed, &text, bytes), BYOK_E_OK);
    sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
    cr_assert_str_eq(hex, want);
}

Test(sign, a_public_key_is_read_from_its_base64_form_only)
{
    struct byok_signer signer, read;
    char text[64];
    cr_assert_geq(sodium_init(), 0);
    byok_signer_of_seed(seed, &signer);
    sodium_bin2base64(text, sizeof text, signer.public_key, sizeof signer.public_key,
                      sodium_base64_VARIANT_ORIGINAL);
    cr_assert(byok_signer_of_text(kit_str(text), &read));
    cr_assert_str_eq(read.id, signer.id);
    cr_assert_not(byok_signer_of_text(kit_str(""), &read));
    cr_assert_not(byok_signer_of_text(kit_str("AAAA"), &read));
    text[0] = '!';
    cr_assert_not(byok_signer_of_text(kit_str(text), &read));
}

/* Points of small order, and others that are written twice (RFC 8032, 5.1.3; "Taming the many
 * EdDSAs", 2020): somebody without a key can make signatures for them. */
Test(sign, a_public_key_that_anybody_can_sign_for_is_none)
{
    static const char *const weak[] = {
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    struct byok_command_text text = command();
    uint8_t forged[BYOK_SIGNATURE_BYTES] = {1}; /* R the neutral point, S zero */
    cr_assert_geq(sodium_init(), 0);
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++) {
        struct byok_signer signer = {{0}, ""}, read;
        char base64[64];
        cr_assert_eq(sodium_hex2bin(signer.public_key, sizeof signer.public_key, weak[i], 64, NULL,
                                    NULL, NULL),
                     0);
        sodium_bin2base64(base64, sizeof base64, signer.public_key, sizeof signer.public_key,
                          sodium_base64_VARIANT_ORIGINAL);
        cr_assert_not(byok_signer_of_text(kit_str(base64), &read), "%s", weak[i]);
        cr_assert_not(byok_command_verify(&signer, &text,
                                          (struct byok_str){(const char *)forged, sizeof forged}));
    }
}

/* S and S + L are the same to a verifier that does not look (RFC 8032, 8.4). */
Test(sign, a_signature_has_one_form_only)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                      0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10};
    struct byok_signer signer;
    uint8_t bytes[BYOK_SIGNATURE_BYTES];
    struct byok_command_text text = command();
    cr_assert_geq(sodium_init(), 0);
    byok_signer_of_seed(seed, &signer);
    cr_assert_eq(byok_command_sign(seed, &text, bytes), BYOK_E_OK);
    sodium_add(bytes + 32, order, sizeof order);
    cr_assert_not(
        byok_command_verify(&signer, &text, (struct byok_str){(const char *)bytes, sizeof bytes}));
}
