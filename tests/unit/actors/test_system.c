/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_system.c - delivery in order, timers, supervision, the end of a system. */
#include <criterion/criterion.h>

#include "actors/env.h"
#include "base/mem.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_log.h"

#define MOST 64

/* Notes what it is given; fails as often as it is told. */
struct noter {
    int seen[MOST];
    int count, failures, rings;
    bool again; /* sets its timer into the past */
    struct byok_timer timer;
};

static struct sim_clock sim_clock;
static struct sim_log sim_log;
static struct byok_env env;
static struct byok_system *byok;
static struct byok_actor *actor;
static struct noter *noter;
static int wakes;

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    struct noter *self = state;
    if (self->failures > 0) {
        self->failures--;
        return BYOK_E_NOMEM;
    }
    if ((*msg)->kind == BYOK_MSG_TIMER) {
        self->rings++;
        if (self->again)
            byok_timer_set(ctx, &self->timer, 0);
        return BYOK_E_OK;
    }
    self->seen[self->count++] = ((struct byok_partition_msg *)*msg)->partition;
    if (self->seen[self->count - 1] == 100)
        byok_timer_set(ctx, &self->timer, ctx->env->clock->ops->now_us(ctx->env->clock) + 1000);
    if (self->seen[self->count - 1] == 200)
        byok_stop(ctx->self);
    byok_msg_free(*msg);
    *msg = NULL;
    return BYOK_E_OK;
}

static void done(struct byok_ctx *ctx, void *state)
{
    byok_timer_cancel(ctx, &((struct noter *)state)->timer);
}

static const struct byok_behavior behavior = {
    .name = "noter", .state_size = sizeof(struct noter), .receive = receive, .done = done};

static void wake(void *arg)
{
    (void)arg;
    wakes++;
}

static void setup(void)
{
    sim_clock_init(&sim_clock, 1);
    sim_log_init(&sim_log);
    env = (struct byok_env){.clock = &sim_clock.clock, .log = &sim_log.log};
    byok = byok_system_new(&env, &sim_clock.clock, wake, NULL);
    actor = byok_spawn(byok, &behavior, NULL);
    noter = byok_actor_state(actor);
}

static void teardown(void)
{
    byok_system_free(byok);
    sim_clock_done(&sim_clock);
}

TestSuite(system, .init = setup, .fini = teardown);

static void post(int number)
{
    struct byok_partition_msg *about = byok_new(1, sizeof *about);
    struct byok_msg *msg = &about->msg;
    about->partition = number;
    byok_post(actor, BYOK_MSG_DRAINED, &msg);
    cr_assert_null(msg);
}

Test(system, delivers_in_the_order_of_sending_and_wakes_once)
{
    for (int i = 0; i < 10; i++)
        post(i);
    cr_assert_eq(wakes, 1);
    cr_assert(byok_system_run(byok, 4), "a budget ends the run");
    cr_assert_eq(noter->count, 4);
    cr_assert_eq(byok_actor_pending(actor), 6);
    cr_assert(!byok_system_run(byok, 100));
    for (int i = 0; i < 10; i++)
        cr_assert_eq(noter->seen[i], i);
}

Test(system, a_failed_message_comes_again_before_those_behind_it)
{
    noter->failures = 3;
    for (int i = 0; i < 5; i++)
        post(i);
    byok_system_run(byok, 100);
    cr_assert_eq(noter->count, 0);
    cr_assert_eq(byok_actor_pending(actor), 5);
    int64_t last = sim_clock.now_us, pause = 0;
    for (int i = 0; i < 3; i++) {
        int64_t due = byok_system_next_timer_us(byok);
        cr_assert_gt(due - last, pause, "the pauses grow");
        pause = due - last;
        last = due;
        sim_clock_advance(&sim_clock, due);
        post(5 + i);
        byok_system_run(byok, 100);
    }
    cr_assert_eq(noter->count, 8);
    for (int i = 0; i < 8; i++)
        cr_assert_eq(noter->seen[i], i);
    cr_assert_eq(byok_system_next_timer_us(byok), INT64_MAX);
}

Test(system, a_timer_that_rings_while_its_actor_rests_rings_later)
{
    post(100);
    byok_system_run(byok, 100);
    noter->failures = 1;
    post(1);
    byok_system_run(byok, 100);
    sim_clock_advance(&sim_clock, sim_clock.now_us + 2000);
    byok_system_run(byok, 100);
    cr_assert_eq(noter->rings, 0);
    sim_clock_advance(&sim_clock, sim_clock.now_us + 1000000);
    byok_system_run(byok, 100);
    cr_assert_eq(noter->rings, 1);
    cr_assert_eq(noter->count, 2);
}

Test(system, a_timer_whose_handling_failed_rings_again)
{
    post(100);
    byok_system_run(byok, 100);
    noter->failures = 1;
    sim_clock_advance(&sim_clock, sim_clock.now_us + 1000);
    byok_system_run(byok, 100);
    cr_assert_eq(noter->rings, 0);
    sim_clock_advance(&sim_clock, sim_clock.now_us + 1000000);
    byok_system_run(byok, 100);
    cr_assert_eq(noter->rings, 1);
}

Test(system, a_timer_that_is_always_due_holds_up_no_mail)
{
    noter->again = true;
    post(100);
    byok_system_run(byok, 100);
    sim_clock_advance(&sim_clock, sim_clock.now_us + 1000);
    for (int i = 0; i < 3; i++)
        post(i);
    cr_assert(!byok_system_run(byok, 100));
    cr_assert_eq(noter->count, 4);
    cr_assert_eq(noter->rings, 100);
    cr_assert_leq(byok_system_next_timer_us(byok), sim_clock.now_us, "and is due again");
}

Test(system, an_actor_may_stop_itself)
{
    post(200);
    byok_system_run(byok, 100); /* the sanitizer sees what is left of it */
    cr_assert_eq(byok_system_next_timer_us(byok), INT64_MAX);
}

Test(system, its_end_frees_what_waits)
{
    noter->failures = 1;
    for (int i = 0; i < 5; i++)
        post(100);
    byok_system_run(byok, 100); /* held behind a failure */
    post(7); /* in the inbox */
}
