/* SPDX-License-Identifier: MIT
 *
 * Who a request comes from, and what AWS's environment says of where it goes: the variables first, then ~/.aws/credentials and ~/.aws/config
 * (or where AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE say). A profile that is asked for by name wins over keys in the environment.
 *
 * Read: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_PROFILE, AWS_DEFAULT_PROFILE, AWS_REGION, AWS_DEFAULT_REGION,
 * AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_CA_BUNDLE (else CURL_CA_BUNDLE, SSL_CERT_FILE). What would have another program or server make
 * the keys (credential_process, sso_*, role_arn) is refused by name where the profile has no keys of its own. */
#ifndef API_CLIENT_IDENTITY_H
#define API_CLIENT_IDENTITY_H

#include <stddef.h>

struct client_identity {
    char *access_key, *secret_key; /* both or none: then requests are not signed */
    char *session_token;           /* NULL: none */
    char *region;                  /* never NULL */
    char *endpoint_url;            /* NULL: none is said */
    char *ca_bundle;               /* NULL: the system's */
};

/* profile, region: what flags say, or NULL. 0, -ENOMEM, or -EINVAL with a sentence in why. client_identity_free takes it in any case. */
int client_identity_load(struct client_identity *identity, const char *profile, const char *region, char *why,
                         size_t why_bytes);
void client_identity_free(struct client_identity *identity); /* wipes the secret */

#endif
