/* SPDX-License-Identifier: MIT
 *
 * Get, Put and Delete of BucketEncryption: what a bucket does with objects of which nobody says anything. Worker's thread. */
#include "api/s3/encryption/s3_encryption_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/s3/body/s3_document.h"
#include "api/s3/s3_operation.h"

#define ROOT               "ServerSideEncryptionConfiguration"
#define DOCUMENT_BYTES_MAX (16u << 10)

/* ---- Get ---- */

void s3_op_get_bucket_encryption(struct s3_request *request)
{
    const struct bucket_seal *setting;
    struct s3_xml xml;
    int result = bucket_seal_get(request->worker, request->bucket.id, &setting);

    if (result != 0) {
        s3_answer_result(request, result);
        return;
    }
    if (setting == NULL) {
        s3_answer_error(request, S3_ERROR_NO_SUCH_ENCRYPTION_CONFIGURATION);
        return;
    }
    s3_xml_init(&xml, &request->http->arena);
    s3_xml_open(&xml, ROOT S3_XMLNS);
    s3_xml_open(&xml, "Rule");
    s3_xml_open(&xml, "ApplyServerSideEncryptionByDefault");
    s3_xml_string(&xml, "SSEAlgorithm", setting->how == ENVELOPE_KMS ? "aws:kms" : "AES256");
    if (setting->name[0] != '\0')
        s3_xml_string(&xml, "KMSMasterKeyID", setting->name);
    s3_xml_close(&xml, "ApplyServerSideEncryptionByDefault");
    s3_xml_bool(&xml, "BucketKeyEnabled", setting->bucket_key);
    s3_xml_close(&xml, "Rule");
    s3_xml_close(&xml, ROOT);
    s3_answer_xml(request, 200, &xml);
}

/* ---- Put ---- */

struct reading {
    struct bucket_seal setting;
    unsigned rules, defaults;
    bool has_name;
    enum s3_error error;
    const char *message;
};

static int reading_fail(struct reading *reading, enum s3_error error, const char *message)
{
    reading->error = error;
    reading->message = message;
    return -1;
}

static int read_algorithm(struct reading *reading, struct slice text)
{
    if (reading->setting.how != ENVELOPE_NONE)
        return -1;
    if (slice_is(text, "AES256"))
        reading->setting.how = ENVELOPE_S3;
    else if (slice_is(text, "aws:kms"))
        reading->setting.how = ENVELOPE_KMS;
    else if (slice_is(text, "aws:kms:dsse"))
        return reading_fail(reading, S3_ERROR_NOT_IMPLEMENTED,
                            "Objects are not encrypted twice (aws:kms:dsse).");
    else
        return -1;
    return 0;
}

static int read_name(struct reading *reading, struct slice id)
{
    struct slice name = encryption_key_name(id);

    if (reading->has_name || name.len == 0 || name.len > KEY_NAME_BYTES_MAX)
        return -1;
    reading->has_name = true;
    (void)slice_copy(reading->setting.name, name);
    return 0;
}

static int visit(void *ctx, const char *path, const char *text, size_t length)
{
    struct reading *reading = ctx;
    struct slice value = slice_of(text, length);

    if (strcmp(path, ROOT) == 0)
        return 0;
    if (strcmp(path, ROOT "/Rule") == 0)
        return ++reading->rules == 1 ? 0 : -1;
    if (strcmp(path, ROOT "/Rule/ApplyServerSideEncryptionByDefault") == 0)
        return ++reading->defaults == 1 ? 0 : -1;
    if (strcmp(path, ROOT "/Rule/ApplyServerSideEncryptionByDefault/SSEAlgorithm") == 0)
        return read_algorithm(reading, value);
    if (strcmp(path, ROOT "/Rule/ApplyServerSideEncryptionByDefault/KMSMasterKeyID") == 0)
        return read_name(reading, value);
    if (strcmp(path, ROOT "/Rule/BucketKeyEnabled") == 0) {
        reading->setting.bucket_key = slice_is(value, "true");
        return reading->setting.bucket_key || slice_is(value, "false") ? 0 : -1;
    }
    if (strncmp(path, ROOT "/Rule/BlockedEncryptionTypes", strlen(ROOT "/Rule/BlockedEncryptionTypes")) == 0)
        return reading_fail(reading, S3_ERROR_NOT_IMPLEMENTED,
                            "Kinds of encryption are not blocked here; a policy can deny them.");
    return -1;
}

/* A key that is not there would refuse every upload. */
static enum s3_error check_keys(struct s3_request *request, const struct bucket_seal *setting,
                                const char **message)
{
    struct key_ring *ring = core_keys(core_worker_core(request->worker));
    struct seal_key key;
    int result;

    if (ring == NULL) {
        *message = "This server has no keys to encrypt objects under (--encryption-keys).";
        return S3_ERROR_NOT_IMPLEMENTED;
    }
    if (setting->name[0] == '\0')
        return S3_ERROR_NONE;
    result = key_ring_find(ring, slice_text(setting->name), &key);
    seal_key_wipe(&key);
    if (result == 0)
        return S3_ERROR_NONE;
    *message = "The key is not among this server's encryption keys.";
    return S3_ERROR_KMS_NOT_FOUND;
}

static struct slice stored_form(struct s3_request *request, const struct bucket_seal *setting)
{
    char *form = s3_request_alloc(request, BUCKET_SEAL_BYTES_MAX + 1);

    return slice_of(form, bucket_seal_write(setting, form));
}

static void on_document(struct s3_request *request, struct slice body, void *ctx)
{
    struct reading reading = {.error = S3_ERROR_MALFORMED_XML};
    enum s3_error error;

    int result = s3_xml_parse(body.base, body.len, ROOT, visit, &reading);

    if (result != 0 || reading.setting.how == ENVELOPE_NONE) {
        s3_answer_failure(request, result == -ENOMEM ? s3_error_of_xml(result) : reading.error,
                          reading.message);
        return;
    }
    if (reading.has_name && reading.setting.how != ENVELOPE_KMS) {
        s3_answer_error(
            request, s3_request_argument(
                         request, SLICE("KMSMasterKeyID"), slice_text(reading.setting.name),
                         "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms"));
        return;
    }
    if ((error = check_keys(request, &reading.setting, &reading.message)) != S3_ERROR_NONE) {
        s3_answer_failure(request, error, reading.message);
        return;
    }
    s3_setting_put(request, META_SETTING_ENCRYPTION, stored_form(request, &reading.setting), 200);
}

void s3_op_put_bucket_encryption(struct s3_request *request)
{
    s3_document_collect(request, DOCUMENT_BYTES_MAX, on_document, NULL);
}

void s3_op_delete_bucket_encryption(struct s3_request *request)
{
    s3_setting_put(request, META_SETTING_ENCRYPTION, (struct slice){NULL, 0}, 204);
}
