/* SPDX-License-Identifier: MIT
 *
 * Who a change is made by, for those who follow changes (api/events). Worker's thread. */
#ifndef API_S3_NOTIFICATION_S3_ORIGIN_H
#define API_S3_NOTIFICATION_S3_ORIGIN_H

#include "api/s3/s3_request.h"

/* For meta_op.origin of the request's changes; NULL where nobody follows any. In the request's arena. */
const struct meta_origin *s3_origin(struct s3_request *request);
/* Of a change that has others follow: whether anybody did before or not. */
const struct meta_origin *s3_origin_always(struct s3_request *request);
/* The first, of an event of that kind. */
const struct meta_origin *s3_origin_as(struct s3_request *request, enum meta_event_kind kind);

#endif
