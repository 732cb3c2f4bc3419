/* SPDX-License-Identifier: MIT
 *
 * PutObject of a tar that becomes objects (op_unpack.c). Worker's thread. */
#ifndef API_S3_ARCHIVE_OP_UNPACK_H
#define API_S3_ARCHIVE_OP_UNPACK_H

struct s3_request;

/* Instead of s3_op_put_object, where s3_unpack_is_asked. */
void s3_op_unpack(struct s3_request *request);

#endif
