/* SPDX-License-Identifier: MIT
 *
 * Get, Put and Delete of BucketWebsite. What a configuration does is done at the endpoint of websites, website_serve.h. Worker's thread. */
#include "api/s3/body/s3_document.h"
#include "api/s3/s3_operation.h"
#include "api/s3/website/s3_website_setting.h"
#include "storage/base/slice.h"

/* ---- The configuration in use ---- */

static int parse_stored(struct slice document, void **parsed)
{
    struct s3_refusal refusal;
    struct s3_website *website;
    struct arena arena;
    enum s3_error error;

    arena_init(&arena, NULL);
    error = s3_website_read(&arena, document, &website, &refusal);
    arena_free(&arena);
    if (error != S3_ERROR_NONE)
        return META_E_CORRUPT; /* only what was understood is stored */
    *parsed = website;
    return 0;
}

static void release_parsed(void *parsed)
{
    s3_website_free(parsed);
}

int s3_website_of_bucket(struct s3_request *request, const struct s3_website **website)
{
    static const struct core_setting_form form = {META_SETTING_WEBSITE, parse_stored, release_parsed};
    const void *parsed;
    int result = core_setting_get(request->worker, request->bucket.id, &form, &parsed);

    *website = result == 0 ? parsed : NULL;
    return result;
}

/* ---- The setting ---- */

void s3_op_get_bucket_website(struct s3_request *request)
{
    const struct s3_website *website;
    struct s3_xml xml;
    int result = s3_website_of_bucket(request, &website);

    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    if (website == NULL) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_WEBSITE_CONFIGURATION);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_website_write(&xml, website);
    s3_answer_xml(request, 200, &xml);
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct s3_refusal refusal;
    struct s3_website *website;
    struct s3_xml xml;
    enum s3_error error = s3_website_read(&request->http->arena, body, &website, &refusal);

    if (error != S3_ERROR_NONE) {
        s3_answer_error(request, s3_request_refused(request, error, &refusal));
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_website_write(&xml, website);
    s3_website_free(website);
    s3_setting_put(request, META_SETTING_WEBSITE, slice_of(xml.data, xml.length), 200);
}

void s3_op_put_bucket_website(struct s3_request *request)
{
    s3_document_collect(request, S3_WEBSITE_BYTES_MAX, on_document, NULL);
}

void s3_op_delete_bucket_website(struct s3_request *request)
{
    s3_setting_put(request, META_SETTING_WEBSITE, (struct slice){NULL, 0}, 204);
}
