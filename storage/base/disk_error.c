/* SPDX-License-Identifier: MIT
 *
 * See disk_error.h. */
#include "storage/base/disk_error.h"

#include <assert.h>
#include <errno.h>

int disk_error(int error)
{
    assert(error < 0);
    switch (-error) {
    case ENOSPC:
    case EFBIG:
        return -ENOSPC;
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOENT:
    case EEXIST:
        return error;
    default:
        return -EIO;
    }
}
