/* SPDX-License-Identifier: MIT
 *
 * Lifecycle configurations as XML: reading and checking them as S3 does, and writing them. Pure functions, any thread. What the
 * rules mean is core's (api/core/upkeep/lifecycle/lifecycle_rules.h). */
#ifndef API_S3_OBJECT_S3_LIFECYCLE_H
#define API_S3_OBJECT_S3_LIFECYCLE_H

#include "api/core/upkeep/lifecycle/lifecycle_rules.h"
#include "api/s3/error/s3_error_elements.h"
#include "api/s3/text/s3_xml.h"
#include "storage/base/arena.h"

/* Everything of *lifecycle is in the arena. MalformedXML, InvalidArgument, InvalidRequest, InvalidTag, NotImplemented (transitions: there is one storage class);
 * *refusal, which is zero-filled before, says more. */
enum s3_error s3_lifecycle_read(struct arena *arena, struct slice xml, struct core_lifecycle *lifecycle,
                                struct s3_refusal *refusal);
void s3_lifecycle_write(struct s3_xml *xml, const struct core_lifecycle *lifecycle);

#endif
