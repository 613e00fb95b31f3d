/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_watermark.c - the watermark against a list that is looked through. */
#include <criterion/criterion.h>

#include "actors/partition/watermark.h"

#define MOST 2000

static uint64_t dice = 7;

static int64_t roll(int64_t n)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((dice >> 33) % (uint64_t)n);
}

struct model {
    int64_t offsets[MOST];
    bool done[MOST];
    uint64_t batch[MOST];
    size_t count;
};

/* What the position would be with the batch done. */
static int64_t claimed_of(const struct model *model, uint64_t batch)
{
    for (size_t i = 0; i < model->count; i++) {
        if (!model->done[i] && model->batch[i] != batch)
            return model->offsets[i];
    }
    return model->count > 0 ? model->offsets[model->count - 1] + 1 : -1;
}

Test(watermark, is_the_lowest_that_is_not_done_as_a_model_says)
{
    for (int run = 0; run < 100; run++) {
        struct byok_watermark mark;
        static struct model model;
        model.count = 0;
        int64_t next = roll(1000);
        byok_watermark_init(&mark);
        for (int i = 0; i < MOST; i++) {
            size_t some = model.count > 0 ? (size_t)roll((int64_t)model.count) : 0;
            uint64_t batch = 1 + (uint64_t)roll(3);
            switch (model.count == 0 ? 0 : roll(5)) {
            case 0:
            case 1:
                next += roll(4) == 0 ? roll(10) : 0;
                cr_assert(byok_watermark_take(&mark, next));
                model.offsets[model.count] = next++;
                model.batch[model.count] = 0;
                model.done[model.count++] = false;
                break;
            case 2:
            case 3:
                (void)byok_watermark_finish(&mark, model.offsets[some]);
                model.done[some] = true;
                break;
            default:
                byok_watermark_claim(&mark, model.offsets[some], batch);
                model.batch[some] = batch;
            }
            cr_assert_eq(byok_watermark_position(&mark), claimed_of(&model, UINT64_MAX));
            cr_assert_eq(byok_watermark_claimed(&mark, batch), claimed_of(&model, batch));
        }
        byok_watermark_done(&mark);
    }
}

Test(watermark, nothing_taken_has_no_position)
{
    struct byok_watermark mark;
    byok_watermark_init(&mark);
    cr_assert_eq(byok_watermark_position(&mark), -1);
    cr_assert(!byok_watermark_finish(&mark, 5));
    byok_watermark_claim(&mark, 5, 1);
    cr_assert_eq(byok_watermark_claimed(&mark, 1), -1);
    cr_assert(byok_watermark_is_clear(&mark));
    byok_watermark_done(&mark);
}

Test(watermark, a_repeat_changes_nothing)
{
    struct byok_watermark mark;
    byok_watermark_init(&mark);
    cr_assert(byok_watermark_take(&mark, 5) && byok_watermark_take(&mark, 6));
    cr_assert(byok_watermark_take(&mark, 5) && byok_watermark_take(&mark, 6));
    cr_assert_eq(byok_watermark_position(&mark), 5);
    cr_assert(byok_watermark_finish(&mark, 5));
    cr_assert(byok_watermark_take(&mark, 5));
    cr_assert_eq(byok_watermark_position(&mark), 6);
    cr_assert(byok_watermark_finish(&mark, 6));
    cr_assert(byok_watermark_take(&mark, 6));
    cr_assert_eq(byok_watermark_position(&mark), 7);
    cr_assert(byok_watermark_is_clear(&mark));
    byok_watermark_done(&mark);
}

Test(watermark, memory_stays_small_when_what_is_taken_is_finished)
{
    struct byok_watermark mark;
    byok_watermark_init(&mark);
    for (int64_t offset = 0; offset < 100000; offset++) {
        cr_assert(byok_watermark_take(&mark, offset));
        byok_watermark_finish(&mark, offset);
    }
    cr_assert_leq(mark.room, 64);
    byok_watermark_done(&mark);
}
