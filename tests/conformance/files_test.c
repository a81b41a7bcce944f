/* SPDX-License-Identifier: MIT */
/* A part of a file is sent as one message, whatever way its bytes take, and the file is left as it
 * was. */
#include "suite.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BEFORE = 333, AFTER = 77 };

/* A file that holds message `number` of size bytes at offset BEFORE, and more behind it. */
static int file_with(size_t size, unsigned number)
{
    unsigned char *content = calloc(1, BEFORE + size + AFTER);
    int fd = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    CHECK(content != NULL);
    CHECK_OK(fd);
    fill(content + BEFORE, size, 0, number);
    CHECK_EQ(write(fd, content, BEFORE + size + AFTER), BEFORE + size + AFTER);
    CHECK_EQ(lseek(fd, 5, SEEK_SET), 5);
    free(content);
    return fd;
}

struct sent_file {
    struct rig *r;
    size_t size;
    unsigned number;
};

static void receive_file(void *argument)
{
    struct sent_file *f = argument;

    receive_numbered(f->r->receiver, f->size, 0, f->number);
}

static void send_one_file(struct rig *r, size_t size, unsigned number)
{
    struct sent_file f = {r, size, number};
    int fd = file_with(size, number);
    struct stat status;
    struct task receiver;

    task_start(&receiver, receive_file, &f);
    CHECK_EQ(enl_send_file(r->sender, fd, BEFORE, size, test_until()), size);
    CHECK_OK(enl_flush(r->sender, test_until()));
    task_join(&receiver);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 5);
    CHECK_EQ(fstat(fd, &status), 0);
    CHECK_EQ(status.st_size, BEFORE + size + AFTER);
    CHECK_EQ(close(fd), 0);
}

static void file_arrives_as_one_message(struct rig *r)
{
    static const size_t sizes[] = {1, 8, 64, 4091, 4092, 4096, 4097, 65536, 65537, 300000, 1048576};
    size_t last = 0;

    for (unsigned i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        size_t size = size_near(r, sizes[i]);
        if (size == last)
            break;
        send_one_file(r, size, i);
        last = size;
    }
    if (size_largest(r) <= 2 * 1048576)
        send_one_file(r, size_largest(r), 99);
    check_works(r, 1);
}

static void file_and_messages_keep_their_order(struct rig *r)
{
    size_t size = size_near(r, 5000);
    int fd = file_with(size, 1);

    send_numbered(r->sender, size_near(r, 64), 0, 0);
    CHECK_EQ(enl_send_file(r->sender, fd, BEFORE, size, test_until()), size);
    send_numbered(r->sender, size_near(r, 64), 0, 2);
    CHECK_OK(enl_flush(r->sender, test_until()));
    receive_numbered(r->receiver, size_near(r, 64), 0, 0);
    receive_numbered(r->receiver, size, 0, 1);
    receive_numbered(r->receiver, size_near(r, 64), 0, 2);
    CHECK_EQ(close(fd), 0);
}

enum { FILES = 40 };

static void receive_files(void *argument)
{
    struct sent_file *f = argument;

    rig_close_sender(f->r);
    for (unsigned i = 0; i < FILES; i++)
        receive_file(f);
    rig_close_receiver(f->r);
}

static void many_files_pass_through_a_full_link(struct rig *r)
{
    struct sent_file f = {r, size_near(r, 20000), 7};
    int fd = file_with(f.size, f.number);
    pid_t child = test_child(receive_files, &f);

    rig_close_receiver(r);
    for (unsigned i = 0; i < FILES; i++)
        CHECK_EQ(enl_send_file(r->sender, fd, BEFORE, f.size, test_until()), f.size);
    CHECK_OK(enl_flush(r->sender, test_until()));
    test_join(child);
    CHECK_EQ(close(fd), 0);
}

static void file_that_cannot_be_sent_costs_nothing(struct rig *r)
{
    size_t size = size_near(r, 1000);
    int fd = file_with(size, 0), write_only, directory;

    CHECK_EQ(enl_send_file(r->sender, fd, BEFORE + AFTER + 1, size, ENL_NOW), -EINVAL);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(enl_send_file(r->sender, fd, 1 << 30, size, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_send_file(r->sender, fd, -1, size, ENL_NOW), -EINVAL);
    CHECK_EQ(enl_send_file(r->sender, -1, 0, size, ENL_NOW), -EBADF);
    CHECK_OK(write_only = open(test_dir(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
    CHECK_EQ(ftruncate(write_only, 5000), 0);
    CHECK(enl_send_file(r->sender, write_only, 0, size, ENL_NOW) < 0);
    CHECK_OK(directory = open(test_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    CHECK(enl_send_file(r->sender, directory, 0, size, ENL_NOW) < 0);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(close(directory), 0);
    CHECK_EQ(close(write_only), 0);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
    check_works(r, 1);
}

static void file_too_large_is_refused_whole(struct rig *r)
{
    size_t size = size_largest(r);
    int fd;

    if (r->caps.largest_message != size)
        return; /* more than any test can hold, or no bound at all */
    fd = file_with(size, 0);
    CHECK_EQ(enl_send_file(r->sender, fd, 0, size + 1, test_until()), -EMSGSIZE);
    CHECK(enl_error_text()[0] != '\0');
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
    check_works(r, 1);
}

/* ---- large files, which go without copying where the mechanism can --------------------------- */

enum { LARGE = 300000 };

static void large_file_keeps_its_deadline(struct rig *r)
{
    size_t size = size_near(r, LARGE), small = size_near(r, CALL_SEND_SIZE);
    int fd = file_with(size, 0);
    unsigned count = fill_up(r, small);
    enl_deadline until;

    /* a first part of it may find room where a small message did not; then the rest waits in the
     * link */
    ssize_t sent = enl_send_file(r->sender, fd, BEFORE, size, ENL_NOW);
    CHECK(sent == -EAGAIN || sent == (ssize_t)size);
    CHECK_EQ(enl_send_file(r->sender, fd, BEFORE, size, ENL_NOW), -EAGAIN);
    until = enl_in_ms(10);
    CHECK_EQ(enl_send_file(r->sender, fd, BEFORE, size, until), -ETIMEDOUT);
    CHECK(now_ns() >= until);
    empty_out(r, small, 0, count);
    if (sent >= 0)
        empty_out(r, size, 0, 1);
    CHECK_EQ(enl_receive(r->receiver, &(char){0}, 1, ENL_NOW), -EAGAIN);
    CHECK_EQ(close(fd), 0);
    send_one_file(r, size, 3);
}

static void file_to_nobody_raises_no_signal(struct rig *r)
{
    size_t size = size_near(r, LARGE);
    int fd = file_with(size, 0);
    ssize_t sent;

    (void)signal(SIGPIPE, SIG_DFL);
    rig_close_receiver(r);
    do {
        sent = enl_send_file(r->sender, fd, BEFORE, size, test_until());
        if (sent >= 0)
            sent = enl_flush(r->sender, test_until());
    } while (sent >= 0);
    CHECK_EQ(sent, -EPIPE);
    CHECK_EQ(close(fd), 0);
}

struct leaver {
    struct rig *r;
    int64_t after_ns;
};

static void leave_soon(void *argument)
{
    struct leaver *l = argument;

    spin_for_ns(l->after_ns);
    rig_close_receiver(l->r);
}

/* The receiver leaves between two pieces of a file, which the kernel moves in one call. */
static void receiver_that_leaves_within_a_file_raises_no_signal(struct rig *r)
{
    struct enl_settings settings = {.set = ENL_SET_CAPACITY, .capacity = 4 << 20};
    size_t size = size_near(r, 1 << 20);
    int fd = file_with(size, 1);
    uint32_t seed = (uint32_t)now_ns();

    (void)signal(SIGPIPE, SIG_DFL);
    for (unsigned i = 0; i < rounds(60); i++) {
        struct leaver leaver = {r, random_next(&seed) % 400000};
        struct task task;
        rig_meet(r);
        (void)enl_link_set(r->sender, &settings); /* with much room no piece has to wait */
        task_start(&task, leave_soon, &leaver);
        ssize_t sent;
        do
            sent = enl_send_file(r->sender, fd, BEFORE, size, test_until());
        while (sent >= 0);
        CHECK(sent == -EPIPE || sent == -ECONNRESET);
        task_join(&task);
        rig_close(r);
    }
    CHECK_EQ(close(fd), 0);
}

static void ignore_signal(int number)
{
    (void)number;
}

static void files_pass_through_signals(struct rig *r)
{
    struct sent_file f = {r, size_near(r, LARGE), 7};
    int fd = file_with(f.size, f.number);
    pid_t child = test_child(receive_files, &f);

    rig_close_receiver(r);
    for (unsigned i = 0; i < FILES; i++) {
        alarm_start(ignore_signal, i % 2 == 0 ? SA_RESTART : 0, 150);
        CHECK_EQ(enl_send_file(r->sender, fd, BEFORE, f.size,
                               i < FILES / 2 ? ENL_FOREVER : test_until()),
                 f.size);
    }
    CHECK_OK(enl_flush(r->sender, test_until()));
    alarm_stop();
    test_join(child);
    CHECK_EQ(close(fd), 0);
}

struct thunder {
    struct enl_link *link;
    atomic_bool over;
};

static void interrupt_often(void *argument)
{
    struct thunder *t = argument;
    uint32_t seed = 5;

    while (!atomic_load_explicit(&t->over, memory_order_acquire)) {
        CHECK_EQ(enl_interrupt(t->link), 0);
        spin_for_ns(random_next(&seed) % 200000);
    }
}

static void interrupts_lose_and_double_no_file(struct rig *r)
{
    struct sent_file f = {r, size_near(r, LARGE), 7};
    int fd = file_with(f.size, f.number);
    struct thunder t = {.link = r->sender};
    pid_t child = test_child(receive_files, &f);
    struct task task;
    long result = 0;

    rig_close_receiver(r);
    task_start(&task, interrupt_often, &t);
    for (unsigned sent = 0; sent < FILES || result == -ECANCELED; sent += result > 0) {
        result = sent < FILES ? enl_send_file(r->sender, fd, BEFORE, f.size, ENL_FOREVER)
                              : enl_flush(r->sender, ENL_FOREVER);
        if (result == -ECANCELED)
            enl_interrupt_clear(r->sender);
        else
            CHECK_OK(result);
    }
    atomic_store_explicit(&t.over, true, memory_order_release);
    task_join(&task);
    enl_interrupt_clear(r->sender);
    CHECK_OK(enl_flush(r->sender, test_until()));
    test_join(child);
    CHECK_EQ(close(fd), 0);
}

static const struct suite_case cases[] = {
    CASE(large_file_keeps_its_deadline, .needs = ENL_CAN_LOSSLESS),
    CASE(file_to_nobody_raises_no_signal, .needs = ENL_CAN_BROKEN),
    CASE(receiver_that_leaves_within_a_file_raises_no_signal,
         .needs = ENL_CAN_BROKEN | ENL_CAN_LOSSLESS, .bare = true, .stress = true),
    CASE(files_pass_through_signals, .needs = ENL_CAN_LOSSLESS, .stress = true),
    CASE(interrupts_lose_and_double_no_file, .needs = ENL_CAN_LOSSLESS | ENL_CAN_BOUNDARIES,
         .stress = true),
    CASE(file_arrives_as_one_message),
    CASE(file_and_messages_keep_their_order, .lacks = ENL_CAN_MERGE),
    CASE(many_files_pass_through_a_full_link, .needs = ENL_CAN_LOSSLESS),
    CASE(file_that_cannot_be_sent_costs_nothing),
    CASE(file_too_large_is_refused_whole, .needs = ENL_CAN_BOUNDARIES),
};
SUITE(cases)
