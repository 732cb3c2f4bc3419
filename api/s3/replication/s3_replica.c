/* SPDX-License-Identifier: MIT
 *
 * See s3_replica.h. */
#include "api/s3/replication/s3_replica.h"

#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/replication/s3_replication.h"
#include "api/s3/s3_operation.h"

static enum s3_error read_claim(struct s3_request *request, enum s3_action action, bool *is_copy)
{
    struct slice status = s3_request_header(request, S3_REPLICA_STATUS_HEADER);
    const struct s3_access access = {.object = &request->pinned, .action = action, .rights = S3_RIGHT_ADMIN};

    *is_copy = false;
    if (status.base == NULL)
        return S3_ERROR_NONE;
    if (!slice_is_nocase(status, "REPLICA"))
        return s3_request_argument(request, SLICE(S3_REPLICA_STATUS_HEADER), status,
                                   "Only REPLICA may be said of what is stored or deleted");
    *is_copy = true;
    return s3_authorize_access(request, &access);
}

enum s3_error s3_replica_add_header(struct s3_request *request, struct meta_attributes *attributes)
{
    bool is_copy;
    enum s3_error error = read_claim(request, S3_ACTION_REPLICATE_OBJECT, &is_copy);

    if (error == S3_ERROR_NONE && is_copy)
        s3_attribute_add(attributes, META_ATTRIBUTE_REPLICATION, SLICE(S3_REPLICA_VALUE));
    return error;
}

enum s3_error s3_replica_of_deletion(struct s3_request *request, bool *is_copy)
{
    return read_claim(request, S3_ACTION_REPLICATE_DELETE, is_copy);
}

bool s3_replica_is_among(const struct meta_attributes *attributes)
{
    return s3_replica_is_copy(s3_attribute_get(attributes, META_ATTRIBUTE_REPLICATION));
}

static bool is_etag(struct slice text)
{
    if (text.len == 0 || text.len > META_ETAG_BYTES_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (strchr("0123456789abcdef-", text.base[i]) == NULL || text.base[i] == '\0')
            return false;
    return true;
}

void s3_replica_take_etag(struct s3_request *request, char etag[META_ETAG_BYTES_MAX + 1])
{
    struct slice text = s3_request_header(request, S3_REPLICA_ETAG_HEADER);

    if (!is_etag(text))
        return;
    (void)slice_copy(etag, text);
    etag[text.len] = '\0';
}

void s3_replica_answer(struct s3_request *request, const struct meta_object *object)
{
    bool is_current = s3_request_parameter(request, "versionId") == NULL;
    const struct s3_replication *replication = NULL;
    const char *status;

    /* Rules that cannot be read say nothing here; the log has it. */
    (void)s3_replication_of(request->worker, request->bucket.id, &replication);
    status = s3_replica_status(replication, request->key, object, is_current);
    if (status != NULL)
        s3_answer_header_string(request, S3_REPLICA_STATUS_HEADER, status);
}
