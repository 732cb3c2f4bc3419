/* SPDX-License-Identifier: MIT
 *
 * A process with many small changes under way at once is killed at a random moment, again and again, on the same store. After
 * each kill: what was acknowledged is there, byte for byte; what was not is there as a whole or not at all; the segments hold
 * the units that rows name and nothing else.
 *
 * The child tells of each change, and of its end, through a pipe, which survives it. */
#include <signal.h>
#include <sys/wait.h>

#include "tests/unit/core/core_pack_support.h"

enum { ROUNDS = 10, SLOTS = 16, KEYS = 4 * SLOTS, ALIVE_MS_MAX = 120 };

struct report {
    uint16_t key;
    uint16_t acknowledged;
    uint32_t version; /* 0: deleted */
};

/* The key holds `version`, or, if a change was not acknowledged, perhaps `pending`. */
struct known {
    uint32_t version, pending;
    bool is_pending;
};

static size_t body_length(uint16_t key, uint32_t version)
{
    return 1 + (key * 7919u + version * 104729u) % (version % 3 == 0 ? UNIT_MAX : 5000);
}

static uint64_t body_seed(uint16_t key, uint32_t version)
{
    return (uint64_t)key << 32 | version;
}

static void key_name(uint16_t key, char name[16])
{
    snprintf(name, 16, "key-%u", key);
}

/* ---- The child ---- */

/* One change under way; a slot changes keys of its own. */
struct slot {
    struct report report;
    char name[16];
    bool is_busy, is_over;
    struct test_put put;
    struct meta_object_put op;
    struct core_change change;
    struct meta_delete_entry entry;
    struct meta_object_delete delete;
};

static int child_fd;

static void child_tell(const struct report *report)
{
    if (write(child_fd, report, sizeof(*report)) != sizeof(*report))
        _exit(3);
}

static void on_deleted(struct core_change *change)
{
    ((struct slot *)change->ctx)->is_over = true;
}

static void slot_delete(struct rig *rig, struct slot *slot)
{
    slot->entry = (struct meta_delete_entry){.key = slice_text(slot->name)};
    slot->delete = (struct meta_object_delete){
        .op.kind = META_OP_OBJECT_DELETE, .bucket = rig->bucket, .entries = &slot->entry, .count = 1};
    slot->change = (struct core_change){.op = &slot->delete.op, .done = on_deleted, .ctx = slot};
    core_change_submit(rig->worker, &slot->change);
}

static void slot_put(struct rig *rig, struct slot *slot)
{
    size_t length = body_length(slot->report.key, slot->report.version);
    unsigned char *body = body_make(length, body_seed(slot->report.key, slot->report.version));

    if (put_begin(rig, &slot->put, length) != 0 || put_fill(&slot->put, body, length) != 0 ||
        put_seal(&slot->put) != 0)
        _exit(4);
    free(body);
    slot->op = (struct meta_object_put){.bucket = rig->bucket, .key = slice_text(slot->name)};
    core_etag_make(&slot->put.values, slot->op.object.etag);
    core_put_commit_object(slot->put.put, &slot->op);
}

static void slot_begin(struct rig *rig, struct slot *slot, unsigned number, uint32_t version)
{
    slot->report = (struct report){
        .key = (uint16_t)(number + SLOTS * (version % 4)),
        .version = version % 7 == 0 ? 0 : version,
    };
    key_name(slot->report.key, slot->name);
    child_tell(&slot->report);
    slot->is_busy = true;
    slot->is_over = false;
    if (slot->report.version == 0)
        slot_delete(rig, slot);
    else
        slot_put(rig, slot);
}

static void slot_end(struct slot *slot)
{
    int result = slot->report.version == 0 ? slot->entry.result : slot->put.result;

    if (result != 0)
        _exit(5);
    if (slot->report.version != 0)
        core_put_end(slot->put.put);
    slot->report.acknowledged = 1;
    child_tell(&slot->report);
    slot->is_busy = false;
}

static void child_run(struct rig *rig, uint32_t version)
{
    struct slot slots[SLOTS] = {0};

    if (rig_open_again(rig) != 0)
        _exit(2);
    for (;;) {
        for (unsigned i = 0; i < SLOTS; i++) {
            if (slots[i].is_busy &&
                (slots[i].report.version == 0 ? slots[i].is_over : slots[i].put.committed))
                slot_end(&slots[i]);
            if (!slots[i].is_busy)
                slot_begin(rig, &slots[i], i, version++);
        }
        core_worker_wait(rig->worker);
    }
}

/* ---- The parent ---- */

/* Returns the first version that was not used. */
static uint32_t run_and_kill(struct rig *rig, struct known *known, uint32_t first_version, unsigned alive_ms,
                             uint32_t *acknowledged)
{
    const struct timespec alive = {.tv_nsec = (long)alive_ms * 1000000};
    struct report report;
    int fds[2], status;

    assert_int_equal(pipe(fds), 0);
    (void)fcntl(fds[1], F_SETPIPE_SZ, 1 << 20); /* a full pipe would only stop the child */
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child_fd = fds[1];
        child_run(rig, first_version);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &report, sizeof(report)), sizeof(report)); /* it has begun */
    nanosleep(&alive, NULL);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    do {
        struct known *entry = &known[report.key];

        if (report.acknowledged)
            *entry = (struct known){.version = report.version};
        else
            *entry = (struct known){.version = entry->version, .pending = report.version, .is_pending = true};
        *acknowledged += report.acknowledged;
        first_version++;
    } while (read(fds[0], &report, sizeof(report)) == sizeof(report));
    close(fds[0]);
    return first_version;
}

static bool key_holds(struct rig *rig, uint16_t key, uint32_t version)
{
    struct meta_object object;
    uint64_t size;
    char name[16];

    key_name(key, name);
    int err = rig_head(rig, name, &object);
    if (err == META_E_NO_KEY)
        return version == 0;
    assert_int_equal(err, 0);
    size = object.size;
    meta_object_release(&object);
    if (version == 0 || size != body_length(key, version))
        return false;

    unsigned char *body = body_make(size, body_seed(key, version));
    const struct meta_object *found;
    struct digest_values want;
    struct core_get *get;
    char etag[META_ETAG_BYTES_MAX + 1];
    assert_int_equal(digest_buffer(DIGEST_BIT(DIGEST_MD5), body, size, &want), 0);
    core_etag_make(&want, etag);
    assert_int_equal(core_get_begin(rig->worker, rig->bucket, slice_text(name), &get, &found), 0);
    bool holds = strcmp(found->etag, etag) == 0;
    if (holds)
        get_expect(rig, get, body, 0, size);
    core_get_end(get);
    free(body);
    return holds;
}

/* Returns the blocks that the objects take. */
static unsigned long expect_known(struct rig *rig, struct known *known)
{
    unsigned long blocks = 0;

    for (uint16_t key = 0; key < KEYS; key++) {
        struct known *entry = &known[key];
        bool is_new = entry->is_pending && key_holds(rig, key, entry->pending);

        if (!is_new)
            assert_true(key_holds(rig, key, entry->version));
        *entry = (struct known){.version = is_new ? entry->pending : entry->version};
        if (entry->version != 0)
            blocks += segment_unit_room((uint32_t)body_length(key, entry->version)) / SEGMENT_ALIGN_BYTES;
    }
    return blocks;
}

/* Blocks of data in all segments, heads left out. st_blocks would count the maps of files with many holes too. */
static unsigned long data_blocks;

static int count_data(const char *path, const struct stat *status, int type, struct FTW *at)
{
    off_t begin, end = 0;
    int fd;

    if (type != FTW_F || !is_segment(path))
        return 0;
    fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    while ((begin = lseek(fd, end, SEEK_DATA)) >= 0) {
        end = lseek(fd, begin, SEEK_HOLE);
        data_blocks += (unsigned long)(end - begin) / SEGMENT_ALIGN_BYTES;
    }
    close(fd);
    data_blocks--;
    return 0;
}

static void expect_blocks(struct rig *rig, unsigned long blocks)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/blobs", rig->dir);
    data_blocks = 0;
    nftw(path, count_data, 8, FTW_PHYS);
    assert_int_equal(data_blocks, blocks);
}

static void killed_with_many_changes_under_way(void **state)
{
    struct known known[KEYS] = {{0}};
    uint32_t version = 1, acknowledged = 0;
    unsigned seed = (unsigned)getpid();
    struct rig rig;

    rig_begin(&rig, NULL);
    rig_close(&rig);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned long blocks;

        version =
            run_and_kill(&rig, known, version, 5 + (unsigned)rand_r(&seed) % ALIVE_MS_MAX, &acknowledged);
        assert_int_equal(rig_open_again(&rig), 0);
        blocks = expect_known(&rig, known);
        for (int pass = 0; pass < 8; pass++) { /* each close works off a bounded share of the garbage */
            rig_close(&rig);
            assert_int_equal(rig_open_again(&rig), 0);
        }
        rig_close(&rig);
        expect_clean(rig.dir, UINT64_MAX);
        expect_no_debt(rig.dir);
        expect_blocks(&rig, blocks);
    }
    print_message("%u changes acknowledged in %d rounds, seed %d\n", acknowledged, ROUNDS, getpid());
    assert_true(acknowledged > 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_with_many_changes_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
