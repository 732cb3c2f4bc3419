/* SPDX-License-Identifier: MIT
 *
 * WebDAV (RFC 4918, class 1 without properties that clients set): what the files of this door share.
 *
 * A collection is there when an object is called as it is, with the '/' at its end, or when there is anything in it. The root always is. An
 * identity with scopes sees its own alone. Worker's thread. */
#ifndef API_DOORS_WEBDAV_H
#define API_DOORS_WEBDAV_H

#include "api/doors/door.h"

enum webdav_method {
    WEBDAV_READ, /* GET, HEAD */
    WEBDAV_PUT,
    WEBDAV_DELETE,
    WEBDAV_MKCOL,
    WEBDAV_PROPFIND,
    WEBDAV_COPY,
    WEBDAV_MOVE,
    WEBDAV_OPTIONS,
    WEBDAV_OTHER,
};

struct webdav {
    struct door_call *call;
    enum webdav_method method;
    bool is_deep;        /* Depth is not 0 */
    bool may_overwrite;  /* Overwrite is not F */
    struct slice source; /* the path, and that of Destination: below the door, decoded */
    struct slice target;
    bool replaces; /* there was something where it writes */
};

struct webdav *webdav_of(const struct s3_request *request);
/* The key of a path at this door: prefix, scope, path. */
struct slice webdav_key(const struct webdav *webdav, struct slice path);

enum webdav_kind { WEBDAV_NOTHING, WEBDAV_FILE, WEBDAV_COLLECTION };
/* What is at the path, with or without a '/' at its end. 0 or an error. */
int webdav_look(struct webdav *webdav, struct slice path, enum webdav_kind *kind);
/* Answers with that status, without a document. */
void webdav_answer(struct webdav *webdav, int status);

/* webdav_find.c: answers PROPFIND. */
void webdav_propfind(struct webdav *webdav);
/* webdav_tree.c: deletes, copies or moves a collection with all that is in it, some objects at a time, and answers. What has not been done when
 * it fails stays as it was. */
void webdav_tree(struct webdav *webdav);

#endif
