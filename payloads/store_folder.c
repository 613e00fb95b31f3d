/* SPDX-License-Identifier: MIT */
/* payloads/store_folder.c - a folder, local or shared: FOLDER/<owner>/<hash>.
 *
 * A file is written beside its place under a name of its own, brought to the disk and renamed, so
 * there is never half a payload.  The names are hex digits (schemas/payload.h) and every step is
 * taken from an open folder without following links, so nothing outside is reached whatever lies in
 * it.  What is made may be used by the folder's group: who may come near it the folder itself says.
 */
#define _GNU_SOURCE /* O_NOFOLLOW and O_DIRECTORY with POSIX names of 2008 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "base/mem.h"
#include "payloads/store.h"

#define SPARE_BYTES 40
#define TRIES 100 /* a sweep may take the empty folder of an owner away, at any moment */
#define OPEN_FOLDER (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

struct folder {
    struct byok_payload_store store;
    int fd;
};

static const char *hash_of(const struct byok_payload_ref *ref)
{
    return ref->name + BYOK_PAYLOAD_OWNER_CHARS + 1;
}

static enum byok_err failed(struct byok_fault *fault, const char *what)
{
    const bool full = errno == ENOSPC || errno == EDQUOT;
    return byok_fault_set(fault, BYOK_E_STORE, "the payload folder: %s: %s%s", what,
                          strerror(errno), full ? " (make room, or lower payloads.keep_s)" : "");
}

/* ---- open and close ---- */

static enum byok_err open_folder(const struct byok_payload_options *options,
                                 struct byok_payload_store **out, struct byok_fault *fault)
{
    const char *path = options->folder ? options->folder : "";
    if (path[0] == '\0')
        return byok_fault_set(fault, BYOK_E_CONFIG, "the payload store folder needs a folder");
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return byok_fault_set(fault, BYOK_E_CONFIG, "the payload folder %.200s cannot be made: %s",
                              path, strerror(errno));
    struct folder *folder = byok_new(1, sizeof *folder);
    if (!folder)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the payload store");
    folder->store.ops = &byok_payload_store_folder;
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0 || faccessat(folder->fd, ".", R_OK | X_OK, 0) != 0) {
        byok_fault_set(fault, BYOK_E_CONFIG, "the payload folder %.200s cannot be used: %s", path,
                       strerror(errno));
        if (folder->fd >= 0)
            close(folder->fd);
        byok_delete(folder);
        return BYOK_E_CONFIG;
    }
    *out = &folder->store;
    return BYOK_E_OK;
}

static void close_folder(struct byok_payload_store *store)
{
    struct folder *folder = (struct folder *)(void *)store;
    close(folder->fd);
    byok_delete(folder);
}

/* ---- put ---- */

static bool write_all(int fd, struct byok_str bytes)
{
    while (bytes.len > 0) {
        ssize_t put = write(fd, bytes.ptr, bytes.len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return false;
        bytes.ptr += put;
        bytes.len -= (size_t)put;
    }
    return true;
}

/* As it may be used by the group, whatever the process' mask is; set-group-ID stays. */
static void open_to_group(int fd, mode_t mode)
{
    struct stat info;
    if (fstat(fd, &info) == 0)
        (void)fchmod(fd, (info.st_mode & 07777) | mode);
}

static void name_spare(char out[static SPARE_BYTES])
{
    unsigned char random[12];
    char hex[2 * sizeof random + 1];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(hex, sizeof hex, random, sizeof random);
    snprintf(out, SPARE_BYTES, ".%s.tmp", hex);
}

/* The owner's folder, made when it is not there; -1: errno. */
static int open_owner(const struct folder *folder, const struct byok_payload_ref *ref, bool make)
{
    char owner[BYOK_PAYLOAD_OWNER_CHARS + 1];
    memcpy(owner, ref->name, BYOK_PAYLOAD_OWNER_CHARS);
    owner[BYOK_PAYLOAD_OWNER_CHARS] = '\0';
    bool made = make && mkdirat(folder->fd, owner, 0770) == 0;
    if (make && !made && errno != EEXIST)
        return -1;
    int fd = openat(folder->fd, owner, OPEN_FOLDER);
    if (fd >= 0 && made)
        open_to_group(fd, 0770);
    return fd;
}

/* A new file of the content in that folder, on the disk; false: errno, and there is none. */
static bool write_spare(int owner, const char *name, struct byok_str content)
{
    int fd = openat(owner, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0660);
    if (fd < 0)
        return false;
    open_to_group(fd, 0660);
    bool done = write_all(fd, content) && fsync(fd) == 0;
    int why = errno;
    close(fd);
    if (!done)
        (void)unlinkat(owner, name, 0);
    errno = why;
    return done;
}

static enum byok_err put_into(const struct folder *folder, int owner,
                              const struct byok_payload_ref *ref, struct byok_str content,
                              struct byok_fault *fault)
{
    char spare[SPARE_BYTES];
    name_spare(spare);
    if (!write_spare(owner, spare, content))
        return failed(fault, "a payload cannot be written");
    if (renameat(owner, spare, owner, hash_of(ref)) != 0) {
        enum byok_err err = failed(fault, "a payload cannot be put into its place");
        (void)unlinkat(owner, spare, 0);
        return err;
    }
    /* the folder's own entry too: it may have been made a moment ago, by anybody */
    if (fsync(owner) != 0 || fsync(folder->fd) != 0)
        return failed(fault, "a payload cannot be brought to the disk");
    return BYOK_E_OK;
}

static enum byok_err put(struct byok_payload_store *store, const struct byok_payload_ref *ref,
                         struct byok_str content, struct byok_fault *fault)
{
    const struct folder *folder = (const struct folder *)(const void *)store;
    for (int i = 1;; i++) {
        struct byok_fault last = *fault; /* what a try says that is made again is not told */
        int owner = open_owner(folder, ref, true);
        enum byok_err err = owner < 0 ? failed(&last, "a user's folder cannot be made")
                                      : put_into(folder, owner, ref, content, &last);
        bool gone = err != BYOK_E_OK && errno == ENOENT;
        if (owner >= 0)
            close(owner);
        if (gone && i < TRIES)
            continue;
        *fault = last;
        return err;
    }
}

/* ---- get ---- */

static enum byok_err missing(struct byok_fault *fault)
{
    if (errno == ENOENT)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "the payload is not in the store");
    if (errno == ELOOP || errno == ENOTDIR)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "the payload is no plain file");
    return failed(fault, "a payload cannot be opened");
}

static enum byok_err check_file(int fd, const struct byok_payload_ref *ref,
                                struct byok_fault *fault)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return failed(fault, "a payload cannot be looked at");
    if (!S_ISREG(info.st_mode))
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "the payload is no plain file");
    if ((uint64_t)info.st_size != ref->size)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "the payload in the store has %lld bytes, its reference says %llu",
                              (long long)info.st_size, (unsigned long long)ref->size);
    return BYOK_E_OK;
}

static enum byok_err open_object(struct byok_payload_store *store,
                                 const struct byok_payload_ref *ref, int *out,
                                 struct byok_fault *fault)
{
    const struct folder *folder = (const struct folder *)(const void *)store;
    int owner = open_owner(folder, ref, false);
    if (owner < 0)
        return missing(fault);
    /* no waiting for whoever writes into a pipe of that name */
    int fd = openat(owner, hash_of(ref), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    enum byok_err err = fd < 0 ? missing(fault) : check_file(fd, ref, fault);
    close(owner);
    if (err == BYOK_E_OK)
        *out = fd;
    else if (fd >= 0)
        close(fd);
    return err;
}

/* ---- sweep ---- */

static bool is_old(int owner, const char *name, int64_t before_s)
{
    struct stat info;
    return fstatat(owner, name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode) &&
           (int64_t)info.st_mtime < before_s;
}

/* Taken aside first and looked at once more: it may have been written anew a moment ago. */
static bool remove_old(int owner, const char *name, int64_t before_s)
{
    char spare[SPARE_BYTES];
    if (!is_old(owner, name, before_s))
        return false;
    name_spare(spare);
    if (renameat(owner, name, owner, spare) != 0)
        return false;
    if (!is_old(owner, spare, before_s)) {
        (void)renameat(owner, spare, owner, name); /* the same content, whoever was faster */
        return false;
    }
    return unlinkat(owner, spare, 0) == 0;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* A stream of entries that closes the descriptor with itself; NULL: none, and it is closed. */
static DIR *entries_of(int fd)
{
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (fd >= 0 && !entries)
        close(fd);
    return entries;
}

static int64_t sweep_owner(int parent, const char *name, int64_t before_s)
{
    int64_t removed = 0;
    DIR *entries = entries_of(openat(parent, name, OPEN_FOLDER));
    for (const struct dirent *entry; entries && (entry = readdir(entries));)
        removed += !is_dots(entry->d_name) && remove_old(dirfd(entries), entry->d_name, before_s);
    if (entries)
        closedir(entries);
    (void)unlinkat(parent, name, AT_REMOVEDIR); /* when it is empty */
    return removed;
}

static int64_t sweep(struct byok_payload_store *store, int64_t before_s)
{
    const struct folder *folder = (const struct folder *)(const void *)store;
    int64_t removed = 0;
    DIR *owners = entries_of(openat(folder->fd, ".", OPEN_FOLDER));
    for (const struct dirent *owner; owners && (owner = readdir(owners));) {
        if (strlen(owner->d_name) == BYOK_PAYLOAD_OWNER_CHARS)
            removed += sweep_owner(folder->fd, owner->d_name, before_s);
    }
    if (owners)
        closedir(owners);
    return removed;
}

const struct byok_payload_store_ops byok_payload_store_folder = {
    .name = "folder",
    .open = open_folder,
    .close = close_folder,
    .put = put,
    .open_object = open_object,
    .sweep = sweep,
};
