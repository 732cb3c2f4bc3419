/* SPDX-License-Identifier: MIT
 *
 * A set of access keys: looking keys up, adding rights up. It is read by s3_credentials_parse.c, and built by
 * s3_credentials_build.c.
 *
 * A set never changes once it is built but for two things: its reference count, and the signing keys that
 * each worker keeps for itself. Any thread. */
#include "api/s3/auth/s3_credentials.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "api/s3/auth/s3_credentials_internal.h"
#include "api/s3/s3_request.h"
#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/auth/s3_signing_keys.h"
#include "storage/base/text/hex.h"

unsigned s3_credentials_rights(const struct s3_credentials *set, const struct s3_identity *identity,
                               struct slice bucket, struct s3_reach reach)
{
    unsigned rights;

    if (s3_credentials_is_open(set))
        return S3_RIGHTS_ALL;
    rights = s3_grants_rights(&set->anonymous, bucket, reach);
    if (identity != NULL)
        rights |= s3_grants_rights(&identity->grants, bucket, reach);
    return rights;
}

bool s3_credentials_admit(const struct s3_credentials *set, const struct s3_identity *identity,
                          uint64_t now_ns)
{
    struct s3_rate *rate = identity != NULL ? identity->rate : set->anonymous_rate;

    return rate == NULL || s3_rate_admit(rate, now_ns);
}

bool s3_identity_may_everywhere(const struct s3_identity *identity, unsigned rights)
{
    unsigned granted = 0;

    if (s3_identity_session_policy(identity) != NULL)
        return false;
    for (size_t i = 0; i < identity->grants.count; i++)
        if (s3_grant_is_everywhere(&identity->grants.list[i]))
            granted |= identity->grants.list[i].rights;
    return (granted & rights) == rights;
}

bool s3_credentials_is_open(const struct s3_credentials *set)
{
    return set->is_open;
}

/* Keys before tokens before roles. */
static int kind_of(const struct s3_identity *identity)
{
    return identity->role != NULL ? 2 : identity->is_token;
}

int s3_credentials_compare_identities(const void *a, const void *b)
{
    const struct s3_identity *one = *(struct s3_identity *const *)a, *other = *(struct s3_identity *const *)b;

    if (kind_of(one) != kind_of(other))
        return kind_of(one) - kind_of(other);
    if (one->role != NULL)
        return one->role->number < other->role->number ? -1 : one->role->number > other->role->number;
    return one->is_token ? memcmp(one->digest, other->digest, sizeof(one->digest))
                         : strcmp(one->access_key, other->access_key);
}

int s3_credentials_compare_ids(const void *a, const void *b)
{
    return strcmp(((const struct s3_user *)a)->id, ((const struct s3_user *)b)->id);
}

struct s3_identity *s3_credentials_find(const struct s3_credentials *set, const char *access_key,
                                        size_t length)
{
    char name[S3_ACCESS_KEY_BYTES_MAX + 1];
    struct s3_identity probe = {.access_key = name}, *wanted = &probe, **found;

    if (length == 0 || length > S3_ACCESS_KEY_BYTES_MAX || set->key_count == 0 ||
        memchr(access_key, '\0', length) != NULL)
        return NULL;
    memcpy(name, access_key, length);
    name[length] = '\0';
    found = bsearch(&wanted, set->identities, set->key_count, sizeof(*set->identities),
                    s3_credentials_compare_identities);
    return found != NULL ? *found : NULL;
}

/* ---- Secrets that are shown ---- */

/* How long a search among digests takes says nothing of the secret. */
struct s3_identity *s3_credentials_find_token(const struct s3_credentials *set,
                                              const unsigned char digest[S3_SECRET_DIGEST_BYTES])
{
    struct s3_identity probe = {.is_token = true}, *wanted = &probe, **found;
    size_t count = set->token_count;

    if (count == 0)
        return NULL;
    memcpy(probe.digest, digest, sizeof(probe.digest));
    found = bsearch(&wanted, set->identities + set->key_count, count, sizeof(*set->identities),
                    s3_credentials_compare_identities);
    return found != NULL ? *found : NULL;
}

struct s3_identity *s3_credentials_find_shown(const struct s3_credentials *set, struct slice name,
                                              const unsigned char digest[S3_SECRET_DIGEST_BYTES])
{
    struct s3_identity *identity = s3_credentials_find(set, name.base, name.len);

    if (identity != NULL && CRYPTO_memcmp(identity->digest, digest, sizeof(identity->digest)) == 0)
        return identity;
    identity = s3_credentials_find_token(set, digest);
    return identity != NULL && slice_is(name, identity->access_key) ? identity : NULL;
}

const struct s3_certificates *s3_credentials_certificates(const struct s3_credentials *set)
{
    return &set->certificates;
}

/* ---- Roles ---- */

bool s3_credentials_has_issuers(const struct s3_credentials *set)
{
    return set->issuers != NULL;
}

const struct s3_issuer *s3_credentials_issuer(const struct s3_credentials *set, struct slice name)
{
    const struct s3_issuer *issuer = set->issuers;

    while (issuer != NULL && !slice_is(name, issuer->name))
        issuer = issuer->next;
    return issuer;
}

/* What the token makes of the role. */
static int assume(const struct s3_identity *template, const struct jwt_claims *claims, struct arena *arena,
                  const struct s3_identity **identity)
{
    struct s3_identity *made = arena_alloc(arena, sizeof(*made));
    int err;

    *made = *template;
    made->scopes = arena_alloc(arena, sizeof(*made->scopes));
    if ((err = s3_role_scopes(template->role, claims, made->scopes)) != 0)
        return err;
    if (made->scopes->count == 0)
        made->scopes = NULL;
    *identity = made;
    return 0;
}

int s3_credentials_assume(const struct s3_credentials *set, const struct s3_issuer *issuer, struct slice name,
                          const struct jwt_claims *claims, struct arena *arena,
                          const struct s3_identity **identity)
{
    for (size_t i = set->key_count + set->token_count; i < set->count; i++) {
        const struct s3_role *role = set->identities[i]->role;

        if (name.base != NULL && !slice_is(name, set->identities[i]->access_key))
            continue;
        if (role->issuer == issuer && role_fits(role->claims, role->claim_count, claims))
            return assume(set->identities[i], claims, arena, identity);
    }
    return -ENOENT;
}

const struct s3_identity *s3_credentials_role(const struct s3_credentials *set, struct slice name)
{
    for (size_t i = set->key_count + set->token_count; i < set->count; i++)
        if (slice_is(name, set->identities[i]->access_key))
            return set->identities[i];
    return NULL;
}

/* ---- What an identity is ---- */

bool s3_identity_is_session(const struct s3_identity *identity)
{
    return identity->session != NULL;
}

const struct s3_policy *s3_identity_session_policy(const struct s3_identity *identity)
{
    return identity != NULL && identity->session != NULL ? identity->session->policy : NULL;
}

const struct s3_scopes *s3_identity_scopes(const struct s3_identity *identity)
{
    return identity->scopes;
}

const char *s3_identity_owner(const struct s3_identity *identity)
{
    return identity->owner;
}

const char *s3_identity_label(const struct s3_identity *identity)
{
    return identity->is_nameless ? identity->account : identity->name;
}

const char *s3_identity_access_key(const struct s3_identity *identity)
{
    return identity->access_key;
}

const struct s3_principal *s3_identity_principal(const struct s3_identity *identity)
{
    return &identity->principal;
}

unsigned s3_identity_own_rights(const struct s3_identity *identity)
{
    return identity != NULL ? identity->own_rights : 0;
}

const char *s3_credentials_user_name(const struct s3_credentials *set, const char *id, size_t length,
                                     size_t *name_length)
{
    struct s3_user probe, *user;

    *name_length = length;
    if (set->user_count == 0 || length > S3_OWNER_BYTES_MAX)
        return id;
    memcpy(probe.id, id, length);
    probe.id[length] = '\0';
    user = bsearch(&probe, set->users, set->user_count, sizeof(*set->users), s3_credentials_compare_ids);
    if (user == NULL)
        return id;
    *name_length = strlen(user->name);
    return user->name;
}

bool s3_credentials_knows(const struct s3_credentials *set, const char *id, size_t length)
{
    for (size_t i = 0; i < set->user_count; i++)
        if (strlen(set->users[i].id) == length && memcmp(set->users[i].id, id, length) == 0)
            return true;
    for (size_t i = 0; i < set->count; i++)
        if (strlen(set->identities[i]->owner) == length && memcmp(set->identities[i]->owner, id, length) == 0)
            return true;
    return false;
}

void s3_account_of_owner(const char *id, size_t length, char account[S3_ACCOUNT_TEXT_BYTES])
{
    unsigned char digest[32];
    uint64_t number = 0;

    s3_sha256(id, length, digest);
    for (int i = 0; i < 8; i++)
        number = number << 8 | digest[i];
    snprintf(account, S3_ACCOUNT_TEXT_BYTES, "%012llu", (unsigned long long)(number % 1000000000000ull));
}

struct s3_signing_keys *s3_credentials_signing_keys(struct s3_credentials *set, unsigned worker)
{
    assert(worker < HTTP_WORKERS_MAX);
    if (set->signing_keys[worker] == NULL)
        set->signing_keys[worker] = s3_signing_keys_create();
    return set->signing_keys[worker];
}

const unsigned char *s3_identity_signing_key(const struct s3_identity *identity, struct s3_signing_keys *keys,
                                             const char *date, struct slice region)
{
    /* The keys that are kept are known by their identity's address, which a session's has for one request only. */
    if (identity->session != NULL) {
        s3_identity_derive_key(identity, keys, date, region, SLICE("s3"), identity->session->signing_key);
        return identity->session->signing_key;
    }
    return s3_signing_keys_get(keys, identity, slice_text(identity->secret), date, region);
}

void s3_identity_derive_key(const struct s3_identity *identity, struct s3_signing_keys *keys,
                            const char *date, struct slice region, struct slice service,
                            unsigned char key[32])
{
    s3_sigv4_signing_key_of(s3_signing_keys_hash(keys), slice_text(identity->secret), slice_of(date, 8),
                            region, service, key);
}

bool s3_identity_sign_v2(const struct s3_identity *identity, struct slice text, unsigned char signature[20])
{
    return s3_hmac_sha1(identity->secret, strlen(identity->secret), text.base, text.len, signature);
}

size_t s3_credentials_quotas(const struct s3_credentials *set, struct meta_quota_owner *list, size_t limit)
{
    size_t count = 0;

    for (size_t i = 0; i < set->user_count; i++) {
        const struct s3_user *user = &set->users[i];
        if (user->quota.bytes_max == META_QUOTA_NONE && user->quota.objects_max == META_QUOTA_NONE)
            continue;
        if (count < limit) {
            list[count].quota = user->quota;
            memcpy(list[count].owner, user->id, sizeof(list[count].owner));
        }
        count++;
    }
    return count;
}
_Static_assert(sizeof(((struct meta_quota_owner *)0)->owner) == S3_OWNER_BYTES_MAX + 1, "ids fit");
