/* SPDX-License-Identifier: MIT
 *
 * Go's build cache over HTTP, as go-cacher of github.com/bradfitz/go-tool-cache speaks to gocached (GOCACHEPROG, Go 1.24 and later):
 *
 *      GET action/ACTION     with Want-Object: 1: the output's bytes, as application/octet-stream, and Go-Output-Id. Clients from before
 *                            August 2025, which ask for the two apart, find nothing
 *      PUT ACTION/OUTPUT     204
 *
 * An entry is an object of its own, whatever other action has the same output. */
#include "api/doors/door.h"

#define OUTPUT_STORED "x-amz-meta-go-output-id"

static enum s3_door_way get_action(struct door_call *call, struct slice action)
{
    struct slice wants = s3_request_header(call->request, "want-object");

    if (!door_name_is_plain(action, DOOR_HASH_BYTES_MAX) || !slice_is(wants, "1"))
        return door_answer_absent(call);
    return door_go_to_key(call, action);
}

static enum s3_door_way put_action(struct door_call *call)
{
    struct s3_request *request = call->request;
    const char *slash = memchr(call->path.base, '/', call->path.len);
    struct slice action, output;
    enum s3_door_way way;

    if (slash == NULL)
        return door_answer_absent(call);
    action = slice_of(call->path.base, (size_t)(slash - call->path.base));
    output = slice_from(call->path, action.len + 1);
    if (!door_name_is_plain(action, DOOR_HASH_BYTES_MAX) || !door_name_is_plain(output, DOOR_HASH_BYTES_MAX))
        return door_answer_absent(call);
    if ((way = door_go_to_key(call, action)) == S3_DOOR_ENTERED) {
        door_add_header(request, SLICE(OUTPUT_STORED), output);
        if (s3_request_header(request, "content-type").base == NULL)
            door_add_header(request, SLICE("content-type"), SLICE("application/octet-stream"));
    }
    return way;
}

static enum s3_door_way enter_go(struct door_call *call)
{
    enum s3_method method = call->request->method;

    if (method == S3_PUT)
        return put_action(call);
    if (method != S3_GET && method != S3_HEAD)
        return door_answer_method(call, "GET, HEAD, PUT");
    return slice_has_prefix(call->path, "action/")
               ? get_action(call, slice_from(call->path, sizeof("action/") - 1))
               : door_answer_absent(call);
}

static void on_answer(struct s3_request *request)
{
    struct slice output = http_headers_find(&request->http->answer.headers, OUTPUT_STORED);

    if (request->method == S3_PUT)
        request->http->answer.status = 204;
    else if (output.base != NULL)
        s3_answer_header(request, "go-output-id", output.base, output.len);
}

const struct door_kind door_go = {
    .name = "go", .enter = enter_go, .on_answer = on_answer, .status_of_taken = 204, .hides_trouble = true};
