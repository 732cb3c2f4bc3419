/* SPDX-License-Identifier: MIT
 *
 * A set of access keys as it is built: added to by s3_credentials_parse.c, then sealed: sorted, and looked at as a whole. */
#include "api/s3/auth/s3_credentials.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "api/s3/auth/s3_credentials_internal.h"
#include "api/s3/auth/s3_signing_keys.h"
#include "storage/base/text/hex.h"

/* ---- Building ---- */

struct s3_credentials *s3_credentials_new(void)
{
    struct s3_credentials *set = calloc(1, sizeof(*set));

    if (set != NULL)
        atomic_init(&set->references, 1);
    return set;
}

static void digest_of(const char *text, char hex[S3_OWNER_BYTES_MAX + 1])
{
    unsigned char digest[32];

    s3_sha256(text, strlen(text), digest);
    hex_encode(digest, 32, hex);
    hex[64] = '\0';
}

static int add(struct s3_credentials *set, const char *access_key, const char *secret,
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
    list[set->count++] = identity;
    s3_sha256(secret, strlen(secret), identity->digest);
    identity->access_key = strdup(access_key);
    *added = identity;
    return identity->access_key != NULL ? 0 : -ENOMEM;
}

int s3_credentials_add(struct s3_credentials *set, const char *access_key, const char *secret,
                       struct s3_identity **added)
{
    int result = add(set, access_key, secret, added);

    if (result != 0)
        return result;
    set->key_count++;
    (*added)->secret = strdup(secret);
    /* Without a user of its own, a key is told apart by its digest: listings need not show it. */
    digest_of(access_key, (*added)->name);
    (*added)->is_nameless = true;
    return (*added)->secret != NULL ? 0 : -ENOMEM;
}

int s3_credentials_add_token(struct s3_credentials *set, const char *name, const char *secret,
                             struct s3_identity **added)
{
    int result = add(set, name, secret, added);

    if (result != 0)
        return result;
    set->token_count++;
    (*added)->is_token = true;
    snprintf((*added)->name, sizeof((*added)->name), "%s", name);
    return 0;
}

int s3_credentials_add_role(struct s3_credentials *set, const char *name, struct s3_identity **added)
{
    int result = add(set, name, "", added);

    if (result != 0)
        return result;
    if (((*added)->role = calloc(1, sizeof(*(*added)->role))) == NULL)
        return -ENOMEM;
    (*added)->role->number = set->count;
    snprintf((*added)->name, sizeof((*added)->name), "%s", name);
    return 0;
}

int s3_credentials_add_user(struct s3_credentials *set, const char *name, const char *id,
                            const struct meta_quota *quota)
{
    struct s3_user *list = realloc(set->users, (set->user_count + 1) * sizeof(*list)), *user;

    if (list == NULL)
        return -ENOMEM;
    set->users = list;
    user = &list[set->user_count++];
    user->quota = *quota;
    snprintf(user->name, sizeof(user->name), "%s", name);
    if (id != NULL)
        snprintf(user->id, sizeof(user->id), "%s", id);
    else
        digest_of(name, user->id);
    return 0;
}

/* ---- Sealing ---- */

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct s3_user *)a)->name, ((const struct s3_user *)b)->name);
}

static int compare_accounts(const void *a, const void *b)
{
    return strcmp((*(struct s3_identity *const *)a)->account, (*(struct s3_identity *const *)b)->account);
}

/* Sorts the users; NULL, or one that is there twice. */
static const struct s3_user *users_sort(struct s3_credentials *set,
                                        int (*compare)(const void *a, const void *b))
{
    if (set->user_count > 1)
        qsort(set->users, set->user_count, sizeof(*set->users), compare);
    for (size_t i = 1; i < set->user_count; i++)
        if (compare(&set->users[i - 1], &set->users[i]) == 0)
            return &set->users[i];
    return NULL;
}

/* The users are sorted by name. */
static void identity_resolve(const struct s3_credentials *set, struct s3_identity *identity)
{
    struct s3_user probe;
    const struct s3_user *user = NULL;

    memcpy(probe.name, identity->name, sizeof(probe.name));
    if (set->user_count > 0)
        user = bsearch(&probe, set->users, set->user_count, sizeof(*set->users), compare_names);
    memcpy(identity->owner, user != NULL ? user->id : identity->name, sizeof(identity->owner));
    s3_account_of_owner(identity->owner, strlen(identity->owner), identity->account);
    snprintf(identity->arn, sizeof(identity->arn), "arn:aws:iam::%s:user/%s", identity->account,
             identity->name);
    identity->principal =
        (struct s3_principal){identity->name, identity->owner, identity->account, identity->arn};
}

/* Account numbers are digests cut short: that two users share one is unlikely, and must not be. */
static const char *accounts_check(struct s3_credentials *set)
{
    qsort(set->identities, set->count, sizeof(*set->identities), compare_accounts);
    for (size_t i = 1; i < set->count; i++)
        if (compare_accounts(&set->identities[i - 1], &set->identities[i]) == 0 &&
            strcmp(set->identities[i - 1]->owner, set->identities[i]->owner) != 0)
            return set->identities[i]->name;
    return NULL;
}

static int refuse(char message[S3_SEAL_MESSAGE_BYTES], const char *what, const char *name, const char *why)
{
    snprintf(message, S3_SEAL_MESSAGE_BYTES, "%s %s %s", what, name, why);
    return -EBADMSG;
}

static int seal_users(struct s3_credentials *set, char message[S3_SEAL_MESSAGE_BYTES])
{
    const struct s3_user *twice = users_sort(set, compare_names);

    if (twice != NULL)
        return refuse(message, "the user", twice->name, "is there twice");
    for (size_t i = 0; i < set->count; i++)
        identity_resolve(set, set->identities[i]);
    twice = users_sort(set, s3_credentials_compare_ids);
    return twice == NULL ? 0 : refuse(message, "the canonical id", twice->id, "is there twice");
}

int s3_credentials_seal(struct s3_credentials *set, char message[S3_SEAL_MESSAGE_BYTES])
{
    const char *name;
    int result = seal_users(set, message);

    if (result != 0 || set->count == 0)
        return result;
    if ((name = s3_certificates_seal(&set->certificates)) != NULL)
        return refuse(message, "the certificate", name, "is of two users");
    if ((name = accounts_check(set)) != NULL)
        return refuse(message, "the user", name,
                      "has another's account number: give it another canonical id");
    qsort(set->identities, set->count, sizeof(*set->identities), s3_credentials_compare_identities);
    for (size_t i = 1; i < set->count; i++)
        if (s3_credentials_compare_identities(&set->identities[i - 1], &set->identities[i]) == 0)
            return set->identities[i]->is_token
                       ? refuse(message, "the token", set->identities[i]->access_key,
                                "has the secret of another token")
                       : refuse(message, "the access key", set->identities[i]->access_key, "is there twice");
    return 0;
}

/* ---- References ---- */

struct s3_credentials *s3_credentials_ref(struct s3_credentials *set)
{
    atomic_fetch_add_explicit(&set->references, 1, memory_order_relaxed);
    return set;
}

static void identity_free(struct s3_identity *identity)
{
    if (identity->secret != NULL)
        OPENSSL_cleanse(identity->secret, strlen(identity->secret));
    OPENSSL_cleanse(identity->digest, sizeof(identity->digest));
    free(identity->secret);
    free(identity->scopes);
    free(identity->rate);
    s3_role_free(identity->role);
    free(identity->access_key);
    s3_grants_free(&identity->grants);
    free(identity);
}

void s3_credentials_unref(struct s3_credentials *set)
{
    if (set == NULL || atomic_fetch_sub_explicit(&set->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < set->count; i++)
        identity_free(set->identities[i]);
    for (unsigned worker = 0; worker < HTTP_WORKERS_MAX; worker++)
        s3_signing_keys_free(set->signing_keys[worker]);
    free(set->identities);
    free(set->users);
    s3_grants_free(&set->anonymous);
    free(set->anonymous_rate);
    s3_issuers_free(set->issuers);
    s3_certificates_free(&set->certificates);
    free(set);
}
