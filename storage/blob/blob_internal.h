/* SPDX-License-Identifier: MIT
 *
 * What the files of the blob store share among themselves and show to nobody else (tests excepted).
 *
 *   blob_open.c       opening and closing it
 *   blob_store.c      who holds it, blobs by id
 *   blob_room.c       free space, also of a file system that does not answer
 *   blob_log.c        messages for its owner
 *   blob_place.c      whether the file system is this machine's own
 *   blob_waiters.c    who waits for an id or a sync
 *   blob_lock.c       one process at a time
 *   blob_path.c       names of files
 *   blob_layout.c     folders: making, walking, syncing them
 *   blob_recover.c    what is done after a crash
 *   blob_sequence.c   the SEQUENCE record on disk
 *   blob_ids.c        which ids are promised, handed out, settled
 *   blob_shared.c     a folder that several processes have open: whose it is, their ids, what dead ones leave
 *   blob_identity.c   what SEQUENCE and segments say of themselves
 *   blob_record.c     what files of blobs say of themselves, and whether that goes with their names
 *   blob_point.c      what of that is on the disk in a store that does not sync
 *   blob_lost.c       what recovery could not explain
 *   blob_folders.c    folder syncs, many publishers to one sync
 *   blob_cache.c      descriptors kept open for reading
 *   blob_pins.c       what readers may still need
 *   blob_mend.c       what they have lost, put back from a second copy
 *   blob_damage.c     what readers found damaged: counted, and told of a few times
 *   blob_residency.c  whether pages are in memory
 *
 * The store is reference counted: its owner holds one reference, and so does every writer, egress or batch that has
 * disk work in flight, because the descriptors it names must outlive that work.
 *
 * Locks are leaves: nobody takes a second one of these while holding one (ring_post's own lock excepted). */
#ifndef STORAGE_BLOB_BLOB_INTERNAL_H
#define STORAGE_BLOB_BLOB_INTERNAL_H

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

#include "storage/egress/blob_residency.h"
#include "storage/egress/hot_units.h"
#include "storage/blob/blob_store.h"
#include "storage/limits.h"

/* ---- Waiting for something that another ring's thread, or no ring at all, will finish ---- */

/* Embedded in the object that waits. `ring` and `op.done` are set by it; op.done then runs on that ring's thread. */
struct blob_waiter {
    struct queue_link
        link; /* private: in a queue of those that wait for the same, under the lock of what they wait for */
    struct ring *ring;
    struct ring_op op;
};

/* Empties the queue of waiters: posts `result` to the ring of each. Under its lock. */
void blob_waiters_post(struct queue *waiters, int32_t result);

/* ---- SEQUENCE ---- */

#define BLOB_ID_FIRST UINT64_C(1)
/* No id is ever above this: leaves room for every jump below without overflow. */
#define BLOB_ID_MAX (UINT64_C(1) << 62)
/* How far ids jump ahead when the true highest one cannot be known. Rows may still name ids above the highest file. */
#define BLOB_ID_JUMP (UINT64_C(1) << 32)

struct blob_sequence {
    uint64_t generation;           /* the valid slot with the higher one counts */
    uint64_t settled;              /* below: has a row, or has no file */
    uint64_t promised;             /* at or above: never handed out */
    bool synced;                   /* written by a durable store */
    bool has_log;                  /* blob_store_log_is_there */
    struct blob_identity identity; /* store all zero: it says none, as one of an earlier version does */
    /* files of blobs from this id on say what they are; 0: not known yet, so none needs to */
    uint64_t records_from;
    /* by one that is not: what is settled is on the disk nevertheless, and promises are synced */
    bool marked;
    unsigned slot; /* 0 or 1: where it was found */
    bool torn;     /* the other slot is damaged: by a torn write, or a whole one that went bad later */
};

/* Returns 0, -ENODATA (new, empty file), -EBADMSG (neither slot is readable), -ENOTSUP (a newer version wrote it) or
 * another errno. */
int blob_sequence_read(int fd, struct blob_sequence *sequence);
/* Writes the slot sequence->slot, and syncs it. Blocks. */
int blob_sequence_write(int fd, const struct blob_sequence *sequence);

/* ---- Ids ---- */

/* Ids of a shared store, as they are taken from its owner. */
struct blob_block {
    struct blob_block *next;
    uint64_t first;
    uint32_t taken, settled; /* how many: handed out in ascending order, settled in any */
    uint64_t bits[BLOB_ID_BLOCK / 64];
};

struct blob_ids {
    pthread_mutex_t lock;
    pthread_cond_t wake; /* the keeper has something to do */
    pthread_t keeper;    /* the thread that writes promises, so that no worker waits for them */
    bool keeper_running, keeper_stop, promise_wanted;
    bool promise_failing; /* the keeper's own */

    int fd;                    /* SEQUENCE, -1 in a read-only store without one */
    struct blob_sequence disk; /* what is known to be on disk */
    bool durable;
    bool damaged;         /* SEQUENCE was unreadable: recovery must look at every file */
    bool found_relaxed;   /* the process before left out its syncs, or nobody knows whether it did */
    bool recovered;       /* blob_store_recover is done: disk.settled may move */
    uint64_t recover_end; /* what earlier processes may have left behind is below this */

    uint64_t next;    /* the next id to hand out; < disk.promised or promises are out */
    uint64_t settled; /* lowest id of this process that is handed out and not settled, or next */
    /* in a store that is not durable, SEQUENCE calls no id from here on settled; blob_point.c */
    uint64_t mark;
    uint64_t tell;    /* SEQUENCE is to say that ids below are settled, once they are; 0: nothing */
    uint64_t settles; /* how many ids were settled */
    uint64_t *bits;   /* one bit per id in [settled, next), at id modulo capacity: already settled */
    uint64_t capacity;
    bool is_shared;            /* there is no SEQUENCE: blob_shared.c */
    struct blob_block *blocks; /* of a shared store, the newest first: those that are not settled */
    struct queue waiters;
    pthread_cond_t promised; /* the keeper has answered, for threads that may wait */
    int promise_error;       /* what it answered */

    struct blob_identity identity; /* what files have to say of themselves from now on */
    struct blob_identity found;    /* what SEQUENCE said at open */
    struct blob_past past;         /* the same */
    bool has_log;                  /* what it is to say from now on */
    enum blob_doubt doubt;         /* blob_store_doubt */
    /* as in blob_sequence; set at the latest before the first id is handed out */
    uint64_t records_from;
};

int blob_ids_open(struct blob_store *store);
/* Stops the keeper and writes SEQUENCE as a clean end. */
void blob_ids_close(struct blob_store *store);
void blob_ids_free(struct blob_ids *ids);

/* 0 and an id; -EINPROGRESS: no promised id is left, waiter->op is posted with 0 (ask again) or the failure of the
 * promise; -ENOMEM. Never blocks on a disk. */
int blob_ids_take(struct blob_store *store, uint64_t *id, struct blob_waiter *waiter);
bool blob_ids_forget(struct blob_store *store, struct blob_waiter *waiter);
void blob_ids_settle(struct blob_ids *ids, uint64_t id);
/* As soon as this id, which was handed out, and all below it are settled, SEQUENCE says so: the keeper writes it. Never blocks on a disk. */
void blob_ids_tell(struct blob_store *store, uint64_t id);
/* After recovery: everything below recover_end is settled, and the first block is promised. Blocks. */
int blob_ids_recovered(struct blob_store *store);

/* The same for a thread that may wait: 0 and an id, or the failure of the promise. */
int blob_ids_take_wait(struct blob_store *store, uint64_t *id);
/* Has the keeper write SEQUENCE, with what it should say from now on, and waits for that. 0, or why it was not written. Blocks. */
int blob_ids_write_wait(struct blob_store *store);
/* Whether the id, which was handed out, is settled. Under the lock. */
bool blob_ids_is_settled(const struct blob_ids *ids, uint64_t id);

/* ---- Shared stores (blob_shared.c) ---- */

/* Before anything is changed in staging/: whether the folder is another's. 0, -EMEDIUMTYPE or an errno. */
int blob_shared_look(struct blob_store *store);
/* After the folders are open: makes it this cluster's, if it was nobody's. As blob_shared_look. */
int blob_shared_admit(struct blob_store *store);
/* Opens this process's own folder below staging/. */
int blob_shared_staging(struct blob_store *store);
/* The keeper's work: tells of blocks that are settled, and takes the next one where it is due. Blocks; not under the lock. */
int blob_shared_keep(struct blob_store *store);
/* Under the lock: 0 and an id, or -EAGAIN. *wants: the keeper is to take a block. */
int blob_shared_take(struct blob_ids *ids, uint64_t *id, bool *wants);
/* Under the lock. Whether all of its block is settled now, so that the keeper is to tell it. */
bool blob_shared_settle(struct blob_ids *ids, uint64_t id);
bool blob_shared_is_settled(const struct blob_ids *ids, uint64_t id);
/* The keeper has ended: tells of what is settled, and frees the blocks. */
void blob_shared_end(struct blob_store *store);

/* ---- Units that are rows (blob_row.c) ---- */

/* All of it, BLOB_ROW_BYTES_MAX at most: how many bytes, -ENOENT, or another negative errno. Blocks. */
int blob_row_read(struct blob_store *store, uint64_t id, void *bytes);
/* A descriptor of its bytes, or a negative errno. Blocks. */
int blob_row_open(struct blob_store *store, uint64_t id);
/* Such a descriptor has so many bytes: 0, -ESTALE, or another negative errno. */
int blob_row_judge(int fd, uint64_t length);

/* ---- Segments (segment_space.c) ---- */

/* After a crash: gives back what lies between and after the units of a blob that rows name, if it is a segment. */
int segment_recover(struct blob_store *store, uint64_t blob, blob_units_fn units, void *ctx);

/* ---- What files say of themselves (blob_identity.c) ---- */

/* Whether it names a store. */
bool blob_identity_is_known(const struct blob_identity *identity);

/* Room for the record at the end of a blob's file. */
#define BLOB_RECORD_BYTES_MAX 128u
/* Makes it; returns its length. `payload` bytes lie before it. */
size_t blob_record_make(struct blob_store *store, uint64_t blob, uint64_t payload, void *bytes);

/* What the name of a file promises, and its row. */
struct blob_claim {
    uint64_t blob, offset; /* of the unit */
    bool is_segment;       /* the file is asked whether it is one; else whether it is a blob */
};

/* A unit that begins inside its file lies in a segment, or in a blob that several units share. Only some places can be a segment's. */
static inline struct blob_claim blob_claim_of(uint64_t blob, uint64_t unit_offset)
{
    return (struct blob_claim){.blob = blob,
                               .offset = unit_offset,
                               .is_segment = unit_offset > 0 && unit_offset % SEGMENT_ALIGN_BYTES == 0};
}
/* After blob_record_judge: whether the file, which is no segment, is to be asked the other question. */
static inline bool blob_claim_turn(struct blob_claim *claim, int err)
{
    bool turns = err == -EBADMSG && claim->is_segment;

    claim->is_segment &= !turns;
    return turns;
}

/* What it holds, by its own word. */
enum blob_file_kind {
    BLOB_FILE_UNKNOWN, /* nobody has looked */
    BLOB_FILE_OLD,     /* it says nothing, as those of earlier versions do */
    BLOB_FILE_BLOB,    /* a blob of its own, of a known length */
    BLOB_FILE_SEGMENT,
};
struct blob_contents {
    enum blob_file_kind kind;
    uint64_t payload; /* bytes, of BLOB_FILE_BLOB */
};

/* Bytes that blob_record_judge wants to see of a file of so many, and where they begin. wanted: 0 at first, then what it said. */
size_t blob_record_place(const struct blob_claim *claim, uint64_t file_bytes, size_t wanted,
                         uint64_t *offset);
/* Whether the file is the one that the claim is about. bytes: what blob_record_place asked for. 0 and contents; -ENOBUFS: come again
 * with *wanted bytes; -ESTALE: it says that it is another's; -EBADMSG: it says nothing where it should, or what it says is damaged. */
int blob_record_judge(struct blob_store *store, const struct blob_claim *claim, uint64_t file_bytes,
                      const void *bytes, size_t length, size_t *wanted, struct blob_contents *contents);
/* Whether contents go with the unit of the row; length 0: not known. */
bool blob_contents_fit(const struct blob_contents *contents, const struct blob_claim *claim, uint64_t length);

/* The same for threads that may wait: 0 and contents, or as blob_record_judge, or the errno of reading. The claim says then what was asked. */
int blob_contents_read(struct blob_store *store, struct blob_claim *claim, int fd,
                       struct blob_contents *contents);

/* What the head of a segment says. */
struct segment_head {
    /* store all zero: nothing, as the heads of earlier versions; epoch 0: a store that syncs nothing */
    struct blob_identity identity;
    uint64_t blob; /* 0: nothing */
};

/* Makes the head: a line for people at the front of the block, and a record at its end. block: SEGMENT_ALIGN_BYTES of zeros. */
void segment_head_make(const struct segment_head *head, void *block);
/* Reads the head of a file. 1; 0 when it is no segment's; -EBADMSG: a segment's, and what its head says is damaged or of a later
 * version; or the negative errno of reading. A client's bytes can look like a head, but for the id of the store, which no client
 * knows. Blocks. */
int segment_head_read(int fd, struct segment_head *head);
/* The same for the first block of a file, which has `length` bytes. */
int segment_head_parse(const void *block, size_t length, struct segment_head *head);

/* ---- Place and lock ---- */

/* Whether a store may have this folder, which messages call `folder`: 0 or -EREMOTE, told in the log; or another errno. */
int blob_place_check(const struct blob_store_options *options, int fd, const char *folder);

/* Makes or opens a folder below `at`, without a lock. */
int blob_layout_folder(struct blob_store *store, int at, const char *name, int *fd);
/* Removes what is in a folder of that name below staging/, and nothing else. */
int blob_layout_empty(int staging_fd, const char *name);

/* Locks a folder that the store has opened, for as long as it is open. 0 or -EBUSY; where folders cannot be locked, 0 and a
 * warning. */
int blob_lock_folder(struct blob_store *store, int fd, const char *name);
/* Opens and locks LOCK. 0, -EBUSY or another errno. */
int blob_lock_take(struct blob_store *store);
/* ---- lost/ (blob_lost.c) ---- */

/* Moves the blob's file there; blob_lost_sync makes that durable, before its folder is synced. 0 or a negative errno: it is where it was. */
int blob_lost_take(struct blob_store *store, uint64_t blob);
int blob_lost_sync(struct blob_store *store);

/* ---- Folders ---- */

#define BLOB_PATH_BYTES 24u /* "3f/0000000000003f2a" and its NUL, rounded up */

struct blob_folder {
    struct blob_store *store;
    struct queue waiting; /* linked, but no sync that counts for them has begun */
    struct queue running; /* the sync in flight counts for these */
    bool active;
    struct ring *ring; /* the ring that runs the batch */
    struct ring_op op;
    int fd;            /* while a batch runs */
    unsigned failures; /* syncs of it that failed */
    bool exists;       /* with its name on disk; of blob_layout_make_folders alone */
    char path[4];
};

unsigned blob_folder_of(uint64_t blob);
/* Relative to store->blobs_fd. */
void blob_path_format(char path[BLOB_PATH_BYTES], uint64_t blob);
/* The id in a file's name without its folder; 0 for anything that is not a blob's name. */
uint64_t blob_name_parse(const char *name);

/* How many syncs of the folder have failed so far; and one more has. */
unsigned blob_folder_failures(struct blob_store *store, unsigned folder);
void blob_folder_doubt(struct blob_store *store, unsigned folder);
/* waiter->op is posted with 0 once the folder was synced by a sync that began after this call, or with the failure. failures: as of before
 * the name was made: one that fails in between may have lost it. */
void blob_folder_sync(struct blob_store *store, unsigned folder, unsigned failures,
                      struct blob_waiter *waiter);
bool blob_folder_forget(struct blob_store *store, unsigned folder, struct blob_waiter *waiter);

/* The data folder itself; then, under its lock, everything below. */
int blob_layout_open_data(struct blob_store *store, const char *data_dir);
int blob_layout_open(struct blob_store *store);
/* As blob_store_walk, of ids in [first, end) alone: only folders that they go to are read. */
int blob_layout_walk(struct blob_store *store, uint64_t first, uint64_t end,
                     int (*visit)(void *ctx, uint64_t blob, uint64_t size_bytes), void *ctx);
/* Whether the folders of such blobs are so short, by their sizes, that reading them costs less than asking for each name. */
bool blob_layout_is_short(struct blob_store *store, uint64_t first, uint64_t end);
/* Makes the folders that ids in [first, end) go to, and their names durable. Blocks; one thread at a time. */
int blob_layout_make_folders(struct blob_store *store, uint64_t first, uint64_t end);
/* Syncs the folders that are marked, in every store. 0 or the first failure, which the folder remembers. */
int blob_layout_sync_folders(struct blob_store *store, const bool marked[BLOB_FOLDER_COUNT]);
/* Makes sure that the names of all folders, and of SEQUENCE, are on disk. */
/* Makes the name of a blob durable that was given just now. */
int blob_layout_sync_name(struct blob_store *store, uint64_t blob);
int blob_layout_sync(struct blob_store *store);

/* ---- Descriptors for reading ---- */

struct blob_file {
    uint64_t blob;
    int fd;
    uint32_t refs;
    bool cached;  /* in the table; false: closed with the last reference */
    unsigned age; /* of the table when it was used last */
    /* enum blob_file_kind: what it says of itself, once somebody has looked */
    atomic_int kind;
    atomic_uint_fast64_t payload; /* of BLOB_FILE_BLOB; valid once kind is known */
    struct blob_file *hash_next, *idle_next, *idle_prev;
};

#define BLOB_CACHE_BUCKETS 1024u

struct blob_cache {
    pthread_mutex_t lock;
    unsigned count, count_max;
    struct blob_file *buckets[BLOB_CACHE_BUCKETS];
    struct blob_file idle; /* ring of unreferenced entries, least recently used first */
    unsigned age;          /* blob_cache_close_idle */
};

void blob_cache_init(struct blob_cache *cache);
void blob_cache_free(struct blob_cache *cache);
/* A reference, or NULL: not cached, open it and blob_cache_add. */
struct blob_file *blob_cache_get(struct blob_cache *cache, uint64_t blob);
/* Takes over fd, also on failure. Returns 0 or -ENOMEM. */
int blob_cache_add(struct blob_cache *cache, uint64_t blob, int fd, struct blob_file **file);
/* Returns -1, or a descriptor that the caller must close, off the event loop: its file may be unlinked, and closing the
 * last descriptor of a large one is the slow part of deleting it. */
int blob_cache_release(struct blob_cache *cache, struct blob_file *file);
/* The same for the table's own hold on a blob that was removed. */
int blob_cache_drop(struct blob_cache *cache, uint64_t blob);
/* Closes what nobody reads, when descriptors run out. Returns how many. */
unsigned blob_cache_shed(struct blob_cache *cache);
/* Closes what nobody has read since the call before the last. */
void blob_cache_close_idle(struct blob_cache *cache);

/* ---- Damage ---- */

struct blob_damages {
    atomic_uint_fast64_t met[BLOB_DAMAGE_COUNT];
    pthread_mutex_t lock;                   /* for all below */
    struct blob_unit told[DAMAGE_TOLD_MAX]; /* the last ones that the log knows of */
    unsigned told_next;
    struct log_limit limit;
};

void blob_damages_init(struct blob_damages *damages);
void blob_damages_free(struct blob_damages *damages);

/* ---- The store ---- */

struct blob_pins {
    pthread_mutex_t lock;
    pthread_cond_t moved;                    /* the first unknown pin became known or left */
    struct blob_pin *unknown, *unknown_last; /* in the order they were entered */
    struct blob_pin *known;
    uint64_t ticket_next;
    unsigned barriers; /* threads waiting in blob_pin_barrier */

    pthread_mutex_t look_lock; /* one walk at a time; before `lock` */
    struct blob_pin
        *look_at;       /* the known pin at which the walk stands; NULL: none is under way, or it is over */
    uint32_t look_unit; /* and the next of its units */
};

/* What a file system that may not answer said last of its room. Under `lock`. */
struct blob_room {
    pthread_mutex_t lock;
    pthread_cond_t asked, told;
    pthread_t thread; /* the one that asks, once somebody wanted to know */
    bool has_thread, stops;
    bool is_asked; /* and no answer has come yet */
    bool is_late;  /* which somebody has waited for in vain */
    int err;       /* of fstatvfs, negative; -EAGAIN: no answer was there ever */
    struct statvfs fs;
};

void blob_room_open(struct blob_room *room);
void blob_room_close(struct blob_room *room);

struct blob_store {
    uint32_t magic;
    atomic_uint refs;
    struct blob_store_options options;
    int dir_fd, lock_fd, blobs_fd, staging_fd;
    int lost_fd;                   /* -1 until something is moved there */
    int staging_all_fd;            /* of a shared store, whose staging_fd is its own folder in it; else -1 */
    enum blob_residency residency; /* chosen once, at open */

    struct blob_ids ids;
    pthread_mutex_t folders_lock;
    struct blob_folder folders[BLOB_FOLDER_COUNT];
    struct blob_cache cache;
    struct blob_pins pins;
    struct blob_damages damages;
    struct hot_units *hot; /* small units that are asked for often */

    struct blob_room room;
    atomic_uint_fast64_t min_free_bytes; /* of the options, and what they were changed to */
    atomic_uint min_free_share;
    atomic_uint_fast64_t free_stamp_ms, free_bytes;
    atomic_uint_fast64_t kept_bytes;     /* of those, by min_free_* */
    atomic_uint_fast64_t reserved_ahead; /* by uploads, for bytes that have not come */
    atomic_uint_fast64_t cold_reads;     /* that the ring was asked for */
    atomic_uint_fast64_t staging_next;   /* makes names below staging/ unique */

    atomic_bool no_nowait; /* this file system has no RWF_NOWAIT */
    /* What was tried and refused by this file system; each is said once in the log. */
    atomic_bool no_tmpfile, no_splice_in, no_splice_out, no_reserve, no_pipes, no_punch, no_sparse;
};

#define BLOB_STORE_MAGIC 0xb10b5703u

void blob_store_hold(struct blob_store *store);
void blob_store_release(struct blob_store *store);
void blob_store_log(struct blob_store *store, enum log_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Tells the owner: blob_store_options.on_grown. No lock may be held. */
void blob_store_grown(struct blob_store *store);
/* Logs the first time only. */
void blob_store_log_once(struct blob_store *store, atomic_bool *said, const char *message);

/* Closes a descriptor in the ring, for closes that may have to free a large file. -1 is allowed. */
void blob_close_later(struct blob_store *store, struct ring *ring, int fd);

#endif
