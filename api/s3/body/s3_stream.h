/* SPDX-License-Identifier: MIT
 *
 * XML documents that may be too large to be held in memory: read as they come, so that what is kept of one is what its reader keeps. The
 * signature and the digests that were given for it are verified over the whole; nothing of it counts before they have been.
 *
 * It costs the budget of bodies in memory its length, S3_STREAM_MEMORY_MAX (or what its reader says) at most: text, parser and what the reader keeps must come
 * to no more. Worker's thread. */
#ifndef API_S3_BODY_S3_STREAM_H
#define API_S3_BODY_S3_STREAM_H

#include "api/s3/s3_request.h"
#include "api/s3/text/s3_xml.h"

struct s3_stream_reader {
    const char *root;      /* element */
    s3_xml_visit_fn visit; /* gets ctx; what it keeps lives in the request's arena */
    size_t bytes_max;
    size_t memory_max; /* 0: S3_STREAM_MEMORY_MAX */
    bool
        has_checksum; /* x-amz-checksum-* of the request are the document's; else they are not looked at here */
    /* Once, when all is read; then the request is to be answered. error: why the document does not count, with a message or NULL;
     * MissingRequestBodyError where nothing came. result: of the XML, as s3_xml_parse has it. */
    void (*done)(struct s3_request *request, enum s3_error error, const char *message, int result, void *ctx);
    void *ctx;
};

/* reader is copied. done may be called from inside. */
void s3_stream_document(struct s3_request *request, const struct s3_stream_reader *reader);

#endif
