/* SPDX-License-Identifier: MIT
 *
 * MinIO's way to name members of ZIP archives, for its clients: with the header X-Minio-Extract, GET and HEAD of /BUCKET/ARCHIVE.zip/MEMBER
 * are about that member, and a listing whose prefix is ARCHIVE.zip/... is one of members. Requests through doors have no such way.
 * Worker's thread. */
#ifndef API_S3_ARCHIVE_S3_EXTRACT_H
#define API_S3_ARCHIVE_S3_EXTRACT_H

#include "api/s3/s3_request.h"

#define S3_MEMBER_PARAMETER  "sluice-member"  /* names a member */
#define S3_MEMBERS_PARAMETER "sluice-members" /* asks for a listing of them */

/* After s3_request_parse, before anything is judged: makes of such a request the one that it stands for. Its key is the archive's from
 * there on, and one of the parameters above is there. */
void s3_extract_apply(struct s3_request *request);

#endif
