/* SPDX-License-Identifier: MIT */
/* worker/curl_memory.c - the allocators of libcurl and OpenSSL, on base/mem.h. */
#include "worker/curl_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>
#include <openssl/crypto.h>

#include "base/mem.h"

static void *curl_alloc(size_t size)
{
    return byok_renew(NULL, 1, size); /* not zeroed: a call's buffer alone is 16 KiB */
}

static void *curl_resize(void *memory, size_t size)
{
    return byok_renew(memory, 1, size);
}

static char *curl_copy(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = curl_alloc(size);
    return copy ? memcpy(copy, text, size) : NULL;
}

static void *ssl_alloc(size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return byok_renew(NULL, 1, size);
}

static void *ssl_resize(void *memory, size_t size, const char *file, int line)
{
    (void)file;
    (void)line;
    return byok_renew(memory, 1, size);
}

static void ssl_release(void *memory, const char *file, int line)
{
    (void)file;
    (void)line;
    byok_delete(memory);
}

/* A library may use OpenSSL as soon as it is loaded (libmongoc does), and from then on its memory
 * cannot be changed.  This comes before the libraries' own beginnings, and so before a sanitizer's. */
BYOK_UNSANITIZED static void set_first(void)
{
    (void)CRYPTO_set_mem_functions(ssl_alloc, ssl_resize, ssl_release);
}

BYOK_PREINIT static void (*const first)(void) = set_first;

enum byok_err byok_curl_memory_global(struct byok_fault *fault)
{
    static bool done; /* set once, by the first thread, before there is a second one */
    if (done)
        return BYOK_E_OK;
    CRYPTO_malloc_fn alloc = NULL;
    CRYPTO_get_mem_functions(&alloc, NULL, NULL);
    if (alloc != ssl_alloc)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "OpenSSL was used before its memory could be made to wipe itself; "
                              "this is a fault of byokd");
    /* libcurl would write the TLS secrets of every connection into the file that this names. */
    unsetenv("SSLKEYLOGFILE");
    CURLcode code = curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_alloc, byok_delete, curl_resize,
                                         curl_copy, byok_new);
    if (code != CURLE_OK)
        return byok_fault_set(fault, BYOK_E_CONFIG, "libcurl cannot be initialised: %s",
                              curl_easy_strerror(code));
    done = true;
    return BYOK_E_OK;
}
