/* SPDX-License-Identifier: MIT
 *
 * Small units in memory: which are kept, which make room; that what a socket holds of one never changes; and what is
 * done where the kernel gives no pages. Then an egress, which takes them from there. */
#include "tests/unit/storage/blob_support.h"

#include <netinet/in.h>
#include <pthread.h>

#define UNIT_BYTES (64u << 10)
#define PER_CHUNK  (HOT_CHUNK_BYTES / UNIT_BYTES)

static struct hot_units *units;
static unsigned vmsplices;

static ssize_t counted_vmsplice(int fd, const struct iovec *list, size_t count, unsigned flags)
{
    vmsplices++;
    return vmsplice(fd, list, count, flags);
}

static ssize_t no_vmsplice(int fd, const struct iovec *list, size_t count, unsigned flags)
{
    vmsplices++;
    errno = ENOSYS;
    return -1;
}

static int setup(void **state)
{
    vmsplices = 0;
    sys.vmsplice = counted_vmsplice;
    return hot_units_create(&units, HOT_CHUNK_BYTES);
}

static int teardown(void **state)
{
    sys.vmsplice = vmsplice;
    hot_units_free(units);
    return 0;
}

static struct hot_unit unit_of(uint64_t number)
{
    return (struct hot_unit){.blob = 7, .offset = number * UNIT_BYTES, .sum = ~number, .length = UNIT_BYTES};
}

/* Asks for it as a reader does. True: it was there, and right. */
static bool ask(uint64_t number)
{
    struct hot_unit unit = unit_of(number);
    unsigned char *bytes = make_bytes(UNIT_BYTES, number);
    struct hot_lease lease;
    bool is_here = hot_units_get(units, &unit, &lease);

    if (is_here) {
        assert_memory_equal(lease.bytes, bytes, UNIT_BYTES);
        hot_units_release(units, &lease);
    } else {
        assert_null(lease.chunk);
        hot_units_offer(units, &unit, bytes);
        memset(bytes, 0, UNIT_BYTES); /* a copy is what is kept */
    }
    free(bytes);
    return is_here;
}

static void bring(uint64_t number)
{
    for (unsigned asks = 0; !ask(number); asks++)
        assert_true(asks < 100);
}

static void test_second_ask_brings_it(void **state)
{
    assert_false(ask(1));
    assert_int_equal(hot_units_bytes(units), 0);
    assert_false(ask(1));
    assert_true(ask(1));
    assert_int_equal(hot_units_bytes(units), HOT_CHUNK_BYTES);
}

static void test_all_of_the_name_counts(void **state)
{
    struct hot_lease lease;

    bring(1);
    for (unsigned part = 0; part < 4; part++) {
        struct hot_unit unit = unit_of(1);
        unit.blob += part == 0;
        unit.offset += part == 1;
        unit.sum += part == 2;
        unit.length -= part == 3;
        assert_false(hot_units_get(units, &unit, &lease));
    }
}

static void test_no_room_keeps_nothing(void **state)
{
    hot_units_free(units);
    assert_int_equal(hot_units_create(&units, HOT_CHUNK_BYTES - 1), 0);
    for (unsigned i = 0; i < 10; i++)
        assert_false(ask(1));
    assert_int_equal(hot_units_bytes(units), 0);
    assert_in_range(hot_units_room(), 0, HOT_BYTES_MAX);
}

/* Round after round of more than there is room for: what is here stays, for the others are not asked for more often. */
static void test_walk_replaces_nothing(void **state)
{
    unsigned here = 0;

    for (unsigned round = 0; round < 40; round++) {
        here = 0;
        for (uint64_t number = 0; number < 3 * PER_CHUNK; number++)
            here += ask(number);
        if (round >= 2)
            assert_int_equal(here, PER_CHUNK);
    }
    for (uint64_t number = 0; number < PER_CHUNK; number++)
        assert_true(ask(number));
}

static void test_hotter_takes_the_place(void **state)
{
    for (unsigned round = 0; round < 5; round++)
        for (uint64_t number = 0; number < PER_CHUNK; number++)
            ask(number);
    bring(1000);
    assert_int_equal(hot_units_bytes(units), HOT_CHUNK_BYTES);
    assert_false(ask(0));
}

/* What was hot once gives way in the end, however hot it was. */
static void test_counts_are_halved(void **state)
{
    for (uint64_t number = 0; number < PER_CHUNK; number++)
        bring(number);
    for (unsigned i = 0; i < HOT_ASKS_HALVED / 2 * 3; i++) {
        struct hot_unit unit = unit_of(i % PER_CHUNK);
        struct hot_lease lease;
        assert_true(hot_units_get(units, &unit, &lease));
        hot_units_release(units, &lease);
    }
    struct hot_unit unit = unit_of(1000);
    unsigned char *bytes = make_bytes(UNIT_BYTES, 1000);
    struct hot_lease lease;
    unsigned asks = 0;
    while (!hot_units_get(units, &unit, &lease)) {
        hot_units_offer(units, &unit, bytes);
        assert_true(asks++ < HOT_ASKS_HALVED / 4 * 5 / PER_CHUNK); /* 3/2 were asked for */
    }
    hot_units_release(units, &lease);
    free(bytes);
}

/* ---- Sending ---- */

/* By TCP: the first one, which does not block, is the server's. buffer: how much its kernel's buffer takes, about; 0: as usual. */
static void pair_begin(int pair[2], int buffer)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(listener, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    pair[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (buffer != 0)
        assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer)), 0);
    assert_int_equal(connect(pair[1], (struct sockaddr *)&address, length), 0);
    pair[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(pair[0] >= 0);
    if (buffer != 0)
        assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer)), 0);
    close(listener);
}

/* Sends until the socket is full or all is sent. Bytes. */
static size_t send_some(struct hot_lease *lease, int fd, size_t from)
{
    while (from < UNIT_BYTES) {
        ssize_t n = hot_units_send(units, lease, from, UNIT_BYTES - from, fd);
        if (n < 0) {
            assert_int_equal(errno, EAGAIN);
            break;
        }
        assert_true(n > 0);
        from += (size_t)n;
    }
    return from;
}

static void read_all(int fd, unsigned char *bytes, size_t from, size_t to)
{
    while (from < to) {
        ssize_t n = read(fd, bytes + from, to - from);
        assert_true(n > 0);
        from += (size_t)n;
    }
}

/* The socket has its pages when the chunk goes, and others take the memory's place. */
static void test_what_was_sent_stays(void **state)
{
    struct hot_unit unit = unit_of(5);
    unsigned char *wanted = make_bytes(UNIT_BYTES, 5), *came = malloc(UNIT_BYTES);
    struct hot_lease lease;
    int pair[2];

    bring(5);
    pair_begin(pair, 0);
    assert_true(hot_units_get(units, &unit, &lease));
    size_t sent = send_some(&lease, pair[0], 0);
    assert_true(sent > 0);
    hot_units_release(units, &lease);
    for (uint64_t number = 100; number < 100 + 2 * PER_CHUNK; number++)
        bring(number);
    assert_false(hot_units_get(units, &unit, &lease));
    read_all(pair[1], came, 0, sent);
    assert_memory_equal(came, wanted, sent);
    assert_true(vmsplices > 0);
    close(pair[0]);
    close(pair[1]);
    free(wanted);
    free(came);
}

static void test_lease_holds_the_memory(void **state)
{
    struct hot_unit unit = unit_of(5);
    unsigned char *wanted = make_bytes(UNIT_BYTES, 5);
    struct hot_lease lease, other;

    bring(5);
    assert_true(hot_units_get(units, &unit, &lease));
    for (uint64_t number = 100; number < 100 + 2 * PER_CHUNK; number++)
        bring(number);
    assert_false(hot_units_get(units, &unit, &other));
    assert_memory_equal(lease.bytes, wanted, UNIT_BYTES);
    hot_units_release(units, &lease);
    assert_null(lease.chunk);
    hot_units_release(units, &lease); /* an empty one */
    free(wanted);
}

/* A socket that takes less than a unit: nothing is lost, and nothing comes twice. */
static void send_through_a_small_socket(void)
{
    struct hot_unit unit = unit_of(9);
    unsigned char *wanted = make_bytes(UNIT_BYTES, 9), *came = malloc(UNIT_BYTES);
    struct hot_lease lease;
    int pair[2];
    size_t sent = 777, received = 777;

    bring(9);
    pair_begin(pair, 4096);
    assert_true(hot_units_get(units, &unit, &lease));
    while (sent < UNIT_BYTES) {
        sent = send_some(&lease, pair[0], sent);
        read_all(pair[1], came, received, sent);
        received = sent;
    }
    hot_units_release(units, &lease);
    assert_memory_equal(came + 777, wanted + 777, UNIT_BYTES - 777);
    close(pair[0]);
    close(pair[1]);
    free(wanted);
    free(came);
}

static void test_full_socket(void **state)
{
    send_through_a_small_socket();
    assert_int_equal(vmsplices, 1); /* the rest is copied */
    send_through_a_small_socket();
    assert_int_equal(vmsplices, 2); /* another answer has another socket */
}

static void test_kernel_gives_no_pages(void **state)
{
    sys.vmsplice = no_vmsplice;
    send_through_a_small_socket();
    send_through_a_small_socket();
    assert_int_equal(vmsplices, 1); /* it is not asked again */
}

static void test_peer_is_gone(void **state)
{
    struct hot_unit unit = unit_of(5);
    struct hot_lease lease;
    int pair[2];

    bring(5);
    pair_begin(pair, 0);
    close(pair[1]);
    signal(SIGPIPE, SIG_IGN);
    assert_true(hot_units_get(units, &unit, &lease));
    while (hot_units_send(units, &lease, 0, UNIT_BYTES, pair[0]) > 0) {
    }
    assert_true(errno == EPIPE || errno == ECONNRESET);
    hot_units_release(units, &lease);
    close(pair[0]);
}

/* ---- Many threads ---- */

static void *run_asks(void *arg)
{
    uint64_t state = *(uint64_t *)arg;

    for (unsigned i = 0; i < 3000; i++) {
        state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
        ask((state >> 33) % (2 * PER_CHUNK) / (1 + (state >> 60)));
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t threads[4];
    uint64_t seeds[4] = {1, 2, 3, 4};

    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_asks, &seeds[i]), 0);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(hot_units_bytes(units), HOT_CHUNK_BYTES);
}

/* ---- An egress ---- */

static void egress_ready(void *ctx)
{
    *(bool *)ctx = true;
}

/* One part of a unit, by send or read. 0 or the failure. */
static int egress_part(struct rig *rig, const struct blob_range *range, bool by_read, unsigned char *bytes)
{
    struct blob_egress *egress;
    bool ready = false;
    size_t length = 0;
    int pair[2], err;

    pair_begin(pair, 0);
    err = blob_egress_begin(&egress, rig->store, rig->ring, range, 1, egress_ready, &ready);
    while (err == -EBUSY && !ready)
        ring_wait(rig->ring, true);
    err = blob_egress_status(egress);
    while (err == 0 && blob_egress_remaining(egress) > 0) {
        ssize_t n = by_read ? blob_egress_read(egress, bytes + length, range->length - length)
                            : blob_egress_send(egress, pair[0], range->length - length);
        if (n == -EAGAIN)
            continue;
        assert_true(n > 0);
        if (!by_read) /* what the socket took */
            read_all(pair[1], bytes, length, length + (size_t)n);
        length += (size_t)n;
    }
    blob_egress_end(egress);
    close(pair[0]);
    close(pair[1]);
    return err;
}

/* After the second time the bytes come from memory: the file may lose them. In standard copy mode they never do. */
static void egress_takes(bool copy_mode, bool has_room)
{
    unsigned char *bytes = make_bytes(UNIT_BYTES, 31), *came = malloc(UNIT_BYTES);
    struct rig rig;

    rig_begin(&rig, RING_ENGINE_AUTO, true, copy_mode);
    hot_units_free(rig.store->hot);
    assert_int_equal(hot_units_create(&rig.store->hot, has_room ? HOT_CHUNK_BYTES : 0), 0);
    struct blob_range range = {.blob = put_bytes(&rig, bytes, UNIT_BYTES), .length = UNIT_BYTES};
    range.sum = (struct blob_sum){.length = UNIT_BYTES,
                                  .value = digest_crc_update(DIGEST_CRC64NVME, 0, bytes, UNIT_BYTES),
                                  .kind = DIGEST_CRC64NVME};
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(egress_part(&rig, &range, i == 1, came), 0);
        assert_memory_equal(came, bytes, UNIT_BYTES);
    }
    int fd = blob_store_open_fd(rig.store, range.blob);
    char path[64];
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    int writable = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(writable >= 0);
    assert_int_equal(fallocate(writable, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, UNIT_BYTES), 0);
    close(writable);
    close(fd);
    for (unsigned i = 0; i < 4; i++) {
        range.offset = i < 2 ? 0 : 5001;
        range.length = UNIT_BYTES - 2 * range.offset;
        int err = egress_part(&rig, &range, i % 2 == 1, came);
        assert_int_equal(err, copy_mode || !has_room ? -EIO : 0);
        if (err == 0)
            assert_memory_equal(came, bytes + range.offset, range.length);
    }
    blob_store_settle(rig.store, range.blob);
    rig_end(&rig);
    free(bytes);
    free(came);
}

static void test_egress(void **state)
{
    egress_takes(false, true);
    egress_takes(true, true);
    egress_takes(false, false);
}

#define HOT_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOT_TEST(test_second_ask_brings_it),
        HOT_TEST(test_all_of_the_name_counts),
        HOT_TEST(test_no_room_keeps_nothing),
        HOT_TEST(test_walk_replaces_nothing),
        HOT_TEST(test_hotter_takes_the_place),
        HOT_TEST(test_counts_are_halved),
        HOT_TEST(test_what_was_sent_stays),
        HOT_TEST(test_lease_holds_the_memory),
        HOT_TEST(test_full_socket),
        HOT_TEST(test_kernel_gives_no_pages),
        HOT_TEST(test_peer_is_gone),
        HOT_TEST(test_threads),
        cmocka_unit_test(test_egress),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
