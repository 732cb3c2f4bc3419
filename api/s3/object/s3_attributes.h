/* SPDX-License-Identifier: MIT
 *
 * The headers that are stored with an object and come back with it: content-type and its kin, x-amz-meta-*, and the few
 * x-amz-* settings that describe an object. Headers that ask for something this server does not do are refused here, before
 * a byte of the body is read, rather than dropped in silence. Pure functions over header lists, any thread. */
#ifndef API_S3_OBJECT_S3_ATTRIBUTES_H
#define API_S3_OBJECT_S3_ATTRIBUTES_H

#include <stdbool.h>

#include "api/s3/error/s3_error.h"
#include "api/core/core.h"
#include "api/http/http.h"
#include "api/s3/s3_effective.h"
#include "storage/base/arena.h"

/* Of what is stored, but for what keeps the name of its header. */
#define S3_ATTRIBUTE_STORAGE_CLASS    "x-amz-storage-class"
#define S3_ATTRIBUTE_WEBSITE_REDIRECT "x-amz-website-redirect-location"

/* Metadata of the user's own: kept as it reads, and answered as s3_encoded_word.h writes it. */
#define S3_USER_METADATA_PREFIX "x-amz-meta-"

#define S3_CONTENT_TYPE_DEFAULT "binary/octet-stream"

/* What of a request is stored with the object it creates. The list is in the arena; texts stay where they are unless they had
 * to be changed. MetadataTooLarge, InvalidStorageClass, InvalidRedirectLocation ... */
enum s3_error s3_attributes_collect(struct arena *arena, const struct http_headers *headers,
                                    const struct s3_effective *effective, struct meta_attributes *attributes);

/* Adds one of the labels of meta.h to what s3_attributes_collect made, each at most once. */
void s3_attribute_add(struct meta_attributes *attributes, const char *name, struct slice value);

/* The value by lower-case name; base NULL when absent. */
struct slice s3_attribute_get(const struct meta_attributes *attributes, const char *name);

/* Content-Encoding without the "aws-chunked" entries, which describe the upload and not the object. The result is empty when
 * nothing is left; it is `value` itself or in the arena. */
struct slice s3_content_encoding_strip(struct arena *arena, struct slice value);

#endif
