/* SPDX-License-Identifier: MIT */
/* tests/unit/payloads/test_store_s3.c - what is to be sent, and settings that cannot be.
 *
 * That a service takes it, signature included, tests/e2e/payloads_s3.py shows.
 */
#include <criterion/criterion.h>
#include <sodium.h>

#include "payloads/store.h"

static struct byok_payload_options options;

static void begin(void)
{
    cr_assert_geq(sodium_init(), 0);
    options = (struct byok_payload_options){.store = "s3",
                                            .endpoint = "https://s3.test:9000",
                                            .bucket = "my-bucket.1",
                                            .region = "eu-central-1",
                                            .credentials = "ID:SECRET:WITH:COLONS"};
}

TestSuite(store_s3, .init = begin);

Test(store_s3, addresses_by_path_and_signs_the_content)
{
    BYOK_AUTO(byok_arena) arena = {0};
    struct byok_payload_store *store;
    struct byok_payload_request request;
    struct byok_fault fault;
    struct byok_payload_ref ref = {0};
    cr_assert_eq(byok_payload_store_open(&options, &store, &fault), BYOK_E_OK, "%s", fault.text);
    cr_assert(!store->ops->put && !store->ops->open_object && !store->ops->sweep);
    byok_payload_identify(byok_str_of("alice"), byok_str_of("abc"), &ref);
    cr_assert_eq(store->ops->request(store, true, &ref, &arena, &request, &fault), BYOK_E_OK);
    cr_expect_str_eq(request.method, "PUT");
    cr_expect_str_eq(request.url.ptr,
                     "https://s3.test:9000/my-bucket.1/"
                     "2bd806c97f0e00af1a1fc3328fa763a9269723c8db8fac4f93af71db186d6e90/"
                     "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    cr_expect_str_eq(request.sigv4, "aws:amz:eu-central-1:s3");
    cr_expect_eq(request.credentials, options.credentials);
    cr_expect_eq(request.header_count, 2);
    cr_expect_str_eq(request.headers[0].name, "x-amz-content-sha256");
    cr_expect(byok_str_is(request.headers[0].value,
                          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    cr_assert_eq(store->ops->request(store, false, &ref, &arena, &request, &fault), BYOK_E_OK);
    cr_expect_str_eq(request.method, "GET");
    cr_expect_eq(request.header_count, 1);
    cr_expect(byok_str_is(request.headers[0].value,
                          "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
    byok_payload_store_close(store);
}

static void refuses(const char *named)
{
    struct byok_payload_store *store;
    struct byok_fault fault;
    cr_expect_eq(byok_payload_store_open(&options, &store, &fault), BYOK_E_CONFIG, "%s", named);
    cr_expect(strstr(fault.text, named), "%s", fault.text);
    cr_expect(!strstr(fault.text, "SECRET:"), "%s", fault.text);
    begin();
}

Test(store_s3, refuses_what_is_no_address_and_no_key)
{
    static const char *const endpoints[] = {"",           "s3.test",          "ftp://s3.test",
                                            "https://",   "https://s3.test/", "https://u@s3.test",
                                            "http://a?b", "http://a#b"};
    static const char *const buckets[] = {"", "a/b", "..", "a b", "a?b"};
    static const char *const keys[] = {"", "ID", ":SECRET:", "ID:"};
    for (size_t i = 0; i < sizeof endpoints / sizeof endpoints[0]; i++) {
        options.endpoint = endpoints[i];
        refuses("endpoint");
    }
    for (size_t i = 0; i < sizeof buckets / sizeof buckets[0]; i++) {
        options.bucket = buckets[i];
        refuses("bucket");
    }
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        options.credentials = keys[i];
        refuses("ID:SECRET");
    }
    options.region = "a:b";
    refuses("region");
    options.credentials = NULL;
    refuses("credentials");
}
