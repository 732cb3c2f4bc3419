/* SPDX-License-Identifier: MIT
 *
 * Names of hosts, and the buckets that they mean. Fixed once a server serves. */
#include "api/s3/website/s3_websites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/s3_request.h"
#include "storage/base/text/names.h"

struct place {
    struct place *next;
    char bucket[]; /* empty: by Host */
};

struct s3_websites {
    char **domains, **bucket_domains; /* NULL-terminated */
    struct place *places;
};

static char **copy_list(const char *const *list)
{
    size_t count = 0;
    char **copy;

    while (list != NULL && list[count] != NULL)
        count++;
    if ((copy = calloc(count + 1, sizeof(*copy))) == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if ((copy[i] = strdup(list[i])) == NULL) {
            while (i-- > 0)
                free(copy[i]);
            free(copy);
            return NULL;
        }
    }
    return copy;
}

static void free_list(char **list)
{
    for (char **item = list; item != NULL && *item != NULL; item++)
        free(*item);
    free(list);
}

static bool meet(char *const *domains, char *const *others)
{
    for (; *domains != NULL; domains++)
        for (char *const *other = others; *other != NULL; other++)
            if (slice_is_nocase(slice_text(*domains), *other))
                return true;
    return false;
}

int s3_websites_create(struct s3_websites **websites, const char *const *domains,
                       const char *const *bucket_domains)
{
    struct s3_websites *made = calloc(1, sizeof(*made));
    int err = made != NULL ? 0 : -ENOMEM;

    if (err == 0 && ((made->domains = copy_list(domains)) == NULL ||
                     (made->bucket_domains = copy_list(bucket_domains)) == NULL))
        err = -ENOMEM;
    if (err == 0 && meet(made->domains, made->bucket_domains))
        err = -EINVAL;
    if (err == 0)
        *websites = made;
    else
        s3_websites_destroy(made);
    return err;
}

void s3_websites_destroy(struct s3_websites *websites)
{
    if (websites == NULL)
        return;
    free_list(websites->domains);
    free_list(websites->bucket_domains);
    for (struct place *place = websites->places, *next; place != NULL; place = next) {
        next = place->next;
        free(place);
    }
    free(websites);
}

int s3_websites_add_place(struct s3_websites *websites, const char *bucket, const void **mark)
{
    size_t length = strlen(bucket);
    struct place *place;

    if (length > 0 && !bucket_name_is_valid(bucket, length))
        return -EINVAL;
    if ((place = malloc(sizeof(*place) + length + 1)) == NULL)
        return -ENOMEM;
    memcpy(place->bucket, bucket, length + 1);
    place->next = websites->places;
    websites->places = place;
    *mark = place;
    return 0;
}

/* The length of the longest domain that the host is, or lies below; 0: of none. */
static size_t longest_of(char *const *domains, struct slice host)
{
    size_t longest = 0;

    for (; *domains != NULL; domains++) {
        struct slice domain = slice_text(*domains);

        if (domain.len > longest && (slice_equals_nocase(host, domain) || s3_host_is_below(host, domain)))
            longest = domain.len;
    }
    return longest;
}

bool s3_websites_find(const struct s3_websites *websites, const void *mark, struct slice host,
                      struct slice *bucket, bool *is_fixed)
{
    const struct place *place = mark;
    size_t domain;

    *is_fixed = place != NULL && place->bucket[0] != '\0';
    if (*is_fixed) {
        *bucket = slice_text(place->bucket);
        return true;
    }
    if (host.len > 0 && host.base[host.len - 1] == '.')
        host.len--; /* the same name, written in full */
    domain = longest_of(websites->domains, host);
    if (place == NULL && (domain == 0 || longest_of(websites->bucket_domains, host) > domain))
        return false;
    *bucket = host.len > domain + 1 && domain > 0 ? slice_of(host.base, host.len - domain - 1) : host;
    return true;
}
