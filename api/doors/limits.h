/* SPDX-License-Identifier: MIT
 *
 * Every bound of the doors, with its unit in the name and its reason beside it. */
#ifndef API_DOORS_LIMITS_H
#define API_DOORS_LIMITS_H

#define DOORS_MAX              64u
#define DOOR_NAME_BYTES_MAX    64u  /* in URLs and metrics */
#define DOOR_PREFIX_BYTES_MAX  256u /* of keys, which have 1,024 */
#define DOOR_SPEC_BYTES_MAX    512u /* of one line of configuration */
#define DOOR_HASH_BYTES_MAX    256u /* what clients call their entries by: mostly 64 hex digits */
#define DOOR_TEAM_BYTES_MAX    64u  /* Turborepo's */
#define DOOR_MESSAGE_BYTES_MAX 256u /* of what an error says */

#endif
