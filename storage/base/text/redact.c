/* SPDX-License-Identifier: MIT
 *
 * Taking secrets out of URLs and lines before they are logged. Any thread; no I/O. */
#include "storage/base/text/redact.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "storage/base/text/hex.h"

#define REDACTED           "REDACTED"
#define REDACTED_LENGTH    (sizeof(REDACTED) - 1)
#define PARAMETER_NAME_MAX 64u

static const char *const secret_parameters[] = {
    "X-Amz-Signature",
    "X-Amz-Credential",
    "X-Amz-Security-Token", /* presigned, version 4 */
    "Signature",
    "AWSAccessKeyId",
    "SecurityToken",                             /* presigned, version 2 */
    "Credential",                                /* of an Authorization field */
    "WebIdentityToken",                          /* shown to STS */
    "sig",                                       /* of a cache's URLs, as Azure calls it */
    "x-amz-server-side-encryption-customer-key", /* of a presigned URL that says it there */
    "x-amz-copy-source-server-side-encryption-customer-key",
};

/* The byte that is written at text, and how many characters it takes: 3 where it is percent-encoded. */
static unsigned char byte_at(const char *text, const char *end, size_t *length)
{
    *length = 1;
    if (*text == '%' && end - text > 2 && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0) {
        *length = 3;
        return (unsigned char)(hex_value(text[1]) << 4 | hex_value(text[2]));
    }
    return (unsigned char)*text;
}

/* What a parameter may follow. */
static bool is_boundary(unsigned char byte)
{
    return byte == '?' || byte == '&' || byte == ';' || byte == ' ' || byte == ',' || byte == '"' ||
           byte == '\'';
}

static bool is_secret(const char *name)
{
    for (size_t i = 0; i < sizeof(secret_parameters) / sizeof(secret_parameters[0]); i++)
        if (strcasecmp(name, secret_parameters[i]) == 0)
            return true;
    return false;
}

/* Where the value of the secret parameter that begins at text begins; NULL: none begins there. *is_encoded: its '=' is percent-encoded, as
 * the '&' at its end will be. */
static const char *secret_value(const char *text, const char *end, bool *is_encoded)
{
    char name[PARAMETER_NAME_MAX];

    for (size_t used = 0; text < end && used < sizeof(name); used++) {
        size_t length;
        unsigned char byte = byte_at(text, end, &length);

        text += length;
        if (byte == '=') {
            name[used] = '\0';
            *is_encoded = length == 3;
            return is_secret(name) ? text : NULL;
        }
        if (byte == '\0' || is_boundary(byte))
            return NULL;
        name[used] = (char)byte;
    }
    return NULL;
}

static const char *value_end(const char *text, const char *end, bool is_encoded)
{
    while (text < end) {
        size_t length;
        unsigned char byte = byte_at(text, end, &length);

        if (length == 1 && (byte == '&' || byte == '"' || byte <= ' '))
            return text;
        if (length == 3 && is_encoded && byte == '&')
            return text;
        text += length;
    }
    return end;
}

/* The '@' after a user; NULL: "://" is not followed by one. */
static const char *user_end(const char *text, const char *end)
{
    const char *at = NULL;

    for (; text < end && strchr("/?#\" ", *text) == NULL; text++)
        if (*text == '@')
            at = text;
    return at;
}

size_t redact_room(const char *text, size_t length)
{
    const char *end = text + length;
    size_t secrets = 0;

    for (const char *at = text; at < end; at++)
        secrets += *at == '=' || *at == '@' ||
                   (*at == '%' && end - at > 2 && at[1] == '3' && (at[2] == 'D' || at[2] == 'd'));
    return secrets == 0 ? 0 : length + secrets * REDACTED_LENGTH;
}

static char *put(char *to, const char *text, size_t length)
{
    memcpy(to, text, length);
    return to + length;
}

size_t redact_text(const char *text, size_t length, char *to)
{
    const char *end = text + length, *begin = to;
    bool is_begin = true; /* of a parameter, if one is here */

    while (text < end) {
        bool is_encoded = false;
        const char *value = is_begin ? secret_value(text, end, &is_encoded) : NULL;
        const char *user = end - text > 3 && memcmp(text, "://", 3) == 0 ? user_end(text + 3, end) : NULL;
        size_t step;

        if (value != NULL || user != NULL) {
            to = put(to, text, value != NULL ? (size_t)(value - text) : 3);
            to = put(to, REDACTED, REDACTED_LENGTH);
            text = value != NULL ? value_end(value, end, is_encoded) : user;
            is_begin = false;
            continue;
        }
        is_begin = is_boundary(byte_at(text, end, &step));
        to = put(to, text, step);
        text += step;
    }
    return (size_t)(to - begin);
}
