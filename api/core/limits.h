/* SPDX-License-Identifier: MIT
 *
 * Bounds of the core, with their units in the names and their reasons beside them. */
#ifndef API_CORE_LIMITS_H
#define API_CORE_LIMITS_H

/* How often a relaxed store has everything written that came up to a moment, while there is something to write. What a power failure can
 * take is this and the time that the disk needs for it. Shorter, and what is overwritten or deleted soon is written all the same: caches
 * and CI jobs do that. Longer, and more is lost; and the kernel writes of itself what is 30 s old. */
#define CORE_SETTLE_MS 5000u

#endif
