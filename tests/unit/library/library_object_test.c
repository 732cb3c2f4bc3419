/* SPDX-License-Identifier: MIT
 *
 * Objects of the public library: every way in (buffer, writer, file, pipe, socket, device) and every way out
 * (buffer, file, pipe, socket, device, extents), conditions, attributes, and what is refused. */
#include "tests/unit/library/library_support.h"

#include <pthread.h>
#include <sys/stat.h>

#define BODY_BYTES ((2u << 20) + 123)

/* ---- In ---- */

static void put_and_head(void **state)
{
    struct sluice_object_info put_info, info;
    struct place place;

    place_begin(&place, NULL);
    assert_int_equal(sluice_put(place.store, "bucket", "k", "hello", 5, NULL, &put_info), 0);
    assert_string_equal(put_info.etag, "5d41402abc4b2a76b9719d911017c592");
    assert_int_equal(put_info.size, 5);
    assert_true(put_info.modified_ms > 1600000000000);
    assert_int_equal(sluice_head(place.store, "bucket", "k", &info), 0);
    assert_memory_equal(&info, &put_info, sizeof(info));
    assert_int_equal(sluice_put(place.store, "bucket", "empty", NULL, 0, NULL, &put_info), 0);
    assert_string_equal(put_info.etag, "d41d8cd98f00b204e9800998ecf8427e");
    expect_object(place.store, "empty", "", 0);
    assert_int_equal(sluice_head(place.store, "bucket", "absent", &info), SLUICE_E_NO_KEY);
    assert_int_equal(sluice_head(place.store, "nobucket", "k", &info), SLUICE_E_NO_BUCKET);
    assert_int_equal(sluice_delete(place.store, "bucket", "k"), 0);
    assert_int_equal(sluice_delete(place.store, "bucket", "k"), 0);
    assert_int_equal(sluice_head(place.store, "bucket", "k", NULL), SLUICE_E_NO_KEY);
    place_end(&place);
}

static void conditions(void **state)
{
    struct sluice_put_options create_only = {.if_absent = true}, match = {0};
    struct sluice_object_info info;
    struct place place;

    place_begin(&place, NULL);
    match.if_match = "0123";
    assert_int_equal(sluice_put(place.store, "bucket", "k", "0", 1, &match, NULL), SLUICE_E_NO_KEY);
    assert_int_equal(sluice_put(place.store, "bucket", "k", "1", 1, &create_only, &info), 0);
    assert_int_equal(sluice_put(place.store, "bucket", "k", "2", 1, &create_only, NULL),
                     SLUICE_E_PRECONDITION);
    assert_int_equal(sluice_put(place.store, "bucket", "k", "3", 1, &match, NULL), SLUICE_E_PRECONDITION);
    match.if_match = info.etag;
    assert_int_equal(sluice_put(place.store, "bucket", "k", "4", 1, &match, NULL), 0);
    expect_object(place.store, "k", "4", 1);
    place_end(&place);
}

static void writers(void **state)
{
    unsigned char *body = bytes_make(BODY_BYTES, 1);
    struct sluice_writer *writer;
    struct sluice_object_info info;
    struct place place;

    place_begin(&place, NULL);
    assert_int_equal(sluice_writer_begin(place.store, "bucket", "k", UINT64_MAX, NULL, &writer), 0);
    for (size_t at = 0, step = 1; at < BODY_BYTES; at += step, step = step * 3 + 1) {
        step = step < BODY_BYTES - at ? step : BODY_BYTES - at;
        assert_int_equal(sluice_writer_write(writer, body + at, step), 0);
    }
    assert_int_equal(sluice_head(place.store, "bucket", "k", &info),
                     SLUICE_E_NO_KEY); /* not before the commit */
    assert_int_equal(sluice_writer_commit(writer, &info), 0);
    assert_int_equal(info.size, BODY_BYTES);
    expect_object(place.store, "k", body, BODY_BYTES);

    assert_int_equal(sluice_writer_begin(place.store, "bucket", "k", UINT64_MAX, NULL, &writer), 0);
    assert_int_equal(sluice_writer_write(writer, "x", 1), 0);
    sluice_writer_abort(writer);
    sluice_writer_abort(NULL);
    expect_object(place.store, "k", body, BODY_BYTES);

    assert_int_equal(sluice_writer_begin(place.store, "bucket", "k", 3, NULL, &writer), 0);
    assert_int_equal(sluice_writer_write(writer, "ab", 2), 0);
    assert_int_equal(sluice_writer_commit(writer, NULL), -ENODATA);
    assert_int_equal(sluice_writer_begin(place.store, "bucket", "k", 3, NULL, &writer), 0);
    assert_int_equal(sluice_writer_write(writer, "ab", 2), 0);
    assert_int_equal(sluice_writer_write(writer, "cd", 2), -EMSGSIZE);
    assert_int_equal(sluice_writer_commit(writer, NULL), -EMSGSIZE);
    expect_object(place.store, "k", body, BODY_BYTES);
    assert_int_equal(sluice_writer_begin(place.store, "absent", "k", 3, NULL, &writer), SLUICE_E_NO_BUCKET);
    free(body);
    place_end(&place);
}

static int file_with(const unsigned char *body, size_t length)
{
    int fd = open("/tmp", O_TMPFILE | O_RDWR, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, body, length), length);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void from_files(void **state)
{
    const struct sluice_store_options options = {.copy_mode = *state != NULL};
    unsigned char *body = bytes_make(BODY_BYTES, 2), *zeros = calloc(1, 5000);
    struct place place;

    place_begin(&place, &options);
    int fd = file_with(body, BODY_BYTES);
    assert_int_equal(sluice_put_fd(place.store, "bucket", "all", fd, UINT64_MAX, NULL, NULL), 0);
    expect_object(place.store, "all", body, BODY_BYTES);
    assert_int_equal(lseek(fd, 1000, SEEK_SET), 1000);
    assert_int_equal(sluice_put_fd(place.store, "bucket", "part", fd, 2000, NULL, NULL), 0);
    expect_object(place.store, "part", body + 1000, 2000);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 3000); /* no more was taken than asked for */
    assert_int_equal(sluice_put_fd(place.store, "bucket", "none", fd, 0, NULL, NULL), 0);
    expect_object(place.store, "none", "", 0);
    assert_int_equal(sluice_put_fd(place.store, "bucket", "short", fd, BODY_BYTES, NULL, NULL), -ENODATA);
    assert_int_equal(sluice_head(place.store, "bucket", "short", NULL), SLUICE_E_NO_KEY);
    close(fd);
    fd = open("/dev/zero", O_RDONLY);
    assert_int_equal(sluice_put_fd(place.store, "bucket", "zeros", fd, 5000, NULL, NULL), 0);
    expect_object(place.store, "zeros", zeros, 5000);
    close(fd);
    assert_int_equal(sluice_put_fd(place.store, "bucket", "bad", -1, 5000, NULL, NULL), -EBADF);
    fd = open("/dev/null", O_WRONLY);
    assert_int_equal(sluice_put_fd(place.store, "bucket", "bad", fd, 5000, NULL, NULL), -EBADF);
    close(fd);
    free(zeros);
    free(body);
    place_end(&place);
}

/* Writes slowly and in odd pieces, so that the other side has to wait. */
struct feeder {
    pthread_t thread;
    int fd;
    const unsigned char *body;
};

static void *feeder_main(void *arg)
{
    struct feeder *feeder = arg;

    for (size_t at = 0, step; at < BODY_BYTES; at += step) {
        step = at % 70000 + 1;
        step = step < BODY_BYTES - at ? step : BODY_BYTES - at;
        ssize_t n = write(feeder->fd, feeder->body + at, step);
        if (n < 0)
            break;
        step = (size_t)n;
    }
    close(feeder->fd);
    return NULL;
}

static void from_streams(void **state)
{
    unsigned char *body = bytes_make(BODY_BYTES, 3);
    struct feeder feeder = {.body = body};
    struct place place;
    char key[16];
    int fds[2];

    place_begin(&place, NULL);
    for (int i = 0; i < 4; i++) {
        bool is_socket = i & 1, is_nonblocking = i & 2;

        assert_int_equal(is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds), 0);
        if (is_nonblocking)
            assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
        feeder.fd = fds[1];
        assert_int_equal(pthread_create(&feeder.thread, NULL, feeder_main, &feeder), 0);
        snprintf(key, sizeof(key), "stream-%d", i);
        assert_int_equal(sluice_put_fd(place.store, "bucket", key, fds[0], UINT64_MAX, NULL, NULL), 0);
        pthread_join(feeder.thread, NULL);
        close(fds[0]);
        expect_object(place.store, key, body, BODY_BYTES);
    }
    free(body);
    place_end(&place);
}

/* ---- Out ---- */

static void into_buffers(void **state)
{
    unsigned char *body = bytes_make(5000, 4), seen[6000];
    struct place place;
    size_t length;

    place_begin(&place, NULL);
    assert_int_equal(sluice_put(place.store, "bucket", "k", body, 5000, NULL, NULL), 0);
    assert_int_equal(sluice_get(place.store, "bucket", "k", 100, seen, 50, &length, NULL), 0);
    assert_int_equal(length, 50);
    assert_memory_equal(seen, body + 100, 50);
    assert_int_equal(sluice_get(place.store, "bucket", "k", 4990, seen, sizeof(seen), &length, NULL), 0);
    assert_int_equal(length, 10);
    assert_memory_equal(seen, body + 4990, 10);
    assert_int_equal(sluice_get(place.store, "bucket", "k", 5000, seen, sizeof(seen), &length, NULL), 0);
    assert_int_equal(length, 0);
    assert_int_equal(sluice_get(place.store, "bucket", "k", 5001, seen, 1, &length, NULL), SLUICE_E_RANGE);
    assert_int_equal(sluice_get(place.store, "bucket", "no", 0, seen, 1, &length, NULL), SLUICE_E_NO_KEY);
    free(body);
    place_end(&place);
}

static void expect_file(int fd, const unsigned char *body, size_t length)
{
    unsigned char *seen = malloc(length + 1);

    assert_non_null(seen);
    assert_int_equal(pread(fd, seen, length + 1, 0), length);
    assert_memory_equal(seen, body, length);
    free(seen);
}

/* What follows in the file is not the object's. */
static void expect_extent(const struct sluice_extent *extent, const unsigned char *body)
{
    unsigned char *seen = malloc(extent->length);

    assert_non_null(seen);
    assert_int_equal(pread(extent->fd, seen, extent->length, (off_t)extent->offset), extent->length);
    assert_memory_equal(seen, body, extent->length);
    free(seen);
}

static void to_files(void **state)
{
    const struct sluice_store_options options = {.copy_mode = *state != NULL};
    unsigned char *body = bytes_make(BODY_BYTES, 5);
    struct sluice_object_info info;
    struct place place;

    place_begin(&place, &options);
    assert_int_equal(sluice_put(place.store, "bucket", "k", body, BODY_BYTES, NULL, NULL), 0);
    int fd = file_with(body, 0);
    assert_int_equal(sluice_get_fd(place.store, "bucket", "k", 0, UINT64_MAX, fd, &info), 0);
    assert_int_equal(info.size, BODY_BYTES);
    expect_file(fd, body, BODY_BYTES);
    close(fd);
    fd = file_with(body, 0);
    assert_int_equal(sluice_get_fd(place.store, "bucket", "k", 1000, 3000, fd, NULL), 0);
    expect_file(fd, body + 1000, 3000);
    assert_int_equal(sluice_get_fd(place.store, "bucket", "k", BODY_BYTES, UINT64_MAX, fd, NULL), 0);
    assert_int_equal(sluice_get_fd(place.store, "bucket", "k", BODY_BYTES + 1, 0, fd, NULL), SLUICE_E_RANGE);
    /* sendfile refuses files opened for appending */
    assert_int_equal(fcntl(fd, F_SETFL, O_APPEND), 0);
    assert_int_equal(sluice_get_fd(place.store, "bucket", "k", 4000, UINT64_MAX, fd, NULL), 0);
    expect_file(fd, body + 1000, BODY_BYTES - 1000);
    close(fd);
    fd = open("/dev/null", O_WRONLY);
    assert_int_equal(sluice_get_fd(place.store, "bucket", "k", 0, UINT64_MAX, fd, NULL), 0);
    close(fd);
    fd = open("/dev/full", O_WRONLY);
    assert_int_equal(sluice_get_fd(place.store, "bucket", "k", 0, UINT64_MAX, fd, NULL), -ENOSPC);
    close(fd);
    fd = open("/dev/null", O_RDONLY);
    assert_int_equal(sluice_get_fd(place.store, "bucket", "k", 0, UINT64_MAX, fd, NULL), -EBADF);
    close(fd);
    free(body);
    place_end(&place);
}

struct drain {
    pthread_t thread;
    int fd;
    unsigned char *seen;
    size_t length;
};

static void *drain_main(void *arg)
{
    struct drain *drain = arg;
    ssize_t n;

    while ((n = read(drain->fd, drain->seen + drain->length, 50000)) > 0)
        drain->length += (size_t)n;
    return NULL;
}

static void to_streams(void **state)
{
    const struct sluice_store_options options = {.copy_mode = *state != NULL};
    unsigned char *body = bytes_make(BODY_BYTES, 6);
    struct place place;
    int fds[2];

    place_begin(&place, &options);
    assert_int_equal(sluice_put(place.store, "bucket", "k", body, BODY_BYTES, NULL, NULL), 0);
    for (int i = 0; i < 4; i++) {
        bool is_socket = i & 1, is_nonblocking = i & 2;
        struct drain drain = {.seen = malloc(BODY_BYTES + 50000)};

        assert_non_null(drain.seen);
        assert_int_equal(is_socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds), 0);
        if (is_nonblocking)
            assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
        drain.fd = fds[0];
        assert_int_equal(pthread_create(&drain.thread, NULL, drain_main, &drain), 0);
        assert_int_equal(sluice_get_fd(place.store, "bucket", "k", 0, UINT64_MAX, fds[1], NULL), 0);
        close(fds[1]);
        pthread_join(drain.thread, NULL);
        close(fds[0]);
        assert_int_equal(drain.length, BODY_BYTES);
        assert_memory_equal(drain.seen, body, BODY_BYTES);
        free(drain.seen);
    }
    free(body);
    place_end(&place);
}

/* ---- Readers ---- */

static void readers(void **state)
{
    unsigned char *body = bytes_make(BODY_BYTES, 7);
    struct sluice_reader *reader;
    struct sluice_extent extent;
    struct place place;

    place_begin(&place, NULL);
    assert_int_equal(sluice_put(place.store, "bucket", "k", body, BODY_BYTES, NULL, NULL), 0);
    assert_int_equal(sluice_reader_open(place.store, "bucket", "k", &reader), 0);
    for (int i = 0; i < 20; i++) { /* the reader's version outlives its key */
        assert_int_equal(sluice_put(place.store, "bucket", "k", "new", 3, NULL, NULL), 0);
        assert_int_equal(sluice_delete(place.store, "bucket", "k"), 0);
        usleep(10000);
    }
    assert_int_equal(sluice_reader_info(reader)->size, BODY_BYTES);
    assert_int_equal(sluice_reader_extent_count(reader), 1);
    assert_int_equal(sluice_reader_extent(reader, 0, &extent), 0);
    assert_int_equal(extent.offset, 0);
    assert_int_equal(extent.length, BODY_BYTES);
    expect_extent(&extent, body);
    assert_int_equal(write(extent.fd, "x", 1), -1); /* contents are immutable */
    close(extent.fd);
    assert_int_equal(sluice_reader_extent(reader, 1, &extent), SLUICE_E_RANGE);
    sluice_reader_close(reader);
    sluice_reader_close(NULL);
    assert_int_equal(sluice_reader_open(place.store, "bucket", "k", &reader), SLUICE_E_NO_KEY);
    assert_int_equal(sluice_put(place.store, "bucket", "empty", "", 0, NULL, NULL), 0);
    assert_int_equal(sluice_reader_open(place.store, "bucket", "empty", &reader), 0);
    assert_int_equal(sluice_reader_extent_count(reader), 0);
    assert_int_equal(sluice_reader_attribute_count(reader), 0);
    sluice_reader_close(reader);
    free(body);
    place_end(&place);
}

static int put_attribute(struct sluice_store *store, const char *name, const char *value)
{
    const struct sluice_attribute attribute = {name, value};
    const struct sluice_put_options options = {.attributes = &attribute, .attribute_count = 1};

    return sluice_put(store, "bucket", "k", "1", 1, &options, NULL);
}

static void attributes(void **state)
{
    const struct sluice_attribute given[] = {{"content-type", "text/plain; charset=utf-8"},
                                             {"x-amz-meta-empty", ""},
                                             {"x-amz-meta-colour", "gr\xc3\xbcn"}};
    const struct sluice_put_options options = {.attributes = given, .attribute_count = 3};
    struct sluice_reader *reader;
    struct place place;
    char *large = malloc(20001);

    memset(large, 'v', 20000);
    large[20000] = '\0';
    place_begin(&place, NULL);
    assert_int_equal(sluice_put(place.store, "bucket", "k", "1", 1, &options, NULL), 0);
    assert_int_equal(sluice_reader_open(place.store, "bucket", "k", &reader), 0);
    assert_int_equal(sluice_reader_attribute_count(reader), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(sluice_reader_attribute(reader, i).name, given[i].name);
        assert_string_equal(sluice_reader_attribute(reader, i).value, given[i].value);
    }
    sluice_reader_close(reader);
    assert_int_equal(put_attribute(place.store, "Content-Type", "x"), -EINVAL);
    assert_int_equal(put_attribute(place.store, "", "x"), -EINVAL);
    assert_int_equal(put_attribute(place.store, "a b", "x"), -EINVAL);
    assert_int_equal(put_attribute(place.store, "x", "a\r\nb: c"), -EINVAL);
    assert_int_equal(put_attribute(place.store, "x", large), -E2BIG);
    large[16000] = '\0';
    assert_int_equal(put_attribute(place.store, "x", large), 0);
    free(large);
    place_end(&place);
}

/* ---- Damage ---- */

static const unsigned char *sought;
static size_t sought_bytes;

/* Changes one byte of the file that holds what is sought. */
static int damage_file(const char *path, const struct stat *status, int type, struct FTW *at)
{
    int fd = type == FTW_F && strstr(path, "/blobs/") != NULL ? open(path, O_RDWR) : -1;
    unsigned char *bytes, *found = NULL;

    if (fd < 0)
        return 0;
    bytes = malloc((size_t)status->st_size);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, (size_t)status->st_size, 0), status->st_size);
    if (status->st_size > 0)
        found = memmem(bytes, (size_t)status->st_size, sought, sought_bytes);
    if (found != NULL) {
        found[sought_bytes - 1] ^= 4;
        assert_int_equal(pwrite(fd, found, sought_bytes, found - bytes), sought_bytes);
    }
    free(bytes);
    close(fd);
    return found != NULL;
}

static void damage(const struct place *place, const unsigned char *bytes, size_t length)
{
    sought = bytes;
    sought_bytes = length;
    assert_int_equal(nftw(place->dir, damage_file, 8, FTW_PHYS), 1);
}

static int reader_first_extent(struct sluice_store *store, const char *key)
{
    struct sluice_extent extent;
    struct sluice_reader *reader;
    int err;

    assert_int_equal(sluice_reader_open(store, "bucket", key, &reader), 0);
    err = sluice_reader_extent(reader, 0, &extent);
    if (err == 0)
        close(extent.fd);
    sluice_reader_close(reader);
    return err;
}

/* Small bytes are verified before they are given out in any way; large ones when they pass through memory, or before all with
 * verify_reads. */
static void damaged(void **state)
{
    enum { SMALL = 5000, LARGE = 200000 };
    const struct sluice_store_options options = {.verify_reads = *state != NULL};
    unsigned char *small = bytes_make(SMALL, 31), *large = bytes_make(LARGE, 32), *seen = malloc(LARGE);
    struct sluice_object_info info;
    struct place place;
    size_t length;

    place_begin(&place, &options);
    assert_int_equal(sluice_put(place.store, "bucket", "small", small, SMALL, NULL, NULL), 0);
    assert_int_equal(sluice_put(place.store, "bucket", "large", large, LARGE, NULL, NULL), 0);
    expect_object(place.store, "small", small, SMALL);
    damage(&place, small, SMALL);
    damage(&place, large, LARGE);
    int fd = file_with(small, SMALL);

    assert_int_equal(sluice_get(place.store, "bucket", "small", 0, seen, LARGE, &length, &info), -EIO);
    assert_int_equal(sluice_get(place.store, "bucket", "small", 7, seen, 1, &length, &info), -EIO);
    assert_int_equal(sluice_get_fd(place.store, "bucket", "small", 0, UINT64_MAX, fd, &info), -EIO);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 0); /* nothing was written */
    assert_int_equal(reader_first_extent(place.store, "small"), -EIO);
    assert_int_equal(sluice_get(place.store, "bucket", "large", 0, seen, LARGE, &length, &info), -EIO);
    int sees = options.verify_reads ? -EIO : 0;
    assert_int_equal(sluice_get(place.store, "bucket", "large", 1, seen, LARGE, &length, &info), sees);
    assert_int_equal(sluice_get_fd(place.store, "bucket", "large", 0, UINT64_MAX, fd, &info), sees);
    assert_int_equal(reader_first_extent(place.store, "large"), sees);
    assert_int_equal(sluice_head(place.store, "bucket", "small", &info), 0);

    small[SMALL - 1] ^= 4; /* back again */
    large[LARGE - 1] ^= 4;
    damage(&place, small, SMALL);
    damage(&place, large, LARGE);
    small[SMALL - 1] ^= 4;
    large[LARGE - 1] ^= 4;
    expect_object(place.store, "small", small, SMALL);
    expect_object(place.store, "large", large, LARGE);
    close(fd);
    free(small);
    free(large);
    free(seen);
    place_end(&place);
}

#define COPIED(function)                                                                                     \
    {                                                                                                        \
#function "/copy", function, NULL, NULL, (void *)1                                                   \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(put_and_head),
        cmocka_unit_test(conditions),
        cmocka_unit_test(writers),
        cmocka_unit_test(from_files),
        COPIED(from_files),
        cmocka_unit_test(from_streams),
        cmocka_unit_test(into_buffers),
        cmocka_unit_test(to_files),
        COPIED(to_files),
        cmocka_unit_test(to_streams),
        COPIED(to_streams),
        cmocka_unit_test(readers),
        cmocka_unit_test(attributes),
        cmocka_unit_test(damaged),
        {"damaged/verify_reads", damaged, NULL, NULL, (void *)1},
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
