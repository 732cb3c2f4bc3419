/* SPDX-License-Identifier: MIT
 *
 * Requests on connections whose client has shown a certificate (mutual TLS). On the worker's thread. */
#ifndef API_S3_WEB_AUTH_S3_VERIFY_CERTIFICATE_H
#define API_S3_WEB_AUTH_S3_VERIFY_CERTIFICATE_H

#include "api/s3/s3_request.h"

/* Whose the request is, that claims nothing itself: fills identity, owner_id and web. Where the certificate is nobody's, it stays anybody's. */
void s3_verify_certificate(struct s3_request *request);
/* Whether it would be somebody's: before it is authenticated. */
bool s3_verify_certificate_has(const struct s3_request *request);

#endif
