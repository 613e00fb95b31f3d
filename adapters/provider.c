/* SPDX-License-Identifier: MIT */
/* adapters/provider.c - a configured provider, checked and completed from its adapter.
 *
 * The base_url decides where keys are sent, so it is read strictly and put together anew from its
 * parts.  No fault quotes it: it may hold a password or a key, which is the very mistake.
 */
#include <stdio.h>

#include "adapters/kit.h"
#include "base/limits.h"

#define HOST_MAX 253 /* RFC 1035, 2.3.4, as text */

struct url {
    const char *scheme;   /* "http" or "https" */
    struct byok_str host; /* in lower case; an IPv6 address with its brackets */
    unsigned port;        /* 0: the scheme's own */
    struct byok_str path; /* empty, or from its slash; no slash at the end */
};

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static struct byok_str after(struct byok_str text, size_t n)
{
    return (struct byok_str){text.ptr + n, text.len - n};
}

static size_t first_of(struct byok_str text, const char *set)
{
    size_t i = 0;
    while (i < text.len && !strchr(set, text.ptr[i]))
        i++;
    return i;
}

/* Everything printable but what curl and we might read differently. */
static bool has_only_url_bytes(struct byok_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("\\\"<>^`{|}", c))
            return false;
    }
    return true;
}

static bool take_scheme(struct byok_str *text, struct url *url)
{
    static const struct byok_str http = BYOK_STR("http://"), https = BYOK_STR("https://");
    struct byok_str head = {text->ptr, text->len < https.len ? text->len : https.len};
    if (byok_str_eq_nocase(head, https)) {
        url->scheme = "https";
        *text = after(*text, https.len);
        return true;
    }
    head.len = head.len < http.len ? head.len : http.len;
    if (!byok_str_eq_nocase(head, http))
        return false;
    url->scheme = "http";
    *text = after(*text, http.len);
    return true;
}

static bool is_host(struct byok_str host)
{
    const bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    struct byok_str inner = bracketed ? (struct byok_str){host.ptr + 1, host.len - 2} : host;
    if (inner.len == 0 || inner.len > HOST_MAX)
        return false;
    for (size_t i = 0; i < inner.len; i++) {
        char c = inner.ptr[i];
        if (!is_letter_or_digit(c) && !strchr(bracketed ? ":." : "-._", c))
            return false;
    }
    return true;
}

static bool read_port(struct byok_str text, struct url *url)
{
    unsigned port = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        port = port * 10 + (unsigned)(text.ptr[i] - '0');
    }
    if (port == 0 || port > 65535)
        return false;
    url->port = port == (strcmp(url->scheme, "https") == 0 ? 443u : 80u) ? 0 : port;
    return true;
}

static const char *read_authority(struct byok_arena *arena, struct byok_str authority,
                                  struct url *url)
{
    const bool bracketed = authority.len > 0 && authority.ptr[0] == '[';
    size_t host_len = bracketed ? first_of(authority, "]") + 1 : first_of(authority, ":");
    if (host_len > authority.len || !is_host((struct byok_str){authority.ptr, host_len}))
        return "names no host";
    struct byok_str port = after(authority, host_len);
    if (port.len > 0 && (port.ptr[0] != ':' || !read_port(after(port, 1), url)))
        return "has a port that is no number from 1 to 65535";
    char *host = byok_arena_alloc(arena, host_len + 1);
    if (!host)
        return "found no memory";
    for (size_t i = 0; i < host_len; i++) {
        char c = authority.ptr[i];
        host[i] = c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
    }
    url->host = (struct byok_str){host, host_len};
    return NULL;
}

/* What is wrong with it, or NULL. */
static const char *read_url(struct byok_arena *arena, struct byok_str text, struct url *url)
{
    *url = (struct url){.scheme = NULL};
    if (!take_scheme(&text, url))
        return "must begin with https:// or http://";
    if (!has_only_url_bytes(text))
        return "holds a byte that no address has (white space, a control, a backslash)";
    if (first_of(text, "?#") < text.len)
        return "must not have a query or a fragment";
    size_t end = first_of(text, "/");
    struct byok_str authority = {text.ptr, end};
    if (first_of(authority, "@") < authority.len)
        return "must not name a user or a password: keys come from the vault";
    url->path = after(text, end);
    while (url->path.len > 0 && url->path.ptr[url->path.len - 1] == '/')
        url->path.len--;
    return read_authority(arena, authority, url);
}

/* ---- headers ---- */

/* RFC 9110, 5.6.2: token. */
static bool is_token(struct byok_str name)
{
    for (size_t i = 0; i < name.len; i++) {
        if (!is_letter_or_digit(name.ptr[i]) &&
            (name.ptr[i] == '\0' || !strchr("!#$%&'*+-.^_`|~", name.ptr[i])))
            return false;
    }
    return name.len > 0;
}

/* Headers that would change who is asked, how the body is framed, or with which key. */
static bool is_reserved(const struct byok_provider *provider, struct byok_str name)
{
    static const char *const reserved[] = {"Host",       "Content-Length", "Transfer-Encoding",
                                           "Connection", "Authorization",  "Proxy-Authorization"};
    for (size_t i = 0; i < sizeof reserved / sizeof reserved[0]; i++) {
        if (byok_str_eq_nocase(name, byok_str_of(reserved[i])))
            return true;
    }
    return byok_str_eq_nocase(name, byok_str_of(provider->auth_header));
}

static enum byok_err check_headers(const struct byok_provider *provider, struct byok_fault *fault)
{
    const size_t most = BYOK_HTTP_HEADERS_MAX - BYOK_KIT_OWN_HEADERS_MAX;
    if (!is_token(byok_str_of(provider->auth_header)) ||
        byok_has_controls(byok_str_of(provider->auth_prefix)))
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "provider \"%s\": auth_header or auth_prefix cannot be in a header",
                              provider->name);
    if (provider->extra_header_count > most)
        return byok_fault_set(fault, BYOK_E_CONFIG, "provider \"%s\": more than %zu headers",
                              provider->name, most);
    for (size_t i = 0; i < provider->extra_header_count; i++) {
        const struct byok_http_header *header = &provider->extra_headers[i];
        if (!is_token(header->name) || byok_has_controls(header->value))
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "provider \"%s\": header %zu is not a name and a line of text",
                                  provider->name, i + 1);
        if (is_reserved(provider, header->name))
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "provider \"%s\": header \"%.*s\" is byokd's own to set",
                                  provider->name, BYOK_STR_ARG(header->name));
    }
    return BYOK_E_OK;
}

/* ---- the whole ---- */

static void fill_auth(struct byok_provider *provider, const struct byok_adapter *adapter)
{
    const bool same_header =
        !provider->auth_header ||
        byok_str_eq_nocase(byok_str_of(provider->auth_header), byok_str_of(adapter->auth_header));
    if (!provider->auth_header)
        provider->auth_header = adapter->auth_header;
    if (!provider->auth_prefix) /* "Bearer " belongs to the adapter's header, not to another */
        provider->auth_prefix = same_header ? adapter->auth_prefix : "";
}

static void write_url(struct byok_arena *arena, const struct url *url,
                      struct byok_provider *provider)
{
    char port[8] = "";
    if (url->port != 0)
        snprintf(port, sizeof port, ":%u", url->port);
    struct byok_str origin =
        byok_arena_printf(arena, "%s://%.*s%s", url->scheme, BYOK_STR_ARG(url->host), port);
    provider->origin = origin.ptr;
    provider->base_url =
        byok_arena_printf(arena, "%.*s%.*s", BYOK_STR_ARG(origin), BYOK_STR_ARG(url->path)).ptr;
}

size_t byok_provider_price_names(const struct byok_provider *provider,
                                 struct byok_str names[static BYOK_PRICE_NAMES_MAX])
{
    names[0] = byok_str_of(provider->name);
    names[1] = byok_str_of(provider->adapter->name);
    return strcmp(provider->base_url, provider->adapter->base_url) == 0 ? 2 : 1;
}

enum byok_err byok_provider_complete(struct byok_arena *arena, struct byok_provider *provider,
                                     const char *adapter_name, struct byok_fault *fault)
{
    struct byok_provider whole = *provider;
    if (!whole.name)
        whole.name = adapter_name;
    whole.adapter = byok_adapter_find(adapter_name);
    if (!whole.adapter)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "provider \"%s\": there is no adapter \"%s\"; an OpenAI-compatible "
                              "service takes the adapter \"openai\"",
                              whole.name, adapter_name);
    fill_auth(&whole, whole.adapter);
    enum byok_err err = check_headers(&whole, fault);
    if (err != BYOK_E_OK)
        return err;
    struct url url;
    const char *base_url = whole.base_url ? whole.base_url : whole.adapter->base_url;
    const char *wrong = read_url(arena, byok_str_trim(byok_str_of(base_url)), &url);
    if (wrong && !byok_arena_failed(arena))
        return byok_fault_set(fault, BYOK_E_CONFIG, "provider \"%s\": its base_url %s", whole.name,
                              wrong);
    if (!wrong)
        write_url(arena, &url, &whole);
    if (byok_arena_failed(arena))
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for provider \"%s\"", whole.name);
    if (strlen(whole.origin) > BYOK_ORIGIN_MAX)
        return byok_fault_set(fault, BYOK_E_CONFIG,
                              "provider \"%s\": the host of its base_url is too long", whole.name);
    *provider = whole;
    return BYOK_E_OK;
}
