/* SPDX-License-Identifier: MIT
 *
 * An allocator that has nothing left. dlsym() itself may allocate while the real one is looked for: a little from here serves that. */
#include "interposer.h"

#include <stdlib.h>
#include <string.h>

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
} real;

static _Alignas(16) char early[8192];
static size_t early_used;
static bool finding;

static void find(void)
{
    finding = true;
    real.calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    real.realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    real.free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
    real.posix_memalign = (int (*)(void **, size_t, size_t))dlsym(RTLD_NEXT, "posix_memalign");
    real.aligned_alloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "aligned_alloc");
    real.malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    finding = false;
}

static void *early_take(size_t size)
{
    void *memory = early + early_used;

    early_used += (size + 15) & ~(size_t)15;
    if (early_used > sizeof(early))
        abort();
    return memory;
}

static bool is_early(const void *memory)
{
    return (const char *)memory >= early && (const char *)memory < early + sizeof(early);
}

/* Before main there is one thread. */
#define FIND_FIRST(size)                                                                                     \
    do {                                                                                                     \
        if (finding)                                                                                         \
            return early_take(size);                                                                         \
        if (real.malloc == NULL)                                                                             \
            find();                                                                                          \
    } while (0)

void *malloc(size_t size)
{
    FIND_FIRST(size);
    return faults_fail(CALL_MEMORY) ? NULL : real.malloc(size);
}

void *calloc(size_t count, size_t size)
{
    FIND_FIRST(count * size);
    return faults_fail(CALL_MEMORY) ? NULL : real.calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    FIND_FIRST(size);
    return faults_fail(CALL_MEMORY) ? NULL : real.realloc(memory, size);
}

void free(void *memory)
{
    if (memory == NULL || is_early(memory))
        return;
    if (real.malloc == NULL)
        find();
    real.free(memory);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    if (real.malloc == NULL)
        find();
    return faults_fail(CALL_MEMORY) ? ENOMEM : real.posix_memalign(memory, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    FIND_FIRST(size);
    return faults_fail(CALL_MEMORY) ? NULL : real.aligned_alloc(alignment, size);
}
