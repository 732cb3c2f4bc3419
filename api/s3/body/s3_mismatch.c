/* SPDX-License-Identifier: MIT
 *
 * What an answer says of a body that is another than was signed or summed up. */
#include "api/s3/body/s3_mismatch.h"

#include "storage/base/text/base64.h"
#include "storage/base/text/hex.h"
#include "storage/base/slice.h"

static struct slice hex_text(struct s3_request *request, const void *bytes, size_t length)
{
    char *text = s3_request_alloc(request, 2 * length + 1);

    hex_encode(bytes, length, text);
    return slice_of(text, 2 * length);
}

/* S3 tells the MD5 of an object in hexadecimal digits, that of a part or a document as it was sent. */
static void tell_expected(struct s3_request *request)
{
    struct slice sent = s3_request_header(request, "content-md5");
    unsigned char md5[16];

    if (s3_request_has(request, "uploadId") || request->method != S3_PUT || request->selector != NULL ||
        base64_decode(sent, md5, sizeof(md5)) != 0)
        s3_request_element(request, S3_ELEMENT_EXPECTED_DIGEST, sent);
    else
        s3_request_element(request, S3_ELEMENT_EXPECTED_DIGEST, hex_text(request, md5, sizeof(md5)));
}

enum s3_error s3_mismatch_md5(struct s3_request *request, const unsigned char computed[16])
{
    char *text = s3_request_alloc(request, BASE64_ENCODED_BYTES(16) + 1);

    s3_request_element(request, S3_ELEMENT_CALCULATED_DIGEST,
                       slice_of(text, base64_encode(computed, 16, text)));
    tell_expected(request);
    return S3_ERROR_BAD_DIGEST;
}

enum s3_error s3_mismatch_checksum(struct s3_request *request, const char *algorithm)
{
    const struct slice message[] = {
        SLICE("The "),
        slice_text(algorithm),
        SLICE(" you specified did not match the calculated checksum."),
    };

    s3_request_explain(request, S3_ERROR_CHECKSUM_MISMATCH,
                       arena_join(&request->http->arena, message, 3).base);
    return S3_ERROR_CHECKSUM_MISMATCH;
}

enum s3_error s3_mismatch_sha256(struct s3_request *request, const unsigned char computed[32])
{
    s3_request_element(request, S3_ELEMENT_SERVER_SHA256, hex_text(request, computed, 32));
    return S3_ERROR_CONTENT_SHA256_MISMATCH;
}
