/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_wire.c - the byte readers and writers. */
#include "kit.h"

#include "vault_rocks/store_key.h"
#include "vault_rocks/wire.h"

Test(wire, numbers_and_texts_come_back_as_they_were_put)
{
    static const uint64_t numbers[] = {0, 1, 0x80, 0xffff, 0x123456789abcdef0u, UINT64_MAX};
    uint8_t bytes[128];
    struct byok_writer writer = {bytes, bytes + sizeof bytes, false};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        byok_put_uint(&writer, numbers[i], 8);
    byok_put_text(&writer, kit_str("text"));
    byok_put_text(&writer, (struct byok_str){NULL, 0});
    cr_assert_not(writer.failed);
    struct byok_reader reader = {bytes, writer.at, false};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        cr_assert_eq(byok_get_uint(&reader, 8), numbers[i]);
    cr_assert(byok_str_is(byok_get_text(&reader, 4), "text"));
    cr_assert_eq(byok_get_text(&reader, 4).len, 0u);
    cr_assert(!reader.failed && reader.at == reader.end);
}

Test(wire, a_writer_without_room_and_a_reader_without_bytes_stay_failed)
{
    uint8_t bytes[4] = {0};
    struct byok_writer writer = {bytes, bytes + sizeof bytes, false};
    byok_put_text(&writer, kit_str("abc"));
    byok_put_uint(&writer, 1, 1);
    cr_assert(writer.failed);
    static char long_text[UINT16_MAX + 1];
    writer = (struct byok_writer){bytes, bytes + sizeof bytes, false};
    byok_put_text(&writer, (struct byok_str){long_text, sizeof long_text});
    cr_assert(writer.failed);

    struct byok_reader reader = byok_reader_of((struct byok_str){"\x01\x02\x03", 3});
    cr_assert_eq(byok_get_uint(&reader, 4), 0u);
    cr_assert_null(byok_get(&reader, 1), "stays failed");
    reader = byok_reader_of((struct byok_str){"\0\x05"
                                              "abcde",
                                              7});
    cr_assert_null(byok_get_text(&reader, 4).ptr, "longer than allowed");
    cr_assert(reader.failed);
    reader = byok_reader_of((struct byok_str){NULL, 0});
    cr_assert_null(byok_get(&reader, 1));
}

Test(wire, partitions_and_their_parts_are_in_order_in_a_store)
{
    static const int32_t partitions[] = {INT32_MIN, -1, 0, 1, 255, 256, INT32_MAX};
    struct byok_store_prefix before = {{0}};
    for (size_t i = 0; i < sizeof partitions / sizeof partitions[0]; i++) {
        for (int tag = BYOK_STORE_POSITION; tag <= BYOK_STORE_END; tag++) {
            struct byok_store_prefix now =
                byok_store_prefix(partitions[i], (enum byok_store_tag)tag);
            if (i > 0 || tag > 0)
                cr_assert_lt(memcmp(before.bytes, now.bytes, sizeof now.bytes), 0, "%zu", i);
            before = now;
        }
    }
}

Test(wire, a_position_comes_back_as_it_was_put)
{
    static const int64_t positions[] = {0, 1, 255, 256, 1790000000000, INT64_MAX, -1};
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        char bytes[8];
        byok_store_put_position(positions[i], bytes);
        cr_assert_eq(byok_store_get_position(bytes), positions[i]);
    }
}
