/* SPDX-License-Identifier: MIT
 *
 * Publications: many keys get their objects in one moment (metadata/meta_publish.h). Their changes are submitted by core_change_submit; what
 * is left after the moment is the reclaimer's (upkeep/reclaim.c), as with all large changes. */
#ifndef API_CORE_PUBLISH_H
#define API_CORE_PUBLISH_H

#include "api/core/core.h"
#include "metadata/meta_publish.h"

#endif
