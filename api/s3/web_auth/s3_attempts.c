/* SPDX-License-Identifier: MIT
 *
 * Accounts of wrong credentials, and a memory of right ones. Both hold hashes alone, with a seed of the process: nobody can choose
 * whose account he shares, and nothing of a secret can be read there.
 *
 * While nobody has been wrong lately a request costs two loads. Any thread. */
#include "api/s3/web_auth/s3_attempts.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "api/s3/limits.h"

#define FULL_MS ((int64_t)S3_ATTEMPTS_MAX * S3_ATTEMPT_MS)
#define WAYS    4u /* accounts that may be in the place of one */
#define WRONG   4u /* credentials of an account that count no more */

struct account {
    uint64_t key; /* 0: none */
    int64_t left_ms, at_ms;
    uint64_t wrong[WRONG];
    unsigned next; /* of those, to be replaced */
};

struct s3_attempts {
    uint64_t seed[2];
    atomic_uint_fast64_t quiet_at_ms; /* from then on all accounts are full */
    atomic_uint_fast64_t wrong_count, unseen_count;
    pthread_mutex_t lock; /* guards the accounts */
    struct account accounts[S3_ATTEMPT_ACCOUNTS_MAX];
    atomic_uint_fast64_t known[S3_ATTEMPT_CLAIMS_MAX]; /* those that were right, each in its place */
};
_Static_assert(S3_ATTEMPT_ACCOUNTS_MAX % WAYS == 0, "sets are whole");

/* ---- Hashes ---- */

static uint64_t scramble(uint64_t value)
{
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ value >> 27) * 0x94d049bb133111ebull;
    return value ^ value >> 31;
}

/* Never 0, which stands for nothing. */
static uint64_t hash(const struct s3_attempts *attempts, uint64_t before, const void *bytes, size_t length)
{
    uint64_t value = scramble(before ^ attempts->seed[0] ^ length);

    for (size_t at = 0; at < length; at += sizeof(uint64_t)) {
        size_t left = length - at;
        uint64_t word = 0;

        memcpy(&word, (const char *)bytes + at, left < sizeof(word) ? left : sizeof(word));
        value = scramble(value ^ word) + attempts->seed[1];
    }
    value = scramble(value);
    return value != 0 ? value : 1;
}

static uint64_t hash_address(const struct s3_attempts *attempts, const struct sockaddr_storage *address)
{
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)address)->sin6_addr;

    if (address->ss_family == AF_INET)
        return hash(attempts, 4, &((const struct sockaddr_in *)address)->sin_addr, 4);
    if (address->ss_family != AF_INET6)
        return hash(attempts, 0, "", 0);
    return IN6_IS_ADDR_V4MAPPED(v6) ? hash(attempts, 4, v6->s6_addr + 12, 4)
                                    : hash(attempts, 6, v6->s6_addr, 8);
}

/* ---- What is known ---- */

static atomic_uint_fast64_t *place_of(struct s3_attempts *attempts, uint64_t claim)
{
    return &attempts->known[claim % S3_ATTEMPT_CLAIMS_MAX];
}

static bool is_known(struct s3_attempts *attempts, uint64_t claim)
{
    return atomic_load_explicit(place_of(attempts, claim), memory_order_relaxed) == claim;
}

void s3_attempts_right(struct s3_attempts *attempts, const struct s3_attempt *attempt)
{
    if (!is_known(attempts, attempt->claim))
        atomic_store_explicit(place_of(attempts, attempt->claim), attempt->claim, memory_order_relaxed);
}

/* ---- Accounts: under the lock ---- */

static int64_t left_of(const struct account *account, int64_t now_ms)
{
    int64_t left = account->left_ms + (now_ms - account->at_ms);

    return account->key == 0 || left > FULL_MS ? FULL_MS : left;
}

static struct account *set_of(struct s3_attempts *attempts, uint64_t key)
{
    return &attempts->accounts[key % (S3_ATTEMPT_ACCOUNTS_MAX / WAYS) * WAYS];
}

static struct account *find(struct s3_attempts *attempts, uint64_t key)
{
    struct account *set = set_of(attempts, key);

    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].key == key)
            return &set[i];
    return NULL;
}

/* In the place of who has most left. */
static struct account *open_account(struct s3_attempts *attempts, uint64_t key, int64_t now_ms)
{
    struct account *set = set_of(attempts, key), *least = set;

    for (unsigned i = 1; i < WAYS; i++)
        if (left_of(&set[i], now_ms) > left_of(least, now_ms))
            least = &set[i];
    *least = (struct account){.key = key, .left_ms = FULL_MS, .at_ms = now_ms};
    return least;
}

static bool was_wrong(const struct account *account, uint64_t credentials)
{
    for (unsigned i = 0; i < WRONG; i++)
        if (account->wrong[i] == credentials)
            return true;
    return false;
}

void s3_attempts_wrong(struct s3_attempts *attempts, const struct s3_attempt *attempt, uint64_t now_ms)
{
    int64_t now = (int64_t)now_ms;
    struct account *account;

    atomic_fetch_add_explicit(&attempts->wrong_count, 1, memory_order_relaxed);
    pthread_mutex_lock(&attempts->lock);
    account = find(attempts, attempt->account);
    if (account == NULL)
        account = open_account(attempts, attempt->account, now);
    if (!was_wrong(account, attempt->credentials)) {
        account->left_ms = left_of(account, now) - S3_ATTEMPT_MS;
        account->at_ms = now;
        account->wrong[account->next++ % WRONG] = attempt->credentials;
    }
    pthread_mutex_unlock(&attempts->lock);
    atomic_store_explicit(&attempts->quiet_at_ms, now_ms + (uint64_t)FULL_MS, memory_order_relaxed);
}

static unsigned seconds_to_wait(struct s3_attempts *attempts, uint64_t key, int64_t now_ms)
{
    const struct account *account;
    int64_t left = FULL_MS;

    pthread_mutex_lock(&attempts->lock);
    if ((account = find(attempts, key)) != NULL)
        left = left_of(account, now_ms);
    pthread_mutex_unlock(&attempts->lock);
    if (left >= S3_ATTEMPT_MS)
        return 0;
    atomic_fetch_add_explicit(&attempts->unseen_count, 1, memory_order_relaxed);
    return (unsigned)((S3_ATTEMPT_MS - left + 999) / 1000);
}

/* ---- The calls ---- */

unsigned s3_attempts_begin(struct s3_attempts *attempts, const struct sockaddr_storage *address,
                           const struct s3_web_claim *claim, uint64_t now_ms, struct s3_attempt *attempt)
{
    uint64_t where = hash_address(attempts, address);

    attempt->credentials = hash(attempts, where, claim->digest, sizeof(claim->digest));
    attempt->credentials = hash(attempts, attempt->credentials, claim->name, claim->name_length);
    attempt->claim = claim->scheme == S3_WEB_BASIC
                         ? hash(attempts, where ^ S3_WEB_BASIC, claim->name, claim->name_length)
                         : hash(attempts, where ^ S3_WEB_BEARER, claim->digest, sizeof(claim->digest));
    attempt->account = is_known(attempts, attempt->claim) ? attempt->claim : where;
    return now_ms >= atomic_load_explicit(&attempts->quiet_at_ms, memory_order_relaxed)
               ? 0
               : seconds_to_wait(attempts, attempt->account, (int64_t)now_ms);
}

void s3_attempts_count(const struct s3_attempts *attempts, uint64_t *wrong, uint64_t *unseen)
{
    *wrong = atomic_load_explicit(&attempts->wrong_count, memory_order_relaxed);
    *unseen = atomic_load_explicit(&attempts->unseen_count, memory_order_relaxed);
}

struct s3_attempts *s3_attempts_create(void)
{
    struct s3_attempts *attempts = calloc(1, sizeof(*attempts));

    if (attempts == NULL)
        return NULL;
    if (getrandom(attempts->seed, sizeof(attempts->seed), 0) != (ssize_t)sizeof(attempts->seed)) {
        free(attempts);
        return NULL;
    }
    pthread_mutex_init(&attempts->lock, NULL);
    return attempts;
}

void s3_attempts_destroy(struct s3_attempts *attempts)
{
    if (attempts == NULL)
        return;
    pthread_mutex_destroy(&attempts->lock);
    free(attempts);
}
