/* SPDX-License-Identifier: MIT
 *
 * Every bound of the doors, with its unit in the name and its reason beside it. */
#ifndef API_DOORS_LIMITS_H
#define API_DOORS_LIMITS_H

#define DOORS_MAX             64u
#define DOOR_NAME_BYTES_MAX   64u  /* in URLs and metrics */
#define DOOR_PREFIX_BYTES_MAX 256u /* of keys, which have 1,024 */
#define DOOR_AREA_BYTES_MAX   32u  /* between a prefix and what it is before */
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
/* Of a body in zstd's coding: what one step takes and makes, a tenth of a millisecond; the window, which is what zstd's levels up to 19 need and RFC
 * 8878 wants of all who decode; threads, all that a few uploads at the network's speed take; and the memory of all bodies of a door, 15 with the
 * largest window. */
#define DOOR_DECODE_IN_BYTES         (64u << 10)
#define DOOR_DECODE_OUT_BYTES        (128u << 10)
#define DOOR_DECODE_WINDOW_LOG_MAX   23
#define DOOR_DECODE_THREADS_MAX      2u
#define DOOR_DECODE_MEMORY_BYTES_MAX (128u << 20)
/* Of one batch of Git LFS, whose clients ask for 100 objects at a time; and looked up in one turn, as blobs of a result are. */
#define DOOR_LFS_OBJECTS_MAX     1000u
#define DOOR_LFS_BATCH_BYTES_MAX (256u << 10)
#define DOOR_LFS_TURN_OBJECTS    64u
#define DOOR_MESSAGE_BYTES_MAX   256u /* of what an error says */

#define GITHUB_KEY_BYTES_MAX           512u        /* GitHub's own bound, there of characters */
#define GITHUB_KEYS_MAX                10u         /* that one look-up asks for, as GitHub has it */
#define GITHUB_VERSION_BYTES           64u         /* SHA-256 in hex */
#define GITHUB_MESSAGE_BYTES_MAX       (64u << 10) /* of a call: ten keys and what a client adds */
#define GITHUB_BLOCKS_MAX              10000u      /* of one upload: parts of S3's */
#define GITHUB_BLOCK_ID_BYTES_MAX      128u        /* Azure's: 64 bytes in Base64 */
#define GITHUB_BLOCK_LIST_BYTES        (2u << 20)  /* so many of these, with their elements */
#define GITHUB_UPLOADS_MAX             1024u       /* of a door at a time */
#define GITHUB_BLOCKS_ALL_MAX          100000u     /* of them all: 14 MiB */
#define GITHUB_UPLOAD_URL_S            (6 * 3600)  /* for the slowest runner */
#define GITHUB_DOWNLOAD_URL_S          3600        /* until the download begins */
#define GITHUB_IDLE_S                  900 /* then the key of an upload of which nothing more came is free again */
#define GITHUB_SCAN_MAX                20000u /* entries looked at for the newest; about 20 ms, in turns */
#define GITHUB_SCAN_STEP               500u   /* of one turn */
#define GITHUB_REPOSITORIES_MAX        32u    /* of one door's line */
#define GITHUB_ARTIFACT_NAME_BYTES_MAX 256u
#define GITHUB_ARTIFACT_ID_BYTES_MAX   64u   /* of a run or a job: GitHub's are UUIDs */
#define GITHUB_ARTIFACT_TYPE_BYTES_MAX 128u  /* a media type */
#define GITHUB_ARTIFACTS_LISTED_MAX    1000u /* as many as the client's own bound */
#define GITHUB_ARTIFACTS_STEP          50u   /* looked up in one turn */
#define GITHUB_ABORTED_AT_ONCE         4u /* uploads that came to nothing, cleared away by one that begins */

#endif
