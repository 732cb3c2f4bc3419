/* SPDX-License-Identifier: MIT
 *
 * See copier.h. In order: what is there; one request; many parts; the copier. */
#include "api/replication/copier.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/client/objects.h"
#include "api/client/uploads.h"
#include "api/replication/body.h"
#include "api/replication/headers.h"
#include "api/s3/body/s3_checksum.h"
#include "api/s3/replication/s3_replica.h"
#include "api/s3/s3_operation.h"
#include "storage/base/text/base64.h"
#include "storage/base/text/hex.h"

/* A copy under way. */
struct copying {
    struct replication_copier *copier;
    struct client_session *session;
    const struct meta_object *object;
    struct core_get *get;
    const char *bucket, *key; /* of the target */
    struct replication_headers headers;
};

static int fail(char why[REPLICATION_WHY_BYTES], const char *text, int err)
{
    (void)snprintf(why, REPLICATION_WHY_BYTES, "%s", text);
    return err;
}

/* ---- What is there ---- */

/* Its tags, where there are some, value by value. */
static bool has_same_tags(struct copying *copying)
{
    struct client_session *session = copying->session;
    struct s3_refusal refusal = {0};
    struct s3_tags tags;
    struct arena arena;
    bool is_same;

    if (copying->headers.tags.len == 0)
        return true;
    client_request_query(client_session_begin(session, "GET", copying->bucket, copying->key), "tagging",
                         NULL);
    if (client_session_call(session, NULL, NULL) != 0 || session->answer.body_length == 0)
        return false;
    arena_init(&arena, NULL);
    is_same = s3_tags_read_xml(&arena, slice_of(session->answer.body, session->answer.body_length),
                               S3_OBJECT_TAGS_MAX, &tags, &refusal) == S3_ERROR_NONE &&
              slice_equals(s3_tags_pack(&arena, &tags), copying->headers.tags);
    arena_free(&arena);
    return is_same;
}

static bool is_there(struct copying *copying)
{
    struct client_object object;

    return client_object_head(copying->session, copying->bucket, copying->key, NULL, &object) == 0 &&
           object.size == copying->object->size && strcmp(object.etag, copying->object->etag) == 0 &&
           replication_headers_are_in(&copying->headers, &copying->session->answer) && has_same_tags(copying);
}

/* ---- One request ---- */

/* What the server compares the bytes with: the checksum that was kept of them, else the MD5 that the ETag is. */
static void add_checksum(const struct copying *copying, const struct meta_checksum *checksum, bool is_whole)
{
    struct client_request *request = &copying->session->request;
    char text[S3_CHECKSUM_TEXT_BYTES_MAX + 1];
    unsigned char md5[16];
    const char *etag = copying->object->etag;

    if (checksum->algorithm != S3_CHECKSUM_NONE && checksum->algorithm < S3_CHECKSUM_COUNT &&
        checksum->type == S3_CHECKSUM_FULL_OBJECT) {
        text[s3_checksum_format(checksum, 0, text)] = '\0';
        client_request_header(request, s3_checksum_header((enum s3_checksum_algorithm)checksum->algorithm),
                              text);
    } else if (is_whole && !copying->headers.is_sealed && strlen(etag) == 2 * sizeof(md5) &&
               hex_decode(etag, strlen(etag), md5, sizeof(md5))) {
        (void)base64_encode(md5, sizeof(md5), text);
        client_request_header(request, "content-md5", text);
    }
}

static int put_whole(struct copying *copying)
{
    struct client_request *request =
        client_session_begin(copying->session, "PUT", copying->bucket, copying->key);
    struct replication_body body;

    replication_headers_add(&copying->headers, request);
    add_checksum(copying, &copying->object->checksum, true);
    replication_body_begin(&body, copying->copier->worker, copying->get, 0, copying->object->size);
    client_request_source(request, replication_body_read, &body, copying->object->size);
    return client_session_call(copying->session, NULL, NULL);
}

/* ---- Many parts ---- */

struct parts {
    char *upload;
    unsigned count;
    struct client_part *list;
    bool are_own; /* of the object, not of ours */
};

static unsigned number_of(const struct copying *copying, const struct parts *parts, unsigned part)
{
    return parts->are_own ? copying->object->parts[part].number : part + 1;
}

static uint64_t size_of(const struct copying *copying, const struct parts *parts, unsigned part)
{
    uint64_t left = copying->object->size - (uint64_t)part * REPLICATION_PART_BYTES;

    if (parts->are_own)
        return copying->object->parts[part].size;
    return left < REPLICATION_PART_BYTES ? left : REPLICATION_PART_BYTES;
}

static bool has_part_checksums(const struct copying *copying, const struct parts *parts)
{
    const struct meta_object *object = copying->object;

    return parts->are_own && object->part_checksums.algorithm != S3_CHECKSUM_NONE &&
           object->part_checksums.algorithm < S3_CHECKSUM_COUNT &&
           object->part_checksums.algorithm == object->checksum.algorithm;
}

static int visit_upload_id(void *ctx, const char *path, const char *text, size_t length)
{
    char **id = ctx;

    if (strcmp(path, "InitiateMultipartUploadResult/UploadId") != 0 || *id != NULL)
        return 0;
    return (*id = strndup(text, length)) != NULL ? 0 : -1;
}

static int begin_upload(struct copying *copying, struct parts *parts)
{
    struct client_session *session = copying->session;
    struct client_request *request = client_session_begin(session, "POST", copying->bucket, copying->key);
    const struct meta_object *object = copying->object;
    int err;

    client_request_query(request, "uploads", NULL);
    replication_headers_add(&copying->headers, request);
    if (has_part_checksums(copying, parts)) {
        client_request_header(request, "x-amz-checksum-algorithm",
                              s3_checksum_name((enum s3_checksum_algorithm)object->checksum.algorithm));
        client_request_header(request, "x-amz-checksum-type", s3_checksum_type_name(object->checksum.type));
    }
    if ((err = client_session_call(session, NULL, NULL)) != 0)
        return err;
    if (session->answer.body_length == 0 ||
        s3_xml_parse(session->answer.body, session->answer.body_length, "InitiateMultipartUploadResult",
                     visit_upload_id, &parts->upload) != 0 ||
        parts->upload == NULL)
        return client_session_fail(session, -EPROTO, "the server's answer names no upload");
    return 0;
}

static int take_etag(struct client_session *session, struct client_part *part)
{
    const char *header = client_answer_header(&session->answer, "etag");
    struct slice etag = slice_trim_any(slice_text(header != NULL ? header : ""), "\"");

    if (etag.len == 0 || etag.len >= sizeof(part->etag))
        return client_session_fail(session, -EPROTO, "the server's answer has no ETag");
    (void)slice_copy(part->etag, etag);
    part->etag[etag.len] = '\0';
    return 0;
}

static int send_part(struct copying *copying, const struct parts *parts, unsigned part, uint64_t offset)
{
    struct client_session *session = copying->session;
    struct client_request *request = client_session_begin(session, "PUT", copying->bucket, copying->key);
    struct meta_checksum checksum = {0};
    struct replication_body body;
    uint64_t size = size_of(copying, parts, part);
    int err;

    client_request_query_number(request, "partNumber", number_of(copying, parts, part));
    client_request_query(request, "uploadId", parts->upload);
    if (has_part_checksums(copying, parts) && s3_part_checksum(copying->object, part, &checksum)) {
        checksum.type = S3_CHECKSUM_FULL_OBJECT; /* of the part's own bytes */
        add_checksum(copying, &checksum, false);
    }
    replication_body_begin(&body, copying->copier->worker, copying->get, offset, size);
    client_request_source(request, replication_body_read, &body, size);
    err = client_session_call(session, NULL, NULL);
    return err != 0 ? err : take_etag(session, &parts->list[part]);
}

static struct slice write_completion(struct copying *copying, const struct parts *parts)
{
    char text[S3_CHECKSUM_TEXT_BYTES_MAX + 1];
    struct meta_checksum checksum;
    struct s3_xml xml;

    s3_xml_init(&xml, &copying->session->arena);
    s3_xml_open(&xml, "CompleteMultipartUpload" S3_XMLNS);
    for (unsigned i = 0; i < parts->count; i++) {
        s3_xml_open(&xml, "Part");
        s3_xml_unsigned(&xml, "PartNumber", number_of(copying, parts, i));
        s3_xml_string(&xml, "ETag", parts->list[i].etag);
        if (has_part_checksums(copying, parts) && s3_part_checksum(copying->object, i, &checksum)) {
            checksum.type = S3_CHECKSUM_FULL_OBJECT;
            s3_xml_text(&xml, s3_checksum_element((enum s3_checksum_algorithm)checksum.algorithm), text,
                        s3_checksum_format(&checksum, 0, text));
        }
        s3_xml_close(&xml, "Part");
    }
    s3_xml_close(&xml, "CompleteMultipartUpload");
    return slice_of(xml.data, xml.length);
}

static int complete(struct copying *copying, const struct parts *parts)
{
    struct client_session *session = copying->session;
    struct client_request *request = client_session_begin(session, "POST", copying->bucket, copying->key);
    struct slice document = write_completion(copying, parts);

    client_request_query(request, "uploadId", parts->upload);
    client_request_header(request, "content-type", "application/xml");
    if (!copying->copier->target->is_silent)
        client_request_header(request, S3_REPLICA_ETAG_HEADER, copying->object->etag);
    client_request_body(request, document.base, document.len);
    return client_session_call_late(session);
}

/* What was sent of an upload that failed lies there for nothing. The reason of the failure stays. */
static void abort_upload(struct copying *copying, const char *upload)
{
    struct client_session *session = copying->session;
    char why[CLIENT_WHY_BYTES], code[sizeof(session->code)];

    memcpy(why, session->why, sizeof(why));
    memcpy(code, session->code, sizeof(code));
    (void)client_upload_abort(session, copying->bucket, copying->key, upload);
    memcpy(session->why, why, sizeof(why));
    memcpy(session->code, code, sizeof(code));
}

static int put_parts(struct copying *copying, struct parts *parts)
{
    uint64_t offset = 0;
    int err;

    if ((parts->list = calloc(parts->count, sizeof(*parts->list))) == NULL)
        return client_session_fail(copying->session, -ENOMEM, "there is no memory");
    err = begin_upload(copying, parts);
    for (unsigned i = 0; i < parts->count && err == 0; i++) {
        err = send_part(copying, parts, i, offset);
        offset += size_of(copying, parts, i);
    }
    if (err == 0)
        err = complete(copying, parts);
    if (err != 0 && parts->upload != NULL)
        abort_upload(copying, parts->upload);
    free(parts->upload);
    free(parts->list);
    return err;
}

/* As it was put; but what no other server takes in those parts goes in one, or in ours. */
static int put(struct copying *copying)
{
    const struct meta_object *object = copying->object;
    struct parts parts = {.count = object->part_count, .are_own = object->part_count > 0};

    for (uint32_t i = 0; i + 1 < object->part_count; i++)
        if (object->parts[i].size < CLIENT_PART_BYTES_MIN)
            parts.are_own = false;
    if (!parts.are_own && object->size <= CLIENT_PUT_BYTES_MAX)
        return put_whole(copying);
    if (!parts.are_own)
        parts.count = (unsigned)((object->size + REPLICATION_PART_BYTES - 1) / REPLICATION_PART_BYTES);
    return put_parts(copying, &parts);
}

/* ---- The copier ---- */

int replication_copier_open(struct replication_copier *copier, struct core_worker *worker,
                            const struct replication_target *target, atomic_ullong *bytes,
                            const atomic_bool *cancelled)
{
    int err;

    *copier = (struct replication_copier){
        .worker = worker, .target = target, .bytes = bytes, .cancelled = cancelled};
    if ((err = client_session_open(&copier->session, &target->client, bytes, cancelled)) == 0)
        arena_init(&copier->arena, NULL);
    return err;
}

void replication_copier_close(struct replication_copier *copier)
{
    if (copier->session == NULL)
        return;
    client_session_close(copier->session);
    arena_free(&copier->arena);
    copier->session = NULL;
}

static const char *string_of(struct replication_copier *copier, struct slice text)
{
    return arena_dup(&copier->arena, text.base, text.len).base;
}

int replication_copy(struct replication_copier *copier, const struct replication_task *task,
                     struct core_get *get, const struct meta_object *object, char why[REPLICATION_WHY_BYTES])
{
    struct copying *copying;
    int err;

    arena_reset(&copier->arena);
    copying = arena_alloc(&copier->arena, sizeof(*copying));
    copying->copier = copier;
    copying->session = copier->session;
    copying->object = object;
    copying->get = get;
    copying->bucket = string_of(copier, task->rule->bucket);
    copying->key = string_of(copier, task->key);
    err = replication_headers_collect(&copier->arena, copier->target, task->rule, object, &copying->headers);
    if (err == -EOPNOTSUPP)
        return fail(why, "it is encrypted under a customer's key, which is kept nowhere", err);
    if (err == -E2BIG)
        return fail(why, "it has more metadata than a request can have", err);
    if (err != 0 || (err = replication_body_unseal(copier->worker, get, object)) != 0)
        return fail(why, "it cannot be read here", err);
    if (task->compares && is_there(copying))
        return REPLICATION_IS_EQUAL;
    err = put(copying);
    if (err != 0)
        (void)snprintf(why, REPLICATION_WHY_BYTES, "%.*s", (int)REPLICATION_WHY_BYTES - 1,
                       copier->session->why);
    return err;
}

int replication_remove(struct replication_copier *copier, const struct replication_task *task,
                       char why[REPLICATION_WHY_BYTES])
{
    struct client_request *request;
    int err;

    arena_reset(&copier->arena);
    request = client_session_begin(copier->session, "DELETE", string_of(copier, task->rule->bucket),
                                   string_of(copier, task->key));
    if (!copier->target->is_silent)
        client_request_header(request, S3_REPLICA_STATUS_HEADER, "REPLICA");
    err = client_session_call(copier->session, NULL, NULL);
    if (err == -ENOENT && strcmp(copier->session->code, "NoSuchBucket") != 0)
        return 0;
    if (err != 0)
        (void)snprintf(why, REPLICATION_WHY_BYTES, "%.*s", (int)REPLICATION_WHY_BYTES - 1,
                       copier->session->why);
    return err;
}
