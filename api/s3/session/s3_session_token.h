/* SPDX-License-Identifier: MIT
 *
 * Sealed tokens of sessions: all that the server knows of a session stands in its token, which nobody can read or make without the
 * server's key. The session's access key and secret follow from the key and the token's random seed, and are stored nowhere.
 *
 *      version (1)  seed (24)  [ the session, AES-256-GCM ]  tag (16)        as base64 for URLs
 *
 * Each token is sealed with a key of its own, made of the server's key and the seed. Pure functions but for the random seed; any thread. */
#ifndef API_S3_SESSION_S3_SESSION_TOKEN_H
#define API_S3_SESSION_S3_SESSION_TOKEN_H

#include <stdint.h>

#include "api/s3/access/s3_scopes.h"
#include "api/s3/limits.h"
#include "storage/base/arena.h"
#include "storage/base/text/base64.h"

#define S3_SESSION_KEY_BYTES        32u
#define S3_SESSION_DIGEST_BYTES     32u
#define S3_SESSION_ACCESS_KEY_BYTES 20u /* "ASIA", and 16 of A-Z and 2-7 */
#define S3_SESSION_SECRET_BYTES     40u

enum s3_session_parent { S3_SESSION_OF_KEY = 1, S3_SESSION_OF_ROLE = 2 };

struct s3_session {
    int64_t expires_s; /* Unix seconds */
    enum s3_session_parent parent;
    struct slice parent_name;                             /* the access key, or the role's name */
    unsigned char parent_digest[S3_SESSION_DIGEST_BYTES]; /* of its secret, or of its line */
    struct slice name;                                    /* as its maker called it; may be empty */
    struct s3_scopes scopes;                              /* count 0: none */
    struct slice policy;                                  /* JSON; empty: there is none */
};

struct s3_session_credentials {
    char access_key[S3_SESSION_ACCESS_KEY_BYTES + 1], secret_key[S3_SESSION_SECRET_BYTES + 1];
};

#define S3_SESSION_SEED_BYTES 24u
#define S3_SESSION_TAG_BYTES  16u
/* Expiry, kind, digest, three texts with their lengths, and the scopes. */
#define S3_SESSION_PLAIN_BYTES_MAX                                                                           \
    (8u + 1u + S3_SESSION_DIGEST_BYTES + 1u + S3_ACCESS_KEY_BYTES_MAX + 1u + S3_SESSION_NAME_BYTES_MAX +     \
     2u + S3_SCOPES_MAX * (1u + S3_SCOPE_BYTES_MAX) + 2u + S3_SESSION_POLICY_BYTES_MAX)
#define S3_SESSION_SEALED_BYTES_MAX                                                                          \
    (1u + S3_SESSION_SEED_BYTES + S3_SESSION_PLAIN_BYTES_MAX + S3_SESSION_TAG_BYTES)
#define S3_SESSION_TOKEN_BYTES_MAX BASE64_ENCODED_BYTES(S3_SESSION_SEALED_BYTES_MAX)

/* Texts are within the bounds above. 0, or -EIO: no random numbers, or OpenSSL cannot. */
int s3_session_seal(const unsigned char key[S3_SESSION_KEY_BYTES], const struct s3_session *session,
                    char token[S3_SESSION_TOKEN_BYTES_MAX + 1], struct s3_session_credentials *credentials);
/* Whether it has expired is the caller's to see. Texts of *session are in the arena. 0; -EBADMSG: it was not sealed with this key, or not
 * as it is now. */
int s3_session_open(const unsigned char key[S3_SESSION_KEY_BYTES], struct slice token, struct arena *arena,
                    struct s3_session *session, struct s3_session_credentials *credentials);

#endif
