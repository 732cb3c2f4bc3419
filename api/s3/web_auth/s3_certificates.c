/* SPDX-License-Identifier: MIT
 *
 * The names of certificates, and whose they are. */
#include "api/s3/web_auth/s3_certificates.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/auth/s3_credentials.h"
#include "storage/base/text/percent.h"

struct s3_certificate {
    char *name; /* "dns:host" */
    struct s3_identity *identity;
    size_t number; /* in the order of the file */
};

/* ---- Reading ---- */

static char *name_read(const char *text)
{
    static const char *const kinds[] = {"dns:", "email:", "uri:", "cn:"};
    size_t length = strlen(text), kind = 0;
    char *name = malloc(length + 1);
    ssize_t decoded;

    if (name == NULL)
        return NULL;
    while (kind < sizeof(kinds) / sizeof(kinds[0]) && strncmp(text, kinds[kind], strlen(kinds[kind])) != 0)
        kind++;
    decoded = percent_decode(text, length, false, name);
    if (kind == sizeof(kinds) / sizeof(kinds[0]) || decoded <= (ssize_t)strlen(kinds[kind])) {
        free(name);
        errno = EBADMSG;
        return NULL;
    }
    name[decoded] = '\0';
    for (char *at = name; kind == 0 && *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at + 'a' - 'A');
    return name;
}

int s3_certificates_add(struct s3_certificates *certificates, const char *text, struct s3_identity *identity)
{
    struct s3_certificate *list = realloc(certificates->list, (certificates->count + 1) * sizeof(*list));
    char *name;

    if (list == NULL)
        return -ENOMEM;
    certificates->list = list;
    errno = ENOMEM;
    if ((name = name_read(text)) == NULL)
        return -errno;
    list[certificates->count] = (struct s3_certificate){name, identity, certificates->count};
    certificates->count++;
    return 0;
}

static int compare(const void *a, const void *b)
{
    const struct s3_certificate *one = a, *other = b;
    int order = strcmp(one->name, other->name);

    return order != 0 ? order : one->number < other->number ? -1 : one->number > other->number;
}

const char *s3_certificates_seal(struct s3_certificates *certificates)
{
    struct s3_certificate *list = certificates->list;
    size_t kept = 0;

    if (certificates->count > 1)
        qsort(list, certificates->count, sizeof(*list), compare);
    for (size_t i = 1; i < certificates->count; i++)
        if (strcmp(list[i].name, list[i - 1].name) == 0 &&
            strcmp(s3_identity_owner(list[i].identity), s3_identity_owner(list[i - 1].identity)) != 0)
            return list[i].name;
    for (size_t i = 0; i < certificates->count; i++) {
        if (i + 1 < certificates->count && strcmp(list[i].name, list[i + 1].name) == 0)
            free(list[i].name);
        else
            list[kept++] = list[i];
    }
    certificates->count = kept;
    return NULL;
}

void s3_certificates_free(struct s3_certificates *certificates)
{
    for (size_t i = 0; i < certificates->count; i++)
        free(certificates->list[i].name);
    free(certificates->list);
    *certificates = (struct s3_certificates){0};
}

/* ---- Looking up ---- */

static int compare_to(const void *wanted, const void *entry)
{
    return strcmp(wanted, ((const struct s3_certificate *)entry)->name);
}

struct s3_identity *s3_certificates_find(const struct s3_certificates *certificates, const char *name)
{
    const struct s3_certificate *found =
        certificates->count == 0
            ? NULL
            : bsearch(name, certificates->list, certificates->count, sizeof(*certificates->list), compare_to);

    return found != NULL ? found->identity : NULL;
}
