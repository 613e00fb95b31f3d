/* SPDX-License-Identifier: MIT */
/* tests/unit/client/test_prompt.c - a key from a pipe and from a terminal.
 *
 * A plain program, since it forks and the children are killed.
 */
#define _GNU_SOURCE /* forkpty, posix_openpt */
#include "client/prompt.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signal.h>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

#define KEY "sk-test-0123456789abcdefghijklmnopqrstuvwxyzABCDEF"

static struct byok_slots *slots;
static struct byok_slot *slot;
static struct byok_fault fault;

static void begin(void)
{
    assert(sodium_init() >= 0);
    assert(byok_slots_new(1, &slots, &fault) == BYOK_E_OK);
    slot = byok_slots_lease(slots);
}

static void end(void)
{
    byok_slots_release(slots, &slot);
    byok_slots_free(slots);
}

static enum byok_err from_pipe(const char *text, size_t len)
{
    int ends[2];
    assert(pipe(ends) == 0);
    assert(write(ends[1], text, len) == (ssize_t)len);
    close(ends[1]);
    enum byok_err err = byok_prompt_key(ends[0], "? ", slot, &fault);
    close(ends[0]);
    return err;
}

static bool is_wiped(void)
{
    return sodium_is_zero((const unsigned char *)slot, sizeof *slot) == 1;
}

static void the_first_line_of_a_pipe_is_the_key(void)
{
    static const char *const inputs[] = {KEY, KEY "\n", "  " KEY " \r\n", KEY "\nsecond line\n"};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        assert(from_pipe(inputs[i], strlen(inputs[i])) == BYOK_E_OK);
        assert(strcmp(slot->key, KEY) == 0);
        assert(slot->len == strlen(KEY));
    }
}

static void what_cannot_be_a_key_is_refused_and_wiped(void)
{
    static const char *const inputs[] = {"", "\n", "tiny", "sk-with a space in it",
                                         "sk-\xc3\xa4\xc3\xb6\xc3\xbc-umlauts"};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        assert(from_pipe(inputs[i], strlen(inputs[i])) == BYOK_E_KEY_INVALID);
        assert(is_wiped());
        assert(inputs[i][0] < ' ' || !strstr(fault.text, inputs[i]));
    }
    char large[600];
    memset(large, 'a', sizeof large);
    assert(from_pipe(large, sizeof large) == BYOK_E_KEY_INVALID);
    assert(strstr(fault.text, "longer than 512"));
    assert(is_wiped());
}

/* In the child of a pty: ask, and say how it went in the exit code. */
static void ask_and_exit(void)
{
    (void)signal(SIGINT, SIG_DFL); /* a test in the background has it ignored */
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
    assert(child >= 0);
    if (child == 0)
        ask_and_exit();
    read_until(terminal, "key: ", seen, room); /* the echo is off before it asks */
    assert(write(terminal, typed, strlen(typed)) == (ssize_t)strlen(typed));
    read_until(terminal, NULL, seen, room);
    assert(waitpid(child, &status, 0) == child);
    close(terminal);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void a_terminal_does_not_show_what_is_typed(void)
{
    char seen[1024];
    assert(type_at_prompt(KEY "\n", seen, sizeof seen) == 0);
    assert(strstr(seen, "key: "));
    assert(!strstr(seen, "sk-"));
}

static void ctrl_c_ends_the_program_with_the_terminal_as_it_was(void)
{
    char seen[1024];
    assert(type_at_prompt("sk-ha\003", seen, sizeof seen) == -SIGINT);
}

int main(void)
{
    static void (*const tests[])(void) = {
        the_first_line_of_a_pipe_is_the_key,
        what_cannot_be_a_key_is_refused_and_wiped,
        a_terminal_does_not_show_what_is_typed,
        ctrl_c_ends_the_program_with_the_terminal_as_it_was,
    };
    size_t count = sizeof tests / sizeof tests[0];
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal < 0) {
        puts("this machine has no pseudo-terminals: only pipes are tried");
        count = 2;
    } else {
        close(terminal);
    }
    for (size_t i = 0; i < count; i++) {
        begin();
        tests[i]();
        end();
    }
    return 0;
}
