/* SPDX-License-Identifier: MIT */
/* vault_rocks/keyring.c - master keys in guarded memory that is read-only between additions. */
#include "vault_rocks/keyring.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "vault_rocks/guard.h"
#include "vault_rocks/secret.h"

#define HEX_CHARS ((size_t)64)
#define BASE64_CHARS ((size_t)44)

struct byok_keyring {
    uint8_t keys[BYOK_KEYRING_MAX][BYOK_MASTER_KEY_BYTES];
    uint32_t ids[BYOK_KEYRING_MAX];
    uint32_t count;
    char realm[BYOK_REALM_MAX + 1];
};

/* Room for the longest form, its line end, and one byte more that tells that it is too long. */
struct key_text {
    char bytes[72];
};

enum byok_err byok_keyring_new(struct byok_keyring **out, struct byok_fault *fault)
{
    struct byok_fault why = {.code = BYOK_E_NOMEM};
    struct byok_keyring *ring = byok_guard_new(sizeof *ring, "the master keys", &why);
    if (!ring) {
        if (fault)
            *fault = why;
        return why.code;
    }
    sodium_mprotect_readonly(ring);
    *out = ring;
    return BYOK_E_OK;
}

void byok_keyring_free(struct byok_keyring *ring)
{
    byok_guard_free(ring);
}

static struct byok_str without_line_end(struct byok_str text)
{
    if (text.len == BYOK_MASTER_KEY_BYTES) /* a raw key may well end in a byte 10 */
        return text;
    if (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
        if (text.len != BYOK_MASTER_KEY_BYTES && text.len > 0 && text.ptr[text.len - 1] == '\r')
            text.len--;
    }
    return text;
}

/* `what` is the form's name when the length is one of the three and the characters are not. */
static bool decode(struct byok_str text, uint8_t out[static BYOK_MASTER_KEY_BYTES],
                   const char **what)
{
    const char *end = NULL;
    size_t len = 0;
    *what = NULL;
    if (text.len == BYOK_MASTER_KEY_BYTES) {
        memcpy(out, text.ptr, BYOK_MASTER_KEY_BYTES);
        return true;
    }
    if (text.len == HEX_CHARS) {
        *what = "hex digits";
        return sodium_hex2bin(out, BYOK_MASTER_KEY_BYTES, text.ptr, text.len, NULL, &len, &end) ==
                   0 &&
               len == BYOK_MASTER_KEY_BYTES;
    }
    if (text.len != BASE64_CHARS)
        return false;
    *what = "base64 characters";
    static const int variants[] = {sodium_base64_VARIANT_ORIGINAL, sodium_base64_VARIANT_URLSAFE};
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        if (sodium_base642bin(out, BYOK_MASTER_KEY_BYTES, text.ptr, text.len, NULL, &len, &end,
                              variants[i]) == 0 &&
            len == BYOK_MASTER_KEY_BYTES && end == text.ptr + text.len)
            return true;
    }
    return false;
}

static enum byok_err refuse_form(uint32_t id, struct byok_str text, const char *what,
                                 struct byok_fault *fault)
{
    static const char accepted[] = "a master key is 32 raw bytes, 64 hex digits or 44 base64 "
                                   "characters, a final newline allowed";
    if (what)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "master key %u: %zu bytes found, but they are not all %s; %s", id,
                              text.len, what, accepted);
    return byok_fault_set(fault, BYOK_E_CONFIG, "master key %u: %zu bytes found; %s", id, text.len,
                          accepted);
}

enum byok_err byok_keyring_add(struct byok_keyring *ring, uint32_t id, struct byok_str text,
                               struct byok_fault *fault)
{
    if (id == 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "a master key's id is a number from 1 on");
    if (byok_keyring_find(ring, id))
        return byok_fault_set(fault, BYOK_E_CONFIG, "two master keys have the id %u", id);
    if (ring->count == BYOK_KEYRING_MAX)
        return byok_fault_set(fault, BYOK_E_CONFIG, "more than %d master keys", BYOK_KEYRING_MAX);
    const char *what;
    struct byok_str key = without_line_end(text);
    sodium_mprotect_readwrite(ring);
    bool ok = decode(key, ring->keys[ring->count], &what);
    if (ok)
        ring->ids[ring->count++] = id;
    else /* what could be decoded of it */
        sodium_memzero(ring->keys[ring->count], BYOK_MASTER_KEY_BYTES);
    sodium_mprotect_readonly(ring);
    return ok ? BYOK_E_OK : refuse_form(id, key, what, fault);
}

/* Reads until the end or until the buffer is full. -1: errno. */
static ssize_t read_all(int fd, char *to, size_t room)
{
    size_t len = 0;
    while (len < room) {
        ssize_t n = read(fd, to + len, room - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        len += (size_t)n;
    }
    return (ssize_t)len;
}

static enum byok_err add_open_file(struct byok_keyring *ring, uint32_t id, int fd, const char *path,
                                   struct byok_fault *fault)
{
    enum byok_err err = byok_secret_check_mode(fd, path, fault);
    if (err)
        return err;
    struct byok_fault why = {.code = BYOK_E_NOMEM};
    struct key_text *text = byok_guard_new(sizeof *text, "reading a key", &why);
    if (!text) {
        if (fault)
            *fault = why;
        return why.code;
    }
    ssize_t len = read_all(fd, text->bytes, sizeof text->bytes);
    if (len < 0) {
        err = byok_fault_set(fault, BYOK_E_CONFIG, "cannot read key file %s: %s", path,
                             strerror(errno));
    } else {
        err = byok_keyring_add(ring, id, (struct byok_str){text->bytes, (size_t)len}, &why);
        if (err)
            byok_fault_set(fault, err, "file %s: %s%s", path, why.text,
                           (size_t)len == sizeof text->bytes ? " (or more)" : "");
    }
    byok_guard_free(text);
    return err;
}

enum byok_err byok_keyring_add_file(struct byok_keyring *ring, uint32_t id, const char *path,
                                    struct byok_fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return byok_fault_set(fault, BYOK_E_CONFIG, "cannot open key file %s: %s", path,
                              strerror(errno));
    enum byok_err err = add_open_file(ring, id, fd, path, fault);
    close(fd);
    return err;
}

enum byok_err byok_keyring_add_env(struct byok_keyring *ring, uint32_t id, const char *name,
                                   struct byok_fault *fault)
{
    char *value = getenv(name);
    if (!value)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "master key %u: the environment variable %s is not set", id, name);
    struct byok_fault why = {.code = BYOK_E_OK};
    enum byok_err err = byok_keyring_add(ring, id, byok_str_of(value), &why);
    if (err)
        byok_fault_set(fault, err, "environment variable %s: %s", name, why.text);
    /* In place: the string is on the initial stack, where /proc/PID/environ shows it.  A value
     * that was refused is wiped too, it may be a key with a slip in it. */
    sodium_memzero(value, strlen(value));
    unsetenv(name);
    return err;
}

const uint8_t *byok_keyring_find(const struct byok_keyring *ring, uint32_t id)
{
    for (uint32_t i = 0; i < ring->count; i++) {
        if (ring->ids[i] == id)
            return ring->keys[i];
    }
    return NULL;
}

uint32_t byok_keyring_primary(const struct byok_keyring *ring)
{
    return byok_keyring_id(ring, 0);
}

uint32_t byok_keyring_id(const struct byok_keyring *ring, uint32_t index)
{
    return index < ring->count ? ring->ids[index] : 0;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* The name of a new file is safe only when its folder is written too. */
static bool sync_folder_of(const char *path)
{
    char folder[4096] = ".";
    const char *slash = strrchr(path, '/');
    size_t len = slash ? (size_t)(slash - path) : 0;
    if (len >= sizeof folder) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (slash) {
        memcpy(folder, path, len ? len : 1);
        folder[len ? len : 1] = '\0';
    }
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    close(fd);
    return ok;
}

enum byok_err byok_keyring_make_file(const char *path, struct byok_fault *fault)
{
    struct secret {
        uint8_t key[BYOK_MASTER_KEY_BYTES];
        char hex[HEX_CHARS + 1]; /* the NUL's place takes the newline */
    };
    struct byok_fault why = {.code = BYOK_E_NOMEM};
    struct secret *secret = byok_guard_new(sizeof *secret, "a new master key", &why);
    if (!secret) {
        if (fault)
            *fault = why;
        return why.code;
    }
    enum byok_err err = BYOK_E_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
    if (fd < 0) {
        err = byok_fault_set(fault, BYOK_E_CONFIG, "cannot make key file %s: %s%s", path,
                             strerror(errno),
                             errno == EEXIST ? "; a key in use must never be overwritten" : "");
    } else {
        randombytes_buf(secret->key, sizeof secret->key);
        sodium_bin2hex(secret->hex, sizeof secret->hex, secret->key, sizeof secret->key);
        secret->hex[HEX_CHARS] = '\n';
        bool ok = fchmod(fd, 0600) == 0 && write_all(fd, secret->hex, sizeof secret->hex) &&
                  fsync(fd) == 0 && sync_folder_of(path);
        if (!ok) {
            err = byok_fault_set(fault, BYOK_E_CONFIG, "cannot write key file %s: %s", path,
                                 strerror(errno));
            unlink(path);
        }
        close(fd);
    }
    byok_guard_free(secret);
    return err;
}

enum byok_err byok_keyring_bind(struct byok_keyring *ring, struct byok_str realm,
                                struct byok_fault *fault)
{
    if (realm.len > BYOK_REALM_MAX)
        return byok_fault_set(fault, BYOK_E_CONFIG, "vault.realm is longer than %d bytes",
                              BYOK_REALM_MAX);
    sodium_mprotect_readwrite(ring);
    memset(ring->realm, 0, sizeof ring->realm);
    if (realm.len > 0)
        memcpy(ring->realm, realm.ptr, realm.len);
    sodium_mprotect_readonly(ring);
    return BYOK_E_OK;
}

struct byok_str byok_keyring_realm(const struct byok_keyring *ring)
{
    return byok_str_of(ring->realm);
}
