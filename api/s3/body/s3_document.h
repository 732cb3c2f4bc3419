/* SPDX-License-Identifier: MIT
 *
 * Requests whose body is a document (XML, or JSON) that is read as a whole: collected, and compared with whatever digests the
 * client gave for it. */
#ifndef API_S3_BODY_S3_DOCUMENT_H
#define API_S3_BODY_S3_DOCUMENT_H

#include "api/s3/body/s3_body.h"
#include "storage/base/slice.h"

/* Content-MD5 and x-amz-checksum-* of a document: not required, but what is given must be right. InvalidDigest, BadDigest,
 * InvalidRequest; *message may be set. */
enum s3_error s3_document_verify(struct s3_request *request, struct slice body, const char **message);

/* Content-MD5 alone, where the checksums are about something else than the document. InvalidDigest, BadDigest. */
enum s3_error s3_document_verify_md5(struct s3_request *request, struct slice body);

/* Whether a document that is about many objects may be read: its length is told, and where no signature is asked for it has a digest, for no page of a
 * browser can send one unasked. (S3 wants a digest from everybody.) False: answered. */
bool s3_document_is_vouched(struct s3_request *request);

/* Collects (at most bytes_max) and verifies. Answers every failure itself, an empty body (MissingRequestBodyError) included;
 * then calls done with the document. ctx: the caller's. Worker's thread. */
void s3_document_collect(struct s3_request *request, size_t bytes_max,
                         void (*done)(struct s3_request *request, struct slice body, void *ctx), void *ctx);

/* The same with another error for an empty body. */
void s3_document_collect_or(struct s3_request *request, size_t bytes_max, enum s3_error empty,
                            void (*done)(struct s3_request *request, struct slice body, void *ctx),
                            void *ctx);

/* Sets (or, with base NULL, removes) a setting of the request's bucket and answers with status. */
void s3_setting_put(struct s3_request *request, enum meta_setting_kind kind, struct slice document,
                    int status);
/* The same, but then goes on with `then` instead of answering; answers a failure. */
void s3_setting_put_then(struct s3_request *request, enum meta_setting_kind kind, struct slice document,
                         void (*then)(struct s3_request *request, void *ctx), void *ctx);

#endif
