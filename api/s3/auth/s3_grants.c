/* SPDX-License-Identifier: MIT
 *
 * Rights by pattern: reading them, and adding up those that fit. Any thread. */
#include "api/s3/auth/s3_grants.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/s3_request.h"
#include "storage/base/text/names.h"
#include "storage/base/text/percent.h"

/* ---- Asking ---- */

static bool bucket_fits(const struct s3_grant *grant, struct slice bucket)
{
    struct slice pattern = slice_of(grant->pattern, grant->length);

    return grant->is_prefix ? slice_begins(bucket, pattern) : slice_equals(bucket, pattern);
}

/* Of a grant on some keys: whether they are all that is asked about. */
static bool keys_fit(const struct s3_grant *grant, struct s3_reach reach)
{
    struct slice keys = slice_of(grant->keys, grant->keys_length);

    switch (reach.kind) {
    case S3_REACH_KEY:
        return grant->keys_are_prefix ? slice_begins(reach.keys, keys) : slice_equals(reach.keys, keys);
    case S3_REACH_PREFIX:
        return grant->keys_are_prefix && slice_begins(reach.keys, keys);
    case S3_REACH_ANYWHERE:
        return true;
    default:
        return false;
    }
}

bool s3_grant_is_everywhere(const struct s3_grant *grant)
{
    return grant->is_prefix && grant->length == 0 && grant->keys == NULL;
}

unsigned s3_grants_rights(const struct s3_grants *grants, struct slice bucket, struct s3_reach reach)
{
    unsigned rights = 0;

    for (size_t i = 0; i < grants->count; i++) {
        const struct s3_grant *grant = &grants->list[i];

        if (bucket_fits(grant, bucket) && (grant->keys == NULL || keys_fit(grant, reach)))
            rights |= grant->rights;
    }
    return rights;
}

/* ---- Reading ---- */

#define KNOWN_RIGHTS "known are read, write, list, lock, metrics, admin and all"

static int refuse(const char **problem, const char *why)
{
    *problem = why;
    return -EBADMSG;
}

static unsigned right_of(const char *name)
{
    static const struct {
        const char *name;
        unsigned right;
    } table[] = {
        {"read", S3_RIGHT_READ},       {"write", S3_RIGHT_WRITE},
        {"list", S3_RIGHT_LIST},       {"lock", S3_RIGHT_LOCK},
        {"metrics", S3_RIGHT_METRICS}, {"admin", S3_RIGHT_ADMIN | S3_RIGHT_LOCK | S3_RIGHT_METRICS},
        {"all", S3_RIGHTS_ALL},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strcmp(name, table[i].name) == 0)
            return table[i].right;
    return 0;
}

int s3_rights_read(char *names, unsigned *rights, const char **problem)
{
    unsigned read = 0;
    char *rest;

    for (char *name = strtok_r(names, ",", &rest); name != NULL; name = strtok_r(NULL, ",", &rest)) {
        unsigned right = right_of(name);

        if (right == 0)
            return refuse(problem, "unknown right; " KNOWN_RIGHTS);
        read |= right;
    }
    if (read == 0)
        return refuse(problem, "no right behind '='; " KNOWN_RIGHTS);
    *rights |= read;
    return 0;
}

static bool pattern_is_valid(struct slice pattern)
{
    for (size_t i = 0; i < pattern.len; i++) {
        char byte = pattern.base[i];
        bool is_name =
            (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' || byte == '-';

        if (!is_name && !(byte == '*' && i == pattern.len - 1))
            return false;
    }
    return pattern.len != 0 && pattern.len <= S3_PATTERN_BYTES_MAX;
}

/* Takes the '*' at the end off the pattern. */
static bool take_star(struct slice *pattern)
{
    bool has_star = pattern->len != 0 && pattern->base[pattern->len - 1] == '*';

    pattern->len -= has_star;
    return has_star;
}

/* text: percent-encoded where a blank, a '%', a '#' or a '*' is meant. */
static int read_keys(struct s3_grant *grant, struct slice text, const char **problem)
{
    ssize_t length;

    grant->keys_are_prefix = take_star(&text);
    if (memchr(text.base, '*', text.len) != NULL)
        return refuse(problem, "in a pattern of keys '*' stands at the end only; %2A is one in a key");
    grant->keys = malloc(text.len + 1); /* not NULL for none */
    if (grant->keys == NULL)
        return -ENOMEM;
    length = percent_decode(text.base, text.len, false, grant->keys);
    if (length < 0 || length > (ssize_t)KEY_BYTES_MAX || (length == 0 && !grant->keys_are_prefix))
        return refuse(problem, "keys are named by a key, or by the beginning of some and '*', as in "
                               "cache/pr-*=read (percent-encoded)");
    grant->keys_length = (size_t)length;
    return 0;
}

static int append(struct s3_grants *grants, const struct s3_grant *grant)
{
    struct s3_grant *list = realloc(grants->list, (grants->count + 1) * sizeof(*list));

    if (list == NULL)
        return -ENOMEM;
    grants->list = list;
    list[grants->count++] = *grant;
    return 0;
}

static void set_bucket(struct s3_grant *grant, struct slice pattern)
{
    grant->is_prefix = take_star(&pattern);
    grant->length = pattern.len;
    assert(pattern.len < sizeof(grant->pattern));
    (void)slice_copy(grant->pattern, pattern);
}

int s3_grants_add(struct s3_grants *grants, struct slice pattern, unsigned rights)
{
    struct s3_grant grant = {.rights = rights};

    set_bucket(&grant, pattern);
    return append(grants, &grant);
}

static int read_grant(struct s3_grant *grant, struct slice pattern, char *names, const char **problem)
{
    const char *slash = memchr(pattern.base, '/', pattern.len);
    struct slice bucket = pattern;
    int result;

    if (slash != NULL)
        bucket.len = (size_t)(slash - pattern.base);
    if (!pattern_is_valid(bucket))
        return refuse(problem, "a bucket pattern is a bucket name or the beginning of one and '*'");
    set_bucket(grant, bucket);
    if ((result = s3_rights_read(names, &grant->rights, problem)) != 0 || slash == NULL)
        return result;
    if (grant->rights == S3_RIGHT_METRICS)
        return refuse(problem, "keys have no metrics: the right to read /-/metrics is *=metrics");
    grant->rights &= ~(unsigned)S3_RIGHT_METRICS;
    return read_keys(grant, slice_from(pattern, bucket.len + 1), problem);
}

int s3_grants_read(struct s3_grants *grants, char *field, const char **problem)
{
    char *equals = strrchr(field, '='); /* a key may have one */
    struct s3_grant grant = {.length = 0};
    int result;

    if (equals == NULL)
        return refuse(problem, "expected BUCKET=RIGHT,RIGHT (as in artifacts-*=read,list)");
    if (grants->count == S3_GRANTS_MAX)
        return refuse(problem, "too many bucket patterns for one key");
    result = read_grant(&grant, slice_of(field, (size_t)(equals - field)), equals + 1, problem);
    if (result == 0)
        result = append(grants, &grant);
    if (result != 0)
        free(grant.keys);
    return result;
}

void s3_grants_free(struct s3_grants *grants)
{
    for (size_t i = 0; i < grants->count; i++)
        free(grants->list[i].keys);
    free(grants->list);
}
