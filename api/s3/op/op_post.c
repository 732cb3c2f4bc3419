/* SPDX-License-Identifier: MIT
 *
 * PostObject: a browser's form that carries an object (multipart/form-data). Worker's thread.
 *
 * The fields take the place of a PUT's headers, and are put there once they are known (op_post_fields.c); from then on the object
 * goes the way of s3_put.c. The file's bytes are handed on as they come, through memory, for only the boundary after them tells
 * their end. What the form's policy allows, s3_form_policy.c judges. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "api/s3/notification/s3_origin.h"
#include "api/s3/op/op_post.h"
#include "api/s3/access/s3_access.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/access/s3_authorize.h"
#include "api/s3/object/s3_lock.h"
#include "api/s3/op/settings/s3_tagging.h"
#include "storage/base/text/percent.h"
#include "storage/base/slice.h"
#include "api/s3/object/s3_version.h"

static struct post *post_of_put(struct s3_put *put)
{
    return (struct post *)((char *)put - offsetof(struct post, put));
}

static struct post *post_of_sink(struct http_sink *sink)
{
    return (struct post *)((char *)sink - offsetof(struct post, sink));
}

/* ---- Rights ---- */

/* After the fields have become headers: those are what policies speak of. */
static enum s3_error authorize(struct post *post)
{
    struct s3_request *request = post->request;
    struct slice policy = s3_form_field(&post->form, "policy");
    enum s3_error error = S3_ERROR_NONE;

    s3_pinned_begin(request);
    if (policy.base != NULL)
        error = s3_form_policy_check(&post->form, policy, request->bucket_name, time(NULL), &post->limits,
                                     &post->message);
    if (error == S3_ERROR_NONE)
        error = s3_authorize_upload(request, post->tags);
    /* A client may insist on whose bucket it talks to, in a header or in a field. */
    if (error == S3_ERROR_NONE)
        error = s3_authorize_expects(&request->bucket, post->expected_owner);
    if (error == S3_ERROR_NONE)
        error =
            s3_authorize_expects(&request->bucket, s3_request_header(request, "x-amz-expected-bucket-owner"));
    return error;
}

/* ---- What is stored ---- */

static enum s3_error add_tags(struct post *post)
{
    if (post->tags.len == 0)
        return s3_tagging_add_header(post->request, &post->op.object.attributes);
    s3_attribute_add(&post->op.object.attributes, META_ATTRIBUTE_TAGS, post->tags);
    return S3_ERROR_NONE;
}

/* What the last judgement saw binds the change. */
static void take_judgement(struct post *post)
{
    struct s3_request *request = post->request;

    post->op.condition.owner = request->only_over;
    s3_pinned_end(&request->pinned);
    post->op.condition.judged = s3_pinned_judged(&request->pinned);
}

static enum s3_error prepare_object(struct post *post)
{
    struct s3_request *request = post->request;
    struct meta_object_put *op = &post->op;
    struct s3_upload_access access;
    enum s3_error error;

    if (s3_request_header(request, "x-amz-write-offset-bytes").base != NULL)
        return S3_ERROR_NOT_IMPLEMENTED; /* only PutObject appends */
    if ((error = s3_attributes_collect(&request->http->arena, &request->http->headers, &request->effective,
                                       &op->object.attributes)) != S3_ERROR_NONE ||
        (error = s3_encryption_begin(request, &post->encryption, &post->message)) != S3_ERROR_NONE ||
        (error = add_tags(post)) != S3_ERROR_NONE ||
        (error = s3_lock_add_header(request, true, &op->object.attributes)) != S3_ERROR_NONE ||
        (error = s3_access_of_upload(request, &access)) != S3_ERROR_NONE)
        return error;
    if (s3_write_condition_parse(&post->condition, s3_request_effective(request, S3_EFFECTIVE_IF_MATCH),
                                 s3_request_effective(request, S3_EFFECTIVE_IF_NONE_MATCH)) != 0)
        return s3_refuse_condition(request);
    op->bucket = request->bucket.id;
    op->key = request->key;
    op->condition = post->condition.condition;
    take_judgement(post);
    op->object.owner = access.owner;
    if (access.acl.len > 0)
        s3_attribute_add(&op->object.attributes, META_ATTRIBUTE_ACL, access.acl);
    post->put.encryption = &post->encryption;
    if (post->encryption.how != ENVELOPE_NONE)
        s3_attribute_add(&op->object.attributes, META_ATTRIBUTE_SEAL, post->encryption.value);
    return s3_put_prepare_fed(&post->put, post->limits.bytes_max, &post->message);
}

/* ---- The answer ---- */

static void commit_object(struct s3_put *put)
{
    struct post *post = post_of_put(put);

    memcpy(post->op.object.etag, put->etag, sizeof(post->op.object.etag));
    post->op.object.checksum = put->checksum;
    if (core_put_taken(put->core) < post->limits.bytes_min) {
        s3_request_element_number(post->request, S3_ELEMENT_PROPOSED_SIZE, core_put_taken(put->core));
        s3_request_element_number(post->request, S3_ELEMENT_MIN_SIZE_ALLOWED, post->limits.bytes_min);
        s3_put_fail(put, S3_ERROR_ENTITY_TOO_SMALL);
        return;
    }
    post->op.op.origin = s3_origin_as(post->request, META_EVENT_POST);
    core_put_commit_object(put->core, &post->op);
}

/* What the form's policy allows does not hang on the object that is there. */
static enum s3_error judge_again(struct s3_put *put)
{
    struct post *post = post_of_put(put);
    struct s3_request *request = post->request;
    struct s3_upload_access access;
    struct slice lock;
    enum s3_error error;

    if ((error = s3_authorize_begin_again(request)) != S3_ERROR_NONE ||
        (error = s3_authorize_upload(request, post->tags)) != S3_ERROR_NONE ||
        (error = s3_lock_for_object(request, true, &lock)) != S3_ERROR_NONE ||
        (error = s3_access_of_upload(request, &access)) != S3_ERROR_NONE)
        return error;
    take_judgement(post);
    post->op.object.modified_ms = 0; /* of the first attempt */
    core_put_commit_object(put->core, &post->op);
    return S3_ERROR_NONE;
}

/* The object's address as the client reached the bucket. */
static struct slice location_of(struct s3_request *request)
{
    struct arena *arena = &request->http->arena;
    struct slice host = s3_request_header(request, "host"), key, bucket = request->bucket_name;
    const char *scheme = request->http->is_tls ? "https://" : "http://";

    if (host.base == NULL)
        host = request->http->authority;
    key = percent_encode_in(arena, request->key, true);
    if (request->virtual_hosted)
        return arena_concat(arena, slice_text(scheme), host, SLICE("/"), key);
    return arena_concat(arena, slice_text(scheme), host, SLICE("/"), bucket, SLICE("/"), key);
}

/* The place that the form's author wants the browser to go to, told what was stored; base NULL: none, or no good one. */
static struct slice redirect_of(struct post *post)
{
    struct s3_request *request = post->request;
    struct arena *arena = &request->http->arena;
    struct slice url = s3_form_field(&post->form, "success_action_redirect"), key, query;
    char etag[META_ETAG_BYTES_MAX + 16];

    if (url.base == NULL)
        url = s3_form_field(&post->form, "redirect");
    if ((!slice_has_prefix_nocase(url, "http://") && !slice_has_prefix_nocase(url, "https://")) ||
        !http_value_is_safe(url))
        return (struct slice){NULL, 0};
    key = percent_encode_in(arena, request->key, false);
    snprintf(etag, sizeof(etag), "%%22%s%%22", post->op.object.etag);
    query = arena_concat(arena, SLICE("bucket="), request->bucket_name, SLICE("&key="), key, SLICE("&etag="),
                         slice_text(etag));
    return arena_concat(arena, url, slice_of(memchr(url.base, '?', url.len) != NULL ? "&" : "?", 1), query);
}

static void answer_created(struct post *post, struct slice location)
{
    struct s3_request *request = post->request;
    struct s3_xml xml;

    s3_xml_init(&xml, &request->http->arena);
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
    struct slice status = s3_form_field(&post->form, "success_action_status");
    struct slice redirect = redirect_of(post),
                 location = redirect.base != NULL ? redirect : location_of(request);

    s3_encryption_answer(request, post->encryption.value);
    s3_answer_etag(request, post->op.object.etag);
    s3_answer_checksum(request, &post->op.object.checksum, 0);
    s3_version_answer(request, &request->bucket, "x-amz-version-id", &post->op.object.version);
    s3_answer_header(request, "location", location.base, location.len);
    if (redirect.base != NULL)
        s3_answer_empty(request, 303);
    else if (slice_is_nocase(status, "201"))
        answer_created(post, location);
    else
        s3_answer_empty(request, slice_is_nocase(status, "200") ? 200 : 204);
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

    if ((error = post_take_fields(post)) != S3_ERROR_NONE || (error = authorize(post)) != S3_ERROR_NONE)
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

/* The fields cost the buffer, those that it has outgrown, and the values that were cut out: less than twice the buffer, and the buffer. */
static int charge_fields(struct post *post)
{
    size_t cost = 3 * post->form.capacity;
    int err = cost > post->charged ? http_body_charge(post->request->http, cost - post->charged) : 0;

    if (err == 0 && cost > post->charged)
        post->charged = cost;
    return err;
}

/* The fields, up to the file's first byte. */
static ssize_t take_fields(struct post *post, const char *data, size_t length)
{
    ssize_t n = s3_form_feed(&post->form, data, length);
    enum s3_error error;

    if (charge_fields(post) != 0)
        return break_off(post, S3_ERROR_SLOW_DOWN);
    if (n < 0)
        return break_off(post, n == -EMSGSIZE ? S3_ERROR_POST_FIELDS_TOO_LARGE : S3_ERROR_MALFORMED_POST);
    post->field_bytes += (size_t)n;
    if (post->form.state != S3_FORM_FILE)
        return n;
    if ((error = begin_file(post)) != S3_ERROR_NONE)
        return break_off(post, error);
    http_body_hurry(post->request->http, false);
    post->is_storing = true;
    s3_put_start(&post->put);
    return n;
}

/* The file is not read to its end, but the request's length tells where that is, if the file is the last of the form, as it should be. */
static void tell_proposed(struct post *post)
{
    uint64_t length = http_body_length(post->request->http);
    uint64_t around = post->field_bytes + post->form.delimiter_length + strlen("--\r\n");

    if (length != UINT64_MAX && length > around)
        s3_request_element_number(post->request, S3_ELEMENT_PROPOSED_SIZE, length - around);
}

static ssize_t take_file(struct post *post, const char *data, size_t length)
{
    ssize_t n = post->is_ready ? s3_form_feed_file(&post->form, data, length, write_file, post) : -EBUSY;

    if (n != -EMSGSIZE)
        return n;
    if (post->put.bound_error != S3_ERROR_NONE)
        return break_off(post, post->put.bound_error);
    if (post->limits.bytes_max < S3_PUT_BYTES_MAX)
        s3_request_element_number(post->request, S3_ELEMENT_MAX_SIZE_ALLOWED, post->limits.bytes_max);
    tell_proposed(post);
    return break_off(post, S3_ERROR_ENTITY_TOO_LARGE);
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
        return s3_error_of_body(result);
    if (post->form.state != S3_FORM_END)
        return S3_ERROR_MALFORMED_POST; /* the closing boundary is missing */
    return post->is_storing ? S3_ERROR_NONE
                            : s3_request_argument(post->request, SLICE("file"), SLICE("0"),
                                                  "POST requires exactly one file upload per request.");
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
    post->put.overtaken = judge_again;
    post->put.feed = on_feed;
    post->limits.bytes_max = UINT64_MAX;
    post->expected_owner = s3_request_header(request, "x-amz-expected-bucket-owner");
    request->is_form = true;
    if (request->web == S3_WEB_CERTIFICATE)
        s3_request_disown(request); /* a form says itself whose it is */
    /* Such a signature would say nothing of the form, which nothing holds against the hash that was signed. */
    if (request->is_signed || request->web != S3_WEB_NONE) {
        s3_answer_error(request,
                        s3_request_argument(request, SLICE("authorization"),
                                            request->is_signed ? s3_request_header(request, "authorization")
                                                               : slice_of(NULL, 0),
                                            "Bucket POST is authenticated by the fields of its form alone."));
        return;
    }
    if (s3_form_init(&post->form, &request->http->arena, s3_request_header(request, "content-type")) != 0) {
        s3_request_element(request, S3_ELEMENT_CONDITION,
                           SLICE("Bucket POST must be of the enclosure-type multipart/form-data"));
        s3_answer_error(request, S3_ERROR_PRECONDITION_FAILED);
        return;
    }
    if ((error = s3_request_open_bucket(request)) != S3_ERROR_NONE)
        s3_answer_error(request, error);
    else if (charge_fields(post) != 0)
        s3_answer_error(request, S3_ERROR_SLOW_DOWN);
    else {
        http_body_hurry(request->http, true);
        http_body_receive(request->http, NULL, &post->sink);
    }
}
