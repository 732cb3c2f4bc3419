/* SPDX-License-Identifier: MIT
 *
 * Every bound of the metadata module, with its unit in the name and its reason beside it. */
#ifndef METADATA_LIMITS_H
#define METADATA_LIMITS_H

#include "storage/base/text/names.h"

#define META_KEY_BYTES_MAX         KEY_BYTES_MAX
#define META_BUCKET_NAME_BYTES_MAX BUCKET_NAME_BYTES_MAX
#define META_ETAG_BYTES_MAX        64u         /* hex MD5, '-' and a part count, without quotes */
#define META_ATTRIBUTES_BYTES_MAX  (16u << 10) /* stored headers and user metadata of one object, encoded */
#define META_LABELS_BYTES_MAX                                                                                \
    (24u << 10) /* tags (10 of 384 characters: 16 KiB) and ACL beside them, encoded */
#define META_PART_NUMBER_MAX           10000u /* S3's limit */
#define META_CHECKSUM_BYTES_MAX        64u    /* room for SHA-512 */
#define META_LIST_ENTRIES_MAX          1000u  /* S3's page size */
#define META_ANNOTATIONS_MAX           1000u  /* of one version of an object: S3's limit */
#define META_ANNOTATION_NAME_BYTES_MAX 512u   /* S3's limit */
#define META_UPLOAD_ID_BYTES           16u
#define META_VERSION_ID_BYTES          16u
#define META_VERSION_PLACE_BYTES       8u
#define META_VERSION_NAME_BYTES        16u /* a UUID */
#define META_VERSION_GIVEN_BYTES       (META_VERSION_PLACE_BYTES + META_VERSION_NAME_BYTES)
#define META_JOURNAL_TOKEN_BYTES       16u /* 128 bits: not to be guessed */
#define META_STORE_ID_BYTES            16u /* 128 random bits: no two stores have the same */
#define META_TOKEN_BYTES_MAX           64u /* S3's limit of a client's token; a digest of what came with it fits, too */
#define META_SETTING_BYTES_MAX         (1u << 20) /* one setting of a bucket: 1,000 lifecycle rules fit */

/* Bodies that are rows (meta_body): up to so many bytes a row costs a database less than the file and its two syncs; at 60 KB it takes 2.7 times the
 * CPU of 16. */
#define META_BODY_BYTES_MAX (16u << 10)

/* A batch that servers of a cluster were in each other's way of is run once more when it has not taken longer than that: a database finds out after a
 * second. */
#define META_AGAIN_MS_MAX 1500u

/* Mutations that share one transaction at most: bounds how long the first waits for the last. */
#define META_BATCH_OPS_MAX 512u

/* A batch that lasts so long waits for a disk that hangs: further changes are refused, instead of gathering behind it. */
#define META_STALL_MS 10000u

/* Rows of parts, and references of objects and parts of several extents, that one transaction clears away at once, about half a
 * millisecond; the rest is left to META_OP_SWEEP, of which each clears as much. */
#define META_CLEAR_MAX 512u

/* Objects that become part of a cache bucket, or cease to be, in one transaction: about a millisecond. */
#define META_CACHE_STEP_ROWS 256u

/* Numbers of what buckets hold that are kept beside their rows, so that a batch writes no page for them: some hundred bytes more in a row
 * that it writes anyway. A batch that makes them more brings all of them to their rows. */
#define META_USAGE_LATE_MAX 8u

/* Rows that one change counts of what buckets hold, in a store that was never counted: about a millisecond; an upload, which may have ten
 * thousand parts, counts as 256 of them. */
#define META_USAGE_STEP_ROWS 1024u

/* Uses of objects that one change notes: about a millisecond. */
#define META_CACHE_TOUCH_MAX 256u

/* Keys that one change prepares for a publication: about two milliseconds, as each is a copy. */
#define META_PUBLISH_STEP_KEYS 64u

/* What a key of a publication weighs among what one transaction clears away (META_CLEAR_MAX): 64 keys, about a millisecond and a half. */
#define META_PUBLISH_KEY_WEIGHT 8u

/* Keys of a publication that others may change between its preparation and its moment, for it to overrule them in that one transaction:
 * two milliseconds. */
#define META_PUBLISH_TOUCHED_MAX 64u

/* Publications at a time, in preparation or not carried out yet. Each watches its keys, 64 KiB and 16 bytes for each of them. */
#define META_PUBLICATIONS_MAX 32u

/* A batch waits for company (batch_pace.h) only where a commit takes long enough for it to matter, a sync, and never longer than
 * a few syncs of a slow disk take. After waits in vain the next is tried 2, 4, ... 2^META_PACE_VAIN_MAX batches later. */
#define META_PACE_BATCH_NS_MIN 50000u
#define META_PACE_WAIT_NS_MAX  5000000u
#define META_PACE_VAIN_MAX     8u

/* Extents of one object or part. Plain uploads have one, multipart objects one for each part, appends one each; only parts that are copies
 * of such objects have more. Every look at an object reads its row, and a copy counts each extent, on the one thread that writes: 50,000
 * take it 0.3 s. Rows from before this bound may have more, and are read as they are. Beyond it: META_E_EXTENTS. */
#define META_EXTENTS_MAX 50000u

/* Rows that each reader keeps, with the notes that were made of them: for the hot few thousand a look-up costs a tenth of a
 * microsecond instead of two. */
#define META_ROW_CACHE_ENTRIES    4096u
#define META_ROW_CACHE_BYTES      (8u << 20)
#define META_ROW_CACHE_NOTE_BYTES (16u << 10)
#define META_ROW_CACHE_OBJECT_BYTES                                                                          \
    (8u << 10) /* larger rows are not worth the room: their bodies are large, too */
#define META_ROW_CACHE_BUCKETS 64u

/* Counters that tell a changed row from an unchanged one, 64 KiB of them for objects and as many for parts of uploads: rows that
 * share one are read anew too often, never too seldom. */
#define META_ROW_COUNTERS 8192u

/* Blobs that a mark names one by one, as many as a point of the storage does. */
#define META_MARK_OPEN_MAX 64u

/* Rows without bytes that one change drops: some milliseconds. */
#define META_LOST_ROWS_MAX 256u

/* Pages of 4 KiB in the write-ahead log at which it is moved into the database. Longer means fewer repeated writes of the
 * same page, but more to read again after a crash (16 MiB: some ten milliseconds). */
#define META_WAL_FRAMES_TARGET 4096

/* Pages in the log from which on readers are waited for, and how long at a time: 64 MiB. A listing takes a millisecond for each page. */
#define META_WAL_FRAMES_MAX (4 * META_WAL_FRAMES_TARGET)
#define META_WAL_WAIT_MS    100

/* Pages in the log that no commit has synced, until their way to the disk begins: half a MiB at once is cheap to start, and does not hold
 * up the syncs of others. */
#define META_WAL_FRAMES_WRITE 128

/* Free pages of the database are given back when there are more than twice this many, or than twice this share of the file: down to as many, for
 * they will be used again. So many pages are moved by one change: half a millisecond. */
#define META_SHRINK_KEPT  256
#define META_SHRINK_SHARE 16
#define META_SHRINK_PAGES 64u

/* Frames that go to the log with one write at most (wal_gather.h): all of a small batch, and the most that the database's library hands to
 * one call, which takes less than 128 KiB. */
#define META_WAL_GATHER_FRAMES 31

/* What the log holds of the disk from the start, so that deletes go on when the disk is full. */
#define META_WAL_RESERVE_BYTES (4u << 20)

/* What a batch does to the rows, as the journal takes it: hundreds of puts with some headers each. A batch beyond it is synced in the
 * database instead. */
#define META_JOURNAL_ENTRY_BYTES_MAX (128u << 10)

/* Rows that wait for one target of events: a target that is away for a day of one change a second loses none; 40 MB of them. */
#define META_OUTBOX_ROWS_MAX 100000u

/* The same for one that objects are copied to: some of it gone is objects that are missing there. About 1 GB. */
#define META_OUTBOX_REPLICA_ROWS_MAX 4000000u

/* Rules of one bucket: S3's limit of configurations. */
#define META_OUTBOX_RULES_MAX 100u

/* S3's limit of a rule's id. */
#define META_OUTBOX_RULE_ID_BYTES_MAX 255u
#define META_OUTBOX_TARGET_BYTES_MAX  64u

/* Who changed an object, as rows of events keep it: an address, a user, a request's number. */
#define META_ORIGIN_BYTES_MAX 512u

/* Rows of events that one change strikes off: about a millisecond. */
#define META_OUTBOX_DONE_MAX 256u

/* Pages of the database that a copy takes in one step: a megabyte, after which it can be told to end. */
#define META_COPY_PAGES 256

/* What a listing with a delimiter fetches at once, of an engine for which each look costs a round trip: it may seek behind the first one. */
#define META_SEEK_ROWS 32u

/* The chronicle (chronicle/chronicle.h). What a batch did is written a second later at most, or when so much waits; beyond the second bound
 * who commits waits for the disk. */
#define CHRONICLE_DELAY_MS          1000u
#define CHRONICLE_FLUSH_BYTES       (256u << 10)
#define CHRONICLE_PENDING_BYTES_MAX (1u << 20)
/* A frame is begun anew behind so much: what one damaged byte costs. */
#define CHRONICLE_FRAME_BYTES (64u << 10)
/* One batch at most: 512 rows of objects of 10,000 parts. */
#define CHRONICLE_FRAME_BYTES_MAX (256u << 20)
/* Read at once. */
#define CHRONICLE_READ_BYTES (1u << 20)
/* What was written is synced so often: what a power failure may take from the chronicle, not from the store. */
#define CHRONICLE_SYNC_MS 30000u
/* A new base is made when the log has become longer than the base, and than this. */
#define CHRONICLE_LOG_BYTES (64u << 20)
/* After a base that could not be made. */
#define CHRONICLE_RETRY_MS 60000u
/* Of all rows, so many are told without a rest; then the thread rests three times as long as it works. */
#define CHRONICLE_ROWS_AT_ONCE 4096u
#define CHRONICLE_REST_SHARE   3u
#define CHRONICLE_REST_MS_MAX  1000u
/* Rows that one look at the database takes. */
#define CHRONICLE_SLICE_ROWS 256

#endif
