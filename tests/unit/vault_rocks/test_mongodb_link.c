/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_mongodb_link.c - clients without a server; what they do with one is tested
 * through the store (tests/conformance). */
#include "kit.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vault_rocks/mongodb_link.h"

Test(mongodb_link, a_url_names_a_database_that_mongodb_can_have)
{
    static const char long_name[] =
        "mongodb://h/a234567890a234567890a234567890a234567890a234567890a234567890a234";
    static const char *const refused[] = {"mongodb://h", "mongodb://h/", long_name};
    struct byok_mongo *mongo = NULL;
    struct byok_fault fault = {0};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        cr_assert_eq(byok_mongo_new(refused[i], 100, &mongo, &fault), BYOK_E_CONFIG, "%zu", i);
}

Test(mongodb_link, without_a_server_no_session_begins_and_the_next_one_fails_at_once)
{
    struct byok_mongo *mongo = NULL;
    struct byok_mongo_session session;
    struct byok_fault fault = {0};
    cr_assert_eq(
        byok_mongo_new("mongodb://u:secret-pw@%2Fnonexistent%2Fa.sock/db", 300, &mongo, &fault),
        BYOK_E_OK);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(byok_mongo_begin(mongo, &session, &fault), BYOK_E_STORE);
        cr_assert_null(strstr(fault.text, "secret-pw"));
    }
    byok_mongo_free(mongo);
}

/* The kernel takes the connections, and nobody answers: at the first word, or in TLS's handshake. */
Test(mongodb_link, a_server_that_says_nothing_is_given_up_in_time)
{
    static const char *const more[] = {"", "?tls=true"};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    cr_assert_eq(listen(fd, 64), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++) {
        struct byok_mongo *mongo = NULL;
        struct byok_mongo_session session;
        struct byok_fault fault = {0};
        char url[128];
        snprintf(url, sizeof url, "mongodb://u:secret-pw@127.0.0.1:%u/db%s",
                 (unsigned)ntohs(at.sin_port), more[i]);
        cr_assert_eq(byok_mongo_new(url, 300, &mongo, &fault), BYOK_E_OK, "%s", fault.text);
        int64_t began_us = byok_server_now_us();
        cr_assert_eq(byok_mongo_begin(mongo, &session, &fault), BYOK_E_STORE);
        /* libmongoc's own limits are 30 s and 5 min */
        cr_assert_lt(byok_server_now_us() - began_us, 15000000, "%s", more[i]);
        cr_assert_null(strstr(fault.text, "secret-pw"));
        byok_mongo_free(mongo);
    }
    close(fd);
}
