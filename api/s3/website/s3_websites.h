/* SPDX-License-Identifier: MIT
 *
 * Which requests are for websites: those to hosts below a domain of websites, and all that come in at a place of websites. Such a host never serves
 * S3, nor pages with sessions: what is stored can be a page there that does as it likes.
 *
 *      --website-domain web.example.org      http://BUCKET.web.example.org/; web.example.org itself is the website of a bucket of that name
 *      --website-listen ADDRESS              the same, and any other name is the website of the bucket of that name, as with S3 behind a CNAME
 *      --website-listen ADDRESS=BUCKET       the bucket's website, whatever the name
 *
 * A name below several domains, be they of websites or of virtual-hosted buckets, is what the longest of them says; at a place of websites those of
 * buckets do not count. */
#ifndef API_S3_WEBSITE_S3_WEBSITES_H
#define API_S3_WEBSITE_S3_WEBSITES_H

#include <stdbool.h>

#include "storage/base/slice.h"

struct s3_websites;

/* domains: of websites; bucket_domains: of virtual-hosted buckets; each NULL-terminated, or NULL. Both are copied. 0, -ENOMEM, or -EINVAL where one
 * is both. */
int s3_websites_create(struct s3_websites **websites, const char *const *domains,
                       const char *const *bucket_domains);
void s3_websites_destroy(struct s3_websites *websites); /* NULL allowed */

/* A place of websites, for http_listen.mark: valid as long as `websites`. bucket: whose website it serves; empty: by the names in Host. -ENOMEM, or
 * -EINVAL for what is no name of a bucket. */
int s3_websites_add_place(struct s3_websites *websites, const char *bucket, const void **mark);

/* Whether a request to that host (without its port) is for a website, and of which bucket, which need not be there: at a place of websites always. mark:
 * http_request.mark. *is_fixed: the place says the bucket, and the name does not matter. Any thread. */
bool s3_websites_find(const struct s3_websites *websites, const void *mark, struct slice host,
                      struct slice *bucket, bool *is_fixed);

#endif
