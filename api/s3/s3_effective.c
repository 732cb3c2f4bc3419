/* SPDX-License-Identifier: MIT
 *
 * The one reader of the headers that rules are about, and the table of the names that S3 knows. Names are found by their
 * length, then compared: most headers of most requests cost one look at the table. Any thread. */
#include "api/s3/s3_effective.h"

#include <pthread.h>
#include <string.h>

#include "storage/base/text/percent.h"

#define METADATA_PREFIX    "x-amz-meta-"
#define VERSION_PARAMETER  "?versionId="
#define NAME_BYTES_MAX     63u
#define COUNT_OF(array)    (sizeof(array) / sizeof((array)[0]))
#define OTHER              S3_EFFECTIVE_COUNT /* known, but no rule is about it */
#define STARTS(name, with) (memcmp((name).base, with, sizeof(with) - 1) == 0)

enum kind {
    SINGLE,      /* one value; a presigned URL may carry it, where its name is one of S3's own */
    LIST,        /* several headers are one list */
    HEADER_ONLY, /* one value; of the connection or the body, which is never said in a URL */
};

struct known {
    const char *name;
    enum s3_effective_name id;
    enum kind kind;
};

static const struct known table[] = {
    {"x-amz-acl", S3_EFFECTIVE_ACL, SINGLE},
    {"x-amz-grant-full-control", S3_EFFECTIVE_GRANT_FULL_CONTROL, SINGLE},
    {"x-amz-grant-read", S3_EFFECTIVE_GRANT_READ, SINGLE},
    {"x-amz-grant-write", S3_EFFECTIVE_GRANT_WRITE, SINGLE},
    {"x-amz-grant-read-acp", S3_EFFECTIVE_GRANT_READ_ACP, SINGLE},
    {"x-amz-grant-write-acp", S3_EFFECTIVE_GRANT_WRITE_ACP, SINGLE},
    {"x-amz-tagging", S3_EFFECTIVE_TAGGING, SINGLE},
    {"x-amz-object-lock-mode", S3_EFFECTIVE_LOCK_MODE, SINGLE},
    {"x-amz-object-lock-retain-until-date", S3_EFFECTIVE_LOCK_UNTIL, SINGLE},
    {"x-amz-object-lock-legal-hold", S3_EFFECTIVE_LOCK_HOLD, SINGLE},
    {"x-amz-bypass-governance-retention", S3_EFFECTIVE_BYPASS_GOVERNANCE, SINGLE},
    {"x-amz-storage-class", S3_EFFECTIVE_STORAGE_CLASS, SINGLE},
    {"x-amz-website-redirect-location", S3_EFFECTIVE_WEBSITE_REDIRECT, SINGLE},
    {"x-amz-object-ownership", S3_EFFECTIVE_OBJECT_OWNERSHIP, SINGLE},
    {"x-amz-copy-source", S3_EFFECTIVE_COPY_SOURCE, SINGLE},
    {"x-amz-metadata-directive", S3_EFFECTIVE_METADATA_DIRECTIVE, SINGLE},
    {"x-amz-object-annotation-directive", S3_EFFECTIVE_ANNOTATION_DIRECTIVE, SINGLE},
    {"x-amz-tagging-directive", S3_EFFECTIVE_TAGGING_DIRECTIVE, SINGLE},
    {"x-amz-server-side-encryption", S3_EFFECTIVE_ENCRYPTION, SINGLE},
    {"x-amz-server-side-encryption-aws-kms-key-id", S3_EFFECTIVE_ENCRYPTION_KEY, SINGLE},
    {"x-amz-server-side-encryption-customer-algorithm", S3_EFFECTIVE_ENCRYPTION_CUSTOMER, SINGLE},
    {"x-amz-content-sha256", S3_EFFECTIVE_CONTENT_SHA256, HEADER_ONLY},
    {"if-match", S3_EFFECTIVE_IF_MATCH, LIST},
    {"if-none-match", S3_EFFECTIVE_IF_NONE_MATCH, LIST},

    {"x-amz-server-side-encryption-bucket-key-enabled", OTHER, SINGLE},
    {"x-amz-server-side-encryption-context", OTHER, SINGLE},
    {"x-amz-server-side-encryption-customer-key", OTHER, SINGLE},
    {"x-amz-server-side-encryption-customer-key-md5", OTHER, SINGLE},
    {"x-amz-copy-source-server-side-encryption-customer-algorithm", OTHER, SINGLE},
    {"x-amz-copy-source-server-side-encryption-customer-key", OTHER, SINGLE},
    {"x-amz-copy-source-server-side-encryption-customer-key-md5", OTHER, SINGLE},
    {"x-amz-copy-source-if-match", OTHER, SINGLE},
    {"x-amz-copy-source-if-none-match", OTHER, SINGLE},
    {"x-amz-copy-source-if-modified-since", OTHER, SINGLE},
    {"x-amz-copy-source-if-unmodified-since", OTHER, SINGLE},
    {"x-amz-copy-source-range", OTHER, SINGLE},
    {"x-amz-rename-source", OTHER, SINGLE},
    {"x-amz-rename-source-if-match", OTHER, SINGLE},
    {"x-amz-rename-source-if-none-match", OTHER, SINGLE},
    {"x-amz-rename-source-if-modified-since", OTHER, SINGLE},
    {"x-amz-rename-source-if-unmodified-since", OTHER, SINGLE},
    {"x-amz-client-token", OTHER, SINGLE},
    {"x-amz-expected-bucket-owner", OTHER, SINGLE},
    {"x-amz-source-expected-bucket-owner", OTHER, SINGLE},
    {"x-amz-mfa", OTHER, SINGLE},
    {"x-amz-request-payer", OTHER, SINGLE},
    {"x-amz-write-offset-bytes", OTHER, SINGLE},
    {"x-amz-mp-object-size", OTHER, SINGLE},
    {"x-amz-if-match-size", OTHER, SINGLE},
    {"x-amz-if-match-last-modified-time", OTHER, SINGLE},
    {"x-amz-max-parts", OTHER, SINGLE},
    {"x-amz-part-number-marker", OTHER, SINGLE},
    {"x-amz-object-if-match", OTHER, SINGLE},
    {"x-amz-object-attributes", OTHER, LIST},
    {"x-amz-optional-object-attributes", OTHER, LIST},
    {"x-amz-checksum-algorithm", OTHER, SINGLE},
    {"x-amz-checksum-mode", OTHER, SINGLE},
    {"x-amz-checksum-type", OTHER, SINGLE},
    {"x-amz-bucket-object-lock-enabled", OTHER, SINGLE},
    {"x-amz-bucket-object-lock-token", OTHER, SINGLE},
    {"x-amz-confirm-remove-self-bucket-access", OTHER, SINGLE},
    {"x-amz-transition-default-minimum-object-size", OTHER, SINGLE},
    {"x-amz-skip-destination-validation", OTHER, SINGLE},

    {"x-amz-date", OTHER, HEADER_ONLY},
    {"x-amz-decoded-content-length", OTHER, HEADER_ONLY},
    {"x-amz-trailer", OTHER, HEADER_ONLY},
    {"x-amz-sdk-checksum-algorithm", OTHER, HEADER_ONLY},
    {"x-amz-security-token", OTHER, HEADER_ONLY},
    {"x-amz-user-agent", OTHER, HEADER_ONLY},
    {"authorization", OTHER, HEADER_ONLY},
    {"content-disposition", OTHER, HEADER_ONLY},
    {"content-md5", OTHER, HEADER_ONLY},
    {"content-type", OTHER, HEADER_ONLY},
    {"date", OTHER, HEADER_ONLY},
    {"expires", OTHER, HEADER_ONLY},
    {"if-modified-since", OTHER, HEADER_ONLY},
    {"if-range", OTHER, HEADER_ONLY},
    {"if-unmodified-since", OTHER, HEADER_ONLY},
    {"range", OTHER, HEADER_ONLY},
};

/* ---- The index ---- */

static pthread_once_t index_once = PTHREAD_ONCE_INIT;
static struct {
    unsigned char first[NAME_BYTES_MAX + 1],
        next[COUNT_OF(table)]; /* place in the table plus one; 0: no more */
} lookup;
_Static_assert(COUNT_OF(table) < UINT8_MAX, "a place in the table fits");

static void make_index(void)
{
    for (size_t i = COUNT_OF(table); i-- > 0;) {
        size_t length = strlen(table[i].name);

        lookup.next[i] = lookup.first[length];
        lookup.first[length] = (unsigned char)(i + 1);
    }
}

/* NULL: the table does not have it. The index is made. */
static const struct known *find(struct slice name)
{
    if (name.len > NAME_BYTES_MAX)
        return NULL;
    for (size_t at = lookup.first[name.len]; at != 0; at = lookup.next[at - 1])
        if (memcmp(table[at - 1].name, name.base, name.len) == 0)
            return &table[at - 1];
    return NULL;
}

struct slice s3_effective_header(enum s3_effective_name name)
{
    size_t at = 0;

    while (table[at].id != name)
        at++; /* each of them has its row */
    return slice_text(table[at].name);
}

enum s3_effective_name s3_effective_find(struct slice name)
{
    pthread_once(&index_once, make_index);
    const struct known *known = find(name);

    return known != NULL ? known->id : S3_EFFECTIVE_COUNT;
}

bool s3_effective_may_be_presigned(struct slice name)
{
    pthread_once(&index_once, make_index);
    const struct known *known = find(name);

    return known != NULL ? known->kind != HEADER_ONLY : slice_has_prefix(name, METADATA_PREFIX);
}

/* ---- Copy sources ---- */

/* The version stands in plain after the encoded key. A key with an unencoded "?" is one, as in S3; a plus that is not encoded is a blank. */
bool s3_effective_decode_source(struct arena *arena, struct slice text, struct slice *path,
                                struct slice *version)
{
    const char *question = memchr(text.base, '?', text.len);
    struct slice tail;

    *version = slice_of(NULL, 0);
    if (question != NULL) {
        tail = slice_from(text, (size_t)(question - text.base));
        if (slice_has_prefix_nocase(tail, VERSION_PARAMETER)) {
            *version = slice_from(tail, strlen(VERSION_PARAMETER));
            text.len -= tail.len;
        }
    }
    *path = percent_decode_in(arena, text, true);
    if (path->len > 0 && path->base[0] == '/')
        *path = slice_from(*path, 1);
    return path->base != NULL;
}

/* ---- Collecting ---- */

struct collection {
    struct arena *arena;
    const struct http_headers *headers;
    struct s3_effective *effective;
    unsigned char seen[COUNT_OF(table)];
};

static void keep(struct collection *collection, enum s3_effective_name id, struct slice value)
{
    struct s3_effective *effective = collection->effective;
    struct slice *kept = &effective->values[id];

    if (id == S3_EFFECTIVE_COPY_SOURCE)
        (void)s3_effective_decode_source(collection->arena, value, kept, &effective->copy_version);
    else if (kept->base != NULL)
        *kept = arena_concat(collection->arena, *kept, SLICE(", "), value);
    else
        *kept = value.base != NULL ? value : SLICE("");
}

/* Of S3's names that this table does not have: whether one of the headers before it has the same. */
static bool came_before(const struct collection *collection, size_t index)
{
    struct slice name = collection->headers->entries[index].name;

    for (size_t i = 0; i < index; i++)
        if (slice_equals(collection->headers->entries[i].name, name))
            return true;
    return false;
}

/* false: it is repeated. */
static bool take(struct collection *collection, size_t index)
{
    const struct http_header *header = &collection->headers->entries[index];
    const struct known *known = find(header->name);
    struct slice name = header->name;

    if (name.len > 6 && STARTS(name, "x-amz-") &&
        (known == NULL || known->id != OTHER || known->kind != HEADER_ONLY)) {
        if (slice_has_prefix(name, "x-amz-server-side-encryption"))
            collection->effective->encrypts = true;
        else if (slice_has_prefix(name, "x-amz-copy-source-server-side-encryption"))
            collection->effective->decrypts_source = true;
        if (known == NULL)
            return slice_has_prefix(name, METADATA_PREFIX) || !came_before(collection, index);
    }
    if (known == NULL)
        return true;
    if (known->kind != LIST && collection->seen[known - table]++ != 0)
        return false;
    if (known->id != OTHER)
        keep(collection, known->id, header->value);
    return true;
}

bool s3_effective_collect(struct arena *arena, const struct http_headers *headers,
                          struct s3_effective *effective, struct slice *repeated)
{
    struct collection collection = {.arena = arena, .headers = headers, .effective = effective};

    pthread_once(&index_once, make_index);
    *effective = (struct s3_effective){0};
    for (size_t i = 0; i < headers->size; i++) {
        if (!take(&collection, i)) {
            *repeated = headers->entries[i].name;
            return false;
        }
    }
    return true;
}
