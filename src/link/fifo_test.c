/* SPDX-License-Identifier: MIT */
/* fifo: a writer that comes, writes and leaves while a reader looks for one. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#define VISITS 4000

struct visits {
    char path[200];
    atomic_uint wanted, done;
    atomic_bool over;
};

/* On the bare calls, which are quicker than the reader: it opens, writes a line and closes. */
static void visit(void *argument)
{
    struct visits *v = argument;

    for (unsigned i = 1;; i++) {
        int fd;

        for (unsigned look = 1; atomic_load(&v->wanted) < i; look++) {
            if (atomic_load(&v->over))
                return;
            if (look % 1000 == 0) /* the reader may have no other CPU */
                (void)sched_yield();
        }
        for (unsigned wait = i * 7919 % 3000; wait > 0; wait--)
            atomic_signal_fence(memory_order_seq_cst);
        fd = open(v->path, O_WRONLY | O_CLOEXEC);
        CHECK(fd >= 0);
        CHECK_EQ(write(fd, "here\n", 5), 5);
        CHECK_EQ(close(fd), 0);
        atomic_store(&v->done, i);
    }
}

/* A reader that finds no writer, and then the end of one, has to look again for what it wrote. */
TEST(a_short_visit_of_a_writer_is_not_missed, .stress = true, .deadline_s = 60)
{
    struct visits *v = test_shared(sizeof *v);
    char address[300], text[16];
    pid_t visitor;

    (void)snprintf(v->path, sizeof v->path, "%s/fifo", test_dir());
    (void)snprintf(address, sizeof address, "fifo:%s?frame=line", v->path);
    visitor = test_child(visit, v);
    for (unsigned i = 1; i <= VISITS && test_has_time(); i++) {
        struct enl_link *reader;
        unsigned look = 0;
        ssize_t size;

        CHECK_OK(enl_open(address, ENL_READ | ENL_CREATE, &reader));
        atomic_store(&v->wanted, i);
        do {
            size = enl_receive(reader, text, sizeof text, ENL_NOW);
            if (++look % 1000 == 0)
                (void)sched_yield();
        } while (size == -EAGAIN);
        CHECK_EQ(size, 4);
        while (atomic_load(&v->done) < i)
            (void)sched_yield();
        enl_close(reader);
    }
    atomic_store(&v->over, true);
    test_join(visitor);
    CHECK_OK(enl_unlink(address));
}
