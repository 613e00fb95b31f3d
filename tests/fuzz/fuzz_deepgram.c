/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_deepgram.c - answers of, and jobs for, the deepgram adapter; see answers.h. */
#include "answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[ANSWERS_HEADERS] = {"retry-after", "dg-request-id",
                                                       "x-ratelimit-remaining-requests",
                                                       "dg-char-count", "content-type"};
    const struct answers_input in = answers_read(data, size, names);
    if (in.is_job) {
        answers_build("deepgram", in.body);
        return 0;
    }
    answers_parse("deepgram", BYOK_TEXT_TO_SPEECH, "m", &in);
    answers_parse("deepgram", BYOK_SPEECH_TO_TEXT, "m", &in);
    return 0;
}
