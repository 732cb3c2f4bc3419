/* SPDX-License-Identifier: MIT
 *
 * RFC 2047: texts beyond ASCII in headers, as `=?UTF-8?Q?caf=C3=A9?=`. S3 keeps user metadata decoded and answers it encoded. Pure functions;
 * any thread. */
#ifndef API_S3_TEXT_S3_ENCODED_WORD_H
#define API_S3_TEXT_S3_ENCODED_WORD_H

#include "storage/base/arena.h"
#include "storage/base/slice.h"

/* What a header's value says: the words in it that are encoded in UTF-8, US-ASCII or ISO-8859-1 are decoded, the rest stays. Where a word is
 * malformed, or would say what no header may, the value itself. */
struct slice s3_encoded_words_read(struct arena *arena, struct slice value);

/* A text as it may stand in a header, that reading gives back: itself if it is ASCII. base NULL: it is no text, but something that is not UTF-8 or
 * has control characters. */
struct slice s3_encoded_words_write(struct arena *arena, struct slice text);

#endif
