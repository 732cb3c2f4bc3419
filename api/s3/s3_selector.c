/* SPDX-License-Identifier: MIT
 *
 * The table of selecting parameters and the search in it. Any thread. */
#include "api/s3/s3_selector.h"

#include <string.h>

#include "storage/base/slice.h"

#define SERVICE (1u << S3_RESOURCE_SERVICE)
#define BUCKET  (1u << S3_RESOURCE_BUCKET)
#define OBJECT  (1u << S3_RESOURCE_OBJECT)
#define ANY     (SERVICE | BUCKET | OBJECT)

/* Whatever changes something is never done in the place of what a parameter names, be it another resource's. What only reads is
 * more patient with objects: the links of a page may carry "?location=paris", and get the page, where S3 has that parameter for
 * buckets alone. */
static const struct s3_selector selectors[] = {
    /* Of buckets. */
    {"abac", SERVICE | BUCKET, ANY, false, false},
    {"accelerate", SERVICE | BUCKET, ANY, false, false},
    {"analytics", SERVICE | BUCKET, ANY, false, false},
    {"cors", SERVICE | BUCKET, ANY, false, false},
    {"delete", SERVICE | BUCKET, ANY, false, false},
    {"intelligent-tiering", SERVICE | BUCKET, ANY, false, false},
    {"inventory", SERVICE | BUCKET, ANY, false, false},
    {"lifecycle", SERVICE | BUCKET, ANY, false, false},
    {"location", SERVICE | BUCKET, ANY, false, false},
    {"metadataAnnotationTable", SERVICE | BUCKET, ANY, false, false},
    {"metadataConfiguration", SERVICE | BUCKET, ANY, false, false},
    {"metadataInventoryTable", SERVICE | BUCKET, ANY, false, false},
    {"metadataJournalTable", SERVICE | BUCKET, ANY, false, false},
    {"metadataTable", SERVICE | BUCKET, ANY, false, false},
    {"metrics", SERVICE | BUCKET, ANY, false, false},
    {"notification", SERVICE | BUCKET, ANY, false, false},
    {"object-lock", SERVICE | BUCKET, ANY, false, false},
    {"ownershipControls", SERVICE | BUCKET, ANY, false, false},
    {"policy", SERVICE | BUCKET, ANY, false, false},
    {"policyStatus", SERVICE | BUCKET, ANY, false, false},
    {"publicAccessBlock", SERVICE | BUCKET, ANY, false, false},
    {"replication", SERVICE | BUCKET, ANY, false, false},
    {"requestPayment", SERVICE | BUCKET, ANY, false, false},
    {"versioning", SERVICE | BUCKET, ANY, false, false},
    {"website", SERVICE | BUCKET, ANY, false, false},

    /* Of buckets too, but S3 has an answer of its own for a key with them. */
    {"logging", ANY, ANY, false, false},
    {"versions", ANY, ANY, false, false},

    /* Of objects, or of both. */
    {"acl", ANY, ANY, false, false},
    {"annotation", ANY, ANY, false, false},
    {"attributes", ANY, ANY, false, false},
    {"encryption", ANY, ANY, false, false},
    {"legal-hold", ANY, ANY, false, false},
    {"renameObject", ANY, ANY, false, true},
    {"restore", ANY, ANY, false, false},
    {"retention", ANY, ANY, false, false},
    {"select", ANY, ANY, false, false},
    {"tagging", ANY, ANY, false, false},
    {"torrent", ANY, ANY, false, false},
    {"uploadId", ANY, ANY, false, true},
    {"uploads", ANY, ANY, false, true},

    /* Halves. A request that has lost the other half must not be done as if it had none. */
    {"annotationName", ANY, ANY, true, false},
    {"id", 0, SERVICE | BUCKET, true, false},          /* of ?analytics and its like */
    {"list-type", SERVICE | BUCKET, ANY, true, false}, /* ?list-type&versions lists versions, as in S3 */
    {"partNumber", 0, ANY, true, true},                /* GET of an object takes it for itself */
    {"select-type", 0, ANY, true, false},
    {"session", SERVICE | BUCKET, ANY, true, false}, /* S3 does not look at it outside of directory buckets */
};

enum s3_resource s3_resource_of(const struct s3_request *request)
{
    if (request->bucket_name.len == 0)
        return S3_RESOURCE_SERVICE;
    return request->key.len == 0 ? S3_RESOURCE_BUCKET : S3_RESOURCE_OBJECT;
}

const struct s3_selector *s3_selector_row(size_t index)
{
    return index < sizeof(selectors) / sizeof(selectors[0]) ? &selectors[index] : NULL;
}

static const struct s3_selector *look_up(struct slice name)
{
    for (size_t i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++)
        if (slice_equals(name, slice_of(selectors[i].name, strlen(selectors[i].name))))
            return &selectors[i];
    return NULL;
}

static bool selects(const struct s3_selector *selector, enum s3_method method, enum s3_resource resource)
{
    if (method == S3_OPTIONS)
        return false; /* a preflight asks about the request that follows, which has the same query */
    return ((method == S3_GET || method == S3_HEAD ? selector->reads : selector->writes) >> resource & 1) !=
           0;
}

const struct s3_selector *s3_selector_find(const struct s3_request *request, enum s3_method method,
                                           const struct s3_selector **other)
{
    enum s3_resource resource = s3_resource_of(request);
    const struct s3_selector *first = NULL, *half = NULL;

    *other = NULL;
    for (size_t i = 0; i < request->parameter_count; i++) {
        const struct s3_selector *selector = look_up(request->parameters[i].name);

        if (selector == NULL || !selects(selector, method, resource))
            continue;
        if (selector->yields)
            half = half != NULL ? half : selector;
        else if (first == NULL)
            first = selector;
        else if (selector != first && *other == NULL)
            *other = selector;
    }
    return first != NULL ? first : half;
}
