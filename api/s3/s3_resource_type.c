/* SPDX-License-Identifier: MIT
 *
 * The names of resources: a query parameter's, or those of the path. Some parameters mean another resource on an object than on a
 * bucket. */
#include "api/s3/s3_resource_type.h"

#include "api/s3/s3_selector.h"
#include "storage/base/slice.h"

static const struct {
    const char *parameter, *type, *of_object; /* of_object NULL: the same */
} types[] = {
    {"abac", "BUCKET_ABAC", NULL},
    {"accelerate", "ACCELERATE", NULL},
    {"acl", "ACL", NULL},
    {"analytics", "ANALYTICS", NULL},
    {"annotation", "OBJECT_ANNOTATIONS", NULL},
    {"attributes", "OBJECT_ATTRIBUTES", NULL},
    {"cors", "CORS", NULL},
    {"delete", "MULTI_OBJECT_DELETE", NULL},
    {"encryption", "ENCRYPTION", "OBJECT_ENCRYPTION"},
    {"intelligent-tiering", "INTELLIGENT_TIERING", NULL},
    {"inventory", "INVENTORY", NULL},
    {"legal-hold", "OBJECT_LOCK_LEGALHOLD", NULL},
    {"lifecycle", "LIFECYCLE", NULL},
    {"location", "LOCATION", NULL},
    {"logging", "LOGGING_STATUS", NULL},
    {"metadataAnnotationTable", "BUCKET_METADATA_ANNOTATION_TABLE_CONFIGURATION", NULL},
    {"metadataConfiguration", "BUCKET_METADATA_CONFIGURATION", NULL},
    {"metadataInventoryTable", "BUCKET_METADATA_INVENTORY_TABLE_CONFIGURATION", NULL},
    {"metadataJournalTable", "BUCKET_METADATA_JOURNAL_TABLE_CONFIGURATION", NULL},
    {"metadataTable", "BUCKET_METADATA_TABLE_CONFIGURATION", NULL},
    {"metrics", "METRICS", NULL},
    {"notification", "NOTIFICATION", NULL},
    {"object-lock", "OBJECT_LOCK_CONFIGURATION", NULL},
    {"ownershipControls", "OWNERSHIP_CONTROLS", NULL},
    {"policy", "BUCKETPOLICY", NULL},
    {"policyStatus", "POLICY_STATUS", NULL},
    {"publicAccessBlock", "PUBLIC_ACCESS_BLOCK", NULL},
    {"replication", "REPLICATION", NULL},
    {"requestPayment", "REQUEST_PAYMENT", NULL},
    {"restore", "RESTORE", NULL},
    {"retention", "OBJECT_LOCK_RETENTION", NULL},
    {"select", "SELECT", NULL},
    {"tagging", "TAGGING", "OBJECT_TAGGING"},
    {"torrent", "TORRENT", NULL},
    {"uploadId", "UPLOAD", NULL},
    {"uploads", "UPLOADS", NULL},
    {"versioning", "VERSIONING", NULL},
    {"versions", "BUCKETVERSIONS", NULL},
    {"website", "WEBSITE", NULL},
};

const char *s3_resource_type(const struct s3_request *request)
{
    enum s3_resource resource = s3_resource_of(request);

    if (resource == S3_RESOURCE_SERVICE)
        return "SERVICE";
    if (s3_request_has(request, "uploadId") && s3_request_has(request, "partNumber"))
        return "PART";
    for (size_t i = 0; i < request->parameter_count; i++)
        for (size_t n = 0; n < sizeof(types) / sizeof(types[0]); n++)
            if (slice_is(request->parameters[i].name, types[n].parameter))
                return resource == S3_RESOURCE_OBJECT && types[n].of_object != NULL ? types[n].of_object
                                                                                    : types[n].type;
    return resource == S3_RESOURCE_OBJECT ? "OBJECT" : "BUCKET";
}
