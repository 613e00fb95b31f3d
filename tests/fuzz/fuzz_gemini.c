/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_gemini.c - answers of, and jobs for, the gemini adapter; see answers.h. */
#include "answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[ANSWERS_HEADERS] = {"retry-after", "retry-after-ms",
                                                       "x-ratelimit-remaining-tokens",
                                                       "x-ratelimit-reset-tokens", "content-type"};
    const struct answers_input in = answers_read(data, size, names);
    if (in.is_job) {
        answers_build("gemini", in.body);
        return 0;
    }
    answers_parse("gemini", BYOK_CHAT, "m", &in);
    answers_parse("gemini", BYOK_EMBEDDINGS, "m", &in);
    answers_parse("gemini", BYOK_TEXT_TO_SPEECH, "m", &in);
    answers_parse("gemini", BYOK_IMAGE_GENERATION, "m", &in);
    answers_parse("gemini", BYOK_IMAGE_GENERATION, "imagen", &in);
    return 0;
}
