/* SPDX-License-Identifier: MIT */
/* client/key_batch.c - `byok key add --batch`: the keys of many users, e.g. from another system. */
#include "client/key_parts.h"

#include <errno.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include <sodium.h>

#include "base/limits.h"
#include "client/bulk.h"
#include "client/prompt.h"

enum user_line { USER, NO_USER, NO_MORE };

struct batch {
    const struct byok_key_flags *flags;
    struct byok_vault_key vault;
    struct byok_slot *slot;
    struct byok_bulk *bulk;
    struct byok_arena arena; /* of one line */
    int fd;
    size_t line;
};

/* Up to the tab, byte by byte: what follows must be read by nobody but the prompt.  A line without
 * a tab may be a key, so what was read of it is wiped. */
static enum user_line read_user(int fd, char user[static BYOK_USER_MAX + 1])
{
    size_t len = 0;
    char c = 0;
    ssize_t got;
    bool too_long = false;
    while ((got = read(fd, &c, 1)) == 1 && c != '\t' && c != '\n') {
        if (len < BYOK_USER_MAX)
            user[len++] = c;
        else
            too_long = true;
    }
    user[len] = '\0';
    if (got == 1 && c == '\t' && len > 0 && !too_long)
        return USER;
    bool nothing = got != 1 && len == 0;
    sodium_memzero(user, BYOK_USER_MAX + 1);
    while (got == 1 && c != '\n')
        got = read(fd, &c, 1);
    return nothing ? NO_MORE : NO_USER;
}

static enum byok_err register_one(struct batch *batch, const char *user, struct byok_fault *fault)
{
    struct byok_str envelope;
    struct byok_job job;
    byok_arena_done(&batch->arena);
    enum byok_err err = byok_prompt_key(batch->fd, "", batch->slot, fault);
    if (err == BYOK_E_OK)
        err = byok_key_seal(&batch->arena, batch->flags, user, &batch->vault, batch->slot,
                            &envelope, fault);
    sodium_memzero(batch->slot, sizeof *batch->slot);
    if (err == BYOK_E_OK)
        err = byok_key_request(&batch->arena, batch->flags, user, "key.register", envelope, &job,
                               fault);
    if (err == BYOK_E_OK)
        err = byok_bulk_send(batch->bulk, batch->line, &job, fault);
    return err;
}

static enum byok_exit register_all(struct batch *batch, struct byok_fault *fault)
{
    char user[BYOK_USER_MAX + 1];
    enum byok_err err = BYOK_E_OK;
    enum user_line got;
    while (err == BYOK_E_OK && (got = read_user(batch->fd, user)) != NO_MORE) {
        batch->line++;
        if (got == NO_USER) {
            byok_bulk_refuse(batch->bulk, batch->line, "it is not a user, a tab and a key");
            continue;
        }
        err = register_one(batch, user, fault);
        if (err != BYOK_E_OK && err != BYOK_E_BROKER) {
            byok_bulk_refuse(batch->bulk, batch->line, fault->text);
            err = BYOK_E_OK;
        }
        byok_bulk_turn(batch->bulk);
    }
    return byok_bulk_end(batch->bulk, err, fault);
}

static enum byok_exit with_slot(struct byok_cli *cli, struct batch *batch)
{
    struct byok_fault fault;
    struct byok_slots *slots = NULL;
    if (byok_vault_key_find(&cli->arena, batch->flags->vault_key, &batch->vault, &fault) !=
            BYOK_E_OK ||
        byok_slots_new(1, &slots, &fault) != BYOK_E_OK)
        return byok_cli_fault(cli, &fault);
    batch->slot = byok_slots_lease(slots);
    enum byok_err err = byok_bulk_new(cli, batch->flags->wait, &batch->bulk, &fault);
    enum byok_exit code =
        err == BYOK_E_OK ? register_all(batch, &fault) : byok_cli_fault(cli, &fault);
    byok_bulk_free(batch->bulk);
    byok_slots_release(slots, &batch->slot);
    byok_slots_free(slots);
    return code;
}

enum byok_exit byok_key_batch(struct byok_cli *cli, const struct byok_key_flags *flags)
{
    struct batch batch = {.flags = flags};
    bool given = strcmp(flags->batch, "-") == 0;
    batch.fd = given ? cli->in : open(flags->batch, O_RDONLY | O_CLOEXEC);
    if (batch.fd < 0)
        return byok_cli_misused(cli, "cannot open '%.200s': %s", flags->batch, strerror(errno));
    enum byok_exit code =
        isatty(batch.fd)
            ? byok_cli_misused(cli, "the list comes from a file or a pipe, not from a terminal")
            : with_slot(cli, &batch);
    byok_arena_done(&batch.arena);
    if (!given)
        close(batch.fd);
    return code;
}
