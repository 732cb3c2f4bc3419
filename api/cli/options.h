/* SPDX-License-Identifier: MIT
 *
 * The options of every sub-command, from ONE table: option_rows. A row says how an option is called, what it takes, where it
 * lands in struct options, its default, its bounds and its help. The same row serves three sources:
 *
 *     flag           --access-log FILE, --access-log=FILE
 *     environment    SLUICE_ACCESS_LOG=FILE       (an empty variable counts as not set)
 *     file           access-log = FILE
 *
 * `sluice run` reads flags alone: a store for tests is the same wherever they run.
 *
 * A flag wins over the environment, which wins over the file, in whatever order they are read.
 *
 * Life cycle: options_init, options_load, use the fields, options_free. One thread. Nothing here prints: an error is one line
 * in options->error. */
#ifndef API_CLI_OPTIONS_H
#define API_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#define OPTIONS_ROWS_MAX    128
#define OPTIONS_ERROR_BYTES 512
#define OPTIONS_WORDS_MAX   8

/* Bits, because a row names the sub-commands it belongs to. */
enum command {
    COMMAND_SERVE = 1,
    COMMAND_CHECK = 2,
    COMMAND_PING = 4,
    COMMAND_USER = 8,
    COMMAND_LOST = 16,
    COMMAND_STATUS = 32,
    COMMAND_RUN = 64,
    COMMAND_BUCKET = 128,
    COMMAND_BACKUP = 1 << 8,
    COMMAND_COMPACT = 1 << 9,
    COMMAND_REKEY = 1 << 10,
    COMMAND_RECOVER = 1u << 31,
    COMMAND_IMPORT = 1 << 11,
    COMMAND_REPLICATE = 1 << 30,
    COMMAND_SCRUB = 1ull << 32,
    COMMAND_UPGRADE = 1ull << 33,
    COMMAND_WATCH = 1 << 28,
    COMMAND_RESTORE = 1 << 29,
    COMMAND_CONFIG = 1 << 27, /* has the options of serve */
    /* Those that speak to a server, api/cli/remote/. */
    COMMAND_LS = 1 << 12,
    COMMAND_CAT = 1 << 13,
    COMMAND_STAT = 1 << 14,
    COMMAND_PUT = 1 << 15,
    COMMAND_GET = 1 << 16,
    COMMAND_RM = 1 << 17,
    COMMAND_MB = 1 << 18,
    COMMAND_RB = 1 << 19,
    COMMAND_CP = 1 << 20,
    COMMAND_MV = 1 << 21,
    COMMAND_SYNC = 1 << 22,
    COMMAND_DU = 1 << 23,
    COMMAND_FIND = 1 << 24,
    COMMAND_PRESIGN = 1 << 25,
    COMMAND_MIRROR = 1 << 26,
    COMMAND_REMOTE = COMMAND_MIRROR | COMMAND_CP | COMMAND_MV | COMMAND_SYNC | COMMAND_DU | COMMAND_FIND |
                     COMMAND_PRESIGN | COMMAND_LS | COMMAND_CAT | COMMAND_STAT | COMMAND_PUT | COMMAND_GET |
                     COMMAND_RM | COMMAND_MB | COMMAND_RB | COMMAND_WATCH,
    COMMAND_ANY = COMMAND_SERVE | COMMAND_CHECK | COMMAND_PING | COMMAND_USER | COMMAND_LOST |
                  COMMAND_STATUS | COMMAND_BUCKET | COMMAND_REKEY | COMMAND_COMPACT | COMMAND_BACKUP |
                  COMMAND_RESTORE | COMMAND_REPLICATE | COMMAND_RECOVER | COMMAND_SCRUB | COMMAND_UPGRADE,
};

/* Bits, because a row names the sources it may come from. A larger one wins over a smaller one. */
enum option_source {
    OPTION_FROM_DEFAULT = 0,
    OPTION_FROM_FILE = 1,
    OPTION_FROM_ENVIRONMENT = 2,
    OPTION_FROM_FLAG = 4,
};

/* What a row takes, and the type of the field it lands in. */
enum option_type {
    OPTION_TEXT,   /* char *, never empty; NULL when not given and without default */
    OPTION_NUMBER, /* unsigned, decimal, within min and max */
    OPTION_CHOICE, /* unsigned: index into the row's words */
    OPTION_SWITCH, /* bool: --name, --name=no; yes, no, true, false, on, off, 1, 0 elsewhere */
    OPTION_LIST,   /* struct options_list: repeatable; separated by commas in one value */
};

struct options_list {
    char **items; /* NULL-terminated; NULL when empty */
    size_t count;
};

/* Values of the choices, in the order of the words in the table. */
enum option_durability { DURABILITY_FULL, DURABILITY_RELAXED };
enum option_copy_mode { COPY_MODE_AUTO, COPY_MODE_STANDARD };
enum option_etag { ETAG_AUTO, ETAG_MD5 };
enum option_engine { ENGINE_AUTO, ENGINE_URING, ENGINE_THREADS };
enum option_shared_fs { SHARED_FS_REFUSE, SHARED_FS_FENCED, SHARED_FS_EXCLUSIVE };
enum option_log_format { LOG_FORMAT_APACHE, LOG_FORMAT_JSON };
enum option_log_form { LOG_FORM_AUTO, LOG_FORM_TEXT, LOG_FORM_JSON, LOG_FORM_JOURNAL };
enum option_log_level { LOG_FROM_INFO, LOG_FROM_WARNING, LOG_FROM_ERROR };
enum option_metrics { METRICS_KEYS, METRICS_PUBLIC };
enum option_proxy_protocol {
    PROXY_PROTOCOL_OFF,
    PROXY_PROTOCOL_LISTEN,
    PROXY_PROTOCOL_TLS_LISTEN,
    PROXY_PROTOCOL_ALL
};
enum option_signature_v2 { SIGNATURE_V2_ON, SIGNATURE_V2_OFF };
enum option_web_auth { WEB_AUTH_ON, WEB_AUTH_OFF };
enum option_pages { PAGES_ON, PAGES_OFF };
enum option_addressing { ADDRESSING_AUTO, ADDRESSING_PATH, ADDRESSING_VIRTUAL };
enum option_method { METHOD_GET, METHOD_PUT };
enum option_checksum { CHECKSUM_CRC64NVME, CHECKSUM_SHA256, CHECKSUM_MD5 };

struct options {
    char *data, *notifications, *replication, *origins, *resync, *suffix, *tls_listen, *tls_client_authority,
        *config, *credentials, *access_key, *secret_key, *access_key_file, *secret_key_file, *min_free,
        *garbage_max, *quota_bytes, *mend_from, *cluster, *socket_mode, *access_log, *audit_log, *region,
        *user_id, *rights, *public_url, *endpoint, *profile, *from_profile, *part_size, *content_type,
        *version_id, *larger, *smaller, *newer, *older, *expires, *website_index, *website_error,
        *encryption_keys, *encryption_key_command;
    struct options_list listen, website_listen, domains, website_domains, trusted_proxies, buckets, caches,
        cache_buckets, tls_certificate, tls_key, includes, excludes, metadata, events;
    unsigned workers, max_connections, max_connections_per_address, body_rate_min, grace_s, lifecycle_day_s,
        scrub_days, reclaim_delay_s, server_timeout_s, lost_days, lost_share, quota_objects, connections,
        checksum, addressing, method, slow_request;
    unsigned durability, shared_fs, copy_mode, etag, engine, access_log_format, log_form, log_level, metrics,
        proxy_protocol, signature_v2, web_auth, pages;
    bool admin_http, tls_client_required, read_only, allow_anonymous, web_auth_plain_http, check_config,
        no_verify, replicate_status, verify_reads, keep_old, is_token, accept_older_database, accept_clock,
        fault_knobs, list_lost, empty_lost, last_findings, keep, help;
    char *from_minio;       /* sluice import */
    char *backup_to, *from; /* sluice backup; sluice restore, sluice import */
    bool copies;
    bool recursive, json, dry_run, quiet, force, literal, no_resume, versions, delete, size_only, print0,
        watch, website_off;

    /* what stands beside the flags: sluice user ADD ALICE, sluice bucket CACHE NAME RULE RULE. The caller's */
    const char **words; /* NULL: there are none */
    size_t word_count;
    char *const *
        rest; /* what follows "--", where a command takes that: sluice run -- MAKE TEST. NULL-terminated, the caller's */
    int argc; /* the flags, the caller's: to be read again */
    char *const *argv;
    mode_t umask_before; /* the one that the program was started with */

    char error[OPTIONS_ERROR_BYTES];              /* why the last call failed: one line, no newline */
    enum option_source sources[OPTIONS_ROWS_MAX]; /* where the value of each row came from */
};

struct option_row {
    const char *name;     /* "access-log" */
    const char *variable; /* NULL: "SLUICE_" and the name */
    /* What other servers call that variable; NULL: nothing. It counts for `serve` where nothing else says it, and may not contradict. */
    const char *alias;
    enum option_type type;
    size_t field;             /* offset in struct options */
    const char *default_text; /* NULL: none */
    unsigned min, max;        /* OPTION_NUMBER */
    const char *words;        /* OPTION_CHOICE: "full|relaxed" */
    /* A further check of the text; NULL, or what is wrong with it ("must be ADDR:PORT"). May be NULL. */
    const char *(*check)(const char *text);
    const char *argument; /* in the help: "FILE"; NULL for choices and switches */
    bool is_whole;        /* OPTION_LIST: a comma is part of the text */
    char letter;          /* "-r" for a switch; 0: none */
    bool is_private;      /* its value may hold a password: it is repeated nowhere */
    bool reloads;         /* SIGHUP puts another value in force; else it takes a restart */
    unsigned sources;     /* who may give it */
    uint64_t commands;    /* which sub-commands have it */
    const char *help;
};

extern const struct option_row option_rows[];
extern const size_t option_row_count;

/* Sets the defaults. */
void options_init(struct options *options);
void options_free(struct options *options);

/* Reads flags (the words after the sub-command), the environment and, where --config or SLUICE_CONFIG names one, the file.
 * With --help it stops there. Returns 0; or -EINVAL (-ENOMEM) with options->error set. */
int options_load(struct options *options, enum command command, int argc, char *const *argv);

/* The row called so, or NULL. */
const struct option_row *option_row_find(const char *name, size_t length);
/* The variable a row is read from: "SLUICE_ACCESS_LOG". */
void option_row_variable(const struct option_row *row, char *name, size_t size);
/* Checks text and stores it, unless a stronger source has spoken already. 0, or -EINVAL (-ENOMEM) with error set. */
int option_set(struct options *options, const struct option_row *row, enum option_source source,
               const char *text);
enum option_source option_source_of(const struct options *options, const struct option_row *row);
/* Whether both have the same value there. */
bool option_is_same(const struct option_row *row, const struct options *one, const struct options *other);
/* Takes the value of the row, and where it came from, from the other. 0 or -ENOMEM. */
int option_copy(const struct option_row *row, struct options *to, const struct options *from);
/* Fills options->error as printf does. Returns -EINVAL. */
int options_fail(struct options *options, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* What begins an address that is a socket file's path. */
#define OPTION_UNIX_PREFIX "unix:"
static inline bool option_is_unix(const char *address)
{
    return strncmp(address, OPTION_UNIX_PREFIX, sizeof(OPTION_UNIX_PREFIX) - 1) == 0;
}
/* The mode that socket-mode says, in octal digits; 0: it cannot be. */
unsigned option_mode_parse(const char *text);

/* What stands before the bucket whose website is served at a place. */
#define OPTION_WEBSITE_OF '='

/* What ends the entry of a bucket that is to be public. */
#define OPTION_BUCKET_PUBLIC ":public"

/* What min-free says: "5%" or "10G" (K, M, G, T: 1,024 times the one before); one of the two is 0 then. False: it cannot be. */
bool option_min_free_parse(const char *text, uint64_t *bytes, unsigned *share);

/* config_file.c: reads `name = value` lines. 0, or -EINVAL with error set to "FILE:LINE: what". */
int config_file_load(struct options *options, const char *path);

/* How the command is called. */
const char *option_command_name(enum command command);
/* remote/usage.c: what --help says of a command of COMMAND_REMOTE before its options. */
const char *remote_usage(enum command command);

/* remote/usage.c: whether a part may be so large, and whether a text is NAME=VALUE; NULL, or what is wrong. */
const char *remote_check_part_size(const char *text);
const char *remote_check_pair(const char *text);
const char *remote_check_bytes(const char *text);
const char *remote_check_duration(const char *text);
const char *remote_check_expires(const char *text);
/* "30", "15m", "12h", "7d": seconds. False: it is nothing of that. */
bool remote_parse_duration(const char *text, uint64_t *seconds);

/* options_help.c: the options of a sub-command, as a person reads them. */
void options_print_help(FILE *out, enum command command);

#endif
