/* SPDX-License-Identifier: MIT
 *
 * See target_set.h. */
#include "api/events/target_set.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int target_set_read(struct target_set **out, const struct target_set_form *form,
                    const struct target_source *source)
{
    struct target_set *set = calloc(1, form->bytes);
    struct target_file file = {.path = source->path,
                               .log = source->log,
                               .log_ctx = source->log_ctx,
                               .calls = &form->calls,
                               .ctx = set};
    int err;

    assert(form->bytes >= sizeof(*set));
    if (set == NULL)
        return -ENOMEM;
    *set = (struct target_set){form, 1};
    err = source->text != NULL ? target_file_parse(&file, source->text, source->length)
                               : target_file_read(&file);
    if (err != 0)
        target_set_unref(set);
    else
        *out = set;
    return err;
}

void target_set_ref(struct target_set *set)
{
    (void)__atomic_fetch_add(&set->references, 1, __ATOMIC_RELAXED);
}

void target_set_unref(struct target_set *set)
{
    if (set == NULL || __atomic_sub_fetch(&set->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    set->form->release(set);
    free(set);
}
