/* SPDX-License-Identifier: MIT
 *
 * The folder of flat files. A blob is one immutable file named by a 64-bit id; what it means is the caller's business.
 *
 *   DATA/LOCK               flock'ed by the one process that has the store open, as are DATA, blobs/ and staging/ themselves
 *   DATA/blobs/SEQUENCE     which ids may be in use: [settled, promised); see below
 *   DATA/blobs/3f/0000000000003f2a   blob 0x3f2a; folder = (id / BLOB_FOLDER_RUN) % BLOB_FOLDER_COUNT
 *   DATA/lost/              what recovery could not explain, see below; or DATA/blobs/lost where blobs/ is on a file system of its own
 *   DATA/staging/           uploads in flight, where the file system has no O_TMPFILE; emptied at open
 *
 * What survives a crash. When all bytes of a blob are there, it gets its id, and a record at the end of its file that says whose bytes they
 * are. When these are synced and the blob is published, the file gets its name. Until the row that refers to it is committed, only SEQUENCE
 * tells that the file may be there: ids are handed out from a block whose end was written and synced beforehand, and each id below
 * `settled` has a row, or no file. After a crash blob_store_recover probes [settled, promised) and removes files that no row names. That is
 * bounded work, however many objects there are.
 *
 * It deletes only what it understands. Where SEQUENCE is damaged, or the rows may be of another time than the files (blob_store_doubt), or
 * nothing was synced, such files are moved to lost/, and nothing is given back in segments.
 *
 * Several processes may share the folder instead (struct blob_shared). Then there is no SEQUENCE: whoever brings them together hands out the
 * ids, and has files that a dead one left probed (blob_store_clear). DATA/CLUSTER says whose folder it is, and each has staging/NUMBER.
 *
 * Threads: every function may be called from any thread unless it says otherwise. */
#ifndef STORAGE_BLOB_BLOB_STORE_H
#define STORAGE_BLOB_BLOB_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "storage/base/log.h"
#include "storage/limits.h"
#include "storage/blob/record.h"
#include "storage/ring/ring.h"

struct blob_store;

/* Several processes, on several machines perhaps, have the folder open at once. Nothing is locked against each other but a single process
 * that would have it alone; there are no segments, and blob_store_recover is not called. */
struct blob_shared {
    uint64_t server;                            /* this process's number, which nobody else ever has */
    unsigned char store[RECORD_STORE_ID_BYTES]; /* whose folder it has to be */
    /* Gives this process BLOB_ID_BLOCK ids from *first on that nobody was given before, and remembers that files may lie there until they are
     * settled. 0 or a negative errno: it is asked again. On a thread of the store; may block. */
    int (*take_block)(void *ctx, uint64_t *first); /* 0, or -EHOSTDOWN: who wants an id is told that */
    /* Each of them has its row, or no file. Told at blob_store_close, too, of the last ones. 0 or a negative errno: it is told again. */
    int (*settle_block)(void *ctx, uint64_t first);
    /* The bytes of a unit that is a row, as they are stored: how many (BLOB_ROW_BYTES_MAX at most, for which there is room), -ENOENT, or another
     * negative errno. Any thread, those of rings too; may block. NULL: there are none. */
    int (*read_row)(void *ctx, uint64_t id, void *bytes);
    void *ctx;
};

/* Whether a blob's id is none of a file, but of a row. Such a unit begins at 0 and can be read; nothing else is ever done with it here. */
static inline bool blob_is_row(uint64_t id)
{
    return id >= BLOB_ROW_FIRST;
}

struct blob_store_options {
    /* false leaves out every sync but those of SEQUENCE and of a point (below); the order of events stays */
    bool durable;
    bool copy_mode; /* true: --copy-mode=standard, read/write instead of splice/sendfile */
    bool read_only; /* for `sluice check`: takes LOCK, creates and changes nothing else */
    /* the caller answers for it that no other machine has the folder open: any file system will do */
    bool shared_fs;
    log_fn log; /* messages for the operator; may be NULL */
    void *log_ctx;
    /* A block of ids was promised, or a segment made, while writers work: a good moment to raise the epoch. Called from threads of the
     * store, some times a second at most; must not block; may be NULL. */
    void (*on_grown)(void *ctx);
    void *grown_ctx;
    /* what no upload may take: so many bytes, and so many percent of the file system; the larger of the two counts */
    uint64_t min_free_bytes;
    unsigned min_free_share;
    const struct blob_shared *shared; /* NULL: this process alone; as long as the store */
};

/* data_dir: created (0700) with its folders when missing, unless read_only.
 * Returns 0; -EBUSY when another process has the store, or a folder of it, open; -EREMOTE as blob_store_check_place, with nothing
 * made; -EBADMSG when SEQUENCE is damaged beyond repair; -EMEDIUMTYPE: the folder is shared by others, or not by these, which the log
 * tells; or the errno of the failing call. Blocks; not for event-loop threads. */
int blob_store_open(struct blob_store **store, const char *data_dir,
                    const struct blob_store_options *options);

/* Would blob_store_open take the file systems of data_dir (or, while it is missing, of the folder that it would be made in) and of
 * what is in it? 0, also when there is nothing to look at; -EREMOTE when other machines may have one mounted and shared_fs is not
 * set: the log says which, and why. Of the options only shared_fs, log and log_ctx count. Creates and changes nothing, takes no
 * lock. Blocks. */
int blob_store_check_place(const char *data_dir, const struct blob_store_options *options);

/* Every writer, egress and pin must be gone. Writes SEQUENCE so that the next start has nothing to probe. NULL allowed.
 * Disk work that freed writers and egresses left in flight in a ring keeps LOCK until it is done: destroy the rings first
 * if the store is to be opened again at once. */
void blob_store_close(struct blob_store *store);

/* ---- Whose files these are, and of which time ----
 *
 * SEQUENCE and the heads of segments carry the id of their store and its epoch, a number that the owner raises from time to time and
 * keeps elsewhere, too. So files and owner can tell when one of them was exchanged for an older or a foreign one. */

struct blob_identity {
    unsigned char store[RECORD_STORE_ID_BYTES]; /* all zero: none */
    uint64_t epoch;
};

/* What is written into files of this store from now on; the epoch never decreases. Any thread. */
void blob_store_identify(struct blob_store *store, const struct blob_identity *identity);
void blob_store_identity(struct blob_store *store, struct blob_identity *identity);
/* What SEQUENCE said when the store was opened: false when it said nothing (new or older store). */
bool blob_store_identity_found(struct blob_store *store, struct blob_identity *identity);
/* The highest epoch in SEQUENCE and in those files of that store which a crash may have left unsettled; a few of the newest are looked at.
 * After an unclean end, what a store that syncs nothing has written does not count: its owner may have lost its own part of it. *epoch: 0
 * if none is found. 0 or a negative errno. Blocks; before blob_store_recover. */
int blob_store_epoch_found(struct blob_store *store, const unsigned char id[RECORD_STORE_ID_BYTES],
                           uint64_t *epoch);

/* How the store was left. */
struct blob_past {
    bool is_damaged;  /* SEQUENCE tells nothing though there are files */
    bool is_torn;     /* only the older of its two records can be read */
    bool is_unclean;  /* the last process has not closed it */
    bool was_durable; /* and synced what it wrote; false when SEQUENCE tells nothing */
    bool had_log;     /* blob_store_log_is_there: it must be there still */
};
/* Any thread, after open. */
void blob_store_past(struct blob_store *store, struct blob_past *past);

/* The owner has a log beside the files from now on; without it the latest changes would be lost. Makes the log's name durable, and
 * SEQUENCE tells of it from its next record on. Before blob_store_recover; nothing to do in a store that is not durable. 0 or a
 * negative errno. Blocks. */
int blob_store_log_is_there(struct blob_store *store);
/* The owner is about to remove its log: SEQUENCE says so, durably, when this returns 0. No writer may be left. Blocks. */
int blob_store_log_ends(struct blob_store *store);

/* How little the rows may know of the files. */
enum blob_doubt {
    BLOB_DOUBT_NONE,
    BLOB_DOUBT_FILES, /* some of the latest: those that no row names are moved to lost/ */
    BLOB_DOUBT_UNITS, /* and of the units in segments: nothing is given back there */
    BLOB_DOUBT_ALL,   /* the rows may be of another time: every file is looked at */
};
/* To be called before blob_store_recover; what was said before stays, if it is more. */
void blob_store_doubt(struct blob_store *store, enum blob_doubt doubt);

/* ---- lost/: what no row names and no unfinished upload explains ---- */

struct blob_lost {
    const char *name; /* when it came there, and what it was: 20261129T140144Z-0000000000003f2a */
    uint64_t bytes;   /* that it takes on the disk */
    uint64_t age_s;
};

/* Keeps a copy of a file of the data folder there, durably. 0 or a negative errno. Blocks. */
int blob_store_lost_keep(struct blob_store *store, const char *name);
/* Oldest first. visit non-zero stops and is returned. 0 also when there is no such folder. Blocks. */
int blob_store_lost_walk(struct blob_store *store, int (*visit)(void *ctx, const struct blob_lost *lost),
                         void *ctx);
/* Removes what is older than so many days, and then the oldest until the rest takes at most so many percent of the file system, a log line
 * for each; both 0: everything, also in a store that was opened read only, with nothing in the log. *files, *bytes: what was removed. 0 or a
 * negative errno. Blocks. */
int blob_store_lost_bound(struct blob_store *store, unsigned days, unsigned share, uint64_t *files,
                          uint64_t *bytes);

/* To be called before blob_store_recover: `last` is the highest blob that some row names. Ids go on above it even where
 * SEQUENCE is lost or too old, for a row whose file is gone must not find the bytes of another. Returns 0 or -EBADMSG. */
int blob_store_stay_above(struct blob_store *store, uint64_t last);

/* To be called once, after open and before the first writer: removes published blobs that no row names.
 * is_live: 1 when some row refers to the blob, 0 when none does, negative errno to stop.
 * units: visits every unit of the blob that some row names, in ascending order, and returns 0, what `visit` returned, or a
 * negative errno; it lets recovery give back what lies between the units of a segment. NULL where there are no segments.
 * removed: receives the number of files removed, without those that were moved to lost/; may be NULL. Blocks. */
typedef int (*blob_units_fn)(void *ctx, uint64_t blob,
                             int (*visit)(void *visit_ctx, uint64_t offset, uint64_t length),
                             void *visit_ctx);
int blob_store_recover(struct blob_store *store, int (*is_live)(void *ctx, uint64_t blob),
                       blob_units_fn units, void *ctx, uint64_t *removed);

/* What a process that is gone has left in a shared store: files with ids in [first, first + BLOB_ID_BLOCK) that no row names are removed, durably.
 * It must not be able to make rows any more. is_live and removed as in blob_store_recover. 0 or a negative errno. Blocks. */
int blob_store_clear(struct blob_store *store, uint64_t first, int (*is_live)(void *ctx, uint64_t blob),
                     void *ctx, uint64_t *removed);
/* Its uploads in flight: staging/SERVER, which is to be cleared before its blocks: then it can name no file any more. 0 or a negative errno. Blocks. */
int blob_store_clear_staging(struct blob_store *store, uint64_t server);
/* Closes descriptors that nobody has used since the call before the last: others may have removed their files, which keep their space until
 * then. Blocks. */
void blob_store_close_idle(struct blob_store *store);

/* Whether blob_store_recover, which has not run, would look at the blob: if it has no row, that is what a crash leaves and the
 * next start clears away. */
bool blob_store_awaits_recovery(struct blob_store *store, uint64_t blob);

/* The row that names this blob is committed, or the blob is gone: a crash from now on need not probe it. Cheap.
 * Must be called exactly once for each published blob. */
void blob_store_settle(struct blob_store *store, uint64_t blob);
/* The same for a segment: SEQUENCE says so within moments, so that the next start does not look at thousands of units. */
void blob_store_settle_segment(struct blob_store *store, uint64_t blob);
/* False from the moment its id was handed out until it is settled. A segment that is not settled may still take units. */
bool blob_store_is_settled(struct blob_store *store, uint64_t blob);

/* ---- Points: what of a store that is not durable is on the disk ----
 *
 *   blob_point_take -> blob_point_sync (and whatever else the owner has to sync) -> blob_point_keep
 *
 * What was published, or written into a segment, before blob_point_take is on the disk after blob_point_sync. blob_point_keep says so in
 * SEQUENCE, and the owner notes the struct blob_point elsewhere. So a start after a power failure need not check those bytes. */

struct blob_point {
    uint64_t settled;                   /* everything below has its row or no file */
    uint64_t next;                      /* blobs from here on are not part of the point */
    uint64_t settles;                   /* as blob_point_settles told then */
    uint64_t open[BLOB_POINT_OPEN_MAX]; /* nor are these, which were being published or filled; ascending */
    uint32_t open_count;
};

void blob_point_take(struct blob_store *store, struct blob_point *point);
/* How many blobs were settled since the store was opened. When a point has another number, one that it names as open may be complete
 * now, though no row came since. Any thread. */
uint64_t blob_point_settles(struct blob_store *store);
/* Syncs everything on the file system of the blobs. After a failure do not try again: nobody knows what was not written, and the next sync
 * may succeed without it. Blocks, for as long as the disk takes. */
int blob_point_sync(struct blob_store *store);
/* point NULL: everything that was published is on the disk; the record is then left to blob_store_close. 0 or a negative errno. Blocks. */
int blob_point_keep(struct blob_store *store, const struct blob_point *point);

/* Removes a blob's file. Readers that have it open keep their bytes. -ENOENT counts as success. Blocks. */
int blob_store_remove(struct blob_store *store, uint64_t blob);

/* Makes the removal of these blobs durable (nothing to do in a store that is not): to be called before they are settled or
 * struck off a list, for a power failure would bring back files that nobody remembers. 0 or a negative errno; it may be tried again, and
 * then removes them anew. Blocks. */
int blob_store_sync_removed(struct blob_store *store, const uint64_t *blobs, uint32_t count);
/* The same in every store, durable or not: for lists that are worked off on a thread of its own, where it holds nobody up. */
int blob_store_sync_garbage(struct blob_store *store, const uint64_t *blobs, uint32_t count);

/* Bytes in a segment that are to be given back. */
struct blob_run {
    uint64_t offset, length; /* offset > 0, a multiple of SEGMENT_ALIGN_BYTES; length is rounded up to one */
};
/* Punches holes there, and makes that durable; sorts the runs. Nobody may be reading them. 0 (also when the file is gone) or a
 * negative errno. Blocks. */
int blob_store_punch(struct blob_store *store, uint64_t blob, struct blob_run *runs, uint32_t count);
/* Whether the file is a blob that units share, and no segment: 1, 0, or a negative errno. Blocks. */
int blob_store_is_shared(struct blob_store *store, uint64_t blob);
/* The same in several files, and for units of segments or of blobs that several share: runs are whole units, anywhere in the file, and only
 * whole blocks between what is left become holes. Each file is opened and synced once, and files are punched side by side: where the
 * file system tells the disk of each hole at once (discard), a punch waits a millisecond for it, and the disk takes many at a time.
 * units: as in blob_store_recover, those in `runs` among them; called on this thread. Blocks. */
struct blob_giving {
    uint64_t blob;
    struct blob_run *runs; /* are sorted */
    uint32_t count;
    int result; /* out: 0, also when the file is gone, or a negative errno: all of it is to be given back again */
    int fd;     /* private, as is the next one */
    bool is_segment;
};
void blob_store_give_back(struct blob_store *store, struct blob_giving *list, uint32_t count,
                          blob_units_fn units, void *ctx);
/* Cuts a file to at most so many bytes, durably. 0 (also when the file is gone) or a negative errno. Blocks. */
int blob_store_cut(struct blob_store *store, uint64_t blob, uint64_t bytes);

/* The data folder, open as long as the store. Any thread. */
int blob_store_folder_fd(const struct blob_store *store);
/* Of a shared store: staging/NUMBER. */
int blob_store_own_folder_fd(const struct blob_store *store);
/* Of those that the store was given, how many ids no file has yet. A shared store's. Any thread. */
uint64_t blob_store_ids_left(struct blob_store *store);

/* Free bytes an ordinary user can still write (statvfs), at most a second old; older where a file system that other machines have, too
 * (options.shared_fs), does not answer at once: nobody waits for that for more than a moment. */
uint64_t blob_store_free_bytes(struct blob_store *store);
/* The same without what options.min_free_bytes and min_free_share keep free: what an upload that begins now may take. */
uint64_t blob_store_room_bytes(struct blob_store *store);
/* The same, asked of the file system now. UINT64_MAX: it cannot say. */
uint64_t blob_store_room_now(struct blob_store *store);
/* Other values for options.min_free_bytes and min_free_share, for uploads to come. Any thread. */
void blob_store_keep_free(struct blob_store *store, uint64_t bytes, unsigned share);
/* Whether an upload of so many bytes (UINT64_MAX: not known) may begin. Where room is to be kept free, what it may take before the disk is
 * looked at for it again counts as used from now on: many may begin before the file system is asked again. */
bool blob_store_takes(struct blob_store *store, uint64_t bytes);

/* Calls visit for every blob file found. Order is not defined. A non-zero return of visit stops and is returned. Blocks. */
int blob_store_walk(struct blob_store *store, int (*visit)(void *ctx, uint64_t blob, uint64_t size_bytes),
                    void *ctx);

/* Gives `to`, a store that is being made, the blob of `from`, which is only read from: another name for the file, or, where files cannot have
 * two or the file may change (holes), a copy. 0, also where it is there already, or a negative errno. Blocks. */
int blob_store_carry(struct blob_store *from, struct blob_store *to, uint64_t blob, bool changes);
/* Whether the blob's file is there. Blocks. */
bool blob_store_has(struct blob_store *store, uint64_t blob);

/* Opens a blob for reading, read-only and O_CLOEXEC, past the descriptor cache. Returns a descriptor or -ENOENT, -EIO,
 * -EMFILE. The caller closes it. Blocks. */
int blob_store_open_fd(struct blob_store *store, uint64_t blob);

/* ---- Pins: what a reader may still need ----
 *
 * A reader pins *before* it looks the object's row up, tells which units the row named, and unpins when it has sent
 * them. The reclaimer removes a blob only when no pin may still need it: rows are read from a snapshot, so a row that was
 * committed away may still be in a reader's hands. */

/* What was written together and is given back together: a file of its own (offset 0), or a run inside a segment. */
struct blob_unit {
    uint64_t blob, offset;
};

struct blob_pin {
    struct blob_pin *next, *prev;  /* private */
    const struct blob_unit *units; /* private: NULL while unknown */
    uint32_t unit_count;
    bool known;
    uint64_t ticket; /* private: order of entering */
};

void blob_pin_enter(struct blob_store *store, struct blob_pin *pin);
/* units: must stay valid until blob_pin_leave; may hold duplicates. */
void blob_pin_known(struct blob_store *store, struct blob_pin *pin, const struct blob_unit *units,
                    uint32_t count);
void blob_pin_leave(struct blob_store *store, struct blob_pin *pin);

/* Waits until every pin that is now entered and not yet known has become known or left. Blocks (briefly). Call it after
 * the commit that made blobs garbage, before blob_pins_look. */
void blob_pin_barrier(struct blob_store *store);
/* For qsort: by blob, then by offset. */
int blob_unit_compare(const void *a, const void *b);

/* Of a list of units, ascending by blob and offset, which ones known pins name: held[i] gets BLOB_HELD_UNIT when some pin names units[i], and
 * BLOB_HELD_FILE when one names any unit of its blob. One walk over all pins, however long the list; readers are not held up by it. 0 or
 * -ENOMEM. May sleep; not for event loops. */
enum { BLOB_HELD_UNIT = 1, BLOB_HELD_FILE = 2 };
int blob_pins_look(struct blob_store *store, const struct blob_unit *units, uint32_t count,
                   unsigned char *held);
/* The same of one unit; true also when there is no memory to find out. */
bool blob_pin_holds(struct blob_store *store, struct blob_unit unit);

/* ---- Mending: bytes that the disk has lost, from another folder that has the same blobs ---- */

/* The file of that blob in another store's folder: a descriptor to read from, for the caller to close; -ENOENT; errno. Blocks. */
int blob_elsewhere_open(int folder_fd, uint64_t blob);
/* Puts the unit's bytes, which are damaged here and as they should be in `from`, a file of that blob elsewhere, where they belong, durably. The
 * unit is pinned, and whoever calls it looks at the bytes again. 0; -ESTALE: its file is here and not what its name says, and may hold more than
 * the other one; errno. Blocks; one thread at a time. */
int blob_store_mend(struct blob_store *store, struct blob_unit unit, uint64_t length, int from);

/* How many reads have had to wait for the disk since the store was opened, of any reader. Any thread; an atomic load. */
uint64_t blob_store_cold_reads(const struct blob_store *store);

/* ---- Damage: bytes that were not given out, because they are not those that were stored ---- */

enum blob_damage {
    BLOB_DAMAGE_SUM,        /* they do not have their checksum */
    BLOB_DAMAGE_IDENTITY,   /* the file is not the blob that its name says */
    BLOB_DAMAGE_UNREADABLE, /* the file is missing or too short, or the disk refuses it */
    BLOB_DAMAGE_COUNT
};

/* Whether the open file is the one that a row's unit lies in, by what the file says of itself; length: the unit's. 0 also for files of
 * earlier versions, which say nothing; -ESTALE: it says that it is another's; -EBADMSG: it says nothing where it should, or what it says is
 * damaged; the errno of reading. Blocks. */
int blob_store_judge(struct blob_store *store, struct blob_unit unit, uint64_t length, int fd);

/* ---- Files of earlier versions, which do not say what they are (blob_record_add.c) ---- */

/* Blobs from this id on have to say what they are. Ids begin with 1: then all have to. */
uint64_t blob_store_records_from(struct blob_store *store);
/* Has the file of the unit say what it is, in which there lies a unit of `length` bytes: all of the payload, if it lies at 0. 1: it does now; 0:
 * it did; -ENOENT: there is no such file; -EBADMSG, -ESTALE: it is not what the unit says, and stays as it is; or another errno. Not synced. Blocks;
 * nobody else writes to the file. */
int blob_store_record_add(struct blob_store *store, struct blob_unit unit, uint64_t length);
/* From here on every file has to say what it is: called when those of all blobs do. Syncs them first. 0 or a negative errno. Blocks. */
int blob_store_records_are_there(struct blob_store *store);

/* Counts it, and logs "blob ... WHAT", unless that was said already or too much was. Returns whether there was a line. */
bool blob_damage_note(struct blob_store *store, struct blob_unit unit, enum blob_damage damage,
                      const char *what);
/* How often readers have met it since the store was opened. */
uint64_t blob_store_damage_met(struct blob_store *store, enum blob_damage damage);

#endif
