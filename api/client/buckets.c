/* SPDX-License-Identifier: MIT
 *
 * See buckets.h. */
#include "api/client/buckets.h"

#include <errno.h>
#include <string.h>

#include "api/client/objects.h"
#include "api/s3/text/s3_xml.h"

/* AWS wants the region named, unless it is us-east-1, where naming it is an error. Others take either. */
int client_bucket_make(struct client_session *session, const char *bucket, bool has_lock)
{
    struct client_request *request = client_session_begin(session, "PUT", bucket, NULL);
    const char *region = session->target->identity.region;
    struct s3_xml xml;

    if (has_lock)
        client_request_header(request, "x-amz-bucket-object-lock-enabled", "true");
    if (strcmp(region, "us-east-1") != 0) {
        s3_xml_init(&xml, &session->arena);
        s3_xml_open(&xml, "CreateBucketConfiguration" S3_XMLNS);
        s3_xml_string(&xml, "LocationConstraint", region);
        s3_xml_close(&xml, "CreateBucketConfiguration");
        client_request_header(request, "content-type", "application/xml");
        client_request_body(request, xml.data, xml.length);
    }
    return client_session_call(session, NULL, NULL);
}

int client_bucket_drop(struct client_session *session, const char *bucket)
{
    (void)client_session_begin(session, "DELETE", bucket, NULL);
    return client_session_call(session, NULL, NULL);
}

int client_bucket_setting_get(struct client_session *session, const char *bucket, const char *name,
                              struct slice *document)
{
    int err;

    client_request_query(client_session_begin(session, "GET", bucket, NULL), name, NULL);
    if ((err = client_session_call(session, NULL, NULL)) != 0)
        return err;
    *document = slice_of(session->answer.body, session->answer.body_length);
    return document->len > 0 ? 0 : client_session_fail(session, -ENOENT, "the server's answer is empty");
}

int client_bucket_setting_put(struct client_session *session, const char *bucket, const char *name,
                              struct slice document)
{
    const struct client_bytes bytes = {.data = document.base, .fd = -1, .length = document.len};
    struct client_request *request = client_session_begin(session, "PUT", bucket, NULL);
    int err;

    client_request_query(request, name, NULL);
    if (document.base[0] == '<')
        client_request_header(request, "content-type", "application/xml");
    err = client_request_bytes(session, &bytes, CLIENT_CHECKSUM_MD5);
    return err == 0 ? client_session_call(session, NULL, NULL) : err;
}

static int visit_versioning(void *ctx, const char *path, const char *text, size_t length)
{
    enum client_versioning *versioning = ctx;

    if (strrchr(path, '/') != NULL && strcmp(strrchr(path, '/'), "/Status") == 0)
        *versioning = strcmp(text, "Enabled") == 0 ? CLIENT_VERSIONING_ENABLED : CLIENT_VERSIONING_SUSPENDED;
    return 0;
}

int client_bucket_versioning_get(struct client_session *session, const char *bucket,
                                 enum client_versioning *versioning)
{
    struct slice document;
    int err = client_bucket_setting_get(session, bucket, "versioning", &document);

    *versioning = CLIENT_VERSIONING_NEVER;
    if (err != 0)
        return err == -ENOENT && session->code[0] == '\0' ? 0 : err;
    /* moto's root is another: SDKs do not look at it */
    if (s3_xml_parse(document.base, document.len, "VersioningConfiguration", visit_versioning, versioning) !=
            0 &&
        s3_xml_parse(document.base, document.len, "GetBucketVersioningResponse", visit_versioning,
                     versioning) != 0)
        return client_session_fail(session, -EPROTO,
                                   "the server's answer does not say whether it keeps versions");
    return 0;
}

int client_bucket_versioning_set(struct client_session *session, const char *bucket, bool is_enabled)
{
    struct slice on = SLICE("<VersioningConfiguration" S3_XMLNS
                            "><Status>Enabled</Status></VersioningConfiguration>"),
                 off = SLICE("<VersioningConfiguration" S3_XMLNS
                             "><Status>Suspended</Status></VersioningConfiguration>");

    return client_bucket_setting_put(session, bucket, "versioning", is_enabled ? on : off);
}

int client_bucket_website_set(struct client_session *session, const char *bucket, const char *index,
                              const char *error)
{
    struct arena arena;
    struct s3_xml xml;
    int err;

    arena_init(&arena, NULL);
    s3_xml_init(&xml, &arena);
    s3_xml_open(&xml, "WebsiteConfiguration" S3_XMLNS);
    s3_xml_open(&xml, "IndexDocument");
    s3_xml_string(&xml, "Suffix", index);
    s3_xml_close(&xml, "IndexDocument");
    if (error != NULL) {
        s3_xml_open(&xml, "ErrorDocument");
        s3_xml_string(&xml, "Key", error);
        s3_xml_close(&xml, "ErrorDocument");
    }
    s3_xml_close(&xml, "WebsiteConfiguration");
    err = client_bucket_setting_put(session, bucket, "website", slice_of(xml.data, xml.length));
    arena_free(&arena);
    return err;
}

#define TYPES_SETTING "sluice-content-types"

int client_bucket_types_get(struct client_session *session, const char *bucket, bool *are_by_name)
{
    struct slice document;
    int err = client_bucket_setting_get(session, bucket, TYPES_SETTING, &document);

    *are_by_name = err == 0;
    return err == -ENOENT && strcmp(session->code, "NoSuchConfiguration") == 0 ? 0 : err;
}

int client_bucket_types_set(struct client_session *session, const char *bucket, bool are_by_name)
{
    struct slice on = SLICE("<ContentTypeConfiguration" S3_XMLNS
                            "><ByName>true</ByName></ContentTypeConfiguration>"),
                 off = SLICE("<ContentTypeConfiguration" S3_XMLNS
                             "><ByName>false</ByName></ContentTypeConfiguration>");

    return client_bucket_setting_put(session, bucket, TYPES_SETTING, are_by_name ? on : off);
}
