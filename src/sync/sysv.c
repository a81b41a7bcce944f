/* SPDX-License-Identifier: MIT */
/* svsem: System V semaphore sets, as programs on semop know them. A handle's plain calls are about one semaphore of the
 * set, enl_semaphore_operate about all.
 *
 * The kernel makes a set with all values zero, and whoever made it sets them: in between others find it half made. The
 * first values are set by one call that succeeds only while all are zero, and that leaves a time of the last operation.
 * Who finds a set with ENL_CREATE that has none waits for it a while, then makes that call itself: who made the set is
 * dead. */
#include "base/error.h"
#include "base/svname.h"
#include "kernel/clock.h"
#include "kernel/holders.h"
#include "kernel/svmsg.h"
#include "kernel/svsem.h"
#include "kernel/wait.h"
#include "sync/named.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 10
#define MAKING_NS 500000000 /* a living process needs microseconds */
#define PAUSE_NS 1000000
#define COUNT_MOST 65535 /* of a set; the kernel's own limit may be lower */

struct sysv_state {
    int id;
    unsigned index;
    bool undo;
    bool has_no_key;
    struct holder holder; /* of a set without a key: the last to let go removes it */
};

static const struct address_option sysv_options[] = {
    {.name = "mode", .kind = ADDRESS_MODE, .preset = 0600},
    {.name = "count", .kind = ADDRESS_NUMBER, .least = 1, .most = COUNT_MOST, .preset = 1},
    {.name = "value", .kind = ADDRESS_NUMBER, .least = 0, .most = SVSEM_VALUE_MOST},
    {.name = "index", .kind = ADDRESS_NUMBER, .least = 0, .most = COUNT_MOST - 1},
    {.name = "owned", .kind = ADDRESS_FLAG},
    {.name = NULL},
};

/* ---- use ----------------------------------------------------------------------------------------------------- */

static int change(struct enl_sync *s, int by, enl_deadline until)
{
    const struct sysv_state *state = s->state;
    const struct svsem_operation step = {.index = (uint16_t)state->index,
                                         .change = (int16_t)by,
                                         .flags = state->undo ? SVSEM_UNDO : 0};

    return svsem_operate(state->id, &step, 1, until, &s->interrupt);
}

static int add(struct enl_sync *s, uint32_t count)
{
    if (count > SVSEM_VALUE_MOST)
        return error_set(-EOVERFLOW, "%u more would be above the highest value, %d",
                         (unsigned)count, SVSEM_VALUE_MOST);
    return change(s, (int)count, ENL_NOW);
}

static int take(struct enl_sync *s, enl_deadline until, uint32_t *ret_taken)
{
    *ret_taken = 1;
    return change(s, -1, until);
}

static int operate(struct enl_sync *s, const struct enl_semaphore_step steps[], size_t count,
                   enl_deadline until)
{
    const struct sysv_state *state = s->state;
    struct svsem_operation operations[SVSEM_OPERATIONS_MOST];

    if (count > SVSEM_OPERATIONS_MOST)
        return error_set(-E2BIG, "%zu steps at once are too many: at most %d", count,
                         SVSEM_OPERATIONS_MOST);
    for (size_t i = 0; i < count; i++) {
        if ((steps[i].flags & ~ENL_UNDO) != 0)
            return error_set(-EINVAL, "steps[%zu].flags has unknown bits: %#x", i,
                             (unsigned)steps[i].flags);
        operations[i] =
            (struct svsem_operation){.index = steps[i].index,
                                     .change = steps[i].change,
                                     .flags = state->undo || (steps[i].flags & ENL_UNDO) != 0
                                                  ? SVSEM_UNDO
                                                  : 0};
    }
    return svsem_operate(state->id, operations, count, until, &s->interrupt);
}

/* ---- asking and changing --------------------------------------------------------------------------------------- */

static int fill_stat(struct enl_sync *s, struct enl_sync_stat *stat)
{
    const struct sysv_state *state = s->state;
    struct svsem_facts facts;
    struct svsem_state one;
    int result = svsem_facts(state->id, &facts);

    if (result < 0)
        return result;
    stat->limit = SVSEM_VALUE_MOST;
    stat->count = facts.count;
    stat->mode = facts.mode;
    stat->uid = facts.uid;
    stat->gid = facts.gid;
    stat->operation_time = (uint64_t)facts.operation_time * 1000000000;
    stat->change_time = (uint64_t)facts.change_time * 1000000000;
    if (svsem_state(state->id, state->index, &one) < 0)
        return 0; /* whoever may not read it */
    stat->value = one.value;
    stat->waiters = one.waiters;
    stat->zero_waiters = one.zero_waiters;
    stat->last_pid = (uint64_t)one.pid;
    return 0;
}

static int set(struct enl_sync *s, uint32_t which, const struct enl_settings *settings)
{
    const struct sysv_state *state = s->state;

    switch (which) {
    case ENL_SET_MODE:
        return svsem_set_mode(state->id, settings->mode);
    case ENL_SET_OWNER:
        return svsem_set_owner(state->id, settings->uid, settings->gid);
    case ENL_SET_VALUE:
        return svsem_set_value(state->id, state->index,
                               settings->value > UINT32_MAX ? UINT32_MAX
                                                            : (unsigned)settings->value);
    default:
        return -ENOTSUP;
    }
}

static int destroy(struct enl_sync *s)
{
    const struct sysv_state *state = s->state;

    return svsem_remove(state->id);
}

static void end(struct enl_sync *s)
{
    struct sysv_state *state = s->state;

    if (state->has_no_key && holder_end(&state->holder) && state->id >= 0)
        (void)svsem_remove(state->id);
    free(state);
}

static const struct sync_driver sysv_driver = {
    .name = "svsem:",
    .add = add,
    .take = take,
    .operate = operate,
    .stat = fill_stat,
    .set = set,
    .destroy = destroy,
    .close = end,
};

/* ---- open ------------------------------------------------------------------------------------------------------ */

static int key_of(const struct address *a, int32_t *ret_key)
{
    struct svname name;
    int result = svname_parse(a, "set", &name);

    *ret_key = name.key;
    if (result < 0 || name.path[0] == '\0')
        return result;
    result = svmsg_key(name.path, name.number, ret_key);
    if (result < 0)
        return error_set(result, "svsem:%s: no key without the file %s: %s", a->name, name.path,
                         strerror(-result));
    return *ret_key != 0 ? 0
                         : error_set(-EINVAL,
                                     "svsem:%s: the key of this path and number is 0, "
                                     "which is no key",
                                     a->name);
}

static int fill_values(int id, const struct address *a)
{
    unsigned value = (unsigned)address_value(a, "value");
    int result = 0;

    if (value > 0)
        result = svsem_raise_from_zero(id, (unsigned)address_value(a, "count"), value);
    return result == -EAGAIN ? 0 : result; /* somebody was faster */
}

/* The set was there. Waits until whoever made it has set its values. */
static int settle(int id, const struct address *a)
{
    int64_t until = clock_now_ns() + MAKING_NS;
    struct svsem_facts facts;
    struct pollfd none[1];

    if (address_value(a, "value") == 0)
        return 0;
    for (;;) {
        int result = svsem_facts(id, &facts);

        if (result < 0 || facts.operation_time != 0)
            return result;
        if (clock_now_ns() >= until)
            return fill_values(id, a);
        (void)wait_for(none, 0, NULL, 0, clock_now_ns() + PAUSE_NS);
    }
}

static int open_keyed(const struct address *a, unsigned flags, int32_t key, int *ret_id)
{
    unsigned count = (unsigned)address_value(a, "count");

    for (int i = 0; i < TRIES; i++) {
        int result = -ENOENT;

        if ((flags & ENL_EXCLUSIVE) == 0)
            result = svsem_open(key, address_given(a, "count") ? count : 0, ret_id);
        if (result == 0 && (flags & ENL_CREATE) != 0)
            result = settle(*ret_id, a);
        if (result != -EIDRM && (result != -ENOENT || (flags & ENL_CREATE) == 0))
            return result;
        result = svsem_create(key, count, (uint32_t)address_value(a, "mode"), ret_id);
        if (result == 0)
            result = fill_values(*ret_id, a);
        if (result != -EIDRM && (result != -EEXIST || (flags & ENL_EXCLUSIVE) != 0))
            return result;
    }
    return error_set(-EAGAIN, "svsem:%s comes and goes: others make and remove it", a->name);
}

static int open_without_key(const struct address *a, struct sysv_state *state)
{
    int result = holder_create(&state->holder);

    if (result < 0)
        return result;
    result = svsem_create(0, (unsigned)address_value(a, "count"),
                          (uint32_t)address_value(a, "mode"), &state->id);
    return result < 0 ? result : fill_values(state->id, a);
}

static int open_set(const struct address *a, unsigned flags, struct sysv_state *state)
{
    struct svsem_facts facts;
    int32_t key = 0;
    int result = a->name_size > 0 ? key_of(a, &key) : 0;

    if (result < 0)
        return result;
    state->has_no_key = a->name_size == 0;
    result = state->has_no_key ? open_without_key(a, state) : open_keyed(a, flags, key, &state->id);
    if (result == 0)
        result = svsem_facts(state->id, &facts);
    if (result == 0 && state->index >= facts.count)
        return error_set(-EINVAL, "index=%u: the set has %u semaphores, from 0 on", state->index,
                         facts.count);
    return result;
}

static int open_sysv(const struct address *a, unsigned flags, struct enl_sync **ret_sync)
{
    struct sysv_state *state;
    struct enl_sync *s;
    int result = sync_create_driven(ENL_SEMAPHORE, &s);

    if (result < 0)
        return result;
    state = calloc(1, sizeof *state);
    if (state == NULL) {
        enl_sync_close(s);
        return error_set(-ENOMEM, "no memory for a semaphore set");
    }
    *state = (struct sysv_state){.id = -1,
                                 .index = (unsigned)address_value(a, "index"),
                                 .undo = address_value(a, "owned") != 0,
                                 .holder = HOLDER_NONE};
    s->driver = &sysv_driver;
    s->state = state;
    result = open_set(a, flags, state);
    if (result < 0) {
        enl_sync_close(s);
        return result;
    }
    *ret_sync = s;
    return 0;
}

static int unlink_sysv(const struct address *a)
{
    int32_t key;
    int id = -1;
    int result = a->name_size > 0 ? key_of(a, &key)
                                  : error_set(-EINVAL, "svsem: alone has no key to be found by");

    if (result == 0)
        result = svsem_open(key, 0, &id);
    return result < 0 ? result : svsem_remove(id);
}

const struct sync_scheme sync_sysv = {
    .address = {.scheme = "svsem",
                .syntax = "svsem:KEY",
                .name = ADDRESS_NAME_OPTIONAL,
                .name_most = SVNAME_MOST,
                .options = sysv_options},
    .open = open_sysv,
    .unlink = unlink_sysv,
};
