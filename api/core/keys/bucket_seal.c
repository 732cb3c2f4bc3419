/* SPDX-License-Identifier: MIT
 *
 * A bucket's own way of sealing; see bucket_seal.h. */
#include "api/core/keys/bucket_seal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX_BYTES 2u

static int parse_stored(struct slice document, void **parsed)
{
    struct bucket_seal *setting;

    if (document.len < PREFIX_BYTES || document.len > BUCKET_SEAL_BYTES_MAX)
        return META_E_CORRUPT;
    if ((setting = calloc(1, sizeof(*setting))) == NULL)
        return -ENOMEM;
    setting->how = document.base[0] == 'k' ? ENVELOPE_KMS : ENVELOPE_S3;
    setting->bucket_key = document.base[1] == 'b';
    memcpy(setting->name, document.base + PREFIX_BYTES, document.len - PREFIX_BYTES);
    *parsed = setting;
    return 0;
}

int bucket_seal_get(struct core_worker *worker, int64_t bucket, const struct bucket_seal **found)
{
    static const struct core_setting_form form = {META_SETTING_ENCRYPTION, parse_stored, free};
    const void *parsed;
    int result = core_setting_get(worker, bucket, &form, &parsed);

    *found = result == 0 ? parsed : NULL;
    return result;
}

size_t bucket_seal_write(const struct bucket_seal *setting, char out[BUCKET_SEAL_BYTES_MAX + 1])
{
    out[0] = setting->how == ENVELOPE_KMS ? 'k' : 's';
    out[1] = setting->bucket_key ? 'b' : '-';
    strcpy(out + PREFIX_BYTES, setting->name);
    return strlen(out);
}

ssize_t bucket_seal_make(struct core_worker *worker, int64_t bucket, enum envelope_how *how,
                         struct seal_key *object, unsigned char out[ENVELOPE_BYTES_MAX])
{
    struct key_ring *ring = core_keys(core_worker_core(worker));
    const struct bucket_seal *setting;
    char name[KEY_NAME_BYTES_MAX + 1];
    struct envelope envelope;
    struct seal_key under;
    ssize_t result = bucket_seal_get(worker, bucket, &setting);

    if (result != 0 || setting == NULL)
        return result;
    if (ring == NULL)
        return -ENOKEY;
    if (setting->name[0] == '\0')
        key_ring_first(ring, name, &under);
    else if (key_ring_find(ring, slice_text(strcpy(name, setting->name)), &under) != 0)
        return -ENOKEY;
    envelope =
        (struct envelope){.how = setting->how, .bucket_key = setting->bucket_key, .name = slice_text(name)};
    *how = setting->how;
    result = seal_key_make(object);
    if (result == 0)
        result = envelope_write(&envelope, &under, object, out);
    seal_key_wipe(&under);
    return result;
}
