/* SPDX-License-Identifier: MIT
 *
 * The core pairs bytes and rows: a PUT is a blob and a row, a GET is a row and its blobs. Everything above (HTTP, S3, command
 * line, the public sluice.h) uses this header and nothing of storage/ or metadata/ below it; the row types of
 * metadata/meta.h, and its reads, from core_worker_reader, are part of this interface. Changes go through core_change_submit.
 *
 * Threads: a core is shared. Work is done through a core_worker, one per thread; its calls never block, and results come back
 * on that thread from core_worker_run. All callbacks below are delivered from there, or from core_worker_flush.
 *
 * Errors: 0, negative errno, META_E_*, or CORE_E_*. */
#ifndef API_CORE_CORE_H
#define API_CORE_CORE_H

#include <sys/types.h>

#include "metadata/meta.h"
#include "metadata/meta_lock.h"
#include "metadata/meta_outbox.h"
#include "metadata/meta_settings.h"
#include "storage/digest/digest.h"
#include "storage/digest/digest_pool.h"
#include "storage/ring/ring.h"
#include "storage/seal/seal.h"
#include "storage/base/log.h"

struct core;
struct core_worker;
struct key_ring;

struct core_options {
    const char *data_dir;
    bool relaxed;      /* --durability relaxed */
    bool copy_mode;    /* --copy-mode standard */
    bool etag_md5;     /* --etag md5 */
    bool verify_reads; /* --verify-reads */
    bool read_only;    /* for check */
    bool compacts;     /* for core_compact: space is given back, and nothing else is done in the background */
    bool vacuums;      /* the same, and first the database is written anew */
    /* to be read from alone: every change is -EROFS. A store that was closed is opened without writing; another is recovered first */
    bool refuses_changes;
    /* what no upload may take: so many bytes, and so many percent of the disk; the larger counts */
    uint64_t min_free_bytes;
    unsigned min_free_share;
    /* bytes of the disk that garbage of small bodies may take before who writes more waits for it to be given back (upkeep/pressure.h);
     * 0: CORE_GARBAGE_MAX_DEFAULT; UINT64_MAX: nobody waits */
    uint64_t garbage_max;
    uint64_t quota_bytes, quota_objects; /* what all buckets may hold together; 0: any */
    bool shared_fs;                      /* --shared-fs: any file system will do */
    struct key_ring *
        keys; /* master keys, as long as the core; NULL: there are none. The core itself does not look at them */
    /* go on with a database that is older than the blobs beside it, or has lost its log */
    bool accept_older_database;
    bool accept_clock; /* lifecycle rules believe the clock, however far it went on while nobody looked */
    unsigned
        scrub_days; /* in so many days all that is stored is read and verified, again and again (core_scrub.h); 0: not by itself */
    /* a folder that has the same blobs, as a backup of this store has: what is damaged is mended from there; NULL: it is not */
    const char *mend_from;
    /* how long, and how many percent of the disk, lost/ may hold; 0: CORE_LOST_... */
    unsigned lost_days, lost_share;
    enum ring_engine engine;
    uint32_t lifecycle_day_s; /* seconds in a day of lifecycle rules; 0: 86,400. For tests */
    uint32_t settle_ms;       /* between two points of a relaxed store; 0: CORE_SETTLE_MS. For tests */
    unsigned digest_threads;  /* 0: as many as cores, at most 4 */
    /* "postgresql://...": the rows are there, and other servers have them and data_dir open as well (cluster/cluster.h). NULL: the store is this
     * process's alone. Not with relaxed, refuses_changes, compacts. */
    const char *cluster;
    uint32_t
        reclaim_delay_s; /* how long what a cluster's rows name no more stays, for readers on other servers; 0: CORE_RECLAIM_DELAY_... */
    uint32_t
        server_timeout_s; /* who of a cluster is silent for so long is taken for dead; 0: CORE_SERVER_TIMEOUT_... */
    /* Other servers have taken this one for dead: the process is to end without writing anything. On a thread of the core, once. NULL: it goes on, and
     * all it can do is fail. */
    void (*on_fenced)(void *ctx);
    void *fenced_ctx;
    log_fn log;
    void *log_ctx;
};

#define CORE_RECLAIM_DELAY_DEFAULT_S 600u
#define CORE_SCRUB_DAYS_DEFAULT      30u
/* Longer than most databases need to be replaced by their standby. */
#define CORE_SERVER_TIMEOUT_DEFAULT_S 60u
#define CORE_LOST_DAYS_DEFAULT        30u
#define CORE_LOST_SHARE_DEFAULT       10u
#define CORE_GARBAGE_MAX_DEFAULT      (UINT64_C(128) << 20)

struct core_compacted {
    uint64_t database_before, database_after; /* bytes of the database and its log */
    uint64_t blobs_before, blobs_after;       /* that blobs/ takes of the disk */
};
/* Gives back what a store that nobody has open takes for nothing: its garbage, and what is free in its database, which is written anew.
 * data_dir, log and shared_fs count of the options. As core_open, or an error of the database: it is as it was then. Blocks, for as long
 * as that takes. */
int core_compact(const struct core_options *options, struct core_compacted *compacted);

/* What a store of an earlier release lacks, and what was done about it. */
struct core_upgrade {
    int64_t schema, schema_now; /* of the database: what it had, and what this release has */
    bool was_unclosed;          /* a crash is recovered from, before anything else */
    bool lacks_shrink;          /* the database gives nothing back to the disk: it is written anew */
    bool lacks_records;         /* blobs need not say what they are */
    bool
        lacks_counts; /* what buckets hold is not counted. Known when the store was opened: core_upgrade alone tells */
    bool lacks_chronicle;   /* what blobs are is not told beside them */
    uint64_t records_added; /* files that say what they are now */
    uint64_t
        records_lacking; /* that cannot: missing, or not what their rows say. Then none has to, as before */
    uint64_t chronicle_rows; /* told by the chronicle that was made; 0: there was one */
};
/* Looks, and changes nothing. data_dir and shared_fs count of the options. -ENOENT: there is no store; -EBUSY; META_E_NOT_OURS; META_E_NEWER_SCHEMA; as
 * core_open. Blocks. */
int core_upgrade_look(const struct core_options *options, struct core_upgrade *upgrade);
/* Brings a store that nobody has open to what this release would have made of it. data_dir, log and shared_fs count of the options. 0, also if
 * there was nothing to do; as core_upgrade_look; or an error, after which it goes on where it was when it is called again. Blocks, for as long as a
 * walk over all rows takes, and a look at each file of an earlier release. */
int core_upgrade(const struct core_options *options, struct core_upgrade *upgrade);

/* What a recovery came to. */
struct core_recovered {
    bool is_chronicle_complete; /* it told all */
    bool is_database_read;      /* the old database was asked as well, and answered */
    uint64_t chronicle_entries, chronicle_damaged, database_rows, database_damaged;
    uint64_t buckets, nameless_buckets, objects, versions, markers, uploads, parts, annotations;
    uint64_t lost;           /* objects, versions, parts and annotations whose bytes are not there */
    uint64_t nameless_blobs; /* that nobody knows: they stay where they are */
    uint64_t nameless_bytes;
};
/* Told as it is found; what they are given is borrowed. Both may be NULL. */
struct core_recovery_watch {
    void (*lost)(void *ctx, const char *kind, struct slice bucket, struct slice key, uint64_t blob);
    void (*nameless)(void *ctx, uint64_t blob, uint64_t bytes);
    void *ctx;
};
/* Makes the store of options->data_dir, whose database was lost or damaged, anew in the folder `to`, which is not there, or empty. data_dir, log
 * and shared_fs count of the options. As core_open; -EEXIST: there is something in `to`; META_E_NO_BUCKET: there is nothing to recover from. What was
 * begun in `to` stays there after an error. Blocks. */
int core_recover_store(const struct core_options *options, const char *to,
                       const struct core_recovery_watch *watch, struct core_recovered *report);

/* Opens or creates the store: lock, blobs, metadata, recovery of what a crash left. 0; -EBUSY: in use by another process;
 * -EREMOTE: the file system may be another machine's, too (core_check_place); META_E_OLDER, META_E_DAMAGED_LOG: refused, nothing was
 * changed, and the log says what can be done. */
int core_open(struct core **core, const struct core_options *options);
/* Would core_open refuse the file system? 0 or -EREMOTE, told in options->log; of the options only data_dir, shared_fs and log
 * count. Creates and changes nothing. */
int core_check_place(const struct core_options *options);
/* Workers must be gone. */
void core_close(struct core *core);
const struct core_options *core_get_options(const struct core *core);
/* For what begins from now on: of the options verify_reads, lost_days, lost_share, min_free_bytes, min_free_share and the quotas count. Any thread. */
void core_change_limits(struct core *core, const struct core_options *options);
uint64_t core_free_bytes(struct core *core);
/* Of those, what an upload that begins now may take: 0 where less is free than is to be kept. */
/* The chronicle of an open store, which tells beside the blobs what they are. */
struct core_chronicle {
    bool is_complete; /* it tells all rows, but for those of the last second */
    uint64_t bytes;   /* of its files */
};
void core_chronicle(struct core *core, struct core_chronicle *chronicle);
uint64_t core_room_bytes(struct core *core);
/* options.keys. Any thread. */
struct key_ring *core_keys(const struct core *core);
/* As long as the core. */
const char *core_data_dir(const struct core *core);
bool core_is_read_only(const struct core *core);
/* The data folder, open as long as the core. Any thread. */
int core_folder_fd(const struct core *core);
/* The one that is this process's alone: in a cluster one in it. */
int core_own_folder_fd(const struct core *core);
/* Whether this process does what one of a cluster's servers does for all: true in a store of its own. Any thread; cheap. */
bool core_leads(const struct core *core);
/* In a cluster: from which row of an outbox on whoever leads is to look for new ones, who has seen them up to `last`; is_idle: nothing of them waits
 * in memory. Rows of other servers get numbers when their batches begin, and are seen when these end, so a lower one may come later. */
uint64_t core_outbox_from(uint64_t last, bool is_idle);

/* Why bytes were not given out, see storage/blob/blob_store.h. */
enum core_damage { CORE_DAMAGE_CHECKSUM, CORE_DAMAGE_IDENTITY, CORE_DAMAGE_UNREADABLE, CORE_DAMAGE_COUNT };
/* How often since core_open. Any thread. */
uint64_t core_damage_met(struct core *core, enum core_damage damage);
/* 0, META_E_UNSYNCED or META_E_STALLED: changes are refused, see meta_health. Any thread; cheap. */
int core_health(const struct core *core);
/* What the committer does. Any thread. */
struct meta_figures;
void core_figures(struct core *core, struct meta_figures *figures);
/* Seconds in a day of lifecycle rules. */
uint32_t core_lifecycle_day(const struct core *core);

/* ---- What changes come to: metadata/meta_outbox.h ---- */

/* Who hears of it, on the committer's thread, which it must not hold up; hear NULL: whoever followed with that ctx does not any more, and is not being told
 * when this returns. -EBUSY: there are CORE_HEARERS_MAX. */
int core_news_follow(struct core *core, void (*hear)(void *ctx, const struct meta_news *news), void *ctx);
/* Whether all events are to be told, not those alone that somebody has rules for. Any thread. */
void core_listen(struct core *core, bool wanted);
/* Whether it is of use to say where a change comes from (meta_op.origin). Any thread; one atomic load. */
bool core_is_followed(const struct core *core);

int core_worker_create(struct core *core, struct core_worker **worker);
/* Waits for disk work in flight. */
void core_worker_destroy(struct core_worker *worker);
struct core *core_worker_core(struct core_worker *worker);
/* The rows behind the store, for what is read from memory there (metadata/meta_usage.h). Any thread. */
struct meta *core_meta(struct core *core);
/* An eventfd, readable when there is something to deliver. */
int core_worker_event_fd(struct core_worker *worker);
/* The loop watches it edge-triggered: core_worker_run does not read it any more. */
void core_worker_watch_edges(struct core_worker *worker);
/* Delivers what has completed. Never blocks. */
void core_worker_run(struct core_worker *worker);
/* Digests small bodies that are complete, delivering that, and hands queued disk work to the kernel: before the thread sleeps. */
void core_worker_flush(struct core_worker *worker);
/* For threads without a loop: waits for at least one completion, then as core_worker_run. */
void core_worker_wait(struct core_worker *worker);
/* Rows are read from it, by the calls of metadata/meta.h and on this thread; they answer at once. The worker's own: not to be closed. */
struct meta_reader *core_worker_reader(struct core_worker *worker);

/* As core_health; META_E_STALLED also where the disk work of this worker does not come back: uploads with a file are refused then. */
int core_worker_health(struct core_worker *worker);

/* ---- Settings of buckets ---- */

/* A kind of setting and the form in which it is used. */
struct core_setting_form {
    enum meta_setting_kind kind;
    /* Makes the form of a stored document. 0 or an error, which is the caller's answer then. */
    int (*parse)(struct slice document, void **parsed);
    void (*release)(void *parsed);
};

/* The bucket's setting, parsed; *parsed is NULL where it has none. Each worker keeps what it has parsed until any setting
 * changes: a change is seen by every request that begins after the change was answered, and a hit costs no query. *parsed is
 * borrowed until the next call of this function on the same worker. 0, what parse returned, or an errno. */
int core_setting_get(struct core_worker *worker, int64_t bucket, const struct core_setting_form *form,
                     const void **parsed);
/* The document itself; release with free(document->data). META_E_NO_SETTING. */
int core_setting_read(struct core_worker *worker, int64_t bucket, enum meta_setting_kind kind,
                      struct slice *document);

/* ---- Rows: changes ---- */

/* A change on its way to the committer. Caller-owned with its op, valid until done. */
struct core_change {
    struct meta_op *op; /* any op of meta.h without content: creates, deletes, copies, completes, aborts */
    void (*done)(struct core_change *change); /* on the worker's thread; change->op->result tells */
    void *ctx;
    /* private */
    struct core_worker *worker;
    struct ring_op posted;
};

void core_change_submit(struct core_worker *worker, struct core_change *change);

/* A pause in a long piece of work on a worker, so that its other requests get their turn. Caller-owned, valid until next. */
struct core_turn {
    void (*next)(struct core_turn *turn); /* once, from a later core_worker_run */
    /* private */
    struct core_worker *worker;
    struct ring_op posted;
    struct core_turn *after; /* of those that wait for the same */
};
void core_turn_wait(struct core_worker *worker, struct core_turn *turn);
/* The same in two steps, while something is done on another thread: the worker begins; next comes after core_turn_end, which may be called on any
 * thread, once, and not at all after core_turn_cancel on the worker's. */
void core_turn_begin(struct core_worker *worker, struct core_turn *turn);
void core_turn_end(struct core_turn *turn);
void core_turn_cancel(struct core_turn *turn);

/* A fresh upload id: time, then random. */
void core_upload_id_make(unsigned char id[META_UPLOAD_ID_BYTES]);

/* ---- PUT ---------------------------------------------------------------------------------------------------------------
 *
 *   core_put_begin -> [on_ready(0)] -> core_put_splice / core_put_write ... -> core_put_seal -> on_sealed(0, values)
 *     -> core_put_commit_object, _part or _annotation -> on_committed(result) -> core_put_end
 *
 * After on_committed(META_E_JUDGED), core_put_retry and the same commit may follow any number of times: the bytes are kept.
 *
 * core_put_end is due exactly once, allowed at any moment except between a commit call and its on_committed, and abandons
 * what was not committed. No event is delivered after it. */

struct core_put;

struct core_put_events {
    void (*on_ready)(void *ctx, int result); /* -ENOSPC: there is no room for the announced length */
    void (*on_room)(void *ctx);
    /* values: valid until core_put_end. result -EBADMSG: a signed chunk was refused. */
    void (*on_sealed)(void *ctx, int result, const struct digest_values *values);
    /* 0: durable and visible. META_E_PRECONDITION, META_E_NO_BUCKET, META_E_NO_UPLOAD, -ENOSPC, -EIO ...: nothing was stored. */
    void (*on_committed)(void *ctx, int result);
};

struct core_put_options {
    uint64_t length; /* payload bytes, UINT64_MAX when unknown */
    /* they come with nothing in between, and core_put_splice is called with all there is room for */
    bool is_one_run;
    bool has_own_file;    /* however short they are: for core_put_commit_objects */
    uint32_t digest_mask; /* DIGEST_BIT of each kind wanted */
    /* kinds wanted only if the body turns out to be at most CORE_ETAG_MD5_BYTES_MAX long */
    uint32_t digest_mask_small;
    const struct digest_chunk_ops *chunks; /* signed chunks, or NULL */
    /* The bytes are sealed under this key, which is copied; length, digests and chunks are of what comes. NULL: stored as they come. Then
     * core_put_splice may answer -EOPNOTSUPP. Not with has_own_file. */
    const struct seal_key *seal;
    uint32_t seal_part; /* which part of an upload; 0: none */
    const struct core_put_events *events;
    void *ctx;
};

/* What core_put_begin returns when bytes may be given at once and no on_ready follows: so it is for small bodies of known
 * length, which lie in memory until they are committed. Their on_sealed comes at the end of the worker's turn, together for all
 * that are complete then; or from inside core_put_seal, where that fails. */
#define CORE_PUT_IS_READY 1

/* 0: on_ready follows; CORE_PUT_IS_READY; or a negative errno. */
int core_put_begin(struct core_worker *worker, const struct core_put_options *options, struct core_put **put);
/* Return values as blob_writer_splice / blob_writer_write: > 0, 0 peer closed, -EAGAIN, -EBUSY (on_room follows),
 * -EOPNOTSUPP (use write), or a sticky failure. */
ssize_t core_put_splice(struct core_put *put, int socket_fd, size_t max);
ssize_t core_put_write(struct core_put *put, const void *data, size_t length);
/* It is held in memory: what its splice moves is copied. */
bool core_put_is_small(const struct core_put *put);
/* As blob_writer_splices_aside. */
bool core_put_splices_aside(const struct core_put *put);
uint64_t core_put_taken(const struct core_put *put);
int core_put_chunk_end(struct core_put *put, const struct digest_chunk *chunk);
void core_put_seal(struct core_put *put);
/* op: bucket, key, object (etag, checksum, attributes, owner) and condition are filled by the caller; size and extents by this
 * call; op->object.modified_ms is filled when committed. op must stay valid until on_committed. */
void core_put_commit_object(struct core_put *put, struct meta_object_put *op);
void core_put_commit_part(struct core_put *put, struct meta_part_put *op);
/* The same; an annotation of no bytes is refused by nobody here. */
void core_put_commit_annotation(struct core_put *put, struct meta_annotation_put *op);
/* A copy whose bytes are those of the put, and none of the source's: the copy's content is filled by this call. As core_put_commit_object. */
void core_put_commit_copy(struct core_put *put, struct meta_object_copy *op);
void core_put_commit_part_copy(struct core_put *put, struct meta_part_copy *op);
/* Before the next commit of a put whose object was not as it was judged. 0, or -ENOMEM: then it can only be ended. */
int core_put_retry(struct core_put *put);
void core_put_end(struct core_put *put);

/* ---- GET ---- */

struct core_get;

/* Looks the object up and pins its bytes. object is valid until core_get_end. 0, META_E_NO_KEY, or an errno.
 * Not from inside a `visit` of the same worker: its read would be made from an older state than the pin can guard. */
int core_get_begin(struct core_worker *worker, int64_t bucket, struct slice key, struct core_get **get,
                   const struct meta_object **object);
/* The same, for who is about to read all of it or a part: in a cluster the bytes of a small object come with the look-up. */
int core_get_begin_whole(struct core_worker *worker, int64_t bucket, struct slice key, struct core_get **get,
                         const struct meta_object **object);
/* The same for a version, as meta_version_get: version NULL is the current one; META_E_NO_VERSION; META_E_DELETE_MARKER: then *marker,
 * unless NULL, tells which. */
int core_get_begin_version(struct core_worker *worker, int64_t bucket, struct slice key,
                           const struct meta_version_id *version, struct core_get **get,
                           const struct meta_object **object, struct meta_object *marker);
/* An annotation of the object, which this worker has looked up: its bytes, read as an object's are. annotation: as an object that has size,
 * time, ETag and checksum alone. META_E_NO_ANNOTATION. */
int core_get_begin_annotation(struct core_worker *worker, const struct meta_object *object, struct slice name,
                              struct core_get **get, const struct meta_object **annotation);
/* Whether bytes of it are sealed: then they are given out after core_get_unseal alone. Without, core_get_open is
 * -ENOKEY; core_get_digest and core_get_extent_open are in any case. */
bool core_get_is_sealed(const struct core_get *get);
/* The key is copied. Before core_get_open. */
void core_get_unseal(struct core_get *get, const struct seal_key *key);

/* Units of contents up to this size are verified whole before any of their bytes are given out. */
#define CORE_VERIFY_BYTES_MAX (64u << 10)

/* Prepares bytes [first, first + length) of the object. 0: core_get_send may be called; -EBUSY: wait for on_ready, then ask
 * core_get_status; or a failure (-ERANGE: not inside the object). on_ready also follows each later -EBUSY. May be called again,
 * for another range, once this is over: that ends the earlier one.
 * Small units that the range touches are verified here (storage/egress/blob_egress.h), with options.verify_reads large ones, too; others as
 * they pass through core_get_read. -EIO: what is stored is damaged, cannot be read, or has been removed (core_get_is_outdated). */
int core_get_open(struct core_get *get, uint64_t first, uint64_t length, void (*on_ready)(void *ctx),
                  void *ctx);
int core_get_status(const struct core_get *get);
/* After -EIO: whether it is because in a cluster the object was replaced or deleted since it was looked up, and its bytes have been given back:
 * then whoever looks it up again finds what there is now. Else it is damage, and told as that. Who does not ask is taken for having asked. */
bool core_get_is_outdated(struct core_get *get);
/* > 0 bytes; 0 all sent; -EAGAIN socket full; -EBUSY; others: failed. */
ssize_t core_get_send(struct core_get *get, int socket_fd, size_t max);
ssize_t core_get_read(struct core_get *get, void *buffer, size_t length);
/* All bytes of the object, when they are in memory because it is small and hot; else NULL. Valid until core_get_end. They were verified
 * before they were kept. */
const void *core_get_at_hand(const struct core_get *get);
/* After core_get_open: all bytes of the range, when they are in memory because their unit is small; else NULL. Valid until the next
 * call with this get. */
const void *core_get_opened(struct core_get *get);
/* Whether the last failure is damage that was just told in the log, by the number of its blob. The caller, who knows bucket and key, may
 * then log these. False for damage that the log has told before, so that nobody can fill the log by asking again. */
bool core_get_told_damage(const struct core_get *get);
/* Digests of bytes [first, first + length), whatever the size: read on digest threads, never here. done, unless this fails:
 * once, from core_worker_run; values are valid during the call. The get must not be ended before. 0, -ERANGE, -ENOMEM, -EIO. */
int core_get_digest(struct core_get *get, uint64_t first, uint64_t length, uint32_t mask,
                    void (*done)(void *ctx, int result, const struct digest_values *values), void *ctx);
/* A descriptor of a file that holds the object's extent `index` at *offset, for the caller to close. It may outlive the get: of
 * a unit in a segment, whose place is given back once nobody refers to it, it is a copy in memory. Small units are verified before, and
 * large ones with options.verify_reads. Blocks. */
int core_get_extent_open(const struct core_get *get, uint32_t index, int *fd, uint64_t *offset);
/* On the worker's thread; on any thread if core_get_open was never called. */
void core_get_end(struct core_get *get);

/* ---- ETags ---- */

#define CORE_ETAG_MD5_BYTES_MAX (16u << 20)

/* Adds DIGEST_MD5 to options->digest_mask or digest_mask_small where the ETag of a body of options->length bytes is to be its
 * MD5. client_compares: Content-MD5 was given, or the request is signed and carries no modern checksum. */
void core_etag_choose(const struct core *core, bool client_compares, struct core_put_options *options);
/* Whether it is, for so many bytes that are there already. */
bool core_etag_is_md5(const struct core *core, bool client_compares, uint64_t length);
/* 32 hex digits when values hold an MD5, else an opaque random "<32 hex>-1". */
void core_etag_make(const struct digest_values *values, char etag[META_ETAG_BYTES_MAX + 1]);
/* 32 random hex digits: as S3's of what is encrypted under a key of one's own. */
void core_etag_make_random(char etag[META_ETAG_BYTES_MAX + 1]);
/* The ETag of a multipart object: MD5 over the parts' MD5s (or over their ETags' text where one is not an MD5), "-N". */
void core_etag_make_multipart(const struct meta_complete_part *parts, uint32_t count,
                              char etag[META_ETAG_BYTES_MAX + 1]);

/* ---- Check ---- */

struct core_check_report {
    uint64_t objects, extents, bytes; /* looked at */
    uint64_t damaged, missing, orphaned, findings;
    /* batches of changes that wait in the journal for the next start: no finding, and not looked at */
    uint64_t pending;
    uint64_t lost_files, lost_bytes; /* in lost/: no finding either */
    /* rows that were compared with what the chronicle told of them; 0 of some: it does not tell all, as after a crash */
    uint64_t compared;
};
/* Verifies rows, references and (verify_bytes) every unit's checksum; prints each finding through line. Opens the store itself
 * (exclusively), and changes nothing; what a crash left for the next start to clear away is no finding. Returns 0 with the report filled (findings or not), or why it could not be done. Blocks. */
int core_check(const char *data_dir, bool verify_bytes, void (*line)(void *ctx, const char *text), void *ctx,
               struct core_check_report *report);
/* The same; progress: how many bytes are read, and about how many there are, often, on this thread. NULL allowed. */
int core_check_watched(const char *data_dir, bool verify_bytes, void (*line)(void *ctx, const char *text),
                       void (*progress)(void *ctx, uint64_t bytes, uint64_t bytes_total), void *ctx,
                       struct core_check_report *report);

/* The same of a cluster's rows and folder, beside its servers, as core_check_live; nothing is written. As core_open. */
int core_check_cluster(const char *data_dir, const char *cluster, bool verify_bytes,
                       void (*line)(void *ctx, const char *text), void *ctx,
                       struct core_check_report *report);

/* The same of a store that is open, beside its workers. Left out are uploads on their way to their rows, and what only a start can tell: whether
 * database and files are of the same time, and what the journal holds. is_over (NULL: never) is asked often; true, or an interrupt, ends it with
 * -ECANCELED. -EALREADY: one is under way. Blocks: not for workers. */
int core_check_live(struct core *core, bool verify_bytes, void (*line)(void *ctx, const char *text),
                    bool (*is_over)(void *ctx), void *ctx, struct core_check_report *report);
/* Ends the step that such a check, or a scrub, is at, after which it asks is_over; any thread. To be repeated until it has ended, for between two steps
 * it has no effect. */
void core_check_interrupt(struct core *core);

/* ---- Figures ---- */

struct core_count {
    uint64_t buckets, objects, bytes; /* of current objects */
    bool is_complete;                 /* false: there are more objects, and these are no figures */
};
/* Counts by looking at each object, but at no more than objects_max. 0 or an error. Blocks: not for workers. */
int core_count(struct core *core, uint64_t objects_max, struct core_count *count);
/* The same for a closed store, opened for it (exclusively, read only), and its free bytes. As core_check. */
int core_count_closed(const char *data_dir, uint64_t objects_max, struct core_count *count,
                      uint64_t *free_bytes);

/* ---- lost/: what recovery could not explain ---- */

struct core_lost_file {
    const char *name; /* valid during the call */
    uint64_t bytes, age_s;
};
/* Both open the store themselves (exclusively). Oldest first; visit non-zero stops and is returned. Blocks. */
int core_lost_list(const char *data_dir, int (*visit)(void *ctx, const struct core_lost_file *file),
                   void *ctx);
/* Removes all of it; how much that was. Blocks. */
int core_lost_empty(const char *data_dir, uint64_t *files, uint64_t *bytes);
/* The same of a store that is open. */
int core_lost_list_live(struct core *core, int (*visit)(void *ctx, const struct core_lost_file *file),
                        void *ctx);
int core_lost_empty_live(struct core *core, uint64_t *files, uint64_t *bytes);

#endif
