/* SPDX-License-Identifier: MIT
 *
 * Master keys and what they close: files of keys and what is wrong with them, envelopes, and what a store remembers of its keys. */
#include "tests/unit/core/core_support.h"

#include "api/core/keys/envelope.h"
#include "api/core/keys/known_keys.h"

#define KEY_A "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=" /* 32 times 'A' */
#define KEY_B "QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkI="

static struct key_ring_entries entries;

static int parse(const char *text, unsigned *line)
{
    const char *wrong;

    return key_ring_parse(slice_text(text), &entries, line, &wrong);
}

static void test_files(void **state)
{
    unsigned line;

    assert_int_equal(parse("# keys\n\nfirst " KEY_A "\n  second\t " KEY_B " \r\n", &line), 0);
    assert_int_equal(entries.count, 2);
    assert_string_equal(entries.list[0].name, "first");
    assert_string_equal(entries.list[1].name, "second");
    assert_int_equal(entries.list[1].key.bytes[31], 'B');
    assert_int_equal(parse("first " KEY_A, &line), 0);
    assert_int_equal(parse("", &line), -EBADMSG);
    assert_int_equal(line, 0);
    assert_int_equal(parse("first " KEY_A "\nfirst " KEY_B, &line), -EBADMSG);
    assert_int_equal(line, 2);
    assert_int_equal(parse("first", &line), -EBADMSG);
    assert_int_equal(parse("first QUFB", &line), -EBADMSG);
    assert_int_equal(parse("a/b " KEY_A, &line), -EBADMSG);
    assert_int_equal(parse("first " KEY_A " more", &line), -EBADMSG);
}

/* A ring of a file with that text. */
static struct key_ring *ring_of(const char *text)
{
    char path[] = "/tmp/sluice-keys-XXXXXX";
    const struct key_ring_source source = {.path = path};
    struct key_ring *ring = NULL;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    assert_int_equal(key_ring_open(&ring, &source), 0);
    unlink(path);
    return ring;
}

static void test_rings(void **state)
{
    const struct key_ring_source printed = {.command = "echo first " KEY_A}, failing = {.command = "exit 3"};
    struct key_ring *ring = ring_of("first " KEY_A "\nsecond " KEY_B "\n"), *other;
    char name[KEY_NAME_BYTES_MAX + 1];
    struct seal_key key;

    key_ring_first(ring, name, &key);
    assert_string_equal(name, "first");
    assert_int_equal(key_ring_find(ring, SLICE("second"), &key), 0);
    assert_int_equal(key.bytes[0], 'B');
    assert_int_equal(key_ring_find(ring, SLICE("third"), &key), -ENOKEY);
    assert_int_equal(key_ring_reload(ring), -ENOENT); /* its file is gone: the keys stay */
    assert_int_equal(key_ring_find(ring, SLICE("second"), &key), 0);
    assert_int_equal(key_ring_open(&other, &failing), -EIO);
    assert_int_equal(key_ring_open(&other, &printed), 0);
    assert_int_equal(key_ring_reload(other), 0);
    assert_int_equal(key_ring_find(other, SLICE("first"), &key), 0);
    key_ring_close(other);
    key_ring_close(ring);
}

static void test_envelopes(void **state)
{
    struct key_ring *ring = ring_of("first " KEY_A "\n"), *stranger = ring_of("first " KEY_B "\n"),
                    *none = ring_of("x " KEY_A);
    struct envelope envelope = {.how = ENVELOPE_KMS,
                                .bucket_key = true,
                                .name = SLICE("first"),
                                .context = SLICE("{\"a\":\"b\"}")},
                    read;
    struct seal_key under, object = {"the key of an object, 32 bytes!!"}, opened;
    unsigned char out[ENVELOPE_BYTES_MAX];
    ssize_t length;

    assert_int_equal(key_ring_find(ring, SLICE("first"), &under), 0);
    length = envelope_write(&envelope, &under, &object, out);
    assert_true(length > 0);
    assert_int_equal(envelope_read(slice_of(out, (size_t)length), &read), 0);
    assert_int_equal(read.how, ENVELOPE_KMS);
    assert_true(read.bucket_key && slice_is(read.name, "first") && slice_is(read.context, "{\"a\":\"b\"}"));
    assert_int_equal(envelope_open(slice_of(out, (size_t)length), ring, NULL, &opened), 0);
    assert_memory_equal(&opened, &object, sizeof(object));
    assert_int_equal(envelope_open(slice_of(out, (size_t)length), stranger, NULL, &opened), -EBADMSG);
    assert_int_equal(envelope_open(slice_of(out, (size_t)length), none, NULL, &opened), -ENOKEY);
    assert_int_equal(envelope_open(slice_of(out, (size_t)length), NULL, NULL, &opened), -ENOKEY);
    for (ssize_t i = 0; i < length; i++) { /* all that it says is bound */
        out[i] ^= 1;
        assert_int_not_equal(envelope_open(slice_of(out, (size_t)length), ring, NULL, &opened), 0);
        out[i] ^= 1;
        assert_int_equal(envelope_read(slice_of(out, (size_t)i), &read), -EBADMSG);
    }
    envelope = (struct envelope){.how = ENVELOPE_CUSTOMER};
    length = envelope_write(&envelope, &under, &object, out);
    assert_int_equal(envelope_open(slice_of(out, (size_t)length), ring, NULL, &opened), -EACCES);
    assert_int_equal(envelope_open(slice_of(out, (size_t)length), ring, &object, &opened), -EACCES);
    assert_int_equal(envelope_open(slice_of(out, (size_t)length), ring, &under, &opened), 0);
    key_ring_close(ring);
    key_ring_close(stranger);
    key_ring_close(none);
}

static unsigned missing_told, wrong_told;

static void count_lines(void *ctx, enum log_level level, const char *message)
{
    missing_told += strstr(message, "is missing: objects") != NULL;
    wrong_told += strstr(message, "is not the one that it was") != NULL;
}

static int meet(struct rig *rig, const char *text)
{
    struct key_ring *ring = text != NULL ? ring_of(text) : NULL;
    int err;

    rig_close(rig);
    missing_told = wrong_told = 0;
    rig->options.keys = ring;
    assert_int_equal(rig_open_again(rig), 0);
    err = known_keys_meet(rig->core);
    rig_close(rig);
    rig->options.keys = NULL;
    assert_int_equal(rig_open_again(rig), 0);
    key_ring_close(ring);
    return err;
}

static void test_known_keys(void **state)
{
    const struct core_options options = {.log = count_lines};
    struct rig rig;

    rig_begin(&rig, &options);
    assert_int_equal(meet(&rig, NULL), 0);
    assert_int_equal(meet(&rig, "first " KEY_A), 0);
    assert_int_equal(missing_told + wrong_told, 0);
    assert_int_equal(meet(&rig, "second " KEY_B), 0);
    assert_int_equal(missing_told, 1);
    assert_int_equal(meet(&rig, NULL), 0);
    assert_int_equal(missing_told, 2);
    assert_int_equal(meet(&rig, "first " KEY_B), -EKEYREJECTED);
    assert_int_equal(wrong_told, 1);
    assert_int_equal(meet(&rig, "first " KEY_A "\nsecond " KEY_B), 0);
    assert_int_equal(missing_told + wrong_told, 0);
    known_keys_forget(rig.core); /* which has none now */
    assert_int_equal(meet(&rig, "third " KEY_A), 0);
    assert_int_equal(missing_told, 0);
    rig_end(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_rings),
        cmocka_unit_test(test_envelopes),
        cmocka_unit_test(test_known_keys),
    };

    return cmocka_run_group_tests_name("core_keys", tests, NULL, NULL);
}
