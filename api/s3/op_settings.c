/* SPDX-License-Identifier: MIT
 *
 * Read-only answers about settings that no bucket has: S3 clients ask for them (s3cmd info, rclone, consoles)
 * and take the empty document, or the owner with full control, as what it is: the truth. Worker's thread. */
#include <string.h>

#include "api/s3/s3_operation.h"

/* ?parameter and the document that says "nothing is set". */
static const struct {
    const char *parameter, *element;
} empty_settings[] = {
    {"accelerate", "AccelerateConfiguration"},
    {"logging", "BucketLoggingStatus"},
    {"notification", "NotificationConfiguration"},
    {"requestPayment", "RequestPaymentConfiguration"},
};

void s3_op_get_empty_settings(struct s3_request *request)
{
    struct s3_xml xml;
    char name[128];

    for (size_t i = 0; i < sizeof(empty_settings) / sizeof(empty_settings[0]); i++) {
        if (!s3_request_has(request, empty_settings[i].parameter))
            continue;
        s3_xml_init(&xml, &request->http->pool);
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

/* What cannot be there is gone: S3 answers the same. */
void s3_op_delete_absent_settings(struct s3_request *request)
{
    s3_answer_empty(request, 204);
}
