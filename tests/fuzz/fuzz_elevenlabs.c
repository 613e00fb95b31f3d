/* SPDX-License-Identifier: MIT */
/* tests/fuzz/fuzz_elevenlabs.c - answers of, and jobs for, elevenlabs; see answers.h. */
#include "answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[ANSWERS_HEADERS] = {"retry-after", "current-concurrent-requests",
                                                       "maximum-concurrent-requests",
                                                       "character-cost", "content-type"};
    const struct answers_input in = answers_read(data, size, names);
    if (in.is_job) {
        answers_build("elevenlabs", in.body);
        return 0;
    }
    answers_parse("elevenlabs", BYOK_TEXT_TO_SPEECH, "m", &in);
    answers_parse("elevenlabs", BYOK_SPEECH_TO_TEXT, "m", &in);
    return 0;
}
