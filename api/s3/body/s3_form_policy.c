/* SPDX-License-Identifier: MIT
 *
 * Policies of posted forms. JSON is jansson's; what is here is the meaning of conditions. Pure. */
#include "api/s3/body/s3_form_policy.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/body/s3_checksum.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/text/base64.h"
#include "storage/base/slice.h"

struct judgement {
    const struct s3_form *form;
    struct slice bucket;
    struct s3_form_limits *limits;
    const char **message;
    bool covered[S3_FORM_FIELDS_MAX];
    bool names_bucket;
};

static enum s3_error denied(struct judgement *judgement, const char *what, const char *detail)
{
    size_t bytes = strlen(what) + strlen(detail) + 64;
    char *message = arena_alloc(judgement->form->arena, bytes);

    snprintf(message, bytes, "Invalid according to Policy: %s%s", what, detail);
    *judgement->message = message;
    return S3_ERROR_ACCESS_DENIED;
}

static enum s3_error malformed(struct judgement *judgement, const char *what)
{
    *judgement->message = what;
    return S3_ERROR_INVALID_POLICY_DOCUMENT;
}

/* Quotes the condition with its value: it is what the form's author has to find. */
static enum s3_error failed(struct judgement *judgement, const char *operation, const char *name,
                            const char *value)
{
    json_t *condition = json_pack("[s, s+, s]", operation, "$", name, value);
    char *quoted = condition != NULL ? json_dumps(condition, JSON_ENSURE_ASCII) : NULL;
    enum s3_error error = denied(judgement, "Policy Condition failed: ", quoted != NULL ? quoted : name);

    free(quoted);
    json_decref(condition);
    return error;
}

/* ---- Conditions ---- */

/* The value that a condition is about; a field that is not there is empty. Fields of that name are covered. */
static struct slice take_value(struct judgement *judgement, const char *name)
{
    const struct s3_form *form = judgement->form;
    struct slice value = {"", 0};

    for (size_t i = form->field_count; i > 0; i--) {
        if (!slice_is_nocase(form->fields[i - 1].name, name))
            continue;
        judgement->covered[i - 1] = true;
        value = form->fields[i - 1].value;
    }
    if (strcmp(name, "bucket") == 0) {
        judgement->names_bucket = true;
        return judgement->bucket;
    }
    return value;
}

static enum s3_error check_equal(struct judgement *judgement, const char *name, const char *wanted)
{
    struct slice value = take_value(judgement, name);

    if (slice_equals(value, slice_text(wanted)))
        return S3_ERROR_NONE;
    return failed(judgement, "eq", name, wanted);
}

/* Of a list of content types, each one must begin so. */
static enum s3_error check_prefix(struct judgement *judgement, const char *name, const char *prefix)
{
    struct slice value = take_value(judgement, name), list = value, item;
    bool holds = slice_has_prefix(value, prefix);

    if (strcmp(name, "content-type") == 0 && holds) {
        while (slice_next_item(&list, &item))
            holds = holds && slice_has_prefix(item, prefix);
    }
    return holds ? S3_ERROR_NONE : failed(judgement, "starts-with", name, prefix);
}

/* Numbers come as numbers or as texts. */
static bool read_bytes(const json_t *value, uint64_t *bytes)
{
    char *end;

    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *bytes = (uint64_t)json_integer_value(value);
        return true;
    }
    if (!json_is_string(value) || json_string_value(value)[0] < '0' || json_string_value(value)[0] > '9')
        return false;
    *bytes = strtoull(json_string_value(value), &end, 10);
    return *end == '\0';
}

static enum s3_error check_length(struct judgement *judgement, const json_t *condition)
{
    uint64_t least, most;

    if (!read_bytes(json_array_get(condition, 1), &least) || !read_bytes(json_array_get(condition, 2), &most))
        return malformed(judgement, "Invalid Policy: content-length-range needs two numbers.");
    if (least > judgement->limits->bytes_min)
        judgement->limits->bytes_min = least;
    if (most < judgement->limits->bytes_max)
        judgement->limits->bytes_max = most;
    return S3_ERROR_NONE;
}

/* "$Key" -> "key"; NULL when it is too long to be any field's. */
static const char *field_name(const char *text, char name[128])
{
    size_t length;

    if (*text == '$')
        text++;
    if ((length = strlen(text)) >= 128)
        return NULL;
    for (size_t i = 0; i <= length; i++)
        name[i] = slice_lower(text[i]);
    return name;
}

static enum s3_error check_list(struct judgement *judgement, const json_t *condition)
{
    const char *operation = json_string_value(json_array_get(condition, 0));
    const char *field = json_string_value(json_array_get(condition, 1));
    const char *value = json_string_value(json_array_get(condition, 2));
    char name[128];

    if (operation != NULL && strcasecmp(operation, "content-length-range") == 0 &&
        json_array_size(condition) == 3)
        return check_length(judgement, condition);
    if (field != NULL && field[0] != '$') /* to S3 that is no field, and none has that value */
        return denied(judgement, "Policy Condition failed: no field is ", field);
    if (operation == NULL || field == NULL || value == NULL || json_array_size(condition) != 3 ||
        field_name(field, name) == NULL)
        return malformed(judgement, "Invalid Policy: a condition is not [operation, $field, value].");
    if (strcasecmp(operation, "eq") == 0)
        return check_equal(judgement, name, value);
    if (strcasecmp(operation, "starts-with") == 0)
        return check_prefix(judgement, name, value);
    return malformed(judgement, "Invalid Policy: Unknown operation in a condition.");
}

static enum s3_error check_object(struct judgement *judgement, json_t *condition)
{
    void *iterator = json_object_iter(condition);
    const json_t *value = json_object_iter_value(iterator);
    char name[128];

    if (json_object_size(condition) != 1)
        return malformed(judgement, "Invalid Policy: Invalid Simple-Condition: Simple-Conditions must have "
                                    "exactly one property specified.");
    if (!json_is_string(value) || field_name(json_object_iter_key(iterator), name) == NULL)
        return malformed(judgement, "Invalid Policy: a condition's value is no text.");
    return check_equal(judgement, name, json_string_value(value));
}

/* ---- The whole ---- */

/* What the signature itself needs, and what the form's author wants ignored. */
static bool needs_no_condition(struct slice name)
{
    return slice_is_nocase(name, "policy") || slice_is_nocase(name, "x-amz-signature") ||
           slice_is_nocase(name, "signature") || slice_is_nocase(name, "awsaccesskeyid") ||
           slice_has_prefix_nocase(name, "x-ignore-");
}

/* Also the bucket, which is a field to S3: else a form would be good for every bucket of its author. */
static enum s3_error check_covered(struct judgement *judgement)
{
    const struct s3_form *form = judgement->form;

    if (!judgement->names_bucket)
        return denied(judgement, "Extra input fields: ", "bucket");
    for (size_t i = 0; i < form->field_count; i++) {
        struct slice name = form->fields[i].name;

        if (!judgement->covered[i] && !needs_no_condition(name))
            return denied(judgement,
                          "Extra input fields: ", arena_dup(form->arena, name.base, name.len).base);
    }
    return S3_ERROR_NONE;
}

static enum s3_error check_document(struct judgement *judgement, const json_t *document, int64_t now_s)
{
    const char *expiration = json_string_value(json_object_get(document, "expiration"));
    const json_t *conditions = json_object_get(document, "conditions");
    enum s3_error error = S3_ERROR_NONE;
    int64_t expires_ms;

    if (expiration == NULL || s3_time_parse(expiration, strlen(expiration), &expires_ms) != 0)
        return malformed(judgement, "Invalid Policy: the expiration is missing or no ISO 8601 time.");
    if (!json_is_array(conditions))
        return malformed(judgement, "Invalid Policy: the list of conditions is missing.");
    if (now_s * 1000 >= expires_ms)
        return denied(judgement, "Policy expired.", "");
    for (size_t i = 0; i < json_array_size(conditions) && error == S3_ERROR_NONE; i++) {
        json_t *condition = json_array_get(conditions, i);

        if (json_is_array(condition))
            error = check_list(judgement, condition);
        else if (json_is_object(condition))
            error = check_object(judgement, condition);
        else
            error = malformed(judgement, "Invalid Policy: a condition is neither a list nor an object.");
    }
    return error != S3_ERROR_NONE ? error : check_covered(judgement);
}

static bool decode(struct arena *arena, struct slice text, struct slice *data)
{
    ssize_t length = base64_decoded_length(text);
    char *decoded;

    if (length <= 0)
        return false;
    decoded = arena_alloc(arena, (size_t)length);
    *data = slice_of(decoded, (size_t)length);
    return base64_decode(text, decoded, (size_t)length) == 0;
}

enum s3_error s3_form_policy_check(const struct s3_form *form, struct slice document, struct slice bucket,
                                   int64_t now_s, struct s3_form_limits *limits, const char **message)
{
    struct judgement judgement = {.form = form, .bucket = bucket, .limits = limits, .message = message};
    enum s3_error error;
    struct slice text;
    json_t *json;

    if (!decode(form->arena, document, &text))
        return malformed(&judgement, "Invalid Policy: it is not base64.");
    json = json_loadb(text.base, text.len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(json))
        error = malformed(&judgement, "Invalid Policy: Invalid JSON.");
    else
        error = check_document(&judgement, json, now_s);
    json_decref(json);
    return error;
}
