/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_voyage.c - answers of, and jobs for, the voyage adapter; see answers.h. */
#include "answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[ANSWERS_HEADERS] = {
        "retry-after", "retry-after-ms", "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests", "content-type"};
    const struct answers_input in = answers_read(data, size, names);
    if (in.is_job) {
        answers_build("voyage", in.body);
        return 0;
    }
    answers_parse("voyage", BYOK_EMBEDDINGS, "m", &in);
    return 0;
}
