/* SPDX-License-Identifier: MIT
 *
 * The library in one small program: opens a store, puts, gets and lists through the C interface, then serves the same
 * store over HTTP from inside this process and fetches the object through a socket.
 *
 *   ./example DIRECTORY
 *
 * Build it against an installed Sluice:
 *   with CMake       cmake -S . -B build -DCMAKE_PREFIX_PATH=PREFIX && cmake --build build
 *   with pkg-config  cc main.c -o example $(pkg-config --cflags --libs sluice) */
#include <sluice.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char text[] = "An object is a key, a few attributes, and bytes.\n";

static void on_log(void *ctx, enum sluice_log_level level, const char *message)
{
    fprintf(stderr, "sluice: %s\n", message);
}

/* Says what failed, and how. */
static int failed(const char *what, int err)
{
    fprintf(stderr, "%s: %s\n", what, sluice_strerror(err));
    return err;
}

static int put_objects(struct sluice_store *store)
{
    const struct sluice_attribute type = {"content-type", "text/plain"};
    const struct sluice_put_options create_only = {
        .attributes = &type, .attribute_count = 1, .if_absent = true};
    struct sluice_object_info info;
    struct sluice_writer *writer;
    int err;

    if ((err = sluice_bucket_create(store, "examples")) != 0)
        return failed("create a bucket", err);
    if ((err = sluice_put(store, "examples", "notes/hello.txt", text, strlen(text), &create_only, &info)) !=
        0)
        return failed("put", err);
    printf("stored %llu bytes, etag %s\n", (unsigned long long)info.size, info.etag);

    /* What exists already is not overwritten: */
    err = sluice_put(store, "examples", "notes/hello.txt", "", 0, &create_only, NULL);
    if (err != SLUICE_E_PRECONDITION)
        return failed("put once more", err != 0 ? err : -1);

    /* A body whose length is not known beforehand: */
    if ((err = sluice_writer_begin(store, "examples", "notes/lines.txt", UINT64_MAX, NULL, &writer)) != 0)
        return failed("begin writing", err);
    for (int i = 0; i < 1000 && err == 0; i++)
        err = sluice_writer_write(writer, "one line\n", 9);
    if ((err = sluice_writer_commit(writer, &info)) != 0) /* reports a failed write, too */
        return failed("write", err);
    return 0;
}

static int get_object(struct sluice_store *store)
{
    char buffer[256];
    size_t length;
    int err;

    err = sluice_get(store, "examples", "notes/hello.txt", 0, buffer, sizeof(buffer), &length, NULL);
    if (err != 0)
        return failed("get", err);
    if (length != strlen(text) || memcmp(buffer, text, length) != 0)
        return failed("compare what came back", -1);
    printf("read back: %.*s", (int)length, buffer);
    fflush(stdout); /* the next line goes past stdio */
    err = sluice_get_fd(store, "examples", "notes/hello.txt", 0, UINT64_MAX, STDOUT_FILENO, NULL);
    return err != 0 ? failed("get to a descriptor", err) : 0;
}

static int print_entry(void *ctx, const struct sluice_list_entry *entry)
{
    unsigned *count = ctx;

    ++*count;
    printf("listed: %s%s\n", entry->key, entry->is_prefix ? " (a common prefix)" : "");
    return 0;
}

static int list_objects(struct sluice_store *store)
{
    const struct sluice_list_options top = {.delimiter = "/"}, notes = {.prefix = "notes/"};
    unsigned count = 0;
    int err;

    if ((err = sluice_list(store, "examples", &top, print_entry, &count)) != 0 ||
        (err = sluice_list(store, "examples", &notes, print_entry, &count)) != 0)
        return failed("list", err);
    return count == 3 ? 0 : failed("count what was listed", -1);
}

/* Asks the server of this process for the object, as any HTTP client would. */
static int fetch(unsigned port)
{
    static const char request[] =
        "GET /examples/notes/hello.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    char answer[4096];
    size_t length = 0;
    ssize_t n = -1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        send(fd, request, strlen(request), 0) != (ssize_t)strlen(request)) {
        perror("connect");
        return -1;
    }
    while (length < sizeof(answer) - 1 && (n = recv(fd, answer + length, sizeof(answer) - 1 - length, 0)) > 0)
        length += (size_t)n;
    close(fd);
    answer[length] = '\0';
    if (n < 0 || strncmp(answer, "HTTP/1.1 200 ", 13) != 0 || strstr(answer, text) == NULL) {
        fprintf(stderr, "unexpected answer:\n%s\n", answer);
        return -1;
    }
    printf("fetched over HTTP: %s", strstr(answer, "\r\n\r\n") + 4);
    return 0;
}

static int serve_and_fetch(struct sluice_store *store)
{
    const struct sluice_server_options options = {.listen = "127.0.0.1:0", .workers = 2}; /* any free port */
    struct sluice_server *server;
    int err;

    if ((err = sluice_server_start(&server, store, &options)) != 0)
        return failed("start a server", err);
    printf("serving on %s\n", sluice_server_address(server));
    err = fetch(sluice_server_port(server));
    sluice_server_stop(server, 1000);
    return err;
}

int main(int argc, char **argv)
{
    const struct sluice_store_options options = {.log = on_log};
    struct sluice_store *store;
    int err;

    if (argc != 2) {
        fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN); /* a client that goes away is no reason to die */
    printf("sluice %s\n", sluice_version());
    if ((err = sluice_store_open(&store, argv[1], &options)) != 0) {
        failed("open", err);
        return 1;
    }
    if ((err = put_objects(store)) == 0 && (err = get_object(store)) == 0 && (err = list_objects(store)) == 0)
        err = serve_and_fetch(store);
    sluice_store_close(store);
    return err == 0 ? 0 : 1;
}
