/* SPDX-License-Identifier: MIT
 *
 * ?sluice-content-types: whether objects of a bucket have types by their names, as a document in the manner of S3's. Worker's thread. */
#include <string.h>

#include "api/s3/body/s3_document.h"
#include "api/s3/object/s3_attributes.h"
#include "api/s3/s3_door.h"
#include "api/s3/s3_operation.h"
#include "api/s3/text/s3_content_type.h"
#include "api/s3/website/s3_content_types.h"
#include "storage/base/slice.h"

#define ROOT                    "ContentTypeConfiguration"
#define CONTENT_TYPES_BYTES_MAX 4096u

/* ---- In use ---- */

/* The document has but one meaning: it is there. */
static int parse_stored(struct slice document, void **parsed)
{
    static char is_there;

    (void)document;
    *parsed = &is_there;
    return 0;
}

static void release_parsed(void *parsed)
{
    (void)parsed;
}

static int is_by_name(struct s3_request *request, bool *is)
{
    static const struct core_setting_form form = {META_SETTING_CONTENT_TYPES, parse_stored, release_parsed};
    const void *parsed = NULL;
    int result = core_setting_get(request->worker, request->bucket.id, &form, &parsed);

    *is = result == 0 && parsed != NULL;
    return result;
}

const char *s3_content_type_by_name(struct s3_request *request, struct slice stored)
{
    bool is = request->door != NULL && request->door->is_website;

    if (stored.base != NULL && !slice_is(stored, S3_CONTENT_TYPE_DEFAULT))
        return NULL;
    if (!is && (is_by_name(request, &is) != 0 || !is))
        return NULL; /* the answer is right without it */
    return s3_content_type_of(request->key);
}

/* ---- The setting ---- */

void s3_op_get_bucket_content_types(struct s3_request *request)
{
    struct s3_xml xml;
    bool is;
    int result = is_by_name(request, &is);

    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    if (!is) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_CONFIGURATION);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, ROOT S3_XMLNS);
    s3_xml_bool(&xml, "ByName", true);
    s3_xml_close(&xml, ROOT);
    s3_answer_xml(request, 200, &xml);
}

struct reading {
    bool has_value, value;
};

static int visit(void *ctx, const char *path, const char *text, size_t length)
{
    struct reading *reading = ctx;
    struct slice value = slice_of(text, length);

    if (strcmp(path, ROOT) == 0)
        return reading->has_value ? 0 : -1;
    if (strcmp(path, ROOT "/ByName") != 0 || reading->has_value)
        return -1;
    reading->has_value = true;
    reading->value = slice_is(value, "true");
    return reading->value || slice_is(value, "false") ? 0 : -1;
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct reading reading = {false, false};

    int result = s3_xml_parse(body.base, body.len, ROOT, visit, &reading);

    if (result != 0)
        s3_answer_error(request, s3_error_of_xml(result));
    else
        s3_setting_put(request, META_SETTING_CONTENT_TYPES, reading.value ? SLICE("1") : slice_of(NULL, 0),
                       200);
}

void s3_op_put_bucket_content_types(struct s3_request *request)
{
    s3_document_collect(request, CONTENT_TYPES_BYTES_MAX, on_document, NULL);
}

void s3_op_delete_bucket_content_types(struct s3_request *request)
{
    s3_setting_put(request, META_SETTING_CONTENT_TYPES, (struct slice){NULL, 0}, 204);
}
