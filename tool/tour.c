/* SPDX-License-Identifier: MIT */
/* A visit to one mechanism: two processes, one road there and one back.
 *
 * The parent asks and the child answers. Each message begins with a mark: what is to be done with it, and
 * a number from which the rest of its bytes follow. On mechanisms that go both ways the two roads are
 * one link. */
#include "tour.h"

#include "stop.h"

#include <enlace/deadline.h>
#include <enlace/error.h>
#include <enlace/link.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* No step of a visit takes long; one that does is a failure to tell of, not to wait for. */
#define STEP_MS 3000
#define CHILD_SECONDS 20

#define ROUNDS_LEAST 20

/* Larger messages would show nothing new, and take their time. */
#define TOUR_MOST 1048576

enum task {
    TASK_ECHO = 1, /* compare it, and send it back */
    TASK_COUNT,    /* compare its size and number only, and count it */
    TASK_TALLY,    /* send back how many were counted */
    TASK_END,
};

struct mark {
    uint32_t task;
    uint32_t number;
};

struct road {
    char address[192];
    bool numbered;            /* by a port, which the system chooses */
    bool personal;            /* what is sent goes to a process, by its number */
    struct enl_link *ends[2]; /* of a pair: receives, sends */
    /* the receiver's listener or link, made before the fork to know its port, or to miss no signal */
    struct enl_link *early;
    struct enl_link *link; /* this process's end */
};

struct traveller {
    struct tour_visit *visit;
    struct enl_caps caps;
    struct road there, back;
    pid_t peer;
    struct enl_link *ask,
        *answer;             /* of the parent: sends, receives; of the child the other way round */
    unsigned char *out, *in; /* of `room` bytes */
    size_t room;
};

static int64_t now_ns(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static enl_deadline soon(void)
{
    return enl_in_ms(STEP_MS);
}

static bool duplex(const struct traveller *t)
{
    return (t->caps.can & ENL_CAN_DUPLEX) != 0;
}

/* ---- messages ------------------------------------------------------------------------------------ */

static void write_message(unsigned char *to, size_t size, struct mark mark)
{
    (void)memcpy(to, &mark, sizeof mark);
    for (size_t i = sizeof mark; i < size; i++)
        to[i] = (unsigned char)(mark.number + i * 7);
}

static bool is_message(const unsigned char *from, size_t size, struct mark mark)
{
    struct mark seen;

    (void)memcpy(&seen, from, sizeof seen);
    if (seen.task != mark.task || seen.number != mark.number)
        return false;
    for (size_t i = sizeof mark; i < size; i++)
        if (from[i] != (unsigned char)(mark.number + i * 7))
            return false;
    return true;
}

static int send_marked(struct traveller *t, struct enl_link *to, size_t size, struct mark mark)
{
    ssize_t result;

    write_message(t->out, size, mark);
    result = enl_send(to, t->out, size, soon());
    /* An answer is waited for on another link, perhaps: nothing may be left in this one. */
    return result < 0 ? (int)result : enl_flush(to, soon());
}

/* ---- the child ----------------------------------------------------------------------------------- */

/* Does one task. 0, -ESHUTDOWN at the end, or what went wrong. */
static int do_task(struct traveller *t, uint32_t *counted)
{
    ssize_t size = enl_receive(t->answer, t->in, t->room, soon());
    struct mark mark;

    if (size < 0)
        return (int)size;
    if ((size_t)size < sizeof mark)
        return -EBADMSG;
    (void)memcpy(&mark, t->in, sizeof mark);
    switch (mark.task) {
    case TASK_ECHO:
        *counted = 0;
        if (!is_message(t->in, (size_t)size, mark))
            return -EBADMSG;
        return send_marked(t, t->ask, (size_t)size, mark);
    case TASK_COUNT:
        /* Lost or overtaken ones show in the tally. */
        *counted += mark.number == *counted;
        return 0;
    case TASK_TALLY:
        mark.number = *counted;
        *counted = 0;
        return send_marked(t, t->ask, (size_t)size, mark);
    default:
        return -ESHUTDOWN;
    }
}

/* ---- meeting ------------------------------------------------------------------------------------- */

/* A name for the mechanism's syntax, if we know one. A new kind of name is one more case here. */
static bool name_road(struct traveller *t, struct road *r, const char *word)
{
    const struct tour_visit *v = t->visit;
    const char *syntax = v->mechanism->syntax + strlen(v->mechanism->scheme) + 1;
    char name[128];

    if (strncmp(syntax, "PATH", 4) == 0)
        (void)snprintf(name, sizeof name, "%s/%s", v->folder, word);
    else if (strncmp(syntax, "HOST:PORT", 9) == 0)
        (void)snprintf(name, sizeof name, "127.0.0.1:0");
    else if (strncmp(syntax, "/NAME", 5) == 0)
        (void)snprintf(name, sizeof name, "/enlace-demo-%d-%s", (int)getpid(), word);
    else if (strncmp(syntax, "KEY", 3) == 0)
        (void)snprintf(name, sizeof name, "0x%x%07x", word[0] == 't' ? 1u : 2u, (unsigned)getpid());
    else if (strncmp(syntax, "NAME,NAME", 9) == 0)
        (void)snprintf(name, sizeof name, "RTMIN+%d", word[0] == 't' ? 1 : 2);
    else
        return false;
    r->numbered = strncmp(syntax, "HOST:PORT", 9) == 0;
    r->personal = strncmp(syntax, "NAME,NAME", 9) == 0;
    (void)snprintf(r->address, sizeof r->address, "%s:%s%s", v->mechanism->scheme, name,
                   v->options);
    return true;
}

/* The way in which they meet, and the roads' addresses: by a name if there is one, because that is how
 * strangers do it. 0, or a negative errno. */
static int choose_meeting(struct traveller *t)
{
    struct tour_visit *v = t->visit;
    bool named = name_road(t, &t->there, "there") && name_road(t, &t->back, "back");
    int result;

    if (!named) {
        (void)snprintf(t->there.address, sizeof t->there.address, "%s:%s", v->mechanism->scheme,
                       v->options);
        t->back = t->there;
    }
    result = enl_address_caps(t->there.address, &t->caps);
    if (result < 0)
        return result;
    if (named && (t->caps.meet & ENL_MEET_LISTEN) != 0)
        v->met = ENL_MEET_LISTEN;
    else if (named && (t->caps.meet & ENL_MEET_OPEN) != 0)
        v->met = ENL_MEET_OPEN;
    else if (!named && (t->caps.meet & ENL_MEET_PAIR) != 0)
        v->met = ENL_MEET_PAIR;
    return 0;
}

static unsigned receiving(const struct traveller *t)
{
    return duplex(t) ? ENL_READ | ENL_WRITE : ENL_READ;
}

static int join_receiving(struct traveller *t, struct road *r)
{
    struct enl_link *listener = r->early;
    int result = 0;

    if (t->visit->met == ENL_MEET_PAIR) {
        r->link = r->ends[0];
        enl_close(r->ends[1]);
        return 0;
    }
    if (t->visit->met == ENL_MEET_OPEN && r->early == NULL)
        return enl_open_until(r->address, receiving(t) | ENL_CREATE, soon(), &r->link);
    if (t->visit->met == ENL_MEET_OPEN) {
        r->link = r->early;
        return 0;
    }
    if (listener == NULL)
        result = enl_listen(r->address, &listener);
    if (result < 0)
        return result;
    result = enl_accept(listener, soon(), &r->link);
    enl_close(listener);
    return result;
}

static int join_sending(struct traveller *t, struct road *r)
{
    unsigned flags = duplex(t) ? ENL_READ | ENL_WRITE : ENL_WRITE;

    if (t->visit->met == ENL_MEET_PAIR) {
        r->link = r->ends[1];
        enl_close(r->ends[0]);
        return 0;
    }
    enl_close(r->early); /* the other process has it */
    if (r->personal) {
        char address[sizeof r->address + 32];

        (void)snprintf(address, sizeof address, "%s?pid=%d", r->address, (int)t->peer);
        return enl_open(address, flags, &r->link);
    }
    return enl_open_until(r->address, flags, soon(), &r->link);
}

static int join(struct traveller *t, bool child)
{
    int result = child ? join_receiving(t, &t->there) : join_sending(t, &t->there);

    if (result == 0 && !duplex(t))
        result = child ? join_sending(t, &t->back) : join_receiving(t, &t->back);
    if (result < 0)
        return result;
    t->ask = child && !duplex(t) ? t->back.link : t->there.link;
    t->answer = child || duplex(t) ? t->there.link : t->back.link;
    return 0;
}

static _Noreturn void be_child(struct traveller *t)
{
    uint32_t counted = 0;
    int result;

    (void)signal(SIGINT, SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    stop_release();
    /* Whatever happens to the parent, or to a link, the child does not stay behind. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)alarm(CHILD_SECONDS);
    t->peer = getppid();
    result = join(t, true);
    while (result == 0)
        result = do_task(t, &counted);
    enl_close(t->there.link);
    enl_close(t->back.link);
    _exit(result == -ESHUTDOWN ? EXIT_SUCCESS : EXIT_FAILURE);
}

/* ---- the parent ---------------------------------------------------------------------------------- */

static int go_and_return(struct traveller *t, size_t size, uint32_t number)
{
    struct mark mark = {TASK_ECHO, number};
    int result = send_marked(t, t->ask, size, mark);
    ssize_t came;

    if (result < 0)
        return result;
    came = enl_receive(t->answer, t->in, t->room, soon());
    if (came < 0)
        return (int)came;
    return (size_t)came == size && is_message(t->in, size, mark) ? 0 : -EBADMSG;
}

/* Messages of several sizes, there and back, every byte compared; the last is the largest. */
static int exchange(struct traveller *t)
{
    static const size_t sizes[] = {sizeof(struct mark), TOUR_SMALL, 4096, TOUR_LARGE};
    bool fixed = (t->caps.can & ENL_CAN_FIXED_SIZE) != 0;
    uint32_t number = 0;

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0] && sizes[i] < t->room && !fixed; i++) {
        int result = go_and_return(t, sizes[i], number++);

        if (result < 0)
            return result;
    }
    t->visit->largest = t->room;
    return go_and_return(t, t->room, number);
}

/* The size for small messages: where there is but one, that one. */
static size_t small_size(const struct traveller *t)
{
    return t->room < TOUR_SMALL ? t->room : TOUR_SMALL;
}

static size_t large_size(const struct traveller *t)
{
    return t->room < TOUR_LARGE ? t->room : TOUR_LARGE;
}

static int measure_round_trip(struct traveller *t)
{
    int64_t start = now_ns(), end;
    uint32_t rounds = 0;

    do {
        int result = go_and_return(t, small_size(t), rounds++);

        if (result < 0)
            return result;
        end = now_ns();
    } while (end - start < t->visit->slice_ns || rounds < ROUNDS_LEAST);
    t->visit->round_trip_ns = (double)(end - start) / rounds;
    return 0;
}

/* Asks how many came, of those that were sent, and waits for the answer. */
static int tally(struct traveller *t, size_t size, uint32_t sent)
{
    struct mark mark = {TASK_TALLY, sent};
    int result = send_marked(t, t->ask, size, mark);
    ssize_t came;

    if (result < 0)
        return result;
    came = enl_receive(t->answer, t->in, t->room, soon());
    if (came < 0)
        return (int)came;
    return (size_t)came == size && is_message(t->in, size, mark) ? 0 : -EBADMSG;
}

/* One way, as many messages of a size as go through in a slice; all of them must have arrived. */
static int measure_flood(struct traveller *t, size_t size, double *ret_a_second)
{
    struct mark mark = {TASK_COUNT, 0};
    int64_t start, end;
    int result;

    write_message(t->out, size, mark);
    start = now_ns();
    do {
        ssize_t sent;

        (void)memcpy(t->out, &mark, sizeof mark);
        sent = enl_send(t->ask, t->out, size, soon());
        if (sent < 0)
            return (int)sent;
        mark.number++;
        /* The clock is not free either. */
        end = size > 4096 || mark.number % 16 == 0 ? now_ns() : start;
    } while (end - start < t->visit->slice_ns);
    result = tally(t, size, mark.number);
    if (result == 0)
        *ret_a_second = mark.number * 1e9 / (double)(now_ns() - start);
    return result;
}

static int measure(struct traveller *t)
{
    struct tour_visit *v = t->visit;
    double a_second = 0;
    int result = measure_round_trip(t);

    /* Where a full mechanism drops or merges messages, a flood would measure nothing. */
    if (result == 0 && (t->caps.can & ENL_CAN_LOSSLESS) != 0)
        result = measure_flood(t, small_size(t), &v->messages_a_second);
    if (result == 0 && (t->caps.can & ENL_CAN_LOSSLESS) != 0) {
        result = measure_flood(t, large_size(t), &a_second);
        v->bytes_a_second = a_second * (double)large_size(t);
    }
    return result;
}

static int travel(struct traveller *t)
{
    struct mark end = {TASK_END, 0};
    int result = join(t, false);

    if (result == 0) {
        stop_guard(t->ask);
        stop_release();
        result = exchange(t);
    }
    if (result == 0)
        result = measure(t);
    if (result == 0)
        result = send_marked(t, t->ask, small_size(t), end);
    if (result < 0)
        (void)snprintf(t->visit->reason, sizeof t->visit->reason, "%s",
                       result == -EBADMSG ? "a message did not arrive as it was sent"
                                          : enl_error_text());
    return result;
}

/* After a failure the child may wait for what never comes. */
static void collect(pid_t child, int result)
{
    if (result < 0)
        (void)kill(child, SIGKILL);
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        continue;
}

static void leave(struct traveller *t)
{
    stop_hold();
    stop_guard(NULL);
    enl_close(t->there.link);
    enl_close(t->back.link);
    if (t->visit->met == ENL_MEET_OPEN) {
        (void)enl_unlink(t->there.address);
        (void)enl_unlink(t->back.address);
    }
}

/* What has to be there before there are two processes: both ends of a pair, a port, or who takes signals. */
static int prepare_road(struct traveller *t, struct road *r)
{
    char address[ENL_ADDRESS_MAX];
    int result;

    if (t->visit->met == ENL_MEET_PAIR)
        return enl_pair(r->address, r->ends);
    if (r->personal)
        return enl_open(r->address, ENL_READ, &r->early);
    if (!r->numbered)
        return 0;
    result = t->visit->met == ENL_MEET_LISTEN
                 ? enl_listen(r->address, &r->early)
                 : enl_open(r->address, receiving(t) | ENL_CREATE, &r->early);
    if (result == 0)
        result = enl_link_address(r->early, address, sizeof address);
    if (result == 0)
        (void)snprintf(r->address, sizeof r->address, "%s%s", address, t->visit->options);
    return result;
}

static void abandon_road(struct road *r)
{
    enl_close(r->ends[0]);
    enl_close(r->ends[1]);
    enl_close(r->early);
}

static int prepare(struct traveller *t)
{
    int result = prepare_road(t, &t->there);

    if (result == 0 && !duplex(t))
        result = prepare_road(t, &t->back);
    if (result < 0) {
        abandon_road(&t->there);
        abandon_road(&t->back);
    }
    return result;
}

static enum tour_outcome failed(struct tour_visit *v, const char *reason)
{
    (void)snprintf(v->reason, sizeof v->reason, "%s", reason);
    return TOUR_FAILED;
}

static enum tour_outcome go(struct traveller *t)
{
    pid_t child;
    int result;

    if (prepare(t) < 0)
        return failed(t->visit, enl_error_text());
    /* What is in stdio's buffer belongs to the parent. */
    (void)fflush(stdout);
    child = fork();
    if (child == 0)
        be_child(t);
    if (child < 0) {
        abandon_road(&t->there);
        abandon_road(&t->back);
        return failed(t->visit, "cannot fork");
    }
    t->peer = child;
    result = travel(t);
    leave(t);
    collect(child, result);
    return result < 0 ? TOUR_FAILED : TOUR_DONE;
}

static void write_title(struct tour_visit *v)
{
    const char *syntax = v->mechanism->syntax;

    if (v->met == ENL_MEET_PAIR)
        (void)snprintf(v->title, sizeof v->title, "%s:%s", v->mechanism->scheme, v->options);
    else
        (void)snprintf(v->title, sizeof v->title, "%.*s%s", (int)strcspn(syntax, ", "), syntax,
                       v->options);
}

enum tour_outcome tour_visit(struct tour_visit *v)
{
    struct traveller t = {.visit = v};
    enum tour_outcome outcome;
    int result = choose_meeting(&t);

    write_title(v);
    if (result < 0)
        return failed(v, enl_error_text());
    if (v->met == 0) {
        (void)snprintf(v->reason, sizeof v->reason, "%s",
                       t.caps.meet == ENL_MEET_ADOPT
                           ? "needs a descriptor that is open already, of any of the others"
                           : "two processes cannot meet here by themselves");
        return TOUR_SKIPPED;
    }
    if (t.caps.largest_message < sizeof(struct mark)) {
        (void)snprintf(v->reason, sizeof v->reason,
                       "has messages of %d bytes here, too few for the tour",
                       (int)t.caps.largest_message);
        return TOUR_SKIPPED;
    }
    t.room = t.caps.largest_message < TOUR_MOST ? (size_t)t.caps.largest_message : TOUR_MOST;
    t.out = malloc(t.room);
    t.in = malloc(t.room);
    outcome = t.out == NULL || t.in == NULL ? failed(v, "out of memory") : go(&t);
    free(t.out);
    free(t.in);
    return outcome;
}
