/* SPDX-License-Identifier: MIT
 *
 * Who may do what: an immutable, reference-counted set of access keys with rights per bucket. A reload makes a new set;
 * requests in flight keep the one they began with.
 *
 * The file, line by line ('#' begins a comment, blanks separate fields):
 *
 *      user NAME [CANONICAL-ID] [quota:bytes=N,objects=N]
 *      key ACCESS SECRET [owner:NAME] [certificate:KIND:NAME]... [rate:N] [PATTERN=RIGHT,RIGHT...]...
 *      token NAME SECRET [owner:NAME] [PATTERN=RIGHT,RIGHT...]...
 *      anonymous [PATTERN=RIGHT,RIGHT...]...
 *
 * PATTERN is a bucket name, or the beginning of one and a '*', or '*' alone, or "@own": the buckets that the key's owner owns. Behind a bucket
 * and a '/' may stand a key, or the beginning of some and a '*', percent-encoded: the rights are on these keys alone, not on the bucket.
 * RIGHT is read, write, list, lock, metrics, admin (which includes lock and metrics), or all. Rights of all patterns that match add up, and whoever signs has at least the
 * rights of `anonymous`. A key without any pattern may do what bucket policies and ACLs let it. Without an `anonymous` line,
 * so may unsigned requests. owner:NAME is the user that the key belongs to, who owns what it creates; without it, the key is
 * a user of its own with an id made from the access key (of a token: the user NAME). Keys sign requests; tokens are shown, and so may keys
 * be (s3_web.h). Several tokens may have one name, but each its own secret. A `user` line gives a user a canonical id (made from the name where
 * it is left out); without such a line the name is the id. deploy/credentials.sample is the manual. */
#ifndef API_S3_AUTH_S3_CREDENTIALS_H
#define API_S3_AUTH_S3_CREDENTIALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/base/log.h"
#include "storage/base/slice.h"

struct s3_credentials;
struct s3_identity;
struct s3_principal;
struct s3_scopes;
struct s3_issuer;
struct s3_certificates;
struct key_sources;
struct jwt_claims;
struct s3_signing_keys;

/* 0 info, 1 warning, 2 error; may be NULL */
typedef log_fn s3_log_fn;

struct s3_credentials_options {
    const char *access_key, *secret_key; /* one key with all rights, or NULL */
    const char *path;                    /* a credentials file, or NULL */
    struct key_sources *sources;         /* of the keys of issuers; NULL: they are not read */
    s3_log_fn log;
    void *log_ctx;
};

/* Reads the file and builds a set with one reference. 0; -EBADMSG: the file (or the one key) cannot be understood, said in the
 * log with the line; -ENOMEM, -ENOENT, -EACCES ... . Blocks. */
int s3_credentials_create(struct s3_credentials **set, const struct s3_credentials_options *options);
/* The same from a text in memory (NULL: no file); name stands for the file in messages. */
int s3_credentials_parse(struct s3_credentials **set, const char *text, size_t length, const char *name,
                         const struct s3_credentials_options *options);
/* Any thread. */
struct s3_credentials *s3_credentials_ref(struct s3_credentials *set);
void s3_credentials_unref(struct s3_credentials *set); /* NULL allowed; the last one wipes the secrets */

/* Neither a key nor a file, not even an empty one: everybody may do everything. */
bool s3_credentials_is_open(const struct s3_credentials *set);
/* NULL when unknown. Valid as long as the set. */
struct s3_identity *s3_credentials_find(const struct s3_credentials *set, const char *access_key,
                                        size_t length);

#define S3_SECRET_DIGEST_BYTES 32u /* SHA-256 */
/* Of whoever shows a secret, by its digest: the token that it is; the key, or the token, of that name. NULL: nobody's. */
struct s3_identity *s3_credentials_find_token(const struct s3_credentials *set,
                                              const unsigned char digest[S3_SECRET_DIGEST_BYTES]);
struct s3_identity *s3_credentials_find_shown(const struct s3_credentials *set, struct slice name,
                                              const unsigned char digest[S3_SECRET_DIGEST_BYTES]);

/* The quotas of users, for meta_quota_set_owners: at most `limit`; how many there are. */
struct meta_quota_owner;
size_t s3_credentials_quotas(const struct s3_credentials *set, struct meta_quota_owner *list, size_t limit);

/* Whose the certificates of clients are. Valid as long as the set. */
const struct s3_certificates *s3_credentials_certificates(const struct s3_credentials *set);
bool s3_credentials_has_issuers(const struct s3_credentials *set);
/* The issuer of that name; NULL: nobody trusts it. */
const struct s3_issuer *s3_credentials_issuer(const struct s3_credentials *set, struct slice name);
/* The first role of the issuer that fits a verified token of it (role: the one of that name, should it fit; base NULL: any), as an identity of its own,
 * which lasts as long as arena and set: 0; -ENOENT: none does; -EINVAL: the role makes a scope of a claim that the token lacks, or that is none. */
struct arena;
int s3_credentials_assume(const struct s3_credentials *set, const struct s3_issuer *issuer, struct slice role,
                          const struct jwt_claims *claims, struct arena *arena,
                          const struct s3_identity **identity);
/* The role of that name, as a parent of sessions: it is nobody's identity by itself. NULL: there is none. */
const struct s3_identity *s3_credentials_role(const struct s3_credentials *set, struct slice name);

/* What of a bucket rights are asked for. Those on some keys only count where these are all that is asked about. */
enum s3_reach_kind {
    S3_REACH_BUCKET,   /* the bucket as a whole: its settings, and everything in it */
    S3_REACH_KEY,      /* that one key */
    S3_REACH_PREFIX,   /* all keys that begin so: a listing */
    S3_REACH_ANYWHERE, /* whatever there is: whether the caller has any business there */
};

struct s3_reach {
    enum s3_reach_kind kind;
    struct slice keys; /* the key, or what the keys begin with */
};

/* Bits of enum s3_right that the identity (NULL: anybody) has there. */
unsigned s3_credentials_rights(const struct s3_credentials *set, const struct s3_identity *identity,
                               struct slice bucket, struct s3_reach reach);

/* Whether whoever that is (NULL: anybody) may make one more request now, which counts. now_ns: of a clock that does not jump. */
bool s3_credentials_admit(const struct s3_credentials *set, const struct s3_identity *identity,
                          uint64_t now_ns);
/* The policy that narrows a session; NULL: there is none, or it is no session. As long as the request. */
struct s3_policy;
const struct s3_policy *s3_identity_session_policy(const struct s3_identity *identity); /* NULL allowed */
bool s3_identity_is_session(const struct s3_identity *identity);
/* Whether the identity itself was given the rights on all of all buckets, "*"; what anybody has does not count, and a session that a policy
 * narrows has nothing everywhere. */
bool s3_identity_may_everywhere(const struct s3_identity *identity, unsigned rights);
/* Bits that the identity (NULL: none) has in buckets of which it is the owner. */
unsigned s3_identity_own_rights(const struct s3_identity *identity);
/* Where it writes and reads in caches; NULL: entries are not told apart for it. Valid as long as the set. */
const struct s3_scopes *s3_identity_scopes(const struct s3_identity *identity);
/* Canonical id of its user: up to S3_OWNER_BYTES_MAX characters. */
const char *s3_identity_owner(const struct s3_identity *identity);
/* What logs call it: its user's name, or the account number where it has none. Valid as long as the set. */
const char *s3_identity_label(const struct s3_identity *identity);
/* Its access key, or the token's name; NULL: it has none. Not to be shown. */
const char *s3_identity_access_key(const struct s3_identity *identity);
/* Its user as policies see it. Valid as long as the set. */
const struct s3_principal *s3_identity_principal(const struct s3_identity *identity);
/* The name of the user with that canonical id, to show beside it; the id where no `user` line names one. Valid as long as
 * set and id. */
const char *s3_credentials_user_name(const struct s3_credentials *set, const char *id, size_t length,
                                     size_t *name_length);

#define S3_ACCOUNT_TEXT_BYTES 13u
/* Whether that is the canonical id of a user or of a key's owner. */
bool s3_credentials_knows(const struct s3_credentials *set, const char *id, size_t length);
/* The 12-digit account number of a canonical id: policies and x-amz-expected-bucket-owner may name it. */
void s3_account_of_owner(const char *id, size_t length, char account[S3_ACCOUNT_TEXT_BYTES]);
/* What that worker keeps of the set to sign with; made at the first call. On the thread of that worker; wiped with the set. NULL without
 * memory. */
struct s3_signing_keys *s3_credentials_signing_keys(struct s3_credentials *set, unsigned worker);
/* The SigV4 signing key for date (8 digits) and region (up to S3_SIGV4_REGION_BYTES_MAX). keys: of the identity's set; a day's requests
 * derive it once, those of a session each anew. Valid until the next call with these. */
const unsigned char *s3_identity_signing_key(const struct s3_identity *identity, struct s3_signing_keys *keys,
                                             const char *date, struct slice region);

/* That for another service than s3, derived anew. */
void s3_identity_derive_key(const struct s3_identity *identity, struct s3_signing_keys *keys,
                            const char *date, struct slice region, struct slice service,
                            unsigned char key[32]);

/* The signature of version 2 of a text: HMAC-SHA1 with the secret. False where the digest library has none. Any thread. */
bool s3_identity_sign_v2(const struct s3_identity *identity, struct slice text, unsigned char signature[20]);

#endif
