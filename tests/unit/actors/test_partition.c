/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_partition.c - the table of partitions, and when intake pauses. */
#include <criterion/criterion.h>

#include "actors/env.h"
#include "actors/partition/partition.h"

struct fake {
    struct byok_broker broker;
    int pauses, resumes;
};

static void pause_all(struct byok_broker *broker)
{
    ((struct fake *)broker)->pauses++;
}

static void resume_all(struct byok_broker *broker)
{
    ((struct fake *)broker)->resumes++;
}

static const struct byok_broker_ops ops = {.pause = pause_all, .resume = resume_all};
static struct fake fake = {.broker = {&ops, 1}};
static struct byok_metrics metrics;
static const struct byok_settings settings = {.held_bytes_max = 1000};
static struct byok_env env = {.broker = &fake.broker, .metrics = &metrics, .settings = &settings};

static void setup(void)
{
    env.partitions = byok_partitions_new();
    cr_assert_not_null(env.partitions);
}

static void teardown(void)
{
    byok_partitions_free(env.partitions);
}

TestSuite(partition, .init = setup, .fini = teardown);

Test(partition, each_assignment_has_its_own_epoch)
{
    struct byok_partition *a = byok_partition_add(env.partitions, 3);
    uint32_t epoch = a->epoch;
    cr_assert_eq(byok_partition_find(env.partitions, 3), a);
    cr_assert_eq(byok_partition_current(env.partitions, 3, epoch), a);
    cr_assert_null(byok_partition_current(env.partitions, 3, epoch + 1));
    cr_assert_null(byok_partition_current(env.partitions, 3, 0));
    byok_partition_remove(env.partitions, a);
    cr_assert_null(byok_partition_find(env.partitions, 3));
    cr_assert_neq(byok_partition_add(env.partitions, 3)->epoch, epoch);
}

Test(partition, the_directory_strikes_only_that_very_actor)
{
    struct byok_partition *partition = byok_partition_add(env.partitions, 0);
    const struct byok_str id = BYOK_STR("alice");
    struct byok_actor *a = (struct byok_actor *)(void *)&fake;
    struct byok_actor *b = (struct byok_actor *)(void *)&env;
    cr_assert_null(byok_partition_user(partition, id));
    cr_assert(byok_partition_add_user(partition, id, a));
    byok_partition_remove_user(partition, id, b);
    cr_assert_eq(byok_partition_user(partition, id), a);
    byok_partition_remove_user(partition, id, a);
    cr_assert_null(byok_partition_user(partition, id));
}

Test(partition, intake_pauses_above_the_budget_and_goes_on_below_half_of_it)
{
    struct byok_partition *partition = byok_partition_add(env.partitions, 0);
    struct byok_record record = {.bytes = 300};
    for (int i = 0; i < 3; i++)
        byok_record_opened(&env, partition, &record);
    cr_assert_eq(fake.pauses, 0);
    byok_record_opened(&env, partition, &record);
    cr_assert_eq(fake.pauses, 1);
    byok_record_unopened(&env, partition, &record);
    byok_record_unopened(&env, partition, &record);
    cr_assert_eq(fake.resumes, 0);
    byok_record_unopened(&env, partition, &record);
    cr_assert_eq(fake.resumes, 1);
    cr_assert_eq(partition->open, 1);
}

Test(partition, intake_pauses_while_the_store_is_broken)
{
    byok_store_state(&env, true);
    byok_store_state(&env, true);
    cr_assert_eq(fake.pauses, 1);
    cr_assert(env.partitions->paused);
    byok_store_state(&env, false);
    cr_assert_eq(fake.resumes, 1);
}
