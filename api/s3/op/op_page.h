/* SPDX-License-Identifier: MIT
 *
 * A page of a listing: entries as they come, common prefixes behind them, and in front a head, which is known last. Lives in the request's
 * arena. Worker's thread. */
#ifndef API_S3_OP_PAGE_H
#define API_S3_OP_PAGE_H

#include "api/s3/s3_operation.h"

struct s3_page {
    struct s3_request *request;
    struct s3_xml xml;              /* the entries, and what follows them */
    struct slice prefix, delimiter; /* as given; base NULL when absent */
    struct slice
        before;     /* what all names begin with, where they are told; empty but for members of archives */
    uint32_t limit; /* of entries, keys and common prefixes together */
    bool url;       /* names are told with encoding-type=url */
    bool truncated; /* more entries follow */
    struct slice *common;
    uint32_t common_count;
};

/* Reads prefix, delimiter, encoding-type and the limit, whose parameter is limit_name. Not 0: it was answered, since one is wrong. */
int s3_page_read(struct s3_page *page, struct s3_request *request, const char *limit_name);

/* Before the first entry. */
void s3_page_begin(struct s3_page *page);

/* A copy of it is told behind the entries; which is returned. At most limit of them. */
struct slice s3_page_add_common(struct s3_page *page, struct slice prefix);

void s3_page_write_name(const struct s3_page *page, struct s3_xml *xml, const char *element,
                        struct slice name);

/* Of the head: the limit, as limit_element, and what else S3 tells in this order behind it. */
void s3_page_write_limits(const struct s3_page *page, struct s3_xml *xml, const char *limit_element);

/* Once all entries are written, after a scan that ended with result: 0, or what is answered as a failure. Not 0: it was answered. Otherwise
 * the head is written to *head, and s3_page_answer() follows. */
int s3_page_end(struct s3_page *page, int result, const char *root, struct s3_xml *head);

void s3_page_answer(struct s3_page *page, struct s3_xml *head);

#endif
