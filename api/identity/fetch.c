/* SPDX-License-Identifier: MIT
 *
 * See fetch.h. */
#include "api/identity/fetch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/identity/curl_library.h"
#include "api/identity/limits.h"
#include "storage/base/loopback.h"

/* The name or address in "USER@NAME:PORT" and the like; empty where there is a user, or a bracket is not closed. */
static struct slice host_of(struct slice authority)
{
    const char *end;

    if (authority.len == 0 || memchr(authority.base, '@', authority.len) != NULL)
        return slice_of("", 0);
    if (authority.base[0] == '[') {
        end = memchr(authority.base, ']', authority.len);
        return end != NULL ? slice_of(authority.base + 1, (size_t)(end - authority.base) - 1)
                           : slice_of("", 0);
    }
    end = memchr(authority.base, ':', authority.len);
    return slice_of(authority.base, end != NULL ? (size_t)(end - authority.base) : authority.len);
}

/* rest: what follows "http://". */
static bool is_this_machine(struct slice rest)
{
    struct slice host;
    size_t length = 0;
    char text[64];

    while (length < rest.len && strchr("/?#", rest.base[length]) == NULL)
        length++;
    host = host_of(slice_of(rest.base, length));
    if (host.len == 0 || host.len >= sizeof(text))
        return false;
    (void)slice_copy(text, host);
    text[host.len] = '\0';
    return strcmp(text, "localhost") == 0 || loopback_is_address(text);
}

bool fetch_url_is_allowed(struct slice url)
{
    for (size_t i = 0; i < url.len; i++) {
        if ((unsigned char)url.base[i] <= ' ' || (unsigned char)url.base[i] >= 0x7f)
            return false;
    }
    return (slice_has_prefix(url, "https://") && url.len > strlen("https://")) ||
           (slice_has_prefix(url, "http://") && is_this_machine(slice_from(url, strlen("http://"))));
}

struct receiving {
    char *body;
    size_t length, bytes_max;
    bool is_too_large;
};

static size_t on_bytes(char *bytes, size_t size, size_t count, void *ctx)
{
    struct receiving *receiving = ctx;
    size_t length = size * count;

    if (length > receiving->bytes_max - receiving->length) {
        receiving->is_too_large = true;
        return 0; /* libcurl ends then */
    }
    memcpy(receiving->body + receiving->length, bytes, length);
    receiving->length += length;
    return length;
}

static bool set_options(const struct curl_library *calls, CURL *curl, const char *url,
                        struct receiving *receiving)
{
    const char *authorities = curl_library_authorities();

    return (authorities == NULL || calls->easy_setopt(curl, CURLOPT_CAINFO, authorities) == CURLE_OK) &&
           calls->easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           calls->easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           calls->easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           calls->easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           calls->easy_setopt(curl, CURLOPT_TIMEOUT, (long)FETCH_SECONDS_MAX) == CURLE_OK &&
           calls->easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)FETCH_SECONDS_MAX / 2) == CURLE_OK &&
           calls->easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           calls->easy_setopt(curl, CURLOPT_USERAGENT, "sluice") == CURLE_OK &&
           calls->easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes) == CURLE_OK &&
           calls->easy_setopt(curl, CURLOPT_WRITEDATA, receiving) == CURLE_OK;
}

static int perform(const struct curl_library *calls, const char *url, struct receiving *receiving,
                   char *reason)
{
    CURL *curl = calls->easy_init();
    long status = 0;
    CURLcode code;

    if (curl == NULL || !set_options(calls, curl, url, receiving)) {
        calls->easy_cleanup(curl);
        (void)snprintf(reason, FETCH_REASON_BYTES, "libcurl cannot be used");
        return -EIO;
    }
    code = calls->easy_perform(curl);
    if (code == CURLE_OK)
        code = calls->easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    calls->easy_cleanup(curl);
    if (receiving->is_too_large) {
        (void)snprintf(reason, FETCH_REASON_BYTES, "it is larger than %zu bytes", receiving->bytes_max);
        return -E2BIG;
    }
    if (code != CURLE_OK)
        (void)snprintf(reason, FETCH_REASON_BYTES, "%s", calls->easy_strerror(code));
    else if (status != 200)
        (void)snprintf(reason, FETCH_REASON_BYTES, "it was answered with status %ld", status);
    return code == CURLE_OK && status == 200 ? 0 : -EIO;
}

int fetch_document(const char *url, size_t bytes_max, struct fetch_result *result)
{
    const struct curl_library *calls;
    struct receiving receiving = {.bytes_max = bytes_max};
    int err;

    *result = (struct fetch_result){NULL, 0, ""};
    if (!fetch_url_is_allowed(slice_text(url)))
        return -EINVAL;
    if ((calls = curl_library_open()) == NULL) {
        (void)snprintf(result->reason, sizeof(result->reason), CURL_LIBRARY_NAME " is not installed");
        return -ENOSYS;
    }
    if ((receiving.body = malloc(bytes_max)) == NULL)
        return -ENOMEM;
    err = perform(calls, url, &receiving, result->reason);
    if (err != 0) {
        free(receiving.body);
        return err;
    }
    result->body = receiving.body;
    result->length = receiving.length;
    return 0;
}
