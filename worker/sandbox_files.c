/* SPDX-License-Identifier: MIT */
/* worker/sandbox_files.c - Landlock (landlock(7)): which files can be opened, and how.
 *
 * A rule is for a folder and all beneath it; nothing beneath can be taken out again.  So a folder
 * that a master key's file lies in gets no rule, but each of its entries, without that file.
 */
#define _GNU_SOURCE /* O_PATH, syscall */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "base/mem.h"
#include "worker/sandbox_parts.h"

/* Newer than Debian 12's header; linux/landlock.h of 6.10. */
#define ACCESS_TRUNCATE ((uint64_t)1 << 14)
#define ACCESS_IOCTL_DEV ((uint64_t)1 << 15)

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define OF_FILES                                                                                   \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |   \
     ACCESS_TRUNCATE | ACCESS_IOCTL_DEV)
#define WRITE                                                                                      \
    (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                        \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |  \
     LANDLOCK_ACCESS_FS_REFER | ACCESS_TRUNCATE)
#define SPLIT_MAX 64 /* folders with a master key beneath, taken apart */

/* Libraries, certificates, names of hosts, the machine's own data. */
static const char *const system_folders[] = {
    "/etc",  "/usr", "/lib",         "/lib64",      "/run", "/var/lib/ca-certificates",
    "/proc", "/sys", "/dev/urandom", "/dev/random",
};

struct rules {
    int fd;
    uint64_t handled;            /* the rights that this kernel's Landlock knows */
    char secret[BYOK_KEYRING_MAX + 3][PATH_MAX]; /* master keys, the stores' URL and keys */
    size_t secret_count;
    char split[SPLIT_MAX][PATH_MAX];
    size_t split_count;
};

static void add_secret(struct rules *rules, const char *path)
{
    if (path[0] != '\0' && rules->secret_count < sizeof rules->secret / sizeof rules->secret[0] &&
        realpath(path, rules->secret[rules->secret_count]))
        rules->secret_count++;
}

static void add_secrets(struct rules *rules, const struct byok_config *config)
{
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    add_secret(rules, config->vault.master_key_file);
    add_secret(rules, config->payloads.credentials_file);
    add_secret(rules, config->vault.store_url_file);
    for (size_t i = 0; i < config->vault.master_keys.count; i++) {
        const struct byok_config_master_key *key = &config->vault.master_keys.items[i];
        char path[PATH_MAX];
        if (key->file)
            add_secret(rules, key->file);
        if (key->credential && key->credential[0] != '\0' && folder &&
            snprintf(path, sizeof path, "%s/%s", folder, key->credential) < (int)sizeof path)
            add_secret(rules, path);
    }
}

/* Whether a secret is that path, or (`beneath`) lies beneath it. */
static bool holds_secret(const struct rules *rules, const char *path, bool beneath)
{
    size_t len = strcmp(path, "/") == 0 ? 0 : strlen(path);
    for (size_t i = 0; i < rules->secret_count; i++) {
        const char *secret = rules->secret[i];
        if (strncmp(secret, path, len) == 0 && secret[len] == (beneath ? '/' : '\0'))
            return true;
    }
    return false;
}

/* One rule; a path that is not there needs none, and a link is followed by nobody but `allow`. */
static void add_rule(const struct rules *rules, const char *path, uint64_t access)
{
    struct stat info;
    int fd = open(path, O_PATH | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return;
    if (fstat(fd, &info) == 0 && !S_ISLNK(info.st_mode)) {
        const struct landlock_path_beneath_attr rule = {
            .parent_fd = fd,
            .allowed_access =
                access & rules->handled & (S_ISDIR(info.st_mode) ? UINT64_MAX : OF_FILES),
        };
        (void)syscall(SYS_landlock_add_rule, rules->fd, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    }
    close(fd);
}

/* Reading of `path`, which has no link in it; folders to be taken apart are put on the pile. */
static void allow_or_split(struct rules *rules, const char *path)
{
    if (holds_secret(rules, path, false))
        return;
    if (!holds_secret(rules, path, true))
        add_rule(rules, path, READ);
    else if (rules->split_count < SPLIT_MAX)
        snprintf(rules->split[rules->split_count++], PATH_MAX, "%s", path);
}

static void split_folder(struct rules *rules, const char *folder)
{
    DIR *entries = opendir(folder);
    if (!entries)
        return;
    struct dirent *entry;
    while ((entry = readdir(entries))) {
        char path[PATH_MAX];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (snprintf(path, sizeof path, "%s/%s", strcmp(folder, "/") == 0 ? "" : folder,
                     entry->d_name) < (int)sizeof path)
            allow_or_split(rules, path);
    }
    closedir(entries);
}

static void allow_reading(struct rules *rules, const char *path)
{
    char real[PATH_MAX], folder[PATH_MAX];
    if (!realpath(path, real))
        return;
    allow_or_split(rules, real);
    while (rules->split_count > 0) {
        memcpy(folder, rules->split[--rules->split_count], sizeof folder);
        split_folder(rules, folder);
    }
}

/* A file that is replaced by a new one of the same name must stay readable: so its folder is. */
static void allow_folder_of(struct rules *rules, const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    if (path[0] != '/' ||
        snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path) >= (int)sizeof folder)
        return;
    struct stat info;
    bool is_folder = stat(path, &info) == 0 && S_ISDIR(info.st_mode);
    allow_reading(rules, is_folder ? path : folder);
}

/* Certificates, keys and tables of librdkafka: whatever value is a path. */
static void allow_properties(struct rules *rules, const struct byok_config_texts *properties)
{
    for (size_t i = 0; i < properties->count; i++) {
        const char *value = strchr(properties->items[i], '=');
        if (value && access(value + 1, F_OK) == 0)
            allow_folder_of(rules, value + 1);
    }
}

static void allow_all(struct rules *rules, const struct byok_config *config)
{
    char data[PATH_MAX];
    for (size_t i = 0; i < sizeof system_folders / sizeof system_folders[0]; i++)
        allow_reading(rules, system_folders[i]);
    for (size_t i = 0; i < config->providers.count; i++)
        allow_folder_of(rules, config->providers.items[i].ca_file);
    allow_folder_of(rules, config->payloads.ca_file);
    allow_properties(rules, &config->kafka.properties);
    allow_properties(rules, &config->kafka.consumer_properties);
    allow_properties(rules, &config->kafka.producer_properties);
    allow_reading(rules, "/proc/self/exe"); /* a sanitizer's report names functions by it */
    for (size_t i = 0; i < config->sandbox.readable.count; i++)
        allow_reading(rules, config->sandbox.readable.items[i]);
    add_rule(rules, "/dev/null", READ | LANDLOCK_ACCESS_FS_WRITE_FILE);
    if (realpath(config->data_dir, data))
        add_rule(rules, data, WRITE);
    if (config->payloads.folder[0] != '\0' && realpath(config->payloads.folder, data))
        add_rule(rules, data, WRITE);
}

/* Every right that version `abi` knows: what is known and not allowed is refused. */
static uint64_t rights_of(int abi)
{
    uint64_t bits = abi >= 5 ? 16 : abi >= 3 ? 15 : abi == 2 ? 14 : 13;
    return ((uint64_t)1 << bits) - 1;
}

enum byok_err byok_sandbox_files(const struct byok_config *config, int *abi,
                                 struct byok_fault *fault)
{
    *abi = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (*abi < 1) { /* ENOSYS: not built in; EOPNOTSUPP: not switched on; EPERM: a container */
        *abi = 0;
        return BYOK_E_OK;
    }
    struct rules *rules = byok_new(1, sizeof *rules);
    if (!rules)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the sandbox");
    rules->handled = rights_of(*abi);
    const struct landlock_ruleset_attr attr = {.handled_access_fs = rules->handled};
    rules->fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
    bool ok = rules->fd >= 0;
    if (ok) {
        add_secrets(rules, config);
        allow_all(rules, config);
        ok = syscall(SYS_landlock_restrict_self, rules->fd, 0) == 0;
    }
    int error = errno;
    if (rules->fd >= 0)
        close(rules->fd);
    byok_delete(rules);
    return ok ? BYOK_E_OK
              : byok_fault_set(fault, BYOK_E_CONFIG, "Landlock cannot be set: %s", strerror(error));
}
