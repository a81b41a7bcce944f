/* SPDX-License-Identifier: MIT */
/* A process's handle of an object, and what the calls on all kinds of objects share. */
#include "sync/sync.h"

#include "base/deadline.h"
#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/futex.h"
#include "shm/region.h"
#include "sync/driver.h"
#include "sync/object.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAKING_MS                                                                                  \
    10000 /* a living process needs microseconds to make an object: after this, it hangs */

int sync_wrong_kind(const struct enl_sync *s, uint32_t kind)
{
    int result = sync_check(s);
    const struct sync_kind *is, *asked = sync_kind(kind);

    if (result < 0)
        return result;
    is = sync_kind(s->kind);
    return error_set(-EINVAL, "this handle is of a %s, not of a %s", is != NULL ? is->name : "set",
                     asked->name);
}

int sync_check(const struct enl_sync *s)
{
    return s == NULL ? error_set(-EINVAL, "the handle is NULL") : 0;
}

int sync_bad_word(const struct enl_sync *s, uint32_t word)
{
    const char *name = sync_kind(s->kind)->name;

    if (word == 0 || (word & ~TOKEN_MASK) == WORD_BUSY)
        return error_set(-EIDRM, "the %s was destroyed: close the handle, and make it anew", name);
    return error_set(-EBADMSG, "the shared word of the %s is 0x%08x, which no %s ever is", name,
                     word, name);
}

int sync_join(struct enl_sync *s, uint32_t *ret_token)
{
    uint32_t token = sync_token(s);

    if (token == 0) {
        int result = roster_join(s->roster);

        if (result < 0)
            return result;
        token = sync_token(s);
    }
    *ret_token = token;
    return 0;
}

static int sleep_result(int result)
{
    if (result == -ETIMEDOUT)
        return error_note(-ETIMEDOUT, "the deadline passed");
    if (result == -ECANCELED)
        return error_note(-ECANCELED, "interrupted by enl_sync_interrupt; enl_sync_interrupt_clear "
                                      "lets calls go on");
    return result < 0 ? error_set(result, "cannot sleep on a shared word") : 0;
}

int sync_sleep(struct enl_sync *s, _Atomic uint32_t *word, uint32_t seen, enl_deadline until,
               bool interruptible)
{
    enl_deadline slice = deadline_after_ns(clock_now_ns(), SYNC_SLICE_NS);
    int result;

    if (until == ENL_NOW)
        return error_note(-EAGAIN, "it would have to wait");
    result =
        futex_wait(word, seen, slice < until ? slice : until, interruptible ? &s->interrupt : NULL);
    return result == -ETIMEDOUT && slice < until ? 0 : sleep_result(result);
}

int sync_sleep_through(struct enl_sync *s, _Atomic uint32_t *word, uint32_t seen,
                       enl_deadline until)
{
    return sleep_result(futex_wait(word, seen, until, &s->interrupt));
}

static int check_options(const struct enl_sync_options *o, const struct sync_kind **ret_kind)
{
    const struct sync_kind *kind;

    if (o == NULL)
        return error_set(-EINVAL, "the options are NULL: they say what kind of object it is");
    if (o->size != sizeof *o)
        return error_set(-EINVAL, "enl_sync_options.size is %zu, not %zu", o->size, sizeof *o);
    kind = sync_kind(o->kind);
    if (kind == NULL)
        return error_set(-EINVAL, "there is no kind of objects %u", o->kind);
    if ((o->flags & ~kind->flags) != 0)
        return error_set(-EINVAL, "a %s knows no flags 0x%x", kind->name, o->flags & ~kind->flags);
    for (size_t i = 0; i < sizeof o->reserved / sizeof o->reserved[0]; i++)
        if (o->reserved[i] != 0)
            return error_set(-EINVAL, "enl_sync_options.reserved is not zero");
    *ret_kind = kind;
    return 0;
}

/* The object is there: is it the one that was asked for? */
static int compare(struct enl_sync *s, const struct sync_kind *kind,
                   const struct enl_sync_options *o, bool exactly)
{
    struct object_layout *head = s->object;
    uint32_t magic = atomic_load_explicit(&head->magic, memory_order_relaxed);

    if (magic >> 12 != OBJECT_IDENTITY(0) >> 12)
        return error_set(-EBADMSG, "these bytes are no object of this version of enlace: 0x%08x",
                         magic);
    s->flags = magic & 0xff;
    if ((magic & ~0xffu) != OBJECT_IDENTITY(kind->kind)) {
        const struct sync_kind *is = sync_kind(magic >> 8 & 0xf);

        return is == NULL ? error_set(-EBADMSG, "these bytes are no object: 0x%08x", magic)
                          : error_set(-EINVAL, "there is a %s, not a %s", is->name, kind->name);
    }
    if ((s->flags & ~kind->flags) != 0)
        return error_set(-EBADMSG, "the %s there has unknown flags 0x%x", kind->name, s->flags);
    if (!exactly)
        return 0;
    if (s->flags != o->flags)
        return error_set(-EINVAL, "the %s there was made with flags 0x%x, not 0x%x", kind->name,
                         s->flags, o->flags);
    return kind->compare == NULL ? 0 : kind->compare(s->object, o);
}

static int make(struct enl_sync *s, const struct sync_kind *kind, const struct enl_sync_options *o)
{
    struct object_layout *head = s->object;
    int result = 0;

    if (kind->fill != NULL)
        result = kind->fill(s->object, o);
    else
        memset((unsigned char *)s->object + sizeof *head, 0, kind->size - sizeof *head);
    if (result < 0) {
        object_undone(&head->word);
        return result;
    }
    s->flags = o->flags;
    atomic_store_explicit(&head->magic, OBJECT_IDENTITY(kind->kind) | o->flags,
                          memory_order_relaxed);
    object_done(&head->word);
    return 0;
}

static int find(struct enl_sync *s, const struct sync_kind *kind, const struct enl_sync_options *o,
                unsigned flags)
{
    struct object_layout *head = s->object;
    int result;

    if ((flags & ENL_CREATE) == 0 && atomic_load_explicit(&head->word, memory_order_relaxed) == 0)
        return error_set(-ENOENT, "nothing was made there yet: a %s is made with ENL_CREATE",
                         kind->name);
    result = object_begin(s, &head->word, enl_in_ms(MAKING_MS));
    if (result == -ETIMEDOUT)
        return error_set(-ETIMEDOUT, "a process has begun to make the %s and does not go on",
                         kind->name);
    if (result < 0)
        return result;
    if (result == 0 && (flags & ENL_EXCLUSIVE) != 0)
        return error_set(-EEXIST, "there is an object already");
    if (result == 0)
        return compare(s, kind, o, (flags & ENL_CREATE) != 0);
    if ((flags & ENL_CREATE) == 0) {
        object_undone(&head->word);
        return error_set(-ENOENT,
                         "who wanted to make the %s died at it: it is made with ENL_CREATE",
                         kind->name);
    }
    return make(s, kind, o);
}

int sync_create(void *object, struct roster *roster, const struct enl_sync_options *options,
                unsigned flags, struct enl_sync **ret_sync)
{
    const struct sync_kind *kind;
    struct enl_sync *s;
    int result = check_options(options, &kind);

    if (result < 0)
        return result;
    s = calloc(1, sizeof *s);
    if (s == NULL)
        return error_set(-ENOMEM, "no memory for a handle");
    s->kind = options->kind;
    s->object = object;
    s->roster = roster;
    s->self = roster_self(roster);
    interrupt_init(&s->interrupt);
    result = find(s, kind, options, flags);
    if (result < 0) {
        enl_sync_close(s);
        return result;
    }
    s->is_open = true;
    *ret_sync = s;
    return 0;
}

int enl_sync_at(struct enl_region *region, size_t offset, const struct enl_sync_options *options,
                unsigned flags, struct enl_sync **ret_sync)
{
    const struct sync_kind *kind;
    struct roster *roster = NULL;
    void *object = NULL;
    int result = check_options(options, &kind);

    if (result == 0 && (region == NULL || ret_sync == NULL))
        result = error_set(-EINVAL, "enl_sync_at needs a region, and room for the handle");
    if (result == 0 && (flags & ~(ENL_CREATE | ENL_EXCLUSIVE)) != 0)
        result = error_set(-EINVAL, "enl_sync_at knows no flags 0x%x",
                           flags & ~(ENL_CREATE | ENL_EXCLUSIVE));
    if (result == 0)
        result = region_roster(region, &roster);
    if (result == 0)
        result = region_object(region, offset, kind->size, OBJECT_ALIGNMENT, &object);
    if (result < 0)
        return result;
    return sync_create(object, roster, options, flags, ret_sync);
}

void enl_sync_close(struct enl_sync *s)
{
    const struct sync_kind *kind;

    if (s == NULL)
        return;
    kind = sync_kind(s->kind);
    if (s->is_open && kind->leave != NULL)
        kind->leave(s);
    if (s->driver != NULL)
        s->driver->close(s);
    if (s->owns_region)
        enl_region_close(s->region);
    interrupt_fini(&s->interrupt);
    free(s);
}

int enl_sync_destroy(struct enl_sync *s)
{
    if (s == NULL)
        return sync_check(s);
    if (s->object != NULL)
        return sync_kind(s->kind)->destroy(s);
    return s->driver->destroy != NULL ? s->driver->destroy(s)
                                      : sync_cannot(s, "be destroyed: remove its name");
}

int enl_sync_interrupt(struct enl_sync *s)
{
    return s == NULL ? -EINVAL : interrupt_raise(&s->interrupt);
}

void enl_sync_interrupt_clear(struct enl_sync *s)
{
    if (s != NULL)
        interrupt_clear(&s->interrupt);
}
