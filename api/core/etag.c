/* SPDX-License-Identifier: MIT
 *
 * ETags: a body's MD5 where a client may compare it, else a random opaque one in the form of a multipart
 * ETag, which clients know not to compare. MD5 costs more than the whole way of the bytes, hence the choice. */
#include "api/core/core_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "storage/base/io.h"
#include "storage/base/text/hex.h"

enum { MD5_BYTES = 16, MD5_HEX = 32 };

void core_etag_choose(const struct core *core, bool client_compares, struct core_put_options *options)
{
    if (core->options.etag_md5 || client_compares)
        options->digest_mask |= DIGEST_BIT(DIGEST_MD5);
    else
        options->digest_mask_small |= DIGEST_BIT(DIGEST_MD5);
}

bool core_etag_is_md5(const struct core *core, bool client_compares, uint64_t length)
{
    return core->options.etag_md5 || client_compares || length <= CORE_ETAG_MD5_BYTES_MAX;
}

static void etag_hex(const unsigned char *bytes, char *out)
{
    assert(bytes != NULL);
    hex_encode(bytes, MD5_BYTES, out);
    out[2 * MD5_BYTES] = '\0';
}

static void etag_random(char *out)
{
    unsigned char bytes[MD5_BYTES];
    ssize_t n;

    n = IO_RETRY(getrandom(bytes, sizeof(bytes), 0));
    assert(n == sizeof(bytes)); /* so few bytes never come short, getrandom(2) */
    etag_hex(bytes, out);
}

void core_etag_make_random(char etag[META_ETAG_BYTES_MAX + 1])
{
    etag_random(etag);
}

void core_etag_make(const struct digest_values *values, char etag[META_ETAG_BYTES_MAX + 1])
{
    assert(values != NULL);
    if ((values->mask & DIGEST_BIT(DIGEST_MD5)) != 0) {
        etag_hex(values->value[DIGEST_MD5], etag);
        return;
    }
    etag_random(etag);
    strcpy(etag + MD5_HEX, "-1");
}

static int etag_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether the ETag is an MD5, and its bytes. */
static bool etag_parse_md5(const char *etag, unsigned char bytes[MD5_BYTES])
{
    assert(etag != NULL);
    if (strlen(etag) != MD5_HEX)
        return false;
    for (int i = 0; i < MD5_BYTES; i++) {
        int high = etag_digit(etag[2 * i]), low = etag_digit(etag[2 * i + 1]);

        if (high < 0 || low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

static int etag_digest_parts(struct digest_set *set, const struct meta_complete_part *parts, uint32_t count)
{
    unsigned char bytes[MD5_BYTES];
    bool all_md5 = true;
    int err = 0;

    for (uint32_t i = 0; i < count && all_md5; i++)
        all_md5 = etag_parse_md5(parts[i].etag, bytes);
    for (uint32_t i = 0; i < count && err == 0; i++) {
        if (all_md5 && etag_parse_md5(parts[i].etag, bytes))
            err = digest_set_update(set, bytes, sizeof(bytes));
        else
            err = digest_set_update(set, parts[i].etag, strlen(parts[i].etag));
    }
    return err;
}

void core_etag_make_multipart(const struct meta_complete_part *parts, uint32_t count,
                              char etag[META_ETAG_BYTES_MAX + 1])
{
    struct digest_values values;
    struct digest_set *set;
    int err;

    assert(count > 0 && count <= META_PART_NUMBER_MAX);
    err = digest_set_create(&set, DIGEST_BIT(DIGEST_MD5));
    if (err == 0) {
        err = etag_digest_parts(set, parts, count);
        if (err == 0)
            err = digest_set_final(set, &values);
        digest_set_free(set);
    }
    if (err == 0)
        etag_hex(values.value[DIGEST_MD5], etag);
    else
        etag_random(
            etag); /* without memory or MD5: as good a name for the content, only not a repeatable one */
    assert(strlen(etag) == MD5_HEX);
    snprintf(etag + MD5_HEX, META_ETAG_BYTES_MAX + 1 - MD5_HEX, "-%u", count);
}
