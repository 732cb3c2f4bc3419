/* SPDX-License-Identifier: MIT
 *
 * The commands for work: what they have in common. Each is an ordinary user of api/client/: it says what is to be done, the client how.
 *
 *      remote_begin(&remote, options);
 *      remote_place_open(&remote, word, flags, &place) != 0 && return remote_end(&remote);
 *      ...
 *      return remote_end(&remote); */
#ifndef API_CLI_REMOTE_REMOTE_H
#define API_CLI_REMOTE_REMOTE_H

#include <pthread.h>

#include <jansson.h>

#include "api/cli/cli.h"
#include "api/client/buckets.h"
#include "api/client/lists.h"
#include "api/client/transfer.h"
#include "api/client/access/url.h"

/* Beside those of cli.h; of several failures the first one counts. */
enum remote_exit {
    REMOTE_NOT_FOUND = 3,
    REMOTE_DENIED = 4,
    REMOTE_UNREACHABLE = 5,
    REMOTE_INTERRUPTED = 130
};

struct remote_store; /* of --data */

struct remote {
    const struct options *options;
    int status;
    bool is_in_store;              /* s3:// leads to --data, also to its default */
    bool is_mirror;                /* what is copied is to have the ETags of its source */
    bool is_literal;               /* --literal, or a command that knows no patterns */
    bool is_recursive;             /* --recursive, or a command that always is */
    struct remote_server *servers; /* that words have led to */
    struct client_progress progress;
};

/* A server, as words lead to it: two that lead to the same share one. */
struct remote_server {
    struct remote_server *next;
    struct client_target target;
    struct client_session *session; /* of the main thread; opened when it is needed */
    struct remote_store *store;     /* opened here, and served to ourselves; NULL */
    const char *profile;
    bool is_data; /* what --data leads to */
};

struct remote_place {
    struct client_url url;
    struct remote_server *server; /* NULL: this machine */
};

/* ---- remote.c ---- */

void remote_begin(struct remote *remote, const struct options *options);
/* Closes what is open. What the program ends with. */
int remote_end(struct remote *remote);

/* What a word must lead to. */
enum remote_need {
    REMOTE_SERVER = 1,  /* a server; a word without a scheme is as if s3:// stood before it */
    REMOTE_BUCKET = 2,  /* and names a bucket */
    REMOTE_KEY = 4,     /* and a key */
    REMOTE_WRITES = 8,  /* it is going to be changed */
    REMOTE_SOURCE = 16, /* --from-profile is about it */
    REMOTE_MAKES = 32,  /* a directory of --data that is no store yet becomes one */
};
/* 0, or -EINVAL, or the like, which was said and is in remote->status. remote_place_close takes it in any case. */
int remote_place_open(struct remote *remote, const char *word, unsigned needs, struct remote_place *place);
void remote_place_close(struct remote_place *place);
/* NULL after a failure, which was said. */
struct client_session *remote_session(struct remote *remote, struct remote_server *server);

/* Says what went wrong with what, and keeps the status that it means. Returns err. */
int remote_fail(struct remote *remote, int err, const char *subject, const char *why);
int remote_usage_fail(struct remote *remote, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for a call of the session. */
int remote_blame(struct remote *remote, const struct client_session *session, int err,
                 const struct client_url *url);
/* "s3://BUCKET/KEY", or "http://..." as it was given; in a buffer of the thread. */
const char *remote_name(const struct remote_place *place, const char *bucket, const char *key);

/* What SIGINT and SIGTERM set. */
extern atomic_bool remote_cancelled;
/* -ECANCELED by one of them, -EPIPE where nobody reads standard output any more; else 0. */
int remote_is_over(void);

/* ---- data.c: the store of --data ---- */

/* Opens it here, or finds who has it open. 0, or what was said. */
int remote_data_open(struct remote *remote, struct remote_server *server, unsigned needs);
void remote_data_close(struct remote_store *store); /* NULL allowed */
/* NULL: another process has it open. */
struct sluice_store *remote_data_store(const struct remote_server *server);

/* ---- output.c ---- */

/* A time as people read it, in UTC: "2026-01-31 12:34:56". */
void remote_print_entry(struct remote *remote, const char *bucket, const struct client_entry *entry,
                        const char *shown);
void remote_print_json(json_t *object); /* takes the object over; NULL: no memory, or no UTF-8 */
json_t *remote_json_entry(const char *bucket, const struct client_entry *entry);
/* Text of a server or of a file system, without what a terminal would obey. */
void remote_print_text(FILE *out, const char *text);

/* ---- names.c: patterns, folders ---- */

/* Whether a pattern stands in it. */
bool remote_is_pattern(const struct remote *remote, const char *key);
/* What of it is before the first wildcard, backslashes taken away; the caller's to free. NULL: no memory. */
char *remote_pattern_prefix(const char *pattern);
bool remote_pattern_matches(const struct remote *remote, const char *pattern, const char *key);
/* By --include and --exclude; name: from the folder on. */
bool remote_is_wanted(const struct remote *remote, const char *name);
/* The key as a folder: "" or with a slash at its end; the caller's to free. */
char *remote_folder_of(const char *key);
/* What follows the last slash that is not at its end. */
const char *remote_base_name(const char *path);
/* Whether a key may become the name of a file below a folder: no part of it is empty, "." or "..". */
bool remote_is_safe_name(const char *name);

/* ---- walk.c: what words name ---- */

/* name: of the key, from the folder on. Anything but 0 ends it. */
typedef int (*remote_found_fn)(void *ctx, const struct client_entry *entry, const char *name);
/* Visits what the key of a place matches, where it is a pattern, or what lies below it, with --versions all of their versions; as far as --include and
 * --exclude want it. 0, or what was said; nothing that matches is -ENOENT. */
int remote_walk(struct remote *remote, struct remote_place *place, remote_found_fn found, void *ctx);

/* ---- local.c: files of this machine ---- */

struct stat;
/* name: of the path, from the root on. Anything but 0 ends it. */
typedef int (*remote_file_fn)(void *ctx, const char *path, const char *name, const struct stat *status);
/* The regular files below a folder, as --include and --exclude want them. What cannot be read was said, and the rest is visited. */
int remote_walk_files(struct remote *remote, const char *root, remote_file_fn found, void *ctx);
/* What the name of an unfinished download begins with, before six characters. */
#define REMOTE_TEMPORARY ".sluice."

/* ---- make.c: transfers as the options want them; NULL: no memory ---- */

struct client_transfer *remote_make_upload(const struct remote *remote, const char *path, uint64_t size,
                                           const char *bucket, const char *key);
/* entry NULL: nothing is known of it. */
struct client_transfer *remote_make_download(const struct remote *remote, const char *bucket, const char *key,
                                             const struct client_entry *entry, const char *path);
void remote_take_entry(struct client_transfer *transfer, const struct client_entry *entry);
/* --content-type, else what the name says (NULL: nothing); --metadata. False: no memory. */
bool remote_add_attributes(const struct remote *remote, struct client_transfer *transfer, const char *name);
/* With a slash in between; the caller's to free. */
char *remote_join(const char *folder, const char *name);
uint64_t remote_part_bytes(const struct options *options); /* work.c */

/* put.c, get.c, stream.c: a path to a key, what a place names to a path, standard input to a place. 0, or what was said. */
struct remote_work;
int remote_put_path(struct remote *remote, struct remote_work *work, const char *path, const char *bucket,
                    const char *key, bool is_folder);
int remote_get_place(struct remote *remote, struct remote_work *work, struct remote_place *place,
                     const char *path, bool is_folder);
bool remote_is_folder_here(const char *path);
int remote_put_stream(struct remote *remote, struct remote_place *place);

/* cp.c: an object, or what its place names, to another place on a server. */
int remote_copy_place(struct remote *remote, struct remote_work *work, struct remote_place *from,
                      const struct remote_place *to, bool is_folder);
/* The transfer from one server to another, or within one. NULL: no memory. */
struct client_transfer *remote_make_copy(const struct remote_place *from, const struct remote_place *to,
                                         const char *from_key, const struct client_entry *entry,
                                         const char *to_key);

/* rm.c: keys to be deleted, a thousand in a request. */
struct remote_removal {
    struct remote_work *work;
    const char *bucket;
    struct client_transfer *batch; /* that is being filled; NULL: none */
};
/* 0, or -ENOMEM. */
int remote_removal_add(struct remote_removal *removal, const char *key, const char *version);
void remote_removal_submit(struct remote_removal *removal);

/* rm.c: all versions of all objects, and the unfinished uploads. 0, or what was said. */
int remote_empty(struct remote *remote, struct remote_place *place);
/* cat.c: one object to standard output. 0, or what was said. */
int remote_cat_object(struct remote *remote, struct remote_place *place);

/* ---- work.c: an engine, with its progress and its report ---- */

struct remote_work {
    struct remote *remote;
    struct client_engine *engine;
    bool removes_sources; /* mv */
    pthread_mutex_t line_lock;
    bool has_line; /* a line of progress stands on the terminal */
    pthread_t ticker;
    bool has_ticker;
    atomic_bool is_all_known, is_over;
};
/* from, to: NULL is this machine. 0, or what was said. */
int remote_work_start(struct remote_work *work, struct remote *remote, struct remote_server *from,
                      struct remote_server *to);
/* Takes it over; with --dry-run it is told, and nothing is done. NULL is a failure for want of memory. */
void remote_work_add(struct remote_work *work, struct client_transfer *transfer);
void remote_work_finish(struct remote_work *work);
/* That a file of this machine was deleted, or would be. */
void remote_say_removed(const struct remote *remote, const char *path);

/* ---- website.c: words of sluice bucket ---- */

/* Whether the flags of `website` stand beside that word alone; says so where they do not. */
bool remote_website_flags_fit(struct remote *remote);
int remote_website(struct remote *remote, struct client_session *session, const struct client_url *url);
/* word: "on", "off"; NULL: it is asked for, and printed with `before` in front of it. */
int remote_types(struct remote *remote, struct client_session *session, const struct client_url *url,
                 const char *word, const char *before);

#endif
