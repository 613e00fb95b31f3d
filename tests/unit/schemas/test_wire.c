/* SPDX-License-Identifier: MIT */
/* tests/unit/schemas/test_wire.c - topic names and partitions. */
#include "schemas/wire.h"

#include <criterion/criterion.h>

Test(wire, every_topic_has_a_name_of_its_own)
{
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++) {
        for (int j = 0; j < i; j++)
            cr_assert_str_neq(byok_topic_suffix((enum byok_topic)i),
                              byok_topic_suffix((enum byok_topic)j));
    }
    cr_assert_str_eq(byok_topic_suffix(BYOK_TOPIC_REQUESTS), "requests");
    cr_assert_str_eq(byok_topic_suffix(BYOK_TOPIC_DLQ), "dlq");
}

/* The first six from Apache Kafka, clients: UtilsTest.testMurmur2; the others from librdkafka,
 * rdmurmur2.c: unittest_murmur2, which took them from the Java client. */
Test(wire, murmur2_is_that_of_the_java_client)
{
    static const struct {
        const char *text;
        uint32_t hash;
    } cases[] = {
        {"21", (uint32_t)-973932308},
        {"foobar", (uint32_t)-790332482},
        {"a-little-bit-long-string", (uint32_t)-985981536},
        {"a-little-bit-longer-string", (uint32_t)-1486304829},
        {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", (uint32_t)-58897971},
        {"abc", 479470107},
        {"kafka", 0xd067cf64},
        {"giberish123456789", 0x8f552b0c},
        {"1234", 0x9fc97b14},
        {"234", 0xe7c009ca},
        {"34", 0x873930da},
        {"4", 0x5a4b5ca1},
        {"PreAmbleWillBeRemoved,ThePrePartThatIs", 0x78424f1c},
        {"reAmbleWillBeRemoved,ThePrePartThatIs", 0x4a62b377},
        {"eAmbleWillBeRemoved,ThePrePartThatIs", 0xe0e4e09e},
        {"AmbleWillBeRemoved,ThePrePartThatIs", 0x62b8b43f},
        {"", 0x106e08d9},
        {NULL, 0x106e08d9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(byok_murmur2(byok_str_of(cases[i].text)), cases[i].hash, "\"%s\"",
                     cases[i].text);
}

Test(wire, a_partition_is_never_negative_and_below_the_count)
{
    cr_assert_eq(byok_partition_of(byok_str_of("21"), 1), 0);
    /* (-973932308 & 0x7fffffff) % 12 */
    cr_assert_eq(byok_partition_of(byok_str_of("21"), 12), 1173551340 % 12);
    for (char c = 'a'; c <= 'z'; c++) {
        int32_t partition = byok_partition_of((struct byok_str){&c, 1}, 7);
        cr_assert(partition >= 0 && partition < 7);
    }
}
