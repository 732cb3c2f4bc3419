/* SPDX-License-Identifier: MIT
 *
 * Settings that no bucket has: acceleration, access logs. S3 clients ask for them (s3cmd info,
 * rclone, consoles) and take the empty document as what it is: the truth. Terraform and consoles also put the
 * empty document to switch such a setting off: that changes nothing and succeeds. What would switch one on is
 * refused. Worker's thread. */
#include <string.h>

#include "api/s3/body/s3_document.h"
#include "api/s3/s3_operation.h"
#include "storage/base/slice.h"

/* ?parameter and the document that says "nothing is set". */
static const struct {
    const char *parameter, *element;
} empty_settings[] = {
    {"accelerate", "AccelerateConfiguration"},
    {"logging", "BucketLoggingStatus"},
    {"requestPayment", "RequestPaymentConfiguration"},
};

void s3_op_get_empty_settings(struct s3_request *request)
{
    struct s3_xml xml;
    char name[128];

    for (size_t i = 0; i < sizeof(empty_settings) / sizeof(empty_settings[0]); i++) {
        if (!s3_request_has(request, empty_settings[i].parameter))
            continue;
        s3_xml_init(&xml, &request->http->arena);
        strcpy(name, empty_settings[i].element);
        strcat(name, S3_XMLNS);
        s3_xml_open(&xml, name);
        if (strcmp(empty_settings[i].parameter, "requestPayment") == 0)
            s3_xml_string(&xml, "Payer", "BucketOwner");
        s3_xml_close(&xml, empty_settings[i].element);
        s3_answer_xml(request, 200, &xml);
        return;
    }
    s3_answer_error(request, S3_ERROR_NOT_IMPLEMENTED);
}

/* ---- Switching off what is off ---- */

/* What may stand in such a document. An element that asks for nothing has its one value in `off`. */
struct absent_setting {
    const char *root;
    const char *elements[5]; /* children that S3 knows */
    const char *on, *off;    /* values of the only child; NULL: any child switches the setting on */
    bool wants_child;        /* a document without one is malformed */
};

static const struct absent_setting absent_accelerate = {
    .root = "AccelerateConfiguration",
    .elements = {"Status"},
    .on = "Enabled",
    .off = "Suspended",
    .wants_child = true,
};
static const struct absent_setting absent_logging = {
    .root = "BucketLoggingStatus",
    .elements = {"LoggingEnabled"},
};

struct absent_reading {
    const struct absent_setting *setting;
    bool has_child, is_on;
};

static bool is_known_child(const struct absent_setting *setting, const char *name)
{
    for (size_t i = 0; setting->elements[i] != NULL; i++) {
        if (strcmp(setting->elements[i], name) == 0)
            return true;
    }
    return false;
}

static int visit_absent(void *ctx, const char *path, const char *text, size_t length)
{
    struct absent_reading *reading = ctx;
    const char *child = strchr(path, '/');
    struct slice value = slice_of(text, length);

    if (child == NULL)
        return 0;
    if (strchr(++child, '/') != NULL)
        return 0; /* its parent follows, and is judged */
    if (!is_known_child(reading->setting, child))
        return -1;
    reading->has_child = true;
    if (reading->setting->off == NULL || slice_is_nocase(value, reading->setting->on))
        reading->is_on = true;
    else if (!slice_is_nocase(value, reading->setting->off))
        return -1;
    return 0;
}

static void on_absent(struct s3_request *request, struct slice body, void *ctx)
{
    struct absent_reading *reading = ctx;

    int result = s3_xml_parse(body.base, body.len, reading->setting->root, visit_absent, reading);

    if (result != 0 || (reading->setting->wants_child && !reading->has_child))
        s3_answer_error(request, s3_error_of_xml(result));
    else if (reading->is_on)
        s3_answer_error(request, S3_ERROR_NOT_IMPLEMENTED);
    else
        s3_answer_empty(request, 200);
}

static void put_absent(struct s3_request *request, const struct absent_setting *setting)
{
    struct absent_reading *reading = s3_request_alloc(request, sizeof(*reading));

    reading->setting = setting;
    s3_document_collect(request, S3_XML_BYTES_MAX, on_absent, reading);
}

void s3_op_put_accelerate(struct s3_request *request)
{
    put_absent(request, &absent_accelerate);
}

void s3_op_put_logging(struct s3_request *request)
{
    put_absent(request, &absent_logging);
}
