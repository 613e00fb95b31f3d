/* SPDX-License-Identifier: MIT */
/* client/dlq_replay.c - `byok dlq replay`: dead letters onto the requests topic again.
 *
 * The dlq is read twice: once to know which letters are meant and how many, then to send them.  A
 * replay that fails is a new letter of the dlq, so what is read the second time is bounded by what
 * was found the first time, and a letter that came back as a newer one is left out: else each
 * replay would double what the next one sends.
 */
#include <inttypes.h>
#include <string.h>

#include <unistd.h>

#include "base/mem.h"
#include "client/dlq_parts.h"

#define uthash_malloc(size) byok_new(1, size)
#define uthash_free(memory, size) byok_delete(memory)
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct place {
    int64_t offset;
    int64_t partition; /* of this width so that the key has no padding */
};

struct letter {
    UT_hash_handle hh;
    struct place place;
    bool wanted;     /* the filter means it */
    bool superseded; /* a newer letter is a replay of it */
};

struct replay {
    struct byok_cli *cli;
    const struct byok_dlq_flags *flags;
    const struct byok_dlq_filter *filter;
    struct letter *letters;
    struct byok_producer *producer;
    int64_t planned, done;
    size_t empty; /* without content */
    bool full;    /* no memory */
    struct byok_fault fault;
    enum byok_err err; /* of sending */
};

static struct letter *find(struct replay *replay, int32_t partition, int64_t offset, bool add)
{
    struct place place = {.offset = offset, .partition = partition};
    struct letter *letter = NULL;
    HASH_FIND(hh, replay->letters, &place, sizeof place, letter);
    if (letter || !add)
        return letter;
    letter = byok_new(1, sizeof *letter);
    if (letter) {
        letter->place = place;
        HASH_ADD(hh, replay->letters, place, sizeof place, letter);
        if (letter->hh.tbl)
            return letter;
    }
    byok_delete(letter);
    replay->full = true;
    return NULL;
}

static void forget(struct replay *replay)
{
    struct letter *letter, *next;
    HASH_ITER(hh, replay->letters, letter, next) {
        HASH_DEL(replay->letters, letter);
        byok_delete(letter);
    }
}

/* ---- first reading ---- */

static bool note(void *context, const struct byok_record *record)
{
    struct replay *replay = context;
    BYOK_AUTO(byok_arena) arena = {0};
    int32_t partition;
    int64_t offset;
    struct letter *letter = NULL;
    if (byok_dlq_position_read(byok_record_header(record, BYOK_HEADER_REPLAYED_FROM), &partition,
                               &offset))
        letter = find(replay, partition, offset, true);
    if (letter)
        letter->superseded = true;
    if (replay->full || !byok_dlq_matches(replay->filter, &arena, record))
        return !replay->full;
    if (record->value.len == 0) {
        replay->empty++;
        return true;
    }
    letter = find(replay, record->partition, record->offset, true);
    if (letter)
        letter->wanted = true;
    return letter != NULL;
}

static enum byok_err plan(struct replay *replay, struct byok_fault *fault)
{
    const struct letter *letter;
    struct byok_dlq_filter all = {.start = replay->filter->start};
    enum byok_err err = byok_dlq_read(replay->cli, &all, false, note, replay, fault);
    if (err == BYOK_E_OK && replay->full)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for so many letters: use --since");
    for (letter = replay->letters; letter; letter = letter->hh.next)
        replay->planned += letter->wanted && !letter->superseded;
    if (replay->flags->limit >= 0 && replay->planned > replay->flags->limit)
        replay->planned = replay->flags->limit;
    return err;
}

static bool may_go(struct replay *replay)
{
    struct byok_cli *cli = replay->cli;
    char answer[8] = {0};
    if (replay->planned <= 1 || replay->flags->yes || replay->flags->dry_run)
        return true;
    fprintf(cli->err, "byok: send %" PRId64 " dead letters to %s again? [y/N] ", replay->planned,
            byok_topic_name(cli, BYOK_TOPIC_REQUESTS));
    fflush(cli->err);
    ssize_t got = read(cli->in, answer, sizeof answer - 1);
    if (got > 0 && (answer[0] == 'y' || answer[0] == 'Y'))
        return true;
    fprintf(cli->err, "%sbyok: nothing was sent; --yes does not ask\n", got > 0 ? "" : "\n");
    return false;
}

/* ---- second reading ---- */

static bool send_one(void *context, const struct byok_record *record)
{
    struct replay *replay = context;
    BYOK_AUTO(byok_arena) arena = {0};
    const struct letter *letter = find(replay, record->partition, record->offset, false);
    if (!letter || !letter->wanted || letter->superseded)
        return true;
    if (replay->flags->dry_run || replay->cli->set.json)
        byok_dlq_print(replay->cli, &arena, record, replay->done == 0);
    if (!replay->flags->dry_run) {
        replay->err = byok_producer_replay(replay->producer, record, &replay->fault);
        byok_producer_poll(replay->producer);
    }
    replay->done += replay->err == BYOK_E_OK;
    return replay->err == BYOK_E_OK && replay->done < replay->planned;
}

static enum byok_err carry_out(struct replay *replay, struct byok_fault *fault)
{
    struct byok_dlq_filter all = {.start = replay->filter->start};
    enum byok_err err = BYOK_E_OK;
    bool many = replay->planned > 1;
    if (!replay->flags->dry_run)
        err = byok_producer_new(replay->cli, NULL, many, &replay->producer, fault);
    if (err == BYOK_E_OK)
        err = byok_dlq_read(replay->cli, &all, false, send_one, replay, fault);
    if (err == BYOK_E_OK && replay->err != BYOK_E_OK) {
        err = replay->err;
        *fault = replay->fault;
    }
    if (replay->producer) { /* what was given to it goes, whatever came then */
        struct byok_fault late;
        enum byok_err flushed = byok_producer_flush(replay->producer, &late);
        if (err == BYOK_E_OK && flushed != BYOK_E_OK) {
            err = flushed;
            *fault = late;
        }
    }
    byok_producer_free(replay->producer);
    return err;
}

enum byok_exit byok_dlq_replay(struct byok_cli *cli, const struct byok_dlq_flags *flags,
                               const struct byok_dlq_filter *filter)
{
    struct byok_fault fault;
    struct replay replay = {.cli = cli, .flags = flags, .filter = filter};
    bool one = filter->start.from == BYOK_FROM_OFFSET || filter->id;
    enum byok_err err = plan(&replay, &fault);
    bool goes = err == BYOK_E_OK && may_go(&replay);
    if (goes && replay.planned > 0)
        err = carry_out(&replay, &fault);
    forget(&replay);
    if (err != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    if (!goes)
        return BYOK_EXIT_USAGE;
    if (replay.empty > 0)
        fprintf(cli->err, "byok: %zu letters came without content and cannot be replayed\n",
                replay.empty);
    if (one && replay.planned == 0 && replay.empty == 0)
        fprintf(cli->err, "byok: there is no such dead letter\n");
    byok_cli_note(cli, "%" PRId64 " dead letters %s", replay.done,
                  flags->dry_run ? "would be replayed" : "replayed");
    return one && replay.done == 0 ? BYOK_EXIT_FAILED : BYOK_EXIT_OK;
}
