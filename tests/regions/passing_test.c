/* SPDX-License-Identifier: MIT */
/* Memory without a name gets to other processes: over links, as a child's descriptor, by fork. */
#include "runner/test.h"

#include <enlace/enlace.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define BOTH (ENL_READ | ENL_WRITE)

__attribute__((constructor)) static void explain(void)
{
    test_explain = enl_error_text;
}

struct numbers {
    uint32_t asked, answered;
};

static const struct enl_field fields[] = {
    ENL_FIELD(struct numbers, asked),
    ENL_FIELD(struct numbers, answered),
};

static const struct enl_layout layout = {.name = "numbers",
                                         .size = sizeof(struct numbers),
                                         .field_count = 2,
                                         .fields = fields};

/* ---- over a link -------------------------------------------------------------------------------------------- */

static void receive_and_answer(void *argument)
{
    struct enl_link *in = argument;
    char text[8];
    int fds[1];
    struct enl_message m = {.data = text, .capacity = sizeof text, .fds = fds, .fd_capacity = 1};
    struct enl_region *r;
    struct numbers *n;

    CHECK_EQ(enl_receive_message(in, NULL, test_until(), &m), 4);
    CHECK_EQ(m.fd_count, 1);
    CHECK_OK(enl_region_adopt(fds[0], "fd:", BOTH, &layout, &r));
    CHECK_EQ(enl_region_users(r, NULL, 0), 2);
    n = enl_region_data(r);
    n->answered = n->asked + 1;
    enl_region_close(r);
    CHECK_EQ(enl_send(in, "done", 4, test_until()), 4);
    enl_close(in);
}

TEST(a_region_is_passed_over_a_link)
{
    struct enl_link *ends[2];
    struct enl_region *r;
    struct numbers *n;
    struct enl_message m;
    char text[8];
    int fd;
    pid_t child;

    CHECK_OK(enl_pair("unix:?fds=1", ends));
    child = test_child(receive_and_answer, ends[1]);
    enl_close(ends[1]);
    CHECK_OK(enl_region_open("memfd:numbers", BOTH, &layout, &r)); /* made after the fork */
    n = enl_region_data(r);
    n->asked = 41;
    fd = enl_region_fd(r);
    strcpy(text, "take");
    m = (struct enl_message){.data = text, .size = 4, .fds = &fd, .fd_count = 1};
    CHECK_EQ(enl_send_message(ends[0], &m, test_until()), 4);
    CHECK_EQ(enl_receive(ends[0], text, sizeof text, test_until()), 4);
    CHECK_EQ(n->answered, 42);
    CHECK_EQ(enl_region_users(r, NULL, 0), 1);
    enl_close(ends[0]);
    test_join(child);
    enl_region_close(r);
}

/* ---- to children -------------------------------------------------------------------------------------------- */

static int answer_at_seven(void *argument)
{
    struct enl_region *r;
    struct numbers *n;

    (void)argument;
    if (enl_region_open("fd:7", BOTH, &layout, &r) < 0)
        return 1;
    n = enl_region_data(r);
    n->answered = n->asked + 1;
    if (enl_region_users(r, NULL, 0) != 2)
        return 2;
    enl_region_close(r);
    return 0;
}

static void finish(struct enl_child *child)
{
    struct enl_status status;

    CHECK_OK(enl_child_wait(child, test_until(), &status));
    CHECK_EQ(status.change, ENL_EXITED);
    CHECK_EQ(status.number, 0);
    enl_child_close(child);
}

TEST(a_region_is_given_to_a_forked_child_by_its_number)
{
    struct enl_region *r;
    struct enl_child *child;
    struct numbers *n;

    CHECK_OK(enl_region_open("memfd:numbers", BOTH, &layout, &r));
    n = enl_region_data(r);
    n->asked = 1;
    CHECK_OK(enl_fork(&(struct enl_fork){.run = answer_at_seven,
                                         .give = &(struct enl_give){.fd = 7,
                                                                    .from_fd = enl_region_fd(r)},
                                         .give_count = 1},
                      &child));
    finish(child);
    CHECK_EQ(n->answered, 2);
    CHECK_EQ(enl_region_users(r, NULL, 0), 1);
    enl_region_close(r);
}

TEST(a_program_that_knows_nothing_of_it_reads_and_writes_a_region_it_was_given)
{
    const char *const words[] = {"sh", "-c",
                                 "read word <&7 && test \"$word\" = asked && printf answered >&7",
                                 NULL};
    struct enl_region *r;
    struct enl_child *child;

    CHECK_OK(enl_region_open("memfd:?size=4096", BOTH, NULL, &r));
    memcpy(enl_region_data(r), "asked\n", 6);
    CHECK_OK(enl_spawn(&(struct enl_spawn){.argv = words,
                                           .give = &(struct enl_give){.fd = 7,
                                                                      .from_fd = enl_region_fd(r)},
                                           .give_count = 1},
                       &child));
    finish(child);
    CHECK_MEM((char *)enl_region_data(r) + 6, "answered", 8); /* the position is shared */
    enl_region_close(r);
}

/* ---- by fork ------------------------------------------------------------------------------------------------ */

static void add_many(void *argument)
{
    struct numbers *n = enl_region_data(argument);

    for (int i = 0; i < 10000; i++)
        (void)__atomic_fetch_add(&n->answered, 1, __ATOMIC_RELAXED);
    enl_region_close(argument);
}

TEST(relatives_share_a_region_that_one_of_them_made, .stress = true)
{
    static const char *const addresses[] = {"memfd:", "svshm:", "file:numbers"};
    struct enl_region *r;
    pid_t children[4];

    for (size_t i = 0; i < 3; i++) {
        CHECK_OK(enl_region_open(addresses[i], BOTH | ENL_CREATE, &layout, &r));
        for (int c = 0; c < 4; c++)
            children[c] = test_child(add_many, r);
        for (int c = 0; c < 4; c++)
            test_join(children[c]);
        CHECK_EQ(((struct numbers *)enl_region_data(r))->answered, 40000);
        CHECK(enl_region_users(r, NULL, 0) == 1);
        enl_region_close(r);
    }
    CHECK_OK(enl_region_unlink("file:numbers"));
}
