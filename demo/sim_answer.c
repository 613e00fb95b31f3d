/* SPDX-License-Identifier: MIT */
/* demo/sim_answer.c - the texts and vectors of demo/sim_answer.h. */
#include "demo/sim_answer.h"

#include <inttypes.h>
#include <math.h>

#include "base/mem.h"
#include "demo/sim_text.h"

#define ANSWER_CAP ((size_t)64 * 1024 * 1024)
#define ECHO_BYTES 96u /* of the prompt, in the answer */

static const char *const vocabulary[] = {
    "river",  "stone",  "lamp",   "paper",  "garden", "signal", "window", "copper",
    "winter", "letter", "bridge", "cloud",  "engine", "forest", "mirror", "salt",
    "thread", "voyage", "amber",  "clock",  "desert", "ember",  "field",  "granite",
    "harbor", "island", "jacket", "kettle", "ladder", "marble", "north",  "orchard",
};
#define WORDS (sizeof vocabulary / sizeof vocabulary[0])

/* The first bytes of a text, never in the middle of a UTF-8 character. */
static struct byok_str first_bytes(struct byok_str text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
        max--;
    return (struct byok_str){text.ptr, max};
}

void sim_answer_text(const struct sim_request *request, uint32_t words, struct sim_text *ret_text)
{
    struct byok_str prompt = byok_buf_str(&request->prompt);
    uint64_t random = sim_hash(prompt);
    *ret_text = (struct sim_text){0};
    struct byok_buf *text = &ret_text->text;
    byok_buf_init(text, ANSWER_CAP);
    uint32_t limit = request->max_tokens ? request->max_tokens : UINT32_MAX;
    if (words > limit)
        words = limit;
    byok_buf_printf(text, "Simulated answer %08" PRIx32 " to \"", (uint32_t)random);
    byok_buf_add_str(text, first_bytes(prompt, ECHO_BYTES));
    byok_buf_add(text, "\":", 2);
    for (uint32_t i = 0; i < words; i++)
        byok_buf_printf(text, " %s", vocabulary[sim_random(&random) % WORDS]);
    byok_buf_add(text, ".", 1);
    ret_text->tokens = sim_tokens(byok_buf_str(text));
    /* the frame and the echo are not shortened: only what is counted must obey the limit */
    ret_text->is_cut = ret_text->tokens > limit;
    if (ret_text->is_cut)
        ret_text->tokens = limit;
}

bool sim_next_piece(struct byok_str *rest, struct byok_str *ret_piece)
{
    if (rest->len == 0)
        return false;
    size_t len = 1;
    while (len < rest->len && rest->ptr[len] != ' ')
        len++;
    *ret_piece = (struct byok_str){rest->ptr, len};
    rest->ptr += len;
    rest->len -= len;
    return true;
}

/* A unit vector from the text's hash, each value a multiple of 1e-8 so that its decimal form and
 * its float are exactly the same number to a reader. */
static void make_vector(struct byok_str text, uint32_t dimensions, int32_t *ret_values)
{
    uint64_t random = sim_hash(text);
    uint64_t again = random;
    double sum = 0;
    for (uint32_t i = 0; i < dimensions; i++) {
        double v = (double)(int32_t)(uint32_t)sim_random(&random);
        sum += v * v;
    }
    double scale = sum > 0 ? 1e8 / sqrt(sum) : 0;
    for (uint32_t i = 0; i < dimensions; i++)
        ret_values[i] = (int32_t)lrint((double)(int32_t)(uint32_t)sim_random(&again) * scale);
}

/* "-0.01234567": written by hand, since printf takes half a millisecond for a vector. */
static void add_floats(const int32_t *values, uint32_t count, struct byok_buf *out)
{
    byok_buf_add(out, "[", 1);
    for (uint32_t i = 0; i < count; i++) {
        char text[16];
        size_t at = sizeof text;
        uint32_t digits = (uint32_t)(values[i] < 0 ? -values[i] : values[i]);
        for (int n = 0; n < 8; n++, digits /= 10)
            text[--at] = (char)('0' + digits % 10);
        text[--at] = '.';
        text[--at] = (char)('0' + digits);
        if (values[i] < 0)
            text[--at] = '-';
        if (i > 0)
            text[--at] = ',';
        byok_buf_add(out, text + at, sizeof text - at);
    }
    byok_buf_add(out, "]", 1);
}

static void add_packed(const int32_t *values, uint32_t count, struct byok_buf *out)
{
    char *bytes = byok_new(count, 4);
    if (!bytes)
        return;
    for (uint32_t i = 0; i < count; i++) {
        float value = (float)(values[i] / 1e8);
        uint32_t word;
        memcpy(&word, &value, sizeof word);
        for (unsigned b = 0; b < 4; b++) /* little-endian on every machine */
            bytes[i * 4 + b] = (char)(unsigned char)(word >> (8 * b));
    }
    sim_add_base64((struct byok_str){bytes, (size_t)count * 4}, out);
    byok_delete(bytes);
}

void sim_add_vector(const struct sim_request *request, uint32_t i, struct byok_buf *out)
{
    int32_t *values = byok_new(request->dimensions, sizeof *values);
    if (!values)
        return;
    make_vector(request->inputs[i], request->dimensions, values);
    if (request->wants_base64)
        add_packed(values, request->dimensions, out);
    else
        add_floats(values, request->dimensions, out);
    byok_delete(values);
}
