/* SPDX-License-Identifier: MIT
 *
 * Every bound of the doors, with its unit in the name and its reason beside it. */
#ifndef API_DOORS_LIMITS_H
#define API_DOORS_LIMITS_H

#define DOORS_MAX             64u
#define DOOR_NAME_BYTES_MAX   64u  /* in URLs and metrics */
#define DOOR_PREFIX_BYTES_MAX 256u /* of keys, which have 1,024 */
#define DOOR_SPEC_BYTES_MAX   512u /* of one line of configuration */
#define DOOR_HASH_BYTES_MAX   256u /* what clients call their entries by: mostly 64 hex digits */
/* Of an entry's key: prefix, scope and hash. */
#define DOOR_KEY_BYTES_MAX  1024u
#define DOOR_TEAM_BYTES_MAX 64u /* Turborepo's */
/* Of a result of Bazel's: as much as its gRPC takes in a message. */
#define DOOR_ACTION_BYTES_MAX (4u << 20)
/* Of one in JSON, which is read at once: some two thousand files. */
#define DOOR_ACTION_JSON_BYTES_MAX (256u << 10)
/* What is looked at for one answer: a result and the trees that it names, their bytes, and the blobs that all these name. */
#define DOOR_ACTION_TREES_MAX      4096u
#define DOOR_ACTION_READ_BYTES_MAX (256u << 20)
#define DOOR_ACTION_NAMES_MAX      (1u << 20)
/* Looked at in one turn of a worker, which is less than a millisecond; and how many of them so many bytes stand for. */
#define DOOR_ACTION_TURN_NAMES 64u
#define DOOR_ACTION_STEP_BYTES 8192u
#define DOOR_ACTION_WAITS_MAX  64u /* for room to note uses, until it is given up */
#define DOOR_ACTION_STEP_NAMES 16u
#define DOOR_MESSAGE_BYTES_MAX 256u /* of what an error says */

#endif
