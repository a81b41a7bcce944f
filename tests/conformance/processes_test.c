/* SPDX-License-Identifier: MIT */
/* Links across fork and exec: ends go to children, children disturb nobody, programs inherit
 * nothing. */
#include "suite.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { COUNT = 200 };

/* ---- fork ------------------------------------------------------------------------------------ */

static void send_count(void *argument)
{
    struct rig *r = argument;

    rig_close_receiver(r);
    for (unsigned i = 0; i < COUNT; i++)
        send_numbered(r->sender, size_near(r, 8 + i), 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
    rig_leave(r);
}

static void receive_count(void *argument)
{
    struct rig *r = argument;

    rig_close_sender(r);
    for (unsigned i = 0; i < COUNT; i++)
        receive_numbered(r->receiver, size_near(r, 8 + i), 0, i);
    rig_close_receiver(r);
}

static void child_sends_to_parent(struct rig *r)
{
    pid_t child = test_child(send_count, r);

    receive_count(r);
    test_join(child);
}

static void parent_sends_to_child(struct rig *r)
{
    pid_t child = test_child(receive_count, r);

    rig_close_receiver(r);
    for (unsigned i = 0; i < COUNT; i++)
        send_numbered(r->sender, size_near(r, 8 + i), 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
    test_join(child);
}

static void children_talk_to_each_other(struct rig *r)
{
    pid_t receiver = test_child(receive_count, r);
    pid_t sender = test_child(send_count, r);

    rig_close_sender(r);
    rig_close_receiver(r);
    test_join(sender);
    test_join(receiver);
}

static void close_all(void *argument)
{
    rig_close_sender(argument);
    rig_close_receiver(argument);
    enl_close(((struct rig *)argument)->listener);
}

static void child_that_closes_disturbs_nobody(struct rig *r)
{
    struct enl_link *more;

    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_OK(enl_flush(r->sender, test_until()));
    test_join(test_child(close_all, r));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    check_works(r, 1);
    if (rig_way(r) == ENL_MEET_PAIR)
        return;
    rig_open_sender(r, &more); /* the name is still there */
    enl_close(more);
}

static void child_that_exits_disturbs_nobody(struct rig *r)
{
    pid_t child = fork();

    CHECK(child >= 0);
    if (child == 0)
        _exit(0);
    CHECK_EQ(waitpid(child, NULL, 0), child);
    check_works(r, 0);
}

/* What the parent had not flushed, or had read ahead, is the parent's alone. */
static void child_has_nothing_of_what_parent_holds(struct rig *r)
{
    unsigned char byte;

    for (unsigned i = 0; i < 3; i++)
        send_numbered(r->sender, size_near(r, 64), 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    send_numbered(r->sender, size_near(r, 64), 0, 3);
    test_join(test_child(close_all, r));
    CHECK_OK(enl_flush(r->sender, test_until()));
    for (unsigned i = 1; i < 4; i++)
        receive_numbered(r->receiver, size_near(r, 64), 0, i);
    CHECK_EQ(enl_receive(r->receiver, &byte, 1, ENL_NOW), -EAGAIN);
}

struct heir {
    struct rig *r;
    atomic_uint *first, *next; /* the numbers that it received: [first, next) */
};

/* What the parent has read ahead is not here; what the kernel has may be. A mechanism whose links belong to one
 * process alone says so. */
static void receive_as_heir(void *argument)
{
    struct heir *h = argument;
    unsigned char buffer[512];
    struct enl_message m;
    ssize_t nothing = -EAGAIN;

    for (;;) {
        ssize_t got = enl_receive(h->r->receiver, buffer, sizeof(buffer), ENL_NOW);
        if (got == -EAGAIN)
            break;
        if (got == -EBADF && atomic_load(h->next) == 0) {
            nothing = -EBADF;
            CHECK_CONTAINS(enl_error_text(), "forked");
            break;
        }
        unsigned sender, number;
        CHECK_EQ(got, size_near(h->r, 300));
        check_whole(buffer, (size_t)got, &sender, &number);
        /* the first is the parent's; so is the one that did not fit, or it has stayed where it was */
        if (atomic_load(h->next) == 0)
            atomic_store(h->first, number);
        CHECK(atomic_load(h->next) == 0 ? number == 1 || number == 2
                                        : number == atomic_load(h->next));
        atomic_store(h->next, number + 1);
    }
    if (!rig_is_network(h->r)) { /* there one may come yet */
        CHECK_EQ(enl_take(h->r->receiver, NULL, ENL_NOW, &m), nothing);
        CHECK_EQ(enl_link_events(h->r->receiver) & ENL_READABLE, 0);
    }
    close_all(h->r);
}

static void each_message_is_the_parents_or_the_childs(struct rig *r)
{
    struct heir h = {r, test_shared(sizeof(*h.first)), test_shared(sizeof(*h.next))};
    size_t size = size_near(r, 300);

    for (unsigned i = 0; i < 5; i++)
        send_numbered(r->sender, size, 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, size, 0, 0);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, test_until()), -EMSGSIZE);
    test_join(test_child(receive_as_heir, &h));
    if (atomic_load(h.first) != 1)
        receive_numbered(r->receiver, size, 0, 1);
    for (unsigned i = atomic_load(h.next) == 0 ? 2 : atomic_load(h.next); i < 5; i++)
        receive_numbered(r->receiver, size, 0, i);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
    check_works(r, 7);
}

struct stranger {
    struct rig *r;
    struct test_gate *received;
};

static void send_as_stranger(void *argument)
{
    struct stranger *s = argument;
    struct rig *r = s->r;

    CHECK_OK(enl_open_until(r->sender_address, rig_sender_flags(r), test_until(), &r->sender));
    for (unsigned i = 0; i < COUNT; i++)
        send_numbered(r->sender, size_near(r, 8 + i), 0, i);
    CHECK_OK(enl_flush(r->sender, test_until()));
    test_gate_wait(s->received);
    rig_close_sender(r);
}

static void strangers_meet_by_address(struct rig *r)
{
    struct stranger s = {r, test_gate_new()};
    pid_t child = test_child(send_as_stranger, &s);

    if (rig_way(r) == ENL_MEET_LISTEN) {
        CHECK_OK(enl_listen(r->address, &r->listener));
        CHECK_OK(enl_accept(r->listener, test_until(), &r->receiver));
    } else {
        CHECK_OK(enl_open(r->address, rig_receiver_flags(r), &r->receiver));
    }
    for (unsigned i = 0; i < COUNT; i++)
        receive_numbered(r->receiver, size_near(r, 8 + i), 0, i);
    test_gate_open(s.received);
    test_join(child);
}

/* ---- exec ------------------------------------------------------------------------------------ */

/* Held while a name is chosen: a port that is being tried must not live on in a child. */
static pthread_mutex_t naming = PTHREAD_MUTEX_INITIALIZER;

/* The descriptors that a program finds open, as text. */
static void list_after_exec(char *ret_list, size_t size)
{
    int out[2];
    size_t used = 0;
    ssize_t got;

    CHECK_EQ(pipe2(out, O_CLOEXEC), 0);
    (void)pthread_mutex_lock(&naming);
    pid_t child = fork();
    (void)pthread_mutex_unlock(&naming);
    CHECK(child >= 0);
    if (child == 0) {
        (void)dup2(out[1], STDOUT_FILENO);
        (void)execl("/bin/sh", "sh", "-c", "echo /proc/self/fd/*", (char *)NULL);
        _exit(127);
    }
    CHECK_EQ(close(out[1]), 0);
    while ((got = read(out[0], ret_list + used, size - 1 - used)) > 0)
        used += (size_t)got;
    ret_list[used] = '\0';
    CHECK_EQ(close(out[0]), 0);
    CHECK_EQ(waitpid(child, &(int){0}, 0), child);
    CHECK_CONTAINS(ret_list, "/fd/0");
}

/* Everything that a link opens late is opened. */
static void use_all(struct rig *r)
{
    struct enl_message m;

    check_works(r, 0);
    if (rig_can(r, ENL_CAN_POLL)) {
        CHECK_OK(enl_link_fd(r->receiver));
        CHECK_OK(enl_link_fd(r->sender));
        CHECK_OK(enl_link_want(r->sender, ENL_WRITABLE));
    }
    send_numbered(r->sender, size_near(r, 64), 0, 1);
    CHECK_OK(enl_flush(r->sender, test_until()));
    CHECK_OK(enl_take(r->receiver, NULL, test_until(), &m));
    CHECK_OK(enl_release(&m));
    CHECK_EQ(enl_interrupt(r->receiver), 0);
    enl_interrupt_clear(r->receiver);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, enl_in_ms(1)), -ETIMEDOUT);
}

static void program_inherits_no_descriptor(struct rig *r)
{
    char before[1024], after[1024];

    list_after_exec(before, sizeof(before));
    rig_meet(r);
    use_all(r);
    list_after_exec(after, sizeof(after));
    CHECK_STR(after, before);
}

/* Closing waits until no program is about to be executed: it would still hold what its parent holds, and a queue
 * of relatives is removed by the last of them to close it, or never. */
struct opener {
    struct rig *r;
    bool refused;
    pthread_mutex_t closing;
    atomic_bool stop;
};

/* Signals, which interrupt any thread that does not block them, are not received beside such threads. */
static void try_beside_a_thread(void *argument)
{
    struct opener *o = argument;
    struct enl_link *link;

    if (rig_way(o->r) != ENL_MEET_OPEN)
        return;
    int result = enl_open(o->r->address, rig_receiver_flags(o->r), &link);
    o->refused = result == -EBUSY;
    if (result < 0)
        return;
    enl_close(link);
    (void)enl_unlink(o->r->address);
}

static void meet_again_and_again(void *argument)
{
    struct opener *o = argument;

    /* each time by another name: a program that is about to start holds the last one */
    for (unsigned i = 0; !atomic_load_explicit(&o->stop, memory_order_relaxed); i++) {
        (void)pthread_mutex_lock(&naming);
        rig_move(o->r, test_dir());
        rig_number(o->r, i);
        (void)pthread_mutex_unlock(&naming);
        rig_meet(o->r);
        use_all(o->r);
        CHECK_EQ(pthread_mutex_lock(&o->closing), 0);
        rig_close(o->r);
        CHECK_EQ(pthread_mutex_unlock(&o->closing), 0);
    }
}

/* Another thread runs a program while links come to be: there is no moment without CLOEXEC. */
static void program_started_meanwhile_inherits_nothing(struct rig *r)
{
    struct opener o = {.r = r, .closing = PTHREAD_MUTEX_INITIALIZER};
    char before[1024], after[1024];
    struct task task;

    task_start(&task, try_beside_a_thread, &o);
    task_join(&task);
    if (o.refused)
        return;
    list_after_exec(before, sizeof(before));
    task_start(&task, meet_again_and_again, &o);
    for (unsigned i = 0; i < rounds(15); i++) {
        CHECK_EQ(pthread_mutex_lock(&o.closing), 0);
        list_after_exec(after, sizeof(after));
        CHECK_EQ(pthread_mutex_unlock(&o.closing), 0);
        for (const char *c = after; (c = strstr(c, "/fd/")) != NULL; c += 4) {
            char one[32];
            snprintf(one, sizeof(one), "/fd/%d", atoi(c + 4));
            CHECK_CONTAINS(before, one);
        }
    }
    atomic_store(&o.stop, true);
    task_join(&task);
}

static const struct suite_case cases[] = {
    CASE(child_sends_to_parent, .needs = ENL_CAN_LOSSLESS),
    CASE(parent_sends_to_child, .needs = ENL_CAN_LOSSLESS),
    CASE(children_talk_to_each_other, .needs = ENL_CAN_LOSSLESS),
    CASE(child_that_closes_disturbs_nobody),
    CASE(child_that_exits_disturbs_nobody),
    CASE(child_has_nothing_of_what_parent_holds, .lacks = ENL_CAN_MERGE),
    CASE(each_message_is_the_parents_or_the_childs, .needs = ENL_CAN_BOUNDARIES,
         .lacks = ENL_CAN_MERGE),
    CASE(strangers_meet_by_address, .needs = ENL_CAN_LOSSLESS,
         .meet = ENL_MEET_OPEN | ENL_MEET_LISTEN, .bare = true, .stress = true),
    CASE(program_inherits_no_descriptor, .bare = true),
    CASE(program_started_meanwhile_inherits_nothing, .bare = true, .stress = true),
};
SUITE(cases)
