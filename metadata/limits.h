/* SPDX-License-Identifier: MIT
 *
 * Every bound of the metadata module, with its unit in the name and its reason beside it. */
#ifndef METADATA_LIMITS_H
#define METADATA_LIMITS_H

#define META_KEY_BYTES_MAX         1024u /* S3's limit, UTF-8 bytes */
#define META_BUCKET_NAME_BYTES_MAX 63u   /* S3's limit */
#define META_ETAG_BYTES_MAX        64u   /* hex MD5, '-' and a part count, without quotes */
#define META_ATTRIBUTES_BYTES_MAX  (16u << 10) /* stored headers and user metadata of one object, encoded */
#define META_PART_NUMBER_MAX       10000u /* S3's limit */
#define META_CHECKSUM_BYTES_MAX    64u   /* room for SHA-512 */
#define META_LIST_ENTRIES_MAX      1000u /* S3's page size */
#define META_UPLOAD_ID_BYTES       16u

/* Mutations that share one transaction at most: bounds how long the first waits for the last. */
#define META_BATCH_OPS_MAX 512u

#endif
