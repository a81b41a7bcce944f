/* SPDX-License-Identifier: MIT */
/* A part of a file is sent as one message, whatever way its bytes take, and the file is left as it was. */
#include "suite.h"

#include <fcntl.h>
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

static const struct suite_case cases[] = {
    CASE(file_arrives_as_one_message),
    CASE(file_and_messages_keep_their_order),
    CASE(many_files_pass_through_a_full_link, .needs = ENL_CAN_LOSSLESS),
    CASE(file_that_cannot_be_sent_costs_nothing),
    CASE(file_too_large_is_refused_whole, .needs = ENL_CAN_BOUNDARIES),
};
SUITE(cases)
