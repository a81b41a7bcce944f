/* SPDX-License-Identifier: MIT */
/* shm:, file:, memfd: an object of any kind, alone in a region of its own.
 *
 * The object is made before anybody else can open the region (enl_layout.init), so that whoever finds the name finds it
 * whole. */
#include "base/error.h"
#include "kernel/clock.h"
#include "kernel/thread.h"
#include "sync/bell.h"
#include "sync/named.h"
#include "sync/object.h"

#include <enlace/region.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME "enlace object"

static const char *const kind_words[] = {
    "mutex", "rwlock", "condition", "once", "semaphore", "event", "barrier", NULL,
};
static const uint32_t kinds[] = {
    ENL_MUTEX, ENL_RWLOCK, ENL_CONDITION, ENL_ONCE, ENL_SEMAPHORE, ENL_EVENT, ENL_BARRIER,
};

static const struct address_option alone_options[] = {
    {.name = "kind", .kind = ADDRESS_WORD, .words = kind_words, .preset = 4},
    {.name = "value", .kind = ADDRESS_NUMBER, .least = 0, .most = UINT32_MAX},
    {.name = "mode", .kind = ADDRESS_MODE, .preset = 0600},
    {.name = "owned", .kind = ADDRESS_FLAG},
    {.name = "autoreset", .kind = ADDRESS_FLAG},
    {.name = "recursive", .kind = ADDRESS_FLAG},
    {.name = "checked", .kind = ADDRESS_FLAG},
    {.name = "pollable", .kind = ADDRESS_FLAG},
    {.name = NULL},
};

/* What is to be made. */
struct alone_plan {
    struct enl_sync_options options;
    bool has_kind; /* else whatever is there is opened */
    bool has_bell;
    int result; /* of making it */
};

/* ---- options ---------------------------------------------------------------------------------------------------- */

/* Which options say something about which kinds. */
static const struct kind_option {
    const char *name;
    uint32_t kinds; /* a bit for each */
    uint32_t flag;  /* that the object gets */
} kind_options[] = {
    {"value", 1u << ENL_SEMAPHORE | 1u << ENL_EVENT | 1u << ENL_BARRIER, 0},
    {"owned", 1u << ENL_SEMAPHORE, 0},
    {"autoreset", 1u << ENL_EVENT, ENL_AUTO_RESET},
    {"recursive", 1u << ENL_MUTEX, ENL_RECURSIVE},
    {"checked", 1u << ENL_MUTEX, ENL_CHECKED},
    {"pollable", 1u << ENL_SEMAPHORE | 1u << ENL_EVENT, 0},
};

static int plan_object(const struct address *a, struct alone_plan *ret_plan)
{
    uint64_t word = address_value(a, "kind");
    struct enl_sync_options o = {.size = sizeof o, .kind = kinds[word]};

    for (size_t i = 0; i < sizeof kind_options / sizeof kind_options[0]; i++) {
        const struct kind_option *one = &kind_options[i];

        if (!address_given(a, one->name))
            continue;
        if ((one->kinds & 1u << o.kind) == 0)
            return error_set(-EINVAL, "%s:%s: %s= says nothing about a %s", a->scheme->scheme,
                             a->name, one->name, kind_words[word]);
        if (address_value(a, one->name) != 0)
            o.flags |= one->flag;
    }
    o.value = address_value(a, "value");
    if (o.kind == ENL_SEMAPHORE && address_value(a, "owned") != 0)
        o.kind = ENL_OWNED_SEMAPHORE;
    *ret_plan = (struct alone_plan){.options = o,
                                    .has_kind = address_given(a, "kind") || o.flags != 0 ||
                                                o.kind == ENL_OWNED_SEMAPHORE,
                                    .has_bell = address_value(a, "pollable") != 0};
    if (ret_plan->has_bell && o.kind == ENL_OWNED_SEMAPHORE)
        return error_set(-EINVAL,
                         "%s:%s: a semaphore has owners or is pollable: a permit that "
                         "comes back from the dead rings no bell",
                         a->scheme->scheme, a->name);
    if (ret_plan->has_bell && strcmp(a->scheme->scheme, "memfd") == 0)
        return error_set(-EINVAL, "memfd:%s: what is pollable has a name in the file system",
                         a->name);
    return 0;
}

/* ---- making ------------------------------------------------------------------------------------------------------ */

/* In memory that nobody else can see yet. */
static int init(void *data, size_t size, void *argument)
{
    struct alone_plan *plan = argument;
    const struct sync_kind *kind = sync_kind(plan->options.kind);
    struct alone_layout *alone = data;
    struct object_layout *head = data;

    (void)size;
    memset(data, 0, sizeof *alone);
    plan->result = kind->fill == NULL ? 0 : kind->fill(data, &plan->options);
    if (plan->result < 0)
        return plan->result;
    if (plan->has_bell) {
        uint64_t now_ns = (uint64_t)clock_now_ns();

        alone->bell[0] = (uint32_t)(now_ns ^ now_ns >> 32) | 1;
        alone->bell[1] = (uint32_t)thread_process();
        atomic_store_explicit(&alone->bell_lock.head.word, WORD_LIVE, memory_order_relaxed);
    }
    atomic_store_explicit(&head->magic, OBJECT_IDENTITY(kind->kind) | plan->options.flags,
                          memory_order_relaxed);
    atomic_store_explicit(&head->word, WORD_LIVE, memory_order_release);
    return 0;
}

/* The region's own address: the same name, with every byte that could mean something escaped. */
static int region_address(const struct address *a, char *ret_text, size_t size)
{
    size_t used = (size_t)snprintf(ret_text, size, "%s:", a->scheme->scheme);

    for (const char *c = a->name; *c != '\0' && used + 4 < size; c++) {
        unsigned byte = (unsigned char)*c;
        bool plain = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
                     (byte >= '0' && byte <= '9') || strchr("/._-#", *c) != NULL;

        used += (size_t)snprintf(ret_text + used, size - used, plain ? "%c" : "%%%02X", byte);
    }
    if (used + 16 >= size)
        return error_set(-ENAMETOOLONG, "%s:%s: the name is too long", a->scheme->scheme, a->name);
    (void)snprintf(ret_text + used, size - used, "?mode=%04o", (unsigned)address_value(a, "mode"));
    return 0;
}

#define ADDRESS_SIZE_MOST (3 * ADDRESS_NAME_MAX + 64)

static int open_region(const struct address *a, unsigned flags, struct alone_plan *plan,
                       struct enl_region **ret_region)
{
    const struct enl_layout layout = {.name = NAME,
                                      .size = sizeof(struct alone_layout),
                                      .init = init,
                                      .argument = plan};
    char text[ADDRESS_SIZE_MOST];
    int result = region_address(a, text, sizeof text);

    if (result < 0)
        return result;
    return enl_region_open(text, (flags & (ENL_CREATE | ENL_EXCLUSIVE)) | ENL_READ | ENL_WRITE,
                           &layout, ret_region);
}

/* ---- opening --------------------------------------------------------------------------------------------------------- */

/* Without a kind in the address: what the object there is. */
static int find_kind(const struct alone_layout *alone, struct alone_plan *plan)
{
    const struct object_layout *head = (const void *)alone->object;
    uint32_t magic = atomic_load_explicit(&head->magic, memory_order_relaxed);

    if (plan->has_kind)
        return 0;
    if (magic >> 12 != OBJECT_IDENTITY(0) >> 12 || sync_kind(magic >> 8 & 0xf) == NULL)
        return error_set(-EBADMSG, "these bytes are no object of this version of enlace: 0x%08x",
                         (unsigned)magic);
    plan->options.kind = magic >> 8 & 0xf;
    return 0;
}

static int open_object(struct enl_region *r, const struct address *a, unsigned flags,
                       struct alone_plan *plan, struct enl_sync **ret_sync)
{
    struct alone_layout *alone = enl_region_data(r);
    bool exactly = (flags & ENL_CREATE) != 0 && plan->has_kind;
    int result = find_kind(alone, plan);
    struct enl_sync *s;

    if (result == 0)
        result = enl_sync_at(r, 0, &plan->options, exactly ? ENL_CREATE : 0, &s);
    if (result < 0)
        return result;
    s->region = r;
    if (alone->bell[0] != 0)
        result = bell_attach(s, a, alone);
    else if (plan->has_bell)
        result = error_set(-EINVAL, "%s:%s was made without pollable", a->scheme->scheme, a->name);
    if (result < 0) {
        enl_sync_close(s);
        return result;
    }
    s->owns_region = true;
    *ret_sync = s;
    return 0;
}

static int open_alone(const struct address *a, unsigned flags, struct enl_sync **ret_sync)
{
    struct alone_plan plan;
    struct enl_region *r = NULL;
    int result = plan_object(a, &plan);

    if (result == 0)
        result = open_region(a, flags, &plan, &r);
    if (result < 0)
        return result;
    result = open_object(r, a, flags, &plan, ret_sync);
    if (result < 0)
        enl_region_close(r);
    return result;
}

/* The bell before and after the name: who opens it in between makes the bell again. */
static int unlink_alone(const struct address *a)
{
    struct alone_plan plan = {.has_kind = false};
    struct alone_layout *alone;
    uint32_t bell[2] = {0};
    struct enl_region *r;
    char text[ADDRESS_SIZE_MOST];
    int result = region_address(a, text, sizeof text);

    if (result < 0)
        return result;
    if (open_region(a, 0, &plan, &r) == 0) {
        alone = enl_region_data(r);
        memcpy(bell, alone->bell, sizeof bell);
        enl_region_close(r);
    }
    bell_remove(a, bell);
    result = enl_region_unlink(text);
    bell_remove(a, bell);
    return result;
}

static int refuse_unlink(const struct address *a)
{
    return error_set(-ENOTSUP, "memfd:%s has no name that could be removed", a->name);
}

#define ALONE_SCHEME(word, form, need, remove)                                                     \
    {                                                                                              \
        .address = {.scheme = (word),                                                              \
                    .syntax = (form),                                                              \
                    .name = (need),                                                                \
                    .name_most = ADDRESS_NAME_MAX,                                                 \
                    .options = alone_options},                                                     \
        .open = open_alone, .unlink = (remove)                                                     \
    }

const struct sync_scheme sync_shm =
    ALONE_SCHEME("shm", "shm:/NAME", ADDRESS_NAME_NEEDED, unlink_alone);
const struct sync_scheme sync_file =
    ALONE_SCHEME("file", "file:PATH", ADDRESS_NAME_NEEDED, unlink_alone);
const struct sync_scheme sync_memfd =
    ALONE_SCHEME("memfd", "memfd:NAME", ADDRESS_NAME_OPTIONAL, refuse_unlink);
