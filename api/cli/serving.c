/* SPDX-License-Identifier: MIT
 *
 * What the commands that serve have in common: the options as sluice.h takes them, and room for connections. */
#include "api/cli/cli.h"

#include <sys/resource.h>
#include <unistd.h>

/* The store has said why. Nothing of it is to be written any more, so nothing is closed. */
static void cli_fenced(void *ctx)
{
    _exit(CLI_FAILED);
}

void store_options_fill(const struct options *options, struct sluice_store_options *store)
{
    static const enum sluice_engine engines[] = {
        [ENGINE_AUTO] = SLUICE_ENGINE_AUTO,
        [ENGINE_URING] = SLUICE_ENGINE_URING,
        [ENGINE_THREADS] = SLUICE_ENGINE_THREADS,
    };
    static const enum sluice_shared_fs shared_fs[] = {
        [SHARED_FS_REFUSE] = SLUICE_SHARED_FS_REFUSE,
        [SHARED_FS_FENCED] = SLUICE_SHARED_FS_FENCED,
        [SHARED_FS_EXCLUSIVE] = SLUICE_SHARED_FS_EXCLUSIVE,
    };

    unsigned share;

    *store = (struct sluice_store_options){
        .relaxed = options->durability == DURABILITY_RELAXED,
        .copy_mode = options->copy_mode == COPY_MODE_STANDARD,
        .etag_md5 = options->etag == ETAG_MD5,
        .verify_reads = options->verify_reads,
        .engine = engines[options->engine],
        .lifecycle_day_s = options->lifecycle_day_s,
        .shared_fs = shared_fs[options->shared_fs],
        .accept_older_database = options->accept_older_database,
        .scrub_days = options->scrub_days == 0 ? SLUICE_SCRUB_OFF : options->scrub_days,
        .mend_from = options->mend_from,
        .cluster = options->cluster,
        .reclaim_delay_s = options->reclaim_delay_s,
        .server_timeout_s = options->server_timeout_s,
        .on_fenced = cli_fenced,
        .accept_clock = options->accept_clock,
        .lost_days = options->lost_days,
        .lost_share = options->lost_share,
        .read_only = options->read_only,
        .encryption_keys = options->encryption_keys,
        .encryption_key_command = options->encryption_key_command,
        .log = cli_log,
    };
    (void)option_min_free_parse(options->min_free, &store->min_free_bytes,
                                &store->min_free_share);                            /* it was checked */
    (void)option_min_free_parse(options->garbage_max, &store->garbage_max, &share); /* the same */
    (void)option_min_free_parse(options->quota_bytes, &store->quota_bytes, &share); /* the same */
    store->quota_objects = options->quota_objects;
    if (store->garbage_max == 0)
        store->garbage_max = UINT64_MAX;
}

void server_options_fill(const struct options *options, struct sluice_server_options *server)
{
    *server = (struct sluice_server_options){
        .tls_listen = options->tls_listen,
        .socket_mode = option_mode_parse(options->socket_mode),
        .tls_certificate = options->tls_certificate.count > 0 ? options->tls_certificate.items[0] : NULL,
        .tls_key = options->tls_key.count > 0 ? options->tls_key.items[0] : NULL,
        .tls_client_authority = options->tls_client_authority,
        .tls_client_required = options->tls_client_required,
        .workers = options->workers,
        .max_connections = options->max_connections,
        .max_connections_per_address = options->max_connections_per_address,
        .body_rate_min = options->body_rate_min != 0 ? (int)options->body_rate_min : -1,
        .access_key = options->access_key,
        .secret_key = options->secret_key,
        .access_key_file = options->access_key_file,
        .secret_key_file = options->secret_key_file,
        .credentials = options->credentials,
        .notifications = options->notifications,
        .replication = options->replication,
        .origins = options->origins,
        .allow_anonymous = options->allow_anonymous,
        .public_metrics = options->metrics == METRICS_PUBLIC,
        .refuse_signature_v2 = options->signature_v2 == SIGNATURE_V2_OFF,
        .refuse_web_auth = options->web_auth == WEB_AUTH_OFF,
        .refuse_pages = options->pages == PAGES_OFF,
        .web_auth_plain_http = options->web_auth_plain_http,
        .region = options->region,
        .caches = (const char *const *)options->caches.items,
        .public_url = options->public_url,
        .domains = (const char *const *)options->domains.items,
        .website_domains = (const char *const *)options->website_domains.items,
        .trusted_proxies = (const char *const *)options->trusted_proxies.items,
        .proxy_protocol =
            options->proxy_protocol == PROXY_PROTOCOL_LISTEN || options->proxy_protocol == PROXY_PROTOCOL_ALL,
        .tls_proxy_protocol =
            options->tls_listen != NULL && (options->proxy_protocol == PROXY_PROTOCOL_TLS_LISTEN ||
                                            options->proxy_protocol == PROXY_PROTOCOL_ALL),
        .access_log = options->access_log,
        .access_log_json = options->access_log_format == LOG_FORMAT_JSON,
        .audit_log = options->audit_log,
        .slow_request_ms = options->slow_request,
        .control = true,
        .admin_http = options->admin_http,
        .fault_knobs = options->fault_knobs,
    };
}

/* Each connection and each object being read is a descriptor; the soft limit of 1,024 is for programs that
 * use select. */
void descriptor_limit_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit); /* harmless: fewer connections then */
}
