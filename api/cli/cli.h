/* SPDX-License-Identifier: MIT
 *
 * The sub-commands of the program, each in a file of its own. The program is an ordinary user of api/sluice.h and includes
 * nothing below it; the commands for work are one of api/client/, too. */
#ifndef API_CLI_CLI_H
#define API_CLI_CLI_H

#include "api/cli/options.h"
#include "api/sluice.h"

/* What the program ends with. sluice check says with CLI_FAILED that it found something. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_RUN_USAGE = 125 /* those are its command's */
};

/* Each returns an exit status and has said on stderr what went wrong. */
int cli_serve(const struct options *options);
int cli_run(const struct options *options);
int cli_check(const struct options *options);
int cli_ping(const struct options *options);
int cli_user(const struct options *options);
int cli_backup(const struct options *options);
int cli_restore(const struct options *options);
int cli_scrub(const struct options *options);
int cli_compact(const struct options *options);
int cli_recover(const struct options *options);
int cli_upgrade(const struct options *options);
int cli_lost(const struct options *options);
int cli_rekey(const struct options *options);
int cli_replicate(const struct options *options);
int cli_status(const struct options *options);
int cli_bucket(const struct options *options);
int cli_config(const struct options *options);

/* remote/: the commands for work, which speak to a server. */
int remote_ls(const struct options *options);
int remote_cat(const struct options *options);
int remote_stat(const struct options *options);
int remote_put(const struct options *options);
int remote_get(const struct options *options);
int remote_rm(const struct options *options);
int remote_mb(const struct options *options);
int remote_rb(const struct options *options);
int remote_cp(const struct options *options);
int remote_mv(const struct options *options);
int remote_sync(const struct options *options);
int remote_du(const struct options *options);
int remote_find(const struct options *options);
int remote_watch(const struct options *options);
int remote_presign(const struct options *options);
int remote_status(const struct options *options);   /* with the one word a URL */
int remote_settings(const struct options *options); /* sluice bucket, with one of those words */
bool remote_is_settings_word(const char *word);
int remote_mirror(const struct options *options);
/* Of a URL: *err is what became of it, of which nothing was said where the status is CLI_OK. */
struct sluice_backup_options;
struct sluice_backup_report;
int remote_backup(const struct options *options, const struct sluice_backup_options *backup,
                  struct sluice_backup_report *report, int *err);
int remote_restore(const struct options *options, const struct sluice_backup_options *backup,
                   struct sluice_backup_report *report, int *err);
int remote_import(const struct options *options); /* import.c */

/* bucket.c: the entries of --cache-bucket. An exit status; what is wrong was said. check: whether they can be; set: makes the
 * buckets, and caches of them. */
int cache_buckets_check(const struct options_list *list);
int cache_buckets_set(struct sluice_store *store, const struct options_list *list);

/* say.c: the form of all that is said from here on, and of what level. Any thread. */
void cli_log_as(enum option_log_form form, enum option_log_level least);
/* One line on stderr, "sluice: warning: message". Fits sluice_store_options.log. */
void cli_log(void *ctx, enum sluice_log_level level, const char *message);
/* The same as printf does. */
void cli_say(enum sluice_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* buckets.c: the entries of --bucket as the server takes them, in its options. An exit status; a bad name was said. */
int buckets_take(const struct options_list *list, struct sluice_server_options *server);
void buckets_free(struct sluice_server_options *server); /* also after a failure */

/* places.c: where to serve, in the server's options, from ours and from what systemd hands over. An exit status. */
int places_take(const struct options *options, struct sluice_server_options *server);
/* The pairs of certificate and key but the first; false without memory. To be freed by places_free. */
bool places_take_pairs(const struct options *options, struct sluice_server_options *server);
void places_free(struct sluice_server_options *server); /* also after a failure */

/* serving.c: what the options say, for sluice.h; the texts stay the options'. */
void store_options_fill(const struct options *options, struct sluice_store_options *store);
void server_options_fill(const struct options *options, struct sluice_server_options *server);
void descriptor_limit_raise(void);

/* reload.c: the settings that are in force in a server that runs, where SIGHUP may put others. */
struct serving {
    struct sluice_store *store;
    struct sluice_server *server;
    const struct sluice_server_options *started; /* what it was started with */
    const struct options *options;               /* in force: the ones of the start, or `owned` */
    struct options *owned;                       /* or NULL */
};
/* Reads all again that may change. What came of it was said; on failure all stays as it was. */
void serving_reload(struct serving *serving);
void serving_free(struct serving *serving);

/* scrub.c: what scrubs have found. An exit status. */
int cli_check_last(const struct options *options);
/* A line on stderr that says how far something is, where that is a terminal. Zero at first. */
struct progress {
    uint64_t began_ms, told_ms;
    bool is_shown;
};
void progress_show(struct progress *progress, uint64_t bytes, uint64_t bytes_total);
void progress_end(struct progress *progress); /* before anything else is printed, and at the end */

/* notify.c: tells systemd (or whoever set NOTIFY_SOCKET) a state such as "READY=1"; does nothing without one. */
void notify_send(const char *state);

#endif
