/* SPDX-License-Identifier: MIT */
/* worker/ports/broker_rdkafka_notes.c - claims into the state topic, outside the transactions.
 *
 * A producer of its own (idempotent, all in-sync replicas, a short linger) carries many notes in a
 * round trip, and each is answered by its own report.
 *
 * The brokers do not fence it as they fence a transaction.  So a note is only written while this
 * process has reason to believe that its partitions are its own: the consumer has not lost its
 * assignment, the loop has not stood still, and nobody has fenced its transactions.  After a
 * standstill (a stopped process, a frozen machine), or when another has its transactional id,
 * nothing is written for as long as librdkafka, on its own threads, needs to see that the session
 * is over.  And a note that no broker takes in NOTE_TIMEOUT_MS is given up by librdkafka and
 * looked at again here, so that it does not arrive long after; sessions last 6 s at least
 * (broker_rdkafka_conf.c).
 *
 * Nor would this process know in time when it is cut off from the group's coordinator alone, or, with
 * static membership, when another one has started with its instance id and has the partitions at
 * once.  So a note in the topic is only answered when the group has taken a commit of ours (of the
 * note's own offset in the changelog, which nobody uses): a proof.  The coordinator refuses commits
 * of a member that was replaced or expelled, and a commit that it takes begins the session anew.  A
 * dynamic member's note may be answered for PROOF_US after such a commit was asked for, half of the
 * shortest session: no next owner has looked for the changelog's end by then.  A static member's
 * commit must have been asked for behind the note.  One proof is under way at a time, for all notes
 * that were written before it.
 */
#include <assert.h>
#include <stdio.h>

#include <utlist.h>

#include "worker/ports/broker_rdkafka_inner.h"

#define STANDSTILL_US ((int64_t)3000000) /* three ticks of the port */
#define DOUBT_US ((int64_t)3000000)
#define PROOF_US ((int64_t)3000000)

static struct byok_rdk_handle *noter(struct byok_rdk *rdk)
{
    return &rdk->handles[BYOK_RDK_NOTER];
}

void byok_rdk_notes_doubt(struct byok_rdk *rdk)
{
    rdk->notes.doubt_until_us = byok_rdk_fresh_us() + DOUBT_US;
}

void byok_rdk_notes_alive(struct byok_rdk *rdk)
{
    int64_t now = byok_rdk_fresh_us();
    if (rdk->notes.alive_us != 0 && now - rdk->notes.alive_us > STANDSTILL_US) {
        byok_rdk_notes_doubt(rdk);
        byok_log_event(rdk->env->log, BYOK_LOG_WARN, "stood_still",
                       BYOK_F_INT("ms", (now - rdk->notes.alive_us) / 1000));
    }
    rdk->notes.alive_us = now;
}

static bool in_doubt(struct byok_rdk *rdk)
{
    const struct byok_rdk_handle *consumer = &rdk->handles[BYOK_RDK_CONSUMER];
    byok_rdk_notes_alive(rdk);
    return rdk->notes.alive_us < rdk->notes.doubt_until_us || consumer->state != BYOK_RDK_OPEN ||
           rd_kafka_assignment_lost(consumer->rk);
}

static void answer(struct byok_rdk *rdk, struct byok_note *note)
{
    DL_DELETE(rdk->notes.list, note);
    struct byok_msg *msg = note->reply;
    byok_post(note->reply_to, BYOK_MSG_NOTED, &msg);
}

/* ---- proofs ---- */

static void prove(struct byok_rdk *rdk)
{
    const struct byok_rdk_handle *consumer = &rdk->handles[BYOK_RDK_CONSUMER];
    const struct byok_note *note = rdk->notes.list;
    if (rdk->notes.unproven == 0 || rdk->notes.proving || rdk->closing ||
        consumer->state != BYOK_RDK_OPEN)
        return;
    while (note && note->proof == 0)
        note = note->next;
    assert(note);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, rdk->topics[BYOK_TOPIC_STATE], note->partition)
        ->offset = note->offset;
    rdk->notes.proofs++;
    rdk->notes.asked_us = byok_rdk_fresh_us();
    rdk->notes.proving = rd_kafka_commit_queue(consumer->rk, list, consumer->queue, NULL,
                                               &rdk->notes) == RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_topic_partition_list_destroy(list);
}

static rd_kafka_resp_err_t error_of(rd_kafka_event_t *event)
{
    const rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    rd_kafka_resp_err_t err = rd_kafka_event_error(event);
    return !err && list && list->cnt > 0 ? list->elems[0].err : err;
}

void byok_rdk_on_proof(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    struct byok_note *note, *next;
    rdk->notes.proving = false;
    if (!event)
        return;
    rd_kafka_resp_err_t err = error_of(event);
    if (err) { /* again at the next tick, if the partition is ours then */
        if (byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_PUBLISH))
            byok_log_event(rdk->env->log, BYOK_LOG_WARN, "claim_put_off",
                           BYOK_F_TEXT("error", rd_kafka_err2str(err)));
        return;
    }
    byok_rdk_seen(rdk);
    rdk->notes.proven_us = rdk->notes.asked_us;
    DL_FOREACH_SAFE(rdk->notes.list, note, next) {
        if (note->proof == 0 || note->proof > rdk->notes.proofs)
            continue;
        rdk->notes.unproven--;
        answer(rdk, note);
    }
    prove(rdk);
}

/* ---- writing ---- */

/* False: not now. */
static bool produce(struct byok_rdk *rdk, struct byok_note *note)
{
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = rdk->topics[BYOK_TOPIC_STATE]},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = note->partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {byok_rdk_unconst(note->key.ptr), note->key.len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {byok_rdk_unconst(note->value.ptr), note->value.len}},
        /* copied: it may be in flight still when the port and the tasks are gone */
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = note},
    };
    rd_kafka_error_t *error =
        rd_kafka_produceva(noter(rdk)->rk, parts, sizeof parts / sizeof parts[0]);
    if (!error)
        return true;
    if (byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_PUBLISH))
        byok_log_event(rdk->env->log, BYOK_LOG_WARN, "claim_put_off",
                       BYOK_F_TEXT("error", rd_kafka_error_string(error)));
    rd_kafka_error_destroy(error);
    return false;
}

void byok_rdk_notes_pump(struct byok_rdk *rdk)
{
    struct byok_note *note, *next;
    bool may = rdk->notes.waiting > 0 && !rdk->closing && !in_doubt(rdk) &&
               byok_rdk_handle_ready(noter(rdk));
    if (rdk->notes.waiting + rdk->notes.unproven == 0 || rdk->closing)
        return;
    DL_FOREACH_SAFE(rdk->notes.list, note, next) {
        const struct byok_rdk_part *part = byok_rdk_part(rdk, note->partition);
        if (note->given && note->proof == 0)
            continue;
        if (!part || !part->begun || part->released) {
            (void)byok_fault_set(&note->fault, BYOK_E_BROKER, "the partition has gone");
            rdk->notes.waiting -= !note->given;
            rdk->notes.unproven -= note->given;
            answer(rdk, note);
        } else if (note->given) {
            continue;
        } else if (may && produce(rdk, note)) {
            rdk->notes.waiting--;
            note->given = true;
        } else {
            may = false;
        }
    }
    prove(rdk);
}

static void write_note(struct byok_notes *notes, struct byok_note *note)
{
    struct byok_rdk *rdk = ((struct byok_rdk_notes *)notes)->rdk;
    note->fault = (struct byok_fault){0};
    note->given = false;
    note->proof = 0;
    DL_APPEND(rdk->notes.list, note);
    rdk->notes.waiting++;
    if (rdk->notes.waiting == 1) /* else those before it wait too */
        byok_rdk_notes_pump(rdk);
}

/* Whether what stands in the topic now stands there before any next owner looks. */
static bool is_proven(const struct byok_rdk *rdk)
{
    return !rdk->options.instance_id && rdk->notes.proven_us != 0 &&
           byok_rdk_fresh_us() - rdk->notes.proven_us < PROOF_US;
}

static void on_report(struct byok_rdk *rdk, const rd_kafka_message_t *message)
{
    struct byok_note *note = message->_private;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        note->offset = message->offset;
        byok_rdk_seen(rdk);
        if (is_proven(rdk)) {
            answer(rdk, note);
            return;
        }
        note->proof = rdk->notes.proofs + 1;
        rdk->notes.unproven++;
        return;
    }
    note->given = false; /* at the next tick, if its partition is ours then */
    rdk->notes.waiting++;
    /* Seen to deliver nothing more for minutes after its broker was back; broker_rdkafka_recall.c
     * has the likely cause.  A new handle is the shorter way, and asks for all of it again. */
    if (message->err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT)
        byok_rdk_handle_retire(noter(rdk));
    if (byok_rdk_may_say(rdk, BYOK_RDK_NOTICE_PUBLISH))
        byok_log_event(rdk->env->log, BYOK_LOG_WARN, "claim_put_off",
                       BYOK_F_TEXT("error", rd_kafka_err2str(message->err)));
}

void byok_rdk_on_note_reports(struct byok_rdk *rdk, rd_kafka_event_t *event)
{
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event)) != NULL)
        on_report(rdk, message);
    prove(rdk);
}

void byok_rdk_notes_unsend(struct byok_rdk *rdk)
{
    struct byok_note *note;
    DL_FOREACH(rdk->notes.list, note) {
        if (note->proof > 0)
            continue;
        rdk->notes.waiting += note->given;
        note->given = false;
    }
}

static const struct byok_notes_ops ops = {write_note};

void byok_rdk_notes_init(struct byok_rdk *rdk)
{
    rdk->notes.notes = (struct byok_notes){&ops, true};
    rdk->notes.rdk = rdk;
}

struct byok_notes *byok_broker_rdkafka_notes(struct byok_broker *broker)
{
    return &byok_rdk_of(broker)->notes.notes;
}
