/* SPDX-License-Identifier: MIT
 *
 * The table of options. To add an option: a field in struct options, a row here, and its use. options.c says how a
 * row takes a value.
 *
 * In order: checks that rows refer to; the table. */
#include "api/cli/options.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/sluice.h"

/* ---- Checks ---- */

static const char *check_address(const char *text)
{
    static const char wrong[] = "must be ADDR:PORT, such as 127.0.0.1:9000 or [::1]:9000";
    const char *colon = strrchr(text, ':');
    size_t host_length = colon != NULL ? (size_t)(colon - text) : 0;
    char *end;
    unsigned long port;

    if (host_length == 0 || !isdigit((unsigned char)colon[1]))
        return wrong;
    if (text[0] == '[' ? colon[-1] != ']' : memchr(text, ':', host_length) != NULL)
        return wrong;
    errno = 0;
    port = strtoul(colon + 1, &end, 10);
    if (*end != '\0')
        return wrong;
    return errno == 0 && port <= 65535 ? NULL : "has a port above 65535";
}

static const char *check_place(const char *text)
{
    static const size_t path_max = 107; /* of a socket's name, unix(7) */
    const char *path = text + sizeof(OPTION_UNIX_PREFIX) - 1;

    if (!option_is_unix(text))
        return check_address(text);
    if (path[0] == '\0' || path[0] == '@')
        return "must have a path after unix:, such as unix:/run/sluice/sluice.sock";
    return strlen(path) <= path_max ? NULL : "has a path longer than 107 bytes, which no socket can have";
}

/* The bucket's name is judged by those who serve it. */
static const char *check_website_place(const char *text)
{
    char place[256];
    const char *equals = strrchr(text, OPTION_WEBSITE_OF);
    size_t length = equals != NULL ? (size_t)(equals - text) : strlen(text);

    if (equals != NULL && equals[1] == '\0')
        return "must have the name of a bucket after =, or no =";
    if (length >= sizeof(place))
        return "is too long";
    memcpy(place, text, length);
    place[length] = '\0';
    return check_place(place);
}

unsigned option_mode_parse(const char *text)
{
    size_t length = strlen(text);

    return length >= 3 && length <= 4 && strspn(text, "01234567") == length && (length == 3 || text[0] == '0')
               ? (unsigned)strtoul(text, NULL, 8)
               : 0;
}

static const char *check_cluster(const char *text)
{
    return strncmp(text, "postgresql://", 13) == 0 || strncmp(text, "postgres://", 11) == 0
               ? NULL
               : "must be the address of a database, such as postgresql://db.example.org/sluice";
}

static const char *check_mode(const char *text)
{
    return option_mode_parse(text) != 0 ? NULL : "must be a mode in octal digits, such as 600 or 660";
}

static const char *check_domain(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '.')
            return "must be a domain name, such as s3.example.org, without port";
    return text[0] == '.' ? "must not begin with a dot" : NULL;
}

/* The name itself is judged by those who make the bucket. */
static const char *check_bucket(const char *text)
{
    const char *colon = strchr(text, ':');

    return colon == NULL || (colon != text && strcmp(colon, OPTION_BUCKET_PUBLIC) == 0)
               ? NULL
               : "must be the name of a bucket, or NAME" OPTION_BUCKET_PUBLIC;
}

/* The rules, too. */
static const char *check_cache_bucket(const char *text)
{
    return text[0] != ' ' && strchr(text, ' ') != NULL ? NULL : "must be the name of a bucket, and rules";
}

static const char *check_token(const char *text)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!isgraph((unsigned char)*at))
            return "must not contain spaces or control characters";
    return NULL;
}

static const char *check_proxy(const char *text)
{
    static const char wrong[] =
        "must be an address, such as 10.0.0.1 or 2001:db8::1, a block of them, such as 10.0.0.0/8, or unix";
    char host[INET6_ADDRSTRLEN];
    size_t length = strcspn(text, "/");
    struct in6_addr address;
    bool is_v4;

    if (strcmp(text, "unix") == 0)
        return NULL;
    if (length >= sizeof(host))
        return wrong;
    memcpy(host, text, length);
    host[length] = '\0';
    is_v4 = inet_pton(AF_INET, host, &address) == 1;
    if (!is_v4 && inet_pton(AF_INET6, host, &address) != 1)
        return wrong;
    if (text[length] == '\0')
        return NULL;
    text += length + 1;
    length = strlen(text);
    if (length == 0 || length > 3 || strspn(text, "0123456789") != length)
        return wrong;
    return strtoul(text, NULL, 10) <= (is_v4 ? 32u : 128u) ? NULL : "names more bits than an address has";
}

bool option_min_free_parse(const char *text, uint64_t *bytes, unsigned *share)
{
    static const char units[] = "KMGT";
    unsigned long long number;
    const char *unit;
    char *end;

    *bytes = *share = 0;
    if (!isdigit((unsigned char)text[0]))
        return false;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    if (strcmp(end, "%") == 0) {
        *share = number <= 100 ? (unsigned)number : 0;
        return number <= 100;
    }
    if (*end != '\0') {
        unit = strchr(units, toupper((unsigned char)*end));
        if (unit == NULL || end[1] != '\0' || number > UINT64_MAX >> 10 * (unit - units + 1))
            return false;
        number <<= 10 * (unit - units + 1);
    }
    *bytes = number;
    return true;
}

static const char *check_min_free(const char *text)
{
    uint64_t bytes;
    unsigned share;

    return option_min_free_parse(text, &bytes, &share)
               ? NULL
               : "must be a share of the disk, such as 5%, or bytes, such as 10G";
}

static const char *check_garbage_max(const char *text)
{
    uint64_t bytes;
    unsigned share;

    return option_min_free_parse(text, &bytes, &share) && share == 0 && strchr(text, '%') == NULL
               ? NULL
               : "must be bytes, such as 256M";
}

#define URL_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/[]%"

static const char *check_public_url(const char *text)
{
    size_t scheme = strncmp(text, "https://", 8) == 0 ? 8 : strncmp(text, "http://", 7) == 0 ? 7 : 0;

    return scheme != 0 && text[scheme] != '\0' && text[scheme] != '/' &&
                   strspn(text, URL_CHARACTERS) == strlen(text)
               ? NULL
               : "must be a URL of http or https without a query, such as https://cache.example";
}

/* ---- The table ---- */

#define FIELD(name)  offsetof(struct options, name)
#define FROM_ALL     (OPTION_FROM_FLAG | OPTION_FROM_ENVIRONMENT | OPTION_FROM_FILE)
#define FROM_OUTSIDE (OPTION_FROM_FLAG | OPTION_FROM_ENVIRONMENT) /* not the file */
#define FROM_SECRET                                                                                          \
    (OPTION_FROM_ENVIRONMENT | OPTION_FROM_FILE) /* never a flag: everybody can read a process's words */
#define BODY_RATE_MIN_MAX   1000000000u
#define CONNECTIONS_MAX     1000000u
#define GRACE_S_MAX         86400u
#define LIFECYCLE_DAY_S_MAX 86400u
#define LOST_DAYS_MAX       36500u
#define SCRUB_DAYS_MAX      3650u
#define RECLAIM_DELAY_MAX   604800u /* a week */
#define SERVER_TIMEOUT_MAX  86400u  /* a day */
#define WORKER_COUNT_MAX    256u

/* clang-format off */
const struct option_row option_rows[] = {
    {.name = "data", .type = OPTION_TEXT, .field = FIELD(data), .default_text = "./data", .argument = "DIR",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_CHECK | COMMAND_SCRUB | COMMAND_COMPACT | COMMAND_RECOVER | COMMAND_UPGRADE | COMMAND_BACKUP | COMMAND_RESTORE | COMMAND_LOST | COMMAND_REKEY | COMMAND_REPLICATE | COMMAND_STATUS | COMMAND_USER | COMMAND_BUCKET | COMMAND_REMOTE | COMMAND_IMPORT,
     .help = "The directory of the store; serve, import and restore create it when missing. Others than serve ask the server that has it open, if one has. To commands "
             "for work, s3://BUCKET/KEY is in that store then."},
    {.name = "listen", .type = OPTION_LIST, .field = FIELD(listen), .default_text = "127.0.0.1:9000", .check = check_place,
     .argument = "ADDR:PORT|unix:PATH", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_PING,
     .help = "Where to serve. Port 0 picks a free one. Addresses other than loopback need a key, or --allow-anonymous. unix:PATH is a socket "
             "file, always for plain HTTP. Repeatable; ping asks the first. Sockets that systemd hands over (LISTEN_FDS) are served, too, and "
             "without --listen they alone."},
    {.name = "socket-mode", .type = OPTION_TEXT, .field = FIELD(socket_mode), .default_text = "600", .check = check_mode,
     .argument = "OCTAL", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "The mode of those socket files: whoever may write to one may connect."},
    {.name = "bucket", .reloads = true, .variable = "SLUICE_BUCKETS", .type = OPTION_LIST, .field = FIELD(buckets), .check = check_bucket,
     .argument = "NAME[:public]", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "Make this bucket before anything is served, where it is missing. :public: and let everybody list it and read its objects, by a "
             "bucket policy; one that has another policy, or a public access block, stays as it is, and the log says so. Repeatable."},
    {.name = "cache", .variable = "SLUICE_CACHES", .type = OPTION_LIST, .field = FIELD(caches), .argument = "'KIND bucket=NAME ...'",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "Be the remote cache of a build tool at http://HOST/-/cache/KIND/, which keeps its entries in that bucket: bazel, ccache, github, go, "
             "gradle, http, lfs, nx, turbo or webdav. Further words: name=NAME in the URL, prefix=TEXT before the keys, write-once, of bazel no-validation, of github "
             "repository=ID. Repeatable."},
    {.name = "public-url", .type = OPTION_TEXT, .field = FIELD(public_url), .check = check_public_url, .argument = "URL",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "What clients call this server: the URLs that a cache answers with begin so. Default: the first address that is served, by which "
             "other machines may not reach it. What a request says in Host never counts."},
    {.name = "cache-bucket", .reloads = true, .type = OPTION_LIST, .field = FIELD(cache_buckets), .check = check_cache_bucket, .argument = "'NAME RULE ...'",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Make this bucket a cache, which gives up what was used least recently; and make it, where it is missing. Rules: max-size=10G, "
             "max-age=7d, max-object=1G, use-step=10m, write-once. They replace those that it has. Repeatable."},
    {.name = "tls-certificate", .reloads = true, .type = OPTION_LIST, .field = FIELD(tls_certificate), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_PING,
     .help = "Serve HTTPS: a PEM file of the certificate, then those that lead from it to a root. Changed files are read again "
             "by themselves, and on SIGHUP. Repeatable, with a key each: a client gets the first that is for the name it asks for, else the first."},
    {.name = "tls-key", .reloads = true, .type = OPTION_LIST, .field = FIELD(tls_key), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_PING,
     .help = "The private key of that certificate (repeatable, in their order), a PEM file without a passphrase; it may be the same file. Refused where others "
             "may read it, but for a group to which root has given it."},
    {.name = "tls-listen", .type = OPTION_TEXT, .field = FIELD(tls_listen), .check = check_address, .argument = "ADDR:PORT",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_PING,
     .help = "Serve HTTPS there, and plain HTTP where --listen says. Without it --listen is for HTTPS alone, if there is a "
             "certificate."},
    {.name = "tls-client-authority", .reloads = true, .type = OPTION_TEXT, .field = FIELD(tls_client_authority), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Ask HTTPS clients for certificates, of the authorities in this PEM file. A key or token of the credentials file with "
             "certificate:dns:HOST (or email:, uri:, cn:) is whose the requests are that such a client does not sign."},
    {.name = "tls-client-required", .reloads = true, .type = OPTION_SWITCH, .field = FIELD(tls_client_required), .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Refuse HTTPS clients that show no certificate; sluice ping then needs a place without TLS."},
    {.name = "workers", .type = OPTION_NUMBER, .field = FIELD(workers), .default_text = "0", .max = WORKER_COUNT_MAX,
     .argument = "N", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "Threads that serve, up to 256; 0: as many as there are cores."},
    {.name = "durability", .type = OPTION_CHOICE, .field = FIELD(durability), .default_text = "full", .words = "full|relaxed",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "full: an answered upload survives a power failure. relaxed: nobody waits for syncs; a crash of the program loses "
             "nothing, a power failure or a crash of the kernel takes the latest seconds (5, and what the disk needs to write): uploads of "
             "that time may be lost, overwritten keys have their old bytes again, deleted ones be back. Never older objects, never wrong "
             "bytes."},
    {.name = "shared-fs", .type = OPTION_CHOICE, .field = FIELD(shared_fs), .default_text = "refuse",
     .words = "refuse|fenced|exclusive", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_CHECK | COMMAND_SCRUB | COMMAND_COMPACT | COMMAND_RECOVER | COMMAND_UPGRADE,
     .help = "Whether the directory may be on a network file system, on FUSE, or on a folder of the host. refuse: no, because "
             "locks there can be lost while the machine is cut off, and two servers then accept uploads. fenced: yes; whoever "
             "starts a server elsewhere first cuts this machine off for good. exclusive: yes; no other machine mounts it."},
    {.name = "verify-reads", .reloads = true, .type = OPTION_SWITCH, .field = FIELD(verify_reads), .default_text = "no",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "Read large objects, and compare them with their checksums, before their answers begin: each 64 MiB of a file delays "
             "its answer by a few milliseconds, more from a disk, and a range costs as much as the whole upload that it lies in. "
             "Without it only those up to 64 KiB are, and larger ones where they pass through memory."},
    {.name = "copy-mode", .type = OPTION_CHOICE, .field = FIELD(copy_mode), .default_text = "auto", .words = "auto|standard",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "auto: splice and sendfile. standard: read and write, to compare."},
    {.name = "etag", .type = OPTION_CHOICE, .field = FIELD(etag), .default_text = "auto", .words = "auto|md5",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "auto: the MD5 of the body up to 16 MiB and wherever a client may compare it. md5: always; large uploads then "
             "cost several times as much CPU."},
    {.name = "engine", .type = OPTION_CHOICE, .field = FIELD(engine), .default_text = "auto", .words = "auto|uring|threads",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "Who does the disk work: auto takes io_uring where the kernel permits it, else a pool of threads."},
    {.name = "config", .type = OPTION_TEXT, .field = FIELD(config), .argument = "FILE",
     .sources = FROM_OUTSIDE, .commands = COMMAND_ANY,
     .help = "Read options from a file of `name = value` lines. Flags win over SLUICE_* environment variables, which win "
             "over the file."},
    {.name = "credentials", .type = OPTION_TEXT, .field = FIELD(credentials), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_USER,
     .help = "Keys and what each may do in which bucket. A changed file is read again by itself, and on SIGHUP."},
    {.name = "encryption-keys", .type = OPTION_TEXT, .field = FIELD(encryption_keys), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_REKEY | COMMAND_REMOTE,
     .help = "Master keys that objects are encrypted under, a name and 32 bytes in base64 a line: the first encrypts, all decrypt. Read again on SIGHUP; "
             "refused where others may read it. To commands for work: those of the store that --data names."},
    {.name = "encryption-key-command", .type = OPTION_TEXT, .field = FIELD(encryption_key_command), .argument = "COMMAND",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_REKEY | COMMAND_REMOTE,
     .help = "A command for /bin/sh that prints such a file instead, run at the start and on SIGHUP."},
    {.name = "notifications", .type = OPTION_TEXT, .field = FIELD(notifications), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Where events of buckets may be sent: targets by name, each with its URL, and the buckets and users that may use it. Read "
             "again on SIGHUP."},
    {.name = "replication", .type = OPTION_TEXT, .field = FIELD(replication), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Where buckets may be copied to: targets by name, each with its endpoint and key, and the buckets and users that may use it. Read "
             "again on SIGHUP."},
    {.name = "origins", .type = OPTION_TEXT, .field = FIELD(origins), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "S3 servers that buckets stand in front of: what is not here is fetched from there once, and stays. Read again on SIGHUP."},
    {.name = "resync", .type = OPTION_TEXT, .field = FIELD(resync), .argument = "BUCKET",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_REPLICATE,
     .help = "Compare all keys of the bucket with what its targets have, and copy those that differ."},
    {.name = "status", .type = OPTION_SWITCH, .field = FIELD(replicate_status), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_REPLICATE,
     .help = "Say what waits for each target; so it is without any option, too."},
    {.name = "access-key", .reloads = true, .alias = "MINIO_ROOT_USER", .type = OPTION_TEXT, .field = FIELD(access_key), .check = check_token,
     .argument = "ID", .sources = FROM_SECRET, .commands = COMMAND_SERVE,
     .help = "One key with all rights. Not a flag, because everybody on the machine can read those. Where nothing says it, "
             "MINIO_ROOT_USER does."},
    {.name = "secret-key", .reloads = true, .alias = "MINIO_ROOT_PASSWORD", .type = OPTION_TEXT, .field = FIELD(secret_key), .check = check_token,
     .argument = "SECRET", .sources = FROM_SECRET, .commands = COMMAND_SERVE,
     .help = "The secret of that key. Not a flag either. Where nothing says it, MINIO_ROOT_PASSWORD does."},
    {.name = "access-key-file", .reloads = true, .type = OPTION_TEXT, .field = FIELD(access_key_file), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE, .help = "The file that holds it, as its one line."},
    {.name = "secret-key-file", .reloads = true, .type = OPTION_TEXT, .field = FIELD(secret_key_file), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "The file that holds the secret; refused where others may read it."},
    {.name = "allow-anonymous", .reloads = true, .type = OPTION_SWITCH, .field = FIELD(allow_anonymous), .default_text = "no",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Without any key, serve on addresses other than loopback too: whoever can connect may read, write and delete."},
    {.name = "metrics", .reloads = true, .type = OPTION_CHOICE, .field = FIELD(metrics), .default_text = "keys", .words = "keys|public",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Who may read /-/metrics where there are keys: those with the right to it on \"*\", or whoever can connect."},
    {.name = "signature-v2", .reloads = true, .type = OPTION_CHOICE, .field = FIELD(signature_v2), .default_text = "on", .words = "on|off",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "Whether requests signed by AWS's Signature Version 2 are taken, as boto3 and the aws cli presign for servers other than "
             "AWS's. It signs neither bodies nor most headers, and URLs may be good for ever; off: version 4 alone."},
    {.name = "web-auth", .reloads = true, .type = OPTION_CHOICE, .field = FIELD(web_auth), .default_text = "on", .words = "on|off",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Whether requests are taken that show a secret instead of signing, as curl -u and build tools do: a key or token by Basic, a token by "
             "Bearer. By HTTPS, from this machine, and from a --trusted-proxy that says https in X-Forwarded-Proto."},
    {.name = "web-auth-plain-http", .reloads = true, .type = OPTION_SWITCH, .field = FIELD(web_auth_plain_http), .default_text = "no",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Take them by plain HTTP from other machines, too: whoever is on the way can read the secret, and use it from then on."},
    {.name = "pages", .type = OPTION_CHOICE, .field = FIELD(pages), .default_text = "on", .words = "on|off",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Whether a browser that asks for all buckets, a bucket or a folder gets pages for people, at /-/ui/, where one also signs in with a key. "
             "Programs, which do not ask for text/html before all else, see no difference."},
    {.name = "trusted-proxy", .reloads = true, .type = OPTION_LIST, .field = FIELD(trusted_proxies), .check = check_proxy,
     .argument = "ADDR[/BITS]|unix", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "A proxy whose X-Forwarded-For is believed: the last hop in it that is no such proxy is the client, for aws:SourceIp and the "
             "access log. Without one the field is ignored. unix: whoever connects to a socket file. Repeatable."},
    {.name = "proxy-protocol", .type = OPTION_CHOICE, .field = FIELD(proxy_protocol), .default_text = "off",
     .words = "off|listen|tls-listen|all", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Where each connection begins with a header of the PROXY protocol, version 1 or 2, which says who the client is: on the address of "
             "--listen, on that of --tls-listen (before the handshake), or on all. There only a --trusted-proxy may connect. On socket files "
             "if unix is one."},
    {.name = "admin-http", .type = OPTION_SWITCH, .field = FIELD(admin_http), .default_text = "no",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Take the calls of DATA/control by HTTP, too: POST /-/admin/, signed with a key that has the right admin on \"*\"."},
    {.name = "access-log", .reloads = true, .type = OPTION_TEXT, .field = FIELD(access_log), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "Log each request to a file; - is standard output. SIGHUP opens it anew."},
    {.name = "access-log-format", .reloads = true, .type = OPTION_CHOICE, .field = FIELD(access_log_format), .default_text = "apache",
     .words = "apache|json", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "apache: the combined form. json: one object a line."},
    {.name = "audit-log", .reloads = true, .type = OPTION_TEXT, .field = FIELD(audit_log), .argument = "FILE",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "A line of JSON for each request that is to change something, refused ones too, and for each key of a DeleteObjects: who, from where, "
             "what; - is standard output. SIGHUP opens it anew."},
    {.name = "log-format", .reloads = true, .type = OPTION_CHOICE, .field = FIELD(log_form), .default_text = "auto",
     .words = "auto|text|json|journal", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Of messages on stderr. json: one object a line. journal: lines of text with the priorities that systemd's journal reads (<3> is an "
             "error). auto: journal where stderr is its stream, else text."},
    {.name = "log-level", .reloads = true, .type = OPTION_CHOICE, .field = FIELD(log_level), .default_text = "info", .words = "info|warning|error",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Which messages are told: all, or those of this level and above."},
    {.name = "slow-request", .reloads = true, .type = OPTION_NUMBER, .field = FIELD(slow_request), .default_text = "0",
     .max = 86400000, .argument = "MS", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "A line in the log for each request that takes as many milliseconds, to the last byte of its answer; 0: none."},
    {.name = "domain", .reloads = true, .type = OPTION_LIST, .field = FIELD(domains), .check = check_domain, .argument = "NAME",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "Serve http://BUCKET.NAME/KEY beside http://NAME/BUCKET/KEY. Repeatable."},
    {.name = "website-domain", .type = OPTION_LIST, .field = FIELD(website_domains), .check = check_domain, .argument = "NAME",
     .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "Serve the website of a bucket at http://BUCKET.NAME/, and that of the bucket NAME at http://NAME/: what is configured by sluice bucket website, or "
             "S3's PutBucketWebsite, for everybody to read whom policies and ACLs let. Nothing else is served there, S3 neither. Repeatable."},
    {.name = "website-listen", .type = OPTION_LIST, .field = FIELD(website_listen), .check = check_website_place,
     .argument = "ADDR:PORT[=BUCKET]", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Serve websites there, and nothing else: that of BUCKET, whatever name a client has for the place; without it those of website-domain, and of the "
             "bucket whose name is the whole Host. HTTPS where listen is. unix:PATH is a socket file. Repeatable."},
    {.name = "region", .type = OPTION_TEXT, .field = FIELD(region), .default_text = "us-east-1", .check = check_token,
     .argument = "NAME", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN | COMMAND_REMOTE,
     .help = "The region that signatures and bucket locations name. *: any that a client has; us-east-1 for buckets whose client names "
             "none."},
    {.name = "max-connections", .reloads = true, .type = OPTION_NUMBER, .field = FIELD(max_connections), .default_text = "0",
     .max = CONNECTIONS_MAX, .argument = "N", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "How many connections may be open; 0: half of the descriptors that the process may have (ulimit -n), so that each can "
             "open an object, and at most 32768. For one more, the one that has been idle for longest is closed; while none has been "
             "for a second, the new one waits."},
    {.name = "max-connections-per-address", .reloads = true, .type = OPTION_NUMBER, .field = FIELD(max_connections_per_address),
     .default_text = "0", .max = CONNECTIONS_MAX, .argument = "N", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "How many of them may come from one address (IPv6: from one /64); what is more is closed at once. 0: no limit. A "
             "--trusted-proxy has none."},
    {.name = "body-rate-min", .reloads = true, .type = OPTION_NUMBER, .field = FIELD(body_rate_min), .default_text = "1024", .max = BODY_RATE_MIN_MAX,
     .argument = "BYTES", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "What a client must send of a body, or take of an answer, in a second: on average over each minute in which the server "
             "waited for it. Slower uploads end with RequestTimeout, slower downloads are cut. 0: as little as it likes."},
    {.name = "grace", .reloads = true, .type = OPTION_NUMBER, .field = FIELD(grace_s), .default_text = "30", .max = GRACE_S_MAX,
     .argument = "SECONDS", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "How long requests in flight may go on after SIGTERM or SIGINT."},
    {.name = "lifecycle-day", .type = OPTION_NUMBER, .field = FIELD(lifecycle_day_s), .default_text = "86400", .min = 1,
     .max = LIFECYCLE_DAY_S_MAX, .argument = "SECONDS", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "How long a day of lifecycle rules is. Fewer seconds than a day has are for tests."},
    {.name = "scrub-days", .type = OPTION_NUMBER, .field = FIELD(scrub_days), .default_text = "30", .max = SCRUB_DAYS_MAX,
     .argument = "DAYS", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "In so many days all that is stored is read once and compared with its checksums, while nobody waits for the disk. What is damaged is "
             "told in the log, by sluice status and by sluice check --last. 0: not by itself, only by sluice scrub."},
    {.name = "mend-from", .type = OPTION_TEXT, .field = FIELD(mend_from), .argument = "DIR", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_SCRUB,
     .help = "A backup of the store: what a scrub finds damaged is mended from there, where the backup's bytes have the checksum that they should have."},
    {.name = "cluster", .is_private = true, .type = OPTION_TEXT, .field = FIELD(cluster), .check = check_cluster, .argument = "URL", .sources = FROM_ALL,
     .commands = COMMAND_SERVE | COMMAND_CHECK | COMMAND_IMPORT,
     .help = "Be one of several servers that have their rows in this PostgreSQL database, as postgresql://HOST/NAME, and --data on a file system that all of them "
             "have mounted. A password belongs into the environment, the file, or libpq's own password file. Needs libpq. To check: the rows and the folder are theirs. Of import --from: the cluster that a store becomes part of."},
    {.name = "reclaim-delay", .type = OPTION_NUMBER, .field = FIELD(reclaim_delay_s), .default_text = "600", .min = 1, .max = RECLAIM_DELAY_MAX,
     .argument = "SECONDS", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "In a cluster: how long bytes that nothing names any more stay on the disk, for readers on other servers. On NFS an hour, 3600, is right."},
    {.name = "server-timeout", .type = OPTION_NUMBER, .field = FIELD(server_timeout_s), .default_text = "60", .min = SLUICE_SERVER_TIMEOUT_MIN_S,
     .max = SERVER_TIMEOUT_MAX, .argument = "SECONDS", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "In a cluster: who was silent for so long is taken for dead by the other servers. It writes nothing any more, and ends itself if it wakes up. The same on all of them."},
    {.name = "lost-days", .reloads = true, .type = OPTION_NUMBER, .field = FIELD(lost_days), .default_text = "30", .min = 1, .max = LOST_DAYS_MAX,
     .argument = "DAYS", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "How long files stay in lost/, where a start moves what it cannot explain instead of deleting it."},
    {.name = "lost-share", .reloads = true, .type = OPTION_NUMBER, .field = FIELD(lost_share), .default_text = "10", .min = 1, .max = 100,
     .argument = "PERCENT", .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "How much of the disk they may take; beyond it the oldest are removed, each with a line in the log."},
    {.name = "min-free", .reloads = true, .type = OPTION_TEXT, .field = FIELD(min_free), .default_text = "0", .check = check_min_free,
     .argument = "SHARE%|BYTES", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "How much of the disk uploads leave free, as 5% or 10G. One that would begin to take of it is refused like one on a full disk; "
             "reads and deletes go on."},
    {.name = "garbage-max", .type = OPTION_TEXT, .field = FIELD(garbage_max), .default_text = "128M", .check = check_garbage_max,
     .argument = "BYTES", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "What small objects that were overwritten or deleted may take of the disk until their space is given back. Above it, who stores "
             "more of them waits a little. 0: nobody waits."},
    {.name = "quota-bytes", .reloads = true, .type = OPTION_TEXT, .field = FIELD(quota_bytes), .default_text = "0", .check = check_garbage_max,
     .argument = "BYTES", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "What all buckets may hold together, as 500G: objects, versions, parts of unfinished uploads, annotations. What would come out "
             "above it is refused. 0: any."},
    {.name = "quota-objects", .reloads = true, .type = OPTION_NUMBER, .field = FIELD(quota_objects), .default_text = "0", .min = 0, .max = UINT32_MAX,
     .argument = "NUMBER", .sources = FROM_ALL, .commands = COMMAND_SERVE | COMMAND_RUN,
     .help = "How many objects and noncurrent versions they may hold. 0: any."},
    {.name = "read-only", .type = OPTION_SWITCH, .field = FIELD(read_only), .default_text = "no",
     .sources = FROM_ALL, .commands = COMMAND_SERVE,
     .help = "Refuse every change. A store that was closed is opened without writing into it, also on a file system that cannot be written; one "
             "that was not is recovered first."},
    {.name = "accept-clock", .type = OPTION_SWITCH, .field = FIELD(accept_clock), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_SERVE,
     .help = "Start once with a clock that is more than seven days ahead of where it was when lifecycle rules ran last, and let them remove what "
             "is old by it: they wait otherwise, if that is much. A flag alone, so that it does not stay on by accident."},
    {.name = "accept-older-database", .type = OPTION_SWITCH, .field = FIELD(accept_older_database), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_SERVE,
     .help = "Start once with a database that is missing, older than the blobs beside it or not theirs, or whose log is missing or "
             "damaged, which is refused otherwise. What it does not know is gone; blobs that it does not name are moved to lost/. "
             "A flag alone, so that it does not stay on by accident."},
    {.name = "fault-knobs", .type = OPTION_SWITCH, .field = FIELD(fault_knobs), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_SERVE,
     .help = "For tests of clients: let the call faults of DATA/control have requests fail, begin late, or be cut. On loopback and socket "
             "files alone. A flag alone, so that no file or environment turns it on."},
    {.name = "list", .type = OPTION_SWITCH, .field = FIELD(list_lost), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_LOST,
     .help = "Print bytes, age and name of each file; this is what it does without --empty."},
    {.name = "empty", .type = OPTION_SWITCH, .field = FIELD(empty_lost), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_LOST, .help = "Remove them all, for good."},
    {.name = "check-config", .type = OPTION_SWITCH, .field = FIELD(check_config), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_SERVE,
     .help = "Check the options, the configuration, the credentials file and the certificate, then exit without serving."},
    {.name = "to", .type = OPTION_TEXT, .field = FIELD(backup_to), .argument = "DIR|URL", .sources = OPTION_FROM_FLAG, .commands = COMMAND_BACKUP | COMMAND_RECOVER,
     .help = "The folder of the backup: a new one, or that of earlier backups of the store, which gets what is new. Or s3://BUCKET/FOLDER, on any server of S3. "
             "Of recover: where the new store is made, not there yet, or empty."},
    {.name = "from", .type = OPTION_TEXT, .field = FIELD(from), .argument = "DIR|URL", .sources = OPTION_FROM_FLAG, .commands = COMMAND_RESTORE | COMMAND_IMPORT,
     .help = "The folder of the backup, or s3://BUCKET/FOLDER; of import, the folder of a store that no server has open. It is not changed."},
    {.name = "copies", .type = OPTION_SWITCH, .field = FIELD(copies), .default_text = "no", .sources = OPTION_FROM_FLAG, .commands = COMMAND_BACKUP,
     .help = "Copy each byte, where clones or links of files would do: then damage of the store's disk is none of the backup's."},
    {.name = "no-verify", .type = OPTION_SWITCH, .field = FIELD(no_verify), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_CHECK,
     .help = "Check rows and references only; do not read the contents to compare their checksums."},
    {.name = "last", .type = OPTION_SWITCH, .field = FIELD(last_findings), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_CHECK,
     .help = "Check nothing: print what scrubs have found, and what to do about it."},
    {.name = "rights", .type = OPTION_TEXT, .field = FIELD(rights), .argument = "RIGHTS",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_USER,
     .help = "For add: what the user's key may do, such as \"@own=all artifacts-*=read,list\". Without it, everything in "
             "the user's own buckets."},
    {.name = "id", .type = OPTION_TEXT, .field = FIELD(user_id), .argument = "ID",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_USER,
     .help = "For add: the canonical id; without it, a random one. The id of a removed user gives his buckets back."},
    {.name = "token", .type = OPTION_SWITCH, .field = FIELD(is_token), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_USER,
     .help = "For add: a token, for clients that show a secret by Bearer or Basic, instead of a key. It takes --rights, as in "
             "\"cache=read cache/pr-*=read,write\", and is the user of its name."},
    {.name = "keep-old", .type = OPTION_SWITCH, .field = FIELD(keep_old), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_USER,
     .help = "For rotate: the old keys stay valid, until the next rotation."},
    {.name = "keep", .type = OPTION_SWITCH, .field = FIELD(keep), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_RUN,
     .help = "Leave the store where it is, and say where that is."},
#include "api/cli/remote/rows.h"
    {.name = "help", .type = OPTION_SWITCH, .field = FIELD(help), .default_text = "no",
     .sources = OPTION_FROM_FLAG, .commands = COMMAND_ANY | COMMAND_RUN | COMMAND_REMOTE | COMMAND_IMPORT, .help = "Show this."},
};
/* clang-format on */
const size_t option_row_count = sizeof(option_rows) / sizeof(option_rows[0]);
_Static_assert(sizeof(option_rows) / sizeof(option_rows[0]) <= OPTIONS_ROWS_MAX,
               "each row has a place in sources[]");
