/* SPDX-License-Identifier: MIT */
/* client/prompt.c - see client/prompt.h. */
#define _GNU_SOURCE /* ppoll */
#include "client/prompt.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <sodium.h>

/* While the terminal is silent these must not end the process and leave it so. */
static const int held_signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};

#define HELD (sizeof held_signals / sizeof held_signals[0])

static volatile sig_atomic_t came;

static void on_signal(int number)
{
    came = number;
}

struct quiet {
    int fd;
    struct termios before;
    struct sigaction actions[HELD];
    sigset_t mask; /* as it was; the held signals come only while we wait with it */
};

static void end_quiet(struct quiet *quiet)
{
    while (tcsetattr(quiet->fd, TCSAFLUSH, &quiet->before) != 0 && errno == EINTR)
        continue;
    for (size_t i = 0; i < HELD; i++)
        sigaction(held_signals[i], &quiet->actions[i], NULL);
    sigprocmask(SIG_SETMASK, &quiet->mask, NULL);
}

static bool begin_quiet(struct quiet *quiet, int fd)
{
    struct sigaction note;
    sigset_t held;
    memset(&note, 0, sizeof note);
    note.sa_handler = on_signal;
    sigemptyset(&note.sa_mask);
    sigemptyset(&held);
    quiet->fd = fd;
    came = 0;
    if (tcgetattr(fd, &quiet->before) != 0)
        return false;
    for (size_t i = 0; i < HELD; i++)
        sigaddset(&held, held_signals[i]);
    sigprocmask(SIG_BLOCK, &held, &quiet->mask);
    for (size_t i = 0; i < HELD; i++)
        sigaction(held_signals[i], &note, &quiet->actions[i]);
    struct termios silent = quiet->before;
    silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    if (tcsetattr(fd, TCSAFLUSH, &silent) == 0)
        return true;
    end_quiet(quiet);
    return false;
}

/* Until there is something to read; false: a signal came.  Signals are let in by ppoll alone, so
 * that none can come between the question for it and the wait. */
static bool wait_for_line(const struct quiet *quiet)
{
    struct pollfd ready = {.fd = quiet->fd, .events = POLLIN};
    while (came == 0) {
        int count = ppoll(&ready, 1, NULL, &quiet->mask);
        if (count > 0)
            return true;
        if (count < 0 && errno != EINTR)
            return false;
    }
    return false;
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t put = write(fd, text, len);
        if (put < 0)
            return; /* a prompt that cannot be shown is no reason to fail */
        text += put;
        len -= (size_t)put;
    }
}

/* One line into the slot's key, the rest of a longer one dropped. False: a signal, or an error. */
static bool read_line(int fd, struct byok_slot *slot, bool *too_long)
{
    char c = 0;
    ssize_t got;
    *too_long = false;
    while ((got = read(fd, &c, 1)) == 1 && c != '\n') {
        if (slot->len < BYOK_KEY_MAX)
            slot->key[slot->len++] = c;
        else if (c != '\r')
            *too_long = true;
    }
    sodium_memzero(&c, sizeof c);
    return got >= 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void trim(struct byok_slot *slot)
{
    size_t begin = 0, len = slot->len;
    while (len > 0 && is_blank(slot->key[len - 1]))
        len--;
    while (begin < len && is_blank(slot->key[begin]))
        begin++;
    memmove(slot->key, slot->key + begin, len - begin);
    slot->len = (uint32_t)(len - begin);
    sodium_memzero(slot->key + slot->len, sizeof slot->key - slot->len);
}

static enum byok_err refuse(struct byok_slot *slot, struct byok_fault *fault, enum byok_err code,
                            const char *why)
{
    sodium_memzero(slot, sizeof *slot);
    return byok_fault_set(fault, code, "%s", why);
}

static enum byok_err judge(struct byok_slot *slot, bool too_long, struct byok_fault *fault)
{
    trim(slot);
    if (too_long)
        return refuse(slot, fault, BYOK_E_KEY_INVALID,
                      "the key is longer than 512 bytes; was a whole file given?");
    if (slot->len == 0)
        return refuse(slot, fault, BYOK_E_KEY_INVALID,
                      "no key was given: type it at the prompt, or pipe it into standard input");
    if (slot->len < BYOK_KEY_MIN)
        return refuse(slot, fault, BYOK_E_KEY_INVALID, "the key is shorter than 8 bytes");
    if (!byok_slot_accepts((struct byok_str){slot->key, slot->len}))
        return refuse(slot, fault, BYOK_E_KEY_INVALID,
                      "the key has a space, a control character or a letter that is not ASCII; "
                      "was more than the key copied?");
    return BYOK_E_OK;
}

static enum byok_err ask_terminal(const char *question, struct byok_slot *slot, bool *too_long,
                                  struct byok_fault *fault)
{
    int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return refuse(slot, fault, BYOK_E_CONFIG,
                      "no terminal to ask at: pipe the key into standard input");
    struct quiet quiet = {0};
    bool ok = begin_quiet(&quiet, fd);
    if (ok) {
        say(fd, question);
        /* a terminal gives whole lines: when there is anything, there is a line */
        ok = wait_for_line(&quiet) && read_line(fd, slot, too_long);
        say(fd, "\n"); /* the one that was typed was not echoed */
        end_quiet(&quiet);
    }
    close(fd);
    if (came != 0) {
        int number = came;
        sodium_memzero(slot, sizeof *slot);
        came = 0;
        raise(number); /* with the action it had before; mostly that ends the process */
        return refuse(slot, fault, BYOK_E_CANCELLED, "interrupted; nothing was sent");
    }
    return ok ? BYOK_E_OK
              : refuse(slot, fault, BYOK_E_CONFIG,
                       "the terminal cannot be read without echo: pipe the key into standard "
                       "input");
}

enum byok_err byok_prompt_key(int in, const char *question, struct byok_slot *slot,
                              struct byok_fault *fault)
{
    bool too_long = false;
    sodium_memzero(slot, sizeof *slot);
    if (isatty(in)) {
        enum byok_err err = ask_terminal(question, slot, &too_long, fault);
        if (err != BYOK_E_OK)
            return err;
    } else if (!read_line(in, slot, &too_long)) {
        return refuse(slot, fault, BYOK_E_CONFIG, "standard input cannot be read");
    }
    return judge(slot, too_long, fault);
}
