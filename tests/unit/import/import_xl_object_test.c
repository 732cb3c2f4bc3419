/* SPDX-License-Identifier: MIT
 *
 * A version of MinIO's as a row: headers, tags, locks, ETag, checksums, parts; what is refused, and why. And the settings of a bucket. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/import/bucket_settings.h"
#include "api/import/xl_object.h"
#include "api/s3/object/s3_attributes.h"

static struct arena arena;
static char noted[256];

static int setup(void **state)
{
    arena_init(&arena, NULL);
    noted[0] = '\0';
    return 0;
}

static int teardown(void **state)
{
    arena_free(&arena);
    return 0;
}

static void note(void *ctx, struct slice header)
{
    snprintf(noted, sizeof(noted), "%.*s", (int)header.len, header.base);
}

/* One of a single part; user and system metadata as names and values in turn. */
static struct xl_version version_of(const char *const *user, const char *const *system)
{
    static struct xl_part part = {1, 5};
    static struct xl_pair users[32], systems[8];
    struct xl_version version = {.type = XL_OBJECT,
                                 .modified_ns = 1500 * INT64_C(1000000) + 999999,
                                 .coding = 1,
                                 .checksum = 1,
                                 .data_drives = 1,
                                 .size = 5,
                                 .frame_bytes = 1 << 20,
                                 .parts = &part,
                                 .part_count = 1,
                                 .user = {users, 0},
                                 .system = {systems, 0}};

    for (; user != NULL && *user != NULL; user += 2)
        users[version.user.count++] = (struct xl_pair){slice_text(user[0]), slice_text(user[1])};
    for (; system != NULL && *system != NULL; system += 2)
        systems[version.system.count++] = (struct xl_pair){slice_text(system[0]), slice_text(system[1])};
    return version;
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static int fill(const char *const *user, struct meta_object *object, const char **why)
{
    struct xl_version version = version_of(user, NULL);

    return xl_object_fill(&arena, &version, object, note, NULL, why);
}

static void assert_attribute(const struct meta_object *object, const char *name, const char *value)
{
    struct slice got = s3_attribute_get(&object->attributes, name);

    assert_non_null(got.base);
    assert_true(slice_is(got, value));
}

static void test_headers(void **state)
{
    struct meta_object object;
    const char *why;

    assert_int_equal(fill(LIST("etag", "0123", "Content-Type", "text/plain", "X-Amz-Meta-Who",
                               "=?UTF-8?Q?caf=C3=A9?=", "x-amz-storage-class", "STANDARD", "X-Amz-Tagging",
                               "b=2&a=1%20x", "x-odd", "1", "x-minio-internal-x", "2", "expires", ""),
                          &object, &why),
                     0);
    assert_string_equal(object.etag, "0123");
    assert_int_equal(object.modified_ms, 1500);
    assert_int_equal(object.size, 5);
    assert_attribute(&object, "content-type", "text/plain");
    assert_attribute(&object, "x-amz-meta-who", "caf\xc3\xa9");
    assert_attribute(&object, META_ATTRIBUTE_TAGS, "b=2&a=1%20x");
    assert_int_equal(object.attributes.count, 3);
    assert_string_equal(noted, "x-odd");
    assert_int_equal(object.part_count, 0); /* it was put in one piece */
}

static void test_locks(void **state)
{
    struct meta_object object;
    struct meta_lock lock;
    const char *why;

    assert_int_equal(
        fill(LIST("etag", "1", "x-amz-object-lock-mode", "GOVERNANCE", "x-amz-object-lock-retain-until-date",
                  "2030-01-02T03:04:05Z", "x-amz-object-lock-legal-hold", "OFF"),
             &object, &why),
        0);
    assert_int_equal(meta_lock_unpack(s3_attribute_get(&object.attributes, META_ATTRIBUTE_LOCK), &lock), 0);
    assert_int_equal(lock.mode, META_LOCK_GOVERNANCE);
    assert_int_equal(lock.hold, META_HOLD_OFF);
    assert_int_equal(lock.until_ms, 1893553445000);
}

static void test_what_is_no_row(void **state)
{
    static const struct {
        const char *name, *value, *why;
    } wrong[] = {
        {"x-amz-object-lock-mode", "GOVERNANCE", "its retention has no mode, or no end"},
        {"x-amz-object-lock-mode", "SOME", "the mode of its retention is not known"},
        {"x-amz-object-lock-retain-until-date", "soon", "the end of its retention is no time"},
        {"x-amz-object-lock-legal-hold", "MAYBE", "its legal hold is neither ON nor OFF"},
        {"x-amz-tagging", "a=1&a=2", "its tags cannot be read"},
        {"content-type", "a\r\nb: c", "a header of it has bytes that no header may have"},
        {"x-amz-meta-a b", "c", "a header of it has bytes that no header may have"},
        {"etag", "", "its ETag is none"},
        {"etag", "a b", "its ETag is none"},
    };
    struct meta_object object;
    const char *why;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(fill(LIST("etag", "1", wrong[i].name, wrong[i].value), &object, &why), -EBADMSG);
        assert_string_equal(why, wrong[i].why);
    }
    assert_int_equal(fill(LIST("content-type", "a"), &object, &why), -EBADMSG);
    assert_string_equal(why, "it has no ETag");
    assert_int_equal(fill(LIST("etag", "1", "expires", "a", "Expires", "b"), &object, &why), -EBADMSG);
    assert_string_equal(why, "it has a header twice");
}

static void test_refusals(void **state)
{
    static const struct {
        const char *name, *why;
    } refused[] = {
        {"X-Minio-Internal-Server-Side-Encryption-Iv", "it is encrypted"},
        {"x-minio-internal-server-side-encryption-s3-sealed-key", "it is encrypted"},
        {"X-Minio-Internal-Encrypted-Multipart", "it is encrypted"},
        {"X-Minio-Internal-compression", "it is compressed"},
        {"x-minio-internal-transition-status", "its bytes were moved to another place, a tier"},
        {"purgestatus", "it is being deleted, and waits for the other side of a replication"},
    };
    struct xl_version version = version_of(NULL, NULL), changed;

    assert_null(xl_object_refusal(&version));
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        changed = version_of(NULL, LIST(refused[i].name, "x"));
        assert_string_equal(xl_object_refusal(&changed), refused[i].why);
    }
    version = version_of(NULL, NULL);
    changed = version, changed.parity_drives = 1;
    assert_string_equal(xl_object_refusal(&changed), "its bytes lie on several drives");
    changed = version, changed.checksum = 2;
    assert_non_null(xl_object_refusal(&changed));
    changed = version, changed.frame_bytes = 0;
    assert_non_null(xl_object_refusal(&changed));
    changed = version, changed.frame_bytes = UINT64_MAX;
    assert_non_null(xl_object_refusal(&changed));
    changed = version, changed.size = 6;
    assert_string_equal(xl_object_refusal(&changed), "the sizes of its parts do not fit its own");
    changed = version, changed.modified_ns = 0;
    assert_string_equal(xl_object_refusal(&changed), "it has no time");
    changed = version_of(NULL, LIST("x-minio-internal-tier-free-versionID", "x"));
    changed.type = XL_MARKER;
    assert_true(xl_version_is_hidden(&changed));
}

static void test_checksums(void **state)
{
    struct meta_object object = {.part_count = 2};

    assert_true(xl_checksum_read(SLICE("\x08\x01\x02\x03\x04"), &object)); /* CRC32 */
    assert_int_equal(object.checksum.algorithm, 1);
    assert_int_equal(object.checksum.type, 0);
    assert_memory_equal(object.checksum.value, "\x01\x02\x03\x04", 4);
    assert_true(xl_checksum_read(SLICE("\x90\x01"
                                       "abcd\x02"
                                       "efghijkl"),
                                 &object)); /* CRC32C of parts, which are there */
    assert_int_equal(object.checksum.algorithm, 2);
    assert_int_equal(object.checksum.type, 0);
    object = (struct meta_object){.part_count = 2};
    assert_true(xl_checksum_read(SLICE("\xd0\x01"
                                       "abcd\x02"
                                       "efghijkl"),
                                 &object)); /* of several parts */
    assert_int_equal(object.checksum.type, 1);
    assert_memory_equal(object.part_checksums.values, "efghijkl", 8);
    object = (struct meta_object){.part_count = 2};
    assert_true(xl_checksum_read(SLICE("\xc0\x02"
                                       "12345678\x02"),
                                 &object)); /* CRC64NVME is of the whole */
    assert_int_equal(object.checksum.algorithm, 5);
    assert_int_equal(object.checksum.type, 0);
    assert_null(object.part_checksums.values);
    assert_false(xl_checksum_read(SLICE("\x08\x01\x02\x03"), &object));
    assert_false(xl_checksum_read(SLICE("\x01"
                                        "abcd"),
                                  &object));
    assert_false(xl_checksum_read(SLICE("\xff\xff\xff\xff\xff\xff"), &object));
    assert_false(xl_checksum_read(SLICE("\xd0\x01"
                                        "abcd\x02"
                                        "efgh"),
                                  &object));
}

static struct slice recorded(const char *name)
{
    static unsigned char bytes[4096];
    char path[512];
    FILE *stream;
    size_t length;

    snprintf(path, sizeof(path), "%s/%s", IMPORT_CORPUS, name);
    assert_non_null(stream = fopen(path, "rb"));
    length = fread(bytes, 1, sizeof(bytes), stream);
    fclose(stream);
    return slice_of(bytes, length);
}

static void test_settings(void **state)
{
    struct bucket_settings settings;
    struct slice document;

    assert_true(bucket_settings_read(recorded("locked.metadata.bin"), &settings));
    assert_true(settings.is_versioned && !settings.is_suspended);
    assert_int_equal(settings.created_ms / 1000, 1795949761);
    assert_true(settings.documents[BUCKET_SETTING_OBJECT_LOCK].len > 0);
    assert_true(bucket_settings_read(recorded("plain.metadata.bin"), &settings));
    assert_false(settings.is_versioned || settings.is_suspended);
    assert_true(
        bucket_setting_says_something(BUCKET_SETTING_POLICY, settings.documents[BUCKET_SETTING_POLICY]));
    assert_false(bucket_setting_says_something(BUCKET_SETTING_LIFECYCLE,
                                               settings.documents[BUCKET_SETTING_LIFECYCLE]));
    assert_true(bucket_settings_read(recorded("versioned.metadata.bin"), &settings));
    document =
        bucket_setting_plain(&arena, BUCKET_SETTING_LIFECYCLE, settings.documents[BUCKET_SETTING_LIFECYCLE]);
    assert_true(document.len > 0 && document.len < settings.documents[BUCKET_SETTING_LIFECYCLE].len);
    assert_null(memmem(document.base, document.len, "ExpiryUpdatedAt", 15));
    /* Cut anywhere it is damaged. */
    struct slice whole = recorded("plain.metadata.bin");
    for (size_t length = 0; length < whole.len; length++)
        assert_false(bucket_settings_read(slice_of(whole.base, length), &settings));
    assert_false(bucket_settings_read(SLICE("\1\0\2\0\x80"), &settings));
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        test(test_headers),  test(test_locks),     test(test_what_is_no_row),
        test(test_refusals), test(test_checksums), test(test_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
