/* SPDX-License-Identifier: MIT
 *
 * Bodies that are not what was said of them: the errors, with what was computed. Worker's thread. */
#ifndef API_S3_BODY_S3_MISMATCH_H
#define API_S3_BODY_S3_MISMATCH_H

#include "api/s3/s3_request.h"

/* Content-MD5: BadDigest. */
enum s3_error s3_mismatch_md5(struct s3_request *request, const unsigned char computed[16]);
/* An additional checksum: BadDigest, which names the algorithm (s3_checksum_name). */
enum s3_error s3_mismatch_checksum(struct s3_request *request, const char *algorithm);
/* x-amz-content-sha256: XAmzContentSHA256Mismatch. */
enum s3_error s3_mismatch_sha256(struct s3_request *request, const unsigned char computed[32]);

#endif
