/* SPDX-License-Identifier: MIT
 *
 * What the audit log says of a request beside the one line that each change has. On the worker's thread. */
#ifndef API_S3_S3_AUDIT_H
#define API_S3_S3_AUDIT_H

#include "api/s3/error/s3_error.h"
#include "api/s3/s3_request.h"

struct meta_delete_entry;

/* Keys are percent-encoded in it, as in S3's own logs: they may hold any character.
 *
 * Has the request's line written when it is over, if it is to change something. When its operation, bucket and key are known. */
void s3_audit_begin(struct s3_request *request);
/* One key of a DeleteObjects: a line with the version that was named (base NULL: none was), else the marker that was added. entry: NULL with an error. */
void s3_audit_deleted(struct s3_request *request, struct slice key, struct slice version_text,
                      const struct meta_delete_entry *entry, enum s3_error error);

#endif
