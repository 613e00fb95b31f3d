/* SPDX-License-Identifier: MIT */
/* vault_rocks/keyring_command.c - master keys from a command and from systemd's credentials. */
#include "vault_rocks/keyring.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sodium.h>

#include "base/mem.h"
#include "vault_rocks/guard.h"

#define COMMAND_MS 30000 /* a key service far away; a start must not hang for ever */

extern char **environ;

/* Room for the longest form, its line end, and one byte more that tells that it is too long. */
struct key_text {
    char bytes[72];
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until there is something to read; false: out of time. */
static bool wait_readable(int fd, int64_t until_ms)
{
    for (;;) {
        int64_t left_ms = until_ms - now_ms();
        struct pollfd one = {.fd = fd, .events = POLLIN};
        int ready = left_ms > 0 ? poll(&one, 1, (int)left_ms) : 0;
        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

/* Reads to the end of the output.  -1: it cannot be read or does not end in time (errno). */
static ssize_t read_output(int fd, char *to, size_t room, int64_t until_ms)
{
    size_t len = 0;
    for (;;) {
        char more; /* behind the room: only whether there is any */
        if (!wait_readable(fd, until_ms)) {
            errno = ETIMEDOUT;
            return -1;
        }
        ssize_t n = len < room ? read(fd, to + len, room - len) : read(fd, &more, 1);
        if (n < 0 && errno != EINTR)
            return -1;
        if (n == 0 || (n > 0 && len == room))
            return (ssize_t)len;
        len += n > 0 ? (size_t)n : 0;
    }
}

/* Whether a line of the environment is the worker's own: its settings hold keys and passwords. */
static bool is_own(const char *line, const char *const *secrets)
{
    bool own = strncmp(line, "BYOKD_", 6) == 0;
    for (; !own && *secrets; secrets++) {
        size_t len = strlen(*secrets);
        own = len > 0 && strncmp(line, *secrets, len) == 0 && line[len] == '=';
    }
    return own;
}

/* What a command is to see; NULL: no memory.  The texts stay environ's. */
static char **environment(const char *const *secrets)
{
    size_t count = 0, kept = 0;
    while (environ[count])
        count++;
    char **copy = byok_new(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        if (!is_own(environ[i], secrets))
            copy[kept++] = environ[i];
    }
    return copy;
}

/* /bin/sh -c command, its output into `out`; 0 or an errno. */
static int start(const char *command, const char *const *secrets, int out, pid_t *pid)
{
    char shell[] = "/bin/sh", option[] = "-c";
    char *copy = byok_new(1, strlen(command) + 1);
    char *const argv[] = {shell, option, copy, NULL};
    char **const env = environment(secrets);
    posix_spawn_file_actions_t actions;
    if (copy)
        memcpy(copy, command, strlen(command));
    int err = copy && env ? posix_spawn_file_actions_init(&actions) : ENOMEM;
    if (err == 0) {
        err = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
        if (err == 0)
            err =
                posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (err == 0)
            err = posix_spawn(pid, shell, &actions, NULL, argv, env);
        posix_spawn_file_actions_destroy(&actions);
    }
    byok_delete(env);
    byok_delete(copy);
    return err;
}

static int end(pid_t pid, bool kill_it)
{
    int status = 0;
    if (kill_it)
        (void)kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

/* The command's output as the key; it has been started. */
static enum byok_err take_output(struct byok_keyring *ring, uint32_t id, int fd, pid_t pid,
                                 struct byok_fault *fault)
{
    struct byok_fault why = {.code = BYOK_E_NOMEM};
    struct key_text *text = byok_guard_new(sizeof *text, "reading a key", &why);
    if (!text) {
        (void)end(pid, true);
        return byok_fault_set(fault, why.code, "%s", why.text);
    }
    ssize_t len = read_output(fd, text->bytes, sizeof text->bytes, now_ms() + COMMAND_MS);
    int error = errno;
    int status = end(pid, len < 0 || (size_t)len == sizeof text->bytes);
    enum byok_err err = BYOK_E_CONFIG;
    if (len < 0)
        byok_fault_set(fault, err, "the command of master key %u: no end of its output: %s", id,
                       strerror(error));
    else if ((size_t)len < sizeof text->bytes && status != 0)
        byok_fault_set(fault, err, "the command of master key %u failed (%s %d)", id,
                       WIFSIGNALED(status) ? "signal" : "exit status",
                       WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    else if ((err = byok_keyring_add(ring, id, (struct byok_str){text->bytes, (size_t)len},
                                     &why)) != BYOK_E_OK)
        byok_fault_set(fault, err, "the output of a command: %s%s", why.text,
                       (size_t)len == sizeof text->bytes ? " (or more)" : "");
    byok_guard_free(text);
    return err;
}

enum byok_err byok_keyring_add_command(struct byok_keyring *ring, uint32_t id, const char *command,
                                       const char *const *secrets, struct byok_fault *fault)
{
    int ends[2];
    pid_t pid = 0;
    if (pipe(ends) != 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "no pipe for the command of master key %u: %s",
                              id, strerror(errno));
    for (int i = 0; i < 2; i++)
        (void)fcntl(ends[i], F_SETFD, FD_CLOEXEC);
    int error = start(command, secrets, ends[1], &pid);
    close(ends[1]);
    enum byok_err err = error == 0
                            ? take_output(ring, id, ends[0], pid, fault)
                            : byok_fault_set(fault, BYOK_E_CONFIG,
                                             "the command of master key %u cannot be started: %s",
                                             id, strerror(error));
    close(ends[0]);
    return err;
}

enum byok_err byok_keyring_add_credential(struct byok_keyring *ring, uint32_t id, const char *name,
                                          struct byok_fault *fault)
{
    char path[4096];
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (!folder || folder[0] != '/')
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "master key %u: there are no credentials (CREDENTIALS_DIRECTORY is "
                              "not set): start byokd by systemd with LoadCredential= or "
                              "LoadCredentialEncrypted=%s:FILE",
                              id, name);
    if (strchr(name, '/') || name[0] == '.')
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "master key %u: a credential's name has no \"/\" and no \".\" in "
                              "front",
                              id);
    int len = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (len < 0 || (size_t)len >= sizeof path)
        return byok_fault_set(fault, BYOK_E_CONFIG, "master key %u: too long a name", id);
    return byok_keyring_add_file(ring, id, path, fault);
}
