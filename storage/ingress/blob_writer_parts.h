/* SPDX-License-Identifier: MIT
 *
 * The inside of a blob writer, for its own files only:
 *
 *   blob_writer.c    the calls, the order of steps, the events
 *   blob_create.c    making the file
 *   blob_reserve.c   its space, a step ahead of the bytes
 *   blob_digest.c    following the file with digests
 *   blob_hops.c      pipes and buffers between socket and file
 *   blob_pump.c      the fast way of large bodies
 *   blob_publish.c   giving the file a name, and undoing everything
 *   blob_writer_state.c   what must be true of it between two events
 *
 * Everything runs on the thread of the writer's ring, except the digest mailbox. */
#ifndef STORAGE_INGRESS_BLOB_WRITER_PARTS_H
#define STORAGE_INGRESS_BLOB_WRITER_PARTS_H

#include "storage/blob/blob_internal.h"
#include "storage/ingress/blob_writer.h"

/* ---- Hops: where bytes are between the call that took them and the file ---- */

enum hop_kind { HOP_NONE, HOP_PIPE, HOP_BUFFER };
enum hop_state {
    HOP_FREE,
    HOP_FILLING, /* takes bytes; at most one hop of a writer */
    HOP_QUEUED,  /* complete; drains in the order of the queue, which is the order of the bytes */
};

/* Two of each kind: one fills while the other drains. */
#define HOP_COUNT 4u

#define HOP_BUFFER_BYTES_MAX (WRITER_BUFFER_BYTES / 2)

struct blob_hop {
    enum hop_kind kind;
    enum hop_state state;
    struct pipe_pair pipe; /* HOP_PIPE: -1 while none is held */
    /* HOP_BUFFER: the bytes. HOP_PIPE: NULL, or bytes taken out of the pipe because it cannot be spliced on. */
    unsigned char *data;
    size_t capacity;
    size_t filled;  /* bytes that came in */
    size_t drained; /* of those: in the file */
    /* HOP_PIPE with data: bytes read into data, and of those written to the file */
    size_t taken_out, put_in;
    struct queue_link link;
};

/* ---- The writer ---- */

/* The operation in flight. One at a time: each step needs the one before. */
enum writer_step {
    STEP_NONE,
    STEP_OPEN,         /* O_TMPFILE */
    STEP_OPEN_STAGING, /* a named file, where the file system has no O_TMPFILE */
    STEP_RESERVE,      /* fallocate */
    STEP_DRAIN,        /* the first hop of the queue into the file */
    STEP_PUMP,         /* from the socket into the file, by a pump thread */
    STEP_ID,           /* waiting for a promised id */
    STEP_RECORD,       /* what the file says of itself, after its last byte */
    STEP_LINK,         /* the name: linkat, or renameat out of staging */
    STEP_SYNC,         /* fdatasync, and waiting for a sync of the folder: the only two at a time */
    STEP_UNLINK,       /* undoing the name */
    STEP_UNLINK_STAGING,
    STEP_CLOSE,
    STEP_COUNT,
};

/* How far each side of an upload has come. All only go forward, but where a comment says otherwise. */

enum file_state {
    FILE_NONE,  /* not made yet; or closed again, at the end of a writer that was freed */
    FILE_OPEN,  /* made, and without its first space */
    FILE_READY, /* takes bytes; of a body that is known to be empty there is none, and this is where it begins. Back to here when the
                      name that was to be given is another's */
    FILE_RECORDED, /* all bytes are in it, and after them what it says of itself */
    FILE_NAMED,    /* it has its name. Back to FILE_OPEN when that is undone */
    FILE_DURABLE,  /* in a durable store bytes and name are on disk; of an empty body there is neither */
};

enum bytes_state {
    BYTES_COMING,
    BYTES_SEALED,  /* no more will come; some may still be on their way */
    BYTES_IN_FILE, /* all */
};

enum sums_state {
    SUMS_NONE, /* nobody digests on a digest thread: not yet, or never, or no more since the writer was freed */
    SUMS_FOLLOW,   /* a stream is open */
    SUMS_IN_FILE,  /* and reads the file */
    SUMS_FINISHED, /* its values are on their way */
    SUMS_KNOWN,
};

/* What the owner was told, and what it asked for last. */
enum owner_state {
    OWNER_WAITS,
    OWNER_FEEDS,     /* was told on_ready */
    OWNER_HAS_SUMS,  /* on_sealed */
    OWNER_PUBLISHES, /* and called blob_writer_publish */
    OWNER_HAS_BLOB,  /* on_published; after a success name and id are its own, and `blob` is 0 here */
};

/* How bytes go, from the best to the last. */
enum writer_way {
    WAY_SPLICE,
    WAY_COPY_IN, /* blob_writer_write alone; what is in pipes is still spliced on */
    WAY_COPY,    /* that is read and written, too */
};

/* Brings the result of a digest thread to the ring's thread. It outlives the writer when need be: while it has an
 * owner its ring exists, and without one nothing is posted. */
struct writer_mailbox {
    /* First: under its sanitizers GCC warns of freeing an object found by going back from further in. */
    struct ring_op op;
    pthread_mutex_t lock;
    struct blob_writer *writer; /* NULL: nobody is interested any more; whoever comes last frees */
    struct ring *ring;
    bool posted;
    struct digest_values values;
};

struct blob_writer {
    uint32_t magic;
    struct blob_store *store;
    struct ring *ring;
    struct pipe_pool *pipes;
    struct digest_pool *digests;
    const struct blob_writer_events *events;
    void *ctx;
    uint64_t length; /* UINT64_MAX: unknown */
    uint32_t digest_mask;
    uint32_t digest_mask_small; /* kinds beside those in digest_mask; 0 when the body is known to be large */
    uint64_t digest_small_bytes_max;
    struct digest_chunk_ops chunks; /* verify NULL: the body has none */
    bool is_read;                   /* its owner reads the file once the sums are known */

    enum writer_step step;
    struct ring_op op; /* of `step` */
    int error;         /* sticky; 0 or a negative errno */
    enum owner_state owner;
    enum file_state file;
    enum bytes_state bytes;
    enum sums_state sums;
    enum writer_way way;

    int fd;
    bool staged; /* the file has a name below staging/ */
    char staging_name[24];

    struct blob_hop hops[HOP_COUNT];
    struct blob_hop *filling; /* or NULL */
    struct queue queued;      /* HOP_QUEUED; the first one drains */
    bool hop_due;             /* the filling pipe should drain although it is not full: the socket ran dry */
    uint64_t taken, written;

    uint64_t reserved;    /* the file has space up to there */
    uint64_t reserve_due; /* the disk is looked at again when so much is written */
    uint64_t ahead;       /* this writer's part of store->reserved_ahead */

    struct pump_pool *pumps;     /* or NULL */
    struct digest_set *pump_set; /* NULL: the body goes by hops and digest threads */
    struct pump_job pump;
    int32_t pump_result; /* waits to be told, or PUMP_TOLD */

    struct digest_stream *stream;   /* SUMS_FOLLOW and SUMS_IN_FILE */
    struct writer_mailbox *mailbox; /* SUMS_FINISHED */
    struct digest_values values;    /* SUMS_KNOWN */

    uint64_t blob; /* the id, once handed out; 0 again after it was settled here, or told */
    unsigned char record[BLOB_RECORD_BYTES_MAX];
    size_t record_length, record_written; /* record_length 0: not made yet */
    unsigned folder_failures;             /* of its folder, before the name was made */
    char path[BLOB_PATH_BYTES];
    struct blob_waiter waiter;     /* of STEP_ID, and of STEP_SYNC for the folder */
    bool syncs_file, syncs_folder; /* what STEP_SYNC still waits for */

    enum hop_kind want; /* a call returned -EBUSY for this kind, and on_room is owed; or HOP_NONE */
    bool detached;      /* blob_writer_free was called */
    bool delivering, kicked;
    struct ring_op kick;
};

#define BLOB_WRITER_MAGIC 0xb10b3713u

/* No job of a pump has ended whose result nobody was told of. */
#define PUMP_TOLD INT32_MIN

/* blob_writer_state.c: asserts that the sides go together. Between events: not while a step is being taken. */
void writer_state_check(const struct blob_writer *writer);

/* blob_writer.c: starts the next step if none is in flight. May free a detached writer. */
void writer_start(struct blob_writer *writer);
/* In ring_reap only: tells the owner what it waits to hear. May free a writer that is freed from an event. */
void writer_deliver(struct blob_writer *writer);
/* Starts a step's operation: names the step and sets the callback. */
struct ring_op *writer_step_begin(struct blob_writer *writer, enum writer_step step);
/* The same for an operation that has a ring_op of its own. */
void writer_step_begin_on(struct blob_writer *writer, enum writer_step step, struct ring_op *op);
void writer_fail(struct blob_writer *writer, int error);
/* The same for what a call on a file came to: the log hears what the kernel said, the owner what disk_error.h makes of it. */
void writer_fail_disk(struct blob_writer *writer, int error);

/* blob_create.c: the steps up to FILE_READY. */
void writer_create_check(struct blob_writer *writer);
void writer_create_start(struct blob_writer *writer);
/* The file is there: FILE_OPEN. */
void writer_opened(struct blob_writer *writer, int fd);
void writer_open_done(struct blob_writer *writer, int32_t result);
void writer_open_staging_done(struct blob_writer *writer, int32_t result);
/* Looks at the disk if that is due, and starts STEP_RESERVE if space is to be had. false: nothing was started; the writer has failed if there
 * is no room. */
bool writer_reserve_start(struct blob_writer *writer);
void writer_reserve_done(struct blob_writer *writer, int32_t result);

/* blob_reserve.c: what is reserved, and when. It starts nothing. */
/* At begin: when the disk is looked at first. */
void writer_reserve_choose(struct blob_writer *writer);
/* Looks at the disk if that is due: so many bytes are to be reserved, from *from on, and are accounted for; 0: none; -ENOSPC: there is no room. */
int64_t writer_reserve_next(struct blob_writer *writer, uint64_t *from);
/* They could not be reserved. */
void writer_reserve_refused(struct blob_writer *writer);
/* Bytes have come, or all of them: what is reserved ahead of them counts, no more. */
void writer_reserve_settle(struct blob_writer *writer);
/* The writer is about to be freed: its file is gone, or another's. */
void writer_reserve_leave(struct blob_writer *writer);

/* blob_digest.c */
int writer_digest_open(struct blob_writer *writer);
/* Before the bytes are taken: digests a small body that comes whole. */
void writer_digest_inline(struct blob_writer *writer, const void *data, size_t length);
/* More bytes are in the file. */
void writer_digest_advance(struct blob_writer *writer);
/* All bytes are in the file: asks for the values; SUMS_KNOWN follows, and events are delivered. */
void writer_digest_finish(struct blob_writer *writer);
/* The writer is being freed. */
void writer_digest_leave(struct blob_writer *writer);

/* blob_hops.c */
void writer_hops_init(struct blob_writer *writer);
/* A hop of this kind that has room, or NULL. Ends the filling hop of the other kind. */
struct blob_hop *writer_hop_open(struct blob_writer *writer, enum hop_kind kind);
bool writer_hop_available(const struct blob_writer *writer, enum hop_kind kind);
/* No more bytes for the filling hop: it joins the queue, or is free again when nothing came in. */
void writer_hop_end(struct blob_writer *writer);
ssize_t writer_hop_splice(struct blob_writer *writer, int socket_fd, size_t max);
ssize_t writer_hop_copy(struct blob_writer *writer, const void *data, size_t length);
/* Starts STEP_DRAIN if there is something to drain now. */
bool writer_drain_start(struct blob_writer *writer);
void writer_drain_done(struct blob_writer *writer, int32_t result);
void writer_hops_free(struct blob_writer *writer);

/* blob_pump.c */
/* Sets pump_set if this body is to be pumped. 0, -ENOMEM or -EIO. */
int writer_pump_choose(struct blob_writer *writer);
/* As blob_writer_splice. */
ssize_t writer_pump(struct blob_writer *writer, int socket_fd, size_t max);
/* Nothing is in flight that a job would have to wait for. */
bool writer_pump_is_free(const struct blob_writer *writer);
void writer_pump_done(struct blob_writer *writer, int32_t result);
/* Bytes that came by write, if the body is to be pumped. */
void writer_pump_digest(struct blob_writer *writer, const void *data, size_t length);
/* All bytes are in the file. */
void writer_pump_finish(struct blob_writer *writer);

/* blob_publish.c: the steps from STEP_ID on. */
void writer_publish_start(struct blob_writer *writer);
void writer_id_done(struct blob_writer *writer, int32_t result);
void writer_record_done(struct blob_writer *writer, int32_t result);
/* One half of STEP_SYNC is over. True: the other is, too, and with it the step. */
bool writer_sync_file_done(struct blob_writer *writer, int32_t result);
bool writer_sync_folder_done(struct blob_writer *writer, int32_t result);
void writer_sync_done(struct blob_writer *writer, int32_t result);
/* FILE_NAMED. */
void writer_named(struct blob_writer *writer);
void writer_link_done(struct blob_writer *writer, int32_t result);
/* Stops waiting for ids and folders; true when the step is over. */
bool writer_waiter_forget(struct blob_writer *writer);
/* Starts undoing what is left to undo; false when nothing is left. */
bool writer_undo_start(struct blob_writer *writer);
void writer_undo_done(struct blob_writer *writer, int32_t result);

#endif
