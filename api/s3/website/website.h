/* SPDX-License-Identifier: MIT
 *
 * A request at the endpoint of websites, between the files of this room. In the request's arena; worker's thread. */
#ifndef API_S3_WEBSITE_WEBSITE_H
#define API_S3_WEBSITE_WEBSITE_H

#include "api/s3/s3_door.h"
#include "api/s3/s3_request.h"
#include "api/s3/website/s3_website.h"

struct website {
    struct s3_door front; /* first: request->door points to it */
    struct s3_request *request;
    struct slice asked;     /* the key as the client asked for it: without the index document's name */
    struct slice query;     /* raw, with its '?'; or empty */
    size_t headers;         /* of the answer, before anything was added for an object */
    bool may_route;         /* errors may lead elsewhere, or to the error document */
    bool is_error_document; /* being served in place of: */
    enum s3_error error;
    const char *message;
};

struct website *website_of(const struct s3_request *request);

/* ---- website_answer.c ---- */

/* Sends the client to that location; base NULL: a redirect of the object's that is none (500). */
void website_redirect(struct website *website, unsigned status, struct slice location);
/* The page of an error: it tells code, message and what else S3 tells of it. */
void website_answer_page(struct website *website, enum s3_error error, const char *message);
/* What was added for an object that is not answered with after all. */
void website_forget_headers(struct website *website);

#endif
