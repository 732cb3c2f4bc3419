/* SPDX-License-Identifier: MIT
 *
 * A PostObject under way: what op_post.c and op_post_fields.c share. Not for other files. */
#ifndef API_S3_OP_OP_POST_H
#define API_S3_OP_OP_POST_H

#include "api/s3/body/s3_form.h"
#include "api/s3/body/s3_form_policy.h"
#include "api/s3/object/s3_conditions.h"
#include "api/s3/s3_operation.h"
#include "api/s3/body/s3_put.h"
#include "api/http/http.h"
#include "storage/base/slice.h"

struct post {
    struct http_sink sink;
    struct s3_request *request;
    struct s3_form form;
    size_t charged;       /* of the form's memory */
    uint64_t field_bytes; /* of the body, up to the file's first */
    struct s3_put put;
    bool is_in_write, is_ready; /* a call of the sink is under way; the put takes bytes */
    bool is_storing;            /* the put was started, and owes the answer */
    struct meta_object_put op;
    struct s3_write_condition condition;
    struct s3_encryption encryption;
    struct slice expected_owner; /* of the request's own header; base NULL: none */
    struct s3_form_limits limits;
    struct slice tags;   /* of the field `tagging`, in stored form */
    enum s3_error error; /* why the body was broken off */
    const char *message;
};

/* All fields are known: the request gets key, identity and headers of them, post its tags. An error may come with post->message. */
enum s3_error post_take_fields(struct post *post);

#endif
