/* SPDX-License-Identifier: MIT
 *
 * See url.h. */
#include "api/client/access/url.h"

#include <stdlib.h>
#include <string.h>

#include "api/client/limits.h"
#include "storage/base/text/percent.h"
#include "storage/base/slice.h"

static const char no_memory[] = "out of memory";

static size_t scheme_length(const char *text)
{
    return strncmp(text, "http://", 7) == 0 ? 7 : strncmp(text, "https://", 8) == 0 ? 8 : 0;
}

/* A name and a port: no user, whose secret everybody on the machine could read in a program's words. */
static const char *check_authority(const char *text, size_t length)
{
    if (length == 0)
        return "has no host";
    if (memchr(text, '@', length) != NULL)
        return "must not have a user: keys come from the environment or from ~/.aws";
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f ||
            strchr("\\\"<>^`{|}", text[i]) != NULL)
            return "has a host that cannot be";
    return NULL;
}

/* Decodes in place. */
static const char *decode(char *text)
{
    ssize_t length = percent_decode(text, strlen(text), false, text);

    if (length < 0)
        return "is not percent-encoded rightly: a percent sign itself is %25";
    text[length] = '\0';
    return NULL;
}

/* "BUCKET/KEY", either of which may be missing. */
static const char *split(struct client_url *url, const char *text)
{
    size_t length = strcspn(text, "/");

    if (length == 0)
        return text[0] == '\0' ? NULL : "has no bucket before its key";
    if ((url->bucket = strndup(text, length)) == NULL)
        return no_memory;
    if (text[length] == '\0')
        return NULL;
    free(url->key);
    return (url->key = strdup(text + length + 1)) != NULL ? NULL : no_memory;
}

static const char *parse_http(struct client_url *url, const char *text)
{
    size_t scheme = scheme_length(text), host = strcspn(text + scheme, "/?#");
    const char *rest = text + scheme + host, *problem = check_authority(text + scheme, host);

    if (problem != NULL)
        return problem;
    if (strpbrk(rest, "?#") != NULL)
        return "must have no query: in a key, a question mark is %3F and a number sign %23";
    if ((url->origin = strndup(text, scheme + host)) == NULL)
        return no_memory;
    problem = split(url, rest[0] == '/' ? rest + 1 : rest);
    if (problem == NULL && url->bucket != NULL)
        problem = decode(url->bucket);
    return problem == NULL ? decode(url->key) : problem;
}

const char *client_url_parse(struct client_url *url, const char *text)
{
    bool is_s3 = strncmp(text, "s3://", 5) == 0;

    *url = (struct client_url){.place = is_s3                     ? CLIENT_PLACE_S3
                                        : scheme_length(text) > 0 ? CLIENT_PLACE_HTTP
                                                                  : CLIENT_PLACE_FILE};
    if (text[0] == '\0')
        return "is empty";
    if (strlen(text) > CLIENT_URL_BYTES_MAX)
        return "is too long";
    url->key = strdup(url->place == CLIENT_PLACE_FILE ? text : "");
    if (url->key == NULL)
        return no_memory;
    if (url->place == CLIENT_PLACE_FILE)
        return NULL;
    return is_s3 ? split(url, text + 5) : parse_http(url, text);
}

void client_url_free(struct client_url *url)
{
    free(url->origin);
    free(url->bucket);
    free(url->key);
    *url = (struct client_url){0};
}

const char *client_url_host(const char *origin, unsigned *length)
{
    size_t scheme = scheme_length(origin);
    struct slice host = slice_text(origin + scheme);
    struct slice port = scheme == 8 ? SLICE(":443") : SLICE(":80");

    if (host.len > port.len && memcmp(host.base + host.len - port.len, port.base, port.len) == 0)
        host.len -= port.len;
    *length = (unsigned)host.len;
    return host.base;
}

bool client_url_is_origin(char *origin)
{
    size_t scheme = scheme_length(origin), host = strcspn(origin + scheme, "/?#");
    char *rest = origin + scheme + host;

    if (scheme == 0 || check_authority(origin + scheme, host) != NULL ||
        (rest[0] != '\0' && strcmp(rest, "/") != 0))
        return false;
    rest[0] = '\0';
    return true;
}
