/* SPDX-License-Identifier: MIT
 *
 * Names of regions. Pure, any thread. */
#ifndef API_S3_TEXT_S3_REGION_H
#define API_S3_TEXT_S3_REGION_H

#include <stdbool.h>

#include "storage/base/slice.h"

/* Whether AWS could have a region of that name: "us-east-1", "us-gov-west-1", "eusc-de-east-1". There is no list: it would age. */
bool s3_region_is_possible(struct slice name);

#endif
