/* SPDX-License-Identifier: MIT
 *
 * The calls of control_calls.h by HTTP: POST /-/admin/ with the request as its body. They run on threads of their own; the worker that a
 * request came to is not held up. */
#ifndef API_SERVER_CONTROL_HTTP_H
#define API_SERVER_CONTROL_HTTP_H

#include "api/server/control/control_calls.h"

struct control_http;
struct s3_request;

/* Of the subject, http and service are those of each request. 0 or a negative errno. */
int control_http_create(struct control_http **control, const struct control_subject *subject);
/* A request whose asker may do everything; ctx: the control. As s3_service_options.admin. On its worker's thread. */
void control_http_handle(void *ctx, struct s3_request *request);
/* Ends calls under way, a check within a moment, and takes no others; their answers are on their way when it returns. Blocks. NULL allowed. */
void control_http_stop(struct control_http *control);
/* After the last request. NULL allowed. */
void control_http_destroy(struct control_http *control);

#endif
