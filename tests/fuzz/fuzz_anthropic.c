/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_anthropic.c - answers of, and jobs for, the anthropic adapter; see answers.h. */
#include "answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[ANSWERS_HEADERS] = {
        "retry-after", "request-id", "anthropic-ratelimit-tokens-remaining",
        "anthropic-ratelimit-tokens-reset", "x-should-retry"};
    const struct answers_input in = answers_read(data, size, names);
    if (in.is_job)
        answers_build("anthropic", in.body);
    else
        answers_parse("anthropic", BYOK_CHAT, "m", &in);
    return 0;
}
