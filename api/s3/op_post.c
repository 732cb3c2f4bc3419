/* SPDX-License-Identifier: MIT
 *
 * PostObject: a browser's form that carries an object (multipart/form-data). Worker's thread.
 *
 * The fields take the place of a PUT's headers, and are put there once they are known; from then on the object goes the way of
 * s3_put.c. The file's bytes are handed on as they come, through memory, for only the boundary behind them tells their end. A
 * signature lies in the form, over its policy (s3_form_policy.c); a form without one is anonymous. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/s3/s3_access.h"
#include "api/s3/s3_attributes.h"
#include "api/s3/s3_authorize.h"
#include "api/s3/s3_conditions.h"
#include "api/s3/s3_credentials.h"
#include "api/s3/s3_form.h"
#include "api/s3/s3_form_policy.h"
#include "api/s3/s3_lock.h"
#include "api/s3/s3_operation.h"
#include "api/s3/s3_put.h"
#include "api/s3/s3_service.h"
#include "api/s3/s3_sigv4.h"
#include "api/s3/s3_tagging.h"
#include "api/s3/s3_tags.h"
#include "api/s3/s3_text.h"
#include "api/s3/s3_uri.h"
#include "api/s3/s3_version.h"

struct post {
    struct http_sink sink;
    struct s3_request *request;
    struct s3_form form;
    struct s3_put put;
    bool is_in_write, is_ready; /* a call of the sink is under way; the put takes bytes */
    bool is_storing;            /* the put was started, and owes the answer */
    struct meta_object_put op;
    struct s3_form_limits limits;
    struct meta_bytes tags; /* of the field `tagging`, in stored form */
    enum s3_error error;    /* why the body was broken off */
    const char *message;
};

static struct post *post_of_put(struct s3_put *put)
{
    return (struct post *)((char *)put - offsetof(struct post, put));
}

static struct post *post_of_sink(struct http_sink *sink)
{
    return (struct post *)((char *)sink - offsetof(struct post, sink));
}

static enum s3_error refuse(struct post *post, enum s3_error error, const char *message)
{
    post->message = message;
    return error;
}

/* ---- The key ---- */

#define FILENAME_VARIABLE "${filename}"

/* Once per field, which bounds what a form can grow to. */
static h2o_iovec_t expand(struct post *post, h2o_iovec_t text)
{
    const char *at = text.base != NULL ? memmem(text.base, text.len, H2O_STRLIT(FILENAME_VARIABLE)) : NULL;
    h2o_iovec_t head, tail;

    if (at == NULL)
        return text;
    head = h2o_iovec_init(text.base, (size_t)(at - text.base));
    tail = h2o_iovec_init(at + strlen(FILENAME_VARIABLE), text.len - head.len - strlen(FILENAME_VARIABLE));
    return h2o_concat(&post->request->http->pool, head, post->form.filename, tail);
}

/* Conditions of the policy are about the expanded fields. */
static enum s3_error take_key(struct post *post)
{
    struct s3_request *request = post->request;

    for (size_t i = 0; i < post->form.field_count; i++)
        post->form.fields[i].value = expand(post, post->form.fields[i].value);
    request->key = s3_form_field(&post->form, "key");
    if (request->key.len == 0)
        return refuse(post, S3_ERROR_INVALID_ARGUMENT,
                      "Bucket POST must contain a field named 'key'.  If it is specified, please check the "
                      "order of the "
                      "fields.");
    if (request->key.len > META_KEY_BYTES_MAX)
        return S3_ERROR_KEY_TOO_LONG;
    if (memchr(request->key.base, '\0', request->key.len) != NULL ||
        !s3_utf8_is_valid(request->key.base, request->key.len))
        return refuse(post, S3_ERROR_INVALID_ARGUMENT, "The key is not valid UTF-8.");
    return S3_ERROR_NONE;
}

/* ---- Who it is ---- */

static enum s3_error check_scope(struct post *post, const struct s3_sigv4_claim *claim, h2o_iovec_t date)
{
    const char *region = s3_service_region(post->request->service);

    if (!h2o_memis(claim->terminator.base, claim->terminator.len, H2O_STRLIT("aws4_request")) ||
        !h2o_memis(claim->service.base, claim->service.len, H2O_STRLIT("s3")) || date.len < 8 ||
        !h2o_memis(claim->date.base, claim->date.len, date.base, 8) ||
        !h2o_memis(claim->region.base, claim->region.len, region, strlen(region)))
        return refuse(post, S3_ERROR_INVALID_ARGUMENT,
                      "The x-amz-credential field does not fit: it must name the date of x-amz-date, this "
                      "server's region, "
                      "'s3' and 'aws4_request'.");
    return S3_ERROR_NONE;
}

static enum s3_error check_signature(struct post *post, h2o_iovec_t policy, h2o_iovec_t date,
                                     const struct s3_sigv4_claim *claim)
{
    struct s3_request *request = post->request;
    struct s3_identity *identity =
        s3_credentials_find(request->credentials, claim->access_key.base, claim->access_key.len);
    unsigned char key[32], expected[32];
    char timestamp[17];
    int64_t unix_s;

    if (identity == NULL)
        return S3_ERROR_INVALID_ACCESS_KEY_ID;
    if (!s3_sigv4_parse_time(date, &unix_s))
        return refuse(post, S3_ERROR_INVALID_ARGUMENT, "The x-amz-date field is no date.");
    s3_sigv4_format_time(unix_s, timestamp);
    s3_identity_signing_key(identity, timestamp, s3_service_region(request->service), key);
    s3_sigv4_sign(key, policy, expected);
    if (!s3_sigv4_is_equal(expected, claim->signature))
        return S3_ERROR_SIGNATURE_DOES_NOT_MATCH;
    request->identity = identity;
    request->owner_id = s3_identity_owner(identity);
    request->is_signed = true;
    request->signed_at_s = unix_s;
    return S3_ERROR_NONE;
}

/* A policy without a signature would say nothing; without a policy there is nothing to sign. */
static enum s3_error authenticate(struct post *post)
{
    const struct s3_form *form = &post->form;
    h2o_iovec_t policy = s3_form_field(form, "policy"), signature = s3_form_field(form, "x-amz-signature");
    h2o_iovec_t algorithm = s3_form_field(form, "x-amz-algorithm"), date = s3_form_field(form, "x-amz-date");
    struct s3_sigv4_claim claim = {0};
    enum s3_error error;

    if (s3_credentials_is_open(post->request->credentials) || (policy.base == NULL && signature.base == NULL))
        return S3_ERROR_NONE;
    if (policy.base == NULL)
        return refuse(post, S3_ERROR_INVALID_ARGUMENT, "Bucket POST must contain a field named 'policy'.");
    if (signature.base == NULL || date.base == NULL)
        return refuse(post, S3_ERROR_INVALID_ARGUMENT,
                      "Bucket POST must contain fields named 'x-amz-signature' and 'x-amz-date'.");
    if (!h2o_memis(algorithm.base, algorithm.len, H2O_STRLIT(S3_SIGV4_ALGORITHM)))
        return refuse(post, S3_ERROR_INVALID_ARGUMENT, "x-amz-algorithm only supports \"AWS4-HMAC-SHA256\"");
    if (s3_form_field(form, "x-amz-security-token").base != NULL)
        return refuse(post, S3_ERROR_INVALID_TOKEN, "This server issues no session tokens; use a plain key.");
    if (!s3_sigv4_parse_credential(s3_form_field(form, "x-amz-credential"), &claim) ||
        !s3_hex_decode(signature.base, signature.len, claim.signature, 32))
        return refuse(post, S3_ERROR_INVALID_ARGUMENT, "x-amz-credential or x-amz-signature is malformed.");
    error = check_scope(post, &claim, date);
    return error != S3_ERROR_NONE ? error : check_signature(post, policy, date, &claim);
}

/* ---- Fields as headers ---- */

static bool names_a_header(h2o_iovec_t name)
{
    static const char *const names[] = {"cache-control",    "content-type",     "content-disposition",
                                        "content-encoding", "content-language", "content-md5",
                                        "expires"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (s3_text_is(name, names[i]))
            return true;
    }
    return s3_text_has_prefix(name, "x-amz-");
}

static bool is_token(h2o_iovec_t name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.base[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

/* The request's own headers that describe its body, not the object, give way to the form's fields. Those come from a body: they
 * must not be able to break a response's head in two. */
static enum s3_error fields_to_headers(struct post *post)
{
    h2o_req_t *http = post->request->http;
    h2o_headers_t headers = {NULL, 0, 0};

    for (size_t i = 0; i < http->headers.size; i++) {
        const h2o_header_t *header = &http->headers.entries[i];

        if (!names_a_header(*header->name))
            h2o_add_header_by_str(&http->pool, &headers, header->name->base, header->name->len, 1, NULL,
                                  header->value.base, header->value.len);
    }
    for (size_t i = 0; i < post->form.field_count; i++) {
        const struct s3_form_field *field = &post->form.fields[i];
        h2o_iovec_t name =
            s3_text_is(field->name, "acl") ? h2o_iovec_init(H2O_STRLIT("x-amz-acl")) : field->name;

        if (!names_a_header(name))
            continue;
        if (!is_token(name) || !s3_text_is_header_safe(field->value))
            return refuse(post, S3_ERROR_INVALID_ARGUMENT, "A field's name or value cannot be represented.");
        h2o_add_header_by_str(&http->pool, &headers, name.base, name.len, 1, NULL, field->value.base,
                              field->value.len);
    }
    http->headers = headers;
    return S3_ERROR_NONE;
}

/* The tags of the field `tagging`, which is XML; those of x-amz-tagging are a header by now. */
static enum s3_error read_tags(struct post *post)
{
    h2o_mem_pool_t *pool = &post->request->http->pool;
    h2o_iovec_t xml = s3_form_field(&post->form, "tagging");
    struct s3_tags tags;
    enum s3_error error;

    if (xml.len == 0)
        return S3_ERROR_NONE;
    if (s3_request_header(post->request, "x-amz-tagging").base != NULL)
        return refuse(post, S3_ERROR_INVALID_ARGUMENT,
                      "Only one of the fields tagging and x-amz-tagging may be given.");
    if ((error = s3_tags_read_xml(pool, xml, S3_OBJECT_TAGS_MAX, &tags, &post->message)) != S3_ERROR_NONE)
        return error;
    if (tags.count > 0)
        post->tags = s3_tags_pack(pool, &tags);
    return S3_ERROR_NONE;
}

/* ---- Rights ---- */

/* After the fields have become headers: those are what policies speak of. */
static enum s3_error authorize(struct post *post)
{
    struct s3_request *request = post->request;
    struct s3_access access = {
        .bucket = &request->bucket, .key = request->key, .rights = S3_RIGHT_WRITE, .tags = post->tags};
    enum s3_action actions[S3_ACTIONS_PER_REQUEST_MAX];
    size_t count = s3_action_of_upload(request, actions);
    h2o_iovec_t policy = s3_form_field(&post->form, "policy");
    enum s3_error error = S3_ERROR_NONE;

    if (policy.base != NULL)
        error = s3_form_policy_check(&post->form, policy, request->bucket_name, time(NULL), &post->limits,
                                     &post->message);
    for (size_t i = 0; i < count && error == S3_ERROR_NONE; i++) {
        access.action = actions[i];
        error = s3_authorize_access(request, &access);
    }
    if (error == S3_ERROR_NONE && post->tags.length > 0) {
        access.action = S3_ACTION_PUT_OBJECT_TAGGING;
        error = s3_authorize_access(request, &access);
    }
    return error;
}

/* ---- What is stored ---- */

static enum s3_error add_tags(struct post *post)
{
    if (post->tags.length == 0)
        return s3_tagging_add_header(post->request, &post->op.object.attributes, &post->message);
    s3_attribute_add(&post->op.object.attributes, META_ATTRIBUTE_TAGS, post->tags);
    return S3_ERROR_NONE;
}

static enum s3_error prepare_object(struct post *post)
{
    struct s3_request *request = post->request;
    struct meta_object_put *op = &post->op;
    struct s3_upload_access access;
    enum s3_error error;

    if (s3_request_header(request, "x-amz-write-offset-bytes").base != NULL)
        return S3_ERROR_NOT_IMPLEMENTED; /* only PutObject appends */
    if ((error = s3_attributes_refuse(&request->http->headers)) != S3_ERROR_NONE ||
        (error = s3_attributes_collect(&request->http->pool, &request->http->headers,
                                       &op->object.attributes)) != S3_ERROR_NONE ||
        (error = add_tags(post)) != S3_ERROR_NONE ||
        (error = s3_lock_add_header(request, true, &op->object.attributes, &post->message)) != S3_ERROR_NONE ||
        (error = s3_access_of_upload(request, &access, &post->message)) != S3_ERROR_NONE)
        return error;
    op->bucket = request->bucket.id;
    op->key = s3_bytes(request->key);
    op->object.owner = access.owner;
    if (access.acl.length > 0)
        s3_attribute_add(&op->object.attributes, META_ATTRIBUTE_ACL, access.acl);
    return s3_put_prepare_fed(&post->put, post->limits.bytes_max, &post->message);
}

/* ---- The answer ---- */

static void commit_object(struct s3_put *put)
{
    struct post *post = post_of_put(put);

    memcpy(post->op.object.etag, put->etag, sizeof(post->op.object.etag));
    post->op.object.checksum = put->checksum;
    if (core_put_taken(put->core) < post->limits.bytes_min)
        s3_put_fail(put, S3_ERROR_ENTITY_TOO_SMALL);
    else
        core_put_commit_object(put->core, &post->op);
}

/* The object's address as the client reached the bucket. */
static h2o_iovec_t location_of(struct s3_request *request)
{
    h2o_mem_pool_t *pool = &request->http->pool;
    h2o_iovec_t host = s3_request_header(request, "host"), key, bucket = request->bucket_name;
    const char *scheme = request->http->scheme == &H2O_URL_SCHEME_HTTPS ? "https://" : "http://";

    if (host.base == NULL)
        host = request->http->input.authority;
    key.base = h2o_mem_alloc_pool(pool, S3_URI_ENCODED_BYTES(request->key.len) + 1);
    key.len = s3_uri_encode(request->key.base, request->key.len, true, key.base);
    if (request->virtual_hosted)
        return h2o_concat(pool, h2o_iovec_init(scheme, strlen(scheme)), host, h2o_iovec_init(H2O_STRLIT("/")),
                          key);
    return h2o_concat(pool, h2o_iovec_init(scheme, strlen(scheme)), host, h2o_iovec_init(H2O_STRLIT("/")),
                      bucket, h2o_iovec_init(H2O_STRLIT("/")), key);
}

/* The place that the form's author wants the browser to go to, told what was stored; base NULL: none, or no good one. */
static h2o_iovec_t redirect_of(struct post *post)
{
    struct s3_request *request = post->request;
    h2o_mem_pool_t *pool = &request->http->pool;
    h2o_iovec_t url = s3_form_field(&post->form, "success_action_redirect"), key, query;
    char etag[META_ETAG_BYTES_MAX + 16];

    if (url.base == NULL)
        url = s3_form_field(&post->form, "redirect");
    if ((!s3_text_has_prefix(url, "http://") && !s3_text_has_prefix(url, "https://")) ||
        !s3_text_is_header_safe(url))
        return (h2o_iovec_t){NULL, 0};
    key.base = h2o_mem_alloc_pool(pool, S3_URI_ENCODED_BYTES(request->key.len) + 1);
    key.len = s3_uri_encode(request->key.base, request->key.len, false, key.base);
    snprintf(etag, sizeof(etag), "%%22%s%%22", post->op.object.etag);
    query = h2o_concat(pool, h2o_iovec_init(H2O_STRLIT("bucket=")), request->bucket_name,
                       h2o_iovec_init(H2O_STRLIT("&key=")), key, h2o_iovec_init(H2O_STRLIT("&etag=")),
                       h2o_iovec_init(etag, strlen(etag)));
    return h2o_concat(pool, url, h2o_iovec_init(memchr(url.base, '?', url.len) != NULL ? "&" : "?", 1),
                      query);
}

static void answer_created(struct post *post, h2o_iovec_t location)
{
    struct s3_request *request = post->request;
    struct s3_xml xml;

    s3_xml_init(&xml, &request->http->pool);
    s3_xml_open(&xml, "PostResponse");
    s3_xml_text(&xml, "Location", location.base, location.len);
    s3_xml_string(&xml, "Bucket", request->bucket.name);
    s3_xml_key(&xml, "Key", request->key.base, request->key.len, false);
    s3_xml_etag(&xml, post->op.object.etag);
    s3_xml_close(&xml, "PostResponse");
    s3_answer_xml(request, 201, &xml);
}

static void answer_stored(struct s3_put *put)
{
    struct post *post = post_of_put(put);
    struct s3_request *request = post->request;
    h2o_iovec_t status = s3_form_field(&post->form, "success_action_status");
    h2o_iovec_t redirect = redirect_of(post),
                location = redirect.base != NULL ? redirect : location_of(request);

    s3_answer_etag(request, post->op.object.etag);
    s3_answer_checksum(request, &post->op.object.checksum, 0);
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &post->op.object.version);
    s3_answer_header(request, "location", location.base, location.len);
    if (redirect.base != NULL)
        s3_answer_empty(request, 303);
    else if (s3_text_is(status, "201"))
        answer_created(post, location);
    else
        s3_answer_empty(request, s3_text_is(status, "200") ? 200 : 204);
}

/* ---- The body ---- */

static void on_feed(struct s3_put *put)
{
    struct post *post = post_of_put(put);

    post->is_ready = true;
    if (!post->is_in_write) /* else the body is going on anyway */
        http_body_resume(put->request->http);
}

/* All fields are known. */
static enum s3_error begin_file(struct post *post)
{
    enum s3_error error;

    if ((error = take_key(post)) != S3_ERROR_NONE || (error = authenticate(post)) != S3_ERROR_NONE ||
        (error = fields_to_headers(post)) != S3_ERROR_NONE || (error = read_tags(post)) != S3_ERROR_NONE ||
        (error = authorize(post)) != S3_ERROR_NONE)
        return error;
    return prepare_object(post);
}

static ssize_t write_file(void *ctx, const void *data, size_t length)
{
    struct post *post = ctx;

    return s3_put_feed(&post->put, data, length);
}

static ssize_t break_off(struct post *post, enum s3_error error)
{
    post->error = error;
    return -ECANCELED;
}

/* The fields, up to the file's first byte. */
static ssize_t take_fields(struct post *post, const char *data, size_t length)
{
    ssize_t n = s3_form_feed(&post->form, data, length);
    enum s3_error error;

    if (n < 0)
        return break_off(post, n == -EMSGSIZE ? S3_ERROR_POST_FIELDS_TOO_LARGE : S3_ERROR_MALFORMED_POST);
    if (post->form.state != S3_FORM_FILE)
        return n;
    if ((error = begin_file(post)) != S3_ERROR_NONE)
        return break_off(post, error);
    post->is_storing = true;
    s3_put_start(&post->put);
    return n;
}

static ssize_t take_file(struct post *post, const char *data, size_t length)
{
    ssize_t n = post->is_ready ? s3_form_feed_file(&post->form, data, length, write_file, post) : -EBUSY;

    return n == -EMSGSIZE ? break_off(post, S3_ERROR_ENTITY_TOO_LARGE) : n;
}

static ssize_t sink_write(struct http_sink *sink, const void *data, size_t length)
{
    struct post *post = post_of_sink(sink);
    ssize_t n = (ssize_t)length; /* what follows the file is ignored */

    post->is_in_write = true;
    if (post->form.state == S3_FORM_FILE)
        n = take_file(post, data, length);
    else if (post->form.state != S3_FORM_END)
        n = take_fields(post, data, length);
    post->is_in_write = false;
    return n;
}

static enum s3_error end_error(const struct post *post, int result)
{
    if (post->error != S3_ERROR_NONE)
        return post->error;
    if (result != 0)
        return s3_error_of_result(result);
    if (post->form.state != S3_FORM_END)
        return S3_ERROR_MALFORMED_POST; /* the closing boundary is missing */
    return post->is_storing ? S3_ERROR_NONE : S3_ERROR_INCORRECT_NUMBER_OF_FILES;
}

static void sink_end(struct http_sink *sink, int result)
{
    struct post *post = post_of_sink(sink);
    enum s3_error error = end_error(post, result);

    if (error != S3_ERROR_NONE && post->message != NULL)
        s3_request_explain(post->request, error, post->message);
    if (error != S3_ERROR_NONE && post->is_storing)
        s3_put_fail(&post->put, error);
    else if (error != S3_ERROR_NONE)
        s3_answer_error(post->request, error);
    else
        s3_put_feed_end(&post->put);
}

void s3_op_post_object(struct s3_request *request)
{
    struct post *post = s3_request_alloc(request, sizeof(*post));
    enum s3_error error;

    post->request = request;
    post->sink = (struct http_sink){NULL, sink_write, sink_end};
    post->put.request = request;
    post->put.commit = commit_object;
    post->put.stored = answer_stored;
    post->put.feed = on_feed;
    post->limits.bytes_max = UINT64_MAX;
    if (s3_form_init(&post->form, &request->http->pool, s3_request_header(request, "content-type")) != 0) {
        s3_answer_error_message(request, S3_ERROR_PRECONDITION_FAILED,
                                "Bucket POST must be of the enclosure-type multipart/form-data");
        return;
    }
    if ((error = s3_request_open_bucket(request)) != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else
        http_body_receive(request->http, NULL, &post->sink);
}
