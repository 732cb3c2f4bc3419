/* SPDX-License-Identifier: MIT
 *
 * The server as a whole: start and its failures, stop in every state, clients that vanish, the access log, no
 * leaks of descriptors. */
#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "http_support.h"

static const char *congestion; /* of every socket made here; NULL: what the machine does */

int socket(int domain, int type, int protocol)
{
    int fd = (int)syscall(SYS_socket, domain, type, protocol);

    if (fd >= 0 && congestion != NULL)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion));
    return fd;
}

static unsigned open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    assert_non_null(folder);
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void refuses_bad_options(void **state)
{
    static const struct {
        const char *listen;
        int error;
    } cases[] = {
        {"", -EINVAL},
        {"127.0.0.1", -EINVAL},
        {":80", -EINVAL},
        {"127.0.0.1:", -EINVAL},
        {"127.0.0.1:x", -EINVAL},
        {"127.0.0.1:65536", -EINVAL},
        {"::1:80", -EINVAL},
        {"[::1:80", -EINVAL},
        {"[]:80", -EINVAL},
        {"no.such.host.invalid:80", -EINVAL},
    };
    struct http_server_options options = toy_options();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        options.listen = cases[i].listen;
        assert_int_equal(http_server_start(&server, &options), cases[i].error);
        assert_null(server);
    }
    options = toy_options();
    options.workers = 0;
    assert_int_equal(http_server_start(&server, &options), -EINVAL);
    options.workers = HTTP_WORKERS_MAX + 1;
    assert_int_equal(http_server_start(&server, &options), -EINVAL);
    options = toy_options();
    options.proxy_protocol = true; /* by whom? */
    assert_int_equal(http_server_start(&server, &options), -EINVAL);
    options.trusted_proxies = (const char *const[]){NULL};
    assert_int_equal(http_server_start(&server, &options), -EINVAL);
    options = toy_options();
    options.access_log = "/no/such/folder/log";
    assert_int_equal(http_server_start(&server, &options), -ENOENT);
    assert_null(server);
    http_server_stop(NULL, 0);
}

static void reports_a_taken_port(void **state)
{
    struct http_server_options options = toy_options();
    struct http_server *second = NULL;
    char taken[64];

    (void)state;
    snprintf(taken, sizeof(taken), "127.0.0.1:%u", http_server_port(server));
    assert_string_equal(http_server_address(server), taken);
    options.listen = taken;
    assert_int_equal(http_server_start(&second, &options), -EADDRINUSE);
}

static void congestion_of(int fd, char name[32])
{
    socklen_t length = 31;

    memset(name, 0, 32);
    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &length), 0);
}

/* The server's end of a client's connection, which is in this process, too. */
static int other_end(int client)
{
    struct sockaddr_in mine, theirs;
    socklen_t length = sizeof(mine);

    assert_int_equal(getsockname(client, (struct sockaddr *)&mine, &length), 0);
    for (int fd = 0; fd < 1024; fd++) {
        length = sizeof(theirs);
        if (getpeername(fd, (struct sockaddr *)&theirs, &length) == 0 && theirs.sin_family == AF_INET &&
            theirs.sin_port == mine.sin_port)
            return fd;
    }
    fail();
    return -1;
}

/* Where the machine has BBR, it is not for those who come from a loopback address, by whatever listener; what else it has stays. */
static void paces_nobody_on_loopback(void **state)
{
    static const struct {
        const char *listen, *usual, *expected;
    } cases[] = {{"127.0.0.1:0", "bbr", "reno"}, {"0.0.0.0:0", "bbr", "reno"}, {"127.0.0.1:0", NULL, NULL}};
    struct http_server_options options = toy_options();
    struct reply reply = {.status = 0};
    char usual[32], name[32];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    congestion_of(fd, usual);
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, "bbr", 3) != 0) {
        close(fd);
        skip(); /* this kernel has none */
    }
    close(fd);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *expected = cases[i].expected != NULL       ? cases[i].expected
                               : strncmp(usual, "bbr", 3) == 0 ? "reno"
                                                               : usual;

        options.listen = cases[i].listen;
        congestion = cases[i].usual;
        toy_start(&options);
        congestion = NULL;
        fd = client_connect();
        client_send(fd, "GET /memory/1 HTTP/1.1\r\nHost: h\r\n\r\n");
        expect_reply(fd, &reply, 200);
        congestion_of(other_end(fd), name);
        client_close(fd, &reply);
        toy_stop();
        assert_string_equal(name, expected);
    }
}

static void reports_a_worker_that_fails(void **state)
{
    struct http_server_options options = toy_options();
    unsigned failing = 1;

    (void)state;
    options.workers = 3;
    options.handler.ctx = &failing;
    assert_int_equal(http_server_start(&server, &options), -ENODEV);
    assert_null(server);
    toy_free_workers();
}

/* A client in a hurry: its request is there before the first worker looks, and the others take their time. */
#define HASTY_WORKERS 4u

struct hasty {
    unsigned failing;  /* index, or HASTY_WORKERS for none */
    bool comes_second; /* after one that asks and has gone again */
    int fd;
    _Atomic unsigned workers, requests, workers_at_request;
};

/* By a reset; the request is in the socket's queue nevertheless. */
static void ask_and_go(void)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    int fd = client_connect();

    client_send(fd, "GET /path/gone HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), 0);
    close(fd);
}

static int hasty_on_worker_start(void *ctx, struct http_worker *worker, unsigned index,
                                 struct http_worker_events *events, void **worker_ctx)
{
    struct hasty *hasty = ctx;
    unsigned failing = hasty->failing;
    int err;

    if (index == 0) {
        server = http_worker_server(worker);
        if (hasty->comes_second)
            ask_and_go();
        hasty->fd = client_connect();
        client_send(hasty->fd, "GET /path/early HTTP/1.1\r\nHost: h\r\n\r\n");
    } else {
        usleep(20000);
    }
    err = toy_on_worker_start(failing < HASTY_WORKERS ? &failing : NULL, worker, index, events, worker_ctx);
    atomic_fetch_add(&hasty->workers, 1);
    return err;
}

static void hasty_on_request(void *ctx, struct http_worker *worker, struct http_request *req)
{
    struct hasty *hasty = ctx;
    struct http_statistics statistics;

    atomic_fetch_add(&hasty->requests, 1);
    atomic_store(&hasty->workers_at_request, atomic_load(&hasty->workers));
    http_server_statistics(http_worker_server(worker), &statistics);
    assert_int_equal(statistics.requests, 1);
    toy_on_request(NULL, worker, req);
}

static struct http_server_options hasty_options(struct hasty *hasty, unsigned failing)
{
    struct http_server_options options = toy_options();

    *hasty = (struct hasty){.failing = failing, .fd = -1};
    options.workers = HASTY_WORKERS;
    options.handler =
        (struct http_handler){hasty_on_worker_start, toy_on_worker_stop, hasty_on_request, hasty};
    return options;
}

static void serves_nobody_before_all_workers_are_there(void **state)
{
    struct hasty hasty;
    struct http_server_options options = hasty_options(&hasty, HASTY_WORKERS);
    struct reply reply = {.status = 0};

    (void)state;
    toy_start(&options);
    expect_reply(hasty.fd, &reply, 200);
    assert_int_equal(hasty.workers_at_request, HASTY_WORKERS);
    client_close(hasty.fd, &reply);
    toy_stop();
}

/* Nobody could say where that request came from. */
static void does_not_hear_who_has_gone(void **state)
{
    struct hasty hasty;
    struct http_server_options options = hasty_options(&hasty, HASTY_WORKERS);
    struct reply reply = {.status = 0};

    (void)state;
    options.workers = 1;
    hasty.comes_second = true;
    toy_start(&options);
    expect_reply(hasty.fd, &reply, 200);
    assert_int_equal(hasty.requests, 1);
    client_close(hasty.fd, &reply);
    toy_stop();
}

static void serves_nobody_when_the_start_fails(void **state)
{
    struct hasty hasty;
    struct http_server_options options = hasty_options(&hasty, HASTY_WORKERS - 1);

    (void)state;
    toy_free_workers();
    assert_int_equal(http_server_start(&server, &options), -ENODEV);
    server = NULL;
    assert_int_equal(hasty.requests, 0);
    close(hasty.fd);
    toy_free_workers();
}

static void starts_and_stops_without_a_trace(void **state)
{
    unsigned before = 0;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct http_server_options options = toy_options();
        struct reply reply = {.status = 0};
        int fd;

        if (i == 1) /* what the first start creates for the process stays */
            before = open_descriptors();
        options.listen = i % 2 != 0 ? "[::1]:0" : "127.0.0.1:0";
        toy_start(&options);
        if (i % 2 == 0) {
            fd = client_connect();
            expect_usable(fd, &reply);
            client_close(fd, &reply);
        }
        assert_true(toy_workers[0]->hears_edges); /* the loop could be told so */
        toy_stop();
    }
    assert_int_equal(open_descriptors(), before);
}

static void *stop_in_thread(void *arg)
{
    http_server_stop(server, *(uint32_t *)arg);
    return NULL;
}

static void wait_for_refused_connects(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int err;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    do {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        err = connect(fd, (struct sockaddr *)&address, sizeof(address));
        close(fd);
        usleep(1000);
    } while (err == 0);
}

static void stop_lets_requests_finish(void **state)
{
    struct reply reply = {.status = 0}, idle_reply = {.status = 0};
    uint32_t grace_ms = 20000;
    int idle = client_connect(), fd = client_connect();
    pthread_t thread;

    (void)state;
    expect_usable(idle, &idle_reply);
    client_send(fd, "PUT /gated HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n");
    toy_wait_for(&toy_gated, 1);
    assert_int_equal(pthread_create(&thread, NULL, stop_in_thread, &grace_ms), 0);
    expect_close(idle, &idle_reply);
    wait_for_refused_connects(http_server_port(server));
    toy_release();
    client_send(fd, "hello");
    expect_reply(fd, &reply, 200);
    expect_body(&reply, "hello");
    assert_string_equal(reply_field(&reply, "Connection"), "close");
    client_close(fd, &reply);
    client_close(idle, &idle_reply);
    pthread_join(thread, NULL);
    server = NULL;
}

static void stop_cuts_after_the_grace_period(void **state)
{
    static const char *const requests[] = {
        "PUT /splice HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe",
        "PUT /splice HTTP/1.1\r\nHost: h\r\nContent-Length: 50000000\r\n\r\nhe",
        "GET /source/50000000 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /memory/5000000 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /path HTT",
        "PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nhe",
        "PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\nhe",
        "PUT /answer-gated HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
        "PUT /gated HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
    };
    int fds[sizeof(requests) / sizeof(requests[0])];
    struct reply reply = {.status = 0};
    uint32_t grace_ms = 1;
    pthread_t thread;
    char byte;

    (void)state;
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
        fds[i] = client_connect_with(4096);
        client_send(fds[i], requests[i]);
        if (i == 2 || i == 3 || i == 5 || i == 6)
            assert_int_equal(recv(fds[i], &byte, 1, 0), 1); /* it has begun */
    }
    toy_wait_for(&toy_gated, 2);
    assert_int_equal(pthread_create(&thread, NULL, stop_in_thread, &grace_ms), 0);
    /* Those whose handlers still work are cut, and yet waited for. */
    assert_false(client_read(fds[7], &reply, true));
    assert_false(client_read(fds[8], &reply, true));
    toy_release();
    pthread_join(thread, NULL);
    server = NULL;
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        close(fds[i]);
}

/* A client goes at every point of a conversation, by close and by reset; then the server must be as before. */
static void survives_vanishing_clients(void **state)
{
    static const char *const requests[] = {
        "PUT /splice HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\nhello, world",
        "PUT /busy HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "GET /source-busy/3000000 HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET /memory/100000 HTTP/1.1\r\nHost: h\r\n\r\nGET /path HTTP/1.1\r\nHost: h\r\n\r\n",
        "PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\n\r\nhello, world",
    };
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct http_statistics statistics;
    struct reply reply = {.status = 0};
    int fd;

    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        for (size_t length = 1; length <= strlen(requests[i]); length++) {
            fd = client_connect();
            client_send_bytes(fd, requests[i], length);
            if (length % 2 != 0)
                assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
            close(fd);
        }
    /* While the handler works; its answers are dropped. */
    for (unsigned i = 0; i < 8; i++) {
        fd = client_connect();
        client_send(fd, i % 2 != 0
                            ? "PUT /gated HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n"
                            : "PUT /answer-gated HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
        toy_wait_for(&toy_gated, i + 1);
        if (i % 4 < 2)
            assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)), 0);
        close(fd);
    }
    toy_release();
    do {
        usleep(1000);
        http_server_statistics(server, &statistics);
    } while (statistics.connections_open != 0);
    fd = client_connect();
    expect_usable(fd, &reply);
    client_close(fd, &reply);
}

/* ---- The access log ---- */

static char log_folder[64], log_path[96], log_text[65536];

static int setup_log(void **state)
{
    (void)state;
    strcpy(log_folder, "/tmp/sluice-http-XXXXXX");
    assert_non_null(mkdtemp(log_folder));
    snprintf(log_path, sizeof(log_path), "%s/access.log", log_folder);
    return 0;
}

static int teardown_log(void **state)
{
    char rotated[128];

    teardown_server(state);
    snprintf(rotated, sizeof(rotated), "%s.1", log_path);
    unlink(rotated);
    unlink(log_path);
    rmdir(log_folder);
    return 0;
}

static const char *read_log(const char *path)
{
    FILE *file = fopen(path, "r");
    size_t length;

    assert_non_null(file);
    length = fread(log_text, 1, sizeof(log_text) - 1, file);
    log_text[length] = '\0';
    fclose(file);
    return log_text;
}

static void start_with_log(enum http_log_form form)
{
    struct http_server_options options = toy_options();

    options.access_log = log_path;
    options.access_log_form = form;
    toy_start(&options);
}

static void logs_requests_without_secrets(void **state)
{
    struct reply reply = {.status = 0};
    int fd;

    (void)state;
    start_with_log(HTTP_LOG_APACHE);
    fd = client_connect();
    client_send(
        fd, "GET /path/a?b=c&X-Amz-Signature=s3cret&x-amz-credential=s3cret&X%2DAmz-Security-Token=s3cret&d "
            "HTTP/1.1\r\n"
            "Host: h\r\nAuthorization: s3cret\r\nUser-Agent: \"agent\"\r\n"
            "Referer: http://h/x?Signature=s3cret\r\n\r\n");
    expect_reply(fd, &reply, 200);
    /* what the handler sees is not redacted */
    assert_non_null(memmem(reply.body, reply.length, "X-Amz-Signature=s3cret", 22));
    client_send(fd, "PUT /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
    expect_reply(fd, &reply, 403);
    client_send(fd, "GET /broken?X-Amz-Signature=s3cret HTTP/1.1\r\nno colon\r\n\r\n");
    expect_reply(fd, &reply, 400);
    client_close(fd, &reply);
    toy_stop();
    read_log(log_path);
    assert_null(strstr(log_text, "s3cret"));
    assert_non_null(strstr(log_text, "\"GET /path/a?b=c&X-Amz-Signature=REDACTED&x-amz-credential=REDACTED&"
                                     "X%2DAmz-Security-Token=REDACTED&d HTTP/1.1\" 200 "));
    assert_non_null(strstr(log_text, "\"http://h/x?Signature=REDACTED\" \"\\x22agent\\x22\"\n"));
    assert_non_null(strstr(log_text, "127.0.0.1 - - ["));
    assert_non_null(strstr(log_text, "\"PUT /refuse HTTP/1.1\" 403 7 \"-\" \"-\"\n"));
    assert_non_null(strstr(log_text, "\" 400 "));
}

static void logs_json(void **state)
{
    struct reply reply = {.status = 0};
    int fd;

    (void)state;
    start_with_log(HTTP_LOG_JSON);
    fd = client_connect();
    client_send(
        fd, "GET /source/70000?X-Amz-Signature=s3cret HTTP/1.1\r\nHost: h\r\nUser-Agent: \"a\\b\"\r\n\r\n");
    expect_reply(fd, &reply, 200);
    client_send(fd, "GET /named HTTP/1.1\r\nHost: h\r\n\r\nGET /path HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_reply(fd, &reply, 200);
    expect_reply(fd, &reply, 200);
    client_close(fd, &reply);
    toy_stop();
    read_log(log_path);
    assert_memory_equal(log_text, "{\"time\":\"", 9);
    assert_non_null(strstr(
        log_text,
        "\"remote\":\"127.0.0.1\",\"user\":null,\"operation\":null,\"request_id\":null,\"traceparent\":null,"
        "\"method\":\"GET\",\"path\":\"/source/"
        "70000\","
        "\"query\":\"?X-Amz-Signature=REDACTED\",\"protocol\":\"HTTP/1.1\",\"tls\":null,\"status\":200,"
        "\"bytes\":70000,\"duration\":"));
    assert_non_null(strstr(log_text, "\"referer\":null,\"user_agent\":\"\\\"a\\\\b\\\"\"}\n"));
    assert_non_null(strstr(log_text, ",\"user\":\"somebody\",\"operation\":\"Named\",\"request_id\":null,"
                                     "\"traceparent\":null,\"method\":\"GET\",\"path\":\"/named\","));
    /* a name is the request's, not the connection's */
    assert_non_null(strstr(log_text, ",\"user\":null,\"operation\":null,\"request_id\":null,\"traceparent\":"
                                     "null,\"method\":\"GET\",\"path\":\"/path\","));
}

static void reopens_its_log(void **state)
{
    struct reply reply = {.status = 0};
    char rotated[128];
    int fd;

    (void)state;
    snprintf(rotated, sizeof(rotated), "%s.1", log_path);
    start_with_log(HTTP_LOG_APACHE);
    fd = client_connect();
    client_send(fd, "GET /path/before HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_reply(fd, &reply, 200);
    while (strstr(read_log(log_path), "/path/before") == NULL) /* written at the end of the turn */
        usleep(1000);
    assert_int_equal(rename(log_path, rotated), 0);
    assert_int_equal(http_server_reopen_log(server), 0);
    client_send(fd, "GET /path/after HTTP/1.1\r\nHost: h\r\n\r\n");
    expect_reply(fd, &reply, 200);
    client_close(fd, &reply);
    toy_stop();
    assert_null(strstr(read_log(rotated), "/path/after"));
    assert_null(strstr(read_log(log_path), "/path/before"));
    assert_non_null(strstr(log_text, "/path/after"));
}

/* ---- Out of descriptors ---- */

static _Atomic unsigned refused_lines;

static void count_refused(void *ctx, enum log_level level, const char *message)
{
    if (strstr(message, "cannot accept") != NULL)
        atomic_fetch_add(&refused_lines, 1);
}

/* It tries again and again, and serves when there are descriptors once more; the log hears of it once. */
static void says_once_that_it_cannot_accept(void **state)
{
    struct http_server_options options = toy_options();
    struct sockaddr_in address = {.sin_family = AF_INET};
    struct reply reply = {.status = 0};
    struct rlimit before, none;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), lowest;

    (void)state;
    assert_true(fd >= 0);
    options.workers = 1;
    options.log = count_refused;
    toy_start(&options);
    address.sin_port = htons((uint16_t)http_server_port(server));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    lowest = dup(fd);
    assert_true(lowest >= 0);
    close(lowest);
    none = (struct rlimit){.rlim_cur = (rlim_t)lowest, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    client_send(fd, "GET /path/x HTTP/1.1\r\nHost: h\r\n\r\n");
    while (atomic_load(&refused_lines) == 0)
        usleep(1000);
    usleep(500000); /* some tries more */
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    expect_reply(fd, &reply, 200);
    assert_int_equal(atomic_load(&refused_lines), 1);
    client_close(fd, &reply);
    toy_stop();
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup_server, teardown_server)
#define WITH_LOG(test)    cmocka_unit_test_setup_teardown(test, setup_log, teardown_log)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_options),
        WITH_SERVER(reports_a_taken_port),
        cmocka_unit_test(paces_nobody_on_loopback),
        cmocka_unit_test(reports_a_worker_that_fails),
        cmocka_unit_test(serves_nobody_before_all_workers_are_there),
        cmocka_unit_test(serves_nobody_when_the_start_fails),
        cmocka_unit_test(does_not_hear_who_has_gone),
        cmocka_unit_test(starts_and_stops_without_a_trace),
        WITH_SERVER(stop_lets_requests_finish),
        WITH_SERVER(stop_cuts_after_the_grace_period),
        WITH_SERVER(survives_vanishing_clients),
        WITH_LOG(logs_requests_without_secrets),
        WITH_LOG(logs_json),
        WITH_LOG(reopens_its_log),
        cmocka_unit_test(says_once_that_it_cannot_accept),
    };

    return cmocka_run_group_tests_name("http server", tests, NULL, NULL);
}
