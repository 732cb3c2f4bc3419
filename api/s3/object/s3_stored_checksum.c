/* SPDX-License-Identifier: MIT
 *
 * Checksums of what is stored: from the row, or from the bytes. Worker's thread. */
#include "api/s3/object/s3_stored_checksum.h"

#include <string.h>

#include "api/s3/s3_operation.h"

/* Adds the part that begins at `at` to the checksum of those before it. */
static bool add_part(const struct meta_object *object, uint32_t part, bool is_first,
                     enum s3_checksum_algorithm algorithm, struct meta_checksum *checksum)
{
    struct meta_checksum next;

    if (!s3_part_checksum(object, part, &next) || next.length != s3_checksum_bytes(algorithm))
        return false;
    if (is_first) {
        *checksum = next;
        return true;
    }
    if (!s3_checksum_is_crc(algorithm))
        return false;
    digest_crc_combine(s3_checksum_digest(algorithm), checksum->value, next.value, object->parts[part].size);
    return true;
}

/* Whether the range begins and ends where parts do, and their checksums can be put together. */
static bool known_from_parts(const struct meta_object *object, const struct s3_range *range,
                             enum s3_checksum_algorithm algorithm, struct meta_checksum *checksum)
{
    uint64_t at = 0, end = range->first + range->length;
    bool has_begun = false;

    if (object->part_checksums.algorithm != (uint8_t)algorithm)
        return false;
    for (uint32_t i = 0; i < object->part_count && at < end; i++) {
        if (at >= range->first) {
            if ((at != range->first && !has_begun) || !add_part(object, i, !has_begun, algorithm, checksum))
                return false;
            has_begun = true;
        }
        at += object->parts[i].size;
    }
    return has_begun && at == end;
}

bool s3_stored_checksum_known(const struct meta_object *object, const struct s3_range *range,
                              enum s3_checksum_algorithm algorithm, struct meta_checksum *checksum)
{
    if (range->first == 0 && range->length == object->size &&
        object->checksum.algorithm == (uint8_t)algorithm &&
        object->checksum.type == S3_CHECKSUM_FULL_OBJECT) {
        *checksum = object->checksum;
        return true;
    }
    return known_from_parts(object, range, algorithm, checksum);
}

static void on_digested(void *ctx, int result, const struct digest_values *values)
{
    struct s3_stored_checksum *stored = ctx;

    core_get_end(stored->get);
    stored->get = NULL;
    if (result == 0 && stored->algorithm != S3_CHECKSUM_NONE)
        s3_checksum_from_digests(&stored->value, stored->algorithm, values);
    if (result == 0)
        stored->digests = *values;
    stored->done(stored, result);
}

int s3_stored_checksum_compute(struct s3_stored_checksum *stored, struct core_get *get,
                               const struct s3_range *range)
{
    uint32_t mask = stored->others;
    int result;

    if (stored->algorithm != S3_CHECKSUM_NONE)
        mask |= DIGEST_BIT(s3_checksum_digest(stored->algorithm));
    stored->get = get;
    result = core_get_digest(get, range->first, range->length, mask, on_digested, stored);
    if (result != 0) {
        core_get_end(get);
        stored->get = NULL;
    }
    return result;
}
