/* SPDX-License-Identifier: MIT
 *
 * What a file is, by the ending of its name. Pure; any thread. */
#ifndef API_S3_TEXT_S3_CONTENT_TYPE_H
#define API_S3_TEXT_S3_CONTENT_TYPE_H

#include "storage/base/slice.h"

/* NULL: its ending says nothing. */
const char *s3_content_type_of(struct slice name);

#endif
