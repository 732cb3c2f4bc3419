/* SPDX-License-Identifier: MIT
 *
 * Every bound of the import, with its reason. What lies in the folder is a stranger's: it may be damaged, or made to do harm. */
#ifndef API_IMPORT_LIMITS_H
#define API_IMPORT_LIMITS_H

#define XL_META_BYTES_MAX                                                                                    \
    (256u                                                                                                    \
     << 20) /* one xl.meta, which is held as a whole: 10,000 versions (MinIO's limit) of 16 KiB inline fit */
#define XL_VERSIONS_MAX    65536u      /* of a key; MinIO's own limit is 10,000 unless it was raised */
#define XL_PAIRS_MAX       1024u       /* of metadata, of one version */
#define XL_FRAME_BYTES_MAX (64u << 20) /* MinIO's are 1 MiB, and were 10 */
#define FORMAT_BYTES_MAX   (64u << 10) /* format.json has 232 bytes, and 40 more for each further drive */
#define FOLDER_DEPTH_MAX                                                                                     \
    513u /* a key of 1,024 bytes has no more levels; each holds a descriptor while it is walked */
#define FOLDER_PATH_BYTES   1040u      /* a key, and the end of the name of a folder that stands for one */
#define IMPORT_THREADS      8u         /* keys under way at a time: they share the syncs of their commits */
#define IMPORT_WAITING_MAX  1024u      /* keys that were found and wait for a thread */
#define IMPORT_COPY_BYTES   (1u << 20) /* of a body that passes through memory, for each thread */
#define IMPORT_WHY_BYTES    256u
#define IMPORT_UPLOADS_TOLD 1000u /* unfinished uploads that are named, before they are only counted */

#endif
