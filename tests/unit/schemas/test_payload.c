/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_payload.c - references: written and read again, and what is refused. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>

#include "schemas/codec.h"
#include "schemas/payload.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static struct byok_arena arena;

static void begin(void)
{
    cr_assert_geq(sodium_init(), 0);
    arena = (struct byok_arena){0};
}

static void end(void)
{
    byok_arena_done(&arena);
}

TestSuite(payload, .init = begin, .fini = end);

static struct byok_value json(const char *text)
{
    struct byok_value value;
    struct byok_fault fault;
    cr_assert_eq(byok_decode(&arena, BYOK_JSON, byok_str_of(text), &value, &fault), BYOK_E_OK, "%s",
                 fault.text);
    return value;
}

Test(payload, a_name_is_made_of_the_user_and_the_content)
{
    struct byok_payload_ref ref = {0};
    byok_payload_identify(STR("alice"), STR("abc"), &ref);
    cr_assert_str_eq(ref.name, "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90/"
                               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cr_assert_eq(ref.size, 3);
    cr_assert(byok_payload_is(&ref, STR("abc")));
    cr_assert_not(byok_payload_is(&ref, STR("abd")));
    cr_assert_not(byok_payload_is(&ref, STR("ab")));
}

Test(payload, what_is_written_is_read_again_in_both_formats)
{
    for (size_t len = 1; len < 200; len += 13) {
        char bytes[200];
        struct byok_payload_ref ref = {.type = STR("audio/wav")}, read;
        struct byok_fault fault;
        randombytes_buf(bytes, sizeof bytes);
        byok_payload_identify(STR("u/../v"), (struct byok_str){bytes, len}, &ref);
        struct byok_value value = byok_payload_value(&arena, &ref), again;
        for (int format = BYOK_JSON; format <= BYOK_MSGPACK; format++) {
            BYOK_AUTO(byok_buf) wire = {.cap_bytes = 4096};
            cr_assert_eq(byok_encode((enum byok_format)format, &value, &wire), BYOK_E_OK);
            cr_assert_eq(
                byok_decode(&arena, (enum byok_format)format, byok_buf_str(&wire), &again, NULL),
                BYOK_E_OK);
            cr_assert(byok_payload_is_ref(&again));
            cr_assert_eq(byok_payload_read(&again, STR("u/../v"), &read, &fault), BYOK_E_OK, "%s",
                         fault.text);
            cr_assert_str_eq(read.name, ref.name);
            cr_assert_eq(read.size, len);
            cr_assert(byok_str_is(read.type, "audio/wav"));
            cr_assert_eq(byok_payload_read(&again, STR("mallory"), &read, &fault),
                         BYOK_E_BAD_REQUEST);
        }
    }
}

#define OWNER "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90"
#define HASH "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define REF(ref, size, hash, more)                                                                 \
    "{\"ref\":\"" ref "\",\"size\":" size ",\"sha256\":\"" hash "\"" more "}"

Test(payload, refuses_whatever_is_not_the_one_name)
{
    static const char *const wrong[] = {
        "{\"ref\":\"" OWNER "/" HASH "\"}",
        REF("../" HASH, "3", HASH, ""),
        REF("/etc/passwd", "3", HASH, ""),
        REF(OWNER "/../" HASH, "3", HASH, ""),
        REF(OWNER "//" HASH, "3", HASH, ""),
        REF(OWNER "/" HASH "/", "3", HASH, ""),
        REF(OWNER "/" HASH "\\u0000", "3", HASH, ""),
        REF("http://169.254.169.254/" HASH, "3", HASH, ""),
        REF("2BD806C97F0E00AF1A1FC3328FA763A9269723C8DB8FAC4F93AF71DB186D6E90/" HASH, "3", HASH,
            ""),
        REF(HASH "/" HASH, "3", HASH, ""), /* another user's */
        REF(OWNER "/" OWNER, "3", HASH, ""),
        REF(OWNER "/" HASH, "0", HASH, ""),
        REF(OWNER "/" HASH, "-3", HASH, ""),
        REF(OWNER "/" HASH, "1.5", HASH, ""),
        REF(OWNER "/" HASH, "\"3\"", HASH, ""),
        REF(OWNER "/" HASH, "3", "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD",
            ""),
        REF(OWNER "/" HASH, "3", "ba78", ""),
        REF(OWNER "/" HASH, "3", "", ""),
        REF(OWNER "/" HASH, "3", HASH, ",\"type\":7"),
        REF(OWNER "/" HASH, "3", HASH, ",\"type\":\"audio/wav\\r\\nX: y\""),
        "{\"ref\":7,\"size\":3,\"sha256\":\"" HASH "\"}",
    };
    struct byok_payload_ref ref;
    struct byok_fault fault;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct byok_value value = json(wrong[i]);
        cr_expect(byok_payload_is_ref(&value), "%s", wrong[i]);
        cr_expect_eq(byok_payload_read(&value, STR("alice"), &ref, &fault), BYOK_E_BAD_REQUEST,
                     "%s", wrong[i]);
        cr_expect(!strstr(fault.text, "passwd") && !strstr(fault.text, OWNER), "%s", fault.text);
    }
    struct byok_value right = json(REF(OWNER "/" HASH, "3", HASH, ",\"more\":1,\"type\":null"));
    cr_expect_eq(byok_payload_read(&right, STR("alice"), &ref, &fault), BYOK_E_OK, "%s",
                 fault.text);
}

static void count(void *arg, const struct byok_value *owner, struct byok_value *place)
{
    char *seen = arg;
    (void)owner;
    strcat(seen, byok_str_is(byok_value_as_str(place), "no") ? "!" : ".");
}

Test(payload, looks_where_content_stands_and_nowhere_else)
{
    char seen[16] = "";
    struct byok_value job =
        json("{\"audio\":1,\"data\":\"no\",\"messages\":[{\"content\":[{\"data\":1,\"content\":["
             "{\"data\":1,\"content\":[{\"data\":\"no\"}]}]}],\"data\":\"no\",\"tool_calls\":["
             "{\"arguments\":{\"data\":\"no\"}}]},{\"content\":\"no\"},7,{\"content\":[7,null]}]}");
    byok_payload_each_input(&job, count, seen);
    cr_assert_str_eq(seen, "...");
    seen[0] = '\0';
    struct byok_value result = json("{\"audio\":1,\"images\":[{\"data\":1},{\"url\":\"no\"},7],"
                                    "\"embeddings\":1,\"text\":\"no\",\"raw\":{\"audio\":\"no\"}}");
    byok_payload_each_output(&result, count, seen);
    cr_assert_str_eq(seen, "...");
}
