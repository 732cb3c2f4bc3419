/* SPDX-License-Identifier: MIT
 *
 * Objects that say themselves when they are to go. Who stores such objects below a prefix names that once; the lifecycle thread looks through
 * what is there with each of its passes, and removes what is due as a lifecycle rule would. */
#ifndef API_CORE_EXPIRES_H
#define API_CORE_EXPIRES_H

#include "api/core/core.h"

/* An attribute of the object: milliseconds since 1970, in decimal. */
#define CORE_EXPIRES_ATTRIBUTE   "x-amz-meta-sluice-expires"
#define CORE_EXPIRES_DIGITS_MAX  15u
#define CORE_EXPIRES_WATCHED_MAX 64u

/* From now on, objects of that bucket whose keys begin so are looked at, as long as the core is open. The same twice is once. Any thread. 0;
 * -ENOBUFS: there are too many; -ENOMEM. */
int core_expires_watch(struct core *core, const char *bucket, const char *prefix);
/* When an object with these attributes goes; INT64_MAX: it does not say. Pure. */
int64_t core_expires_of(const struct meta_attributes *attributes);

#endif
