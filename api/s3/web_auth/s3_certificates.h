/* SPDX-License-Identifier: MIT
 *
 * Keys and tokens whose requests are known by the certificate that a client shows (mutual TLS), as words of their lines:
 *
 *      key ACCESS SECRET certificate:dns:HOST certificate:uri:spiffe://acme/build BUCKET=RIGHT,RIGHT ...
 *
 * Part of a set of credentials: made by its reader, and not changed once it is sealed. */
#ifndef API_S3_WEB_AUTH_S3_CERTIFICATES_H
#define API_S3_WEB_AUTH_S3_CERTIFICATES_H

#include <stddef.h>

struct s3_certificate;
struct s3_identity;

struct s3_certificates {
    struct s3_certificate *list; /* by name, once sealed */
    size_t count;
};

#define S3_CERTIFICATE_PROBLEM                                                                               \
    "expected: certificate:KIND:NAME, with dns, email, uri or cn and what a client's certificate has "       \
    "there, "                                                                                                \
    "percent-encoded where there are blanks or '%'"

/* What follows "certificate:" in a line. 0; -EBADMSG: it is not of that form; -ENOMEM. */
int s3_certificates_add(struct s3_certificates *certificates, const char *text, struct s3_identity *identity);
/* The owners are known by now. Of several lines of one owner the last counts, so that a key may be replaced while the old one is still good. NULL, or the name
 * that two owners have. */
const char *s3_certificates_seal(struct s3_certificates *certificates);
void s3_certificates_free(struct s3_certificates *certificates);

/* Whose the certificate is that has that name ("dns:host"); NULL: nobody's. */
struct s3_identity *s3_certificates_find(const struct s3_certificates *certificates, const char *name);

#endif
