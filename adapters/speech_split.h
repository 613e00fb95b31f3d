/* SPDX-License-Identifier: MIT */
/* adapters/speech_split.h - a long text in parts that a speech service takes. Pure; any thread. */
#ifndef BYOK_ADAPTERS_SPEECH_SPLIT_H
#define BYOK_ADAPTERS_SPEECH_SPLIT_H

#include <stddef.h>

#include "base/attr.h"
#include "base/str.h"

/** Characters (code points) of a text in UTF-8. */
size_t byok_speech_characters(struct byok_str text);

/** The first part of `text`: at most `most` (> 0) characters, all of it when it is no longer.  It
 *  ends behind a sentence (. ! ? … 。 ！ ？ and what closes it, before white space or not, as its
 *  script has it; a line's end) where there is one in the second half of what fits, else behind a
 *  word, else behind a character.  The parts one after the other are the text, byte by byte. */
struct byok_str byok_speech_first(struct byok_str text, size_t most);

#endif
