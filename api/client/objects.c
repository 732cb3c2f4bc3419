/* SPDX-License-Identifier: MIT
 *
 * See objects.h. In order: what answers say of an object; reading; writing; copying; deleting. */
#include "api/client/objects.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/text/s3_xml.h"
#include "storage/base/text/base64.h"
#include "storage/base/text/hex.h"
#include "storage/base/text/percent.h"
#include "storage/digest/digest.h"

/* ---- What answers say ---- */

static uint64_t number_of(const char *text)
{
    return text != NULL ? strtoull(text, NULL, 10) : 0;
}

/* In place. */
static const char *unquote(struct client_session *session, const char *etag)
{
    struct slice text = slice_text(etag != NULL ? etag : "");

    if (slice_has_prefix(text, "\"") && text.len >= 2 && text.base[text.len - 1] == '"')
        text = slice_of(text.base + 1, text.len - 2);
    return arena_dup(&session->arena, text.base, text.len).base;
}

static void describe(struct client_session *session, struct client_object *object)
{
    const struct client_answer *answer = &session->answer;
    const char *modified = client_answer_header(answer, "last-modified"),
               *range = client_answer_header(answer, "content-range");
    const char *type = client_answer_header(answer, "x-amz-checksum-type");

    *object = (struct client_object){
        .size = number_of(client_answer_header(answer, "content-length")),
        .etag = unquote(session, client_answer_header(answer, "etag")),
        .version = client_answer_header(answer, "x-amz-version-id"),
        .type = client_answer_header(answer, "content-type"),
        .parts = number_of(client_answer_header(answer, "x-amz-mp-parts-count")),
    };
    if (type == NULL || strcmp(type, "FULL_OBJECT") == 0)
        object->crc64nvme = client_answer_header(answer, "x-amz-checksum-crc64nvme");
    if (modified != NULL)
        (void)s3_time_parse(modified, strlen(modified), &object->modified_ms);
    object->all_bytes =
        range != NULL && strchr(range, '/') != NULL ? number_of(strchr(range, '/') + 1) : object->size;
}

/* ---- Reading ---- */

int client_object_head(struct client_session *session, const char *bucket, const char *key,
                       const char *version, struct client_object *object)
{
    struct client_request *request = client_session_begin(session, "HEAD", bucket, key);
    int err;

    if (version != NULL)
        client_request_query(request, "versionId", version);
    client_request_header(request, "x-amz-checksum-mode", "ENABLED");
    if ((err = client_session_call(session, NULL, NULL)) == 0)
        describe(session, object);
    return err;
}

int client_object_first_part(struct client_session *session, const char *bucket, const char *key,
                             const char *version, uint64_t *count, uint64_t *bytes)
{
    struct client_request *request = client_session_begin(session, "HEAD", bucket, key);
    int err;

    if (version != NULL)
        client_request_query(request, "versionId", version);
    client_request_query(request, "partNumber", "1");
    if ((err = client_session_call(session, NULL, NULL)) != 0)
        return err;
    *count = number_of(client_answer_header(&session->answer, "x-amz-mp-parts-count"));
    *bytes = number_of(client_answer_header(&session->answer, "content-length"));
    return 0;
}

int client_object_get(struct client_session *session, const struct client_get *get, client_sink_fn sink,
                      void *ctx, struct client_object *object)
{
    struct client_request *request = client_session_begin(session, "GET", get->bucket, get->key);
    char range[64];
    int err;

    if (get->version != NULL)
        client_request_query(request, "versionId", get->version);
    if (get->length != UINT64_MAX) {
        (void)snprintf(range, sizeof(range), "bytes=%" PRIu64 "-%" PRIu64, get->offset,
                       get->offset + get->length - 1);
        client_request_header(request, "range", range);
    }
    if (get->if_match != NULL && get->if_match[0] != '\0')
        client_request_header(
            request, "if-match",
            arena_concat(&session->arena, SLICE("\""), slice_text(get->if_match), SLICE("\"")).base);
    client_request_header(request, "x-amz-checksum-mode", "ENABLED");
    session->restart = get->restart;
    if ((err = client_session_call(session, sink, ctx)) != 0)
        return err;
    describe(session, object);
    if (get->length != UINT64_MAX && session->answer.status != 206 &&
        !(get->offset == 0 && object->size == get->length))
        return client_session_fail(session, -EPROTO, "the server sent all of it where a range was asked for");
    return 0;
}

/* ---- Writing ---- */

int client_bytes_digest(const struct client_bytes *bytes, uint32_t mask, struct digest_values *values)
{
    struct digest_set *set;
    int err, final;

    if (bytes->data != NULL || bytes->length == 0)
        return digest_buffer(mask, bytes->data, (size_t)bytes->length, values);
    if ((err = digest_set_create(&set, mask)) != 0)
        return err;
    err = digest_set_update_file(set, bytes->fd, bytes->offset, bytes->length);
    final = digest_set_final(set, values);
    digest_set_free(set);
    return err != 0 ? err : final;
}

int client_request_bytes(struct client_session *session, const struct client_bytes *bytes,
                         enum client_checksum checksum)
{
    static const struct {
        enum digest_kind kind;
        const char *header;
    } kinds[] = {
        [CLIENT_CHECKSUM_CRC64NVME] = {DIGEST_CRC64NVME, "x-amz-checksum-crc64nvme"},
        [CLIENT_CHECKSUM_SHA256] = {DIGEST_SHA256, "x-amz-content-sha256"},
        [CLIENT_CHECKSUM_MD5] = {DIGEST_MD5, "content-md5"},
    };
    struct client_request *request = &session->request;
    enum digest_kind kind = kinds[checksum].kind;
    struct digest_values values;
    char text[2 * DIGEST_BYTES_MAX + 1];
    int err = client_bytes_digest(bytes, DIGEST_BIT(kind), &values);

    if (err == -ENODATA)
        return client_session_fail(session, err, "the file became shorter while it was read");
    if (err != 0)
        return client_session_fail(session, err, "it cannot be read: %s", strerror(-err));
    if (bytes->data != NULL || bytes->length == 0)
        client_request_body(request, bytes->data, (size_t)bytes->length);
    else
        client_request_file(request, bytes->fd, bytes->offset, bytes->length);
    if (checksum == CLIENT_CHECKSUM_SHA256) {
        hex_encode(values.value[kind], digest_kind_bytes(kind), text);
        text[2 * digest_kind_bytes(kind)] = '\0';
        request->payload_hash = arena_dup_text(&session->arena, text).base;
        if (session->target->identity.access_key != NULL)
            return 0; /* the signature has it */
    } else {
        (void)base64_encode(values.value[kind], digest_kind_bytes(kind), text);
    }
    client_request_header(request, kinds[checksum].header, text);
    return 0;
}

static void add_attributes(struct client_request *request, const struct client_attribute *attributes,
                           size_t count)
{
    for (size_t i = 0; i < count; i++)
        client_request_header(request, attributes[i].name, attributes[i].value);
}

int client_object_put(struct client_session *session, const struct client_put *put,
                      struct client_object *object)
{
    struct client_request *request = client_session_begin(session, "PUT", put->bucket, put->key);
    int err;

    add_attributes(request, put->attributes, put->attribute_count);
    if ((err = client_request_bytes(session, &put->bytes, put->checksum)) == 0 &&
        (err = client_session_call(session, NULL, NULL)) == 0)
        describe(session, object);
    return err;
}

/* ---- Copying ---- */

const char *client_copy_source(struct client_session *session, const char *bucket, const char *key,
                               const char *version)
{
    struct arena *arena = &session->arena;

    return arena_concat(arena, SLICE("/"), percent_encode_in(arena, slice_text(bucket), false), SLICE("/"),
                        percent_encode_in(arena, slice_text(key), true),
                        version != NULL ? SLICE("?versionId=") : SLICE(""),
                        percent_encode_in(arena, slice_text(version != NULL ? version : ""), false))
        .base;
}

/* CopyObject and the completion of an upload answer 200 before they are done, and say in the body how that ended. */
int client_object_copy(struct client_session *session, const struct client_copy *copy)
{
    struct client_request *request = client_session_begin(session, "PUT", copy->bucket, copy->key);

    client_request_header(request, "x-amz-copy-source",
                          client_copy_source(session, copy->from_bucket, copy->from_key, copy->from_version));
    if (copy->if_match != NULL && copy->if_match[0] != '\0')
        client_request_header(request, "x-amz-copy-source-if-match", copy->if_match);
    if (copy->attributes != NULL) {
        client_request_header(request, "x-amz-metadata-directive", "REPLACE");
        add_attributes(request, copy->attributes, copy->attribute_count);
    }
    return client_session_call_late(session);
}

/* ---- Deleting ---- */

int client_object_delete(struct client_session *session, const char *bucket, const char *key,
                         const char *version)
{
    struct client_request *request = client_session_begin(session, "DELETE", bucket, key);

    if (version != NULL)
        client_request_query(request, "versionId", version);
    return client_session_call(session, NULL, NULL);
}

struct deletion {
    void (*failed)(void *ctx, const char *key, const char *version, const char *why);
    void *ctx;
    struct arena arena;
    const char *key, *version, *code, *message;
};

static int visit_deletion(void *ctx, const char *path, const char *text, size_t length)
{
    struct deletion *deletion = ctx;
    const char **field = strcmp(path, "DeleteResult/Error/Key") == 0         ? &deletion->key
                         : strcmp(path, "DeleteResult/Error/VersionId") == 0 ? &deletion->version
                         : strcmp(path, "DeleteResult/Error/Code") == 0      ? &deletion->code
                         : strcmp(path, "DeleteResult/Error/Message") == 0   ? &deletion->message
                                                                             : NULL;

    if (field != NULL)
        *field = arena_dup(&deletion->arena, text, length).base;
    if (strcmp(path, "DeleteResult/Error") != 0)
        return 0;
    deletion->failed(deletion->ctx, deletion->key != NULL ? deletion->key : "", deletion->version,
                     deletion->message != NULL ? deletion->message
                     : deletion->code != NULL  ? deletion->code
                                               : "refused");
    deletion->key = deletion->version = deletion->code = deletion->message = NULL;
    return 0;
}

static struct slice write_deletion(struct client_session *session, const struct client_doomed *doomed,
                                   size_t count)
{
    struct s3_xml xml;

    s3_xml_init(&xml, &session->arena);
    s3_xml_open(&xml, "Delete" S3_XMLNS);
    s3_xml_string(&xml, "Quiet", "true");
    for (size_t i = 0; i < count; i++) {
        s3_xml_open(&xml, "Object");
        s3_xml_string(&xml, "Key", doomed[i].key);
        if (doomed[i].version != NULL)
            s3_xml_string(&xml, "VersionId", doomed[i].version);
        s3_xml_close(&xml, "Object");
    }
    s3_xml_close(&xml, "Delete");
    return slice_of(xml.data, xml.length);
}

int client_objects_delete(struct client_session *session, const char *bucket,
                          const struct client_doomed *doomed, size_t count,
                          void (*failed)(void *ctx, const char *key, const char *version, const char *why),
                          void *ctx)
{
    struct client_request *request = client_session_begin(session, "POST", bucket, NULL);
    struct deletion deletion = {.failed = failed, .ctx = ctx};
    struct slice document = write_deletion(session, doomed, count);
    int err;

    client_request_query(request, "delete", NULL);
    client_request_header(request, "content-type", "application/xml");
    /* MD5, which every server knows, and which one without keys asks for */
    if ((err = client_request_bytes(session,
                                    &(struct client_bytes){.data = document.base, .length = document.len},
                                    CLIENT_CHECKSUM_MD5)) != 0 ||
        (err = client_session_call(session, NULL, NULL)) != 0)
        return err;
    arena_init(&deletion.arena, NULL);
    if (session->answer.body_length > 0)
        err = s3_xml_parse(session->answer.body, session->answer.body_length, "DeleteResult", visit_deletion,
                           &deletion);
    arena_free(&deletion.arena);
    return err != 0 ? client_session_fail(session, -EPROTO, "the server's answer is not one of DeleteObjects")
                    : 0;
}
