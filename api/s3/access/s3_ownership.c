/* SPDX-License-Identifier: MIT
 *
 * See s3_ownership.h. Ownership is stored as its word; a PublicAccessBlock as four letters, 'y' or 'n', in the order of its
 * element's names. */
#include "api/s3/access/s3_ownership.h"

#include <errno.h>
#include <stdlib.h>

#include "storage/base/slice.h"

static const struct slice ownership_names[] = {
    [S3_OWNERSHIP_ENFORCED] = SLICE("BucketOwnerEnforced"),
    [S3_OWNERSHIP_PREFERRED] = SLICE("BucketOwnerPreferred"),
    [S3_OWNERSHIP_WRITER] = SLICE("ObjectWriter"),
};

/* ---- Ownership controls ---- */

enum s3_ownership s3_ownership_of_name(struct slice name)
{
    for (enum s3_ownership i = S3_OWNERSHIP_ENFORCED; i <= S3_OWNERSHIP_WRITER; i++) {
        if (slice_equals(name, ownership_names[i]))
            return i;
    }
    return S3_OWNERSHIP_UNSET;
}

const char *s3_ownership_name(enum s3_ownership ownership)
{
    return ownership_names[ownership].base;
}

static int parse_ownership(struct slice document, void **parsed)
{
    enum s3_ownership *ownership = malloc(sizeof(*ownership));

    if (ownership == NULL)
        return -ENOMEM;
    *ownership = s3_ownership_of_name(document);
    *parsed = ownership;
    return 0;
}

int s3_ownership_get(struct s3_request *request, int64_t bucket, enum s3_ownership *ownership)
{
    static const struct core_setting_form form = {META_SETTING_OWNERSHIP, parse_ownership, free};
    const void *parsed;
    int result = core_setting_get(request->worker, bucket, &form, &parsed);

    *ownership = result == 0 && parsed != NULL ? *(const enum s3_ownership *)parsed : S3_OWNERSHIP_UNSET;
    return result;
}

/* ---- PublicAccessBlock ---- */

static int parse_block(struct slice document, void **parsed)
{
    const char *letters = document.base;
    struct s3_public_access_block *block;

    if (document.len != S3_PUBLIC_ACCESS_SWITCHES)
        return META_E_CORRUPT;
    if ((block = malloc(sizeof(*block))) == NULL)
        return -ENOMEM;
    *block = (struct s3_public_access_block){true, letters[0] == 'y', letters[1] == 'y', letters[2] == 'y',
                                             letters[3] == 'y'};
    *parsed = block;
    return 0;
}

int s3_public_access_block_read(struct core_worker *worker, int64_t bucket,
                                struct s3_public_access_block *block)
{
    static const struct core_setting_form form = {META_SETTING_PUBLIC_ACCESS_BLOCK, parse_block, free};
    const void *parsed;
    int result = core_setting_get(worker, bucket, &form, &parsed);

    *block = (struct s3_public_access_block){0};
    if (result == 0 && parsed != NULL)
        *block = *(const struct s3_public_access_block *)parsed;
    return result;
}

int s3_public_access_block_get(struct s3_request *request, int64_t bucket,
                               struct s3_public_access_block *block)
{
    return s3_public_access_block_read(request->worker, bucket, block);
}
