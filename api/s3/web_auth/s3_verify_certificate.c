/* SPDX-License-Identifier: MIT
 *
 * Whose a certificate is. The handshake has proven that the client has its key, and that an authority vouches for its names. */
#include "api/s3/web_auth/s3_verify_certificate.h"

#include "api/s3/access/s3_browser.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/limits.h"
#include "api/s3/web_auth/s3_certificates.h"

static struct s3_identity *find(const struct s3_request *request)
{
    const struct s3_certificates *certificates = s3_credentials_certificates(request->credentials);
    struct slice names[S3_CERTIFICATE_NAMES_MAX];
    struct s3_identity *identity = NULL;
    size_t count = 0;

    if (certificates->count > 0)
        count = http_request_certificate_names(request->http, names, S3_CERTIFICATE_NAMES_MAX);
    for (size_t i = 0; i < count && identity == NULL; i++)
        identity = s3_certificates_find(certificates, names[i].base);
    return identity;
}

/* A signature counts more, wherever it stands. */
bool s3_verify_certificate_has(const struct s3_request *request)
{
    return s3_request_header(request, "authorization").len == 0 &&
           !s3_request_has(request, "X-Amz-Signature") && !s3_request_has(request, "Signature") &&
           find(request) != NULL;
}

void s3_verify_certificate(struct s3_request *request)
{
    struct s3_identity *identity = find(request);

    if (identity == NULL)
        return;
    s3_request_identify(request, identity);
    request->web = S3_WEB_CERTIFICATE;
    s3_browser_confine(request); /* as with Basic: a browser lends it to every page */
}
