/* SPDX-License-Identifier: MIT
 *
 * The list of doors: made from the lines of the configuration, found by the paths of requests. */
#include "api/doors/doors.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/doors/door.h"
#include "storage/base/text/names.h"

struct doors {
    size_t count;
    struct door list[DOORS_MAX];
};

struct reading {
    const char *spec, *public_url;
    log_fn log;
    void *log_ctx;
};

static const struct door_kind *const kinds[] = {&door_bazel,  &door_ccache, &door_github, &door_go,
                                                &door_gradle, &door_http,   &door_lfs,    &door_nx,
                                                &door_turbo,  &door_webdav};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* ---- Configuration ---- */

static int refuse(const struct reading *reading, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static int refuse(const struct reading *reading, const char *format, ...)
{
    char reason[256], message[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(reason, sizeof(reason), format, arguments);
    va_end(arguments);
    (void)snprintf(message, sizeof(message), "cache \"%.*s\": %s", (int)DOOR_SPEC_BYTES_MAX, reading->spec,
                   reason);
    if (reading->log != NULL)
        reading->log(reading->log_ctx, LOG_LEVEL_ERROR, message);
    return -EINVAL;
}

static const struct door_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < KINDS; i++) {
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    }
    return NULL;
}

static int refuse_kind(const struct reading *reading)
{
    char names[192] = "";

    for (size_t i = 0; i < KINDS; i++) {
        size_t length = strlen(names);

        (void)snprintf(names + length, sizeof(names) - length, "%s%s", i > 0 ? ", " : "", kinds[i]->name);
    }
    return refuse(reading, "it begins with a kind: %s", names);
}

static int take_name(const struct reading *reading, const char *name, struct door *door)
{
    if (!door_name_is_plain(slice_text(name), DOOR_NAME_BYTES_MAX))
        return refuse(reading, "a name has 1 to 64 letters, digits, '-', '_' and '.'");
    strcpy(door->name, name);
    return 0;
}

static int take_bucket(const struct reading *reading, const char *name, struct door *door)
{
    if (!bucket_name_is_valid(name, strlen(name)))
        return refuse(reading, "\"%s\" is not a valid bucket name", name);
    strcpy(door->bucket, name);
    return 0;
}

static int take_prefix(const struct reading *reading, const char *prefix, struct door *door)
{
    if (strlen(prefix) > DOOR_PREFIX_BYTES_MAX)
        return refuse(reading, "a prefix has at most 256 bytes");
    strcpy(door->prefix, prefix);
    return 0;
}

static int take_word(const struct reading *reading, const char *word, struct door *door)
{
    const char *problem = NULL;
    int err;

    if (strncmp(word, "bucket=", 7) == 0)
        return take_bucket(reading, word + 7, door);
    if (strncmp(word, "name=", 5) == 0)
        return take_name(reading, word + 5, door);
    if (strncmp(word, "prefix=", 7) == 0)
        return take_prefix(reading, word + 7, door);
    if (strcmp(word, "no-validation") == 0 && door->kind->validates) {
        door->validates = false;
        return 0;
    }
    if (door->kind->take_word != NULL && (err = door->kind->take_word(door, word, &problem)) <= 0)
        return err == -EINVAL ? refuse(reading, "%s", problem) : err;
    if (strcmp(word, "write-once") != 0)
        return refuse(reading, "\"%s\" is none of bucket=, name=, prefix= and write-once%s", word,
                      door->kind->validates ? ", nor no-validation" : "");
    door->is_write_once = true;
    return 0;
}

static int take_spec(const struct reading *reading, struct door *door)
{
    char text[DOOR_SPEC_BYTES_MAX + 1], *rest, *word;
    int err = 0;

    if (strlen(reading->spec) >= sizeof(text))
        return refuse(reading, "it is too long");
    strcpy(text, reading->spec);
    word = strtok_r(text, " \t", &rest);
    if (word == NULL || (door->kind = find_kind(word)) == NULL)
        return refuse_kind(reading);
    strcpy(door->name, door->kind->name);
    door->is_write_once = door->kind->is_write_once;
    door->validates = door->kind->validates;
    if (door->kind->open != NULL)
        err = door->kind->open(door, reading->public_url);
    while (err == 0 && (word = strtok_r(NULL, " \t", &rest)) != NULL)
        err = take_word(reading, word, door);
    return err == 0 && door->bucket[0] == '\0' ? refuse(reading, "it names no bucket: bucket=NAME") : err;
}

/* Keys of one door would be another's, too, which checks them otherwise. */
static bool keys_overlap(const struct door *one, const struct door *other)
{
    size_t length = strlen(one->prefix), other_length = strlen(other->prefix);

    return strcmp(one->bucket, other->bucket) == 0 &&
           strncmp(one->prefix, other->prefix, length < other_length ? length : other_length) == 0;
}

static int add(struct doors *doors, const struct reading *reading)
{
    struct door *door = &doors->list[doors->count];
    int err;

    if (doors->count == DOORS_MAX)
        return refuse(reading, "there are too many");
    doors->count++; /* whatever of it there is goes with the others */
    if ((err = take_spec(reading, door)) != 0)
        return err;
    for (size_t i = 0; i + 1 < doors->count; i++) {
        const struct door *other = &doors->list[i];

        if (strcmp(other->name, door->name) == 0)
            return refuse(reading, "there is one of that name already: give this one another by name=");
        if (keys_overlap(door, other))
            return refuse(reading, "its keys are those of %s, too: give it a prefix of its own", other->name);
    }
    return 0;
}

int doors_create(struct doors **doors, const char *const *specs, const char *public_url, log_fn log,
                 void *log_ctx)
{
    struct doors *made;
    int err = 0;

    *doors = NULL;
    if (specs == NULL || specs[0] == NULL)
        return 0;
    if ((made = calloc(1, sizeof(*made))) == NULL)
        return -ENOMEM;
    for (size_t i = 0; err == 0 && specs[i] != NULL; i++) {
        const struct reading reading = {specs[i], public_url, log, log_ctx};

        err = add(made, &reading);
    }
    if (err == 0)
        *doors = made;
    else
        doors_destroy(made);
    return err;
}

void doors_destroy(struct doors *doors)
{
    if (doors == NULL)
        return;
    for (size_t i = 0; i < doors->count; i++) {
        const struct door_kind *kind = doors->list[i].kind;

        if (kind != NULL && kind->close != NULL)
            kind->close(&doors->list[i]);
    }
    free(doors);
}

size_t doors_count(const struct doors *doors)
{
    return doors != NULL ? doors->count : 0;
}

const char *doors_bucket(const struct doors *doors, size_t i)
{
    return doors->list[i].bucket;
}

bool doors_expiring(const struct doors *doors, size_t i, char prefix[DOORS_EXPIRING_BYTES])
{
    const struct door *door = &doors->list[i];

    if (door->kind->expiring == NULL)
        return false;
    snprintf(prefix, DOORS_EXPIRING_BYTES, "%s%s", door->prefix, door->kind->expiring);
    return true;
}
_Static_assert(DOORS_EXPIRING_BYTES > DOOR_PREFIX_BYTES_MAX + DOOR_AREA_BYTES_MAX, "both have room");

/* ---- Requests ---- */

/* The door that the path names, and what follows; NULL: there is none. */
static const struct door *find_door(const struct doors *doors, struct slice path, struct slice *rest)
{
    const char *slash = memchr(path.base, '/', path.len);
    struct slice name = slice_of(path.base, slash != NULL ? (size_t)(slash - path.base) : path.len);

    *rest = slash != NULL ? slice_from(path, name.len + 1) : slice_of("", 0);
    for (size_t i = 0; i < doors->count; i++) {
        if (slice_is(name, doors->list[i].name))
            return &doors->list[i];
    }
    return NULL;
}

static const struct door *find_called(const struct doors *doors)
{
    for (size_t i = 0; i < doors->count; i++)
        if (doors->list[i].kind->is_called)
            return &doors->list[i];
    return NULL;
}

static bool on_error(struct s3_request *request, enum s3_error error, const char *message)
{
    const struct door_kind *kind = door_call_of(request)->door->kind;

    if (door_look_further(request, error))
        return true;
    return kind->on_error != NULL ? kind->on_error(request, error, message)
                                  : door_answer_error(request, error, message);
}

static enum s3_door_way enter(void *ctx, struct s3_request *request)
{
    const struct doors *doors = ctx;
    struct slice rest;
    bool is_called = s3_door_is_called(request);
    const struct door *door =
        is_called ? find_called(doors) : find_door(doors, slice_from(request->key, strlen("cache/")), &rest);
    struct door_call *call;

    if (is_called)
        rest = arena_concat(&request->http->arena, SLICE("twirp/"), request->key);
    if (door == NULL)
        return S3_DOOR_ABSENT;
    call = s3_request_alloc(request, sizeof(*call));
    *call = (struct door_call){
        .front = {.keeper = door,
                  .on_known = door_on_known,
                  .rights_of = door_rights_of,
                  .on_error = on_error,
                  .serve = door->kind->serve,
                  .on_answer = door->kind->on_answer},
        .door = door,
        .request = request,
        .path = rest,
        .area = SLICE(""),
        .parameters = request->parameters,
        .parameter_count = request->parameter_count,
    };
    request->door = &call->front;
    request->parameter_count = 0;
    return door->kind->enter(call);
}

static const void *keeper_of(void *ctx, struct slice bucket, struct slice key)
{
    const struct doors *doors = ctx;

    for (size_t i = 0; i < doors->count; i++) {
        const struct door *door = &doors->list[i];

        if (slice_is(bucket, door->bucket) && slice_has_prefix(key, door->prefix))
            return door;
    }
    return NULL;
}

struct s3_doors doors_for_front(const struct doors *doors)
{
    if (doors == NULL)
        return (struct s3_doors){NULL, NULL, NULL};
    return (struct s3_doors){.enter = enter, .keeper_of = keeper_of, .ctx = (void *)doors};
}
