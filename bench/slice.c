/* SPDX-License-Identifier: MIT */
/* A slice: the loops of the two processes. The head of each message is its number, twice, plus 1
 * in the last. */
#include "slice.h"

#include "clock.h"
#include "payload.h"
#include "reference/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_ALIGNMENT 4096u

static int failed(struct seat *s, int r, const char *what)
{
    const char *text = s->course->error[0] != '\0' ? s->course->error : strerror(-r);

    return crew_fail(s->crew, r, "%s, %s: %s", s->course->way->name, what, text);
}

int seat_init(struct seat *s, struct crew *crew, struct course *course)
{
    size_t size = (course->size + BUFFER_ALIGNMENT - 1) / BUFFER_ALIGNMENT * BUFFER_ALIGNMENT;

    *s = (struct seat){.crew = crew, .course = course};
    s->out = aligned_alloc(BUFFER_ALIGNMENT, size);
    s->in = aligned_alloc(BUFFER_ALIGNMENT, size);
    if (s->out == NULL || s->in == NULL)
        return crew_fail(crew, -ENOMEM, "no memory for messages of %zu bytes", course->size);
    memset(s->out, 1, size);
    memset(s->in, 1, size);
    return 0;
}

/* Writes the next message and sends it. */
static int put(struct seat *s, bool last, uint64_t *total)
{
    struct course *c = s->course;
    uint64_t head = ++s->sent << 1 | last;
    void *data = s->out;
    int r;

    if (c->way->loan != NULL) {
        while ((r = c->way->loan(c, &data)) == -EAGAIN)
            ;
        if (r < 0)
            return failed(s, r, "loan");
    }
    *total = payload_total(*total, payload_write(data, c->size, head));
    while ((r = c->way->loan != NULL ? c->way->commit(c) : c->way->send(c, data)) == -EAGAIN)
        ;
    return r < 0 ? failed(s, r, "send") : 0;
}

/* Receives the next message and reads it. */
static int get(struct seat *s, bool *ret_last, uint64_t *total)
{
    struct course *c = s->course;
    const void *data = s->in;
    uint64_t head;
    int r;

    while ((r = c->way->take != NULL ? c->way->take(c, &data) : c->way->receive(c, s->in)) ==
           -EAGAIN)
        ;
    if (r < 0)
        return failed(s, r, "receive");
    *total = payload_total(*total, payload_read(data, c->size, &head));
    r = c->way->release != NULL ? c->way->release(c) : 0;
    if (r < 0)
        return failed(s, r, "release");
    if (head >> 1 != ++s->received)
        return crew_fail(s->crew, -EBADMSG, "%s: message %llu came in the place of %llu",
                         c->way->name, (unsigned long long)(head >> 1),
                         (unsigned long long)s->received);
    *ret_last = head & 1;
    return 0;
}

static int flush(struct seat *s)
{
    int r = s->course->way->flush != NULL ? s->course->way->flush(s->course) : 0;

    return r < 0 ? failed(s, r, "flush") : 0;
}

/* What a way does between trips. */
static void tidy(struct seat *s)
{
    if (s->course->way->tidy == NULL)
        return;
    s->course->way->tidy(s->course);
    crew_meet(s->crew);
}

static int ping(struct slice *slice, struct seat *s)
{
    uint64_t start = clock_now(), sampled = start, now, sent = 0, received = 0;
    bool tidies = s->course->way->tidy != NULL, over = false, last = false;
    uint32_t samples = tidies ? 1 : slice->samples, n = 0;
    int r;

    while (!last) {
        r = put(s, over, &sent);
        if (r == 0)
            r = get(s, &last, &received);
        if (r < 0)
            return r;
        slice->messages++;
        if (++n < samples)
            continue;
        n = 0;
        now = clock_now();
        histogram_add(&slice->times, (double)(now - sampled) / samples);
        slice->elapsed_ns += now - sampled;
        over = now - start >= slice->for_ns;
        tidy(s);
        sampled = tidies ? clock_now() : now;
    }
    slice->elapsed_ns += n > 0 ? clock_now() - sampled : 0;
    slice->sent[SIDE_PING] = sent;
    slice->received[SIDE_PING] = received;
    return 0;
}

static int pong(struct slice *slice, struct seat *s)
{
    uint64_t sent = 0, received = 0;
    bool last = false;
    int r;

    while (!last) {
        r = get(s, &last, &received);
        if (r == 0)
            r = put(s, last, &sent);
        if (r < 0)
            return r;
        tidy(s);
    }
    slice->sent[SIDE_PONG] = sent;
    slice->received[SIDE_PONG] = received;
    return flush(s);
}

static int send_all(struct slice *slice, struct seat *s)
{
    uint64_t start = clock_now(), sent = 0, messages = 0;
    bool over = false, last = false;
    int r;

    while (!last) {
        last = over;
        for (uint32_t n = last ? 1 : slice->samples; n > 0; n--, messages++) {
            r = put(s, last, &sent);
            if (r < 0)
                return r;
        }
        over = clock_now() - start >= slice->for_ns;
    }
    slice->messages = messages;
    slice->elapsed_ns = start; /* until the receiver's end is known */
    slice->sent[SIDE_PING] = sent;
    return flush(s);
}

static int receive_all(struct slice *slice, struct seat *s)
{
    uint64_t received = 0, sampled = 0, now;
    bool last = false;
    uint32_t n = 0;
    int r;

    while (!last) {
        r = get(s, &last, &received);
        if (r < 0)
            return r;
        if (++n < slice->samples)
            continue;
        n = 0;
        now = clock_now();
        if (sampled != 0)
            histogram_add(&slice->times, (double)(now - sampled) / slice->samples);
        sampled = now;
    }
    slice->end_ns = clock_now();
    slice->received[SIDE_PONG] = received;
    return 0;
}

/* Round trips in the way's own loop. */
static int loop(struct slice *slice, struct seat *s)
{
    struct course *c = s->course;
    uint64_t start = clock_now();
    int r = c->side == SIDE_PING ? c->way->ping(c, slice->for_ns, &slice->times) : c->way->pong(c);

    if (r < 0)
        return failed(s, r, "trips");
    if (c->side == SIDE_PING) {
        slice->elapsed_ns = clock_now() - start;
        slice->messages = slice->times.count * PROBE_TRIPS;
    }
    return 0;
}

static void conclude(struct slice *slice, const struct seat *s, uint64_t cpu_ns)
{
    bool round_trip = s->course->pattern == PATTERN_ROUND_TRIP;

    if (!round_trip)
        slice->elapsed_ns = slice->end_ns - slice->elapsed_ns;
    slice->cpu_ns = cpu_ns + slice->pong_cpu_ns;
    slice->intact = slice->received[SIDE_PONG] == slice->sent[SIDE_PING] &&
                    (!round_trip || slice->received[SIDE_PING] == slice->sent[SIDE_PONG]);
}

int slice_run(struct slice *slice, struct seat *s)
{
    static int (*const loops[2][2])(struct slice *, struct seat *) = {
        [PATTERN_ROUND_TRIP] = {ping, pong},
        [PATTERN_ONE_WAY] = {send_all, receive_all},
    };
    enum side side = s->course->side;
    uint64_t cpu;
    int r;

    if (side == SIDE_PING) {
        histogram_clear(&slice->times);
        slice->messages = slice->elapsed_ns = 0;
    }
    crew_meet(s->crew);
    cpu = clock_cpu();
    r = s->course->way->ping != NULL ? loop(slice, s) : loops[s->course->pattern][side](slice, s);
    if (r < 0)
        return r;
    cpu = clock_cpu() - cpu;
    if (side == SIDE_PONG)
        slice->pong_cpu_ns = cpu;
    crew_meet(s->crew);
    if (side == SIDE_PING)
        conclude(slice, s, cpu);
    return 0;
}
