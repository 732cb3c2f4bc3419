/* SPDX-License-Identifier: MIT
 *
 * Requests of a server that keeps copies here, and what answers say of copies. Such a request says
 *
 *      x-amz-replication-status: REPLICA
 *      x-sluice-replica-etag: ETAG        (or not) the ETag that the object has there, where it is not the MD5 of what comes
 *
 * and is heard only from who may replicate (s3:ReplicateObject, s3:ReplicateDelete; by configuration, admin on the bucket): it leaves no work for
 * the replication of this server, so changes do not go round. Worker's thread. */
#ifndef API_S3_REPLICATION_S3_REPLICA_H
#define API_S3_REPLICATION_S3_REPLICA_H

#include "api/s3/s3_request.h"

#define S3_REPLICA_STATUS_HEADER "x-amz-replication-status"
#define S3_REPLICA_ETAG_HEADER   "x-sluice-replica-etag"

/* Adds META_ATTRIBUTE_REPLICATION to what s3_attributes_collect made, if the request says that it brings a copy. AccessDenied: it may not;
 * InvalidArgument: it says something else. */
enum s3_error s3_replica_add_header(struct s3_request *request, struct meta_attributes *attributes);
/* Whether a deletion repeats one that was made elsewhere. The same errors. */
enum s3_error s3_replica_of_deletion(struct s3_request *request, bool *is_copy);
/* Whether what was added, or stored with an upload, says that it is a copy. */
bool s3_replica_is_among(const struct meta_attributes *attributes);
/* The ETag that a copy's request gives instead of this one, if it does. */
void s3_replica_take_etag(struct s3_request *request, char etag[META_ETAG_BYTES_MAX + 1]);

/* x-amz-replication-status of the object that is read. */
void s3_replica_answer(struct s3_request *request, const struct meta_object *object);

#endif
