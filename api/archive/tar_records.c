/* SPDX-License-Identifier: MIT
 *
 * Records of pax headers: cutting them apart, and those that say where a member is and how it is called. */
#include "api/archive/tar_records.h"

#include <errno.h>

/* Digits and nothing else, at most INT64_MAX. */
static int digits_read(struct slice text, uint64_t *value)
{
    *value = 0;
    if (text.len == 0)
        return -EBADMSG;
    for (size_t i = 0; i < text.len; i++) {
        unsigned digit = (unsigned)(unsigned char)text.base[i] - '0';
        if (digit > 9 || *value > ((uint64_t)INT64_MAX - digit) / 10)
            return -EBADMSG;
        *value = *value * 10 + digit;
    }
    return 0;
}

int tar_record_next(struct slice *records, struct slice *key, struct slice *value)
{
    const char *blank = records->len > 0 ? memchr(records->base, ' ', records->len) : NULL;
    uint64_t length;

    if (records->len == 0)
        return 0;
    if (blank == NULL || digits_read(slice_of(records->base, (size_t)(blank - records->base)), &length) != 0)
        return -EBADMSG;
    size_t head = (size_t)(blank - records->base) + 1;
    if (length <= head || length > records->len || records->base[length - 1] != '\n')
        return -EBADMSG;
    struct slice record = slice_of(records->base + head, (size_t)length - 1 - head);
    const char *equals = record.len > 0 ? memchr(record.base, '=', record.len) : NULL;
    if (equals == NULL || equals == record.base)
        return -EBADMSG;
    *key = slice_of(record.base, (size_t)(equals - record.base));
    *value = slice_from(record, key->len + 1);
    *records = slice_from(*records, (size_t)length);
    return 1;
}

/* Seconds since 1970, perhaps with a sign and a fraction. */
static int time_read(struct slice text, int64_t *ms)
{
    bool is_negative = slice_has_prefix(text, "-");
    struct slice whole = is_negative ? slice_from(text, 1) : text, fraction = {0};
    const char *point = whole.len > 0 ? memchr(whole.base, '.', whole.len) : NULL;
    uint64_t seconds, thousandths = 0;

    if (point != NULL) {
        fraction = slice_from(whole, (size_t)(point - whole.base) + 1);
        whole.len = (size_t)(point - whole.base);
    }
    if (digits_read(whole, &seconds) != 0 || seconds > INT64_MAX / 1000 - 1)
        return -EBADMSG;
    for (size_t i = 0; i < fraction.len; i++) {
        if (fraction.base[i] < '0' || fraction.base[i] > '9')
            return -EBADMSG;
    }
    for (size_t i = 0; i < 3; i++)
        thousandths = thousandths * 10 + (i < fraction.len ? (unsigned)(fraction.base[i] - '0') : 0);
    *ms = (int64_t)(seconds * 1000 + thousandths);
    if (is_negative)
        *ms = -*ms;
    return 0;
}

int tar_records_read(struct slice records, struct tar_records *result)
{
    struct slice key, value;
    int more, err = 0;

    while ((more = tar_record_next(&records, &key, &value)) > 0 && err == 0) {
        if (slice_is(key, "path")) {
            result->path = value;
        } else if (slice_is(key, "size")) {
            err = digits_read(value, &result->size);
            result->has_size = true;
        } else if (slice_is(key, "mtime")) {
            err = time_read(value, &result->modified_ms);
            result->has_modified = true;
        } else if (slice_has_prefix(key, "GNU.sparse.") || slice_is(key, "SCHILY.realsize")) {
            result->is_sparse = true;
        }
    }
    return more < 0 ? more : err;
}
