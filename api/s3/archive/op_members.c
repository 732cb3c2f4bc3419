/* SPDX-License-Identifier: MIT
 *
 * ListArchiveMembers: the members of an object that is an archive, told as ListObjectsV2 tells keys; to MinIO's clients, which ask by a
 * listing of the bucket, as that listing would have been, with keys that begin with the archive's. Worker's thread. */
#include <string.h>

#include "api/core/cache/cache.h"
#include "api/s3/archive/s3_archive.h"
#include "api/s3/archive/s3_extract.h"
#include "api/s3/archive/s3_member.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/op/op_page.h"
#include "storage/base/owner.h"

#define ROOT "ListBucketResult"

struct listing {
    struct s3_archive archive;
    struct s3_page page;
    struct slice start, token; /* as given */
    struct slice after;        /* base NULL, or names come after it */
    uint32_t count;
    bool is_v2;
    struct slice last; /* the last entry */
};

/* ---- Entries ---- */

static void write_member(struct listing *listing, const struct member *member)
{
    const struct meta_object *object = listing->archive.object;
    struct s3_xml *xml = &listing->page.xml;
    char etag[META_ETAG_BYTES_MAX + 1];

    s3_member_etag(object, member, false, etag);
    s3_xml_open(xml, "Contents");
    s3_page_write_name(&listing->page, xml, "Key", member->name);
    s3_xml_time(xml, "LastModified", object->modified_ms);
    s3_xml_etag(xml, etag);
    s3_xml_unsigned(xml, "Size", member->size);
    s3_xml_storage_class(xml, slice_of(NULL, 0));
    s3_xml_close(xml, "Contents");
}

/* What all names from there to the delimiter have in common; base NULL: it is no folder's. */
static struct slice common_prefix(const struct listing *listing, struct slice name)
{
    const char *found;

    if (listing->page.delimiter.len == 0 || name.len <= listing->page.prefix.len)
        return slice_of(NULL, 0);
    found = memmem(name.base + listing->page.prefix.len, name.len - listing->page.prefix.len,
                   listing->page.delimiter.base, listing->page.delimiter.len);
    return found != NULL ? slice_of(name.base, (size_t)(found - name.base) + listing->page.delimiter.len)
                         : slice_of(NULL, 0);
}

/* Where the listing begins. A common prefix that was told last is gone past as a whole. */
static uint32_t find_first(const struct listing *listing)
{
    const struct member_index *index = listing->archive.index;
    struct slice after = listing->after;
    uint32_t place;

    if (after.len == 0 || slice_compare(after, listing->page.prefix) < 0)
        return member_index_seek(index, listing->page.prefix);
    place = member_index_seek(index, after);
    if (slice_begins(after, listing->page.prefix) && slice_equals(common_prefix(listing, after), after) &&
        after.len > 0)
        return member_index_skip(index, place, after);
    if (place < member_index_count(index) && slice_equals(member_index_at(index, place)->name, after))
        place++;
    return place;
}

/* One step for each entry that is told, however many members a folder has. */
static void write_entries(struct listing *listing)
{
    const struct member_index *index = listing->archive.index;
    uint32_t place = find_first(listing);

    while (place < member_index_count(index)) {
        const struct member *member = member_index_at(index, place);
        struct slice common = common_prefix(listing, member->name);

        if (!slice_begins(member->name, listing->page.prefix))
            break;
        if (member->refusal == MEMBER_UNSAFE) {
            place++;
            continue;
        }
        if (listing->count == listing->page.limit) {
            listing->page.truncated = listing->page.limit > 0;
            break;
        }
        listing->count++;
        if (common.base != NULL) {
            listing->last = s3_page_add_common(&listing->page, common);
            place = member_index_skip(index, place, common);
        } else {
            write_member(listing, member);
            listing->last = member->name;
            place++;
        }
    }
}

/* ---- The document ---- */

static void write_position(struct listing *listing, struct s3_xml *xml)
{
    struct s3_request *request = listing->archive.request;

    if (!listing->is_v2) {
        s3_xml_parameter(xml, "Marker", listing->start, listing->page.url);
        if (listing->page.truncated && listing->page.delimiter.len > 0)
            s3_page_write_name(&listing->page, xml, "NextMarker", listing->last);
        return;
    }
    if (listing->token.base != NULL)
        s3_xml_parameter(xml, "ContinuationToken", listing->token, false);
    else if (listing->start.base != NULL)
        s3_xml_parameter(xml, "StartAfter", listing->start, listing->page.url);
    if (listing->page.truncated) {
        struct slice token = s3_token_make(request, listing->last);

        s3_xml_text(xml, "NextContinuationToken", token.base, token.len);
    }
    s3_xml_unsigned(xml, "KeyCount", listing->count);
}

static void write_head(struct listing *listing, struct s3_xml *xml)
{
    s3_xml_open(xml, ROOT S3_XMLNS);
    s3_xml_string(xml, "Name", listing->archive.request->bucket.name);
    s3_page_write_name(&listing->page, xml, "Prefix", listing->page.prefix);
    write_position(listing, xml);
    s3_page_write_limits(&listing->page, xml, "MaxKeys");
}

static void on_opened(struct s3_archive *archive)
{
    struct listing *listing = OWNER_OF(archive, struct listing, archive);
    struct s3_request *request = archive->request;
    struct s3_xml head;

    s3_page_begin(&listing->page);
    write_entries(listing);
    (void)s3_page_end(&listing->page, 0, ROOT, &head);
    write_head(listing, &head);
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &archive->object->version);
    core_get_end(archive->get);
    s3_page_answer(&listing->page, &head);
}

/* ---- Parameters ---- */

/* As a member's name: of MinIO's clients without the archive's key. What sorts before all members is as good as nothing; what sorts after them
 * is a name that none has, for none has a byte of 255. */
static struct slice without_archive(const struct listing *listing, struct slice key)
{
    if (key.base == NULL || slice_begins(key, listing->page.before))
        return key.base != NULL ? slice_from(key, listing->page.before.len) : key;
    return slice_compare(key, listing->page.before) < 0 ? slice_of(NULL, 0) : SLICE("\xff");
}

static enum s3_error read_start(struct listing *listing)
{
    struct s3_request *request = listing->archive.request;

    if (!listing->is_v2) {
        listing->start = s3_parameter_value(request, "marker");
        listing->after =
            without_archive(listing, s3_marker_resume(listing->start, s3_parameter_value(request, "prefix"),
                                                      listing->page.delimiter));
        return S3_ERROR_NONE;
    }
    listing->start = s3_parameter_value(request, "start-after");
    listing->token = s3_parameter_value(request, "continuation-token");
    listing->after = without_archive(listing, listing->start);
    if (listing->token.base == NULL ||
        s3_token_read(request, listing->token, META_KEY_BYTES_MAX, &listing->after) == 0)
        return S3_ERROR_NONE;
    return s3_request_argument(request, SLICE("continuation-token"), slice_of(NULL, 0),
                               "The continuation token provided is incorrect");
}

/* Answers itself when something is wrong. */
static struct listing *listing_create(struct s3_request *request)
{
    struct listing *listing = s3_request_alloc(request, sizeof(*listing));
    struct slice type = s3_parameter_value(request, "list-type");
    bool is_extracted = request->extracted.base != NULL;
    enum s3_error error;

    listing->archive.request = request;
    listing->archive.opened = on_opened;
    listing->is_v2 = !is_extracted || type.base != NULL;
    if (s3_page_read(&listing->page, request, "max-keys") != 0)
        return NULL;
    if (is_extracted) {
        listing->page.before = request->extracted;
        listing->page.prefix = s3_parameter_value(request, S3_MEMBERS_PARAMETER);
    }
    error = type.base != NULL && !slice_is(type, "2")
                ? s3_request_argument(request, SLICE("list-type"), type, NULL)
                : read_start(listing);
    if (error == S3_ERROR_NONE)
        return listing;
    s3_answer_error(request, error);
    return NULL;
}

void s3_op_list_archive_members(struct s3_request *request)
{
    struct listing *listing = listing_create(request);

    if (listing == NULL)
        return;
    if (s3_version_head(request, &listing->archive.get, &listing->archive.object) != 0) {
        core_cache_miss(request->worker, request->bucket.id);
        return;
    }
    core_cache_hit(request->worker, request->bucket.id, request->key, listing->archive.object);
    s3_archive_open(&listing->archive);
}
