/* SPDX-License-Identifier: MIT
 *
 * Thousands of random changes against the store and against a naive model in memory, results compared at each
 * step; from time to time everything is compared, the references are recounted, and the store is reopened. Once more with a
 * store that leaves nearly all to the sweep. */
#include "meta_test_support.h"

#define KEYS      24
#define UPLOADS   4
#define PARTS     5
#define STEPS     (6000 / STEPS_SHARE)
#define FILES_MAX (STEPS * 2)

static uint64_t random_state = 0x853c49e6748fea9bull;

static uint32_t random_below(uint32_t bound)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % bound;
}

struct run {
    uint32_t file, first, length;
};

struct content {
    bool exists;
    struct run runs[64];
    int count;
    uint64_t size;
    char etag[META_ETAG_BYTES_MAX + 1];
};

struct model_upload {
    bool exists;
    int key;
    unsigned char id[META_UPLOAD_ID_BYTES];
    struct content parts[PARTS]; /* numbers 1 .. PARTS */
};

struct model {
    struct store *store;
    struct content objects[KEYS];
    struct model_upload uploads[UPLOADS];
    uint32_t file; /* the last that was used */
    uint64_t upload_number;
};

static struct slice key_of(int key)
{
    static const char *const names[KEYS] = {
        "a",  "a/",  "a/b",  "a/b/c",    "a//",  "//", "b",       "b/1", "b/2", "c d", "e+f", "%25",
        "..", "./x", "\xff", "\xff\xff", "\x01", "z",  "z/y/x/w", "1",   "2",   "3",   "4",   "5"};

    return slice_text(names[key]);
}

static struct content fresh_content(struct model *model, uint32_t length)
{
    struct content content = {.exists = true, .size = length};

    snprintf(content.etag, sizeof(content.etag), "e%u", ++model->file);
    if (length > 0)
        content.runs[content.count++] = (struct run){model->file, 0, length};
    return content;
}

static struct content slice(const struct content *content, uint64_t first, uint64_t length)
{
    struct content result = {.exists = true, .size = length};

    for (int i = 0; i < content->count && length > 0; i++) {
        struct run run = content->runs[i];
        if (first >= run.length) {
            first -= run.length;
            continue;
        }
        run.first += (uint32_t)first;
        run.length -= (uint32_t)first;
        first = 0;
        if (run.length > length)
            run.length = (uint32_t)length;
        length -= run.length;
        result.runs[result.count++] = run;
    }
    return result;
}

/* ---- Random changes ---- */

static void step_put(struct model *model)
{
    int key = (int)random_below(KEYS);
    struct content *current = &model->objects[key];
    struct content next = fresh_content(model, random_below(4) == 0 ? 0 : 1 + random_below(1000));
    struct meta_condition condition = {0};
    int expected = 0;

    switch (random_below(4)) {
    case 0:
        condition.if_none_match_any = true;
        expected = current->exists ? META_E_PRECONDITION : 0;
        break;
    case 1:
        condition.if_match = random_below(2) && current->exists ? current->etag : "other";
        expected = !current->exists                                 ? META_E_NO_KEY
                   : strcmp(condition.if_match, current->etag) == 0 ? 0
                                                                    : META_E_PRECONDITION;
        break;
    }
    assert_int_equal(
        put_bytes(model->store->meta, model->store->bucket, key_of(key), model->file, next.size, &condition),
        expected);
    if (expected == 0)
        *current = next;
}

static void step_delete(struct model *model)
{
    int key = (int)random_below(KEYS);
    bool existed;

    assert_int_equal(delete_bytes(model->store->meta, model->store->bucket, key_of(key), &existed), 0);
    assert_int_equal(existed, model->objects[key].exists);
    model->objects[key].exists = false;
}

static void step_copy(struct model *model)
{
    int source = (int)random_below(KEYS), key = (int)random_below(KEYS);
    struct meta_object_copy op;

    copy_init(&op, model->store->bucket, "", "");
    op.source.key = key_of(source);
    op.key = key_of(key);
    int result = op_wait(model->store->meta, &op.op, META_OP_OBJECT_COPY);
    assert_int_equal(result, model->objects[source].exists ? 0 : META_E_NO_KEY);
    if (result != 0)
        return;
    assert_string_equal(op.etag, model->objects[source].etag);
    assert_int_equal(op.size, model->objects[source].size);
    model->objects[key] = model->objects[source];
}

static void step_upload(struct model *model, struct model_upload *upload)
{
    if (upload->exists) {
        assert_int_equal(upload_abort(model->store, key_of(upload->key), upload->id), 0);
        upload->exists = false;
        return;
    }
    memset(upload, 0, sizeof(*upload));
    upload->exists = true;
    upload->key = (int)random_below(KEYS);
    upload_id_make(upload->id, ++model->upload_number);
    assert_int_equal(upload_create(model->store, key_of(upload->key), upload->id), 0);
}

static void step_part_put(struct model *model, struct model_upload *upload)
{
    uint32_t part = random_below(PARTS);
    struct content next = fresh_content(model, random_below(5) == 0 ? 0 : 1 + random_below(500));
    int result = part_put(model->store, key_of(upload->key), upload->id, part + 1, model->file, next.size);

    assert_int_equal(result, upload->exists ? 0 : META_E_NO_UPLOAD);
    if (upload->exists)
        upload->parts[part] = next;
}

static void step_part_copy(struct model *model, struct model_upload *upload)
{
    int source = (int)random_below(KEYS);
    const struct content *content = &model->objects[source];
    uint32_t part = random_below(PARTS);
    struct meta_part_copy op = {.source.bucket = model->store->bucket,
                                .bucket = model->store->bucket,
                                .source.key = key_of(source),
                                .key = key_of(upload->key),
                                .source.if_modified_since_ms = INT64_MIN,
                                .source.if_unmodified_since_ms = INT64_MIN,
                                .number = part + 1};

    if (!upload->exists || !content->exists || content->size == 0 || content->count > 8)
        return;
    memcpy(op.upload_id, upload->id, sizeof(op.upload_id));
    op.first = random_below((uint32_t)content->size);
    op.length = 1 + random_below((uint32_t)(content->size - op.first));
    snprintf(op.etag, sizeof(op.etag), "range");
    assert_int_equal(op_wait(model->store->meta, &op.op, META_OP_PART_COPY), 0);
    upload->parts[part] = slice(content, op.first, op.length);
    strcpy(upload->parts[part].etag, "range");
}

static int visit_nothing(void *ctx, const struct meta_part *part)
{
    return 0;
}

/* The parts put together beforehand; once in a while another one is stored meanwhile. */
static struct meta_assembly *assemble(struct model *model, const struct meta_upload_complete *op)
{
    struct meta_assembly *assembly;
    bool more = true;

    assert_int_equal(
        meta_assembly_create(model->store->reader, op->upload_id, op->parts, op->part_count, &assembly), 0);
    while (more)
        assert_int_equal(meta_assembly_step(assembly, 2, visit_nothing, NULL, &more), 0);
    if (random_below(4) == 0)
        assert_int_equal(
            part_put(model->store, op->key, op->upload_id, PARTS + 1, ++model->file, 1 + random_below(500)),
            0);
    return assembly;
}

static void step_complete(struct model *model, struct model_upload *upload)
{
    struct meta_complete_part parts[PARTS];
    struct meta_upload_complete op = {
        .bucket = model->store->bucket, .key = key_of(upload->key), .parts = parts};
    struct content whole = {.exists = true, .etag = "whole-9"};

    if (!upload->exists)
        return;
    for (uint32_t i = 0; i < PARTS; i++) {
        const struct content *part = &upload->parts[i];
        if (!part->exists || random_below(4) == 0 || whole.count + part->count > 40)
            continue;
        parts[op.part_count].number = i + 1;
        strcpy(parts[op.part_count++].etag, part->etag);
        for (int run = 0; run < part->count; run++)
            whole.runs[whole.count++] = part->runs[run];
        whole.size += part->size;
    }
    memcpy(op.upload_id, upload->id, sizeof(op.upload_id));
    strcpy(op.etag, whole.etag);
    struct meta_assembly *assembly = NULL;
    if (random_below(2) && op.part_count > 0)
        op.assembly = assembly = assemble(model, &op);
    int result = op_wait(model->store->meta, &op.op, META_OP_UPLOAD_COMPLETE);
    meta_assembly_free(assembly);
    op.assembly = NULL;
    assert_int_equal(result, op.part_count == 0 ? META_E_INVALID_PART : 0);
    if (result != 0)
        return;
    assert_int_equal(op.size, whole.size);
    assert_int_equal(op_wait(model->store->meta, &op.op, META_OP_UPLOAD_COMPLETE), 0); /* again */
    model->objects[upload->key] = whole;
    upload->exists = false;
}

/* ---- Comparing ---- */

static void compare_object(struct model *model, int key)
{
    const struct content *expected = &model->objects[key];
    struct meta_object object;
    int result = meta_object_get(model->store->reader, model->store->bucket, key_of(key), &object);

    assert_int_equal(result, expected->exists ? 0 : META_E_NO_KEY);
    if (result != 0)
        return;
    assert_int_equal(object.size, expected->size);
    assert_string_equal(object.etag, expected->etag);
    assert_int_equal(object.extents.count, expected->count);
    for (int i = 0; i < expected->count; i++) {
        assert_int_equal(object.extents.list[i].file, expected->runs[i].file);
        assert_int_equal(object.extents.list[i].offset, expected->runs[i].first);
        assert_int_equal(object.extents.list[i].length, expected->runs[i].length);
    }
    meta_object_release(&object);
}

static void files_mark(const struct content *content, bool *live)
{
    for (int i = 0; content->exists && i < content->count; i++)
        live[content->runs[i].file] = true;
}

static int count_entry(void *ctx, const struct meta_list_entry *entry)
{
    ++*(int *)ctx;
    return 0;
}

static void compare_all(struct model *model)
{
    static bool live[FILES_MAX];
    struct meta_list_query query = {.bucket = model->store->bucket, .limit = 1000};
    int listed = 0, expected = 0;
    bool truncated;

    memset(live, 0, sizeof(live));
    for (int key = 0; key < KEYS; key++) {
        compare_object(model, key);
        files_mark(&model->objects[key], live);
        expected += model->objects[key].exists;
    }
    for (int i = 0; i < UPLOADS; i++)
        for (int part = 0; model->uploads[i].exists && part < PARTS; part++)
            files_mark(&model->uploads[i].parts[part], live);
    assert_int_equal(meta_object_list(model->store->reader, &query, count_entry, &listed, &truncated), 0);
    assert_int_equal(listed, expected);
    assert_sound(model->store);
    while (sweep(model->store))
        ;
    (void)garbage_clear(model->store);
    for (uint32_t file = 1; file <= model->file; file++)
        assert_int_equal(meta_file_is_live(model->store->reader, file), live[file]);
    assert_sound(model->store);
}

static void step(struct model *model)
{
    struct model_upload *upload = &model->uploads[random_below(UPLOADS)];

    switch (random_below(17)) {
    case 0 ... 4:
        step_put(model);
        break;
    case 5 ... 6:
        step_delete(model);
        break;
    case 7 ... 8:
        step_copy(model);
        break;
    case 9:
        if (!upload->exists || random_below(4) == 0)
            step_upload(model, upload);
        break;
    case 10 ... 12:
        step_part_put(model, upload);
        break;
    case 13:
        step_part_copy(model, upload);
        break;
    case 14:
        step_complete(model, upload);
        break;
    case 15:
        (void)garbage_clear(model->store);
        break;
    case 16:
        (void)sweep(model->store);
        break;
    }
}

static void changes(struct store *store, const struct meta_options *options)
{
    static struct model model;

    model = (struct model){.store = store};
    store_reopen_with(store, options);
    for (int i = 0; i < STEPS; i++) {
        step(&model);
        if (i % 100 == 99)
            compare_all(&model);
        if (i % 1000 == 999)
            store_reopen_with(store, options);
    }
    compare_all(&model);
}

static void random_changes(void **state)
{
    changes(*state, &(struct meta_options){0});
}

/* Changes that clear away very little at once and leave the rest to the sweep. */
static void random_changes_and_sweeps(void **state)
{
    changes(*state, &(struct meta_options){.clear_max = 2});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        store_test(random_changes),
        store_test(random_changes_and_sweeps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
