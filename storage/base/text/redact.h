/* SPDX-License-Identifier: MIT
 *
 * The one place that knows which parts of a URL are secrets: it stands before every log. Pure functions; any thread.
 *
 * Taken out are the values of parameters that sign a request or name who signs it, of version 4 and 2 and of caches' URLs, and what stands for a user before
 * a host (http://user:password@host). Names of parameters are compared as the S3 front will read them: percent-decoded, and in any case.
 * They are found after '?' and '&', also where these are percent-encoded, for a URL may have been encoded once too often and be in a path;
 * and after blanks, commas and quotation marks, so that a line which quotes a URL or an Authorization field can be given as a whole. */
#ifndef STORAGE_BASE_REDACT_H
#define STORAGE_BASE_REDACT_H

#include <stddef.h>

/* Bytes that redact_text may write for the text; 0: there is nothing to take out of it. */
size_t redact_room(const char *text, size_t length);
/* Writes the text without its secrets, and returns its length; no NUL is added. */
size_t redact_text(const char *text, size_t length, char *to);

#endif
