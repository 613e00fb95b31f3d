/* SPDX-License-Identifier: MIT */
/* adapters/gemini_image.c - images: of a Gemini model by :generateContent with IMAGE, of an Imagen
 * model (by its name) by :predict.
 *
 * Both take a ratio of sides and a size of 1K, 2K or 4K, not pixels; only the squares have sizes in
 * pixels that hold for all of the models.
 */
#include "adapters/gemini_parts.h"

static const char *const known_gemini[] = {"prompt", "size", "count", NULL};
static const char *const known_imagen[] = {"prompt", "size", "count", "format", NULL};

static bool is_imagen(const struct byok_adapter_call *call)
{
    return byok_str_starts(byok_gemini_model(call), (struct byok_str)BYOK_STR("imagen"));
}

/* ---- size ---- */

struct size {
    struct byok_str ratio; /* "16:9"; empty: not said */
    struct byok_str size;  /* "2K"; empty: not said */
};

/* "16:9": digits, a colon, digits */
static bool is_ratio(struct byok_str text)
{
    size_t colons = 0;
    for (size_t i = 0; i < text.len; i++) {
        const bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (!digit && (text.ptr[i] != ':' || i == 0 || i + 1 == text.len))
            return false;
        colons += !digit;
    }
    return colons == 1;
}

static enum byok_err read_size(const struct byok_adapter_call *call, struct size *out,
                               struct byok_fault *fault)
{
    static const struct {
        const char *word, *ratio, *size;
    } sizes[] = {
        {"1024x1024", "1:1", NULL}, /* what comes when nothing is said */
        {"2048x2048", "1:1", "2K"}, {"4096x4096", "1:1", "4K"}, {"1K", NULL, "1K"},
        {"2K", NULL, "2K"},         {"4K", NULL, "4K"},
    };
    struct byok_str said = byok_value_as_str(byok_kit_member(call, "size"));
    *out = (struct size){.ratio = {NULL, 0}};
    if (is_ratio(said))
        out->ratio = said;
    if (said.len == 0 || is_ratio(said))
        return BYOK_E_OK;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        if (byok_str_eq_nocase(said, byok_str_of(sizes[i].word))) {
            *out = (struct size){byok_str_of(sizes[i].ratio), byok_str_of(sizes[i].size)};
            return BYOK_E_OK;
        }
    }
    return byok_fault_set(
        fault, BYOK_E_UNSUPPORTED,
        "member \"size\": provider \"%s\" takes a ratio such as 16:9, 1K, 2K, 4K, "
        "or 1024x1024, 2048x2048, 4096x4096",
        call->provider->name);
}

/* ---- requests ---- */

static enum byok_err build_gemini(const struct byok_adapter_call *call, const struct size *size,
                                  struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value modalities = byok_value_array(), config = byok_value_map();
    struct byok_value image = byok_value_map();
    int64_t count = 1;
    if (byok_value_as_int(byok_kit_member(call, "count"), &count) && count != 1)
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"count\": the model makes one image in a call");
    struct byok_value body =
        byok_gemini_prompt(call, byok_value_as_str(byok_kit_member(call, "prompt")));
    byok_value_push(call->arena, &modalities, byok_value_text("TEXT")); /* some make none without */
    byok_value_push(call->arena, &modalities, byok_value_text("IMAGE"));
    byok_value_set(call->arena, &config, "responseModalities", modalities);
    byok_value_set_str(call->arena, &image, "aspectRatio", size->ratio);
    byok_value_set_str(call->arena, &image, "imageSize", size->size);
    if (image.count > 0)
        byok_value_set(call->arena, &config, "imageConfig", image);
    byok_value_set(call->arena, &body, "generationConfig", config);
    return byok_gemini_generate(call, &body, out, fault);
}

/* {"mimeType": "image/png"} of "png", "jpeg" or "jpg"; false: none of them. */
static bool output_options(const struct byok_adapter_call *call, struct byok_value *out)
{
    struct byok_str format = byok_value_as_str(byok_kit_member(call, "format"));
    *out = byok_value_map();
    if (byok_str_is(format, "png"))
        byok_value_set(call->arena, out, "mimeType", byok_value_text("image/png"));
    else if (byok_str_is(format, "jpeg") || byok_str_is(format, "jpg"))
        byok_value_set(call->arena, out, "mimeType", byok_value_text("image/jpeg"));
    else
        return format.len == 0;
    return true;
}

static enum byok_err build_imagen(const struct byok_adapter_call *call, const struct size *size,
                                  struct byok_http_request *out, struct byok_fault *fault)
{
    struct byok_value body = byok_value_map(), instances = byok_value_array();
    struct byok_value instance = byok_value_map(), parameters = byok_value_map(), options;
    const struct byok_value *count = byok_kit_member(call, "count");
    if (!output_options(call, &options))
        return byok_fault_set(fault, BYOK_E_UNSUPPORTED,
                              "member \"format\": the model gives \"png\" or \"jpeg\"");
    byok_value_set(call->arena, &instance, "prompt", *byok_kit_member(call, "prompt"));
    byok_value_push(call->arena, &instances, instance);
    byok_value_set(call->arena, &body, "instances", instances);
    byok_value_set(call->arena, &parameters, "sampleCount", count ? *count : byok_value_int(1));
    byok_value_set(call->arena, &parameters, "includeRaiReason", byok_value_bool(true));
    byok_value_set_str(call->arena, &parameters, "aspectRatio", size->ratio);
    byok_value_set_str(call->arena, &parameters, "sampleImageSize", size->size);
    if (options.count > 0)
        byok_value_set(call->arena, &parameters, "outputOptions", options);
    byok_value_set(call->arena, &body, "parameters", parameters);
    byok_kit_merge_options(call, &body);
    return byok_gemini_post(call, "predict", &body, out, fault);
}

enum byok_err byok_gemini_build_image(const struct byok_adapter_call *call,
                                      struct byok_http_request *out, struct byok_fault *fault)
{
    struct size size;
    enum byok_err err =
        byok_kit_check_members(call, is_imagen(call) ? known_imagen : known_gemini, fault);
    if (err == BYOK_E_OK)
        err = read_size(call, &size, fault);
    if (err != BYOK_E_OK)
        return err;
    return is_imagen(call) ? build_imagen(call, &size, out, fault)
                           : build_gemini(call, &size, out, fault);
}

/* ---- answers ---- */

static struct byok_str text_of(const struct byok_value *map, const char *name)
{
    return byok_value_as_str(byok_value_find(map, name));
}

/* {"predictions": [{"mimeType", "bytesBase64Encoded"} or {"raiFilteredReason"}]}: of those that
 * were filtered the reason is `*filtered`. */
static struct byok_value read_predictions(const struct byok_adapter_call *call,
                                          const struct byok_value *root, struct byok_str *filtered)
{
    const struct byok_value *list = byok_value_find(root, "predictions");
    struct byok_value images = byok_value_array();
    *filtered = (struct byok_str){NULL, 0};
    for (uint32_t i = 0; byok_value_is(list, BYOK_VALUE_ARRAY) && i < list->count; i++) {
        const struct byok_value *item = &list->as.items[i];
        (void)byok_gemini_push_image(call, text_of(item, "mimeType"),
                                     text_of(item, "bytesBase64Encoded"), &images);
        if (text_of(item, "raiFilteredReason").len > 0)
            *filtered = text_of(item, "raiFilteredReason");
    }
    return images;
}

static enum byok_err parse_imagen(const struct byok_adapter_call *call,
                                  const struct byok_value *root, struct byok_answer *out,
                                  struct byok_fault *fault)
{
    struct byok_str filtered;
    struct byok_value images = read_predictions(call, root, &filtered);
    enum byok_err err = byok_kit_check_memory(call, fault);
    if (err != BYOK_E_OK)
        return err;
    filtered = byok_kit_clean(call->arena, filtered);
    if (images.count == 0 && filtered.len > 0)
        return byok_fault_set(fault, BYOK_E_CONTENT_REFUSED, "%.*s", BYOK_STR_ARG(filtered));
    if (images.count == 0)
        return byok_gemini_no_media(call, root, "image", fault);
    byok_value_set(call->arena, &out->output, "images", images);
    out->usage.images = images.count;
    return byok_kit_check_memory(call, fault);
}

static enum byok_err parse_gemini(const struct byok_adapter_call *call,
                                  const struct byok_value *root, struct byok_answer *out,
                                  struct byok_fault *fault)
{
    const struct byok_value *parts;
    (void)byok_gemini_candidate(root, &parts, &out->finish);
    struct byok_value images = byok_gemini_images(call, parts);
    enum byok_err err = byok_kit_check_memory(call, fault);
    if (err != BYOK_E_OK)
        return err;
    if (images.count == 0)
        return byok_gemini_no_media(call, root, "image", fault);
    byok_value_set(call->arena, &out->output, "images", images);
    byok_value_set_str(call->arena, &out->output, "text", byok_gemini_text(call, parts));
    out->usage.images = images.count;
    return byok_kit_check_memory(call, fault);
}

enum byok_err byok_gemini_parse_image(const struct byok_adapter_call *call,
                                      const struct byok_http_response *response,
                                      struct byok_answer *out, struct byok_fault *fault)
{
    struct byok_value root;
    enum byok_err err = byok_gemini_read(call, response, &root, out, fault);
    if (err != BYOK_E_OK)
        return err;
    return is_imagen(call) ? parse_imagen(call, &root, out, fault)
                           : parse_gemini(call, &root, out, fault);
}
