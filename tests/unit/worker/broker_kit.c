/* SPDX-License-Identifier: MIT */
/* tests/unit/worker/broker_kit.c - see tests/unit/worker/broker_kit.h. */
#include "tests/unit/worker/broker_kit.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "worker/ports/clock_system.h"

#define WAIT_MS 100000

struct intake {
    struct kit_member *member;
};

static int changelog(enum byok_topic topic)
{
    return topic == BYOK_TOPIC_VAULT ? 0 : 1;
}

static void on_assigned(struct kit_member *member, int32_t id)
{
    struct kit_part *part = &member->parts[id];
    part->ours = true;
    part->started = part->revoked = false;
    part->ended[0] = part->ended[1] = false;
    part->assigned++;
    part->next = -1;
    member->broker->ops->restore(member->broker, BYOK_TOPIC_VAULT, id, member->from);
    member->broker->ops->restore(member->broker, BYOK_TOPIC_STATE, id, member->from);
}

static void on_chunk(struct kit_member *member, struct byok_chunk *chunk)
{
    struct kit_part *part = &member->parts[chunk->partition];
    int which = changelog(chunk->topic);
    for (struct byok_record *record = chunk->records; record;
         record = (struct byok_record *)record->msg.next)
        part->restored[which]++;
    if (chunk->fault.code != BYOK_E_OK) {
        part->faults++;
        member->broker->ops->restore(member->broker, chunk->topic, chunk->partition, member->from);
        return;
    }
    part->position[which] = chunk->position;
    part->resets[which] += chunk->reset;
    part->ended[which] = part->ended[which] || chunk->end;
    if (part->ours && !part->started && part->ended[0] && part->ended[1]) {
        part->started = true;
        member->broker->ops->start(member->broker, chunk->partition);
    }
}

static void on_record(struct kit_member *member, const struct byok_record *record)
{
    struct kit_part *part = &member->parts[record->partition];
    assert(part->started && !part->revoked);
    if (part->next >= 0 && record->offset < part->next)
        part->doubled++;
    if (part->next >= 0 && record->offset > part->next)
        part->skipped++;
    part->next = record->offset + 1;
    part->records++;
    member->records++;
    if (member->echo)
        kit_commit(member, BYOK_TOPIC_RESULTS, "user", record->partition, record->offset + 1);
}

static void on_answer(struct kit_member *member, struct byok_commit *commit)
{
    const struct byok_task *task = commit->tasks;
    member->done++;
    member->answered++;
    if ((uint64_t)task->offset != member->answered)
        member->out_of_order = true;
    member->out_offset = task->out_count > 0 ? task->outs[0].offset : -1;
    member->out_refused = task->out_count > 0 && task->outs[0].refused;
    if (commit->fault.code != BYOK_E_OK) {
        member->failed++;
        member->fault = commit->fault;
    }
}

static enum byok_err receive(struct byok_ctx *ctx, void *state, struct byok_msg **msg)
{
    (void)ctx;
    struct kit_member *member = ((struct intake *)state)->member;
    if (!member->broker) { /* it has left */
        byok_msg_free(*msg);
        *msg = NULL;
        return BYOK_E_OK;
    }
    int32_t id = ((struct byok_partition_msg *)*msg)->partition;
    switch ((*msg)->kind) {
    case BYOK_MSG_ASSIGNED:
        on_assigned(member, id);
        break;
    case BYOK_MSG_REVOKED:
        member->parts[id].revoked = true;
        if (!member->hold) {
            member->parts[id].ours = false;
            member->broker->ops->release(member->broker, id);
        }
        break;
    case BYOK_MSG_LOST:
        member->parts[id].lost++;
        member->parts[id].ours = false;
        break;
    case BYOK_MSG_RESTORE_CHUNK:
        on_chunk(member, (struct byok_chunk *)*msg);
        break;
    case BYOK_MSG_RECORD:
        on_record(member, (struct byok_record *)*msg);
        break;
    case BYOK_MSG_COMMIT_DONE:
        on_answer(member, (struct byok_commit *)*msg);
        break;
    default:
        abort();
    }
    byok_msg_free(*msg);
    *msg = NULL;
    return BYOK_E_OK;
}

static enum byok_err init(struct byok_ctx *ctx, void *state, void *arg)
{
    (void)ctx;
    ((struct intake *)state)->member = arg;
    return BYOK_E_OK;
}

static const struct byok_behavior intake_behavior = {
    .name = "intake", .state_size = sizeof(struct intake), .init = init, .receive = receive};

static void on_log(struct byok_log *log, enum byok_log_level level, const char *event,
                   const struct byok_log_field *fields, size_t count)
{
    struct kit *kit = (struct kit *)((char *)log - offsetof(struct kit, log));
    if (level == BYOK_LOG_ERROR)
        kit->errors++;
    if (!getenv("BYOK_TEST_VERBOSE"))
        return;
    (void)fprintf(stderr, "%s", event);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].text.ptr)
            (void)fprintf(stderr, " %s=%.*s", fields[i].name, BYOK_STR_ARG(fields[i].text));
        else
            (void)fprintf(stderr, " %s=%lld", fields[i].name, (long long)fields[i].number);
    }
    (void)fprintf(stderr, "\n");
}

static const struct byok_log_ops log_ops = {.event = on_log};

void kit_init(struct kit *kit, const char *brokers, const char *prefix)
{
    memset(kit, 0, sizeof *kit);
    assert(uv_loop_init(&kit->loop) == 0);
    (void)uv_timer_init(&kit->loop, &kit->limit);
    byok_clock_system_init(&kit->clock);
    kit->log = (struct byok_log){&log_ops, BYOK_LOG_DEBUG};
    (void)snprintf(kit->brokers, sizeof kit->brokers, "%s", brokers);
    (void)snprintf(kit->prefix, sizeof kit->prefix, "%s", prefix);
    (void)snprintf(kit->group, sizeof kit->group, "%sgroup", prefix);
    kit->items[0] = kit->heartbeat;
    kit->items[1] = kit->session;
    (void)snprintf(kit->heartbeat, sizeof kit->heartbeat, "heartbeat.interval.ms=300");
    (void)snprintf(kit->session, sizeof kit->session, "session.timeout.ms=6000");
    kit->options = (struct byok_kafka_options){.brokers = kit->brokers,
                                               .group = kit->group,
                                               .topic_prefix = kit->prefix,
                                               .client_id = "kit",
                                               .consumer_properties = {kit->items, 2},
                                               .request_max_bytes = 1024 * 1024,
                                               .commits_max = 8,
                                               .transaction_timeout_ms = 10000};
}

void kit_init_mock(struct kit *kit, int brokers)
{
    char text[256];
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    rd_kafka_mock_cluster_t *mock = rd_kafka_mock_cluster_new(client, brokers);
    assert(mock);
    rd_kafka_mock_group_initial_rebalance_delay_ms(mock, 0);
    for (int i = 0; i < BYOK_TOPIC_COUNT; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "t.%s", byok_topic_suffix((enum byok_topic)i));
        (void)rd_kafka_mock_topic_create(mock, name, 2, 1);
    }
    kit_init(kit, rd_kafka_mock_cluster_bootstraps(mock), "t.");
    kit->mock_client = client;
    kit->mock = mock;
}

static void on_wake(uv_async_t *async)
{
    struct kit_member *member = async->data;
    while (byok_system_run(member->system, 1000)) {
    }
}

static void wake(void *arg)
{
    struct kit_member *member = arg;
    (void)uv_async_send(&member->wake);
}

struct kit_member *kit_join(struct kit *kit, size_t index)
{
    struct kit_member *member = &kit->members[index];
    memset(member, 0, sizeof *member);
    member->kit = kit;
    member->from = -1;
    assert(uv_async_init(&kit->loop, &member->wake, on_wake) == 0);
    member->wake.data = member;
    member->env.log = &kit->log;
    member->env.clock = &kit->clock;
    member->env.metrics = &member->metrics;
    member->system = byok_system_new(&member->env, &kit->clock, wake, member);
    member->env.intake = byok_spawn(member->system, &intake_behavior, member);
    member->env.publisher = member->env.intake;
    struct byok_kafka_options options = kit->options;
    (void)snprintf(member->transactional_id, sizeof member->transactional_id, "%sid.%zu",
                   kit->prefix, index);
    if (kit->exactly_once)
        options.transactional_id = member->transactional_id;
    struct byok_fault fault = {0};
    if (byok_broker_rdkafka_new(&kit->loop, &options, &member->env, &member->broker, &fault) !=
        BYOK_E_OK) {
        (void)fprintf(stderr, "%s\n", fault.text);
        abort();
    }
    member->env.broker = member->broker;
    return member;
}

bool kit_started(void *member)
{
    const struct kit_member *of = member;
    return of->parts[0].started && of->parts[1].started && byok_broker_rdkafka_ready(of->broker);
}

void kit_leave(struct kit_member *member)
{
    byok_broker_rdkafka_close(member->broker);
    member->broker = NULL;
}

static void free_member(struct kit_member *member)
{
    byok_system_free(member->system);
    member->system = NULL;
}

void kit_done(struct kit *kit)
{
    for (size_t i = 0; i < KIT_MEMBERS; i++) {
        if (kit->members[i].broker)
            kit_leave(&kit->members[i]);
        if (kit->members[i].system)
            uv_unref((uv_handle_t *)&kit->members[i].wake);
    }
    (void)uv_timer_stop(&kit->limit);
    (void)uv_run(&kit->loop, UV_RUN_DEFAULT);
    for (size_t i = 0; i < KIT_MEMBERS; i++) {
        if (kit->members[i].system)
            uv_close((uv_handle_t *)&kit->members[i].wake, NULL);
    }
    uv_close((uv_handle_t *)&kit->limit, NULL);
    (void)uv_run(&kit->loop, UV_RUN_DEFAULT);
    int left = uv_loop_close(&kit->loop);
    assert(left == 0);
    (void)left;
    for (size_t i = 0; i < KIT_MEMBERS; i++) {
        if (kit->members[i].system)
            free_member(&kit->members[i]);
    }
    if (!kit->mock)
        return;
    rd_kafka_mock_cluster_destroy(kit->mock);
    rd_kafka_destroy(kit->mock_client);
}

/* What a test that fails needs to be understood. */
static void show(const struct kit *kit)
{
    for (size_t i = 0; i < KIT_MEMBERS; i++) {
        const struct kit_member *member = &kit->members[i];
        if (!member->broker)
            continue;
        (void)fprintf(stderr, "member %zu: ready %d, count %d, records %zu, batches %zu/%llu\n", i,
                      byok_broker_rdkafka_ready(member->broker),
                      (int)member->broker->ops->partition_count(member->broker), member->records,
                      member->done, (unsigned long long)member->given);
        for (size_t p = 0; p < KIT_PARTITIONS; p++) {
            const struct kit_part *part = &member->parts[p];
            if (part->assigned > 0)
                (void)fprintf(stderr,
                              "  %zu: ours %d started %d revoked %d lost %u ended %d %d faults %u "
                              "records %zu\n",
                              p, part->ours, part->started, part->revoked, part->lost,
                              part->ended[0], part->ended[1], part->faults, part->records);
        }
    }
}

static void on_limit(uv_timer_t *timer)
{
    struct kit *kit = (struct kit *)((char *)timer - offsetof(struct kit, limit));
    kit->late = true;
}

bool kit_until(struct kit *kit, bool (*is)(void *arg), void *arg, unsigned seconds)
{
    kit->late = false;
    uv_update_time(&kit->loop);
    (void)uv_timer_start(&kit->limit, on_limit, (uint64_t)seconds * 1000, 0);
    while (!is(arg) && !kit->late)
        (void)uv_run(&kit->loop, UV_RUN_ONCE);
    (void)uv_timer_stop(&kit->limit);
    if (!is(arg))
        show(kit);
    return is(arg);
}

void kit_for(struct kit *kit, unsigned ms)
{
    kit->late = false;
    uv_update_time(&kit->loop);
    (void)uv_timer_start(&kit->limit, on_limit, ms, 0);
    while (!kit->late)
        (void)uv_run(&kit->loop, UV_RUN_ONCE);
}

static rd_kafka_t *client(struct kit *kit, rd_kafka_type_t type)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", kit->brokers, text, sizeof text);
    if (type == RD_KAFKA_CONSUMER) {
        (void)rd_kafka_conf_set(conf, "group.id", kit->group, text, sizeof text);
        (void)rd_kafka_conf_set(conf, "enable.auto.commit", "false", text, sizeof text);
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, text, sizeof text);
    assert(rk);
    return rk;
}

static void topic_name(struct kit *kit, enum byok_topic topic, char *out, size_t size)
{
    (void)snprintf(out, size, "%s%s", kit->prefix, byok_topic_suffix(topic));
}

void kit_write(struct kit *kit, enum byok_topic topic, int32_t partition, size_t count)
{
    char name[128];
    topic_name(kit, topic, name, sizeof name);
    rd_kafka_t *rk = client(kit, RD_KAFKA_PRODUCER);
    for (size_t i = 0; i < count; i++) {
        char value[32];
        (void)snprintf(value, sizeof value, "value %zu", i);
        while (rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(name), RD_KAFKA_V_PARTITION(partition),
                                 RD_KAFKA_V_KEY("user", (size_t)4),
                                 RD_KAFKA_V_HEADER("content-type", "application/json", -1),
                                 RD_KAFKA_V_VALUE(value, strlen(value)),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            (void)rd_kafka_poll(rk, 10);
    }
    rd_kafka_resp_err_t err = rd_kafka_flush(rk, WAIT_MS);
    assert(err == RD_KAFKA_RESP_ERR_NO_ERROR);
    (void)err;
    rd_kafka_destroy(rk);
}

int64_t kit_committed(struct kit *kit, int32_t partition)
{
    char name[128];
    topic_name(kit, BYOK_TOPIC_REQUESTS, name, sizeof name);
    rd_kafka_t *rk = client(kit, RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name, partition);
    rd_kafka_resp_err_t err = rd_kafka_committed(rk, list, WAIT_MS);
    int64_t offset = err || list->elems[0].offset < 0 ? -1 : list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    return offset;
}

void kit_take_id(struct kit *kit, const char *transactional_id)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "bootstrap.servers", kit->brokers, text, sizeof text);
    (void)rd_kafka_conf_set(conf, "transactional.id", transactional_id, text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert(rk);
    rd_kafka_error_t *error = rd_kafka_init_transactions(rk, WAIT_MS);
    assert(!error);
    (void)error;
    rd_kafka_destroy(rk);
}

int64_t kit_count(struct kit *kit, enum byok_topic topic, int32_t partition)
{
    char name[128];
    topic_name(kit, topic, name, sizeof name);
    rd_kafka_t *rk = client(kit, RD_KAFKA_CONSUMER);
    int64_t low = 0, high = -1;
    (void)rd_kafka_query_watermark_offsets(rk, name, partition, &low, &high, WAIT_MS);
    rd_kafka_destroy(rk);
    return high - low;
}

static void copy_text(char out[static KIT_TEXT], const void *bytes, size_t len)
{
    assert(len < KIT_TEXT);
    if (len > 0)
        memcpy(out, bytes, len);
    out[len] = '\0';
}

bool kit_read(struct kit *kit, enum byok_topic topic, int32_t partition, int64_t offset,
              char key[static KIT_TEXT], char value[static KIT_TEXT])
{
    char name[128];
    topic_name(kit, topic, name, sizeof name);
    rd_kafka_t *rk = client(kit, RD_KAFKA_CONSUMER);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, name, partition)->offset = offset;
    rd_kafka_resp_err_t err = rd_kafka_assign(rk, list);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, WAIT_MS);
    assert(!err && message && !message->err && message->offset == offset);
    (void)err;
    copy_text(key, message->key, message->key_len);
    copy_text(value, message->payload, message->len);
    bool there = message->payload != NULL;
    rd_kafka_message_destroy(message);
    rd_kafka_topic_partition_list_destroy(list);
    (void)rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return there;
}

static struct byok_commit *new_commit(struct kit_member *member, struct byok_task *task)
{
    struct byok_commit *commit = byok_new(1, sizeof *commit);
    assert(commit && task);
    task->offset = (int64_t)++member->given; /* its number, for on_answer */
    commit->tasks = task;
    commit->task_count = 1;
    commit->reply_to = member->env.publisher;
    return commit;
}

static struct byok_task *new_task(void)
{
    struct byok_record *none = NULL;
    return byok_task_new(&none, 1024 * 1024);
}

static void add_out(struct byok_task *task, enum byok_topic topic, const char *user,
                    const char *value)
{
    struct byok_out *out = byok_task_out(task, topic);
    out->key = byok_str_of(user);
    out->value = byok_str_of(value);
    byok_out_header(out, BYOK_HEADER_CONTENT_TYPE, byok_str_of("application/json"));
}

void kit_commit(struct kit_member *member, enum byok_topic topic, const char *user,
                int32_t partition, int64_t position)
{
    struct byok_task *task = new_task();
    add_out(task, topic, user, "a result");
    struct byok_commit *commit = new_commit(member, task);
    if (position >= 0) {
        commit->positions = byok_new(1, sizeof *commit->positions);
        commit->positions[0] = (struct byok_position){partition, position};
        commit->position_count = 1;
    }
    member->broker->ops->commit(member->broker, commit);
}

void kit_commit_outcome(struct kit_member *member, const char *user, const char *state,
                        const char *result)
{
    struct byok_task *task = new_task();
    add_out(task, BYOK_TOPIC_STATE, user, state);
    if (result)
        add_out(task, BYOK_TOPIC_RESULTS, user, result);
    member->broker->ops->commit(member->broker, new_commit(member, task));
}
