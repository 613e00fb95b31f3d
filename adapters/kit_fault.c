/* SPDX-License-Identifier: MIT */
/* adapters/kit_fault.c - see kit_fault.h. */
#include "adapters/kit_fault.h"

#include "adapters/retry_after.h"
#include "schemas/codec.h"

bool byok_kit_error_tree(const struct byok_adapter_call *call,
                         const struct byok_http_response *response, struct byok_value *root)
{
    if (!byok_kit_is_html(response) &&
        byok_decode(call->arena, BYOK_JSON, response->body, root, NULL) == BYOK_E_OK)
        return true;
    *root = byok_value_null();
    return false;
}

struct byok_str byok_kit_plain_message(const struct byok_http_response *response)
{
    struct byok_str line = byok_str_trim(response->body);
    if (line.len == 0 || byok_kit_is_html(response) || line.ptr[0] == '{' || line.ptr[0] == '[')
        return (struct byok_str){NULL, 0};
    const char *end = memchr(line.ptr, '\n', line.len);
    if (end)
        line.len = (size_t)(end - line.ptr);
    return line;
}

static void write_text(const struct byok_adapter_call *call,
                       const struct byok_http_response *response, enum byok_err code,
                       struct byok_str message, struct byok_fault *out)
{
    const char *name = call->provider->name;
    const int status = response->status;
    message = byok_kit_clean(call->arena, message);
    if (status >= 300 && status < 400)
        byok_fault_set(out, code,
                       "provider \"%s\" answered with a redirect (HTTP %d), which is not followed: "
                       "check its base_url",
                       name, status);
    else if (message.len > 0)
        byok_fault_set(out, code, "%.*s", BYOK_STR_ARG(message));
    else
        byok_fault_set(out, code, "provider \"%s\" answered HTTP %d %s: %s", name, status,
                       byok_kit_is_html(response) ? "with an HTML page" : "without a message",
                       byok_err_meaning(code));
}

void byok_kit_fault(const struct byok_adapter_call *call, const struct byok_http_response *response,
                    enum byok_err code, struct byok_str message, struct byok_fault *out)
{
    const enum byok_retry retry = byok_err_retry(code);
    *out = (struct byok_fault){.retry_after_ms = -1};
    write_text(call, response, code, message, out);
    out->http_status = response->status;
    out->day_limit = false;
    if (retry != BYOK_RETRY_WAIT && retry != BYOK_RETRY_SOON)
        return;
    out->retry_after_ms = byok_retry_after_ms(response, call->wall_ms);
    if (out->retry_after_ms < 0)
        out->retry_after_ms = byok_retry_text_ms(message);
}
