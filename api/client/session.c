/* SPDX-License-Identifier: MIT
 *
 * See session.h. */
#include "api/client/session.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/s3/text/s3_xml.h"
#include "storage/base/clock.h"

#define BACKOFF_SLICE_MS 50u /* between two looks whether it was cancelled */

int client_session_open(struct client_session **session, const struct client_target *target,
                        atomic_ullong *moved, const atomic_bool *cancelled)
{
    struct client_session *made = calloc(1, sizeof(*made));
    int err;

    *session = NULL;
    if (made == NULL)
        return -ENOMEM;
    made->target = target;
    made->cancelled = cancelled;
    arena_init(&made->arena, &made->stock);
    if ((err = client_connection_open(&made->connection, target, moved, cancelled)) != 0) {
        free(made);
        return err;
    }
    *session = made;
    return 0;
}

void client_session_close(struct client_session *session)
{
    if (session == NULL)
        return;
    client_connection_close(session->connection);
    arena_free(&session->arena);
    arena_stock_free(&session->stock);
    free(session);
}

struct client_request *client_session_begin(struct client_session *session, const char *method,
                                            const char *bucket, const char *key)
{
    arena_reset(&session->arena);
    session->code[0] = session->why[0] = '\0';
    session->restart = NULL;
    client_request_begin(&session->request, &session->arena, method, bucket, key);
    client_request_address(&session->request, session->target);
    return &session->request;
}

int client_session_fail(struct client_session *session, int err, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(session->why, sizeof(session->why), format, arguments); /* a cut sentence is still one */
    va_end(arguments);
    return err;
}

bool client_error_is_unreachable(int err)
{
    return err == -ECONNREFUSED || err == -ECONNRESET;
}

/* ---- What an answer means ---- */

static int visit_error(void *ctx, const char *path, const char *text, size_t length)
{
    struct client_session *session = ctx;

    if (strcmp(path, "Error/Code") == 0)
        (void)snprintf(session->code, sizeof(session->code), "%.*s", (int)length, text);
    else if (strcmp(path, "Error/Message") == 0)
        (void)snprintf(session->why, sizeof(session->why), "%.*s", (int)length, text);
    return 0;
}

static int errno_of(const struct client_session *session, int status)
{
    static const struct {
        const char *code;
        int err;
    } codes[] = {
        {"BucketAlreadyOwnedByYou", -EEXIST},
        {"BucketAlreadyExists", -EEXIST},
        {"BucketNotEmpty", -ENOTEMPTY},
        {"XMinioStorageFull", -ENOSPC},
    };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (strcmp(session->code, codes[i].code) == 0)
            return codes[i].err;
    switch (status) {
    case 304:
    case 412:
        return -ESTALE;
    case 400:
        return -EINVAL;
    case 401:
    case 403:
        return -EACCES;
    case 404:
        return -ENOENT;
    case 416:
        return -ERANGE;
    case 501:
        return -EOPNOTSUPP;
    case 507:
        return -ENOSPC;
    default:
        return -EIO;
    }
}

/* Control characters of a server are not for a terminal. */
static void clean(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = ' ';
}

static void read_error(struct client_session *session)
{
    char message[CLIENT_WHY_BYTES];

    (void)s3_xml_parse(session->answer.body, session->answer.body_length, "Error", visit_error, session);
    (void)snprintf(message, sizeof(message), "%s", session->why);
    if (session->code[0] != '\0')
        (void)client_session_fail(session, 0, "%s: %s", session->code, message);
    clean(session->why);
    clean(session->code);
}

/* An answer to HEAD has no body: its status says it all. */
static int judge(struct client_session *session)
{
    int status = session->answer.status;

    if (status >= 200 && status < 300)
        return 0;
    if (session->answer.body_length > 0)
        read_error(session);
    if (session->code[0] == '\0')
        (void)client_session_fail(session, 0, "the server answered %d%s", status,
                                  status == 404   ? ", it is not there"
                                  : status == 403 ? ", access is denied"
                                                  : "");
    return errno_of(session, status);
}

/* ---- Trying again ---- */

static bool may_help(const struct client_session *session, int err)
{
    int status = session->answer.status;

    if (client_error_is_unreachable(err))
        return true;
    return err == -EIO && (status == 408 || status == 429 || status == 500 || status == 502 ||
                           status == 503 || status == 504);
}

static bool is_cancelled(const struct client_session *session)
{
    return session->cancelled != NULL && atomic_load(session->cancelled);
}

/* Half of it by chance, so that connections that failed together do not come back together. */
static void wait_before(const struct client_session *session, unsigned attempt)
{
    unsigned ms = CLIENT_BACKOFF_MS << attempt;

    ms = ms / 2 + (unsigned)(clock_monotonic_ns() % (ms / 2 + 1));
    for (; ms > 0 && !is_cancelled(session); ms -= ms < BACKOFF_SLICE_MS ? ms : BACKOFF_SLICE_MS) {
        struct timespec pause = {0, (long)(ms < BACKOFF_SLICE_MS ? ms : BACKOFF_SLICE_MS) * 1000000};

        (void)nanosleep(&pause, NULL);
    }
}

int client_session_call(struct client_session *session, client_sink_fn sink, void *ctx)
{
    unsigned wanted = session->target->patience.attempts;
    unsigned attempts = wanted != 0 ? wanted : CLIENT_ATTEMPTS_MAX;
    int err = 0;

    for (unsigned attempt = 0; attempt < attempts; attempt++) {
        if (attempt > 0) {
            wait_before(session, attempt - 1);
            if (is_cancelled(session))
                return client_session_fail(session, -ECANCELED, "interrupted");
            if (session->restart != NULL)
                session->restart(ctx);
        }
        session->code[0] = session->why[0] = '\0';
        client_request_sign(&session->request, session->target, clock_real_ms() / 1000);
        err = client_connection_perform(session->connection, &session->request, sink, ctx, &session->answer,
                                        session->why);
        if (err == 0)
            err = judge(session);
        if (err == 0 || !may_help(session, err) || (session->answer.sunk > 0 && session->restart == NULL))
            return err;
    }
    return err;
}

int client_session_call_late(struct client_session *session)
{
    int err = client_session_call(session, NULL, NULL);

    if (err != 0 || session->answer.body_length == 0)
        return err;
    read_error(session);
    return session->code[0] == '\0' ? 0 : errno_of(session, 0);
}
