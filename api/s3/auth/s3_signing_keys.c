/* SPDX-License-Identifier: MIT
 *
 * See s3_signing_keys.h. A table of groups of WAYS places; within a group the place that was used longest ago is taken anew. */
#include "api/s3/auth/s3_signing_keys.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "api/s3/auth/s3_sigv4.h"
#include "api/s3/limits.h"

#define WAYS   4u
#define GROUPS (S3_SIGNING_KEYS_MAX / WAYS)
_Static_assert(S3_SIGNING_KEYS_MAX % WAYS == 0 && (GROUPS & (GROUPS - 1)) == 0, "a mask finds the group");

struct place {
    const struct s3_identity *identity; /* NULL: free */
    uint64_t used;                      /* when; 0: never */
    char date[8];
    unsigned char region_length;
    char region[S3_SIGV4_REGION_BYTES_MAX];
    unsigned char key[S3_SIGV4_KEY_BYTES];
};

struct s3_signing_keys {
    struct s3_hash *hash;
    uint64_t now; /* counts the calls */
    uint64_t derived;
    struct place places[GROUPS][WAYS];
};

struct s3_signing_keys *s3_signing_keys_create(void)
{
    struct s3_signing_keys *keys = calloc(1, sizeof(*keys));

    if (keys != NULL && (keys->hash = s3_hash_create()) != NULL)
        return keys;
    free(keys);
    return NULL;
}

void s3_signing_keys_free(struct s3_signing_keys *keys)
{
    if (keys == NULL)
        return;
    s3_hash_free(keys->hash);
    OPENSSL_cleanse(keys, sizeof(*keys));
    free(keys);
}

/* FNV-1a, then its upper half is mixed in: the mask takes lower bits. */
static struct place *group_of(struct s3_signing_keys *keys, const struct s3_identity *identity,
                              const char *date, struct slice region)
{
    uint64_t sum = 0xcbf29ce484222325ull ^ (uintptr_t)identity;

    for (size_t i = 0; i < 8; i++)
        sum = (sum ^ (unsigned char)date[i]) * 0x100000001b3ull;
    for (size_t i = 0; i < region.len; i++)
        sum = (sum ^ (unsigned char)region.base[i]) * 0x100000001b3ull;
    return keys->places[(sum ^ sum >> 32) & (GROUPS - 1)];
}

static bool is_for(const struct place *place, const struct s3_identity *identity, const char *date,
                   struct slice region)
{
    return place->identity == identity && memcmp(place->date, date, 8) == 0 &&
           slice_equals(slice_of(place->region, place->region_length), region);
}

static void derive(struct s3_signing_keys *keys, struct place *place, const struct s3_identity *identity,
                   struct slice secret, const char *date, struct slice region)
{
    place->identity = identity;
    memcpy(place->date, date, 8);
    place->region_length = (unsigned char)region.len;
    (void)slice_copy(place->region, region);
    s3_sigv4_signing_key(keys->hash, secret, slice_of(date, 8), region, place->key);
    keys->derived++;
}

const unsigned char *s3_signing_keys_get(struct s3_signing_keys *keys, const struct s3_identity *identity,
                                         struct slice secret, const char *date, struct slice region)
{
    struct place *group = group_of(keys, identity, date, region), *oldest = group;

    assert(region.len <= S3_SIGV4_REGION_BYTES_MAX);
    keys->now++;
    for (struct place *place = group; place < group + WAYS; place++) {
        if (is_for(place, identity, date, region)) {
            place->used = keys->now;
            return place->key;
        }
        if (place->used < oldest->used)
            oldest = place;
    }
    derive(keys, oldest, identity, secret, date, region);
    oldest->used = keys->now;
    return oldest->key;
}

struct s3_hash *s3_signing_keys_hash(struct s3_signing_keys *keys)
{
    return keys->hash;
}

unsigned long long s3_signing_keys_derived(const struct s3_signing_keys *keys)
{
    return keys->derived;
}
