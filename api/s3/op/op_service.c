/* SPDX-License-Identifier: MIT
 *
 * ListBuckets: the caller's own buckets, and those that its key may list by configuration. Pages where the
 * client asks for them. Worker's thread. */
#include <string.h>

#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/s3_operation.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/text/s3_region.h"
#include "storage/base/slice.h"

#define BUCKETS_PER_READ    1000u
#define BUCKETS_MAX_DEFAULT 10000u /* S3's largest page; without max-buckets all are told */

struct bucket_listing {
    struct s3_request *request;
    struct s3_xml xml;
    struct slice prefix, region;
    uint32_t limit, count; /* buckets told at most, and so far */
    uint32_t seen;         /* in this read */
    bool paged, truncated;
    char last_seen[META_BUCKET_NAME_BYTES_MAX + 1], last_told[META_BUCKET_NAME_BYTES_MAX + 1];
};

/* A session whose policy lets it list some buckets sees these. */
static bool session_lists(struct s3_request *request, const struct meta_bucket *bucket)
{
    struct s3_pinned itself = s3_pinned_named(bucket, slice_of(NULL, 0), NULL);
    const struct s3_access access = {.object = &itself, .action = S3_ACTION_LIST_BUCKET};

    return s3_authorize_session(request, &access);
}

static bool listing_wants(const struct bucket_listing *listing, const struct meta_bucket *bucket)
{
    if (!slice_begins(slice_text(bucket->name), listing->prefix))
        return false;
    if (listing->region.base != NULL && !slice_is_nocase(listing->region, bucket->region))
        return false;
    return (s3_authorize_rights(listing->request, bucket) & S3_RIGHT_LIST) != 0 &&
           session_lists(listing->request, bucket);
}

static int visit_bucket(void *ctx, const struct meta_bucket *bucket)
{
    struct bucket_listing *listing = ctx;
    char arn[sizeof(S3_BUCKET_ARN) + META_BUCKET_NAME_BYTES_MAX];

    listing->seen++;
    strcpy(listing->last_seen, bucket->name);
    if (!listing_wants(listing, bucket))
        return 0;
    if (listing->paged && listing->count == listing->limit) {
        listing->truncated = true;
        return 1;
    }
    s3_xml_open(&listing->xml, "Bucket");
    s3_xml_string(&listing->xml, "Name", bucket->name);
    s3_xml_time(&listing->xml, "CreationDate", bucket->created_ms);
    s3_xml_string(&listing->xml, "BucketRegion", bucket->region);
    s3_xml_string(&listing->xml, "BucketArn", strcat(strcpy(arn, S3_BUCKET_ARN), bucket->name));
    s3_xml_close(&listing->xml, "Bucket");
    strcpy(listing->last_told, bucket->name);
    listing->count++;
    return 0;
}

static int list_all(struct bucket_listing *listing)
{
    int result;

    do {
        struct slice after = slice_text(listing->last_seen);
        char from[META_BUCKET_NAME_BYTES_MAX + 1];

        memcpy(from, listing->last_seen, sizeof(from)); /* visit_bucket writes to last_seen meanwhile */
        after.base = from;
        listing->seen = 0;
        result = meta_bucket_list(core_worker_reader(listing->request->worker), after, BUCKETS_PER_READ,
                                  visit_bucket, listing);
    } while (result == 0 && listing->seen == BUCKETS_PER_READ);
    return result < 0 ? result : 0;
}

/* The token is the last name told: it is no secret, and it stays good when that bucket is gone. */
static bool listing_start(struct bucket_listing *listing, struct slice token)
{
    if (token.base == NULL || token.len == 0)
        return true;
    if (token.len > META_BUCKET_NAME_BYTES_MAX || memchr(token.base, '\0', token.len) != NULL)
        return false;
    (void)slice_copy(listing->last_seen, token);
    return true;
}

static void answer_listing(struct bucket_listing *listing, const char *owner)
{
    struct s3_request *request = listing->request;
    struct s3_xml *xml = &listing->xml;
    int result;

    s3_xml_init(xml, &request->http->arena);
    s3_xml_open(xml, "ListAllMyBucketsResult" S3_XMLNS);
    s3_xml_owner(request, xml, "Owner", slice_text(owner));
    s3_xml_open(xml, "Buckets");
    if ((result = list_all(listing)) != 0) {
        s3_answer_result(request, result);
        return;
    }
    s3_xml_close(xml, "Buckets");
    if (listing->truncated)
        s3_xml_string(xml, "ContinuationToken", listing->last_told);
    if (listing->prefix.base != NULL)
        s3_xml_parameter(xml, "Prefix", listing->prefix, false);
    s3_xml_close(xml, "ListAllMyBucketsResult");
    s3_answer_xml(request, 200, xml);
}

/* S3_ERROR_NONE, or what to answer. */
static enum s3_error read_arguments(struct bucket_listing *listing)
{
    struct s3_request *request = listing->request;
    struct slice region = listing->region, most = s3_parameter_value(request, "max-buckets");
    uint64_t limit = BUCKETS_MAX_DEFAULT;

    listing->paged = most.base != NULL;
    if (most.len > 0 &&
        (s3_number_parse(most.base, most.len, BUCKETS_MAX_DEFAULT, &limit) != 0 || limit == 0))
        return s3_request_argument(request, SLICE("max-buckets"), most,
                                   "Argument max-buckets must be an integer between 1 and 10000");
    listing->limit = (uint32_t)limit;
    if (region.base != NULL && !s3_service_takes_any_region(request->service) &&
        !slice_is(region, s3_service_region(request->service)) && !s3_region_is_possible(region))
        return s3_request_argument(request, SLICE("bucket-region"), region,
                                   "Argument bucket-region must be a region that exists");
    if (!listing_start(listing, s3_parameter_value(request, "continuation-token")))
        return s3_request_argument(request, SLICE("continuation-token"), slice_of(NULL, 0),
                                   "The continuation token provided is incorrect");
    return S3_ERROR_NONE;
}

void s3_op_list_buckets(struct s3_request *request)
{
    struct bucket_listing *listing = s3_request_alloc(request, sizeof(*listing));
    enum s3_error error;

    if (request->identity == NULL && !s3_service_is_open(request->service)) {
        s3_answer_error(request, S3_ERROR_ACCESS_DENIED);
        return;
    }
    listing->request = request;
    listing->prefix = s3_parameter_value(request, "prefix");
    listing->region = s3_parameter_value(request, "bucket-region");
    if ((error = read_arguments(listing)) != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        answer_listing(listing, request->owner_id);
}
