/* SPDX-License-Identifier: MIT
 *
 * The fields of a posted form, once all are known: the key, whose signature it is, and headers and tags as a PUT would have
 * them. A signature lies in the form, over its policy; a form without one is anonymous. What S3 gives one value has one: else its policy
 * could be about one of them and the object get the other. Worker's thread. */
#include <string.h>

#include "api/s3/op/op_post.h"
#include "api/s3/auth/s3_credentials.h"
#include "api/s3/service/s3_service.h"
#include "api/s3/auth/s3_sigv2.h"
#include "api/s3/auth/s3_verify.h"
#include "api/s3/session/s3_session_identity.h"
#include "api/s3/object/s3_tags.h"
#include "storage/base/text/hex.h"
#include "storage/base/slice.h"
#include "storage/base/text/utf8.h"

/* S3's own words; its names of these fields begin in upper case. */
static enum s3_error refuse_missing(struct post *post, const char *field)
{
    struct slice message[] = {
        SLICE("Bucket POST must contain a field named '"),
        slice_text(field),
        SLICE("'.  If it is specified, please check the order of the fields."),
    };

    return s3_request_argument(post->request, slice_text(field), SLICE(""),
                               arena_join(&post->request->http->arena, message, 3).base);
}

static enum s3_error refuse_field(struct post *post, const char *field, const char *message)
{
    return s3_request_argument(post->request, slice_text(field), s3_form_field(&post->form, field), message);
}

/* ---- The key ---- */

#define FILENAME_VARIABLE "${filename}"

/* Once per field, which bounds what a form can grow to. A file without a name, and only that, leaves the variable there. */
static struct slice expand(struct post *post, struct slice text)
{
    const char *at = text.base != NULL ? memmem(text.base, text.len, LITERAL(FILENAME_VARIABLE)) : NULL;
    struct slice head, tail;

    if (at == NULL || post->form.filename.base == NULL)
        return text;
    head = slice_of(text.base, (size_t)(at - text.base));
    tail = slice_of(at + strlen(FILENAME_VARIABLE), text.len - head.len - strlen(FILENAME_VARIABLE));
    return arena_concat(&post->request->http->arena, head, post->form.filename, tail);
}

/* Conditions of the policy are about the expanded fields. */
static enum s3_error take_key(struct post *post)
{
    struct s3_request *request = post->request;

    for (size_t i = 0; i < post->form.field_count; i++)
        post->form.fields[i].value = expand(post, post->form.fields[i].value);
    request->key = s3_form_field(&post->form, "key");
    if (request->key.len == 0)
        return refuse_missing(post, "key");
    if (request->key.len > META_KEY_BYTES_MAX)
        return S3_ERROR_KEY_TOO_LONG;
    if (memchr(request->key.base, '\0', request->key.len) != NULL ||
        !utf8_is_valid(request->key.base, request->key.len))
        return refuse_field(post, "key", "The key is not valid UTF-8.");
    return S3_ERROR_NONE;
}

/* ---- Who it is ---- */

static enum s3_error check_scope(struct post *post, const struct s3_sigv4_claim *claim, struct slice date)
{
    if (!slice_is(claim->terminator, "aws4_request") || !slice_is(claim->service, "s3") || date.len < 8 ||
        !slice_equals(claim->date, slice_of(date.base, 8)) || !s3_verify_region(post->request, claim->region))
        return refuse_field(
            post, "x-amz-credential",
            "The x-amz-credential field does not fit: it must name the date of x-amz-date, this "
            "server's region, "
            "'s3' and 'aws4_request'.");
    return S3_ERROR_NONE;
}

/* Until here it counted as anybody's. */
static enum s3_error admit(struct s3_request *request)
{
    request->is_admitted = false;
    return s3_request_admit(request);
}

static enum s3_error check_signature(struct post *post, struct slice policy, struct slice date,
                                     const struct s3_sigv4_claim *claim)
{
    struct s3_request *request = post->request;
    const struct s3_identity *identity;
    struct s3_signing_keys *keys = s3_verify_signing_keys(request);
    unsigned char expected[32];
    char timestamp[17];
    int64_t unix_s;
    enum s3_error error = s3_session_identify(request, claim->access_key,
                                              s3_form_field(&post->form, "x-amz-security-token"), &identity);

    s3_request_element(request, S3_ELEMENT_ACCESS_KEY, claim->access_key);
    if (error != S3_ERROR_NONE)
        return error;
    if (keys == NULL)
        return S3_ERROR_SERVICE_UNAVAILABLE;
    if (!s3_sigv4_parse_time(date, &unix_s))
        return refuse_field(post, "x-amz-date", "The x-amz-date field is no date.");
    s3_sigv4_format_time(unix_s, timestamp);
    s3_sigv4_sign(s3_signing_keys_hash(keys),
                  s3_identity_signing_key(identity, keys, timestamp, claim->region), policy, expected);
    if (!s3_sigv4_is_equal(expected, claim->signature)) {
        s3_request_element(request, S3_ELEMENT_STRING_TO_SIGN, policy);
        s3_request_element(request, S3_ELEMENT_SIGNATURE_PROVIDED,
                           s3_form_field(&post->form, "x-amz-signature"));
        return S3_ERROR_SIGNATURE_DOES_NOT_MATCH;
    }
    s3_request_identify(request, identity);
    request->is_signed = true;
    request->signed_at_s = unix_s;
    return admit(request);
}

/* Version 2 signs the policy as it stands; when, it does not say. */
static enum s3_error authenticate_v2(struct post *post, struct slice policy, struct slice signature)
{
    struct s3_request *request = post->request;
    struct slice access_key = s3_form_field(&post->form, "awsaccesskeyid");
    const struct s3_identity *identity;
    unsigned char claimed[S3_SIGV2_BYTES], expected[S3_SIGV2_BYTES];
    enum s3_error error;

    if (access_key.base == NULL)
        return refuse_missing(post, "AWSAccessKeyId");
    if (!s3_sigv2_parse_signature(signature, claimed))
        return refuse_field(post, "signature", "The signature field is malformed.");
    s3_request_element(request, S3_ELEMENT_ACCESS_KEY, access_key);
    error = s3_session_identify(request, access_key, s3_form_field(&post->form, "x-amz-security-token"),
                                &identity);
    if (error != S3_ERROR_NONE)
        return error;
    if (!s3_identity_sign_v2(identity, policy, expected))
        return S3_ERROR_INTERNAL_ERROR;
    if (!s3_sigv2_is_equal(expected, claimed)) {
        s3_request_element(request, S3_ELEMENT_STRING_TO_SIGN, policy);
        s3_request_element(request, S3_ELEMENT_SIGNATURE_PROVIDED, signature);
        return S3_ERROR_SIGNATURE_DOES_NOT_MATCH;
    }
    s3_request_identify(request, identity);
    request->is_signed = request->is_signed_v2 = true;
    request->signed_at_s = S3_SIGNED_AT_UNKNOWN;
    return admit(request);
}

static enum s3_error authenticate_v4(struct post *post, struct slice policy, struct slice signature)
{
    const struct s3_form *form = &post->form;
    struct slice algorithm = s3_form_field(form, "x-amz-algorithm"), date = s3_form_field(form, "x-amz-date");
    struct s3_sigv4_claim claim = {0};
    enum s3_error error;

    if (algorithm.base == NULL)
        return refuse_missing(post, "X-Amz-Algorithm");
    if (signature.base == NULL)
        return refuse_missing(post, "X-Amz-Signature");
    if (date.base == NULL)
        return refuse_missing(post, "X-Amz-Date");
    if (!slice_is(algorithm, S3_SIGV4_ALGORITHM))
        return refuse_field(post, "x-amz-algorithm", "x-amz-algorithm only supports \"AWS4-HMAC-SHA256\"");
    if (!s3_sigv4_parse_credential(s3_form_field(form, "x-amz-credential"), &claim) ||
        !hex_decode(signature.base, signature.len, claim.signature, 32))
        return refuse_field(post, "x-amz-credential", "x-amz-credential or x-amz-signature is malformed.");
    error = check_scope(post, &claim, date);
    return error != S3_ERROR_NONE ? error : check_signature(post, policy, date, &claim);
}

/* A policy without a signature would say nothing; without a policy there is nothing to sign. */
static enum s3_error authenticate(struct post *post)
{
    const struct s3_form *form = &post->form;
    struct slice policy = s3_form_field(form, "policy"), signature = s3_form_field(form, "x-amz-signature"),
                 signature_v2 = {NULL, 0};

    if (s3_service_takes_v2(post->request->service))
        signature_v2 = s3_form_field(form, "signature");
    if (s3_credentials_is_open(post->request->credentials) ||
        (policy.base == NULL && signature.base == NULL && signature_v2.base == NULL))
        return S3_ERROR_NONE;
    if (policy.base == NULL)
        return refuse_missing(post, "policy");
    if (signature.base != NULL && signature_v2.base != NULL)
        return refuse_field(post, "signature",
                            "Only one of the fields signature and x-amz-signature may be given.");
    return signature_v2.base != NULL ? authenticate_v2(post, policy, signature_v2)
                                     : authenticate_v4(post, policy, signature);
}

/* ---- Fields as headers ---- */

static bool names_a_header(struct slice name)
{
    static const char *const names[] = {"cache-control",    "content-type",     "content-disposition",
                                        "content-encoding", "content-language", "content-md5",
                                        "expires",          "if-match",         "if-none-match"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_is_nocase(name, names[i]))
            return true;
    }
    return slice_has_prefix_nocase(name, "x-amz-");
}

static bool is_token(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.base[i];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.'))
            return false;
    }
    return true;
}

/* A condition may come as the request's own header, too. */
static bool is_condition(struct slice name)
{
    return slice_is_nocase(name, "if-match") || slice_is_nocase(name, "if-none-match");
}

static bool is_header_too(const struct s3_request *request, struct slice condition)
{
    return s3_request_header(request, slice_is_nocase(condition, "if-match") ? "if-match" : "if-none-match")
               .base != NULL;
}

/* The header that a field stands for. */
static struct slice header_name(struct slice name)
{
    return slice_is_nocase(name, "acl") ? SLICE("x-amz-acl") : name;
}

/* Metadata is joined, as S3 does; what nobody knows says nothing. */
static bool has_one_value(struct slice name)
{
    static const char *const names[] = {"key",
                                        "bucket",
                                        "policy",
                                        "tagging",
                                        "signature",
                                        "awsaccesskeyid",
                                        "redirect",
                                        "success_action_redirect",
                                        "success_action_status"};

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_is_nocase(name, names[i]))
            return true;
    }
    return names_a_header(name) && !slice_has_prefix_nocase(name, "x-amz-meta-");
}

/* The field and all after it of its name become one, their values with commas between them. */
static void join_field(struct s3_form *form, size_t first)
{
    struct s3_form_field *fields = form->fields;
    size_t length = 0, kept = first + 1;
    char *joined;

    for (size_t i = first; i < form->field_count; i++)
        length += slice_equals(fields[i].name, fields[first].name) ? fields[i].value.len + 1 : 0;
    joined = arena_alloc(form->arena, length);
    length = 0;
    for (size_t i = first; i < form->field_count; i++) {
        if (!slice_equals(fields[i].name, fields[first].name)) {
            fields[kept++] = fields[i];
            continue;
        }
        if (i > first)
            joined[length++] = ',';
        (void)slice_copy(joined + length, fields[i].value);
        length += fields[i].value.len;
    }
    fields[first].value = slice_of(joined, length);
    form->field_count = kept;
}

/* So that the policy is about what is stored. */
static enum s3_error unite_repeated(struct post *post)
{
    struct s3_form *form = &post->form;

    for (size_t i = 0; i < form->field_count; i++) {
        struct slice name = header_name(form->fields[i].name);

        for (size_t j = i + 1; j < form->field_count; j++) {
            if (!slice_equals(name, header_name(form->fields[j].name)))
                continue;
            if (has_one_value(name)) {
                return s3_request_argument(post->request, form->fields[j].name, slice_of(NULL, 0),
                                           "A field of the form is given more than once.");
            }
            if (slice_has_prefix_nocase(name, "x-amz-meta-")) {
                join_field(form, i);
                break;
            }
        }
    }
    return S3_ERROR_NONE;
}

/* The request's own headers that describe its body, not the object, give way to the form's fields. Those come from a body: they
 * must not be able to break a response's head in two. */
static enum s3_error fields_to_headers(struct post *post)
{
    struct http_request *http = post->request->http;
    struct http_headers headers = {NULL, 0, 0};
    enum s3_error error;

    for (size_t i = 0; i < http->headers.size; i++) {
        const struct http_header *header = &http->headers.entries[i];

        if (!names_a_header(header->name) || is_condition(header->name))
            http_headers_add(&http->arena, &headers, header->name, header->value);
    }
    for (size_t i = 0; i < post->form.field_count; i++) {
        const struct s3_form_field *field = &post->form.fields[i];
        struct slice name = header_name(field->name);

        if (!names_a_header(name))
            continue;
        if (is_condition(name) && is_header_too(post->request, name))
            return s3_request_argument(post->request, name, field->value,
                                       "A condition is given twice, as a header and as a field.");
        if (!is_token(name) || !http_value_is_safe(field->value))
            return s3_request_argument(post->request, field->name, field->value,
                                       "A field's name or value cannot be represented.");
        http_headers_add(&http->arena, &headers, name, field->value);
    }
    http->headers = headers;
    if ((error = s3_effective_read(post->request)) != S3_ERROR_NONE)
        return error;
    return s3_effective_settle(post->request);
}

/* The tags of the field `tagging`, which is XML; those of x-amz-tagging are a header by now. */
static enum s3_error read_tags(struct post *post)
{
    struct arena *arena = &post->request->http->arena;
    struct slice xml = s3_form_field(&post->form, "tagging");
    struct s3_refusal refusal = {0};
    struct s3_tags tags;
    enum s3_error error;

    if (xml.len == 0)
        return S3_ERROR_NONE;
    if (s3_request_effective(post->request, S3_EFFECTIVE_TAGGING).base != NULL)
        return refuse_field(post, "tagging",
                            "Only one of the fields tagging and x-amz-tagging may be given.");
    if ((error = s3_tags_read_xml(arena, xml, S3_OBJECT_TAGS_MAX, &tags, &refusal)) != S3_ERROR_NONE)
        return s3_request_refused(post->request, error, &refusal);
    if (tags.count > 0)
        post->tags = s3_tags_pack(arena, &tags);
    return S3_ERROR_NONE;
}

/* ---- All of them ---- */

enum s3_error post_take_fields(struct post *post)
{
    enum s3_error error;

    if ((error = unite_repeated(post)) != S3_ERROR_NONE || (error = take_key(post)) != S3_ERROR_NONE ||
        (error = authenticate(post)) != S3_ERROR_NONE || (error = fields_to_headers(post)) != S3_ERROR_NONE)
        return error;
    return read_tags(post);
}
