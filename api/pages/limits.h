/* SPDX-License-Identifier: MIT
 *
 * Every bound of the pages, with its unit in the name and its reason beside it. */
#ifndef API_PAGES_LIMITS_H
#define API_PAGES_LIMITS_H

#define PAGES_SESSIONS_MAX         1024u        /* at a time: half a MiB */
#define PAGES_SESSIONS_PER_KEY_MAX 64u          /* so that one key does not put the others out */
#define PAGES_SESSION_S            (12u * 3600) /* a working day, and then the key is asked for again */
#define PAGES_SESSION_IDLE_S       (2u * 3600)
#define PAGES_FORM_BYTES_MAX       4096u /* what is typed in, percent-encoded */
#define PAGES_FORM_FIELDS_MAX      8u
#define PAGES_NEXT_BYTES_MAX       4096u /* of a path to go on at: a key, percent-encoded, and some more */

#define PAGES_ROWS         200u  /* of one page: what a person looks through */
#define PAGES_BUCKETS_READ 100u  /* in one turn of a worker, each of which is judged */
#define PAGES_BUCKETS_ROWS 1000u /* of one page */
#define PAGES_SORT_ENTRIES_MAX                                                                               \
    10000u /* of a folder that is sorted by size or date: all of them are looked at */
#define PAGES_SORT_BYTES_MAX (4u << 20) /* of their names */

#define PAGES_PREVIEW_BYTES_MAX (256u << 10) /* of a text: what a person reads, and a browser shows at once */
#define PAGES_PREVIEW_IMAGE_MAX (32u << 20)  /* of a picture that is shown unasked */
#define PAGES_PEEK_S            3600u        /* for which a report in its frame may load what belongs to it */
#define PAGES_SHARE_S_MAX       604800u      /* a week: as S3 */

/* Of a folder that is sent as an archive. A ZIP has its directory in memory up to its end. */
#define PAGES_TAR_MEMBERS_MAX         1000000u
#define PAGES_ZIP_MEMBERS_MAX         200000u
#define PAGES_ZIP_DIRECTORY_BYTES_MAX (32u << 20)
#define PAGES_ARCHIVE_MEMBER_BYTES    64u         /* what judging one may leave, until the answer is over */
#define PAGES_ARCHIVE_NOTE_BYTES      (64u << 10) /* of the names of what is left out */

/* Of the status page: a day, 80 KiB of samples, and 24 KiB of messages. */
#define PAGES_SAMPLE_MS      60000u
#define PAGES_SAMPLES        1440u
#define PAGES_CHART_POINTS   240u /* about what there is to see */
#define PAGES_MESSAGES       50u
#define PAGES_MESSAGE_BYTES  480u
#define PAGES_STATUS_CACHES  32u
#define PAGES_STATUS_BUCKETS 200u

#endif
