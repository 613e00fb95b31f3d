/* SPDX-License-Identifier: MIT */
/* vault_rocks/secret.c - see vault_rocks/secret.h. */
#include "vault_rocks/secret.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "vault_rocks/guard.h"

/* systemd gives a service its credentials by an access list, whose mask shows as the group's
 * bits: there group-readable means readable by the service. */
static bool is_credential(const char *path)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    size_t len = folder ? strlen(folder) : 0;
    return len > 0 && strncmp(path, folder, len) == 0 && path[len] == '/' &&
           strstr(path + len, "..") == NULL;
}

enum byok_err byok_secret_check_mode(int fd, const char *path, struct byok_fault *fault)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "cannot read key file %s: %s", path,
                              strerror(errno));
    if (S_ISDIR(info.st_mode))
        return byok_fault_set(fault, BYOK_E_CONFIG, "key file %s is a folder", path);
    mode_t forbidden = is_credential(path) ? S_IRWXO : (mode_t)(S_IRWXG | S_IRWXO);
    if (info.st_mode & forbidden)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "key file %s may be used by group or others (mode %04o): "
                              "chmod 600 %s, and take the key for known to them",
                              path, (unsigned)(info.st_mode & 07777), path);
    return BYOK_E_OK;
}

/* Without the line end; false: nothing, or more than there is room for. */
static bool trim(char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
        text[--len] = '\0';
    return len > 0 && len < BYOK_SECRET_BYTES - 1 && strlen(text) == len;
}

static enum byok_err read_into(int fd, const char *path, char *text, struct byok_fault *fault)
{
    size_t len = 0;
    ssize_t got = 1;
    while (got > 0 && len < BYOK_SECRET_BYTES - 1) {
        do
            got = read(fd, text + len, BYOK_SECRET_BYTES - 1 - len);
        while (got < 0 && errno == EINTR);
        len += got > 0 ? (size_t)got : 0;
    }
    if (got < 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "cannot read key file %s: %s", path,
                              strerror(errno));
    if (!trim(text, len))
        return byok_fault_set(fault, BYOK_E_CONFIG, "key file %s is empty, binary or too long",
                              path);
    return BYOK_E_OK;
}

enum byok_err byok_secret_file(const char *path, char **out, struct byok_fault *fault)
{
    *out = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "cannot open key file %s: %s", path,
                              strerror(errno));
    enum byok_err err = byok_secret_check_mode(fd, path, fault);
    char *text = err == BYOK_E_OK ? byok_guard_new(BYOK_SECRET_BYTES, "a secret", fault) : NULL;
    if (err == BYOK_E_OK)
        err = text ? read_into(fd, path, text, fault) : BYOK_E_NOMEM;
    close(fd);
    if (err != BYOK_E_OK)
        byok_guard_free(text);
    else
        *out = text;
    return err;
}

enum byok_err byok_secret_env(const char *name, char **out, struct byok_fault *fault)
{
    char *value = getenv(name);
    *out = NULL;
    if (!value)
        return byok_fault_set(fault, BYOK_E_CONFIG, "the environment variable %s is not set", name);
    char *text = byok_guard_new(BYOK_SECRET_BYTES, "a secret", fault);
    size_t len = strlen(value);
    bool fits = text && len < BYOK_SECRET_BYTES - 1;
    if (fits)
        memcpy(text, value, len);
    sodium_memzero(value, len); /* in place: /proc/PID/environ shows it */
    unsetenv(name);
    if (!text)
        return BYOK_E_NOMEM;
    if (!fits || !trim(text, len)) {
        byok_guard_free(text);
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the environment variable %s is empty or too long", name);
    }
    *out = text;
    return BYOK_E_OK;
}

void byok_secret_free(char *secret)
{
    byok_guard_free(secret);
}
