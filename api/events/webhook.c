/* SPDX-License-Identifier: MIT
 *
 * See webhook.h. */
#include "api/events/webhook.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "api/events/signature.h"
#include "api/identity/curl_library.h"
#include "storage/base/clock.h"

#define FDS_MAX 4u

struct webhooks {
    const struct curl_library *curl;
    CURLM *multi;
};

struct webhook {
    struct webhooks *webhooks;
    const struct events_target *target;
    void (*done)(void *ctx, const char *reason);
    void *ctx;
    CURL *easy;
    struct curl_slist *headers;
    char *body;
    size_t answered; /* bytes */
    bool is_under_way;
};

int webhooks_create(struct webhooks **out)
{
    struct webhooks *webhooks = calloc(1, sizeof(*webhooks));

    if (webhooks == NULL)
        return -ENOMEM;
    if ((webhooks->curl = curl_library_open()) == NULL) {
        free(webhooks);
        return -ENOSYS;
    }
    if ((webhooks->multi = webhooks->curl->multi_init()) == NULL) {
        free(webhooks);
        return -ENOMEM;
    }
    *out = webhooks;
    return 0;
}

void webhooks_destroy(struct webhooks *webhooks)
{
    if (webhooks == NULL)
        return;
    (void)webhooks->curl->multi_cleanup(webhooks->multi); /* no handle is left in it */
    free(webhooks);
}

/* Nobody reads what a target answers; and none keeps the thread busy with it. */
static size_t on_answer(char *bytes, size_t size, size_t count, void *ctx)
{
    struct webhook *webhook = ctx;

    webhook->answered += size * count;
    return webhook->answered <= EVENTS_ANSWER_BYTES_MAX ? size * count : 0;
}

static bool set_options(struct webhook *webhook)
{
    const struct curl_library *curl = webhook->webhooks->curl;
    const char *authorities = curl_library_authorities();
    long timeout_ms = 1000L * webhook->target->timeout_s;
    CURL *easy = webhook->easy;

    return (authorities == NULL || curl->easy_setopt(easy, CURLOPT_CAINFO, authorities) == CURLE_OK) &&
           curl->easy_setopt(easy, CURLOPT_URL, webhook->target->url) == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, timeout_ms) == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_USERAGENT, "sluice") == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_answer) == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_WRITEDATA, webhook) == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl->easy_setopt(easy, CURLOPT_PRIVATE, webhook) == CURLE_OK;
}

int webhook_open(struct webhook **out, struct webhooks *webhooks, const struct events_target *target,
                 void (*done)(void *ctx, const char *reason), void *ctx)
{
    struct webhook *webhook = calloc(1, sizeof(*webhook));

    if (webhook == NULL)
        return -ENOMEM;
    *webhook = (struct webhook){.webhooks = webhooks, .target = target, .done = done, .ctx = ctx};
    webhook->easy = webhooks->curl->easy_init();
    if (webhook->easy == NULL || !set_options(webhook)) {
        webhook_close(webhook);
        return -ENOMEM;
    }
    *out = webhook;
    return 0;
}

static void body_drop(struct webhook *webhook)
{
    webhook->webhooks->curl->slist_free_all(webhook->headers);
    webhook->headers = NULL;
    free(webhook->body);
    webhook->body = NULL;
}

void webhook_close(struct webhook *webhook)
{
    const struct curl_library *curl;

    if (webhook == NULL)
        return;
    curl = webhook->webhooks->curl;
    if (webhook->is_under_way)
        (void)curl->multi_remove_handle(webhook->webhooks->multi, webhook->easy);
    if (webhook->easy != NULL)
        curl->easy_cleanup(webhook->easy);
    body_drop(webhook);
    free(webhook);
}

static bool header_add(struct webhook *webhook, const char *line)
{
    struct curl_slist *longer = webhook->webhooks->curl->slist_append(webhook->headers, line);

    if (longer != NULL)
        webhook->headers = longer;
    return longer != NULL;
}

/* Signed as it is sent: a second try has a time of its own. */
static bool headers_make(struct webhook *webhook, size_t length)
{
    char signature[EVENTS_SIGNATURE_BYTES];
    const char *secret = webhook->target->secret;

    if (!header_add(webhook, "Content-Type: application/json") || !header_add(webhook, "Expect:"))
        return false;
    return secret == NULL || (events_sign(secret, clock_real_ms() / 1000, webhook->body, length, signature) &&
                              header_add(webhook, signature));
}

int webhook_post(struct webhook *webhook, char *body, size_t length)
{
    const struct curl_library *curl = webhook->webhooks->curl;

    body_drop(webhook);
    webhook->body = body;
    webhook->answered = 0;
    if (!headers_make(webhook, length) ||
        curl->easy_setopt(webhook->easy, CURLOPT_HTTPHEADER, webhook->headers) != CURLE_OK ||
        curl->easy_setopt(webhook->easy, CURLOPT_POSTFIELDS, body) != CURLE_OK ||
        curl->easy_setopt(webhook->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)length) != CURLE_OK ||
        curl->multi_add_handle(webhook->webhooks->multi, webhook->easy) != CURLM_OK)
        return -ENOMEM;
    webhook->is_under_way = true;
    return 0;
}

static void finish(struct webhooks *webhooks, CURL *easy, CURLcode code)
{
    char reason[WEBHOOK_REASON_BYTES] = "";
    char *private = NULL;
    long status = 0;

    (void)webhooks->curl->easy_getinfo(easy, CURLINFO_PRIVATE, &private);
    (void)webhooks->curl->easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    struct webhook *webhook = (struct webhook *)private;
    (void)webhooks->curl->multi_remove_handle(webhooks->multi, easy);
    webhook->is_under_way = false;
    body_drop(webhook);
    if (code == CURLE_WRITE_ERROR && webhook->answered > EVENTS_ANSWER_BYTES_MAX)
        code = CURLE_OK; /* its status has come, and that is all that counts */
    if (code != CURLE_OK)
        (void)snprintf(reason, sizeof(reason), "%s", webhooks->curl->easy_strerror(code));
    else if (status < 200 || status > 299)
        (void)snprintf(reason, sizeof(reason), "it answered with status %ld", status);
    webhook->done(webhook->ctx, reason[0] != '\0' ? reason : NULL);
}

void webhooks_run(struct webhooks *webhooks)
{
    int running, left;
    CURLMsg *message;

    (void)webhooks->curl->multi_perform(webhooks->multi, &running); /* each handle has its own result */
    while ((message = webhooks->curl->multi_info_read(webhooks->multi, &left)) != NULL)
        if (message->msg == CURLMSG_DONE)
            finish(webhooks, message->easy_handle, message->data.result);
}

void webhooks_wait(struct webhooks *webhooks, const int *fds, unsigned count, unsigned milliseconds)
{
    struct curl_waitfd waits[FDS_MAX];
    int ready;

    for (unsigned i = 0; i < count && i < FDS_MAX; i++)
        waits[i] = (struct curl_waitfd){.fd = fds[i], .events = CURL_WAIT_POLLIN};
    if (webhooks->curl->multi_poll(webhooks->multi, waits, count, (int)milliseconds, &ready) != CURLM_OK)
        (void)nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL); /* no memory: not in a tight loop */
}
