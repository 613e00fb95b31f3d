/* SPDX-License-Identifier: MIT */
/* client/payloads.c - see client/payloads.h. */
#include "client/payloads.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <fcntl.h>
#include <unistd.h>

#include "client/call.h"
#include "client/transfer.h"
#include "payloads/reader.h"
#include "schemas/codec.h"
#include "schemas/payload.h"

#define DEFAULT_REGION "us-east-1"
#define PATH_BYTES 4096

bool byok_payloads_given(const struct byok_cli *cli)
{
    return cli->set.payloads && cli->set.payloads[0] != '\0';
}

/* ---- the store ---- */

/* "folder:PATH", "s3:http(s)://HOST/BUCKET". */
static enum byok_err read_options(struct byok_cli *cli, struct byok_payload_options *out,
                                  struct byok_fault *fault)
{
    const char *where = cli->set.payloads, *region = getenv("BYOK_PAYLOADS_REGION");
    const char *slash = strncmp(where, "s3:", 3) == 0 ? strrchr(where, '/') : NULL;
    *out = (struct byok_payload_options){.region = region && *region ? region : DEFAULT_REGION};
    if (strncmp(where, "folder:", 7) == 0 && where[7] != '\0') {
        out->store = "folder";
        out->folder = where + 7;
        return BYOK_E_OK;
    }
    if (!slash)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "--payloads takes folder:PATH or s3:https://HOST/BUCKET");
    const struct byok_str endpoint = {where + 3, (size_t)(slash - where) - 3};
    out->store = "s3";
    out->endpoint = byok_arena_copy(&cli->arena, endpoint).ptr;
    out->bucket = slash + 1;
    out->credentials = getenv("BYOK_PAYLOADS_CREDENTIALS");
    return out->endpoint ? BYOK_E_OK
                         : byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the payload store");
}

static enum byok_err open_store(struct byok_cli *cli, struct byok_payload_store **out,
                                struct byok_fault *fault)
{
    struct byok_payload_options options;
    enum byok_err err = read_options(cli, &options, fault);
    return err == BYOK_E_OK ? byok_payload_store_open(&options, out, fault) : err;
}

static enum byok_err put(struct byok_cli *cli, struct byok_payload_store *store,
                         const struct byok_payload_ref *ref, struct byok_str content,
                         struct byok_fault *fault)
{
    struct byok_payload_request request;
    BYOK_AUTO(byok_buf) answer = {.cap_bytes = BYOK_PAYLOAD_BYTES_MAX};
    if (store->ops->put)
        return store->ops->put(store, ref, content, fault);
    enum byok_err err = store->ops->request(store, true, ref, &cli->arena, &request, fault);
    return err == BYOK_E_OK ? byok_transfer(&request, content, &answer, fault) : err;
}

static enum byok_err read_object(struct byok_payload_store *store,
                                 const struct byok_payload_ref *ref, struct byok_buf *out,
                                 struct byok_fault *fault)
{
    struct byok_payload_reader reader;
    enum byok_err err = byok_payload_reader_open(&reader, store, ref, fault);
    if (err == BYOK_E_OK)
        err = byok_payload_reader_keep(&reader, ref->size, (size_t)ref->size, out, fault);
    byok_payload_reader_done(&reader);
    return err;
}

/* The content, checked. */
static enum byok_err get(struct byok_cli *cli, struct byok_payload_store *store,
                         const struct byok_payload_ref *ref, struct byok_buf *out,
                         struct byok_fault *fault)
{
    struct byok_payload_request request;
    const struct byok_str nothing = {NULL, 0};
    if (ref->size > BYOK_PAYLOAD_BYTES_MAX)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST, "a payload of more than %zu bytes",
                              BYOK_PAYLOAD_BYTES_MAX);
    byok_buf_init(out, (size_t)ref->size);
    if (store->ops->open_object)
        return read_object(store, ref, out, fault);
    enum byok_err err = store->ops->request(store, false, ref, &cli->arena, &request, fault);
    if (err == BYOK_E_OK)
        err = byok_transfer(&request, nothing, out, fault);
    return err == BYOK_E_OK ? byok_payload_verify(ref, byok_buf_str(out), fault) : err;
}

/* ---- a job's content ---- */

struct putting {
    struct byok_cli *cli;
    struct byok_payload_store *store;
    struct byok_str user;
    struct byok_fault *fault;
    enum byok_err err;
};

static void put_one(void *arg, const struct byok_value *owner, struct byok_value *place)
{
    struct putting *putting = arg;
    struct byok_payload_ref ref = {.type = {NULL, 0}};
    (void)owner;
    if (putting->err != BYOK_E_OK || place->type != BYOK_VALUE_BYTES ||
        place->as.str.len <= BYOK_PAYLOAD_INLINE_MAX)
        return;
    byok_payload_identify(putting->user, place->as.str, &ref);
    if (!putting->store)
        putting->err = open_store(putting->cli, &putting->store, putting->fault);
    if (putting->err == BYOK_E_OK)
        putting->err = put(putting->cli, putting->store, &ref, place->as.str, putting->fault);
    if (putting->err == BYOK_E_OK)
        *place = byok_payload_value(&putting->cli->arena, &ref);
}

enum byok_err byok_payloads_put(struct byok_cli *cli, struct byok_value *job,
                                struct byok_fault *fault)
{
    struct putting putting = {
        .cli = cli, .user = byok_value_as_str(byok_value_find(job, "user")), .fault = fault};
    if (byok_payloads_given(cli))
        byok_payload_each_input(job, put_one, &putting);
    byok_payload_store_close(putting.store);
    if (putting.err == BYOK_E_OK && byok_arena_failed(&cli->arena))
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the request");
    return putting.err;
}

/* ---- an answer's content ---- */

struct writing {
    struct byok_cli *cli;
    struct byok_payload_store *store;
    struct byok_str user;
    const char *path;
    unsigned count, of; /* files written, and to be written */
    struct byok_fault *fault;
    enum byok_err err;
};

static bool write_all(int fd, struct byok_str bytes)
{
    while (bytes.len > 0) {
        ssize_t done = write(fd, bytes.ptr, bytes.len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        bytes.ptr += done;
        bytes.len -= (size_t)done;
    }
    return true;
}

static enum byok_err write_file(struct writing *writing, struct byok_str content)
{
    char path[PATH_BYTES];
    int len = writing->of > 1
                  ? snprintf(path, sizeof path, "%s.%u", writing->path, writing->count + 1)
                  : snprintf(path, sizeof path, "%s", writing->path);
    errno = ENAMETOOLONG;
    int fd = len > 0 && (size_t)len < sizeof path
                 ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)
                 : -1;
    bool ok = fd >= 0 && write_all(fd, content);
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && ok) {
        ok = false;
        why = errno;
    }
    if (!ok)
        return byok_fault_set(writing->fault, BYOK_E_BAD_REQUEST, "cannot write '%.200s': %s", path,
                              strerror(why));
    writing->count++;
    byok_cli_note(writing->cli, "%s: %zu bytes", path, content.len);
    return BYOK_E_OK;
}

static enum byok_err write_referenced(struct writing *writing, const struct byok_value *place)
{
    struct byok_payload_ref ref;
    BYOK_AUTO(byok_buf) content = {.cap_bytes = 0};
    enum byok_err err = byok_payload_read(place, writing->user, &ref, writing->fault);
    if (err == BYOK_E_OK && !byok_payloads_given(writing->cli))
        err = byok_fault_set(writing->fault, BYOK_E_CONFIG,
                             "the answer stands in a payload store: say which by --payloads");
    if (err == BYOK_E_OK && !writing->store)
        err = open_store(writing->cli, &writing->store, writing->fault);
    if (err == BYOK_E_OK)
        err = get(writing->cli, writing->store, &ref, &content, writing->fault);
    return err == BYOK_E_OK ? write_file(writing, byok_buf_str(&content)) : err;
}

static bool is_content(const struct byok_value *place)
{
    return byok_payload_is_ref(place) || place->type == BYOK_VALUE_BYTES ||
           place->type == BYOK_VALUE_STRING;
}

static void count_one(void *arg, const struct byok_value *owner, struct byok_value *place)
{
    (void)owner;
    ((struct writing *)arg)->of += is_content(place);
}

/* As bytes in msgpack, as base64 in JSON, or a reference. */
static void write_one(void *arg, const struct byok_value *owner, struct byok_value *place)
{
    struct writing *writing = arg;
    struct byok_str bytes = {NULL, 0};
    (void)owner;
    if (writing->err != BYOK_E_OK || !is_content(place))
        return;
    if (byok_payload_is_ref(place))
        writing->err = write_referenced(writing, place);
    else if (place->type == BYOK_VALUE_STRING &&
             !byok_base64_decode(&writing->cli->arena, place->as.str, &bytes))
        writing->err = byok_fault_set(writing->fault, BYOK_E_BAD_REQUEST,
                                      "the answer's content is not base64");
    else
        writing->err = write_file(writing, place->type == BYOK_VALUE_BYTES ? place->as.str : bytes);
}

static enum byok_err write_content(struct byok_cli *cli, struct byok_value *result,
                                   const char *path, struct byok_fault *fault)
{
    struct writing writing = {.cli = cli,
                              .user = byok_value_as_str(byok_value_find(result, "user")),
                              .path = path,
                              .fault = fault};
    byok_payload_each_output(result, count_one, &writing);
    if (writing.of == 0)
        return byok_fault_set(fault, BYOK_E_BAD_REQUEST,
                              "the answer has no audio or image to be written to '%.200s'", path);
    byok_payload_each_output(result, write_one, &writing);
    byok_payload_store_close(writing.store);
    return writing.err;
}

enum byok_exit byok_payloads_output(struct byok_cli *cli, struct byok_value *result,
                                    const char *path)
{
    struct byok_fault fault;
    enum byok_exit code = byok_exit_of_result(result);
    if (!path || code != BYOK_EXIT_OK)
        return code;
    return write_content(cli, result, path, &fault) == BYOK_E_OK ? BYOK_EXIT_OK
                                                                 : byok_cli_fault(cli, &fault);
}
