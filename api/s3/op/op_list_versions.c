/* SPDX-License-Identifier: MIT
 *
 * ListObjectVersions: versions and delete markers as they come, key by key and newest first. Worker's thread;
 * answers at once. */
#include <assert.h>
#include <string.h>

#include "api/s3/body/s3_checksum.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/op/op_page.h"
#include "storage/base/slice.h"

#define ROOT "ListVersionsResult"

struct version_listing {
    struct s3_page page;
    struct slice key_marker, version_marker; /* as given; base NULL when absent */
    struct meta_version_id marker;
    char last_key[META_KEY_BYTES_MAX]; /* the last entry */
    size_t last_key_length;
    struct meta_version_id last_version;
    bool last_is_prefix;
};

/* ---- Entries ---- */

static void write_version(struct version_listing *listing, const struct meta_version_entry *entry)
{
    char version[META_VERSION_TEXT_BYTES + 1];
    struct s3_xml *xml = &listing->page.xml;
    const char *name = entry->is_marker ? "DeleteMarker" : "Version";
    uint8_t algorithm = entry->checksum.algorithm;

    s3_xml_open(xml, name);
    s3_xml_key(xml, "Key", entry->key.base, entry->key.len, listing->page.url);
    (void)meta_version_format(&entry->version, version);
    s3_xml_string(xml, "VersionId", version);
    s3_xml_bool(xml, "IsLatest", entry->is_current);
    s3_xml_time(xml, "LastModified", entry->modified_ms);
    if (!entry->is_marker) {
        s3_xml_etag(xml, entry->etag);
        if (algorithm != S3_CHECKSUM_NONE && algorithm < S3_CHECKSUM_COUNT) {
            s3_xml_string(xml, "ChecksumAlgorithm", s3_checksum_name(algorithm));
            s3_xml_string(xml, "ChecksumType", s3_checksum_type_name(entry->checksum.type));
        }
        s3_xml_unsigned(xml, "Size", entry->size);
        s3_xml_storage_class(xml, entry->storage_class);
    }
    s3_xml_owner(listing->page.request, xml, "Owner", entry->owner);
    s3_xml_close(xml, name);
}

static int visit_version(void *ctx, const struct meta_version_entry *entry)
{
    struct version_listing *listing = ctx;

    assert(entry->key.len <= META_KEY_BYTES_MAX);
    (void)slice_copy(listing->last_key, entry->key);
    listing->last_key_length = entry->key.len;
    listing->last_version = entry->version;
    listing->last_is_prefix = entry->is_prefix;
    if (entry->is_prefix)
        (void)s3_page_add_common(&listing->page, entry->key);
    else
        write_version(listing, entry);
    return 0;
}

/* ---- The document ---- */

/* In the order of S3's schema. */
static void write_head(const struct version_listing *listing, struct s3_xml *xml)
{
    char version[META_VERSION_WHOLE_BYTES + 1];

    s3_xml_open(xml, ROOT S3_XMLNS);
    s3_xml_string(xml, "Name", listing->page.request->bucket.name);
    s3_xml_parameter(xml, "Prefix", listing->page.prefix, listing->page.url);
    s3_xml_parameter(xml, "KeyMarker", listing->key_marker, listing->page.url);
    s3_xml_parameter(xml, "VersionIdMarker", listing->version_marker, false);
    if (listing->page.truncated) {
        s3_xml_key(xml, "NextKeyMarker", listing->last_key, listing->last_key_length, listing->page.url);
        if (!listing->last_is_prefix) { /* with its place: it may be gone when the next page is asked for */
            (void)meta_version_format_whole(&listing->last_version, version);
            s3_xml_string(xml, "NextVersionIdMarker", version);
        }
    }
    s3_page_write_limits(&listing->page, xml, "MaxKeys");
}

static void answer_versions(struct version_listing *listing)
{
    struct s3_request *request = listing->page.request;
    struct slice resume =
        s3_marker_resume(listing->key_marker, listing->page.prefix, listing->page.delimiter);
    bool is_group = resume.len < listing->key_marker.len;
    struct meta_version_query query = {
        .bucket = request->bucket.id,
        .prefix = listing->page.prefix,
        .delimiter = listing->page.delimiter,
        .key_marker = resume,
        .version_marker = listing->version_marker.len > 0 && !is_group ? &listing->marker : NULL,
        .limit = listing->page.limit,
    };
    struct s3_xml head;
    int result;

    s3_page_begin(&listing->page);
    result = meta_version_list(core_worker_reader(request->worker), &query, visit_version, listing,
                               &listing->page.truncated);
    if (s3_page_end(&listing->page, result, ROOT, &head) != 0)
        return;
    write_head(listing, &head);
    s3_page_answer(&listing->page, &head);
}

/* ---- Parameters ---- */

static enum s3_error read_markers(struct version_listing *listing)
{
    struct s3_request *request = listing->page.request;

    listing->key_marker = s3_parameter_value(request, "key-marker");
    listing->version_marker = s3_parameter_value(request, "version-id-marker");
    if (listing->version_marker.len == 0)
        return S3_ERROR_NONE;
    if (listing->key_marker.len == 0)
        return s3_request_argument(request, SLICE("version-id-marker"), listing->version_marker,
                                   "A version-id marker cannot be specified without a key marker.");
    if (meta_version_parse(listing->version_marker, &listing->marker) != 0)
        return s3_request_argument(request, SLICE("version-id-marker"), listing->version_marker,
                                   "Invalid version id specified");
    return S3_ERROR_NONE;
}

void s3_op_list_object_versions(struct s3_request *request)
{
    struct version_listing *listing = s3_request_alloc(request, sizeof(*listing));
    enum s3_error error;

    if (s3_page_read(&listing->page, request, "max-keys") != 0)
        return;
    if ((error = read_markers(listing)) != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        answer_versions(listing);
}
