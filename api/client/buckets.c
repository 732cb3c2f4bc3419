/* SPDX-License-Identifier: MIT
 *
 * See buckets.h. */
#include "api/client/buckets.h"

#include <string.h>

#include "api/s3/text/s3_xml.h"

/* AWS wants the region named, unless it is us-east-1, where naming it is an error. Others take either. */
int client_bucket_make(struct client_session *session, const char *bucket)
{
    struct client_request *request = client_session_begin(session, "PUT", bucket, NULL);
    const char *region = session->target->identity.region;
    struct s3_xml xml;

    if (strcmp(region, "us-east-1") != 0) {
        s3_xml_init(&xml, &session->arena);
        s3_xml_open(&xml, "CreateBucketConfiguration" S3_XMLNS);
        s3_xml_string(&xml, "LocationConstraint", region);
        s3_xml_close(&xml, "CreateBucketConfiguration");
        client_request_header(request, "content-type", "application/xml");
        client_request_body(request, xml.data, xml.length);
    }
    return client_session_call(session, NULL, NULL);
}

int client_bucket_drop(struct client_session *session, const char *bucket)
{
    (void)client_session_begin(session, "DELETE", bucket, NULL);
    return client_session_call(session, NULL, NULL);
}
