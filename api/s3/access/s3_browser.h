/* SPDX-License-Identifier: MIT
 *
 * Browsers and a server without keys. Such a server trusts whoever can connect, and a browser on the same machine can: any page that it
 * shows could send forms to the server, or ask for it under a name of its own that means 127.0.0.1 (DNS rebinding). A browser says
 * where a request comes from, in Host, Origin (RFC 6454) and Sec-Fetch-* (W3C Fetch Metadata), and no page can change that.
 *
 * So it is on a server with keys for requests by Basic, which a browser lends to every page. */
#ifndef API_S3_ACCESS_S3_BROWSER_H
#define API_S3_ACCESS_S3_BROWSER_H

#include "api/s3/s3_request.h"

/* Before anything is done for the request. allowed: a CORS rule of the bucket lets its origin do this. S3_ERROR_NONE, always so of
 * requests on a server with keys that are not by Basic; S3_ERROR_ACCESS_DENIED, explained. Worker's thread. */
enum s3_error s3_browser_judge(struct s3_request *request, bool allowed);
/* Whether Host is a name of this machine, or one that was configured: no name that somebody made to mean it. After s3_request_parse, or without
 * a virtual host. */
bool s3_browser_has_own_name(struct s3_request *request);
/* Whether a browser says that a page of another origin asks. */
bool s3_browser_is_from_elsewhere(const struct s3_request *request);
/* Headers that keep a stored page from acting in the name of the server: to the answer that brings an object, where there are no keys,
 * or pages for people that it could act on, and a browser asks. */
void s3_browser_answer(struct s3_request *request);
/* The same headers, whatever the server: no page sees into the answer, nor acts in it. */
void s3_browser_confine(struct s3_request *request);

#endif
