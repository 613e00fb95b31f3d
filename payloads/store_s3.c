/* SPDX-License-Identifier: MIT */
/* payloads/store_s3.c - objects of a bucket of any service that speaks S3, signed by libcurl.
 *
 * Addressed by path (endpoint/bucket/name), which every such service takes.  The content's hash goes
 * into the signature, so the service refuses what was changed on its way.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "payloads/store.h"

#define SIGV4_BYTES 96

/* SHA-256 of nothing: the content of a GET. */
#define NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct s3 {
    struct byok_payload_store store;
    const char *endpoint, *bucket, *credentials;
    char sigv4[SIGV4_BYTES];
};

static bool is_given(const char *text)
{
    return text && text[0] != '\0';
}

/* A part of the address that cannot lead out of its place. */
static bool is_plain(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        const char c = text[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
            c != '-' && c != '_' && c != '.')
            return false;
    }
    return text[0] != '\0' && text[0] != '.';
}

/* http(s)://host[:port], no path: what follows is ours. */
static bool is_endpoint(const char *url)
{
    size_t scheme = strncmp(url, "https://", 8) == 0 ? 8 : strncmp(url, "http://", 7) == 0 ? 7 : 0;
    return scheme > 0 && url[scheme] != '\0' &&
           strcspn(url + scheme, "/?#@ \t") == strlen(url + scheme);
}

static enum byok_err check(const struct byok_payload_options *options, struct byok_fault *fault)
{
    if (!is_given(options->endpoint) || !is_endpoint(options->endpoint))
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the payload store s3 needs an endpoint, http(s)://host[:port]");
    if (!is_given(options->bucket) || !is_plain(options->bucket))
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the payload store s3 needs a bucket: letters, digits, '-', '.'");
    if (!is_given(options->region) || !is_plain(options->region) ||
        strlen(options->region) > SIGV4_BYTES / 2)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the payload store s3 needs a region, e.g. us-east-1");
    const char *colon = is_given(options->credentials) ? strchr(options->credentials, ':') : NULL;
    if (!colon || colon == options->credentials || colon[1] == '\0')
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "the payload store s3 needs credentials in the form ID:SECRET");
    return BYOK_E_OK;
}

static enum byok_err open_s3(const struct byok_payload_options *options,
                             struct byok_payload_store **out, struct byok_fault *fault)
{
    enum byok_err err = check(options, fault);
    if (err != BYOK_E_OK)
        return err;
    struct s3 *s3 = byok_new(1, sizeof *s3);
    if (!s3)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the payload store");
    s3->store.ops = &byok_payload_store_s3;
    s3->endpoint = options->endpoint;
    s3->bucket = options->bucket;
    s3->credentials = options->credentials;
    snprintf(s3->sigv4, sizeof s3->sigv4, "aws:amz:%s:s3", options->region);
    *out = &s3->store;
    return BYOK_E_OK;
}

static void close_s3(struct byok_payload_store *store)
{
    byok_delete(store);
}

static enum byok_err request(struct byok_payload_store *store, bool put,
                             const struct byok_payload_ref *ref, struct byok_arena *arena,
                             struct byok_payload_request *out, struct byok_fault *fault)
{
    const struct s3 *s3 = (const struct s3 *)(const void *)store;
    const char *hash = put ? ref->name + BYOK_PAYLOAD_OWNER_CHARS + 1 : NOTHING;
    *out = (struct byok_payload_request){
        .method = put ? "PUT" : "GET",
        .url = byok_arena_printf(arena, "%s/%s/%s", s3->endpoint, s3->bucket, ref->name),
        .sigv4 = s3->sigv4,
        .credentials = s3->credentials,
        .header_count = put ? 2 : 1,
    };
    out->headers[0].name = "x-amz-content-sha256";
    out->headers[0].value = byok_str_of(hash);
    out->headers[1].name = "Content-Type";
    out->headers[1].value = byok_str_of("application/octet-stream");
    return out->url.ptr ? BYOK_E_OK
                        : byok_fault_set(fault, BYOK_E_NOMEM, "no memory for a payload's address");
}

const struct byok_payload_store_ops byok_payload_store_s3 = {
    .name = "s3",
    .open = open_s3,
    .close = close_s3,
    .request = request,
};
