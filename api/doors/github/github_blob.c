/* SPDX-License-Identifier: MIT
 *
 * What is asked for at signed URLs, in Azure's words: Put Blob, Put Block, Put Block List; and a read, by Range or x-ms-range. A block is
 * S3's UploadPart from here on, a read its GetObject. Worker's thread. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/doors/github/github.h"
#include "api/s3/body/s3_stream.h"
#include "api/s3/s3_dispatch.h"
#include "api/s3/text/s3_time.h"
#include "storage/base/text/base64.h"
#include "storage/base/clock.h"
#include "storage/base/text/hex.h"

/* ---- Answers ---- */

static enum s3_door_way refuse(struct door_call *call, int status, const char *code)
{
    struct slice text = arena_concat(&call->request->http->arena,
                                     SLICE("<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>"),
                                     slice_text(code), SLICE("</Code></Error>"));

    s3_answer_header_string(call->request, "x-ms-request-id", call->request->request_id);
    s3_answer_header_string(call->request, "x-ms-error-code", code);
    return door_answer(call, status, "application/xml", text.base);
}

bool github_blob_on_error(struct s3_request *request, enum s3_error error, const char *message)
{
    struct door_call *call = door_call_of(request);

    (void)message;
    (void)refuse(call, door_status_of(call, error),
                 error == S3_ERROR_NO_SUCH_KEY ? "BlobNotFound" : s3_error_code(error));
    return true;
}

static void add_made_headers(struct s3_request *request)
{
    char time[S3_TIME_HTTP_BYTES + 1];

    s3_time_http_format(clock_real_ms(), time);
    s3_answer_header_string(request, "last-modified", time);
    s3_answer_header_string(request, "x-ms-request-id", request->request_id);
}

void github_blob_on_answer(struct s3_request *request)
{
    if (request->method == S3_PUT) {
        request->http->answer.status = 201;
        add_made_headers(request);
        return;
    }
    s3_answer_header_string(request, "x-ms-request-id", request->request_id);
    s3_answer_header_string(request, "x-ms-blob-type", "BlockBlob");
}

/* ---- Bytes ---- */

/* The part of that number is what the body becomes. */
static enum s3_door_way go_to_part(struct github_request *github, struct slice key, int number)
{
    struct s3_request *request = github->call->request;
    struct s3_parameter *parameters = s3_request_alloc(request, 2 * sizeof(*parameters));
    char *id = s3_request_alloc(request, S3_UPLOAD_ID_TEXT_BYTES + 1), text[12];
    enum s3_door_way way = door_go_to_key(github->call, SLICE("-"));

    if (way != S3_DOOR_ENTERED)
        return way;
    s3_upload_id_format(github->upload, id);
    snprintf(text, sizeof(text), "%d", number);
    parameters[0] = (struct s3_parameter){
        .name = SLICE("partNumber"), .value = arena_dup_text(&request->http->arena, text), .has_value = true};
    parameters[1] =
        (struct s3_parameter){.name = SLICE("uploadId"), .value = slice_text(id), .has_value = true};
    request->parameters = parameters;
    request->parameter_count = 2;
    request->key = key;
    return S3_DOOR_ENTERED;
}

static enum s3_door_way refuse_block(struct github_request *github, int err)
{
    switch (err) {
    case -ENOENT:
        return refuse(github->call, 404, "BlobNotFound");
    case -ENOMEM:
    case -EBUSY:
        return refuse(github->call, 503, "ServerBusy");
    default:
        return refuse(github->call, 409, "BlockCountExceedsLimit");
    }
}

/* name: empty for a blob in one piece, which needs no list. */
enum s3_door_way github_blob_put_block(struct github_request *github, struct slice key, struct slice name)
{
    struct github_uploads *uploads = github_door(github)->uploads;
    int64_t now_ms = clock_real_ms();
    int number = github_uploads_block(uploads, github->upload, name, now_ms);

    if (number > 0 && name.len == 0) {
        int err = github_uploads_list(uploads, github->upload, &name, 1, now_ms);

        number = err != 0 ? err : number;
    }
    return number > 0 ? go_to_part(github, key, number) : refuse_block(github, number);
}

static enum s3_door_way enter_upload(struct github_request *github, struct slice name)
{
    struct door_call *call = github->call;
    struct s3_request *request = call->request;
    struct slice comp = door_parameter(call, "comp"), block = door_parameter(call, "blockid");
    struct slice type = s3_request_header(request, "x-ms-blob-type"), key;
    enum s3_door_way way;

    if (request->method != S3_PUT)
        return door_answer_method(call, "PUT");
    if (!hex_decode(name.base, name.len, github->upload, sizeof(github->upload)))
        return refuse(call, 404, "BlobNotFound");
    key = github_uploads_key(github_door(github)->uploads, github->upload, &request->http->arena);
    if (key.base == NULL)
        return refuse(call, 404, "BlobNotFound"); /* it is complete, given up, or of a process before */
    if (comp.base == NULL)
        return type.base == NULL || slice_is(type, "BlockBlob")
                   ? github_blob_put_block(github, key, slice_of("", 0))
                   : refuse(call, 400, "InvalidBlobType");
    if (slice_is(comp, "block"))
        return block.len > 0 && block.len <= GITHUB_BLOCK_ID_BYTES_MAX
                   ? github_blob_put_block(github, key, block)
                   : refuse(call, 400, "InvalidQueryParameterValue");
    if (!slice_is(comp, "blocklist"))
        return refuse(call, 400, "InvalidQueryParameterValue");
    github->is_list = true;
    if ((way = door_go_to_key(call, SLICE("-"))) == S3_DOOR_ENTERED)
        request->key = key;
    return way;
}

/* Azure's range goes before HTTP's. */
static void take_range(struct s3_request *request)
{
    struct slice range = s3_request_header(request, "x-ms-range");
    struct http_headers *headers = &request->http->headers;

    if (range.base == NULL)
        return;
    for (size_t i = 0; i < headers->size; i++) {
        if (slice_is_nocase(headers->entries[i].name, "range")) {
            headers->entries[i].value = range;
            return;
        }
    }
    door_add_header(request, SLICE("range"), range);
}

static enum s3_door_way enter_download(struct github_request *github, struct slice name)
{
    struct door_call *call = github->call;
    struct s3_request *request = call->request;
    char *key = arena_alloc(&request->http->arena, BASE64URL_DECODED_BYTES(name.len));
    ssize_t length = base64url_decode(name, key);
    enum s3_door_way way;

    if (request->method != S3_GET && request->method != S3_HEAD)
        return door_answer_method(call, "GET, HEAD");
    if (length <= 0)
        return refuse(call, 404, "BlobNotFound");
    if ((way = door_go_to_key(call, SLICE("-"))) != S3_DOOR_ENTERED)
        return way;
    request->key = slice_of(key, (size_t)length);
    take_range(request);
    return S3_DOOR_ENTERED;
}

enum s3_door_way github_blob_enter(struct github_request *github, enum github_use use, struct slice name)
{
    if (!github_url_is_good(github->call, use, name, clock_real_ms()))
        return refuse(github->call, 403, "AuthenticationFailed");
    github->call->is_vouched = true;
    return use == GITHUB_UPLOAD ? enter_upload(github, name) : enter_download(github, name);
}

/* ---- The list ---- */

static int visit_block(void *ctx, const char *path, const char *text, size_t length)
{
    struct github_request *github = ctx;
    struct arena *arena = &github->call->request->http->arena;
    struct slice name = slice_trim_any(slice_of(text, length), " \t\r\n");

    if (strcmp(path, "BlockList/Latest") != 0 && strcmp(path, "BlockList/Uncommitted") != 0 &&
        strcmp(path, "BlockList/Committed") != 0)
        return 0;
    if (name.len == 0 || name.len > GITHUB_BLOCK_ID_BYTES_MAX || github->block_count == GITHUB_BLOCKS_MAX)
        return -1;
    if (github->block_count == github->block_room) {
        github->block_room = github->block_room == 0 ? 64 : github->block_room * 2;
        github->blocks = arena_grow(arena, github->blocks, github->block_count * sizeof(*github->blocks),
                                    github->block_room * sizeof(*github->blocks));
    }
    github->blocks[github->block_count++] = arena_dup(arena, name.base, name.len);
    return 0;
}

static void on_list(struct s3_request *request, enum s3_error error, const char *message, int result,
                    void *ctx)
{
    struct github_request *github = ctx;
    char etag[2 * GITHUB_UPLOAD_ID_BYTES + 3] = "\"";
    int err;

    if (error == S3_ERROR_NONE && result != 0)
        error = s3_error_of_xml(result);
    if (error != S3_ERROR_NONE) {
        s3_answer_failure(request, error, message);
        return;
    }
    err = github_uploads_list(github_door(github)->uploads, github->upload, github->blocks,
                              github->block_count, clock_real_ms());
    if (err != 0) {
        (void)(err == -EINVAL ? refuse(github->call, 400, "InvalidBlockList") : refuse_block(github, err));
        return;
    }
    hex_encode(github->upload, GITHUB_UPLOAD_ID_BYTES, etag + 1);
    etag[2 * GITHUB_UPLOAD_ID_BYTES + 1] = '"';
    s3_answer_header(request, "etag", etag, sizeof(etag) - 1);
    s3_answer_empty(request, 201);
}

void github_blob_serve(struct github_request *github)
{
    struct s3_request *request = github->call->request;
    const struct s3_stream_reader reader = {
        .root = "BlockList",
        .visit = visit_block,
        .bytes_max = GITHUB_BLOCK_LIST_BYTES,
        .done = on_list,
        .ctx = github,
    };

    if (github->is_list)
        s3_stream_document(request, &reader);
    else
        s3_dispatch(request);
}
