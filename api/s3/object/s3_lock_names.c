/* SPDX-License-Identifier: MIT
 *
 * The words of Object Lock; s3_lock.h. Pure functions; any thread. */
#include <string.h>

#include "api/s3/object/s3_lock.h"
#include "storage/base/slice.h"

static const char *const mode_names[] = {
    [META_LOCK_GOVERNANCE] = "GOVERNANCE",
    [META_LOCK_COMPLIANCE] = "COMPLIANCE",
};

enum meta_lock_mode s3_lock_mode_parse(struct slice text)
{
    for (int mode = META_LOCK_GOVERNANCE; mode <= META_LOCK_COMPLIANCE; mode++) {
        if (slice_equals(text, slice_of(mode_names[mode], strlen(mode_names[mode]))))
            return (enum meta_lock_mode)mode;
    }
    return META_LOCK_NONE;
}

const char *s3_lock_mode_name(enum meta_lock_mode mode)
{
    return mode_names[mode];
}

enum meta_hold s3_lock_hold_parse(struct slice text)
{
    if (slice_equals(text, SLICE("ON")))
        return META_HOLD_ON;
    return slice_equals(text, SLICE("OFF")) ? META_HOLD_OFF : META_HOLD_NEVER;
}

const char *s3_lock_hold_name(enum meta_hold hold)
{
    return hold == META_HOLD_ON ? "ON" : "OFF";
}
