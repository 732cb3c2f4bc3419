/* SPDX-License-Identifier: MIT
 *
 * Signed URLs: who has one may do one thing with one entry until a time that it says. It is of two segments or more and has a query, as
 * clients of Azure's blobs want it. What a client calls this server has no say in it: a Host of somebody's choice would send the bytes, and
 * the right to them, there. */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "api/doors/github/github.h"
#include "api/s3/auth/s3_hash.h"
#include "api/s3/object/s3_range.h"
#include "storage/base/text/base64.h"
#include "storage/base/clock.h"

static const char *const uses[GITHUB_USES] = {[GITHUB_UPLOAD] = "upload", [GITHUB_DOWNLOAD] = "download"};

#define SIGNATURE_BYTES 43u /* base64url of 32 bytes */

static struct slice sign(const struct door_call *call, enum github_use use, struct slice name,
                         struct slice expiry)
{
    struct arena *arena = &call->request->http->arena;
    const struct github *github = call->door->state;
    struct slice text = arena_concat(arena, slice_text(uses[use]), SLICE("\n"), slice_text(call->door->name),
                                     SLICE("\n"), name, SLICE("\n"), expiry);
    char *signature = arena_alloc(arena, BASE64_ENCODED_BYTES(32) + 1);
    unsigned char mac[32];

    s3_hmac_sha256(github->secret, sizeof(github->secret), text.base, text.len, mac);
    return slice_of(signature, base64url_encode(mac, sizeof(mac), signature));
}

static struct slice base_of(const struct door_call *call)
{
    const struct github *github = call->door->state;

    return door_base_url(call, github->public_url);
}

struct slice github_url_make(const struct door_call *call, enum github_use use, struct slice name,
                             int64_t now_ms)
{
    struct arena *arena = &call->request->http->arena;
    struct slice base = base_of(call), expiry;
    char number[24];

    if (base.len == 0)
        return base;
    snprintf(number, sizeof(number), "%lld",
             (long long)(now_ms / 1000) +
                 (use == GITHUB_UPLOAD ? GITHUB_UPLOAD_URL_S : GITHUB_DOWNLOAD_URL_S));
    expiry = arena_dup_text(arena, number);
    return arena_concat(arena, base, SLICE("/-/cache/"), slice_text(call->door->name), SLICE("/"),
                        slice_text(uses[use]), SLICE("/"), name, SLICE("?se="), expiry, SLICE("&sig="),
                        sign(call, use, name, expiry));
}

/* It names the entry by its whole key. */
struct slice github_url_of_entry(struct github_request *github, struct slice key)
{
    char *name = arena_alloc(&github->call->request->http->arena, BASE64_ENCODED_BYTES(key.len) + 1);
    struct slice url =
        github_url_make(github->call, GITHUB_DOWNLOAD,
                        slice_of(name, base64url_encode(key.base, key.len, name)), clock_real_ms());

    if (url.len == 0)
        github_fail(github, 503, "unavailable",
                    "the server has no address to tell: --public-url gives it one");
    return url;
}

bool github_url_is_good(const struct door_call *call, enum github_use use, struct slice name, int64_t now_ms)
{
    struct slice expiry = door_parameter(call, "se"), shown = door_parameter(call, "sig"), right;
    uint64_t until_s;

    if (expiry.base == NULL || expiry.len > 20 || shown.base == NULL || shown.len != SIGNATURE_BYTES)
        return false;
    right = sign(call, use, name, expiry);
    return CRYPTO_memcmp(right.base, shown.base, SIGNATURE_BYTES) == 0 &&
           s3_number_parse(expiry.base, expiry.len, INT64_MAX / 1000, &until_s) == 0 &&
           now_ms < (int64_t)until_s * 1000;
}
