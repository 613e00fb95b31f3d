/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_prompt.c - a key from a pipe and from a terminal. */
#define _DEFAULT_SOURCE /* forkpty */
#include "client/prompt.h"

#include <stdlib.h>
#include <string.h>

#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <sodium.h>

#define KEY "sk-test-0123456789abcdefghijklmnopqrstuvwxyzABCDEF"

static struct byok_slots *slots;
static struct byok_slot *slot;
static struct byok_fault fault;

static void begin(void)
{
    cr_assert_geq(sodium_init(), 0);
    cr_assert_eq(byok_slots_new(1, &slots, &fault), BYOK_E_OK, "%s", fault.text);
    slot = byok_slots_lease(slots);
}

static void end(void)
{
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
}

TestSuite(prompt, .init = begin, .fini = end);

static enum byok_err from_pipe(const char *text, size_t len)
{
    int ends[2];
    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(write(ends[1], text, len), (ssize_t)len);
    close(ends[1]);
    enum byok_err err = byok_prompt_key(ends[0], "? ", slot, &fault);
    close(ends[0]);
    return err;
}

static bool is_wiped(void)
{
    return sodium_is_zero((const unsigned char *)slot, sizeof *slot) == 1;
}

Test(prompt, the_first_line_of_a_pipe_is_the_key)
{
    static const char *const inputs[] = {KEY, KEY "\n", "  " KEY " \r\n", KEY "\nsecond line\n"};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        cr_assert_eq(from_pipe(inputs[i], strlen(inputs[i])), BYOK_E_OK);
        cr_assert_str_eq(slot->key, KEY);
        cr_assert_eq(slot->len, strlen(KEY));
    }
}

Test(prompt, what_cannot_be_a_key_is_refused_and_wiped)
{
    static const char *const inputs[] = {"", "\n", "tiny", "sk-with a space in it",
                                         "sk-\xc3\xa4\xc3\xb6\xc3\xbc-umlauts"};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        cr_assert_eq(from_pipe(inputs[i], strlen(inputs[i])), BYOK_E_KEY_INVALID);
        cr_assert(is_wiped());
        cr_assert(inputs[i][0] < ' ' || !strstr(fault.text, inputs[i]));
    }
    char large[600];
    memset(large, 'a', sizeof large);
    cr_assert_eq(from_pipe(large, sizeof large), BYOK_E_KEY_INVALID);
    cr_assert_not_null(strstr(fault.text, "longer than 512"));
    cr_assert(is_wiped());
}

/* In the child of a pty: ask, and say how it went in the exit code. */
static void ask_and_exit(void)
{
    enum byok_err err = byok_prompt_key(STDIN_FILENO, "key: ", slot, &fault);
    bool right = err == BYOK_E_OK && strcmp(slot->key, KEY) == 0;
    struct termios now;
    bool echoes = tcgetattr(STDIN_FILENO, &now) == 0 && (now.c_lflag & ECHO) != 0;
    _exit(right && echoes ? 0 : err == BYOK_E_CANCELLED && echoes ? 7 : 1);
}

/* All that the terminal shows until `what`, or until its end when that is NULL. */
static void read_until(int fd, const char *what, char *text, size_t room)
{
    size_t len = strlen(text);
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (len + 1 < room && poll(&ready, 1, 10000) > 0) {
        ssize_t got = read(fd, text + len, room - len - 1);
        if (got <= 0)
            return;
        len += (size_t)got;
        text[len] = '\0';
        if (what && strstr(text, what))
            return;
    }
}

static int type_at_prompt(const char *typed, char *seen, size_t room)
{
    int terminal, status = 0;
    seen[0] = '\0';
    pid_t child = forkpty(&terminal, NULL, NULL, NULL);
    cr_assert_geq(child, 0);
    if (child == 0)
        ask_and_exit();
    read_until(terminal, "key: ", seen, room); /* the echo is off before it asks */
    cr_assert_eq(write(terminal, typed, strlen(typed)), (ssize_t)strlen(typed));
    read_until(terminal, NULL, seen, room);
    cr_assert_eq(waitpid(child, &status, 0), child);
    close(terminal);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(prompt, a_terminal_does_not_show_what_is_typed)
{
    char seen[1024];
    cr_assert_eq(type_at_prompt(KEY "\n", seen, sizeof seen), 0, "%s", seen);
    cr_assert_not_null(strstr(seen, "key: "));
    cr_assert_null(strstr(seen, "sk-"), "%s", seen);
}

Test(prompt, ctrl_c_ends_the_program_with_the_terminal_as_it_was)
{
    char seen[1024];
    cr_assert_eq(type_at_prompt("sk-ha\003", seen, sizeof seen), -SIGINT, "%s", seen);
}
