/* SPDX-License-Identifier: MIT
 *
 * What is said of a member to clients: its ETag, why it is not given out, and in which form it may be. Worker's thread. */
#ifndef API_S3_ARCHIVE_S3_MEMBER_H
#define API_S3_ARCHIVE_S3_MEMBER_H

#include "api/archive/member_index.h"
#include "api/s3/s3_request.h"

/* Of the member in an archive that is this object: another one where any of its bytes may be others. A strong one, without quotes. gzip: of
 * that form, whose bytes are others. */
void s3_member_etag(const struct meta_object *archive, const struct member *member, bool gzip,
                    char etag[META_ETAG_BYTES_MAX + 1]);

/* S3_ERROR_NONE, or why it is not given out, with *message, from the request's arena or static. */
enum s3_error s3_member_judge(struct s3_request *request, const struct member *member, const char **message);

#define S3_MEMBER_DAMAGED_MESSAGE "The member is damaged: it is not what the archive says of it."

/* Whether the client's Accept-Encoding takes gzip (RFC 9110 12.5.3). accepted: its value; base NULL: there is none. Pure. */
bool s3_accepts_gzip(struct slice accepted);

#endif
