/* SPDX-License-Identifier: MIT
 *
 * A process that puts, overwrites and deletes is killed at a random moment, again and again, on the same
 * store. After each kill: what was acknowledged is there, byte for byte; what was not is there as a whole or
 * not at all; the check finds nothing; no file is left without a row.
 *
 * The child tells of each acknowledgement through a pipe, which survives it. */
#include "tests/unit/core/core_support.h"

#include <signal.h>
#include <sys/wait.h>

enum { ROUNDS = 12, KEYS = 12, ALIVE_MS_MAX = 120, BODY_BYTES_MAX = 200000 };

/* What the child reports: before it begins a change of a key, and after it was acknowledged. */
struct report {
    uint16_t key;
    uint16_t acknowledged;
    uint32_t version; /* 0: deleted */
};

/* What the parent knows: the key holds `version`, or, if a change was not acknowledged, perhaps `pending`. */
struct known {
    uint32_t version, pending;
    bool is_pending;
};

static size_t body_length(uint16_t key, uint32_t version)
{
    return (key * 7919u + version * 104729u) % BODY_BYTES_MAX;
}

static unsigned char *body_of(uint16_t key, uint32_t version)
{
    return body_make(body_length(key, version), (uint64_t)key << 32 | version);
}

static const char *key_name(uint16_t key)
{
    static char name[16];

    snprintf(name, sizeof(name), "key-%u", key);
    return name;
}

/* ---- The child ---- */

static void child_report(int fd, struct report report)
{
    if (write(fd, &report, sizeof(report)) != sizeof(report))
        _exit(3);
}

static int child_change(struct rig *rig, uint16_t key, uint32_t version)
{
    unsigned char *body;
    int err;

    if (version == 0)
        return rig_delete(rig, key_name(key));
    body = body_of(key, version);
    err = rig_put(rig, key_name(key), body, body_length(key, version), NO_CONDITION);
    free(body);
    return err;
}

static void child_run(struct rig *rig, int fd, uint32_t first_version)
{
    struct meta_bucket bucket;

    if (rig_open_again(rig) != 0 ||
        meta_bucket_get(core_worker_reader(rig->worker), slice_text("bucket"), &bucket) != 0)
        _exit(2);
    for (uint32_t version = first_version;; version++) {
        struct report report = {
            .key = (uint16_t)(version * 2654435761u >> 8) % KEYS,
            .version = version % 5 == 0 ? 0 : version,
        };

        child_report(fd, report);
        if (child_change(rig, report.key, report.version) != 0)
            _exit(4);
        report.acknowledged = 1;
        child_report(fd, report);
    }
}

/* ---- The parent ---- */

/* Runs a child until it is killed; takes note of what it reported. Returns the highest version seen. */
static uint32_t run_and_kill(struct rig *rig, struct known *known, uint32_t first_version, unsigned alive_ms)
{
    const struct timespec alive = {.tv_nsec = (long)alive_ms * 1000000};
    struct report report;
    uint32_t last = first_version;
    int fds[2], status;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        child_run(rig, fds[1], first_version);
    }
    close(fds[1]);
    nanosleep(&alive, NULL);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    while (read(fds[0], &report, sizeof(report)) == sizeof(report)) {
        struct known *entry = &known[report.key];

        last++;
        if (report.acknowledged)
            *entry = (struct known){.version = report.version};
        else
            *entry = (struct known){.version = entry->version, .pending = report.version, .is_pending = true};
    }
    close(fds[0]);
    return last + 1;
}

static bool key_holds(struct rig *rig, uint16_t key, uint32_t version)
{
    struct meta_object object;
    unsigned char *body;
    uint64_t size;

    int err = rig_head(rig, key_name(key), &object);
    if (err == META_E_NO_KEY)
        return version == 0;
    assert_int_equal(err, 0);
    size = object.size;
    meta_object_release(&object);
    if (version == 0 || size != body_length(key, version))
        return false;
    body = body_of(key, version);
    rig_expect(rig, key_name(key), body, size); /* sizes of a key's versions differ: this one is meant */
    free(body);
    return true;
}

static void expect_known(struct rig *rig, struct known *known)
{
    unsigned long files = 0;

    for (uint16_t key = 0; key < KEYS; key++) {
        struct known *entry = &known[key];
        bool is_new = entry->is_pending && key_holds(rig, key, entry->pending);

        if (!is_new)
            assert_true(key_holds(rig, key, entry->version));
        *entry = (struct known){.version = is_new ? entry->pending : entry->version};
        files += entry->version != 0 && body_length(key, entry->version) > SEGMENT_UNIT_BYTES_MAX;
    }
    await_blob_files(rig, files);
}

static void killed_at_random_moments(void **state)
{
    struct known known[KEYS] = {{0}};
    uint32_t version = 1;
    unsigned seed = (unsigned)getpid();
    struct rig rig;

    rig_begin(&rig, NULL);
    rig_close(&rig);
    for (int round = 0; round < ROUNDS; round++) {
        version = run_and_kill(&rig, known, version, 5 + (unsigned)rand_r(&seed) % ALIVE_MS_MAX);
        assert_int_equal(rig_open_again(&rig), 0);
        expect_known(&rig, known);
        rig_close(&rig);
        expect_clean(rig.dir, UINT64_MAX);
    }
    print_message("%u changes in %d rounds\n", version, ROUNDS);
    assert_true(version > ROUNDS);
    rig_end(&rig);
}

/* The database outlived the files, SEQUENCE among them: what its rows name is never given to new bytes. */
static void lost_files_are_not_taken_for_new_ones(void **state)
{
    unsigned char *old = body_make(5000, 1), *new = body_make(5000, 2);
    const struct meta_object *object;
    unsigned char buffer[5000];
    struct core_get *get;
    char path[96];
    struct rig rig;

    rig_begin(&rig, NULL);
    assert_int_equal(rig_put(&rig, "old", old, 5000, NO_CONDITION), 0);
    rig_close(&rig);
    snprintf(path, sizeof(path), "%s/blobs", rig.dir);
    tree_remove(path);
    assert_int_equal(rig_open_again(&rig), 0);
    assert_int_equal(rig_put(&rig, "new", new, 5000, NO_CONDITION), 0);
    rig_expect(&rig, "new", new, 5000);

    assert_int_equal(core_get_begin(rig.worker, rig.bucket, slice_text("old"), &get, &object), 0);
    bool ready = false;
    if (core_get_open(get, 0, 5000, get_ready, &ready) == -EBUSY)
        while (!ready)
            core_worker_wait(rig.worker);
    assert_int_equal(core_get_read(get, buffer, sizeof(buffer)), -EIO);
    core_get_end(get);
    free(old);
    free(new);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_random_moments),
        cmocka_unit_test(lost_files_are_not_taken_for_new_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
