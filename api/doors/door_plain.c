/* SPDX-License-Identifier: MIT
 *
 * Doors to which an entry is a path: GET, HEAD, PUT and mostly DELETE of it.
 *
 *      ccache   its HTTP storage, in each of its layouts
 *      gradle   the HTTP build cache: <url>/<32 hex digits>
 *      http     whatever else takes a URL: Maven, Rush, Nix */
#include "api/doors/door.h"

/* Whether the path is a name of an entry; and the methods there are. */
static enum s3_door_way enter_path(struct door_call *call, bool is_name, bool may_delete)
{
    enum s3_method method = call->request->method;

    if (!is_name)
        return door_answer_absent(call);
    if (method == S3_GET || method == S3_HEAD || method == S3_PUT || (method == S3_DELETE && may_delete))
        return door_go_to_key(call, call->path);
    return door_answer_method(call, may_delete ? "GET, HEAD, PUT, DELETE" : "GET, HEAD, PUT");
}

static enum s3_door_way enter_http(struct door_call *call)
{
    return enter_path(call, door_path_is_plain(call->path), true);
}

static enum s3_door_way enter_gradle(struct door_call *call)
{
    return enter_path(call, door_name_is_plain(call->path, DOOR_HASH_BYTES_MAX), false);
}

/* 2xx is stored; 404 is a miss; after any other answer to a GET it gives the cache up for that compilation. */
const struct door_kind door_ccache = {
    .name = "ccache", .enter = enter_http, .status_of_taken = 200, .hides_trouble = true};

/* Anything but 200, 404, 413 and a redirect makes Gradle give the cache up for the rest of the build: what is there already counts as
 * stored, and what cannot be read as a miss. */
const struct door_kind door_gradle = {
    .name = "gradle", .enter = enter_gradle, .status_of_taken = 200, .hides_trouble = true};

/* Its clients try again on 5xx. */
const struct door_kind door_http = {.name = "http", .enter = enter_http, .status_of_taken = 200};
