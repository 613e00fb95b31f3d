/* SPDX-License-Identifier: MIT */
/* worker/config_providers.c - the configured providers, completed by their adapters. */
#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "worker/config.h"

static const char *or_null(const char *text)
{
    return text[0] != '\0' ? text : NULL;
}

static const struct byok_http_header *headers_of(struct byok_arena *arena,
                                                 const struct byok_config_headers *from)
{
    struct byok_http_header *headers = byok_arena_alloc(arena, (from->count + 1) * sizeof *headers);
    for (size_t i = 0; headers && i < from->count; i++)
        headers[i] = (struct byok_http_header){byok_str_of(from->items[i].name),
                                               byok_str_of(from->items[i].value)};
    return headers;
}

static bool has_line_break(const char *text)
{
    return strpbrk(text, "\r\n") != NULL;
}

static enum byok_err check(const struct byok_config_provider *from, size_t index,
                           const struct byok_config_providers *all, struct byok_fault *fault)
{
    if (from->name[0] == '\0')
        return byok_fault_set(fault, BYOK_E_CONFIG, "providers[%zu].name is missing", index);
    if (strlen(from->name) > BYOK_PROVIDER_MAX)
        return byok_fault_set(fault, BYOK_E_CONFIG, "providers[%zu].name is longer than %d bytes",
                              index, BYOK_PROVIDER_MAX);
    for (size_t i = 0; i < index; i++) {
        if (strcmp(all->items[i].name, from->name) == 0)
            return byok_fault_set(fault, BYOK_E_CONFIG, "providers: %s stands there twice",
                                  from->name);
    }
    for (size_t i = 0; i < from->headers.count; i++) {
        const struct byok_config_header *header = &from->headers.items[i];
        if (header->name[0] == '\0' || strpbrk(header->name, ": \t\r\n") ||
            has_line_break(header->value))
            return byok_fault_set(fault, BYOK_E_CONFIG,
                                  "providers[%zu].headers[%zu] is not a header", index, i);
    }
    return BYOK_E_OK;
}

/* What never leaves the machine: an address, since a name may be anybody's, but for the one that
 * RFC 6761 keeps for it. */
static bool is_loopback(struct byok_str origin)
{
    char host[INET_ADDRSTRLEN];
    struct in_addr address;
    struct byok_str rest = {origin.ptr + strlen("http://"), origin.len - strlen("http://")};
    size_t len = byok_str_find(rest, (struct byok_str)BYOK_STR("]"));
    if (len != SIZE_MAX)
        return byok_str_starts(rest, (struct byok_str)BYOK_STR("[::1]"));
    len = byok_str_find(rest, (struct byok_str)BYOK_STR(":"));
    rest.len = len != SIZE_MAX ? len : rest.len;
    if (byok_str_is(rest, "localhost"))
        return true;
    snprintf(host, sizeof host, "%.*s", BYOK_STR_ARG(rest));
    return rest.len < sizeof host && inet_pton(AF_INET, host, &address) == 1 &&
           ntohl(address.s_addr) >> 24 == 127;
}

static enum byok_err check_way(const struct byok_config_provider *from, size_t index,
                               const char *origin, struct byok_fault *fault)
{
    struct byok_str text = byok_str_of(origin);
    bool stays = from->proxy[0] == '\0' && is_loopback(text);
    if (from->plain_http || stays || !byok_str_starts(text, (struct byok_str)BYOK_STR("http://")))
        return BYOK_E_OK;
    return byok_fault_set(fault, BYOK_E_CONFIG,
                          "providers[%zu].base_url has no TLS: keys would cross the network for "
                          "anybody on the way to read; make it https, or set plain_http",
                          index);
}

static enum byok_err complete(struct byok_config *config, size_t index,
                              const struct byok_provider_set *set, struct byok_fault *fault)
{
    const struct byok_config_provider *from = &config->providers.items[index];
    struct byok_provider *provider = &set->providers[index];
    *provider = (struct byok_provider){
        .name = from->name,
        .base_url = or_null(from->base_url),
        .auth_header = or_null(from->auth_header),
        .auth_prefix = or_null(from->auth_prefix),
        .default_model = {[BYOK_CHAT] = or_null(from->models.chat),
                          [BYOK_TEXT_TO_SPEECH] = or_null(from->models.text_to_speech),
                          [BYOK_SPEECH_TO_TEXT] = or_null(from->models.speech_to_text),
                          [BYOK_IMAGE_GENERATION] = or_null(from->models.image_generation),
                          [BYOK_EMBEDDINGS] = or_null(from->models.embeddings)},
        .extra_headers = headers_of(&config->arena, &from->headers),
        .extra_header_count = from->headers.count,
    };
    if (!provider->extra_headers)
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the settings");
    enum byok_err err = byok_provider_complete(
        &config->arena, provider, from->adapter[0] != '\0' ? from->adapter : from->name, fault);
    if (err != BYOK_E_OK)
        return err;
    err = check_way(from, index, provider->origin, fault);
    if (err != BYOK_E_OK)
        return err;
    set->settings[index] = (struct byok_provider_settings){
        .concurrency = from->concurrency,
        .concurrency_min = from->concurrency_min,
        .breaker = {from->breaker.calls, from->breaker.failure_percent,
                    from->breaker.window_ms * 1000, from->breaker.open_ms * 1000,
                    from->breaker.open_max_ms * 1000, from->breaker.probes},
        .timeout_us = from->timeout_ms * 1000,
        .connect_timeout_us = from->connect_timeout_ms * 1000,
        .bulk_texts = (uint32_t)from->bulk_texts,
    };
    set->routes[index] = (struct byok_http_route){
        .origin = provider->origin,
        .ca_file = or_null(from->ca_file),
        .proxy = or_null(from->proxy),
    };
    return BYOK_E_OK;
}

enum byok_err byok_config_providers(struct byok_config *config, struct byok_provider_set *out,
                                    struct byok_fault *fault)
{
    size_t count = config->providers.count;
    *out = (struct byok_provider_set){
        .providers = byok_arena_alloc(&config->arena, count * sizeof *out->providers),
        .settings = byok_arena_alloc(&config->arena, count * sizeof *out->settings),
        .routes = byok_arena_alloc(&config->arena, count * sizeof *out->routes),
        .count = count,
    };
    if (byok_arena_failed(&config->arena))
        return byok_fault_set(fault, BYOK_E_NOMEM, "no memory for the settings");
    for (size_t i = 0; i < count; i++) {
        enum byok_err err = check(&config->providers.items[i], i, &config->providers, fault);
        if (err == BYOK_E_OK)
            err = complete(config, i, out, fault);
        if (err != BYOK_E_OK)
            return err;
    }
    return BYOK_E_OK;
}
