/* SPDX-License-Identifier: MIT
 *
 * GetArchiveMember and HeadArchiveMember: GET and HEAD of a member of an object that is an archive, without unpacking it. Worker's thread.
 *
 * Stored bytes leave as those of any object do. Deflated ones leave in the same way, as gzip, for a client that takes it; else they are
 * inflated. Who may read the archive may read its members, and the archive is the one that was judged. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "api/archive/member_gzip.h"
#include "api/core/cache/cache.h"
#include "api/s3/access/s3_browser.h"
#include "api/s3/archive/s3_archive.h"
#include "api/s3/archive/s3_extract.h"
#include "api/s3/archive/s3_inflate.h"
#include "api/s3/archive/s3_member.h"
#include "api/s3/body/s3_send.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/object/s3_overrides.h"
#include "api/s3/object/s3_range.h"
#include "api/s3/object/s3_version.h"
#include "api/s3/s3_operation.h"
#include "api/s3/text/s3_content_type.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/owner.h"

/* How the member leaves. */
enum form { FORM_STORED, FORM_GZIP, FORM_INFLATED };

struct fetch {
    struct s3_archive archive;
    struct s3_send send;
    const struct member *member;
    struct slice name;
    enum form form;
    char etag[META_ETAG_BYTES_MAX + 1];
    struct s3_range range; /* of the file */
    bool is_partial;
    uint64_t offset;       /* of the member's bytes, in the archive */
    unsigned char *header; /* the local one of a ZIP */
    unsigned char tail[MEMBER_GZIP_TAIL_BYTES];
};

/* ---- The head of the answer ---- */

static void add_validators(struct fetch *fetch)
{
    struct s3_request *request = fetch->archive.request;
    char date[S3_TIME_HTTP_BYTES + 1];

    s3_answer_etag(request, fetch->etag);
    s3_time_http_format(fetch->archive.object->modified_ms, date);
    s3_answer_header(request, "last-modified", date, S3_TIME_HTTP_BYTES);
    if (fetch->member->method == MEMBER_DEFLATED)
        s3_answer_header_string(request, "vary", "Accept-Encoding");
}

static void add_type(struct fetch *fetch)
{
    struct s3_request *request = fetch->archive.request;
    const char *type = s3_content_type_of(fetch->name);

    if (!s3_overrides_have(request, "content-type"))
        s3_answer_header_string(request, "content-type", type != NULL ? type : S3_CONTENT_TYPE_DEFAULT);
}

static void add_head(void *ctx)
{
    struct fetch *fetch = ctx;
    struct s3_request *request = fetch->archive.request;
    char text[64];

    add_type(fetch);
    add_validators(fetch);
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &fetch->archive.object->version);
    if (fetch->form == FORM_GZIP)
        s3_answer_header_string(request, "content-encoding", "gzip");
    else
        s3_answer_header_string(request, "accept-ranges", "bytes");
    if (fetch->is_partial)
        s3_answer_header(request, "content-range", text,
                         s3_range_format(&fetch->range, fetch->member->size, text));
    s3_overrides_answer(request);
    s3_browser_answer(request);
    request->http->answer.status = fetch->is_partial ? 206 : 200;
    s3_answer_through_door(request);
}

static void add_head_of(struct s3_send *send)
{
    add_head(OWNER_OF(send, struct fetch, send));
}

static void answer_not_modified(struct fetch *fetch)
{
    struct s3_request *request = fetch->archive.request;

    add_validators(fetch);
    request->http->answer.status = 304;
    core_get_end(fetch->archive.get);
    http_send_head(request->http, UINT64_MAX);
}

/* ---- The bytes ---- */

static void send_bytes(struct fetch *fetch)
{
    const struct member *member = fetch->member;

    fetch->send = (struct s3_send){
        .request = fetch->archive.request,
        .get = fetch->archive.get,
        .first = fetch->offset + fetch->range.first,
        .length = fetch->range.length,
        .head = add_head_of,
    };
    if (fetch->form == FORM_GZIP) {
        member_gzip_tail(member, fetch->tail);
        fetch->send.first = fetch->offset;
        fetch->send.length = member->stored;
        fetch->send.before = slice_of(member_gzip_head, MEMBER_GZIP_HEAD_BYTES);
        fetch->send.after = slice_of(fetch->tail, MEMBER_GZIP_TAIL_BYTES);
    } else if (fetch->form == FORM_INFLATED && fetch->range.length > 0) {
        s3_inflate_start(&(struct s3_inflate_options){
            .request = fetch->archive.request,
            .get = fetch->archive.get,
            .member = member,
            .offset = fetch->offset,
            .first = fetch->range.first,
            .length = fetch->range.length,
            .head = add_head,
            .ctx = fetch,
        });
        return;
    }
    s3_send_start(&fetch->send);
}

static void answer_head(struct fetch *fetch)
{
    struct s3_request *request = fetch->archive.request;
    uint64_t length = fetch->range.length;

    if (fetch->form == FORM_GZIP)
        length = MEMBER_GZIP_HEAD_BYTES + fetch->member->stored + MEMBER_GZIP_TAIL_BYTES;
    add_head(fetch);
    core_get_end(fetch->archive.get);
    http_send_head(request->http, length);
}

static enum s3_archive_step on_located(struct s3_archive *archive)
{
    struct fetch *fetch = OWNER_OF(archive, struct fetch, archive);

    if (fetch->header != NULL && zip_local_check(fetch->header, fetch->member, &fetch->offset) != 0)
        s3_archive_fail(archive, S3_ERROR_INVALID_REQUEST, S3_MEMBER_DAMAGED_MESSAGE);
    else if (archive->request->method == S3_HEAD)
        answer_head(fetch);
    else
        send_bytes(fetch);
    return S3_ARCHIVE_LEFT;
}

/* Of a ZIP, its directory tells where the local header is, which tells where the bytes are. */
static void locate(struct fetch *fetch)
{
    struct s3_archive *archive = &fetch->archive;
    const struct member *member = fetch->member;

    fetch->offset = member->offset;
    if (member_index_kind(archive->index) == ARCHIVE_TAR) {
        on_located(archive);
        return;
    }
    fetch->header = s3_request_alloc(archive->request, member->head);
    s3_archive_read(archive, member->offset, member->head, fetch->header, on_located);
}

/* ---- Which form, which bytes ---- */

/* A range is one of the file as it was: so it is with whoever fetches a large object in ranges, whatever encodings he takes. Whoever insists on
 * the file's own ETag gets that. */
static enum form choose_form(struct fetch *fetch)
{
    struct s3_request *request = fetch->archive.request;
    struct slice if_match = s3_request_effective(request, S3_EFFECTIVE_IF_MATCH);

    if (fetch->member->method != MEMBER_DEFLATED)
        return FORM_STORED;
    if (!s3_accepts_gzip(s3_request_header(request, "accept-encoding")) ||
        s3_request_header(request, "range").base != NULL || s3_overrides_have(request, "content-encoding"))
        return FORM_INFLATED;
    s3_member_etag(fetch->archive.object, fetch->member, false, fetch->etag);
    return if_match.base != NULL && s3_etag_list_has(if_match, fetch->etag, false) ? FORM_INFLATED
                                                                                   : FORM_GZIP;
}

/* Whether If-Match names the other form's ETag. There are clients whose library asks for gzip and unpacks it before they look: they go on with ranges
 * of what they have, by the ETag that came with it. */
static bool matches_other_form(struct fetch *fetch, struct slice if_match)
{
    char etag[META_ETAG_BYTES_MAX + 1];

    if (fetch->member->method != MEMBER_DEFLATED || if_match.base == NULL)
        return false;
    s3_member_etag(fetch->archive.object, fetch->member, fetch->form != FORM_GZIP, etag);
    return s3_etag_list_has(if_match, etag, false);
}

static enum s3_error choose_range(struct fetch *fetch)
{
    struct s3_request *request = fetch->archive.request;
    struct slice range = s3_request_header(request, "range"),
                 if_range = s3_request_header(request, "if-range");
    uint64_t size = fetch->member->size;
    char text[64];

    if (if_range.base != NULL &&
        !s3_if_range_holds(if_range, fetch->etag, fetch->archive.object->modified_ms))
        range.base = NULL;
    switch (s3_range_parse(range.base, range.len, size, &fetch->range)) {
    case S3_RANGE_UNSATISFIABLE:
        s3_answer_header(request, "content-range", text,
                         (size_t)snprintf(text, sizeof(text), "bytes */%llu", (unsigned long long)size));
        s3_request_element_number(request, S3_ELEMENT_ACTUAL_OBJECT_SIZE, size);
        return S3_ERROR_INVALID_RANGE;
    case S3_RANGE_PARTIAL:
        fetch->is_partial = true;
        break;
    case S3_RANGE_WHOLE:
        break;
    }
    return S3_ERROR_NONE;
}

/* S3_ERROR_NONE; or the error. *is_known: the client has it already. */
static enum s3_error judge_conditions(struct fetch *fetch, bool *is_known)
{
    struct s3_request *request = fetch->archive.request;
    struct s3_conditions conditions = {
        .if_match = s3_request_effective(request, S3_EFFECTIVE_IF_MATCH),
        .if_none_match = s3_request_effective(request, S3_EFFECTIVE_IF_NONE_MATCH),
        .if_modified_since = s3_request_header(request, "if-modified-since"),
        .if_unmodified_since = s3_request_header(request, "if-unmodified-since"),
    };
    enum s3_verdict verdict;

    if (matches_other_form(fetch, conditions.if_match))
        conditions.if_match = SLICE("*");
    verdict = s3_conditions_check(&conditions, fetch->etag, fetch->archive.object->modified_ms);
    *is_known = verdict == S3_VERDICT_NOT_MODIFIED;
    if (verdict != S3_VERDICT_FAILED)
        return S3_ERROR_NONE;
    s3_request_element(request, S3_ELEMENT_CONDITION,
                       conditions.if_match.base != NULL ? SLICE("If-Match") : SLICE("If-Unmodified-Since"));
    return S3_ERROR_PRECONDITION_FAILED;
}

static void answer_member(struct fetch *fetch)
{
    struct s3_archive *archive = &fetch->archive;
    const char *message = NULL;
    bool is_known = false;
    enum s3_error error = s3_member_judge(archive->request, fetch->member, &message);

    fetch->form = choose_form(fetch);
    s3_member_etag(archive->object, fetch->member, fetch->form == FORM_GZIP, fetch->etag);
    if (error == S3_ERROR_NONE)
        error = judge_conditions(fetch, &is_known);
    if (error == S3_ERROR_NONE && is_known) {
        answer_not_modified(fetch);
        return;
    }
    if (error == S3_ERROR_NONE)
        error = choose_range(fetch);
    if (error == S3_ERROR_NONE && fetch->form == FORM_INFLATED &&
        fetch->range.first + fetch->range.length > ARCHIVE_INFLATED_BYTES_MAX) {
        error = S3_ERROR_NOT_IMPLEMENTED;
        message = "The member is too large to be inflated here: ask for it with Accept-Encoding: gzip.";
    }
    if (error != S3_ERROR_NONE)
        s3_archive_fail(archive, error, message);
    else
        locate(fetch);
}

static void on_opened(struct s3_archive *archive)
{
    struct fetch *fetch = OWNER_OF(archive, struct fetch, archive);
    struct s3_request *request = archive->request;

    fetch->member = member_index_find(archive->index, fetch->name);
    if (fetch->member != NULL) {
        answer_member(fetch);
        return;
    }
    request->subject_key = arena_concat(&request->http->arena, request->key, SLICE("/"), fetch->name);
    s3_archive_fail(archive, S3_ERROR_NO_SUCH_KEY, "The archive has no member of that name.");
}

void s3_op_get_archive_member(struct s3_request *request)
{
    struct fetch *fetch = s3_request_alloc(request, sizeof(*fetch));
    struct s3_version version;
    const char *message = NULL;
    enum s3_error error = s3_version_read(request, &version);

    if (error == S3_ERROR_NONE)
        error = s3_overrides_check(request, &message);
    if (error != S3_ERROR_NONE) {
        s3_answer_failure(request, error, message);
        return;
    }
    fetch->archive.request = request;
    fetch->archive.opened = on_opened;
    fetch->name = s3_parameter_value(request, S3_MEMBER_PARAMETER);
    if (s3_pinned_take(request, &request->pinned, &fetch->archive.get, &fetch->archive.object) != 0) {
        core_cache_miss(request->worker, request->bucket.id);
        s3_version_answer_failure(request, &request->pinned);
        return;
    }
    core_cache_hit(request->worker, request->bucket.id, request->key, fetch->archive.object);
    s3_archive_open(&fetch->archive);
}
