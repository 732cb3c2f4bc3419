/* SPDX-License-Identifier: MIT
 *
 * Versions: thousands of random changes against a naive model that keeps every key's versions in a list, newest first, with their
 * annotations; listings in pages of random size, with prefixes and delimiters, are compared with the model's. And what pages of versions
 * cost. */
#include "meta_version_support.h"

/* ---- Random changes against a model ---- */

#define KEYS         10
#define VERSIONS_MAX 400
#define STEPS        (4000 / STEPS_SHARE)
#define NOTES        3

static uint64_t random_state = 0x9e3779b97f4a7c15ull;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % bound;
}

static const char *const names[KEYS] = {"a", "a/", "a/b", "a/b/c", "a/c", "b", "b/1", "b/2", "z/", "\xff"};
static const char *const notes[NOTES] = {"x", "y", "z"};

struct model_version {
    struct meta_version_id id;
    bool is_marker;
    int64_t file, notes[NOTES]; /* files of its annotations, 0: none */
};

struct model_key {
    struct model_version list[VERSIONS_MAX]; /* newest first */
    int count;
};

struct model {
    struct store *store;
    struct model_key keys[KEYS];
    enum meta_versioning versioning;
    uint32_t file;
};

static void model_remove(struct model_key *key, int index)
{
    memmove(&key->list[index], &key->list[index + 1],
            (size_t)(key->count - index - 1) * sizeof(key->list[0]));
    key->count--;
}

static int model_find(const struct model_key *key, struct meta_version_id id)
{
    for (int i = 0; i < key->count; i++)
        if (same(key->list[i].id, id))
            return i;
    return -1;
}

/* Puts a new newest version; the null version, of which there is one, gives way. */
static void model_add(struct model_key *key, struct model_version version)
{
    int old = meta_version_is_null(&version.id) ? model_find(key, version.id) : -1;

    if (old >= 0)
        model_remove(key, old);
    assert_true(key->count < VERSIONS_MAX);
    memmove(&key->list[1], &key->list[0], (size_t)key->count * sizeof(key->list[0]));
    key->list[0] = version;
    key->count++;
}

static void step_put(struct model *model)
{
    int key = (int)random_below(KEYS);
    struct model_version version = {.file = ++model->file};

    version.id = put_version(model->store, names[key], model->file);
    assert_int_equal(meta_version_is_null(&version.id), model->versioning != META_VERSIONING_ENABLED);
    assert_int_equal(model_find(&model->keys[key], version.id) >= 0 && !meta_version_is_null(&version.id), 0);
    model_add(&model->keys[key], version);
}

static void step_delete(struct model *model)
{
    int key = (int)random_below(KEYS);
    struct model_key *versions = &model->keys[key];
    bool existed = versions->count > 0 && !versions->list[0].is_marker;
    struct meta_delete_entry entry = delete_version(model->store, names[key], NULL);

    assert_int_equal(entry.existed, existed);
    assert_int_equal(entry.marker_added, model->versioning != META_VERSIONING_NEVER);
    if (model->versioning == META_VERSIONING_NEVER) {
        versions->count = 0;
        return;
    }
    assert_int_equal(meta_version_is_null(&entry.marker), model->versioning == META_VERSIONING_SUSPENDED);
    model_add(versions, (struct model_version){.id = entry.marker, .is_marker = true});
}

static void step_delete_version(struct model *model)
{
    int key = (int)random_below(KEYS);
    struct model_key *versions = &model->keys[key];
    int index =
        versions->count == 0 ? -1 : (int)random_below(random_below(2) ? 1 : (uint32_t)versions->count);
    struct meta_version_id id = {
        .bytes = {0xff, (unsigned char)random_below(256)}}; /* most likely nobody's */

    if (index >= 0)
        id = versions->list[index].id;
    struct meta_delete_entry entry = delete_version(model->store, names[key], &id);
    assert_int_equal(entry.existed, index >= 0);
    assert_false(entry.marker_added);
    if (index < 0)
        return;
    assert_int_equal(entry.marker_removed, versions->list[index].is_marker);
    model_remove(versions, index);
}

static void step_copy(struct model *model)
{
    int source = (int)random_below(KEYS), key = (int)random_below(KEYS);
    struct model_key *versions = &model->keys[source];
    struct meta_object_copy op;
    int expected = versions->count == 0 || versions->list[0].is_marker ? META_E_NO_KEY : 0;
    int index = 0;

    copy_init(&op, model->store->bucket, names[source], names[key]);
    if (versions->count > 0 && random_below(2)) {
        index = (int)random_below((uint32_t)versions->count);
        op.source.version = &versions->list[index].id;
        expected = versions->list[index].is_marker ? META_E_DELETE_MARKER : 0;
    }
    struct model_version made = versions->list[index];
    op.leaves_annotations = random_below(3) == 0;
    if (op.leaves_annotations)
        memset(made.notes, 0, sizeof(made.notes));
    assert_int_equal(op_wait(model->store->meta, &op.op, META_OP_OBJECT_COPY), expected);
    if (expected != 0)
        return;
    assert_true(same(op.source_version, versions->list[index].id));
    made.id = op.version;
    model_add(&model->keys[key], made);
}

/* Of the current object or of any version. */
static void step_annotate(struct model *model)
{
    int key = (int)random_below(KEYS), note = (int)random_below(NOTES);
    struct model_key *versions = &model->keys[key];
    struct meta_annotation_delete op = {
        .object = {.bucket = model->store->bucket, .key = slice_text(names[key])},
        .name = slice_text(notes[note])};
    struct model_version *version = &versions->list[0];
    int expected = versions->count == 0 || version->is_marker ? META_E_NO_KEY : 0;
    bool deletes = random_below(3) == 0;

    if (versions->count > 0 && random_below(2)) {
        version += random_below((uint32_t)versions->count);
        op.object.version = &version->id;
        expected = version->is_marker ? META_E_DELETE_MARKER : 0;
    }
    model->file += !deletes;
    assert_int_equal(deletes ? op_wait(model->store->meta, &op.op, META_OP_ANNOTATION_DELETE)
                             : annotation_put_version(model->store, model->store->bucket, names[key],
                                                      op.object.version, notes[note], model->file),
                     expected);
    if (expected != 0)
        return;
    if (deletes)
        assert_int_equal(op.existed, version->notes[note] != 0);
    version->notes[note] = deletes ? 0 : (int64_t)model->file;
}

static void step_versioning(struct model *model)
{
    model->versioning = random_below(3) ? META_VERSIONING_ENABLED : META_VERSIONING_SUSPENDED;
    assert_int_equal(versioning_set(model->store, model->versioning), 0);
}

/* ---- Comparing ---- */

static void compare_notes(struct model *model, const char *key, const struct model_version *version)
{
    for (int i = 0; i < NOTES && !version->is_marker; i++)
        assert_int_equal(annotation_file(model->store, key, &version->id, notes[i]),
                         version->notes[i] != 0 ? version->notes[i] : META_E_NO_ANNOTATION);
}

static void compare_key(struct model *model, int key)
{
    const struct model_key *versions = &model->keys[key];
    bool exists = versions->count > 0 && !versions->list[0].is_marker;

    assert_int_equal(file_of(model->store, names[key]), exists ? versions->list[0].file : META_E_NO_KEY);
    assert_int_equal(version_file(model->store, names[key], NULL), exists ? versions->list[0].file
                                                                   : versions->count > 0
                                                                       ? META_E_DELETE_MARKER
                                                                       : META_E_NO_KEY);
    for (int i = 0; i < versions->count; i++) {
        assert_int_equal(version_file(model->store, names[key], &versions->list[i].id),
                         versions->list[i].is_marker ? META_E_DELETE_MARKER : versions->list[i].file);
        compare_notes(model, names[key], &versions->list[i]);
    }
}

/* What a listing tells, ours or the model's. */
struct line {
    char key[16];
    bool is_prefix, is_marker, is_current;
    struct meta_version_id version;
    char etag[16];
};

#define LINES_MAX (KEYS * VERSIONS_MAX)

static struct line wanted[LINES_MAX], got[LINES_MAX];

static int model_list(const struct model *model, const char *prefix, const char *delimiter)
{
    int count = 0;

    for (int key = 0; key < KEYS; key++) { /* names ascend */
        const struct model_key *versions = &model->keys[key];
        size_t length = strlen(prefix);
        if (strncmp(names[key], prefix, length) != 0 || versions->count == 0)
            continue;
        const char *end = delimiter[0] == '\0' ? NULL : strstr(names[key] + length, delimiter);
        if (end != NULL) {
            struct line line = {.is_prefix = true};
            memcpy(line.key, names[key], (size_t)(end - names[key]) + strlen(delimiter));
            if (count == 0 || !wanted[count - 1].is_prefix || strcmp(wanted[count - 1].key, line.key) != 0)
                wanted[count++] = line;
            continue;
        }
        for (int i = 0; i < versions->count; i++) {
            struct line line = {.is_marker = versions->list[i].is_marker, .is_current = i == 0};
            strcpy(line.key, names[key]);
            line.version = versions->list[i].id;
            if (!line.is_marker)
                snprintf(line.etag, sizeof(line.etag), "e%lld", (long long)versions->list[i].file);
            wanted[count++] = line;
        }
    }
    return count;
}

static int collect(void *ctx, const struct meta_version_entry *entry)
{
    int *count = ctx;
    struct line *line = &got[(*count)++];

    memset(line, 0, sizeof(*line));
    memcpy(line->key, entry->key.base, entry->key.len);
    line->is_prefix = entry->is_prefix;
    if (entry->is_prefix)
        return 0;
    line->is_marker = entry->is_marker;
    line->is_current = entry->is_current;
    line->version = entry->version;
    strcpy(line->etag, entry->etag);
    assert_int_equal(entry->noncurrent_ms != 0, !entry->is_current);
    assert_true(entry->modified_ms > 0);
    return 0;
}

/* Every page goes on where the last one ended, as a client does. */
static void compare_listing(struct model *model)
{
    static const char *const prefixes[] = {"", "a", "a/", "b/", "z", "nothing"};
    const char *prefix = prefixes[random_below(6)], *delimiter = random_below(2) ? "/" : "";
    uint32_t limit = 1 + random_below(random_below(2) ? 5 : 60);
    int expected = model_list(model, prefix, delimiter), count = 0;
    struct line last = {.key = ""};
    bool truncated = true, first = true;

    while (truncated) {
        const struct meta_version_query query = {
            .bucket = model->store->bucket,
            .prefix = slice_text(prefix),
            .delimiter = slice_text(delimiter),
            .key_marker = slice_text(last.key),
            .version_marker = first || last.is_prefix ? NULL : &last.version,
            .limit = limit,
        };
        int before = count;
        assert_int_equal(meta_version_list(model->store->reader, &query, collect, &count, &truncated), 0);
        assert_true(count - before <= (int)limit);
        assert_int_equal(truncated, count < expected);
        if (count > 0)
            last = got[count - 1];
        first = false;
    }
    assert_int_equal(count, expected);
    for (int i = 0; i < count; i++)
        assert_memory_equal(&got[i], &wanted[i], sizeof(got[i]));
}

/* Files that neither a version nor an annotation names are garbage, and no others. */
static void compare_files(struct model *model)
{
    static bool live[STEPS + 1];

    memset(live, 0, sizeof(live));
    for (int key = 0; key < KEYS; key++)
        for (int i = 0; i < model->keys[key].count; i++)
            for (int note = -1; note < NOTES && !model->keys[key].list[i].is_marker; note++)
                live[note < 0 ? model->keys[key].list[i].file : model->keys[key].list[i].notes[note]] = true;
    (void)garbage_clear(model->store);
    for (uint32_t file = 1; file <= model->file; file++)
        assert_int_equal(meta_file_is_live(model->store->reader, file), live[file]);
}

static void step(struct model *model)
{
    switch (random_below(26)) {
    case 0 ... 6:
        step_put(model);
        break;
    case 7 ... 9:
        step_delete(model);
        break;
    case 10 ... 14:
        step_delete_version(model);
        break;
    case 15 ... 17:
        step_copy(model);
        break;
    case 18:
        if (random_below(8) == 0)
            step_versioning(model);
        break;
    case 19:
        compare_listing(model);
        break;
    case 20 ... 25:
        step_annotate(model);
        break;
    }
}

static void random_changes(void **state)
{
    static struct model model;

    memset(&model, 0, sizeof(model));
    model.store = *state;
    for (int i = 0; i < STEPS; i++) {
        step(&model);
        if (i % 50 == 49) {
            for (int key = 0; key < KEYS; key++)
                compare_key(&model, key);
            compare_listing(&model);
            assert_sound(model.store);
        }
        if (i % 500 == 499) {
            compare_files(&model);
            store_reopen(model.store);
        }
    }
}

/* ---- Listing while deleting ---- */

/* Clients empty a bucket page by page, and delete each page before they ask for the next: nothing must be passed over, although
 * the versions that markers name are gone and older ones have become current. */
static void pages_while_deleting(void **state)
{
    struct store *store = *state;
    int deleted = 0;

    put_version(store, "key", 1);
    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    for (uint64_t file = 2; file <= 9; file++)
        put_version(store, "key", file);
    assert_int_equal(versioning_set(store, META_VERSIONING_SUSPENDED), 0);
    put_version(store, "key", 10); /* the null version is the newest, and ends a page */
    struct line last = {.key = ""};
    bool truncated = true;
    for (uint32_t limit = 1; truncated; limit = 3) {
        const struct meta_version_query query = {.bucket = store->bucket,
                                                 .key_marker = slice_text(last.key),
                                                 .version_marker = deleted > 0 ? &last.version : NULL,
                                                 .limit = limit};
        int count = 0;
        assert_int_equal(meta_version_list(store->reader, &query, collect, &count, &truncated), 0);
        assert_true(count > 0);
        for (int i = 0; i < count; i++)
            assert_true(delete_version(store, got[i].key, &got[i].version).existed);
        last = got[count - 1];
        deleted += count;
    }
    assert_int_equal(deleted, 9);
    assert_int_equal(version_file(store, "key", NULL), META_E_NO_KEY);
}

/* 20,000 versions of one key beside 20,000 in folders: the cost of a page is that of its entries. */
static void pages_cost_what_they_return(void **state)
{
    struct store *store = *state;
    struct meta_version_id middle = {.bytes = {0}};
    uint64_t steps[4];

    assert_int_equal(versioning_set(store, META_VERSIONING_ENABLED), 0);
    for (int i = 0; i < 20000; i++) {
        char key[32];
        struct meta_object_put op = {.bucket = store->bucket};
        snprintf(key, sizeof(key), "folder%d/%d", i % 10, i);
        op.key = slice_text(i % 2 ? "many" : key);
        strcpy(op.object.etag, "e");
        assert_int_equal(op_wait(store->meta, &op.op, META_OP_OBJECT_PUT), 0);
        if (i == 10001)
            middle = op.object.version;
    }
    struct meta_version_query queries[] = {
        {.bucket = store->bucket, .limit = 100},
        {.bucket = store->bucket, .limit = 100, .key_marker = slice_text("many"), .version_marker = &middle},
        {.bucket = store->bucket, .limit = 5, .delimiter = slice_text("/")},
        {.bucket = store->bucket, .limit = 100, .prefix = slice_text("many")},
    };
    for (int i = 0; i < 4; i++) {
        int count = 0;
        bool truncated;
        uint64_t before = meta_reader_steps(store->reader);
        assert_int_equal(meta_version_list(store->reader, &queries[i], collect, &count, &truncated), 0);
        steps[i] = meta_reader_steps(store->reader) - before;
        assert_true(truncated);
        assert_int_equal(count, queries[i].limit);
        assert_true(steps[i] < 100u * (uint64_t)(count + 5));
    }
    struct meta_object object;
    uint64_t before = meta_reader_steps(store->reader);
    assert_int_equal(meta_version_get(store->reader, store->bucket, slice_text("many"), &middle, &object), 0);
    meta_object_release(&object);
    assert_true(meta_reader_steps(store->reader) - before < 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(random_changes),
        store_test(pages_while_deleting),
        store_test(pages_cost_what_they_return),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
