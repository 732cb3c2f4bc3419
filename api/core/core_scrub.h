/* SPDX-License-Identifier: MIT
 *
 * Scrubbing: everything that is stored is read and compared with its checksum, all the time and slowly, so that damage is found while it can
 * still be mended. A part of core.h, for those who have to do with it. */
#ifndef API_CORE_CORE_SCRUB_H
#define API_CORE_CORE_SCRUB_H

#include "api/core/core.h"

/* One thing that is wrong. Texts are borrowed, as long as the call that shows them. */
struct core_finding {
    int64_t at_ms;                 /* when it was found, Unix time */
    const char *kind;              /* "object", "version", "part" of an upload, "annotation", "database" */
    const char *bucket;            /* "" of annotations, and of the database */
    const char *key;               /* bytes that are not printable ASCII, and backslashes, as \xNN */
    const char *version;           /* "" where there is none */
    const char *what;              /* what is wrong, in words */
    uint64_t blob, offset, length; /* the bytes that were looked at; 0 of the database */
    bool is_mended;
};

/* What to do about it, in words. Static. */
const char *core_finding_advice(const struct core_finding *finding);
/* For people, and the log: all there is to say, on one line. */
#define CORE_FINDING_TEXT_BYTES (META_KEY_BYTES_MAX * 4 + 512u)
void core_finding_format(const struct core_finding *finding, char text[CORE_FINDING_TEXT_BYTES]);

struct core_scrub_figures {
    bool is_on;                              /* rounds go on by themselves */
    uint64_t units, bytes, findings, mended; /* since the store was opened */
    int64_t began_ms;                        /* of the round under way; 0: none is */
    uint64_t round_bytes, round_bytes_total; /* of it: so far, and about how many there are */
    int64_t ended_ms;                        /* of the last round that came to its end; 0: none has */
    uint64_t ended_bytes, ended_findings;
    uint64_t standing; /* findings that are kept, and not mended */
};
/* Any thread. */
void core_scrub_figures(struct core *core, struct core_scrub_figures *figures);

/* What was found, oldest first. visit non-zero stops and is returned. The first: of a store that is open, any thread. The second: of any,
 * by the file alone; 0 where it has none. */
int core_findings_each(struct core *core, int (*visit)(void *ctx, const struct core_finding *finding),
                       void *ctx);
int core_findings_each_of(const char *data_dir, int (*visit)(void *ctx, const struct core_finding *finding),
                          void *ctx);

struct core_scrub_run {
    /* Each may be NULL; all are called on the thread of the caller. */
    void (*on_finding)(void *ctx, const struct core_finding *finding);
    void (*on_progress)(void *ctx, uint64_t bytes, uint64_t bytes_total); /* about; often */
    bool (*is_over)(void *ctx);                                           /* asked often; true ends it */
    void *ctx;
    uint64_t units, bytes, findings, mended; /* out */
};
/* A whole round at once, as fast as the disk goes; the one that goes on by itself waits meanwhile. 0; -ECANCELED; -EALREADY: another is under
 * way; -EROFS: the store takes no changes. Blocks: not for workers. */
int core_scrub(struct core *core, struct core_scrub_run *run);

#endif
