/* SPDX-License-Identifier: MIT
 *
 * People, who ask with a browser, where there are pages for them (api/pages); where there are none, nobody is one. On the worker's thread, after
 * s3_request_parse. */
#ifndef API_S3_ACCESS_S3_PERSON_H
#define API_S3_ACCESS_S3_PERSON_H

#include "api/s3/s3_request.h"

/* Whether it is one of the pages, at /-/ui/. */
bool s3_person_is_at_page(const struct s3_request *request);
/* That, or somebody looks at what S3 lists: all buckets, a bucket or a folder, without anything that S3 would be told. A browser says that it likes
 * text/html best, and nothing tells whose the request is. */
bool s3_person_asks(const struct s3_request *request);
/* Whether a browser would show the answer as a page of its own, or in another's. */
bool s3_person_may_see(const struct s3_request *request);

#endif
