/* SPDX-License-Identifier: MIT
 *
 * ListObjects and ListObjectsV2: one index scan, told in two forms. Worker's thread; answers at once. */
#include <assert.h>
#include <string.h>

#include "api/s3/body/s3_checksum.h"
#include "api/s3/op/op_page.h"
#include "storage/base/slice.h"

#define ROOT "ListBucketResult"

struct listing {
    struct s3_page page;
    struct slice start; /* marker or start-after as given; base NULL when absent */
    struct slice token; /* V2 only, as given */
    struct slice after;
    bool with_owner, is_v2;
    uint32_t count;
    char last[META_KEY_BYTES_MAX]; /* the last entry */
    size_t last_length;
};

/* ---- Entries ---- */

static void write_key(struct listing *listing, const struct meta_list_entry *entry)
{
    struct s3_xml *xml = &listing->page.xml;
    uint8_t algorithm = entry->checksum.algorithm;

    s3_xml_open(xml, "Contents");
    s3_xml_key(xml, "Key", entry->key.base, entry->key.len, listing->page.url);
    s3_xml_time(xml, "LastModified", entry->modified_ms);
    s3_xml_etag(xml, entry->etag);
    if (algorithm != S3_CHECKSUM_NONE && algorithm < S3_CHECKSUM_COUNT) {
        s3_xml_string(xml, "ChecksumAlgorithm", s3_checksum_name(algorithm));
        s3_xml_string(xml, "ChecksumType", s3_checksum_type_name(entry->checksum.type));
    }
    s3_xml_unsigned(xml, "Size", entry->size);
    if (listing->with_owner)
        s3_xml_owner(listing->page.request, xml, "Owner", entry->owner);
    s3_xml_storage_class(xml, entry->storage_class);
    s3_xml_close(xml, "Contents");
}

static int visit_entry(void *ctx, const struct meta_list_entry *entry)
{
    struct listing *listing = ctx;

    assert(entry->key.len <= META_KEY_BYTES_MAX);
    assert(listing->count < listing->page.limit);
    if (entry->is_prefix)
        (void)s3_page_add_common(&listing->page, entry->key);
    else
        write_key(listing, entry);
    (void)slice_copy(listing->last, entry->key);
    listing->last_length = entry->key.len;
    listing->count++;
    return 0;
}

/* ---- The document ---- */

static void write_position_v1(const struct listing *listing, struct s3_xml *xml)
{
    s3_xml_parameter(xml, "Marker", listing->start, listing->page.url);
    /* Without a delimiter clients go on from the last key, as S3 documents. */
    if (listing->page.truncated && listing->page.delimiter.len > 0)
        s3_xml_key(xml, "NextMarker", listing->last, listing->last_length, listing->page.url);
}

static void write_position_v2(const struct listing *listing, struct s3_xml *xml)
{
    if (listing->start.base != NULL && listing->token.base == NULL) /* which has the last word */
        s3_xml_parameter(xml, "StartAfter", listing->start, listing->page.url);
    if (listing->token.base != NULL)
        s3_xml_parameter(xml, "ContinuationToken", listing->token, false);
    if (listing->page.truncated) {
        struct slice token =
            s3_token_make(listing->page.request, slice_of(listing->last, listing->last_length));

        s3_xml_text(xml, "NextContinuationToken", token.base, token.len);
    }
    s3_xml_unsigned(xml, "KeyCount", listing->count);
}

/* In the order of S3's schema: there are clients that read a listing as it comes. */
static void write_head(const struct listing *listing, struct s3_xml *xml)
{
    s3_xml_open(xml, ROOT S3_XMLNS);
    s3_xml_string(xml, "Name", listing->page.request->bucket.name);
    s3_xml_parameter(xml, "Prefix", listing->page.prefix, listing->page.url);
    if (listing->is_v2)
        write_position_v2(listing, xml);
    else
        write_position_v1(listing, xml);
    s3_page_write_limits(&listing->page, xml, "MaxKeys");
}

static void answer_listing(struct listing *listing)
{
    struct s3_request *request = listing->page.request;
    struct meta_list_query query = {
        .bucket = request->bucket.id,
        .prefix = listing->page.prefix,
        .delimiter = listing->page.delimiter,
        .after = listing->after,
        .limit = listing->page.limit,
    };
    struct s3_xml head;
    int result;

    s3_page_begin(&listing->page);
    result = meta_object_list(core_worker_reader(request->worker), &query, visit_entry, listing,
                              &listing->page.truncated);
    if (s3_page_end(&listing->page, result, ROOT, &head) != 0)
        return;
    write_head(listing, &head);
    s3_page_answer(&listing->page, &head);
}

/* ---- Parameters ---- */

/* A start beyond the longest key ends the listing where it stands: only its first bytes can matter. */
static struct slice bounded(struct slice start)
{
    struct slice bytes = start;

    if (bytes.len > META_KEY_BYTES_MAX)
        bytes.len = META_KEY_BYTES_MAX;
    return bytes;
}

/* The parameters that both forms share. Answers itself when something is wrong. */
static struct listing *listing_create(struct s3_request *request)
{
    struct listing *listing = s3_request_alloc(request, sizeof(*listing));

    return s3_page_read(&listing->page, request, "max-keys") == 0 ? listing : NULL;
}

void s3_op_list_objects(struct s3_request *request)
{
    struct listing *listing = listing_create(request);

    if (listing == NULL)
        return;
    listing->with_owner = true;
    listing->start = s3_parameter_value(request, "marker");
    listing->after = bounded(s3_marker_resume(listing->start, listing->page.prefix, listing->page.delimiter));
    answer_listing(listing);
}

void s3_op_list_objects_v2(struct s3_request *request)
{
    struct listing *listing;

    if (!slice_is_nocase(s3_parameter_value(request, "list-type"), "2")) {
        s3_answer_error(request, s3_request_argument(request, SLICE("list-type"),
                                                     s3_parameter_value(request, "list-type"), NULL));
        return;
    }
    if ((listing = listing_create(request)) == NULL)
        return;
    listing->is_v2 = true;
    listing->with_owner = slice_is_nocase(s3_parameter_value(request, "fetch-owner"), "true");
    listing->start = s3_parameter_value(request, "start-after");
    listing->token = s3_parameter_value(request, "continuation-token");
    listing->after = bounded(listing->start);
    if (listing->token.base != NULL &&
        s3_token_read(request, listing->token, META_KEY_BYTES_MAX, &listing->after) != 0) {
        s3_answer_error(request, s3_request_argument(request, SLICE("continuation-token"), slice_of(NULL, 0),
                                                     "The continuation token provided is incorrect"));
        return;
    }
    answer_listing(listing);
}
