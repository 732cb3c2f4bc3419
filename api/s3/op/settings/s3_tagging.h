/* SPDX-License-Identifier: MIT
 *
 * Tags as part of a request, and the change of one label of an object (op_tagging.c). Worker's thread. */
#ifndef API_S3_OP_S3_TAGGING_H
#define API_S3_OP_S3_TAGGING_H

#include "api/s3/s3_request.h"
#include "api/s3/object/s3_tags.h"

/* The stored form of x-amz-tagging; empty when the header is absent or empty. */
enum s3_error s3_tagging_from_header(struct s3_request *request, struct slice *packed);
/* The same, added to the attributes that s3_attributes_collect made of this request. */
enum s3_error s3_tagging_add_header(struct s3_request *request, struct meta_attributes *attributes);

/* One label of the request's object, to be set (data NULL: removed) and answered with status. Valid until the answer. */
struct s3_labelling {
    const char *name;
    struct slice value;
    int status;
    /* Judges once more, where the object is not as it was judged any more. */
    enum s3_error (*judge)(struct s3_request *request, const struct s3_labelling *labelling);
};

void s3_object_label(struct s3_request *request, const struct s3_labelling *labelling);

#endif
