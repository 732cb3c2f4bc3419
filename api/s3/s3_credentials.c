/* SPDX-License-Identifier: MIT
 *
 * A set of access keys: building it, looking keys up, adding rights up. The text is read by
 * s3_credentials_parse.c.
 *
 * A set never changes once it is built but for two things: its reference count, and each identity's
 * remembered signing key, which has a lock of its own. Any thread. */
#include "api/s3/s3_credentials.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "api/s3/s3_credentials_internal.h"
#include "api/s3/s3_request.h"
#include "api/s3/s3_sigv4.h"
#include "api/s3/s3_uri.h"

static bool grant_matches(const struct s3_grant *grant, const char *bucket, size_t length)
{
    if (grant->is_prefix ? length < grant->length : length != grant->length)
        return false;
    return grant->length == 0 || memcmp(grant->pattern, bucket, grant->length) == 0;
}

static unsigned grants_rights(const struct s3_grants *grants, const char *bucket, size_t length)
{
    unsigned rights = 0;

    for (size_t i = 0; i < grants->count; i++)
        if (grant_matches(&grants->list[i], bucket, length))
            rights |= grants->list[i].rights;
    return rights;
}

unsigned s3_credentials_rights(const struct s3_credentials *set, const struct s3_identity *identity,
                               const char *bucket, size_t length)
{
    unsigned rights;

    if (s3_credentials_is_open(set))
        return S3_RIGHTS_ALL;
    rights = grants_rights(&set->anonymous, bucket, length);
    if (identity != NULL)
        rights |= grants_rights(&identity->grants, bucket, length);
    return rights;
}

bool s3_credentials_is_open(const struct s3_credentials *set)
{
    return set->is_open;
}

static int compare_identities(const void *a, const void *b)
{
    return strcmp((*(struct s3_identity *const *)a)->access_key,
                  (*(struct s3_identity *const *)b)->access_key);
}

struct s3_identity *s3_credentials_find(const struct s3_credentials *set, const char *access_key,
                                        size_t length)
{
    char name[S3_ACCESS_KEY_BYTES_MAX + 1];
    struct s3_identity probe = {.access_key = name}, *wanted = &probe, **found;

    if (length == 0 || length > S3_ACCESS_KEY_BYTES_MAX || set->count == 0 ||
        memchr(access_key, '\0', length) != NULL)
        return NULL;
    memcpy(name, access_key, length);
    name[length] = '\0';
    found = bsearch(&wanted, set->identities, set->count, sizeof(*set->identities), compare_identities);
    return found != NULL ? *found : NULL;
}

const char *s3_identity_owner(const struct s3_identity *identity)
{
    return identity->owner;
}

void s3_identity_signing_key(struct s3_identity *identity, const char *date, const char *region,
                             unsigned char key[32])
{
    bool is_known;

    pthread_mutex_lock(&identity->lock);
    is_known = memcmp(identity->key_date, date, 8) == 0;
    if (is_known)
        memcpy(key, identity->key, 32);
    pthread_mutex_unlock(&identity->lock);
    if (is_known)
        return;
    s3_sigv4_signing_key(h2o_iovec_init(identity->secret, strlen(identity->secret)), h2o_iovec_init(date, 8),
                         h2o_iovec_init(region, strlen(region)), key);
    pthread_mutex_lock(&identity->lock);
    memcpy(identity->key_date, date, 8);
    memcpy(identity->key, key, 32);
    pthread_mutex_unlock(&identity->lock);
}

/* ---- Building ---- */

struct s3_credentials *s3_credentials_new(void)
{
    struct s3_credentials *set = calloc(1, sizeof(*set));

    if (set != NULL)
        atomic_init(&set->references, 1);
    return set;
}

/* Without a name of its own, an owner is told apart by a digest of its access key: listings need not show the
 * key. */
static void owner_default(struct s3_identity *identity)
{
    unsigned char digest[32];

    s3_sha256(identity->access_key, strlen(identity->access_key), digest);
    s3_hex_encode(digest, 32, identity->owner);
    identity->owner[64] = '\0';
}

int s3_credentials_add(struct s3_credentials *set, const char *access_key, const char *secret,
                       struct s3_identity **added)
{
    struct s3_identity *identity, **list;

    list = realloc(set->identities, (set->count + 1) * sizeof(*list));
    if (list == NULL)
        return -ENOMEM;
    set->identities = list;
    identity = calloc(1, sizeof(*identity));
    if (identity == NULL)
        return -ENOMEM;
    identity->access_key = strdup(access_key);
    identity->secret = strdup(secret);
    pthread_mutex_init(&identity->lock, NULL);
    list[set->count++] = identity;
    if (identity->access_key == NULL || identity->secret == NULL)
        return -ENOMEM;
    owner_default(identity);
    *added = identity;
    return 0;
}

int s3_grants_add(struct s3_grants *grants, const char *pattern, size_t length, unsigned rights)
{
    struct s3_grant *list;
    struct s3_grant grant = {.rights = rights};

    grant.is_prefix = length != 0 && pattern[length - 1] == '*';
    grant.length = length - grant.is_prefix;
    assert(grant.length < sizeof(grant.pattern));
    memcpy(grant.pattern, pattern, grant.length);
    list = realloc(grants->list, (grants->count + 1) * sizeof(*list));
    if (list == NULL)
        return -ENOMEM;
    grants->list = list;
    list[grants->count++] = grant;
    return 0;
}

const char *s3_credentials_seal(struct s3_credentials *set)
{
    if (set->count == 0)
        return NULL;
    qsort(set->identities, set->count, sizeof(*set->identities), compare_identities);
    for (size_t i = 1; i < set->count; i++)
        if (compare_identities(&set->identities[i - 1], &set->identities[i]) == 0)
            return set->identities[i]->access_key;
    return NULL;
}

/* ---- References ---- */

struct s3_credentials *s3_credentials_ref(struct s3_credentials *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

static void identity_free(struct s3_identity *identity)
{
    pthread_mutex_destroy(&identity->lock);
    if (identity->secret != NULL)
        OPENSSL_cleanse(identity->secret, strlen(identity->secret));
    OPENSSL_cleanse(identity->key, sizeof(identity->key));
    free(identity->secret);
    free(identity->access_key);
    free(identity->grants.list);
    free(identity);
}

void s3_credentials_unref(struct s3_credentials *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        identity_free(set->identities[i]);
    free(set->identities);
    free(set->anonymous.list);
    free(set);
}
