/* SPDX-License-Identifier: MIT
 *
 * Members in words. */
#include "api/s3/archive/s3_member.h"

#include <stdio.h>
#include <string.h>

#include "api/s3/auth/s3_hash.h"
#include "storage/base/text/hex.h"

#define MESSAGE_BYTES     160u
#define ETAG_DIGEST_BYTES 16u

void s3_member_etag(const struct meta_object *archive, const struct member *member, bool gzip,
                    char etag[META_ETAG_BYTES_MAX + 1])
{
    struct {
        char archive[META_ETAG_BYTES_MAX + 1];
        struct meta_version_id version;
        unsigned char checksum[sizeof(archive->checksum.value)];
        uint64_t offset, stored, size;
        uint32_t crc;
        uint8_t method, gzip;
        unsigned char name[32]; /* its hash */
    } facts;
    unsigned char digest[32];

    memset(&facts, 0, sizeof(facts)); /* what lies between them, too */
    memcpy(facts.archive, archive->etag, strlen(archive->etag));
    facts.version = archive->version;
    memcpy(facts.checksum, archive->checksum.value, sizeof(facts.checksum));
    facts.offset = member->offset;
    facts.stored = member->stored;
    facts.size = member->size;
    facts.crc = member->crc;
    facts.method = (uint8_t)member->method;
    facts.gzip = gzip;
    s3_sha256(member->name.base, member->name.len, facts.name);
    s3_sha256(&facts, sizeof(facts), digest);
    hex_encode(digest, ETAG_DIGEST_BYTES, etag);
    strcpy(etag + 2 * ETAG_DIGEST_BYTES, "-1"); /* so that nobody takes it for an MD5 */
}

static const char *name_of_method(unsigned method)
{
    static const struct {
        unsigned method;
        const char *name;
    } names[] = {{1, "Shrink"},     {6, "Implode"},    {9, "Deflate64"}, {12, "bzip2"}, {14, "LZMA"},
                 {20, "Zstandard"}, {93, "Zstandard"}, {95, "xz"},       {96, "JPEG"},  {98, "PPMd"}};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].method == method)
            return names[i].name;
    return "a method that is not known here";
}

static enum s3_error refuse_method(struct s3_request *request, const struct member *member,
                                   const char **message)
{
    char *text = s3_request_alloc(request, MESSAGE_BYTES);

    snprintf(text, MESSAGE_BYTES,
             "The member is compressed with %s (method %u). Stored and deflated ones are served.",
             name_of_method(member->method), member->method);
    *message = text;
    return S3_ERROR_NOT_IMPLEMENTED;
}

enum s3_error s3_member_judge(struct s3_request *request, const struct member *member, const char **message)
{
    switch ((enum member_refusal)member->refusal) {
    case MEMBER_FINE:
        return S3_ERROR_NONE;
    case MEMBER_METHOD:
        return refuse_method(request, member, message);
    case MEMBER_ENCRYPTED:
        *message = "The member is encrypted.";
        return S3_ERROR_NOT_IMPLEMENTED;
    case MEMBER_LINK:
        *message = "The member is a link.";
        return S3_ERROR_NOT_IMPLEMENTED;
    case MEMBER_SPARSE:
        *message = "The member is a file with holes that the archive leaves out.";
        return S3_ERROR_NOT_IMPLEMENTED;
    case MEMBER_DEVICE:
        *message = "The member is no file.";
        return S3_ERROR_NOT_IMPLEMENTED;
    case MEMBER_UNSAFE:
        *message = "The member's name leads out of the folder that the archive would be unpacked in.";
        return S3_ERROR_INVALID_REQUEST;
    case MEMBER_OVERLAPS:
        *message = "The member overlaps with another one.";
        return S3_ERROR_INVALID_REQUEST;
    case MEMBER_DAMAGED:
        break;
    }
    *message = S3_MEMBER_DAMAGED_MESSAGE;
    return S3_ERROR_INVALID_REQUEST;
}

/* ---- Encodings ---- */

/* "q=0", "q=0.000": not that one. */
static bool is_excluded(struct slice parameters)
{
    struct slice value;

    while (parameters.len > 0 && (parameters.base[0] == ';' || slice_is_blank(parameters.base[0])))
        parameters = slice_from(parameters, 1);
    if (!slice_has_prefix_nocase(parameters, "q="))
        return false;
    value = slice_trim(slice_from(parameters, 2));
    for (size_t i = 0; i < value.len; i++)
        if (value.base[i] != '0' && value.base[i] != '.')
            return false;
    return true;
}

bool s3_accepts_gzip(struct slice accepted)
{
    bool any = false;

    while (accepted.len > 0) {
        const char *comma = memchr(accepted.base, ',', accepted.len);
        size_t length = comma != NULL ? (size_t)(comma - accepted.base) : accepted.len;
        struct slice entry = slice_trim(slice_of(accepted.base, length)), name;
        const char *semicolon = entry.len > 0 ? memchr(entry.base, ';', entry.len) : NULL;

        name = slice_trim(
            slice_of(entry.base, semicolon != NULL ? (size_t)(semicolon - entry.base) : entry.len));
        if (slice_is_nocase(name, "gzip") || slice_is_nocase(name, "x-gzip"))
            return !is_excluded(slice_from(entry, name.len));
        if (slice_is(name, "*"))
            any = !is_excluded(slice_from(entry, name.len));
        accepted = slice_from(accepted, length + (comma != NULL));
    }
    return any;
}
