/* SPDX-License-Identifier: MIT
 *
 * Answers in STS's XML. Each answers the request. Worker's thread. */
#ifndef API_S3_SESSION_S3_STS_ANSWER_H
#define API_S3_SESSION_S3_STS_ANSWER_H

#include "api/s3/s3_request.h"
#include "api/s3/text/s3_xml.h"

/* action: "GetCallerIdentity". What is written between the two stands in its Result. */
void s3_sts_answer_begin(struct s3_request *request, struct s3_xml *xml, const char *action);
void s3_sts_answer_end(struct s3_request *request, struct s3_xml *xml, const char *action);

/* One more of enum s3_sts_count. */
void s3_sts_count(struct s3_request *request, unsigned what);

/* code and message of STS's own. */
void s3_sts_refuse(struct s3_request *request, int status, const char *code, const char *message);
/* What S3 says of a signature or a body, in STS's words. */
void s3_sts_answer_error(struct s3_request *request, enum s3_error error);

#endif
