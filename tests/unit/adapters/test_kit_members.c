/* SPDX-License-Identifier: MIT */
/* tests/unit/adapters/test_kit_members.c - the members that the schema defines. */
#include <criterion/criterion.h>

#include "adapters/kit.h"
#include "calls.h"

static bool holds(const char *const *names, struct byok_str name)
{
    for (; *names; names++) {
        if (byok_str_is(name, *names))
            return true;
    }
    return false;
}

/* Both ways, so that a member added to the schema makes every adapter say what it does with it. */
Test(kit_members, are_those_of_the_request_schema)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_value schema =
        json_of(&arena, file_of(&arena, BYOK_SCHEMAS_DIR "/request.schema.json"));
    for (int c = 0; c < BYOK_CAPABILITY_COUNT; c++) {
        const char *name = byok_capability_name((enum byok_capability)c);
        const char *const *members = byok_kit_members((enum byok_capability)c);
        const struct byok_value *of = byok_value_find(byok_value_find(&schema, "$defs"), name);
        const struct byok_value *properties = byok_value_find(of, "properties");
        cr_assert(byok_value_is(properties, BYOK_VALUE_MAP), "%s", name);
        for (uint32_t i = 0; i < properties->count; i++) {
            struct byok_str member = properties->as.members[i].name;
            cr_expect(byok_str_is(member, "capability") || holds(members, member), "%s: %.*s", name,
                      BYOK_STR_ARG(member));
        }
        for (; *members; members++)
            cr_expect(byok_value_find(properties, *members), "%s: %s", name, *members);
    }
}

Test(kit_members, one_that_is_not_known_is_refused_by_name)
{
    static const char *const known[] = {"input", NULL};
    struct call c;
    call_init(&c, "openai", NULL,
              "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"embeddings\",\"input\":\"Hi\","
              "\"dimensions\":8,\"x_new\":1}");
    cr_assert_eq(byok_kit_check_members(&c.call, known, &c.fault), BYOK_E_UNSUPPORTED);
    cr_assert_str_eq(c.fault.text,
                     "provider \"openai\" has no \"dimensions\" for embeddings: leave it out");
    call_done(&c);
}

Test(kit_members, an_empty_text_is_as_good_as_absent)
{
    static const char *const known[] = {"input", NULL};
    struct call c;
    call_init(&c, "openai", NULL,
              "{\"id\":\"1\",\"user\":\"alice\",\"capability\":\"embeddings\",\"input\":\"Hi\","
              "\"input_type\":\"\",\"dimensions\":null}");
    cr_assert_eq(byok_kit_check_members(&c.call, known, &c.fault), BYOK_E_OK);
    cr_assert_null(byok_kit_member(&c.call, "input_type"));
    call_done(&c);
}
