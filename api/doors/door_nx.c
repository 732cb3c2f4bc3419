/* SPDX-License-Identifier: MIT
 *
 * Nx: GET and PUT of v1/cache/HASH (nx.dev, "self-hosted caching"). Only these answers do not fail a run: to GET 200 and 404, to PUT 200,
 * 409 (there is one already, and it stays) and 403 (this token may not write). So a PUT that cannot be stored is answered 403. */
#include "api/doors/door.h"

static enum s3_door_way enter_nx(struct door_call *call)
{
    static const char prefix[] = "v1/cache/";
    enum s3_method method = call->request->method;
    struct slice hash;

    if (!slice_has_prefix(call->path, prefix))
        return door_answer_absent(call);
    hash = slice_from(call->path, sizeof(prefix) - 1);
    if (!door_name_is_plain(hash, DOOR_HASH_BYTES_MAX))
        return door_answer_absent(call);
    if (method != S3_GET && method != S3_HEAD && method != S3_PUT)
        return door_answer_method(call, "GET, HEAD, PUT");
    return door_go_to_key(call, hash);
}

const struct door_kind door_nx = {
    .name = "nx",
    .enter = enter_nx,
    .status_of_taken = 409,
    .status_of_trouble = 403,
    .hides_trouble = true,
    .is_write_once = true,
};
