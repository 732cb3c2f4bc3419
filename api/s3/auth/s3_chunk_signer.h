/* SPDX-License-Identifier: MIT
 *
 * Checks the signatures inside an aws-chunked body: each chunk's, the final empty one's and the trailers'. Each signature covers
 * the one before it, beginning with the request's own.
 *
 * A signer is reference counted and made of plain memory: a digest thread may still be checking a chunk when the request is
 * gone. It never changes but for the mark that something was refused, so any number of threads may use it. */
#ifndef API_S3_AUTH_S3_CHUNK_SIGNER_H
#define API_S3_AUTH_S3_CHUNK_SIGNER_H

#include <stdbool.h>
#include <stddef.h>

#include "api/core/core.h"

struct s3_chunk_signer;

/* timestamp: 16 characters, scope: "20130524/us-east-1/s3/aws4_request", seed: the request's signature. NULL without memory. */
struct s3_chunk_signer *s3_chunk_signer_create(const unsigned char key[32], const char *timestamp,
                                               const char *scope, const unsigned char seed[32]);
struct s3_chunk_signer *s3_chunk_signer_ref(struct s3_chunk_signer *signer);
void s3_chunk_signer_unref(struct s3_chunk_signer *signer); /* NULL allowed */

const unsigned char *s3_chunk_signer_seed(const struct s3_chunk_signer *signer);
/* Whether some signature was refused so far. */
bool s3_chunk_signer_has_refused(const struct s3_chunk_signer *signer);

/* The tag of a chunk: its claimed signature, then the one before it. */
void s3_chunk_tag(struct digest_chunk *chunk, const unsigned char claimed[32],
                  const unsigned char previous[32]);
/* digest_chunk_ops.verify; ctx is the signer. 0 or -EBADMSG. */
int s3_chunk_verify(void *ctx, const unsigned char sha256[32], const struct digest_chunk *chunk);
/* Verify and release (which gives one reference back), with the signer as ctx. As long-lived as the signer. */
const struct digest_chunk_ops *s3_chunk_signer_ops(struct s3_chunk_signer *signer);
/* trailers: "name:value\n" each. 0 or -EBADMSG. */
int s3_chunk_signer_verify_trailers(struct s3_chunk_signer *signer, const char *trailers, size_t length,
                                    const unsigned char claimed[32], const unsigned char previous[32]);

#endif
