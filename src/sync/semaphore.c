/* SPDX-License-Identifier: MIT */
/* The calls on semaphores and events, of whatever is behind them. */
#include "base/error.h"
#include "sync/driver.h"
#include "sync/permits.h"
#include "sync/tally.h"

#include <errno.h>

static struct tally *tally_of(const struct enl_sync *s)
{
    return &((struct tally_layout *)s->object)->tally;
}

static int refuse_count(uint32_t count)
{
    return error_set(-EINVAL, "%u cannot be added: 1 to %u can", (unsigned)count, TALLY_MOST);
}

/* ---- semaphores ------------------------------------------------------------------------------------------------ */

static int post_otherwise(struct enl_sync *s, uint32_t count)
{
    if (s != NULL && s->kind == ENL_OWNED_SEMAPHORE)
        return permits_give(s, s->object, count);
    if (s != NULL && s->kind == (ENL_SEMAPHORE | SYNC_DRIVEN))
        return s->driver->add(s, count);
    return sync_wrong_kind(s, ENL_SEMAPHORE);
}

int enl_semaphore_post(struct enl_sync *s, uint32_t count)
{
    if (count - 1 >= TALLY_MOST)
        return refuse_count(count);
    if (sync_is(s, ENL_SEMAPHORE))
        return tally_add_fast(tally_of(s), count) ? 0 : tally_add(tally_of(s), count);
    return post_otherwise(s, count);
}

static int wait_otherwise(struct enl_sync *s, enl_deadline until, uint32_t *ret_taken)
{
    if (s != NULL && s->kind == ENL_OWNED_SEMAPHORE)
        return permits_take(s, s->object, until);
    if (s != NULL && s->kind == (ENL_SEMAPHORE | SYNC_DRIVEN))
        return s->driver->take(s, until, ret_taken);
    return sync_wrong_kind(s, ENL_SEMAPHORE);
}

int enl_semaphore_wait(struct enl_sync *s, enl_deadline until)
{
    uint32_t taken;

    if (sync_is(s, ENL_SEMAPHORE))
        return tally_take_fast(tally_of(s)) ? 0 : tally_take(s, tally_of(s), until, &taken);
    return wait_otherwise(s, until, &taken);
}

int enl_semaphore_operate(struct enl_sync *s, const struct enl_semaphore_step steps[], size_t count,
                          enl_deadline until)
{
    if (s == NULL || (s->kind != ENL_SEMAPHORE && s->kind != ENL_OWNED_SEMAPHORE &&
                      s->kind != (ENL_SEMAPHORE | SYNC_DRIVEN)))
        return sync_wrong_kind(s, ENL_SEMAPHORE);
    if (steps == NULL || count == 0)
        return error_set(-EINVAL, "there are no steps");
    if (s->driver == NULL || s->driver->operate == NULL)
        return sync_cannot(s, "do several steps at once, or wait for zero: svsem: can");
    return s->driver->operate(s, steps, count, until);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

int enl_event_set(struct enl_sync *s, uint32_t count)
{
    if (count - 1 >= TALLY_MOST)
        return refuse_count(count);
    if (sync_is(s, ENL_EVENT))
        return tally_add(tally_of(s), count);
    if (s != NULL && s->kind == (ENL_EVENT | SYNC_DRIVEN))
        return s->driver->add(s, count);
    return sync_wrong_kind(s, ENL_EVENT);
}

int enl_event_wait(struct enl_sync *s, enl_deadline until)
{
    uint32_t taken = 0;
    int result;

    if (sync_is(s, ENL_EVENT))
        result = tally_take(s, tally_of(s), until, &taken);
    else if (s != NULL && s->kind == (ENL_EVENT | SYNC_DRIVEN))
        result = s->driver->take(s, until, &taken);
    else
        result = sync_wrong_kind(s, ENL_EVENT);
    return result < 0 ? result : (int)taken;
}

/* ---- as kinds of objects ------------------------------------------------------------------------------------------- */

static int fill_tally(struct tally_layout *t, uint64_t value, uint32_t flags)
{
    if (value > TALLY_MOST)
        return error_set(-EINVAL, "the value %llu is above the highest, %u",
                         (unsigned long long)value, TALLY_MOST);
    tally_init(&t->tally, (uint32_t)value, flags);
    return 0;
}

static int fill_semaphore(void *object, const struct enl_sync_options *o)
{
    return fill_tally(object, o->value, 0);
}

static int fill_event(void *object, const struct enl_sync_options *o)
{
    bool resets = (o->flags & ENL_AUTO_RESET) != 0;

    return fill_tally(object, resets && o->value > 0 ? 1 : o->value,
                      resets ? TALLY_ONE_AT_MOST | TALLY_TAKE_ALL : TALLY_TAKE_ALL);
}

static int compare_tally(const void *object, const struct enl_sync_options *o)
{
    (void)o; /* the first value is of who makes it */
    return tally_check(&((const struct tally_layout *)object)->tally);
}

static int destroy_tally(struct enl_sync *s)
{
    struct tally_layout *t = s->object;

    atomic_store_explicit(&t->head.word, 0, memory_order_relaxed);
    tally_end(&t->tally);
    return 0;
}

static void stat_tally(struct enl_sync *s, struct enl_sync_stat *stat)
{
    const struct tally *t = tally_of(s);

    stat->value = tally_value(atomic_load_explicit(&t->state, memory_order_relaxed));
    stat->limit = TALLY_MOST;
    if ((t->flags & TALLY_ONE_AT_MOST) != 0) {
        stat->limit = 1;
        stat->value = stat->value > 0;
    }
    stat->waiters = atomic_load_explicit(&t->waiting, memory_order_relaxed);
    stat->contended = atomic_load_explicit(&t->contended, memory_order_relaxed);
}

const struct sync_kind sync_kind_semaphore = {
    .kind = ENL_SEMAPHORE,
    .name = "semaphore",
    .size = sizeof(struct tally_layout),
    .fill = fill_semaphore,
    .compare = compare_tally,
    .destroy = destroy_tally,
    .stat = stat_tally,
};

const struct sync_kind sync_kind_event = {
    .kind = ENL_EVENT,
    .name = "event",
    .size = sizeof(struct tally_layout),
    .flags = ENL_AUTO_RESET,
    .fill = fill_event,
    .compare = compare_tally,
    .destroy = destroy_tally,
    .stat = stat_tally,
};

static int fill_permits(void *object, const struct enl_sync_options *o)
{
    return permits_init(object, o->value);
}

static int compare_permits(const void *object, const struct enl_sync_options *o)
{
    const struct permits_layout *p = object;
    int result = permits_check(p);

    if (result == 0 && p->total != o->value)
        return error_set(-EINVAL, "the semaphore there has %u permits, not %llu",
                         (unsigned)p->total, (unsigned long long)o->value);
    return result;
}

static int destroy_permits(struct enl_sync *s)
{
    struct permits_layout *p = s->object;
    int result = permits_end(s, p);

    if (result == 0)
        atomic_store_explicit(&p->head.word, 0, memory_order_relaxed);
    return result;
}

static void stat_permits(struct enl_sync *s, struct enl_sync_stat *stat)
{
    const struct permits_layout *p = s->object;

    stat->value = permits_free(p);
    stat->limit = p->total;
    stat->holders = p->total - stat->value;
    stat->waiters = atomic_load_explicit(&p->waiting, memory_order_relaxed);
    stat->contended = atomic_load_explicit(&p->contended, memory_order_relaxed);
    stat->deaths = atomic_load_explicit(&p->recovered, memory_order_relaxed);
}

const struct sync_kind sync_kind_owned_semaphore = {
    .kind = ENL_OWNED_SEMAPHORE,
    .name = "semaphore with owners",
    .size = sizeof(struct permits_layout),
    .fill = fill_permits,
    .compare = compare_permits,
    .destroy = destroy_permits,
    .stat = stat_permits,
};
