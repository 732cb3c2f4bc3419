/* SPDX-License-Identifier: MIT
 *
 * Every bound of the client, with its unit in the name and its reason beside it. */
#ifndef API_CLIENT_LIMITS_H
#define API_CLIENT_LIMITS_H

#define CLIENT_URL_BYTES_MAX           8192u      /* a key of 1,024 bytes, each percent-encoded, and room */
#define CLIENT_AWS_FILE_BYTES_MAX      (1u << 20) /* of ~/.aws/config and credentials */
#define CLIENT_HEADERS_MAX             120u /* of a request: metadata of 2 KiB in the shortest words, and ours */
#define CLIENT_ANSWER_BYTES_MAX        (16u << 20) /* held in memory: a page of 1,000 keys has 4 MiB at the worst */
#define CLIENT_ANSWER_HEADER_BYTES_MAX (64u << 10) /* all of them; a server that sends more is no S3 */
#define CLIENT_ERROR_BODY_BYTES_MAX    (64u << 10)
#define CLIENT_WHY_BYTES               512u /* of what went wrong, for people */
#define CLIENT_ATTEMPTS_MAX                                                                                  \
    5u /* of a request that failed on its way, or that the server could not serve now */
#define CLIENT_BACKOFF_MS      100u /* before the second attempt; doubled each time */
#define CLIENT_CONNECT_SECONDS 10
#define CLIENT_SILENCE_SECONDS                                                                               \
    300 /* without a byte: servers that copy or join large objects say nothing meanwhile */
#define CLIENT_BUFFER_BYTES (512u << 10) /* of a large body's pieces */
/* Of a download, collected for one write: whole pages, and still in the cache of the core that received them; 512 KiB cost twice as much. */
#define CLIENT_WRITE_BYTES (64u << 10)
#define CLIENT_SPOOL_MEMORY_MAX                                                                              \
    (32ull                                                                                                   \
     << 20) /* of a piece between two servers, times the connections; what is more lies in a file meanwhile */
#define CLIENT_PUT_BYTES_MAX         (5ull << 30) /* S3's, of one PutObject */
#define CLIENT_CONNECTIONS_MAX       256u
#define CLIENT_PART_BYTES_DEFAULT    (8ull << 20) /* as aws cli has it, so that ETags are the same */
#define CLIENT_PART_BYTES_MIN        (5ull << 20) /* S3's, of all parts but the last */
#define CLIENT_PARTS_MAX             10000u       /* S3's */
#define CLIENT_QUEUE_MAX             1000u /* transfers that wait, so that a listing does not run away from them */
#define CLIENT_DELETE_KEYS_MAX       1000u       /* S3's, of one DeleteObjects */
#define CLIENT_SIGNED_BODY_BYTES_MAX (64u << 10) /* whose SHA-256 is signed; larger ones have a CRC-64 */
#define CLIENT_PRESIGN_SECONDS_MAX   604800u     /* S3's: 7 days */
#define CLIENT_TREE_DEPTH_MAX        256u        /* of folders in folders */

#endif
