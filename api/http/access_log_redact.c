/* SPDX-License-Identifier: MIT
 *
 * Taking secrets out of URLs before they are logged. Any thread; no I/O.
 *
 * Parameter names are compared as the S3 front will read them: percent-decoded, and in any case. */
#include "api/http/access_log.h"

#include <string.h>
#include <strings.h>

#include "storage/base/hex.h"

#define REDACTED           "REDACTED"
#define PARAMETER_NAME_MAX 32u

static const char *const secret_parameters[] = {
    "X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", /* presigned, version 4 */
    "Signature",       "AWSAccessKeyId",   "SecurityToken",        /* presigned, version 2 */
};

/* Percent-decodes into name, which is long enough for all names of the table; a longer one is cut. */
static void redact_decode_name(const char *text, size_t length, char name[PARAMETER_NAME_MAX])
{
    size_t used = 0;

    for (size_t i = 0; i < length && used < PARAMETER_NAME_MAX - 1; i++) {
        if (text[i] == '%' && i + 2 < length && hex_value(text[i + 1]) >= 0 && hex_value(text[i + 2]) >= 0) {
            name[used++] = (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
            i += 2;
        } else {
            name[used++] = text[i];
        }
    }
    name[used] = '\0';
}

static bool redact_is_secret(const char *text, size_t length)
{
    char name[PARAMETER_NAME_MAX];

    redact_decode_name(text, length, name);
    for (size_t i = 0; i < sizeof(secret_parameters) / sizeof(secret_parameters[0]); i++)
        if (strcasecmp(name, secret_parameters[i]) == 0)
            return true;
    return false;
}

/* Copies one "name=value" and returns the end of the copy. */
static char *redact_parameter(char *to, const char *text, size_t length)
{
    const char *equals = memchr(text, '=', length);
    size_t name_length = equals != NULL ? (size_t)(equals - text) : length;

    if (equals != NULL && redact_is_secret(text, name_length)) {
        memcpy(to, text, name_length + 1);
        memcpy(to + name_length + 1, REDACTED, strlen(REDACTED));
        return to + name_length + 1 + strlen(REDACTED);
    }
    memcpy(to, text, length);
    return to + length;
}

struct slice access_log_redact(struct arena *arena, struct slice url)
{
    const char *end = url.base + url.len, *at;
    const char *query = url.len > 0 ? memchr(url.base, '?', url.len) : NULL;
    size_t parameters = 1;
    char *copy, *to;

    if (query == NULL)
        return url;
    for (at = query; at < end; at++)
        parameters += *at == '&';
    copy = arena_alloc(arena, url.len + parameters * strlen(REDACTED));
    at = query + 1;
    memcpy(copy, url.base, (size_t)(at - url.base));
    to = copy + (at - url.base);
    for (;;) {
        const char *next = memchr(at, '&', (size_t)(end - at));
        size_t length = (size_t)((next != NULL ? next : end) - at);

        to = redact_parameter(to, at, length);
        if (next == NULL)
            return slice_of(copy, (size_t)(to - copy));
        *to++ = '&';
        at = next + 1;
    }
}
