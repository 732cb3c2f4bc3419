/* SPDX-License-Identifier: MIT
 *
 * PROPFIND: what is at a path, and with Depth: 1 what is in it, as far as one page of a listing goes. All properties that there are come
 * whatever the client asks for: a few of them, and clients take what they know. Worker's thread. */
#include <stdio.h>
#include <string.h>

#include "api/core/core.h"
#include "api/doors/webdav.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/text/s3_time.h"
#include "api/s3/text/s3_xml.h"
#include "storage/base/text/percent.h"

struct finding {
    struct webdav *webdav;
    struct s3_xml xml;
    struct slice prefix; /* of keys, up to where the path begins */
    struct slice itself; /* the key of the collection, with its '/' */
};

static void write_href(struct finding *finding, struct slice key)
{
    struct s3_request *request = finding->webdav->call->request;
    struct slice path = slice_from(key, finding->prefix.len);
    struct slice href =
        arena_concat(&request->http->arena, SLICE("/-/cache/"), slice_text(finding->webdav->call->door->name),
                     SLICE("/"), percent_encode_in(&request->http->arena, path, true));

    s3_xml_text(&finding->xml, "D:href", href.base, href.len);
}

static void write_modified(struct finding *finding, int64_t modified_ms)
{
    char date[S3_TIME_HTTP_BYTES + 1];

    s3_time_http_format(modified_ms, date);
    s3_xml_string(&finding->xml, "D:getlastmodified", date);
}

/* sccache reads no answer in which something has no time. Nobody keeps one of a collection: it may be the bucket's. */
static void write_collection(struct finding *finding)
{
    s3_xml_plain(&finding->xml, LITERAL("<D:resourcetype><D:collection/></D:resourcetype>"));
    write_modified(finding, finding->webdav->call->request->bucket.created_ms);
}

static void write_file(struct finding *finding, const struct meta_list_entry *entry)
{
    struct s3_xml *xml = &finding->xml;
    char size[24], etag[META_ETAG_BYTES_MAX + 3];

    (void)snprintf(size, sizeof(size), "%llu", (unsigned long long)entry->size);
    (void)snprintf(etag, sizeof(etag), "\"%s\"", entry->etag);
    s3_xml_plain(xml, LITERAL("<D:resourcetype/>"));
    s3_xml_string(xml, "D:getcontentlength", size);
    write_modified(finding, entry->modified_ms);
    s3_xml_string(xml, "D:getetag", etag);
}

/* entry NULL: a collection. */
static void write_response(struct finding *finding, struct slice key, const struct meta_list_entry *entry)
{
    struct s3_xml *xml = &finding->xml;

    s3_xml_open(xml, "D:response");
    write_href(finding, key);
    s3_xml_plain(xml, LITERAL("<D:propstat><D:prop>"));
    if (entry != NULL)
        write_file(finding, entry);
    else
        write_collection(finding);
    s3_xml_plain(xml, LITERAL("</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"));
    s3_xml_close(xml, "D:response");
}

static int visit(void *ctx, const struct meta_list_entry *entry)
{
    struct finding *finding = ctx;

    if (!slice_equals(entry->key, finding->itself)) /* that came first */
        write_response(finding, entry->key, entry->is_prefix ? NULL : entry);
    return 0;
}

static int visit_file(void *ctx, const struct meta_list_entry *entry)
{
    struct finding *finding = ctx;

    if (slice_equals(entry->key, finding->itself))
        write_response(finding, entry->key, entry);
    return 0;
}

static int write_all(struct finding *finding, enum webdav_kind kind)
{
    struct s3_request *request = finding->webdav->call->request;
    struct meta_list_query query = {.bucket = request->bucket.id, .prefix = finding->itself, .limit = 1};
    bool truncated;

    if (kind == WEBDAV_FILE)
        return meta_object_list(core_worker_reader(request->worker), &query, visit_file, finding, &truncated);
    write_response(finding, finding->itself, NULL);
    if (!finding->webdav->is_deep)
        return 0;
    query.delimiter = SLICE("/");
    query.limit = META_LIST_ENTRIES_MAX;
    return meta_object_list(core_worker_reader(request->worker), &query, visit, finding, &truncated);
}

static enum s3_error authorize(struct s3_request *request, struct slice prefix)
{
    struct s3_pinned itself = s3_pinned_named(&request->bucket, slice_of(NULL, 0), NULL);
    const struct s3_access access = {
        .object = &itself, .action = S3_ACTION_LIST_BUCKET, .rights = S3_RIGHT_LIST, .prefix = prefix};

    return s3_authorize_access(request, &access);
}

void webdav_propfind(struct webdav *webdav)
{
    struct s3_request *request = webdav->call->request;
    struct finding finding = {.webdav = webdav, .prefix = webdav_key(webdav, slice_of("", 0))};
    enum webdav_kind kind;
    enum s3_error error;
    int err = webdav_look(webdav, webdav->source, &kind);

    finding.itself = webdav_key(webdav, webdav->source);
    if (kind == WEBDAV_COLLECTION && webdav->source.len > 0 &&
        webdav->source.base[webdav->source.len - 1] != '/')
        finding.itself = arena_concat(&request->http->arena, finding.itself, SLICE("/"));
    if ((error = authorize(request, finding.itself)) != S3_ERROR_NONE) {
        s3_answer_error(request, error);
        return;
    }
    if (err == 0 && kind == WEBDAV_NOTHING) {
        webdav_answer(webdav, 404);
        return;
    }
    s3_xml_init(&finding.xml, &request->http->arena);
    s3_xml_open(&finding.xml, "D:multistatus xmlns:D=\"DAV:\"");
    if (err == 0)
        err = write_all(&finding, kind);
    s3_xml_close(&finding.xml, "D:multistatus");
    if (err != 0)
        s3_answer_result(request, err);
    else
        s3_answer_xml(request, 207, &finding.xml);
}
