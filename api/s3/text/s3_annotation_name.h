/* SPDX-License-Identifier: MIT
 *
 * Names of annotations as S3 allows them: 1 to 512 bytes of letters and numbers of any script, "_", "." and "-", not beginning with "aws" or
 * "s3" in any letters. Pure functions; any thread. */
#ifndef API_S3_TEXT_S3_ANNOTATION_NAME_H
#define API_S3_TEXT_S3_ANNOTATION_NAME_H

#include <stdbool.h>

#include "api/s3/error/s3_error.h"
#include "storage/base/slice.h"

/* S3_ERROR_NONE, UserAnnotationNameMustBeSpecified (it is empty), AnnotationNameTooLong, InvalidAnnotationName. */
enum s3_error s3_annotation_name_check(struct slice name);
/* Whether a name might begin so; empty: all do. */
bool s3_annotation_prefix_is_valid(struct slice prefix);

#endif
