/* SPDX-License-Identifier: MIT
 *
 * S3's "additional checksums": names, headers, elements and texts of all algorithms, and what a request says about them.
 * Pure functions, any thread. Digests themselves are computed by the storage side. */
#ifndef API_S3_BODY_S3_CHECKSUM_H
#define API_S3_BODY_S3_CHECKSUM_H

#include <stdbool.h>

#include "api/core/core.h"
#include "api/s3/error/s3_error.h"
#include "api/http/http.h"
#include "storage/base/slice.h"

/* The numbers are stored in rows: never renumber. Columns: name, number, name on the wire, header, XML element, digest. */
#define S3_CHECKSUM_MAP(X)                                                                                   \
    X(CRC32, 1, "CRC32", "x-amz-checksum-crc32", "ChecksumCRC32", DIGEST_CRC32)                              \
    X(CRC32C, 2, "CRC32C", "x-amz-checksum-crc32c", "ChecksumCRC32C", DIGEST_CRC32C)                         \
    X(SHA1, 3, "SHA1", "x-amz-checksum-sha1", "ChecksumSHA1", DIGEST_SHA1)                                   \
    X(SHA256, 4, "SHA256", "x-amz-checksum-sha256", "ChecksumSHA256", DIGEST_SHA256)                         \
    X(CRC64NVME, 5, "CRC64NVME", "x-amz-checksum-crc64nvme", "ChecksumCRC64NVME", DIGEST_CRC64NVME)          \
    X(MD5, 6, "MD5", "x-amz-checksum-md5", "ChecksumMD5", DIGEST_MD5)                                        \
    X(SHA512, 7, "SHA512", "x-amz-checksum-sha512", "ChecksumSHA512", DIGEST_SHA512)                         \
    X(XXHASH64, 8, "XXHASH64", "x-amz-checksum-xxhash64", "ChecksumXXHASH64", DIGEST_XXH64)                  \
    X(XXHASH3, 9, "XXHASH3", "x-amz-checksum-xxhash3", "ChecksumXXHASH3", DIGEST_XXH3_64)                    \
    X(XXHASH128, 10, "XXHASH128", "x-amz-checksum-xxhash128", "ChecksumXXHASH128", DIGEST_XXH3_128)

enum s3_checksum_algorithm {
    S3_CHECKSUM_NONE = 0,
#define S3_CHECKSUM_ENUM(name, number, wire, header, element, digest) S3_CHECKSUM_##name = number,
    S3_CHECKSUM_MAP(S3_CHECKSUM_ENUM)
#undef S3_CHECKSUM_ENUM
        S3_CHECKSUM_COUNT,
};

/* Stored in meta_checksum.type. */
enum s3_checksum_type { S3_CHECKSUM_FULL_OBJECT = 0, S3_CHECKSUM_COMPOSITE = 1 };

/* These take an algorithm other than NONE. */
const char *s3_checksum_name(enum s3_checksum_algorithm algorithm);
const char *s3_checksum_header(enum s3_checksum_algorithm algorithm);
const char *s3_checksum_element(enum s3_checksum_algorithm algorithm);
/* What to say of a trailer that cannot be one. */
const char *s3_checksum_invalid_trailer(enum s3_checksum_algorithm algorithm);
enum digest_kind s3_checksum_digest(enum s3_checksum_algorithm algorithm);
size_t s3_checksum_bytes(enum s3_checksum_algorithm algorithm);
bool s3_checksum_is_crc(enum s3_checksum_algorithm algorithm);
const char *s3_checksum_type_name(uint8_t type);

/* Without regard to case; NONE when unknown. */
enum s3_checksum_algorithm s3_checksum_of_name(struct slice name);
enum s3_checksum_algorithm s3_checksum_of_header(struct slice name);
enum s3_checksum_algorithm s3_checksum_of_element(struct slice name);

/* ---- Texts ---- */

#define S3_CHECKSUM_TEXT_BYTES_MAX (88u + 11u) /* base64 of META_CHECKSUM_BYTES_MAX, "-" and a count */

/* Base64, with "-parts" after it when composite. Returns the length. */
size_t s3_checksum_format(const struct meta_checksum *checksum, uint32_t parts,
                          char text[S3_CHECKSUM_TEXT_BYTES_MAX + 1]);

/* A full-object checksum taken from computed digests. The digest must be among them. */
void s3_checksum_from_digests(struct meta_checksum *checksum, enum s3_checksum_algorithm algorithm,
                              const struct digest_values *values);

/* ---- What a request says ---- */

struct s3_checksum_claim {
    enum s3_checksum_algorithm algorithm; /* NONE: the client sent no checksum */
    bool in_trailer;                      /* the value comes after the body */
    unsigned char value[DIGEST_BYTES_MAX];
    struct slice text; /* as sent in the header; base NULL when in_trailer */
};

/* Reads x-amz-checksum-*, x-amz-trailer and x-amz-sdk-checksum-algorithm. *message is set on failure. Several checksums, one
 * of an unknown algorithm, one that is not base64 of its length, or an announced one that is not there: InvalidRequest.
 * "value-N" (CompleteMultipartUpload) is left in `text` with `value` untouched when parts_allowed. */
enum s3_error s3_checksum_claim_read(const struct http_headers *headers, bool parts_allowed,
                                     struct s3_checksum_claim *claim, const char **message);

/* Algorithm and type of a multipart upload, from x-amz-checksum-algorithm and x-amz-checksum-type (base NULL: absent). */
enum s3_error s3_checksum_upload_choose(struct slice algorithm_name, struct slice type_name,
                                        enum s3_checksum_algorithm *algorithm, enum s3_checksum_type *type,
                                        const char **message);

#endif
