/* SPDX-License-Identifier: MIT */
/* adapters/openai_images.c - POST /images/generations: a description out, images back.
 *
 * Images come as base64 or, from older models and some services, as an address for a short time;
 * no address is fetched: it is given on as it is.
 */
#include "adapters/kit_media.h"
#include "adapters/openai_parts.h"
#include "schemas/codec.h"

#define STR(literal) ((struct byok_str)BYOK_STR(literal))

static const char *const known[] = {
    "prompt", "size", "quality", "count", "format", "background", NULL,
};

/* ---- the request ---- */

/* Our name and OpenAI's. */
static void put_members(const struct byok_adapter_call *call, struct byok_value *body)
{
    static const struct {
        const char *ours, *theirs;
    } members[] = {
        {"prompt", "prompt"},         {"size", "size"}, {"quality", "quality"}, {"count", "n"},
        {"background", "background"},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        const struct byok_value *value = byok_kit_member(call, members[i].ours);
        if (value)
            byok_value_set(call->arena, body, members[i].theirs, *value);
    }
}

static enum byok_err put_format(const struct byok_adapter_call *call, struct byok_value *body,
                                struct byok_fault *fault)
{
    struct byok_str format = byok_value_as_str(byok_kit_member(call, "format"));
    if (format.len == 0)
        return BYOK_E_OK;
    if (byok_str_is(format, "jpg"))
        format = STR("jpeg");
    if (!byok_str_is(format, "png") && !byok_str_is(format, "jpeg") && !byok_str_is(format, "webp"))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED, "member \"format\": png, jpeg or webp");
    byok_value_set(call->arena, body, "output_format", byok_value_string(format));
    return BYOK_E_OK;
}

enum byok_err byok_openai_build_images(const struct byok_adapter_call *call,
                                       struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map();
    enum byok_err err = byok_kit_check_members(call, known, fault);
    byok_value_set_str(call->arena, &body, "model", call->model);
    put_members(call, &body);
    if (err == BYOK_E_OK)
        err = put_format(call, &body, fault);
    if (err != BYOK_E_OK)
        return err;
    /* these answer with an address unless told otherwise; the newer ones refuse to be told */
    if (byok_str_starts(call->model, STR("dall-e-")))
        byok_value_set(call->arena, &body, "response_format", byok_value_text("b64_json"));
    return byok_openai_post(call, "/images/generations", &body, out, fault);
}

/* ---- the answer ---- */

/* What the bytes are, else what the answer says, else what was asked for, else OpenAI's default. */
static const char *type_of(const struct byok_adapter_call *call, const struct byok_value *root,
                           struct byok_str bytes)
{
    const struct byok_media *is = byok_media_of_bytes(bytes);
    if (!is)
        is = byok_media_of_type(byok_value_as_str(byok_value_find(root, "output_format")));
    if (!is)
        is = byok_media_of_type(byok_value_as_str(byok_kit_member(call, "format")));
    return is ? is->type : "image/png";
}

/* One image; false: there is none. */
static bool read_image(const struct byok_adapter_call *call, const struct byok_value *root,
                       const struct byok_value *from, struct byok_value *out)
{
    struct byok_str data = byok_value_as_str(byok_value_find(from, "b64_json"));
    struct byok_str url = byok_value_as_str(byok_value_find(from, "url"));
    struct byok_str bytes;
    *out = byok_value_map();
    if (data.len > 0) {
        if (!byok_base64_decode(call->arena, data, &bytes) || bytes.len == 0)
            return false;
        byok_value_set(call->arena, out, "data", byok_value_bytes(bytes));
        byok_value_set(call->arena, out, "media_type", byok_value_text(type_of(call, root, bytes)));
    } else if (url.len > 0) {
        byok_value_set(call->arena, out, "url", byok_value_string(url));
    } else {
        return false;
    }
    byok_value_set_str(call->arena, out, "revised_prompt",
                       byok_value_as_str(byok_value_find(from, "revised_prompt")));
    return true;
}

enum byok_err byok_openai_parse_images(const struct byok_adapter_call *call,
                                       const struct byok_http_response *response,
                                       struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    enum byok_err err = byok_openai_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    const struct byok_value *data = byok_value_find(&root, "data");
    struct byok_value images = byok_value_array();
    const uint32_t count = byok_value_is(data, BYOK_VALUE_ARRAY) ? data->count : 0;
    bool good = count > 0;
    for (uint32_t i = 0; i < count && good; i++) {
        struct byok_value image;
        good = read_image(call, &root, &data->as.items[i], &image);
        byok_value_push(call->arena, &images, image);
    }
    err = byok_kit_check_memory(call, fault);
    if (err != BYOK_E_OK)
        return err;
    if (count > 0)
        out->usage.images = count;
    if (!good)
        return byok_fault_set(fault, BYOK_E_BAD_ANSWER,
                              "the answer of provider \"%s\" holds no image, or one without data",
                              call->provider->name);
    byok_value_set(call->arena, &out->output, "images", images);
    return byok_kit_check_memory(call, fault);
}
