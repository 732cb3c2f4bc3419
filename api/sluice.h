/* SPDX-License-Identifier: MIT
 *
 * Sluice: an object store in a directory, as a C library. This header is the product; everything else may change.
 *
 * A store holds buckets; a bucket holds objects under keys (any bytes up to 1,024). Contents are immutable: a put replaces
 * an object as a whole, and readers of the old one keep it to their end.
 *
 *     struct sluice_store *store;
 *     int err = sluice_store_open(&store, "./data", NULL);
 *     err = sluice_bucket_create(store, "artifacts");
 *     err = sluice_put(store, "artifacts", "app/1.0.tar", data, length, NULL, NULL);
 *     ...
 *     sluice_store_close(store);
 *
 * Threads: every function may be called from any thread, several at a time, except that one sluice_writer or sluice_reader
 * belongs to one thread at a time. Calls block until done; a put is durable when it returns 0 (unless the store is relaxed).
 * The library keeps no global state, installs no signal handler and never exits the process. A host process should ignore
 * SIGPIPE if it starts servers. Several stores may be open in one process, each on its own directory.
 *
 * Errors: 0 for success, negative for failure: a negative errno, or one of SLUICE_E_*. sluice_strerror gives a text.
 * Strings are UTF-8 and NUL-terminated unless a length stands beside them. */
#ifndef SLUICE_H
#define SLUICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SLUICE_VERSION "0.1.0"

#if defined(__GNUC__)
#define SLUICE_API __attribute__((visibility("default")))
#else
#define SLUICE_API
#endif

struct sluice_store;
struct sluice_writer;
struct sluice_reader;
struct sluice_server;

enum sluice_error {
    SLUICE_E_NO_BUCKET = -5001,
    SLUICE_E_BUCKET_EXISTS = -5002,
    SLUICE_E_BUCKET_NOT_EMPTY = -5003,
    SLUICE_E_NO_KEY = -5004,
    SLUICE_E_PRECONDITION = -5005,
    SLUICE_E_NEWER_STORE = -5009, /* written by a newer version */
    SLUICE_E_NOT_A_STORE = -5010,
    SLUICE_E_CORRUPT = -5011,
    SLUICE_E_NO_VERSION = -5014,
    SLUICE_E_DELETE_MARKER = -5015, /* the version is a delete marker */
    SLUICE_E_LOCKED = -5017,        /* the version is under retention or legal hold */
    SLUICE_E_BUCKET_STATE =
        -5018, /* a bucket that keeps versions cannot be a cache, nor the other way round */
    /* the disk failed to sync the database; no changes until that is made good, so try again */
    SLUICE_E_UNSYNCED = -5020,
    SLUICE_E_STALLED =
        -5040, /* changes have waited for the disk for ten seconds; no more until it answers, so try again */
    /* the log of the latest changes is damaged before its end; see the log and accept_older_database */
    SLUICE_E_DAMAGED_LOG = -5022,
    SLUICE_E_WRITE_ONCE = -5030,     /* the key is taken, and its bucket takes each but once */
    SLUICE_E_OBJECT_SIZE = -5031,    /* larger than its bucket takes */
    SLUICE_E_QUOTA = -5034,          /* the quota of the bucket, its owner or the store has no room for it */
    SLUICE_E_OLDER_DATABASE = -5023, /* missing, older than the blobs beside it, or not theirs; the same */
    SLUICE_E_BUCKET_NAME = -6001,    /* not a valid bucket name */
    SLUICE_E_KEY = -6002,            /* empty, too long, or not UTF-8 */
    SLUICE_E_RANGE = -6003,          /* outside the object */
    SLUICE_E_CREDENTIALS = -6004,    /* the credentials file cannot be understood; see the log */
    SLUICE_E_OPEN_ADDRESS = -6005,   /* no key configured and the address is not loopback */
    SLUICE_E_CERTIFICATE = -6006,    /* the TLS certificate or its key cannot be used; see the log */
    /* the directory is on a file system that other machines may have mounted; see the log */
    SLUICE_E_SHARED_FS = -6007,
    SLUICE_E_ENCRYPTION_KEYS = -6020, /* the encryption keys cannot be read; see the log */
    /* the object is encrypted, and its key is not at hand: the store has none of that name, or a client keeps it; or the bucket
     * encrypts, and there is no key to do it */
    SLUICE_E_NO_ENCRYPTION_KEY = -6021,
    SLUICE_E_NOTIFICATIONS = -6008, /* the file of targets of events cannot be understood; see the log */
    SLUICE_E_REPLICATION = -6022,   /* the file of targets of replication cannot be understood; see the log */
    SLUICE_E_ORIGINS = -6023,       /* the file of origins cannot be understood; see the log */
    SLUICE_E_NO_REPLICATION = -5013, /* the bucket has no rule of replication that is enabled */
};

SLUICE_API const char *sluice_version(void);
/* Of SQLite, as it is loaded: "3.40.1". */
SLUICE_API const char *sluice_sqlite_version(void);
SLUICE_API const char *sluice_strerror(int result);

/* ---- Stores ---- */

enum sluice_log_level { SLUICE_LOG_INFO, SLUICE_LOG_WARNING, SLUICE_LOG_ERROR };
enum sluice_engine { SLUICE_ENGINE_AUTO, SLUICE_ENGINE_URING, SLUICE_ENGINE_THREADS };

/* What the caller knows about a directory on a file system that other machines may have mounted, such as NFS, SMB, CephFS or
 * anything by FUSE. The lock that keeps a second server out may be lost there while the machine is cut off; both servers then
 * accept uploads and answer them, each without what the other has. Local file systems need nothing of this. */
enum sluice_shared_fs {
    SLUICE_SHARED_FS_REFUSE, /* nothing: such a directory is not opened */
    /* whoever starts a second server first fences the first one's machine: power, network or mount */
    SLUICE_SHARED_FS_FENCED,
    SLUICE_SHARED_FS_EXCLUSIVE, /* no other machine mounts it while the store is open */
};

#define SLUICE_SCRUB_OFF            UINT32_MAX
#define SLUICE_SERVER_TIMEOUT_MIN_S 10

/* Zero-initialise, then set what differs from the default. */
struct sluice_store_options {
    /* nothing waits for syncs: a power failure takes the latest seconds, a process crash nothing; see deploy/guides/guarantees.md */
    bool relaxed;
    bool copy_mode; /* read/write instead of splice/sendfile, for comparison */
    bool etag_md5;  /* MD5 ETags for every object, whatever it costs */
    enum sluice_engine engine;
    /* One line, no newline, from any thread. NULL: silent. */
    void (*log)(void *ctx, enum sluice_log_level level, const char *message);
    void *log_ctx;
    unsigned lifecycle_day_s; /* seconds in a day of lifecycle rules; 0: 86,400. Fewer are for tests */
    enum sluice_shared_fs shared_fs;
    /* read large objects, and compare them with their checksums, before the first byte is given out */
    bool verify_reads;
    /* Goes on with a database that is older than the blobs beside it, belongs to others, has lost its log, or whose log is damaged: what
     * it does not know is gone, and blobs that it does not name are moved to lost/. Not to be left on. */
    bool accept_older_database;
    unsigned lost_days;  /* how long files stay in lost/; 0: 30 */
    unsigned lost_share; /* percent of the file system that they may take; 0: 10 */
    /* The store is only to be read from: every change is -EROFS. One that was closed is then opened without writing into it, also on a
     * file system that cannot be written; one that was not is recovered first. It must exist. */
    bool read_only;
    /* What no upload may take: so many bytes, and so many percent of the file system; the larger of the two counts. An upload that would
     * begin to take of it is -ENOSPC. */
    uint64_t min_free_bytes;
    unsigned min_free_share;
    /* Bytes of the disk that overwritten and deleted small objects may take until they are given back. Above it, who stores more of
     * them waits a little. 0: 128 MiB; UINT64_MAX: nobody waits. */
    uint64_t garbage_max;
    /* Master keys of what is encrypted, deploy/README.md: a file that only its owner may read; or a command for /bin/sh that prints the same. One
     * of them, or neither: then nothing is encrypted under keys of the store, and nothing that is can be read. */
    const char *encryption_keys, *encryption_key_command;
    /* What all buckets may hold together, as sluice_bucket_set_quota says of one; 0: any. */
    uint64_t quota_bytes, quota_objects;
    /* In so many days all that is stored is read and compared with its checksums, in the background, again and again; 0: 30; SLUICE_SCRUB_OFF: it is not. */
    unsigned scrub_days;
    /* A folder that has a second copy of the same store, as a backup is: what is found damaged is mended from there, where the bytes there have
     * their checksum. NULL: nothing is mended. */
    const char *mend_from;
    /* "postgresql://...": the rows are kept there, and the directory is one that the servers of that database share, such as one of CephFS: each opens
     * both with the same options. NULL: all is in the directory, which is this process's alone. Not with relaxed, read_only,
     * accept_older_database, mend_from, which are -EINVAL then. -ELIBACC: libpq is not installed; -EPROTONOSUPPORT: the program was built without it. */
    const char *cluster;
    unsigned
        reclaim_delay_s; /* how long bytes that no row names any more stay for readers on other servers of the cluster; 0: 600 */
    /* Who was silent for so many seconds is taken for dead by the cluster's other servers: 0: 60; else SLUICE_SERVER_TIMEOUT_MIN_S at least, or -EINVAL. */
    unsigned server_timeout_s;
    /* The cluster's other servers have not heard of this one for a while, and have taken it for dead: whatever it would write is refused from now on. Called
     * once, on a thread of the store; to end the process there and then is right. May be NULL. */
    void (*on_fenced)(void *ctx);
    void *fenced_ctx;
    /* Lifecycle rules believe the clock at this start, however far it is ahead of where it was when they ran last; see deploy/README.md. */
    bool accept_clock;
};

/* Opens the store in a directory, creating both when missing; options may be NULL.
 * -EBUSY: another process has it open. SLUICE_E_SHARED_FS, with nothing created. SLUICE_E_NEWER_STORE, SLUICE_E_NOT_A_STORE, SLUICE_E_CORRUPT, errno. SLUICE_E_OLDER_DATABASE,
 * SLUICE_E_DAMAGED_LOG: refused, and nothing was changed. */
SLUICE_API int sluice_store_open(struct sluice_store **store, const char *directory,
                                 const struct sluice_store_options *options);
/* Other values for verify_reads, lost_days, lost_share, min_free_bytes, min_free_share and the quotas, for what begins from now on; the rest of the options
 * does not count. Any thread. 0 or -EINVAL. */
SLUICE_API int sluice_store_change(struct sluice_store *store, const struct sluice_store_options *options);
/* Reads the encryption keys again; on failure the old ones stay. Blocks. 0, also where the store has none; SLUICE_E_ENCRYPTION_KEYS. */
SLUICE_API int sluice_store_reload_keys(struct sluice_store *store);
/* Would sluice_store_open take the directory's file system? 0 or SLUICE_E_SHARED_FS, when the log says which and why; of the options
 * only shared_fs and log count. Looks at the directory and the names in it, or at the folder it would be created in; creates nothing,
 * and may be called while a server has the store open. */
SLUICE_API int sluice_store_check_place(const char *directory, const struct sluice_store_options *options);
/* Writers, readers and servers of the store must be gone. NULL allowed. */
SLUICE_API void sluice_store_close(struct sluice_store *store);

/* ---- Buckets ---- */

/* 3 to 63 letters in lower case, digits, dots and hyphens, as S3 has it. */
SLUICE_API bool sluice_bucket_name_is_valid(const char *bucket);
SLUICE_API int sluice_bucket_create(struct sluice_store *store, const char *bucket);
SLUICE_API int sluice_bucket_delete(struct sluice_store *store, const char *bucket);
/* visit gets the names in order; non-zero stops and is returned. */
SLUICE_API int sluice_bucket_list(struct sluice_store *store,
                                  int (*visit)(void *ctx, const char *bucket, int64_t created_ms), void *ctx);

/* ---- Objects: attributes ---- */

/* What is stored beside the bytes: lower-case header name ("content-type", "x-amz-meta-colour") and value. Tags, ACLs, locks and
 * the like are not among them: they are neither told nor taken. */
struct sluice_attribute {
    const char *name, *value;
};

struct sluice_put_options {
    const struct sluice_attribute *attributes;
    size_t attribute_count;
    bool if_absent;       /* SLUICE_E_PRECONDITION when the key exists; atomic */
    const char *if_match; /* only over an object with this ETag (without quotes) */
};

struct sluice_object_info {
    uint64_t size;
    int64_t modified_ms; /* Unix time */
    char etag[80];       /* without quotes */
    char version[48];    /* "null" unless the bucket has versioning; empty in sluice_list */
};

/* ---- Put ---- */

/* options and info may be NULL. Attributes: -EINVAL for a name that is no lower-case header name, or that S3 uses for tags and the like, or a value with control
 * characters, -E2BIG over 16 KiB in all. -ENOSPC: the disk is full. On failure nothing was stored. */
SLUICE_API int sluice_put(struct sluice_store *store, const char *bucket, const char *key, const void *data,
                          size_t length, const struct sluice_put_options *options,
                          struct sluice_object_info *info);
/* From a descriptor's current position: `length` bytes, or to its end with UINT64_MAX. Files, pipes and sockets; bytes are
 * spliced where the kernel can. -ENODATA: it ended early; nothing was stored. */
SLUICE_API int sluice_put_fd(struct sluice_store *store, const char *bucket, const char *key, int fd,
                             uint64_t length, const struct sluice_put_options *options,
                             struct sluice_object_info *info);

/* Streaming: begin, any number of writes, then commit or abort (both consume the writer, on failure too).
 * length: UINT64_MAX when unknown. -EMSGSIZE: more was written than announced; -ENODATA from commit: less. */
SLUICE_API int sluice_writer_begin(struct sluice_store *store, const char *bucket, const char *key,
                                   uint64_t length, const struct sluice_put_options *options,
                                   struct sluice_writer **writer);
SLUICE_API int sluice_writer_write(struct sluice_writer *writer, const void *data, size_t length);
SLUICE_API int sluice_writer_commit(struct sluice_writer *writer, struct sluice_object_info *info);
SLUICE_API void sluice_writer_abort(struct sluice_writer *writer);

/* ---- Get ----
 *
 * Units of bytes up to 64 KiB, as small objects are, are compared with their checksum before any of them are given out, and larger ones
 * where all of one passes through memory, or with verify_reads. -EIO: what is stored is damaged, missing or cannot be read; what a
 * function has given out by then is not to be used. */

SLUICE_API int sluice_head(struct sluice_store *store, const char *bucket, const char *key,
                           struct sluice_object_info *info);

/* Reads up to `size` bytes from `offset`; *length receives how many. SLUICE_E_RANGE when offset > the object's size. */
SLUICE_API int sluice_get(struct sluice_store *store, const char *bucket, const char *key, uint64_t offset,
                          void *buffer, size_t size, size_t *length, struct sluice_object_info *info);
/* Writes the object's bytes [offset, offset + length) (UINT64_MAX: to the end) to a descriptor, by sendfile where it can. */
SLUICE_API int sluice_get_fd(struct sluice_store *store, const char *bucket, const char *key, uint64_t offset,
                             uint64_t length, int fd, struct sluice_object_info *info);

/* A reader keeps one version of an object readable until it is closed, whatever happens to the key. */
SLUICE_API int sluice_reader_open(struct sluice_store *store, const char *bucket, const char *key,
                                  struct sluice_reader **reader);
SLUICE_API const struct sluice_object_info *sluice_reader_info(const struct sluice_reader *reader);
SLUICE_API size_t sluice_reader_attribute_count(const struct sluice_reader *reader);
SLUICE_API struct sluice_attribute sluice_reader_attribute(const struct sluice_reader *reader, size_t index);

/* The object as runs of bytes in files, for sendfile or mmap by the caller. fd is a duplicate that the caller closes. Its file may have
 * more bytes than the run. */
struct sluice_extent {
    int fd;
    uint64_t offset, length;
};
SLUICE_API size_t sluice_reader_extent_count(const struct sluice_reader *reader);
/* SLUICE_E_NO_ENCRYPTION_KEY where it is encrypted: what lies there are not its bytes. */
SLUICE_API int sluice_reader_extent(struct sluice_reader *reader, size_t index, struct sluice_extent *extent);
SLUICE_API void sluice_reader_close(struct sluice_reader *reader);

/* Deleting what is not there succeeds. In a bucket with versioning the object is kept, and a delete marker hides it. */
SLUICE_API int sluice_delete(struct sluice_store *store, const char *bucket, const char *key);

/* ---- List ---- */

struct sluice_list_options {
    const char *prefix, *delimiter, *after; /* NULL: none */
    uint32_t limit;                         /* 0: no limit */
};

struct sluice_list_entry {
    const char *key;
    bool is_prefix; /* a common prefix; info is zero */
    struct sluice_object_info info;
};

/* In byte order of the keys, as they were when the page was read that an entry is in: 256 entries at a time. visit non-zero stops and is
 * returned; it may take its time, and use the store. options may be NULL. */
SLUICE_API int sluice_list(struct sluice_store *store, const char *bucket,
                           const struct sluice_list_options *options,
                           int (*visit)(void *ctx, const struct sluice_list_entry *entry), void *ctx);

/* ---- Giving space back ---- */

struct sluice_compact_report {
    uint64_t database_before, database_after; /* bytes on the disk of sluice.db and its log */
    uint64_t blobs_before, blobs_after;       /* and of blobs/ */
};

/* Gives back what a store that nobody has open takes of the disk for nothing: overwritten and deleted objects at once, and what is free in its
 * database, which is written anew (twice its room is needed meanwhile). One that is open does most of that by itself. Of the options,
 * which may be NULL, shared_fs and log count. -EBUSY: it is open; -ENOENT: there is none; as sluice_store_open. Blocks. */
SLUICE_API int sluice_compact(const char *directory, const struct sluice_store_options *options,
                              struct sluice_compact_report *report);

/* ---- Backups ---- */

/* A backup is a copy of a store in a folder of its own, as of one moment, while the store goes on: what was answered before it began is in it. It is
 * a store itself, which sluice_check takes, and has a file BACKUP beside. Taken again into the same folder, it copies what is new. Ended at any
 * moment, the folder has the last whole backup. Not in it: keys, users, and whatever else lies outside of the store's directory.
 * deploy/guides/backup.md tells the rest. */

struct sluice_backup_report {
    uint64_t files,
        bytes; /* that were copied; linked and cloned ones of these share their bytes with the store */
    uint64_t linked, cloned; /* files */
    uint64_t kept;           /* files that were there already */
    uint64_t removed;        /* files that nothing needs any more */
    /* files that the store should have and has not, or cannot read; they are not in the backup, and the log names them */
    uint64_t damaged;
    uint64_t database_bytes;
    bool is_live; /* a server had the store open */
};

/* Zero-initialise, then set what differs from the default. */
struct sluice_backup_options {
    /* Copy each byte. Without it files are clones where the file system has them, else links where both folders are on one: that is quick,
     * takes no room, and what befalls a file then befalls both. */
    bool copies;
    void (*log)(void *ctx, enum sluice_log_level level, const char *message);
    void *log_ctx;
    /* Now and then, from the caller's thread; non-zero ends it with -ECANCELED. */
    int (*progress)(void *ctx, const struct sluice_backup_report *report);
    void *progress_ctx;
};

/* Of a store that this process has open. directory: made when missing, or that of earlier backups of the store. Space of deleted objects is
 * given back when it is done. options and report may be NULL. 0; -ENOTEMPTY: there is something else in the directory; -ESTALE: it has the
 * backup of another store or of a later time, or was changed since; -EALREADY: another one is being taken; -EBUSY; -ENOSPC: also where the
 * store's own disk got full meanwhile; errno. Blocks. */
SLUICE_API int sluice_backup(struct sluice_store *store, const char *directory,
                             const struct sluice_backup_options *options,
                             struct sluice_backup_report *report);
/* The same of a store by its directory: the server that has it open is asked, else it is opened for the time; recovered first if it was not
 * closed. A server that ends meanwhile, or is killed, is waited for: what it serves then is copied. -ENOENT: there is no store. */
SLUICE_API int sluice_backup_directory(const char *store, const char *directory,
                                       const struct sluice_backup_options *options,
                                       struct sluice_backup_report *report);
/* Makes a store of a backup, in a directory that is missing or empty. The backup stays. -ENOENT: there is no whole backup; -ENOTEMPTY; -ESTALE:
 * it was changed since it was taken; errno. Blocks. */
SLUICE_API int sluice_restore(const char *backup, const char *directory,
                              const struct sluice_backup_options *options,
                              struct sluice_backup_report *report);

/* Backups that lie where there are no folders, such as in a bucket. A name is that of its bytes for ever; BACKUP alone is written anew, last, and then
 * all that it needs is there. Each function returns 0, or what ends it all. */
#define SLUICE_BACKUP_ANY_SIZE UINT64_MAX
struct sluice_backup_carrier {
    /* Whether a file of that name and size is there. What was not asked for may go when the backup is whole. */
    bool (*has)(void *ctx, const char *name, uint64_t bytes);
    /* A file of this machine there; of a restore (bytes 0) there to this machine. It may be done later, until flush. */
    int (*file)(void *ctx, const char *name, const char *path, uint64_t bytes);
    /* The first bytes of a descriptor there, before it returns. */
    int (*data)(void *ctx, const char *name, int fd, uint64_t bytes);
    int (*flush)(void *ctx);
    /* The text there, over what has the name. */
    int (*commit)(void *ctx, const char *name, const char *text, size_t length);
    void *ctx;
};
/* As sluice_backup_directory; the rows lie in the store's directory meanwhile. */
SLUICE_API int sluice_backup_carried(const char *store, const struct sluice_backup_carrier *carrier,
                                     const struct sluice_backup_options *options,
                                     struct sluice_backup_report *report);
/* As sluice_restore. */
SLUICE_API int sluice_restore_carried(const struct sluice_backup_carrier *carrier, const char *directory,
                                      const struct sluice_backup_options *options,
                                      struct sluice_backup_report *report);

/* ---- A store of an earlier release ---- */

struct sluice_upgrade_report {
    unsigned schema, schema_now; /* of the database: what it had, and what this release has */
    bool was_unclosed;           /* a crash is recovered from first */
    bool
        lacks_shrink; /* the database gives nothing back to the disk: it is written anew, in twice its room */
    bool lacks_records;     /* files need not say what they are, so that one that was swapped is not met */
    bool lacks_counts;      /* of what buckets hold; told when it was opened, and not before */
    bool lacks_chronicle;   /* nothing but the database says what the files are: sluice_recover needs it */
    uint64_t records_added; /* files that say what they are now */
    uint64_t
        records_lacking; /* that cannot, being missing or damaged, as sluice_check tells: then none has to, as before */
    uint64_t chronicle_rows; /* that were told beside the files; 0: they had been */
};
/* Brings a store that an earlier release wrote, and that nobody has open, to what this one would have made of it. A server does most of that by itself,
 * bit by bit; what it has once written no earlier release can open, in either case. looks_only: changes nothing, and says what is lacking. Of the
 * options, which may be NULL, shared_fs and log count. 0, also if nothing was lacking; what was begun before an error is gone on with by the next
 * call. -EBUSY: it is open; -ENOENT: there is none; as sluice_store_open. Blocks. */
SLUICE_API int sluice_upgrade(const char *directory, bool looks_only,
                              const struct sluice_store_options *options,
                              struct sluice_upgrade_report *report);

/* ---- A store without its database ---- */

struct sluice_recover_report {
    bool chronicle_complete; /* the files beside the blobs told all that was stored */
    bool database_read;      /* the old database was asked as well, and something of it could be read */
    uint64_t chronicle_entries,
        chronicle_damaged; /* what those files told; stretches of them that are damaged */
    uint64_t database_rows,
        database_damaged; /* rows that only the old database had; stretches that could not be read */
    uint64_t buckets, objects, versions, markers, uploads, parts, annotations; /* in the new store */
    uint64_t
        nameless_buckets; /* of those buckets, how many are called recovered-NUMBER, for their names are lost */
    uint64_t lost;        /* objects, versions, parts and annotations whose bytes are not there any more */
    uint64_t nameless_blobs, nameless_bytes; /* files of which nobody knows what they are */
};

/* Told as it is found, with what is borrowed during the call. kind: "object", "version", "part", "annotation", with bucket and key, and the
 * number of the blob that is missing; or "blob", which nobody knows, with its number. */
struct sluice_recover_find {
    const char *kind;
    const char *bucket, *key; /* "" where there is none; keys are as they were stored, key_length bytes */
    size_t key_length;
    uint64_t blob, bytes;
};

/* Makes a store whose database was lost or damaged anew in the folder `to`, which must not be there, or be empty. Nothing of the old one is changed.
 * Of the options, which may be NULL, shared_fs and log count. 0; -EEXIST: there is something in `to`; -ENODATA: there is nothing to recover
 * from; -EBUSY, -ENOENT; as sluice_store_open. Blocks. */
SLUICE_API int sluice_recover(const char *directory, const char *to,
                              const struct sluice_store_options *options,
                              void (*found)(void *ctx, const struct sluice_recover_find *find), void *ctx,
                              struct sluice_recover_report *report);

/* ---- Versions ---- */

/* Enabled: from now on every put makes a version and every delete a delete marker, and what was there stays. Not enabled:
 * suspended, as S3 calls it: versions stay, new puts and deletes replace the one called "null". */
SLUICE_API int sluice_bucket_set_versioning(struct sluice_store *store, const char *bucket, bool enabled);
/* As sluice_reader_open, for a version as in sluice_object_info. SLUICE_E_NO_VERSION, SLUICE_E_DELETE_MARKER; -EINVAL for what
 * is no version. */
SLUICE_API int sluice_reader_open_version(struct sluice_store *store, const char *bucket, const char *key,
                                          const char *version, struct sluice_reader **reader);
/* For good; the newest version that is left becomes the current one. Deleting what is not there succeeds. SLUICE_E_LOCKED. */
SLUICE_API int sluice_delete_version(struct sluice_store *store, const char *bucket, const char *key,
                                     const char *version);

struct sluice_version_entry {
    const char *key;
    bool is_prefix;  /* a common prefix; the rest is zero */
    bool is_marker;  /* a delete marker: of info only modified_ms and version count */
    bool is_current; /* the newest of its key */
    struct sluice_object_info info;
};

/* All versions and delete markers, by key, then newest first; otherwise as sluice_list. */
SLUICE_API int sluice_list_versions(struct sluice_store *store, const char *bucket,
                                    const struct sluice_list_options *options,
                                    int (*visit)(void *ctx, const struct sluice_version_entry *entry),
                                    void *ctx);

/* ---- Imports ---- */

enum sluice_import_kind {
    SLUICE_IMPORT_REFUSED, /* something that belongs here and could not be taken: a key with all of its versions, a bucket */
    SLUICE_IMPORT_LEFT_OUT, /* something that has no place here, or is not to be taken: an unfinished upload, a setting */
};

/* What an import leaves behind. */
struct sluice_import_finding {
    enum sluice_import_kind kind;
    const char *bucket, *key, *version; /* NULL: it is not about one */
    const char *why;                    /* one line */
};

/* A bucket's setting as a document of S3: its name in a query ("policy"), and its bytes. */
struct sluice_import_setting {
    const char *bucket, *name;
    const void *document;
    size_t length;
};

struct sluice_import_report {
    uint64_t buckets;
    uint64_t keys_found, keys_done;
    uint64_t versions, markers, bytes; /* stored now */
    uint64_t present;                  /* versions and delete markers that were there already */
    uint64_t settings, refused, left_out;
    char why[256]; /* why nothing was imported; empty otherwise */
};

/* Callbacks come from threads of the import, one at a time. */
struct sluice_import_options {
    /* Sets a bucket's setting, after all buckets have their objects. Why it could not be set, which is told as left out; NULL: it was. Valid until the next call. NULL as a
     * whole: settings are left out. */
    const char *(*on_setting)(void *ctx, const struct sluice_import_setting *setting);
    void (*on_finding)(void *ctx, const struct sluice_import_finding *finding); /* may be NULL */
    void (*on_progress)(void *ctx, const struct sluice_import_report *so_far);  /* often; may be NULL */
    bool (*is_over)(
        void *ctx); /* asked often, from several threads at once: true ends it with -ECANCELED; may be NULL */
    void *ctx;
};

/* Takes over the data folder of a MinIO server that had a single drive and does not run: buckets, keys, all versions with their ids, times and order, delete
 * markers, metadata, tags, checksums, locks and settings. Bytes are compared with the hashes that lie beside them. What is there already stays as it
 * is, so an import that was cut off, or killed, goes on when it is called again. A key is taken with all of its versions or not at all. The folder is not
 * changed. 0, also with findings; -ENOTSUP, and report->why: what kind of folder it is; -ECANCELED; or another error. store NULL: only
 * looks whether the folder is such a one. Blocks. */
SLUICE_API int sluice_import_minio(struct sluice_store *store, const char *folder,
                                   const struct sluice_import_options *options,
                                   struct sluice_import_report *report);

/* Takes over what another store has that is open here too, and that nobody changes meanwhile (read_only will do): buckets, keys, all versions with their ids,
 * times and order, delete markers, attributes, tags, locks, settings and quotas. Bytes are compared with their checksums as they are read, and each version is looked for
 * once it is stored. What is encrypted is refused; caches, annotations, unfinished uploads and the rules of notifications and replication are left out, by name.
 * Otherwise as sluice_import_minio. 0, also with findings; -ECANCELED; or another error. Blocks. */
SLUICE_API int sluice_import_store(struct sluice_store *store, struct sluice_store *source,
                                   const struct sluice_import_options *options,
                                   struct sluice_import_report *report);

/* ---- Server ---- */

/* A bucket that a server makes before it takes requests, where it is not there yet. is_public: and a bucket policy lets everybody list it and read its
 * objects, unless it has another policy, or its public access block forbids such ones; the log says so then, and neither is changed. */
struct sluice_server_bucket {
    const char *name;
    bool is_public;
};

/* A place to serve at. */
struct sluice_listen {
    const char *address; /* as `listen` below; NULL: fd */
    int fd; /* a stream socket that listens, such as systemd hands over: the caller's, of which the server takes a duplicate */
    bool tls;            /* HTTPS, which needs a certificate */
    bool proxy_protocol; /* as below */
    /* NULL: the S3 API is served there. Else websites are (PutBucketWebsite), and nothing else: that of the bucket of this name, or where it is empty,
     * of the bucket that Host names: BUCKET.DOMAIN of website_domains, or BUCKET */
    const char *website;
};

/* PEM files: a certificate, followed by those that lead to a root; and its key, without a passphrase. */
struct sluice_tls_pair {
    const char *certificate, *key;
};

struct sluice_server_options {
    /* "127.0.0.1:9000"; port 0: any free one; "unix:PATH", a socket file, for plain HTTP always. It replaces one at which nobody serves any more, and is removed when the server
     * stops; a file that is no socket is left alone, -EEXIST. NULL: "127.0.0.1:0", unless there are `more` */
    const char *listen;
    unsigned workers;                    /* 0: as many as cores */
    const char *access_key, *secret_key; /* one key with all rights, or NULL */
    /* files that hold those two, a line each, instead; SLUICE_E_CREDENTIALS where others may read one */
    const char *access_key_file, *secret_key_file;
    const char *credentials; /* path of a credentials file, or NULL; read again whenever it changes */
    /* path of a file of targets that events may be sent to (deploy/notifications.sample), or NULL: there are none */
    const char *notifications;
    /* the same of targets that objects may be copied to (deploy/replication.sample) */
    const char *replication;
    /* the same of origins: S3 servers that buckets stand in front of (deploy/origins.sample) */
    const char *origins;
    bool allow_anonymous;     /* without any key, listen on addresses other than loopback too */
    bool public_metrics;      /* /-/metrics needs no key, though there are keys */
    bool refuse_signature_v2; /* requests signed by AWS's Signature Version 2, which leaves much unsigned */
    /* Requests that show a secret instead of signing: Authorization by Basic (a key or token and its secret) or Bearer (a token). They are taken by
     * HTTPS, from this machine, and from trusted proxies that say https in X-Forwarded-Proto. */
    bool refuse_web_auth;
    bool web_auth_plain_http; /* takes them elsewhere, too, where whoever is on the way can read the secret */
    bool refuse_pages;        /* no pages for people at /-/ui/: browsers get what programs get */
    const char *region;       /* NULL: "us-east-1"; "*": that, and signatures for any other are taken */
    const char *const *domains; /* virtual-hosted buckets: BUCKET.DOMAIN; NULL-terminated, or NULL */
    /* websites of buckets: at BUCKET.DOMAIN, everywhere, there is the website of the bucket and no S3. None of `domains`; NULL-terminated, or NULL */
    const char *const *website_domains;
    /* proxies, as ADDR or ADDR/BITS, whose X-Forwarded-For is believed: the last hop there that is none of them is the client, for policies and
     * the access log. "unix": whoever connects to a Unix socket. NULL-terminated, or NULL: the field is ignored */
    const char *const *trusted_proxies;
    /* On listen, and on tls_listen: each connection begins with a header of the PROXY protocol, version 1 or 2, that says who the client is, and
     * trusted proxies alone may connect. -EINVAL without trusted_proxies. On a Unix socket it counts where "unix" is one of these. */
    bool proxy_protocol, tls_proxy_protocol;
    const char *access_log; /* path, "-" for standard output, NULL for none */
    bool access_log_json;
    const char *audit_log;    /* a line of JSON for each change, and each that was refused; as access_log */
    unsigned slow_request_ms; /* requests that take as long have a line in the log; 0: none */
    /* TLS. PEM files: the certificate, followed by those that lead to a root; and its key, without a passphrase. Both or none;
     * read again whenever one changes, for connections to come. */
    const char *tls_certificate, *tls_key;
    /* with them: further pairs. A client gets the first pair of all whose certificate is for the name that it asks for (SNI), else the first. */
    const struct sluice_tls_pair *tls_more;
    size_t tls_more_count; /* at most 63 */
    /* with them: a PEM file of authorities whose certificates clients may show (mutual TLS). A key or token of the credentials file that names one
     * (certificate:dns:HOST) is then whose the requests are that sign nothing and show no secret. Read again as the pairs are. NULL: none is asked for */
    const char *tls_client_authority;
    bool tls_client_required; /* a client without one gets no connection */
    /* with them: HTTPS here, and plain HTTP on listen. NULL: HTTPS on listen, and no plain HTTP */
    const char *tls_listen;
    /* Connections open at a time; 0: half of the descriptors that the process may have, at most 32,768. For one more, the one that has
     * been idle for longest is closed; while none has been for a second, the new one waits. */
    unsigned max_connections;
    /* Bytes a second that a client must send of a body, or take of an answer, on average over each minute in which it was waited for; 0:
     * 1,024; below 0: as few as it likes. */
    int body_rate_min;
    unsigned max_connections_per_address; /* of IPv6: per /64; what is more is closed at once. 0: no limit */
    /* A Unix socket in the store's directory, DIR/control, on which this process's user and root may ask for the store's status, have it
     * checked, empty lost/ and edit the users, while it is served; mode 0600. sluice_status, sluice_check and sluice_lost_* use it by
     * themselves. Where it cannot be made the log says so, and the server goes on without it. */
    bool control;
    /* The same calls by HTTP, POST /-/admin/, for keys with the right admin on all buckets ("*"). */
    bool admin_http;
    /* SLUICE_E_BUCKET_NAME; -EROFS where the store is read-only */
    const struct sluice_server_bucket *buckets;
    size_t bucket_count;
    /* Caches of build tools, at /-/cache/NAME/: each "KIND bucket=NAME" and further words, as deploy/README.md explains them. Their buckets
     * are made, too. NULL-terminated, or NULL. -EINVAL: one is wrong, and the store's log says why. */
    const char *const *caches;
    /* "https://cache.example": what clients call the server, for URLs that a cache answers with. NULL: the first address that is served. What a
     * request calls it never counts. */
    const char *public_url;
    /* Further places to serve at, at most 30. The rule for servers without a key holds for all of them; a Unix socket is as loopback. */
    const struct sluice_listen *more;
    size_t more_count;
    bool
        fault_knobs; /* sluice_server_fault may be called; -EPERM where others than this machine can reach a place to serve at. For tests */
    unsigned socket_mode; /* of socket files; 0: 0600. Whoever may write to the file may connect */
};

/* Serves the store's S3 API on threads of its own until sluice_server_stop. */
SLUICE_API int sluice_server_start(struct sluice_server **server, struct sluice_store *store,
                                   const struct sluice_server_options *options);
/* "127.0.0.1:40123" or "unix:PATH", of the first place; valid as long as the server. */
SLUICE_API const char *sluice_server_address(const struct sluice_server *server);
SLUICE_API unsigned sluice_server_port(const struct sluice_server *server);
/* Where HTTPS is served, which may be the same; NULL without TLS. */
SLUICE_API const char *sluice_server_tls_address(const struct sluice_server *server);
/* All places, in their order. tls, which may be NULL: is it HTTPS? NULL: there are no more. */
SLUICE_API const char *sluice_server_place(const struct sluice_server *server, size_t index, bool *tls);
/* Opens the access log anew and reads the files of credentials, of targets of events and of replication and of origins, certificate and key again; on failure the old ones stay in use. */
SLUICE_API int sluice_server_reload(struct sluice_server *server);
/* Goes on with other settings, for requests and connections to come: all of it, or nothing where an error is returned. What counts of the options: the
 * keys (credentials must be the same path, whose file is read again), allow_anonymous, public_metrics, refuse_signature_v2, refuse_web_auth,
 * web_auth_plain_http, domains, trusted_proxies, the logs (which are opened anew) and slow_request_ms, certificates, their keys and the authority of clients,
 * max_connections, max_connections_per_address, body_rate_min, the files of targets of events and of replication and of origins, which are read again (the same paths), and buckets, which are made where they are missing. The rest must be as it was at the
 * start. Errors as of sluice_server_start; -EOPNOTSUPP: it takes a new start, for a server that would have its first key or certificate, or none
 * any more. */
SLUICE_API int sluice_server_change(struct sluice_server *server,
                                    const struct sluice_server_options *options);
/* Faults on demand, to test what a client does then. Requests of S3 and of caches count, not those to /-/healthy, /-/metrics and /-/admin/. */
struct sluice_server_fault {
    unsigned fail;        /* so many requests to come are refused, and do nothing */
    unsigned fail_status; /* 500 to 599; 0: 503, which S3 calls SlowDown */
    unsigned slow;        /* so many begin late, those that fail not counted */
    unsigned slow_ms;     /* by so much: 1 to 60,000 */
    unsigned cut;         /* so many that have a body, and are GET or bring one, have their connection cut */
    uint64_t cut_after;   /* when so many bytes of it have passed: 1 .. */
};
/* From now on that, in place of what was set before; NULL: none. Any thread. 0, -EINVAL, or -EPERM: the server was started without fault_knobs. */
SLUICE_API int sluice_server_fault(struct sluice_server *server, const struct sluice_server_fault *fault);
/* What is left of it. 0 or -EPERM. */
SLUICE_API int sluice_server_fault_left(struct sluice_server *server, struct sluice_server_fault *fault);
/* Lets requests in flight finish for up to grace_ms. NULL allowed. */
SLUICE_API void sluice_server_stop(struct sluice_server *server, unsigned grace_ms);
/* Would sluice_server_start take these options? Reads the credentials file, certificate and key, and applies the rule for
 * addresses; opens no store and no port. log, which may be NULL, gets what is wrong in a file, with its line. */
SLUICE_API int sluice_server_check(const struct sluice_server_options *options,
                                   void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                                   void *log_ctx);

/* Whether only this machine can reach such an address, so that a server without a key may serve there. */
SLUICE_API bool sluice_address_is_local(const char *address);
/* Asks the server at an address ("127.0.0.1:9000", "unix:PATH"; 0.0.0.0 and [::] are asked on loopback) for its health, by HTTPS if tls, whatever
 * its certificate says. Returns the HTTP status, 200 for a healthy one, or a negative errno: -EINVAL an address that cannot be,
 * -ECONNREFUSED, -ETIMEDOUT after five seconds ... */
SLUICE_API int sluice_ping(const char *address, bool tls);

/* ---- Users: the credentials file, edited ----
 *
 * A user owns what his keys create; keys are lines of the file. Changes put a new file in the old one's place at once, and
 * wait for each other; a server that was started with the file notices. log, which may be NULL, gets what is wrong, never a
 * secret. All block. SLUICE_E_CREDENTIALS: the file cannot be understood, and stays as it is.
 *
 * credentials may also be the directory of a store: then the server that has it open, with a control socket, edits the file that it was
 * started with, and uses it when the call returns. -ENOTCONN: there is no such server; -EOPNOTSUPP: it has no such file. */

/* Of a token: its name, and its secret. */
struct sluice_user_key {
    char access_key[129], secret_key[129];
};

/* A random key that no file has, such as a server for a while takes as its one key. 0 or -EIO. */
SLUICE_API int sluice_key_make(struct sluice_user_key *key);

struct sluice_user_options {
    const char *id; /* canonical id; NULL: a random one. Giving a removed user's gives his buckets back */
    /* NULL: "@own=all". deploy/credentials.sample explains them: PATTERN=RIGHT,RIGHT ... */
    const char *rights;
    /* A token, which is shown by Bearer or Basic, instead of a key, which signs, too. It is the user of its name: without id, but with rights. */
    bool is_token;
};

struct sluice_user {
    const char *name, *id, *account;
    const char *access_key; /* NULL: the user has no key, or it is a token */
    const char *rights;     /* of that key or token */
    bool is_token;
};

/* options may be NULL. A missing file is made, with mode 0600. -EEXIST: there is such a user, or one has that id, also as his
 * account number; -EINVAL: a name, an id or rights
 * that cannot be. */
SLUICE_API int sluice_user_add(const char *credentials, const char *name,
                               const struct sluice_user_options *options, struct sluice_user_key *key,
                               void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                               void *log_ctx);
/* A new key with the same rights; of who has no key, but a token of that name, a new token. keep_old: the old ones stay valid, until the next rotation. -ENOENT: no such user. */
SLUICE_API int sluice_user_rotate(const char *credentials, const char *name, bool keep_old,
                                  struct sluice_user_key *key,
                                  void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                                  void *log_ctx);
/* With all keys and tokens. What the user owns stays, for whoever has rights there by configuration. -ENOENT. */
SLUICE_API int sluice_user_remove(const char *credentials, const char *name,
                                  void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                                  void *log_ctx);
/* Each key of each user. visit non-zero stops and is returned. */
SLUICE_API int sluice_user_list(const char *credentials,
                                int (*visit)(void *ctx, const struct sluice_user *user), void *ctx,
                                void (*log)(void *ctx, enum sluice_log_level level, const char *message),
                                void *log_ctx);

/* ---- Status ---- */

struct sluice_status {
    bool
        is_served; /* by a server with a control socket; if not, the store is closed, and only the last five are filled in */
    bool is_healthy;       /* changes are taken, and rows can be read */
    bool read_only;        /* changes are refused */
    bool relaxed;          /* its durability */
    char health[128];      /* "ok", or why it is not */
    char version[32];      /* of the server */
    char address[128];     /* where it serves */
    char tls_address[128]; /* where it serves HTTPS; empty: nowhere */
    int64_t pid;
    uint64_t uptime_s, connections;
    uint64_t damaged_reads; /* since the start */
    bool scrubs;            /* all that is stored is read in the background */
    int64_t scrub_began_ms,
        scrub_ended_ms; /* the round under way, and the last that came to its end; 0: none */
    uint64_t scrub_bytes, scrub_bytes_total; /* of the round under way; the second about */
    uint64_t scrub_findings;                 /* that are kept and not mended: sluice_findings */
    /* whether all rows but those of the last second are told once more beside the blobs, for sluice_recover; and the bytes of that */
    bool chronicle_is_complete;
    uint64_t chronicle_bytes;
    uint64_t room_bytes; /* that uploads may take; 0: they are refused */
    uint64_t free_bytes; /* of the file system */
    uint64_t buckets, objects, bytes;
    bool is_counted;   /* false: there are so many objects that it would take long; objects and bytes are 0 */
    char places[4096]; /* all that it serves at, a URL or "unix:PATH" each, separated by blanks */
};
/* Of a store that is closed, or that a server with a control socket has open. -EBUSY: open, and cannot be asked; -EACCES: by somebody else;
 * else as sluice_store_open. Blocks. */
SLUICE_API int sluice_status(const char *directory, struct sluice_status *status);

/* ---- Replication, by the server that has the store open ---- */

/* A target, and what became of what was to go there since the server's start. */
struct sluice_replication {
    const char *target;              /* valid during the call */
    uint64_t waiting, waiting_bytes; /* changes, and bytes of the objects that they are about */
    uint64_t lag_s;                  /* since when the oldest of them waits; 0: none does */
    uint64_t copied, equal, deleted; /* equal: it was there already */
    uint64_t failed;                 /* tries that came to nothing; they are made again */
    uint64_t refused;                /* that cannot be copied */
    uint64_t dropped; /* changes that gave way to later ones, as too many waited: a resync brings them */
    uint64_t sent_bytes;
};
/* Each target. visit non-zero stops and is returned. -ENOTCONN: no server has the store open. Blocks. */
SLUICE_API int sluice_replication_list(const char *directory,
                                       int (*visit)(void *ctx, const struct sluice_replication *replication),
                                       void *ctx);
/* Has all keys of a bucket compared with what its targets have, and copied where they differ, which goes on in the server. *targets: with
 * how many. SLUICE_E_NO_BUCKET, SLUICE_E_NO_REPLICATION, -ENOTCONN. Blocks until that is noted. */
SLUICE_API int sluice_replication_resync(const char *directory, const char *bucket, unsigned *targets);

/* ---- Cache buckets ---- */

/* Rules of a cache bucket are words with blanks between them: max-size=10G max-age=7d max-object=1G use-step=10m write-once; see
 * deploy/README.md. NULL, or what is wrong with the text, in words that stay. */
SLUICE_API const char *sluice_cache_rules_check(const char *rules);
/* Makes the bucket a cache, or changes its rules; rules NULL: it is none any more. -EINVAL; SLUICE_E_BUCKET_STATE. Puts are then also
 * refused with SLUICE_E_WRITE_ONCE and SLUICE_E_OBJECT_SIZE. */
SLUICE_API int sluice_bucket_set_cache(struct sluice_store *store, const char *bucket, const char *rules);
/* The same for a store that is closed, or that a server with a control socket has open. -EBUSY: open, and cannot be asked. */
SLUICE_API int sluice_cache_set(const char *directory, const char *bucket, const char *rules);

struct sluice_cache {
    const char *bucket, *rules; /* valid during the call */
    bool is_counted;            /* false: its objects are still being counted */
    uint64_t entries, bytes;
    uint64_t hits, misses, evictions; /* since the server started */
};
/* Each cache bucket, likewise. visit non-zero stops and is returned. */
SLUICE_API int sluice_cache_list(const char *directory,
                                 int (*visit)(void *ctx, const struct sluice_cache *cache), void *ctx);

/* ---- Keys ---- */

struct sluice_rekey_report {
    uint64_t
        sealed; /* versions of objects that are encrypted under keys of the store; those under clients' keys are not counted */
    uint64_t rekeyed;   /* of them, that have the first key now */
    uint64_t other;     /* SSE-KMS, whose key was chosen and stays */
    uint64_t missing;   /* whose key the store does not have */
    uint64_t uploads;   /* unfinished uploads under other keys than the first: they end as they began */
    uint64_t overtaken; /* changed meanwhile: another call looks at them */
};
/* Puts the keys of all objects that are encrypted by SSE-S3 under the first of the encryption keys; those of SSE-KMS where their key is one of
 * the `from_count` names in from. No byte of an object is touched. Of a store that is closed (options name its keys), or that a server with a
 * control socket has open. line hears which keys are missing. 0; -EBUSY: it is open, and cannot be asked; SLUICE_E_NO_ENCRYPTION_KEY: it has none;
 * or an error. Blocks. */
SLUICE_API int sluice_rekey(const char *directory, const struct sluice_store_options *options,
                            const char *const *from, size_t from_count,
                            void (*line)(void *ctx, const char *text), void *ctx,
                            struct sluice_rekey_report *report);

/* ---- What buckets hold, and quotas ---- */

/* A quota is words with blanks between them: bytes=10G objects=1000000; or "off"; see deploy/README.md. NULL, or what is wrong with the
 * text, in words that stay. */
SLUICE_API const char *sluice_quota_check(const char *quota);
/* Bounds what the bucket may hold, all of it: objects, versions, parts of unfinished uploads, annotations. What would come out above it is
 * refused from then on: SLUICE_E_QUOTA. -EINVAL. */
SLUICE_API int sluice_bucket_set_quota(struct sluice_store *store, const char *bucket, const char *quota);
/* The same for a store that is closed, or that a server with a control socket has open. -EBUSY: open, and cannot be asked. */
SLUICE_API int sluice_quota_set(const char *directory, const char *bucket, const char *quota);

struct sluice_usage {
    const char *bucket, *owner, *quota;  /* valid during the call */
    uint64_t objects, object_bytes;      /* current objects */
    uint64_t quota_objects, quota_bytes; /* what counts for quotas */
};
/* Each bucket, likewise. visit non-zero stops and is returned. *is_counted false: a store that an earlier release wrote is still being
 * counted, and the figures are of what has been. */
SLUICE_API int sluice_usage_list(const char *directory,
                                 int (*visit)(void *ctx, const struct sluice_usage *usage), void *ctx,
                                 bool *is_counted);
/* Likewise has all of it counted anew, by the server that has the store open, or the next one. */
SLUICE_API int sluice_usage_recount(const char *directory);

/* ---- Check ---- */

struct sluice_check_report {
    uint64_t objects, bytes, damaged, missing, orphaned, findings;
    /* batches of small uploads that a crash left to the next start, which makes objects of them; not looked at */
    uint64_t pending;
    uint64_t lost_files, lost_bytes; /* in lost/; no finding */
    /* rows that were compared with what the chronicle told of them; 0 where it does not tell all, as after a crash */
    uint64_t compared;
    /* the store was open: uploads on their way to their rows, and what only a start can tell, were left out; pending is 0 */
    bool is_live;
};
/* Verifies a store that is closed, or that a server with a control socket has open, which is then asked to; on any file system (sluice_store_check_place tells of one on which a server elsewhere may have it open
 * unnoticed, and findings may be wrong): rows, references and, with verify_bytes, every checksum. line gets one finding each.
 * Returns 0 when it could be done (look at findings), else why not: -EBUSY: it is open, and cannot be asked; -EALREADY: a check of it is
 * under way. */
SLUICE_API int sluice_check(const char *directory, bool verify_bytes,
                            void (*line)(void *ctx, const char *text), void *ctx,
                            struct sluice_check_report *report);

/* The same with more to say; options: zero-initialised, then set what is wanted. */
struct sluice_check_options {
    bool verify_bytes;
    void (*line)(void *ctx, const char *text);
    /* The directory is a cluster's, as in struct sluice_store_options: it is checked beside the servers that may have it open. NULL: it is not. */
    const char *cluster;
    /* Of a closed store: how many bytes of contents are read, and about how many there are. From the calling thread, often. */
    void (*progress)(void *ctx, uint64_t bytes, uint64_t bytes_total);
    void *ctx;
};
SLUICE_API int sluice_check_with(const char *directory, const struct sluice_check_options *options,
                                 struct sluice_check_report *report);

/* ---- Scrubbing: what is stored is read and verified while it is served, and mended ---- */

/* Something that is wrong with what is stored. Texts are valid during the call. */
struct sluice_finding {
    int64_t at_ms;                 /* when it was found, Unix time */
    const char *kind;              /* "object", "version", "part", "annotation", "database" */
    const char *bucket, *key;      /* of the key, what is no printable ASCII as \xNN */
    const char *version;           /* "": none */
    const char *what, *advice;     /* what is wrong, and what to do about it */
    const char *text;              /* all of that but the advice, for people */
    uint64_t blob, offset, length; /* the bytes that were looked at */
    bool is_mended;                /* from the second copy */
};

struct sluice_scrub_options {
    const char *mend_from; /* of a store that is not served; sluice_store_options.mend_from */
    enum sluice_shared_fs shared_fs;
    void (*finding)(void *ctx, const struct sluice_finding *finding);  /* may be NULL */
    void (*progress)(void *ctx, uint64_t bytes, uint64_t bytes_total); /* the same; bytes_total: about */
    void *ctx;
    void (*log)(void *ctx, enum sluice_log_level level, const char *message);
    void *log_ctx;
};

struct sluice_scrub_report {
    uint64_t units,
        bytes; /* read: an object is one unit, or several; what objects share is read once in a while */
    uint64_t findings, mended;
    bool is_live; /* the server that has it open did it */
};

/* Reads all that is stored now, as fast as the disk goes: of a store that is closed, which is opened for it as by sluice_store_open, or by
 * the server that has it open and a control socket. 0 when it could be done (look at findings); -EBUSY: it is open, and cannot be asked;
 * -EALREADY: another is under way; -EINVAL: mend_from of one that is served, which has its own. options and report may be NULL. */
SLUICE_API int sluice_scrub(const char *directory, const struct sluice_scrub_options *options,
                            struct sluice_scrub_report *report);
/* What scrubs have found, a thousand at most, oldest first; what a whole round did not find again is left out. Of any store, open or not. visit
 * non-zero stops and is returned. */
SLUICE_API int sluice_findings(const char *directory,
                               int (*visit)(void *ctx, const struct sluice_finding *finding), void *ctx);

/* ---- lost/: files that no object needs and no unfinished upload explains, and copies of damaged logs ---- */

struct sluice_lost_file {
    const char *name; /* in lost/: when it came there, and what it was */
    uint64_t bytes, age_s;
};
/* Of a store that is closed, or that a server with a control socket has open; oldest first. -EBUSY as of sluice_check. visit non-zero stops and is returned. */
SLUICE_API int sluice_lost_list(const char *directory,
                                int (*visit)(void *ctx, const struct sluice_lost_file *file), void *ctx);
/* Removes them for good. files and bytes, which may be NULL, tell how much that was. */
SLUICE_API int sluice_lost_empty(const char *directory, uint64_t *files, uint64_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
