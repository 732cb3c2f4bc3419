/* SPDX-License-Identifier: MIT
 *
 * Labels: attributes of an object that may change while its content and its time stay. They lie in the
 * row's list of attributes under names of their own (meta.h), so that whatever carries attributes along
 * carries them too; here they are exchanged one at a time, and sorted out when an object is copied.
 * Committer's thread. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "metadata/write/writer.h"

bool meta_attribute_is_label(struct slice name)
{
    return slice_is(name, META_ATTRIBUTE_TAGS) || slice_is(name, META_ATTRIBUTE_ACL) ||
           slice_is(name, META_ATTRIBUTE_LOCK) || slice_is(name, META_ATTRIBUTE_SEAL) ||
           slice_is(name, META_ATTRIBUTE_RENAME) || slice_is(name, META_ATTRIBUTE_REPLICATION);
}

/* A list that is put together; its texts stay where they are. */
struct gathering {
    struct meta_attributes attributes;
    uint32_t capacity;
};

static int gathering_begin(struct meta_writer *writer, struct gathering *gathering, uint32_t capacity)
{
    assert(capacity > 0);
    gathering->attributes =
        (struct meta_attributes){arena_alloc(&writer->arena, capacity * sizeof(struct meta_attribute)), 0};
    gathering->capacity = capacity;
    return gathering->attributes.list != NULL ? 0 : -ENOMEM;
}

static void gathering_add(struct gathering *gathering, struct slice name, struct slice value)
{
    assert(gathering->attributes.count < gathering->capacity);
    gathering->attributes.list[gathering->attributes.count++] = (struct meta_attribute){name, value};
}

int attributes_label(struct meta_writer *writer, struct slice *packed, const char *name, struct slice value)
{
    struct meta_attribute attribute;
    struct gathering gathering;
    struct codec_list list;
    int err, more;

    assert(packed != NULL && name != NULL);
    if ((err = codec_attributes_begin(&list, *packed)) != 0 ||
        (err = gathering_begin(writer, &gathering, list.count + 1)) != 0)
        return err;
    while ((more = codec_attributes_next(&list, &attribute)) > 0)
        if (!slice_is(attribute.name, name))
            gathering_add(&gathering, attribute.name, attribute.value);
    if (more < 0)
        return more;
    if (value.base != NULL)
        gathering_add(&gathering, slice_text(name), value);
    return attributes_pack(writer, &gathering.attributes, packed);
}

int attributes_unlabel(struct meta_writer *writer, struct slice *packed, const char *name)
{
    bool is_there = codec_attributes_find(*packed, name).base != NULL;

    return is_there ? attributes_label(writer, packed, name, (struct slice){0}) : 0;
}

int copy_attributes_pack(struct meta_writer *writer, const struct meta_object_copy *op, struct slice *packed)
{
    struct slice tags = op->replace_tags ? op->tags : codec_attributes_find(*packed, META_ATTRIBUTE_TAGS);
    struct slice seal = op->replace_seal ? op->seal : codec_attributes_find(*packed, META_ATTRIBUTE_SEAL);
    struct meta_attribute attribute;
    struct gathering gathering;
    struct codec_list list;
    int err, more;

    assert(!op->replace_attributes || op->attributes.list != NULL || op->attributes.count == 0);
    if ((err = codec_attributes_begin(&list, *packed)) != 0)
        return err;
    uint32_t plain = op->replace_attributes ? op->attributes.count : list.count;
    if ((err = gathering_begin(writer, &gathering, plain + 4)) != 0)
        return err;
    for (uint32_t i = 0; op->replace_attributes && i < op->attributes.count; i++)
        if (!meta_attribute_is_label(op->attributes.list[i].name))
            gathering_add(&gathering, op->attributes.list[i].name, op->attributes.list[i].value);
    while ((more = codec_attributes_next(&list, &attribute)) > 0)
        if (!op->replace_attributes && !meta_attribute_is_label(attribute.name))
            gathering_add(&gathering, attribute.name, attribute.value);
    if (more < 0)
        return more;
    if (tags.len > 0)
        gathering_add(&gathering, slice_text(META_ATTRIBUTE_TAGS), tags);
    if (seal.len > 0)
        gathering_add(&gathering, slice_text(META_ATTRIBUTE_SEAL), seal);
    if (op->acl.len > 0)
        gathering_add(&gathering, slice_text(META_ATTRIBUTE_ACL), op->acl);
    if (op->lock.len > 0)
        gathering_add(&gathering, slice_text(META_ATTRIBUTE_LOCK), op->lock);
    return attributes_pack(writer, &gathering.attributes, packed);
}

int op_object_label(struct meta_writer *writer, struct meta_object_label *op)
{
    bool is_seal = strcmp(op->name, META_ATTRIBUTE_SEAL) == 0;
    struct object_row row;
    int err;

    assert(op->name != NULL && (!is_seal || (op->value.len > 0 && op->was.len > 0)));
    if (!writer_has_bucket(writer, op->bucket))
        return META_E_NO_BUCKET;
    if (!is_seal && strcmp(op->name, META_ATTRIBUTE_TAGS) != 0 && strcmp(op->name, META_ATTRIBUTE_ACL) != 0)
        return -EINVAL; /* the others have their own rules */
    err = judged_row_load(writer, op->bucket, op->key, op->version, op->judged, &row);
    if (err == 0 && is_seal && !slice_equals(codec_attributes_find(row.attributes, op->name), op->was))
        return META_E_CHANGED;
    if (err != 0 || (err = attributes_label(writer, &row.attributes, op->name, op->value)) != 0 ||
        (!is_seal && (err = attributes_unlabel(writer, &row.attributes, META_ATTRIBUTE_REPLICATION)) != 0))
        return err;
    op->labelled = row.version;
    if (op->version != NULL)
        return version_set_attributes(writer, op->bucket, op->key, op->version, row.attributes);
    return row_attributes_put(writer->store, op->bucket, op->key, NULL, row.attributes);
}
