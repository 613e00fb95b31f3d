/* SPDX-License-Identifier: MIT */
/* tests/unit/actors/test_cleanse.c - a key that stands in an answer only after decoding. */
#include "actors/provider/cleanse.h"

#include <string.h>

#include "tests/unit/actors/kit.h"

TestSuite(cleanse, .init = setup, .fini = teardown);

static char escapes[512];

static int status;

static void give(struct sim_world *w, const struct sim_entry *entry, struct sim_answer *answer)
{
    (void)w;
    if (strcmp(entry->path, "/models") == 0)
        return;
    answer->status = status;
    if (status == 200)
        snprintf(answer->body, sizeof answer->body,
                 "{\"model\":\"%s\",\"%s\":1,\"choices\":[{\"message\":{\"content\":\"<%s>\"},"
                 "\"finish_reason\":\"stop\"}]}",
                 escapes, escapes, escapes);
    else
        snprintf(answer->body, sizeof answer->body,
                 "{\"error\":{\"message\":\"<%s>\",\"code\":\"odd\"}}", escapes);
}

/* The teardown looks whether the key stands in any topic or line of the log. */
Test(cleanse, escapes_in_answers_names_and_errors_hide_no_key)
{
    start();
    const size_t len = strlen(world->keys[0].secret);
    char want[128] = "<";
    memset(want + 1, '*', len);
    strcpy(want + 1 + len, ">");
    escape(world->keys[0].secret, escapes);
    world->answer = give;
    status = 200;
    sim_send(world, "alice",
             "{\"id\":\"good\",\"user\":\"alice\",\"capability\":\"chat\",\"provider\":"
             "\"openai\",\"prompt\":\"x\",\"raw\":true}");
    assert_done(10);
    cr_assert_str_eq(sim_result_text(world, "good", "text"), want);
    status = 400;
    sim_chat(world, "alice", "bad");
    assert_done(10);
    assert_code("bad", "bad_request");
    cr_assert(strstr(sim_result_text(world, "bad", "error.message"), want));
}

/* What is neither in the job's arena nor in the answer's body cannot be written to. */
Test(cleanse, a_literal_is_copied)
{
    struct byok_slots *slots;
    struct byok_record *none = NULL;
    static const char literal[] = "gpt-sk-literal-1";
    cr_assert_eq(byok_slots_new(1, &slots, NULL), BYOK_E_OK);
    struct byok_task *task = byok_task_new(&none, 0);
    task->slots = slots;
    task->slot = byok_slots_lease(slots);
    cr_assert_eq(byok_slot_set(task->slot, byok_str_of("sk-literal-1")), BYOK_E_OK);
    task->answer.model = byok_str_of(literal);
    task->answer.provider_request_id = byok_str_of("req-1");
    cr_assert_eq(byok_cleanse(task), BYOK_E_OK);
    cr_assert(byok_str_is(task->answer.model, "gpt-************"));
    cr_assert(byok_str_is(task->answer.provider_request_id, "req-1"));
    cr_assert_str_eq(literal, "gpt-sk-literal-1");
    static char large[10000] = "sk-literal-1"; /* more than the arena's block has room for */
    task->answer.model = (struct byok_str){large, sizeof large};
    task->arena.cap_bytes = task->arena.used_bytes + 1;
    cr_assert_eq(byok_cleanse(task), BYOK_E_NOMEM);
    byok_task_free(task);
    byok_slots_free(slots);
}
