/* SPDX-License-Identifier: MIT */
/* tests/unit/vault_rocks/test_postgresql_dial.c - a name server that does not answer. */
#include "kit.h"

#include <netdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "vault_rocks/postgresql_dial.h"

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
static atomic_int asked;

/* The C library's, for libpq too: waits until the test lets it go. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **out)
{
    (void)name, (void)service, (void)hints, (void)out;
    atomic_fetch_add(&asked, 1);
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    return EAI_AGAIN;
}

Test(postgresql_dial, a_name_that_is_not_looked_up_in_time_is_left)
{
    char error[BYOK_OUTAGE_TEXT_BYTES];
    pthread_mutex_lock(&gate);
    cr_assert_null(byok_pg_dial("postgresql://user:secret-pw@name.invalid/d", 20000, error));
    cr_assert_not_null(strstr(error, "no answer in time"), "%s", error);
    cr_assert_null(strstr(error, "secret-pw"), "%s", error);
    while (atomic_load(&asked) == 0) /* by its thread, which may have begun late */
        sched_yield();
    pthread_mutex_unlock(&gate);
}

Test(postgresql_dial, a_name_that_is_none_is_told)
{
    char error[BYOK_OUTAGE_TEXT_BYTES];
    cr_assert_null(byok_pg_dial("postgresql://user:secret-pw@name.invalid/d", 60000000, error));
    cr_assert_not_null(strstr(error, "name.invalid"), "%s", error);
    cr_assert_null(strstr(error, "secret-pw"), "%s", error);
}
