/* SPDX-License-Identifier: MIT
 *
 * The interposer's heart: places, and the decision whether a call fails. A place is known by the offsets of its frames in their
 * libraries, so it has the same number in every process, wherever the libraries lie. */
#include "interposer.h"

#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <unwind.h>

struct control *control;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local bool deciding __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void control_map(void)
{
    const char *path = getenv("FAULTS_CONTROL");
    int fd = path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0);
    void *map;

    if (fd < 0)
        return;
    map = (void *)syscall(SYS_mmap, NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    control = map == MAP_FAILED ? NULL : map;
    syscall(SYS_close, fd);
}

/* ---- Who calls ---- */

struct stack {
    unsigned count, skip;
    uintptr_t frames[FRAMES_MAX];
};

static _Unwind_Reason_Code on_frame(struct _Unwind_Context *context, void *ctx)
{
    struct stack *stack = ctx;

    if (stack->skip > 0) {
        stack->skip--;
        return _URC_NO_REASON;
    }
    stack->frames[stack->count++] = _Unwind_GetIP(context);
    return stack->count == FRAMES_MAX ? _URC_END_OF_STACK : _URC_NO_REASON;
}

static uint32_t module_number(const char *name)
{
    unsigned count = atomic_load(&control->module_count);

    for (unsigned i = 0; i < count; i++)
        if (strcmp(control->modules[i], name) == 0)
            return i;
    if (count == MODULES_MAX || strlen(name) >= sizeof(control->modules[0]))
        return 0;
    strcpy(control->modules[count], name);
    atomic_store(&control->module_count, count + 1);
    return count;
}

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* The stack's hash; with `place` also its frames, as they are told. The interposer's own frames are left out. */
static uint64_t stack_hash(enum call_kind kind, struct place *place)
{
    struct stack stack = {.skip = 2};
    struct dl_find_object self, found;
    uint64_t hash = kind;
    unsigned kept = 0;

    _Unwind_Backtrace(on_frame, &stack);
    _dl_find_object((void *)control_map, &self);
    for (unsigned i = 0; i < stack.count; i++) {
        if (_dl_find_object((void *)stack.frames[i], &found) != 0 ||
            found.dlfo_map_start == self.dlfo_map_start)
            continue;
        uint64_t offset = stack.frames[i] - (uintptr_t)found.dlfo_map_start;
        hash =
            mix(hash, offset ^ (uint64_t)((char *)found.dlfo_map_end - (char *)found.dlfo_map_start) << 40);
        if (place != NULL) {
            place->module[kept] = module_number(found.dlfo_link_map->l_name);
            place->offset[kept++] = offset;
        }
    }
    if (place != NULL)
        place->frames = kept;
    return hash != 0 ? hash : 1;
}

/* ---- Places ---- */

static struct place *place_find(uint64_t hash)
{
    for (unsigned at = (unsigned)hash & (PLACES_MAX - 1), tried = 0; tried < 64;
         tried++, at = (at + 1) & (PLACES_MAX - 1)) {
        uint64_t there = atomic_load(&control->places[at].hash);
        if (there == hash || there == 0)
            return &control->places[at];
    }
    return NULL;
}

static void place_count(enum call_kind kind, uint64_t hash, bool has_stack)
{
    struct place *place = place_find(hash);

    if (place == NULL || atomic_load(&place->hash) == 0) {
        pthread_mutex_lock(&lock);
        place = place_find(hash);
        if (place != NULL && atomic_load(&place->hash) == 0) {
            place->kind = kind;
            if (has_stack)
                stack_hash(kind, place);
            atomic_fetch_add(&control->place_count, 1);
            atomic_store(&place->hash, hash);
        }
        pthread_mutex_unlock(&lock);
    }
    if (place == NULL)
        atomic_fetch_add(&control->dropped, 1);
    else
        atomic_fetch_add(&place->count, 1);
}

/* ---- The decision ---- */

static int due(void)
{
    if (atomic_fetch_sub(&control->skip, 1) > 0 || atomic_fetch_sub(&control->times, 1) <= 0)
        return 0;
    atomic_fetch_add(&control->failed, 1);
    return atomic_load(&control->action);
}

static int decide(enum call_kind kind, uint64_t place)
{
    bool counts = atomic_load(&control->counts), armed = atomic_load(&control->kind) == (int)kind;
    uint64_t wanted = atomic_load(&control->hash), hash = place;

    if (!counts && !armed)
        return 0;
    if (place == 0 && (counts || wanted != 0))
        hash = stack_hash(kind, NULL);
    if (counts)
        place_count(kind, hash, place == 0);
    return armed && (wanted == 0 || wanted == hash) ? due() : 0;
}

int faults_refuse(int fd)
{
    struct stat st;
    int code = control == NULL ? 0 : atomic_load(&control->refuses);

    if (code == 0 || (fd >= 0 && fd <= STDERR_FILENO))
        return 0;
    if (fd >= 0 && (syscall(SYS_fstat, fd, &st) != 0 || !S_ISREG(st.st_mode)))
        return 0;
    errno = code;
    return code;
}

int faults_decide(enum call_kind kind, uint64_t place)
{
    int error = errno, action;

    if (control == NULL || deciding || kind == CALL_NONE)
        return 0;
    deciding = true;
    while (kind != CALL_RING && atomic_load(&control->hangs) == (int)kind)
        nanosleep(&(struct timespec){0, 20000000}, NULL);
    action = decide(kind, place);
    deciding = false;
    errno = error;
    return action;
}
