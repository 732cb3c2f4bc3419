/* SPDX-License-Identifier: MIT
 *
 * The list of DeleteObjects, through the operation's own reader, which is private: hence the file itself, under other names. */
#define s3_op_delete_object  fuzzed_delete_object
#define s3_op_delete_objects fuzzed_delete_objects
#include "api/s3/op/op_delete.c" /* its declarations are renamed along with it */

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct multi_deletion deletion;
    struct http_request *http = calloc(1, sizeof(*http));
    struct s3_request request = {.http = http};

    if (http == NULL)
        abort();
    arena_init(&http->arena, NULL);
    memset(&deletion, 0, sizeof(deletion));
    deletion.request = &request;
    if (s3_xml_parse((const char *)data, size, "Delete", visit_delete, &deletion) == 0)
        for (uint32_t i = 0; i < deletion.key_count; i++)
            if (deletion.keys[i].key.len == 0 ||
                (deletion.keys[i].key.len > META_KEY_BYTES_MAX && deletion.keys[i].refusal == S3_ERROR_NONE))
                abort();
    if (deletion.key_count > S3_DELETE_KEYS_MAX)
        abort();
    arena_free(&http->arena);
    free(http);
    return 0;
}
