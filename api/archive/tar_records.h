/* SPDX-License-Identifier: MIT
 *
 * The records of a pax header: "LENGTH KEY=VALUE\n", one after the other, the length counting all of it. Pure functions; any thread. */
#ifndef API_ARCHIVE_TAR_RECORDS_H
#define API_ARCHIVE_TAR_RECORDS_H

#include <stdint.h>

#include "storage/base/slice.h"

/* Cuts the next record off *records: 1; 0 when there is none left; -EBADMSG. What it gives lies in *records. */
int tar_record_next(struct slice *records, struct slice *key, struct slice *value);

/* What records say of a member; what they do not speak of stays as it was. */
struct tar_records {
    struct slice path; /* base NULL: they name none */
    bool has_size, has_modified;
    uint64_t size;       /* at most INT64_MAX */
    int64_t modified_ms; /* fractions of a millisecond are cut off */
    bool is_sparse;      /* the bytes that follow are not the file's */
};

/* 0 or -EBADMSG. */
int tar_records_read(struct slice records, struct tar_records *result);

#endif
