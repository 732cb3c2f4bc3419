/* SPDX-License-Identifier: MIT
 *
 * Every bound of the storage module, with its unit in the name and its reason beside it. */
#ifndef STORAGE_LIMITS_H
#define STORAGE_LIMITS_H

/* One pipe of this size moves a body. Smaller pipes cost more wake-ups than the copy they save; an ordinary
 * user may own about 62 of them (fs.pipe-user-pages-soft), so a refused size falls back to what is granted. */
#define PIPE_BYTES (1u << 20)

/* Idle pipes a worker keeps; the rest are closed. */
#define PIPE_POOL_IDLE_MAX 16

/* Threads that move large bodies from sockets into files. Each has a pipe of its own and may have to wait for the disk. */
#define PUMP_THREADS_MAX 16

/* What one job of theirs moves at most, before the thread has time for others. */
#define PUMP_JOB_BYTES_MAX (16u << 20)

/* What is moved at a time, and then digested: small enough to be still in the CPU's own cache then. */
#define PUMP_PIECE_BYTES (1u << 20)

/* How long a thread waits for a socket that has run dry. Longer than a pause of a fast client, shorter than anybody notices. */
#define PUMP_PATIENCE_MS 5

/* Stretches of a file that the disk is told to begin with while the rest still comes in. */
#define PUMP_WRITE_BACK_BYTES (8u << 20)

/* Bodies from this length on are pumped. */
#define WRITER_PUMP_BYTES_MIN (1u << 20)

/* Submission entries of one ring. Operations beyond it queue in memory, so it bounds no caller. */
#define RING_ENTRIES 256

/* An operation that is not back after so long waits for a disk that hangs. */
#define RING_STALL_MS 5000u

/* Threads of the second disk engine, per ring. */
#define RING_THREADS_MAX 4

/* Largest single read, write or splice handed to a ring (results are int32_t). */
#define RING_TRANSFER_BYTES_MAX (1u << 30)

/* Bytes held in memory per upload for data that cannot be spliced (head remainder, TLS, standard mode). */
#define WRITER_BUFFER_BYTES (256u << 10)

/* Space is reserved before the body of an upload at least this large is read. */
#define WRITER_RESERVE_BYTES_MIN (1u << 20)

/* It is reserved in steps: large enough for long extents and few calls. The next step is due when so few bytes of the last one are left
 * that no job of a pump goes beyond it. Of all uploads together so much of the free space is reserved for bytes that have not come: what a
 * client says it will send costs it nothing. */
#define WRITER_RESERVE_STEP_BYTES  (256u << 20)
#define WRITER_RESERVE_EARLY_BYTES (32u << 20)
#define WRITER_RESERVE_SHARE       4u

/* Fan-out folders below blobs/. 256 consecutive blobs share a folder, so one folder sync covers a batch. */
#define BLOB_FOLDER_COUNT 256u
#define BLOB_FOLDER_RUN   256u

/* Blob ids are promised on disk in blocks; a crash costs at most this many probes at the next start. */
#define BLOB_ID_BLOCK 4096u

/* Units that are no files, but rows of whoever brings several processes together (struct blob_shared): their ids begin here, and they are no larger. */
#define BLOB_ROW_FIRST     ((UINT64_C(1) << 62) + 1)
#define BLOB_ROW_BYTES_MAX (16u << 10)

/* Blobs that are being published or filled at one moment and are named by a point one by one: the open segment, the next one, and the
 * uploads that are between id and row just then. Beyond it a point ends earlier. */
#define BLOB_POINT_OPEN_MAX 64u

/* Descriptors of blobs kept open for reading, per store. */
#define BLOB_DESCRIPTOR_CACHE_MAX 1024u

/* Units of pins that are copied under the lock that every reader takes: a microsecond, and 16 KiB. */
#define BLOB_PINS_STEP_UNITS 1024u

/* Small bodies up to this size lie in segments, many to a file. Each is held in memory until it is written. Copying it costs
 * less than the three syncs of a file of its own. */
#define SEGMENT_UNIT_BYTES_MAX (64u << 10)

/* Units begin at multiples of this: a hole can be punched for one without touching its neighbours' pages. */
#define SEGMENT_ALIGN_BYTES 4096u

/* Units of this size and more, in a blob that several share, are sent by sendfile. Holes there, and in whatever gap may have held one, keep to
 * multiples of the second: no folio of the page cache is larger, so that none is zeroed in part while a socket's queue refers to it. So it
 * is where pages have 4 KiB; elsewhere folios may be larger, and such units are copied. */
#define SHARED_UNIT_WHOLE_BYTES (8u << 20)
#define SHARED_HOLE_ALIGN_BYTES (2u << 20)
#define SHARED_PAGE_BYTES       4096

/* The first segment of a process, and the largest: a store of a few small objects stays small, a busy one makes few files. */
#define SEGMENT_BYTES_MIN (256u << 10)
#define SEGMENT_BYTES_MAX (32u << 20)

/* Threads that punch holes into segments side by side, and the holes that make it worth starting one: most file systems punch in
 * microseconds, and some wait a millisecond for the disk. */
#define GIVING_THREADS_MAX 16u
#define GIVING_THREAD_RUNS 32u

/* Data of one entry of a segment's journal: the changes of a large batch, and yet an entry fits into the smallest segment beside a
 * unit of any length, and reading takes one buffer of this size. */
#define SEGMENT_ENTRY_BYTES_MAX (128u << 10)

/* How far an entry is looked for after one that is not valid: more than the largest takes, or some, and read at once. */
#define SEGMENT_ENTRIES_GAP_BYTES (1u << 20)

/* Window that is brought in when cold, ahead of one sendfile, and one that is in memory: what is checked and sent at once. */
#define EGRESS_WINDOW_BYTES     (1u << 20)
#define EGRESS_HOT_WINDOW_BYTES (4u << 20)

/* So many cold windows' lengths that were in memory after all, one after the other, and the rest is believed to be. */
#define EGRESS_HOT_WINDOWS 4u

/* Units up to this size are verified whole before any of their bytes go out: a tenth of what sending them costs. */
#define EGRESS_VERIFY_BYTES_MAX (64u << 10)

/* Small units of one answer that are verified before its first byte: so much can be read again from the page cache when its turn
 * comes. Later units are verified when theirs comes, and an answer that meets a damaged one is cut off. */
#define EGRESS_LOOK_BYTES_MAX (1u << 20)

/* Small units that are asked for often are kept in memory that sockets take pages of. Below the least length a copy costs less than that. In
 * all so much, or the share of the memory that this process may have; in chunks, each filled once and given back whole: as large as
 * a page of memory may be, so that a unit is one piece to the socket. */
#define HOT_UNIT_BYTES_MIN ((16u << 10) + 1)
#define HOT_CHUNK_BYTES    (2u << 20)
#define HOT_BYTES_MAX      (64u << 20)
#define HOT_MEMORY_SHARE   64u
/* Asked for that often, and not here: it is worth a copy. */
#define HOT_ASKS_MIN 2u
/* How often units that are not here were asked for is known of so many; after so many asks of all, the counts are halved: what was hot once
 * makes room. */
#define HOT_CANDIDATES  4096u
#define HOT_ASKS_HALVED (16u * HOT_CANDIDATES)

/* Lines about damage in the log: of one unit once, as long as it is among the last that were told of, and of all together few. */
#define DAMAGE_TOLD_MAX           64u
#define DAMAGE_LINES_MAX          10u
#define DAMAGE_LINES_MILLISECONDS 60000u

/* Range a digest thread maps at once. */
#define DIGEST_WINDOW_BYTES (1u << 20)

#define DIGEST_THREADS_MAX 16

/* Threads that digest what is stored already, and how much of one job they do before it is the next one's turn. */
#define DIGEST_JOB_THREADS_MAX 4
#define DIGEST_JOB_SLICE_BYTES (16u << 20)

/* Folders whose names a start reads rather than asking for each of 4,096 ids: together as long as a thousand names on most file systems. */
#define BLOB_FOLDERS_SHORT_BYTES (256u << 10)

#endif
